"""How a WebSocket leaves HTTP: the resource at /sync."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final

from twisted.internet.interfaces import IProtocol
from twisted.logger import Logger
from twisted.protocols.policies import ProtocolWrapper
from twisted.web.http import HTTPChannel
from twisted.web.resource import IResource
from twisted.web.server import NOT_DONE_YET, Request
from zope.interface import implementer

from raydel.core.tokens import session_code
from raydel.web.answers import refuse, refuse_method
from raydel.web.belongings import unburden
from raydel.web.handshake import VERSION, Fault, fault
from raydel.web.peers import address_of
from raydel.web.websocket import Entrance

_HANDSHAKE: Final = (
    b"host",
    b"upgrade",
    b"connection",
    b"sec-websocket-key",
    b"sec-websocket-version",
)
"""Headers that Autobahn is shown. Not the origin, which was looked at already by
rules of our own, and no extensions: a frame has 200 bytes, and to deflate it would
cost more than it saves."""

log = Logger()


@implementer(IResource)
class SyncResource:
    """/sync, or /sync/ABC123, where a load balancer can hash on the code."""

    isLeaf = True

    def __init__(self, entrance: Entrance) -> None:
        """Send the WebSockets that arrive here through an entrance."""
        self._entrance = entrance

    def getChildWithDefault(self, name: bytes, request: Request) -> IResource:
        """Return itself: a leaf sees to the rest of the path on its own."""
        return self

    def putChild(self, path: bytes, child: IResource) -> None:
        """Take nothing: the paths below are session codes."""
        raise NotImplementedError("Only session codes are below /sync")

    def render(self, request: Request) -> int:
        """Make the request's connection a WebSocket, or refuse it."""
        code = _code(request.postpath)
        if request.postpath and code is None:
            return refuse(request, HTTPStatus.NOT_FOUND)
        if request.method not in (b"GET", b"HEAD"):
            return refuse_method(request, b"GET", b"HEAD")
        if request.method == b"HEAD" or not request.requestHeaders.hasHeader("upgrade"):
            request.setHeader(b"upgrade", b"websocket")
            return refuse(request, HTTPStatus.UPGRADE_REQUIRED, "This is a WebSocket")
        wrong = fault(request)
        if wrong is not None:
            return _refuse_handshake(request, wrong)
        self._upgrade(request, code)
        return NOT_DONE_YET

    def _upgrade(self, request: Request, code: str | None) -> None:
        channel = request.channel
        early = channel.clearLineBuffer()
        transport = take(channel)
        protocol = self._entrance.admit(transport, code)
        put(transport, protocol)
        # The channel may have paused it, for a request it was still busy with.
        transport.resumeProducing()
        protocol.dataReceived(_handshake(request))
        unburden(protocol)
        # A client may send its first message in one packet with the handshake.
        if early:
            protocol.dataReceived(early)


def _refuse_handshake(request: Request, wrong: Fault) -> int:
    """Say what is wrong to the client, and to whoever wonders why it does not play."""
    peer = address_of(request.channel.getPeer())
    log.info("{address} gets no WebSocket: {why}", address=peer, why=wrong.text)
    request.setHeader(b"sec-websocket-version", VERSION)
    return refuse(request, wrong.status, wrong.text)


def _code(segments: list[bytes] | None) -> str | None:
    """Return the session code in the rest of a path, if that is all there is."""
    if segments is None or len(segments) != 1:
        return None
    return session_code(segments[0].decode("latin-1"))


def take(channel: HTTPChannel) -> Any:
    """Take the transport out of an HTTP channel, and leave it no trace of it.

    Were it still the transport's producer, it would stay in memory, with the
    request, for as long as the WebSocket is open.
    """
    transport: Any = channel.transport
    transport.unregisterProducer()
    return transport


def put(transport: Any, protocol: IProtocol) -> None:
    """Have a transport talk to another protocol from now on."""
    if isinstance(transport, ProtocolWrapper):
        transport.wrappedProtocol = protocol
    else:
        transport.protocol = protocol


def _handshake(request: Request) -> bytes:
    """Write a request down again, as far as Autobahn is to read it."""
    lines = [b"GET /sync " + request.clientproto]
    for name in _HANDSHAKE:
        values = request.requestHeaders.getRawHeaders(name, [])
        lines += [name + b": " + value for value in values]
    return b"\r\n".join([*lines, b"", b""])
