"""Sessions in the making: steps in order, commits before words.

Each session has a line of its own, in which whatever concerns it waits its turn.
Once a reactor turn the lines that can move take their steps, all of them are
committed together, and only then are their effects carried out: what a phone is
told has been stored. While a line's commit is under way it alone stands still.

A store that fails ends no match. From then on, until it can be written again,
nothing begins and all else goes on from memory: a stop is worth more than its
record. What could not be stored is tried again every second.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final, TypeVar

from msgspec import UNSET, structs
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from raydel.core.config import Config
from raydel.core.effects import Close, Dismissed, Effect, Seated, Tell
from raydel.core.errors import DEGRADED, Refusal
from raydel.core.events import (
    DeadlinePassed,
    Event,
    Joining,
    PeerCommand,
    Restarted,
)
from raydel.core.instants import SECOND
from raydel.core.messages import Joined, Numbered, Outbound, refused
from raydel.core.session import SEAT_TAKEN, begins, step
from raydel.core.state import Phase, Session, deadline_of, phase_of
from raydel.core.take import ClockSample, Take
from raydel.interfaces import IStore, ITimebase, StoreTrouble, Write

EARLY: Final = 0.001
"""Seconds a timer waits longer, so that its deadline has surely passed."""

RETRY: Final = 1.0
"""Seconds between two attempts to store what could not be stored."""

MOST_SAMPLES: Final = 10_000
"""Clock samples that wait for a store; the oldest are dropped: about a megabyte."""

LIVING: Final = frozenset({Phase.OPEN, Phase.RECORDING})
"""Phases of a session that anybody may hear of."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer that changes nothing, but has to wait its turn."""

    peer: str
    message: Outbound


@dataclass(frozen=True, slots=True)
class Request:
    """An event that somebody waits for: whether it met a living session."""

    event: Event
    done: Deferred[bool]


Entry = Event | Reply | Request

_Result = TypeVar("_Result")


class _Read(Enum):
    """What this server has read of a session."""

    NOTHING = "nothing"
    OUTDATED = "outdated"
    LATEST = "latest"


@dataclass(slots=True, eq=False)
class _Line:
    """What waits for one session, and its value.

    Attributes:
        is_early: Whether it was there before the stored sessions were known: what
            it reads is then from an earlier run of the program.
        session: The value that everybody was told of.
        stored: The version of it that the store has; 0 for none.
        unsaved: Whether the store has fallen behind.
        takes: Takes that it does not have in this form.
    """

    code: str
    is_early: bool = False
    session: Session | None = None
    stored: int = 0
    unsaved: bool = False
    takes: dict[str, Take] = field(default_factory=dict)
    read: _Read = _Read.NOTHING
    busy: bool = False
    waiting: deque[Entry] = field(default_factory=deque)
    timer: IDelayedCall | None = None

    @property
    def can_move(self) -> bool:
        """Whether a step can be taken on its value."""
        return self.read is _Read.LATEST and not self.busy and bool(self.waiting)

    def has(self, session: Session | None) -> None:
        """Note what the store has."""
        self.session = session
        self.stored = 0 if session is None else session.version
        self.unsaved = False
        self.takes.clear()
        self.read = _Read.LATEST

    def write(self, session: Session | None, takes: Iterable[Take]) -> Write:
        """Put a value into the next write to the store."""
        if session is not None:
            session = structs.replace(session, version=self.stored + 1)
        return Write(self.code, self.stored, session, tuple(takes))


@dataclass(slots=True)
class _Work:
    """One line's share of a turn: what was run, and what comes of it."""

    line: _Line
    entries: list[Entry]
    session: Session | None
    takes: dict[str, Take] = field(default_factory=dict)
    effects: list[Effect] = field(default_factory=list)
    answers: list[tuple[Deferred[bool], bool]] = field(default_factory=list)

    def write(self) -> Write | None:
        """Return what has to be stored, or None."""
        if self.session == self.line.session and not self.takes:
            return None
        return self.line.write(self.session, self.takes.values())


class Lines:
    """The lines of all sessions on this server.

    Args:
        config: The settings.
        store: Where sessions and takes are kept.
        timebase: Server time.
        clock: Runs the timers.
        carry_out: Does what a step wanted, once that is stored.

    Attributes:
        trouble: Why nothing can be stored now; None if all is well.
    """

    log = Logger()

    def __init__(
        self,
        config: Config,
        store: IStore,
        timebase: ITimebase,
        clock: IReactorTime,
        carry_out: Callable[[Effect], None],
    ) -> None:
        self.trouble: str | None = None
        self._config = config
        self._store = store
        self._timebase = timebase
        self._clock = clock
        self._carry_out = carry_out
        self._lines: dict[str, _Line] = {}
        self._dirty: dict[_Line, None] = {}
        self._samples: list[ClockSample] = []
        self._recalled = False
        self._trying = False
        self._turn: IDelayedCall | None = None
        self._retry: IDelayedCall | None = None
        self._commits = 0
        self._finished: Deferred[None] | None = None

    def recall(self) -> None:
        """Pick up the sessions that are in the store."""
        self._finished = None
        self._recall()

    def living(self) -> Iterator[Session]:
        """Return every session that has not ended."""
        for line in self._lines.values():
            session = line.session
            if session is not None and phase_of(session) in LIVING:
                yield session

    def session(self, code: str) -> Session | None:
        """Return a session that has not ended, or None."""
        line = self._lines.get(code)
        session = line.session if line is not None else None
        return session if phase_of(session) in LIVING else None

    def submit(self, code: str, entry: Entry) -> None:
        """Put something in a session's line; it is dealt with next turn."""
        line = self._lines.get(code)
        if line is None:
            line = self._lines[code] = _Line(code, is_early=not self._recalled)
        line.waiting.append(entry)
        self._mark(line)

    def measured(self, sample: ClockSample) -> None:
        """Store a clock sample with what the turn stores anyway, or alone."""
        self._samples.append(sample)
        del self._samples[:-MOST_SAMPLES]
        self._wake()

    def finish(self) -> Deferred[None]:
        """Deal with all that waits, and leave no timer behind.

        Returns:
            Fires once all of it is stored, or the store has refused it.
        """
        self._finished = Deferred()
        for line in self._lines.values():
            self._disarm(line)
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None
        self._take_turn()
        if self.trouble is not None:
            self._save()
        self._rest()
        return self._finished

    # The beginning.

    def _recall(self) -> None:
        """Ask the store for all its sessions, once at a time."""
        if self._trying:
            return
        self._trying = True
        found = maybeDeferred(self._store.sessions).addBoth(self._tried)
        self._watch(found.addCallbacks(self._pick_up, self._degrade))

    def _pick_up(self, sessions: Sequence[Session]) -> None:
        """Note that the store can be read, and go on with what is in it."""
        self._recalled = True
        if self._finished is None:
            self._go_on_with(sessions)
        if self.trouble is not None:
            self._save()

    def _go_on_with(self, sessions: Sequence[Session]) -> None:
        """Go on with what is stored: nobody is connected to it yet."""
        for session in sessions:
            line = self._lines.get(session.id)
            if line is None:
                line = self._lines[session.id] = _Line(session.id)
                line.has(session)
                self.submit(session.id, Restarted())
            elif line.read is not _Read.NOTHING:
                self._arm(line)
        if sessions:
            running = sum(session.take is not None for session in sessions)
            self.log.info(
                "sessions that go on: {count}; that record: {running}",
                count=len(sessions),
                running=running,
            )

    # A turn.

    def _mark(self, line: _Line) -> None:
        self._dirty[line] = None
        self._wake()

    def _wake(self) -> None:
        if self._turn is None:
            self._turn = self._clock.callLater(0, self._run_turn)

    def _run_turn(self) -> None:
        self._take_turn()
        self._rest()

    def _take_turn(self) -> None:
        """Run what waits in every line that can move, and commit it together."""
        if self._turn is not None and self._turn.active():
            self._turn.cancel()
        self._turn = None
        lines, self._dirty = [line for line in self._dirty if not line.busy], {}
        for line in lines:
            if line.read is not _Read.LATEST:
                self._load(line)
        works = [self._run(line) for line in lines if line.can_move]
        if self.trouble is None:
            self._commit(works)
        else:
            for work in works:
                self._go_on(work)

    def _rest(self) -> None:
        """Tell whoever asked for the end once all is stored."""
        finished = self._finished
        if finished is None or finished.called or self._turn is not None:
            return
        busy = any(line.busy for line in self._lines.values())
        if not self._commits and not self._trying and not busy:
            finished.callback(None)

    def _watch(self, done: Deferred[Any]) -> None:
        """See a visit to the store to its end."""
        done.addErrback(self._note_fault)
        done.addBoth(lambda _: self._rest())

    def _note_fault(self, failure: Failure) -> None:
        self.log.failure("what the store answered was not dealt with", failure)

    def _load(self, line: _Line) -> None:
        """Read a session that this server has not seen yet, or not of late."""
        line.busy = True
        is_first = line.is_early and line.read is _Read.NOTHING

        def loaded(session: Session | None) -> None:
            line.busy = False
            work = _Work(line, [], session, effects=_strays(line.session, session))
            line.has(session)
            if is_first:
                line.waiting.appendleft(Restarted())
            self._conclude(work)

        def failed(failure: Failure) -> None:
            line.busy = False
            self._degrade(failure)
            if line.session is None:
                self._turn_away(line)
            else:
                line.read = _Read.LATEST  # As far as anybody here can know.
                self._mark(line)

        found = maybeDeferred(self._store.session, line.code)
        self._watch(found.addCallbacks(loaded, failed))

    def _turn_away(self, line: _Line) -> None:
        """Refuse all that waits for a session that cannot be read."""
        work = _Work(line, [], None)
        entries = list(line.waiting)
        line.waiting.clear()
        for entry in entries:
            if isinstance(entry, Request):
                entry.done.errback(StoreTrouble(self.trouble))
            elif isinstance(entry, Reply):
                work.effects.append(Tell(entry.peer, entry.message))
            elif isinstance(entry, Joining | PeerCommand):
                work.effects += _refusal(entry)
        self._conclude(work)

    def _run(self, line: _Line) -> _Work:
        """Take the steps that wait in a line."""
        entries = list(line.waiting)
        line.waiting.clear()
        return self._steps(line, entries)

    def _steps(self, line: _Line, entries: list[Entry]) -> _Work:
        """Take a line's steps, each on the value of the last."""
        work = _Work(line, entries, line.session)
        for entry in entries:
            try:
                self._run_entry(work, entry)
            except Exception:
                self.log.failure(
                    "{session}: {kind} failed",
                    session=line.code,
                    kind=type(entry).__name__,
                )
                if isinstance(entry, Joining):
                    work.effects.append(Dismissed(entry.peer))
        return work

    def _run_entry(self, work: _Work, entry: Entry) -> None:
        if isinstance(entry, Reply):
            work.effects.append(Tell(entry.peer, entry.message))
            return
        if isinstance(entry, Request):
            work.answers.append((entry.done, phase_of(work.session) in LIVING))
            entry = entry.event
        if self.trouble is not None and begins(work.session, entry):
            work.effects += _refusal(entry)
            return
        now = self._timebase.now()
        outcome = step(work.session, work.line.code, entry, now, self._config)
        work.session = outcome.session
        work.takes.update((take.id, take) for take in outcome.takes)
        work.effects.extend(outcome.effects)

    # The commit.

    def _commit(self, works: list[_Work]) -> None:
        """Store what the steps came to, then carry it out."""
        to_store = []
        for work in works:
            write = work.write()
            if write is None:
                self._conclude(work)
            else:
                work.line.busy = True
                to_store.append((work, write))
        if not to_store and not self._samples:
            return

        def committed(conflicts: frozenset[str]) -> None:
            for work, write in to_store:
                work.line.busy = False
                if work.line.code in conflicts:
                    self._run_again(work)
                else:
                    work.line.has(write.session)
                    self._conclude(work)

        def failed(_: Failure) -> None:
            for work, _write in to_store:
                work.line.busy = False
                self._go_on(self._steps(work.line, work.entries))

        done = self._put([write for _, write in to_store])
        self._watch(done.addCallbacks(committed, failed))

    def _put(self, batch: Sequence[Write]) -> Deferred[frozenset[str]]:
        """Hand a batch to the store, and the clock samples that wait."""
        samples, self._samples = self._samples, []
        self._commits += 1

        def ended(result: frozenset[str] | Failure) -> frozenset[str] | Failure:
            self._commits -= 1
            if isinstance(result, Failure):
                self._samples = [*samples, *self._samples][-MOST_SAMPLES:]
                self._degrade(result)
            return result

        return maybeDeferred(self._store.commit, batch, samples).addBoth(ended)

    def _run_again(self, work: _Work) -> None:
        """Another server was faster: read its value, and take the steps on it."""
        work.line.read = _Read.OUTDATED
        work.line.waiting.extendleft(reversed(work.entries))
        self._mark(work.line)

    def _conclude(self, work: _Work) -> None:
        """Carry out what a line's steps wanted: it is stored now."""
        for effect in work.effects:
            try:
                self._carry_out(effect)
            except Exception:
                self.log.failure(
                    "{session}: {kind} failed",
                    session=work.line.code,
                    kind=type(effect).__name__,
                )
        for done, answer in work.answers:
            done.callback(answer)
        self._arm(work.line)
        self._tidy(work.line)

    # While nothing can be stored.

    def _degrade(self, failure: Failure) -> None:
        """Go on without the store, and try it again soon."""
        why = failure.getErrorMessage() or type(failure.value).__name__
        if self.trouble is None:
            self._note_trouble(failure, why)
        self.trouble = why
        if self._retry is None and self._finished is None:
            self._retry = self._clock.callLater(RETRY, self._try_again)

    def _note_trouble(self, failure: Failure, why: str) -> None:
        """Say once what is wrong; where no store has foreseen it, say where, too."""
        words = "nothing can be stored: {why}; recordings go on, nothing new begins"
        if failure.check(StoreTrouble):
            self.log.error(words, why=why)
        else:
            self.log.failure(words, failure, why=why)

    def _try_again(self) -> None:
        self._retry = None
        if self._recalled:
            self._save()
        else:
            self._recall()

    def _tried(self, result: _Result) -> _Result:
        self._trying = False
        return result

    def _go_on(self, work: _Work) -> None:
        """Carry out steps that are stored later."""
        line = work.line
        if work.write() is not None:
            line.session, line.unsaved = work.session, True
            line.takes |= work.takes
        work.effects = [_unpromised(effect) for effect in work.effects]
        self._conclude(work)

    def _save(self) -> None:
        """Store all that could not be stored; an empty commit tries the store too."""
        if self._trying:
            return
        self._trying = True
        behind = [line for line in self._lines.values() if line.unsaved]
        writes = [line.write(line.session, line.takes.values()) for line in behind]
        told = [line.session for line in behind]

        def saved(conflicts: frozenset[str]) -> None:
            for line, write, session in zip(behind, writes, told, strict=True):
                self._catch_up(line, write, session, lost=line.code in conflicts)
            if any(line.unsaved for line in self._lines.values()):
                self._save()
            else:
                self._recover()

        done = self._put(writes).addBoth(self._tried)
        self._watch(done.addCallbacks(saved, lambda _: None))

    def _recover(self) -> None:
        """Store things first again, the samples that came meanwhile, too."""
        self.trouble = None
        self.log.info("all is stored again")
        if self._samples:
            self._wake()

    def _catch_up(
        self, line: _Line, write: Write, told: Session | None, *, lost: bool
    ) -> None:
        """Note that a line is stored, in the form it had when that began."""
        if lost:
            self.log.error("{session}: another server was faster", session=line.code)
            line.read, line.unsaved = _Read.OUTDATED, False
            self._mark(line)
        elif line.session is told:
            line.has(write.session)
            self._tidy(line)
        else:
            line.stored = 0 if write.session is None else write.session.version

    # Afterwards.

    def _arm(self, line: _Line) -> None:
        """Set the session's one timer for its earliest deadline."""
        self._disarm(line)
        session = line.session
        deadline = deadline_of(session, self._config) if session is not None else None
        if deadline is not None and self._finished is None:
            wait = max(0.0, deadline - self._timebase.now()) / SECOND + EARLY
            line.timer = self._clock.callLater(
                wait, self.submit, line.code, DeadlinePassed()
            )

    def _disarm(self, line: _Line) -> None:
        if line.timer is not None and line.timer.active():
            line.timer.cancel()
        line.timer = None

    def _tidy(self, line: _Line) -> None:
        """Forget a line that nothing is in and nothing waits in."""
        if line.waiting:
            self._mark(line)
        elif line.session is None and not line.unsaved:
            self._lines.pop(line.code, None)
            self._dirty.pop(line, None)


def _strays(ours: Session | None, theirs: Session | None) -> list[Effect]:
    """Send peers that another server's value has no seat for back to the door."""
    lost = [peer for peer in _peers(ours) if peer not in _peers(theirs)]
    return [
        effect for peer in lost for effect in (Dismissed(peer), Close(peer, SEAT_TAKEN))
    ]


def _peers(session: Session | None) -> list[str]:
    """Return the peers that have a seat, or wait for one."""
    if session is None:
        return []
    seated = [seat.peer for seat in session.seats if seat.peer is not None]
    return seated + [claim.joining.peer for claim in session.claims]


def _unpromised(effect: Effect) -> Effect:
    """Take from what is told whatever the device could come back with.

    A number says that what was told up to it is kept, and a token that a seat is.
    Were this server to die now, its successor would give the number to something
    else, and would not know the token.
    """
    match effect:
        case Seated():
            return structs.replace(effect, lasting=False)
        case Tell(message=Joined(recovered=True)):
            return effect  # The number is the device's own.
        case Tell(message=message) if isinstance(message, Joined | Numbered):
            return structs.replace(effect, message=structs.replace(message, seq=UNSET))
        case _:
            return effect


def _refusal(event: Event) -> list[Effect]:
    """Answer a peer that nothing can be stored now."""
    peer = getattr(event, "peer", "")
    name = getattr(event, "command_id", None)
    answer = Tell(peer, refused(Refusal(DEGRADED, command_id=name)))
    return [Dismissed(peer), answer] if isinstance(event, Joining) else [answer]
