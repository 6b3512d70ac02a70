"""Many takes, summed up."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from raydel.simulation.figures import (
    Comparison,
    Figures,
    Tally,
    compare,
    middle,
    quantile,
)
from raydel.simulation.methods import METHODS
from raydel.simulation.networks import NETWORKS
from raydel.simulation.trial import Bound, Outcome


def figures(seed: int, network: str = "busy") -> list[Figures]:
    """Measure a little."""
    tallies = compare(Comparison(network, NETWORKS[network], METHODS, seed), 60)
    return [tally.figures(network, name) for name, tally in tallies.items()]


class Tallies(SynchronousTestCase):
    """Counting."""

    def test_quantiles(self) -> None:
        """A quantile is the least value that so many do not exceed."""
        values = [float(n) for n in range(1, 101)]
        for part, expected in ((0.5, 50.0), (0.95, 95.0), (1.0, 100.0), (0.0, 1.0)):
            self.assertEqual(expected, quantile(values, part))
        self.assertEqual(7.0, quantile([7.0], 0.5))

    def test_middle(self) -> None:
        """A median is of values in any order; of none, there is none."""
        self.assertEqual(2.0, middle([3.0, 1.0, 2.0]))
        self.assertIsNone(middle([]))

    def test_figures(self) -> None:
        """Skews count without their sign, and a broken bound names its take."""
        tally = Tally()
        tally.add(0, Outcome(-3.0, (Bound(1.0, 0.5, 1.0), Bound(2.0, -2.0, 2.0)), 3.0))
        tally.add(1, Outcome(2.0, (Bound(1.0, 1.5, 2.0), Bound(5.0, 0.0, 2.0)), 1.0))
        tally.add(2, Outcome(0.0, ()))
        figures = tally.figures("n", "m")
        self.assertEqual(
            Figures(
                network="n",
                method="m",
                p50=2.0,
                p95=3.0,
                max=3.0,
                bound_p50=1.0,
                above_p50=0.5,
                bounds=4,
                held=3,
                broken=(1,),
                uncertainty_p50=1.0,
                coverage=0.5,
            ),
            figures,
        )
        self.assertEqual(0.5, figures.caution)

    def test_no_bounds(self) -> None:
        """A method that promises nothing has no bound to show."""
        tally = Tally()
        tally.add(0, Outcome(1.0, ()))
        figures = tally.figures("n", "m")
        self.assertIsNone(figures.bound_p50)
        self.assertIsNone(figures.coverage)
        self.assertIsNone(figures.caution)


class Measuring(SynchronousTestCase):
    """Playing."""

    def test_repeatable(self) -> None:
        """The same seed gives the same figures, another one others."""
        self.assertEqual(figures(5), figures(5))
        self.assertNotEqual(figures(5), figures(6))

    def test_networks_differ(self) -> None:
        """Networks are drawn apart from each other."""
        self.assertNotEqual(figures(5, "good"), figures(5, "lte"))

    def test_ours_beats_one_ping(self) -> None:
        """On a busy network one ping is several times as wrong as ours."""
        by_method = {each.method: each for each in figures(5)}
        self.assertGreater(
            by_method["one-ping"].p95, 3 * by_method["ours"].p95, by_method
        )
