"""The REST calls, over a stub agent."""

from __future__ import annotations

import json
from typing import Any

import treq
from twisted.internet.defer import Deferred, fail
from twisted.internet.task import Clock
from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.iweb import IResponse

from raydel.core.config import Config
from raydel.core.messages import DeviceStatus, SessionStatus
from raydel.interfaces import StoreTrouble
from raydel.testing import ByteLine, FakeSessions, FakeTimebase, SiteAgent, handshake
from raydel.web.site import make_site

CREATED = "2026-01-15T10:29:00.000Z"
PHONE = DeviceStatus("id-1", "iPhone 15", is_host=True, connected_at=CREATED)
SESSION = SessionStatus(
    "ABC123",
    device_count=1,
    is_recording=False,
    created_at=CREATED,
    devices=(PHONE,),
)
SESSION_JSON = {
    "id": "ABC123",
    "deviceCount": 1,
    "isRecording": False,
    "createdAt": CREATED,
    "devices": [
        {"id": "id-1", "name": "iPhone 15", "isHost": True, "connectedAt": CREATED}
    ],
}
NOT_FOUND = (404, {"error": "Session not found"})
DEGRADED = (
    503,
    {
        "error": "The server cannot store anything now; try again later",
        "code": "degraded",
        "temporary": True,
    },
)


class AskingTestCase(SynchronousTestCase):
    """Asks a site by its agent.

    Attributes:
        agent: Who asks.
    """

    agent: SiteAgent

    def request(self, method: str, path: str) -> Deferred[IResponse]:
        """Ask, and do not wait."""
        uri = f"http://192.168.1.2:3001{path}"
        return self.agent.request(method.encode(), uri.encode("latin-1"))

    def answer(self, method: str, path: str) -> tuple[int, Any]:
        """Ask, and return status and JSON."""
        response = self.successResultOf(self.request(method, path))
        body = self.successResultOf(treq.content(response))
        self.assertEqual(
            [b"application/json; charset=utf-8"],
            response.headers.getRawHeaders(b"content-type"),
        )
        return response.code, json.loads(body)


class RestTestCase(AskingTestCase):
    """A site with one session, and an agent that asks it."""

    def setUp(self) -> None:
        """Have a session with one phone."""
        self.clock = Clock()
        self.sessions = FakeSessions(SESSION)
        self.timebase = FakeTimebase(self.clock)
        self.site = make_site(self.sessions, self.timebase, Config(), self.clock)
        self.agent = SiteAgent(self.site, self.clock)


class HealthTests(RestTestCase):
    def test_health(self) -> None:
        """Health has its four keys, in the order they always had."""
        self.sessions.connection_count = 4
        status, value = self.answer("GET", "/health")
        self.assertEqual(200, status)
        self.assertEqual(
            [
                ("status", "healthy"),
                ("timestamp", "2026-01-15T10:30:00.000Z"),
                ("activeSessions", 1),
                ("totalConnections", 4),
            ],
            list(value.items()),
        )

    def test_server_time(self) -> None:
        """The timestamp is server time."""
        self.clock.advance(1.5)
        _, value = self.answer("GET", "/health")
        self.assertEqual("2026-01-15T10:30:01.500Z", value["timestamp"])

    def test_degraded(self) -> None:
        """While nothing can be stored it says so and why, and is 200 all the same."""
        self.sessions.trouble = "the disk is full"
        status, value = self.answer("GET", "/health")
        self.assertEqual(200, status)
        self.assertEqual(
            [
                ("status", "degraded"),
                ("timestamp", "2026-01-15T10:30:00.000Z"),
                ("activeSessions", 1),
                ("totalConnections", 0),
                ("reason", "the disk is full"),
            ],
            list(value.items()),
        )


class SessionsTests(RestTestCase):
    def test_all(self) -> None:
        """All sessions are listed."""
        expected = {"sessions": [SESSION_JSON]}
        self.assertEqual((200, expected), self.answer("GET", "/api/sessions"))

    def test_none(self) -> None:
        """So are none."""
        self.sessions.living.clear()
        self.assertEqual((200, {"sessions": []}), self.answer("GET", "/api/sessions"))

    def test_one(self) -> None:
        """One session is found by its code, in any case."""
        for code in ("ABC123", "abc123", "%41bc123"):
            answer = self.answer("GET", f"/api/sessions/{code}")
            self.assertEqual((200, SESSION_JSON), answer)

    def test_end(self) -> None:
        """A session is ended by its code, once."""
        ended = (200, {"message": "Session ended"})
        self.assertEqual(ended, self.answer("DELETE", "/api/sessions/abc123"))
        self.assertEqual(["ABC123"], self.sessions.ended)
        self.assertEqual(NOT_FOUND, self.answer("DELETE", "/api/sessions/ABC123"))

    def test_not_found(self) -> None:
        """A session that is not there is 404."""
        self.assertEqual(NOT_FOUND, self.answer("GET", "/api/sessions/NOPE00"))
        self.assertEqual(NOT_FOUND, self.answer("DELETE", "/api/sessions/NOPE00"))

    def test_no_code(self) -> None:
        """What is no code is a session that is not there, whatever it is."""
        for text in (
            "",
            "ABC12",
            "ABC123%00",
            "ABC123%0A",
            "%0d%0aset-cookie:x",
            "%FF%FE",
            "%EF%BC%A1BC123",
            "%C3%9FBC12",
            "ABC123/",
            "../",
            "../health",
            "%2e%2e%2fhealth",
            "%2Fhealth",
            "//",
            "A" * 8192,
        ):
            for method in ("GET", "DELETE"):
                answer = self.answer(method, f"/api/sessions/{text}")
                self.assertEqual(NOT_FOUND, answer, text)
        self.assertEqual([], self.sessions.ended)


class MethodTests(RestTestCase):
    def allowed(self, method: str, path: str) -> str:
        """Return which methods a 405 allows."""
        response = self.successResultOf(self.request(method, path))
        self.assertEqual(405, response.code)
        body = self.successResultOf(treq.content(response))
        self.assertEqual({"error": "Method Not Allowed"}, json.loads(body))
        (value,) = response.headers.getRawHeaders(b"allow")
        return str(value.decode())

    def test_wrong(self) -> None:
        """A method that a path does not know is 405, invented ones included."""
        for method in ("POST", "PUT", "TRACE", "FOO"):
            self.assertEqual("GET, HEAD, OPTIONS", self.allowed(method, "/health"))
            self.assertEqual(
                "GET, HEAD, OPTIONS", self.allowed(method, "/api/sessions")
            )
            self.assertEqual(
                "DELETE, GET, HEAD, OPTIONS",
                self.allowed(method, "/api/sessions/ABC123"),
            )

    def test_head(self) -> None:
        """HEAD is GET without the body."""
        for path in ("/health", "/api/sessions", "/api/sessions/ABC123"):
            line = ByteLine(self.site, self.clock)
            answers = []
            for method in ("GET", "HEAD"):
                line.send(f"{method} {path} HTTP/1.1\r\nhost: here\r\n\r\n".encode())
                answers.append(line.take())
            head, _, body = answers[0].partition(b"\r\n\r\n")
            self.assertTrue(body)
            self.assertEqual(head + b"\r\n\r\n", answers[1])


class FaultTests(RestTestCase):
    def test_broken(self) -> None:
        """A call that breaks is 500: a line for the log, nothing for the client."""
        self.sessions.fault = ValueError("secret")
        with capturedLogs() as events:
            answer = self.answer("GET", "/api/sessions/ABC123")
        self.assertEqual((500, {"error": "Internal Server Error"}), answer)
        (logged,) = map(formatEvent, events)
        self.assertIn("ValueError in fakes.py:", logged)
        self.assertNotIn("secret", logged)

    def test_broken_later(self) -> None:
        """So is one that breaks while it waits."""
        self.sessions.ending = Deferred()
        response = self.request("DELETE", "/api/sessions/ABC123")
        with capturedLogs() as events:
            self.sessions.ending.errback(ValueError("secret"))
        self.agent.flush()
        self.assertEqual(500, self.successResultOf(response).code)
        self.assertEqual(1, len(events))

    def test_no_access_log(self) -> None:
        """What strangers ask for is not quoted in the log."""
        with capturedLogs() as events:
            self.site.doStart()
            self.answer("GET", "/api/sessions/{secret}")
            self.site.doStop()
        self.assertEqual([], events)


class DegradedTests(RestTestCase):
    def test_end(self) -> None:
        """An end that cannot be stored is 503, and may be asked for again."""
        self.sessions.ending = fail(StoreTrouble("the disk is full"))
        self.assertEqual(DEGRADED, self.answer("DELETE", "/api/sessions/ABC123"))

    def test_retry(self) -> None:
        """How soon is said in a header; why is not for everybody."""
        self.sessions.ending = fail(StoreTrouble("the disk is full"))
        response = self.successResultOf(self.request("DELETE", "/api/sessions/ABC123"))
        self.assertEqual([b"1"], response.headers.getRawHeaders(b"retry-after"))

    def test_living_sessions(self) -> None:
        """What needs no store is answered as ever."""
        self.sessions.trouble = "the disk is full"
        for path in ("/api/sessions", "/api/sessions/ABC123"):
            self.assertEqual(200, self.answer("GET", path)[0])


class FinishTests(RestTestCase):
    def setUp(self) -> None:
        """Have a session whose end takes its time."""
        super().setUp()
        self.sessions.ending = Deferred()

    def test_nothing_open(self) -> None:
        """With nothing to wait for there is no wait."""
        self.answer("GET", "/health")
        self.successResultOf(self.site.finish())

    def test_open_call(self) -> None:
        """An open call is waited for."""
        response = self.request("DELETE", "/api/sessions/ABC123")
        finished = self.site.finish()
        self.assertNoResult(finished)
        assert self.sessions.ending is not None
        self.sessions.ending.callback(True)
        self.successResultOf(finished)
        self.agent.flush()
        self.assertEqual(200, self.successResultOf(response).code)

    def test_websockets(self) -> None:
        """WebSockets are not waited for: whoever closes them does that."""
        ByteLine(self.site, self.clock).send(handshake())
        self.successResultOf(self.site.finish())

    def test_client_leaves(self) -> None:
        """A client that leaves takes its call along, but not what it ordered."""
        line = ByteLine(self.site, self.clock)
        line.send(b"DELETE /api/sessions/ABC123 HTTP/1.1\r\nhost: here\r\n\r\n")
        finished = self.site.finish()
        line.hang_up()
        self.successResultOf(finished)
        assert self.sessions.ending is not None
        self.assertFalse(self.sessions.ending.called)
        self.sessions.ending.callback(True)
