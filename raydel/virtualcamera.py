"""The camera of a played phone, and what the phone reports of it.

It is called, gives its first frame some hundred milliseconds later, films until it is
stopped, and may then keep a file. Its time is in milliseconds of the phone's own clock.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from math import floor
from statistics import NormalDist
from typing import Final, NamedTuple

from msgspec import structs

from raydel.client.recordings import Recordings
from raydel.client.takes import Take
from raydel.client.wants import Want
from raydel.core.cameras import Latency
from raydel.core.instants import SECOND, fine
from raydel.core.messages import RecordingStopped
from raydel.virtualwire import Action, Film, Footage, Later, Say
from raydel.virtualwire import File as FinishedFile

PLAYED_LATENCY: Final = Latency(300.0, 30.0)
"""A played phone's own; of those that people have, each model has another."""

_TWENTIETH: Final = NormalDist().inv_cdf(0.975)
_SUREST: Final = 1e-9


@dataclass(frozen=True, slots=True)
class Camera:
    """A camera.

    Attributes:
        latency: From its call to its first frame.
        frame_rate: Frames a second.
        keeps_files: Whether a file is made of what it saw.
    """

    latency: Latency = PLAYED_LATENCY
    frame_rate: float = 30.0
    keeps_files: bool = False

    def wakes_in(self, chance: float) -> float:
        """Draw how many ms it takes from its call to its first frame.

        Args:
            chance: From 0 to 1.
        """
        deviations = NormalDist().inv_cdf(min(max(chance, _SUREST), 1.0 - _SUREST))
        spread = self.latency.spread / _TWENTIETH
        return max(0.0, self.latency.delay + spread * deviations)

    def footage(self, take_id: str, first_frame: float, until: float) -> Footage:
        """Return what it saw, from its first frame until it was stopped."""
        period = SECOND / self.frame_rate
        more = max(0, floor((until - first_frame) / period))
        last_frame = fine(first_frame + more * period)
        return Footage(take_id, first_frame, last_frame, more + 1, self.frame_rate)


class Rolling(NamedTuple):
    """A take that is filmed.

    Attributes:
        take: Which one.
        called: When the camera was called.
        first_frame: When its first frame is; None without a camera.
        is_seen: Whether that was noted.
    """

    take: Take
    called: float
    first_frame: float | None = None
    is_seen: bool = False


class Recorder:
    """What a phone does with its camera, and says of it.

    Args:
        camera: The camera; None for a phone that reports nothing.
        clock: The phone's clock, in ms.
        chance: Draws from 0 to 1, for what the camera takes.
        recordings: Has reported what the camera did.
        carry: Turns what is wanted then into actions.
    """

    def __init__(
        self,
        camera: Camera | None,
        clock: Callable[[], float],
        chance: Callable[[], float],
        recordings: Recordings,
        carry: Callable[[list[Want]], list[Action]],
    ) -> None:
        self._camera = camera
        self._clock = clock
        self._chance = chance
        self._recordings = recordings
        self._carry = carry
        self._rolling: Rolling | None = None
        self._unfinished: list[str] = []

    @property
    def has_first_frame(self) -> bool:
        """Whether the first frame of a take was seen that goes on."""
        return self._rolling is not None and self._rolling.is_seen

    def call(self, take: Take) -> list[Action]:
        """Call the camera."""
        now = self._clock()
        said: Action = Say(f"● recording {_shown(take)} ({_how(take, now)})")
        self._rolling = rolling = Rolling(take, now)
        if self._camera is None:
            return [said]
        first = fine(now + self._camera.wakes_in(self._chance()))
        self._rolling = rolling = rolling._replace(first_frame=first)
        return [said, Later(first, partial(self._see, rolling))]

    def cut(self, take: Take, why: str) -> list[Action]:
        """Stop the camera."""
        rolling, self._rolling = self._rolling, None
        now = self._clock()
        if rolling is None or rolling.take.id != take.id:
            return []
        lasted = f"{(now - rolling.called) / SECOND:.1f} s"
        said = Say(f"■ {_shown(take)} lasted {lasted} ({why})")
        return [said, *self._wrap_up(rolling, now)]

    def spared(self, take: Take, why: str) -> list[Action]:
        """Show that the camera was never called."""
        return [Say(f"■ {_shown(take)} was stopped before it began ({why})")]

    def drop(self, why: str) -> list[Action]:
        """Stop the camera, and make no more files."""
        cut = self._carry(self._recordings.cut(why))
        actions: list[Action] = [each for each in cut if not isinstance(each, Film)]
        for name in self._unfinished:
            actions += self._fail(name, "put away before its file was made")
        self._unfinished.clear()
        return actions

    def _see(self, rolling: Rolling) -> list[Action]:
        """Note the first frame."""
        if self._rolling != rolling:
            return []
        self._rolling = rolling._replace(is_seen=True)
        return self._tell_of_first_frame(rolling)

    def _tell_of_first_frame(self, rolling: Rolling) -> list[Action]:
        camera, first = self._camera, rolling.first_frame
        if camera is None or first is None:
            return []
        after = f"{first - rolling.called:.1f} ms after the camera was called"
        report = self._recordings.first_frame(rolling.take.id, first, camera.frame_rate)
        return [Say(f"  first frame {after}"), *self._carry(report)]

    def _wrap_up(self, rolling: Rolling, now: float) -> list[Action]:
        camera, first, name = self._camera, rolling.first_frame, rolling.take.id
        if camera is None or first is None:
            return []
        if now < first:
            return self._fail(name, "stopped before its first frame")
        # Of two timers of one instant, that of the stop may be the first.
        before = [] if rolling.is_seen else self._tell_of_first_frame(rolling)
        footage = camera.footage(name, first, now)
        if not camera.keeps_files:
            return [*before, *self._stopped(footage)]
        self._unfinished.append(name)
        return [*before, Film(footage, partial(self._filmed, footage))]

    def _filmed(self, footage: Footage, outcome: FinishedFile | str) -> list[Action]:
        if footage.take_id not in self._unfinished:
            return []
        self._unfinished.remove(footage.take_id)
        if isinstance(outcome, str):
            return [Say(f"! no file: {outcome}"), *self._fail(footage.take_id, outcome)]
        size = outcome.size_bytes / 1000
        told = f"✓ {outcome.name}: {footage.frames} frames, {size:,.0f} kB"
        return [Say(told), *self._stopped(footage, outcome)]

    def _stopped(
        self, footage: Footage, file: FinishedFile | None = None
    ) -> list[Action]:
        report = RecordingStopped(
            footage.take_id, footage.last_frame, frames=footage.frames
        )
        if file is not None:
            report = structs.replace(
                report,
                file_name=file.name,
                size_bytes=file.size_bytes,
                sha256=file.sha256,
            )
        return self._carry(self._recordings.finished(report))

    def _fail(self, take_id: str, why: str) -> list[Action]:
        return self._carry(self._recordings.failed(take_id, why))


def _shown(take: Take) -> str:
    return f"take {take.id[:4]}…"


def _how(take: Take, now: float) -> str:
    """Say how a camera was called."""
    if take.is_late:
        return "late: it ran already"
    if take.starts_at is None:
        return "at once: this clock is not known"
    return f"start {max(0.0, now - take.starts_at):.1f} ms after the agreed instant"
