"""A long take, and what is kept of its clocks."""

from __future__ import annotations

from itertools import pairwise
from random import Random

from twisted.trial.unittest import SynchronousTestCase

from raydel.core.instants import MINUTE, SECOND
from raydel.core.timesync import Estimator
from raydel.simulation.clocks import AMPLITUDE, Clock, Step
from raydel.simulation.networks import GOOD, NETWORKS, Network, Trace
from raydel.simulation.recording import (
    Answers,
    Followed,
    Line,
    Long,
    play,
    summed_up,
    weighed,
)

NOON = 1_768_478_400_000.0
STEADY = Network(Trace((4.0,)), Trace((4.0,)))
LENGTH = 10 * MINUTE


class Bursts(SynchronousTestCase):
    """One burst of answers."""

    def test_parted(self) -> None:
        """What is heard after a copy has left is a burst of its own."""
        answers = Answers([1.0, 2.0, 3.0], [5.0, 6.0, 7.0], [4.0, 5.0, 6.0])
        before, after = answers.parted(5.0)
        self.assertEqual(Answers([1.0, 2.0], [5.0, 6.0], [4.0, 5.0]), before)
        self.assertEqual(Answers([3.0], [7.0], [6.0]), after)
        self.assertEqual([answers], list(answers.parted(9.0)))
        self.assertEqual([answers], list(answers.parted(1.0)))

    def test_clock(self) -> None:
        """The clock is read as each question arrives, whole or not."""
        for clock in (
            Clock(NOON, 100.25, rate=20e-6),
            Clock(NOON, 100.25, rate=20e-6, granularity=1.0),
            Clock(NOON, 100.25, steps=(Step(NOON + 100.0, 50.0),)),
        ):
            answers = Line(STEADY, clock, Random(1)).ask(NOON)
            for asked, shown in zip(answers.asked, answers.shown, strict=True):
                self.assertAlmostEqual(clock.reading(asked + 4.0), shown, 3)

    def test_cut_short(self) -> None:
        """A burst that another would run into is cut short."""
        line = Line(STEADY, Clock(NOON, 0.0), Random(1))
        self.assertEqual(2, len(line.ask(NOON, NOON + 60.0).asked))

    def test_all_at_once(self) -> None:
        """A burst that waited in a stalled link arrives at one instant."""
        stalled = Network(up=Trace((4.0,)), down=Trace((*[5_000.0] * 16, 4.0)))
        for seed in range(20):
            answers = Line(stalled, Clock(NOON, 50.0), Random(seed)).ask(NOON)
            for heard, shown in zip(answers.heard, answers.shown, strict=True):
                self.assertAlmostEqual(heard - 4.0 + 50.0, shown, 3)

    def test_the_same_as_the_server(self) -> None:
        """The quick way to sum up a burst comes to what the server comes to."""
        for name, networks in NETWORKS.items():
            for coarse in (0.0, 1.0):
                estimator = Estimator()
                clock = Clock(NOON, 100.25, 20e-6, granularity=coarse)
                line = Line(networks.second, clock, Random(name))
                for at in range(0, 60_000, 10_000):
                    answers = line.ask(NOON + at)
                    quick = summed_up(answers, coarse)
                    ours = weighed(estimator, answers)
                    self.assertEqual(ours.at, quick.at)
                    self.assertAlmostEqual(ours.offset, quick.offset, 3)
                    self.assertAlmostEqual(ours.round_trip, quick.round_trip, 3)

    def test_set_in_the_middle(self) -> None:
        """Where a clock is set in a burst, what was before it does not count."""
        clock = Clock(NOON, 0.0, steps=(Step(NOON + 200.0, 500.0),))
        line = Line(GOOD, clock, Random(1))
        sample = weighed(Estimator(), line.ask(NOON))
        self.assertApproximates(500.0, sample.offset, 1.0)


class Takes(SynchronousTestCase):
    """Both phones, from their joins to the end."""

    def wrong(self, phone: Followed) -> list[float]:
        """Return by how much each sample is wrong."""
        return [each.offset - phone.clock.ahead(each.at) for each in phone.samples]

    def test_samples(self) -> None:
        """There is one a burst, to the end, and each is within its own limits."""
        taken = play(Long(NETWORKS["busy"], LENGTH), Random(1))
        self.assertEqual(LENGTH, taken.end_at - taken.start_at)
        self.assertIsNone(taken.step_at)
        for phone in taken.phones:
            at = [each.at for each in phone.samples]
            self.assertGreater(at[-1], taken.end_at)
            self.assertGreater(taken.end_at + SECOND, at[-1])
            waits = [later - one for one, later in pairwise(at)][3:]
            self.assertLess(max(waits), 11.5 * SECOND)
            for sample, error in zip(phone.samples, self.wrong(phone), strict=True):
                self.assertLessEqual(abs(error), sample.round_trip / 2 + 0.01)

    def test_repeatable(self) -> None:
        """The same chance plays the same take."""
        plan = Long(NETWORKS["lte"], MINUTE)
        one, same = (play(plan, Random(4)) for _ in range(2))
        self.assertEqual(
            [phone.samples for phone in one.phones],
            [phone.samples for phone in same.phones],
        )

    def test_step(self) -> None:
        """A clock is set in the middle third, and the answers tell."""
        taken = play(Long(NETWORKS["good"], LENGTH, step=500.0), Random(1))
        assert taken.step_at is not None
        done = (taken.step_at - taken.start_at) / LENGTH
        self.assertApproximates(0.5, done, 1 / 6)
        first, second = taken.phones
        self.assertEqual((500.0, ()), (first.clock.steps[0].by, second.clock.steps))
        for phone in taken.phones:
            self.assertLess(max(map(abs, self.wrong(phone))), 3.0)
        before = next(each for each in first.samples if each.at > taken.start_at)
        self.assertGreater(first.samples[-1].offset - before.offset, 450.0)

    def test_wander(self) -> None:
        """Both clocks wander as is asked."""
        taken = play(Long(NETWORKS["good"], MINUTE, "sine"), Random(1))
        for phone in taken.phones:
            swing = [phone.clock.wander(n * MINUTE) for n in range(60)]
            self.assertApproximates(AMPLITUDE, max(swing), 0.02)

    def test_whole_milliseconds(self) -> None:
        """Clocks that show whole ones are a little less sure, and not off."""
        taken = play(Long(NETWORKS["good"], LENGTH, granularity=1.0), Random(1))
        for phone in taken.phones:
            self.assertLess(max(map(abs, self.wrong(phone))), 1.0)
