"""How every HTTP answer looks: JSON, errors included."""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus
from typing import Final

import msgspec
from msgspec import UNSET, Struct, UnsetType
from twisted.web.iweb import IRequest
from twisted.web.server import NOT_DONE_YET

from raydel.core.errors import Fault, Refusal

SERVER: Final = b"raydel"
"""What we call ourselves. No version: it would only serve who looks for holes."""

CONTENT_TYPE: Final = b"application/json; charset=utf-8"

RETRY_AFTER: Final = b"1"
"""Seconds to wait where waiting may help: a busy disk is free by then, and who asks
once a second does no harm to a full one."""

_JSON: Final = msgspec.json.Encoder()


class ErrorBody(Struct, frozen=True):
    """The body of every refusal.

    Attributes:
        error: What is wrong, for a person.
        code: The same for a program, where there is a name for it.
        temporary: There, and true, where waiting may help.
        detail: What exactly is wrong, for the person who writes the program.
    """

    error: str
    code: str | UnsetType = UNSET
    temporary: bool | UnsetType = UNSET
    detail: str | UnsetType = UNSET


def encode(request: IRequest, status: int, value: object) -> bytes:
    """Set an answer's status and headers, and return its body."""
    return deliver(request, status, _JSON.encode(value))


def deliver(
    request: IRequest, status: int, body: bytes, content_type: bytes = CONTENT_TYPE
) -> bytes:
    """Set the status and headers of an answer that is written already; return it."""
    request.setResponseCode(status, HTTPStatus(status).phrase.encode())
    request.setHeader(b"content-type", content_type)
    request.setHeader(b"content-length", b"%d" % len(body))
    # What a session is like holds for the moment only.
    request.setHeader(b"cache-control", b"no-store")
    return body


def encode_error(request: IRequest, status: int, text: str | None = None) -> bytes:
    """Set the status and headers of a refusal, and return its body.

    Args:
        request: What is refused.
        status: The HTTP status.
        text: What is wrong, for a person; None for the status' own name.
    """
    return encode(request, status, _error(status, text))


def encode_fault(request: IRequest, fault: Fault) -> bytes:
    """Write a fault as clients of the predecessor know it: by its text alone.

    Only one that waiting may cure comes with more. It is for the calls that the
    predecessor had; all others raise a `Refusal`.
    """
    if fault.temporary:
        return encode_refusal(request, Refusal(fault))
    return encode_error(request, fault.status, fault.message)


def encode_refusal(request: IRequest, refusal: Refusal) -> bytes:
    """Set the status and headers of a refusal, and return its body: all of it."""
    fault = refusal.fault
    if fault.temporary:
        request.setHeader(b"retry-after", RETRY_AFTER)
    body = ErrorBody(
        refusal.text,
        fault.code,
        temporary=True if fault.temporary else UNSET,
        detail=UNSET if refusal.detail is None else refusal.detail,
    )
    return encode(request, fault.status, body)


def refuse(request: IRequest, status: int, text: str | None = None) -> int:
    """Answer with an error, at once. Return what a resource renders then."""
    request.write(encode_error(request, status, text))
    request.finish()
    return NOT_DONE_YET


def refuse_method(request: IRequest, *allowed: bytes) -> int:
    """Answer that the path does not know the method, and which ones it does."""
    allow(request, *allowed)
    return refuse(request, HTTPStatus.METHOD_NOT_ALLOWED)


def allow(request: IRequest, *methods: bytes) -> None:
    """Name the methods a path knows; a preflight is answered everywhere."""
    request.setHeader(b"allow", b", ".join(sorted({*methods, b"OPTIONS"})))


def raw_error(
    status: int, text: str | None = None, headers: Iterable[tuple[str, str]] = ()
) -> bytes:
    """Return a whole response, for where there is no request to answer on.

    It is the last of its connection.
    """
    body = _JSON.encode(_error(status, text))
    lines = [
        f"HTTP/1.1 {int(status)} {HTTPStatus(status).phrase}",
        f"Server: {SERVER.decode()}",
        f"Content-Type: {CONTENT_TYPE.decode()}",
        f"Content-Length: {len(body)}",
        "Connection: close",
        *(f"{name}: {value}" for name, value in headers),
    ]
    return "\r\n".join([*lines, "", ""]).encode("ascii") + body


def _error(status: int, text: str | None) -> ErrorBody:
    return ErrorBody(text or HTTPStatus(status).phrase)
