"""Sessions in the making: steps in order, commits before words.

Each session has a line of its own, in which whatever concerns it waits its turn.
Once a reactor turn the lines that can move take their steps, all of them are
committed together, and only then are their effects carried out: what a phone is
told has been stored. While a line's commit is under way it alone stands still.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from msgspec import structs
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from raydel.core.config import Config
from raydel.core.effects import Dismissed, Effect, Tell
from raydel.core.events import DeadlinePassed, Event, Joining
from raydel.core.instants import SECOND
from raydel.core.messages import Outbound
from raydel.core.session import step
from raydel.core.state import Phase, Session, deadline_of, phase_of
from raydel.core.take import Take
from raydel.interfaces import IStore, ITimebase, Write

EARLY: Final = 0.001
"""Seconds a timer waits longer, so that its deadline has surely passed."""

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


@dataclass(slots=True, eq=False)
class _Line:
    """What waits for one session, and its value as last stored."""

    code: str
    session: Session | None = None
    loaded: bool = False
    busy: bool = False
    waiting: deque[Entry] = field(default_factory=deque)
    timer: IDelayedCall | None = None


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
        before = self.line.session
        if self.session == before and not self.takes:
            return None
        expected = 0 if before is None else before.version
        if self.session is not None:
            self.session = structs.replace(self.session, version=expected + 1)
        takes = tuple(self.takes.values())
        return Write(self.line.code, expected, self.session, takes)


class Lines:
    """The lines of all sessions on this server.

    Args:
        config: The settings.
        store: Where sessions and takes are kept.
        timebase: Server time.
        clock: Runs the timers.
        carry_out: Does what a step wanted, once that is stored.
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
        self._config = config
        self._store = store
        self._timebase = timebase
        self._clock = clock
        self._carry_out = carry_out
        self._lines: dict[str, _Line] = {}
        self._dirty: dict[_Line, None] = {}
        self._turn: IDelayedCall | None = None
        self._finished: Deferred[None] | None = None

    def recall(self) -> None:
        """Pick up the sessions that are in the store."""
        self._finished = None
        self._store.sessions().addCallbacks(self._recalled, self._note_failure)

    def living(self) -> Iterator[Session]:
        """Return every session that has not ended."""
        for line in self._lines.values():
            session = line.session
            if session is not None and phase_of(session) in LIVING:
                yield session

    def session(self, code: str) -> Session | None:
        """Return a session that has not ended, as last stored, or None."""
        line = self._lines.get(code)
        session = line.session if line is not None else None
        return session if phase_of(session) in LIVING else None

    def submit(self, code: str, entry: Entry) -> None:
        """Put something in a session's line; it is dealt with next turn."""
        line = self._lines.get(code)
        if line is None:
            line = self._lines[code] = _Line(code)
        line.waiting.append(entry)
        self._mark(line)

    def finish(self) -> Deferred[None]:
        """Deal with all that waits, and leave no timer behind.

        Returns:
            Fires once all of it is stored.
        """
        self._finished = Deferred()
        for line in self._lines.values():
            self._disarm(line)
        self._run_turn()
        return self._finished

    # A turn.

    def _recalled(self, sessions: Sequence[Session]) -> None:
        for session in sessions:
            if session.id in self._lines:
                continue  # Somebody was quicker: that line reads it by itself.
            line = self._lines[session.id] = _Line(session.id, session, loaded=True)
            self._arm(line)

    def _mark(self, line: _Line) -> None:
        self._dirty[line] = None
        if self._turn is None:
            self._turn = self._clock.callLater(0, self._run_turn)

    def _run_turn(self) -> None:
        """Run what waits in every line that can move, and commit it together."""
        if self._turn is not None and self._turn.active():
            self._turn.cancel()
        self._turn = None
        lines, self._dirty = [line for line in self._dirty if not line.busy], {}
        for line in lines:
            if not line.loaded:
                self._load(line)
        works = [self._run(line) for line in lines if line.loaded and line.waiting]
        to_store = []
        for work in works:
            write = work.write()
            if write is None:
                self._conclude(work)
            else:
                to_store.append((work, write))
        if to_store:
            self._commit(to_store)
        self._rest()

    def _rest(self) -> None:
        """Tell whoever asked for the end once all is stored."""
        finished = self._finished
        if finished is None or finished.called or self._turn is not None:
            return
        if not any(line.busy for line in self._lines.values()):
            finished.callback(None)

    def _load(self, line: _Line) -> None:
        """Read a session that this server has not seen yet."""
        line.busy = True

        def loaded(session: Session | None) -> None:
            line.session, line.loaded, line.busy = session, True, False
            self._mark(line)

        def failed(failure: Failure) -> None:
            line.busy = False
            entries = list(line.waiting)
            line.waiting.clear()
            self._drop(line, entries, failure)
            self._rest()

        self._store.session(line.code).addCallbacks(loaded, failed)

    def _run(self, line: _Line) -> _Work:
        """Take the steps that wait in a line, each on the value of the last."""
        work = _Work(line, list(line.waiting), line.session)
        line.waiting.clear()
        for entry in work.entries:
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
        now = self._timebase.now()
        outcome = step(work.session, work.line.code, entry, now, self._config)
        work.session = outcome.session
        work.takes.update((take.id, take) for take in outcome.takes)
        work.effects.extend(outcome.effects)

    # The commit.

    def _commit(self, to_store: list[tuple[_Work, Write]]) -> None:
        for work, _ in to_store:
            work.line.busy = True

        def committed(conflicts: frozenset[str]) -> None:
            for work, _ in to_store:
                work.line.busy = False
                if work.line.code in conflicts:
                    self._run_again(work)
                else:
                    work.line.session = work.session
                    self._conclude(work)
            self._rest()

        def failed(failure: Failure) -> None:
            for work, _ in to_store:
                work.line.busy = False
                self._drop(work.line, work.entries, failure)
            self._rest()

        batch = [write for _, write in to_store]
        self._store.commit(batch).addCallbacks(committed, failed)

    def _run_again(self, work: _Work) -> None:
        """Another server was faster: read its value, and take the steps on it."""
        work.line.loaded = False
        work.line.waiting.extendleft(reversed(work.entries))
        self._mark(work.line)

    def _drop(self, line: _Line, entries: list[Entry], failure: Failure) -> None:
        """Forget what could not be stored: nobody was told of it."""
        self._note_failure(failure)
        for entry in entries:
            if isinstance(entry, Request):
                entry.done.errback(failure)
            elif isinstance(entry, Joining):
                self._carry_out(Dismissed(entry.peer))
        self._tidy(line)

    def _note_failure(self, failure: Failure) -> None:
        self.log.failure("the store failed", failure)

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
        elif line.session is None:
            self._lines.pop(line.code, None)
