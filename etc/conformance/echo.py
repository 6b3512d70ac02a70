# noqa: INP001 - a script beside its suite, in no package.
"""The server that Autobahn|Testsuite talks to: the real ``/sync``, as an echo.

``python etc/conformance/echo.py --port=tcp:9001:interface=127.0.0.1`` takes the options
of the server. All below the sessions is the program's own: ports, TLS, HTTP and the way
out of it, framing, limits, closing, and what waits to be read.

With ``--lenient`` three things are not, which some cases need and no phone does:
messages may have 16 MiB, binary ones are taken, and nobody is cut for sending much. All
three are in `Lenient` and `LenientEntrance`. ``--compression`` adds the fourth.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any, Final, cast

from autobahn.websocket.compress import (
    PerMessageDeflateOffer,
    PerMessageDeflateOfferAccept,
)
from twisted.application.service import MultiService
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.logger import globalLogBeginner
from zope.interface import implementer

from raydel.certificates import Certificates, source_of
from raydel.core.config import Config, WireLane
from raydel.core.messages import SessionStatus
from raydel.endpoints import PortService, resolve
from raydel.interfaces import IConnection, ISessions, ITransport
from raydel.logs import LineObserver
from raydel.options import Options
from raydel.program import settle
from raydel.timebase import BootTimebase, fresh_anchor
from raydel.web import upgrade
from raydel.web.fastlane import lane
from raydel.web.rest import RestResource
from raydel.web.site import RaydelSite
from raydel.web.upgrade import SyncResource
from raydel.web.websocket import Entrance, SyncProtocol, Wire

LARGEST: Final = 16 * 1024 * 1024
"""Bytes of the suite's largest message."""


class EchoOptions(Options):
    """The options of the server, and two more."""

    lenient = False
    compression = False

    def opt_lenient(self) -> None:
        """Take large messages, many of them, and binary ones."""
        self.lenient = True

    def opt_compression(self) -> None:
        """Be lenient, and accept permessage-deflate."""
        self.lenient = self.compression = True


@implementer(IConnection)
class Echo:
    """Sends every message back, as a session would answer it."""

    def __init__(self, transport: ITransport) -> None:
        """Answer through a wire."""
        self._transport = transport

    def received(self, frame: bytes) -> None:
        """Send it back."""
        self._transport.send(frame)

    def ponged(self, payload: bytes) -> None:
        """Take it."""

    def heard(self) -> None:
        """Take it."""

    def closed(self, code: int) -> None:
        """Take it."""


@implementer(ISessions)
class Echoes:
    """No session at all: every peer talks to itself."""

    connection_count = 0

    def connect(self, transport: ITransport, code: str | None) -> Echo:  # noqa: ARG002 - the interface's
        """Welcome a peer, under any code."""
        return Echo(transport)

    def statuses(self) -> Sequence[SessionStatus]:
        """Return none."""
        return ()

    def status(self, code: str) -> None:
        """Find none."""

    def end(self, code: str) -> Deferred[bool]:  # noqa: ARG002 - the interface's
        """Find none."""
        return succeed(False)


class Lenient:
    """A wire that takes what the real one refuses, and is the real one in all else."""

    def __init__(self, protocol: Any, wire: Wire) -> None:
        """Stand between a protocol and its wire."""
        self._protocol = protocol
        self._wire = wire
        self._binary = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._wire, name)

    def frame_began(self) -> None:
        """Take any number of frames."""

    def message_came(self, message: bytes) -> bool:
        """Take any number of messages by the fast lane."""
        self._wire.received(message)
        return True

    def fragment_began(self) -> None:
        """Take any number of fragments."""

    def message_began(self, *, binary: bool) -> None:
        """Take binary messages too."""
        self._binary = binary

    def received(self, message: bytes) -> None:
        """Have text echoed as a session answers, and the rest by Autobahn itself.

        A wire's own way out knows no binary and no compression.
        """
        compressed = self._protocol.websocket_extensions_in_use
        if not (self._binary or compressed):
            self._wire.received(message)
        elif self._wire.transport.is_open:
            self._protocol.sendMessage(message, self._binary)


class LenientEntrance(Entrance):
    """Admits peers as the real one does, and then raises their limits."""

    compression = False

    def admit(self, transport: Any, code: str | None) -> SyncProtocol:
        """Give a transport a protocol; what is set here counts for that one only."""
        protocol: Any = super().admit(transport, code)
        protocol.wire = Lenient(protocol, protocol.wire)
        protocol.maxFramePayloadSize = LARGEST
        protocol.maxMessagePayloadSize = LARGEST
        if self.compression:
            protocol.perMessageCompressionAccept = accept
        return cast(SyncProtocol, protocol)


def accept(offers: Sequence[object]) -> PerMessageDeflateOfferAccept | None:
    """Accept the first deflate that is offered, as it is offered."""
    for offer in offers:
        if isinstance(offer, PerMessageDeflateOffer):
            return PerMessageDeflateOfferAccept(offer)
    return None


class DeflatingEntrance(LenientEntrance):
    """Accepts compression besides."""

    compression = True


def show_extensions() -> None:
    """Let Autobahn see which extensions a client offers.

    The resource hides them, in a constant: there is no other way to them.
    """
    shown = (*upgrade._HANDSHAKE, b"sec-websocket-extensions")  # noqa: SLF001
    upgrade._HANDSHAKE = shown  # type: ignore[misc,assignment]  # noqa: SLF001


def echo_site(
    clock: IReactorTime,
    entrance: Callable[[ISessions, IReactorTime, type[SyncProtocol]], Entrance],
    wire: WireLane = "fast",
) -> RaydelSite:
    """Return the server's web side, with echoes in the place of sessions."""
    echoes = Echoes()
    return RaydelSite(
        SyncResource(entrance(echoes, clock, lane(wire, clock))),
        RestResource(echoes, BootTimebase(fresh_anchor("echo"))),
        Config().origins,
        clock,
    )


def main() -> None:
    """Listen until somebody ends this."""
    from twisted.internet import reactor  # noqa: PLC0415 - tests have none

    options = EchoOptions()
    options.parseOptions(sys.argv[1:])
    settle(reactor)
    globalLogBeginner.beginLoggingTo(
        [LineObserver(sys.stdout, options.config.log_format)]
    )
    site = echo_site(
        cast(IReactorTime, reactor), entrance_for(options), options.config.wire
    )
    certificates = Certificates(source_of(options.config))
    ports = MultiService()
    for port in options.config.ports:
        endpoint = resolve(port, reactor, certificates)
        service: Any = PortService(port, endpoint, site)
        service.setServiceParent(ports)
    ports.startService()
    reactor.run()


def entrance_for(options: EchoOptions) -> type[Entrance]:
    """Return how peers are admitted."""
    if options.compression:
        show_extensions()
        return DeflatingEntrance
    return LenientEntrance if options.lenient else Entrance


if __name__ == "__main__":
    main()
