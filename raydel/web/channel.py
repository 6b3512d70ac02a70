"""One connection of HTTP/1.1: it refuses in JSON, and waits for nobody for long.

twisted.web grants a client new time with each byte, so that one byte now and then
keeps a connection for days. Here every wait has an end that no byte moves.
"""

# mypy: allow-untyped-calls
# twisted.web has few annotations; what is inherited from it counts as ours.

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, auto
from http import HTTPStatus
from typing import Any, Final, Protocol

from twisted.internet.interfaces import IDelayedCall
from twisted.internet.protocol import connectionDone
from twisted.logger import Logger
from twisted.protocols.policies import ProtocolWrapper
from twisted.python.failure import Failure
from twisted.web.http import HTTPChannel, Request

from raydel.web.answers import raw_error
from raydel.web.peers import address_of

HEADERS: Final = 10.0
"""Seconds for the headers of a request. They count from the moment of connecting, and
cover what comes before: the line of a proxy and the handshake of TLS. Those of a later
request count from its first byte. A phone at the edge of its network needs two."""

BODY: Final = 10.0
"""Seconds for a body, from the end of its headers: 16 KiB at the speed of a modem."""

IDLE: Final = 10.0
"""Seconds a connection is kept after an answer, for the next request. Whoever comes
later connects anew; proxies that keep connections of their own do so by themselves."""

LINGER: Final = 2.0
"""Seconds we read on after the refusal of a body. To hang up at once would reset TCP
under an answer that the client has not read yet."""

LEAVE: Final = 10.0
"""Seconds a client has to take the rest of its answer, once we have hung up. TCP alone
would wait for as long as the client lives."""

log = Logger()


class Stage(Enum):
    """What a connection is at."""

    HEADERS = auto()
    BODY = auto()
    ANSWER = auto()
    """It is our turn, or that of a WebSocket."""
    IDLE = auto()
    REFUSED = auto()
    """The answer is out, and the body still comes in."""
    LEAVING = auto()


LIMITS: Final[Mapping[Stage, float]] = {
    Stage.HEADERS: HEADERS,
    Stage.BODY: BODY,
    Stage.IDLE: IDLE,
    Stage.REFUSED: LINGER,
    Stage.LEAVING: LEAVE,
}


class Door(Protocol):
    """Another way in, for those who ask for no more than a WebSocket."""

    def lets_in(self, channel: HTTPChannel, data: bytes) -> bool:
        """Take a connection, by its first packet; False if it stays with HTTP."""


class Channel(HTTPChannel):
    """A connection of HTTP/1.1, on the clock of its site.

    Attributes:
        door: What its first packet is shown, if there is something.
    """

    door: Door | None = None

    # TCP or TLS, which is more than an `ITransport`.
    transport: Any

    _stage = Stage.HEADERS
    _limit: IDelayedCall | None = None

    # What twisted.web does, and at what it is then.

    def connectionMade(self) -> None:
        """Begin to wait. TLS, and a proxy's line, are still to come."""
        super().connectionMade()
        self._enter(Stage.HEADERS)

    def dataReceived(self, data: bytes) -> None:
        """Take bytes, unless we have hung up."""
        if self._stage is Stage.LEAVING:
            return
        if self._stage is Stage.IDLE:
            self._enter(Stage.HEADERS)
        door, self.door = self.door, None
        if door is not None and door.lets_in(self, data):
            self._enter(Stage.ANSWER)
            return
        super().dataReceived(data)

    def allHeadersReceived(self) -> None:
        """Take the end of the headers."""
        self._enter(Stage.BODY)
        super().allHeadersReceived()

    def allContentReceived(self) -> None:
        """Take the end of a request. From here it is no longer the client's turn."""
        self._enter(Stage.ANSWER)
        super().allContentReceived()

    def requestDone(self, request: Request) -> None:
        """Take the end of an answer; the next request may have begun behind it."""
        self._enter(Stage.HEADERS if self._buffer else Stage.IDLE)
        super().requestDone(request)

    def loseConnection(self) -> None:
        """Hang up, once what was written has left."""
        self._enter(Stage.LEAVING)
        super().loseConnection()
        # TLS has said goodbye by now, and would wait for the client to say it too.
        _lowest(self.transport).loseConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Take the end."""
        self._stop()
        super().connectionLost(reason)

    # What is refused.

    def linger(self) -> None:
        """Read on for a moment: the body in flight has been refused."""
        self._enter(Stage.REFUSED)

    def lineLengthExceeded(self, line: bytes) -> None:
        """Refuse a request line or header longer than twisted.web takes."""
        self._respondToBadRequestAndDisconnect()

    def _respondToBadRequestAndDisconnect(self) -> None:
        self.write(raw_error(HTTPStatus.BAD_REQUEST))
        self.loseConnection()

    # How long anything may take.

    def _enter(self, stage: Stage) -> None:
        self._stop()
        self._stage = stage
        if stage in LIMITS:
            self._limit = self.callLater(LIMITS[stage], self._too_late)

    def _stop(self) -> None:
        if self._limit is not None:
            self._limit.cancel()
            self._limit = None

    def _too_late(self) -> None:
        self._limit = None
        if self._stage is Stage.LEAVING:
            self.transport.abortConnection()
            return
        # Browsers also connect in advance and ask nothing: no word on those.
        if self.requests and self._stage in (Stage.HEADERS, Stage.BODY):
            peer = address_of(self.transport.getPeer())
            log.info("{address} is too slow with a request, and is cut", address=peer)
            self.write(raw_error(HTTPStatus.REQUEST_TIMEOUT))
        self.loseConnection()


def _lowest(transport: Any) -> Any:
    """Return what is below TLS, and below the PROXY protocol."""
    while isinstance(transport, ProtocolWrapper):
        transport = transport.transport
    return transport
