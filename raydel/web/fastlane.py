"""The fast lane: the commonest of all frames, past most of Autobahn.

A phone sends small texts, each in one frame of its own, and gets such. Autobahn reads
and writes them with code that is made for anything a WebSocket can be, and Twisted
waits a turn of the reactor before it writes. Here they are taken, and sent, in a few
lines. Whatever is not just that goes to Autobahn, as if there were no fast lane:
fragments, control frames, binary, long or half-read frames, compression, whatever
breaks a rule, and all that comes before a WebSocket is open or once it closes.

To leave this out changes nothing but the time it takes: `--wire=library`.
"""

# mypy: allow-untyped-calls
# Autobahn and Twisted have few annotations; what is inherited counts as ours.

from __future__ import annotations

from typing import Any, Final

from autobahn.websocket.protocol import WebSocketProtocol
from twisted.internet.abstract import FileDescriptor
from twisted.internet.interfaces import IReactorTime
from twisted.internet.protocol import connectionDone
from twisted.internet.tcp import Server
from twisted.logger import Logger

from raydel.core.config import WireLane
from raydel.web.sample import Sample, opened
from raydel.web.websocket import SyncProtocol, factory_for

SMALL: Final = 4096
"""Bytes of a message that is taken here. The largest a phone sends has a few hundred;
longer ones are rare, and Autobahn counts what is too long."""

_WHOLE_TEXT: Final = 0x81
"""The first byte of a frame: the last of its message, nothing reserved, text."""

_PING: Final = 0x89
"""That of a ping."""

_MASKED: Final = 0x80
"""In the second byte; the other bits are the length."""

_SHORT: Final = 126
"""Lengths below stand in the second byte, this one says that two more have it."""

_LONG: Final = 1 << 16
_OPEN: Final = WebSocketProtocol.STATE_OPEN
_HEADS: Final = tuple(bytes((_WHOLE_TEXT, size)) for size in range(_SHORT))

log = Logger()


def text_frame(payload: bytes) -> bytes:
    """Return a text message as the one frame that a server sends (RFC 6455, 5.2)."""
    size = len(payload)
    if size < _SHORT:
        return _HEADS[size] + payload
    if size < _LONG:
        return b"\x81\x7e" + size.to_bytes(2) + payload
    return b"\x81\x7f" + size.to_bytes(8) + payload


def ping_frame(payload: bytes) -> bytes:
    """Return a ping as the one frame that it is (RFC 6455, 5.5.2)."""
    return bytes((_PING, len(payload))) + payload


def whole_text(data: bytes, at: int) -> tuple[bytes, int] | None:
    """Read the frame that begins somewhere in what came (RFC 6455, 5.2).

    Args:
        data: What came.
        at: Where in it the frame begins.

    Returns:
        The message, and where the next frame begins. None if it is not a text, small,
        masked, whole, in one frame and valid UTF-8.
    """
    if len(data) < at + 6 or data[at] != _WHOLE_TEXT:
        return None
    start, size = at + 6, data[at + 1] - _MASKED
    if size == _SHORT:
        start, size = at + 8, data[at + 2] << 8 | data[at + 3]
        if not _SHORT <= size <= SMALL:
            return None
    elif not 0 <= size < _SHORT:
        return None
    end = start + size
    if end > len(data):
        return None
    # One number for all bytes is the quickest way that Python has.
    mask = (data[start - 4 : start] * (size // 4 + 1))[:size]
    message = (
        int.from_bytes(data[start:end], "little") ^ int.from_bytes(mask, "little")
    ).to_bytes(size, "little")
    return (message, end) if message.isascii() or _is_text(message) else None


def _is_text(message: bytes) -> bool:
    try:
        message.decode()
    except UnicodeDecodeError:
        return False
    return True


def is_at_rest(protocol: Any) -> bool:
    """Whether Autobahn expects nothing but the beginning of a message."""
    return bool(
        protocol.state == _OPEN
        and not protocol.data
        and protocol.current_frame is None
        and not protocol.inside_message
        and protocol._perMessageCompress is None  # noqa: SLF001 - as its neighbours
    )


class FastProtocol(SyncProtocol):
    """Takes and sends whole small texts itself, and leaves all else as it is."""

    def dataReceived(self, data: bytes) -> None:
        """Take the texts at the beginning of what came; Autobahn takes the rest."""
        at = 0
        while at < len(data) and is_at_rest(self):
            found = whole_text(data, at)
            # One too many is refused on the other lane, which counts it once more.
            if found is None or not self.wire.message_came(found[0]):
                break
            at = found[1]
        if at < len(data):
            # Not `dataReceived`, which would write a line for a log that is off.
            self._dataReceived(data[at:])

    def connectionLost(self, reason: Any = connectionDone) -> None:
        """Take the end of TCP, without the lines for logs that are off."""
        WebSocketProtocol._connectionLost(self, reason)  # noqa: SLF001 - as inherited
        self.factory.countConnections -= 1

    def send_text(self, payload: bytes) -> None:
        """Send a text message, in one frame."""
        self.wire.unsent.put(text_frame(payload))

    def send_ping(self, payload: bytes) -> None:
        """Send a ping; the payload has 125 bytes at most."""
        self.wire.unsent.put(ping_frame(payload))

    def write(self, data: bytes) -> None:
        """Write to the socket itself, if nothing waits to be written before."""
        sent = self.sent_at_once(data)
        if sent < len(data):
            self.socket.write(data[sent:])

    def sent_at_once(self, data: bytes) -> int:
        """Give the socket what it takes right now, and return how many bytes that is.

        None where it is not plain TCP: TLS has its own way to write, a Unix socket may
        pass descriptors along, and what a stranger's transport does is not known.
        """
        transport: Any = self.transport
        if (
            type(transport) is not Server
            or transport.TLS
            or not transport.connected
            or transport.disconnecting
            or transport._aborting  # noqa: SLF001 - looked at by `strangeness`
            or transport.dataBuffer
            or transport._tempDataLen  # noqa: SLF001 - looked at by `strangeness`
        ):
            return 0
        try:
            sent: int = transport.socket.send(data)
        except OSError:
            # What is wrong with the wire the transport finds out in its time.
            return 0
        return sent


# Whether it can be used.


_PIECES: Final = (b"\x01", b"\x81", b"mask", b"\x05", b"\x80\x81mask", b"\x0f")
"""A text, masked and in two frames; after each piece but the last it is half read."""


def lane(
    wire: WireLane, clock: IReactorTime, sample: type[Sample] = Sample
) -> type[SyncProtocol]:
    """Return what is to speak with peers.

    Args:
        wire: What was chosen.
        clock: For Autobahn, as it is looked at; no time passes.
        sample: Autobahn.
    """
    if wire == "library":
        return SyncProtocol
    strange = strangeness(clock, sample)
    if strange is None:
        return FastProtocol
    log.warn(  # noqa: G010 - Twisted calls it so
        "the fast lane is off, messages cost more time: {strange}. All else is as"
        " always; a newer Raydel may know these versions of Autobahn and Twisted",
        strange=strange,
    )
    return SyncProtocol


def strangeness(
    clock: IReactorTime,
    sample: type[Sample] = Sample,
    transport: type[FileDescriptor] = FileDescriptor,
) -> str | None:
    """Say what the libraries have otherwise than the fast lane expects.

    Args:
        clock: For Autobahn.
        sample: Autobahn.
        transport: What Twisted's transports are made of.

    Returns:
        None if all is as it expects.
    """
    try:
        return _strange_autobahn(sample, clock) or _strange_twisted(transport, clock)
    except Exception as problem:  # Whatever it is, there is the other lane.
        return f"{type(problem).__name__}: {problem}"


def _strange_autobahn(sample: type[Sample], clock: Any) -> str | None:
    """Let it read a text in pieces and send one, and look at how it does."""
    protocol, transport = opened(factory_for(clock), sample)
    rests = [is_at_rest(protocol)]
    for piece in _PIECES:
        protocol._dataReceived(piece)  # noqa: SLF001 - where the rest is handed on
        rests.append(is_at_rest(protocol))
    if rests != [True, *(False for _ in _PIECES[1:]), True] or protocol.taken != b"hb":
        return "Autobahn reads otherwise than it did"
    protocol.sendFrame(opcode=1, payload=b"text")
    text = transport.written
    protocol.sendPing(b"ping")
    if (text, transport.written) != (text_frame(b"text"), ping_frame(b"ping")):
        return "Autobahn writes otherwise than it did"
    return None


def _strange_twisted(transport: type[FileDescriptor], clock: Any) -> str | None:
    """Look at where it keeps what waits to be written."""
    empty = transport(clock)
    kept = empty.dataBuffer, empty._tempDataLen, Server._aborting  # noqa: SLF001
    if kept != (b"", 0, False):
        return "Twisted keeps what it is to write otherwise than it did"
    return None
