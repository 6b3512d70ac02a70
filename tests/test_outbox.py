"""The outbox: first in, first out, none before its time."""

from __future__ import annotations

from collections.abc import Callable
from math import inf

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from raydel.outbox import Outbox
from raydel.testing import EPOCH, FakeTimebase
from tests.stage import run


class Departures(SynchronousTestCase):
    def setUp(self) -> None:
        """Begin with nothing."""
        self.clock = Clock()
        self.timebase = FakeTimebase(self.clock)
        self.outbox = Outbox(self.clock, self.timebase)
        self.left: list[tuple[str, float]] = []

    def leaving(self, name: str) -> Callable[[], None]:
        """Return something that notes when it leaves, in ms from the beginning."""
        return lambda: self.left.append((name, round(self.timebase.now() - EPOCH, 3)))

    def put(self, name: str, departure: float) -> None:
        """Put something in, to leave so many ms from the beginning."""
        self.outbox.put(EPOCH + departure, self.leaving(name))

    def names(self) -> list[str]:
        """Return what has left."""
        return [name for name, _ in self.left]

    def test_at_once(self) -> None:
        """What is due, or has no time of its own, leaves while it is put in."""
        self.put("now", 0.0)
        self.put("past", -50.0)
        self.outbox.put(-inf, self.leaving("whenever"))
        self.assertEqual(["now", "past", "whenever"], self.names())
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_in_time(self) -> None:
        """What has a time leaves then."""
        self.put("later", 30.0)
        run(self.clock, 29.9)
        self.assertEqual([], self.left)
        run(self.clock, 1.0)
        self.assertEqual([("later", 30.0)], self.left)

    def test_nothing_overtakes(self) -> None:
        """What is put in later leaves later, however early it might."""
        self.put("stop", 30.0)
        self.outbox.put(-inf, self.leaving("ended"))
        self.put("close", 10.0)
        run(self.clock, 100)
        self.assertEqual([("stop", 30.0), ("ended", 30.0), ("close", 30.0)], self.left)

    def test_nothing_overtakes_what_is_late(self) -> None:
        """Where the timer is late, what is due still leaves first."""
        overdue = self.clock.callLater(
            0.05, lambda: self.outbox.put(-inf, self.leaving("next"))
        )
        self.put("stop", 50.0)
        overdue.reset(0.04)
        self.clock.advance(0.06)
        self.assertEqual(["stop", "next"], self.names())

    def test_each_at_its_own_time(self) -> None:
        """Departures may lie apart: one timer serves them all."""
        for departure in (10.0, 20.0, 40.0):
            self.put(f"{departure}", departure)
        self.assertEqual(1, len(self.clock.getDelayedCalls()))
        run(self.clock, 100)
        self.assertEqual([10.0, 20.0, 40.0], [at for _, at in self.left])

    def test_until(self) -> None:
        """It tells when all that waits will have left."""
        self.assertEqual(-inf, self.outbox.until)
        self.put("a", 10.0)
        self.put("b", 40.0)
        self.put("c", 20.0)
        self.assertEqual(EPOCH + 40.0, self.outbox.until)
        run(self.clock, 100)
        self.assertEqual(-inf, self.outbox.until)

    def test_clear(self) -> None:
        """What is forgotten does not leave, and leaves no timer behind."""
        self.put("a", 10.0)
        self.put("b", 20.0)
        self.outbox.clear()
        self.assertEqual([], self.clock.getDelayedCalls())
        run(self.clock, 100)
        self.assertEqual([], self.left)

    def test_used_again(self) -> None:
        """It works after it was emptied, one way or the other."""
        self.put("a", 10.0)
        self.outbox.clear()
        self.put("b", 20.0)
        run(self.clock, 50)
        self.put("c", 60.0)
        run(self.clock, 50)
        self.assertEqual([("b", 20.0), ("c", 60.0)], self.left)

    def test_put_while_leaving(self) -> None:
        """What a departure puts in goes behind what waits already."""
        self.outbox.put(
            EPOCH + 10.0, lambda: self.outbox.put(-inf, self.leaving("afterwards"))
        )
        self.put("second", 20.0)
        run(self.clock, 50)
        self.assertEqual(["second", "afterwards"], self.names())

    def test_clear_while_leaving(self) -> None:
        """A departure that ends it all ends it all."""
        self.outbox.put(EPOCH + 10.0, self.outbox.clear)
        self.put("second", 20.0)
        run(self.clock, 50)
        self.assertEqual([], self.left)
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_failure(self) -> None:
        """One that fails takes nothing along: the rest leaves in its time."""
        self.outbox.put(EPOCH + 10.0, self.fail)
        self.put("second", 20.0)
        self.assertRaises(self.failureException, run, self.clock, 15)
        run(self.clock, 15)
        self.assertEqual([("second", 20.0)], self.left)
