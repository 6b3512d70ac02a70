"""Leads and departures."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from raydel.core.apps import App
from raydel.core.schedule import (
    JOIN_PROBES,
    LONGEST_LEAD,
    MARGIN,
    PROBE_INTERVAL,
    PROBES,
    Prospect,
    lead,
    start_departure,
    stop_hold,
)

delays = st.floats(0, 10_000)
prospects = st.builds(Prospect, st.sampled_from(App), delays)


class Leads(SynchronousTestCase):
    """From the tap to the common start."""

    def test_near_phones(self) -> None:
        """Phones that are near need no more than the least lead."""
        near = [Prospect(App.LIBRARY_2, 3.0), Prospect(App.LIBRARY_2, 20.0)]
        self.assertEqual(250.0, lead(near, 250.0))

    def test_nobody(self) -> None:
        """Without a phone the least lead stands."""
        self.assertEqual(250.0, lead([], 250.0))

    def test_a_far_phone(self) -> None:
        """There is time for a burst, its last answer and the way of the command."""
        expected = 4 * 25.0 + 2 * 100.0 + 20.0 + 100.0
        self.assertEqual(expected, lead([Prospect(App.LIBRARY_2, 100.0)], 250.0))

    def test_a_slow_app(self) -> None:
        """An app's own camera delay comes on top: a mixed pair may need 1.2 s."""
        pair = [Prospect(App.LIBRARY_2, 3.0), Prospect(App.SCREEN_2, 3.0)]
        self.assertEqual(100.0 + 6.0 + 20.0 + 3.0 + 1050.0, lead(pair, 250.0))

    def test_never_too_long(self) -> None:
        """No lead is longer than what released apps wait for."""
        self.assertEqual(LONGEST_LEAD, lead([Prospect(App.SCREEN_2, 4_000.0)], 250.0))
        self.assertEqual(LONGEST_LEAD, lead([], 60_000.0))

    @given(st.lists(prospects, max_size=3), st.floats(0, 5_000))
    def test_in_bounds(self, phones: list[Prospect], least: float) -> None:
        """A lead is never under the least, over the longest, or too short."""
        found = lead(phones, least)
        self.assertLessEqual(least, found)
        self.assertLessEqual(found, LONGEST_LEAD)
        for phone in phones:
            self.assertLessEqual(min(phone.lead, LONGEST_LEAD), found)


class Departures(SynchronousTestCase):
    """When a copy leaves."""

    def test_on_receipt(self) -> None:
        """A copy arrives the app's own delay before the common start."""
        self.assertEqual(980.0, start_departure(1_000.0, App.LIBRARY_1, 20.0))
        self.assertEqual(930.0, start_departure(1_000.0, App.SCREEN_2_OLD, 20.0))

    def test_a_stop_waits_for_its_start(self) -> None:
        """A stop is kept until the phone has surely called its camera."""
        self.assertEqual(1_300.0, stop_hold(1_000.0, App.LIBRARY_2))
        self.assertEqual(2_350.0, stop_hold(1_000.0, App.SCREEN_2))


class Probing(SynchronousTestCase):
    """How often a clock is asked for."""

    def test_after_a_join(self) -> None:
        """Five requests, spread over the first half second."""
        self.assertEqual(5, len(JOIN_PROBES))
        self.assertEqual(sorted(JOIN_PROBES), list(JOIN_PROBES))
        self.assertLess(JOIN_PROBES[-1], 500.0)

    def test_before_a_start(self) -> None:
        """A burst of four to eight, 25 ms apart, fits into the least lead."""
        self.assertIn(PROBES, range(4, 9))
        self.assertEqual(25.0, PROBE_INTERVAL)
        self.assertLess((PROBES - 1) * PROBE_INTERVAL + MARGIN, 250.0)
