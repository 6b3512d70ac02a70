"""The one session service behind WebSocket and REST."""

from __future__ import annotations

import random
import secrets
from collections.abc import Callable, Generator, Sequence
from itertools import count
from typing import Any, Final, TypeVar

from msgspec import structs
from twisted.application.service import Service
from twisted.internet.defer import (
    Deferred,
    DeferredList,
    fail,
    inlineCallbacks,
    maybeDeferred,
)
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from raydel.camerabook import CameraBook
from raydel.cameracalls import CameraCalls
from raydel.connection import Connection
from raydel.core import codec, schedule
from raydel.core.apps import App
from raydel.core.config import Config
from raydel.core.effects import (
    Close,
    Dismissed,
    Effect,
    Enlisted,
    Happened,
    Probe,
    Seated,
    Tell,
)
from raydel.core.errors import (
    ALREADY_JOINED,
    INVALID_SESSION_ID,
    NOT_JOINED,
    RECORDING_IN_PROGRESS,
    Refusal,
)
from raydel.core.events import (
    EndRequested,
    Event,
    Joining,
    Left,
    MarkRequested,
    ReadyReported,
    Reported,
    StartRequested,
    StatusReported,
    StopRequested,
)
from raydel.core.messages import (
    CameraReady,
    DeviceReady,
    Error,
    Inbound,
    Join,
    Marker,
    MarkerNotice,
    Outbound,
    Pong,
    Report,
    SessionStatus,
    StartCommand,
    StartRecording,
    StatusReport,
    StopCommand,
    StopRecording,
    refusal_of,
    refused,
)
from raydel.core.state import Session, status_of
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
    KnownCameras,
    Row,
    TakeRecord,
)
from raydel.lines import Lines, Reply, Request
from raydel.probing import Prober
from raydel.retention import Retention

_Result = TypeVar("_Result")

GOING_DOWN: Final = 1012
"""Close code of a restart: the library reconnects on it."""

GOODBYE: Final = 3.0
"""Seconds that peers have to answer it."""

LAST_COMMIT: Final = 1.0
"""Seconds that the store then has, for what they left behind."""

BEATS: Final = 20
"""Shares of all peers, which are pinged one after the other: nobody waits for many."""

TICK: Final = 0.2
"""Seconds between two shares."""


@implementer(ISessions, IDesk)
class SessionService(Service):
    """Runs the sessions of this server.

    Args:
        config: The settings.
        store: Where sessions and takes are kept.
        timebase: Server time.
        clock: Runs the timers.
        chance: Draws numbers from 0 to 1, by which phones are asked now and then.
    """

    log = Logger()

    def __init__(
        self,
        config: Config,
        store: IStore,
        timebase: ITimebase,
        clock: IReactorTime,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._config = config
        self._store = store
        self._timebase = timebase
        self._clock = clock
        self._lines = Lines(config, store, timebase, clock, self._carry_out)
        self._retention = Retention(store, config.keep_takes, timebase, clock)
        self._prober = Prober(clock, timebase, chance)
        self._cameras = CameraBook(store, self.keep, timebase, clock)
        self._connections: dict[str, Connection] = {}
        self._answers: dict[str, Outbound | None] = {}
        self._shares: tuple[dict[Connection, None], ...] = tuple(
            {} for _ in range(BEATS)
        )
        self._names = (f"{secrets.token_hex(4)}-{n}" for n in count(1))
        self._requests = (f"operator-{n}" for n in count(1))
        self._beat = 0
        # Asked for once: a class's logger makes a new one each time.
        self._tell_log = self.log.info
        self._ticker: IDelayedCall | None = None

    # The service.

    def startService(self) -> None:
        """Pick up the stored sessions, and begin to ping.

        Raises:
            StoreTrouble: There is no using the store.
        """
        self._store.open()
        super().startService()  # type: ignore[no-untyped-call]
        self._retention.start()
        self._cameras.start()
        self._ticker = self._clock.callLater(TICK, self._tick)
        self._lines.recall()

    def stopService(self) -> Deferred[object]:
        """Say goodbye to every peer and wait until they are gone."""
        super().stopService()  # type: ignore[no-untyped-call]
        if self._ticker is not None:
            self._ticker.cancel()
            self._ticker = None
        going = list(self._connections.values())
        all_gone = DeferredList([connection.gone for connection in going])
        for connection in going:
            connection.farewell(GOING_DOWN, "The server restarts")
        last_call = self._clock.callLater(GOODBYE, self._abort_all)

        def rest(_: object) -> Deferred[None]:
            if last_call.active():
                last_call.cancel()
            self._retention.stop()
            self._cameras.stop()
            self._prober.stop()
            stored = self._lines.finish().addTimeout(LAST_COMMIT, self._clock)
            stored.addErrback(self._note_unstored)
            return stored.addCallback(lambda _: self._store.close())

        return all_gone.addBoth(rest)

    def _note_unstored(self, failure: Failure) -> None:
        self.log.failure("the store does not answer", failure)

    def _abort_all(self) -> None:
        for connection in list(self._connections.values()):
            connection.transport.abort()

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
            next(self._names),
            transport,
            code,
            self,
            self._prober,
            CameraCalls(self._cameras),
            self._config,
            self._clock,
            self._timebase,
        )
        self._connections[connection.peer] = connection
        self._share_of(connection)[connection] = None
        if not self.running:
            connection.farewell(GOING_DOWN, "The server restarts")
        return connection

    def statuses(self) -> Sequence[SessionStatus]:
        """Return every living session, oldest first."""
        living = sorted(self._lines.living(), key=lambda session: session.created_at)
        return [status_of(session) for session in living]

    def status(self, code: str) -> SessionStatus | None:
        """Return one living session, or None."""
        session = self._lines.session(code)
        return None if session is None else status_of(session)

    @property
    def session_count(self) -> int:
        """How many sessions live."""
        return sum(1 for _ in self._lines.living())

    @property
    def trouble(self) -> str | None:
        """Why nothing can be stored now; None if all is well."""
        return self._lines.trouble

    @inlineCallbacks
    def take(self, take_id: str) -> Generator[Deferred[Any], Any, TakeRecord | None]:
        """Return one take, with all that is known of it."""
        take = yield self._store.take(take_id)
        if take is None:
            return None
        samples = yield self._store.samples(take_id)
        journal = yield self._store.journal(take_id)
        return TakeRecord(take, samples, journal, self._config.camera_latencies)

    def takes(
        self, code: str | None = None, before: str | None = None, limit: int = 50
    ) -> Deferred[Sequence[Take]]:
        """Return takes, the latest begun first."""
        return maybeDeferred(self._store.takes, code, before, limit)

    def cameras(self, limit: int = 50, before: str | None = None) -> KnownCameras:
        """Return what is known of cameras."""
        return self._cameras.page(limit, before)

    def end(self, code: str) -> Deferred[bool]:
        """End a session; fires with whether there was one, once that is stored.

        Where nothing can be stored, it is ended all the same, and stored later.
        """
        done: Deferred[bool] = Deferred()
        event = EndRequested(self._stop_lead(self._lines.session(code)))
        self._lines.submit(code, Request(event, done))
        return done

    def start(self, code: str) -> Deferred[StartRecording]:
        """Start recording on every device of a session, as an operator."""
        lead = self._lead_of(self._lines.session(code))
        event = self._start(next(self._requests), code, lead)
        return self._ask(code, structs.replace(event, by_operator=True))

    def stop(self, code: str, take_id: str | None = None) -> Deferred[StopRecording]:
        """Stop recording on every device of a session, as an operator."""
        lead = self._stop_lead(self._lines.session(code))
        name = next(self._requests)
        event = StopRequested(name, lead, take_id=take_id, by_operator=True)
        return self._ask(code, event)

    def mark(
        self, code: str, label: str = "", instant: float | None = None
    ) -> Deferred[MarkerNotice]:
        """Mark an instant of the take that runs, as an operator."""
        try:
            codec.check_showable("label", label)
        except Refusal:
            return fail()
        event = MarkRequested(next(self._requests), label, instant, by_operator=True)
        return self._ask(code, event)

    def _ask(
        self, code: str, event: StartRequested | StopRequested | MarkRequested
    ) -> Deferred[Any]:
        """Let an operator's command wait its turn.

        Returns:
            Fires with what everybody is told, once that is stored.
        """
        self._answers[event.peer] = None
        done: Deferred[Any] = Deferred()
        self._lines.submit(code, Request(event, done))

        def answer(_: bool) -> Outbound:
            match self._answers[event.peer]:
                case Error() as error:
                    raise refusal_of(error)
                case None:
                    raise RuntimeError("an operator's command got no answer")
                case message:
                    return message

        def forget(result: _Result) -> _Result:
            del self._answers[event.peer]
            return result

        return done.addCallback(answer).addBoth(forget)

    @inlineCallbacks
    def delete_take(self, take_id: str) -> Generator[Deferred[Any], Any, bool]:
        """Delete a take and all that was kept of it."""
        take = yield self._store.take(take_id)
        if take is not None and take.ended_at is None:
            raise Refusal(RECORDING_IN_PROGRESS, take_id=take_id)
        deleted: bool = yield self._store.delete(take_id)
        if deleted:
            self.log.info("take {take} deleted", take=take_id)
        return deleted

    # IDesk: what connections call.

    def perform(self, peer: str, message: Inbound) -> None:
        """Carry out a peer's command."""
        connection = self._connections[peer]
        code = connection.session_code
        if isinstance(message, Join):
            self._join(connection, message)
        elif code is None:
            name = getattr(message, "command_id", None)
            self.refuse(peer, Refusal(NOT_JOINED, command_id=name))
        else:
            self._lines.submit(code, self._event(peer, code, message))

    def _event(self, peer: str, code: str, message: Inbound) -> Event:
        """Add to a command what the step would have to measure."""
        match message:
            case StartCommand(command_id=name):
                lead = self._lead(peer, code)
                return self._start(peer, code, lead, name)
            case StopCommand(command_id=name, take_id=take_id):
                lead = self._stop_lead(self._lines.session(code))
                return StopRequested(peer, lead, name, take_id)
            case Marker(label=label, timestamp=instant, command_id=name):
                return MarkRequested(peer, label, instant, name)
            case CameraReady(command_id=name) | DeviceReady(command_id=name):
                camera = isinstance(message, CameraReady)
                return ReadyReported(peer, camera=camera, command_id=name)
            case StatusReport():
                return StatusReported(peer, message)
            case _ if isinstance(message, Report):
                return Reported(peer, message)
            case _:
                raise AssertionError(f"{type(message).__name__} is no command")

    def _join(self, connection: Connection, join: Join) -> None:
        code = join.session_id or ""
        again = connection.has_asked(join)
        if connection.session_code is not None and not again:
            refusal = Refusal(ALREADY_JOINED, command_id=join.command_id)
            self.refuse(connection.peer, refusal)
            return
        if connection.path_code not in {None, code}:
            refusal = Refusal(
                INVALID_SESSION_ID,
                detail="the code differs from the one in the path",
                command_id=join.command_id,
            )
            self.refuse(connection.peer, refusal)
            return
        if not again:
            connection.joining(join)
            self._draw_token(connection)
        self._lines.submit(code, self._joining(connection, join))

    def _draw_token(self, connection: Connection) -> None:
        """Draw the token that its next `Joined` brings."""
        if connection.resume_token is None and not connection.app.is_released:
            connection.resume_token = new_resume_token()

    def _joining(self, connection: Connection, join: Join) -> Joining:
        """Add what is drawn by lot. Tokens stay here: no store ever sees one."""
        token, presented = connection.resume_token, join.resume_token
        return Joining(
            peer=connection.peer,
            join=structs.replace(join, resume_token=None),
            app=connection.app,
            device_id=new_device_id(),
            token=fingerprint(token) if token else None,
            presented=fingerprint(presented) if presented else None,
        )

    def refuse(self, peer: str, refusal: Refusal) -> None:
        """Answer a peer's message with an error, in its turn."""
        self._reply(self._connections[peer], refused(refusal))

    def pong(self, peer: str) -> None:
        """Answer a peer's own heartbeat: at once, but never before `joined`."""
        connection = self._connections[peer]
        if connection.device_id is None:
            self._reply(connection, Pong())
        else:
            connection.tell(Pong())

    def report(self, code: str, event: Event) -> None:
        """Note what happened to a peer of a session."""
        self._lines.submit(code, event)

    def keep(self, row: Row) -> None:
        """Keep what was seen of a device."""
        self._lines.keep(row)

    def gone(self, peer: str, code: int) -> None:
        """Note that a connection has closed, with this close code."""
        connection = self._connections.pop(peer)
        self._share_of(connection).pop(connection, None)
        if connection.session_code is not None:
            self._lines.submit(connection.session_code, Left(peer, code))

    def _reply(self, connection: Connection, message: Outbound) -> None:
        code = connection.session_code
        if code is None:
            connection.tell(message)
        else:
            self._lines.submit(code, Reply(connection.peer, message))

    def _share_of(self, connection: Connection) -> dict[Connection, None]:
        number = int(connection.peer.rpartition("-")[2])
        return self._shares[number % BEATS]

    # Leads: measured here, so that the step need not.

    def _peers(self, session: Session | None) -> list[Connection]:
        """Return the connections of a session that are on this server."""
        seats = () if session is None else session.seats
        found = (self._connections.get(seat.peer or "") for seat in seats)
        return [connection for connection in found if connection is not None]

    def _lead(self, peer: str, code: str) -> float:
        session = self._lines.session(code)
        seat = session.seat_of(peer) if session is not None else None
        if seat is not None and seat.is_host and seat.app is App.SCREEN_1:
            return 0.0  # It started its camera at the tap: the others follow.
        return self._lead_of(session)

    def _lead_of(self, session: Session | None) -> float:
        prospects = [connection.prospect() for connection in self._peers(session)]
        return schedule.lead(prospects, self._config.lead)

    def _start(
        self, peer: str, code: str, lead: float, command_id: str | None = None
    ) -> StartRequested:
        """Add to a start what a strict one has to allow for."""
        there = self._peers(self._lines.session(code))
        prospects = {connection.peer: connection.prospect() for connection in there}
        return StartRequested(
            peer,
            new_take_id(),
            lead,
            command_id,
            grace=schedule.grace(prospects.values()),
            early=max([0.0, *(each.early for each in prospects.values())]),
            clockless=tuple(p for p, each in prospects.items() if not each.tells_clock),
        )

    def _stop_lead(self, session: Session | None) -> float:
        leads = (connection.stop_lead() for connection in self._peers(session))
        return max(leads, default=0.0)

    # After a commit.

    def _carry_out(self, effect: Effect) -> None:
        if isinstance(effect, Tell):
            self._tell(effect)
            return
        if isinstance(effect, Happened):
            self._note(effect)
            return
        connection = self._connections.get(effect.peer)
        if connection is None:
            return
        match effect:
            case Seated(device_id=device_id, lasting=lasting):
                connection.seated(device_id, lasting=lasting)
            case Enlisted(take_id=take_id):
                connection.enlisted(take_id)
            case Dismissed(owed=owed):
                connection.dismissed(owed=owed)
            case Close(code=code):
                connection.farewell(code)
            case Probe():
                connection.probe_life()

    def _tell(self, told: Tell) -> None:
        connection = self._connections.get(told.peer)
        if connection is not None:
            connection.tell(told.message, told.receipt, told.grace)
        elif told.peer in self._answers:
            self._answers[told.peer] = told.message

    def _note(self, happened: Happened) -> None:
        """Write one line: which session, what, and what there is to add."""
        device, name, reason = happened.device_id, happened.name, happened.reason
        self._tell_log(
            _FORMATS[bool(device), bool(name), bool(reason)],
            session=happened.session_id,
            occasion=happened.occasion.value,
            device=device,
            name=name,
            reason=reason,
        )


_FORMATS: Final = {
    (False, False, False): "{session}: {occasion}",
    (False, False, True): "{session}: {occasion}, {reason}",
    (False, True, True): "{session}: {occasion}: {name}, {reason}",
    (True, True, False): "{session}: {occasion}: {name} ({device})",
    (True, True, True): "{session}: {occasion}: {name} ({device}), {reason}",
}
"""By whether there is a device, a name, and a reason: a name never becomes part of a
format."""
