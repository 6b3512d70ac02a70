"""Ways to tell how far a clock is ahead, on probes made by hand."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from raydel.core.schedule import SPACING
from raydel.simulation.methods import (
    METHODS,
    Guess,
    Look,
    Probe,
    bursts,
    ours,
)

NOON = 1_768_478_400_000.0
AHEAD = 5_000.25
TAP = NOON + 1_000.0


def probe(at: float, down: float, up: float, ahead: float = AHEAD) -> Probe:
    """Ask at so many ms after noon; the ways are ms."""
    arrived = NOON + at + down
    return Probe(NOON + at, arrived + ahead, arrived + ahead, arrived + up)


def look(*probes: Probe) -> Look:
    """Know these, with a second between the tap and the start."""
    return Look(probes, TAP, TAP + 1_000.0)


def error(method: str, known: Look) -> float:
    """Return by how much a method is wrong."""
    guess = METHODS[method](known)
    assert guess is not None
    return round(guess.offset - AHEAD, 3)


EVEN = [probe(n * 100.0, 5.0, 5.0) for n in range(15)]


class Probes(SynchronousTestCase):
    """One question."""

    def test_even(self) -> None:
        """On an even way the offset is exact."""
        self.assertEqual((AHEAD, 10.0), (EVEN[0].offset, EVEN[0].round_trip))

    def test_uneven(self) -> None:
        """On another one it is wrong by half of what the ways differ."""
        uneven = probe(0.0, 9.0, 5.0)
        self.assertEqual((AHEAD + 2.0, 14.0), (uneven.offset, uneven.round_trip))

    def test_time_to_answer(self) -> None:
        """What the phone takes to answer is not on the way."""
        slow = Probe(NOON, NOON + 5 + AHEAD, NOON + 35 + AHEAD, NOON + 40)
        self.assertEqual((AHEAD, 10.0), (slow.offset, slow.round_trip))

    def test_released(self) -> None:
        """A phone that tells one time is taken to answer at once."""
        one = Probe(NOON, None, NOON + 5 + AHEAD, NOON + 10)
        self.assertEqual((AHEAD, 10.0), (one.offset, one.round_trip))


class Methods(SynchronousTestCase):
    """What each makes of the same answers."""

    def test_even(self) -> None:
        """On even ways all of them are right."""
        for name in METHODS.keys() - {"on-receipt"}:
            self.assertEqual(0.0, error(name, look(*EVEN)), name)

    def test_nothing_known(self) -> None:
        """Without an answer, all of them start on receipt."""
        for method in METHODS.values():
            self.assertIsNone(method(look()))

    def test_on_receipt(self) -> None:
        """This one always does."""
        self.assertIsNone(METHODS["on-receipt"](look(*EVEN)))

    def test_one_ping(self) -> None:
        """One ping is the first since the tap, or else the latest."""
        before, first, second = (
            probe(0.0, 7.0, 5.0),
            probe(1_000.0, 9.0, 5.0),
            probe(1_100.0, 25.0, 5.0),
        )
        self.assertEqual(2.0, error("one-ping", look(before, first, second)))
        self.assertEqual(1.0, error("one-ping", look(before)))

    def test_mean(self) -> None:
        """The mean is of the latest five; one late answer shows in it."""
        late = probe(1_500.0, 25.0, 5.0)
        self.assertEqual(2.0, error("mean-of-5", look(*EVEN, late)))
        self.assertEqual(0.0, error("mean-of-5", look(late, *EVEN)))

    def test_median(self) -> None:
        """The median of ten bears four late answers, and not six."""
        late = [probe(2_000.0 + n, 25.0, 5.0) for n in range(6)]
        self.assertEqual(0.0, error("median-of-10", look(*EVEN, *late[:4])))
        self.assertEqual(10.0, error("median-of-10", look(*EVEN, *late)))

    def test_smallest(self) -> None:
        """The quickest of eight bears seven late answers."""
        late = [probe(2_000.0 + n, 25.0, 5.0) for n in range(8)]
        self.assertEqual(0.0, error("smallest-of-8", look(*EVEN, *late[:7])))
        self.assertEqual(10.0, error("smallest-of-8", look(*EVEN, *late)))

    def test_smallest_of_32(self) -> None:
        """The quickest of 32 bears 31 late answers."""
        late = [probe(2_000.0 + n, 25.0, 5.0) for n in range(32)]
        self.assertEqual(0.0, error("smallest-of-32", look(*EVEN, *late[:31])))
        self.assertEqual(10.0, error("smallest-of-32", look(*EVEN, *late)))

    def test_bursts(self) -> None:
        """A burst ends where the next question is long in coming."""
        asked = [0.0, SPACING, 2 * SPACING, 1_000.0, 1_000.0 + SPACING]
        probes = [probe(at, 5.0, 5.0) for at in asked]
        self.assertEqual([probes[:3], probes[3:]], list(bursts(probes)))
        self.assertEqual([], list(bursts([])))

    def test_pure_pairs(self) -> None:
        """A quick answer counts only beside one that was on its way as long."""
        ways = [(9.0, 5.0), (9.0, 5.0), (3.0, 5.0), (40.0, 5.0), (80.0, 5.0)]
        burst = [probe(n * SPACING, *way) for n, way in enumerate(ways)]
        self.assertEqual(-1.0, error("smallest-of-32", look(*burst)))
        burst = [probe(n * SPACING, *way) for n, way in enumerate(ways[:2] + ways[3:])]
        self.assertEqual(2.0, error("pure-pairs", look(*burst)))
        self.assertEqual(17.5, error("pure-pairs", look(burst[2])))


class Ours(SynchronousTestCase):
    """What the server does."""

    def guess(self, *probes: Probe) -> Guess:
        """Let the server make of it what it does."""
        guess = ours(look(*probes))
        assert guess is not None
        return guess

    def test_incomplete(self) -> None:
        """A burst that is not complete when the copy has to leave counts."""
        joined = [probe(n * SPACING, 9.0, 5.0) for n in range(16)]
        fresh = [probe(1_000.0 + n * SPACING, 5.0, 5.0) for n in range(4)]
        self.assertNotEqual(self.guess(*joined), self.guess(*joined, *fresh))

    def test_bound(self) -> None:
        """It is half the way, and a little for the time until the start."""
        only = probe(1_000.0, 9.0, 5.0)
        age = TAP + 1_000.0 - only.heard
        guess = self.guess(only)
        self.assertAlmostEqual(AHEAD + 2.0, guess.offset, 3)
        assert guess.bound is not None
        self.assertApproximates(7.0 + age * 100e-6, guess.bound, 0.005)

    def test_uncertainty(self) -> None:
        """It is told, and no more than the bound."""
        guess = self.guess(*EVEN)
        assert guess.bound is not None
        assert guess.uncertainty is not None
        self.assertLessEqual(guess.uncertainty, guess.bound)

    def test_whole_milliseconds(self) -> None:
        """Of a clock that counts whole ones, half of one is added to both."""
        arrived = NOON + 1_005.0
        only = Probe(arrived - 5.0, None, arrived + 4_000.0, arrived + 5.0)
        guess = self.guess(only)
        self.assertEqual(4_000.5, guess.offset)
        assert guess.bound is not None
        self.assertGreater(guess.bound, 5.5)
