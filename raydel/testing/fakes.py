"""Fakes of our interfaces. They write down what is done to them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import takewhile
from typing import Any, Final, TypeVar

from msgspec import structs
from twisted.internet.defer import Deferred, execute, fail, succeed
from twisted.internet.task import Clock
from zope.interface import implementer

from raydel.core.apps import App
from raydel.core.errors import (
    INVALID_MESSAGE,
    NO_RECORDING,
    NOT_JOINED,
    RECORDING_IN_PROGRESS,
    SESSION_NOT_FOUND,
    Refusal,
)
from raydel.core.journal import SERVER, JournalEntry, Marked
from raydel.core.messages import (
    MarkerNotice,
    SessionStatus,
    StartRecording,
    StopRecording,
)
from raydel.core.take import Owner, Participant, Take
from raydel.interfaces import (
    IConnection,
    ISessions,
    ITimebase,
    ITransport,
    StoreTrouble,
    TakeRecord,
)

Told = TypeVar("Told")

EPOCH: Final = 1_768_473_000_000.0
"""When tests take place: 2026-01-15T10:30:00Z, in milliseconds."""

LEAD: Final = 250.0
"""From an operator's start to the cameras, ms."""


@implementer(ITimebase)
class FakeTimebase:
    """Server time that moves with a `Clock`."""

    def __init__(
        self, clock: Clock, epoch: float = EPOCH, clock_id: str = "test"
    ) -> None:
        """Be at `epoch`, in milliseconds, where the clock is at 0."""
        self.clock_id = clock_id
        self._clock = clock
        self._epoch = epoch

    def now(self) -> float:
        """Return the instant it is, in milliseconds since the epoch."""
        return self._epoch + self._clock.seconds() * 1000


@implementer(ITransport)
class FakeTransport:
    """A wire that goes nowhere.

    Attributes:
        sent: The frames that were sent.
        pings: The payloads of pings.
        goodbye: Close code and reason, or None while it is open.
        aborted: Whether it was dropped.
    """

    def __init__(self, address: str = "192.168.1.7:51234") -> None:
        self.address = address
        self.sent: list[bytes] = []
        self.pings: list[bytes] = []
        self.goodbye: tuple[int, str] | None = None
        self.aborted = False

    @property
    def is_open(self) -> bool:
        """Whether it still takes anything."""
        return self.goodbye is None and not self.aborted

    def send(self, frame: bytes) -> None:
        """Note a frame."""
        if self.is_open:
            self.sent.append(frame)

    def ping(self, payload: bytes) -> None:
        """Note a ping."""
        if self.is_open:
            self.pings.append(payload)

    def close(self, code: int, reason: str = "") -> None:
        """Note the goodbye."""
        if self.is_open:
            self.goodbye = code, reason

    def abort(self) -> None:
        """Note the end."""
        self.aborted = True


@implementer(IConnection)
class FakeConnection:
    """A peer that does nothing.

    Attributes:
        transport: The wire to it.
        code: The session code in its path.
        calls: What it was told, in order: the method's name and arguments.
        fault: Raised by every call, if it is set.
    """

    def __init__(self, transport: ITransport, code: str | None) -> None:
        self.transport = transport
        self.code = code
        self.calls: list[tuple[str | bytes | int, ...]] = []
        self.fault: Exception | None = None

    def received(self, frame: bytes) -> None:
        """Note a message."""
        self._note("received", frame)

    def ponged(self, payload: bytes) -> None:
        """Note a pong."""
        self._note("ponged", payload)

    def heard(self) -> None:
        """Note a sign of life."""
        self._note("heard")

    def closed(self, code: int) -> None:
        """Note the end."""
        self._note("closed", code)

    def _note(self, *call: str | bytes | int) -> None:
        self.calls.append(call)
        if self.fault is not None:
            raise self.fault


@implementer(ISessions)
class FakeSessions:
    """A session service that a test fills by hand.

    What an operator asks for is done to `living` and `records` as the real service
    does it; nobody is told.

    Attributes:
        now: When it is, server time, ms.
        connections: Every peer that was ever welcomed.
        living: The sessions there are, by code.
        records: The takes there are, by id, the latest last.
        commanded: What operators asked for, in order: the method and its arguments.
        commanding: If set, what `start`, `stop`, `mark` and `delete_take` return.
        trouble: Why nothing can be stored; the takes are then out of reach too.
        ended: The codes it was asked to end.
        ending: If set, what `end` returns.
        fault: Raised by every call, if it is set.
    """

    def __init__(self, *living: SessionStatus) -> None:
        self.now = EPOCH
        self.connection_count = 0
        self.connections: list[FakeConnection] = []
        self.living = {status.id: status for status in living}
        self.records: dict[str, TakeRecord] = {}
        self.commanded: list[tuple[str | float | None, ...]] = []
        self.commanding: Deferred[Any] | None = None
        self.trouble: str | None = None
        self.ended: list[str] = []
        self.ending: Deferred[bool] | None = None
        self.fault: Exception | None = None

    @property
    def session_count(self) -> int:
        """How many sessions there are."""
        return len(self.statuses())

    def connect(self, transport: ITransport, code: str | None) -> FakeConnection:
        """Welcome a peer."""
        self._fail()
        self.connection_count += 1
        self.connections.append(FakeConnection(transport, code))
        return self.connections[-1]

    def statuses(self) -> Sequence[SessionStatus]:
        """Return every session."""
        self._fail()
        return tuple(self.living.values())

    def status(self, code: str) -> SessionStatus | None:
        """Return one session."""
        self._fail()
        return self.living.get(code)

    def end(self, code: str) -> Deferred[bool]:
        """Note that a session was ended."""
        self._fail()
        self.ended.append(code)
        if self.ending is not None:
            return self.ending
        return succeed(self.living.pop(code, None) is not None)

    def start(self, code: str) -> Deferred[StartRecording]:
        """Begin a take of all devices of a session, `LEAD` from now."""
        return self._command(lambda: self._started(code), "start", code)

    def stop(self, code: str, take_id: str | None = None) -> Deferred[StopRecording]:
        """End the take of a session."""
        return self._command(
            lambda: self._stopped(code, take_id), "stop", code, take_id
        )

    def mark(
        self, code: str, label: str = "", instant: float | None = None
    ) -> Deferred[MarkerNotice]:
        """Add a line to the journal of the take of a session."""
        arguments = code, label, instant
        return self._command(lambda: self._marked(*arguments), "mark", *arguments)

    def delete_take(self, take_id: str) -> Deferred[bool]:
        """Delete a take that has ended."""
        return self._command(lambda: self._deleted(take_id), "delete_take", take_id)

    def take(self, take_id: str) -> Deferred[TakeRecord | None]:
        """Return one take."""
        self._fail()
        if self.trouble is not None:
            return fail(StoreTrouble(self.trouble))
        return succeed(self.records.get(take_id))

    def takes(
        self, code: str | None = None, before: str | None = None, limit: int = 50
    ) -> Deferred[Sequence[Take]]:
        """Return takes, the latest first."""
        self._fail()
        if self.trouble is not None:
            return fail(StoreTrouble(self.trouble))
        if before is not None and before not in self.records:
            return succeed([])
        takes = [record.take for record in self.records.values()]
        older = takewhile(lambda take: take.id != before, takes)
        found = [take for take in older if code in {None, take.session_id}]
        return succeed(found[::-1][:limit])

    def _command(
        self, work: Callable[[], Told], *call: str | float | None
    ) -> Deferred[Told]:
        self._fail()
        self.commanded.append(call)
        if self.commanding is not None:
            return self.commanding
        return execute(work)

    def _started(self, code: str) -> StartRecording:
        status = self._living(code)
        if self._running(code) is not None:
            raise Refusal(RECORDING_IN_PROGRESS)
        if not status.devices:
            raise Refusal(NOT_JOINED, detail="nobody is connected")
        take = Take(
            id=f"fake-take-{len(self.records) + 1}",
            session_id=code,
            accepted_at=self.now,
            start_at=self.now + LEAD,
            initiator=SERVER,
            participants=tuple(
                Participant(
                    Owner(each.id, each.is_host, None), each.name, App.LIBRARY_2
                )
                for each in status.devices
            ),
        )
        self.records[take.id] = TakeRecord(take, ())
        return StartRecording(code, self.now, SERVER, take.start_at, take.id)

    def _stopped(self, code: str, take_id: str | None) -> StopRecording:
        record = self._recording(code)
        if take_id not in {None, record.take.id}:
            raise Refusal(NO_RECORDING)
        ended = structs.replace(
            record.take, ended_at=self.now, reason="command", ended_by=SERVER
        )
        self.records[ended.id] = structs.replace(record, take=ended)
        return StopRecording(code, self.now, SERVER, ended.id, reason="command")

    def _marked(self, code: str, label: str, instant: float | None) -> MarkerNotice:
        record = self._recording(code)
        take = record.take
        at = self.now if instant is None else instant
        if not take.accepted_at <= at <= self.now:
            raise Refusal(INVALID_MESSAGE, detail="timestamp is not within the take")
        entry = JournalEntry(take.id, SERVER, self.now, Marked(at, label))
        journal = (*record.journal, entry)
        self.records[take.id] = structs.replace(record, journal=journal)
        return MarkerNotice(take.id, SERVER, at, label)

    def _deleted(self, take_id: str) -> bool:
        if self.trouble is not None:
            raise StoreTrouble(self.trouble)
        record = self.records.get(take_id)
        if record is not None and record.take.ended_at is None:
            raise Refusal(RECORDING_IN_PROGRESS)
        return self.records.pop(take_id, None) is not None

    def _living(self, code: str) -> SessionStatus:
        if code not in self.living:
            raise Refusal(SESSION_NOT_FOUND)
        return self.living[code]

    def _recording(self, code: str) -> TakeRecord:
        self._living(code)
        record = self._running(code)
        if record is None:
            raise Refusal(NO_RECORDING)
        return record

    def _running(self, code: str) -> TakeRecord | None:
        for record in self.records.values():
            if record.take.session_id == code and record.take.ended_at is None:
                return record
        return None

    def _fail(self) -> None:
        if self.fault is not None:
            raise self.fault
