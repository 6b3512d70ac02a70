"""WebSocket frames of a phone, written and read as cheaply as Python can.

The load generator shares a machine with the server, and must not be the slower of the
two: so frames are made once where they can be, and never checked more than is needed to
tell them apart. The server's frames are whole and unmasked.
"""

from __future__ import annotations

import json
import os
from typing import Any, Final

TEXT: Final = 1
CLOSE: Final = 8
PING: Final = 9
PONG: Final = 10

GOODBYE: Final = (1000).to_bytes(2, "big")
"""The payload of a close frame of one who means to go."""

_SMALL: Final = 126


class Mask:
    """Masks frames with one key.

    A browser draws a key for each frame. To the server that makes no difference, as
    long as it is not 0, for which some have a short cut.
    """

    def __init__(self) -> None:
        self._key = bytes(byte | 1 for byte in os.urandom(4))
        self._pads: dict[int, int] = {}

    def frame(self, payload: bytes, opcode: int = TEXT) -> bytes:
        """Return a whole masked frame."""
        size = len(payload)
        head = bytes((0x80 | opcode,))
        if size < _SMALL:
            head += bytes((0x80 | size,))
        else:
            head += b"\xfe" + size.to_bytes(2, "big")
        mixed = int.from_bytes(payload, "little") ^ self._pad(size)
        return head + self._key + mixed.to_bytes(size, "little")

    def _pad(self, size: int) -> int:
        pad = self._pads.get(size)
        if pad is None:
            repeated = (self._key * (size // 4 + 1))[:size]
            pad = self._pads[size] = int.from_bytes(repeated, "little")
        return pad


def frames(data: bytes) -> tuple[list[tuple[int, bytes]], bytes]:
    """Cut what a server has sent into frames.

    Returns:
        Opcodes and payloads, and the beginning of a frame that has yet to come.
    """
    found: list[tuple[int, bytes]] = []
    at, end = 0, len(data)
    while end - at >= 2:  # noqa: PLR2004 - the shortest head there is
        size, begin = data[at + 1], at + 2
        if size >= _SMALL:
            width = 2 if size == _SMALL else 8
            begin += width
            if begin > end:
                break
            size = int.from_bytes(data[begin - width : begin], "big")
        if begin + size > end:
            break
        found.append((data[at] & 0x0F, data[begin : begin + size]))
        at = begin + size
    return found, data[at:]


def handshake(host: str, port: int) -> bytes:
    """Return the request that opens a WebSocket; of the answer only 101 counts."""
    return (
        f"GET /sync HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        "Sec-WebSocket-Version: 13\r\n\r\n"
    ).encode()


def kind_of(payload: bytes) -> bytes:
    """Return the type of a message; all servers here write it first."""
    if payload.startswith(b'{"type":"'):
        return payload[9 : payload.index(b'"', 9)]
    kind: str = json.loads(payload)["type"]
    return kind.encode()


def answer(question: bytes, now: float) -> bytes:
    """Return the answer to a `time_sync_request`.

    Args:
        question: The message as it came.
        now: The phone's time, ms.
    """
    begin = question.find(b'"request_id":"')
    if begin < 0:
        return _slow_answer(question, now)
    begin += 14
    name = question[begin : question.index(b'"', begin)]
    begin = question.index(b'"server_timestamp":') + 19
    end = min(
        i for i in (question.find(b",", begin), question.find(b"}", begin)) if i > 0
    )
    return (
        b'{"type":"time_sync_response","request_id":"%b","server_timestamp":%b,'
        b'"client_timestamp":%.3f}' % (name, question[begin:end], now)
    )


def _slow_answer(question: bytes, now: float) -> bytes:
    asked = json.loads(question)
    return message(
        "time_sync_response",
        request_id=asked["request_id"],
        server_timestamp=asked["server_timestamp"],
        client_timestamp=now,
    )


def message(kind: str, **fields: Any) -> bytes:
    """Write a message of a phone."""
    return json.dumps({"type": kind, **fields}, separators=(",", ":")).encode()
