"""Percentiles, medians and ratios."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from raydel.bench.figures import Spread, in_turn, percentile, ratios, shown, spread
from raydel.bench.job import Found


class FigureTests(SynchronousTestCase):
    """What is told of many measurements."""

    def test_percentile(self) -> None:
        """It is a value that was measured, in whatever order they came."""
        values = [float(n) for n in range(100, 0, -1)]
        self.assertEqual(50.0, percentile(values, 0.5))
        self.assertEqual(99.0, percentile(values, 0.99))
        self.assertEqual(100.0, percentile(values, 1))
        self.assertEqual(7.0, percentile([7.0], 0.01))

    def test_percentile_of_nothing(self) -> None:
        """Where nothing was measured, there is none."""
        self.assertIsNone(percentile([], 0.5))

    def test_spread(self) -> None:
        """One odd round moves the ends, and not the middle."""
        self.assertEqual(Spread(2.0, 1.0, 90.0), spread([2.0, 90.0, 1.0]))

    def test_spread_of_what_is_not_known(self) -> None:
        """Rounds without a figure do not count; without any there is none."""
        self.assertEqual(Spread(3.0, 3.0, 3.0), spread([None, 3.0]))
        self.assertIsNone(spread([None]))

    def test_shown(self) -> None:
        """A spread that is none is one figure."""
        self.assertEqual("2.0 (1.0 to 90.0)", shown(Spread(2.0, 1.0, 90.0), ".1f"))
        self.assertEqual("50%", shown(Spread(0.5, 0.499, 0.501), ".0%"))

    def test_ratios(self) -> None:
        """Each round has its own: a machine that is slow for one spoils none."""
        ours, theirs = [1.0, 10.0, 3.0], [2.0, 20.0, 4.0]
        self.assertEqual(Spread(0.5, 0.5, 0.75), ratios(ours, theirs))

    def test_ratios_need_both(self) -> None:
        """A round in which one of the two is missing, or 0, has none."""
        self.assertEqual(
            Spread(2.0, 2.0, 2.0), ratios([4.0, 1.0, None], [2.0, 0.0, 1.0])
        )

    def test_in_turn(self) -> None:
        """Nobody is always first: A B, B A, A B."""
        expected = [["a", "b"], ["b", "a"], ["a", "b"]]
        self.assertEqual(expected, in_turn(["a", "b"], 3))


class FoundTests(SynchronousTestCase):
    """What one measurement comes to."""

    def test_costs(self) -> None:
        """Costs are for one of what was counted, CPU in µs."""
        found = Found(count=1000, seconds=2.0, cpu=0.5, exchanges=9000, resident=5000)
        self.assertEqual(
            (500.0, 500.0, 9.0, 0.25, 5.0),
            (found.rate, found.cost, found.asked, found.busy, found.bytes_each),
        )

    def test_unknown(self) -> None:
        """What could not be measured is no 0."""
        found = Found(count=0, seconds=2.0)
        self.assertEqual(
            (None, None, None, None),
            (found.cost, found.asked, found.busy, found.bytes_each),
        )
