"""Bytes to messages: what is read, and what is refused with which words."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from raydel.core.codec import MAX_SHOWN_TYPE, decode, encode
from raydel.core.errors import Refusal
from raydel.core.messages import (
    MAX_NAME,
    CameraReady,
    DeviceReady,
    Foreground,
    Inbound,
    Join,
    Marker,
    Ping,
    Pong,
    RecordingFailed,
    RecordingRefused,
    RecordingScheduled,
    RecordingStarted,
    RecordingStopped,
    StartCommand,
    StopCommand,
    TimeSyncResponse,
)

TIME_SYNC = {
    "type": "time_sync_response",
    "request_id": "ABC123-1",
    "server_timestamp": 1.0,
    "client_timestamp": 2.0,
}


def frame(**fields: Any) -> bytes:
    """Write a frame as a phone would."""
    return json.dumps(fields).encode()


def join(**fields: Any) -> bytes:
    """Write a join that is right but for some fields."""
    return frame(**{"type": "join", "sessionId": "ABC123", "isHost": True, **fields})


def code_of(raw: bytes) -> str:
    """Return the code a frame is refused with, or the name of what it says."""
    try:
        return type(decode(raw)).__name__
    except Refusal as refusal:
        return refusal.fault.code


class Understood(SynchronousTestCase):
    """What the apps in the field send."""

    def test_every_kind(self) -> None:
        """Each type becomes its message."""
        for expected, sent in (
            (Join("ABC123", True, "iPhone"), join(deviceName="iPhone")),
            (Join("ABC123", False), frame(type="join", sessionId="ABC123")),
            (StartCommand(), frame(type="start_recording")),
            (StartCommand(1.5), frame(type="start_recording", timestamp=1.5)),
            (StopCommand("now"), frame(type="stop_recording", timestamp="now")),
            (CameraReady(), frame(type="camera_ready")),
            (Foreground(), frame(type="foreground")),
            (DeviceReady(), frame(type="device_ready", deviceId="x", ready=True)),
            (Ping(), frame(type="ping", anything={"at": ["all"]})),
            (TimeSyncResponse("ABC123-1", 1.0, 2.0), frame(**TIME_SYNC)),
            (Join("ABC123", True, None, 2, "t"), join(protocol=2, resumeToken="t")),
        ):
            with self.subTest(sent=sent):
                self.assertEqual(expected, decode(sent))

    def test_the_type_may_come_last(self) -> None:
        """The order of fields means nothing."""
        self.assertEqual(Ping(), decode(b' {"a": 1, "type": "ping"} '))

    def test_both_times(self) -> None:
        """A device may tell when it heard from when it answers."""
        sent = frame(**TIME_SYNC, client_receive_timestamp=1.5)
        expected = TimeSyncResponse("ABC123-1", 1.0, 2.0, 1.5)
        self.assertEqual(expected, decode(sent))

    def test_written(self) -> None:
        """A message is written with its type."""
        self.assertEqual(b'{"type":"pong"}', encode(Pong()))


class Codes(SynchronousTestCase):
    """The session's code in a join."""

    def test_upper_case(self) -> None:
        """A code counts in upper case."""
        self.assertEqual(Join("ABC123", True), decode(join(sessionId="abc123")))

    def test_required(self) -> None:
        """No code and an empty code have a text of their own."""
        for sent in (
            frame(type="join"),
            frame(type="join", isHost=True),
            join(sessionId=None),
            join(sessionId=""),
        ):
            self.assertEqual("session_id_required", code_of(sent))

    def test_invalid(self) -> None:
        """What is no code is refused as such, whatever its kind."""
        for code in (
            "ABC12",
            "ABC1234",
            "ABC123\n",
            " ABC123",
            "ABCDEß",
            "ABCDß",
            "\uff11\uff12\uff13ABC",
            "../../",
            "%00%00",
            "A" * 8_000,
            123456,
            1e5,
            True,
            ["ABC123"],
            {"sessionId": "ABC123"},
        ):
            with self.subTest(code=code):
                self.assertEqual("invalid_session_id", code_of(join(sessionId=code)))


class Names(SynchronousTestCase):
    """The name of a device, which others will show."""

    def test_kept(self) -> None:
        """Names of every script are kept as they are."""
        for name in ("Mum's iPhone", "Пиксель", "写真", "📷 1", " x ", "a" * MAX_NAME):
            with self.subTest(name=name):
                expected = Join("ABC123", True, name)
                self.assertEqual(expected, decode(join(deviceName=name)))

    def test_none(self) -> None:
        """An empty name is none."""
        for name in (None, "", " ", "\u3000"):
            self.assertEqual(Join("ABC123", True), decode(join(deviceName=name)))

    def test_refused(self) -> None:
        """A name that breaks a line, or turns it round, is refused."""
        for name in (
            "a" * (MAX_NAME + 1),
            "a\nb",
            "a\r",
            "a\0",
            "a\x1b[31m",
            "a\x7f",
            "a\x85b",
            "a\u2028b",
            "a\u2029b",
            "a\u202eb",
            "a\u2066b",
            "a\u200fb",
            "a\u061cb",
            5,
            ["a"],
        ):
            with self.subTest(name=name):
                self.assertEqual("invalid_message", code_of(join(deviceName=name)))


class Malformed(SynchronousTestCase):
    """What is no message at all."""

    def test_no_json(self) -> None:
        """What is not JSON has the text that apps know."""
        for raw in (
            b"",
            b" ",
            b"{",
            b'{"type":"ping"',
            b'{"type":"ping",}',
            b"{'type':'ping'}",
            b'{"type":"ping"}{"type":"ping"}',
            b'\xef\xbb\xbf{"type":"ping"}',
            b'{"type":"ping","a":NaN}',
            b'{"type":"start_recording","timestamp":NaN}',
            b'{"type":"start_recording","timestamp":Infinity}',
            b'{"type":"start_recording","timestamp":1e400}',
            b'{"type":"start_recording","timestamp":' + b"9" * 5_000 + b"}",
            b'{"type":"\\ud800"}',
            b'{"type":"join","sessionId":"ABC123","deviceName":"\\ud800"}',
            b'{"type":"join","sessionId":"ABC123","deviceName":"\xed\xa0\x80"}',
            b'{"type":"\xff"}',
            b"\xff\xfe",
            b"\0",
        ):
            with self.subTest(raw=raw[:60]):
                self.assertEqual("invalid_message", code_of(raw))

    def test_no_object(self) -> None:
        """A frame is one object, and its type a word."""
        for raw in (
            b"null",
            b"[]",
            b'"join"',
            b"5",
            b"{}",
            b'{"type":null}',
            b'{"type":5}',
            b'{"type":["join"]}',
            b'{"type":{"type":"join"}}',
        ):
            with self.subTest(raw=raw):
                self.assertEqual("invalid_message", code_of(raw))

    def test_nesting(self) -> None:
        """Lists in lists in lists are refused, not followed."""
        deep = b"[" * 100_000 + b"]" * 100_000
        for raw in (
            deep,
            b"[" * 100_000,
            b'{"a":' * 100_000,
            b'{"type":' + deep + b"}",
            b'{"type":"ping","a":' + deep + b"}",
            b'{"type":"start_recording","timestamp":' + deep + b"}",
        ):
            self.assertEqual("invalid_message", code_of(raw))

    def test_said_twice(self) -> None:
        """A frame of two types is none; of two codes the last counts."""
        for raw in (
            b'{"type":"ping","type":"join"}',
            b'{"type":"nope","type":"ping"}',
        ):
            self.assertEqual("invalid_message", code_of(raw))
        raw = b'{"type":"join","sessionId":"ABC123","sessionId":"XYZ789"}'
        self.assertEqual(Join("XYZ789"), decode(raw))

    def test_wrong_types(self) -> None:
        """A field of a wrong type spoils its message."""
        for fields in (
            {"isHost": 1},
            {"isHost": "true"},
            {"isHost": None},
            {"protocol": 1},
            {"protocol": "2"},
            {"protocol": 2.5},
            {"protocol": -(10**30)},
            {"protocol": True},
            {"resumeToken": 5},
        ):
            with self.subTest(fields=fields):
                self.assertEqual("invalid_message", code_of(join(**fields)))

    def test_the_detail_helps(self) -> None:
        """Whoever writes an app reads which field is wrong."""
        with self.assertRaises(Refusal) as caught:
            decode(join(isHost="true"))
        self.assertIn("isHost", str(caught.exception.detail))


class Reports(SynchronousTestCase):
    """What a device says of its recording, and of itself."""

    def test_every_kind(self) -> None:
        """Each report becomes its message, complete or with the least it can say."""
        digest = "0123456789abcdef" * 4
        for expected, sent in (
            (
                RecordingScheduled("t", "one"),
                frame(type="recording_scheduled", takeId="t", commandId="one"),
            ),
            (RecordingRefused("t"), frame(type="recording_refused", takeId="t")),
            (
                RecordingFailed("t", "camera in use"),
                frame(type="recording_failed", takeId="t", reason="camera in use"),
            ),
            (
                RecordingStarted("t", 1234.5, 59.94),
                frame(
                    type="recording_started",
                    takeId="t",
                    firstFrameTime=1234.5,
                    frameRate=59.94,
                ),
            ),
            (
                RecordingStopped("t", 99.0, 3, "IMG_1.MOV", 7, digest),
                frame(
                    type="recording_stopped",
                    takeId="t",
                    lastFrameTime=99,
                    frames=3,
                    fileName="IMG_1.MOV",
                    sizeBytes=7,
                    sha256=digest,
                ),
            ),
            (Marker("smash", 5.0), frame(type="marker", label="smash", timestamp=5)),
            (Marker(), frame(type="marker")),
        ):
            with self.subTest(expected=expected):
                self.assertEqual(expected, decode(sent))

    def test_declared(self) -> None:
        """A device may say what it is."""
        said = decode(
            join(model="iPhone15,2", installationId="i-1", capabilities=["report"])
        )
        assert isinstance(said, Join)
        found = (said.model, said.installation_id, said.capabilities)
        self.assertEqual(("iPhone15,2", "i-1", ("report",)), found)

    def test_refused(self) -> None:
        """What no phone can mean is refused, and it is said why."""
        for about, sent in (
            ("takeId", frame(type="recording_scheduled")),
            ("takeId", frame(type="recording_scheduled", takeId="")),
            ("takeId", frame(type="recording_failed", takeId="t" * 65)),
            ("reason", frame(type="recording_failed", takeId="t", reason="r" * 201)),
            ("reason", frame(type="recording_refused", takeId="t", reason="a\nb")),
            ("reason", frame(type="recording_failed", takeId="t", reason="\u202eb")),
            ("firstFrameTime", frame(type="recording_started", takeId="t")),
            ("firstFrameTime", started(firstFrameTime=2**53 + 2)),
            ("firstFrameTime", started(firstFrameTime="now")),
            ("frameRate", started(frameRate=0)),
            ("frameRate", started(frameRate=1001)),
            ("lastFrameTime", frame(type="recording_stopped", takeId="t")),
            ("frames", stopped(frames=-1)),
            ("frames", stopped(frames=1.5)),
            ("fileName", stopped(fileName="")),
            ("fileName", stopped(fileName="n" * 256)),
            ("fileName", stopped(fileName="../a.mp4")),
            ("fileName", stopped(fileName="a\\b.mp4")),
            ("fileName", stopped(fileName="..")),
            ("fileName", stopped(fileName="a\tb.mp4")),
            ("sizeBytes", stopped(sizeBytes=-1)),
            ("sha256", stopped(sha256="abc")),
            ("sha256", stopped(sha256="A" * 64)),
            ("sha256", stopped(sha256="a" * 64 + "\n")),
            ("label", frame(type="marker", label="l" * 201)),
            ("label", frame(type="marker", label="a\rb")),
            ("timestamp", frame(type="marker", timestamp="now")),
            ("model", join(model="m" * 65)),
            ("model", join(model="a\nb")),
            ("installationId", join(installationId="")),
            ("installationId", join(installationId="a\nb")),
            ("capabilities", join(capabilities=["c"] * 33)),
            ("capabilities", join(capabilities=["a\nb"])),
        ):
            with self.subTest(sent=sent):
                with self.assertRaises(Refusal) as caught:
                    decode(sent)
                self.assertEqual("invalid_message", caught.exception.fault.code)
                self.assertIn(about, str(caught.exception.detail))


def started(**fields: Any) -> bytes:
    """Write a report of the first frame that is right but for some fields."""
    right = {"type": "recording_started", "takeId": "t", "firstFrameTime": 5}
    return frame(**{**right, **fields})


def stopped(**fields: Any) -> bytes:
    """Write a report of the last frame that is right but for some fields."""
    right = {"type": "recording_stopped", "takeId": "t", "lastFrameTime": 5}
    return frame(**{**right, **fields})


class NamedRefusals(SynchronousTestCase):
    """A refusal names the command that it is of, if that has a name."""

    def test_named(self) -> None:
        """Whatever is wrong with it."""
        for sent in (
            frame(type="marker", label=5, commandId="one"),
            frame(type="marker", label="a\nb", commandId="one"),
            frame(type="no_such_type", commandId="one"),
            frame(type=7, commandId="one"),
            join(sessionId="?", commandId="one"),
            join(sessionId=[], commandId="one"),
            stopped(fileName="a/b", commandId="one"),
        ):
            with self.subTest(sent=sent), self.assertRaises(Refusal) as caught:
                decode(sent)
            self.assertEqual("one", caught.exception.command_id)

    def test_not_named(self) -> None:
        """A name that is none is not repeated."""
        for name in (None, "", 5, "n" * 65, ["one"]):
            with self.subTest(name=name), self.assertRaises(Refusal) as caught:
                decode(frame(type="marker", label=5, commandId=name))
            self.assertIsNone(caught.exception.command_id)
        with self.assertRaises(Refusal) as caught:
            decode(b"{")
        self.assertIsNone(caught.exception.command_id)


class UnknownTypes(SynchronousTestCase):
    """Types that nobody knows."""

    def refusal(self, kind: str) -> Refusal:
        """Return how a type is refused."""
        with self.assertRaises(Refusal) as caught:
            decode(frame(type=kind))
        refusal: Refusal = caught.exception
        return refusal

    def test_a_quoted_value(self) -> None:
        """A detail that quotes the frame is short, and safe to show."""
        with self.assertRaises(Refusal) as caught:
            decode(b'{"type": "ping", "type": "' + b"\xe2\x80\xae" * 500 + b'"}')
        shown = f"{caught.exception.text} {caught.exception.detail}"
        self.assertNotIn("\u202e", shown)
        self.assertLess(len(shown), 200)

    def test_named(self) -> None:
        """The answer names the type, as the predecessor did."""
        refusal = self.refusal("bogus")
        self.assertEqual("unknown_type", refusal.fault.code)
        self.assertEqual("Unknown message type: bogus", refusal.text)

    def test_ours(self) -> None:
        """What the server sends is nothing to send to it; case counts."""
        for kind in ("joined", "JOIN", "", "join ", "error"):
            self.assertEqual("unknown_type", self.refusal(kind).fault.code)

    def test_safe_to_show(self) -> None:
        """A type cannot break the line it is shown on, nor fill the screen."""
        self.assertEqual(
            "Unknown message type: {0}\ufffd\ufffdx", self.refusal("{0}\n\u202ex").text
        )
        text = self.refusal("x" * 10_000).text
        self.assertEqual("Unknown message type: " + "x" * MAX_SHOWN_TYPE, text)


class Times(SynchronousTestCase):
    """What is no answer to a time-sync request."""

    def test_invalid(self) -> None:
        """A missing, mistaken or impossible time has a text of its own."""
        wrong: list[dict[str, Any]] = [
            {"client_timestamp": None},
            {"client_timestamp": "2"},
            {"client_timestamp": True},
            {"client_timestamp": 1e300},
            {"client_timestamp": -1e300},
            {"client_timestamp": 2**53 + 2},
            {"client_timestamp": 10**4000},
            {"server_timestamp": []},
            {"server_timestamp": None},
            {"request_id": 5},
            {"request_id": None},
            {"client_receive_timestamp": 3.0},
            {"client_receive_timestamp": "1"},
        ]
        for fields in wrong:
            with self.subTest(fields=fields):
                sent = frame(**{**TIME_SYNC, **fields})
                self.assertEqual("invalid_time_sync", code_of(sent))

    def test_missing(self) -> None:
        """All three fields are needed."""
        for name in ("request_id", "server_timestamp", "client_timestamp"):
            sent = {k: v for k, v in TIME_SYNC.items() if k != name}
            self.assertEqual("invalid_time_sync", code_of(frame(**sent)))

    def test_out_of_range(self) -> None:
        """1e400 is no time."""
        raw = frame(**TIME_SYNC).replace(b"2.0", b"1e400")
        self.assertEqual("invalid_time_sync", code_of(raw))

    def test_far_but_possible(self) -> None:
        """A phone may count from wherever it likes."""
        for time in (-1.0, 0.0, 1e15):
            answer = decode(frame(**{**TIME_SYNC, "client_timestamp": time}))
            self.assertEqual(TimeSyncResponse("ABC123-1", 1.0, time), answer)


scraps = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)
kinds = st.sampled_from(["join", "time_sync_response", "ping", "start_recording"])
names = st.sampled_from(
    [
        *("sessionId", "isHost", "deviceName", "protocol", "resumeToken"),
        *("request_id", "server_timestamp", "client_timestamp"),
    ]
)


class Anything(SynchronousTestCase):
    """Whatever comes in, a message or a refusal comes out."""

    def check(self, raw: bytes) -> None:
        """Let a frame be read; nothing but a refusal may go wrong."""
        try:
            message: Inbound = decode(raw)
        except Refusal as refusal:
            json.dumps(refusal.text).encode()
            json.dumps(refusal.detail).encode()
        else:
            if isinstance(message, Join):
                self.assertRegex(str(message.session_id), r"\A[A-Z0-9]{6}\Z")

    @given(st.binary())
    def test_bytes(self, raw: bytes) -> None:
        """Any bytes."""
        self.check(raw)

    @given(scraps)
    def test_json(self, value: Any) -> None:
        """Any JSON, and what Python takes for it."""
        self.check(json.dumps(value).encode())

    @given(kinds, st.dictionaries(names, scraps))
    def test_fields(self, kind: str, fields: dict[str, Any]) -> None:
        """Any values of the fields we know."""
        self.check(frame(**{**fields, "type": kind}))
