"""When a phone is asked."""

from __future__ import annotations

from itertools import pairwise
from random import Random

from twisted.trial.unittest import SynchronousTestCase

from raydel.core.instants import MINUTE, SECOND
from raydel.core.schedule import ATTENTION, HASTE, SPACING
from raydel.simulation.cadence import questions, recording, waiting

NOON = 1_768_478_400_000.0


class Cadence(SynchronousTestCase):
    """Bursts, one after the other."""

    def test_burst(self) -> None:
        """A burst is 16 questions, evenly spread."""
        for spacing in (HASTE, SPACING):
            asked = questions(NOON, spacing)
            self.assertEqual((16, NOON), (len(asked), asked[0]))
            self.assertAlmostEqual(NOON + 15 * spacing, asked[-1])

    def test_waiting(self) -> None:
        """From the second join they come every 10 s, for two minutes, then rarely."""
        at = list(waiting(Random(1), NOON, NOON + 10 * MINUTE))
        self.assertEqual(NOON, at[0])
        for one, other in pairwise(at):
            every = 10 * SECOND if one < NOON + ATTENTION else MINUTE
            self.assertApproximates(every, other - one, every / 10)
        self.assertGreater(len(at), 18)

    def test_soon(self) -> None:
        """Who taps soon is there before the next one."""
        self.assertEqual([NOON], list(waiting(Random(1), NOON, NOON + 8.9 * SECOND)))

    def test_recording(self) -> None:
        """In a take they come every 10 s, from the tap to its end."""
        end_at = NOON + 90 * MINUTE
        at = [*recording(Random(1), NOON, end_at), end_at]
        waits = [other - one for one, other in pairwise(at)]
        self.assertEqual(NOON, at[0])
        self.assertLessEqual(max(waits), 11 * SECOND)
        self.assertGreaterEqual(min(waits[:-1]), 9 * SECOND)
