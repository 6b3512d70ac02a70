"""The straight line that misses points least."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from raydel.export.line import Point, best_line

POINTS = st.lists(
    st.tuples(st.integers(0, 1_000), st.floats(-5.0, 5.0)),
    min_size=2,
    max_size=40,
    unique_by=lambda each: each[0],
).map(lambda pairs: [Point(float(x), y) for x, y in sorted(pairs)])


class BestLine(SynchronousTestCase):
    """Lines through points that are on none."""

    def test_on_a_line(self) -> None:
        """Points on a line are not missed."""
        found = best_line([Point(float(x), 3.0 + x / 4) for x in range(0, 100, 7)])
        self.assertAlmostEqual(3.0, found.begin)
        self.assertAlmostEqual(0.25, found.slope)
        self.assertAlmostEqual(0.0, found.miss)

    def test_one_bend(self) -> None:
        """Beside one corner the line runs along its chord, in the middle of it all."""
        found = best_line([Point(0.0, 0.0), Point(50.0, 4.0), Point(100.0, 0.0)])
        self.assertEqual((2.0, 0.0, 2.0), found)

    def test_swing(self) -> None:
        """Where points swing, from end to end is not the best: this line is steeper."""
        swing = [Point(0.0, 0.0), Point(1.0, 3.0), Point(3.0, -3.0), Point(4.0, 0.0)]
        found = best_line(swing)
        self.assertAlmostEqual(2.0, found.miss)
        self.assertAlmostEqual(-1.0, found.slope)
        self.assertAlmostEqual(2.0, found.begin)

    def test_one_point(self) -> None:
        """A line through one point is level."""
        self.assertEqual((7.0, 0.0, 0.0), best_line([Point(3.0, 7.0)]))

    @given(POINTS, st.floats(-5.0, 5.0), st.floats(-0.1, 0.1))
    def test_least(self, points: list[Point], begin: float, slope: float) -> None:
        """It misses points by what it says, and no other line misses them by less."""
        found = best_line(points)
        misses = [abs(found.begin + found.slope * x - y) for x, y in points]
        self.assertAlmostEqual(max(misses), found.miss, places=6)
        for more in (1.0, 0.01):
            other = found.begin + more * begin, found.slope + more * slope
            least = max(abs(other[0] + other[1] * x - y) for x, y in points)
            self.assertGreaterEqual(least, found.miss - 1e-6)
