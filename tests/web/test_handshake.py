"""Handshakes that are wrong: what the client is told, and what stands in the log."""

from __future__ import annotations

import json

from twisted.internet.task import Clock
from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from raydel.core.config import Config
from raydel.testing import ByteLine, FakeSessions, FakeTimebase, handshake
from raydel.web.site import make_site
from raydel.web.websocket import FAREWELL

WRONG_KEY = "Sec-WebSocket-Key must be 16 bytes in Base64"
WRONG_VERSION = "Sec-WebSocket-Version must be 13"


class HandshakeTests(SynchronousTestCase):
    def setUp(self) -> None:
        """Have nobody connected yet."""
        self.clock = Clock()
        self.sessions = FakeSessions()
        timebase = FakeTimebase(self.clock)
        self.site = make_site(self.sessions, timebase, Config(), self.clock)

    def refused(self, request: bytes) -> tuple[int, str, str]:
        """Return status, the client's reason, and the one line of the log."""
        line = ByteLine(self.site, self.clock)
        with capturedLogs() as events:
            line.send(request)
        head, _, body = line.take().partition(b"\r\n\r\n")
        (logged,) = map(formatEvent, events)
        return int(head.split()[1]), json.loads(body)["error"], str(logged)

    def test_each_header(self) -> None:
        """Each header that is wrong is named, to the client and in the log."""
        for headers, reason in (
            ({"upgrade": "h2c"}, "Upgrade must be websocket"),
            ({"connection": ""}, "Connection must be Upgrade"),
            ({"connection": "close"}, "Connection must be Upgrade"),
            ({"sec_websocket_version": ""}, WRONG_VERSION),
            ({"sec_websocket_version": "8"}, WRONG_VERSION),
            ({"sec_websocket_version": "9" * 5000}, WRONG_VERSION),
            ({"sec_websocket_key": ""}, WRONG_KEY),
            ({"sec_websocket_key": "short"}, WRONG_KEY),
            ({"sec_websocket_key": "!" * 22 + "=="}, WRONG_KEY),
        ):
            status, error, logged = self.refused(handshake(**headers))
            self.assertEqual((400, reason), (status, error), headers)
            self.assertEqual(f"192.168.1.7:51234 gets no WebSocket: {reason}", logged)

    def test_twice(self) -> None:
        """Neither key nor version may come twice."""
        for name, reason in (("key", WRONG_KEY), ("version", WRONG_VERSION)):
            line = next(
                each for each in handshake().splitlines() if name.encode() in each
            )
            request = handshake().replace(line, line + b"\r\n" + line)
            self.assertEqual((400, reason), self.refused(request)[:2])

    def test_http_1_0(self) -> None:
        """HTTP/1.0 has no WebSockets."""
        request = handshake().replace(b"HTTP/1.1", b"HTTP/1.0")
        self.assertEqual((505, "HTTP/1.1 is needed"), self.refused(request)[:2])

    def test_several_words(self) -> None:
        """Proxies and browsers write more than the one word, in any case."""
        for headers in (
            {"connection": "keep-alive, upgrade"},
            {"upgrade": "WebSocket"},
            {"upgrade": "h2c, websocket"},
        ):
            line = ByteLine(self.site, self.clock)
            line.send(handshake(**headers))
            self.assertIn(b" 101 ", line.take())

    def test_nothing_quoted(self) -> None:
        """No line of the log quotes a header."""
        for headers in (
            {"upgrade": "secret"},
            {"connection": "secret"},
            {"sec_websocket_version": "secret"},
            {"sec_websocket_key": "secret"},
            {"host": "secret:", "sec_websocket_protocol": "secret"},
        ):
            self.assertNotIn("secret", "".join(self.refused(handshake(**headers))[1:]))

    def test_only_autobahn_minds(self) -> None:
        """What we would let pass, and Autobahn does not, ends as everything else."""
        status, error, logged = self.refused(handshake(host="here:"))
        self.assertEqual((400, "Bad Request"), (status, error))
        self.assertIn("192.168.1.7:51234", logged)
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_unread(self) -> None:
        """A client that does not take Autobahn's refusal is not waited for."""
        line = ByteLine(self.site, self.clock)
        line.server_side.read = False
        line.send(handshake(host="here:"))
        self.clock.advance(FAREWELL)
        self.assertTrue(line.server_side.aborted)
