"""How phones reach the server: plain or over TLS, from more addresses than one."""

from __future__ import annotations

import socket
import ssl
from ipaddress import ip_address
from typing import Final, Protocol

from raydel.bench.trouble import Trouble

PATIENCE: Final = 20.0
"""Seconds that a connection may take to be accepted."""

PHONES_PER_ADDRESS: Final = 10_000
"""From one address to one port, Linux has 28,000 ports to call from. Loopback has
16 million addresses."""

_LOOPBACK: Final = 0x7F000001


class Line(Protocol):
    """What a phone wants of a socket. Nothing here waits: it raises instead."""

    def send(self, data: bytes, /) -> int:
        """Send what there is room for."""

    def recv(self, size: int, /) -> bytes:
        """Return what has come; nothing if that was the end."""

    def fileno(self) -> int:
        """Return its descriptor; -1 once it is closed."""

    def close(self) -> None:
        """Close it."""


def dial(server: tuple[str, int], number: int, trust: ssl.SSLContext | None) -> Line:
    """Connect a phone.

    Args:
        server: Host and port.
        number: Of the phone: each ten thousand call from an address of their own,
            where the server is called by an address of loopback.
        trust: Whom it trusts, if it speaks TLS.

    Raises:
        OSError: Nobody listens there.
        Trouble: The handshake of TLS fails.
    """
    plain = socket.create_connection(server, PATIENCE, _source(server[0], number))
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    plain.setblocking(False)
    return plain if trust is None else Sealed(plain, trust, server[0])


def _source(host: str, number: int) -> tuple[str, int] | None:
    """Return where a phone calls from; None where the kernel may choose."""
    place = number // PHONES_PER_ADDRESS
    if not place or not host.startswith("127."):
        return None
    return str(ip_address(_LOOPBACK + place)), 0


class Sealed:
    """A socket that speaks TLS, and never waits.

    What is sent before the handshake is done leaves right after it.

    Args:
        plain: The socket, which does not block.
        trust: Whom we trust.
        host: Whom the certificate is to be for.
    """

    def __init__(self, plain: socket.socket, trust: ssl.SSLContext, host: str) -> None:
        self._held = b""
        self._is_open = False
        self._socket = trust.wrap_socket(
            plain, do_handshake_on_connect=False, server_hostname=host
        )
        self._shake_hands()

    def fileno(self) -> int:
        """Return its descriptor; -1 once it is closed."""
        return self._socket.fileno()

    def send(self, data: bytes) -> int:
        """Send a record.

        Raises:
            BlockingIOError: There is no room.
        """
        if not self._is_open:
            self._held += data
            return len(data)
        try:
            return self._socket.send(data)
        except ssl.SSLWantWriteError:
            raise BlockingIOError from None

    def recv(self, size: int) -> bytes:
        """Return what is in the next record; those behind it are still in the kernel.

        Raises:
            BlockingIOError: There is none yet.
        """
        if not self._is_open:
            self._shake_hands()
            if not self._is_open:
                raise BlockingIOError
        try:
            return self._socket.recv(size)
        except ssl.SSLWantReadError:
            raise BlockingIOError from None

    def close(self) -> None:
        """Close it."""
        self._socket.close()

    def _shake_hands(self) -> None:
        try:
            self._socket.do_handshake()
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return
        except ssl.SSLError as problem:
            self.close()
            raise Trouble(f"no TLS with the server: {problem.reason}") from None
        self._is_open = True
        held, self._held = self._held, b""
        if held:
            self._socket.send(held)


def trusting(authority: str) -> ssl.SSLContext | None:
    """Return the settings of phones that trust one authority alone.

    Args:
        authority: Its certificate, PEM; nothing for phones that speak no TLS.
    """
    return ssl.create_default_context(cadata=authority) if authority else None
