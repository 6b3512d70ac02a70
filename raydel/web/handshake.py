"""What is wrong with a WebSocket's first request, in words of ours.

Autobahn would find the same, but its words quote what the peer sent.
"""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Final, NamedTuple

from twisted.web.server import Request

VERSION: Final = b"13"
"""Of the protocol, as browsers and phones have spoken it since 2011."""

_KEY: Final = re.compile(rb"[A-Za-z0-9+/]{22}==")
"""Sixteen bytes in Base64."""


class Fault(NamedTuple):
    """Why there is no WebSocket."""

    status: HTTPStatus
    text: str


def fault(request: Request) -> Fault | None:
    """Return what a handshake breaks of RFC 6455, section 4.2.1; None if nothing."""
    if request.clientproto != b"HTTP/1.1":
        return Fault(HTTPStatus.HTTP_VERSION_NOT_SUPPORTED, "HTTP/1.1 is needed")
    text = _wrong_header(request)
    return None if text is None else Fault(HTTPStatus.BAD_REQUEST, text)


def _wrong_header(request: Request) -> str | None:
    if b"websocket" not in _tokens(request, b"upgrade"):
        return "Upgrade must be websocket"
    if b"upgrade" not in _tokens(request, b"connection"):
        return "Connection must be Upgrade"
    if _values(request, b"sec-websocket-version") != [VERSION]:
        return "Sec-WebSocket-Version must be 13"
    keys = _values(request, b"sec-websocket-key")
    if len(keys) != 1 or _KEY.fullmatch(keys[0]) is None:
        return "Sec-WebSocket-Key must be 16 bytes in Base64"
    return None


def _values(request: Request, name: bytes) -> list[bytes]:
    return list(request.requestHeaders.getRawHeaders(name, []))


def _tokens(request: Request, name: bytes) -> list[bytes]:
    """Return the words of a header; proxies write several, in any case."""
    return [
        word.strip() for word in b",".join(_values(request, name)).lower().split(b",")
    ]
