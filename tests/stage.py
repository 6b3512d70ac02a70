"""A session service without a reactor: a clock, server time, a store, and wires.

Time moves from one call that is due to the next, so that whatever happens in a
test happens at its exact instant.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf

from msgspec import structs
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from raydel.core.config import Config
from raydel.core.take import ClockSample
from raydel.interfaces import StoreTrouble, Write
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


class HeldStore(MemoryStore):
    """A memory store whose commits wait for the test, while it holds them.

    Attributes:
        holding: Whether they wait.
        held: The batches that wait, first come first.
        commits: How many there were.
    """

    def __init__(self, *, holding: bool = False) -> None:
        super().__init__()
        self.holding = holding
        self.commits = 0
        self.held: list[
            tuple[Sequence[Write], Sequence[ClockSample], Deferred[frozenset[str]]]
        ] = []

    def commit(
        self, batch: Sequence[Write], samples: Sequence[ClockSample] = ()
    ) -> Deferred[frozenset[str]]:
        """Note a commit; make it, unless it is to wait."""
        self.commits += 1
        if not self.holding:
            return super().commit(batch, samples)
        done: Deferred[frozenset[str]] = Deferred()
        self.held.append((batch, samples, done))
        return done

    def release(self) -> None:
        """Make the commit that has waited longest."""
        batch, samples, done = self.held.pop(0)
        super().commit(batch, samples).chainDeferred(done)

    def fail(self) -> None:
        """Let the commit that has waited longest come to nothing."""
        _, _, done = self.held.pop(0)
        done.errback(StoreTrouble("the disk is full"))

    def elsewhere(self, code: str, **changes: object) -> None:
        """Change a session as another server would."""
        session = self._sessions[code]
        changed = structs.replace(session, version=session.version + 1, **changes)
        super().commit([Write(code, session.version, changed)])

    def stored(self, code: str) -> bool:
        """Tell whether there is such a session."""
        return code in self._sessions


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
        self.service = SessionService(
            config or Config(), self.store, self.timebase, self.clock
        )
        self.service.startService()

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
