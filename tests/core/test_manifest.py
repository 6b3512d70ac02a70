"""A take as others are shown it."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from msgspec import structs
from twisted.trial.unittest import SynchronousTestCase

from raydel.core.alignment import align
from raydel.core.apps import App
from raydel.core.journal import (
    Confirmed,
    Fact,
    JournalEntry,
    LinkBack,
    LinkLost,
    Marked,
    Told,
)
from raydel.core.manifest import Recording, manifest_of, recording_of, summary_of
from raydel.core.messages import (
    RecordingFailed,
    RecordingRefused,
    RecordingScheduled,
    RecordingStarted,
    RecordingStopped,
)
from raydel.core.take import (
    Absentee,
    ClockSample,
    Declared,
    Owner,
    Participant,
    Take,
)

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
        Participant(
            GUEST,
            "Pixel",
            App.PROTOCOL_2,
            outside="peer-9",
            declared=Declared(2, "Pixel 9", "install-1", ("recording_reports",)),
        ),
    ),
    absent=(Absentee("late-id", "Nokia", is_host=False),),
)
ENDED: Final = structs.replace(
    RUNNING, ended_at=START + 1000.4567, reason="command", ended_by="guest-id"
)


def sample(device: str, at: float, clock: str = "clock-1") -> ClockSample:
    """Make a look at a device's clock."""
    return ClockSample("take-1", device, clock, START + at, 40_001.37149, 3.48351)


SAMPLES: Final = (
    sample("guest-id", -200),
    sample("host-id", -199),
    sample("guest-id", 9000, "clock-2"),
    sample("stranger", 9001),
)


def entry(device: str, at: float, fact: Fact) -> JournalEntry:
    """Make a line of the journal."""
    return JournalEntry("take-1", device, START + at, fact)


JOURNAL: Final = (
    entry("guest-id", -20, Told("start", 5.25)),
    entry("guest-id", 0, Confirmed("start")),
    entry("host-id", 100, LinkLost("silent")),
    entry("guest-id", 300, RecordingStarted("take-1", 310.5, 60.0, "report-1")),
    entry("server", 600.4444, Marked(START + 500.1236, "smash")),
    entry("guest-id", 650, Marked(START + 400)),
    entry("host-id", 700, LinkBack()),
    entry("host-id", 800, LinkLost("lost")),
    entry("guest-id", 2000, RecordingStopped("take-1", 1310.5, 60, "a.mp4", 7)),
)


def wire(value: object) -> Any:
    """Return what is written of a value."""
    return msgspec.json.decode(msgspec.json.encode(value))


def keys(value: Any) -> set[str]:
    """Return every key that stands anywhere in a value."""
    if isinstance(value, dict):
        return set(value).union(*map(keys, value.values()))
    return set().union(*map(keys, value)) if isinstance(value, list) else set()


def keys_of_journal() -> set[str]:
    """Return the keys of a line of the journal, as it is shown."""
    return set(wire(manifest_of(ENDED, SAMPLES, JOURNAL))["journal"][0])


NOTHING: Final = {
    "state": "unknown",
    "reason": "",
    "firstFrameTime": None,
    "lastFrameTime": None,
    "frameRate": None,
    "frames": None,
    "fileName": None,
    "sizeBytes": None,
    "sha256": None,
}
"""The recording of a device that reports none."""


class Manifests(SynchronousTestCase):
    """All that is shown of one take."""

    def test_whole(self) -> None:
        """Everything known stands there, to the microsecond."""
        expected = {
            "format": "raydel-take",
            "version": 1,
            "id": "take-1",
            "sessionId": "ABC123",
            "isRecording": False,
            "acceptedAt": 1_768_473_012_345.12,
            "startTime": 1_768_473_012_595.12,
            "endedAt": 1_768_473_013_595.577,
            "reason": "command",
            "endedBy": "guest-id",
            "initiator": "host-id",
            "participants": [
                {
                    "deviceId": "host-id",
                    "name": "iPhone",
                    "isHost": True,
                    "app": "library-2",
                    "startConfirmed": True,
                    "late": False,
                    "model": None,
                    "installationId": None,
                    "protocol": None,
                    "capabilities": [],
                    "recording": NOTHING,
                    "gaps": [
                        {
                            "lostAt": 1_768_473_012_695.12,
                            "backAt": 1_768_473_013_295.12,
                            "reason": "silent",
                        },
                        {
                            "lostAt": 1_768_473_013_395.12,
                            "backAt": None,
                            "reason": "lost",
                        },
                    ],
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
                    "late": False,
                    "model": "Pixel 9",
                    "installationId": "install-1",
                    "protocol": 2,
                    "capabilities": ["recording_reports"],
                    "recording": {
                        "state": "stopped",
                        "reason": "",
                        "firstFrameTime": 310.5,
                        "lastFrameTime": 1310.5,
                        "frameRate": 60.0,
                        "frames": 60,
                        "fileName": "a.mp4",
                        "sizeBytes": 7,
                        "sha256": None,
                    },
                    "gaps": [],
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
            "markers": [
                {"time": 1_768_473_012_995.12, "label": "", "deviceId": "guest-id"},
                {
                    "time": 1_768_473_013_095.244,
                    "label": "smash",
                    "deviceId": "server",
                },
            ],
            "alignment": wire(align(ENDED, JOURNAL, SAMPLES)),
        }
        shown = wire(manifest_of(ENDED, SAMPLES, JOURNAL))
        journal = shown.pop("journal")
        self.assertEqual(expected, shown)
        self.assertEqual(len(JOURNAL), len(journal))
        marked = {
            "takeId": "take-1",
            "deviceId": "server",
            "at": 1_768_473_013_195.565,
            "fact": {
                "type": "marked",
                "instant": 1_768_473_013_095.244,
                "label": "smash",
            },
        }
        self.assertEqual(marked, journal[4])

    def test_what_was_reported(self) -> None:
        """Each report counts, the latest of its kind."""
        for said, expected in (
            ((), Recording()),
            ((RecordingScheduled("t"),), Recording("scheduled")),
            ((RecordingRefused("t", "full"),), Recording("refused", "full")),
            (
                (RecordingScheduled("t"), RecordingFailed("t", "hot")),
                Recording("failed", "hot"),
            ),
            (
                (RecordingStarted("t", 1.0), RecordingStarted("t", 2.0, 30.0)),
                Recording("started", "", 2.0, None, 30.0),
            ),
        ):
            entries = [entry("host-id", 0, fact) for fact in said]
            self.assertEqual(expected, recording_of(entries))

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
            "id sessionId isRecording acceptedAt startTime endedAt reason "
            "initiator participants absent deviceId name isHost app "
            "startConfirmed clockSamples at offset roundTrip clockId format "
            "version endedBy markers time label late model installationId "
            "protocol capabilities recording gaps lostAt backAt state "
            "firstFrameTime lastFrameTime frameRate frames fileName sizeBytes "
            "sha256"
        )
        shown = wire(manifest_of(ENDED, SAMPLES, JOURNAL))
        # Of devices' own words there is nothing to hide, of files nothing is known.
        del shown["alignment"], shown["journal"]
        self.assertEqual(set(expected.split()), keys(shown))
        self.assertEqual({"takeId", "deviceId", "at", "fact"}, keys_of_journal())
