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

from raydel.core.cameras import Latency
from raydel.core.instants import SECOND, fine
from raydel.virtualwire import Action, Film, Footage, Heard, Later, Outbox, Say
from raydel.virtualwire import File as FinishedFile

PLAYED_LATENCY: Final = Latency(300.0, 30.0)
"""A played phone's own; of those that people have, each model has another."""

CAPABILITIES: Final = ("late_start", "markers", "recording_reports")
"""What a played phone with a camera can do."""

LONGEST_REASON: Final = 200
"""Characters that a reason may have."""

AGAIN: Final = 2 * SECOND
"""ms after which a report is sent again that could not be kept."""

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


class Running(NamedTuple):
    """A take that is filmed, or soon will be.

    Attributes:
        name: Its id.
        agreed: When the camera is to be called; None for at once.
        is_late: Whether this phone joined it in its middle.
        called: When the camera was called.
        first_frame: When its first frame is.
        is_seen: Whether that was noted.
    """

    name: str
    agreed: float | None
    is_late: bool = False
    called: float | None = None
    first_frame: float | None = None
    is_seen: bool = False

    def __str__(self) -> str:
        return f"take {self.name[:4]}…"


class Recorder:
    """What a phone does with its camera, and says of it.

    Args:
        camera: The camera; None for a phone that reports nothing.
        clock: The phone's clock, in ms.
        chance: Draws from 0 to 1, for what the camera takes.
        outbox: Where reports go.

    Attributes:
        take: What is filmed now.
        known: The id of the latest take that it was told to film.
    """

    def __init__(
        self,
        camera: Camera | None,
        clock: Callable[[], float],
        chance: Callable[[], float],
        outbox: Outbox,
    ) -> None:
        self.take: Running | None = None
        self.known = ""
        self._camera = camera
        self._clock = clock
        self._chance = chance
        self._outbox = outbox
        self._unfinished: list[str] = []

    @property
    def is_settled(self) -> bool:
        """Whether every file is made, and every report answered."""
        reports = any(each.is_report for each in self._outbox.waiting)
        return not (self.take or self._unfinished or reports)

    def told_to_start(self, heard: Heard) -> list[Action]:
        """Film a take from an instant on; one that is known already goes on."""
        if heard.take_id == self.known:
            return []
        return self._begin(Running(heard.take_id, heard.local_start_time))

    def join_late(self, take_id: str) -> list[Action]:
        """Film a take that runs already, from now on."""
        return self._begin(Running(take_id, None, is_late=True))

    def told_to_stop(self, heard: Heard) -> list[Action]:
        """Stop filming a take at an instant; others go on."""
        name = heard.take_id or self.known
        if name != self.known:
            return [Say("  a take that this phone has no part in is over")]
        at = self._clock() if heard.local_stop_time is None else heard.local_stop_time
        return [Later(at, partial(self.cut, heard.reason or "stop", name))]

    def cut(self, why: str, name: str | None = None) -> list[Action]:
        """Stop the camera; with a name, only if it films that take."""
        take, now = self.take, self._clock()
        if take is None or name not in {None, take.name}:
            return []
        self.take = None
        if take.called is None:
            early = f"■ {take} was stopped before it began ({why})"
            return [Say(early), *self._fail(take.name, "stopped before it began")]
        lasted = f"■ {take} lasted {(now - take.called) / SECOND:.1f} s ({why})"
        return [Say(lasted), *self._wrap_up(take, now)]

    def drop(self, why: str) -> list[Action]:
        """Stop the camera, and make no more files."""
        cut = self.cut(why)
        actions: list[Action] = [each for each in cut if not isinstance(each, Film)]
        for name in self._unfinished:
            actions += self._fail(name, "put away before its file was made")
        self._unfinished.clear()
        return actions

    def answered(self, heard: Heard) -> None:
        """Take an update for the answer to a report."""
        told = f"recording_{heard.state}", heard.take_id
        self._outbox.done(
            lambda _, said: told == (said.kind, said.fields.get("takeId"))
        )

    def refused(self, heard: Heard) -> list[Action]:
        """Take a refusal for the answer to a report, if it is that.

        One that may pass is asked again: under a new name, as the same name has the
        same answer.
        """
        report = self._outbox.named(heard.command_id)
        if report is None or not report.is_report:
            return []
        if heard.code == "take_not_found":
            self._outbox.done(
                lambda _, said: (
                    said.is_report and said.fields["takeId"] == report.fields["takeId"]
                )
            )
            return []
        self._outbox.done(lambda name, _: name == heard.command_id)
        if not heard.temporary:
            return []
        again = partial(self._outbox.say, report.kind, **report.fields)
        return [Later(self._clock() + AGAIN, again)]

    def _begin(self, take: Running) -> list[Action]:
        before = self.cut("another take begins")
        self.known = take.name
        self.take = take
        # Without a time of ours, the message comes when we are to start.
        at = self._clock() if take.agreed is None else take.agreed
        scheduled = self._report("recording_scheduled", take.name)
        return [*before, *scheduled, Later(at, partial(self._roll, take))]

    def _roll(self, take: Running) -> list[Action]:
        if self.take != take:
            return []
        now = self._clock()
        said: Action = Say(f"● recording {take} ({_how(take, now)})")
        self.take = take = take._replace(called=now)
        if self._camera is None:
            return [said]
        first = fine(now + self._camera.wakes_in(self._chance()))
        self.take = take = take._replace(first_frame=first)
        return [said, Later(first, partial(self._see, take))]

    def _see(self, take: Running) -> list[Action]:
        """Note the first frame."""
        if self.take != take:
            return []
        self.take = take._replace(is_seen=True)
        return self._tell_of_first_frame(take)

    def _tell_of_first_frame(self, take: Running) -> list[Action]:
        camera, called, first = self._camera, take.called, take.first_frame
        if camera is None or called is None or first is None:
            return []
        return [
            Say(f"  first frame {first - called:.1f} ms after the camera was called"),
            *self._report(
                "recording_started",
                take.name,
                firstFrameTime=first,
                frameRate=camera.frame_rate,
            ),
        ]

    def _wrap_up(self, take: Running, now: float) -> list[Action]:
        camera, first = self._camera, take.first_frame
        if camera is None or first is None:
            return []
        if now < first:
            return self._fail(take.name, "stopped before its first frame")
        # Of two timers of one instant, that of the stop may be the first.
        before = [] if take.is_seen else self._tell_of_first_frame(take)
        footage = camera.footage(take.name, first, now)
        if not camera.keeps_files:
            return [*before, *self._stopped(footage)]
        self._unfinished.append(take.name)
        return [*before, Film(footage, partial(self._filmed, footage))]

    def _filmed(self, footage: Footage, outcome: FinishedFile | str) -> list[Action]:
        if footage.take_id not in self._unfinished:
            return []
        self._unfinished.remove(footage.take_id)
        if isinstance(outcome, str):
            return [Say(f"! no file: {outcome}"), *self._fail(footage.take_id, outcome)]
        size = outcome.size_bytes / 1000
        told = f"✓ {outcome.name}: {footage.frames} frames, {size:,.0f} kB"
        return [
            Say(told),
            *self._stopped(
                footage,
                fileName=outcome.name,
                sizeBytes=outcome.size_bytes,
                sha256=outcome.sha256,
            ),
        ]

    def _stopped(self, footage: Footage, **of_file: object) -> list[Action]:
        return self._report(
            "recording_stopped",
            footage.take_id,
            lastFrameTime=footage.last_frame,
            frames=footage.frames,
            **of_file,
        )

    def _fail(self, take_id: str, why: str) -> list[Action]:
        return self._report("recording_failed", take_id, reason=why[:LONGEST_REASON])

    def _report(self, kind: str, take_id: str, **fields: object) -> list[Action]:
        if self._camera is None:
            return []
        return self._outbox.say(kind, takeId=take_id, **fields)


def _how(take: Running, now: float) -> str:
    """Say how a camera was called."""
    if take.is_late:
        return "late: it ran already"
    if take.agreed is None:
        return "at once: this clock is not known"
    return f"start {max(0.0, now - take.agreed):.1f} ms after the agreed instant"
