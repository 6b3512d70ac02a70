"""Bytes to messages and back.

What comes out of `decode` is valid: codes are in upper case, names are safe to
show, numbers are finite and in range. Everything else is a `Refusal`.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

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
from raydel.core.messages import (
    MAX_COMMAND_ID,
    MAX_NAME,
    Inbound,
    Join,
    Marker,
    Outbound,
    RecordingFailed,
    RecordingRefused,
    RecordingStopped,
    StatusReport,
    TimeSyncResponse,
)
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


_Message = TypeVar("_Message", bound=Struct)


class _Header(Struct, rename="camel"):
    type: Any = None
    command_id: Any = None

    @property
    def name(self) -> str | None:
        """Its sender's own name for it, if that is one."""
        name = self.command_id
        is_one = isinstance(name, str) and 0 < len(name) <= MAX_COMMAND_ID
        return name if is_one else None


_decoder: Final = msgspec.json.Decoder(Inbound)
_header: Final = msgspec.json.Decoder(_Header)
_encoder: Final = msgspec.json.Encoder()
_WIRE_NAMES: Final = {"installation_id": "installationId", "file_name": "fileName"}
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
    check = _CHECKS.get(type(message))
    if check is None:
        return message
    try:
        return check(message)
    except Refusal as refusal:
        refusal.command_id = getattr(message, "command_id", None)
        raise


def _refusal(frame: bytes, error: Exception) -> Refusal:
    """Say what is wrong with a frame that is no message we know."""
    detail = _shown(str(error), MAX_DETAIL)
    try:
        header = _header.decode(frame)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return Refusal(INVALID_MESSAGE, detail=detail)
    kind, name = header.type, header.name
    if not isinstance(kind, str):
        detail = "type must be a string"
        return Refusal(INVALID_MESSAGE, detail=detail, command_id=name)
    if kind not in _types:
        about = _shown(kind, MAX_SHOWN_TYPE)
        return Refusal(UNKNOWN_TYPE, about=about, command_id=name)
    fault = INVALID_MESSAGE
    if kind == "time_sync_response":
        fault = INVALID_TIME_SYNC
    elif detail.endswith("`$.sessionId`"):
        fault = INVALID_SESSION_ID
    return Refusal(fault, detail=detail, command_id=name)


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
        _showable(join, "model", "installation_id", "capabilities"),
        session_id=code,
        device_name=_checked_name(join.device_name),
    )


def _checked_name(name: str | None) -> str | None:
    if name is None or not name.strip():
        return None
    if len(name) > MAX_NAME:
        raise Refusal(
            INVALID_MESSAGE, detail=f"deviceName is over {MAX_NAME} characters"
        )
    check_showable("deviceName", name)
    return name


def check_showable(field: str, text: str) -> None:
    """Refuse a text that cannot be shown as a line of text.

    Args:
        field: What it is called on the wire.
        text: A stranger's.

    Raises:
        Refusal: It has a character that breaks the line, or its direction.
    """
    if any(_forbidden(c) for c in text):
        detail = f"{field} has a control or direction-changing character"
        raise Refusal(INVALID_MESSAGE, detail=detail)


def _showable(message: _Message, *fields: str) -> _Message:
    """Refuse a message with a text, or several, that cannot be shown."""
    for field in fields:
        value = getattr(message, field)
        texts = value if isinstance(value, tuple) else (value or "",)
        for text in texts:
            check_showable(_WIRE_NAMES.get(field, field), text)
    return message


def _forbidden(character: str) -> bool:
    return character in _BIDI or unicodedata.category(character) in _UNSHOWABLE


def _checked_stop(report: RecordingStopped) -> RecordingStopped:
    name = report.file_name or ""
    if "/" in name or "\\" in name or name in {".", ".."}:
        raise Refusal(INVALID_MESSAGE, detail="fileName is a name, without a path")
    return _showable(report, "file_name")


def _checked_time(answer: TimeSyncResponse) -> TimeSyncResponse:
    received = answer.client_receive_timestamp
    if received is not None and received > answer.client_timestamp:
        raise Refusal(
            INVALID_TIME_SYNC,
            detail="client_receive_timestamp is after client_timestamp",
        )
    return answer


_CHECKS: Final[Mapping[type[Inbound], Callable[[Any], Inbound]]] = {
    Join: _checked_join,
    TimeSyncResponse: _checked_time,
    RecordingStopped: _checked_stop,
    RecordingRefused: lambda report: _showable(report, "reason"),
    RecordingFailed: lambda report: _showable(report, "reason"),
    StatusReport: lambda status: _showable(status, "network"),
    Marker: lambda marker: _showable(marker, "label"),
}
"""What the classes alone cannot say."""
