"""Takes in a row of phones whose cameras are late."""

from __future__ import annotations

from random import Random

from twisted.trial.unittest import SynchronousTestCase

from raydel.simulation.firstframes import (
    MODELS,
    TAKES,
    FrameFigures,
    Model,
    measure_frames,
    play,
)
from raydel.simulation.networks import NETWORKS, Network, Pair, Trace

NEAR = Network(Trace((4.0,)), Trace((4.0,)))
EVEN = Pair(NEAR, NEAR)


class Takes(SynchronousTestCase):
    """Two phones, take by take."""

    def test_the_first(self) -> None:
        """Nothing is known before the first take: they are as far apart as they are."""
        slow, quick = MODELS
        first, *_ = play(EVEN, Random(1), takes=1)
        self.assertApproximates(slow.cold - quick.cold, first, 5 * slow.spread)

    def test_come_together(self) -> None:
        """From the third take on what is left is chance."""
        for seed in range(5):
            *_, third = play(EVEN, Random(seed), takes=3)
            self.assertLess(abs(third), 250.0)

    def test_the_same_seed(self) -> None:
        """The same chance plays the same takes."""
        self.assertEqual(play(EVEN, Random(3), 2), play(EVEN, Random(3), 2))


class Figures(SynchronousTestCase):
    """Many pairs."""

    def test_aim(self) -> None:
        """First frames are together on average, from the third take on."""
        figures = measure_frames("good", NETWORKS["good"], pairs=20, seed=1)
        self.assertEqual((20, TAKES, ()), (figures.pairs, len(figures.takes), ()))
        first, second, *known = figures.takes
        self.assertApproximates(450.0, first.mean, 40.0)
        self.assertLess(abs(second.mean), abs(first.mean))
        self.assertEqual([3, 4, 5], [each.take for each in known])
        for each in known:
            # 20 pairs, each off by some 60 ms: the mean of them, by 13.
            self.assertLess(abs(each.mean), 50.0)
            self.assertLess(each.p95, 250.0)

    def test_lost(self) -> None:
        """A pair of which one never hears a thing is counted as lost."""
        dead = Network(Trace((60_000.0,)), Trace((60_000.0,)))
        figures = measure_frames("dead", Pair(NEAR, dead), pairs=2, seed=1)
        self.assertEqual(FrameFigures("dead", 0, (), (0, 1)), figures)

    def test_models(self) -> None:
        """The models are 300 ms apart, with the spread that was measured of phones."""
        slow, quick = MODELS
        self.assertEqual(300.0, slow.warm - quick.warm)
        self.assertEqual((30.0, 30.0), (slow.spread, quick.spread))
        drawn = [
            Model("x", 1.0, 2.0, 0.0).draw(Random(1), cold=cold)
            for cold in (False, True)
        ]
        self.assertEqual([1.0, 2.0], drawn)
