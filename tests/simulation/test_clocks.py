"""A phone's clock."""

from __future__ import annotations

from math import pi, sqrt
from random import Random
from statistics import fmean, stdev

from twisted.trial.unittest import SynchronousTestCase

from raydel.core.instants import HOUR, MINUTE, SECOND
from raydel.simulation.clocks import (
    AMPLITUDE,
    WALK,
    WORST_RATE,
    Clock,
    Step,
    any_clock,
    swing,
    walk,
)

NOON = 1_768_478_400_000.0


class Ahead(SynchronousTestCase):
    """How far a clock is ahead."""

    def test_offset(self) -> None:
        """A perfect clock keeps its offset."""
        clock = Clock(NOON, 40.25)
        self.assertEqual(40.25, clock.ahead(NOON + HOUR))
        self.assertEqual(NOON + 40.25, clock.reading(NOON))

    def test_rate(self) -> None:
        """One that is 20 ppm fast gains 72 ms in an hour, and had them to gain."""
        clock = Clock(NOON, 5.0, rate=20e-6)
        self.assertAlmostEqual(5.0 + 72.0, clock.ahead(NOON + HOUR))
        self.assertAlmostEqual(5.0 - 72.0, clock.ahead(NOON - HOUR))

    def test_steps(self) -> None:
        """It is set at the instant of each step, and stays so."""
        steps = (Step(NOON + 10, 100.0), Step(NOON + 20, -30.0))
        clock = Clock(NOON, 1.0, steps=steps)
        shown = [clock.ahead(NOON + after) for after in (9.9, 10, 19.9, 20, HOUR)]
        self.assertEqual([1.0, 101.0, 101.0, 71.0, 71.0], shown)

    def test_granularity(self) -> None:
        """A coarse clock shows the multiple that has just passed."""
        for granularity, shown in ((0.0, 7.75), (0.5, 7.5), (1.0, 7.0), (4.0, 4.0)):
            clock = Clock(NOON, 2.5, granularity=granularity)
            self.assertEqual(NOON + shown, clock.reading(NOON + 5.25))

    def test_granularity_hides_only(self) -> None:
        """How far it is ahead in truth does not depend on what it shows."""
        self.assertEqual(0.25, Clock(NOON, 0.25, granularity=1.0).ahead(NOON + 5))


class Wandering(SynchronousTestCase):
    """What temperature does."""

    def test_swing(self) -> None:
        """A sine goes its amplitude to both sides in an hour."""
        wander = swing(0.0)
        for minutes, expected in ((0, 0.0), (15, AMPLITUDE), (30, 0.0), (45, -1.25)):
            self.assertAlmostEqual(expected, wander(minutes * MINUTE))
        self.assertAlmostEqual(AMPLITUDE, swing(pi / 2)(0.0))

    def test_walk(self) -> None:
        """Walks are 1.25 ms wide after an hour, half that after a quarter of one."""
        walks = [walk(Random(seed)) for seed in range(400)]
        for after, width in ((HOUR, WALK), (HOUR / 4, WALK / 2)):
            ends = [wander(after) for wander in walks]
            self.assertApproximates(0.0, fmean(ends), 4 * width / sqrt(400))
            self.assertApproximates(width, stdev(ends), 4 * width / sqrt(800))

    def test_walk_is_one(self) -> None:
        """A walk is the same whenever it is asked, and goes evenly within a second."""
        wander = walk(Random(1))
        late = wander(90 * SECOND)
        early = [wander(after) for after in (5_000.0, 5_500.0, 6_000.0)]
        self.assertEqual(late, wander(90 * SECOND))
        self.assertAlmostEqual(early[1], (early[0] + early[2]) / 2)
        self.assertEqual(0.0, wander(0.0))


class Drawn(SynchronousTestCase):
    """Clocks as they come."""

    def test_range(self) -> None:
        """They are up to a minute off and 20 ppm wrong, to both sides."""
        clocks = [any_clock(Random(seed), NOON, 1.0) for seed in range(300)]
        for values, most in (
            ([clock.offset for clock in clocks], MINUTE),
            ([clock.rate for clock in clocks], WORST_RATE),
        ):
            self.assertLessEqual(max(map(abs, values)), most)
            self.assertGreater(max(values), 0.9 * most)
            self.assertLess(min(values), -0.9 * most)
        self.assertEqual({1.0}, {clock.granularity for clock in clocks})

    def test_repeatable(self) -> None:
        """The same chance makes the same clock."""
        one, same = (any_clock(Random(3), NOON, 0.0) for _ in range(2))
        for after in (0.0, SECOND, HOUR):
            self.assertEqual(one.ahead(NOON + after), same.ahead(NOON + after))

    def test_wander(self) -> None:
        """How they wander can be asked for; if not, both ways are drawn."""
        for seed in range(20):
            swings = any_clock(Random(seed), NOON, 0.0, "sine")
            back = swings.wander(0.0) - swings.wander(HOUR)
            self.assertAlmostEqual(0.0, back)
            walks = any_clock(Random(seed), NOON, 0.0, "walk")
            self.assertEqual(0.0, walks.wander(0.0))
        clocks = [any_clock(Random(seed), NOON, 0.0) for seed in range(100)]
        walking = sum(clock.wander(0.0) == 0.0 for clock in clocks)
        self.assertApproximates(50, walking, 20)
