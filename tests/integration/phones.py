"""Simulated phones of the six kinds in the field.

Each has a clock of its own and does what its app does with what it is told. It
notes the true instant of every camera call and of every end of a recording,
which no real phone could.
"""

from __future__ import annotations

import asyncio
import math
import secrets
import string
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from websockets.exceptions import WebSocketException

from tests.integration.wire import Arrival, Message, Watched, Wire, true_time

FARTHEST = 5000.0
"""ms ahead of which no library and no screen of release 2 waits."""

RETRIES = (1.0, 2.0, 4.0, 8.0, 16.0)
"""Seconds between the attempts of a library to come back."""

_LETTERS = string.ascii_uppercase + string.digits

_EPOCH = time.time() * 1000.0 - true_time()


def new_code() -> str:
    """Draw a session code, as a host's app does."""
    return "".join(secrets.choice(_LETTERS) for _ in range(6))


@dataclass(frozen=True)
class PhoneClock:
    """A phone's ``Date.now()``: whole milliseconds, and wrong by ``offset``."""

    offset: float = 0.0

    def read(self) -> int:
        """Return what the phone believes the time to be, ms since the epoch."""
        return math.floor(_EPOCH + true_time() + self.offset)


Wait = Callable[[Message, float, float], float]
"""``(start_recording, own time, offset_ms)`` to ms until the camera call."""


def on_receipt(_: Message, _now: float, _offset: float) -> float:
    """Start at once, whatever the message says."""
    return 0.0


def at_server_time(start: Message, now: float, offset: float) -> float:
    """Library 2: take the field for server time; at once if there is none."""
    aim: float = start.get("atomic_start_time") or 0
    return _clamp(aim - (now - offset)) if aim else 0.0


def at_own_time_clamped(start: Message, now: float, _: float) -> float:
    """Screen 2: take the field for its own time, then wait a second and a bit."""
    return _clamp(start["atomic_start_time"] - now) + 1050.0


def at_own_time_early(start: Message, now: float, _: float) -> float:
    """Screen 3: aim 5 ms before the field, in its own time, then wait 100 ms.

    A message without the field throws: there is no camera call at all.
    """
    aim: float = start["atomic_start_time"] - 5.0
    return max(0.0, aim - now) + 100.0


def _clamp(wait: float) -> float:
    return min(max(wait, 0.0), FARTHEST)


@dataclass(frozen=True)
class Kind:
    """How one app in the field behaves.

    Attributes:
        label: What people call it.
        names: Of a host and of a guest; ``{}`` takes something random.
        wait: When it starts its camera.
        code_in_path: Whether it connects to ``/sync/<code>``.
        answers: Whether it answers time-sync requests.
        readiness: What it sends once its camera is ready.
        taps_through: Whether a host starts at its own tap.
        is_screen: Whether it ignores starts until it knows of a session, and
            never reconnects.
        reads_joined: Whether ``joined`` tells it of one.
    """

    label: str
    names: tuple[str, str]
    wait: Wait = on_receipt
    code_in_path: bool = False
    answers: bool = False
    readiness: str | None = None
    taps_through: bool = False
    is_screen: bool = False
    reads_joined: bool = True

    def __str__(self) -> str:
        return self.label


def _fifty_later(_: Message, _now: float, _offset: float) -> float:
    return 50.0


_LIBRARY_NAMES = ("iPhone 15", "Pixel 9")
_ROLE_NAMES = ("IOS-HOST-{}", "ANDROID-JOIN-{}")

LIBRARY_1 = Kind("library 1", _LIBRARY_NAMES)
LIBRARY_2 = Kind("library 2", _LIBRARY_NAMES, at_server_time, answers=True)
SCREEN_1 = Kind(
    "screen 1",
    ("Device {}", "Device {}"),
    code_in_path=True,
    taps_through=True,
    is_screen=True,
    reads_joined=False,
)
SCREEN_2_OLD = Kind(
    "screen 2 old",
    ("Device {}", "Device {}"),
    _fifty_later,
    readiness="camera_ready",
    is_screen=True,
)
SCREEN_2 = Kind("screen 2", _ROLE_NAMES, at_own_time_clamped, is_screen=True)
SCREEN_3 = Kind(
    "screen 3",
    _ROLE_NAMES,
    at_own_time_early,
    answers=True,
    readiness="device_ready",
    is_screen=True,
)

KINDS = (LIBRARY_1, LIBRARY_2, SCREEN_1, SCREEN_2_OLD, SCREEN_2, SCREEN_3)


class Phone(Watched):
    """One phone, from its join to the end of the test.

    Attributes:
        camera_calls: The true instants of its camera calls, ms.
        stops: The true instants at which its recordings ended, ms.
        failures: What its app threw.
        wire: Its present connection.
    """

    def __init__(
        self,
        kind: Kind,
        *,
        host: bool,
        port: int,
        code: str,
        clock_offset: float = 0.0,
        hurry: float = 20.0,
    ) -> None:
        super().__init__()
        self.kind = kind
        self.is_host = host
        self.code = code
        self.clock = PhoneClock(clock_offset)
        self.name = kind.names[0 if host else 1].format(secrets.token_hex(2))
        self.camera_calls: list[float] = []
        self.stops: list[float] = []
        self.failures: list[Exception] = []
        self.wire: Wire
        self._port = port
        self._hurry = hurry
        self._offset = 0.0
        self._due: asyncio.TimerHandle | None = None
        self._knows_session = False
        self._life: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await self._connect()
        if not self.kind.is_screen:
            self._life = asyncio.get_running_loop().create_task(self._come_back())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._life is not None:
            self._life.cancel()
        if self._due is not None:
            self._due.cancel()
        await self.wire.close()

    @property
    def is_recording(self) -> bool:
        """Whether its camera runs."""
        return len(self.camera_calls) > len(self.stops)

    @property
    def device_id(self) -> str:
        """The id it was given."""
        joined: str = self.wire.of_type("joined")[-1]["deviceId"]
        return joined

    async def settled(self) -> None:
        """Wait until it knows its peer and its first five probes are answered."""
        probes = "time_sync_update" if self.kind.answers else "time_sync_request"
        count = 5
        await self.wire.until(
            lambda: len(self.wire.of_type(probes)) >= count or None, "five probes"
        )
        await self.wire.until(
            lambda: self.wire.of_type("device_connected") or None, "its peer"
        )

    async def tap_start(self) -> None:
        """Press *start*."""
        if self.kind.taps_through and self.is_host:
            self._call_camera_in(0.0)
        await self._command("start_recording")

    async def tap_stop(self) -> None:
        """Press *stop*."""
        await self._command("stop_recording")

    async def recording(self, take: int = 1) -> float:
        """Return the true instant of the camera call of that take, ms."""
        await self.until(lambda: len(self.camera_calls) >= take or None, "a start")
        return self.camera_calls[take - 1]

    async def stopped(self, take: int = 1) -> float:
        """Return the true instant at which that take ended, ms."""
        await self.until(lambda: len(self.stops) >= take or None, "a stop")
        return self.stops[take - 1]

    def story(self) -> str:
        """Tell what happened to it."""
        return (
            f"{self.kind} {self.name}: starts {self.camera_calls}, stops"
            f" {self.stops}, threw {self.failures}; {self.wire.story()}"
        )

    async def _connect(self) -> None:
        path = f"/sync/{self.code}" if self.kind.code_in_path else "/sync"
        self.wire = await Wire.open(self._port, path, self._hear)
        join = {"type": "join", "sessionId": self.code, "isHost": self.is_host}
        await self.wire.send({**join, "deviceName": self.name})

    async def _come_back(self) -> None:
        """Reconnect after any end but a normal one, as the library does."""
        while True:
            await self.wire.until(lambda: self.wire.close_code, "an end", math.inf)
            if self.wire.close_code == 1000:
                return
            for pause in RETRIES:
                await asyncio.sleep(pause / self._hurry)
                try:
                    await self._connect()
                except (OSError, WebSocketException):
                    continue
                break
            self.changed()

    async def _command(self, kind: str) -> None:
        await self.wire.send({"type": kind, "timestamp": self.clock.read()})

    async def _hear(self, arrival: Arrival) -> None:
        message = arrival.message
        match message["type"]:
            case "time_sync_request" if self.kind.answers:
                await self._answer(message)
            case "time_sync_update" if self.kind.answers:
                self._offset = message["offset_ms"]
            case "joined" if self.kind.reads_joined:
                await self._meet()
            case "device_connected":
                await self._meet()
            case "start_recording":
                self._start(message)
            case "stop_recording":
                self._stop()
        self.changed()

    async def _answer(self, request: Message) -> None:
        echo = {key: request[key] for key in ("request_id", "server_timestamp")}
        answer = {"type": "time_sync_response", **echo}
        await self.wire.send({**answer, "client_timestamp": self.clock.read()})

    async def _meet(self) -> None:
        if not self._knows_session and self.kind.readiness is not None:
            await self.wire.send({"type": self.kind.readiness})
        self._knows_session = True

    def _start(self, message: Message) -> None:
        if self.is_recording or self._due is not None:
            return
        if self.kind.is_screen and not self._knows_session:
            return
        try:
            wait = self.kind.wait(message, self.clock.read(), self._offset)
        except Exception as thrown:  # An app swallows it, and records nothing.
            self.failures.append(thrown)
            return
        self._call_camera_in(wait)

    def _call_camera_in(self, wait: float) -> None:
        loop = asyncio.get_running_loop()
        self._due = loop.call_later(wait / 1000.0, self._call_camera)

    def _call_camera(self) -> None:
        self._due = None
        self.camera_calls.append(true_time())
        self.changed()

    def _stop(self) -> None:
        """Stop what runs; a start that is still to come is not taken back."""
        if self.is_recording:
            self.stops.append(true_time())
