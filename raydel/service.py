"""The one session service behind WebSocket and REST.

It runs the steps of a reactor turn, commits them at once, and only then carries
out their effects: what a phone is told has been stored. Each session has a line
of its own, in which everything waits its turn; while a line's commit is under
way it alone stands still.
"""

from __future__ import annotations

import secrets
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Final

from msgspec import structs
from twisted.application.service import Service
from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from raydel.connection import Connection
from raydel.core import schedule
from raydel.core.apps import App
from raydel.core.config import Config
from raydel.core.effects import (
    Close,
    Dismissed,
    Effect,
    Happened,
    Probe,
    Seated,
    Tell,
)
from raydel.core.errors import (
    ALREADY_JOINED,
    INVALID_SESSION_ID,
    NOT_JOINED,
    Refusal,
)
from raydel.core.events import (
    DeadlinePassed,
    EndRequested,
    Event,
    Joining,
    Left,
    ReadyReported,
    StartRequested,
    StopRequested,
)
from raydel.core.instants import SECOND
from raydel.core.messages import (
    CameraReady,
    DeviceReady,
    Inbound,
    Join,
    Outbound,
    Pong,
    SessionStatus,
    StartCommand,
    StopCommand,
    refused,
)
from raydel.core.session import step
from raydel.core.state import Phase, Session, deadline_of, phase_of, status_of
from raydel.core.take import Take
from raydel.core.tokens import (
    fingerprint,
    new_device_id,
    new_resume_token,
    new_take_id,
)
from raydel.interfaces import (
    IConnection,
    IDesk,
    ISessions,
    IStore,
    ITimebase,
    ITransport,
    Write,
)

GOING_DOWN: Final = 1012
"""Close code of a restart: the library reconnects on it."""

GOODBYE: Final = 3.0
"""Seconds that peers have to answer it."""

BEATS: Final = 4
"""A peer is pinged every so many seconds, a share of all of them each second."""

TICK: Final = 1.0
"""Seconds between two shares."""

EARLY: Final = 0.001
"""Seconds a timer waits longer, so that its deadline has surely passed."""


@dataclass(frozen=True, slots=True)
class _Reply:
    """An answer that changes nothing, but has to wait its turn."""

    peer: str
    message: Outbound


@dataclass(frozen=True, slots=True)
class _End:
    """An operator's wish to end a session, and who waits to hear of it."""

    event: EndRequested
    done: Deferred[bool]


_Entry = Event | _Reply | _End


@dataclass(slots=True, eq=False)
class _Line:
    """What waits for one session, and its value as last stored."""

    code: str
    session: Session | None = None
    loaded: bool = False
    busy: bool = False
    waiting: deque[_Entry] = field(default_factory=deque)
    timer: IDelayedCall | None = None


@dataclass(slots=True)
class _Work:
    """One line's share of a turn: what was run, and what comes of it."""

    line: _Line
    entries: list[_Entry]
    session: Session | None
    takes: dict[str, Take] = field(default_factory=dict)
    effects: list[Effect] = field(default_factory=list)
    afterwards: list[Callable[[], None]] = field(default_factory=list)

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


@implementer(ISessions, IDesk)
class SessionService(Service):
    """Runs the sessions of this server.

    Args:
        config: The settings.
        store: Where sessions and takes are kept.
        timebase: Server time.
        clock: Runs the timers.
    """

    log = Logger()

    def __init__(
        self, config: Config, store: IStore, timebase: ITimebase, clock: IReactorTime
    ) -> None:
        self._config = config
        self._store = store
        self._timebase = timebase
        self._clock = clock
        self._lines: dict[str, _Line] = {}
        self._dirty: dict[_Line, None] = {}
        self._turn: IDelayedCall | None = None
        self._connections: dict[str, Connection] = {}
        self._shares: tuple[dict[Connection, None], ...] = tuple(
            {} for _ in range(BEATS)
        )
        self._names = (f"{secrets.token_hex(4)}-{n}" for n in count(1))
        self._beat = 0
        self._ticker: IDelayedCall | None = None
        self._stopping = False

    # The service.

    def startService(self) -> None:
        """Pick up the stored sessions, and begin to ping."""
        super().startService()
        self._stopping = False
        self._ticker = self._clock.callLater(TICK, self._tick)
        self._store.sessions().addCallbacks(self._recall, self._note_store_failure)

    def stopService(self) -> Deferred[object]:
        """Say goodbye to every peer and wait until they are gone."""
        super().stopService()
        self._stopping = True
        if self._ticker is not None:
            self._ticker.cancel()
            self._ticker = None
        going = [connection.gone for connection in self._connections.values()]
        for connection in list(self._connections.values()):
            connection.farewell(GOING_DOWN, "The server restarts")
        last_call = self._clock.callLater(GOODBYE, self._abort_all)

        def rest(result: object) -> object:
            if last_call.active():
                last_call.cancel()
            self._run_turn()
            self._stop_timers()
            return result

        return DeferredList(going).addBoth(rest)

    def _recall(self, sessions: Sequence[Session]) -> None:
        for session in sessions:
            line = self._line(session.id)
            line.session, line.loaded = session, True
            self._arm(line)

    def _abort_all(self) -> None:
        for connection in list(self._connections.values()):
            connection.transport.abort()

    def _stop_timers(self) -> None:
        for line in self._lines.values():
            if line.timer is not None and line.timer.active():
                line.timer.cancel()
        if self._turn is not None:
            self._turn.cancel()
            self._turn = None

    def _tick(self) -> None:
        """Ping one share of the peers."""
        self._ticker = self._clock.callLater(TICK, self._tick)
        self._beat = (self._beat + 1) % BEATS
        for connection in list(self._shares[self._beat]):
            try:
                connection.beat()
            except Exception:
                self.log.failure("{peer}: heartbeat failed", peer=connection.peer)

    # ISessions: what the edges call.

    @property
    def connection_count(self) -> int:
        """How many peers are connected, joined or not."""
        return len(self._connections)

    def connect(self, transport: ITransport, code: str | None) -> IConnection:
        """Welcome a new peer."""
        connection = Connection(
            next(self._names), transport, code, self, self._clock, self._timebase
        )
        self._connections[connection.peer] = connection
        self._share_of(connection)[connection] = None
        if self._stopping:
            connection.farewell(GOING_DOWN, "The server restarts")
        return connection

    def statuses(self) -> Sequence[SessionStatus]:
        """Return every living session, oldest first."""
        living = (s for line in self._lines.values() if (s := _living(line.session)))
        return [status_of(s) for s in sorted(living, key=lambda s: s.created_at)]

    def status(self, code: str) -> SessionStatus | None:
        """Return one living session, or None."""
        line = self._lines.get(code)
        session = _living(line.session) if line is not None else None
        return status_of(session) if session is not None else None

    def end(self, code: str) -> Deferred[bool]:
        """End a session; fires with whether there was one, once that is stored."""
        done: Deferred[bool] = Deferred()
        line = self._lines.get(code)
        session = line.session if line is not None else None
        self._submit(code, _End(EndRequested(self._stop_lead(session)), done))
        return done

    # IDesk: what connections call.

    def perform(self, connection: IConnection, message: Inbound) -> None:
        """Carry out a peer's command."""
        assert isinstance(connection, Connection)
        code = connection.session_code
        if isinstance(message, Join):
            self._join(connection, message)
        elif code is None:
            self.refuse(connection, Refusal(NOT_JOINED))
        else:
            self._submit(code, self._event(connection.peer, code, message))

    def _event(self, peer: str, code: str, message: Inbound) -> Event:
        """Add to a command what the step would have to measure."""
        match message:
            case StartCommand():
                return StartRequested(peer, new_take_id(), self._lead(peer, code))
            case StopCommand():
                return StopRequested(peer, self._stop_lead(self._session(code)))
            case CameraReady() | DeviceReady():
                return ReadyReported(peer, camera=isinstance(message, CameraReady))
            case _:
                raise AssertionError(f"{type(message).__name__} is no command")

    def _join(self, connection: Connection, join: Join) -> None:
        code = join.session_id
        assert code is not None
        if connection.session_code is not None:
            self.refuse(connection, Refusal(ALREADY_JOINED))
        elif connection.path_code not in {None, code}:
            detail = "the code differs from the one in the path"
            self.refuse(connection, Refusal(INVALID_SESSION_ID, detail=detail))
        else:
            connection.joining(join)
            presented = join.resume_token
            released = connection.app.is_released
            joining = Joining(
                peer=connection.peer,
                join=join,
                app=connection.app,
                device_id=new_device_id(),
                token=None if released else new_resume_token(),
                presented=fingerprint(presented) if presented else None,
            )
            self._submit(code, joining)

    def refuse(self, connection: IConnection, refusal: Refusal) -> None:
        """Answer a peer's message with an error, in its turn."""
        self._reply(connection, refused(refusal))

    def pong(self, connection: IConnection) -> None:
        """Answer a peer's own heartbeat: at once, but never before `joined`."""
        assert isinstance(connection, Connection)
        if connection.device_id is None:
            self._reply(connection, Pong())
        else:
            connection.tell(Pong())

    def report(self, code: str, event: Event) -> None:
        """Note what happened to a peer of a session."""
        self._submit(code, event)

    def gone(self, connection: IConnection, code: int) -> None:
        """Note that a connection has closed, with this close code."""
        assert isinstance(connection, Connection)
        self._connections.pop(connection.peer, None)
        self._share_of(connection).pop(connection, None)
        if connection.session_code is not None:
            self._submit(connection.session_code, Left(connection.peer, code))

    def _reply(self, connection: IConnection, message: Outbound) -> None:
        assert isinstance(connection, Connection)
        if connection.session_code is None:
            connection.tell(message)
        else:
            reply = _Reply(connection.peer, message)
            self._submit(connection.session_code, reply)

    def _share_of(self, connection: Connection) -> dict[Connection, None]:
        return self._shares[hash(connection.peer) % BEATS]

    # Leads: measured here, so that the step need not.

    def _session(self, code: str) -> Session | None:
        line = self._lines.get(code)
        return line.session if line is not None else None

    def _peers(self, session: Session | None) -> list[Connection]:
        """Return the connections of a session that are on this server."""
        seats = () if session is None else session.seats
        found = (self._connections.get(seat.peer or "") for seat in seats)
        return [connection for connection in found if connection is not None]

    def _lead(self, peer: str, code: str) -> float:
        session = self._session(code)
        seat = session.seat_of(peer) if session is not None else None
        if seat is not None and seat.is_host and seat.app is App.SCREEN_1:
            return 0.0  # It started its camera at the tap: the others follow.
        prospects = [peer.prospect() for peer in self._peers(session)]
        return schedule.lead(prospects, self._config.lead)

    def _stop_lead(self, session: Session | None) -> float:
        leads = (connection.stop_lead() for connection in self._peers(session))
        return max(leads, default=0.0)

    # Lines and turns.

    def _line(self, code: str) -> _Line:
        line = self._lines.get(code)
        if line is None:
            line = self._lines[code] = _Line(code)
        return line

    def _submit(self, code: str, entry: _Entry) -> None:
        """Put something in a session's line; it is dealt with next turn."""
        line = self._line(code)
        line.waiting.append(entry)
        self._mark(line)

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
        works = [self._run(line) for line in lines if line.loaded]
        writes = [(work, write) for work in works if (write := work.write())]
        stored = {id(work) for work, _ in writes}
        for work in works:
            if id(work) not in stored:
                self._conclude(work)
        if writes:
            self._commit([w for w, _ in writes], [write for _, write in writes])

    def _load(self, line: _Line) -> None:
        """Read a session that this server has not seen yet."""
        line.busy = True

        def loaded(session: Session | None) -> None:
            line.session, line.loaded, line.busy = session, True, False
            self._mark(line)

        def failed(failure: Failure) -> None:
            line.busy = False
            self._drop(line, list(line.waiting), failure)

        self._store.session(line.code).addCallbacks(loaded, failed)

    def _run(self, line: _Line) -> _Work:
        """Take the steps that wait in a line, each on the value of the last."""
        work = _Work(line, list(line.waiting), line.session)
        line.waiting.clear()
        for entry in work.entries:
            try:
                self._run_entry(work, entry)
            except Exception:
                kind = type(entry).__name__
                self.log.failure(
                    "{session}: {kind} failed", session=line.code, kind=kind
                )
        return work

    def _run_entry(self, work: _Work, entry: _Entry) -> None:
        if isinstance(entry, _Reply):
            work.effects.append(Tell(entry.peer, entry.message))
            return
        if isinstance(entry, _End):
            existed = _living(work.session) is not None
            work.afterwards.append(lambda: entry.done.callback(existed))
            event: Event = entry.event
        else:
            event = entry
        now = self._timebase.now()
        outcome = step(work.session, work.line.code, event, now, self._config)
        work.session = outcome.session
        work.takes.update((take.id, take) for take in outcome.takes)
        work.effects.extend(outcome.effects)

    def _commit(self, works: list[_Work], writes: list[Write]) -> None:
        for work in works:
            work.line.busy = True

        def committed(conflicts: frozenset[str]) -> None:
            for work in works:
                work.line.busy = False
                if work.line.code in conflicts:
                    self._run_again(work)
                else:
                    work.line.session = work.session
                    self._conclude(work)

        def failed(failure: Failure) -> None:
            for work in works:
                work.line.busy = False
                self._drop(work.line, work.entries, failure)

        self._store.commit(writes).addCallbacks(committed, failed)

    def _run_again(self, work: _Work) -> None:
        """Another server was faster: read its value, and take the steps on it."""
        work.line.loaded = False
        work.line.waiting.extendleft(reversed(work.entries))
        self._mark(work.line)

    def _drop(self, line: _Line, entries: list[_Entry], failure: Failure) -> None:
        """Forget what could not be stored: nobody was told of it."""
        self._note_store_failure(failure)
        line.waiting.clear()
        for entry in entries:
            if isinstance(entry, _End):
                entry.done.errback(failure)
        self._tidy(line)

    def _note_store_failure(self, failure: Failure) -> None:
        self.log.failure("the store failed", failure)

    # After the commit.

    def _conclude(self, work: _Work) -> None:
        """Carry out what a line's steps wanted: it is stored now."""
        for effect in work.effects:
            try:
                self._carry_out(effect)
            except Exception:
                kind = type(effect).__name__
                self.log.failure(
                    "{session}: {kind} failed", session=work.line.code, kind=kind
                )
        for call in work.afterwards:
            call()
        self._arm(work.line)
        self._tidy(work.line)

    def _carry_out(self, effect: Effect) -> None:
        if isinstance(effect, Happened):
            self._note(effect)
            return
        connection = self._connections.get(effect.peer)
        if connection is None:
            return
        match effect:
            case Tell(message=message, receipt=receipt):
                connection.tell(message, receipt)
            case Seated(device_id=device_id):
                connection.seated(device_id)
            case Dismissed():
                connection.dismissed()
            case Close(code=code):
                connection.farewell(code)
            case Probe():
                connection.probe_life()

    def _note(self, happened: Happened) -> None:
        self.log.info(
            "{session}: {occasion} {device} {name} {reason}",
            session=happened.session_id,
            occasion=happened.occasion.value,
            device=happened.device_id,
            name=happened.name,
            reason=happened.reason,
        )

    def _arm(self, line: _Line) -> None:
        """Set the session's one timer for its earliest deadline."""
        if line.timer is not None and line.timer.active():
            line.timer.cancel()
        line.timer = None
        session = line.session
        deadline = deadline_of(session, self._config) if session is not None else None
        if deadline is not None:
            wait = max(0.0, deadline - self._timebase.now()) / SECOND + EARLY
            line.timer = self._clock.callLater(
                wait, self._submit, line.code, DeadlinePassed()
            )

    def _tidy(self, line: _Line) -> None:
        """Forget a line that nothing is in and nothing waits in."""
        if line.waiting:
            self._mark(line)
        elif line.session is None:
            self._lines.pop(line.code, None)


def _living(session: Session | None) -> Session | None:
    """Return the session unless it has ended."""
    return session if phase_of(session) in {Phase.OPEN, Phase.RECORDING} else None
