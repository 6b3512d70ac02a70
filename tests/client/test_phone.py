"""A phone of a program: its timers, its camera, and those who wait."""

from __future__ import annotations

from typing import Any, cast

from msgspec import json
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from raydel.client import Footage, Phone, Refused, SessionOver
from raydel.client.cameras import Camera
from raydel.client.links import Link
from raydel.client.phone import FAREWELL
from raydel.core import codec
from raydel.core.messages import Error, Outbound, SessionEnded, TakeUpdate
from tests.client.parts import ME, Case, joined, start, stop


class Wire:
    """A link that only notes what is said."""

    def __init__(self) -> None:
        self.said: list[bytes] = []
        self.goodbyes = 0

    def say(self, frame: bytes) -> None:
        """Note it."""
        self.said.append(frame)

    def leave(self) -> None:
        """Note that too."""
        self.goodbyes += 1

    def drop(self) -> None:
        """There is nothing to break."""


class Film:
    """A camera that does what the test says."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.begun: Any = 1550.0
        self.ended: Any = Footage(2550.0, "a.mp4")

    def start(self, take: Any) -> Any:
        """Begin."""
        self.calls.append(f"start {take.id}")
        return self.begun

    def stop(self, take: Any) -> Any:
        """End."""
        self.calls.append(f"stop {take.id}")
        return self.ended


class PhoneCase(Case):
    """A phone with a link that the test holds."""

    def setUp(self) -> None:
        """Have a link."""
        super().setUp()
        self.reactor = Clock()
        self.camera = Film()
        self.wire = Wire()
        self.heard: list[Outbound] = []
        self.phone = Phone(
            self.reactor,
            self.client,
            cast("Camera", self.camera),
            on_message=self.heard.append,
            clock=lambda: 1000.0 + self.reactor.seconds() * 1000.0,
        )
        self.seated = self.phone.begin()
        self.reactor.advance(0)
        self.phone.linked(cast("Link", self.wire))

    def tell(self, message: Outbound) -> None:
        """Have the server say something."""
        self.phone.received(codec.encode(message), 1.0)

    def said(self) -> list[Any]:
        """Return what was said since this was asked last."""
        said, self.wire.said = self.wire.said, []
        return [json.decode(each) for each in said]

    def kinds(self) -> list[str]:
        """Return the types of that."""
        return [each["type"] for each in self.said()]

    def sit(self) -> None:
        """Have a seat."""
        self.tell(joined())
        self.said()

    def advance(self, seconds: float) -> None:
        """Let time pass, for both clocks."""
        self.reactor.advance(seconds)
        self.time = 1000.0 + self.reactor.seconds() * 1000.0


class Seats(PhoneCase):
    """Taking a seat, and being out of it."""

    def test_seated(self) -> None:
        """The phone is there once it has its seat, not before."""
        self.assertNoResult(self.seated)
        self.assertEqual(["join"], self.kinds())
        self.tell(joined())
        self.assertIs(self.phone, self.successResultOf(self.seated))
        self.assertEqual(("me", True), (self.phone.device_id, self.phone.is_seated))

    def test_never_seated(self) -> None:
        """A refusal for good is the answer to who waits for a seat."""
        self.tell(Error("Invalid session ID", "invalid_session_id", detail="why"))
        refused = self.failureResultOf(self.seated, Refused).value
        self.assertEqual("Invalid session ID: why", str(refused))
        self.assertEqual("invalid_session_id", refused.code)
        self.phone.unlinked("gone", for_good=False)
        self.assertIsNone(self.successResultOf(self.phone.over))

    def test_given_up(self) -> None:
        """Who waits no longer leaves, and nothing is left behind."""
        self.seated.addErrback(lambda _: None)
        self.seated.cancel()
        self.phone.unlinked("gone", for_good=False)
        self.assertEqual([], self.reactor.getDelayedCalls())

    def test_session_over(self) -> None:
        """All who wait are told that it is over."""
        self.sit()
        waiting = self.phone.until(lambda: False)
        self.tell(SessionEnded("ABC123"))
        self.failureResultOf(waiting, SessionOver)
        self.failureResultOf(self.phone.company(), SessionOver)
        self.phone.unlinked("gone", 1000, for_good=False)
        self.assertIsNone(self.successResultOf(self.phone.over))
        self.assertEqual([], self.reactor.getDelayedCalls())

    def test_comes_back(self) -> None:
        """A link that is lost is made again, after the pause."""
        self.sit()
        self.phone.unlinked("link lost", for_good=False)
        (attempt,) = self.reactor.getDelayedCalls()
        self.assertEqual(0.25, attempt.getTime() - self.reactor.seconds())

    def test_leaves(self) -> None:
        """It says goodbye, and is done once that is answered."""
        self.sit()
        left = self.phone.leave()
        self.assertEqual(1, self.wire.goodbyes)
        self.assertNoResult(left)
        self.phone.unlinked("gone", 1000, for_good=False)
        self.successResultOf(left)
        self.successResultOf(self.phone.over)
        self.assertEqual([], self.reactor.getDelayedCalls())

    def test_leaves_in_a_take(self) -> None:
        """What it records is stopped and reported first, if that is answered soon."""
        self.sit()
        self.tell(start())
        self.advance(0.3)
        self.phone.leave()
        self.assertEqual(["start a", "stop a"], self.camera.calls)
        self.assertIn("recording_stopped", self.kinds())
        self.assertEqual(0, self.wire.goodbyes)
        self.advance(FAREWELL)
        self.assertEqual(1, self.wire.goodbyes)


class Cameras(PhoneCase):
    """The camera of a program."""

    def setUp(self) -> None:
        """Have a seat."""
        super().setUp()
        self.sit()

    def test_called_in_time(self) -> None:
        """It is called at the agreed instant, and its times are reported."""
        self.tell(start())
        self.advance(0.249)
        self.assertEqual([], self.camera.calls)
        self.advance(0.001)
        self.assertEqual(["start a"], self.camera.calls)
        scheduled, started = self.said()
        self.assertEqual("recording_scheduled", scheduled["type"])
        self.assertEqual(1550.0, started["firstFrameTime"])
        self.tell(stop())
        self.advance(0)
        (stopped,) = self.said()
        self.assertEqual(2550.0, stopped["lastFrameTime"])
        self.assertEqual("a.mp4", stopped["fileName"])

    def test_nothing_said(self) -> None:
        """Without a time it is that of the call's return, and of the stop."""
        self.camera.begun = self.camera.ended = None
        self.tell(start())
        self.advance(0.25)
        self.tell(stop())
        self.advance(0)
        _, started, stopped = self.said()
        self.assertEqual(1250.0, started["firstFrameTime"])
        self.assertEqual(1250.0, stopped["lastFrameTime"])

    def test_slow_camera(self) -> None:
        """It is not stopped before it has begun."""
        begun: Deferred[float] = Deferred()
        self.camera.begun = begun
        self.tell(start())
        self.advance(0.25)
        self.tell(stop())
        self.advance(0)
        self.assertEqual(["start a"], self.camera.calls)
        begun.callback(1900.0)
        self.assertEqual(["start a", "stop a"], self.camera.calls)
        expected = ["recording_scheduled", "recording_started", "recording_stopped"]
        self.assertEqual(expected, self.kinds())

    def test_failing_camera(self) -> None:
        """What it raises is reported in one line; it is not stopped then."""
        self.camera.begun = Deferred()
        self.tell(start())
        self.advance(0.25)
        self.camera.begun.errback(OSError("no\nlens"))
        self.flushLoggedErrors(OSError)
        self.tell(stop())
        self.advance(0)
        self.assertEqual(["start a"], self.camera.calls)
        _, failed = self.said()
        self.assertEqual("no lens", failed["reason"])

    def test_coroutines(self) -> None:
        """It may be async."""

        async def later() -> float:
            return 1551.0

        self.camera.begun = later()
        self.tell(start())
        self.advance(0.25)
        self.assertEqual(1551.0, self.said()[-1]["firstFrameTime"])


class Wishes(PhoneCase):
    """What a program wants, and waits for."""

    def setUp(self) -> None:
        """Have a seat."""
        super().setUp()
        self.sit()

    def test_a_proxy_that_refuses(self) -> None:
        """Who records goes on, whatever a link is refused with; else it gives up."""
        self.tell(start())
        self.advance(0.25)
        self.assertIsNotNone(self.phone.take)
        self.phone.unlinked("404 Not Found", for_good=True)
        self.advance(0.1)
        self.assertIsNotNone(self.phone.take)
        self.assertNotIn("stop a", self.camera.calls)

    def test_how_it_fares(self) -> None:
        """What cannot be is refused here, in a sentence, and not sent."""
        self.phone.report_status(battery=0.5)
        self.assertEqual(["device_status"], self.kinds())
        for wrong in ({"battery": 5}, {"thermal": "hot"}, {"free_storage_bytes": -1}):
            with self.assertRaisesRegex(ValueError, next(iter(wrong))[:4]):
                self.phone.report_status(**wrong)
        self.assertEqual([], self.kinds())

    def test_start(self) -> None:
        """It fires with the take, before its camera is called."""
        started = self.phone.start()
        self.assertEqual(["start_recording"], self.kinds())
        self.assertNoResult(started)
        self.tell(start())
        self.assertEqual("a", self.successResultOf(started).id)
        self.assertEqual([], self.camera.calls)

    def test_start_twice(self) -> None:
        """Two taps are one."""
        first, second = self.phone.start(), self.phone.start()
        self.assertEqual(["start_recording"], self.kinds())
        self.tell(start())
        self.assertEqual(self.successResultOf(first), self.successResultOf(second))

    def test_start_over_a_lost_link(self) -> None:
        """It is asked again with the next seat, and nobody is told of the loss."""
        started = self.phone.start()
        self.phone.unlinked("link lost", for_good=False)
        self.phone.linked(cast("Link", self.wire))
        self.tell(joined())
        kinds = self.kinds()
        self.assertEqual(2, kinds.count("start_recording"))
        self.assertNoResult(started)
        self.tell(start())
        self.successResultOf(started)

    def test_start_refused(self) -> None:
        """A refusal is its answer."""
        started = self.phone.start()
        (asked,) = self.said()
        self.tell(
            Error("Not now", "degraded", temporary=True, command_id=asked["commandId"])
        )
        refused = self.failureResultOf(started, Refused).value
        self.assertEqual(("degraded", True), (refused.code, refused.temporary))

    def test_stop(self) -> None:
        """It fires once everybody is told, and also where nothing is recorded."""
        stopped = self.phone.stop()
        self.assertNoResult(stopped)
        self.tell(stop())
        self.successResultOf(stopped)
        stopped = self.phone.stop()
        name = self.said()[-1]["commandId"]
        self.tell(Error("No", "no_recording", command_id=name))
        self.assertIsNone(self.successResultOf(stopped))

    def test_stop_refused(self) -> None:
        """Any other refusal is told."""
        stopped = self.phone.stop()
        self.tell(Error("No", "not_joined"))
        self.failureResultOf(stopped, Refused)

    def test_complete(self) -> None:
        """It waits until everybody must have been heard of, and for their ends."""
        self.tell(start())
        self.advance(0.25)
        self.tell(stop())
        self.advance(0)
        complete = self.phone.complete()
        self.tell(TakeUpdate("a", "other", "started"))
        for state in ("scheduled", "started", "stopped"):
            self.tell(TakeUpdate("a", ME, state))
        self.successResultOf(self.phone.settled())
        self.advance(3.0)
        self.assertNoResult(complete)
        self.tell(TakeUpdate("a", "other", "stopped"))
        self.successResultOf(complete)

    def test_messages(self) -> None:
        """A program hears all; if it stumbles over that, the phone goes on."""
        self.heard.clear()
        self.tell(stop())
        self.assertEqual(["a"], [getattr(each, "take_id", "") for each in self.heard])
        self.phone._on_message = lambda _: 1 / 0
        self.tell(start("b"))
        self.assertEqual(1, len(self.flushLoggedErrors(ZeroDivisionError)))
        self.assertIsNotNone(self.phone.take)
