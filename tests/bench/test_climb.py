"""Loads that grow: how much of what, for how long, and what comes of it."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from raydel.bench.climb import Climb, Point
from raydel.bench.growth import quiet_after
from raydel.bench.job import Found


class ClimbTests(SynchronousTestCase):
    """What grows, and what does not."""

    def test_connections(self) -> None:
        """Relays remain those of as many sessions as the smallest number makes."""
        climb = Climb("connections", (100, 5_000))
        self.assertEqual((1, 50), (climb.scale, climb.active))

    def test_sessions(self) -> None:
        """Relays are of all sessions, and two phones make one."""
        climb = Climb("sessions", (10, 100))
        self.assertEqual((2, None), (climb.scale, climb.active))

    def test_waits(self) -> None:
        """Idle phones are measured once they are asked seldom, unless told else."""
        climb = Climb("connections", (100,))
        self.assertEqual(quiet_after(100), climb.waits_for(100))
        self.assertEqual(2.0, Climb("sessions", (100,)).waits_for(100))
        hasty = Climb("connections", (100,), settling=1.5)
        self.assertEqual(1.5, hasty.waits_for(100))

    def test_thousands_wait_longer(self) -> None:
        """Full cadence lasts two minutes, and longer where phones wait their turn."""
        self.assertGreater(quiet_after(2), 130)
        self.assertGreater(quiet_after(20_000), quiet_after(2) + 60)

    def test_how_long(self) -> None:
        """All of it has time: joins at their pace, waits, and what is measured."""
        climb = Climb("sessions", (150, 300), rounds=3, warm_up=1.0, seconds=2.0)
        self.assertEqual(3 * (2 * 5.0 + 2 * 2.0 + 4.0), climb.takes())


class PointTests(SynchronousTestCase):
    """What one relay costs among so many phones."""

    def test_costs(self) -> None:
        """Upkeep is taken off for as long as the load was, not as it was measured."""
        load = Found(count=1_000, seconds=2.0, cpu=0.5)
        point = Point(100, load, Found(count=100, seconds=4.0, cpu=0.4))
        self.assertEqual(500.0, point.cost)
        self.assertAlmostEqual(300.0, point.net or 0.0)

    def test_unknown(self) -> None:
        """Without CPU, or without a relay, there is no cost."""
        idle = Found(count=100, seconds=1.0, cpu=0.1)
        self.assertIsNone(Point(9, Found(count=9, seconds=1.0), idle).net)
        self.assertIsNone(Point(9, Found(count=0, seconds=1.0, cpu=0.1), idle).net)
