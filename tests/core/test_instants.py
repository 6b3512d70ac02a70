"""Instants in words."""

from __future__ import annotations

from datetime import datetime

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from raydel.core.instants import HOUR, MINUTE, SECOND, fine, iso

YEAR_9999 = 253_402_300_799_999


class Iso(SynchronousTestCase):
    """ISO 8601, UTC, milliseconds, ``Z``."""

    def test_as_published(self) -> None:
        """An instant reads as the predecessor wrote it."""
        self.assertEqual("2026-01-15T10:30:00.000Z", iso(1_768_473_000_000.0))
        self.assertEqual("1970-01-01T00:00:00.000Z", iso(0.0))

    def test_fractions_are_cut(self) -> None:
        """A fraction of a millisecond never rounds into the next second."""
        self.assertEqual("2026-01-15T10:30:00.999Z", iso(1_768_473_000_999.999))

    @given(st.integers(0, YEAR_9999))
    def test_nothing_is_lost(self, instant: int) -> None:
        """Every whole millisecond is written as it is."""
        read = datetime.fromisoformat(iso(float(instant)))
        self.assertEqual(instant, round(read.timestamp() * 1_000))


class Durations(SynchronousTestCase):
    """Durations are milliseconds."""

    def test_they_fit(self) -> None:
        """An hour has sixty minutes of sixty seconds."""
        self.assertEqual((1e3, 60e3, 3_600e3), (SECOND, MINUTE, HOUR))


class Fine(SynchronousTestCase):
    """What a double holds of an instant."""

    def test_microseconds(self) -> None:
        """Nothing finer leaves the server: it would be noise."""
        self.assertEqual(1_768_473_000_000.123, fine(1_768_473_000_000.1233))
        self.assertEqual(0.001, fine(0.0009))
