"""WebSockets, over connections in memory."""

from __future__ import annotations

import struct
from collections.abc import Iterable

from twisted.internet.task import Clock
from twisted.logger import LogEvent, capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from raydel.core.config import Config
from raydel.interfaces import IConnection, ITransport
from raydel.testing import (
    ByteLine,
    FakeConnection,
    FakeSessions,
    FakeTimebase,
    dial,
    frame,
    frames,
    handshake,
)
from raydel.web.site import make_site
from raydel.web.websocket import FAREWELL

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


def goodbye(code: int, reason: str = "") -> bytes:
    """Return what is in a close frame."""
    return struct.pack("!H", code) + reason.encode()


def own_lines(events: Iterable[LogEvent]) -> list[str]:
    """Return the log lines, all of which are ours: Autobahn is to be silent."""
    strangers = [e for e in events if e.get("log_namespace") != "raydel.web.websocket"]
    assert strangers == []
    return [formatEvent(event) for event in events]


class WebSocketTestCase(SynchronousTestCase):
    """A site, and a client that writes its frames byte by byte."""

    def setUp(self) -> None:
        """Have nobody connected yet."""
        self.clock = Clock()
        self.sessions = FakeSessions()
        timebase = FakeTimebase(self.clock)
        self.site = make_site(self.sessions, timebase, Config(), self.clock)

    def open(self, path: str = "/sync") -> ByteLine:
        """Return a connection after its handshake."""
        line = ByteLine(self.site, self.clock)
        line.send(handshake(path))
        self.assertIn(b"101 Switching Protocols", line.take())
        return line

    def peer(self) -> FakeConnection:
        """Return the connection that was welcomed last."""
        return self.sessions.connections[-1]


class ConversationTests(WebSocketTestCase):
    def test_welcome(self) -> None:
        """A peer is welcomed after its handshake, with address and no code."""
        self.open()
        self.assertEqual(1, len(self.sessions.connections))
        self.assertIsNone(self.peer().code)
        self.assertEqual("192.168.1.7:51234", self.peer().transport.address)
        self.assertTrue(ITransport.providedBy(self.peer().transport))
        self.assertTrue(IConnection.providedBy(self.peer()))

    def test_received(self) -> None:
        """A text message arrives as the bytes it was sent as."""
        line = self.open()
        line.send(frame(TEXT, '{"name":"é"}'.encode()))
        self.assertEqual([("received", '{"name":"é"}'.encode())], self.peer().calls)

    def test_fragments(self) -> None:
        """A message in pieces arrives whole, each earlier piece is a sign of life."""
        line = self.open()
        line.send(frame(TEXT, b"he", fin=False))
        line.send(frame(0, b"ll", fin=False), frame(0, b"o"))
        self.assertEqual(
            [("heard",), ("heard",), ("received", b"hello")], self.peer().calls
        )

    def test_send(self) -> None:
        """What the connection sends leaves as a text frame, at once."""
        line = self.open()
        self.peer().transport.send(b"{}")
        self.assertEqual([(TEXT, b"{}")], frames(line.take()))

    def test_send_long(self) -> None:
        """The limit for what peers send is none for what we send."""
        line = self.open()
        self.peer().transport.send(b"x" * 20_000)
        self.assertEqual([(TEXT, b"x" * 20_000)], frames(line.take()))

    def test_ping_pong(self) -> None:
        """Our ping leaves with its payload, and its pong comes back with it."""
        line = self.open()
        self.peer().transport.ping(b"7")
        self.assertEqual([(PING, b"7")], frames(line.take()))
        line.send(frame(PONG, b"7"))
        self.assertEqual([("ponged", b"7")], self.peer().calls)

    def test_peers_ping(self) -> None:
        """A peer's ping is answered, and is a sign of life."""
        line = self.open()
        line.send(frame(PING, b"7"))
        self.assertEqual([(PONG, b"7")], frames(line.take()))
        self.assertEqual([("heard",)], self.peer().calls)

    def test_no_own_heartbeat(self) -> None:
        """An hour of silence sends nothing and closes nothing by itself."""
        line = self.open()
        self.clock.advance(3600)
        self.assertEqual(b"", line.take())
        self.assertFalse(line.is_closed)

    def test_early_frame(self) -> None:
        """A message in the same packet as the handshake is not lost."""
        line = ByteLine(self.site, self.clock)
        line.send(handshake(), frame(TEXT, b"early"), frame(TEXT, b"next"))
        line.send(frame(TEXT, b"late"))
        expected = [
            ("received", b"early"),
            ("received", b"next"),
            ("received", b"late"),
        ]
        self.assertEqual(expected, self.peer().calls)

    def test_other_client(self) -> None:
        """A client of Autobahn's own talks with us, and says goodbye."""
        client, line = dial(self.site, self.clock, "/sync/abc123")
        client.sendMessage(b"hello")
        line.flush()
        self.assertEqual("ABC123", self.peer().code)
        self.peer().transport.send(b"welcome")
        line.flush()
        self.assertEqual([b"welcome"], client.messages)
        client.sendClose(1000)
        line.flush()
        self.assertEqual([("received", b"hello"), ("closed", 1000)], self.peer().calls)


class PeerClosesTests(WebSocketTestCase):
    def test_with_code(self) -> None:
        """The connection is told the peer's close code, once, and we answer."""
        line = self.open()
        line.send(frame(CLOSE, goodbye(1001)))
        self.assertEqual([("closed", 1001)], self.peer().calls)
        self.assertEqual([(CLOSE, goodbye(1000))], frames(line.take()))
        self.assertTrue(line.is_closed)
        self.assertFalse(line.server_side.aborted)

    def test_without_code(self) -> None:
        """A close without a code is 1005."""
        self.open().send(frame(CLOSE))
        self.assertEqual([("closed", 1005)], self.peer().calls)

    def test_broken(self) -> None:
        """A wire that breaks is 1006."""
        self.open().hang_up()
        self.assertEqual([("closed", 1006)], self.peer().calls)

    def test_code_that_is_none(self) -> None:
        """A code that nobody may send is no goodbye: 1006, never 1000."""
        line = self.open()
        line.send(frame(CLOSE, goodbye(1006)))
        self.assertEqual([("closed", 1006)], self.peer().calls)
        self.assertEqual(goodbye(1002), frames(line.take())[0][1][:2])

    def test_nothing_left_behind(self) -> None:
        """A wire that is gone leaves no timer."""
        self.open().hang_up()
        self.open().send(frame(CLOSE))
        self.assertEqual([], self.clock.getDelayedCalls())


class WeCloseTests(WebSocketTestCase):
    def test_code(self) -> None:
        """Every code can be sent, 1012 of a restart included."""
        for code in (1000, 1001, 1008, 1011, 1012):
            line = self.open()
            self.peer().transport.close(code, "Bye")
            self.assertEqual([(CLOSE, goodbye(code, "Bye"))], frames(line.take()))

    def test_long_reason(self) -> None:
        """A reason too long for its frame is cut, at a whole character."""
        line = self.open()
        self.peer().transport.close(1000, "é" * 100)
        self.assertEqual([(CLOSE, goodbye(1000, "é" * 61))], frames(line.take()))

    def test_answered(self) -> None:
        """The wire goes when the peer has answered, without tearing it."""
        line = self.open()
        self.peer().transport.close(1012)
        self.assertFalse(line.is_closed)
        line.send(frame(CLOSE, goodbye(1012)))
        self.assertTrue(line.is_closed)
        # A reset could overtake what the peer has not read yet.
        self.assertFalse(line.server_side.aborted)
        self.assertEqual([("closed", 1012)], self.peer().calls)

    def test_unanswered(self) -> None:
        """A peer that does not answer is dropped soon, and counts as lost."""
        line = self.open()
        self.peer().transport.close(1012)
        self.clock.advance(FAREWELL - 0.1)
        self.assertFalse(line.is_closed)
        self.clock.advance(0.2)
        line.flush()
        self.assertTrue(line.is_closed)
        self.assertEqual([("closed", 1006)], self.peer().calls)

    def test_unread(self) -> None:
        """A peer that says goodbye and then does not read ours is dropped too."""
        line = self.open()
        line.server_side.read = False
        line.send(frame(CLOSE))
        self.clock.advance(FAREWELL)
        self.assertTrue(line.server_side.aborted)

    def test_nothing_after(self) -> None:
        """After a goodbye nothing is sent, and nothing is taken."""
        line = self.open()
        transport = self.peer().transport
        transport.close(1000)
        line.take()
        transport.send(b"{}")
        transport.ping(b"7")
        transport.close(1012)
        line.send(frame(TEXT, b"late"), frame(PING), frame(PONG))
        self.assertEqual(b"", line.take())
        self.assertEqual([], self.peer().calls)

    def test_after_the_end(self) -> None:
        """Nothing raises once the wire is gone."""
        line = self.open()
        transport = self.peer().transport
        line.hang_up()
        transport.send(b"{}")
        transport.ping(b"7")
        transport.close(1000)
        transport.abort()
        self.assertEqual([("closed", 1006)], self.peer().calls)

    def test_abort(self) -> None:
        """An aborted wire is dropped without a goodbye, and told as lost."""
        line = self.open()
        self.peer().transport.abort()
        line.flush()
        self.assertTrue(line.server_side.aborted)
        self.assertEqual(b"", line.take())
        self.assertEqual([("closed", 1006)], self.peer().calls)


class FaultTests(WebSocketTestCase):
    def test_lives_on(self) -> None:
        """A message that breaks our code costs neither the peer nor its next one."""
        line = self.open()
        self.peer().fault = ValueError("secret")
        line.send(frame(TEXT, b"payload"), frame(PONG), frame(PING))
        self.peer().fault = None
        line.send(frame(TEXT, b"next"))
        self.assertFalse(line.is_closed)
        self.assertEqual(("received", b"next"), self.peer().calls[-1])

    def test_log(self) -> None:
        """Such a message is one line of the log: where, but not what it said."""
        line = self.open()
        self.peer().fault = ValueError("secret")
        with capturedLogs() as events:
            line.send(frame(TEXT, b"payload"))
        (logged,) = own_lines(events)
        self.assertIn("192.168.1.7:51234", logged)
        self.assertIn("ValueError in fakes.py:", logged)
        for private in ("secret", "payload", "\n"):
            self.assertNotIn(private, logged)

    def test_closed(self) -> None:
        """An exception at the very end is logged too."""
        line = self.open()
        self.peer().fault = ValueError("secret")
        with capturedLogs() as events:
            line.hang_up()
        self.assertEqual(1, len(own_lines(events)))

    def test_welcome(self) -> None:
        """A peer that cannot be welcomed is told 1011, and it is logged."""
        self.sessions.fault = ValueError("secret")
        line = ByteLine(self.site, self.clock)
        with capturedLogs() as events:
            line.send(handshake(), frame(TEXT, b"hello"))
        self.assertIn(goodbye(1011), line.take())
        self.assertEqual(1, len(own_lines(events)))
