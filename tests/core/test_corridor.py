"""Between what limits a clock surely is."""

from __future__ import annotations

from typing import Final

from twisted.trial.unittest import SynchronousTestCase

from raydel.core.corridor import ROUNDING, Corridor, Reading
from raydel.core.kalman import WORST_RATE

NOON: Final = 1_768_478_400_000.0


class Corridors(SynchronousTestCase):
    """Limits, and what is left of them."""

    def test_apart(self) -> None:
        """Limits move apart by 100 ppm, into the future and the past."""
        corridor = Corridor(NOON, 3.0, 1.0)
        self.assertEqual(
            Corridor(NOON + 1e4, 4.0, 0.0), corridor.at_instant(NOON + 1e4)
        )
        self.assertEqual(
            Corridor(NOON - 1e4, 4.0, 0.0), corridor.at_instant(NOON - 1e4)
        )

    def test_narrowed(self) -> None:
        """What two readings have in common is left, or nothing."""
        corridor = Corridor(NOON, 3.0, 1.0)
        self.assertEqual(
            Corridor(NOON, 2.5, 1.0), corridor.narrowed(Corridor(NOON, 2.5, 0.0))
        )
        self.assertIsNone(corridor.narrowed(Corridor(NOON, 0.75, 0.0)))
        self.assertIsNone(corridor.narrowed(Corridor(NOON, 4.0, 3.25)))

    def test_nearest(self) -> None:
        """An offset outside of it is moved to its edge."""
        corridor = Corridor(NOON, 3.0, 1.0)
        offsets = [corridor.nearest(offset) for offset in (0.0, 2.5, 4.0)]
        self.assertEqual([1.0, 2.5, 3.0], offsets)
        self.assertEqual(1.5, corridor.bound(2.5))

    def test_limits(self) -> None:
        """What a reading leaves for sure has room for drift on the way, and digits."""
        limits = Reading(NOON - 1_000.0, NOON, 3.0, 1.0).limits
        gained = 1_000.0 * WORST_RATE
        self.assertEqual(
            Corridor(NOON, 3.0 + gained + ROUNDING, 1.0 - ROUNDING), limits
        )
