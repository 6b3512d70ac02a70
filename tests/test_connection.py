"""One peer: its words, its clock, its signs of life, and what waits for it."""

from __future__ import annotations

import json
from collections import deque
from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from raydel.camerabook import CameraBook
from raydel.cameracalls import CameraCalls
from raydel.connection import Connection
from raydel.core.apps import App
from raydel.core.burst import BURST
from raydel.core.config import Config
from raydel.core.errors import Refusal
from raydel.core.events import (
    AppLearned,
    Command,
    Delivered,
    Event,
    ProbeAnswered,
    Receipt,
    WasHeard,
    WentSilent,
)
from raydel.core.journal import Fact, JournalEntry, Told
from raydel.core.messages import (
    DeviceConnected,
    Foreground,
    Inbound,
    Join,
    Joined,
    Pong,
    ReadinessUpdate,
    RecordingStarted,
    RunningTake,
    SessionEnded,
    SessionStatus,
    StartCommand,
    StartRecording,
    StopRecording,
)
from raydel.core.schedule import MARGIN, UNKNOWN_DELAY
from raydel.core.startlatency import Camera
from raydel.core.take import ClockSample
from raydel.interfaces import IConnection, IDesk, Row
from raydel.probing import Prober
from raydel.store.memory import MemoryStore
from raydel.testing import EPOCH, FakeTimebase, FakeTransport
from tests.stage import next_call, run

CODE = "ABC123"
AHEAD = 40_000.0
"""ms by which the peer's clock is ahead."""

START = Receipt(CODE, "device", "take", Command.START)
STOP = Receipt(CODE, "device", "take", Command.STOP)


@implementer(IDesk)
class FakeDesk:
    """Notes what a connection hands in."""

    def __init__(self) -> None:
        self.performed: list[Inbound] = []
        self.refused: list[Refusal] = []
        self.pongs = 0
        self.reported: list[Event] = []
        self.samples: list[ClockSample] = []
        self.entries: list[JournalEntry] = []
        self.cameras: list[Camera] = []
        self.closed: list[int] = []

    def perform(self, peer: str, message: Inbound) -> None:
        """Note a command."""
        self.performed.append(message)

    def refuse(self, peer: str, refusal: Refusal) -> None:
        """Note a refusal."""
        self.refused.append(refusal)

    def pong(self, peer: str) -> None:
        """Note a heartbeat of the app."""
        self.pongs += 1

    def report(self, code: str, event: Event) -> None:
        """Note an event."""
        self.reported.append(event)

    def keep(self, row: Row) -> None:
        """Note what is kept of a take."""
        if isinstance(row, ClockSample):
            self.samples.append(row)
        elif isinstance(row, JournalEntry):
            self.entries.append(row)
        else:
            self.cameras.append(row)

    def gone(self, peer: str, code: int) -> None:
        """Note the end."""
        self.closed.append(code)


class Case(SynchronousTestCase):
    """A connection that was just opened."""

    config = Config()

    def setUp(self) -> None:
        """Open it."""
        self.clock = Clock()
        self.timebase = FakeTimebase(self.clock)
        self.transport = FakeTransport()
        self.desk = FakeDesk()
        self.seen = 0
        self.prober = Prober(self.clock, self.timebase, lambda: 0.5)
        self.book = CameraBook(MemoryStore(), self.desk.keep, self.timebase, self.clock)
        self.book.start()
        self.connection = Connection(
            "peer",
            self.transport,
            None,
            self.desk,
            self.prober,
            CameraCalls(self.book),
            self.config,
            self.clock,
            self.timebase,
        )

    def run_for(self, milliseconds: float) -> None:
        """Let time pass."""
        run(self.clock, milliseconds)

    def hear(self, kind: str, **fields: Any) -> None:
        """Let the peer say something."""
        self.connection.received(json.dumps({"type": kind, **fields}).encode())

    def seat(
        self, name: str = "iPhone 15", protocol: int | None = None, **more: Any
    ) -> None:
        """Let it have a seat."""
        join = Join(CODE, is_host=True, device_name=name, protocol=protocol, **more)
        self.connection.joining(join)
        self.connection.seated("device")
        status = SessionStatus(CODE, 0, False, "", ())
        self.connection.tell(Joined(CODE, "device", name, True, status))

    def sent(self, kind: str) -> list[dict[str, Any]]:
        """Return the messages of a type that were sent."""
        messages = map(json.loads, self.transport.sent)
        return [message for message in messages if message["type"] == kind]

    def answer(self, request: dict[str, Any], ahead: float = AHEAD) -> None:
        """Answer a time-sync request, now."""
        self.hear(
            "time_sync_response",
            request_id=request["request_id"],
            server_timestamp=request["server_timestamp"],
            client_timestamp=int(self.timebase.now() + ahead),
        )

    def answer_all(self, milliseconds: float = 900.0) -> None:
        """Let time pass, and answer each question: 10 ms there, 10 back."""
        end = self.clock.seconds() + milliseconds / 1000
        due: deque[tuple[float, bytes]] = deque()
        self.run_for(0)
        while True:
            frames = self.transport.sent[self.seen :]
            self.seen += len(frames)
            due.extend((self.clock.seconds() + 0.02, frame) for frame in frames)
            while due and due[0][0] <= self.clock.seconds():
                request = json.loads(due.popleft()[1])
                if request["type"] == "time_sync_request":
                    self.answer(request, AHEAD - 10)
            if self.clock.seconds() >= end:
                return
            pause = min(next_call(self.clock), *(at for at, _ in due), end)
            self.run_for((pause - self.clock.seconds()) * 1000)

    def start(self, lead: float, receipt: Receipt | None = None) -> None:
        """Tell the peer to start, so many ms from now."""
        now = self.timebase.now()
        self.connection.tell(
            StartRecording(CODE, now, "device", now + lead, take_id="take"), receipt
        )

    def stop(self, lead: float, receipt: Receipt | None = None) -> None:
        """Tell the peer to stop, so many ms from now."""
        now = self.timebase.now()
        self.connection.tell(
            StopRecording(CODE, now, "device", "take", now + lead, "command"), receipt
        )


class Words(Case):
    """What a peer says."""

    def test_interface(self) -> None:
        """It is what it claims to be."""
        self.assertTrue(verifyObject(IConnection, self.connection))
        self.assertTrue(verifyObject(IDesk, self.desk))

    def test_commands_are_handed_in(self) -> None:
        """A command goes to the desk as a message."""
        self.hear("start_recording", timestamp=5)
        self.assertEqual([StartCommand(5)], self.desk.performed)

    def test_heartbeat(self) -> None:
        """An app's own ping asks for a pong, and for nothing else."""
        self.hear("ping", anything=[1])
        self.assertEqual((1, []), (self.desk.pongs, self.desk.performed))

    def test_nonsense_is_refused(self) -> None:
        """What is no message is answered with an error; the peer stays."""
        self.connection.received(b"{")
        self.assertEqual(
            ["Invalid message format"], [refusal.text for refusal in self.desk.refused]
        )
        self.assertTrue(self.transport.is_open)

    def test_what_it_is(self) -> None:
        """Readiness tells screens apart, and the session is told once."""
        self.seat("IOS-HOST-ab12")
        self.assertEqual(App.SCREEN_2, self.connection.app)
        self.hear("device_ready")
        self.hear("device_ready")
        self.assertEqual([AppLearned("peer", App.SCREEN_3)], self.desk.reported)
        self.assertEqual(2, len(self.desk.performed))

    def test_old_screen(self) -> None:
        """`camera_ready` comes from the old screen only."""
        self.seat("IOS-HOST-ab12")
        self.hear("camera_ready")
        self.assertEqual([AppLearned("peer", App.SCREEN_2_OLD)], self.desk.reported)


class Strangers(Case):
    """A peer without a seat."""

    def test_silence(self) -> None:
        """One that says nothing is closed with 1000 after 30 s."""
        self.run_for(29_990)
        self.assertTrue(self.transport.is_open)
        self.run_for(20)
        self.assertEqual((1000, "No join within 30 seconds"), self.transport.goodbye)

    def test_words_renew_it(self) -> None:
        """Each message gives it 30 s more, even a bad one."""
        for _ in range(4):
            self.run_for(25_000)
            self.connection.received(b"?")
        self.run_for(29_990)
        self.assertTrue(self.transport.is_open)

    def test_pongs_do_not(self) -> None:
        """A pong is no word: every WebSocket sends them by itself."""
        for _ in range(3):
            self.connection.beat()
            self.run_for(10_000)
            self.connection.ponged(self.transport.pings[-1])
            self.connection.heard()
        self.run_for(10)
        self.assertIsNotNone(self.transport.goodbye)

    def test_a_seat_ends_it(self) -> None:
        """One that has a seat may be silent for ever."""
        self.seat()
        self.run_for(120_000)
        self.assertTrue(self.transport.is_open)

    def test_turned_away(self) -> None:
        """One that was refused a seat has 30 s to try again."""
        self.seat()
        self.run_for(60_000)
        self.connection.dismissed(owed=False)
        self.run_for(29_990)
        self.assertTrue(self.transport.is_open)
        self.run_for(20)
        self.assertIsNotNone(self.transport.goodbye)


class TimeSync(Case):
    """The server asks, the peer answers, the server does the arithmetic."""

    def test_a_burst(self) -> None:
        """A burst of questions follows the seat within 800 ms, with unlike ids.

        As long as no answer is there it is eight at most.
        """
        for answers, expected in ((False, 8), (True, BURST)):
            self.setUp()
            self.seat()
            if answers:
                self.answer_all()
            self.run_for(800)
            requests = self.sent("time_sync_request")
            self.assertEqual(expected, len(requests))
            ids = {request["request_id"] for request in requests}
            self.assertEqual(expected, len(ids))

    def test_the_silent(self) -> None:
        """Who never answers is asked eight times, and never again."""
        self.seat()
        self.connection.tell(DeviceConnected("other", "Guest", CODE))
        self.run_for(300_000)
        self.start(500.0)
        self.run_for(1_000)
        self.assertEqual(8, len(self.sent("time_sync_request")))

    def test_foreground(self) -> None:
        """Who is in front again is asked again, whatever it left unanswered."""
        self.seat()
        self.answer_all()
        self.run_for(330_000)  # which ends between two bursts
        asked = len(self.sent("time_sync_request"))
        self.seen = len(self.transport.sent)
        self.hear("foreground")
        self.answer_all()
        self.assertEqual(asked + BURST, len(self.sent("time_sync_request")))

    def test_foreground_of_a_stranger(self) -> None:
        """Who has not joined is not asked, and told so."""
        self.hear("foreground")
        self.assertEqual([Foreground()], self.desk.performed)
        self.assertEqual([], self.transport.sent)

    def test_the_second(self) -> None:
        """Once two are there they are asked at full cadence for two minutes."""
        self.seat()
        self.answer_all()
        self.run_for(30_000)
        self.connection.tell(DeviceConnected("other", "Guest", CODE))
        self.assertEqual(BURST + 1, len(self.sent("time_sync_request")))
        self.answer_all(120_000)
        self.assertLess(10 * BURST, len(self.sent("time_sync_request")))

    def test_a_take(self) -> None:
        """Who records is asked at full cadence, and once more when it is over."""
        self.seat()
        self.answer_all()
        self.start(500.0)
        self.answer_all(600_000)
        asked = len(self.sent("time_sync_request"))
        self.assertLess(52 * BURST, asked)
        self.stop(0.0)
        self.answer_all()
        self.assertEqual(asked + BURST, len(self.sent("time_sync_request")))
        self.answer_all(30_000)
        self.assertEqual(asked + BURST, len(self.sent("time_sync_request")))

    def test_not_before_the_seat(self) -> None:
        """A peer that only asked for a seat is asked nothing."""
        self.connection.joining(Join(session_id=CODE))
        self.run_for(1000)
        self.assertEqual([], self.transport.sent)

    def test_updates(self) -> None:
        """Each of the first five answers is followed by an update, then each burst."""
        self.seat()
        self.answer_all()
        updates = self.sent("time_sync_update")
        counts = [1, 2, 3, 4, 5, BURST]
        self.assertEqual(counts, [u["sample_count"] for u in updates])
        requests = self.sent("time_sync_request")
        self.assertEqual(
            [requests[count - 1]["request_id"] for count in counts],
            [update["request_id"] for update in updates],
        )

    def test_a_released_app_hears_its_own_time(self) -> None:
        """Its offset is 0 and every time is its own, from the first answer on."""
        self.seat()
        self.answer_all()
        own = self.timebase.now() + AHEAD
        for update in self.sent("time_sync_update"):
            self.assertEqual(0, update["offset_ms"])
            self.assertApproximates(10, update["latency_ms"], 3)
            self.assertApproximates(own, update["server_timestamp"], 1000)
            self.assertApproximates(own, update["server_receive_timestamp"], 1000)
        first, *later = self.sent("time_sync_request")
        self.assertApproximates(EPOCH, first["server_timestamp"], 50)
        for request in later[3:]:
            self.assertApproximates(own, request["server_timestamp"], 1000)

    def test_commands_too(self) -> None:
        """Every time in a start and a stop is its own."""
        self.seat()
        self.answer_all()
        self.start(250.0)
        self.run_for(5000)
        self.stop(10.0)
        self.run_for(5000)
        own = self.timebase.now() + AHEAD
        (start,), (stop,) = self.sent("start_recording"), self.sent("stop_recording")
        entry = start["device_timestamps"]["device"]["atomic_start"]
        instants = [
            *(start[f] for f in ("timestamp", "atomic_start_time", "server_now")),
            entry,
            stop["timestamp"],
        ]
        for instant in instants:
            self.assertApproximates(own, instant, 15_000)
        self.assertEqual(start["atomic_start_time"], entry)

    def test_protocol_2_hears_the_truth(self) -> None:
        """Its offset and what it is worth are told; times are server time."""
        self.seat(protocol=2)
        self.answer_all()
        for update in self.sent("time_sync_update"):
            error = abs(update["offset_ms"] - AHEAD)
            self.assertLessEqual(error, update["bound_ms"])
            self.assertLess(update["bound_ms"], 17.0)
            self.assertIn("uncertainty_ms", update)
            self.assertApproximates(EPOCH, update["server_timestamp"], 2000)

    def test_unknown_ids(self) -> None:
        """An answer to nothing that was asked is ignored."""
        self.seat()
        self.run_for(10)
        (request,) = self.sent("time_sync_request")
        self.answer({**request, "request_id": "guessed"})
        self.assertEqual([], self.sent("time_sync_update"))
        self.assertEqual(0, self.connection.answers())

    def test_used_ids(self) -> None:
        """A question is answered once."""
        self.seat()
        self.run_for(10)
        (request,) = self.sent("time_sync_request")
        self.answer(request)
        self.answer(request, ahead=-5000.0)
        self.assertEqual(1, len(self.sent("time_sync_update")))

    def test_echoes_are_not_trusted(self) -> None:
        """When it was asked is what the server remembers of it."""
        self.seat(protocol=2)
        self.run_for(10)
        (request,) = self.sent("time_sync_request")
        self.answer({**request, "server_timestamp": 0})
        (update,) = self.sent("time_sync_update")
        self.assertApproximates(AHEAD, update["offset_ms"], 20)

    def test_before_a_start(self) -> None:
        """A start is preceded by a burst, and by one update for all of it."""
        self.seat()
        self.answer_all()
        self.start(1000.0)
        self.answer_all()
        self.assertEqual(2 * BURST, len(self.sent("time_sync_request")))
        self.assertEqual(7, len(self.sent("time_sync_update")))
        self.assertEqual(1, len(self.sent("start_recording")))

    def test_it_tells_what_answers(self) -> None:
        """Of two releases that look alike the later one answers."""
        self.seat()
        self.answer_all()
        self.assertEqual([AppLearned("peer", App.LIBRARY_2)], self.desk.reported)


class Life(Case):
    """Signs of life, and their absence."""

    def beat(self, seconds: int) -> None:
        """Ping it every four seconds; it does not answer."""
        for _ in range(seconds // 4):
            self.run_for(4000)
            self.connection.beat()

    def test_silence(self) -> None:
        """A silent peer is reported once; a released one is not dropped."""
        self.seat()
        self.run_for(1000)
        before = len(self.transport.pings)
        self.beat(60)
        self.assertEqual([WentSilent("peer")], self.desk.reported)
        self.assertTrue(self.transport.is_open)
        self.assertEqual(15, len(self.transport.pings) - before)

    def test_protocol_2(self) -> None:
        """One that knows how to come back is dropped."""
        self.seat(protocol=2)
        self.beat(12)
        self.assertTrue(self.transport.aborted)

    def test_heard_again(self) -> None:
        """Any sign of life brings it back."""
        for sign in (
            lambda: self.connection.ponged(b"?"),
            lambda: self.connection.heard(),  # noqa: PLW0108 - that of each round
            lambda: self.connection.received(b"?"),
        ):
            self.setUp()
            self.seat()
            self.beat(16)
            sign()
            self.assertEqual([WentSilent("peer"), WasHeard("peer")], self.desk.reported)

    def test_a_new_seat_is_a_new_life(self) -> None:
        """Silence on an earlier seat is no matter of the next one."""
        self.seat()
        self.beat(16)
        self.connection.probe_life()
        self.connection.dismissed(owed=False)
        self.seat()
        self.connection.heard()
        self.assertEqual([WentSilent("peer")], self.desk.reported)

    def test_alive(self) -> None:
        """One that answers is never silent."""
        self.seat()
        for _ in range(20):
            self.beat(4)
            self.connection.ponged(self.transport.pings[-1])
        self.assertEqual([], self.desk.reported)

    def test_probe(self) -> None:
        """A probe is a ping; the first sign of life answers it, once."""
        self.seat()
        before = len(self.transport.pings)
        self.connection.probe_life()
        self.assertEqual(1, len(self.transport.pings) - before)
        self.connection.ponged(self.transport.pings[-1])
        self.connection.heard()
        self.assertEqual([ProbeAnswered("peer")], self.desk.reported)


class Receipts(Case):
    """A pong behind a command proves that it has arrived."""

    def setUp(self) -> None:
        """Have it seated, and asked for its time in vain."""
        super().setUp()
        self.seat()
        self.run_for(1000)

    def test_start(self) -> None:
        """A ping goes right behind a start, and its pong is the proof."""
        self.start(0.0, START)
        self.assertEqual(1, len(self.sent("start_recording")))
        self.assertEqual([], self.desk.reported)
        self.connection.ponged(self.transport.pings[-1])
        self.assertEqual([Delivered(START)], self.desk.reported)

    def test_stop(self) -> None:
        """The same holds for a stop."""
        self.stop(0.0, STOP)
        self.connection.ponged(self.transport.pings[-1])
        self.assertEqual([Delivered(STOP)], self.desk.reported)

    def test_other_pongs_prove_nothing(self) -> None:
        """Neither an older pong nor an invented one is a proof."""
        self.connection.beat()
        self.start(0.0, START)
        self.connection.ponged(self.transport.pings[0])
        self.connection.ponged(b"raydel-99")
        self.assertEqual([], self.desk.reported)

    def test_a_goodbye_proves_what_came_before(self) -> None:
        """A peer that answers our goodbye has read all that went before it."""
        self.stop(0.0, STOP)
        self.connection.farewell(1012)
        self.connection.closed(1012)
        self.assertEqual([Delivered(STOP)], self.desk.reported)

    def test_nothing_leaves_after_a_goodbye(self) -> None:
        """What is told later was not read by whoever answers it, and is told again."""
        self.connection.farewell(1012)
        self.stop(0.0, STOP)
        self.start(0.0, START)
        self.connection.closed(1012)
        self.assertEqual([], self.desk.reported)

    def test_a_peer_that_goes_at_the_same_moment(self) -> None:
        """It says so by a code of its own, and may have read nothing."""
        self.stop(0.0, STOP)
        self.connection.farewell(1012)
        self.connection.closed(1001)
        self.assertEqual([], self.desk.reported)

    def test_who_was_sent_away_did_not_leave(self) -> None:
        """Whatever a peer answers to our goodbye, it was we who wanted it to go."""
        for answer, noted in ((1012, 1012), (1000, 1012), (1005, 1012), (1006, 1006)):
            self.setUp()
            self.seat()
            self.connection.farewell(1012)
            self.connection.closed(answer)
            self.assertEqual([noted], self.desk.closed)

    def test_a_broken_wire_proves_nothing(self) -> None:
        """A wire that breaks, or a peer that leaves, proves nothing."""
        for ending in (1006, 1001):
            self.setUp()
            self.stop(0.0, STOP)
            self.connection.closed(ending)
            self.assertEqual([], self.desk.reported)

    def test_nor_does_an_unanswered_goodbye(self) -> None:
        """A peer that was told goodbye and just broke off proves nothing either."""
        self.stop(0.0, STOP)
        self.connection.farewell(1012)
        self.connection.closed(1006)
        self.assertEqual([], self.desk.reported)


class Departures(Case):
    """What waits, and what does not."""

    def setUp(self) -> None:
        """Have it seated, and asked for its time in vain."""
        super().setUp()
        self.seat()
        self.run_for(1000)

    def test_a_pong_waits_for_nothing(self) -> None:
        """Whatever is no command leaves at once, past a stop that is held."""
        self.start(0.0)
        self.stop(100.0)
        self.connection.tell(Pong())
        self.assertEqual(1, len(self.sent("pong")))
        self.assertEqual([], self.sent("stop_recording"))

    def test_the_end_waits(self) -> None:
        """`session_ended` and the close go after a stop that is held."""
        self.start(0.0)
        self.stop(300.0)
        self.connection.tell(SessionEnded(CODE))
        self.connection.farewell(1000)
        self.run_for(250)
        self.assertTrue(self.transport.is_open)
        self.run_for(100)
        types = [json.loads(frame)["type"] for frame in self.transport.sent[-2:]]
        self.assertEqual(["stop_recording", "session_ended"], types)
        self.assertEqual((1000, ""), self.transport.goodbye)

    def test_a_copy_that_has_not_left(self) -> None:
        """A stop takes it back, and is told all the same."""
        self.start(500.0)
        self.run_for(100)
        self.stop(0.0)
        self.run_for(5000)
        self.assertEqual([], self.sent("start_recording"))
        self.assertEqual(1, len(self.sent("stop_recording")))

    def test_a_goodbye_takes_it_back_too(self) -> None:
        """A peer that is closed within the lead is told no start."""
        self.start(500.0)
        self.connection.farewell(1012)
        self.run_for(5000)
        self.assertEqual([], self.sent("start_recording"))

    def test_a_later_start_is_not_early(self) -> None:
        """A new start never overtakes a stop that is held, not by a hair."""
        for n in range(50):
            self.setUp()
            self.start(0.0)
            self.run_for(0.1 + n / 7)
            self.stop(200.0)
            self.run_for(n / 3)
            self.start(310.0 - n)
            self.run_for(5000)
            types = [json.loads(frame)["type"] for frame in self.transport.sent]
            commands = [kind for kind in types if kind.endswith("recording")]
            expected = ["start_recording", "stop_recording", "start_recording"]
            self.assertEqual(expected, commands)


class DeparturesToProtocol2(Case):
    """A peer that takes back a start by itself."""

    def test_stops_are_not_held(self) -> None:
        """It gets a stop at once, and when it is to stop."""
        self.seat(protocol=2)
        self.answer_all()
        self.start(0.0)
        self.stop(100.0)
        (stop,) = self.sent("stop_recording")
        aim = self.timebase.now() + 100.0 + AHEAD
        self.assertApproximates(aim, stop["localStopTime"], 15)


class InOrder(Case):
    """A peer that speaks protocol 2 is told all in the order of its numbers."""

    def setUp(self) -> None:
        """Have it seated, and let it tell its clock."""
        super().setUp()
        self.seat(protocol=2)
        self.answer_all()
        self.before = len(self.transport.sent)

    def tell(self, seq: int) -> None:
        """Tell it something that has a number."""
        self.connection.tell(ReadinessUpdate(1, 2, all_ready=False, seq=seq))

    def told(self) -> list[str]:
        """Return the types of what it was told, time sync left out."""
        types = [json.loads(frame)["type"] for frame in self.transport.sent]
        return [kind for kind in types[self.before :] if "time_sync" not in kind]

    def test_after_a_start(self) -> None:
        """What is told while a start counts down follows it at once."""
        self.start(300.0, START)
        self.tell(2)
        self.connection.tell(SessionEnded(CODE))
        self.assertEqual([], self.told())
        self.run_for(1000)
        self.assertEqual(
            ["start_recording", "readiness_update", "session_ended"], self.told()
        )

    def test_after_it_has_left(self) -> None:
        """Later words wait for nothing."""
        self.start(0.0)
        self.tell(2)
        self.assertEqual(["start_recording", "readiness_update"], self.told())

    def test_a_start_that_is_taken_back(self) -> None:
        """Then they go before the stop."""
        self.start(300.0)
        self.tell(2)
        self.stop(0.0)
        self.run_for(1000)
        self.assertEqual(["readiness_update", "stop_recording"], self.told())

    def test_a_pong(self) -> None:
        """A pong has no number and does not wait."""
        self.start(300.0)
        self.connection.tell(Pong())
        self.assertEqual(["pong"], self.told())

    def test_a_goodbye(self) -> None:
        """It takes back both: they are in the stream, and told on return."""
        self.start(300.0)
        self.tell(2)
        self.connection.farewell(1012)
        self.run_for(1000)
        self.assertEqual([], self.told())
        self.assertIsNotNone(self.transport.goodbye)

    def test_a_released_app(self) -> None:
        """One that knows no numbers is told at once."""
        Case.setUp(self)
        self.seat()
        self.run_for(1000)
        self.before = len(self.transport.sent)
        self.start(300.0)
        self.tell(2)
        self.assertEqual(["readiness_update"], self.told())


class CountingDown(Case):
    """What may happen to a released app while its start counts down."""

    def setUp(self) -> None:
        """Have it seated, and count down."""
        super().setUp()
        self.seat()
        self.run_for(1000)
        self.start(300.0, START)
        self.run_for(50)

    def test_the_same_start_again(self) -> None:
        """It is on its way already: there is one copy, and its own proof."""
        command = StartRecording(
            CODE, EPOCH, "device", self.timebase.now() + 250.0, take_id="take"
        )
        self.connection.tell(command, None)
        self.run_for(1000)
        self.assertEqual(1, len(self.sent("start_recording")))
        self.connection.ponged(self.transport.pings[-1])
        self.assertEqual([Delivered(START)], self.desk.reported)

    def test_a_stop_of_an_earlier_take(self) -> None:
        """A stop that is told again takes back its own start, and no later one."""
        stop = StopRecording(CODE, EPOCH, "device", "earlier", EPOCH, "command")
        self.connection.tell(stop, STOP)
        self.assertEqual(1, len(self.sent("stop_recording")))
        self.run_for(1000)
        self.assertEqual(1, len(self.sent("start_recording")))


class Noted(Case):
    """The copies of commands that leave are noted in the journal of their take."""

    def test_by_its_own_clock(self) -> None:
        """When it left, and when the peer is to obey, by its own clock."""
        self.seat(protocol=2)
        self.answer_all()
        self.start(300.0, START)
        before = len(self.sent("start_recording"))
        self.answer_all(400)
        (sent,) = self.sent("start_recording")[before:]
        told = Told("start", sent["localStartTime"])
        (entry,) = self.desk.entries
        self.assertEqual(JournalEntry("take", "device", entry.at, told), entry)
        self.assertLess(entry.at, sent["atomic_start_time"])

    def test_on_receipt(self) -> None:
        """Who tells no clock obeys when it hears."""
        self.seat()
        self.start(300.0, START)
        self.run_for(1_000)
        (entry,) = self.desk.entries
        self.assertEqual(Told("start"), entry.fact)
        stop = StopRecording(CODE, EPOCH, "device", "take", EPOCH, "command")
        self.connection.tell(stop, STOP)
        self.run_for(1_000)
        self.assertEqual([Told("start"), Told("stop")], self.facts())

    def test_what_is_not_proven(self) -> None:
        """What is told to who takes no part in the take is not noted."""
        self.seat()
        stop = StopRecording(CODE, EPOCH, "device", "take", EPOCH, "command")
        self.connection.tell(stop)
        self.run_for(1_000)
        self.assertEqual([], self.desk.entries)

    def facts(self) -> list[Fact]:
        """Return what was noted."""
        return [entry.fact for entry in self.desk.entries]


class Measured(Case):
    """What its clock says is kept for the take that it takes part in."""

    def setUp(self) -> None:
        """Have it seated, and let it tell its clock."""
        super().setUp()
        self.seat()
        self.answer_all()

    def ask(self) -> None:
        """Have it tell its clock once more."""
        self.connection.probe()
        self.answer_all()

    def takes(self) -> list[str]:
        """Return for which take each look was."""
        return [sample.take_id for sample in self.desk.samples]

    def test_nothing_before(self) -> None:
        """Nobody keeps what belongs to no take."""
        self.assertEqual([], self.desk.samples)

    def test_who_comes_late(self) -> None:
        """The clock of who takes part by itself is kept, and what it told before."""
        self.connection.enlisted("take")
        before = len(self.desk.samples)
        self.assertLess(0, before)
        self.ask()
        self.assertEqual(["take"] * (before + 1), self.takes())

    def test_what_is_kept(self) -> None:
        """Each look says whose clock, by which, when, by how much, how surely."""
        self.start(0.0)
        sample = self.desk.samples[0]
        self.assertEqual(
            ("take", "device", "test"),
            (sample.take_id, sample.device_id, sample.clock_id),
        )
        self.assertApproximates(EPOCH, sample.at, 1000)
        self.assertApproximates(AHEAD, sample.offset, 5)
        self.assertApproximates(20, sample.round_trip, 10)

    def test_once(self) -> None:
        """What was known before the start is kept with it, what comes later too."""
        self.start(0.0)
        self.assertEqual(["take"], self.takes())
        self.start(0.0)
        self.assertEqual(["take"], self.takes())
        self.ask()
        self.assertEqual(["take"] * 2, self.takes())
        instants = [sample.at for sample in self.desk.samples]
        self.assertEqual(len(set(instants)), len(instants))

    def test_over(self) -> None:
        """After the stop one burst is kept, for the end of the file, and no more."""
        self.start(0.0)
        self.stop(0.0)
        for _ in range(2):
            self.ask()
        self.assertEqual(["take"] * 2, self.takes())

    def test_the_stop_of_another(self) -> None:
        """The stop of an earlier take does not end it."""
        self.start(0.0)
        self.connection.tell(StopRecording(CODE, EPOCH, "device", "earlier"))
        for _ in range(2):
            self.ask()
        self.assertEqual(["take"] * 3, self.takes())

    def test_a_missed_stop(self) -> None:
        """Who was away at the stop of its take tells its clock once it hears of it."""
        self.connection.tell(StopRecording(CODE, EPOCH, "device", "missed"))
        before = self.takes()
        self.answer_all()
        self.assertEqual([*before, "missed"], self.takes())

    def test_a_stop_of_no_take(self) -> None:
        """A stop without a take keeps nothing for one, nor does one without a seat."""
        self.connection.tell(StopRecording(CODE, EPOCH, "device"))
        self.connection.dismissed(owed=True)
        self.connection.tell(StopRecording(CODE, EPOCH, "device", "take"))
        self.answer_all()
        self.assertEqual([], self.takes())

    def test_without_a_seat(self) -> None:
        """Nor is anything kept once it has lost its seat."""
        self.start(0.0)
        self.connection.dismissed(owed=True)
        self.ask()
        self.assertEqual(["take"], self.takes())

    def test_a_return(self) -> None:
        """Who comes back to a take is measured for it without another start."""
        for participant, expected in ((True, ["take"]), (False, [])):
            self.setUp()
            self.desk.samples.clear()
            take = RunningTake("take", EPOCH, participant)
            status = SessionStatus(CODE, 0, True, "", ())
            joined = Joined(CODE, "device", "iPhone", True, status, take=take)
            self.connection.tell(joined)
            self.assertEqual(expected, self.takes())


class Delays(Case):
    """How far a peer is taken to be."""

    def test_answers_that_waited(self) -> None:
        """What a stalled link held back says nothing of the way: no stop waits so."""
        self.seat()
        self.run_for(20_000)
        for request in self.sent("time_sync_request"):
            self.answer(request)
        self.assertEqual(UNKNOWN_DELAY, self.connection.stop_lead())
        self.assertEqual(UNKNOWN_DELAY, self.connection.prospect().delay)

    def test_an_answer_on_a_slow_way(self) -> None:
        """Half a second one way is a way that phones do have."""
        self.seat()
        self.run_for(0)
        (request,) = self.sent("time_sync_request")
        self.run_for(1_000)
        self.answer(request)
        self.assertEqual(500.0, self.connection.stop_lead())


class Cameras(Case):
    """When a peer is to call its camera, and what is learned of it."""

    def record(self, take_id: str, late: float | None, *, more: bool = False) -> float:
        """Start a take, and report a first frame that is so many ms late.

        Returns:
            How many ms before the common start it was to call its camera.
        """
        now = self.timebase.now()
        start = StartRecording(CODE, now, "device", now + 1_500.0, take_id=take_id)
        seen = len(self.sent("start_recording"))
        self.connection.tell(start)
        self.answer_all(1_600.0)
        (told,) = self.sent("start_recording")[seen:]
        call_at: float = told["localStartTime"]
        if late is not None:
            for time in (call_at + late, call_at)[: 1 + more]:
                self.hear("recording_started", takeId=take_id, firstFrameTime=time)
        end = self.timebase.now()
        self.connection.tell(StopRecording(CODE, end, "d", take_id, end, "command"))
        self.run_for(0)
        return start.atomic_start_time + AHEAD - call_at

    def settle(self, name: str = "app", **more: Any) -> None:
        """Let it have a seat, and tell its clock."""
        self.seat(protocol=2, installation_id=name, model="Pixel 9", **more)
        self.answer_all()

    def test_learned(self) -> None:
        """From the report of a first frame on it is to call that much earlier."""
        self.settle()
        self.assertApproximates(0.0, self.record("one", 400.0, more=True), 1.0)
        self.assertEqual([(400.0,)], [each.cold for each in self.desk.cameras])
        self.assertApproximates(400.0, self.record("two", 300.0), 1.0)
        self.assertEqual([(), (300.0,)], [each.warm for each in self.desk.cameras])
        self.assertApproximates(300.0, self.record("three", None), 1.0)

    def test_the_lead(self) -> None:
        """The lead allows for a camera that is late, and not for one that is early."""
        self.settle()
        before = self.connection.prospect().lead
        self.book.ran("app")
        self.book.learn("app", "Pixel 9", 400.0, cold=False)
        after = self.connection.prospect()
        self.assertEqual((400.0, before + 400.0), (after.early, after.lead))
        self.assertEqual(
            EPOCH - 400.0 - after.reach - MARGIN,
            self.connection.latest_departure(EPOCH),
        )
        self.assertEqual(EPOCH - 400.0 - after.delay, self.connection.departure(EPOCH))

    def test_told_too_late(self) -> None:
        """Who hears of its start when that is over tells nothing of its camera."""
        self.settle()
        now = self.timebase.now()
        start = StartRecording(CODE, now, "device", now + 5.0, take_id="take")
        self.connection.tell(start)
        (told,) = self.sent("start_recording")
        time = told["localStartTime"] + 400.0
        self.hear("recording_started", takeId="take", firstFrameTime=time)
        self.assertEqual([], self.desk.cameras)

    def test_no_name(self) -> None:
        """Who does not name its installation is asked as ever."""
        self.seat(protocol=2)
        self.answer_all()
        for take_id in ("one", "two"):
            self.assertApproximates(0.0, self.record(take_id, 400.0), 1.0)
        self.assertEqual([], self.desk.cameras)

    def test_released(self) -> None:
        """A released app is never asked earlier, whatever it calls itself."""
        self.book.learn("app", "Pixel 9", 400.0, cold=True)
        self.seat(installation_id="app", model="Pixel 9")
        self.answer_all()
        self.assertEqual(0.0, self.connection.prospect().early)

    def test_in_its_turn(self) -> None:
        """The report goes to the session all the same."""
        self.settle()
        self.record("take", 400.0)
        (report,) = self.desk.performed
        self.assertIsInstance(report, RecordingStarted)


class Settings(Case):
    """What an operator knows better."""

    config = Config(camera_delays={App.SCREEN_2: 900.0})

    def test_camera_delay(self) -> None:
        """An app that is known to be late by another time is told that much earlier."""
        self.seat("IOS-HOST-ab12")
        self.assertEqual(900.0, self.connection.prospect().early)
        now = self.timebase.now()
        self.start(2_000.0)
        self.run_for(3_000)
        (leaves,) = [each["server_now"] for each in self.sent("start_recording")]
        self.assertApproximates(now + 1_100.0 - UNKNOWN_DELAY, leaves, 1.0)


class Hasty(Case):
    """A stop right behind a start."""

    def test_a_clock_that_is_hardly_known(self) -> None:
        """A released phone gets it when its camera runs, however late that may be."""
        self.seat()
        self.run_for(0)
        (request,) = self.sent("time_sync_request")
        self.run_for(900)  # On the way, most of it on the way back.
        self.answer(request)
        begun = self.timebase.now()
        self.start(0.0)
        self.stop(300.0)
        self.run_for(440)
        self.assertEqual([], self.sent("stop_recording"))
        self.run_for(20)
        self.assertEqual(1, len(self.sent("stop_recording")))
        self.assertGreaterEqual(self.timebase.now(), begun + 450)


class Tokens(Case):
    """What a peer gets its seat back with."""

    def joined(self, protocol: int | None) -> dict[str, Any]:
        """Tell it that it has a seat, and return how it was told."""
        self.seat(protocol=protocol)
        self.connection.resume_token = "secret"  # noqa: S105 - of no use to anybody
        status = SessionStatus(CODE, 0, False, "", ())
        self.connection.tell(Joined(CODE, "device", "iPhone", True, status))
        return self.sent("joined")[-1]

    def test_protocol_2(self) -> None:
        """It is told its token, the same each time it is told of its seat."""
        self.assertEqual("secret", self.joined(2)["resumeToken"])
        self.assertEqual("secret", self.joined(2)["resumeToken"])

    def test_released(self) -> None:
        """A released app is told none."""
        self.assertNotIn("resumeToken", self.joined(None))


class Asking(Case):
    """Which session a peer belongs to."""

    def test_refused(self) -> None:
        """Once it is refused, a join is a new one, whatever its id."""
        join = Join(session_id=CODE, command_id="a", protocol=2)
        self.connection.joining(join)
        self.assertEqual((CODE, "a"), self.asked())
        self.connection.dismissed(owed=False)
        self.assertEqual((None, None), self.asked())

    def test_admitted_after_all(self) -> None:
        """A join that was sent twice may be refused first, and then admitted."""
        self.connection.joining(Join(session_id=CODE, command_id="a", protocol=2))
        self.connection.dismissed(owed=False)
        self.connection.seated("device")
        self.assertEqual((CODE, None), self.asked())
        self.run_for(40_000)
        self.assertTrue(self.transport.is_open)

    def asked(self) -> tuple[str | None, str | None]:
        """Return the code and the id of what it asked."""
        return self.connection.session_code, self.connection.command_id


class Ends(Case):
    """The wire is gone."""

    def test_no_timer_is_left(self) -> None:
        """Whatever was planned for a peer is forgotten with it."""
        self.seat()
        self.start(0.0)
        self.stop(500.0)
        self.start(900.0)
        self.connection.closed(1006)
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_a_stranger_too(self) -> None:
        """Nobody waits for a stranger that has left."""
        self.connection.closed(1001)
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_told(self) -> None:
        """The desk hears the close code, and who waits for the end hears of it."""
        self.connection.closed(1001)
        self.assertEqual([1001], self.desk.closed)
        self.assertIsNone(self.successResultOf(self.connection.gone))
