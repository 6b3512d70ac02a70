"""WebSockets to a server, over Autobahn: known here, and nowhere above."""

# mypy: allow-untyped-calls, allow-subclassing-any
# Autobahn has few annotations; what is inherited from it counts as ours.

from __future__ import annotations

import re
from functools import partial
from typing import Any, Final, Protocol

from autobahn.twisted.websocket import WebSocketClientFactory, WebSocketClientProtocol
from OpenSSL import SSL
from service_identity import VerificationError
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import HostnameEndpoint, wrapClientTLS
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure

from raydel.client.addresses import Address

SILENCE: Final = 12.0
"""Seconds without a word, after which a link is dead: the server pings every four."""

OPENING: Final = 10.0
"""Seconds until a link has to be open, TLS and all."""

NO_CODE: Final = 1006
"""Close code of a link that broke without a goodbye."""


_UNTRUSTED: Final = (
    "nobody we trust vouches for the server: see ca=FILE; "
    "or its fingerprint is another than fingerprint= says"
)


class Owner(Protocol):
    """Whose link it is."""

    reactor: Any

    def stamp(self) -> float:
        """Return the time, ms; messages come with that of their arrival."""

    def linked(self, link: Link) -> None:
        """Note that a link is open."""

    def received(self, frame: bytes, arrived: float) -> None:
        """Take a message, and the time at which its bytes were read."""

    def unlinked(self, why: str, code: int = NO_CODE, *, for_good: bool) -> None:
        """Note that the link is gone, or was never opened.

        Args:
            why: In words, for people.
            code: Its close code.
            for_good: Whether no other attempt would end better.
        """


class Link(WebSocketClientProtocol):
    """One WebSocket to the server."""

    def __init__(self, owner: Owner) -> None:
        super().__init__()
        self._owner = owner
        self._broken_by: object = None
        self._silence: Any = None
        self._read_at = 0.0
        self._is_open = False

    def connectionMade(self) -> None:
        """Watch it from its first byte on: TLS too may fall silent."""
        self._silence = self._owner.reactor.callLater(OPENING, self.drop)
        super().connectionMade()

    def onOpen(self) -> None:
        """Have it used."""
        self._is_open = True
        self._silence.reset(SILENCE)
        self._owner.linked(self)

    def say(self, frame: bytes) -> None:
        """Send a text frame; nothing follows a goodbye."""
        if self.state == self.STATE_OPEN:
            self.sendMessage(frame)

    def leave(self) -> None:
        """Say goodbye."""
        self.sendClose(1000)

    def drop(self) -> None:
        """Break it, without a goodbye."""
        self.dropConnection(abort=True)

    def dataReceived(self, data: bytes) -> None:
        """Look at the clock before anything else."""
        self._read_at = self._owner.stamp()
        if self._is_open:
            self._silence.reset(SILENCE)
        super().dataReceived(data)

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        """Hand a message on, with the time of its arrival."""
        self._owner.received(payload, self._read_at)

    def connectionLost(self, reason: Any = connectionDone) -> None:
        """Keep what TLS says: Autobahn hands on only that something was wrong."""
        self._broken_by = reason.value
        if self._silence is not None and self._silence.active():
            self._silence.cancel()
        super().connectionLost(reason)

    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:
        """Tell the owner, in words."""
        if self._is_open:
            words = f"link lost: {reason}" if wasClean and reason else "link lost"
            self._owner.unlinked(words, code or NO_CODE, for_good=False)
        else:
            why, for_good = self._unopened(reason or "")
            self._owner.unlinked(why, for_good=for_good)

    def _unopened(self, reason: str) -> tuple[str, bool]:
        """Say why nothing was opened, and whether nothing ever will be."""
        if refused := re.search(r"upgrade failed \[(\d+)\]: ([^\")]*)", reason):
            status, words = refused.groups()
            return f"the server answers {status} {words}", status.startswith("4")
        if isinstance(self._broken_by, VerificationError):
            return "the server's certificate is for another name than its address", True
        if "certificate verify failed" in str(self._broken_by):
            return _UNTRUSTED, True
        if isinstance(self._broken_by, SSL.Error):
            return "TLS cannot be spoken there: ws:// or wss://?", False
        return "nothing there answers as it should: ws:// or wss://?", False


def client_factory(url: str, reactor: Any) -> WebSocketClientFactory:
    """Return Autobahn's factory, without its timers.

    They round down to whole seconds, and may so be over at once: the link would be
    torn before the server has heard that the phone left. Whoever leaves has its own.
    """
    made = WebSocketClientFactory(url, reactor=reactor)
    made.setProtocolOptions(
        closeHandshakeTimeout=0, serverConnectionDropTimeout=0, openHandshakeTimeout=0
    )
    return made


class Way:
    """The way to one server, over which links are made.

    Args:
        there: Where it is.
        security: How TLS is begun with it; None without TLS.
        owner: Whose links they are.
    """

    def __init__(self, there: Address, security: Any | None, owner: Owner) -> None:
        self._there = there
        self._owner = owner
        self._factory = client_factory(there.url, owner.reactor)
        self._factory.protocol = partial(Link, owner)  # type: ignore[assignment]
        self._endpoint: Any = HostnameEndpoint(owner.reactor, there.host, there.port)
        if security is not None:
            self._endpoint = wrapClientTLS(security, self._endpoint)
        self._attempt: Deferred[Any] | None = None

    def connect(self) -> None:
        """Make a link; its owner hears of it either way."""
        self._attempt = self._endpoint.connect(self._factory)
        self._attempt.addCallbacks(self._reached, self._unreached)

    def give_up(self) -> None:
        """Make the link no more that is under way."""
        attempt, self._attempt = self._attempt, None
        if attempt is not None:
            attempt.cancel()

    def _reached(self, _: object) -> None:
        self._attempt = None

    def _unreached(self, failure: Failure) -> None:
        if self._attempt is not None:
            self._attempt = None
            why = failure.getErrorMessage().split(":")[0]
            words = f"no server at {self._there.url} ({why})"
            self._owner.unlinked(words, for_good=False)
