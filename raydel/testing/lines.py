"""A site's clients, in memory: bytes move when they are told to."""

# mypy: allow-untyped-calls
# Autobahn and iosim have few annotations; what is inherited counts as ours.

from __future__ import annotations

import struct
from typing import Any, Final

from autobahn.twisted.websocket import WebSocketClientFactory, WebSocketClientProtocol
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.interfaces import IPushProducer, IStreamClientEndpoint
from twisted.internet.protocol import Protocol
from twisted.internet.task import Clock
from twisted.internet.testing import MemoryReactorClock
from twisted.test import iosim
from twisted.web.client import URI, Agent
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgent, IAgentEndpointFactory, IBodyProducer, IResponse
from twisted.web.server import Site
from zope.interface import implementer

from raydel.web.unsent import TRANSPORT_HOLDS

HERE: Final = IPv4Address("TCP", "192.168.1.2", 3001)
THERE: Final = IPv4Address("TCP", "192.168.1.7", 51234)

MASK: Final = b"mask"
"""What this client masks its frames with. A real one draws it each time."""


@implementer(IPushProducer)
class SlowTransport(iosim.FakeTransport):
    """A server's end of a connection, whose other end need not read.

    Attributes:
        read: Whether the client takes what is sent.
        reading: Whether the server takes what is sent.
        aborted: Whether the server dropped the connection.
    """

    read = True
    reading = True
    aborted = False
    _leaving = False

    def write(self, data: bytes) -> None:
        """Take bytes, and pause who writes them when there are too many."""
        super().write(data)
        if self.producer and sum(map(len, self.stream)) > TRANSPORT_HOLDS:
            self.producer.pauseProducing()

    def registerProducer(self, producer: IPushProducer, streaming: bool) -> None:
        """Have somebody told when to write. One at a time, as with TCP."""
        if self.producer is not None:
            raise RuntimeError("There is a producer already")
        super().registerProducer(producer, streaming)

    def pauseProducing(self) -> None:
        """Read no further."""
        self.reading = False

    def resumeProducing(self) -> None:
        """Read on."""
        self.reading = True

    def getOutBuffer(self) -> Any:
        """Give up what was written, if the client reads."""
        if not self.read:
            return None
        data = super().getOutBuffer()
        if data and self.producer:
            self.producer.resumeProducing()
        elif self._leaving:
            super().loseConnection()
        return data

    def loseConnection(self) -> None:
        """Hang up once everything was read."""
        if self.read:
            super().loseConnection()
        self._leaving = True

    def abortConnection(self) -> None:
        """Drop the connection, and what was not read."""
        self.aborted = True
        self.stream.clear()
        super().abortConnection()


class Line:
    """A client's connection to a site, in memory. Bytes move at once.

    Attributes:
        server_side: The transport the site writes to.
    """

    def __init__(self, site: Site, clock: Clock, client: Protocol) -> None:
        """Connect a client, which shares the site's clock."""
        server: Any = site.buildProtocol(THERE)
        self.server_side = SlowTransport(
            server, isServer=True, hostAddress=HERE, peerAddress=THERE
        )
        self._client_side = iosim.FakeTransport(
            client, isServer=False, hostAddress=THERE, peerAddress=HERE
        )
        self._pump = iosim.connect(
            server, self.server_side, client, self._client_side, clock=clock
        )

    @property
    def is_closed(self) -> bool:
        """Whether the server hung up."""
        return bool(self.server_side.disconnecting)

    def flush(self) -> None:
        """Move bytes until none is left that can move."""
        self._pump.flush()

    def hang_up(self) -> None:
        """Break the connection off, on the client's side."""
        self._client_side.abortConnection()
        self.flush()


class ByteClient(Protocol):
    """A client that sends what it is told, and keeps what it gets.

    Attributes:
        received: What came, whole, or since it was last taken.
    """

    def __init__(self) -> None:
        self.received = b""

    def dataReceived(self, data: bytes) -> None:
        """Keep what came."""
        self.received += data


class ByteLine(Line):
    """A connection that a test reads and writes byte by byte."""

    def __init__(self, site: Site, clock: Clock) -> None:
        """Connect."""
        self._bytes = ByteClient()
        super().__init__(site, clock, self._bytes)

    def send(self, *data: bytes) -> None:
        """Send in one packet, and let the server answer."""
        self._client_side.write(b"".join(data))
        self.flush()

    def take(self) -> bytes:
        """Return what came since the last time."""
        self.flush()
        data, self._bytes.received = self._bytes.received, b""
        return data


def handshake(path: str = "/sync", **headers: str) -> bytes:
    """Return a WebSocket's first request.

    Headers are given by name, with `_` for `-`; an empty one is left out.
    """
    wanted = {
        "host": "192.168.1.2:3001",
        "upgrade": "websocket",
        "connection": "Upgrade",
        "sec_websocket_key": "dGhlIHNhbXBsZSBub25jZQ==",
        "sec_websocket_version": "13",
    } | headers
    lines = [f"{k.replace('_', '-')}: {v}" for k, v in wanted.items() if v]
    return "\r\n".join([f"GET {path} HTTP/1.1", *lines, "", ""]).encode("latin-1")


def frame(opcode: int, payload: bytes = b"", *, fin: bool = True) -> bytes:
    """Return one frame as a client sends it: masked (RFC 6455, section 5.2)."""
    size = len(payload)
    if size < 126:  # noqa: PLR2004 - the lengths are the RFC's
        length = bytes([0x80 | size])
    elif size < 1 << 16:
        length = b"\xfe" + struct.pack("!H", size)
    else:
        length = b"\xff" + struct.pack("!Q", size)
    masked = bytes(byte ^ MASK[i % 4] for i, byte in enumerate(payload))
    return bytes([fin << 7 | opcode]) + length + MASK + masked


def frames(data: bytes) -> list[tuple[int, bytes]]:
    """Return opcode and payload of every frame a server sent."""
    found = []
    while data:
        size, start = data[1], 2
        if size == 126:  # noqa: PLR2004 - the lengths are the RFC's
            size, start = struct.unpack("!H", data[2:4])[0], 4
        found.append((data[0] & 0x0F, data[start : start + size]))
        data = data[start + size :]
    return found


class PhoneClient(WebSocketClientProtocol):
    """A WebSocket client that keeps what it gets.

    Attributes:
        messages: The text messages that came.
        goodbye: The close code that came, or None while it is open.
    """

    def __init__(self) -> None:
        super().__init__()
        self.messages: list[bytes] = []
        self.goodbye: int | None = None

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        """Keep a message."""
        self.messages.append(payload)

    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:
        """Keep the close code."""
        self.goodbye = code


def dial(
    site: Site, clock: Clock, path: str = "/sync", origin: str | None = None
) -> tuple[PhoneClient, Line]:
    """Connect a WebSocket client that keeps all the rules, and shake hands."""
    factory = WebSocketClientFactory(
        f"ws://{HERE.host}:{HERE.port}{path}", origin=origin, reactor=clock
    )
    # These timers would run on the global reactor.
    factory.setProtocolOptions(
        openHandshakeTimeout=0, closeHandshakeTimeout=0, serverConnectionDropTimeout=0
    )
    client = PhoneClient()
    client.factory = factory
    return client, Line(site, clock, client)


@implementer(IAgentEndpointFactory)
class _Endpoints:
    def __init__(self, reactor: MemoryReactorClock) -> None:
        self._reactor = reactor

    def endpointForURI(self, uri: URI) -> IStreamClientEndpoint:
        return TCP4ClientEndpoint(self._reactor, HERE.host, uri.port)


@implementer(IAgent)
class SiteAgent:
    """An HTTP client whose every request reaches one site, in memory."""

    def __init__(self, site: Site, clock: Clock) -> None:
        """Ask a site, which shares the clock."""
        self._site = site
        self._clock = clock
        self._lines: list[Line] = []

    def request(
        self,
        method: bytes,
        uri: bytes,
        headers: Headers | None = None,
        bodyProducer: IBodyProducer | None = None,
    ) -> Deferred[IResponse]:
        """Ask. The answer is there at once, unless the site takes its time."""
        reactor = MemoryReactorClock()
        agent = Agent.usingEndpointFactory(reactor, _Endpoints(reactor))
        response: Deferred[IResponse] = agent.request(
            method, uri, headers, bodyProducer
        )
        *_, (_host, _port, factory, _timeout, _bind) = reactor.tcpClients
        client: Any = factory.buildProtocol(HERE)
        self._lines.append(Line(self._site, self._clock, client))
        return response

    def flush(self) -> None:
        """Let late answers arrive."""
        for line in self._lines:
            line.flush()
