"""WebSockets: Autobahn below, `IConnection` and `ITransport` above.

Three objects make one open wire. `SyncProtocol` is what Autobahn calls; it owns
so many names that ours stay off it, but for `wire`. `Wire` limits what a peer
sends and hands it to the peer's connection. `WebSocketTransport` is what the
connection sends through. Nothing above this module knows of Autobahn.
"""

# mypy: allow-untyped-calls
# Autobahn has few annotations; what is inherited from it counts as ours.

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from autobahn.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol
from autobahn.util import encode_truncate
from autobahn.websocket.protocol import WebSocketProtocol
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from raydel.interfaces import IConnection, ISessions, ITransport
from raydel.web.answers import SERVER, raw_error
from raydel.web.belongings import common
from raydel.web.blame import blame
from raydel.web.limits import TokenBucket
from raydel.web.peers import address_of
from raydel.web.unsent import Unsent

MAX_MESSAGE: Final = 16 * 1024
"""Bytes of a message; the largest a phone sends has a few hundred."""

MAX_FRAGMENTS: Final = 64
"""Frames of a message. No phone fragments; empty ones would cost us for nothing."""

FRAME_RATE: Final = 1_000.0
FRAME_BURST: Final = 2_000.0
"""Frames a second, and at once, of any kind. A phone sends a few a second; at
this rate one peer costs a few hundredths of a core, and the others stay on time."""

FAREWELL: Final = 1.5
"""Seconds a peer has to answer our close frame, or read ours, before TCP goes."""

MAX_REASON: Final = 123
"""Bytes of a close reason: what a control frame holds, less the code."""

UNSUPPORTED: Final = 1003
NO_CODE: Final = 1005
BROKEN: Final = 1006
POLICY: Final = 1008
OWN_FAULT: Final = 1011

_TEXT: Final = 1

log = Logger()


@implementer(ITransport)
class WebSocketTransport:
    """The sending side of an open WebSocket."""

    __slots__ = ("_clock", "_farewell", "_protocol", "address")

    def __init__(self, protocol: SyncProtocol, clock: IReactorTime) -> None:
        self.address = address_of(protocol.socket.getPeer())
        self._protocol = protocol
        self._clock = clock
        self._farewell: IDelayedCall | None = None

    @property
    def is_open(self) -> bool:
        """Whether neither side has begun to close."""
        return bool(self._protocol.state == WebSocketProtocol.STATE_OPEN)

    def send(self, frame: bytes) -> None:
        """Send one text frame."""
        if self.is_open:
            self._protocol.send_text(frame)

    def ping(self, payload: bytes) -> None:
        """Send a ping."""
        if self.is_open:
            self._protocol.send_ping(payload)

    def close(self, code: int, reason: str = "") -> None:
        """Send a close frame, then wait a moment for the peer's."""
        if self.is_open:
            # Not `sendClose`: it refuses 1001, 1011 and 1012.
            self._protocol.sendCloseFrame(code, encode_truncate(reason, MAX_REASON))

    def abort(self) -> None:
        """Drop TCP."""
        self._protocol.dropConnection(abort=True)

    def closing(self) -> None:
        """Give the peer a moment: a close frame has left, of whichever side.

        Autobahn has a timer for this, on the global reactor and in odd steps.
        """
        if self._farewell is None:
            self._farewell = self._clock.callLater(FAREWELL, self._part)

    def closed(self) -> None:
        """Note that TCP is gone."""
        if self._farewell is not None and self._farewell.active():
            self._farewell.cancel()

    def _part(self) -> None:
        self.abort()
        # Autobahn skips the abort if it only waits for the last bytes to leave.
        self._protocol.socket.abortConnection()


class Wire:
    """The receiving side of a WebSocket, and the connection it belongs to."""

    __slots__ = (
        "_clock",
        "_code",
        "_connection",
        "_fragments",
        "_frames",
        "_protocol",
        "_sessions",
        "transport",
        "unsent",
    )

    def __init__(
        self,
        protocol: SyncProtocol,
        sessions: ISessions,
        code: str | None,
        clock: IReactorTime,
    ) -> None:
        self.transport = WebSocketTransport(protocol, clock)
        self.unsent = Unsent(protocol.write, self._unread)
        self._protocol = protocol
        self._sessions = sessions
        self._code = code
        self._clock = clock
        self._connection: IConnection | None = None
        self._frames = TokenBucket(FRAME_RATE, FRAME_BURST, clock.seconds())
        self._fragments = 0

    def opened(self) -> None:
        """Welcome the peer: the handshake is done."""
        try:
            self._connection = self._sessions.connect(self.transport, self._code)
        except Exception:  # Whatever it is, the peer is told.
            self._mourn()
            self.transport.close(OWN_FAULT, "Internal error")

    def frame_began(self) -> None:
        """Count a frame of any kind."""
        if self.transport.is_open and not self._frames.take(self._clock.seconds()):
            self._refuse(POLICY, "Too many messages")
            # To parse the rest of a flood would make all other phones wait.
            self._protocol.data = b""
            self._protocol.socket.pauseProducing()

    def message_began(self, *, binary: bool) -> None:
        """Refuse what is not text before it is taken."""
        self._fragments = 0
        if binary:
            self._refuse(UNSUPPORTED, "Text messages only")

    def fragment_began(self) -> None:
        """Count the frames of one message."""
        self._fragments += 1
        if self._fragments > MAX_FRAGMENTS:
            self._refuse(POLICY, "Too many fragments")

    def message_came(self, message: bytes) -> bool:
        """Count and hand on a text message that came in one frame, and at once.

        Returns:
            False if it is one frame too many, and was not taken.
        """
        if not self._frames.take(self._clock.seconds()):
            return False
        if self._connection is not None:
            self._hand(self._connection.received, message)
        return True

    def received(self, message: bytes) -> None:
        """Hand on a whole text message."""
        if self._connection is not None and self.transport.is_open:
            self._hand(self._connection.received, message)

    def ponged(self, payload: bytes) -> None:
        """Hand on a pong."""
        if self._connection is not None and self.transport.is_open:
            self._hand(self._connection.ponged, payload)

    def heard(self) -> None:
        """Hand on another sign of life."""
        if self._connection is not None and self.transport.is_open:
            self._hand(self._connection.heard)

    def tell(self, code: int, reason: str) -> None:
        """Have it logged that the peer broke a rule. No reason quotes what it sent."""
        log.info(
            "{address} is closed with {code}: {reason}",
            address=self.transport.address,
            code=code,
            reason=reason,
        )

    def closed(self, code: int) -> None:
        """Hand on that the wire is gone: Autobahn says so once."""
        self.transport.closed()
        if self._connection is not None:
            self._hand(self._connection.closed, code)

    def _hand(self, take: Callable[..., None], *args: bytes | int) -> None:
        """Call a connection; Autobahn would log the message and drop the peer."""
        try:
            take(*args)
        except Exception:  # One message failed, not the peer.
            self._mourn()

    def _refuse(self, code: int, reason: str) -> None:
        if self.transport.is_open:
            self.tell(code, reason)
            self.transport.close(code, reason)

    def _unread(self) -> None:
        log.info("{address} does not read, and is cut", address=self.transport.address)
        self.transport.abort()

    def _mourn(self) -> None:
        log.error(
            "A message of {address} failed: {error}",
            address=self.transport.address,
            error=blame(Failure()),
        )


class Silence:
    """Takes what Autobahn would log, and drops it.

    Its lines lack the peer's address, some quote what the peer sent, and what is worth
    knowing stands in one of ours.
    """

    def _drop(self, *_: object, **__: object) -> None:
        pass

    trace = debug = info = warn = error = critical = failure = _drop


class SyncProtocol(WebSocketServerProtocol):
    """What Autobahn calls. Its overridden methods tell our `wire`."""

    log = Silence()

    wire: Wire

    @property
    def socket(self) -> Any:
        """The transport, which is more than an `ITransport`: TCP or TLS."""
        return self.transport

    def send_text(self, payload: bytes) -> None:
        """Send a text message, in one frame."""
        # Not `sendMessage`: it holds our answers to the limit for messages.
        self.sendFrame(opcode=_TEXT, payload=payload)

    def send_ping(self, payload: bytes) -> None:
        """Send a ping; the payload has 125 bytes at most."""
        self.sendPing(payload)

    def welcome(self, answer: bytes) -> None:
        """Answer a handshake that was read elsewhere, and be open."""
        self.sendData(answer)
        self.onOpen()

    def write(self, data: bytes) -> None:
        """Hand bytes to the transport: all that is sent comes by here, in order."""
        self.socket.write(data)

    def sendData(
        self, data: bytes, sync: bool = False, chopsize: int | None = None
    ) -> None:
        """Let everything that is sent, pongs included, wait its turn."""
        self.wire.unsent.put(data)

    def sendCloseFrame(
        self,
        code: int | None = None,
        reasonUtf8: bytes | None = None,
        isReply: bool = False,
    ) -> None:
        """Send a close frame, ours or the answer to the peer's."""
        if self.failedByMe and not isReply:
            # Autobahn's own rules were broken: its reasons have numbers at most.
            self.wire.tell(code or BROKEN, (reasonUtf8 or b"").decode())
        super().sendCloseFrame(code, reasonUtf8, isReply)
        self.wire.transport.closing()

    def sendHttpErrorResponse(
        self,
        code: int,
        reason: str,
        responseHeaders: Sequence[tuple[str, str]] | None = None,
    ) -> None:
        """Refuse a handshake that we let pass, as every request is refused."""
        log.info(
            "{address} gets no WebSocket: Autobahn refuses it with {code}",
            address=self.wire.transport.address,
            code=code,
        )
        self.sendData(raw_error(code, headers=responseHeaders or ()))
        self.wire.transport.closing()

    def dropConnection(self, abort: bool = False) -> None:
        """Close TCP: after a proper goodbye without tearing it.

        Autobahn aborts after the peer's close frame; what still waits to be
        read, the reason of the close for one, would be lost on the way.
        """
        abort = abort and not self.wasClean
        if not abort:
            self.wire.unsent.flush()
        super().dropConnection(abort=abort)

    def onOpen(self) -> None:
        """Take the end of the handshake."""
        self.wire.opened()

    def onFrameBegin(self) -> None:
        """Take the head of any frame."""
        self.wire.frame_began()
        super().onFrameBegin()

    def onMessageBegin(self, isBinary: bool) -> None:
        """Take the head of a message's first frame."""
        super().onMessageBegin(isBinary)
        self.wire.message_began(binary=isBinary)

    def onMessageFrameBegin(self, length: int) -> None:
        """Take the head of any frame of a message."""
        super().onMessageFrameBegin(length)
        self.wire.fragment_began()

    def onMessageFrameEnd(self) -> None:
        """Take the end of any frame of a message."""
        super().onMessageFrameEnd()
        if not self.current_frame.fin:
            self.wire.heard()

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        """Take a whole message."""
        self.wire.received(payload)

    def onPing(self, payload: bytes) -> None:
        """Answer a ping."""
        super().onPing(payload)
        self.wire.heard()

    def onPong(self, payload: bytes) -> None:
        """Take a pong."""
        self.wire.ponged(payload)

    def onCloseFrame(self, code: Any, reasonRaw: Any) -> None:
        """Take the peer's close frame.

        Autobahn reads one that is not allowed as 1000, "leaves on purpose".
        """
        failed_before = self.failedByMe
        super().onCloseFrame(code, reasonRaw)
        if self.failedByMe and not failed_before:
            self.wasClean = False

    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:
        """Take the end of TCP."""
        if not wasClean:
            self.wire.closed(BROKEN)
        else:
            self.wire.closed(NO_CODE if code is None else code)


class Entrance:
    """Where new peers come in."""

    def __init__(
        self,
        sessions: ISessions,
        clock: IReactorTime,
        protocol: type[SyncProtocol] = SyncProtocol,
    ) -> None:
        """Prepare for peers.

        Args:
            sessions: What they want to join.
            clock: Times them.
            protocol: What speaks with each of them.
        """
        self._sessions = sessions
        self._clock = clock
        # What all have alike stands on their class, once.
        self._protocol = type("Peer", (protocol,), common(factory_for(clock)))

    def admit(self, transport: Any, code: str | None) -> SyncProtocol:
        """Give a transport a protocol that waits for the handshake.

        Args:
            transport: An open connection, without a producer.
            code: The session code in the peer's path, in upper case.
        """
        protocol: SyncProtocol = self._protocol()
        protocol.makeConnection(transport)
        return self._wired(protocol, code)

    def open(self, transport: Any, code: str | None) -> SyncProtocol:
        """Give a transport a protocol that is past the handshake, as `unburden` has it.

        Args:
            transport: An open connection, without a producer.
            code: The session code in the peer's path, in upper case.
        """
        # Not called: what Autobahn gives each when it is made, its class has here.
        protocol: Any = object.__new__(self._protocol)
        protocol.transport = transport
        protocol.state = WebSocketProtocol.STATE_OPEN
        protocol.factory.countConnections += 1
        try:  # noqa: SIM105 - a context manager takes longer than all the rest
            transport.setTcpNoDelay(protocol.tcpNoDelay)
        except (AttributeError, OSError):  # It is not TCP.
            pass
        return self._wired(protocol, code)

    def _wired(self, protocol: SyncProtocol, code: str | None) -> SyncProtocol:
        protocol.wire = Wire(protocol, self._sessions, code, self._clock)
        protocol.socket.registerProducer(protocol.wire.unsent, True)
        return protocol


def factory_for(clock: IReactorTime) -> WebSocketServerFactory:
    """Return Autobahn's factory, with none of its open defaults left."""
    factory = WebSocketServerFactory(server=SERVER.decode(), reactor=clock)
    factory.setProtocolOptions(
        versions=[13],
        webStatus=False,
        failByDrop=False,
        maxFramePayloadSize=MAX_MESSAGE,
        maxMessagePayloadSize=MAX_MESSAGE,
        # All four have a reason of ours instead: the handshake arrives whole,
        # the farewell runs on our clock, and the heartbeat lives above.
        openHandshakeTimeout=0,
        closeHandshakeTimeout=0,
        autoPingInterval=0,
        autoPingTimeout=0,
    )
    return factory
