"""The phone that is played: every answer it gives, without a reactor."""

from __future__ import annotations

import json
from typing import Any, Final

from twisted.trial.unittest import SynchronousTestCase

from raydel.virtualcamera import Camera
from raydel.virtualphone import BACKOFF, VirtualPhone
from raydel.virtualwire import Action, Connect, End, Later, Say, Send


def said(actions: list[Action]) -> list[str]:
    """Return the lines it shows."""
    return [action.text for action in actions if isinstance(action, Say)]


def sent(actions: list[Action]) -> list[dict[str, Any]]:
    """Return the messages it sends."""
    return [json.loads(each.frame) for each in actions if isinstance(each, Send)]


WHOLE: Final[dict[str, dict[str, Any]]] = {
    "joined": {
        "sessionId": "ABC123",
        "deviceId": "me",
        "deviceName": "Left goal",
        "isHost": True,
        "sessionStatus": {
            "id": "ABC123",
            "deviceCount": 0,
            "isRecording": False,
            "createdAt": "2026-01-15T10:30:00.620Z",
            "devices": [],
        },
    },
    "device_connected": {"sessionId": "ABC123"},
    "device_disconnected": {"sessionId": "ABC123"},
    "start_recording": {
        "sessionId": "ABC123",
        "timestamp": 900.0,
        "initiator": "me",
        "atomic_start_time": 1200.0,
    },
    "stop_recording": {"sessionId": "ABC123", "timestamp": 2900.0, "initiator": "me"},
    "readiness_update": {"all_ready": False},
    "take_update": {},
    "marker": {"timestamp": 1500.0},
    "time_sync_update": {
        "request_id": "q",
        "offset_ms": 0.0,
        "latency_ms": 1.0,
        "server_timestamp": 1.0,
        "server_receive_timestamp": 3.0,
    },
    "error": {"message": "", "code": "invalid_message"},
}
"""What the server never leaves out, of each message."""

TAKE: Final[dict[str, object]] = {"startTime": 1200.0, "participant": False}
"""The same of a take that runs."""


class Case(SynchronousTestCase):
    """One phone, whose clock moves when the test says so."""

    def setUp(self) -> None:
        """Have a host."""
        self.time = 1000.0
        self.chance = 0.5
        self.phone = self.make(is_host=True)

    def make(self, *, is_host: bool, camera: Camera | None = None) -> VirtualPhone:
        """Make a phone; by default its pauses are what the table says."""
        return VirtualPhone(
            "ABC123",
            "Left goal",
            is_host=is_host,
            clock=lambda: self.time,
            chance=lambda: self.chance,
            camera=camera,
        )

    def hear(self, kind: str, **fields: object) -> list[Action]:
        """Have the server say something."""
        if isinstance(take := fields.get("take"), dict):
            fields["take"] = TAKE | take
        frame = json.dumps({"type": kind, **WHOLE.get(kind, {}), **fields}).encode()
        return self.phone.received(frame, self.time)

    def join(self, **fields: object) -> list[Action]:
        """Have a link, and a seat."""
        self.phone.opened()
        return self.hear("joined", **{"resumeToken": "t1", **fields})

    def record(self, take: str = "take-1", at: float = 1250.0) -> None:
        """Have it record from that instant."""
        self.carry(self.hear("start_recording", takeId=take, localStartTime=at))

    def carry(self, actions: list[Action]) -> list[Action]:
        """Let time pass for what is to be done later; return what comes of it."""
        done: list[Action] = []
        for action in actions:
            if isinstance(action, Later):
                self.time = max(self.time, action.at)
                done += action.call()
        return done


class Links(Case):
    """Joining, and coming back."""

    def test_first_join(self) -> None:
        """It joins with protocol 2, and nothing it cannot know yet."""
        expected = {
            "type": "join",
            "sessionId": "ABC123",
            "isHost": True,
            "deviceName": "Left goal",
            "protocol": 2,
        }
        self.assertEqual([expected], sent(self.phone.opened()))

    def test_declares_itself(self) -> None:
        """It says what it is, as far as it is anything, and what its camera can."""
        phone = VirtualPhone(
            "ABC123",
            "Left goal",
            is_host=True,
            clock=lambda: 0.0,
            camera=Camera(),
            model="Pixel 9",
            installation_id="i-1",
        )
        (join,) = sent(phone.opened())
        expected = {
            "type": "join",
            "sessionId": "ABC123",
            "isHost": True,
            "deviceName": "Left goal",
            "protocol": 2,
            "model": "Pixel 9",
            "installationId": "i-1",
            "capabilities": ["late_start", "markers", "recording_reports"],
        }
        self.assertEqual(expected, join)

    def test_comes_back(self) -> None:
        """It comes back with its latest token, and the last number it saw."""
        self.join(seq=1)
        self.hear("camera_ready", deviceId="d", seq=7)
        self.hear("camera_ready", deviceId="d", seq=6)
        self.phone.lost("link lost")
        (join,) = sent(self.phone.opened())
        self.assertEqual(("t1", 7), (join["resumeToken"], join["lastSeq"]))
        self.hear("joined", resumeToken="t2", resumed=True, seq=8)
        self.phone.lost("link lost")
        (join,) = sent(self.phone.opened())
        self.assertEqual(("t2", 8), (join["resumeToken"], join["lastSeq"]))

    def test_a_server_that_forgot(self) -> None:
        """Where it is not known again, numbers begin anew."""
        self.join(seq=70)
        self.phone.lost("link lost")
        self.join(resumeToken="t2", seq=1)
        self.phone.lost("link lost")
        (join,) = sent(self.phone.opened())
        self.assertEqual(("t2", 1), (join["resumeToken"], join["lastSeq"]))

    def test_pauses(self) -> None:
        """It waits longer and longer, says so once, and begins anew once it is in."""
        outcomes = [self.phone.lost("link lost") for _ in range(6)]
        pauses = [
            each.after for o in outcomes for each in o if isinstance(each, Connect)
        ]
        self.assertEqual([*BACKOFF, BACKOFF[-1]], pauses)
        lines = [line for outcome in outcomes for line in said(outcome)]
        self.assertEqual(["! link lost, trying again in 0.2 s"], lines)
        self.join()
        self.assertEqual(lines, said(self.phone.lost("link lost")))

    def test_another_reason_is_said(self) -> None:
        """What hinders it is said when it is something else."""
        self.phone.lost("link lost")
        self.assertEqual(
            ["! no server, trying again in 0.5 s"], said(self.phone.lost("no server"))
        )

    def test_jitter(self) -> None:
        """No pause is more than a quarter off."""
        for chance, expected in ((0.0, 0.1875), (1.0, 0.3125)):
            self.chance = chance
            phone = self.make(is_host=True)
            self.assertIn(Connect(expected), phone.lost("link lost"))

    def test_displaced(self) -> None:
        """Who lost the seat to another stays away."""
        for code in (1000, 4000):
            self.phone = self.make(is_host=True)
            self.join()
            self.assertIn(End(1), self.phone.lost("link lost", code))

    def test_displaced_while_recording(self) -> None:
        """Unless it records: then it comes back to be told when to stop."""
        self.join()
        self.record()
        self.assertIn(Connect(BACKOFF[0]), self.phone.lost("link lost", 4000))

    def test_closed_before_it_joined(self) -> None:
        """A normal close without a seat is one more reason to try again."""
        self.phone.opened()
        self.assertIn(Connect(BACKOFF[0]), self.phone.lost("link lost", 1000))

    def test_guest_before_host(self) -> None:
        """A guest asks again on the same link, until its host is there."""
        self.phone = self.make(is_host=False)
        self.phone.opened()
        refused = self.hear("error", code="session_not_found", message="Session…")
        expected = [
            "! no host in ABC123 yet (is that the code?), trying again in 0.2 s"
        ]
        self.assertEqual(expected, said(refused))
        (join,) = sent(self.carry(refused))
        self.assertEqual("join", join["type"])
        self.assertEqual(1250.0, self.time)

    def test_no_second_join(self) -> None:
        """What was to be asked again is not, once another link has asked."""
        self.phone.opened()
        refused = self.hear("error", code="host_exists", message="Hm", temporary=True)
        self.phone.lost("link lost")
        self.assertEqual([], self.carry(refused))
        self.phone.opened()
        self.assertEqual([], self.carry(refused))

    def test_refused_for_good(self) -> None:
        """A refusal that time does not cure ends it, with the detail."""
        self.phone.opened()
        actions = self.hear("error", code="x", message="Invalid", detail="too long")
        self.assertEqual([Say("! Invalid: too long"), End(1)], actions)

    def test_session_ended(self) -> None:
        """With the session, the phone is done."""
        self.join()
        self.record()
        actions = self.hear("session_ended", sessionId="ABC123")
        self.assertEqual(End(0), actions[-1])
        self.assertIn("■ take take… lasted 0.0 s (session ended)", said(actions))


class Clocks(Case):
    """Telling the time."""

    def test_answer(self) -> None:
        """A question is answered before all else, with both times of the phone."""
        frame = b'{"type":"time_sync_request","request_id":"q","server_timestamp":5.25}'
        (action,) = self.phone.received(frame, 999.75)
        expected = {
            "type": "time_sync_response",
            "request_id": "q",
            "server_timestamp": 5.25,
            "client_receive_timestamp": 999.75,
            "client_timestamp": 1000.0,
        }
        self.assertEqual([expected], sent([action]))

    def test_measured(self) -> None:
        """What comes of the first five questions is shown, and no more."""
        lines = [
            said(self.hear("time_sync_update", sample_count=n, offset_ms=-7.04))
            for n in (4, 5, 6)
        ]
        shown = "  measured: this clock less the server's is -7.0 ms (± 0.0)"
        self.assertEqual([[], [shown], []], lines)


class Takes(Case):
    """The camera."""

    def test_start_and_stop(self) -> None:
        """The camera runs from instant to instant of the phone's own clock."""
        self.join()
        start = self.hear("start_recording", takeId="4fTakeId", localStartTime=1250.0)
        self.time = 1250.3
        began = said(self.carry(start))
        self.assertEqual(
            ["● recording take 4fTa… (start 0.3 ms after the agreed instant)"], began
        )
        stop = self.hear(
            "stop_recording", takeId="4fTakeId", localStopTime=3250.3, reason="command"
        )
        self.assertEqual(
            ["■ take 4fTa… lasted 2.0 s (command)"], said(self.carry(stop))
        )
        self.assertEqual(3250.3, self.time)

    def test_told_twice(self) -> None:
        """A take it knows is not begun again, neither running nor ended."""
        self.join()
        self.record()
        again = {"takeId": "take-1", "localStartTime": 1250.0}
        self.assertEqual([], self.hear("start_recording", **again))
        self.carry(self.hear("stop_recording", takeId="take-1"))
        self.assertEqual([], self.hear("start_recording", **again))

    def test_clock_not_known(self) -> None:
        """Without a time of its own it starts, and stops, at once."""
        self.join()
        start = self.hear("start_recording", takeId="take-1", atomic_start_time=9e12)
        self.assertEqual(
            ["● recording take take… (at once: this clock is not known)"],
            said(self.carry(start)),
        )
        self.assertEqual(1000.0, self.time)
        self.assertEqual(1, len(said(self.carry(self.hear("stop_recording")))))

    def test_stop_before_start(self) -> None:
        """A take that is stopped before it began never begins."""
        self.join()
        start = self.hear("start_recording", takeId="take-1", localStartTime=1250.0)
        stop = self.hear("stop_recording", takeId="take-1", localStopTime=1100.0)
        self.assertEqual(
            ["■ take take… was stopped before it began (stop)"], said(self.carry(stop))
        )
        self.assertEqual([], self.carry(start))

    def test_stop_of_another_take(self) -> None:
        """A stop of a take that it does not film stops nothing."""
        self.join()
        self.record()
        self.assertEqual([], self.carry(self.hear("stop_recording", takeId="other")))

    def test_next_take(self) -> None:
        """A new take ends the one that still runs."""
        self.join()
        self.record()
        actions = self.hear("start_recording", takeId="next", localStartTime=1300.0)
        self.assertIn("(another take begins)", said(actions)[0])
        self.assertIn("● recording take next…", said(self.carry(actions))[0])

    def test_records_on(self) -> None:
        """A broken link stops nothing; the stop that was missed does."""
        self.join()
        self.record()
        self.phone.lost("link lost")
        self.assertEqual(["✓ back in ABC123"], said(self.join(resumed=True)))
        stop = self.hear("stop_recording", takeId="take-1", localStopTime=1.0)
        self.assertEqual(1, len(said(self.carry(stop))))

    def test_joined_in_mid_take(self) -> None:
        """A take that runs without this phone is told of; its own is not."""
        lines = said(self.join(take={"takeId": "other"}))
        self.assertIn("  a take runs already, without this phone; film joins it", lines)
        self.record()
        self.assertEqual(
            1, len(said(self.join(resumed=True, take={"takeId": "take-1"})))
        )

    def test_put_away(self) -> None:
        """A phone that is put away does not film on."""
        self.assertEqual(["goodbye"], said(self.phone.goodbye()))
        self.record()
        self.assertEqual(
            [
                "■ take take… lasted 0.0 s (put away; the take goes on without it)",
                "goodbye",
            ],
            said(self.phone.goodbye()),
        )


class Buttons(Case):
    """What is typed."""

    def test_commands(self) -> None:
        """Start and stop carry an id, another one each time."""
        self.join()
        frames = [sent(self.phone.tapped(word))[0] for word in ("start", "S", " x\r")]
        kinds = [frame["type"] for frame in frames]
        self.assertEqual(["start_recording"] * 2 + ["stop_recording"], kinds)
        self.assertEqual(3, len({frame["commandId"] for frame in frames}))

    def test_what_is_to_stop(self) -> None:
        """A stop names the take that is filmed: sent late, it ends no other."""
        self.join()
        self.record()
        (stop,) = sent(self.phone.tapped("stop"))
        self.assertEqual("take-1", stop["takeId"])
        self.phone.lost("link lost")
        self.assertEqual([stop], sent(self.join(resumed=True)))

    def test_the_take_of_others(self) -> None:
        """A phone without part in a take is told of its end, and says so."""
        self.join(take={"takeId": "theirs"})
        self.phone.tapped("stop")
        lines = said(self.hear("stop_recording", takeId="theirs"))
        self.assertEqual(["  a take that this phone has no part in is over"], lines)

    def test_unanswered(self) -> None:
        """A command without an answer is repeated with its id, after a reconnect."""
        self.join()
        command = sent(self.phone.tapped("start"))
        self.phone.lost("link lost")
        self.assertEqual(command, sent(self.join(resumed=True)))
        self.hear("start_recording", takeId="take-1")
        self.assertEqual([], sent(self.join(resumed=True)))
        self.phone.tapped("stop")
        self.hear("stop_recording", takeId="take-1")
        self.assertEqual([], sent(self.join(resumed=True)))

    def test_refused_is_answered(self) -> None:
        """A refusal answers the command it names, or all if it names none."""
        self.join()
        (start,) = sent(self.phone.tapped("start"))
        (stop,) = sent(self.phone.tapped("stop"))
        lines = said(self.hear("error", message="No", commandId=start["commandId"]))
        self.assertEqual(["! refused: No"], lines)
        self.assertEqual([stop], sent(self.join(resumed=True)))
        self.hear("error", code="degraded", message="No")
        self.assertEqual([], sent(self.join(resumed=True)))

    def test_stop_of_what_nobody_knows(self) -> None:
        """A take that the server forgot is ended by the button all the same."""
        self.join()
        self.record()
        self.phone.tapped("stop")
        lines = said(self.hear("error", code="no_recording", message="No recording"))
        self.assertEqual("■ take take… lasted 0.0 s (here only)", lines[-1])

    def test_without_a_seat(self) -> None:
        """What is tapped without a seat goes out with the next one."""
        for word in ("ready", "start"):
            self.assertEqual([], sent(self.phone.tapped(word)))
        kinds = [frame["type"] for frame in sent(self.join())]
        self.assertEqual(["device_ready", "start_recording"], kinds)

    def test_others(self) -> None:
        """Ready is told, quit ends it, nothing is nothing, the rest is explained."""
        self.join()
        self.assertEqual([{"type": "device_ready"}], sent(self.phone.tapped("r")))
        self.assertEqual([End(0)], self.phone.tapped("q"))
        self.assertEqual([], self.phone.tapped("  "))
        self.assertTrue(said(self.phone.tapped("fly"))[0].startswith("? type start"))


class Marks(Case):
    """Instants that somebody marks."""

    def test_unmeasured(self) -> None:
        """A phone that knows no server time marks the instant of arrival."""
        self.join(clockId="c1")
        (mark,) = sent(self.phone.tapped("mark  first goal "))
        del mark["commandId"]
        self.assertEqual({"type": "marker", "label": "first goal"}, mark)

    def test_measured(self) -> None:
        """Once it knows how far its clock is ahead, it names the instant of the tap."""
        self.join(clockId="c1")
        self.hear("time_sync_update", sample_count=1, offset_ms=400.25)
        (mark,) = sent(self.phone.tapped("m"))
        self.assertEqual(("", 599.75), (mark["label"], mark["timestamp"]))

    def test_another_server_time(self) -> None:
        """What it knew of one server time does not hold for another."""
        self.join(clockId="c1")
        self.hear("time_sync_update", sample_count=1, offset_ms=400.25)
        self.join(clockId="c2", resumed=True)
        (mark,) = sent(self.phone.tapped("mark"))
        self.assertNotIn("timestamp", mark)

    def test_answered(self) -> None:
        """Each is repeated until the server tells everybody of it."""
        self.join(deviceId="me")
        goal, foul = (sent(self.phone.tapped(f"mark {n}"))[0] for n in ("goal", "foul"))
        self.hear("marker", takeId="t", deviceId="other", label="goal")
        self.assertEqual([goal, foul], sent(self.join(deviceId="me", resumed=True)))
        self.hear("marker", takeId="t", deviceId="me", label="goal")
        self.assertEqual([foul], sent(self.join(deviceId="me", resumed=True)))
        self.hear("error", message="No recording", commandId=foul["commandId"])
        self.assertEqual([], sent(self.join(deviceId="me", resumed=True)))

    def test_too_late(self) -> None:
        """A mark that is refused as nothing records stops no camera."""
        self.join()
        self.record()
        (mark,) = sent(self.phone.tapped("mark"))
        name = mark["commandId"]
        lines = said(self.hear("error", code="no_recording", commandId=name))
        self.assertEqual(["! refused: "], lines)

    def test_shown(self) -> None:
        """Marks are shown, with who made them."""
        self.join(deviceId="me")
        self.hear("device_connected", deviceId="d", deviceName="Right goal")
        lines = [
            said(self.hear("marker", takeId="t", deviceId=who, label=label))
            for who, label in (("d", "goal"), ("me", ""), ("server", "half-time"))
        ]
        expected = [
            ["⚑ mark goal, by Right goal"],
            ["⚑ mark, by this phone"],
            ["⚑ mark half-time, by an operator"],
        ]
        self.assertEqual(expected, lines)


class Others(Case):
    """What it is told of the rest of the world."""

    def test_coming_and_going(self) -> None:
        """Other phones are called by their names."""
        phone = {"deviceId": "d", "deviceName": "Right goal"}
        lines = [
            *said(self.hear("device_disconnected", deviceId="d")),
            *said(self.hear("device_connected", **phone)),
            *said(self.hear("device_disconnected", deviceId="d", reason="lost")),
            *said(self.hear("device_connected", **phone, resumed=True)),
            *said(self.hear("readiness_update", ready_devices=1, total_devices=2)),
        ]
        expected = [
            "- the other phone is gone (no reason given)",
            "+ Right goal is there",
            "- Right goal is gone (lost)",
            "+ Right goal is back",
            "  ready: 1 of 2",
        ]
        self.assertEqual(expected, lines)

    def test_unknown(self) -> None:
        """New messages and new fields are passed over."""
        self.assertEqual([], self.hear("take_lost", takeId="t", what={"is": "new"}))
        self.join()
        self.assertEqual([], self.hear("pong", what={"is": "new"}))

    def test_nonsense(self) -> None:
        """Nonsense is said to be that, and changes nothing."""
        for frame in (b"{", b"[]", b'{"type": 5}', b"\xff", b'{"type":"\xff"}', b"{}"):
            (line,) = said(self.phone.received(frame, self.time))
            self.assertTrue(line.startswith("! a message that makes no sense: "))
