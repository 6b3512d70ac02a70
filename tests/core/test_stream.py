"""What a device is told, in numbers; and what it gets when it comes back."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from raydel.core.apps import App
from raydel.core.effects import Dismissed, Tell
from raydel.core.events import Command, Delivered, Receipt
from raydel.core.instants import HOUR
from raydel.core.messages import (
    CameraReadyNotice,
    DeviceConnected,
    DeviceDisconnected,
    Joined,
    Numbered,
    ReadinessUpdate,
    RunningTake,
    StartRecording,
    StopRecording,
)
from raydel.core.session import SEAT_TAKEN
from raydel.core.stream import KEPT, Stream
from tests.core.steps import CODE, NOON, Stage, token_of

NEW = App.PROTOCOL_2


def told(count: int) -> Stream:
    """Return the stream of a device that was told some messages."""
    stream = Stream("id")
    for _ in range(count):
        stream, _message = stream.number(CameraReadyNotice("other"))
    return stream


def seqs(messages: tuple[Numbered, ...] | None) -> list[object] | None:
    """Return the numbers of messages."""
    return None if messages is None else [message.seq for message in messages]


class Streams(SynchronousTestCase):
    """A stream as a value."""

    def test_numbers_count_from_one(self) -> None:
        """Each message gets the next number."""
        stream, message = Stream("id").number(CameraReadyNotice("other"))
        self.assertEqual(CameraReadyNotice("other", 1), message)
        self.assertEqual(Stream("id", 1, (message,)), stream)
        self.assertEqual(2, stream.number(CameraReadyNotice("other"))[1].seq)

    def test_since(self) -> None:
        """All after a number is there, in order; after the last one, nothing."""
        stream = told(5)
        self.assertEqual([1, 2, 3, 4, 5], seqs(stream.since(0)))
        self.assertEqual([4, 5], seqs(stream.since(3)))
        self.assertEqual([], seqs(stream.since(5)))

    def test_the_future(self) -> None:
        """Nobody has heard what was not told."""
        self.assertIsNone(told(5).since(6))

    def test_no_more_than_is_kept(self) -> None:
        """Of a longer absence the beginning is gone, so all of it is."""
        stream = told(KEPT + 5)
        self.assertEqual(list(range(6, KEPT + 6)), seqs(stream.since(5)))
        self.assertIsNone(stream.since(4))

    def test_proven(self) -> None:
        """What surely arrived is not kept."""
        stream = told(5).proven(3)
        self.assertEqual([4, 5], seqs(stream.kept))
        self.assertEqual([4, 5], seqs(stream.since(3)))
        self.assertIsNone(stream.since(2))
        self.assertEqual(stream, stream.proven(2))
        self.assertEqual(stream, stream.proven(0))

    def test_until(self) -> None:
        """What is kept up to a number, of that which is still kept."""
        stream = told(5).proven(1)
        self.assertEqual([2, 3], seqs(stream.until(3)))
        self.assertEqual([], seqs(stream.until(0)))
        self.assertEqual([2, 3, 4, 5], seqs(stream.until(5)))

    def test_anew(self) -> None:
        """A new beginning lies past all that the device can have heard."""
        for count, last, expected in (
            (0, None, 0),
            (0, 0, 1),
            (0, 7, 8),
            (5, None, 6),
            (5, 3, 6),
            (5, 7, 8),
        ):
            with self.subTest(count=count, last=last):
                anew = told(count).anew(last)
                self.assertEqual(Stream("id", expected), anew)
                if last is not None:
                    self.assertIsNone(anew.since(last))


class Told(SynchronousTestCase):
    """What protocol 2 is told has numbers, and nothing else has."""

    def setUp(self) -> None:
        """Seat a host that speaks protocol 2, and a guest that does not."""
        self.stage = Stage()
        self.stage.both_join(NEW)

    def test_in_numbers(self) -> None:
        """Messages are numbered one by one, whoever causes them."""
        self.assertEqual([1], self.stage.numbers("host"))
        self.stage.is_ready("guest", camera=True)
        self.assertEqual([2, 3], self.stage.numbers("host"))
        self.stage.starts()
        self.stage.stops()
        self.assertEqual(5, self.stage.heard("host", StopRecording).seq)
        self.stage.loses("guest")
        self.assertEqual([6], self.stage.numbers("host"))

    def test_proofs_name_the_number(self) -> None:
        """The receipt of a command names its place in the stream."""
        self.stage.starts()
        expected = Receipt(CODE, "host-id", "take", Command.START, 2)
        self.assertIn(("host", expected), self.stage.receipts)

    def test_released_apps(self) -> None:
        """Nothing is numbered for a released app, nor kept."""
        self.stage.is_ready("host", camera=True)
        self.assertEqual(
            ["ReadinessUpdate", "CameraReadyNotice"], self.stage.kinds("guest")
        )
        self.assertEqual([], self.stage.numbers("guest"))
        self.stage.starts(command_id="one")
        self.stage.loses("guest")
        self.stage.stops()
        self.assertEqual(["host-id"], [s.device_id for s in self.stage.session.streams])
        for peer, receipt in self.stage.receipts:
            self.assertEqual(peer == "host", receipt.seq > 0)

    def test_what_is_no_news(self) -> None:
        """Welcomes, errors and the end of the session need no number."""
        self.stage.stops("host")
        self.assertEqual(["Error"], self.stage.kinds("host"))
        self.assertEqual([], self.stage.numbers("host"))
        self.stage.operator_ends()
        self.assertEqual([], self.stage.numbers("host"))
        self.assertIsNone(self.stage.value)


class Resuming(SynchronousTestCase):
    """A device that names the last number it heard is told the rest."""

    def setUp(self) -> None:
        """Seat a host and a guest that both speak protocol 2."""
        self.stage = Stage()
        self.stage.both_join(NEW, NEW)

    def comes_back(self, last_seq: int | None, peer: str = "again") -> Joined:
        """The host comes back, and what it is welcomed with."""
        self.stage.host_joins(peer, app=NEW, resume=token_of("host"), last_seq=last_seq)
        return self.stage.heard(peer, Joined)

    def test_all_in_order(self) -> None:
        """It gets all that it missed, once, in order, and then what is new."""
        self.stage.loses("host")
        self.stage.is_ready("guest", camera=True)
        self.stage.starts("guest")
        self.stage.stops("guest")
        joined = self.comes_back(1)
        self.assertEqual(
            (True, True, 1), (joined.resumed, joined.recovered, joined.seq)
        )
        self.assertEqual(
            ["Joined", "ReadinessUpdate", "CameraReadyNotice", "StopRecording"],
            self.stage.kinds("again"),
            "it was not there when the take was started",
        )
        self.assertEqual([2, 3, 4], self.stage.numbers("again"))
        self.stage.is_ready("guest")
        self.assertEqual([5], self.stage.numbers("again"))

    def test_nothing_missed(self) -> None:
        """Who missed nothing is told so, and nothing else."""
        self.stage.loses("host")
        joined = self.comes_back(1)
        self.assertEqual((True, 1), (joined.recovered, joined.seq))
        self.assertEqual(["Joined"], self.stage.kinds("again"))

    def test_all_from_the_beginning(self) -> None:
        """Who heard nothing but its welcome gets all."""
        self.stage.loses("host")
        joined = self.comes_back(0)
        self.assertEqual((True, 0), (joined.recovered, joined.seq))
        self.assertEqual(["Joined", "DeviceConnected"], self.stage.kinds("again"))

    def test_half_of_it(self) -> None:
        """What was sent into a dead wire is told again, from where it broke."""
        for _ in range(3):
            self.stage.is_ready("guest")
        self.stage.loses("host")
        self.comes_back(3)
        self.assertEqual([4], self.stage.numbers("again"))

    def test_again_and_again(self) -> None:
        """A link that breaks before anything arrived costs nothing."""
        self.stage.loses("host")
        self.stage.is_ready("guest")
        for peer in ("second", "third"):
            self.assertIs(True, self.comes_back(1, peer).recovered)
            self.assertEqual([2], self.stage.numbers(peer))
            self.stage.loses(peer)

    def test_what_it_knows_of_others(self) -> None:
        """Who is there goes on from what it was told, with no repetition."""
        self.stage.loses("host")
        self.stage.loses("guest")
        self.stage.guest_joins("third", name="Nokia", app=NEW)
        self.comes_back(1)
        gone, come = self.stage.told("again")[1:]
        self.assertEqual(DeviceDisconnected("guest-id", CODE, "lost", 2), gone)
        self.assertEqual(
            DeviceConnected("third-id", "Nokia", CODE, False, False, 3), come
        )
        self.assertEqual(("third-id",), self.stage.seat("again").shown)

    def test_both_away(self) -> None:
        """Both get what they missed of each other."""
        self.stage.loses("host")
        self.stage.loses("guest")
        self.stage.guest_joins("later", app=NEW, resume=token_of("guest"), last_seq=1)
        self.assertEqual(["Joined", "DeviceDisconnected"], self.stage.kinds("later"))
        self.comes_back(1)
        self.assertEqual(
            ["Joined", "DeviceDisconnected", "DeviceConnected"],
            self.stage.kinds("again"),
        )
        self.assertEqual([3], self.stage.numbers("later"))

    def test_just_enough(self) -> None:
        """As many as are kept can be missed, and not one more."""
        self.stage.loses("host")
        for _ in range(KEPT):
            self.stage.is_ready("guest")
        self.assertIs(True, self.comes_back(1).recovered)
        self.assertEqual(list(range(2, KEPT + 2)), self.stage.numbers("again"))
        self.stage.loses("again")
        self.stage.is_ready("guest")
        joined = self.comes_back(1, "third")
        self.assertEqual((True, False), (joined.resumed, joined.recovered))
        self.assertEqual(["Joined", "DeviceConnected"], self.stage.kinds("third"))

    def test_anew(self) -> None:
        """Who begins anew gets the present as it is, past all older numbers."""
        for last in (None, 7, 2**53):
            with self.subTest(last=last):
                stage = Stage()
                stage.both_join(NEW, NEW)
                stage.loses("host")
                stage.is_ready("guest")
                stage.host_joins(
                    "again", app=NEW, resume=token_of("host"), last_seq=last
                )
                joined = stage.heard("again", Joined)
                self.assertEqual((True, False), (joined.resumed, joined.recovered))
                self.assertEqual(["Joined", "DeviceConnected"], stage.kinds("again"))
                assert isinstance(joined.seq, int)
                self.assertGreater(joined.seq, max(last or 0, 2))
                self.assertEqual([joined.seq + 1], stage.numbers("again"))

    def test_a_lost_welcome(self) -> None:
        """Who lost the welcome to a new beginning does not go on from the old one."""
        self.stage.loses("host")
        for _ in range(KEPT + 1):
            self.stage.is_ready("guest")
        self.assertIs(False, self.comes_back(1, "second").recovered)
        self.stage.loses("second")
        self.assertIs(False, self.comes_back(1, "third").recovered)

    def test_a_stranger(self) -> None:
        """Who was never here has missed nothing, whatever number it names."""
        for last in (0, 1):
            with self.subTest(last=last):
                stage = Stage()
                stage.host_joins(app=NEW, resume="unknown", last_seq=last)
                joined = stage.heard("host", Joined)
                self.assertEqual((False, False), (joined.resumed, joined.recovered))

    def test_a_stream_goes_with_its_seat(self) -> None:
        """Who lost its seat begins anew, even if it is known again."""
        self.stage.starts()
        self.stage.loses("guest")
        self.stage.guest_joins("third", name="Nokia", app=NEW)
        devices = [stream.device_id for stream in self.stage.session.streams]
        self.assertEqual({"host-id", "third-id"}, set(devices))
        self.stage.loses("third")
        for peer, last in (("fourth", 0), ("fifth", 0)):
            self.stage.guest_joins(
                peer, app=NEW, resume=token_of("guest"), last_seq=last
            )
            joined = self.stage.heard(peer, Joined)
            self.assertEqual("guest-id", joined.device_id)
            self.assertIs(False, joined.recovered)
            self.assertIn("DeviceConnected", self.stage.kinds(peer))
            self.stage.loses(peer)

    def test_a_released_app_in_between(self) -> None:
        """What happened while a released app had the seat is in no stream."""
        self.stage.loses("host")
        self.stage.host_joins("old", app=App.LIBRARY_2)
        self.stage.is_ready("guest")
        self.assertEqual(
            ["guest-id"], [s.device_id for s in self.stage.session.streams]
        )
        self.stage.loses("old")
        joined = self.comes_back(1)
        self.assertEqual((True, False), (joined.resumed, joined.recovered))
        self.assertIn("DeviceConnected", self.stage.kinds("again"))

    def test_a_released_app_that_names_a_number(self) -> None:
        """A released app is told what is, whatever it says."""
        self.stage.loses("host")
        self.stage.host_joins("old", app=App.LIBRARY_2, last_seq=1)
        self.assertIs(False, self.stage.heard("old", Joined).recovered)
        self.assertEqual([], self.stage.numbers("old"))


class Commands(SynchronousTestCase):
    """A start or a stop that was missed, and one that was not."""

    def setUp(self) -> None:
        """Seat a host and a guest that both speak protocol 2."""
        self.stage = Stage()
        self.stage.both_join(NEW, NEW)

    def comes_back(self, last_seq: int | None, peer: str = "again") -> None:
        """The guest comes back."""
        self.stage.guest_joins(
            peer, app=NEW, resume=token_of("guest"), last_seq=last_seq
        )

    def test_a_missed_start(self) -> None:
        """A start that was missed is told again under its number, to be proven."""
        self.stage.starts()
        self.stage.loses("guest")
        self.comes_back(1)
        start = self.stage.heard("again", StartRecording)
        self.assertEqual(("take", 2), (start.take_id, start.seq))
        receipt = Receipt(CODE, "guest-id", "take", Command.START, 2)
        self.assertIn(Tell("again", start, receipt), self.stage.effects)
        expected = RunningTake("take", NOON + 250.0, participant=True)
        self.assertEqual(expected, self.stage.heard("again", Joined).take)

    def test_a_start_that_was_heard(self) -> None:
        """Its number proves that a start arrived: it is not told again."""
        self.stage.starts()
        self.stage.loses("guest")
        self.comes_back(2)
        self.assertEqual(["Joined"], self.stage.kinds("again"))
        self.assertTrue(self.stage.take.participants[1].start_proven)
        self.stage.loses("again")
        self.comes_back(None, "third")
        self.assertNotIn("StartRecording", self.stage.kinds("third"))

    def test_a_stop_that_was_heard(self) -> None:
        """Its number proves that a stop arrived: nothing is owed any more."""
        self.stage.starts()
        self.stage.stops()
        self.stage.loses("guest")
        self.comes_back(3)
        self.assertEqual(["Joined"], self.stage.kinds("again"))
        owed = [debt.owner.device_id for debt in self.stage.session.debts]
        self.assertEqual(["host-id"], owed)

    def test_a_missed_stop(self) -> None:
        """A stop that was missed is told again, once, to be proven."""
        self.stage.starts()
        self.stage.loses("guest")
        self.stage.stops()
        self.comes_back(2)
        self.assertEqual(["Joined", "StopRecording"], self.stage.kinds("again"))
        stop = self.stage.heard("again", StopRecording)
        self.assertEqual(("take", 3), (stop.take_id, stop.seq))
        self.stage.proves("again", Command.STOP)
        owed = [debt.owner.device_id for debt in self.stage.session.debts]
        self.assertEqual(["host-id"], owed)

    def test_a_whole_take(self) -> None:
        """The start and the stop of a take that is over are told in order."""
        self.stage.starts()
        self.stage.loses("guest")
        self.stage.stops()
        self.comes_back(1)
        self.assertEqual(
            ["Joined", "StartRecording", "StopRecording"], self.stage.kinds("again")
        )
        self.assertEqual([2, 3], self.stage.numbers("again"))

    def test_the_next_take(self) -> None:
        """A stop of one take is told before the start of the next."""
        self.stage.starts()
        self.stage.stops()
        self.stage.starts(take_id="next")
        self.stage.loses("guest")
        self.comes_back(2)
        stop, start = self.stage.told("again")[1:]
        assert isinstance(stop, StopRecording)
        assert isinstance(start, StartRecording)
        self.assertEqual(("take", "next"), (stop.take_id, start.take_id))

    def test_proof_of_all_before(self) -> None:
        """The proof of one command is a proof of those before it."""
        self.stage.starts()
        self.stage.stops()
        self.stage.starts(take_id="next")
        self.stage.stops()
        last = Receipt(CODE, "guest-id", "next", Command.STOP, 5)
        self.assertIn(("guest", last), self.stage.receipts)
        self.stage.do(Delivered(last))
        owed = [debt.owner.device_id for debt in self.stage.session.debts]
        self.assertEqual(["host-id", "host-id"], owed)
        self.assertEqual((), self.stage.session.stream_of("guest-id").kept)

    def test_proof_of_an_older_stream(self) -> None:
        """A proof that comes late says nothing of a stream that began since."""
        self.stage.starts()
        self.stage.stops()
        late = Receipt(CODE, "guest-id", "take", Command.STOP, 3)
        self.stage.loses("guest")
        self.comes_back(None)
        self.stage.is_ready("host")
        kept = self.stage.session.stream_of("guest-id").kept
        self.stage.do(Delivered(late))
        self.assertEqual(kept, self.stage.session.stream_of("guest-id").kept)

    def test_anew(self) -> None:
        """Who begins anew is told what no proof came of."""
        self.stage.starts()
        self.stage.stops()
        self.stage.starts(take_id="next")
        self.stage.loses("guest")
        self.comes_back(None)
        self.assertEqual(
            ["Joined", "DeviceConnected", "StopRecording", "StartRecording"],
            self.stage.kinds("again"),
        )
        joined = self.stage.heard("again", Joined)
        assert isinstance(joined.seq, int)
        expected = [joined.seq + 1, joined.seq + 2, joined.seq + 3]
        self.assertEqual(expected, self.stage.numbers("again"))

    def test_owed_beside_the_stream(self) -> None:
        """A stop that it is owed as the phone it was before is still paid."""
        self.stage.starts()
        self.stage.loses("guest")
        self.stage.stops()
        self.stage.guest_joins("other", name="Pixel", app=NEW, resume="unknown")
        self.stage.loses("other")
        self.stage.guest_joins("again", app=NEW, last_seq=1)
        joined = self.stage.heard("again", Joined)
        self.assertEqual(("other-id", True), (joined.device_id, joined.recovered))
        self.assertEqual("take", self.stage.heard("again", StopRecording).take_id)

    def test_a_stop_of_which_nothing_is_kept(self) -> None:
        """A stop that is owed, and too old for the stream, is paid again."""
        self.stage.starts()
        self.stage.stops()
        for _ in range(KEPT):
            self.stage.is_ready("host")
        self.stage.loses("guest")
        self.comes_back(KEPT + 3)
        self.assertIs(True, self.stage.heard("again", Joined).recovered)
        self.assertEqual("take", self.stage.heard("again", StopRecording).take_id)

    def test_another_stream_under_the_same_id(self) -> None:
        """What was heard before the session ended proves nothing in the next."""
        self.stage.starts()
        self.stage.loses("host")
        self.stage.operator_ends()
        for peer in ("second", "third"):
            self.stage.host_joins(peer, app=NEW, resume=token_of("host"), last_seq=1)
            self.assertIs(False, self.stage.heard(peer, Joined).recovered)
            self.assertEqual("take", self.stage.heard(peer, StopRecording).take_id)
            self.stage.loses(peer)


class Tokens(SynchronousTestCase):
    """A device shows the token of its last welcome, and gets the next."""

    def setUp(self) -> None:
        """Seat a host, and lose its link."""
        self.stage = Stage()
        self.stage.host_joins(app=NEW)
        self.stage.loses("host")

    def shows(self, peer: str, token: str | None, name: str | None = "New") -> bool:
        """Tell whether a token opens the host's seat; its link is lost again."""
        self.stage.host_joins(peer, name=name, app=NEW, resume=token)
        seat = self.stage.session.seat_of(peer)
        if seat is not None:
            self.assertEqual("host-id", seat.device_id)
            self.stage.loses(peer)
        return seat is not None

    def test_the_old_one_again(self) -> None:
        """The old token stays good until the new one is shown: it may be lost."""
        for peer in ("second", "third", "fourth"):
            self.assertTrue(self.shows(peer, token_of("host")))
        self.assertTrue(self.shows("fifth", token_of("fourth")))

    def test_two_generations(self) -> None:
        """Once a newer one was shown, the one before that is void."""
        self.assertTrue(self.shows("second", token_of("host")))
        self.assertTrue(self.shows("third", token_of("second")))
        self.assertFalse(self.shows("fourth", token_of("host")))
        self.assertEqual("host_exists", self.stage.error("fourth"))
        self.assertTrue(self.shows("fifth", token_of("second")))

    def test_one_that_got_lost(self) -> None:
        """A token that never arrived is void once an older one is shown again."""
        self.assertTrue(self.shows("second", token_of("host")))
        self.assertTrue(self.shows("third", token_of("host")))
        self.assertFalse(self.shows("fourth", token_of("second")))

    def test_by_name(self) -> None:
        """Who shows none is known by its name, and gets one."""
        self.assertTrue(self.shows("second", None, "iPhone"))
        self.assertTrue(self.shows("third", token_of("second")))

    def test_the_first_welcome_is_lost(self) -> None:
        """The token that a device brings to a new session brings it back, too.

        It has no other one: the answer with the new one may get lost.
        """
        stage = Stage()
        for peer in ("first", "second"):
            stage.host_joins(peer, app=NEW, resume="of a session long ago")
            self.assertEqual("first-id", stage.heard(peer, Joined).device_id)
            stage.loses(peer)

    def test_no_more_than_two(self) -> None:
        """However often it comes back, two fingerprints are kept."""
        self.shows("second", None, "iPhone")
        self.shows("third", None, "iPhone")
        self.assertEqual(2, len(self.stage.session.seats[0].owner.tokens))


class Displacing(SynchronousTestCase):
    """Who shows the token of a seat gets it at once."""

    def setUp(self) -> None:
        """Seat a host and a guest that speak protocol 2."""
        self.stage = Stage()
        self.stage.both_join(NEW, NEW)

    def test_without_a_probe(self) -> None:
        """Its old connection is closed, and nobody is asked anything."""
        self.stage.guest_joins("again", app=NEW, resume=token_of("guest"), last_seq=1)
        self.assertIs(True, self.stage.heard("again", Joined).recovered)
        self.assertEqual([Dismissed("guest")], self.stage.addressed(Dismissed))
        self.assertEqual((), self.stage.session.claims)
        self.assertEqual([], self.stage.told("host"), "it never saw the guest go")

    def test_whoever_waits_for_the_seat(self) -> None:
        """A newcomer that waits is refused: the holder has just shown itself."""
        self.stage.guest_joins("third", name="Nokia")
        self.stage.guest_joins("again", app=NEW, resume=token_of("guest"))
        self.assertEqual("session_full", self.stage.error("third"))
        self.stage.passes(HOUR)
        self.assertEqual("guest-id", self.stage.seat("again").device_id)

    def test_only_its_own_seat(self) -> None:
        """A token opens the seat it is of, not the other one."""
        self.stage.host_joins("again", app=NEW, resume=token_of("guest"))
        self.assertEqual("host_exists", self.stage.error("again"))

    def test_a_seat_that_is_gone(self) -> None:
        """A token of a lost seat displaces nobody."""
        self.stage.loses("guest")
        self.stage.guest_joins("third", name="Nokia", app=NEW)
        self.stage.guest_joins("again", app=NEW, resume=token_of("guest"))
        self.assertEqual([], self.stage.told("again"))
        self.stage.goes_silent("third")
        self.assertEqual("again-id", self.stage.heard("again", Joined).device_id)
        closed = [effect for effect in self.stage.effects if "4000" in repr(effect)]
        self.assertEqual(1, len(closed), SEAT_TAKEN)


class Readiness(SynchronousTestCase):
    """A readiness that is missed."""

    def test_logged(self) -> None:
        """Who was away when the other became ready hears of it afterwards."""
        stage = Stage()
        stage.both_join(NEW, NEW)
        stage.loses("host")
        stage.is_ready("guest")
        stage.host_joins("again", app=NEW, resume=token_of("host"), last_seq=1)
        expected = ReadinessUpdate(1, 1, all_ready=True, seq=2)
        self.assertEqual(expected, stage.heard("again", ReadinessUpdate))
