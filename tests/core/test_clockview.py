"""The clocks of a take as others are shown them."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import structs
from twisted.trial.unittest import SynchronousTestCase

from raydel.core.apps import App
from raydel.core.clockview import clocks_of
from raydel.core.take import ClockSample, Owner, Participant, Take

NOON = 1_768_478_400_000.0
MINUTE = 60_000.0


def participant(device_id: str) -> Participant:
    """Make one."""
    return Participant(Owner(device_id, True, None, ()), "iPhone", App.PROTOCOL_2)


TAKE = Take(
    id="take-1",
    session_id="ABC123",
    accepted_at=NOON - 400,
    start_at=NOON,
    initiator="host-id",
    participants=(participant("host-id"), participant("silent-id")),
    ended_at=NOON + MINUTE,
    reason="command",
)


def sample(at: float, offset: float, device_id: str = "host-id") -> ClockSample:
    """Look at a clock, so many ms after noon."""
    return ClockSample("take-1", device_id, "clock-1", NOON + at, offset, 3.0)


STEADY = [sample(at, 40_000.25 + at * 10e-6) for at in range(-5_000, 70_000, 10_000)]
"""A clock that gains 10 ppm."""


def wire(value: object) -> Any:
    """Return what is written of a value."""
    return msgspec.json.decode(msgspec.json.encode(value))


class Clocks(SynchronousTestCase):
    """What is known of each clock."""

    def test_both_ends(self) -> None:
        """What a clock was ahead at the start and the end, and how sure that is."""
        shown, _ = wire(clocks_of(TAKE, STEADY))["clocks"]
        self.assertEqual("host-id", shown["deviceId"])
        for end, at in (("start", NOON), ("end", NOON + MINUTE)):
            fix = shown[end]
            self.assertEqual((at, False), (fix["at"], fix["marked"]))
            ahead = 40_000.25 + (at - NOON) * 10e-6
            self.assertApproximates(ahead, fix["offset"], 0.01)
            self.assertApproximates(10.0, fix["driftPpm"], 2.0)
            self.assertLessEqual(fix["uncertainty"], fix["bound"])
            self.assertApproximates(2.0, fix["bound"], 0.6)

    def test_points(self) -> None:
        """Each look is a point, in a segment for each stretch without a step."""
        set_back = [sample(s.at - NOON, s.offset - 5_000) for s in STEADY[4:]]
        shown, _ = wire(clocks_of(TAKE, [*STEADY[:4], *set_back]))["clocks"]
        self.assertEqual(
            [[each.at for each in STEADY[:4]], [each.at for each in set_back]],
            [[point["at"] for point in s["points"]] for s in shown["segments"]],
        )
        self.assertEqual({"clock-1"}, {s["clockId"] for s in shown["segments"]})

    def test_marked(self) -> None:
        """Where a clock was set about the end, that is said."""
        late = structs.replace(TAKE, ended_at=NOON + 30_000)
        set_back = [sample(s.at - NOON, s.offset - 5_000) for s in STEADY[4:]]
        shown, _ = wire(clocks_of(late, [*STEADY[:4], *set_back]))["clocks"]
        self.assertEqual(
            (False, True), (shown["start"]["marked"], shown["end"]["marked"])
        )

    def test_while_it_runs(self) -> None:
        """A take that runs has no end yet."""
        running = structs.replace(TAKE, ended_at=None, reason=None)
        shown, _ = wire(clocks_of(running, STEADY))["clocks"]
        self.assertIsNone(shown["end"])
        self.assertIsNotNone(shown["start"])

    def test_never_seen(self) -> None:
        """Of a clock that was never told nothing is known."""
        _, shown = wire(clocks_of(TAKE, STEADY))["clocks"]
        expected: dict[str, Any] = {
            "deviceId": "silent-id",
            "start": None,
            "end": None,
            "segments": [],
        }
        self.assertEqual(expected, shown)
