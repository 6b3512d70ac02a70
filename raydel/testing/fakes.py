"""Fakes of our interfaces. They write down what is done to them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile
from typing import Final

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock
from zope.interface import implementer

from raydel.core.messages import SessionStatus
from raydel.core.take import Take
from raydel.interfaces import (
    IConnection,
    ISessions,
    ITimebase,
    ITransport,
    StoreTrouble,
    TakeRecord,
)

EPOCH: Final = 1_768_473_000_000.0
"""When tests take place: 2026-01-15T10:30:00Z, in milliseconds."""


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

    Attributes:
        connections: Every peer that was ever welcomed.
        living: The sessions there are, by code.
        records: The takes there are, by id, the latest last.
        trouble: Why nothing can be stored; the takes are then out of reach too.
        ended: The codes it was asked to end.
        ending: If set, what `end` returns.
        fault: Raised by every call, if it is set.
    """

    def __init__(self, *living: SessionStatus) -> None:
        self.connection_count = 0
        self.connections: list[FakeConnection] = []
        self.living = {status.id: status for status in living}
        self.records: dict[str, TakeRecord] = {}
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

    def _fail(self) -> None:
        if self.fault is not None:
            raise self.fault
