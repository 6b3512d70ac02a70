"""The same requests at both doors: nobody can tell which one a phone came in by."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Final, NamedTuple

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from raydel.core.config import Config
from raydel.testing import ByteLine, FakeSessions, FakeTimebase, frame, handshake
from raydel.web.fastdoor import LONGEST, FastDoor, answer, door, strangeness
from raydel.web.fastlane import FastProtocol
from raydel.web.rest import RestResource
from raydel.web.sample import Sample
from raydel.web.site import RaydelSite, make_site
from raydel.web.upgrade import SyncResource
from raydel.web.websocket import FAREWELL, Entrance

TEXT, CLOSE = 1, 8
DATE: Final = re.compile(rb"\r\nDate: [^\r]*")
LISTED: Final = ("https://club.example",)


class Outcome(NamedTuple):
    """All that can be seen of a connection.

    Attributes:
        codes: The session codes in the paths of those who came in.
        calls: What they said.
        sent: What went out, but for the date.
        closed: Whether the server hung up, at once, and after a while.
        logged: What was logged.
        timers: When the timers that are left would ring.
    """

    codes: list[str | None]
    calls: list[list[tuple[str | bytes | int, ...]]]
    sent: bytes
    closed: tuple[bool, bool]
    logged: list[str]
    timers: list[float]


def outcome(packets: Sequence[bytes], *, fast: bool) -> Outcome:
    """Send packets to a new connection at one of the doors."""
    clock, sessions = Clock(), FakeSessions()
    entrance = Entrance(sessions, clock, FastProtocol)
    site = RaydelSite(
        SyncResource(entrance),
        RestResource(sessions, FakeTimebase(clock)),
        LISTED,
        clock,
        FastDoor(entrance, LISTED) if fast else None,
    )
    line = ByteLine(site, clock)
    with capturedLogs() as events:
        for packet in packets:
            line.send(packet)
        closed, timers = line.is_closed, [call.getTime() for call in clock.calls]
        clock.advance(FAREWELL)
        line.flush()
        closed_later = line.is_closed
        line.hang_up()
    return Outcome(
        [peer.code for peer in sessions.connections],
        [peer.calls for peer in sessions.connections],
        DATE.sub(b"", line.take()),
        (closed, closed_later),
        [str(formatEvent(event)) for event in events],
        timers,
    )


def lets_in(request: bytes) -> bool:
    """Return whether a request is taken at the fast door."""
    clock = Clock()
    entrance = Entrance(FakeSessions(), clock, FastProtocol)
    return FastDoor(entrance, LISTED).guest(request) is not None


WELCOME: Final[tuple[dict[str, str], ...]] = (
    {},
    {"path": "/sync/abc123"},
    {"path": "/sync/ABC123"},
    {"connection": "keep-alive, Upgrade"},
    {"upgrade": "WebSocket"},
    {"origin": "http://192.168.1.2:3001"},
    {"origin": "https://club.example"},
    {"host": "[fe80::1]:3001"},
    {"host": "club.local"},
    {"sec_websocket_extensions": "permessage-deflate; client_max_window_bits"},
    {"sec_websocket_protocol": "chat, chat"},
    {"user_agent": "okhttp/4.9.2", "accept_encoding": "gzip"},
    {"cookie": "a=b; c=d"},
)
"""Handshakes that are as phones, browsers and programs write them."""

OTHERS: Final = (
    {"path": "/sync/"},
    {"path": "/sync/ABC12"},
    {"path": "/sync/ABC123/more"},
    {"path": "/sync?code=ABC123"},
    {"path": "/sync/ABC%3123"},
    {"path": "/health"},
    {"host": ""},
    {"host": "here:"},
    {"host": "a b"},
    {"origin": "http://evil.example"},
    {"origin": "null"},
    {"upgrade": "h2c, websocket"},
    {"upgrade": "h2c"},
    {"connection": "Upgrade, close"},
    {"connection": "close"},
    {"sec_websocket_version": "8"},
    {"sec_websocket_version": ""},
    {"sec_websocket_key": ""},
    {"sec_websocket_key": "short"},
    {"content_length": "0"},
    {"content_length": "5"},
    {"transfer_encoding": "chunked"},
    {"expect": "100-continue"},
    {"name": "é"},
    {"name": "a\tb"},
    {"name": "x" * LONGEST},
    {f"n{number}": "x" for number in range(600)},
)
"""What is refused, unusual, or needs another answer first."""


class Parity(SynchronousTestCase):
    def assert_alike(self, packets: Sequence[bytes], why: object = None) -> Outcome:
        """Assert that both doors do the same, and return what that is."""
        slow, fast = (outcome(packets, fast=fast) for fast in (False, True))
        self.assertEqual(slow, fast, why)
        return fast

    def test_let_in(self) -> None:
        """What phones send is taken at the fast door, and answered as at the other."""
        for headers in WELCOME:
            request = handshake(**headers)
            self.assertTrue(lets_in(request), headers)
            found = self.assert_alike([request, frame(TEXT, b"hello")], headers)
            self.assertIn(b" 101 ", found.sent)
            self.assertEqual(("received", b"hello"), found.calls[0][0])

    def test_code(self) -> None:
        """The code in the path comes along, in upper case."""
        found = self.assert_alike([handshake("/sync/abc123")])
        self.assertEqual(["ABC123"], found.codes)

    def test_left_to_the_other(self) -> None:
        """All else goes the long way, whatever comes of it there."""
        for headers in OTHERS:
            request = handshake(**headers)
            self.assertFalse(lets_in(request), headers)
            self.assert_alike([request], headers)

    def test_otherwise_written(self) -> None:
        """So do requests that are written as nobody does."""
        good = handshake()
        key = b"sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        self.assertIn(key, good)
        for request in (
            b"\r\n" + good,
            good.replace(b"\r\n", b"\n"),
            good.replace(b"GET", b"POST"),
            good.replace(b"GET", b"get"),
            good.replace(b"HTTP/1.1", b"HTTP/1.0"),
            good.replace(key, key + key),
            good.replace(key, key + b" folded\r\n"),
            good.replace(key, b"Sec-WebSocket-Key:" + key[19:]),
            good.replace(key, key + b"no colon\r\n"),
            good.replace(key, key + b"name : x\r\n"),
            good.replace(key, key + b"empty:\r\n"),
            good.replace(b"upgrade: web", b"upgrade: h2c\r\nupgrade: web"),
            good.replace(b"host: ", b"host: there\r\nhost: "),
        ):
            self.assertFalse(lets_in(request), request)
            self.assert_alike([request], request)

    def test_names_in_any_case(self) -> None:
        """Names of headers may be written large or small."""
        for request in (handshake().title(), handshake().upper()):
            self.assert_alike([request], request)
        request = handshake().replace(b"sec-websocket-key", b"Sec-WebSocket-Key")
        self.assertTrue(lets_in(request))
        self.assert_alike([request])

    def test_early(self) -> None:
        """What comes in one packet with the handshake is not lost."""
        one, goodbye = frame(TEXT, b"hello"), frame(CLOSE, b"\x03\xe8")
        found = self.assert_alike([handshake() + one + one[:5], one[5:]])
        self.assertEqual([("received", b"hello")] * 2, found.calls[0][:2])
        found = self.assert_alike([handshake() + goodbye])
        self.assertEqual([("closed", 1000)], found.calls[0])

    def test_cut(self) -> None:
        """A handshake in several packets goes the long way."""
        data = handshake()
        for at in range(1, len(data), 7):
            found = self.assert_alike([data[:at], data[at:]], at)
            self.assertIn(b" 101 ", found.sent)

    def test_not_the_first(self) -> None:
        """So does one behind another request."""
        health = handshake("/health", upgrade="", connection="")
        found = self.assert_alike([health, handshake()])
        self.assertEqual([None], found.codes)

    def test_body(self) -> None:
        """What looks like a handshake in the body of a request is none."""
        body = handshake()
        path = "/api/sessions/ABC123/markers"
        post = handshake(path, upgrade="", connection="", content_length=f"{len(body)}")
        post = post.replace(b"GET ", b"POST ", 1)
        found = self.assert_alike([post, body])
        self.assertEqual([], found.codes)
        self.assertNotIn(b" 101 ", found.sent)


SLIPS: Final = st.lists(
    st.tuples(
        st.integers(0, 250),
        st.integers(0, 3),
        st.sampled_from([b"", b" ", b"\r\n", b":", b",", b"\0", b"\xff", b"x", b"/"]),
    ),
    max_size=3,
)


class AnyRequest(SynchronousTestCase):
    @given(
        st.sampled_from([*WELCOME, *OTHERS[:-2]]),
        SLIPS,
        st.lists(st.integers(0, 300), max_size=2),
        st.sampled_from([b"", frame(TEXT, b"hello"), b"\x81"]),
    )
    def test_alike(
        self,
        headers: dict[str, str],
        slips: list[tuple[int, int, bytes]],
        cuts: list[int],
        early: bytes,
    ) -> None:
        """A request with a byte or three changed, cut anywhere."""
        data = handshake(**headers)
        for at, size, other in slips:
            data = data[:at] + other + data[at + size :]
        data += early
        edges = [0, *sorted(at for at in cuts if at < len(data)), len(data)]
        packets = [data[a:b] for a, b in pairwise(edges) if a < b]
        slow, fast = (outcome(packets, fast=fast) for fast in (False, True))
        self.assertEqual(slow, fast)


class Chatty(Sample):
    """Answers in other words."""

    def sendData(self, data: bytes, *more: Any) -> None:
        """Change a word."""
        super().sendData(data.replace(b"Switching", b"Changing"), *more)


class Hoarder(Sample):
    """Keeps something for each connection."""

    def onOpen(self) -> None:
        """Keep it."""
        self.hoard = [1]


class Broken(Sample):
    """Cannot be opened."""

    def connectionMade(self) -> None:
        """Break."""
        raise LookupError("gone")


class StrangeTests(SynchronousTestCase):
    def setUp(self) -> None:
        """Have a clock."""
        self.clock = Clock()

    def test_as_expected(self) -> None:
        """The Autobahn that is installed is known, and leaves no timer."""
        self.assertIsNone(strangeness(self.clock))
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_changed_libraries(self) -> None:
        """Where Autobahn is not as expected, what is different is said."""
        for sample, words in (
            (Chatty, "Autobahn answers otherwise"),
            (Hoarder, "Autobahn keeps other things"),
            (Broken, "LookupError: gone"),
        ):
            self.assertIn(words, strangeness(self.clock, sample) or "")

    def test_shut_by_itself(self) -> None:
        """It is then shut by itself, and one line says so."""
        entrance = Entrance(FakeSessions(), self.clock, FastProtocol)
        with capturedLogs() as events:
            self.assertIsNone(door(entrance, (), self.clock, Chatty))
        (line,) = map(formatEvent, events)
        self.assertIn("the fast door is shut", str(line))

    def test_option(self) -> None:
        """It stands open with the fast lane, and is left out without."""
        for wire, is_open in (("fast", True), ("library", False)):
            timebase = FakeTimebase(self.clock)
            config = Config(wire=wire)  # type: ignore[arg-type]
            site = make_site(FakeSessions(), timebase, config, self.clock)
            self.assertEqual(is_open, site.protocol.door is not None)

    def test_answer(self) -> None:
        """A key is answered as in the RFC's own example (RFC 6455, 1.3)."""
        accepted = b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
        self.assertIn(accepted, answer(b"dGhlIHNhbXBsZSBub25jZQ=="))
