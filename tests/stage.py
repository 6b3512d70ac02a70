"""A session service without a reactor: a clock, server time, a store, and wires.

Time moves from one call that is due to the next, so that whatever happens in a
test happens at its exact instant.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import inf
from typing import Any, Final, cast

from msgspec import structs
from twisted.internet.defer import Deferred, fail
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.internet.task import Clock

from raydel.core.config import Config
from raydel.core.journal import JournalEntry
from raydel.core.startlatency import Camera
from raydel.core.state import Session
from raydel.core.take import ClockSample, Take
from raydel.interfaces import Row, StoreTrouble, Write
from raydel.service import SessionService
from raydel.store.memory import MemoryStore
from raydel.testing import FakeTimebase


def run(clock: Clock, milliseconds: float) -> None:
    """Let time pass, stopping wherever a call is due."""
    end = clock.seconds() + milliseconds / 1000
    while (due := next_call(clock)) <= end:
        clock.advance(max(0.0, due - clock.seconds()))
    clock.advance(max(0.0, end - clock.seconds()))


def next_call(clock: Clock) -> float:
    """Return when the next call is due, seconds; never, if there is none."""
    return min((call.getTime() for call in clock.getDelayedCalls()), default=inf)


FULL: Final = "the disk is full"
"""Why a store that breaks down does so, if nothing else is said."""


class Mortal:
    """The clock of one program: what was planned on it dies with the program.

    Args:
        clock: The clock of the world.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._calls: list[IDelayedCall] = []

    def seconds(self) -> float:
        """Return the seconds that have passed."""
        return float(self._clock.seconds())

    def callLater(
        self, delay: float, call: Callable[..., object], *args: object, **more: object
    ) -> IDelayedCall:
        """Plan a call."""
        planned: IDelayedCall = self._clock.callLater(delay, call, *args, **more)
        self._calls = [*(c for c in self._calls if c.active()), planned]
        return planned

    def getDelayedCalls(self) -> Sequence[IDelayedCall]:
        """Return what is planned."""
        return [call for call in self._calls if call.active()]

    def die(self) -> None:
        """Let nothing of it happen."""
        for call in self.getDelayedCalls():
            call.cancel()


class HeldStore(MemoryStore):
    """A memory store whose commits wait, while the test holds them, or that breaks.

    Attributes:
        holding: Whether commits wait.
        held: The batches that wait, first come first.
        commits: How many there were, whatever came of them.
        reads: How many sessions were read, or listed.
    """

    def __init__(self, *, holding: bool = False) -> None:
        super().__init__()
        self.holding = holding
        self.commits = 0
        self.reads = 0
        self.held: list[
            tuple[Sequence[Write], Sequence[Row], Deferred[frozenset[str]]]
        ] = []
        self._fault: Exception | None = None
        self._readable = True
        self._raises = False

    def break_down(
        self,
        fault: Exception | None = None,
        *,
        readable: bool = True,
        raises: bool = False,
    ) -> None:
        """Fail every call from now on.

        Args:
            fault: What it fails with.
            readable: Whether it can be read all the same.
            raises: Whether it raises where it should return a Deferred.
        """
        self._fault = fault or StoreTrouble(FULL)
        self._readable, self._raises = readable, raises

    def mend(self) -> None:
        """Fail no more."""
        self._fault = None

    def sessions(self) -> Deferred[Sequence[Session]]:
        """Return every session, or fail."""
        self.reads += 1
        return self._fail(reading=True) or super().sessions()

    def session(self, code: str) -> Deferred[Session | None]:
        """Return one session, or fail."""
        self.reads += 1
        return self._fail(reading=True) or super().session(code)

    def take(self, take_id: str) -> Deferred[Take | None]:
        """Return one take, or fail."""
        return self._fail(reading=True) or super().take(take_id)

    def takes(
        self, code: str | None = None, before: str | None = None, limit: int = 50
    ) -> Deferred[Sequence[Take]]:
        """Return takes, or fail."""
        return self._fail(reading=True) or super().takes(code, before, limit)

    def journal(self, take_id: str) -> Deferred[Sequence[JournalEntry]]:
        """Return the journal of a take, or fail."""
        return self._fail(reading=True) or super().journal(take_id)

    def delete(self, take_id: str) -> Deferred[bool]:
        """Delete a take, or fail."""
        return self._fail() or super().delete(take_id)

    def forget(self, before: float) -> Deferred[int]:
        """Delete old takes, or fail."""
        return self._fail() or super().forget(before)

    def cameras(self) -> Deferred[Sequence[Camera]]:
        """Return what is known of cameras, or fail."""
        return self._fail(reading=True) or super().cameras()

    def commit(
        self, batch: Sequence[Write], rows: Sequence[Row] = ()
    ) -> Deferred[frozenset[str]]:
        """Note a commit; make it, unless it is to wait or to fail."""
        self.commits += 1
        if self.holding:
            done: Deferred[frozenset[str]] = Deferred()
            self.held.append((batch, rows, done))
            return done
        return self._fail() or super().commit(batch, rows)

    def release(self) -> None:
        """Make the commit that has waited longest."""
        batch, rows, done = self.held.pop(0)
        super().commit(batch, rows).chainDeferred(done)

    def fail(self, fault: Exception | None = None) -> None:
        """Let the commit that has waited longest come to nothing."""
        _, _, done = self.held.pop(0)
        done.errback(fault or StoreTrouble(FULL))

    def elsewhere(self, code: str, **changes: object) -> None:
        """Change a session as another server would."""
        session = self._sessions[code]
        changed = structs.replace(session, version=session.version + 1, **changes)
        super().commit([Write(code, session.version, changed)])

    def remove(self, code: str) -> None:
        """Delete a session as another server would."""
        del self._sessions[code]

    def kept(self, code: str) -> Session | None:
        """Return a session as it is stored."""
        return self._sessions.get(code)

    def kept_take(self, take_id: str) -> Take:
        """Return a take as it is stored."""
        return self._takes[take_id]

    @property
    def take_ids(self) -> list[str]:
        """The takes that are stored, oldest first."""
        return list(self._takes)

    def samples_of(self, take_id: str) -> list[ClockSample]:
        """Return the samples that are stored with a take."""
        return self._samples.get(take_id, [])

    def _fail(self, *, reading: bool = False) -> Deferred[Any] | None:
        if self._fault is None or (reading and self._readable):
            return None
        if self._raises:
            raise self._fault
        return fail(self._fault)


class LateStore(HeldStore):
    """A store that takes its time to read.

    Attributes:
        lists: Who waits for all sessions, first come first.
        waiting: Who waits for one session, and which.
        is_late: Whether they wait at all.
    """

    def __init__(self) -> None:
        super().__init__()
        self.lists: list[Deferred[Sequence[Session]]] = []
        self.waiting: list[tuple[str, Deferred[Session | None]]] = []
        self.is_late = True

    def sessions(self) -> Deferred[Sequence[Session]]:
        """Keep who asks waiting."""
        if not self.is_late:
            return super().sessions()
        self.lists.append(Deferred())
        return self.lists[-1]

    def session(self, code: str) -> Deferred[Session | None]:
        """Keep who asks waiting."""
        if not self.is_late:
            return super().session(code)
        found: Deferred[Session | None] = Deferred()
        self.waiting.append((code, found))
        return found

    def list(self) -> None:
        """Answer who has waited longest for all sessions."""
        super().sessions().chainDeferred(self.lists.pop(0))

    def find(self) -> None:
        """Answer who has waited longest for one session."""
        code, found = self.waiting.pop(0)
        super().session(code).chainDeferred(found)


class Stage:
    """A running service, and all that it stands on.

    Attributes:
        clock: Runs every timer there is, the phones' too.
        timebase: Server time, which is also true time.
        store: Where the service keeps its sessions.
        service: The service.
    """

    def __init__(
        self, config: Config | None = None, store: HeldStore | None = None
    ) -> None:
        self.clock = Clock()
        self.timebase = FakeTimebase(self.clock)
        self.store = store or HeldStore()
        self._config = config or Config()
        self._begin()

    def _begin(self) -> None:
        self._mortal = Mortal(self.clock)
        self.service = SessionService(
            self._config, self.store, self.timebase, cast("IReactorTime", self._mortal)
        )
        self.service.startService()

    def restart(self) -> None:
        """Kill the program as it stands, and start another one on the same store.

        Wires that are open are nobody's from then on: break them.
        """
        self._mortal.die()
        self._begin()

    @property
    def now(self) -> float:
        """The instant it is, ms."""
        return self.timebase.now()

    def run(self, milliseconds: float) -> None:
        """Let time pass."""
        run(self.clock, milliseconds)

    def turn(self) -> None:
        """Let everything happen that is due now."""
        self.run(0.0)
