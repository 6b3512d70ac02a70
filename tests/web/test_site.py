"""The resource tree: who may ask, how, and how a WebSocket leaves HTTP."""

from __future__ import annotations

import gc
import json
from http import HTTPStatus
from weakref import ref

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from raydel.core.config import Config
from raydel.testing import ByteLine, FakeSessions, FakeTimebase, frame, handshake
from raydel.web.channel import LINGER, Channel
from raydel.web.request import MAX_BODY
from raydel.web.site import make_site

HOST = "host: 192.168.1.2:3001"


class Answer:
    """One HTTP answer, taken apart."""

    def __init__(self, data: bytes) -> None:
        head, _, self.body = data.partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        self.status = int(first.split()[1])
        pairs = (line.split(": ", 1) for line in lines)
        self.headers = {name.lower(): value for name, value in pairs}

    @property
    def error(self) -> str:
        """What a JSON body says is wrong."""
        assert self.headers["content-type"] == "application/json; charset=utf-8"
        assert int(self.headers["content-length"]) == len(self.body)
        return str(json.loads(self.body)["error"])


class SiteTestCase(SynchronousTestCase):
    """A site, and requests written byte by byte."""

    config = Config()

    def setUp(self) -> None:
        """Have nobody connected yet."""
        self.clock = Clock()
        self.sessions = FakeSessions()
        timebase = FakeTimebase(self.clock)
        self.site = make_site(self.sessions, timebase, self.config, self.clock)

    def line(self) -> ByteLine:
        """Return a new connection."""
        return ByteLine(self.site, self.clock)

    def ask(self, request: str, *headers: str, body: bytes = b"") -> Answer:
        """Send a request on a connection of its own."""
        line = self.line()
        head = "\r\n".join([f"{request} HTTP/1.1", *headers, "", ""])
        line.send(head.encode("latin-1"), body)
        return Answer(line.take())


class EveryAnswerTests(SiteTestCase):
    def test_banner(self) -> None:
        """We say our name and no version, on every kind of answer."""
        answers = [
            self.ask("GET /health", HOST),
            self.ask("GET /nowhere", HOST),
            self.ask("GET /health"),
            self.ask("OPTIONS /health", HOST),
            self.ask("BAD"),
            self.ask("GET /sync", HOST, "upgrade: websocket"),
        ]
        self.assertEqual({"raydel"}, {each.headers["server"] for each in answers})

    def test_websocket_banner(self) -> None:
        """The handshake says no more."""
        line = self.line()
        line.send(handshake())
        self.assertIn(b"\r\nServer: raydel\r\n", line.take())

    def test_not_found(self) -> None:
        """A path that is not there is 404, in JSON."""
        for path in (
            "/",
            "/nowhere",
            "/api//sessions",
            "/health/",
            "/sync2",
            "/%FF",
            "/api",
        ):
            answer = self.ask(f"GET {path}", HOST)
            self.assertEqual((404, "Not Found"), (answer.status, answer.error), path)

    def test_malformed(self) -> None:
        """What is no HTTP is 400, in JSON."""
        for request in ("BAD", "GET /health extra", "G\x00T /health"):
            answer = self.ask(request, HOST)
            self.assertEqual((400, "Bad Request"), (answer.status, answer.error))

    def test_long_lines(self) -> None:
        """So are headers beyond 16 KiB, in one line or in many."""
        one = self.ask("GET /health", HOST, "x: " + "y" * 20_000)
        many = self.ask("GET /health", HOST, *["x: " + "y" * 1000] * 20)
        self.assertEqual((400, "Bad Request"), (one.status, one.error))
        self.assertEqual((400, "Bad Request"), (many.status, many.error))

    def test_other_targets(self) -> None:
        """A target that is no path is 400."""
        for target in ("*", "http://192.168.1.2/health", "192.168.1.2:443"):
            self.assertEqual(400, self.ask(f"OPTIONS {target}", HOST).status)

    def test_http_1_1_alone(self) -> None:
        """HTTP/2 is not offered: a WebSocket cannot be taken out of it."""
        self.assertEqual([b"http/1.1"], self.site.acceptableProtocols())


class HostTests(SiteTestCase):
    def test_missing(self) -> None:
        """A request without a host is 400."""
        answer = self.ask("GET /health")
        self.assertEqual(
            (400, "One Host header is needed"), (answer.status, answer.error)
        )

    def test_twice(self) -> None:
        """One with two is, too."""
        self.assertEqual(400, self.ask("GET /health", HOST, "host: other").status)

    def test_no_name(self) -> None:
        """So is one whose host cannot be one: Klein would break at it."""
        for host in ("", "a..b", "\xff", "x" * 64, "a/b"):
            self.assertEqual(400, self.ask("GET /health", f"host: {host}").status)

    def test_names(self) -> None:
        """Names and addresses of all kinds are welcome."""
        for host in ("localhost:3001", "club.example", "[fe80::1]:3001", "my_host"):
            self.assertEqual(200, self.ask("GET /health", f"host: {host}").status)

    def test_websocket(self) -> None:
        """A WebSocket needs a host as well."""
        line = self.line()
        line.send(handshake(host=""))
        self.assertEqual(400, Answer(line.take()).status)


class OriginTests(SiteTestCase):
    config = Config(origins=frozenset({"https://club.example"}))

    def test_no_page(self) -> None:
        """Who names no page is no page, and gets no headers for one."""
        answer = self.ask("GET /health", HOST)
        self.assertEqual(200, answer.status)
        self.assertNotIn("access-control-allow-origin", answer.headers)
        self.assertEqual("Origin", answer.headers["vary"])

    def test_allowed(self) -> None:
        """An allowed page is named, and nobody else."""
        for origin in ("https://club.example", "http://192.168.1.2:8081"):
            answer = self.ask("GET /health", HOST, f"origin: {origin}")
            self.assertEqual(200, answer.status)
            self.assertEqual(origin, answer.headers["access-control-allow-origin"])
            self.assertEqual("Origin", answer.headers["vary"])

    def test_errors_can_be_read(self) -> None:
        """An allowed page may read errors too."""
        answer = self.ask("GET /nowhere", HOST, "origin: https://club.example")
        self.assertIn("access-control-allow-origin", answer.headers)

    def test_refused(self) -> None:
        """Any other page is 403, whatever it asks."""
        for request in (
            "GET /health",
            "DELETE /api/sessions/ABC123",
            "OPTIONS /health",
        ):
            answer = self.ask(request, HOST, "origin: https://evil.example")
            self.assertEqual(403, answer.status)
            self.assertEqual("Origin not allowed", answer.error)
            self.assertNotIn("access-control-allow-origin", answer.headers)
        self.assertEqual([], self.sessions.ended)

    def test_refused_websocket(self) -> None:
        """Any other page gets no WebSocket."""
        for origin in ("https://evil.example", "null"):
            line = self.line()
            line.send(handshake(origin=origin))
            self.assertEqual(403, Answer(line.take()).status)
        self.assertEqual([], self.sessions.connections)

    def test_allowed_websocket(self) -> None:
        """An allowed page gets one, also from a port that is not ours."""
        for origin in ("https://club.example", "exp://192.168.1.2:19000"):
            line = self.line()
            line.send(handshake(origin=origin))
            self.assertEqual(101, Answer(line.take()).status)

    def test_two(self) -> None:
        """Nobody comes from two pages."""
        both = ["origin: https://club.example"] * 2
        self.assertEqual(403, self.ask("GET /health", HOST, *both).status)

    def test_preflight(self) -> None:
        """A preflight is answered as the predecessor did, for any path."""
        answer = self.ask(
            "OPTIONS /api/sessions/ABC123",
            HOST,
            "origin: https://club.example",
            "access-control-request-headers: content-type",
        )
        self.assertEqual((204, b""), (answer.status, answer.body))
        self.assertEqual(
            "GET,HEAD,PUT,PATCH,POST,DELETE",
            answer.headers["access-control-allow-methods"],
        )
        self.assertEqual("content-type", answer.headers["access-control-allow-headers"])


class NullOriginTests(SiteTestCase):
    config = Config(origins=frozenset({"null"}))

    def test_listed(self) -> None:
        """A page that hides where it comes from is welcome if an operator says so."""
        line = self.line()
        line.send(handshake(origin="null"))
        self.assertEqual(101, Answer(line.take()).status)


class BodyTests(SiteTestCase):
    def test_small(self) -> None:
        """A body of 16 KiB is taken, though no call wants one."""
        body = b"x" * MAX_BODY
        length = f"content-length: {len(body)}"
        self.assertEqual(200, self.ask("GET /health", HOST, length, body=body).status)

    def test_large(self) -> None:
        """A larger one is 413 at its header, before any of it has come."""
        answer = self.ask("GET /health", HOST, f"content-length: {MAX_BODY + 1}")
        too_large = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        expected = (413, too_large.phrase)  # which Python 3.13 renamed
        self.assertEqual(expected, (answer.status, answer.error))
        self.assertEqual("close", answer.headers["connection"])

    def test_chunks(self) -> None:
        """One in chunks is 413 as soon as it is too large, and is not kept."""
        line = self.line()
        line.send(f"POST /health HTTP/1.1\r\n{HOST}\r\n".encode())
        line.send(b"transfer-encoding: chunked\r\n\r\n")
        chunk = b"1000\r\n" + b"x" * 0x1000 + b"\r\n"
        line.send(chunk * 4)
        self.assertEqual(b"", line.take())
        line.send(chunk)
        self.assertEqual(413, Answer(line.take()).status)
        line.send(chunk * 100)
        self.assertEqual(b"", line.take())

    def test_no_invitation(self) -> None:
        """Who asks before it sends too much is not told to go on."""
        answer = self.ask(
            "POST /health", HOST, "content-length: 99999", "expect: 100-continue"
        )
        self.assertEqual(413, answer.status)
        self.assertNotIn(b"100 Continue", answer.body)

    def test_client_may_finish(self) -> None:
        """We read on for a moment, or a reset would overtake the answer."""
        line = self.line()
        line.send(f"POST /health HTTP/1.1\r\n{HOST}\r\n".encode())
        line.send(b"content-length: 20000\r\n\r\n", b"x" * 19_999)
        self.assertFalse(line.is_closed)
        line.send(b"x")
        self.assertTrue(line.is_closed)

    def test_client_may_not_go_on(self) -> None:
        """We do not read on for long."""
        line = self.line()
        line.send(f"POST /health HTTP/1.1\r\n{HOST}\r\n".encode())
        line.send(b"content-length: 99999999\r\n\r\n", b"x" * 10_000)
        self.clock.advance(LINGER)
        self.assertTrue(line.is_closed)

    def test_no_timer_left(self) -> None:
        """A client that leaves leaves nothing behind."""
        line = self.line()
        line.send(f"POST /health HTTP/1.1\r\n{HOST}\r\n".encode())
        line.send(b"content-length: 99999\r\n\r\n")
        line.hang_up()
        self.assertEqual([], self.clock.getDelayedCalls())


class SyncTests(SiteTestCase):
    def open(self, path: str, **headers: str) -> Answer:
        """Try to open a WebSocket."""
        line = self.line()
        line.send(handshake(path, **headers))
        return Answer(line.take())

    def test_code(self) -> None:
        """A code in the path is handed on in upper case."""
        for path in ("/sync/ABC123", "/sync/abc123", "/sync/%61bc123?x=y"):
            self.assertEqual(101, self.open(path).status)
            self.assertEqual("ABC123", self.sessions.connections[-1].code)

    def test_no_code(self) -> None:
        """Without one there is none."""
        self.open("/sync?code=ABC123")
        self.assertIsNone(self.sessions.connections[-1].code)

    def test_other_paths(self) -> None:
        """Nothing else below /sync is there."""
        codes = ("", "ABC12", "ABC1234", "ABC12%0A", "ABC123/", "ABC123/x", "%DFBC123")
        for code in codes:
            answer = self.open(f"/sync/{code}")
            self.assertEqual((404, "Not Found"), (answer.status, answer.error), code)
        self.assertEqual([], self.sessions.connections)

    def test_plain_get(self) -> None:
        """A browser that only looks is told what this is."""
        for request in ("GET /sync", "GET /sync/ABC123", "HEAD /sync"):
            answer = self.ask(request, HOST)
            self.assertEqual(426, answer.status)
            self.assertEqual("websocket", answer.headers["upgrade"])
        self.assertEqual("This is a WebSocket", self.ask("GET /sync", HOST).error)

    def test_no_redirect(self) -> None:
        """There is no status page that redirects wherever it is told."""
        answer = self.ask("GET /sync?redirect=http://evil.example", HOST)
        self.assertEqual(426, answer.status)
        self.assertNotIn("location", answer.headers)

    def test_methods(self) -> None:
        """Other methods are 405, with those that are allowed."""
        for method in ("POST", "DELETE", "TRACE", "FOO"):
            answer = self.ask(f"{method} /sync", HOST, "upgrade: websocket")
            self.assertEqual((405, "Method Not Allowed"), (answer.status, answer.error))
            self.assertEqual("GET, HEAD, OPTIONS", answer.headers["allow"])

    def test_bad_handshakes(self) -> None:
        """A handshake that is wrong is told why, in JSON."""
        for headers in (
            {"upgrade": "h2c"},
            {"connection": ""},
            {"sec_websocket_key": ""},
            {"sec_websocket_key": "short"},
            {"sec_websocket_version": "8"},
            {"sec_websocket_version": "x"},
        ):
            answer = self.open("/sync", **headers)
            self.assertEqual(400, answer.status)
            self.assertTrue(answer.error)
        self.assertEqual([], self.sessions.connections)

    def test_version(self) -> None:
        """The version we do speak is named."""
        answer = self.open("/sync", sec_websocket_version="8")
        self.assertEqual("13", answer.headers["sec-websocket-version"])

    def test_http_1_0(self) -> None:
        """HTTP/1.0 has no WebSockets."""
        line = self.line()
        line.send(handshake().replace(b"HTTP/1.1", b"HTTP/1.0"))
        self.assertEqual(505, Answer(line.take()).status)

    def test_channel_is_freed(self) -> None:
        """An open WebSocket does not keep the HTTP channel and request alive."""
        gc.collect()
        line = self.line()
        channels = [ref(each) for each in gc.get_objects() if isinstance(each, Channel)]
        line.send(handshake(), frame(1, b"hello"))
        # Autobahn's own resource stays registered: the transport keeps it all.
        self.assertNotIsInstance(line.server_side.producer, Channel)
        line._pump.server = None
        gc.collect()
        self.assertEqual([None], [each() for each in channels])

    def test_paused(self) -> None:
        """A transport that the channel had paused is read again."""
        line = self.line()
        line.server_side.pauseProducing()
        line.send(handshake())
        self.assertTrue(line.server_side.reading)

    def test_no_open_defaults(self) -> None:
        """None of Autobahn's open defaults is left, and none of its timers."""
        line = self.line()
        line.send(handshake())
        protocol = line.server_side.protocol
        expected = {
            "versions": [13],
            "webStatus": False,
            "failByDrop": False,
            "maxFramePayloadSize": 16384,
            "maxMessagePayloadSize": 16384,
            "openHandshakeTimeout": 0,
            "closeHandshakeTimeout": 0,
            "autoPingInterval": 0,
            "autoPingTimeout": 0,
        }
        self.assertEqual(expected, {name: getattr(protocol, name) for name in expected})

    def test_channel_does_not_time_out(self) -> None:
        """An open WebSocket outlives the time an idle HTTP connection has."""
        line = self.line()
        line.send(handshake())
        self.clock.advance(3600)
        self.assertFalse(line.is_closed)
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_after_another_request(self) -> None:
        """A connection may have been used for REST before."""
        line = self.line()
        line.send(f"GET /health HTTP/1.1\r\n{HOST}\r\n\r\n".encode())
        line.take()
        line.send(f"GET /health HTTP/1.1\r\n{HOST}\r\n\r\n".encode(), handshake())
        self.assertIn(b"101 Switching", line.take())
        line.send(frame(1, b"hello"))
        self.assertEqual([("received", b"hello")], self.sessions.connections[-1].calls)
