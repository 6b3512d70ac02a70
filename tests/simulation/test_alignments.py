"""How well two files are aligned."""

from __future__ import annotations

from math import hypot
from random import Random

from twisted.trial.unittest import SynchronousTestCase

from raydel.core.instants import MINUTE
from raydel.core.take import ClockSample
from raydel.simulation.alignments import (
    ALIGNMENTS,
    AROUND,
    INSTANTS,
    Pair,
    align,
    course,
    one_line,
    one_offset,
)
from raydel.simulation.clocks import Clock
from raydel.simulation.networks import NETWORKS
from raydel.simulation.recording import Followed, Long, Recorded, play

NOON = 1_768_478_400_000.0
PLAN = Long(NETWORKS["good"], 10 * MINUTE)


def sample(at: float, offset: float, round_trip: float = 4.0) -> ClockSample:
    """Keep a look at so many ms after noon."""
    return ClockSample("t", "d", "c", NOON + at, offset, round_trip)


def followed(*samples: ClockSample) -> Followed:
    """Follow a phone."""
    return Followed(Clock(NOON, 0.0), samples)


class Others(SynchronousTestCase):
    """Ways that ours is compared with."""

    def test_one_offset(self) -> None:
        """The narrowest look before the start counts, or else the first."""
        phone = followed(sample(0, 5.0, 9.0), sample(10, 6.0), sample(20, 7.0, 1.0))
        self.assertEqual(6.0, one_offset(phone, NOON + 15)(NOON + 1_000))
        self.assertEqual(5.0, one_offset(phone, NOON - 1)(NOON + 1_000))

    def test_one_line(self) -> None:
        """A line goes through looks that lie on one, and between others."""
        phone = followed(sample(0, 5.0), sample(10, 6.0), sample(20, 7.0))
        self.assertAlmostEqual(8.0, one_line(phone, NOON)(NOON + 30))
        phone = followed(sample(0, 5.0), sample(10, 8.0), sample(20, 5.0))
        self.assertAlmostEqual(6.0, one_line(phone, NOON)(NOON + 30))
        self.assertEqual(5.0, one_line(followed(sample(0, 5.0)), NOON)(NOON + 9))


class Ours(SynchronousTestCase):
    """The server's own fit, for both phones."""

    def test_error(self) -> None:
        """What both clocks are misjudged by is close to nothing; the bounds hold."""
        taken = play(PLAN, Random(1))
        pair = Pair(taken)
        for minute in range(11):
            seen = pair.at(taken.start_at + minute * MINUTE)
            self.assertLess(abs(seen.error), 0.5)
            self.assertGreater(min(seen.bounds), 1.0)
            self.assertEqual((2, False), (seen.held, seen.marked))

    def test_a_bound_that_is_wrong(self) -> None:
        """A clock that is not what was kept of it is found out."""
        taken = play(PLAN, Random(1))
        first, second = taken.phones
        other = Followed(Clock(NOON, first.clock.offset + 1_000.0), first.samples)
        seen = Pair(Recorded(taken.start_at, taken.end_at, (other, second), None)).at(
            taken.start_at
        )
        self.assertEqual(1, seen.held)
        self.assertLess(seen.error, -900.0)

    def test_nothing_known(self) -> None:
        """Without a single answer there is nothing to align."""
        nothing = Recorded(NOON, NOON, (followed(), followed()), None)
        self.assertRaises(ValueError, Pair, nothing)


class Takes(SynchronousTestCase):
    """Takes that are aligned in all ways."""

    def test_looks(self) -> None:
        """All ways are looked at at the same instants: inside, and at both ends."""
        aligned = align(PLAN, Random(1), play)
        for name in ALIGNMENTS:
            self.assertEqual(INSTANTS, len(aligned.anywhere[name]))
            self.assertEqual(2, len(aligned.ends[name]))
        errors = aligned.anywhere["ours"] + aligned.ends["ours"]
        self.assertEqual(errors, [seen.error for seen in aligned.seen])
        self.assertEqual((None, None), (aligned.marked, aligned.lapsed))

    def test_one_offset_is_not_enough(self) -> None:
        """Clocks run apart: in ten minutes one offset is worth little."""
        worst = dict.fromkeys(ALIGNMENTS, 0.0)
        for seed in range(10):
            for name, errors in align(PLAN, Random(seed), play).ends.items():
                worst[name] = max(worst[name], *map(abs, errors))
        self.assertGreater(worst["one-offset"], 10 * worst["ours"])

    def test_set(self) -> None:
        """Where a clock is set, that is marked; for a burst interval at most."""
        aligned = align(
            Long(NETWORKS["good"], 10 * MINUTE, step=500.0), Random(1), play
        )
        assert aligned.marked is not None
        self.assertGreater(aligned.marked, 0.0)
        self.assertLess(aligned.marked, min(12_000.0, 2 * AROUND))
        self.assertEqual(0.0, aligned.lapsed)

    def test_course(self) -> None:
        """A course leads from the start to the end, in even steps."""
        looks = course(PLAN, Random(1), 11, play)
        self.assertEqual([n * MINUTE for n in range(11)], [since for since, _ in looks])
        for _, seen in looks:
            self.assertLessEqual(seen.uncertainty, hypot(*seen.bounds))
