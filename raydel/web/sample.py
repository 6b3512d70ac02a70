"""Autobahn, opened in memory: to look at what it is like."""

# mypy: allow-untyped-calls
# Autobahn has few annotations; what is inherited from it counts as ours.

from __future__ import annotations

from typing import Any, Final

from autobahn.twisted.websocket import WebSocketServerProtocol
from twisted.internet.address import IPv4Address

KEY: Final = b"AAAAAAAAAAAAAAAAAAAAAA=="
"""Of the handshake."""

_HANDSHAKE: Final = (
    b"GET /sync HTTP/1.1\r\nHost: sample\r\nUpgrade: websocket\r\nConnection: Upgrade"
    b"\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + KEY + b"\r\n\r\n"
)


class Sample(WebSocketServerProtocol):
    """A WebSocket that leads nowhere.

    Attributes:
        taken: The message that came last.
    """

    taken = b""

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        """Keep the message."""
        self.taken = payload


class Nowhere:
    """As much of a transport as a sample needs.

    Attributes:
        written: What was written last.
    """

    written = b""

    def write(self, data: bytes) -> None:
        """Keep what is written."""
        self.written = data

    def getPeer(self) -> IPv4Address:
        """Return an address that means nothing."""
        return IPv4Address("TCP", "127.0.0.1", 1)

    getHost = getPeer


def opened(factory: Any, kind: type[Sample] = Sample) -> tuple[Sample, Nowhere]:
    """Return an open WebSocket of a factory's, and where it writes to."""
    sample, nowhere = kind(), Nowhere()
    sample.factory = factory
    sample.makeConnection(nowhere)
    sample.dataReceived(_HANDSHAKE)
    return sample, nowhere
