"""What a WebSocket carries once it is open, and what it does without it."""

from __future__ import annotations

import gc
import tracemalloc
from collections import deque
from typing import Any, Final

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.http import HTTPChannel, Request

from raydel.core.config import Config
from raydel.service import SessionService
from raydel.store.memory import MemoryStore
from raydel.testing import FakeTimebase, frame, handshake
from raydel.web.site import make_site
from raydel.web.websocket import MAX_MESSAGE, Entrance, SyncProtocol

MANY: Final = 100

MOST: Final = 5_000
"""Bytes of an idle connection, without its transport: 3,900 under Python 3.11."""


class _Nowhere:
    """A transport that weighs next to nothing: its own bytes are not ours."""

    __slots__ = ("disconnecting", "producer", "protocol", "written")

    def __init__(self) -> None:
        self.disconnecting = False
        self.producer: Any = None
        self.protocol: Any = None
        self.written = 0

    def write(self, data: bytes) -> None:
        self.written += len(data)

    def getPeer(self) -> IPv4Address:
        return IPv4Address("TCP", "192.168.1.7", 51234)

    getHost = getPeer  # noqa: N815 - Twisted looks for it

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        self.producer = producer

    def unregisterProducer(self) -> None:
        self.producer = None

    def resumeProducing(self) -> None:
        pass

    def loseConnection(self) -> None:
        self.disconnecting = True

    def isSecure(self) -> bool:
        return False


class Belongings(SynchronousTestCase):
    def setUp(self) -> None:
        """Have a server with all its parts, and nobody connected."""
        self.clock = Clock()
        timebase = FakeTimebase(self.clock)
        self.service = SessionService(Config(), MemoryStore(), timebase, self.clock)
        self.service.startService()
        self.addCleanup(self.service.stopService)
        self.site = make_site(self.service, timebase, Config(), self.clock)

    def open(self) -> _Nowhere:
        """Open a WebSocket, by way of HTTP as all are."""
        transport = _Nowhere()
        transport.protocol = self.site.buildProtocol(transport.getPeer())
        transport.protocol.makeConnection(transport)
        transport.protocol.dataReceived(handshake())
        assert isinstance(transport.protocol, SyncProtocol)
        return transport

    def test_bytes(self) -> None:
        """An idle connection takes less than 5,000 bytes, all layers of ours together.

        Not counted is what Twisted and the system need for a socket.
        """
        keep = [self.open() for _ in range(MANY)]
        gc.collect()
        tracemalloc.start()
        self.addCleanup(tracemalloc.stop)
        before, _ = tracemalloc.get_traced_memory()
        keep += [self.open() for _ in range(MANY)]
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
        self.assertLess((after - before) / MANY, MOST)
        self.assertEqual(2 * MANY, self.service.connection_count)

    def test_own(self) -> None:
        """Of its own it has its transport, its state and its wire, no more."""
        first, second = self.open().protocol, self.open().protocol
        self.assertEqual({"transport", "state", "wire"}, set(vars(first)))
        self.assertIsNot(first.wire, second.wire)
        self.assertEqual(MAX_MESSAGE, first.maxMessagePayloadSize)

    def test_nothing_of_http(self) -> None:
        """Nothing leads from it to its request, a Deferred of Autobahn or a deque."""
        protocol = self.open().protocol
        held = gc.get_referents(protocol, protocol.wire, protocol.wire.unsent)
        kinds = (HTTPChannel, Request, Deferred, deque)
        self.assertEqual([], [each for each in held if isinstance(each, kinds)])

    def test_validator(self) -> None:
        """A validator is made at the first message that needs it, one for each."""
        first, second = self.open().protocol, self.open().protocol
        half = frame(1, "é".encode()[:1], fin=False)
        for protocol in (first, second):
            protocol.dataReceived(half)
        self.assertIsNot(first.utf8validator, second.utf8validator)
        first.dataReceived(frame(0, "é".encode()[1:]))
        self.assertEqual(protocol.STATE_OPEN, first.state)
        second.dataReceived(frame(0, b"x"))
        self.assertNotEqual(protocol.STATE_OPEN, second.state)

    def test_apart(self) -> None:
        """What becomes of one concerns no other, nor one that opens afterwards."""
        first, second = self.open().protocol, self.open().protocol
        first.wire.transport.close(1000)
        first.dataReceived(b"\x81")
        third = self.open().protocol
        for other in (second, third):
            self.assertEqual(other.STATE_OPEN, other.state)
            self.assertFalse(other.closedByMe)
            self.assertEqual(b"", other.data)

    def test_entrances_apart(self) -> None:
        """Nor does an entrance: what it puts on a class is on one of its own."""
        kinds = set()
        for _ in range(2):
            entrance = Entrance(self.service, self.clock)
            kinds.add(type(entrance.admit(_Nowhere(), None)))
        self.assertEqual(2, len(kinds))
        self.assertNotIn("maxMessagePayloadSize", vars(SyncProtocol))
