"""Frames of the server, read into the messages that it writes."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from msgspec import Struct

from raydel.core.messages import Outbound

_decoder: Final = msgspec.json.Decoder(Outbound)
_TYPES: Final = frozenset(cls.__struct_config__.tag for cls in Outbound.__args__)


class Nonsense(Exception):
    """A frame is no message; the text says why."""


class Unknown(Struct, frozen=True):
    """A message of a kind that this client does not know: a newer server sent it."""

    type: str
    seq: int = 0


_header: Final = msgspec.json.Decoder(Unknown)


def heard(frame: bytes) -> Outbound | Unknown:
    """Read one frame.

    Raises:
        Nonsense: It is no message.
    """
    try:
        message: Any = _decoder.decode(frame)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as problem:
        return _of_newer_kind(frame, problem)
    return message  # type: ignore[no-any-return]


def _of_newer_kind(frame: bytes, problem: Exception) -> Unknown:
    try:
        found = _header.decode(frame)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Nonsense(str(problem)) from None
    if found.type in _TYPES:
        raise Nonsense(str(problem)) from None
    return found
