"""What a device does with its camera, and reports of it.

Instants are milliseconds of the device's own clock.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

from msgspec import UNSET, structs

from raydel.client.outbox import Outbox
from raydel.client.reports import line_of, sound
from raydel.client.takes import Phase, Take, Takes
from raydel.client.wants import Call, Cut, Later, Spared, Want
from raydel.core.errors import TAKE_NOT_FOUND
from raydel.core.instants import SECOND, fine
from raydel.core.messages import (
    Error,
    Joined,
    RecordingFailed,
    RecordingRefused,
    RecordingScheduled,
    RecordingStarted,
    RecordingStopped,
    Report,
    StartRecording,
    StopRecording,
    TakeUpdate,
)

AGAIN: Final = 2 * SECOND
"""ms after which a report is sent again that could not be kept."""

FURTHEST_STOP: Final = 10 * SECOND
"""ms ahead past which no stop is waited for: then it is the clock that is wrong."""

FORGOTTEN: Final = SECOND
"""ms after which a take that it takes part in was told of before, and is forgotten."""


class Recordings:
    """The takes of one device: when its camera is called, and what is said of that.

    Args:
        outbox: Where reports go.
        clock: The device's clock, in ms.
        names: Draws names for reports; no two are alike.
        refuses: Says why a take cannot be recorded; empty if it can.
        reports: Whether anything is reported at all.
        known: The takes that it knew when the program ended.

    Attributes:
        takes: Those it was told of.
        elsewhere: The id of a take that runs without this device; empty if none does.
    """

    def __init__(
        self,
        outbox: Outbox,
        *,
        clock: Callable[[], float],
        names: Callable[[], str],
        refuses: Callable[[Take], str],
        reports: bool,
        known: tuple[Take, ...] = (),
    ) -> None:
        self.takes = Takes(known)
        self.elsewhere = ""
        self._outbox = outbox
        self._clock = clock
        self._names = names
        self._refuses = refuses
        self._reports = reports
        self._interrupted = self.takes.unfinished

    # What the server says.

    def joined(self, joined: Joined) -> list[Want]:
        """Go on with the take that runs, and with no other."""
        if not joined.recovered:
            self.takes.forget_others()
        running = joined.take or None
        self.elsewhere = ""
        interrupted, self._interrupted = self._interrupted, ()
        wants: list[Want] = []
        for take in interrupted:
            is_running = running is not None and running.take_id == take.id
            goes_on = is_running and take.is_recorded
            wants += self._go_on(take) if goes_on else self._give_up(take)
        if running is None or self.takes.named(running.take_id) is not None:
            return wants
        self.elsewhere = running.take_id
        if not running.participant:
            return wants
        # Its start follows, or the program was told and has forgotten it.
        late = partial(self._begin_unless_known, running.take_id)
        return [*wants, Later(self._clock() + FORGOTTEN, late)]

    def told_to_start(self, start: StartRecording) -> list[Want]:
        """Record a take from an instant on; one that is known already goes on."""
        take_id = start.take_id or ""
        if self.takes.named(take_id) is not None:
            return []
        at = None if start.local_start_time is UNSET else start.local_start_time
        return self._begin(Take(take_id, at))

    def told_to_stop(self, stop: StopRecording) -> list[Want]:
        """Stop recording a take at an instant; others go on.

        A start that is taken back never begins, whatever the clock says.
        """
        if stop.take_id in {UNSET, self.elsewhere}:
            self.elsewhere = ""
        recorded = self.takes.recorded
        take = self.takes.named(stop.take_id) if stop.take_id else recorded
        if take is None or not take.is_recorded:
            return []
        why, now = stop.reason or "stop", self._clock()
        at = now if stop.local_stop_time is UNSET else stop.local_stop_time
        if why == "not_ready":
            return self._stop(take.id, why)
        at = now if at - now > FURTHEST_STOP else at
        self.takes.put(structs.replace(take, stops_at=at))
        return [Later(at, partial(self._stop, take.id, why))]

    def told_of(self, update: TakeUpdate) -> None:
        """Note how another device fares."""
        if (take := self.takes.named(update.take_id)) is not None:
            self.takes.put(take.noted(update))

    def refused(self, report: Report, error: Error) -> list[Want]:
        """Report it no more, or a little later, if that may help.

        The same name has the same answer: so it gets another.
        """
        if error.code == TAKE_NOT_FOUND.code:
            self._outbox.forget_take(report.take_id)
            return []
        self._outbox.done(lambda each: each is report)
        if not error.temporary:
            return []
        again = structs.replace(report, command_id=self._names())
        return [Later(self._clock() + AGAIN, partial(self._outbox.say, again))]

    # What the app wants.

    def record_late(self) -> list[Want]:
        """Record, from now on, the take that runs without this device."""
        take_id, self.elsewhere = self.elsewhere, ""
        return self._begin(Take(take_id, is_late=True)) if take_id else []

    def cut(self, why: str) -> list[Want]:
        """Stop recording, on this device alone."""
        take = self.takes.recorded
        return [] if take is None else self._stop(take.id, why)

    # What the camera did.

    def first_frame(
        self, take_id: str, at: float, frame_rate: float | None = None
    ) -> list[Want]:
        """Report the presentation time of the first frame."""
        started = RecordingStarted(take_id, fine(at), frame_rate, self._names())
        return self._report(started)

    def finished(self, report: RecordingStopped) -> list[Want]:
        """Report a file; its ``command_id`` is filled in."""
        self._finish(report.take_id)
        return self._report(structs.replace(report, command_id=self._names()))

    def failed(self, take_id: str, why: str) -> list[Want]:
        """Report that there is no file of a take, and why, for people."""
        self._finish(take_id)
        return self._report(RecordingFailed(take_id, line_of(why), self._names()))

    # From the agreement to the end.

    def _begin(self, take: Take) -> list[Want]:
        before = self.cut("another take begins")
        self.elsewhere = ""
        self.takes.add(take)
        if why := self._why_not(take):
            self._finish(take.id)
            refusal = RecordingRefused(take.id, line_of(why), self._names())
            return [*before, Spared(take, why), *self._report(refusal)]
        agreed = self._report(RecordingScheduled(take.id, self._names()))
        return [*before, *agreed, self._call_later(take)]

    def _why_not(self, take: Take) -> str:
        """Ask the app; one that cannot even say will not record either."""
        try:
            return self._refuses(take)
        except Exception as problem:
            return f"the app failed to say whether it can record: {problem!r}"

    def _begin_unless_known(self, take_id: str) -> list[Want]:
        return self.record_late() if self.elsewhere == take_id else []

    def _go_on(self, take: Take) -> list[Want]:
        """Record again what the program was recording when it ended."""
        if take.phase == "running":
            take = self._put(take, "agreed", starts_at=None, is_late=True)
        return [self._call_later(take)]

    def _give_up(self, take: Take) -> list[Want]:
        return self.failed(take.id, "the app ended before its file was done")

    def _call_later(self, take: Take) -> Later:
        # Without a time of ours, the message comes when we are to start.
        at = self._clock() if take.starts_at is None else take.starts_at
        return Later(at, partial(self._call, take.id))

    def _call(self, take_id: str) -> list[Want]:
        take = self.takes.named(take_id)
        if take is None or take.phase != "agreed":
            return []
        return [Call(self._put(take, "running"))]

    def _stop(self, take_id: str, why: str) -> list[Want]:
        take = self.takes.named(take_id)
        if take is None or not take.is_recorded:
            return []
        if take.phase == "agreed":
            return [Spared(take, why), *self.failed(take_id, "stopped before it began")]
        return [Cut(self._put(take, "ending" if self._reports else "over"), why)]

    def _finish(self, take_id: str) -> None:
        if (take := self.takes.named(take_id)) is not None:
            self._put(take, "over")

    def _put(self, take: Take, phase: Phase, **changes: object) -> Take:
        return self.takes.put(structs.replace(take, phase=phase, **changes))

    def _report(self, report: Report) -> list[Want]:
        return self._outbox.say(sound(report)) if self._reports else []
