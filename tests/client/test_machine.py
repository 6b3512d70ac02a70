"""What a client does about its link, its seat and its commands."""

from __future__ import annotations

import json
from typing import Any

from msgspec import UNSET

from raydel.client.machine import BACKOFF, GONE
from raydel.client.wants import (
    Connect,
    Cut,
    Denied,
    Gap,
    Garbled,
    Later,
    Over,
    Told,
    TurnedAway,
)
from raydel.core.messages import (
    CameraReadyNotice,
    DeviceConnected,
    DeviceDisconnected,
    MarkerNotice,
    SessionEnded,
    StatusReport,
    TimeSyncRequest,
    TimeSyncUpdate,
)
from tests.client.parts import ME, OTHER, Case, joined, kinds, of, running, sent, start
from tests.client.parts import stop as stopped


class Seats(Case):
    """Joining, and coming back."""

    def test_first_join(self) -> None:
        """It says what it is, protocol 2, and nothing that it cannot know."""
        expected = {
            "type": "join",
            "sessionId": "ABC123",
            "isHost": True,
            "deviceName": "Left goal",
            "protocol": 2,
            "capabilities": ["late_start", "markers", "recording_reports"],
        }
        self.assertEqual([expected], sent(self.client.opened()))

    def come_back(self) -> dict[str, Any]:
        """Lose the link, have another, and return the join."""
        self.client.lost()
        (join,) = sent(self.client.opened())
        return join

    def test_token_and_number(self) -> None:
        """It shows its latest token, and the highest number that it dealt with."""
        self.join(resume_token="t1", seq=4)  # noqa: S106
        self.hear(CameraReadyNotice("d", seq=5))
        join = self.come_back()
        self.assertEqual(("t1", 5), (join["resumeToken"], join["lastSeq"]))
        self.hear(joined(resume_token="t2", recovered=True, seq=5))  # noqa: S106
        self.assertEqual("t2", self.come_back()["resumeToken"])

    def test_anew(self) -> None:
        """Not recovered, it counts on from where the server says."""
        self.join(seq=70)
        self.client.lost()
        self.join(seq=100, recovered=False)
        self.assertEqual(100, self.come_back()["lastSeq"])

    def test_a_server_that_stores_nothing(self) -> None:
        """Without a token and a number it keeps those that it has."""
        self.join(resume_token="t1", seq=4)  # noqa: S106
        self.client.lost()
        self.join(resume_token=UNSET, seq=UNSET)
        join = self.come_back()
        self.assertEqual(("t1", 4), (join["resumeToken"], join["lastSeq"]))

    def test_gaps(self) -> None:
        """It notes the numbers that were left out, also before unknown messages."""
        self.join(seq=4)
        self.assertEqual([], of(Gap, self.hear(CameraReadyNotice("d", seq=5))))
        wants = self.hear(CameraReadyNotice("d", seq=8))
        self.assertEqual([Gap(5, 8)], of(Gap, wants))
        frame = json.dumps({"type": "take_lost", "seq": 11}).encode()
        self.assertEqual([Gap(8, 11)], self.client.received(frame, 1.0))
        self.assertEqual(11, self.come_back()["lastSeq"])

    def test_never_back(self) -> None:
        """A number from before is no gap, and does not count again."""
        self.join(seq=4)
        wants = self.hear(CameraReadyNotice("d", seq=3))
        self.assertEqual([], of(Gap, wants))
        self.assertEqual(4, self.come_back()["lastSeq"])

    def test_pauses(self) -> None:
        """They grow, are up to a quarter off, and begin anew with each seat."""
        pauses = [self.client.lost()[0] for _ in range(6)]
        self.assertEqual([Connect(each) for each in (*BACKOFF, 4.0)], pauses)
        self.join()
        self.chance = 0.0
        self.assertEqual([Connect(0.1875)], self.client.lost())
        self.join()
        self.chance = 1.0
        self.assertEqual([Connect(0.3125)], self.client.lost())

    def test_a_server_that_restarts(self) -> None:
        """It gets a second to do that."""
        self.join()
        self.assertEqual([Connect(1.0)], self.client.lost(1012))

    def test_close_codes(self) -> None:
        """The seat went elsewhere: that is the end, with any other code it is not."""
        for code in (1000, 4000):
            self.client = self.make()
            self.join()
            (over,) = of(Over, self.client.lost(code))
            self.assertFalse(over.is_regular)
            self.assertEqual([], self.client.lost())
            self.assertEqual([], self.client.opened())
        for code in (1001, 1002, 1006, 1008, 1011, 1012):
            self.client = self.make()
            self.join()
            self.assertEqual([], of(Over, self.client.lost(code)))

    def test_too_slow(self) -> None:
        """Closed before it had a seat, it tries again."""
        self.client.opened()
        self.assertEqual([Connect(BACKOFF[0])], self.client.lost(1000))

    def test_displaced_in_a_take(self) -> None:
        """Who records comes back for the stop, and is gone after it."""
        self.join()
        self.record()
        self.assertEqual([Connect(BACKOFF[0])], self.client.lost(4000))
        self.client.opened()
        self.assertEqual([], of(Over, self.refuse("host_exists", temporary=True)))
        self.carry(self.hear(stopped()))
        (over,) = of(Over, self.refuse("host_exists", temporary=True))
        self.assertEqual("another phone has this phone's seat", over.why)

    def test_guest_before_host(self) -> None:
        """A guest asks on the same link, until its host is there."""
        self.client.opened()
        wants = self.refuse("session_not_found")
        (away,) = of(TurnedAway, wants)
        self.assertEqual(0.25, away.after)
        self.assertEqual(["join"], kinds(self.carry(wants)))
        self.assertEqual(1250.0, self.time)

    def test_asked_once(self) -> None:
        """What was to be asked again is not, once another link has asked."""
        self.client.opened()
        wants = self.refuse("session_full", temporary=True)
        self.client.lost()
        self.client.opened()
        self.assertEqual([], self.carry(wants))

    def test_a_session_that_vanished(self) -> None:
        """It is asked for ten seconds: its host may bring it back."""
        self.join()
        self.client.lost()
        self.client.opened()
        self.assertEqual([], of(Over, self.refuse("session_not_found")))
        self.time += GONE - 1
        self.assertEqual([], of(Over, self.refuse("session_not_found")))
        self.time += 1
        (over,) = of(Over, self.refuse("session_not_found"))
        self.assertTrue(over.is_regular)

    def test_a_host_that_brings_it_back(self) -> None:
        """Then it counts anew."""
        self.join()
        self.client.opened()
        self.refuse("session_not_found")
        self.time += GONE
        self.join()
        self.client.opened()
        self.assertEqual([], of(Over, self.refuse("session_not_found")))

    def test_records_on_without_a_session(self) -> None:
        """A session that vanished ends no take."""
        self.join()
        self.record()
        self.client.opened()
        self.refuse("session_not_found")
        self.time += 2 * GONE
        self.assertEqual([], of(Over, self.refuse("session_not_found")))

    def test_refused_for_good(self) -> None:
        """A refusal that time does not cure is the end; the camera stops too."""
        self.join()
        self.record()
        self.client.lost()
        self.client.opened()
        wants = self.refuse("invalid_session_id")
        self.assertEqual([Told, Cut, Over], [type(each) for each in wants])

    def test_session_ended(self) -> None:
        """It is over, the camera stops, and whatever comes then means nothing."""
        self.join()
        self.record()
        wants = self.hear(SessionEnded("ABC123"))
        self.assertEqual([Told, Cut, Over], [type(each) for each in wants])
        self.assertEqual([], self.hear(start("b")))
        self.assertEqual([], self.client.lost(1000))

    def test_others(self) -> None:
        """It knows who is there."""
        self.join()
        self.assertEqual({OTHER: "Right goal"}, self.client.others)
        self.hear(DeviceDisconnected(OTHER, "ABC123"))
        self.assertEqual({}, self.client.others)
        self.hear(DeviceConnected(OTHER, "Red", "ABC123"))
        self.assertEqual({OTHER: "Red"}, self.client.others)


class Clocks(Case):
    """Telling the time."""

    def test_first_of_all(self) -> None:
        """A question is answered alone, with arrival and sending, also unseated."""
        wants = self.client.received(
            b'{"type":"time_sync_request","request_id":"q","server_timestamp":5.25}',
            999.75,
        )
        expected = {
            "type": "time_sync_response",
            "request_id": "q",
            "server_timestamp": 5.25,
            "client_receive_timestamp": 999.75,
            "client_timestamp": 1000.0,
        }
        self.assertEqual([expected], sent(wants))
        self.assertEqual(1, len(wants))

    def test_answers_change_nothing(self) -> None:
        """What is to be kept is the same after a question: nothing is written."""
        self.join()
        before = self.client.kept
        self.hear(TimeSyncRequest("q", 1.0))
        self.assertEqual(before, self.client.kept)

    def test_another_server_time(self) -> None:
        """What is known of one server time does not hold for another."""
        self.join(clock_id="c1")
        self.hear(TimeSyncUpdate("q", 400.25, 1.0, 1, 1.0, 2.0))
        (mark,) = sent(self.client.mark("goal"))
        self.assertEqual(599.75, mark["timestamp"])
        self.join(clock_id="c2")
        (mark,) = sent(self.client.mark("goal"))
        self.assertNotIn("timestamp", mark)


class Commands(Case):
    """What the app wants, and its answers."""

    def again(self) -> list[dict[str, Any]]:
        """Lose the link and be back; return what is said again."""
        self.client.lost()
        return sent(self.join())

    def test_repeated(self) -> None:
        """A command is repeated with its id until it is answered."""
        self.join()
        first = sent(self.client.start())
        self.assertEqual(first, self.again())
        self.hear(start())
        self.assertNotIn("start_recording", [each["type"] for each in self.again()])

    def test_without_a_link(self) -> None:
        """What is wanted without a seat is said with the next one."""
        self.assertEqual([], self.client.start())
        self.assertEqual(["start_recording"], kinds(self.join()))

    def test_latest_tap(self) -> None:
        """The latest tap counts."""
        self.client.stop()
        self.client.stop()
        (stop,) = sent(self.join())
        self.assertEqual("c2", stop["commandId"])

    def test_which_take(self) -> None:
        """A stop names the take that is recorded, or that runs elsewhere."""
        self.join()
        self.record()
        (stop,) = sent(self.client.stop())
        self.assertEqual("a", stop["takeId"])
        self.client = self.make()
        self.join(take=running("b", participant=False))
        (stop,) = sent(self.client.stop())
        self.assertEqual("b", stop["takeId"])

    def test_stop_of_another_take(self) -> None:
        """The stop of another take answers no stop of this one."""
        self.join()
        self.record()
        self.client.stop()
        self.hear(stopped("b"))
        self.assertIn("stop_recording", [each["type"] for each in self.again()])
        self.hear(stopped("a"))
        self.assertNotIn("stop_recording", [each["type"] for each in self.again()])

    def test_start_of_a_take_that_is_over(self) -> None:
        """A start that is said again is answered with the end, without a number."""
        self.join()
        self.client.start()
        self.hear(stopped("old", seq=7))
        self.assertEqual(["start_recording"], [e["type"] for e in self.again()])
        self.hear(stopped("b", seq=UNSET))
        self.assertEqual([], self.again())

    def test_a_stop_that_is_answered_twice(self) -> None:
        """Its second answer is none to a start that was wanted meanwhile."""
        self.join()
        self.record()
        self.client.stop()
        self.again()
        self.hear(stopped("a", seq=7))
        self.client.start()
        self.hear(stopped("a", seq=UNSET))
        self.assertIn("start_recording", [each["type"] for each in self.again()])

    def test_refused(self) -> None:
        """A refusal answers what it names, and says so."""
        self.join()
        self.client.start()
        self.client.mark("goal")
        wants = self.refuse("recording_in_progress", command_id="c1")
        (denied,) = of(Denied, wants)
        self.assertEqual("c1", denied.command.command_id)
        self.assertEqual(["marker"], [each["type"] for each in self.again()])
        wants = self.refuse("invalid_message", command_id="c2")
        self.assertEqual(1, len(of(Denied, wants)))
        self.assertEqual([], self.again())

    def test_unreadable(self) -> None:
        """What the server could not read, and cannot name, was none of what waits."""
        self.join()
        self.client.start()
        for code in ("invalid_message", "unknown_type"):
            self.assertEqual([], of(Denied, self.refuse(code)))
        self.assertEqual(["start_recording"], [each["type"] for each in self.again()])

    def test_a_mark_that_is_late(self) -> None:
        """A mark that is refused stops no camera; a stop that is, does."""
        self.join()
        self.record()
        self.client.mark("goal")
        name = self.client.outbox.waiting[-1].command_id
        self.assertEqual([], of(Cut, self.refuse("no_recording", command_id=name)))
        self.client.stop()
        name = self.client.outbox.waiting[-1].command_id
        (cut,) = of(Cut, self.refuse("no_recording", command_id=name))
        self.assertEqual("here only", cut.why)

    def test_a_stop_that_is_agreed(self) -> None:
        """A take whose stop is known ends then, not when a second stop is refused."""
        self.join()
        self.record()
        self.client.stop()
        self.hear(stopped(local_stop_time=self.time + 50.0))
        self.assertEqual([], of(Cut, self.refuse("no_recording")))

    def test_marks_alike(self) -> None:
        """Of two marks of one name, each is answered once."""
        self.join()
        self.client.mark("goal")
        self.client.mark("goal")
        self.hear(MarkerNotice("a", OTHER, 5.0, "goal"))
        self.assertEqual(2, len(self.client.outbox.waiting))
        self.hear(MarkerNotice("a", ME, 5.0, "goal"))
        self.assertEqual(1, len(self.client.outbox.waiting))

    def test_standing_words(self) -> None:
        """Readiness and the latest status are said again with each seat."""
        self.client.ready()
        self.client.fares(StatusReport(battery=0.5))
        self.client.fares(StatusReport(battery=0.4, charging=False))
        ready, status = sent(self.join())
        self.assertEqual({"type": "device_ready"}, ready)
        expected = {"type": "device_status", "battery": 0.4, "charging": False}
        self.assertEqual(expected, status)

    def test_foreground(self) -> None:
        """It is said with a seat, and needs none."""
        self.assertEqual([], self.client.foreground())
        self.join()
        self.assertEqual(["foreground"], kinds(self.client.foreground()))


class Words(Case):
    """What cannot be read."""

    def test_nonsense(self) -> None:
        """Nonsense is said to be that, and changes nothing."""
        self.join()
        before = self.client.kept
        for frame in (b"{", b"[]", b'{"type": 5}', b"\xff", b"{}", b'{"type":"error"}'):
            (garbled,) = self.client.received(frame, 1.0)
            self.assertIsInstance(garbled, Garbled)
        self.assertEqual(before, self.client.kept)

    def test_newer_servers(self) -> None:
        """Messages and fields that are not known are passed over."""
        self.join()
        self.assertEqual([], self.client.received(b'{"type":"new","a":{}}', 1.0))
        wants = self.client.received(b'{"type":"pong","a":{}}', 1.0)
        self.assertEqual([], of(Later, wants) + of(Garbled, wants))
