"""A session as a value."""

from __future__ import annotations

import msgspec
from msgspec import structs
from twisted.trial.unittest import SynchronousTestCase

from raydel.core.apps import App
from raydel.core.config import Config
from raydel.core.instants import HOUR, MINUTE, iso
from raydel.core.messages import DeviceStatus, SessionStatus
from raydel.core.state import (
    PROBE_PATIENCE,
    Phase,
    Session,
    deadline_of,
    phase_of,
    status_of,
)
from tests.core.steps import CODE, NOON, Stage


class Phases(SynchronousTestCase):
    """Where a session is in its life."""

    def test_all_of_them(self) -> None:
        """A session is absent, open, recording, open again, and ended."""
        stage = Stage()
        self.assertIs(Phase.ABSENT, phase_of(stage.value))
        stage.host_joins()
        self.assertIs(Phase.OPEN, phase_of(stage.value))
        stage.starts()
        self.assertIs(Phase.RECORDING, phase_of(stage.value))
        stage.stops()
        self.assertIs(Phase.OPEN, phase_of(stage.value))
        stage.operator_ends()
        self.assertIs(Phase.ENDED, phase_of(stage.value))


class Seats(SynchronousTestCase):
    """Who sits where."""

    def setUp(self) -> None:
        """Seat a host and a guest."""
        self.stage = Stage()
        self.stage.both_join()

    def test_found(self) -> None:
        """A seat is found by its connection or by its role."""
        session = self.stage.session
        host, guest = session.seats
        self.assertEqual(host, session.seat_of("host"))
        self.assertEqual(guest, session.seat_for(is_host=False))
        self.assertIsNone(session.seat_of("stranger"))
        self.assertIsNone(Session(CODE, NOON).seat_for(is_host=True))

    def test_connected(self) -> None:
        """A seat is connected while its connection is there and answers."""
        self.assertTrue(self.stage.seat("guest").connected)
        self.stage.goes_silent("guest")
        self.assertFalse(self.stage.seat("guest").connected)
        self.stage.loses("guest")
        self.assertFalse(self.stage.session.seats[1].connected)

    def test_status(self) -> None:
        """REST and phones see connected devices, with the times they joined."""
        self.stage.passes(1_000)
        self.stage.loses("guest")
        self.stage.guest_joins("again")
        self.stage.loses("host")
        self.stage.starts("again")
        device = DeviceStatus("guest-id", "Pixel", False, iso(NOON + 1_000))
        expected = SessionStatus(CODE, 1, True, iso(NOON), (device,))
        self.assertEqual(expected, status_of(self.stage.session))


class Deadlines(SynchronousTestCase):
    """The earliest instant at which time alone changes a session."""

    def setUp(self) -> None:
        """Seat a host and a guest."""
        self.stage = Stage()
        self.stage.both_join()

    def test_none(self) -> None:
        """Connected phones that do nothing may do so for ever."""
        self.assertIsNone(self.stage.deadline)

    def test_a_take(self) -> None:
        """A take has a longest duration, wherever its phones are."""
        self.stage.starts()
        self.stage.loses("host")
        self.stage.loses("guest")
        self.assertEqual(NOON + 250.0 + 4 * HOUR, self.stage.deadline)

    def test_a_probe(self) -> None:
        """A probe is the most urgent."""
        self.stage.starts()
        self.stage.guest_joins("third", name="Nokia")
        self.assertEqual(NOON + PROBE_PATIENCE, self.stage.deadline)

    def test_emptiness(self) -> None:
        """A session that nobody is connected to is kept for half an hour."""
        self.stage.loses("host")
        self.stage.loses("guest")
        self.assertEqual(NOON + 30 * MINUTE, self.stage.deadline)

    def test_what_is_owed(self) -> None:
        """What is owed expires, in an ended session too."""
        self.stage.starts()
        self.stage.passes(MINUTE)
        self.stage.stops()
        self.assertEqual(NOON + MINUTE + 4 * HOUR, self.stage.deadline)
        self.stage.operator_ends()
        self.assertEqual(NOON + MINUTE + 4 * HOUR, self.stage.deadline)

    def test_nothing_owed_nothing_empty(self) -> None:
        """A session by itself has none."""
        self.assertIsNone(deadline_of(Session(CODE, NOON), Config()))


class Kept(SynchronousTestCase):
    """A session is a value that can be written down."""

    def test_it_reads_as_it_was_written(self) -> None:
        """Seats, a take, what is owed and who waits survive a store."""
        stage = Stage()
        stage.host_joins(app=App.SCREEN_3)
        stage.guest_joins(app=App.PROTOCOL_2)
        stage.starts()
        stage.stops()
        stage.starts(take_id="next")
        stage.guest_joins("third", name=None)
        session = structs.replace(stage.session, version=7)
        self.assertEqual(1, len(session.claims))
        written = msgspec.json.encode(session)
        self.assertEqual(session, msgspec.json.decode(written, type=Session))
