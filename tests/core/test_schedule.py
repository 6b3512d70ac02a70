"""Leads and departures."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from raydel.core.apps import App
from raydel.core.burst import BURST
from raydel.core.schedule import (
    FULL_CADENCE,
    HASTE,
    JITTER,
    LONGEST_LEAD,
    MARGIN,
    PINGS,
    SPACING,
    Prospect,
    latest_departure,
    lead,
    start_departure,
    stop_hold,
)

delays = st.floats(0, 10_000)
prospects = st.builds(
    Prospect, st.floats(-500, 5_000), delays, delays, tells_clock=st.booleans()
)


def on_receipt(app: App, delay: float) -> Prospect:
    """Return a phone that does not tell its clock."""
    return Prospect(app.camera_delay, delay, 9 * delay, tells_clock=False)


def by_clock(app: App, delay: float, reach: float) -> Prospect:
    """Return a phone that tells its clock."""
    return Prospect(app.camera_delay, delay, reach, tells_clock=True)


class Leads(SynchronousTestCase):
    """From the tap to the common start."""

    def test_near_phones(self) -> None:
        """Phones that start on receipt and are near need no more than the least."""
        near = [on_receipt(App.LIBRARY_1, 3.0), on_receipt(App.LIBRARY_1, 15.0)]
        self.assertEqual(250.0, lead(near, 250.0))

    def test_nobody(self) -> None:
        """Without a phone the least lead stands."""
        self.assertEqual(250.0, lead([], 250.0))

    def test_on_receipt(self) -> None:
        """There is time for its pings, the last pong and the way of the command."""
        expected = (PINGS - 1) * HASTE + 2 * 100.0 + 20.0 + 100.0
        self.assertEqual(expected, lead([on_receipt(App.LIBRARY_1, 100.0)], 250.0))

    def test_by_its_clock(self) -> None:
        """There is time for a burst, its last answer, and a command that is slow."""
        expected = 15 * HASTE + 2 * 20.0 + 20.0 + 150.0 + 20.0
        phone = by_clock(App.PROTOCOL_2, 20.0, 150.0)
        self.assertEqual(expected, lead([phone], 250.0))
        leaves = latest_departure(expected, 0.0, 150.0)
        self.assertEqual(15 * HASTE + 2 * 20.0 + 20.0, leaves)

    def test_a_slow_app(self) -> None:
        """An app's own camera delay comes on top: a mixed pair may need 1.3 s."""
        pair = [by_clock(App.LIBRARY_2, 3.0, 4.0), on_receipt(App.SCREEN_2, 3.0)]
        expected = (PINGS - 1) * HASTE + 6.0 + 20.0 + 3.0 + 1050.0
        self.assertEqual(expected, lead(pair, 250.0))

    def test_a_slow_camera(self) -> None:
        """So does a camera that is known to be late, and its copy leaves earlier."""
        camera = Prospect(700.0, 20.0, 150.0, tells_clock=True)
        asked = 15 * HASTE + 2 * 20.0 + 20.0
        self.assertEqual(asked + 150.0 + 20.0 + 700.0, lead([camera], 250.0))
        self.assertEqual(asked, latest_departure(camera.lead, 700.0, 150.0))

    def test_a_hasty_camera(self) -> None:
        """One that is early makes nobody wait less, and its copy may leave later."""
        camera = Prospect(-120.0, 20.0, 150.0, tells_clock=True)
        self.assertEqual(by_clock(App.PROTOCOL_2, 20.0, 150.0).lead, camera.lead)
        self.assertEqual(950.0, latest_departure(1_000.0, -120.0, 150.0))

    def test_never_too_long(self) -> None:
        """No lead is longer than what released apps wait for."""
        self.assertEqual(LONGEST_LEAD, lead([on_receipt(App.SCREEN_2, 4_000.0)], 250.0))
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
        self.assertEqual(980.0, start_departure(1_000.0, 0.0, 20.0))
        self.assertEqual(930.0, start_departure(1_000.0, 50.0, 20.0))

    def test_a_stop_waits_for_its_start(self) -> None:
        """A stop is kept until the phone has surely called its camera."""
        self.assertEqual(1_300.0, stop_hold(1_000.0, App.LIBRARY_2, 0.0))
        self.assertEqual(1_000.0, stop_hold(1_000.0, App.PROTOCOL_2, 0.0))
        self.assertEqual(2_350.0, stop_hold(1_000.0, App.SCREEN_2, 1_050.0))


class Asking(SynchronousTestCase):
    """How often a clock is asked for."""

    def test_the_millisecond_is_swept(self) -> None:
        """Of the questions of a burst no two are asked at the same part of a ms."""
        for spacing in (SPACING, HASTE):
            parts = {round(number * spacing % 1, 6) for number in range(BURST)}
            self.assertEqual(BURST, len(parts))

    def test_the_radio_stays_awake(self) -> None:
        """Questions follow each other faster than a radio falls asleep."""
        self.assertLess(SPACING, 100.0)
        self.assertLess(HASTE, SPACING)

    def test_bursts_do_not_meet(self) -> None:
        """A burst is over long before the next."""
        shortest = (1 - JITTER) * FULL_CADENCE
        self.assertLess(BURST * SPACING + MARGIN, shortest / 2)
