"""What waits for one peer to read it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from twisted.internet.interfaces import IPushProducer
from zope.interface import implementer

MAX_UNSENT: Final = 256 * 1024
"""Bytes a peer may leave unread: a thousand messages, minutes of a dead link."""

PIECE: Final = 16 * 1024
"""Bytes at a time in which what has waited is written: a hundred thousand pongs one by
one would keep all other phones waiting for a second."""

TRANSPORT_HOLDS: Final = 64 * 1024
"""Bytes Twisted's transports hold themselves before they pause a producer."""


@implementer(IPushProducer)
class Unsent:
    """Writes in order while the wire takes it, holds back what it does not.

    Autobahn writes without looking: ten megabytes would wait for a phone that
    does not read. The transport calls the producer's methods.
    """

    __slots__ = ("_overflow", "_paused", "_size", "_waiting", "_write")

    def __init__(
        self, write: Callable[[bytes], None], overflow: Callable[[], None]
    ) -> None:
        """Start with nothing waiting.

        Args:
            write: Puts bytes on the wire.
            overflow: Called when the peer leaves too much unread.
        """
        self._write = write
        self._overflow = overflow
        # A list takes no room while it is empty, as it nearly always is.
        self._waiting: list[bytes] = []
        self._size = 0
        self._paused = False

    def put(self, data: bytes) -> None:
        """Write, or wait for the peer to read."""
        if not self._paused:
            self._write(data)
            return
        self._waiting.append(data)
        self._size += len(data)
        if self._size > MAX_UNSENT - TRANSPORT_HOLDS:
            self.stopProducing()
            self._overflow()

    def flush(self) -> None:
        """Hand all that waits to the transport, which is about to close."""
        self._paused = False
        while self._waiting:
            self._write(self._piece())

    def pauseProducing(self) -> None:
        """Hold back from now on."""
        self._paused = True

    def resumeProducing(self) -> None:
        """Write what waits, until the transport has enough again."""
        self._paused = False
        while self._waiting and not self._paused:
            self._write(self._piece())

    def stopProducing(self) -> None:
        """Forget what waits: the wire is gone."""
        self._waiting.clear()
        self._size = 0

    def _piece(self) -> bytes:
        """Take what has waited longest: whole writes, a piece together."""
        size = count = 0
        for data in self._waiting:
            size += len(data)
            count += 1
            if size >= PIECE:
                break
        piece = b"".join(self._waiting[:count])
        del self._waiting[:count]
        self._size -= size
        return piece
