"""Long takes through the server's own code."""

from __future__ import annotations

from random import Random

from twisted.trial.unittest import SynchronousTestCase

from raydel.core.instants import MINUTE
from raydel.simulation.longtakes import Series, measure_long
from raydel.simulation.networks import NETWORKS
from raydel.simulation.recording import Long
from raydel.simulation.served import play

LENGTH = 3 * MINUTE
GOOD = Long(NETWORKS["good"], LENGTH)


class Served(SynchronousTestCase):
    """What the server keeps of a take is enough to align it."""

    def test_samples(self) -> None:
        """A burst every ten seconds or so is kept of each, and one at the end."""
        recorded = play(GOOD, Random(1))
        self.assertApproximates(LENGTH, recorded.end_at - recorded.start_at, 1_000.0)
        for phone in recorded.phones:
            instants = [sample.at for sample in phone.samples]
            self.assertEqual(sorted(instants), instants)
            during = [at for at in instants if recorded.start_at < at]
            self.assertIn(len(during), range(17, 22))
            self.assertApproximates(recorded.end_at, instants[-1], 1_000.0)

    def test_aligned(self) -> None:
        """Every bound holds, with fractions and with whole milliseconds."""
        for granularity in (0.0, 1.0):
            plan = Long(NETWORKS["good"], LENGTH, granularity=granularity)
            *_, ours = measure_long(Series("good", plan, 1, play), takes=3)
            self.assertEqual((), ours.broken)
            self.assertLess(ours.p95, 1.0)

    def test_set(self) -> None:
        """A clock that is set in the middle is noticed."""
        plan = Long(NETWORKS["good"], LENGTH, step=500.0)
        *_, ours = measure_long(Series("good", plan, 1, play), takes=3)
        assert ours.set is not None
        self.assertEqual(((), ()), (ours.set.unmarked, ours.set.lapsed))
