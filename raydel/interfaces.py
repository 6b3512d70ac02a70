"""The promises between the parts of the program."""

from __future__ import annotations

from typing import Sequence

from twisted.internet.defer import Deferred
from zope.interface import Attribute, Interface

from raydel.core.messages import SessionStatus


class ITimebase(Interface):
    """Server time: one monotonic clock, anchored to the epoch once.

    No step of the machine's wall clock moves it.
    """

    clock_id: str = Attribute(
        "Names this clock. It changes when server time does, and only then."
    )

    def now() -> float:
        """Return the instant it is, in milliseconds since the epoch."""


class ITransport(Interface):
    """The wire to one peer. The edge provides it, a connection drives it.

    No method raises, and none does anything once the wire is closed.
    """

    address: str = Attribute("Where the peer is, for people and logs.")

    def send(frame: bytes) -> None:
        """Send one text frame: UTF-8 JSON.

        A peer that leaves more than 256 KiB unread is cut off.
        """

    def ping(payload: bytes) -> None:
        """Send a WebSocket ping; its pong comes back as `IConnection.ponged`."""

    def close(code: int, reason: str = "") -> None:
        """Say goodbye with a close code; nothing is sent after it."""

    def abort() -> None:
        """Drop the wire without a goodbye."""


class IConnection(Interface):
    """One peer, as its wire sees it. A transport calls these."""

    def received(frame: bytes) -> None:
        """Take one whole text message, at the moment it was read."""

    def ponged(payload: bytes) -> None:
        """Take the pong of an earlier ping, at the moment it was read."""

    def heard() -> None:
        """Note any other sign of life: a control frame, a fragment."""

    def closed(code: int) -> None:
        """Note that the wire is gone, once, last of all.

        Args:
            code: The peer's close code; 1005 if it gave none, 1006 if the wire
                broke without a goodbye.
        """


class ISessions(Interface):
    """The one session service behind WebSocket and REST."""

    connection_count: int = Attribute("How many peers are connected, joined or not.")

    def connect(transport: ITransport, code: str | None) -> IConnection:
        """Welcome a new peer.

        Args:
            transport: The open wire to it.
            code: The session code that stood in its path, in upper case.
        """

    def statuses() -> Sequence[SessionStatus]:
        """Return every living session, oldest first."""

    def status(code: str) -> SessionStatus | None:
        """Return one living session, or None."""

    def end(code: str) -> Deferred[bool]:
        """End a session: stop its take, tell its devices, close their wires.

        Returns:
            Fires once this is stored, with whether there was such a session.
        """
