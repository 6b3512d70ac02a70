"""How every HTTP answer looks: JSON, errors included."""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus
from typing import Final

import msgspec
from twisted.web.iweb import IRequest
from twisted.web.server import NOT_DONE_YET

SERVER: Final = b"raydel"
"""What we call ourselves. No version: it would only serve who looks for holes."""

CONTENT_TYPE: Final = b"application/json; charset=utf-8"

_JSON: Final = msgspec.json.Encoder()


def encode(request: IRequest, status: int, value: object) -> bytes:
    """Set an answer's status and headers, and return its body."""
    body = _JSON.encode(value)
    request.setResponseCode(status, HTTPStatus(status).phrase.encode())
    request.setHeader(b"content-type", CONTENT_TYPE)
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


def _error(status: int, text: str | None) -> dict[str, str]:
    return {"error": text or HTTPStatus(status).phrase}
