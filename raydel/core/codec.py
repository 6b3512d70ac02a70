"""Bytes to messages and back.

What comes out of `decode` is valid: codes are in upper case, names are safe to
show, numbers are finite and in range. Everything else is a `Refusal`.
"""

from __future__ import annotations

import unicodedata
from typing import Any, Final

import msgspec
from msgspec import Struct, structs

from raydel.core.errors import (
    INVALID_MESSAGE,
    INVALID_SESSION_ID,
    INVALID_TIME_SYNC,
    SESSION_ID_REQUIRED,
    UNKNOWN_TYPE,
    Refusal,
)
from raydel.core.messages import MAX_NAME, Inbound, Join, Outbound, TimeSyncResponse
from raydel.core.tokens import session_code

MAX_SHOWN_TYPE: Final = 64
"""Characters of an unknown type that are repeated in the answer."""

MAX_DETAIL: Final = 160
"""Characters of a detail, which may quote the frame: a line and a half."""

_BIDI: Final = frozenset(
    "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
)
"""Characters that change the direction of the text after them."""

_UNSHOWABLE: Final = frozenset({"Cc", "Cs", "Zl", "Zp"})
"""Unicode categories that break or forge a line: controls, separators."""


class _Header(Struct):
    type: Any = None


_decoder: Final = msgspec.json.Decoder(Inbound)
_header: Final = msgspec.json.Decoder(_Header)
_encoder: Final = msgspec.json.Encoder()
_types: Final = frozenset(cls.__struct_config__.tag for cls in Inbound.__args__)


def encode(message: Outbound) -> bytes:
    """Write a message as one frame of UTF-8 JSON."""
    return _encoder.encode(message)


def decode(frame: bytes) -> Inbound:
    """Read one frame.

    Raises:
        Refusal: with the text released apps know and, in ``detail``, what is
            wrong with this frame.
    """
    try:
        message: Inbound = _decoder.decode(frame)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise _refusal(frame, error) from None
    if type(message) is Join:
        return _checked_join(message)
    if type(message) is TimeSyncResponse:
        return _checked_time(message)
    return message


def _refusal(frame: bytes, error: Exception) -> Refusal:
    """Say what is wrong with a frame that is no message we know."""
    detail = _shown(str(error), MAX_DETAIL)
    try:
        kind = _header.decode(frame).type
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return Refusal(INVALID_MESSAGE, detail=detail)
    if not isinstance(kind, str):
        return Refusal(INVALID_MESSAGE, detail="type must be a string")
    if kind not in _types:
        return Refusal(UNKNOWN_TYPE, about=_shown(kind, MAX_SHOWN_TYPE))
    if kind == "time_sync_response":
        return Refusal(INVALID_TIME_SYNC, detail=detail)
    if detail.endswith("`$.sessionId`"):
        return Refusal(INVALID_SESSION_ID, detail=detail)
    return Refusal(INVALID_MESSAGE, detail=detail)


def _shown(text: str, most: int) -> str:
    """Cut a stranger's text to a length and to characters safe to repeat."""
    return "".join("\ufffd" if _forbidden(c) else c for c in text[:most])


def _checked_join(join: Join) -> Join:
    if not join.session_id:
        raise Refusal(SESSION_ID_REQUIRED)
    code = session_code(join.session_id)
    if code is None:
        raise Refusal(
            INVALID_SESSION_ID, detail="a code is six characters of A-Z and 0-9"
        )
    return structs.replace(
        join, session_id=code, device_name=_checked_name(join.device_name)
    )


def _checked_name(name: str | None) -> str | None:
    if name is None or not name.strip():
        return None
    if len(name) > MAX_NAME:
        raise Refusal(
            INVALID_MESSAGE, detail=f"deviceName is over {MAX_NAME} characters"
        )
    if any(_forbidden(c) for c in name):
        raise Refusal(
            INVALID_MESSAGE,
            detail="deviceName has a control or direction-changing character",
        )
    return name


def _forbidden(character: str) -> bool:
    return character in _BIDI or unicodedata.category(character) in _UNSHOWABLE


def _checked_time(answer: TimeSyncResponse) -> TimeSyncResponse:
    received = answer.client_receive_timestamp
    if received is not None and received > answer.client_timestamp:
        raise Refusal(
            INVALID_TIME_SYNC,
            detail="client_receive_timestamp is after client_timestamp",
        )
    return answer
