"""Server time: it only ever goes forward, at the pace of a second a second."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from raydel.interfaces import ITimebase
from raydel.timebase import MonotonicTimebase

NOON = 1_768_478_400.0
"""2026-01-15T12:00:00Z, in seconds."""


class Hand:
    """A clock that is set by hand, in seconds."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.readings = 0

    def __call__(self) -> float:
        """Read it."""
        self.readings += 1
        return self.seconds


class Time(SynchronousTestCase):
    def setUp(self) -> None:
        """Anchor server time at noon, a while after the machine was started."""
        self.wall, self.monotonic = Hand(NOON), Hand(5000.0)
        self.timebase = MonotonicTimebase(self.wall, self.monotonic)

    def test_interface(self) -> None:
        """It is what it claims to be."""
        self.assertTrue(verifyObject(ITimebase, self.timebase))

    def test_epoch(self) -> None:
        """It begins as the wall clock's time, in milliseconds."""
        self.assertEqual(NOON * 1000, self.timebase.now())

    def test_pace(self) -> None:
        """It goes as the monotonic clock does, fractions included."""
        self.monotonic.seconds += 1.2345
        self.assertAlmostEqual(NOON * 1000 + 1234.5, self.timebase.now(), 2)

    def test_no_step_of_the_wall_clock_moves_it(self) -> None:
        """Somebody sets the machine's clock: server time goes on."""
        self.wall.seconds -= 3600.0
        self.monotonic.seconds += 1.0
        self.assertEqual((NOON + 1) * 1000, self.timebase.now())
        self.assertEqual(1, self.wall.readings)

    def test_name(self) -> None:
        """Each anchor has a name of its own, which stays."""
        name = self.timebase.clock_id
        self.timebase.now()
        self.assertEqual(name, self.timebase.clock_id)
        self.assertNotEqual(name, MonotonicTimebase(self.wall, self.monotonic).clock_id)

    def test_real_clocks(self) -> None:
        """By default it reads the machine's clocks, and never goes back."""
        timebase = MonotonicTimebase()
        readings = [timebase.now() for _ in range(100)]
        self.assertEqual(sorted(readings), readings)
        self.assertGreater(readings[0], NOON * 1000)
