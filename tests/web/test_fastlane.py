"""The fast lane by itself: how it sends, and when it is off."""

from __future__ import annotations

import errno
from typing import Any

from twisted.internet import unix
from twisted.internet.abstract import FileDescriptor
from twisted.internet.tcp import Server
from twisted.internet.testing import MemoryReactorClock
from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from raydel.interfaces import ITransport
from raydel.testing import FakeSessions, frame, frames, handshake
from raydel.web.fastlane import (
    SMALL,
    FastProtocol,
    lane,
    strangeness,
    text_frame,
    whole_text,
)
from raydel.web.sample import Sample
from raydel.web.unsent import MAX_UNSENT
from raydel.web.websocket import MAX_MESSAGE, Entrance, SyncProtocol

TEXT, PING, CLOSE = 1, 9, 8


class Pipe:
    """A socket of the operating system, with as much room as a test gives it.

    Attributes:
        room: Bytes it takes before it would block.
        taken: What it has taken.
        broken: Whether the other end is gone.
    """

    room = 1 << 30
    taken = b""
    broken = False

    def send(self, data: bytes) -> int:
        """Take as much as there is room for."""
        if self.broken:
            raise OSError(errno.EPIPE, "Broken pipe")
        if not self.room:
            raise BlockingIOError(errno.EWOULDBLOCK, "No room")
        size = min(len(data), self.room)
        self.taken += bytes(data[:size])
        self.room -= size
        return size

    def setblocking(self, on: bool) -> None:
        """Take a wish."""

    def setsockopt(self, *option: int) -> None:
        """Take a wish."""

    def fileno(self) -> int:
        """Return a number."""
        return 7

    def shutdown(self, how: int) -> None:
        """Hang up."""

    def close(self) -> None:
        """Hang up."""


class Connection(Server):
    """Twisted's side of a TCP connection."""


class SendingTestCase(SynchronousTestCase):
    def setUp(self) -> None:
        """Have a WebSocket open, on a transport of Twisted's own."""
        self.reactor = MemoryReactorClock()
        self.pipe = Pipe()
        self.sessions = FakeSessions()
        self.server = self.transport()
        entrance = Entrance(self.sessions, self.reactor, FastProtocol)
        self.protocol = entrance.admit(self.server, None)
        self.server.protocol = self.protocol
        self.protocol.dataReceived(handshake())
        self.assertIn(b"101", self.taken())
        self.assertFalse(self.waits())

    def transport(self, kind: Any = Server) -> Any:
        """Return an open transport over the pipe."""
        address = ("192.168.1.7", 51234)
        return kind(self.pipe, FastProtocol(), address, None, 0, self.reactor)

    @property
    def wire(self) -> ITransport:
        """The way out."""
        return self.sessions.connections[0].transport

    def taken(self) -> bytes:
        """Return what has left since the last time."""
        taken, self.pipe.taken = self.pipe.taken, b""
        return taken

    def waits(self) -> bool:
        """Whether the transport asks to be told when it can write."""
        return self.server in self.reactor.writers

    def make_room(self, size: int = 1 << 30) -> None:
        """Have the other end read, and the reactor notice."""
        self.pipe.room = size
        self.server.doWrite()


class SendingTests(SendingTestCase):
    def test_at_once(self) -> None:
        """With nothing before it, a message has left when `send` returns."""
        self.wire.send(b"hello")
        self.assertEqual(b"\x81\x05hello", self.taken())
        self.assertFalse(self.waits())

    def test_partial(self) -> None:
        """What the socket does not take waits, and leaves when there is room."""
        self.pipe.room = 4
        self.wire.send(b"hello")
        self.assertEqual(b"\x81\x05he", self.taken())
        self.assertTrue(self.waits())
        self.make_room()
        self.assertEqual(b"llo", self.taken())
        self.assertFalse(self.waits())

    def test_would_block(self) -> None:
        """If it takes nothing, all of it waits."""
        self.pipe.room = 0
        self.wire.send(b"hello")
        self.assertTrue(self.waits())
        self.make_room()
        self.assertEqual([(TEXT, b"hello")], frames(self.taken()))

    def test_nothing_overtakes(self) -> None:
        """What waits leaves first, though there is room for more by then."""
        self.pipe.room = 4
        self.wire.send(b"first")
        self.pipe.room = 1 << 30
        self.wire.send(b"second")
        self.wire.ping(b"third")
        self.protocol.dataReceived(frame(PING, b"fourth"))
        self.assertEqual(b"\x81\x05fi", self.taken())
        self.make_room(5)
        self.wire.send(b"fifth")
        self.make_room()
        whole = b"\x81\x05fi" + self.taken()
        payloads = [payload for _, payload in frames(whole)]
        self.assertEqual([b"first", b"second", b"third", b"fourth", b"fifth"], payloads)

    def test_unread(self) -> None:
        """Who reads nothing is cut at the same limit as on the other lane."""
        self.pipe.room = 0
        for _ in range(MAX_UNSENT // 1024 + 2):
            self.wire.send(b"x" * 1024)
        self.reactor.advance(0)
        self.assertEqual([("closed", 1006)], self.sessions.connections[0].calls)

    def test_broken(self) -> None:
        """A wire that broke is found out by the transport, in its own time."""
        self.pipe.broken = True
        self.wire.send(b"hello")
        self.assertEqual([], self.sessions.connections[0].calls)
        self.assertIsInstance(self.server.doWrite(), Exception)

    def test_last_words(self) -> None:
        """A goodbye leaves after what was said before it."""
        self.pipe.room = 4
        self.wire.send(b"hello")
        self.pipe.room = 1 << 30
        self.wire.close(1012, "Bye")
        self.make_room()
        said = [opcode for opcode, _ in frames(self.taken())]
        self.assertEqual([TEXT, CLOSE], said)

    def test_only_plain_tcp(self) -> None:
        """TLS, Unix sockets, strangers' transports and closed ones write themselves."""
        secure, closing, gone = (self.transport() for _ in range(3))
        secure.TLS = closing.disconnecting = True
        gone.connected = 0
        strange = self.transport(Connection)
        local = unix.Server.__new__(unix.Server)
        others: list[Any] = [secure, closing, gone, strange, local, object()]
        for transport in others:
            self.protocol.transport = transport
            with self.subTest(transport=transport):
                self.assertEqual(0, self.protocol.sent_at_once(b"hello"))  # type: ignore[attr-defined]
        self.assertEqual(b"", self.taken())


class FrameTests(SynchronousTestCase):
    def test_sent(self) -> None:
        """A frame is as the RFC has it, at every way to write its length."""
        for size in (0, 1, 125, 126, 65_535, 65_536, 70_000):
            raw = text_frame(b"x" * size)
            self.assertEqual(0x81, raw[0])
            short = size if size < 126 else 126 if size < 65_536 else 127
            self.assertEqual(short, raw[1])
            more = {126: 2, 127: 8}.get(short, 0)
            if more:
                self.assertEqual(size, int.from_bytes(raw[2 : 2 + more]))
            self.assertEqual(b"x" * size, raw[2 + more :])

    def test_taken(self) -> None:
        """Frames are found one behind the other."""
        data = frame(TEXT, b"one") + frame(TEXT, b"x" * SMALL) + frame(TEXT)
        first = whole_text(data, 0)
        assert first is not None
        second = whole_text(data, first[1])
        assert second is not None
        self.assertEqual((b"one", b"x" * SMALL), (first[0], second[0]))
        self.assertEqual((b"", len(data)), whole_text(data, second[1]))

    def test_left(self) -> None:
        """What is not whole, or not small, is left alone."""
        whole = frame(TEXT, b"hello")
        for size in range(len(whole)):
            self.assertIsNone(whole_text(whole[:size], 0))
        self.assertIsNone(whole_text(frame(TEXT, b"x" * (SMALL + 1)), 0))
        self.assertLess(SMALL, MAX_MESSAGE)


class Renamed(Sample):
    """Autobahn, as if it had another name for the frame it is reading."""

    def __getattribute__(self, name: str) -> Any:
        if name == "current_frame":
            raise AttributeError(name)
        return super().__getattribute__(name)


class Impatient(Sample):
    """Autobahn, as if it took a message at its first frame."""

    def onMessageFrameEnd(self) -> None:
        """End the message."""
        super().onMessageFrameEnd()
        self.inside_message = False


class Wordy(Sample):
    """Autobahn, as if it wrote another frame than it does."""

    def sendData(self, data: bytes, sync: bool = False, chopsize: Any = None) -> None:
        """Write more."""
        super().sendData(data + b"!", sync, chopsize)


class Bounded(FileDescriptor):
    """Twisted, as if it kept what waits elsewhere."""

    def __init__(self, reactor: Any) -> None:
        super().__init__(reactor)
        self.dataBuffer = bytearray(b"?")  # type: ignore[assignment]


class ChoiceTests(SynchronousTestCase):
    def setUp(self) -> None:
        """Have a clock."""
        self.clock = MemoryReactorClock()

    def test_on(self) -> None:
        """With these versions of the libraries it is on, and says nothing."""
        with capturedLogs() as events:
            self.assertIs(FastProtocol, lane("fast", self.clock))
        self.assertEqual([], events)

    def test_off(self) -> None:
        """It can be left out."""
        self.assertIs(SyncProtocol, lane("library", self.clock))

    def test_no_trace(self) -> None:
        """To look at the libraries leaves no timer."""
        self.assertIsNone(strangeness(self.clock))
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_changed_libraries(self) -> None:
        """Where a library is not as expected, what is different is said."""
        for sample, words in (
            (Renamed, "AttributeError: current_frame"),
            (Impatient, "Autobahn reads otherwise"),
            (Wordy, "Autobahn writes otherwise"),
        ):
            self.assertIn(words, strangeness(self.clock, sample) or "")
        found = strangeness(self.clock, transport=Bounded) or ""
        self.assertIn("Twisted keeps", found)

    def test_off_by_itself(self) -> None:
        """It is then off by itself, and one line says so."""
        with capturedLogs() as events:
            self.assertIs(SyncProtocol, lane("fast", self.clock, sample=Renamed))
        (line,) = map(formatEvent, events)
        self.assertIn("the fast lane is off", line)
        self.assertIn("current_frame", line)
