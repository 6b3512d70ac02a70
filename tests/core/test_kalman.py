"""A clock, followed through looks at it."""

from __future__ import annotations

from math import sqrt
from random import Random

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from raydel.core.kalman import (
    PHONE,
    Look,
    State,
    Wander,
    between,
    first,
    follow,
    predict,
    smooth,
    surprise,
    update,
    wander,
)

NOON = 1_768_478_400_000.0
STILL = Wander(0.0, 0.0)
RATE = 20e-6


def drawn() -> Random:
    """Return chance that is the same each time."""
    return Random(2026)  # noqa: S311 - it is to be repeated, not kept secret


def straight(count: int, variance: float = 1e-4) -> list[Look]:
    """Return looks at a clock that gains 20 ppm, each of them right."""
    return [
        Look(NOON + 10_000.0 * n, 5.0 + RATE * 10_000.0 * n, variance)
        for n in range(count)
    ]


class Following(SynchronousTestCase):
    """From look to look."""

    def test_one_look(self) -> None:
        """One look tells the offset, and nothing of the rate."""
        state = first(Look(NOON, 5.0, 0.25))
        self.assertEqual((5.0, 0.0, 0.25), (state.offset, state.rate, state.variance))

    def test_two_looks_tell_the_rate(self) -> None:
        """Two good looks at a straight clock tell how fast it gains."""
        state = follow(straight(2, 1e-6), STILL).states[-1]
        self.assertAlmostEqual(RATE, state.rate, places=9)

    def test_what_is_not_looked_at_is_forgotten(self) -> None:
        """The longer ago the last look is, the less is known."""
        state = first(Look(NOON, 5.0, 0.25))
        later = [predict(state, NOON + span, PHONE) for span in (0.0, 1e3, 1e6)]
        self.assertEqual(state, later[0])
        self.assertLess(later[0].variance, later[1].variance)
        self.assertLess(later[1].variance, later[2].variance)

    def test_each_look_tells_more(self) -> None:
        """After a look, never less is known than before it."""
        course = follow(straight(20), PHONE)
        for expected, state in zip(course.expected[1:], course.states[1:], strict=True):
            self.assertLess(state.variance, expected.variance)

    def test_surprise(self) -> None:
        """A look is as surprising as it is many standard deviations off."""
        state = State(NOON, 5.0, 0.0, 9.0, 0.0, 0.0)
        self.assertEqual(2.0, surprise(state, Look(NOON, 15.0, 16.0)))

    def test_halfway(self) -> None:
        """A look as good as what was expected counts half."""
        state = update(State(NOON, 0.0, 0.0, 1.0, 0.0, 1e-12), Look(NOON, 4.0, 1.0))
        self.assertEqual((2.0, 0.5), (state.offset, state.variance))

    @given(st.floats(0.0, 1e6), st.floats(0.0, 1e6))
    def test_in_two_strides(self, one: float, other: float) -> None:
        """What is known later does not depend on how often one asks in between."""
        state = State(NOON, 5.0, RATE, 0.25, 1e-6, 1e-10)
        there = NOON + one + other
        straightway = predict(state, there, PHONE)
        resting = predict(predict(state, NOON + one, PHONE), there, PHONE)
        for expected, actual in zip(straightway, resting, strict=True):
            self.assertAlmostEqual(1.0, (actual + 1e-30) / (expected + 1e-30), places=6)


class Likelihood(SynchronousTestCase):
    """Which wander, and which noise, fits the looks."""

    def test_the_wander_that_was_drawn(self) -> None:
        """Looks at a clock that walks are likelier by its own wander than by others."""
        random, offset, looks = drawn(), 0.0, []
        for n in range(500):
            offset += random.gauss(0.0, 1.25 * sqrt(10 / 3600))
            looks.append(Look(10_000.0 * n, offset + random.gauss(0.0, 0.05), 0.0025))
        calm, own, wild = (
            follow(looks, wander(walk)).likelihood for walk in (0.2, 1.25, 8.0)
        )
        self.assertGreater(own, max(calm, wild))

    def test_noise_that_was_overstated(self) -> None:
        """Looks that are better than they were said to be are found out."""
        random = drawn()
        looks = [Look(1e4 * n, random.gauss(0.0, 0.5), 1.0) for n in range(1_000)]
        self.assertAlmostEqual(0.25, follow(looks, STILL).noise, places=1)


class Smoothing(SynchronousTestCase):
    """Looking from both sides."""

    def test_a_straight_clock(self) -> None:
        """A straight clock that is seen exactly is told as it is."""
        looks = straight(50, 1e-8)
        for look, state in zip(looks, smooth(follow(looks, PHONE)), strict=True):
            self.assertAlmostEqual(look.offset, state.offset, places=3)
            self.assertAlmostEqual(RATE, state.rate, places=7)

    def test_both_sides_know_more(self) -> None:
        """From both sides never less is known than from one; at the end as much."""
        course = follow(straight(20), PHONE)
        smoothed = smooth(course)
        self.assertEqual(course.states[-1], smoothed[-1])
        for one, both in zip(course.states[:-1], smoothed[:-1], strict=True):
            self.assertLess(both.variance, one.variance)

    def test_the_same_backwards(self) -> None:
        """Time has no direction: a course told from its end is the same, mirrored."""
        random = drawn()
        looks = [Look(1e4 * n, random.gauss(0.0, 0.1), 0.01) for n in range(20)]
        mirrored = [look._replace(at=-look.at) for look in reversed(looks)]
        there = smooth(follow(looks, PHONE))
        back = smooth(follow(mirrored, PHONE))
        for one, other in zip(there, reversed(back), strict=True):
            self.assertAlmostEqual(one.offset, other.offset, places=3)
            self.assertAlmostEqual(one.variance, other.variance, places=4)

    def test_a_line_by_hand(self) -> None:
        """Of a clock that cannot stray, it finds the line of least squares."""
        offsets = (0.0, 1.0, 1.0, 2.0, 3.0, 3.0)
        looks = [Look(1e8 * n, offset, 1.0) for n, offset in enumerate(offsets)]
        smoothed = smooth(follow(looks, STILL))
        self.assertAlmostEqual(0.095238, smoothed[0].offset, places=4)
        self.assertAlmostEqual(0.628571e-8, smoothed[0].rate, places=12)
        self.assertAlmostEqual(0.095238 + 5 * 0.628571, smoothed[5].offset, places=4)


class Between(SynchronousTestCase):
    """Between two looks."""

    def test_as_if_there_had_been_a_look(self) -> None:
        """What is known in between is what a look that tells nothing would leave."""
        random = drawn()
        looks = [Look(1e4 * n, random.gauss(0.0, 0.1), 0.01) for n in range(6)]
        instant = 23_000.0
        course = follow(looks, PHONE)
        found = between(course.states[2], smooth(course)[3], instant, PHONE)
        blind = [*looks[:3], Look(instant, 0.0, 1e12), *looks[3:]]
        expected = smooth(follow(blind, PHONE))[3]
        self.assertAlmostEqual(expected.offset, found.offset, places=6)
        self.assertAlmostEqual(expected.variance, found.variance, places=6)

    def test_at_the_looks_themselves(self) -> None:
        """It ends where the looks are."""
        looks = straight(6)
        course = follow(looks, PHONE)
        smoothed = smooth(course)
        for n, at in ((2, looks[2].at), (3, looks[3].at)):
            found = between(course.states[2], smoothed[3], at, PHONE)
            self.assertAlmostEqual(smoothed[n].offset, found.offset, places=9)
            self.assertAlmostEqual(smoothed[n].variance, found.variance, places=9)
