"""Who gets a seat, who gets it back, and who is turned away."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from raydel.core.apps import App
from raydel.core.effects import Close, Dismissed, Occasion, Probe, Seated, Tell
from raydel.core.events import Command
from raydel.core.instants import iso
from raydel.core.messages import (
    DeviceConnected,
    DeviceDisconnected,
    DeviceStatus,
    Error,
    Joined,
    SessionStatus,
    StopRecording,
)
from raydel.core.session import SEAT_TAKEN
from raydel.core.state import PROBE_PATIENCE, Phase, phase_of
from raydel.core.tokens import fingerprint
from tests.core.steps import CODE, NOON, Stage, joining, token_of


class Seats(SynchronousTestCase):
    """One host, at most one guest."""

    def setUp(self) -> None:
        """Begin without a session."""
        self.stage = Stage()

    def test_the_host_makes_the_session(self) -> None:
        """A host's join creates the session and is answered with its status."""
        self.stage.host_joins()
        device = DeviceStatus("host-id", "iPhone", is_host=True, connected_at=iso(NOON))
        expected = Joined(
            session_id=CODE,
            device_id="host-id",
            device_name="iPhone",
            is_host=True,
            session_status=SessionStatus(
                CODE, 1, is_recording=False, created_at=iso(NOON), devices=(device,)
            ),
            resumed=False,
            recovered=False,
            seq=0,
        )
        self.assertEqual([expected], self.stage.told("host"))
        self.assertEqual([Seated("host", "host-id")], self.stage.addressed(Seated))
        self.assertEqual(
            [Occasion.SESSION_CREATED, Occasion.DEVICE_CONNECTED],
            self.stage.occasions,
        )

    def test_the_seat_comes_before_the_welcome(self) -> None:
        """A peer has its seat before it is told, so that it can be asked its time."""
        self.stage.host_joins()
        kinds = [type(effect).__name__ for effect in self.stage.effects]
        self.assertLess(kinds.index("Seated"), kinds.index("Tell"))

    def test_a_guest_comes_too_early(self) -> None:
        """Without a host there is no session, and none is left behind."""
        self.stage.guest_joins()
        self.assertEqual("session_not_found", self.stage.error("guest"))
        self.assertEqual([Dismissed("guest")], self.stage.addressed(Dismissed))
        self.assertEqual([Occasion.JOIN_REFUSED], self.stage.occasions)
        self.assertIsNone(self.stage.value)

    def test_both_hear_of_each_other(self) -> None:
        """The newcomer is welcomed, the other told, then the newcomer told too."""
        self.stage.host_joins()
        self.stage.guest_joins()
        guest = DeviceConnected("guest-id", "Pixel", CODE, is_host=False, resumed=False)
        host = DeviceConnected("host-id", "iPhone", CODE, is_host=True, resumed=False)
        self.assertEqual([guest], self.stage.told("host"))
        self.assertEqual(["Joined", "DeviceConnected"], self.stage.kinds("guest"))
        self.assertEqual(host, self.stage.told("guest")[1])
        order = [e.peer for e in self.stage.effects if isinstance(e, Tell)]
        self.assertEqual(["guest", "host", "guest"], order)

    def test_the_status_shows_the_newcomer(self) -> None:
        """The status in `joined` counts the one it is told to, host first."""
        self.stage.both_join()
        status = self.stage.heard("guest", Joined).session_status
        self.assertEqual(2, status.device_count)
        self.assertEqual(["host-id", "guest-id"], [d.id for d in status.devices])

    def test_no_name(self) -> None:
        """A device that gives no name is called after its id."""
        self.stage.host_joins(name=None)
        self.assertEqual("Device host-id", self.stage.heard("host", Joined).device_name)

    def test_twice(self) -> None:
        """A peer that has a seat gets no second one, and keeps the first."""
        self.stage.both_join()
        before = self.stage.value
        self.stage.host_joins("guest")
        self.assertEqual("already_joined", self.stage.error("guest"))
        self.assertEqual([], self.stage.addressed(Dismissed))
        self.assertEqual(before, self.stage.value)

    def test_twice_while_it_waits(self) -> None:
        """A peer whose claim is not settled yet has joined too."""
        self.stage.both_join()
        self.stage.guest_joins("third", name="Nokia")
        self.stage.guest_joins("third", name="Nokia")
        self.assertEqual("already_joined", self.stage.error("third"))
        self.assertEqual(1, len(self.stage.session.claims))

    def test_a_second_host(self) -> None:
        """A session is never taken over by another host, connected or not."""
        self.stage.host_joins()
        self.stage.host_joins("rival", name="Nokia")
        self.assertEqual("host_exists", self.stage.error("rival"))
        self.assertIs(True, self.stage.heard("rival", Error).temporary)
        self.stage.loses("host")
        self.stage.host_joins("rival", name="Nokia")
        self.assertEqual("host_exists", self.stage.error("rival"))
        self.assertEqual([], self.stage.addressed(Probe))

    def test_a_screen_that_was_host(self) -> None:
        """A screen draws a new name each time: its lost seat is free to a host."""
        self.stage.host_joins(name="IOS-HOST-ab12", app=App.SCREEN_3)
        self.stage.loses("host")
        self.stage.host_joins("next", name="IOS-HOST-cd34", app=App.SCREEN_3)
        joined = self.stage.heard("next", Joined)
        self.assertEqual(("next-id", False), (joined.device_id, joined.resumed))
        self.assertEqual(1, len(self.stage.session.seats))

    def test_a_screen_that_is_host(self) -> None:
        """A screen that is still there keeps the host's seat."""
        self.stage.host_joins(name="IOS-HOST-ab12", app=App.SCREEN_3)
        self.stage.host_joins("next", name="IOS-HOST-cd34", app=App.SCREEN_3)
        self.assertEqual((Probe("host"),), self.stage.effects)
        self.stage.answers_probe("host")
        self.assertEqual("host_exists", self.stage.error("next"))

    def test_a_freed_seat(self) -> None:
        """A guest that left on purpose leaves a free seat."""
        self.stage.both_join()
        self.stage.leaves("guest")
        self.stage.guest_joins("third", name="Nokia")
        self.assertEqual("third-id", self.stage.heard("third", Joined).device_id)

    def test_a_held_seat(self) -> None:
        """A guest seat that is held but empty never turns away a new guest."""
        self.stage.both_join()
        self.stage.loses("guest")
        self.stage.guest_joins("third", name="Nokia")
        self.assertEqual(["Joined", "DeviceConnected"], self.stage.kinds("third"))
        self.assertEqual([], self.stage.addressed(Probe))
        self.assertEqual(2, len(self.stage.session.seats))

    def test_a_silent_seat(self) -> None:
        """A newcomer replaces a guest known to be silent, whose wire is closed."""
        self.stage.both_join()
        self.stage.goes_silent("guest")
        self.stage.guest_joins("third", name="Nokia")
        self.assertEqual("third-id", self.stage.heard("third", Joined).device_id)
        self.assertEqual([Dismissed("guest")], self.stage.addressed(Dismissed))
        self.assertEqual([Close("guest", SEAT_TAKEN)], self.stage.addressed(Close))

    def test_the_other_way_round(self) -> None:
        """A host that comes back is told of the guest it finds."""
        self.stage.both_join()
        self.stage.loses("host")
        self.stage.host_joins("again")
        self.assertEqual(["Joined", "DeviceConnected"], self.stage.kinds("again"))
        self.assertEqual(["DeviceConnected"], self.stage.kinds("guest"))


class ComingBack(SynchronousTestCase):
    """A seat outlives its connection."""

    def setUp(self) -> None:
        """Begin without a session."""
        self.stage = Stage()

    def test_by_name(self) -> None:
        """A released app gets its seat back by its role and name."""
        self.stage.both_join()
        self.stage.loses("guest")
        self.stage.guest_joins("again")
        joined = self.stage.heard("again", Joined)
        self.assertEqual("guest-id", joined.device_id)
        self.assertIs(True, joined.resumed)
        self.assertIs(True, self.stage.heard("host", DeviceConnected).resumed)
        self.assertEqual([Occasion.DEVICE_RESUMED], self.stage.occasions)

    def test_by_name_only_in_its_role(self) -> None:
        """The host's name makes nobody the host's guest."""
        self.stage.host_joins(name="Phone")
        self.stage.guest_joins(name="Phone")
        self.assertEqual("guest-id", self.stage.heard("guest", Joined).device_id)

    def test_by_token(self) -> None:
        """A token gets the seat back under any name, and again if need be."""
        self.stage.host_joins()
        self.stage.guest_joins(app=App.PROTOCOL_2)
        token = token_of("guest")
        self.stage.loses("guest")
        self.stage.guest_joins("again", name="New", app=App.PROTOCOL_2, resume=token)
        joined = self.stage.heard("again", Joined)
        self.assertEqual(("guest-id", "New"), (joined.device_id, joined.device_name))
        self.stage.loses("again")
        self.stage.guest_joins("third", name="New", app=App.PROTOCOL_2, resume=token)
        self.assertEqual("guest-id", self.stage.heard("third", Joined).device_id)

    def test_by_token_without_a_name(self) -> None:
        """Whoever comes back by its token need not say its name again."""
        self.stage.host_joins(app=App.PROTOCOL_2)
        token = token_of("host")
        self.stage.loses("host")
        self.stage.host_joins("again", name=None, app=App.PROTOCOL_2, resume=token)
        self.assertEqual("iPhone", self.stage.heard("again", Joined).device_name)
        self.stage.loses("again")
        self.stage.host_joins("third", app=App.PROTOCOL_2)
        self.assertEqual("host-id", self.stage.heard("third", Joined).device_id)

    def test_only_a_fingerprint_is_kept(self) -> None:
        """Whoever reads the store learns no token."""
        self.stage.host_joins(app=App.PROTOCOL_2)
        token = token_of("host")
        self.assertEqual((fingerprint(token),), self.stage.seat("host").owner.tokens)
        self.assertNotIn(token, repr(self.stage.value))
        self.assertNotIn(token, repr(self.stage.effects))

    def test_by_name_without_the_token(self) -> None:
        """Where no token is sent the name counts, and brings a new token."""
        self.stage.host_joins(app=App.PROTOCOL_2)
        self.stage.loses("host")
        self.stage.host_joins("again", app=App.PROTOCOL_2)
        self.assertEqual("host-id", self.stage.heard("again", Joined).device_id)
        self.stage.loses("again")
        self.stage.host_joins(
            "third", name="New", app=App.PROTOCOL_2, resume=token_of("again")
        )
        self.assertEqual("host-id", self.stage.heard("third", Joined).device_id)

    def test_by_a_wrong_token(self) -> None:
        """A wrong token gives no seat back, whatever the name says."""
        self.stage.host_joins(app=App.PROTOCOL_2)
        self.stage.loses("host")
        self.stage.host_joins("thief", app=App.PROTOCOL_2, resume="guessed")
        self.assertEqual("host_exists", self.stage.error("thief"))

    def test_a_guest_with_a_wrong_token(self) -> None:
        """A guest with a wrong token is a new guest."""
        self.stage.host_joins()
        self.stage.guest_joins(app=App.PROTOCOL_2)
        self.stage.loses("guest")
        self.stage.guest_joins("thief", app=App.PROTOCOL_2, resume="guessed")
        joined = self.stage.heard("thief", Joined)
        self.assertEqual(("thief-id", False), (joined.device_id, joined.resumed))

    def test_a_released_app_gets_no_token(self) -> None:
        """A released app has none, and takes none away from the seat it finds."""
        self.stage.host_joins()
        self.assertEqual((), self.stage.seat("host").owner.tokens)
        stage = Stage()
        stage.host_joins(app=App.PROTOCOL_2)
        stage.loses("host")
        stage.host_joins("again")
        tokens = (fingerprint(token_of("host")),)
        self.assertEqual(tokens, stage.seat("again").owner.tokens)

    def test_readiness_is_not_kept(self) -> None:
        """A device that comes back has to say again that it is ready."""
        self.stage.host_joins()
        self.stage.is_ready("host")
        self.stage.loses("host")
        self.stage.host_joins("again")
        self.assertFalse(self.stage.seat("again").ready)

    def test_after_a_silence(self) -> None:
        """A device that joins anew before its silent wire has failed replaces it."""
        self.stage.both_join()
        self.stage.goes_silent("guest")
        self.stage.guest_joins("again")
        self.assertEqual("guest-id", self.stage.heard("again", Joined).device_id)
        self.assertEqual([Close("guest", 1000)], self.stage.addressed(Close))


class Ghosts(SynchronousTestCase):
    """A newcomer waits while the present holder of its seat is probed."""

    def setUp(self) -> None:
        """Seat a host and a guest."""
        self.stage = Stage()
        self.stage.both_join()

    def test_the_holder_is_probed(self) -> None:
        """A newcomer hears nothing yet; the holder is asked for a sign of life."""
        self.stage.guest_joins("third", name="Nokia")
        self.assertEqual((Probe("guest"),), self.stage.effects)
        self.assertEqual(NOON + 2_000.0, self.stage.deadline)

    def test_a_living_guest(self) -> None:
        """A guest that answers keeps its seat: the session is full."""
        self.stage.guest_joins("third", name="Nokia")
        self.stage.answers_probe("guest")
        self.assertEqual("session_full", self.stage.error("third"))
        self.assertIs(True, self.stage.heard("third", Error).temporary)
        self.assertEqual([Dismissed("third")], self.stage.addressed(Dismissed))
        self.assertEqual((), self.stage.session.claims)
        self.assertIsNone(self.stage.deadline)

    def test_a_living_host(self) -> None:
        """A host that answers keeps its seat, even from one of its name."""
        self.stage.host_joins("copy")
        self.assertEqual((Probe("host"),), self.stage.effects)
        self.stage.answers_probe("host")
        self.assertEqual("host_exists", self.stage.error("copy"))

    def test_a_dead_holder(self) -> None:
        """A holder that does not answer within 2 s loses its seat to itself."""
        self.stage.host_joins("again")
        self.stage.passes(PROBE_PATIENCE - 1)
        self.assertEqual((), self.stage.effects)
        self.stage.passes(1)
        joined = self.stage.heard("again", Joined)
        self.assertEqual(("host-id", True), (joined.device_id, joined.resumed))
        self.assertEqual([Close("host", 1000)], self.stage.addressed(Close))
        self.assertEqual([], self.stage.told("guest"), "it never saw the host go")

    def test_a_dead_guest(self) -> None:
        """A guest that does not answer is replaced, and the host told of both."""
        self.stage.guest_joins("third", name="Nokia")
        self.stage.passes(PROBE_PATIENCE)
        gone = DeviceDisconnected("guest-id", CODE, "replaced")
        self.assertEqual(gone, self.stage.told("host")[0])
        self.assertEqual(
            "third-id", self.stage.heard("host", DeviceConnected).device_id
        )

    def test_two_newcomers(self) -> None:
        """The first newcomer gets the seat; the second waits until it is probed."""
        self.stage.guest_joins("again")
        self.stage.passes(500)
        self.stage.guest_joins("copy")
        self.stage.passes(PROBE_PATIENCE - 500)
        self.assertEqual(["Joined", "DeviceConnected"], self.stage.kinds("again"))
        self.assertEqual([Probe("again")], self.stage.addressed(Probe))
        self.stage.passes(PROBE_PATIENCE - 1)
        self.assertEqual((), self.stage.effects)
        self.stage.answers_probe("again")
        self.assertEqual("session_full", self.stage.error("copy"))

    def test_the_holder_goes(self) -> None:
        """A newcomer gets the seat as soon as its holder's link is known to be lost."""
        self.stage.guest_joins("third", name="Nokia")
        self.stage.loses("guest")
        self.assertEqual("third-id", self.stage.heard("third", Joined).device_id)

    def test_the_holder_falls_silent(self) -> None:
        """A newcomer gets the seat as soon as its holder is known to be silent."""
        self.stage.guest_joins("third", name="Nokia")
        self.stage.goes_silent("guest")
        self.assertEqual("third-id", self.stage.heard("third", Joined).device_id)
        self.assertEqual([Close("guest", SEAT_TAKEN)], self.stage.addressed(Close))

    def test_the_holder_leaves(self) -> None:
        """A newcomer gets the seat of a guest that leaves on purpose."""
        self.stage.guest_joins("third", name="Nokia")
        self.stage.leaves("guest")
        self.assertEqual("third-id", self.stage.heard("third", Joined).device_id)

    def test_the_newcomer_goes(self) -> None:
        """A newcomer that does not wait leaves everything as it was."""
        self.stage.guest_joins("third", name="Nokia")
        self.stage.loses("third")
        self.assertEqual((), self.stage.session.claims)
        self.stage.passes(PROBE_PATIENCE)
        self.assertEqual((), self.stage.effects)
        self.assertTrue(self.stage.seat("guest").connected)

    def test_a_host_that_makes_way_for_itself(self) -> None:
        """A host that leaves while it waits for its seat gets a new session."""
        self.stage.host_joins("again")
        self.stage.leaves("host")
        self.assertEqual("again-id", self.stage.heard("again", Joined).device_id)
        self.assertEqual(
            ["DeviceDisconnected", "SessionEnded"], self.stage.kinds("guest")
        )
        self.assertIs(Phase.OPEN, phase_of(self.stage.value))

    def test_the_session_ends(self) -> None:
        """A newcomer that waits while its session ends is turned away."""
        self.stage.guest_joins("third", name="Nokia")
        self.stage.operator_ends()
        self.assertEqual("session_not_found", self.stage.error("third"))
        self.assertEqual([], self.stage.told("third")[1:])

    def test_an_answer_too_late(self) -> None:
        """A probe's answer means nothing once the peer has lost its seat."""
        self.stage.guest_joins("third", name="Nokia")
        self.stage.passes(PROBE_PATIENCE)
        before = self.stage.value
        self.stage.answers_probe("guest")
        self.assertEqual((), self.stage.effects)
        self.assertEqual(before, self.stage.value)


class Missed(SynchronousTestCase):
    """A device that missed a stop gets it before it is refused anything."""

    def setUp(self) -> None:
        """Let a guest lose its link in a take, which ends without it."""
        self.stage = Stage()
        self.stage.both_join()
        self.stage.starts()
        self.stage.loses("guest")

    def test_back_in_time(self) -> None:
        """A guest that comes back gets the stop after its welcome."""
        self.stage.stops()
        self.stage.guest_joins("again")
        self.assertEqual(
            ["Joined", "DeviceConnected", "StopRecording"], self.stage.kinds("again")
        )
        stop = self.stage.heard("again", StopRecording)
        self.assertEqual(("take", "host-id"), (stop.take_id, stop.initiator))

    def test_proven(self) -> None:
        """A stop that is known to have arrived is not told again."""
        self.stage.stops()
        self.stage.guest_joins("again")
        self.stage.proves("again", Command.STOP)
        self.stage.loses("again")
        self.stage.guest_joins("third", name="Pixel")
        self.assertEqual(["Joined", "DeviceConnected"], self.stage.kinds("third"))

    def test_not_proven(self) -> None:
        """A stop of which no proof came is told at every return."""
        self.stage.stops()
        for again in ("second", "third"):
            self.stage.guest_joins(again, name="Pixel")
            self.assertEqual("take", self.stage.heard(again, StopRecording).take_id)
            self.stage.loses(again)

    def test_displaced(self) -> None:
        """A displaced guest gets its stop first, then hears that all is full."""
        self.stage.guest_joins("third", name="Nokia")
        self.stage.stops()
        self.stage.guest_joins("again")
        self.stage.answers_probe("third")
        self.assertEqual(["StopRecording", "Error"], self.stage.kinds("again"))
        self.assertEqual("session_full", self.stage.error("again"))

    def test_displaced_with_a_free_seat(self) -> None:
        """A displaced guest that finds a seat is the device it was."""
        self.stage.guest_joins("third", name="Nokia")
        self.stage.stops()
        self.stage.loses("third")
        self.stage.guest_joins("again")
        joined = self.stage.heard("again", Joined)
        self.assertEqual(("guest-id", True), (joined.device_id, joined.resumed))
        self.assertEqual("take", self.stage.heard("again", StopRecording).take_id)

    def test_displaced_by_token(self) -> None:
        """A displaced device of protocol 2 is known by its token."""
        stage = Stage()
        stage.host_joins()
        stage.guest_joins(app=App.PROTOCOL_2)
        token = token_of("guest")
        stage.starts()
        stage.loses("guest")
        stage.guest_joins("third", name="Nokia")
        stage.stops()
        stage.loses("third")
        stage.guest_joins("again", name="New", app=App.PROTOCOL_2, resume=token)
        joined = stage.heard("again", Joined)
        self.assertEqual(("guest-id", True), (joined.device_id, joined.resumed))
        self.assertEqual("take", stage.heard("again", StopRecording).take_id)

    def test_with_a_new_token(self) -> None:
        """What a device is owed moves on to its new token."""
        stage = Stage()
        stage.host_joins()
        stage.guest_joins(app=App.PROTOCOL_2)
        stage.starts()
        stage.loses("guest")
        stage.stops()
        stage.guest_joins("again", app=App.PROTOCOL_2)
        token = token_of("again")
        stage.loses("again")
        stage.guest_joins("third", name="New", app=App.PROTOCOL_2, resume=token)
        self.assertEqual("take", stage.heard("third", StopRecording).take_id)

    def test_the_session_is_over(self) -> None:
        """A guest whose session was ended gets its stop, then hears that it is."""
        self.stage.operator_ends()
        self.stage.guest_joins("again")
        self.assertEqual(["StopRecording", "Error"], self.stage.kinds("again"))
        self.assertEqual("session_not_found", self.stage.error("again"))
        self.assertEqual(
            "session_ended", self.stage.heard("again", StopRecording).reason
        )

    def test_the_code_is_used_again(self) -> None:
        """A new session under an old code still tells what the old one owes."""
        self.stage.operator_ends()
        self.stage.passes(1_000)
        self.stage.host_joins("new", name="Nokia")
        self.assertEqual(["Joined"], self.stage.kinds("new"))
        self.assertEqual(NOON + 1_000, self.stage.session.created_at)
        self.stage.guest_joins("again")
        self.assertEqual("take", self.stage.heard("again", StopRecording).take_id)

    def test_the_host_comes_back_to_an_ended_session(self) -> None:
        """A host that missed its stop gets it with its new session."""
        self.stage.loses("host")
        self.stage.operator_ends()
        self.stage.host_joins("again")
        self.assertEqual(["Joined", "StopRecording"], self.stage.kinds("again"))
        self.assertEqual("host-id", self.stage.heard("again", Joined).device_id)

    def test_a_stranger_is_told_nothing(self) -> None:
        """Only whoever took part is told of a stop that was missed."""
        self.stage.operator_ends()
        self.stage.do(joining("stranger", host=False, name="Nokia"))
        self.assertEqual(["Error"], self.stage.kinds("stranger"))


class GivenUp(SynchronousTestCase):
    """A host that says goodbye in mid-take, and does not return."""

    def setUp(self) -> None:
        """Begin with a take whose host has left."""
        self.stage = Stage()
        self.stage.both_join()
        self.stage.starts()
        self.stage.leaves("host")

    def test_not_while_it_records(self) -> None:
        """While the take runs the seat is kept for it."""
        self.stage.host_joins("other", name="Nokia")
        self.assertEqual("host_exists", self.stage.error("other"))

    def test_free_after_the_take(self) -> None:
        """Afterwards another phone may be host under that code."""
        self.stage.stops("guest")
        self.stage.host_joins("other", name="Nokia")
        self.assertEqual("other-id", self.stage.heard("other", Joined).device_id)

    def test_a_lost_host_keeps_it(self) -> None:
        """A host whose link broke has not given up."""
        self.stage.stops("guest")
        self.stage.host_joins("again")
        self.stage.loses("again")
        self.stage.host_joins("other", name="Nokia")
        self.assertEqual("host_exists", self.stage.error("other"))
