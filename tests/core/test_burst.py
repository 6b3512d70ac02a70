"""What a burst of answers says."""

from __future__ import annotations

from random import Random
from statistics import median
from typing import Final

from twisted.trial.unittest import SynchronousTestCase

from raydel.core.burst import BURST, ENOUGH, FINEST, Burst, burst_of, looks
from raydel.core.corridor import Corridor, Reading

NOON: Final = 1_768_478_400_000.0


ANY: Final = Corridor(NOON, 1e9, -1e9)


def burst(width: float, noise: float | None) -> Burst:
    """Return a burst of a clock that is not ahead."""
    return Burst(NOON, 0.0, width, noise, ANY)


def played(chance: Random, jitter: float = 0.6) -> Burst:
    """Play a burst of a clock that is not ahead, on a way of 1.5 ms and a queue."""
    return burst_of(
        [
            Reading(
                NOON,
                NOON,
                1.5 + chance.expovariate(1 / jitter),
                -1.5 - chance.expovariate(1 / jitter),
            )
            for _ in range(BURST)
        ],
        ANY,
    )


class Bursts(SynchronousTestCase):
    """The quickest message of each way counts."""

    def test_the_quickest(self) -> None:
        """They need not belong to one question."""
        burst = burst_of(
            [Reading(NOON, NOON, 9.0, 3.0), Reading(NOON + 1, NOON + 1, 5.0, -3.0)], ANY
        )
        self.assertEqual((NOON + 1, 4.0, 2.0), (burst.at, burst.offset, burst.width))

    def test_at(self) -> None:
        """It is of the instant of its last question: the clock was read later."""
        burst = burst_of([Reading(NOON, NOON + 1e4, 9.0, 3.0)], ANY)
        self.assertEqual(NOON, burst.at)
        self.assertEqual(ANY.at_instant(NOON), burst.limits)

    def test_bound(self) -> None:
        """Its offset is wrong by no more than its limits leave."""
        wide = burst_of([Reading(NOON, NOON, 9.0, 3.0)], Corridor(NOON, 9.5, 2.75))
        self.assertEqual(3.5, wide.bound)

    def test_noise(self) -> None:
        """How far a burst's offset strays is told about right by its own answers."""
        chance = Random(4)  # noqa: S311
        bursts = [played(chance) for _ in range(400)]
        strayed = (sum(burst.offset**2 for burst in bursts) / len(bursts)) ** 0.5
        told = median(burst.noise or 0.0 for burst in bursts)
        self.assertLess(strayed / 2, told)
        self.assertLess(told, strayed * 2)

    def test_few(self) -> None:
        """From four answers on a burst can tell how noisy it is."""
        for count in range(1, ENOUGH + 2):
            readings = [Reading(NOON, NOON, 2.0 + n, -2.0 - n) for n in range(count)]
            known = burst_of(readings, ANY).noise is not None
            self.assertEqual(count >= ENOUGH, known)


class Looks(SynchronousTestCase):
    """How much a filter may rely on each."""

    def test_a_wide_one(self) -> None:
        """One that is wider than the narrowest is trusted less."""
        narrow, wide = looks([burst(3.0, 0.1), burst(9.0, 0.1)])
        self.assertApproximates(0.01, narrow.variance, 1e-4)
        self.assertApproximates(0.01 + 6.0**2 / 12, wide.variance, 1e-4)

    def test_one_lucky_burst(self) -> None:
        """How noisy one says it is counts for no more than what the others say."""
        bursts = [burst(3.0, noise) for noise in (0.3, 0.001, 0.3)]
        for look in looks(bursts):
            self.assertApproximates(0.09, look.variance, 1e-4)

    def test_never_sure(self) -> None:
        """No burst is better than timers are."""
        (look,) = looks([burst(0.0, 0.0)])
        self.assertEqual(FINEST**2, look.variance)

    def test_too_few_answers(self) -> None:
        """One that cannot tell is as noisy as it is wide: a quarter of that."""
        (look,) = looks([burst(8.0, None)])
        self.assertApproximates(4.0, look.variance, 1e-4)
