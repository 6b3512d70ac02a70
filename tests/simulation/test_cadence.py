"""When a phone is asked."""

from __future__ import annotations

from itertools import pairwise
from random import Random

from twisted.trial.unittest import SynchronousTestCase

from raydel.core.instants import MINUTE, SECOND
from raydel.simulation.cadence import LIKELY, recording, waiting

NOON = 1_768_478_400_000.0


class Cadence(SynchronousTestCase):
    """Bursts, one after the other."""

    def test_waiting(self) -> None:
        """While a start is likely, they come every 10 s; then every minute."""
        at = [NOON, *waiting(Random(1), NOON, NOON + 10 * MINUTE)]
        for one, other in pairwise(at):
            every = 10 * SECOND if one < NOON + LIKELY else MINUTE
            self.assertApproximates(every, other - one, every / 10)
        self.assertGreater(len(at), 18)

    def test_soon(self) -> None:
        """Who taps within 9 s is there before the first."""
        self.assertEqual([], list(waiting(Random(1), NOON, NOON + 9 * SECOND)))

    def test_recording(self) -> None:
        """In a take they come every 10 s, to its end."""
        end_at = NOON + 90 * MINUTE
        at = [NOON, *recording(Random(1), NOON, end_at), end_at]
        waits = [other - one for one, other in pairwise(at)]
        self.assertLessEqual(max(waits), 11 * SECOND)
        self.assertGreaterEqual(min(waits[:-1]), 9 * SECOND)
