"""How long a connection waits for its client, and for what."""

from __future__ import annotations

import contextlib
import json
import ssl
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.internet.testing import MemoryReactorClock
from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from raydel.certificates import Certificates
from raydel.certificates.authority import issue, new_authority
from raydel.certificates.files import Contents
from raydel.core.config import Config
from raydel.core.messages import SessionStatus
from raydel.endpoints import resolve
from raydel.testing import ByteLine, FakeSessions, FakeTimebase, frame, handshake
from raydel.web.channel import BODY, HEADERS, IDLE, LEAVE, LINGER
from raydel.web.request import MAX_BODY
from raydel.web.site import RaydelSite, make_site

SESSION = SessionStatus(
    "ABC123",
    device_count=0,
    is_recording=False,
    created_at="2026-01-15T10:29:00.000Z",
    devices=(),
)
START = b"GET /health HTTP/1.1\r\n"
WHOLE = START + b"host: here\r\n\r\n"
LAST = START + b"host: here\r\nconnection: close\r\n\r\n"
POST = b"POST /health HTTP/1.1\r\nhost: here\r\n"
TOO_LATE = (408, {"error": "Request Timeout"})


def answer(data: bytes) -> tuple[int, Any]:
    """Return status and JSON of an answer that is the last of its connection."""
    head, _, body = data.partition(b"\r\n\r\n")
    lines = head.decode().lower().split("\r\n")
    assert "connection: close" in lines
    assert "server: raydel" in lines
    assert f"content-length: {len(body)}" in lines
    return int(lines[0].split()[1]), json.loads(body)


class ChannelTestCase(SynchronousTestCase):
    """A site with one session, and connections to it."""

    def setUp(self) -> None:
        """Have nobody connected yet."""
        self.clock = MemoryReactorClock()
        self.sessions = FakeSessions(SESSION)
        timebase = FakeTimebase(self.clock)
        self.site = make_site(self.sessions, timebase, Config(), self.clock)

    def line(self) -> ByteLine:
        """Return a new connection."""
        return ByteLine(self.site, self.clock)

    def assert_gone_after(
        self,
        line: ByteLine,
        seconds: float,
        drip: Callable[[], object] = lambda: None,
    ) -> None:
        """Assert when a connection ends, whatever trickles in every half second."""
        for _ in range(int(seconds * 2) - 1):
            drip()
            self.clock.advance(0.5)
            self.assertFalse(line.is_closed)
        self.clock.advance(0.4)
        self.assertFalse(line.is_closed)
        self.clock.advance(0.1)
        self.assertTrue(line.is_closed)


class HeaderTests(ChannelTestCase):
    def test_silence(self) -> None:
        """Who connects and says nothing is gone in 10 s, and is told nothing."""
        line = self.line()
        with capturedLogs() as events:
            self.assert_gone_after(line, 10)
        self.assertEqual((b"", []), (line.take(), events))

    def test_now_and_then(self) -> None:
        """A byte now and then wins no time."""
        line = self.line()
        self.assert_gone_after(line, HEADERS, lambda: line.send(b"G"))
        line = self.line()
        line.send(START)
        self.assert_gone_after(line, HEADERS, lambda: line.send(b"x"))

    def test_whole_headers_now_and_then(self) -> None:
        """Nor does a whole header."""
        line = self.line()
        line.send(START)
        self.assert_gone_after(line, HEADERS, lambda: line.send(b"x: y\r\n"))

    def test_told(self) -> None:
        """Who has begun a request is told, in JSON, and so is the log."""
        line = self.line()
        line.send(START, b"x-private: secret")
        with capturedLogs() as events:
            self.clock.advance(HEADERS)
        self.assertEqual(TOO_LATE, answer(line.take()))
        (logged,) = map(formatEvent, events)
        self.assertIn("192.168.1.7:51234", logged)
        self.assertNotIn("secret", logged)

    def test_in_time(self) -> None:
        """Who is slow, and not too slow, is answered."""
        line = self.line()
        for byte in WHOLE:
            line.send(bytes([byte]))
            self.clock.advance((HEADERS - 0.5) / len(WHOLE))
        self.assertIn(b"200 OK", line.take())

    def test_next_request(self) -> None:
        """A later request has as long, from its first byte."""
        line = self.line()
        line.send(WHOLE)
        self.clock.advance(IDLE - 1)
        line.send(b"G")
        self.assert_gone_after(line, HEADERS, lambda: line.send(b"E"))

    def test_next_request_in_one_packet(self) -> None:
        """So has one that begins together with the end of another."""
        with_body = POST + b"content-length: 1\r\n\r\nx"
        for begun in (WHOLE + START, WHOLE + b"GET", with_body + START):
            line = self.line()
            line.send(begun)
            self.clock.advance(HEADERS - 5)
            self.assert_gone_after(line, 5, partial(line.send, b"x"))

    def test_next_request_behind_a_wait(self) -> None:
        """One that came while we were busy has as long from our answer."""
        self.sessions.ending = Deferred()
        line = self.line()
        line.send(b"DELETE /api/sessions/ABC123 HTTP/1.1\r\nhost: here\r\n\r\n")
        line.send(START)
        self.clock.advance(HEADERS * 2)
        self.sessions.ending.callback(True)
        self.clock.advance(HEADERS - 5)
        self.assert_gone_after(line, 5, lambda: line.send(b"x"))
        self.assertIn(b" 408 ", line.take())

    def test_nothing_after(self) -> None:
        """What comes after the end is not looked at, and grants no time."""
        line = self.line()
        line.server_side.read = False
        line.send(START)
        self.clock.advance(HEADERS)
        line.send(b"host: here\r\n\r\n", WHOLE)
        line.server_side.read = True
        self.assertEqual(TOO_LATE, answer(line.take()))
        self.assertEqual([], self.clock.getDelayedCalls())


class BodyTests(ChannelTestCase):
    def test_now_and_then(self) -> None:
        """A body has 10 s from its headers, whatever trickles in."""
        line = self.line()
        self.clock.advance(HEADERS - 1)
        line.send(POST, b"content-length: 100\r\n\r\n")
        self.assert_gone_after(line, BODY, lambda: line.send(b"x"))
        self.assertEqual(TOO_LATE, answer(line.take()))

    def test_chunks(self) -> None:
        """So has one in chunks."""
        line = self.line()
        line.send(POST, b"transfer-encoding: chunked\r\n\r\n")
        self.assert_gone_after(line, BODY, lambda: line.send(b"1\r\nx\r\n"))
        self.assertEqual(TOO_LATE, answer(line.take()))

    def test_in_time(self) -> None:
        """A body that is slow, and not too slow, is taken."""
        line = self.line()
        line.send(POST.replace(b"POST", b"GET"), b"content-length: 9\r\n\r\n")
        for _ in range(9):
            self.clock.advance(1)
            line.send(b"x")
        self.assertIn(b"200 OK", line.take())

    def test_refused_late(self) -> None:
        """A body that is refused is answered once, however late it is."""
        line = self.line()
        line.send(POST, b"transfer-encoding: chunked\r\n\r\n")
        self.clock.advance(BODY - 0.5)
        line.send(b"5000\r\n", b"x" * (MAX_BODY + 1))
        self.assertEqual(413, answer(line.take())[0])
        self.assert_gone_after(line, LINGER, lambda: line.send(b"x"))
        self.assertEqual(b"", line.take())


class IdleTests(ChannelTestCase):
    def test_idle(self) -> None:
        """A connection without another request is closed in 10 s, wordlessly."""
        line = self.line()
        self.clock.advance(HEADERS - 1)
        line.send(WHOLE)
        line.take()
        self.assert_gone_after(line, IDLE)
        self.assertEqual(b"", line.take())

    def test_used(self) -> None:
        """One that is used stays, for as long as it is."""
        line = self.line()
        for _ in range(100):
            line.send(WHOLE)
            self.assertIn(b"200 OK", line.take())
            self.clock.advance(IDLE - 1)
        self.assertFalse(line.is_closed)


class AnswerTests(ChannelTestCase):
    def test_ours(self) -> None:
        """While we are at it, no time runs out for the client."""
        self.sessions.ending = Deferred()
        line = self.line()
        line.send(b"DELETE /api/sessions/ABC123 HTTP/1.1\r\nhost: here\r\n\r\n")
        self.clock.advance(3600)
        self.assertFalse(line.is_closed)
        self.sessions.ending.callback(True)
        self.assertIn(b"200 OK", line.take())

    def test_unread(self) -> None:
        """Who does not take an answer is cut, on a connection that is kept too."""
        for request, patience in ((WHOLE, IDLE + LEAVE), (LAST, LEAVE)):
            line = self.line()
            line.server_side.read = False
            line.send(request)
            self.clock.advance(patience / 2)
            self.clock.advance(patience / 2 - 0.1)
            self.assertFalse(line.server_side.aborted)
            self.clock.advance(0.1)
            self.assertTrue(line.server_side.aborted)

    def test_unread_refusals(self) -> None:
        """So is who does not take a refusal."""
        for request in (b"BAD\r\n", START + b"x: " + b"y" * 20_000):
            line = self.line()
            line.server_side.read = False
            line.send(request)
            self.clock.advance(LEAVE)
            self.assertTrue(line.server_side.aborted)


class UpgradeTests(ChannelTestCase):
    def test_slow_handshake(self) -> None:
        """A WebSocket that came slowly has all the time there is, once it is one."""
        line = self.line()
        for byte in handshake():
            line.send(bytes([byte]))
            self.clock.advance((HEADERS - 0.5) / len(handshake()))
        self.assertEqual([], self.clock.getDelayedCalls())
        self.clock.advance(3600)
        line.send(frame(1, b"hello"))
        self.assertEqual([("received", b"hello")], self.sessions.connections[-1].calls)

    def test_too_slow_handshake(self) -> None:
        """One that comes too slowly never is one."""
        line = self.line()
        line.send(handshake()[:-2])
        self.assert_gone_after(line, HEADERS)
        self.assertEqual([], self.sessions.connections)


class TraceTests(ChannelTestCase):
    def test_one_timer(self) -> None:
        """A connection has one timer: ours, in place of that of twisted.web."""
        self.line()
        self.assertEqual(1, len(self.clock.getDelayedCalls()))

    def test_no_timer_left(self) -> None:
        """A client that leaves, at whatever point, leaves nothing behind."""
        for data in (
            b"",
            START,
            WHOLE,
            LAST,
            POST + b"content-length: 5\r\n\r\nx",
            POST + b"content-length: 99999\r\n\r\n",
            b"BAD\r\n",
            handshake(),
        ):
            line = self.line()
            line.send(data)
            line.hang_up()
            self.assertEqual([], self.clock.getDelayedCalls(), data)


class CrowdTests(ChannelTestCase):
    def test_all_gone(self) -> None:
        """Of 500 that send a byte now and then none is left in 10 s, but the phone."""
        phone = self.line()
        phone.send(handshake())
        crowd = [self.line() for _ in range(500)]
        for _ in range(10):
            self.assertFalse(any(each.is_closed for each in crowd))
            for each in crowd:
                each.send(b"G")
            self.clock.advance(1)
        self.assertTrue(all(each.is_closed for each in crowd))
        for each in crowd:
            each.flush()
        self.assertEqual([], self.clock.getDelayedCalls())
        phone.send(frame(1, b"hello"))
        self.assertEqual([("received", b"hello")], self.sessions.connections[-1].calls)


class Given:
    """A certificate for these tests."""

    def read(self) -> Contents:
        """Make it."""
        pair = issue(new_authority("Test"), ["localhost"])
        return {Path("here.pem"): pair.certificate_pem + pair.key_pem}


def stack(port: str, site: RaydelSite, reactor: MemoryReactorClock) -> Any:
    """Return what the program puts around its site on a port."""
    resolve(port, reactor, Certificates(Given())).listen(site)
    *_, (_port, factory, _backlog, _interface) = reactor.tcpServers
    return factory


def drip(line: ByteLine, words: Iterator[bytes]) -> None:
    """Let the next of them in."""
    line.send(next(words))


class SecureLine:
    """A client with TLS, which says what it is told to, and no goodbye."""

    def __init__(self, line: ByteLine, clock: Clock) -> None:
        self.line = line
        self._clock = clock
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        settings = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        settings.check_hostname, settings.verify_mode = False, ssl.CERT_NONE
        self._wire = settings.wrap_bio(self._in, self._out)

    def shake(self) -> None:
        """Shake hands."""
        for _ in range(3):
            try:
                self._wire.do_handshake()
            except ssl.SSLWantReadError:
                self._exchange()
        self._exchange()

    def send(self, data: bytes) -> None:
        """Send what nobody on the way can read."""
        self._wire.write(data)
        self._exchange()

    def take(self) -> bytes:
        """Return what came; nothing where the server has said goodbye."""
        self._exchange()
        return self._wire.read()

    def hello(self) -> bytes:
        """Return the first words of a handshake."""
        with contextlib.suppress(ssl.SSLWantReadError):
            self._wire.do_handshake()
        return self._out.read()

    def _exchange(self) -> None:
        # Twisted collects small writes before it encrypts them.
        self._clock.advance(0)
        self.line.send(self._out.read())
        self._clock.advance(0)
        self._in.write(self.line.take())


class TlsTests(ChannelTestCase):
    def setUp(self) -> None:
        """Have TLS around the site, as `tls:` ports have."""
        super().setUp()
        self.secured = stack("tls:3001", self.site, self.clock)

    def secure_line(self) -> SecureLine:
        """Return a new connection, before its handshake."""
        return SecureLine(ByteLine(self.secured, self.clock), self.clock)

    def test_no_handshake(self) -> None:
        """Who does not shake hands is gone in 10 s."""
        self.assert_gone_after(self.secure_line().line, 10)

    def test_slow_handshake(self) -> None:
        """So is who does so byte by byte."""
        client = self.secure_line()
        words = (bytes([each]) for each in client.hello())
        line = client.line
        self.assert_gone_after(line, HEADERS, partial(drip, line, words))

    def test_half_a_handshake(self) -> None:
        """So is who goes silent in the middle of it."""
        client = self.secure_line()
        client.line.send(client.hello())
        self.assert_gone_after(client.line, HEADERS)

    def test_slow_headers(self) -> None:
        """A handshake wins no time; and we do not wait for a goodbye."""
        client = self.secure_line()
        self.clock.advance(HEADERS - 5)
        client.shake()
        client.send(START)
        self.assert_gone_after(client.line, 5, lambda: client.send(b"x"))
        self.assertEqual(TOO_LATE, answer(client.take()))

    def test_answer_arrives(self) -> None:
        """All of an answer arrives, and the goodbye behind it."""
        client = self.secure_line()
        client.shake()
        client.send(LAST)
        self.assertEqual("healthy", answer(client.take())[1]["status"])
        self.assertEqual(b"", client.take())
        self.assertTrue(client.line.is_closed)

    def test_websocket(self) -> None:
        """A WebSocket has all the time there is."""
        client = self.secure_line()
        client.shake()
        client.send(handshake())
        self.assertIn(b" 101 ", client.take())
        self.clock.advance(3600)
        client.send(frame(1, b"hello"))
        self.assertEqual([("received", b"hello")], self.sessions.connections[-1].calls)


class ProxyTests(ChannelTestCase):
    def test_slow_proxy(self) -> None:
        """The line of a proxy, before everything else, has no time of its own."""
        for port in ("haproxy:tcp:3001", "haproxy:tls:3001"):
            line = ByteLine(stack(port, self.site, self.clock), self.clock)
            self.assert_gone_after(line, HEADERS)
            line = ByteLine(stack(port, self.site, self.clock), self.clock)
            line.send(b"PROXY TCP4 ")
            words = (bytes([each]) for each in b"192.0.2.77 192.0.2.1 51234")
            self.assert_gone_after(line, HEADERS, partial(drip, line, words))
