"""Many long takes, summed up."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from raydel.core.instants import MINUTE
from raydel.simulation.alignments import ALIGNMENTS, Aligned, Seen
from raydel.simulation.longtakes import LongTally, Series, Set, measure_long
from raydel.simulation.networks import NETWORKS
from raydel.simulation.recording import Long

SOUND = Seen(-0.5, 1.0, (2.0, 4.0), 2, marked=False)
UNSURE = Seen(3.0, 1.0, (2.0, 4.0), 1, marked=False)
MARKED = Seen(90.0, 1.0, (2.0, 4.0), 0, marked=True)


def aligned(
    *seen: Seen, marked: float | None = None, lapsed: float | None = None
) -> Aligned:
    """Align a take alike in all ways; the last look is at its end."""
    *anywhere, end = [each.error for each in seen]
    return Aligned(
        dict.fromkeys(ALIGNMENTS, anywhere),
        {name: [end] for name in ALIGNMENTS},
        list(seen),
        marked,
        lapsed,
    )


class Tallies(SynchronousTestCase):
    """Counting."""

    def test_figures(self) -> None:
        """Errors count without their signs, a broken bound names its take."""
        tally = LongTally()
        tally.add(0, aligned(SOUND, SOUND, SOUND))
        tally.add(1, aligned(UNSURE, SOUND, SOUND))
        other, line, ours = tally.figures("n")
        self.assertEqual(list(ALIGNMENTS), [f.method for f in (other, line, ours)])
        for each in (other, line, ours):
            self.assertEqual((0.5, 3.0, 3.0), (each.p50, each.p95, each.max))
            self.assertEqual((0.5, 0.5), (each.ends_p50, each.ends_p95))
        self.assertEqual((0, None, None), (line.bounds, line.bound_p50, line.caution))
        self.assertEqual((12, 11, (1,)), (ours.bounds, ours.held, ours.broken))
        self.assertEqual((2.0, 1.0), (ours.bound_p50, ours.uncertainty_p50))
        self.assertEqual((5 / 6, 2.0), (ours.coverage, ours.caution))
        self.assertIsNone(ours.set)

    def test_marked(self) -> None:
        """What is marked counts as wrong, and promises nothing."""
        tally = LongTally()
        tally.add(0, aligned(MARKED, SOUND, SOUND, marked=8_000.0, lapsed=0.0))
        tally.add(1, aligned(SOUND, SOUND, SOUND, marked=0.0, lapsed=250.0))
        tally.add(2, aligned(SOUND, SOUND, SOUND, marked=9_000.0, lapsed=0.0))
        *_, ours = tally.figures("n")
        self.assertEqual((90.0, 16, 16), (ours.max, ours.bounds, ours.held))
        self.assertEqual(Set(8_000.0, 9_000.0, (1,), (1,), 1), ours.set)


class Measuring(SynchronousTestCase):
    """Playing."""

    def test_repeatable(self) -> None:
        """The same seed gives the same figures, another one others."""
        plan = Long(NETWORKS["good"], MINUTE)
        figures = measure_long(Series("good", plan, 5), 4)
        self.assertEqual(figures, measure_long(Series("good", plan, 5), 4))
        self.assertNotEqual(figures, measure_long(Series("good", plan, 6), 4))

    def test_bounds_hold(self) -> None:
        """They do on all networks, of either granularity, whether set or not."""
        for name, networks in NETWORKS.items():
            for granularity, step in ((0.0, 0.0), (1.0, 0.0), (0.0, 500.0)):
                plan = Long(networks, 6 * MINUTE, None, granularity, step)
                *_, ours = measure_long(Series(name, plan, 2026), 4)
                self.assertEqual(ours.bounds, ours.held, (name, plan))

    def test_set(self) -> None:
        """Clocks that are set are noticed, and marked for a burst interval at most."""
        plan = Long(NETWORKS["good"], 10 * MINUTE, step=40.0)
        *_, ours = measure_long(Series("good", plan, 2026), 6)
        assert ours.set is not None
        self.assertEqual(((), ()), (ours.set.unmarked, ours.set.lapsed))
        self.assertLess(ours.set.marked_max, 12_000.0)
