"""Time that is played."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.error import AlreadyCalled, AlreadyCancelled
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from raydel.interfaces import ITimebase
from raydel.simulation.trial import NOON
from raydel.simulation.virtualtime import VirtualClock, VirtualTimebase


class Clocks(SynchronousTestCase):
    """A reactor's timers."""

    def setUp(self) -> None:
        """Have a clock, and note what is called when."""
        self.clock = VirtualClock(NOON)
        self.called: list[tuple[str, float]] = []

    def note(self, name: str) -> Callable[[], None]:
        """Return a call that is noted, with the ms since noon."""
        return lambda: self.called.append((name, self.clock.now - NOON))

    def test_interfaces(self) -> None:
        """It is what the server takes it for."""
        self.assertTrue(verifyObject(IReactorTime, self.clock))
        planned = self.clock.callLater(1.0, self.note("a"))
        self.assertTrue(verifyObject(IDelayedCall, planned))
        self.assertTrue(verifyObject(ITimebase, VirtualTimebase(self.clock)))

    def test_order(self) -> None:
        """What is due first is called first; at one instant, what was planned first."""
        for name, delay in (("b", 0.25), ("a", 0.0), ("c", 0.25)):
            self.clock.callLater(delay, self.note(name))
        self.clock.call_at(NOON + 125.0, self.note("between"))
        self.clock.run(NOON + 1000.0)
        self.assertEqual(
            [("a", 0.0), ("between", 125.0), ("b", 250.0), ("c", 250.0)], self.called
        )
        self.assertEqual(NOON + 1000.0, VirtualTimebase(self.clock).now())
        self.assertEqual((NOON + 1000.0) / 1000, self.clock.seconds())

    def test_until(self) -> None:
        """What is due later has to wait, and the past is now."""
        self.clock.callLater(1.0, self.note("later"))
        self.clock.call_at(NOON - 5.0, self.note("past"))
        self.clock.run(NOON + 999.0)
        self.assertEqual([("past", 0.0)], self.called)
        self.assertEqual(1, len(self.clock.getDelayedCalls()))

    def test_cancel(self) -> None:
        """What is cancelled is not called, and neither can be taken back twice."""
        planned = self.clock.callLater(1.0, self.note("never"))
        planned.cancel()
        self.assertFalse(planned.active())
        self.assertEqual([], self.clock.getDelayedCalls())
        self.assertRaises(AlreadyCancelled, planned.cancel)
        done = self.clock.callLater(0.0, self.note("done"))
        self.clock.run(NOON + 2000.0)
        self.assertEqual([("done", 0.0)], self.called)
        self.assertRaises(AlreadyCalled, done.reset, 1.0)

    def test_reset(self) -> None:
        """What is planned anew is called once, when it is due by then."""
        sooner = self.clock.callLater(2.0, self.note("sooner"))
        later = self.clock.callLater(0.5, self.note("later"))
        sooner.reset(0.25)
        later.delay(0.5)
        self.assertEqual((NOON + 250.0) / 1000, sooner.getTime())
        self.clock.run(NOON + 5000.0)
        self.assertEqual([("sooner", 250.0), ("later", 1000.0)], self.called)

    def test_run_while(self) -> None:
        """Time stops where what is waited for has come."""
        for delay in (0.1, 0.2, 0.3):
            self.clock.callLater(delay, self.note("x"))
        self.clock.run_while(lambda: len(self.called) < 2)
        self.assertEqual([("x", 100.0), ("x", 200.0)], self.called)
