"""The REST calls that start, stop and mark."""

from __future__ import annotations

import json
from typing import Any, Final

from msgspec import structs
from twisted.internet.defer import Deferred, fail
from twisted.logger import capturedLogs

from raydel.core.config import Config
from raydel.core.errors import DEGRADED as NOT_STORED
from raydel.core.errors import NO_RECORDING, Refusal
from raydel.testing import EPOCH, ByteLine
from raydel.testing.fakes import LEAD
from raydel.web.request import MAX_BODY
from raydel.web.site import make_site
from tests.web.test_rest import DEGRADED, RestTestCase

START: Final = "/api/sessions/ABC123/start"
STOP: Final = "/api/sessions/ABC123/stop"
MARK: Final = "/api/sessions/ABC123/markers"
JSON: Final = "content-type: application/json"

NO_SESSION: Final = (404, {"error": "Session not found", "code": "session_not_found"})
NOTHING_RUNS: Final = (
    409,
    {"error": "No recording in progress", "code": "no_recording"},
)

NO_OBJECTS: Final[dict[str, bytes]] = {
    "a list": b"[]",
    "null": b"null",
    "a number": b"1",
    "a text": b'"Goal"',
    "blanks": b"  \r\n ",
    "half": b'{"label": "Go',
    "two": b"{}{}",
    "a form": b"label=Goal",
    "NaN": b'{"timestamp": NaN}',
    "infinity": b'{"timestamp": Infinity}',
    "NaN where nobody looks": b'{"x": NaN}',
    "single quotes": b"{'label': 'Goal'}",
    "a comma too many": b'{"label": "Goal",}',
    "a comment": b'{"label": "Goal"} // of the match',
    "a byte order mark": b"\xef\xbb\xbf{}",
    "UTF-16": '{"label": "Goal"}'.encode("utf-16"),
    "Latin-1": b'{"label": "\xe9"}',
    "Latin-1 where nobody looks": b'{"\xe9": "\xe9"}',
    "half a surrogate pair": b'{"label": "\\ud800"}',
    "a surrogate as bytes": b'{"label": "\xed\xa0\x80"}',
    "deep lists": b"[" * 16_000,
    "deep lists in a field": b'{"x": ' + b"[" * 16_000,
    "deep objects": b'{"x":' * 3_200,
    "a zero byte": b"\x00",
    "gzip": b"\x1f\x8b\x08\x00",
}
"""Bodies that no call takes, whatever it reads in them."""

WRONG_MARKERS: Final[dict[str, tuple[bytes, str]]] = {
    "label is a number": (b'{"label": 1}', "$.label"),
    "label is null": (b'{"label": null}', "$.label"),
    "label is a list": (b'{"label": ["Goal"]}', "$.label"),
    "label is long": (b'{"label": "%s"}' % (b"x" * 201), "$.label"),
    "time is a text": (b'{"timestamp": "1768473000000"}', "$.timestamp"),
    "time is a date": (b'{"timestamp": "2026-01-15T10:30:00Z"}', "$.timestamp"),
    "time is true": (b'{"timestamp": true}', "$.timestamp"),
    "time is over the range": (b'{"timestamp": 1e400}', "$.timestamp"),
    "time is below it": (b'{"timestamp": -1e400}', "$.timestamp"),
    "time is large": (b'{"timestamp": 9007199254740994}', "$.timestamp"),
    "time is huge": (b'{"timestamp": 1%s}' % (b"0" * 400), "$.timestamp"),
    "time is small": (b'{"timestamp": -9007199254740994}', "$.timestamp"),
}
"""Bodies that are no marker, and where that is."""

WRONG_STOPS: Final[dict[str, bytes]] = {
    "a number": b'{"takeId": 1}',
    "nothing in it": b'{"takeId": ""}',
    "65 characters": b'{"takeId": "%s"}' % (b"x" * 65),
    "a list": b'{"takeId": ["take-1"]}',
    "false": b'{"takeId": false}',
}
"""Bodies that name a take in a way in which none is named."""


class CommandsTestCase(RestTestCase):
    """A site with one session of one phone."""

    def post(self, path: str, body: bytes = b"", *headers: str) -> tuple[int, Any]:
        """Post, and return status and JSON."""
        line = ByteLine(self.site, self.clock)
        head = [f"POST {path} HTTP/1.1", "host: 192.168.1.2:3001", *headers]
        head += [f"content-length: {len(body)}"] if body else []
        line.send("\r\n".join([*head, "", ""]).encode("latin-1"), body)
        self.head, _, text = line.take().partition(b"\r\n\r\n")
        return int(self.head.split()[1]), json.loads(text)

    def begin(self) -> str:
        """Start a take; return its id."""
        status, value = self.post(START)
        self.assertEqual(200, status)
        return str(value["takeId"])

    def refused(self, path: str, body: bytes) -> str:
        """Post what makes no sense; return what is said in detail."""
        status, value = self.post(path, body)
        expected = (400, "Invalid message format", "invalid_message")
        self.assertEqual(expected, (status, value["error"], value["code"]), body[:40])
        self.assertEqual({"error", "code", "detail"}, set(value))
        return str(value["detail"])


class StartTests(CommandsTestCase):
    def test_started(self) -> None:
        """Who starts is told the take, and when the cameras are called."""
        status, value = self.post(START)
        self.assertEqual((200, {"takeId", "startTime"}), (status, set(value)))
        self.assertEqual(EPOCH + LEAD, value["startTime"])
        self.assertEqual([("start", "ABC123")], self.sessions.commanded)
        _, shown = self.answer("GET", f"/api/takes/{value['takeId']}")
        self.assertTrue(shown["isRecording"])

    def test_twice(self) -> None:
        """A second start makes no second take."""
        self.begin()
        busy = {
            "error": "Recording already in progress",
            "code": "recording_in_progress",
        }
        self.assertEqual((409, busy), self.post(START))
        self.assertEqual(1, len(self.sessions.records))

    def test_nobody(self) -> None:
        """Where nobody is connected, nothing begins, and why is said."""
        status = self.sessions.living["ABC123"]
        empty = structs.replace(status, devices=(), device_count=0)
        self.sessions.living["ABC123"] = empty
        code, value = self.post(START)
        self.assertEqual((409, "nobody is connected"), (code, value["detail"]))

    def test_degraded(self) -> None:
        """Where nothing can be stored, nothing begins; when to try is said."""
        self.sessions.commanding = fail(Refusal(NOT_STORED))
        self.assertEqual(DEGRADED, self.post(START))
        self.assertIn(b"\r\nretry-after: 1\r\n", self.head.lower())

    def test_any_case(self) -> None:
        """The code is found in any case of its letters."""
        self.assertEqual(200, self.post("/api/sessions/%61bc123/start")[0])
        self.assertEqual([("start", "ABC123")], self.sessions.commanded)


class StopTests(CommandsTestCase):
    def test_stopped(self) -> None:
        """Who stops is told which take has ended, when, and why."""
        take_id = self.begin()
        self.sessions.now += 5000.1234
        expected = {
            "takeId": take_id,
            "stopTime": EPOCH + 5000.123,
            "reason": "command",
        }
        self.assertEqual((200, expected), self.post(STOP))
        self.assertEqual(("stop", "ABC123", None), self.sessions.commanded[-1])

    def test_named(self) -> None:
        """The take that is meant may be named, in JSON of any kind there is."""
        for kind in (
            "Content-Type: application/json",
            "content-type:Application/JSON; charset=utf-8",
            "x-none: 1",
        ):
            take_id = self.begin()
            body = json.dumps({"takeId": take_id}).encode()
            self.assertEqual(200, self.post(STOP, body, kind)[0])
            self.assertEqual(("stop", "ABC123", take_id), self.sessions.commanded[-1])

    def test_another(self) -> None:
        """A stop that was meant for another take ends none."""
        self.begin()
        self.assertEqual(NOTHING_RUNS, self.post(STOP, b'{"takeId": "other"}', JSON))

    def test_nothing_runs(self) -> None:
        """Where nothing runs, nothing is stopped."""
        self.assertEqual(NOTHING_RUNS, self.post(STOP))

    def test_wrong(self) -> None:
        """What names no take in the way one is named is refused."""
        self.begin()
        for what, body in WRONG_STOPS.items():
            self.assertIn("$.takeId", self.refused(STOP, body), what)
        self.assertEqual([("start", "ABC123")], self.sessions.commanded)


class MarkTests(CommandsTestCase):
    def test_marked(self) -> None:
        """Who marks is told the take, the instant and the label."""
        take_id = self.begin()
        self.sessions.now += 1000
        expected = {"takeId": take_id, "time": EPOCH + 1000, "label": "Goal 🥅"}
        body = json.dumps({"label": "Goal 🥅"}).encode()
        self.assertEqual((201, expected), self.post(MARK, body, JSON))
        _, shown = self.answer("GET", f"/api/takes/{take_id}")
        marker = {"time": EPOCH + 1000, "label": "Goal 🥅", "deviceId": "server"}
        self.assertEqual([marker], shown["markers"])

    def test_instant(self) -> None:
        """An instant that was may be marked, to the fraction."""
        self.begin()
        self.sessions.now += 1000
        body = json.dumps({"timestamp": EPOCH + 500.5}).encode()
        status, value = self.post(MARK, body, JSON)
        self.assertEqual(
            (201, EPOCH + 500.5, ""), (status, value["time"], value["label"])
        )

    def test_no_body(self) -> None:
        """Without a body, now is marked, without a label."""
        self.begin()
        for body in (b"", b"{}", b'{"timestamp": null}', b'{"color": "red"}'):
            status, value = self.post(MARK, body)
            self.assertEqual((201, EPOCH, ""), (status, value["time"], value["label"]))

    def test_longest_label(self) -> None:
        """A label has up to 200 characters, however many bytes they are."""
        self.begin()
        body = json.dumps({"label": "é" * 200}, ensure_ascii=False).encode()
        self.assertEqual("é" * 200, self.post(MARK, body)[1]["label"])

    def test_not_within(self) -> None:
        """An instant outside the take is refused, in words."""
        self.begin()
        self.assertIn("not within", self.refused(MARK, b'{"timestamp": 0}'))

    def test_nothing_runs(self) -> None:
        """Where nothing runs, nothing is marked."""
        self.assertEqual(NOTHING_RUNS, self.post(MARK))

    def test_wrong(self) -> None:
        """What is no marker is refused, and where it is wrong is said."""
        self.begin()
        for what, (body, place) in WRONG_MARKERS.items():
            self.assertIn(place, self.refused(MARK, body), what)
        self.assertEqual([("start", "ABC123")], self.sessions.commanded)


class BodyTests(CommandsTestCase):
    def test_no_objects(self) -> None:
        """What is no JSON object is refused by every call, and does nothing."""
        for path in (START, STOP, MARK):
            for what, body in NO_OBJECTS.items():
                self.assertTrue(self.refused(path, body), what)
        self.assertEqual([], self.sessions.commanded)

    def test_other_types(self) -> None:
        """What says that it is something else is 415, even if there is nothing."""
        for kind in (
            "text/plain",
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=x",
            "application/jsonp",
            "application/json, text/plain",
            "json",
            "",
            "; charset=utf-8",
            "\xff",
        ):
            for body in (b"{}", b""):
                status, value = self.post(STOP, body, f"content-type: {kind}")
                expected = "A body is JSON here: say Content-Type: application/json"
                self.assertEqual((415, {"error": expected}), (status, value), kind)
        self.assertEqual([], self.sessions.commanded)

    def test_two_types(self) -> None:
        """What says two things says none."""
        self.assertEqual(415, self.post(STOP, b"{}", JSON, JSON)[0])

    def test_size(self) -> None:
        """A body may have 16 KiB, and no byte more."""
        self.begin()
        body = b'{"x": "%s"}' % (b"x" * (MAX_BODY - 9))
        self.assertEqual(MAX_BODY, len(body))
        self.assertEqual(201, self.post(MARK, body)[0])
        self.assertEqual(413, self.post(MARK, body + b" ")[0])

    def test_chunks(self) -> None:
        """A body may come in chunks."""
        self.begin()
        line = ByteLine(self.site, self.clock)
        line.send(f"POST {MARK} HTTP/1.1\r\nhost: here\r\n".encode())
        line.send(b"transfer-encoding: chunked\r\n\r\n")
        line.send(b'a\r\n{"label": \r\n', b'7\r\n"Goal"}\r\n', b"0\r\n\r\n")
        self.assertIn(b'"label":"Goal"', line.take())


class PathTests(CommandsTestCase):
    def test_no_session(self) -> None:
        """A code that nobody uses, or that is none, is a session that is not there."""
        for code in (
            "NOPE00",
            "",
            "ABC12",
            "ABC123%00",
            "ABC123%0A",
            "%FF",
            "%C3%9FBC12",
            "ABC123/start",
            "../ABC123",
            "A" * 8192,
        ):
            for what in ("start", "stop", "markers"):
                answer = self.post(f"/api/sessions/{code}/{what}")
                self.assertEqual(NO_SESSION, answer, code)

    def test_methods(self) -> None:
        """They are posted and nothing else, and 405 says so."""
        for path in (START, STOP, MARK):
            for method in ("GET", "PUT", "PATCH", "DELETE", "TRACE", "FOO"):
                response = self.successResultOf(self.request(method, path))
                self.assertEqual(405, response.code)
                allowed = response.headers.getRawHeaders(b"allow")
                self.assertEqual([b"OPTIONS, POST"], allowed)
        self.assertEqual(([], []), (self.sessions.commanded, self.sessions.ended))

    def test_other_pages(self) -> None:
        """A page of another site may not: nothing is done for it."""
        for path in (START, STOP, MARK):
            status, value = self.post(path, b"{}", JSON, "origin: https://evil.example")
            self.assertEqual((403, {"error": "Origin not allowed"}), (status, value))
            self.assertNotIn(b"access-control-allow-origin", self.head.lower())
        self.assertEqual([], self.sessions.commanded)

    def test_own_page(self) -> None:
        """A page of the server's own host may, and may read the answer."""
        self.assertEqual(200, self.post(START, b"", "origin: http://192.168.1.2:80")[0])
        self.assertIn(b"access-control-allow-origin", self.head.lower())

    def test_preflight(self) -> None:
        """A page is told that it may post and delete."""
        for path in (START, STOP, MARK, "/api/takes/take-1"):
            response = self.successResultOf(self.request("OPTIONS", path))
            (allowed,) = response.headers.getRawHeaders(b"access-control-allow-methods")
            self.assertEqual(204, response.code)
            self.assertLessEqual({b"POST", b"DELETE"}, set(allowed.split(b",")))


class LaterTests(CommandsTestCase):
    def setUp(self) -> None:
        """Have commands that take their time."""
        super().setUp()
        self.later: Deferred[Any] = Deferred()
        self.sessions.commanding = self.later

    def test_refused_later(self) -> None:
        """What turns out to be impossible is refused then, as at once."""
        response = self.request("POST", STOP)
        self.later.errback(Refusal(NO_RECORDING))
        self.agent.flush()
        self.assertEqual(409, self.successResultOf(response).code)

    def test_broken_later(self) -> None:
        """What breaks is 500, and a line in the log that quotes nothing."""
        response = self.request("POST", STOP)
        with capturedLogs() as events:
            self.later.errback(ValueError("secret"))
        self.agent.flush()
        self.assertEqual(500, self.successResultOf(response).code)
        self.assertEqual(1, len(events))

    def test_client_leaves(self) -> None:
        """Who hangs up takes the call along, but not what was ordered."""
        for path in (START, STOP, MARK):
            self.sessions.commanding = Deferred()
            site = make_site(self.sessions, self.timebase, Config(), self.clock)
            line = ByteLine(site, self.clock)
            line.send(f"POST {path} HTTP/1.1\r\nhost: here\r\n\r\n".encode())
            finished = site.finish()
            line.hang_up()
            self.successResultOf(finished)
            self.assertFalse(self.sessions.commanding.called)
            self.sessions.commanding.callback(None)
