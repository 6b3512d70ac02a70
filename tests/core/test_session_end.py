"""How a session ends, and what stays of it."""

from __future__ import annotations

from typing import get_args

from twisted.trial.unittest import SynchronousTestCase

from raydel.core.config import Config
from raydel.core.effects import Close, Dismissed, Happened, Occasion
from raydel.core.events import Command, DeadlinePassed, Event, Left, ReadyReported
from raydel.core.instants import HOUR, MINUTE
from raydel.core.journal import SERVER
from raydel.core.messages import SessionEnded, StopRecording
from raydel.core.session import TRANSITIONS
from raydel.core.state import Phase, phase_of
from tests.core.steps import CODE, NOON, Stage


class HostLeaves(SynchronousTestCase):
    """A host that says goodbye takes its session along, unless a take runs."""

    def test_idle(self) -> None:
        """The guest hears that the host went, then that all is over."""
        for code in (1000, 1001, 1005):
            with self.subTest(code=code):
                stage = Stage()
                stage.both_join()
                stage.leaves("host", code)
                self.assertEqual(
                    ["DeviceDisconnected", "SessionEnded"], stage.kinds("guest")
                )
                self.assertEqual(SessionEnded(CODE), stage.told("guest")[1])
                self.assertEqual([Dismissed("guest")], stage.addressed(Dismissed))
                self.assertEqual(Close("guest", 1000), stage.effects[-1])
                self.assertIsNone(stage.value)

    def test_lost_is_not_left(self) -> None:
        """A host that loses its link keeps its session."""
        for code in (1006, 1002, 1009, 1011, 1012, 4000):
            with self.subTest(code=code):
                stage = Stage()
                stage.both_join()
                stage.leaves("host", code)
                self.assertEqual(["DeviceDisconnected"], stage.kinds("guest"))
                self.assertIs(Phase.OPEN, phase_of(stage.value))

    def test_in_a_take(self) -> None:
        """While a take runs it goes on; the guest may stop it."""
        stage = Stage()
        stage.both_join()
        stage.starts()
        stage.leaves("host")
        self.assertEqual(["DeviceDisconnected"], stage.kinds("guest"))
        self.assertEqual("take", stage.take.id)
        stage.stops("guest")
        self.assertEqual(["StopRecording"], stage.kinds("guest"))

    def test_its_seat_is_kept(self) -> None:
        """A host that left a take comes back to its seat and its stop."""
        stage = Stage()
        stage.both_join()
        stage.starts()
        stage.leaves("host")
        stage.stops("guest")
        stage.host_joins("again")
        self.assertEqual(
            ["Joined", "DeviceConnected", "StopRecording"], stage.kinds("again")
        )

    def test_before_all_stops_are_proven(self) -> None:
        """What a phone is still owed outlives the session."""
        stage = Stage()
        stage.both_join()
        stage.starts()
        stage.stops()
        stage.proves("host", Command.STOP)
        stage.leaves("host")
        self.assertIs(Phase.ENDED, phase_of(stage.value))
        owed = [debt.owner.device_id for debt in stage.session.debts]
        self.assertEqual(["guest-id"], owed)


class OperatorEnds(SynchronousTestCase):
    """An operator ends a session."""

    def setUp(self) -> None:
        """Seat a host and a guest."""
        self.stage = Stage()
        self.stage.both_join()

    def test_idle(self) -> None:
        """Everybody hears of the end, then is let go."""
        self.stage.operator_ends()
        for peer in ("host", "guest"):
            self.assertEqual([SessionEnded(CODE)], self.stage.told(peer))
        self.assertEqual(
            [Close("host", 1000), Close("guest", 1000)],
            self.stage.addressed(Close),
        )
        self.assertEqual([Occasion.SESSION_ENDED], self.stage.occasions)
        self.assertIsNone(self.stage.value)

    def test_in_a_take(self) -> None:
        """A running take is stopped first."""
        self.stage.starts()
        self.stage.passes(60_000)
        self.stage.operator_ends(lead=40.0)
        for peer in ("host", "guest"):
            self.assertEqual(["StopRecording", "SessionEnded"], self.stage.kinds(peer))
            stop = self.stage.heard(peer, StopRecording)
            self.assertEqual((SERVER, "session_ended"), (stop.initiator, stop.reason))
            self.assertEqual(NOON + 60_040, stop.local_stop_time)
        self.assertEqual("session_ended", self.stage.takes["take"].reason)

    def test_nobody_there(self) -> None:
        """A session whose devices are lost ends without a word."""
        self.stage.loses("host")
        self.stage.loses("guest")
        self.stage.operator_ends()
        self.assertEqual(
            [Happened],
            [type(effect) for effect in self.stage.effects],
        )

    def test_no_session(self) -> None:
        """Where there is none, nothing ends."""
        stage = Stage()
        stage.operator_ends()
        self.assertEqual((), stage.effects)
        self.assertIsNone(stage.value)


class Tombstones(SynchronousTestCase):
    """An ended session is remembered until every participant was told."""

    def setUp(self) -> None:
        """End a session in a take."""
        self.stage = Stage()
        self.stage.both_join()
        self.stage.starts()
        self.stage.operator_ends()

    def test_it_stays(self) -> None:
        """What is owed is kept; nobody sits there any more."""
        self.assertIs(Phase.ENDED, phase_of(self.stage.value))
        self.assertEqual((), self.stage.session.seats)
        self.assertEqual(2, len(self.stage.session.debts))

    def test_until_all_are_told(self) -> None:
        """Once every participant was told, nothing is left."""
        self.stage.proves("host", Command.STOP)
        self.assertIs(Phase.ENDED, phase_of(self.stage.value))
        self.stage.proves("guest", Command.STOP)
        self.assertIsNone(self.stage.value)

    def test_until_nobody_can_be_recording(self) -> None:
        """After the longest take nothing is left either."""
        self.stage.passes(4 * HOUR - 1)
        self.assertIs(Phase.ENDED, phase_of(self.stage.value))
        self.stage.passes(1)
        self.assertIsNone(self.stage.value)

    def test_it_answers_as_none(self) -> None:
        """An ended session answers commands as if it were not there."""
        for command in (self.stage.starts, self.stage.stops, self.stage.is_ready):
            command("host")
            self.assertEqual("not_joined", self.stage.error("host"))
        before = self.stage.value
        self.stage.operator_ends()
        self.stage.loses("host")
        self.assertEqual((), self.stage.effects)
        self.assertEqual(before, self.stage.value)


class Cleanup(SynchronousTestCase):
    """A session that nobody is connected to ends after a while."""

    def setUp(self) -> None:
        """Seat a host and a guest."""
        self.stage = Stage()
        self.stage.both_join()

    def test_after_half_an_hour(self) -> None:
        """The half hour counts from the last device's loss."""
        self.stage.loses("guest")
        self.stage.passes(10 * MINUTE)
        self.stage.loses("host")
        self.stage.passes(30 * MINUTE - 1)
        self.assertEqual((), self.stage.effects)
        self.stage.passes(1)
        self.assertEqual([Occasion.SESSION_ENDED], self.stage.occasions)
        self.assertIsNone(self.stage.value)

    def test_it_is_a_setting(self) -> None:
        """The operator may choose how long."""
        stage = Stage(Config(cleanup=MINUTE))
        stage.host_joins()
        stage.loses("host")
        stage.passes(MINUTE)
        self.assertIsNone(stage.value)

    def test_not_while_one_is_there(self) -> None:
        """A connected, answering device is activity, however silent its app."""
        self.stage.loses("host")
        self.stage.passes(24 * HOUR)
        self.assertIs(Phase.OPEN, phase_of(self.stage.value))

    def test_a_return(self) -> None:
        """A device that returns in time keeps the session."""
        self.stage.loses("host")
        self.stage.loses("guest")
        self.stage.passes(29 * MINUTE)
        self.stage.guest_joins("again")
        self.stage.passes(HOUR)
        self.assertIs(Phase.OPEN, phase_of(self.stage.value))

    def test_silent_devices(self) -> None:
        """Devices that only look connected keep nothing; their wires are closed."""
        self.stage.goes_silent("host")
        self.stage.goes_silent("guest")
        self.stage.passes(30 * MINUTE)
        self.assertEqual(["SessionEnded"], self.stage.kinds("guest"))
        self.assertEqual(2, len(self.stage.addressed(Close)))

    def test_not_in_a_take(self) -> None:
        """A running take is activity until its longest duration."""
        self.stage.starts(lead=0.0)
        self.stage.loses("host")
        self.stage.loses("guest")
        self.stage.passes(4 * HOUR - 1)
        self.assertIs(Phase.RECORDING, phase_of(self.stage.value))
        self.stage.passes(1)
        self.assertIs(Phase.OPEN, phase_of(self.stage.value))
        self.stage.passes(30 * MINUTE - 1)
        self.assertIs(Phase.OPEN, phase_of(self.stage.value))
        self.stage.passes(1)
        self.assertIs(Phase.ENDED, phase_of(self.stage.value))


class Table(SynchronousTestCase):
    """The table of transitions."""

    def test_it_is_whole(self) -> None:
        """Every event means something in every phase."""
        events = set(get_args(Event))
        self.assertEqual(set(Phase), set(TRANSITIONS))
        for phase in Phase:
            self.assertEqual(events, set(TRANSITIONS[phase]), phase)

    def test_nothing_grows_from_nothing(self) -> None:
        """Where there is no session, only a join changes that."""
        stage = Stage()
        for event in (Left("a", 1006), DeadlinePassed(), ReadyReported("a", True)):
            stage.do(event)
            self.assertIsNone(stage.value)

    def test_too_early(self) -> None:
        """A timer that fires too early does nothing."""
        stage = Stage()
        stage.both_join()
        stage.starts()
        before = stage.value
        stage.do(DeadlinePassed())
        self.assertEqual((), stage.effects)
        self.assertEqual(before, stage.value)
