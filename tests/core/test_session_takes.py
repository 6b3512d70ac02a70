"""How a take begins, who is in it, and how it ends."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from raydel.core.apps import App
from raydel.core.config import Config
from raydel.core.effects import Dismissed, Occasion, Tell
from raydel.core.events import Command, Delivered, Receipt
from raydel.core.instants import HOUR, MINUTE
from raydel.core.journal import SERVER
from raydel.core.messages import (
    Error,
    Joined,
    RunningTake,
    StartRecording,
    StopRecording,
)
from raydel.core.state import Phase, phase_of
from raydel.core.take import MOST_DEBTS, Absentee
from tests.core.steps import CODE, NOON, Stage, token_of


class Starting(SynchronousTestCase):
    """A start makes one take, of everybody who is there."""

    def setUp(self) -> None:
        """Seat a host and a guest."""
        self.stage = Stage()
        self.stage.both_join()

    def test_all_are_told(self) -> None:
        """Everybody gets the start, the sender included, with the same instant."""
        self.stage.starts(lead=250.0)
        for peer in ("host", "guest"):
            start = self.stage.heard(peer, StartRecording)
            self.assertEqual((CODE, "take"), (start.session_id, start.take_id))
            self.assertEqual("host-id", start.initiator)
            self.assertEqual(NOON, start.timestamp)
            self.assertEqual(NOON + 250.0, start.atomic_start_time)
        self.assertEqual([Occasion.RECORDING_STARTED], self.stage.occasions)

    def test_the_guest_may_start(self) -> None:
        """Either phone may start."""
        self.stage.starts("guest")
        self.assertEqual("guest-id", self.stage.heard("host", StartRecording).initiator)

    def test_arrival_is_to_be_proven(self) -> None:
        """Each copy carries a receipt of its own."""
        self.stage.starts()
        expected = [
            (peer, Receipt(CODE, f"{peer}-id", "take", Command.START))
            for peer in ("host", "guest")
        ]
        self.assertEqual(expected, self.stage.receipts)

    def test_what_is_told_is_stored(self) -> None:
        """The take is kept with who takes part, from the start on."""
        self.stage.starts()
        take = self.stage.takes["take"]
        self.assertEqual(self.stage.take, take)
        self.assertEqual(
            [("host-id", "iPhone"), ("guest-id", "Pixel")],
            [(p.owner.device_id, p.name) for p in take.participants],
        )
        self.assertEqual((), take.absent)
        self.assertIsNone(take.ended_at)

    def test_who_is_away_is_absent(self) -> None:
        """A seat whose device is lost takes no part and gets no start."""
        self.stage.loses("guest")
        self.stage.starts()
        absent = Absentee("guest-id", "Pixel", is_host=False)
        self.assertEqual((absent,), self.stage.take.absent)
        self.assertEqual(1, len(self.stage.take.participants))

    def test_who_is_silent_is_absent(self) -> None:
        """A device that answers no more takes no part and gets no start."""
        self.stage.goes_silent("guest")
        self.stage.starts()
        self.assertEqual(1, len(self.stage.take.absent))
        self.assertEqual([], self.stage.told("guest"))

    def test_two_starts_at_once(self) -> None:
        """The second start is refused, and told which take runs."""
        self.stage.starts("host", "take")
        self.stage.starts("guest", "other")
        error = self.stage.heard("guest", Error)
        self.assertEqual("Recording already in progress", error.message)
        self.assertEqual(("recording_in_progress", "take"), (error.code, error.take_id))
        self.assertEqual([], self.stage.told("host"))
        self.assertEqual(["take"], list(self.stage.takes))

    def test_without_a_seat(self) -> None:
        """A stranger can neither start nor stop nor be ready."""
        for recording in (False, True):
            with self.subTest(recording=recording):
                for command in (
                    self.stage.starts,
                    self.stage.stops,
                    self.stage.is_ready,
                ):
                    command("stranger")
                    self.assertEqual("not_joined", self.stage.error("stranger"))
                    self.assertEqual(1, len(self.stage.effects))
                self.stage.starts()

    def test_without_a_session(self) -> None:
        """Where there is no session nobody has a seat."""
        stage = Stage()
        for command in (stage.starts, stage.stops, stage.is_ready):
            command("stranger")
            self.assertEqual("not_joined", stage.error("stranger"))
            self.assertIsNone(stage.value)


class Stopping(SynchronousTestCase):
    """A stop reaches everybody who may be recording."""

    def setUp(self) -> None:
        """Start a take with a host and a guest."""
        self.stage = Stage()
        self.stage.both_join()
        self.stage.starts()

    def test_all_are_told(self) -> None:
        """Everybody gets the stop, for one instant, with a receipt."""
        self.stage.passes(60_000)
        self.stage.stops("guest", lead=30.0)
        expected = StopRecording(
            session_id=CODE,
            timestamp=NOON + 60_000,
            initiator="guest-id",
            take_id="take",
            local_stop_time=NOON + 60_030,
            reason="command",
        )
        for peer in ("host", "guest"):
            receipt = Receipt(CODE, f"{peer}-id", "take", Command.STOP)
            self.assertIn(Tell(peer, expected, receipt), self.stage.effects)
        self.assertEqual([Occasion.RECORDING_STOPPED], self.stage.occasions)

    def test_what_is_told_is_stored(self) -> None:
        """The take is kept with its end and the reason."""
        self.stage.passes(60_000)
        self.stage.stops()
        take = self.stage.takes["take"]
        self.assertEqual((NOON + 60_000, "command"), (take.ended_at, take.reason))
        self.assertIsNone(self.stage.session.take)

    def test_nothing_to_stop(self) -> None:
        """A second stop is refused."""
        self.stage.stops()
        self.stage.stops("guest")
        error = self.stage.heard("guest", Error)
        self.assertEqual("No recording in progress", error.message)
        self.assertEqual("no_recording", error.code)

    def test_so_many_debts(self) -> None:
        """A phone that never proves anything is owed its latest stops."""
        self.stage.stops()
        for number in range(MOST_DEBTS):
            self.stage.starts(take_id=f"take {number}")
            self.stage.stops()
        debts = self.stage.session.debts
        self.assertEqual(2 * MOST_DEBTS, len(debts))
        self.assertEqual(f"take {MOST_DEBTS - 1}", debts[-1].stop.take_id)
        self.assertEqual("take 0", debts[0].stop.take_id)

    def test_the_debt_of_another(self) -> None:
        """However many takes one phone makes, the other is still owed its stop."""
        self.stage.loses("guest")
        self.stage.stops()
        for number in range(MOST_DEBTS + 1):
            self.stage.starts(take_id=f"take {number}")
            self.stage.stops()
        self.stage.guest_joins("again")
        self.assertIn("take", [each.take_id for each in self.stops_told("again")])

    def stops_told(self, peer: str) -> list[StopRecording]:
        """Return the stops that the last verb told a peer."""
        return [m for m in self.stage.told(peer) if isinstance(m, StopRecording)]

    def test_another_take_was_meant(self) -> None:
        """A stop that names a take ends no other, however late it comes."""
        self.stage.stops(take_id="an earlier one")
        error = self.stage.heard("host", Error)
        self.assertEqual(
            ("no_recording", "an earlier one"), (error.code, error.take_id)
        )
        self.assertEqual("take", self.stage.take.id)
        self.stage.stops(take_id="take")
        self.assertIsNone(self.stage.session.take)

    def test_a_stop_for_nobody(self) -> None:
        """Who has no seat ends nothing."""
        self.stage.stops("stranger", take_id="take")
        self.assertEqual("not_joined", self.stage.error("stranger"))
        self.assertEqual("take", self.stage.take.id)

    def test_a_silent_phone_is_told_too(self) -> None:
        """A stop is sent down a silent wire as well: it may yet arrive."""
        self.stage.goes_silent("guest")
        self.stage.stops()
        self.assertEqual(["StopRecording"], self.stage.kinds("guest"))

    def test_a_stop_is_owed_until_proven(self) -> None:
        """A stop is owed to each participant until its arrival is proven."""
        self.stage.stops()
        owed = [debt.owner.device_id for debt in self.stage.session.debts]
        self.assertEqual(["host-id", "guest-id"], owed)
        self.stage.proves("guest", Command.STOP)
        owed = [debt.owner.device_id for debt in self.stage.session.debts]
        self.assertEqual(["host-id"], owed)

    def test_no_stop_is_owed_for_ever(self) -> None:
        """After the longest take nobody can be recording any more."""
        self.stage.stops()
        self.stage.passes(4 * HOUR - 1)
        self.assertEqual(2, len(self.stage.session.debts))
        self.stage.passes(1)
        self.assertEqual((), self.stage.session.debts)

    def test_the_next_start_proves_the_stop(self) -> None:
        """A phone that got the next start is never told to stop the last take."""
        self.stage.stops()
        self.stage.starts(take_id="next")
        self.stage.proves("guest", Command.START)
        owed = [debt.owner.device_id for debt in self.stage.session.debts]
        self.assertEqual(["host-id"], owed)
        self.stage.loses("guest")
        self.stage.guest_joins("again")
        self.assertEqual(["Joined", "DeviceConnected"], self.stage.kinds("again"))

    def test_a_late_proof_of_the_start(self) -> None:
        """That a start arrived says nothing of the stop that followed."""
        self.stage.stops()
        self.stage.proves("guest", Command.START)
        self.assertEqual(2, len(self.stage.session.debts))

    def test_a_displaced_participant_is_owed(self) -> None:
        """A take remembers who took part, not who sits there now."""
        self.stage.loses("guest")
        self.stage.guest_joins("third", name="Nokia")
        self.stage.stops()
        owed = [debt.owner.device_id for debt in self.stage.session.debts]
        self.assertEqual(["host-id", "guest-id"], owed)

    def test_the_longest_take(self) -> None:
        """A take is ended for everybody after its longest duration."""
        self.stage.passes(4 * HOUR + 249)
        self.assertEqual((), self.stage.effects)
        self.stage.passes(1)
        for peer in ("host", "guest"):
            stop = self.stage.heard(peer, StopRecording)
            self.assertEqual((SERVER, "longest_take"), (stop.initiator, stop.reason))
        self.assertEqual("longest_take", self.stage.takes["take"].reason)
        self.assertIs(Phase.OPEN, phase_of(self.stage.value))

    def test_the_longest_take_is_a_setting(self) -> None:
        """The operator may choose the longest take."""
        stage = Stage(Config(longest_take=MINUTE))
        stage.host_joins()
        stage.starts(lead=0)
        stage.passes(MINUTE)
        self.assertEqual(["StopRecording"], stage.kinds("host"))


class Proof(SynchronousTestCase):
    """A start is told again only where the first was not proven."""

    def setUp(self) -> None:
        """Start a take with a host and a guest."""
        self.stage = Stage()
        self.stage.both_join()
        self.stage.starts()

    def test_not_proven(self) -> None:
        """A participant whose link died before the proof gets its start again."""
        self.stage.loses("guest")
        self.stage.guest_joins("again")
        start = self.stage.heard("again", StartRecording)
        self.assertEqual(
            ("take", NOON + 250.0), (start.take_id, start.atomic_start_time)
        )

    def test_proven(self) -> None:
        """A participant that got its start never gets it again."""
        self.stage.proves("guest", Command.START)
        self.assertTrue(self.stage.takes["take"].participants[1].start_proven)
        self.stage.loses("guest")
        self.stage.guest_joins("again")
        self.assertEqual(["Joined", "DeviceConnected"], self.stage.kinds("again"))

    def test_each_for_itself(self) -> None:
        """What one phone got proves nothing of the other."""
        self.stage.proves("host", Command.START)
        self.stage.loses("guest")
        self.stage.guest_joins("again")
        self.assertIn("StartRecording", self.stage.kinds("again"))

    def test_of_another_take(self) -> None:
        """A proof of a take that does not run changes nothing."""
        before = self.stage.value
        old = Receipt(CODE, "guest-id", "older", Command.START)
        self.stage.do(Delivered(old))
        self.assertEqual(before, self.stage.value)

    def test_heard_again(self) -> None:
        """A silent phone's start is still on its way: it is not repeated."""
        self.stage.goes_silent("guest")
        self.stage.is_heard("guest")
        self.assertEqual([], self.stage.told("guest"))

    def test_missed_stop_before_repeated_start(self) -> None:
        """A phone that missed a stop and the next start gets them in that order."""
        self.stage.stops()
        self.stage.starts(take_id="next")
        self.stage.loses("guest")
        self.stage.guest_joins("again")
        self.assertEqual(
            ["Joined", "DeviceConnected", "StopRecording", "StartRecording"],
            self.stage.kinds("again"),
        )
        self.assertEqual("take", self.stage.heard("again", StopRecording).take_id)
        self.assertEqual("next", self.stage.heard("again", StartRecording).take_id)


class InMidTake(SynchronousTestCase):
    """Joining while a take runs."""

    def setUp(self) -> None:
        """Start a take with a host alone."""
        self.stage = Stage()
        self.stage.host_joins()
        self.stage.starts()

    def test_a_released_guest(self) -> None:
        """A guest that comes too late gets no start and is absent from the take."""
        self.stage.guest_joins()
        self.assertEqual(["Joined", "DeviceConnected"], self.stage.kinds("guest"))
        self.assertIs(
            True, self.stage.heard("guest", Joined).session_status.is_recording
        )
        absent = Absentee("guest-id", "Pixel", is_host=False)
        self.assertEqual((absent,), self.stage.takes["take"].absent)

    def test_listed_once(self) -> None:
        """A guest that comes twice is absent once."""
        self.stage.guest_joins()
        self.stage.loses("guest")
        self.stage.guest_joins("again")
        self.assertEqual(1, len(self.stage.take.absent))

    def test_protocol_2_is_told(self) -> None:
        """Protocol 2 is told which take runs, since when, and whether it is in it."""
        self.stage.guest_joins(app=App.PROTOCOL_2)
        expected = RunningTake("take", NOON + 250.0, participant=False)
        self.assertEqual(expected, self.stage.heard("guest", Joined).take)

    def test_a_participant_is_told(self) -> None:
        """A participant that comes back is told that it is in the take."""
        self.stage.proves("host", Command.START)
        self.stage.loses("host")
        self.stage.host_joins("again")
        expected = RunningTake("take", NOON + 250.0, participant=True)
        self.assertEqual(expected, self.stage.heard("again", Joined).take)

    def test_a_participant_keeps_its_new_token(self) -> None:
        """A participant's new token opens what the take will owe it."""
        stage = Stage()
        stage.host_joins()
        stage.guest_joins(app=App.PROTOCOL_2)
        stage.starts()
        stage.loses("guest")
        stage.guest_joins("again", app=App.PROTOCOL_2)
        token = token_of("again")
        stage.loses("again")
        stage.stops()
        stage.guest_joins("third", name="New", app=App.PROTOCOL_2, resume=token)
        self.assertEqual("take", stage.heard("third", StopRecording).take_id)

    def test_it_may_stop(self) -> None:
        """A guest that takes no part may stop the take, and gets the stop too."""
        self.stage.guest_joins()
        self.stage.stops("guest")
        self.assertEqual(["StopRecording"], self.stage.kinds("host"))
        self.assertEqual(["StopRecording"], self.stage.kinds("guest"))

    def test_it_is_owed_nothing(self) -> None:
        """Whoever takes no part is owed no stop."""
        self.stage.guest_joins()
        self.stage.stops()
        owed = [debt.owner.device_id for debt in self.stage.session.debts]
        self.assertEqual(["host-id"], owed)


class OneHour(SynchronousTestCase):
    """A screen stops by itself after an hour and tells nobody."""

    def setUp(self) -> None:
        """Start a take with a screen and a library."""
        self.stage = Stage()
        self.stage.both_join(App.SCREEN_3, App.LIBRARY_2)
        self.stage.starts(lead=0.0)

    def test_a_screen_starts_again(self) -> None:
        """A screen's start after its hour ends the take and begins the next."""
        self.stage.passes(HOUR + 1)
        self.stage.starts(take_id="next")
        self.assertEqual("device_limit", self.stage.takes["take"].reason)
        self.assertEqual("next", self.stage.take.id)
        self.assertEqual(
            [Occasion.RECORDING_STOPPED, Occasion.RECORDING_STARTED],
            self.stage.occasions,
        )

    def test_the_library_is_stopped_first(self) -> None:
        """A library records on past the hour: it gets the stop, then the start."""
        self.stage.passes(HOUR + 1)
        self.stage.starts(take_id="next")
        self.assertEqual(["StopRecording", "StartRecording"], self.stage.kinds("guest"))
        self.assertEqual(
            "device_limit", self.stage.heard("guest", StopRecording).reason
        )

    def test_a_screen_is_spared(self) -> None:
        """A screen has stopped already: a late stop might meet its next start."""
        self.stage.passes(HOUR + 1)
        self.stage.starts(take_id="next")
        self.assertEqual(["StartRecording"], self.stage.kinds("host"))
        owed = [debt.owner.device_id for debt in self.stage.session.debts]
        self.assertEqual(["guest-id"], owed)

    def test_within_the_hour(self) -> None:
        """Up to the hour a screen's start is a second start."""
        self.stage.passes(HOUR)
        self.stage.starts(take_id="next")
        self.assertEqual("recording_in_progress", self.stage.error("host"))

    def test_not_a_library(self) -> None:
        """A library's start does not end a take, however long it runs."""
        self.stage.passes(HOUR + 1)
        self.stage.starts("guest", take_id="next")
        self.assertEqual("recording_in_progress", self.stage.error("guest"))


class HastyStops(SynchronousTestCase):
    """A stop that comes before the cameras were called."""

    def setUp(self) -> None:
        """Begin with a take that starts in 1,100 ms on an unlike pair."""
        self.stage = Stage()
        self.stage.both_join(guest=App.SCREEN_2)
        self.stage.starts(lead=1_100.0)

    def stop_time(self, peer: str) -> float:
        """Return when the stop is to reach a peer, counted from noon."""
        at = self.stage.heard(peer, StopRecording).local_stop_time
        assert isinstance(at, float)
        return at - NOON

    def test_all_wait_for_the_slowest(self) -> None:
        """It reaches both at one instant, when the slower camera has settled."""
        self.stage.stops(lead=20.0)
        expected = 1_100.0 + 1_050.0 + 300.0 + 20.0
        self.assertEqual(expected, self.stop_time("host"))
        self.assertEqual(expected, self.stop_time("guest"))

    def test_also_on_a_new_connection(self) -> None:
        """A phone that has its start and comes back is not told too early."""
        self.stage.proves("guest", Command.START)
        self.stage.loses("guest")
        self.stage.guest_joins("again", app=App.SCREEN_2)
        self.stage.stops(lead=20.0)
        self.assertEqual(2_470.0, self.stop_time("again"))

    def test_the_next_take_waits(self) -> None:
        """A start right behind a stop begins its lead where the stop arrives."""
        self.stage.stops(lead=20.0)
        self.stage.starts(take_id="next", lead=250.0)
        self.assertEqual(NOON + 2_470.0 + 250.0, self.stage.take.start_at)

    def test_later_on(self) -> None:
        """Once the cameras run, a stop takes its own lead and no more."""
        self.stage.passes(10_000.0)
        self.stage.stops(lead=20.0)
        self.assertEqual(10_020.0, self.stop_time("host"))


class Outside(SynchronousTestCase):
    """A participant that comes back and finds its seat taken."""

    def setUp(self) -> None:
        """Begin with a guest that was displaced in mid-take, and is back."""
        self.stage = Stage()
        self.stage.both_join()
        self.stage.starts()
        self.stage.loses("guest")
        self.stage.guest_joins("other", name="Nokia")
        self.stage.guest_joins("back")
        self.stage.answers_probe("other")

    def test_refused(self) -> None:
        """It gets no seat, but may stay: it records."""
        self.assertEqual("session_full", self.stage.error("back"))
        dismissed = [Dismissed("back", owed=True)]
        self.assertEqual(dismissed, self.stage.addressed(Dismissed))

    def test_told_of_the_stop(self) -> None:
        """It is told to stop with all the others."""
        self.stage.passes(10_000.0)
        self.stage.stops()
        for peer in ("host", "other", "back"):
            self.assertEqual(["StopRecording"], self.stage.kinds(peer))
        self.stage.proves("host", Command.STOP)
        self.stage.proves("back", Command.STOP)
        self.assertEqual((), self.stage.session.debts)

    def test_a_stranger_may_not_stay(self) -> None:
        """Nobody else is let wait."""
        self.stage.guest_joins("stranger", name="Sony")
        self.stage.answers_probe("other")
        dismissed = [Dismissed("stranger", owed=False)]
        self.assertEqual(dismissed, self.stage.addressed(Dismissed))

    def test_seated_again(self) -> None:
        """Once it has its seat back it is told once."""
        self.stage.leaves("other")
        self.stage.guest_joins("back")
        self.stage.passes(10_000.0)
        self.stage.stops()
        self.assertEqual(["StopRecording"], self.stage.kinds("back"))
