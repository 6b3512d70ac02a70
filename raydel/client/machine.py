"""What a device of protocol 2 does about what it hears, and about what its app wants.

It knows no socket, no clock and no chance of its own: they come in. Whatever happens
gives a list of wants, to be carried out in order. Its time is in milliseconds of the
device's own clock, which may be wrong by any amount, but must never be set.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum, auto
from typing import Any, Final

from msgspec import UNSET, Struct, structs

from raydel.client.hearing import Nonsense, Unknown, heard
from raydel.client.outbox import Command, Outbox, send
from raydel.client.recordings import Recordings
from raydel.client.takes import Take
from raydel.client.wants import (
    Connect,
    Denied,
    Gap,
    Garbled,
    Later,
    Over,
    Send,
    Told,
    TurnedAway,
    Want,
)
from raydel.core.errors import (
    INVALID_MESSAGE,
    NO_RECORDING,
    NOT_READY,
    SESSION_NOT_FOUND,
    UNKNOWN_TYPE,
)
from raydel.core.instants import SECOND, fine
from raydel.core.messages import (
    DeviceConnected,
    DeviceDisconnected,
    DeviceReady,
    Error,
    Foreground,
    Join,
    Joined,
    Marker,
    MarkerNotice,
    Outbound,
    Report,
    SessionEnded,
    StartCommand,
    StartRecording,
    StatusReport,
    StopCommand,
    StopRecording,
    TakeUpdate,
    TimeSyncRequest,
    TimeSyncResponse,
    TimeSyncUpdate,
)
from raydel.core.waits import REPORTS

PROTOCOL: Final = 2

CAPABILITIES: Final = ("late_start", "markers", REPORTS)
"""What an app can do that uses this client, and has a camera."""

BACKOFF: Final = (0.25, 0.5, 1.0, 2.0, 4.0)
"""Seconds between attempts; the last one stays. Each is up to a quarter off, so that
two phones that lost one server do not come back at one instant, again and again."""

RESTART_PAUSE: Final = 2
"""Where in `BACKOFF` to begin if the server said that it restarts."""

UNREADABLE: Final = frozenset({INVALID_MESSAGE.code, UNKNOWN_TYPE.code})
"""What a message is refused with that the server could not read."""

GONE: Final = 10 * SECOND
"""ms for which a session that has vanished is asked for: its host may bring it back."""

_SEAT_GONE: Final = 1000
_SEAT_TAKEN: Final = 4000
_RESTARTS: Final = 1012


class _Place(Enum):
    AWAY = auto()
    ASKING = auto()
    TURNED_AWAY = auto()
    SEATED = auto()
    OVER = auto()


class Kept(Struct, frozen=True, rename="camel"):
    """What a client has to know again after its program has ended.

    Attributes:
        resume_token: Brings it back to its seat.
        last_seq: The highest number that it has dealt with.
        device_id: What the server calls it.
        clock_id: Names the server time that it was told of.
        waiting: What it said, and was not answered yet.
        takes: The takes that it was told of.
    """

    resume_token: str | None = None
    last_seq: int = 0
    device_id: str = ""
    clock_id: str = ""
    waiting: tuple[Command, ...] = ()
    takes: tuple[Take, ...] = ()


class Client:
    """One device, from its first link to the end of its session.

    Args:
        join: What it says of itself; protocol, token and number are filled in. It
            reports only if `REPORTS` is among its capabilities.
        clock: The device's clock, in ms.
        chance: Draws from 0 to 1, for the pauses between attempts.
        names: Draws names for commands; no two are alike.
        refuses: Says why a take cannot be recorded; empty if it can.
        kept: What it knew when the program ended, if it did.

    Attributes:
        others: The names of the other devices that are there, by their ids.
        ahead: How far the device's clock is ahead of server time, ms; None as long
            as that is not known.
        outbox: What it said, and was not answered yet.
        recordings: Its takes; what its camera did is told to it.
    """

    def __init__(
        self,
        join: Join,
        *,
        clock: Callable[[], float],
        chance: Callable[[], float],
        names: Callable[[], str],
        refuses: Callable[[Take], str] = lambda _: "",
        kept: Kept | None = None,
    ) -> None:
        before = kept or Kept()
        self.others: dict[str, str] = {}
        self.ahead: float | None = None
        self.outbox = Outbox(before.waiting)
        self.recordings = Recordings(
            self.outbox,
            clock=clock,
            names=names,
            refuses=refuses,
            reports=REPORTS in join.capabilities,
            known=before.takes,
        )
        self._join = structs.replace(join, protocol=PROTOCOL)
        self._clock = clock
        self._chance = chance
        self._names = names
        self._session = before
        self._place = _Place.AWAY
        self._tries = 0
        self._was_seated = self._is_displaced = False
        self._missing_since: float | None = None
        self._standing: dict[type, DeviceReady | StatusReport] = {}
        self._acts: Mapping[type, Callable[[Any], list[Want]]] = {
            Joined: self._joined,
            DeviceConnected: self._met,
            DeviceDisconnected: self._parted,
            TimeSyncUpdate: self._measured,
            StartRecording: self._told_to_start,
            StopRecording: self._told_to_stop,
            TakeUpdate: self._told_of_take,
            MarkerNotice: self._told_of_mark,
            SessionEnded: self._ended,
            Error: self._refused,
        }

    # What can be asked of it at any time.

    @property
    def kept(self) -> Kept:
        """What is to be kept, before anything that it wants is done."""
        takes = self.recordings.takes.known
        return structs.replace(self._session, waiting=self.outbox.waiting, takes=takes)

    @property
    def device_id(self) -> str:
        """What the server calls it; empty before its first seat."""
        return self._session.device_id

    @property
    def is_seated(self) -> bool:
        """Whether it has its seat."""
        return self._place is _Place.SEATED

    @property
    def take(self) -> Take | None:
        """The take that is recorded, or soon will be."""
        return self.recordings.takes.recorded

    @property
    def latest(self) -> Take | None:
        """The latest take that it was told of."""
        return self.recordings.takes.latest

    @property
    def is_settled(self) -> bool:
        """Whether it records nothing, and all its reports are answered."""
        return not (self.recordings.takes.unfinished or self.outbox.reports)

    @property
    def is_complete(self) -> bool:
        """Whether that is so, and no other device owes a report that is heard of."""
        known = self.recordings.takes.known
        return self.is_settled and not any(take.waits_for_others for take in known)

    # The link.

    def opened(self) -> list[Want]:
        """Ask for the seat: a link is there."""
        if self._place is _Place.OVER:
            return []
        self._place = _Place.ASKING
        session = self._session
        join = structs.replace(
            self._join,
            resume_token=session.resume_token,
            last_seq=session.last_seq or None,
        )
        return [send(join)]

    def lost(self, code: int = 1006) -> list[Want]:
        """Try again: a link is gone with this close code, or was never made."""
        place = self._place
        if place is _Place.OVER:
            return []
        self._leave_for(_Place.AWAY)
        is_elsewhere = code == _SEAT_GONE and place is _Place.SEATED
        if is_elsewhere or code == _SEAT_TAKEN:
            self._is_displaced = True
        if self._is_displaced and self.take is None:
            return self.barred("another connection took this phone's seat")
        if code == _RESTARTS:
            self._tries = max(self._tries, RESTART_PAUSE)
        return [Connect(self._pause())]

    def barred(self, why: str, error: Error | None = None) -> list[Want]:
        """Give up: no other attempt would end better."""
        self._leave_for(_Place.OVER)
        return [*self.recordings.cut(why), Over(why, error)]

    def received(self, frame: bytes, arrived: float) -> list[Want]:
        """Act on a message that came at that instant of the device's clock.

        A question for the time is answered before anything else is looked at.
        """
        try:
            message = heard(frame)
        except Nonsense as problem:
            return [Garbled(str(problem))]
        if type(message) is TimeSyncRequest:
            return [self._tell_time(message, arrived)]
        if self._place is _Place.OVER:
            return []
        gap = self._count(message)
        if isinstance(message, Unknown):
            return gap
        act = self._acts.get(type(message))
        return [*gap, Told(message), *(act(message) if act else [])]

    def _tell_time(self, request: TimeSyncRequest, arrived: float) -> Send:
        return send(
            TimeSyncResponse(
                request.request_id, request.server_timestamp, self._clock(), arrived
            )
        )

    def _count(self, message: Outbound | Unknown) -> list[Want]:
        """Note a number as dealt with; name those that were left out."""
        number, last = getattr(message, "seq", UNSET), self._session.last_seq
        if isinstance(message, Joined) or number is UNSET or number <= last:
            return []
        self._note(last_seq=number)
        return [Gap(last, number)] if number > last + 1 else []

    def _note(self, **changes: Any) -> None:
        self._session = structs.replace(self._session, **changes)

    def _leave_for(self, place: _Place) -> None:
        self._place = place
        self.outbox.is_open = False

    def _pause(self) -> float:
        pause = BACKOFF[min(self._tries, len(BACKOFF) - 1)]
        self._tries += 1
        return pause * (0.75 + self._chance() / 2)

    # The seat.

    def _joined(self, joined: Joined) -> list[Want]:
        self._place = _Place.SEATED
        self.outbox.is_open = True
        self._tries = 0
        self._was_seated, self._is_displaced = True, False
        self._missing_since = None
        self._note_seat(joined)
        return [
            *[send(each) for each in self._standing.values()],
            *self.outbox.say_again(),
            *self.recordings.joined(joined),
        ]

    def _note_seat(self, joined: Joined) -> None:
        session = self._session
        if joined.clock_id != session.clock_id:
            self.ahead = None
        # Without a number the server can store nothing: it counts on later.
        seq = session.last_seq if joined.recovered else joined.seq
        self._note(
            device_id=joined.device_id,
            resume_token=joined.resume_token or session.resume_token,
            clock_id=joined.clock_id or "",
            last_seq=seq or session.last_seq,
        )
        there = joined.session_status.devices
        self.others = {e.id: e.name for e in there if e.id != joined.device_id}

    def _met(self, met: DeviceConnected) -> list[Want]:
        self.others[met.device_id] = met.device_name
        return []

    def _parted(self, parted: DeviceDisconnected) -> list[Want]:
        self.others.pop(parted.device_id, None)
        return []

    def _measured(self, update: TimeSyncUpdate) -> list[Want]:
        self.ahead = update.offset_ms
        return []

    def _ended(self, _: SessionEnded) -> list[Want]:
        cut = self.recordings.cut("session ended")
        self._leave_for(_Place.OVER)
        return [*cut, Over("the session is over", is_regular=True)]

    # Refusals.

    def _refused(self, error: Error) -> list[Want]:
        if self._place is _Place.SEATED:
            return self._answered(error)
        if error.code == SESSION_NOT_FOUND.code:
            if self._is_gone():
                self._leave_for(_Place.OVER)
                return [Over("the session is over", error, is_regular=True)]
        elif not error.temporary:
            return self.barred(error.message, error)
        elif self._is_displaced and self.take is None:
            return self.barred("another phone has this phone's seat", error)
        self._place = _Place.TURNED_AWAY
        pause = self._pause()
        again = Later(self._clock() + pause * SECOND, self._ask_again)
        return [TurnedAway(error, pause), again]

    def _is_gone(self) -> bool:
        """Whether a session it sat in is gone for so long that it is over."""
        if not self._was_seated or self.take is not None:
            return False
        if self._missing_since is None:
            self._missing_since = self._clock()
        return self._clock() - self._missing_since >= GONE

    def _ask_again(self) -> list[Want]:
        return self.opened() if self._place is _Place.TURNED_AWAY else []

    def _answered(self, error: Error) -> list[Want]:
        """Take a refusal for the answer to what it names.

        One that names nothing answers all but reports: the server names those. But
        what it could not even read was none of what waits: each of that has a name.
        """
        name = error.command_id or None
        is_of_a_take = bool(error.take_id) and error.code == NOT_READY.code
        if name is None and (error.code in UNREADABLE or is_of_a_take):
            return []
        command = self.outbox.named(name)
        if isinstance(command, Report):
            return self.recordings.refused(command, error)
        waiting = self.outbox.waiting
        meant = waiting if name is None else [command]
        denied = [
            e for e in meant if isinstance(e, StartCommand | StopCommand | Marker)
        ]
        self.outbox.done(lambda each: each in denied)
        wants: list[Want] = [Denied(each, error) for each in denied]
        may_be_of_stop = name is None or isinstance(command, StopCommand)
        if error.code != NO_RECORDING.code or not may_be_of_stop:
            return wants
        # What the server does not know of, nobody else will stop.
        take = self.take
        is_stopped = take is not None and take.stops_at is not None
        return [*wants, *([] if is_stopped else self.recordings.cut("here only"))]

    # What the app wants.

    def start(self) -> list[Want]:
        """Ask for a start on all devices. The latest tap counts."""
        self.outbox.done(lambda each: isinstance(each, StartCommand))
        return self.outbox.say(StartCommand(command_id=self._names()))

    def stop(self) -> list[Want]:
        """Ask for the stop: of the take that is known, if one is."""
        self.outbox.done(lambda each: isinstance(each, StopCommand))
        take, elsewhere = self.take, self.recordings.elsewhere or None
        # Sent late, it must not end another take.
        which = elsewhere if take is None else take.id
        return self.outbox.say(StopCommand(command_id=self._names(), take_id=which))

    def mark(self, label: str = "", at: float | None = None) -> list[Want]:
        """Mark an instant of the take, now or another one of the device's clock."""
        when = self._clock() if at is None else at
        instant = None if self.ahead is None else fine(when - self.ahead)
        return self.outbox.say(Marker(label, instant, self._names()))

    def ready(self) -> list[Want]:
        """Be ready; that is said again with each seat."""
        return self._stand_by(DeviceReady())

    def fares(self, status: StatusReport) -> list[Want]:
        """Say how the device fares; the latest is said again with each seat."""
        return self._stand_by(status)

    def foreground(self) -> list[Want]:
        """Have the clock asked for anew: it may have slept."""
        return [send(Foreground())] if self.is_seated else []

    def _stand_by(self, word: DeviceReady | StatusReport) -> list[Want]:
        self._standing[type(word)] = word
        return [send(word)] if self.is_seated else []

    # What it is told of takes.

    def _told_to_start(self, start: StartRecording) -> list[Want]:
        self.outbox.done(lambda each: isinstance(each, StartCommand))
        return self.recordings.told_to_start(start)

    def _told_to_stop(self, stop: StopRecording) -> list[Want]:
        known = self.recordings.takes.named(stop.take_id or "")
        self.outbox.stopped(stop, is_news=known is None)
        return self.recordings.told_to_stop(stop)

    def _told_of_take(self, update: TakeUpdate) -> list[Want]:
        if update.device_id == self.device_id:
            self.outbox.told(update)
        else:
            self.recordings.told_of(update)
        return []

    def _told_of_mark(self, notice: MarkerNotice) -> list[Want]:
        if notice.device_id == self.device_id:
            self.outbox.marked(notice)
        return []
