"""The apps that are out, and protocol 2, as their phones behave.

What `docs/protocol.md` says of them, in one table: how each joins, what it answers,
and when it calls its camera. The server has its own idea of each, in
`raydel.core.apps`; that the two agree is for a test to say.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

from raydel.core.cameras import Latency
from raydel.core.instants import SECOND

Message = dict[str, Any]
"""A message as it is on the wire, read by no class of the server."""

FARTHEST: Final = 5 * SECOND
"""ms ahead of which no library and no screen of release 2 waits."""

HEARTBEAT: Final = 30 * SECOND
"""ms between two pings of an app that sends any."""

Wait = Callable[[Message, float, float], float]
"""``(start_recording, own time, offset_ms)`` to ms until the camera call.

0 is at once: in the call that brought the message, and not by a timer.
"""


def on_receipt(_: Message, _now: float, _offset: float) -> float:
    """Start at once."""
    return 0.0


def fifty_later(_: Message, _now: float, _offset: float) -> float:
    """Start once the camera is warm."""
    return 50.0


def at_server_time(start: Message, now: float, offset: float) -> float:
    """Take the field for server time; start at once if it is 0."""
    aim: float = start["atomic_start_time"]
    return clamp(aim - (now - offset)) if aim else 0.0


def at_own_time_clamped(start: Message, now: float, _: float) -> float:
    """Take the field for own time, and wait a second and a bit more."""
    aim: float = start["atomic_start_time"]
    return clamp(aim - now) + 1050.0


def at_own_time_early(start: Message, now: float, _: float) -> float:
    """Aim 5 ms before the field, in own time, and wait 100 ms more."""
    aim: float = start["atomic_start_time"] - 5.0
    return max(0.0, aim - now) + 100.0


def at_local_time(start: Message, now: float, _: float) -> float:
    """Start at the local time of protocol 2; at once if there is none."""
    aim: float = start.get("localStartTime", now)
    return max(0.0, aim - now)


def clamp(wait: float) -> float:
    """Wait neither for the past nor for too long."""
    return min(max(wait, 0.0), FARTHEST)


@dataclass(frozen=True)
class Kind:
    """How one app behaves.

    Attributes:
        label: What people call it.
        names: Of a host and of a guest.
        wait: When it starts its camera.
        camera_delay: ms from what it is told to its camera call: the table's *c*.
        code_in_path: Whether it connects to ``/sync/<code>``.
        answers: Whether it answers time-sync requests.
        readiness: What it says once its camera is ready.
        taps_through: Whether a host starts at its own tap.
        heartbeat: ms between its own pings, or None if it sends none.
        protocol: What it says in its join, if anything.
        camera: How long its camera takes to the first frame, where it reports its
            frames; None where it does not.
    """

    label: str
    names: tuple[str, str] = ("iPhone 15", "Pixel 9")
    wait: Wait = on_receipt
    camera_delay: float = 0.0
    code_in_path: bool = False
    answers: bool = False
    readiness: str | None = None
    taps_through: bool = False
    heartbeat: float | None = None
    protocol: int | None = None
    camera: Latency | None = None

    @property
    def name(self) -> str:
        """What programs call it."""
        return self.label.replace(" ", "-")

    @property
    def granularity(self) -> float:
        """Least time between two instants that it tells apart, ms; 0 is all."""
        return 0.0 if self.protocol else 1.0

    def told(self, start: Message) -> float | None:
        """Return when it is to start, in its own time; None is on receipt."""
        if self.protocol:
            return start.get("localStartTime")
        return start["atomic_start_time"] or None

    def commanded(self, start: Message) -> float | None:
        """Return what its clock is to be at its camera call; None is on receipt.

        A clock that shows whole ms is half of one past what it shows, on average.
        """
        told = self.told(start)
        if told is None:
            return None
        return told + self.camera_delay + self.granularity / 2


_EARLY_NAMES: Final = ("Device ab12", "Device cd34")
_ROLE_NAMES: Final = ("IOS-HOST-ab12", "ANDROID-JOIN-cd34")

LIBRARY_1: Final = Kind("library 1", heartbeat=HEARTBEAT)
LIBRARY_2: Final = Kind(
    "library 2", wait=at_server_time, answers=True, heartbeat=HEARTBEAT
)
SCREEN_1: Final = Kind("screen 1", _EARLY_NAMES, code_in_path=True, taps_through=True)
SCREEN_2_OLD: Final = Kind(
    "screen 2 old",
    _EARLY_NAMES,
    fifty_later,
    camera_delay=50.0,
    readiness="camera_ready",
)
SCREEN_2: Final = Kind(
    "screen 2",
    _ROLE_NAMES,
    at_own_time_clamped,
    camera_delay=1050.0,
    heartbeat=HEARTBEAT,
)
SCREEN_3: Final = Kind(
    "screen 3",
    _ROLE_NAMES,
    at_own_time_early,
    camera_delay=95.0,
    answers=True,
    readiness="device_ready",
    heartbeat=HEARTBEAT,
)
PROTOCOL_2: Final = Kind("protocol 2", wait=at_local_time, answers=True, protocol=2)

RELEASED: Final = (LIBRARY_1, LIBRARY_2, SCREEN_1, SCREEN_2_OLD, SCREEN_2, SCREEN_3)

KINDS: Final = {kind.name: kind for kind in (*RELEASED, PROTOCOL_2)}
"""By their names."""


def reporting(camera: Latency) -> Kind:
    """Return protocol 2, in an app that reports its frames.

    Args:
        camera: How long its camera takes from the call to the first of them.
    """
    return replace(PROTOCOL_2, camera=camera)
