"""The camera of a played phone: what it sees, and what is reported of it."""

from __future__ import annotations

import json
from statistics import mean, quantiles
from typing import Any

from msgspec import convert
from twisted.trial.unittest import SynchronousTestCase

from raydel.client.recordings import AGAIN
from raydel.core.cameras import Latency
from raydel.core.messages import Inbound, Report
from raydel.virtualcamera import PLAYED_LATENCY, Camera
from raydel.virtualwire import Action, File, Film, Footage, Later, Say
from tests.test_virtualphone import Case, said, sent

TAKE = "take-1"
SHA256 = "ab" * 32
FILE = File("host.mp4", 2_100_000, SHA256)


class Cameras(SynchronousTestCase):
    """The camera alone."""

    def test_latency(self) -> None:
        """Its delay is as a rule what is said, and 19 times of 20 as near as that."""
        camera = Camera(Latency(300.0, 30.0))
        drawn = [camera.wakes_in((n + 0.5) / 2000) for n in range(2000)]
        self.assertAlmostEqual(300.0, mean(drawn), 6)
        low, *_, high = quantiles(drawn, n=40)
        self.assertAlmostEqual(270.0, low, 0)
        self.assertAlmostEqual(330.0, high, 0)

    def test_no_latency_below_0(self) -> None:
        """It sees nothing before it was called, whatever chance says."""
        camera = Camera(Latency(10.0, 30.0))
        self.assertEqual(0.0, camera.wakes_in(0.0))
        self.assertLess(10.0, camera.wakes_in(1.0))

    def test_footage(self) -> None:
        """It has the frames that came until it was stopped, and at least one."""
        camera = Camera(frame_rate=25.0)
        for until, last, frames in (
            (100.0, 100.0, 1),
            (139.9, 100.0, 1),
            (140.0, 140.0, 2),
            (1119.0, 1100.0, 26),
        ):
            expected = Footage(TAKE, 100.0, last, frames, 25.0)
            self.assertEqual(expected, camera.footage(TAKE, 100.0, until))


class Reporting(Case):
    """A phone with a camera."""

    camera = Camera()

    def setUp(self) -> None:
        """Have a seat."""
        super().setUp()
        self.phone = self.make(is_host=True, camera=self.camera)
        self.join(deviceId="me")

    def come_back(self) -> list[dict[str, Any]]:
        """Lose the link and be back; return what is said then."""
        self.phone.lost("link lost")
        return sent(self.join(deviceId="me", resumed=True))

    def hear_stop(self, at: float, take: str = TAKE) -> list[Action]:
        """Stop at an instant; return what is done about it then."""
        return self.carry(
            self.hear("stop_recording", takeId=take, localStopTime=at, reason="command")
        )

    def film(self, seconds: float = 1.0) -> list[Action]:
        """Film a take from 1250.0 on; return what is done when it is stopped."""
        start = self.hear("start_recording", takeId=TAKE, localStartTime=1250.0)
        self.carry(self.carry(start))
        return self.hear_stop(1250.0 + seconds * 1000.0)

    def settle(self, *states: str) -> None:
        """Have the server answer reports."""
        for state in states:
            self.hear("take_update", takeId=TAKE, deviceId="me", state=state)


def reports(frames: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return reports without their names; the server reads each of them."""
    for frame in frames:
        read = convert(frame, Inbound)
        assert isinstance(read, Report)
        assert read.command_id
    return [{k: v for k, v in f.items() if k != "commandId"} for f in frames]


class WithoutFile(Reporting):
    """A camera that keeps nothing."""

    def test_a_take(self) -> None:
        """It says what it will do, when its first frame was, and when the last."""
        start = self.hear("start_recording", takeId=TAKE, localStartTime=1250.0)
        scheduled = {"type": "recording_scheduled", "takeId": TAKE}
        self.assertEqual([scheduled], reports(sent(start)))
        called = self.carry(start)
        self.assertEqual([], sent(called))
        started = {
            "type": "recording_started",
            "takeId": TAKE,
            "firstFrameTime": 1550.0,
            "frameRate": 30.0,
        }
        seen = self.carry(called)
        self.assertEqual([started], reports(sent(seen)))
        line = "  first frame 300.0 ms after the camera was called"
        self.assertEqual([line], said(seen))
        stopped = {
            "type": "recording_stopped",
            "takeId": TAKE,
            "lastFrameTime": 2550.0,
            "frames": 31,
        }
        self.assertEqual([stopped], reports(sent(self.hear_stop(2560.0))))

    def test_stopped_early(self) -> None:
        """Without a first frame there is no file, and it says so."""
        expected = {
            "type": "recording_failed",
            "takeId": TAKE,
            "reason": "stopped before its first frame",
        }
        start = self.hear("start_recording", takeId=TAKE, localStartTime=1250.0)
        called = self.carry(start)
        self.assertEqual([expected], reports(sent(self.hear_stop(1400.0))))
        self.assertEqual([], self.carry(called))

    def test_stopped_before_its_start(self) -> None:
        """The same, where the camera was never called."""
        self.hear("start_recording", takeId=TAKE, localStartTime=1250.0)
        (failed,) = reports(sent(self.hear_stop(1100.0)))
        self.assertEqual("recording_failed", failed["type"])
        self.assertEqual("stopped before it began", failed["reason"])

    def test_order(self) -> None:
        """A first frame is told before the last, even if its timer is late."""
        start = self.hear("start_recording", takeId=TAKE, localStartTime=1250.0)
        called = self.carry(start)
        kinds = [each["type"] for each in sent(self.hear_stop(1600.0))]
        self.assertEqual(["recording_started", "recording_stopped"], kinds)
        self.assertEqual([], self.carry(called))

    def test_repeated(self) -> None:
        """Each report is repeated with its name, until the server knows of it."""
        self.film()
        said_first = self.come_back()
        kinds = ["recording_scheduled", "recording_started", "recording_stopped"]
        self.assertEqual(kinds, [each["type"] for each in said_first])
        self.assertEqual(3, len({each["commandId"] for each in said_first}))
        self.settle("started")
        self.assertEqual([said_first[0], said_first[2]], self.come_back())
        self.settle("scheduled", "stopped")
        self.assertEqual([], self.come_back())
        self.assertTrue(self.phone.is_settled)

    def test_others_do_not_answer(self) -> None:
        """What the other phone reported, or of another take, answers nothing."""
        self.film()
        before = self.come_back()
        self.hear("take_update", takeId=TAKE, deviceId="you", state="stopped")
        self.hear("take_update", takeId="take-0", deviceId="me", state="stopped")
        self.assertEqual(before, self.come_back())

    def test_without_a_link(self) -> None:
        """A take that is filmed without a link is reported once there is one."""
        start = self.hear("start_recording", takeId=TAKE, localStartTime=1250.0)
        self.settle("scheduled")
        self.phone.lost("link lost")
        self.assertEqual([], sent(self.carry(self.carry(start))))
        self.assertFalse(self.phone.is_settled)
        (started,) = self.come_back()
        self.assertEqual("recording_started", started["type"])

    def test_refused(self) -> None:
        """A report that is refused is not repeated; the others are."""
        self.film()
        first, *others = self.come_back()
        self.hear("error", message="No", commandId=first["commandId"])
        self.assertEqual(others, self.come_back())

    def test_refused_without_a_name(self) -> None:
        """A refusal of something else answers no report."""
        self.film()
        self.hear("error", message="Unknown message type: fly")
        self.assertEqual(3, len(self.come_back()))

    def test_a_take_that_is_gone(self) -> None:
        """Where the server has no such take any more, nothing is reported of it."""
        self.film()
        first, *_ = self.come_back()
        self.hear("error", code="take_not_found", commandId=first["commandId"])
        self.assertEqual([], self.come_back())

    def test_refused_for_now(self) -> None:
        """What may pass is asked once more: under another name, a little later."""
        start = self.hear("start_recording", takeId=TAKE, localStartTime=1250.0)
        (first,) = sent(start)
        refused = self.hear(
            "error", code="degraded", temporary=True, commandId=first["commandId"]
        )
        self.assertEqual([], self.come_back())
        (again,) = sent(self.carry(refused))
        self.assertEqual(1000.0 + AGAIN, self.time)
        self.assertEqual(reports([first]), reports([again]))
        self.assertNotEqual(first["commandId"], again["commandId"])
        self.assertEqual([again], self.come_back())

    def test_joined_late(self) -> None:
        """The button joins a take that runs, at once; it is stopped with it."""
        lines = said(self.join(deviceId="me", take={"takeId": TAKE}))
        self.assertIn("film joins it", lines[-1])
        late = self.phone.tapped("film")
        scheduled = {"type": "recording_scheduled", "takeId": TAKE}
        self.assertEqual([scheduled], reports(sent(late)))
        called = self.carry(late)
        line = "● recording take take… (late: it ran already)"
        self.assertEqual([line], said(called))
        (started,) = reports(sent(self.carry(called)))
        self.assertEqual((TAKE, 1300.0), (started["takeId"], started["firstFrameTime"]))
        (stopped,) = reports(sent(self.hear_stop(2000.0)))
        self.assertEqual("recording_stopped", stopped["type"])

    def test_nothing_to_join(self) -> None:
        """Without such a take the button says so, also once it is over."""
        nothing = ["! no take runs without this phone; start begins one"]
        self.assertEqual(nothing, said(self.phone.tapped("film")))
        self.join(deviceId="me", take={"takeId": "theirs"})
        self.hear_stop(1100.0, "theirs")
        self.assertEqual(nothing, said(self.phone.tapped("film")))

    def test_shown(self) -> None:
        """How each phone fares is shown, with its reason if it has one."""
        self.hear("device_connected", deviceId="d", deviceName="Right goal")
        told = {"type": "take_update", "takeId": TAKE}
        lines = [
            said(self.phone.received(json.dumps({**told, **each}).encode(), self.time))
            for each in (
                {"deviceId": "d", "state": "started"},
                {"deviceId": "me", "state": "stopped"},
                {"deviceId": "d", "state": "failed", "reason": "no space"},
                {"deviceId": "x", "state": "new"},
            )
        ]
        expected = [
            ["  Right goal has its first frame"],
            ["  this phone has its file"],
            ["  Right goal has no file (no space)"],
            ["  the other phone new"],
        ]
        self.assertEqual(expected, lines)

    def test_what_a_program_can_see(self) -> None:
        """Who plays it can see how far it is."""
        phone = self.phone
        self.assertTrue(phone.is_seated)
        self.assertFalse(phone.is_in_company or phone.knows_its_clock)
        self.hear("device_connected", deviceId="d", deviceName="Right goal")
        self.hear("time_sync_update", sample_count=1, offset_ms=1.0)
        self.assertTrue(phone.is_in_company and phone.knows_its_clock)
        called = self.carry(
            self.hear("start_recording", takeId=TAKE, localStartTime=1250.0)
        )
        self.assertFalse(phone.is_filming)
        self.carry(called)
        self.assertTrue(phone.is_filming)
        self.assertEqual(TAKE, phone.take_id)
        self.phone.lost("link lost")
        self.assertFalse(phone.is_seated)


class WithFile(Reporting):
    """A camera that keeps a file."""

    camera = Camera(keeps_files=True)

    def shoot(self) -> Film:
        """Film a take; return what is to be made of it."""
        (film,) = [each for each in self.film(0.99) if isinstance(each, Film)]
        return film

    def test_a_file(self) -> None:
        """The end is reported when the file is done, with what tells it from others."""
        film = self.shoot()
        self.assertEqual(Footage(TAKE, 1550.0, 2216.667, 21, 30.0), film.footage)
        self.settle("scheduled", "started")
        self.assertFalse(self.phone.is_settled)
        self.assertEqual([], self.come_back())
        done = film.then(FILE)
        self.assertEqual(["✓ host.mp4: 21 frames, 2,100 kB"], said(done))
        expected = {
            "type": "recording_stopped",
            "takeId": TAKE,
            "lastFrameTime": 2216.667,
            "frames": 21,
            "fileName": "host.mp4",
            "sizeBytes": 2_100_000,
            "sha256": SHA256,
        }
        self.assertEqual([expected], reports(sent(done)))

    def test_no_file(self) -> None:
        """If none can be made it says why, in no more than a line."""
        film = self.shoot()
        done = film.then("no space left " * 20)
        (failed,) = reports(sent(done))
        self.assertEqual("recording_failed", failed["type"])
        self.assertEqual(("no space left " * 20)[:200], failed["reason"])
        self.assertTrue(said(done)[0].startswith("! no file: no space left"))

    def test_put_away(self) -> None:
        """Put away before its file is made, it has none; what comes later is void."""
        film = self.shoot()
        (failed,) = reports(sent(self.phone.goodbye()))
        expected = {
            "type": "recording_failed",
            "takeId": TAKE,
            "reason": "put away before its file was made",
        }
        self.assertEqual(expected, failed)
        self.assertEqual([], film.then(FILE))

    def test_put_away_while_it_films(self) -> None:
        """The same in the middle of a take."""
        start = self.hear("start_recording", takeId=TAKE, localStartTime=1250.0)
        self.carry(self.carry(start))
        goodbye = self.phone.goodbye()
        self.assertEqual([], [each for each in goodbye if isinstance(each, Film)])
        (failed,) = reports(sent(goodbye))
        self.assertEqual("recording_failed", failed["type"])

    def test_quit(self) -> None:
        """The button lets it keep what it has filmed."""
        start = self.hear("start_recording", takeId=TAKE, localStartTime=1250.0)
        self.carry(self.carry(start))
        kinds = [type(each).__name__ for each in self.phone.tapped("quit")]
        self.assertEqual(["Say", "Film", "End"], kinds)


class WithoutCamera(Case):
    """A phone that has no camera, for programs that measure something else."""

    def test_says_nothing(self) -> None:
        """It shows that it records, and reports nothing."""
        self.join()
        start = self.hear("start_recording", takeId=TAKE, localStartTime=1250.0)
        self.assertEqual([Later], [type(each) for each in start])
        self.assertEqual([Say], [type(each) for each in self.carry(start)])
        self.assertEqual([], sent(self.carry(self.hear("stop_recording"))))
        self.assertTrue(self.phone.is_settled)

    def test_the_usual_latency(self) -> None:
        """A played phone's camera takes 300 ms, and 30 more or less."""
        self.assertEqual(Latency(300.0, 30.0), PLAYED_LATENCY)
