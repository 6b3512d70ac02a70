"""Late cameras, from the first report to the next start: through the service."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from raydel.core.config import Config
from raydel.core.journal import Told
from raydel.core.startlatency import Camera
from tests.phones_in_memory import PROTOCOL_2, Phone
from tests.stage import Stage

SLOW, QUICK = 700.0, -100.0
"""ms from a call of each phone's camera to its first frame."""


class Case(SynchronousTestCase):
    """Two phones that report, in a session."""

    def setUp(self) -> None:
        """Bring them together."""
        self.stage = Stage(Config(lead=1_500.0))
        self.phones = self.pair()

    def pair(self) -> tuple[Phone, Phone]:
        """Let two phones join."""
        first = Phone(self.stage, PROTOCOL_2, host=True, offset=40_000.0)
        second = Phone(self.stage, PROTOCOL_2, offset=-7_000.0)
        for phone, name, model in ((first, "a", "Slow 1"), (second, "b", "Quick 2")):
            phone.join(installationId=name, model=model)
            self.stage.run(5_000)
        return first, second

    def record(self) -> float:
        """Play a take, and report its first frames; return how far they are apart."""
        for phone in self.phones:
            phone.camera_calls.clear()
        self.phones[0].tap_start()
        self.stage.run(4_000)
        frames = []
        for phone, late in zip(self.phones, (SLOW, QUICK), strict=True):
            start = phone.last("start_recording")
            time = start["localStartTime"] + late
            phone.say("recording_started", takeId=start["takeId"], firstFrameTime=time)
            frames.append(phone.camera_calls[-1] + late)
        self.stage.run(1_000)
        self.phones[1].tap_stop()
        self.stage.run(2_000)
        return frames[0] - frames[1]

    def cameras(self) -> dict[str, Camera]:
        """Return what is stored of cameras."""
        found = self.successResultOf(self.stage.store.cameras())
        return {each.installation_id: each for each in found}


class Learned(Case):
    """What is learned is used, and kept."""

    def test_together(self) -> None:
        """First frames that were 800 ms apart come together once both are known."""
        self.assertApproximates(800.0, self.record(), 2.0)
        self.record()
        self.assertApproximates(0.0, self.record(), 2.0)

    def test_stored(self) -> None:
        """It is stored as it is learned, by installation: first a cold start."""
        self.record()
        cameras = self.cameras()
        self.assertEqual({"a", "b"}, set(cameras))
        self.assertEqual(("Slow 1", ()), (cameras["a"].model, cameras["a"].warm))
        self.assertApproximates(SLOW, cameras["a"].cold[0], 0.001)
        self.assertApproximates(QUICK, cameras["b"].cold[0], 0.001)
        self.record()
        self.assertApproximates(SLOW, self.cameras()["a"].warm[0], 0.001)

    def test_restarted(self) -> None:
        """A server that was killed knows it still."""
        self.record()
        self.stage.restart()
        for phone in self.phones:
            phone.hang_up()
        self.phones = self.pair()
        self.assertApproximates(0.0, self.record(), 2.0)

    def test_another_session(self) -> None:
        """It holds in whatever session the phones meet next."""
        self.record()
        for phone in self.phones:
            phone.hang_up(1000)
        self.stage.run(1_000)
        self.phones = self.pair()
        self.assertApproximates(0.0, self.record(), 2.0)

    def test_noted(self) -> None:
        """The journal of the take has what the phone was really told."""
        self.record()
        self.record()
        start = self.phones[0].last("start_recording")
        take_id = start["takeId"]
        record = self.successResultOf(self.stage.service.take(take_id))
        assert record is not None
        told = [
            line.fact.local_time
            for line in record.journal
            if isinstance(line.fact, Told)
            and line.fact.command == "start"
            and line.device_id == self.phones[0].device_id
        ]
        self.assertEqual([start["localStartTime"]], told)
        ahead = start["atomic_start_time"] + 40_000.0 - start["localStartTime"]
        self.assertApproximates(SLOW, ahead, 2.0)

    def test_reconnected(self) -> None:
        """A phone that came back during the take teaches nothing."""
        first, _ = self.phones
        first.tap_start()
        self.stage.run(4_000)
        start = first.last("start_recording")
        first.hang_up()
        self.stage.run(100)
        first.join(
            installationId="a",
            model="Slow 1",
            resumeToken=first.last("joined")["resumeToken"],
            lastSeq=start["seq"],
        )
        self.stage.run(1_000)
        time = start["localStartTime"] + SLOW
        first.say("recording_started", takeId=start["takeId"], firstFrameTime=time)
        self.stage.run(1_000)
        self.assertEqual({}, self.cameras())
