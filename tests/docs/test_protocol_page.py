"""The protocol page: every message stands there, as the program reads it."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import Any, Final

import msgspec
from msgspec import UNSET, Struct
from twisted.trial.unittest import SynchronousTestCase

from raydel.core import codec
from raydel.core.apps import App
from raydel.core.clockview import Clocks, ShownClock, ShownEnd, ShownSegment
from raydel.core.dialect import Dialect, speak
from raydel.core.errors import (
    DEGRADED,
    FAULTS,
    SESSION_NOT_FOUND,
    TAKE_NOT_FOUND,
)
from raydel.core.instants import SECOND
from raydel.core.manifest import (
    Manifest,
    ShownAbsentee,
    ShownParticipant,
    ShownSample,
    TakeSummary,
)
from raydel.core.messages import (
    MAX_NAME,
    Error,
    Inbound,
    Outbound,
    SessionStatus,
    TakeUpdate,
)
from raydel.core.schedule import LONGEST_LEAD
from raydel.core.session import SCREEN_LIMIT
from raydel.pulse import SILENCE, STRANGER_PATIENCE
from raydel.service import BEATS, GOING_DOWN, TICK
from raydel.web import websocket
from raydel.web.answers import ErrorBody
from raydel.web.rest.operations import Health
from raydel.web.rest.query import MOST, USUAL
from raydel.web.rest.takes import TakeList
from raydel.web.unsent import MAX_UNSENT
from tests.docs import chapter, fences, page, rows

TEXT: Final = page("docs/protocol.md")
FROM_DEVICE: Final = "From a device"
FROM_SERVER: Final = "From the server"
REST: Final = "REST"


def examples(title: str) -> list[tuple[str, dict[str, Any]]]:
    """Return the JSON examples of a chapter, each with its heading."""
    return [
        (fence.heading.strip("`"), json.loads(fence.text))
        for fence in fences(TEXT)
        if fence.language == "json" and fence.chapter == title
    ]


def tag(message: type[Struct]) -> str:
    """Return a message's type on the wire."""
    return str(message.__struct_config__.tag)


def names(message: type[Struct]) -> set[str]:
    """Return the names of a message's fields on the wire."""
    return {"type", *(field.encode_name for field in msgspec.structs.fields(message))}


class FromDeviceTests(SynchronousTestCase):
    """What a device may send."""

    def test_each_is_read(self) -> None:
        """Every example is read as the message in whose section it stands."""
        for heading, example in examples(FROM_DEVICE):
            message = codec.decode(json.dumps(example).encode())
            self.assertEqual(heading, tag(type(message)))

    def test_no_field_is_invented(self) -> None:
        """An example has no field that the program would pass over."""
        for _, example in examples(FROM_DEVICE):
            message = codec.decode(json.dumps(example).encode())
            self.assertEqual(set(), set(example) - names(type(message)))

    def test_all_are_there(self) -> None:
        """Every message a device may send has a section with an example."""
        expected = {tag(message) for message in Inbound.__args__}
        self.assertEqual(expected, {heading for heading, _ in examples(FROM_DEVICE)})

    def test_all_fields_are_there(self) -> None:
        """Every field a device may send is named."""
        text = chapter(TEXT, FROM_DEVICE)
        for message in Inbound.__args__:
            for name in names(message):
                self.assertTrue(f'"{name}"' in text or f"`{name}`" in text, name)


class FromServerTests(SynchronousTestCase):
    """What the server sends."""

    def decoded(self) -> list[tuple[str, dict[str, Any], Outbound]]:
        """Read every example as the server's own messages."""
        return [
            (heading, example, msgspec.convert(example, Outbound))
            for heading, example in examples(FROM_SERVER)
        ]

    def test_each_could_be_sent(self) -> None:
        """Every example is, to the last field, what the server writes."""
        for heading, example, message in self.decoded():
            self.assertEqual(heading, tag(type(message)))
            self.assertEqual(example, json.loads(codec.encode(message)))

    def test_all_are_there(self) -> None:
        """Every message the server sends has a section with an example."""
        shown = {type(message) for _, _, message in self.decoded()}
        self.assertEqual(set(Outbound.__args__), shown)

    def test_all_fields_are_there(self) -> None:
        """Every field that is ever sent stands in an example."""
        shown: dict[type[Struct], set[str]] = defaultdict(set)
        for _, example, message in self.decoded():
            shown[type(message)] |= set(example)
        for each in Outbound.__args__:
            self.assertEqual(names(each), shown[each])

    def test_released_apps(self) -> None:
        """What a released app would get of an example stands there too."""
        dialect = Dialect(App.LIBRARY_2, None, 0.0, "", "")
        forms = [
            (type(message), set(example)) for _, example, message in self.decoded()
        ]
        for _, _, message in self.decoded():
            if type(message) is not Error:
                told = json.loads(codec.encode(speak(message, dialect)))
                self.assertIn((type(message), set(told)), forms)

    def test_all_reasons_are_there(self) -> None:
        """A stop and a loss come with one of the reasons in the tables."""
        for _, _, message in self.decoded():
            reason = getattr(message, "reason", UNSET)
            # That of an update is the device's own.
            if reason is not UNSET and type(message) is not TakeUpdate:
                self.assertIn(reason, rows(chapter(TEXT, FROM_SERVER)))


class ErrorTests(SynchronousTestCase):
    """What is wrong."""

    def test_all_are_there(self) -> None:
        """The table has every code, in the program's order, with its text."""
        table = rows(chapter(TEXT, "Errors"))
        expected = [
            (fault.code, f"`{fault.message.format('<type>')}`") for fault in FAULTS
        ]
        shown = [(code, cells[0]) for code, cells in table.items() if code != "code"]
        self.assertEqual(expected, shown)

    def test_temporary(self) -> None:
        """The table says of those that may pass, and of no others, that they may."""
        table = rows(chapter(TEXT, "Errors"))
        expected = {fault.code for fault in FAULTS if fault.temporary}
        shown = {code for code, cells in table.items() if "Temporary" in cells[1]}
        self.assertEqual(expected, shown)

    def test_examples(self) -> None:
        """An example has the text that belongs to its code."""
        texts = {fault.code: fault.message for fault in FAULTS}
        for heading, example in examples(FROM_SERVER):
            if heading == "error":
                self.assertEqual(texts[example["code"]], example["message"])


class FigureTests(SynchronousTestCase):
    """The numbers on the page are the program's."""

    def test_limits(self) -> None:
        """Every limit is the one that is in force."""
        every = BEATS * TICK
        silence = SILENCE / SECOND
        limits = {
            "a message": f"{websocket.MAX_MESSAGE // 1024} KiB",
            "frames of one message": f"{websocket.MAX_FRAGMENTS}",
            "frames a second": f"{websocket.FRAME_RATE:g}, and "
            f"{websocket.FRAME_BURST:g} at once",
            "left unread by you": f"{MAX_UNSENT // 1024} KiB",
            "without a seat and a word": f"{STRANGER_PATIENCE / SECOND:g} s",
            "without a sign of life": f"{silence:g} s",
            "a device's name": f"{MAX_NAME} characters",
            "phones in a session": "2",
            "from tap to start": f"{LONGEST_LEAD / SECOND:g} s",
        }
        text = chapter(TEXT, "Limits")
        table = [line.split("|")[1:3] for line in text.splitlines() if "|" in line]
        shown = {what.strip(): limit.strip() for what, limit in table[2:]}
        self.assertEqual(limits, shown)
        self.assertIn(
            f"every {every:g} s, so it is noticed within {silence + every:g}", text
        )

    def test_close_codes(self) -> None:
        """The codes that are ours to send are explained."""
        shown = chapter(TEXT, "Close codes")
        for code in (
            websocket.UNSUPPORTED,
            websocket.POLICY,
            websocket.OWN_FAULT,
            websocket.BROKEN,
            GOING_DOWN,
        ):
            self.assertIn(f"| {code} |", shown)

    def test_camera_delays(self) -> None:
        """The table of the apps has each one's delay."""
        text = chapter(TEXT, "The apps that are out already")
        shown = [
            line.split("|")[-2].strip() for line in text.splitlines() if "|" in line
        ]
        expected = [f"{app.camera_delay:.0f}" for app in App if app.is_released]
        self.assertEqual(expected, shown[2:])

    def test_hour(self) -> None:
        """A screen's own limit is the hour that the page speaks of."""
        self.assertEqual(3_600_000, SCREEN_LIMIT)


class RestTests(SynchronousTestCase):
    """REST, as the program writes it."""

    def written(self, heading: str, kind: type[Struct]) -> list[dict[str, Any]]:
        """Return the examples of a call, all of which are of a kind to write."""
        found = [example for each, example in examples(REST) if each == heading]
        for example in found:
            value = msgspec.convert(example, kind)
            self.assertEqual(example, json.loads(msgspec.json.encode(value)))
        self.assertNotEqual([], found, heading)
        return found

    def test_status(self) -> None:
        """The example is, to the last field, a session's status."""
        (one,) = self.written("GET /api/sessions/ABC123", SessionStatus)
        (_, every), *_ = (each for each in examples(REST) if "sessions" in each[1])
        self.assertEqual({"sessions": [one]}, every)

    def test_health(self) -> None:
        """Health has an example of each form, that says why if it is degraded."""
        shown = self.written("GET /health", Health)
        statuses = [(each["status"], "reason" in each) for each in shown]
        self.assertEqual([("healthy", False), ("degraded", True)], statuses)

    def test_takes(self) -> None:
        """Lists of takes are shown, one of them with more to follow."""
        (every,) = self.written("GET /api/takes?limit=1", TakeList)
        self.assertEqual(every["takes"][-1]["id"], every["next"])
        (last,) = self.written("GET /api/sessions/ABC123/takes", TakeList)
        self.assertEqual((every["takes"], None), (last["takes"], last["next"]))

    def test_manifest(self) -> None:
        """A take is shown while it runs and after, and agrees with the list."""
        ended, running = self.written("GET /api/takes/Rnq8-n9kqgfthsVs", Manifest)
        self.assertTrue(running["isRecording"])
        (every,) = self.written("GET /api/takes?limit=1", TakeList)
        (summary,) = every["takes"]
        names = [each["name"] for each in ended["participants"]]
        self.assertEqual(names, summary.pop("deviceNames"))
        self.assertEqual(summary, {key: ended[key] for key in summary})

    def test_clocks(self) -> None:
        """The clocks of that take are shown, of all who took part."""
        (shown,) = self.written("GET /api/takes/Rnq8-n9kqgfthsVs/clocks", Clocks)
        ended, _ = self.written("GET /api/takes/Rnq8-n9kqgfthsVs", Manifest)
        self.assertEqual(ended["id"], shown["takeId"])
        self.assertEqual(
            [each["deviceId"] for each in ended["participants"]],
            [each["deviceId"] for each in shown["clocks"]],
        )
        told, silent = shown["clocks"]
        self.assertIsNone(silent["start"])
        self.assertEqual(ended["startTime"], told["start"]["at"])
        self.assertEqual(ended["endedAt"], told["end"]["at"])

    def test_clock_fields(self) -> None:
        """Every field of a clock is explained, or speaks for itself."""
        explained = set(rows(chapter(TEXT, REST))) | {"start", "end"}
        plain = {"takeId", "clocks", "deviceId"}
        for kind in (Clocks, ShownClock, ShownSegment, ShownEnd):
            self.assertEqual(set(), names(kind) - {"type"} - plain - explained)

    def test_take_fields(self) -> None:
        """Every field of a take is explained, or speaks for itself."""
        explained = rows(chapter(TEXT, REST))
        plain = {"id", "sessionId", "isRecording", "deviceId", "name", "isHost"}
        kinds = (TakeSummary, Manifest, ShownParticipant, ShownAbsentee, ShownSample)
        for kind in kinds:
            self.assertEqual(set(), names(kind) - {"type"} - plain - set(explained))

    def test_apps(self) -> None:
        """Each kind of app is named as a take names it."""
        for app in App:
            self.assertIn(f"`{app.value}`", rows(chapter(TEXT, REST))["app"][1])

    def test_parameters(self) -> None:
        """The limits of a page are those in force."""
        cell = f"How many takes, 1 to {MOST}. Left out: {USUAL}."
        self.assertEqual([cell], rows(chapter(TEXT, REST))["limit"])

    def test_errors(self) -> None:
        """Refusals look as they do, and those of a fault have its words."""
        shown = self.written("What can go wrong", ErrorBody)
        for fault in (SESSION_NOT_FOUND, TAKE_NOT_FOUND):
            self.assertIn({"error": fault.message}, shown)
        expected = {"error": DEGRADED.message, "code": DEGRADED.code, "temporary": True}
        self.assertEqual(expected, shown[-1])
