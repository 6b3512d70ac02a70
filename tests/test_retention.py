"""Old takes go, a portion at a time, and phones come first."""

from __future__ import annotations

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock
from twisted.logger import LogLevel, capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from raydel.core.instants import DAY
from raydel.interfaces import StoreTrouble
from raydel.retention import EVERY, PAUSE, Retention
from raydel.store.memory import MemoryStore
from raydel.testing import EPOCH, FakeTimebase
from tests.stage import run

HOUR = EVERY * 1000


class OldStore(MemoryStore):
    """A store with old takes, which it forgets in portions.

    Attributes:
        portions: How many takes each call finds.
        asked: Before which instants takes were to go.
        fault: Why it cannot, if it cannot.
        raises: Whether it raises that.
    """

    def __init__(self) -> None:
        super().__init__()
        self.portions: list[int] = []
        self.asked: list[float] = []
        self.fault: Exception | None = None
        self.raises = False
        self.holding: Deferred[int] | None = None

    def forget(self, before: float) -> Deferred[int]:
        """Forget a portion, or fail."""
        self.asked.append(before)
        if self.fault is not None and self.raises:
            raise self.fault
        if self.fault is not None:
            return fail(self.fault)
        if self.holding is not None:
            return self.holding
        return succeed(self.portions.pop(0) if self.portions else 0)


class Looks(SynchronousTestCase):
    def setUp(self) -> None:
        """Begin to look."""
        self.clock = Clock()
        self.store = OldStore()
        timebase = FakeTimebase(self.clock)
        self.retention = Retention(self.store, 90 * DAY, timebase, self.clock)
        self.retention.start()

    def run_for(self, milliseconds: float) -> list[str]:
        """Let time pass, and return what was said."""
        with capturedLogs() as events:
            run(self.clock, milliseconds)
        return [
            event["log_format"].format(**event)
            for event in events
            if event["log_level"] >= LogLevel.info
        ]

    def test_soon_and_every_hour(self) -> None:
        """It looks right after the start, and once an hour; no word if all is new."""
        self.assertEqual([], self.run_for(10 * HOUR + 1_000))
        self.assertEqual(11, len(self.store.asked))

    def test_how_old(self) -> None:
        """What ended longer ago than takes are kept goes."""
        self.run_for(1_000)
        self.assertEqual([EPOCH + PAUSE * 1000 - 90 * DAY], self.store.asked)

    def test_portions(self) -> None:
        """It goes on until nothing is left, with a pause after each portion."""
        self.store.portions = [100, 100, 7]
        self.assertEqual(["100 old takes deleted"], self.run_for(150))
        self.assertEqual(1, len(self.store.asked))
        said = self.run_for(1_000)
        self.assertEqual(["100 old takes deleted", "7 old takes deleted"], said)
        self.assertEqual(4, len(self.store.asked))
        self.run_for(HOUR)
        self.assertEqual(5, len(self.store.asked))

    def test_trouble(self) -> None:
        """A store that fails, or raises, is one line an hour, and tried again."""
        for raises in (False, True):
            self.setUp()
            self.store.fault, self.store.raises = StoreTrouble("no disk"), raises
            said = self.run_for(2 * HOUR + 1_000)
            self.assertEqual(["old takes stay: no disk"] * 3, said)
            self.store.fault = None
            self.store.portions = [1]
            self.assertEqual(["1 old takes deleted"], self.run_for(HOUR))

    def test_a_fault_of_ours(self) -> None:
        """What no store has foreseen is logged with its traceback."""
        self.store.fault = ZeroDivisionError()
        self.run_for(1_000)
        self.assertEqual(1, len(self.flushLoggedErrors(ZeroDivisionError)))
        self.run_for(HOUR)
        self.assertEqual(1, len(self.flushLoggedErrors(ZeroDivisionError)))

    def test_stopped(self) -> None:
        """It leaves no timer behind, not even if an answer comes late."""
        self.store.holding = Deferred()
        self.run_for(1_000)
        self.retention.stop()
        self.store.holding.callback(5)
        self.assertEqual([], self.clock.getDelayedCalls())
        self.retention.stop()
