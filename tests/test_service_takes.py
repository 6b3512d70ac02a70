"""Takes, as the service keeps them: their journals, and an operator's commands."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from raydel.core.cameras import CameraLatency, Latency
from raydel.core.config import Config
from raydel.core.errors import Refusal
from raydel.core.journal import SERVER, Confirmed, LinkBack, LinkLost, Marked, Told
from raydel.core.messages import RecordingStarted, RecordingStopped
from raydel.interfaces import TakeRecord
from tests.phones_in_memory import (
    CODE,
    LIBRARY_1,
    LIBRARY_2,
    PROTOCOL_2,
    SCREEN_3,
    Kind,
    Phone,
    pair,
)
from tests.stage import Stage


class Case(SynchronousTestCase):
    """A running service."""

    def setUp(self) -> None:
        """Start it."""
        self.stage = Stage()
        self.service = self.stage.service

    def pair(self, host: Kind, guest: Kind) -> tuple[Phone, Phone]:
        """Bring two phones together."""
        return pair(self.stage, host, guest)

    def asked(self, done: Deferred[Any]) -> Any:
        """Let an operator's command have its turn, and return its answer."""
        self.stage.run(1)
        return self.successResultOf(done)

    def refused(self, done: Deferred[Any]) -> Refusal:
        """Return what an operator's command was refused with."""
        self.stage.run(1)
        failure = self.failureResultOf(done, Refusal)
        assert isinstance(failure.value, Refusal)
        return failure.value

    def record(self, take_id: str) -> TakeRecord:
        """Return all that is known of a take."""
        record = self.successResultOf(self.service.take(take_id))
        assert record is not None
        return record

    def facts(self, take_id: str, device_id: str, kind: type[Any]) -> list[Any]:
        """Return the lines of a kind about a device."""
        lines = self.record(take_id).journal
        return [
            line
            for line in lines
            if line.device_id == device_id and isinstance(line.fact, kind)
        ]


class Operator(Case):
    """Starts, stops and marks, without a phone."""

    def test_a_take(self) -> None:
        """Both phones start at the instant that the operator is told, and stop."""
        host, guest = self.pair(PROTOCOL_2, LIBRARY_2)
        start = self.asked(self.service.start(CODE))
        self.stage.run(3_000)
        for phone in (host, guest):
            (called,) = phone.camera_calls
            self.assertLess(abs(start.atomic_start_time - called), 1.0)
        notice = self.asked(self.service.mark(CODE, "smash"))
        self.stage.run(100)
        self.assertEqual((SERVER, "smash"), (notice.device_id, notice.label))
        self.assertEqual("smash", host.last("marker")["label"])
        self.assertEqual([], guest.all("marker"))
        stop = self.asked(self.service.stop(CODE, start.take_id))
        self.stage.run(1_000)
        self.assertEqual(start.take_id, stop.take_id)
        self.assertEqual([1, 1], [len(host.stops), len(guest.stops)])
        take = self.record(start.take_id).take
        self.assertEqual((SERVER, SERVER), (take.initiator, take.ended_by))
        (line,) = self.facts(start.take_id, SERVER, Marked)
        self.assertEqual(notice.timestamp, line.fact.instant)

    def test_refused(self) -> None:
        """It is said what is in the way."""
        for ask in (self.service.start, self.service.stop, self.service.mark):
            self.assertEqual("session_not_found", self.refused(ask(CODE)).fault.code)
        self.pair(PROTOCOL_2, LIBRARY_2)
        for idle in (self.service.stop(CODE), self.service.mark(CODE)):
            self.assertEqual("no_recording", self.refused(idle).fault.code)
        start = self.asked(self.service.start(CODE))
        again = self.refused(self.service.start(CODE))
        self.assertEqual("recording_in_progress", again.fault.code)
        self.assertEqual(start.take_id, again.take_id)
        other = self.refused(self.service.stop(CODE, "other"))
        self.assertEqual("no_recording", other.fault.code)
        outside = self.refused(self.service.mark(CODE, instant=0.0))
        self.assertIn("not within the take", str(outside.detail))
        unfit = self.refused(self.service.mark(CODE, "a\nb"))
        self.assertIn("label", str(unfit.detail))

    def test_nothing_can_be_stored(self) -> None:
        """Nothing begins; what runs is stopped all the same."""
        self.pair(PROTOCOL_2, LIBRARY_2)
        start = self.asked(self.service.start(CODE))
        self.stage.run(1_000)
        self.stage.store.break_down()
        stop = self.asked(self.service.stop(CODE))
        self.assertEqual(start.take_id, stop.take_id)
        refusal = self.refused(self.service.start(CODE))
        self.assertEqual("degraded", refusal.fault.code)
        self.stage.store.mend()
        self.stage.run(2_000)
        self.assertEqual("command", self.record(start.take_id).take.reason)


class Journals(Case):
    """What is kept of a take."""

    def test_a_whole_take(self) -> None:
        """Each copy, its proof, and each report, with server time beside it."""
        host, guest = self.pair(PROTOCOL_2, SCREEN_3)
        host.tap_start()
        self.stage.run(3_000)
        take_id = host.last("start_recording")["takeId"]
        local = host.last("start_recording")["localStartTime"]
        first = host.camera_calls[0] + host.offset
        host.say("recording_started", takeId=take_id, firstFrameTime=first)
        host.tap_stop()
        self.stage.run(1_000)
        host.say("recording_stopped", takeId=take_id, lastFrameTime=first + 3_000)
        self.stage.run(1_000)
        told, stopped = self.facts(take_id, host.device_id, Told)
        self.assertEqual(Told("start", local), told.fact)
        self.assertEqual("stop", stopped.fact.command)
        confirmed = self.facts(take_id, host.device_id, Confirmed)
        self.assertEqual(["start", "stop"], [line.fact.command for line in confirmed])
        self.assertLess(told.at, confirmed[0].at)
        (report,) = self.facts(take_id, host.device_id, RecordingStarted)
        self.assertEqual(first, report.fact.first_frame_time)
        self.assertEqual(1, len(self.facts(take_id, host.device_id, RecordingStopped)))
        self.assertEqual("stopped", host.last("take_update")["state"])
        (screen, _) = self.facts(take_id, guest.device_id, Told)
        called = guest.camera_calls[0] + guest.offset
        self.assertLess(abs(called - screen.fact.local_time), 1.5)

    def test_on_receipt(self) -> None:
        """Of a phone that tells no clock it is known between what it was told."""
        host, _ = self.pair(LIBRARY_1, LIBRARY_2)
        host.tap_start()
        self.stage.run(3_000)
        (take,) = self.successResultOf(self.service.takes())
        (told,) = self.facts(take.id, host.device_id, Told)
        (proof,) = self.facts(take.id, host.device_id, Confirmed)
        self.assertIsNone(told.fact.local_time)
        self.assertLess(told.at, host.camera_calls[0])
        self.assertLess(host.camera_calls[0], proof.at)

    def test_a_lost_link(self) -> None:
        """The gap is there with both its ends."""
        host, guest = self.pair(PROTOCOL_2, LIBRARY_2)
        host.tap_start()
        self.stage.run(1_000)
        take_id = host.last("start_recording")["takeId"]
        guest.hang_up()
        self.stage.run(5_000)
        guest.join()
        self.stage.run(1_000)
        (lost,) = self.facts(take_id, guest.device_id, LinkLost)
        (back,) = self.facts(take_id, guest.device_id, LinkBack)
        self.assertLess(abs(back.at - lost.at - 5_000), 50)

    def test_a_late_phone(self) -> None:
        """Who begins to film by itself takes part, and its clock is kept."""
        host = Phone(self.stage, PROTOCOL_2, host=True).join()
        self.stage.run(2_000)
        host.tap_start()
        self.stage.run(2_000)
        guest = Phone(self.stage, PROTOCOL_2, offset=40_000.0).join()
        self.stage.run(2_000)
        take_id = guest.last("joined")["take"]["takeId"]
        guest.say("recording_started", takeId=take_id, firstFrameTime=guest.clock)
        self.stage.run(15_000)
        record = self.record(take_id)
        self.assertTrue(record.take.participants[1].late)
        seen = {sample.device_id for sample in record.samples}
        self.assertEqual({host.device_id, guest.device_id}, seen)

    def test_while_nothing_can_be_stored(self) -> None:
        """What is reported meanwhile is stored later, once."""
        host, _ = self.pair(PROTOCOL_2, LIBRARY_2)
        host.tap_start()
        self.stage.run(1_000)
        take_id = host.last("start_recording")["takeId"]
        self.stage.store.break_down()
        host.say("recording_started", takeId=take_id, firstFrameTime=5.0)
        self.stage.run(1_500)
        host.say("marker", label="smash")
        self.stage.run(3_000)
        self.stage.store.mend()
        self.stage.run(3_000)
        self.assertEqual(1, len(self.facts(take_id, host.device_id, RecordingStarted)))
        self.assertEqual(1, len(self.facts(take_id, host.device_id, Marked)))

    def test_cameras(self) -> None:
        """What is known of the models goes with the record."""
        known = (CameraLatency("Pixel*", Latency(310.0, 30.0)),)
        self.stage = Stage(Config(camera_latencies=known))
        self.service = self.stage.service
        self.pair(PROTOCOL_2, LIBRARY_2)
        start = self.asked(self.service.start(CODE))
        self.assertEqual(known, self.record(start.take_id).cameras)


class Deleting(Case):
    """A take that nobody wants any more."""

    def test_gone(self) -> None:
        """All of it is; and what is reported of it later is kept nowhere."""
        host, _ = self.pair(PROTOCOL_2, LIBRARY_2)
        start = self.asked(self.service.start(CODE))
        self.stage.run(1_000)
        refusal = self.refused(self.service.delete_take(start.take_id))
        self.assertEqual("recording_in_progress", refusal.fault.code)
        self.asked(self.service.stop(CODE))
        self.stage.run(1_000)
        self.assertTrue(self.asked(self.service.delete_take(start.take_id)))
        self.assertIsNone(self.successResultOf(self.service.take(start.take_id)))
        host.say("recording_stopped", takeId=start.take_id, lastFrameTime=5.0)
        self.stage.run(6_000)
        store = self.stage.store
        self.assertEqual([], [*self.successResultOf(store.journal(start.take_id))])
        self.assertEqual([], [*self.successResultOf(store.samples(start.take_id))])

    def test_unknown(self) -> None:
        """There was none."""
        self.assertFalse(self.asked(self.service.delete_take("nothing")))
