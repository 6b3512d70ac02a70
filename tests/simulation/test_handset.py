"""A phone of the simulation that reports its frames."""

from __future__ import annotations

import json
from dataclasses import replace
from random import Random
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from raydel.core.cameras import Latency
from raydel.simulation.clocks import Clock
from raydel.simulation.handset import EXPOSURE, Handset
from raydel.simulation.networks import Network, Trace
from raydel.simulation.phones import PROTOCOL_2, Kind, reporting
from raydel.simulation.stage import play
from raydel.simulation.trial import NOON
from raydel.simulation.virtualtime import VirtualClock
from raydel.testing import FakeConnection, FakeSessions
from tests.simulation.test_stage import STEADY

EVEN = Network(up=Trace((30.0,)), down=Trace((20.0,)))
AHEAD = 5000.0


class Frames(SynchronousTestCase):
    """What it says of its recording."""

    def record(self, kind: Kind, until: float) -> list[dict[str, Any]]:
        """Start at 400 ms, stop at an instant; return what it sent but its join."""
        clock = VirtualClock(NOON)
        sessions = FakeSessions()
        own = Clock(NOON, AHEAD)
        self.phone = Handset(clock, kind, own, EVEN, Random(1), is_host=True)
        self.phone.join(sessions)
        connection: FakeConnection = sessions.connections[0]
        wire = connection.transport
        for fields in (
            {"type": "start_recording", "localStartTime": NOON + AHEAD + 400.0},
            {"type": "stop_recording", "localStopTime": NOON + AHEAD + until},
        ):
            wire.send(json.dumps({**fields, "takeId": "take-1"}).encode())
            clock.run(clock.now + 100.0)
        clock.run(NOON + 5000.0)
        frames = [call[1] for call in connection.calls if call[0] == "received"]
        return [json.loads(each) for each in frames if isinstance(each, bytes)][1:]

    def test_reports(self) -> None:
        """It tells of its first and its last frame, by its own clock."""
        told = self.record(reporting(Latency(250.0, 0.0)), 1300.0)
        began = NOON + AHEAD + 650.0
        expected = [
            {"type": "recording_scheduled", "takeId": "take-1"},
            {
                "type": "recording_started",
                "takeId": "take-1",
                "firstFrameTime": began,
                "frameRate": 30.0,
            },
            {
                "type": "recording_stopped",
                "takeId": "take-1",
                "lastFrameTime": round(began + 19 * EXPOSURE, 3),
                "frames": 20,
            },
        ]
        self.assertEqual(expected, told)
        self.assertEqual(NOON + 650.0, self.phone.first_frame_at)
        self.assertEqual(NOON + 650.0 + 19 * EXPOSURE, self.phone.last_frame_at)

    def test_the_first_is_the_last(self) -> None:
        """Stopped before its camera saw anything, it has one frame."""
        *_, stopped = self.record(reporting(Latency(1000.0, 0.0)), 800.0)
        self.assertEqual("recording_stopped", stopped["type"])
        told = stopped["lastFrameTime"], stopped["frames"]
        self.assertEqual((NOON + AHEAD + 1400.0, 1), told)

    def test_no_reports(self) -> None:
        """Without a camera that is known, it reports nothing."""
        self.assertEqual([], self.record(PROTOCOL_2, 1300.0))
        self.assertIsNone(self.phone.first_frame_at)

    def test_through_the_server(self) -> None:
        """A take of two that report is played to its end, and starts as well."""
        kind = reporting(Latency(300.0, 30.0))
        plan = replace(STEADY, kinds=(kind, kind), length=3000.0)
        played = play(plan, Random(7))
        self.assertEqual(2, len(played.stopped_at))
        self.assertLess(abs(played.commanded_skew), 0.1)
