"""What the programs of a club are told of sessions and takes."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import count
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from raydel.core.apps import App
from raydel.core.config import Config
from raydel.core.events import Command, Event, MarkRequested, Reported, StatusReported
from raydel.core.instants import iso
from raydel.core.letters import EVENTS, Letter, letters_of
from raydel.core.messages import (
    RecordingFailed,
    RecordingRefused,
    RecordingScheduled,
    RecordingStarted,
    RecordingStopped,
    StatusReport,
)
from raydel.core.session import step
from raydel.core.tokens import fingerprint, new_letter_id
from raydel.core.waits import ANSWER
from tests.core.steps import CODE, NOON, Stage, joining, token_of
from tests.core.test_session_policy import STRICT, join

NEW = App.PROTOCOL_2
HOST = {"deviceId": "host-id", "name": "iPhone", "isHost": True}
GUEST = {"deviceId": "guest-id", "name": "Pixel", "isHost": False}


class Writing(Stage):
    """A stage that keeps the letters of every step."""

    def __init__(self, config: Config | None = None) -> None:
        super().__init__(config)
        self.letters: list[Letter] = []
        self._draw: Callable[[], int] = count(1).__next__

    def do(self, event: Event) -> None:
        """Take a step, and write its letters."""
        before, now = self.value, self.now
        outcome = step(before, CODE, event, now, self.config)
        super().do(event)
        self.letters += letters_of(
            before, outcome, CODE, now, lambda: f"letter {self._draw()}"
        )

    def news(self) -> list[dict[str, Any]]:
        """Return the bodies of all letters since the last time, and check them."""
        letters, self.letters = self.letters, []
        bodies = [json.loads(letter.body) for letter in letters]
        for letter, body in zip(letters, bodies, strict=True):
            expected = (letter.id, letter.event, CODE, letter.at, iso(letter.at))
            keys = ("id", "event", "sessionId", "at", "time")
            assert expected == tuple(map(body.pop, keys)), letter
            body["event"] = letter.event
        return bodies

    def events(self) -> list[str]:
        """Return what the letters since the last time are of."""
        return [letter["event"] for letter in self.news()]


class Case(SynchronousTestCase):
    """A host and a guest that speak protocol 2, of whose joining all was told."""

    def setUp(self) -> None:
        """Seat them."""
        self.stage = Writing()
        self.stage.both_join(NEW, NEW)
        self.joining = self.stage.news()


class Devices(Case):
    """Sessions, and who is in them."""

    def test_joining(self) -> None:
        """A session is told before the host that makes it, and each device by name."""
        expected = [
            {"event": "session.created"},
            {"event": "device.connected", **HOST},
            {"event": "device.connected", **GUEST},
        ]
        self.assertEqual(expected, self.joining)

    def test_lost_and_back(self) -> None:
        """A device that is lost, and one that is back, are told with why."""
        self.stage.loses("guest")
        lost = {"event": "device.lost", **GUEST, "reason": "lost"}
        self.assertEqual([lost], self.stage.news())
        self.stage.guest_joins("again", app=NEW, resume=token_of("guest"))
        self.assertEqual([{"event": "device.resumed", **GUEST}], self.stage.news())

    def test_silent_and_heard(self) -> None:
        """So is one that answers no more on a line that looks open."""
        self.stage.goes_silent("host")
        silent = {"event": "device.lost", **HOST, "reason": "silent"}
        self.assertEqual([silent], self.stage.news())
        self.stage.is_heard("host")
        self.assertEqual([{"event": "device.resumed", **HOST}], self.stage.news())

    def test_left(self) -> None:
        """A guest that says goodbye has left."""
        self.stage.leaves("guest")
        left = {"event": "device.lost", **GUEST, "reason": "left"}
        self.assertEqual([left], self.stage.news())

    def test_replaced(self) -> None:
        """A guest whose seat another one takes is lost first."""
        self.stage.guest_joins("other", name="Other", app=NEW)
        self.stage.passes(3_000.0)
        other = {"deviceId": "other-id", "name": "Other", "isHost": False}
        expected = [
            {"event": "device.lost", **GUEST, "reason": "replaced"},
            {"event": "device.connected", **other},
        ]
        self.assertEqual(expected, self.stage.news())

    def test_same_device(self) -> None:
        """One that comes back before it was missed is no news."""
        self.stage.guest_joins("again", app=NEW, resume=token_of("guest"))
        self.assertEqual([], self.stage.news())

    def test_restarted(self) -> None:
        """The end of the program has cut everybody off."""
        self.stage.restarts()
        self.assertEqual(["device.lost"] * 2, self.stage.events())

    def test_what_changes_nothing(self) -> None:
        """Readiness, how a phone fares, and who is refused are no news."""
        self.stage.is_ready("guest")
        self.stage.do(StatusReported("host", StatusReport(battery=0.5)))
        self.stage.do(joining("late", host=True, name="Late"))
        self.assertEqual([], self.stage.news())


class Ends(Case):
    """The ends of sessions: whoever was in one is not told of singly."""

    def test_host_left(self) -> None:
        """A host takes its session along."""
        self.stage.leaves("host")
        ended = {"event": "session.ended", "reason": "the host left"}
        self.assertEqual([ended], self.stage.news())

    def test_operator(self) -> None:
        """An operator ends the take first, and then the session."""
        self.stage.starts()
        self.stage.news()
        self.stage.operator_ends()
        take, session = self.stage.news()
        self.assertEqual("take.ended", take["event"])
        self.assertEqual("session_ended", take["reason"])
        ended = {"event": "session.ended", "reason": "an operator ended it"}
        self.assertEqual(ended, session)

    def test_nobody_there(self) -> None:
        """One that is empty for long enough ends by itself."""
        self.stage.loses("host")
        self.stage.loses("guest")
        self.stage.news()
        self.stage.passes(self.stage.config.cleanup)
        ended = {"event": "session.ended", "reason": "nobody was connected"}
        self.assertEqual([ended], self.stage.news())

    def test_one_after_the_other(self) -> None:
        """A session that is made anew at once has ended before."""
        host = joining("other", host=True, name="iPhone")
        self.stage.do(host)
        self.assertEqual([], self.stage.news())
        self.stage.leaves("host")
        expected = ["session.ended", "session.created", "device.connected"]
        self.assertEqual(expected, self.stage.events())


class Takes(Case):
    """Takes, and what is said of them."""

    def setUp(self) -> None:
        """Start one."""
        super().setUp()
        self.stage.starts()

    def test_started(self) -> None:
        """A start is told with its instant, and with who takes part."""
        started = {
            "event": "take.started",
            "takeId": "take",
            "startTime": NOON + 250,
            "initiator": "host-id",
            "participants": [HOST, GUEST],
            "absent": [],
        }
        self.assertEqual([started], self.stage.news())

    def test_absent(self) -> None:
        """Who has a seat and is not there is named too; operators are the server."""
        self.stage.stops()
        self.stage.loses("guest")
        self.stage.news()
        self.stage.starts("operator", "second", by_operator=True)
        (started,) = self.stage.news()
        found = (started["participants"], started["absent"], started["initiator"])
        self.assertEqual(([HOST], [GUEST], "server"), found)

    def test_told_once(self) -> None:
        """Proofs that phones know of it are no news; nor are links, in its journal."""
        self.stage.news()
        self.stage.proves("host", Command.START)
        self.assertEqual([], self.stage.news())

    def test_ended(self) -> None:
        """An end is told with why, by whom, and how long it was."""
        self.stage.news()
        self.stage.now += 5_000.125
        self.stage.stops("guest")
        ended = {
            "event": "take.ended",
            "takeId": "take",
            "startTime": NOON + 250,
            "endedAt": NOON + 5_000.125,
            "durationMs": 4_750.125,
            "reason": "command",
            "endedBy": "guest-id",
            "participants": [HOST, GUEST],
        }
        self.assertEqual([ended], self.stage.news())

    def test_ended_before_it_began(self) -> None:
        """One that is stopped at once has no length, and none below."""
        self.stage.news()
        self.stage.stops()
        self.assertEqual([0.0], [each["durationMs"] for each in self.stage.news()])

    def test_reports(self) -> None:
        """What devices report is told, and a file with what it can be known by."""
        self.stage.news()
        about = {"event": "take.updated", "takeId": "take", "deviceId": "host-id"}
        for report, expected in (
            (RecordingScheduled("take"), {"state": "scheduled"}),
            (RecordingStarted("take", 1234.5, 60.0), {"state": "started"}),
            (RecordingRefused("take", "full"), {"state": "refused", "reason": "full"}),
            (RecordingFailed("take", ""), {"state": "failed"}),
            (RecordingStopped("take", 9876.5), {"state": "stopped"}),
            (
                RecordingStopped("take", 9876.5, 518, "a.mp4", 2**40, "ab" * 32),
                {
                    "state": "stopped",
                    "fileName": "a.mp4",
                    "sizeBytes": 2**40,
                    "sha256": "ab" * 32,
                },
            ),
        ):
            self.stage.do(Reported("host", report))
            body = {**about, "name": "iPhone", **expected}
            self.assertEqual([body], self.stage.news())

    def test_markers(self) -> None:
        """A mark is told with its instant; an operator has no name."""
        self.stage.news()
        self.stage.do(MarkRequested("guest", "goal", NOON))
        self.stage.do(MarkRequested("operator", by_operator=True))
        by_guest, by_operator = self.stage.news()
        about = {"event": "take.marked", "takeId": "take", "timestamp": NOON}
        guest = {"deviceId": "guest-id", "name": "Pixel", "label": "goal"}
        self.assertEqual(about | guest, by_guest)
        self.assertEqual(about | {"deviceId": "server", "label": ""}, by_operator)

    def test_a_second_take(self) -> None:
        """A phone whose hour is over ends a take and begins one, in this order."""
        self.stage = Writing()
        self.stage.both_join(App.SCREEN_2, App.SCREEN_2)
        self.stage.starts()
        self.stage.news()
        self.stage.now += 3_700_000.0
        self.stage.starts(take_id="second")
        self.assertEqual(["take.ended", "take.started"], self.stage.events())


class Silence(SynchronousTestCase):
    """Devices that report, and do not."""

    def setUp(self) -> None:
        """Start a take with two of them, under the strict policy."""
        self.stage = Writing(STRICT)
        join(self.stage, "host", host=True)
        join(self.stage, "guest", host=False)
        self.stage.starts()
        self.stage.news()

    def test_silence(self) -> None:
        """Who does not answer is told of, and then the end that comes of it."""
        self.stage.do(Reported("host", RecordingScheduled("take")))
        self.stage.news()
        self.stage.passes(ANSWER)
        silent, ended = self.stage.news()
        expected = {
            "event": "take.updated",
            "takeId": "take",
            "deviceId": "guest-id",
            "state": "silent",
            "name": "Guest",
            "reason": "no answer to the start",
        }
        self.assertEqual(expected, silent)
        self.assertEqual(("take.ended", "not_ready"), (ended["event"], ended["reason"]))

    def test_a_name_that_is_forgotten(self) -> None:
        """Of a device that has left, what is owed is told without its name."""
        for peer in ("host", "guest"):
            self.stage.do(Reported(peer, RecordingScheduled("take")))
        self.stage.now += 1_000.0
        self.stage.stops()
        self.stage.leaves("guest")
        self.stage.news()
        self.stage.passes(60_000.0)
        silent = {each["deviceId"]: "name" in each for each in self.stage.news()}
        self.assertEqual({"host-id": True, "guest-id": False}, silent)

    def test_a_host_that_leaves_before_a_file(self) -> None:
        """It is lost; the session ends after the report that it waits for."""
        for peer in ("host", "guest"):
            self.stage.do(Reported(peer, RecordingScheduled("take")))
        self.stage.now += 1_000.0
        self.stage.stops()
        self.stage.news()
        self.stage.leaves("host")
        (lost,) = self.stage.news()
        self.assertEqual(("device.lost", "left"), (lost["event"], lost["reason"]))
        self.stage.do(Reported("guest", RecordingStopped("take", 5.0)))
        self.assertEqual(["take.updated", "session.ended"], self.stage.events())


class Letters(Case):
    """Letters in general."""

    def test_every_event(self) -> None:
        """Each event has a name of its own."""
        names = {each.__struct_config__.tag for each in EVENTS}
        self.assertEqual(len(EVENTS), len(names))

    def test_ids(self) -> None:
        """Each letter has an id of its own, which nobody can guess."""
        self.assertEqual(1_000, len({new_letter_id() for _ in range(1_000)}))
        self.stage.starts()
        self.stage.operator_ends()
        ids = [letter.id for letter in self.stage.letters]
        self.assertEqual([f"letter {n}" for n in (4, 5, 6)], ids)

    def test_no_secrets(self) -> None:
        """No letter has a token in it, nor what is kept of one."""
        self.stage.loses("guest")
        self.stage.guest_joins("again", app=NEW, resume=token_of("guest"))
        self.stage.starts()
        self.stage.operator_ends()
        self.assertEqual(5, len(self.stage.letters))
        text = "".join(letter.body for letter in self.stage.letters)
        for peer in ("host", "guest", "again"):
            self.assertNotIn(token_of(peer), text)
            self.assertNotIn(fingerprint(token_of(peer)), text)
