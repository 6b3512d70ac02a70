"""A take as others are shown it."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from msgspec import structs
from twisted.trial.unittest import SynchronousTestCase

from raydel.core.apps import App
from raydel.core.manifest import manifest_of, summary_of
from raydel.core.take import Absentee, ClockSample, Owner, Participant, Take

START: Final = 1_768_473_012_595.1204
HOST: Final = Owner("host-id", True, "said by the host", ("fingerprint-1",))
GUEST: Final = Owner("guest-id", False, None, ("fingerprint-2",))
RUNNING: Final = Take(
    id="take-1",
    session_id="ABC123",
    accepted_at=START - 250,
    start_at=START,
    initiator="host-id",
    participants=(
        Participant(HOST, "iPhone", App.LIBRARY_2, start_proven=True),
        Participant(GUEST, "Pixel", App.PROTOCOL_2, outside="peer-9"),
    ),
    absent=(Absentee("late-id", "Nokia", is_host=False),),
)
ENDED: Final = structs.replace(RUNNING, ended_at=START + 1000.4567, reason="command")


def sample(device: str, at: float, clock: str = "clock-1") -> ClockSample:
    """Make a look at a device's clock."""
    return ClockSample("take-1", device, clock, START + at, 40_001.37149, 3.48351)


SAMPLES: Final = (
    sample("guest-id", -200),
    sample("host-id", -199),
    sample("guest-id", 9000, "clock-2"),
    sample("stranger", 9001),
)


def wire(value: object) -> Any:
    """Return what is written of a value."""
    return msgspec.json.decode(msgspec.json.encode(value))


def keys(value: Any) -> set[str]:
    """Return every key that stands anywhere in a value."""
    if isinstance(value, dict):
        return set(value).union(*map(keys, value.values()))
    return set().union(*map(keys, value)) if isinstance(value, list) else set()


class Manifests(SynchronousTestCase):
    """All that is shown of one take."""

    def test_whole(self) -> None:
        """Everything known stands there, to the microsecond."""
        expected = {
            "id": "take-1",
            "sessionId": "ABC123",
            "isRecording": False,
            "acceptedAt": 1_768_473_012_345.12,
            "startTime": 1_768_473_012_595.12,
            "endedAt": 1_768_473_013_595.577,
            "reason": "command",
            "initiator": "host-id",
            "participants": [
                {
                    "deviceId": "host-id",
                    "name": "iPhone",
                    "isHost": True,
                    "app": "library-2",
                    "startConfirmed": True,
                    "clockSamples": [
                        {
                            "at": 1_768_473_012_396.12,
                            "offset": 40_001.371,
                            "roundTrip": 3.484,
                            "clockId": "clock-1",
                        }
                    ],
                },
                {
                    "deviceId": "guest-id",
                    "name": "Pixel",
                    "isHost": False,
                    "app": "protocol-2",
                    "startConfirmed": False,
                    "clockSamples": [
                        {
                            "at": 1_768_473_012_395.12,
                            "offset": 40_001.371,
                            "roundTrip": 3.484,
                            "clockId": "clock-1",
                        },
                        {
                            "at": 1_768_473_021_595.12,
                            "offset": 40_001.371,
                            "roundTrip": 3.484,
                            "clockId": "clock-2",
                        },
                    ],
                },
            ],
            "absent": [{"deviceId": "late-id", "name": "Nokia", "isHost": False}],
        }
        self.assertEqual(expected, wire(manifest_of(ENDED, SAMPLES)))

    def test_while_it_runs(self) -> None:
        """A take that runs has no end and no reason yet, and says so."""
        shown = wire(manifest_of(RUNNING, ()))
        self.assertEqual(
            (True, None, None),
            (shown["isRecording"], shown["endedAt"], shown["reason"]),
        )
        self.assertEqual([[], []], [p["clockSamples"] for p in shown["participants"]])


class Summaries(SynchronousTestCase):
    """What a list shows of a take."""

    def test_whole(self) -> None:
        """Which, when, how it ended, and on which devices."""
        expected = {
            "id": "take-1",
            "sessionId": "ABC123",
            "isRecording": False,
            "startTime": 1_768_473_012_595.12,
            "endedAt": 1_768_473_013_595.577,
            "reason": "command",
            "deviceNames": ["iPhone", "Pixel"],
        }
        self.assertEqual(expected, wire(summary_of(ENDED)))

    def test_while_it_runs(self) -> None:
        """A take that runs has no end and no reason yet, and says so."""
        shown = wire(summary_of(RUNNING))
        self.assertEqual(
            (True, None, None),
            (shown["isRecording"], shown["endedAt"], shown["reason"]),
        )

    def test_same_words(self) -> None:
        """What both forms show, they show alike."""
        manifest, summary = wire(manifest_of(ENDED, ())), wire(summary_of(ENDED))
        shared = manifest.keys() & summary.keys()
        self.assertEqual(summary.keys() - {"deviceNames"}, shared)
        for key in shared:
            self.assertEqual(manifest[key], summary[key])


class Secrets(SynchronousTestCase):
    """What is never shown."""

    def test_no_tokens(self) -> None:
        """Neither tokens nor fingerprints, nor the connections of now."""
        for shown in (manifest_of(ENDED, SAMPLES), summary_of(ENDED)):
            text = msgspec.json.encode(shown).decode()
            for secret in ("fingerprint", "oken", "said by", "peer-9", "outside"):
                self.assertNotIn(secret, text)

    def test_nothing_by_accident(self) -> None:
        """A field that is new inside is not shown until somebody decides it."""
        expected = (
            "id sessionId isRecording acceptedAt startTime endedAt reason initiator "
            "participants absent deviceId name isHost app startConfirmed clockSamples "
            "at offset roundTrip clockId"
        )
        shown = keys(wire(manifest_of(ENDED, SAMPLES)))
        self.assertEqual(set(expected.split()), shown)
