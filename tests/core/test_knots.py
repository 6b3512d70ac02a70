"""The course of a file."""

from __future__ import annotations

from itertools import accumulate, pairwise
from math import pi, sin
from typing import Final

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from raydel.core.instants import HOUR, MINUTE, SECOND
from raydel.core.knots import (
    Knot,
    bend,
    fewest,
    file_time,
    rising,
    server_time,
    straight,
)

NOON: Final = 1_768_478_400_000.0
LOOK: Final = 10 * SECOND
FINEST: Final = 0.001
"""ms: some times of what a double can tell apart in the year 2026."""

BENT: Final = (
    Knot(NOON, 0.0),
    Knot(NOON + 1_000, 1_001.0),
    Knot(NOON + 3_000, 3_001.0),
)
"""Gains a millisecond in the first second, and no more."""


def looked_at(gained: list[float]) -> list[Knot]:
    """Return what is known of a file whose clock gained so much, every ten seconds."""
    return [
        Knot(NOON + n * LOOK, n * LOOK + each - gained[0])
        for n, each in enumerate(gained)
    ]


def swinging(amplitude: float, period: float, phase: float, length: int) -> list[float]:
    """Return how a clock gains that warms up and cools down."""
    return [
        amplitude * sin(2 * pi * n * LOOK / period + phase) + 20e-6 * n * LOOK
        for n in range(length)
    ]


WALKS: Final = st.lists(st.floats(-0.2, 0.2), min_size=1, max_size=300).map(
    lambda steps: list(accumulate(steps, initial=0.0))
)
SWINGS: Final = st.builds(
    swinging,
    st.floats(0.0, 3.0),
    st.floats(5 * MINUTE, 3 * HOUR),
    st.floats(0.0, 2 * pi),
    st.integers(2, 600),
)
COURSES: Final = st.one_of(WALKS, SWINGS).map(looked_at)
"""Clocks that wander, up to 100 minutes: at random, or as they warm up and cool down;
by 20 millionths and more, and they never stand still."""


class Courses(SynchronousTestCase):
    """Where a file is, and when."""

    def test_between_knots(self) -> None:
        """Between two knots a file goes straight."""
        for own, at in ((0.0, 0), (500.5, 500), (1_001.0, 1_000), (1_501.0, 1_500)):
            self.assertAlmostEqual(own, file_time(BENT, NOON + at), places=3)
            self.assertAlmostEqual(NOON + at, server_time(BENT, own), places=3)

    def test_beyond_the_ends(self) -> None:
        """Before the first knot, and after the last, it goes on straight."""
        for own, at in ((-1_001.0, -1_000), (3_001.0, 3_000), (5_001.0, 5_000)):
            self.assertAlmostEqual(own, file_time(BENT, NOON + at), places=3)
            self.assertAlmostEqual(NOON + at, server_time(BENT, own), places=3)

    def test_straight(self) -> None:
        """A clock that gains evenly does so for ever."""
        even = straight(NOON, 1e-4)
        self.assertEqual(0.0, file_time(even, NOON))
        self.assertAlmostEqual(360_036.0, file_time(even, NOON + 360_000), places=3)
        self.assertEqual(0.0, bend(even))

    def test_bend(self) -> None:
        """A bend is what lies farthest beside the line from end to end, either way."""
        self.assertAlmostEqual(2 / 3, bend(BENT))
        slow = [Knot(each.at, 2 * (each.at - NOON) - each.file_time) for each in BENT]
        self.assertAlmostEqual(2 / 3, bend(slow))

    @given(COURSES, st.lists(st.floats(-MINUTE, 2 * HOUR), max_size=20))
    def test_either_way(self, course: list[Knot], since: list[float]) -> None:
        """Time of server and file go up together, and lead back to each other."""
        ats = sorted(NOON + each for each in since)
        owns = [file_time(course, at) for at in ats]
        for at, own in zip(ats, owns, strict=True):
            self.assertLess(abs(server_time(course, own) - at), FINEST)
        for (at, own), (later, its_own) in pairwise(zip(ats, owns, strict=True)):
            if later - at > FINEST:
                self.assertLess(own, its_own)


class Fewest(SynchronousTestCase):
    """Courses of few knots."""

    @given(COURSES, st.floats(0.0, 0.5))
    def test_tolerance(self, course: list[Knot], tolerance: float) -> None:
        """What is left out lies within the tolerance; ends stay, and nothing is new."""
        few = fewest(course, tolerance)
        self.assertEqual((course[0], course[-1]), (few[0], few[-1]))
        self.assertEqual([each for each in course if each in few], few)
        for each in course:
            miss = abs(file_time(few, each.at) - each.file_time)
            self.assertLess(miss, tolerance + FINEST)

    @given(st.floats(-100e-6, 100e-6), st.integers(2, 500))
    def test_straight(self, rate: float, length: int) -> None:
        """A clock that gains evenly takes two knots, however long it is seen."""
        course = looked_at([rate * n * LOOK for n in range(length)])
        self.assertEqual([course[0], course[-1]], fewest(course, FINEST))

    def test_count(self) -> None:
        """An even curve takes as many lines as can miss it by no more than they may.

        A line of m looks misses a parabola by m² / 8 of what it curves in each.
        """
        curve = 1e-4
        course = looked_at([curve / 2 * n**2 for n in range(541)])
        long = int((8 * 0.02 / curve) ** 0.5)
        self.assertEqual(-(-540 // long) + 1, len(fewest(course, 0.02)))

    def test_short(self) -> None:
        """Of two knots none can be left out."""
        self.assertEqual(list(BENT[:2]), fewest(BENT[:2], 1.0))

    def test_rising(self) -> None:
        """A course goes up: a knot that stands still, or goes back, is left out."""
        first, second, third = BENT
        back = Knot(NOON + 2_000, 1_000.5)
        still = Knot(NOON + 1_000, 1_500.0)
        self.assertEqual(list(BENT), rising([first, second, still, back, third]))
