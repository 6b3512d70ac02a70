"""The server starts again, or can store nothing."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from raydel.core.apps import App
from raydel.core.events import (
    DeadlinePassed,
    EndRequested,
    Event,
    Joining,
    Left,
    Restarted,
    StartRequested,
    StopRequested,
)
from raydel.core.instants import HOUR, MINUTE, SECOND
from raydel.core.messages import (
    DeviceDisconnected,
    Joined,
    RunningTake,
    StartRecording,
    StopRecording,
)
from raydel.core.session import begins
from raydel.core.state import Phase, phase_of
from tests.core.steps import CODE, NOON, Stage, joining, token_of

NEW = App.PROTOCOL_2


class Restarts(SynchronousTestCase):
    """A server that starts again has no connection of before."""

    def setUp(self) -> None:
        """Seat a host that speaks protocol 2, and a guest that does not."""
        self.stage = Stage()
        self.stage.both_join(NEW)

    def test_nowhere(self) -> None:
        """Where no session is, none comes of it."""
        stage = Stage()
        stage.restarts()
        self.assertIsNone(stage.value)
        self.assertEqual((), stage.effects)

    def test_all_are_away(self) -> None:
        """Both seats are kept, for phones that are not there."""
        self.stage.is_ready("guest")
        self.stage.goes_silent("host")
        self.stage.restarts()
        self.assertEqual((), self.stage.effects)
        for seat in self.stage.session.seats:
            self.assertEqual(
                (None, False, False, "lost"),
                (seat.peer, seat.silent, seat.ready, seat.away),
            )
        self.assertEqual(NOON + 30 * MINUTE, self.stage.deadline)

    def test_who_was_away_already(self) -> None:
        """Why a phone is away is not forgotten."""
        self.stage.starts()
        self.stage.leaves("guest")
        self.stage.restarts()
        _, guest = self.stage.session.seats
        self.assertEqual("left", guest.away)

    def test_both_come_back(self) -> None:
        """Each gets its seat back, and what it missed."""
        self.stage.restarts()
        self.stage.guest_joins("guest again")
        self.assertEqual(["Joined"], self.stage.kinds("guest again"))
        self.stage.host_joins(
            "host again", app=NEW, resume=token_of("host"), last_seq=1
        )
        self.assertIs(True, self.stage.heard("host again", Joined).recovered)
        gone = DeviceDisconnected("guest-id", CODE, "lost", 2)
        self.assertEqual(gone, self.stage.told("host again")[1])
        self.assertEqual([2, 3], self.stage.numbers("host again"))

    def test_who_waits(self) -> None:
        """A newcomer that waited for a seat is gone as well."""
        self.stage.guest_joins("third", name="Nokia")
        self.stage.restarts()
        self.assertEqual((), self.stage.session.claims)
        self.stage.passes(MINUTE)
        self.assertEqual((), self.stage.effects)

    def test_in_a_take(self) -> None:
        """The take runs on, and whoever comes back is in it."""
        self.stage.starts()
        self.stage.restarts()
        self.stage.passes(HOUR)
        self.stage.host_joins("again", app=NEW, resume=token_of("host"), last_seq=2)
        expected = RunningTake("take", NOON + 250.0, participant=True)
        self.assertEqual(expected, self.stage.heard("again", Joined).take)
        self.assertNotIn("StartRecording", self.stage.kinds("again"))
        self.stage.stops("again")
        self.assertEqual("take", self.stage.heard("again", StopRecording).take_id)
        self.stage.guest_joins("guest again")
        self.assertIn("StopRecording", self.stage.kinds("guest again"))

    def test_nobody_comes_back(self) -> None:
        """A take of which nobody is left ends some time."""
        self.stage.starts()
        self.stage.restarts()
        self.stage.passes(4 * HOUR + 250)
        self.assertIs(Phase.OPEN, phase_of(self.stage.value))
        self.assertEqual("longest_take", self.stage.takes["take"].reason)

    def test_who_waited_outside(self) -> None:
        """A participant without a seat is told its stop when it comes back."""
        self.stage.starts()
        self.stage.loses("guest")
        self.stage.guest_joins("third", name="Nokia")
        self.stage.guest_joins("outside")
        self.stage.answers_probe("third")
        self.assertEqual("outside", self.stage.take.participants[1].outside)
        self.stage.restarts()
        self.assertIsNone(self.stage.take.participants[1].outside)
        self.stage.host_joins("again", app=NEW, resume=token_of("host"))
        self.stage.stops("again")
        self.assertEqual([], self.stage.told("outside"))
        self.stage.guest_joins("back")
        self.assertIn("StopRecording", self.stage.kinds("back"))

    def test_after_the_end(self) -> None:
        """What an ended session owes is owed on."""
        self.stage.starts()
        self.stage.operator_ends()
        before = self.stage.value
        self.stage.restarts()
        self.assertEqual(before, self.stage.value)
        self.stage.guest_joins("again")
        self.assertEqual(["StopRecording", "Error"], self.stage.kinds("again"))

    def test_twice(self) -> None:
        """A second start changes nothing more, and postpones no clean-up."""
        self.stage.restarts()
        before = self.stage.value
        self.stage.passes(MINUTE)
        self.stage.restarts()
        self.assertEqual(before, self.stage.value)


class FallenBack(SynchronousTestCase):
    """A machine that starts again with its clock an hour behind.

    One without a battery has the time that it last wrote down. What is stored lies
    ahead then, and nobody shall wait for it.
    """

    def setUp(self) -> None:
        """Seat two phones, both of protocol 2, and begin a take."""
        self.stage = Stage()
        self.stage.both_join(NEW, NEW)
        self.stage.starts(command_id="start")

    def fall_back(self) -> None:
        """Start again, an hour earlier."""
        self.stage.now -= HOUR
        self.stage.restarts()

    def returns(self, last_seq: int | None = None) -> None:
        """Have the host come back."""
        token = token_of("host")
        self.stage.host_joins("again", app=NEW, resume=token, last_seq=last_seq)

    def stop_is_told(self) -> None:
        """Hold the stop that the host was just told to the time of now."""
        at = self.stage.heard("again", StopRecording).local_stop_time
        self.assertEqual(self.stage.now, at)

    def start_is_told(self) -> None:
        """Hold the start that the host was just told to the time of now."""
        at = self.stage.heard("again", StartRecording).atomic_start_time
        self.assertEqual(self.stage.now, at)

    def test_a_take_is_stopped(self) -> None:
        """A tap on stop stops it, and not an hour later."""
        self.fall_back()
        self.returns(last_seq=2)
        self.stage.stops("again")
        self.stop_is_told()

    def test_a_stop_on_released_phones(self) -> None:
        """So it is where it must not overtake the start."""
        self.stage = Stage()
        self.stage.both_join(App.LIBRARY_2, App.LIBRARY_2)
        self.stage.starts()
        self.fall_back()
        self.stage.host_joins("again", app=App.LIBRARY_2)
        self.stage.stops("again")
        at = self.stage.heard("again", StopRecording).local_stop_time
        assert isinstance(at, float)
        self.assertLess(at, self.stage.now + 10 * SECOND)

    def test_a_stop_that_was_missed(self) -> None:
        """It is told in its number, to be obeyed now."""
        self.stage.loses("host")
        self.stage.stops("guest")
        self.fall_back()
        self.returns(last_seq=2)
        self.stop_is_told()

    def test_a_stop_that_is_owed(self) -> None:
        """So it is if the phone does not know its number."""
        self.stage.loses("host")
        self.stage.stops("guest")
        self.fall_back()
        self.returns()
        self.stop_is_told()

    def test_a_start_that_was_missed(self) -> None:
        """It comes late, but not an hour late; with a number, and without."""
        for last_seq in (1, None):
            self.setUp()
            self.stage.loses("host")
            self.fall_back()
            self.returns(last_seq)
            self.start_is_told()

    def test_a_start_that_is_sent_again(self) -> None:
        """Its answer is the same, for now."""
        self.fall_back()
        self.returns(last_seq=2)
        self.stage.starts("again", command_id="start")
        self.start_is_told()

    def test_the_next_take(self) -> None:
        """It begins when it is asked for."""
        self.stage.stops()
        self.fall_back()
        self.returns()
        self.stage.starts("again", "next")
        at = self.stage.heard("again", StartRecording).atomic_start_time
        self.assertEqual(self.stage.now + 250.0, at)


class Beginnings(SynchronousTestCase):
    """What a server that can store nothing refuses."""

    def setUp(self) -> None:
        """Prepare a stage, and what may happen on it."""
        self.stage = Stage()
        self.host = joining("host again", host=True, name="iPhone")
        self.guest = joining("guest again", host=False, name="Pixel")

    def begins(self, *events: Event) -> list[bool]:
        """Tell of each event whether it would begin something."""
        return [begins(self.stage.value, event) for event in events]

    def test_a_session(self) -> None:
        """A host begins one where there is none; a guest never does."""
        self.assertEqual([True, False], self.begins(self.host, self.guest))
        self.stage.both_join()
        self.assertEqual([False, False], self.begins(self.host, self.guest))
        self.stage.starts()
        self.assertEqual([False, False], self.begins(self.host, self.guest))
        self.stage.operator_ends()
        self.assertEqual([True, False], self.begins(self.host, self.guest))

    def test_a_take(self) -> None:
        """A start begins one where none runs, from a phone that has a seat."""
        start = StartRequested("guest", "take", 250.0)
        stranger = StartRequested("stranger", "take", 250.0)
        self.assertEqual([False, False], self.begins(start, stranger))
        self.stage.both_join()
        self.assertEqual([True, False], self.begins(start, stranger))
        self.stage.starts()
        self.assertEqual([False, False], self.begins(start, stranger))
        self.stage.operator_ends()
        self.assertEqual([False, False], self.begins(start, stranger))

    def test_a_start_that_is_sent_again(self) -> None:
        """Who asks again for a take that is over begins none: it is told its end."""
        self.stage.both_join(NEW, NEW)
        self.stage.starts("guest", command_id="one")
        self.stage.stops()
        again = StartRequested("guest", "other", 250.0, "one")
        other = StartRequested("guest", "other", 250.0, "two")
        same = StartRequested("host", "other", 250.0, "one")
        self.assertEqual([False, True, True], self.begins(again, other, same))

    def test_the_hour_of_a_screen(self) -> None:
        """A screen whose hour is over goes on, in a take of its own."""
        self.stage.both_join(App.SCREEN_3, App.SCREEN_3)
        self.stage.starts()
        self.stage.passes(HOUR + MINUTE)
        self.assertEqual([False], self.begins(StartRequested("guest", "next", 250.0)))

    def test_all_else_goes_on(self) -> None:
        """Nothing that ends, stops or comes back is a beginning."""
        events = (
            StopRequested("guest"),
            Left("guest", 1000),
            EndRequested(),
            Restarted(),
            DeadlinePassed(),
        )
        for _ in range(2):
            self.assertEqual([False] * len(events), self.begins(*events))
            self.stage.both_join()

    def test_joins_are_told_apart_by_role(self) -> None:
        """Only the role counts: any host may begin a session."""
        rival: Joining = joining("rival", host=True, name="Nokia")
        self.stage.both_join()
        self.assertEqual([False], self.begins(rival))
