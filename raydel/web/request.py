"""One HTTP request, refused as early as it shows that it is wrong."""

# mypy: allow-untyped-calls
# twisted.web has few annotations; what is inherited from it counts as ours.

from __future__ import annotations

from collections.abc import Collection
from http import HTTPStatus
from io import BytesIO
from typing import Any, Final

from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.server import Request

from raydel.web.answers import SERVER, raw_error, refuse
from raydel.web.blame import blame
from raydel.web.channel import Channel
from raydel.web.origin import host_name, origin_allowed

MAX_BODY: Final = 16 * 1024
"""Bytes of a request body. twisted.web takes any size, and keeps it in memory."""

CORS_METHODS: Final = b"GET,HEAD,PUT,PATCH,POST,DELETE"

log = Logger()


class CheckedRequest(Request):
    """A request whose size, host and origin are looked at before its path."""

    channel: Channel

    def __init__(self, origins: Collection[str], *args: Any, **kwargs: Any) -> None:
        """Take what twisted.web gives, after the origins an operator allows."""
        super().__init__(*args, **kwargs)
        self._origins = origins
        self._received = 0
        self._refused = False

    # While the request comes in.

    def gotLength(self, length: int | None) -> None:
        """Take the length of the body, or None if it comes in chunks."""
        # Never a file on the disk, as twisted.web has it for chunks.
        self.content = BytesIO()
        if length is not None and length > MAX_BODY:
            self._refuse_body()

    def handleContentChunk(self, data: bytes) -> None:
        """Take a piece of the body."""
        if self._refused:
            return
        self._received += len(data)
        if self._received > MAX_BODY:
            self._refuse_body()
        else:
            super().handleContentChunk(data)

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:
        """Take the end of the body."""
        if self._refused:
            self.channel.loseConnection()
        else:
            super().requestReceived(command, path, version)

    def _refuse_body(self) -> None:
        self._refused = True
        # A client that asks first must not be told to go on.
        self.requestHeaders.removeHeader(b"expect")
        self.channel.write(raw_error(HTTPStatus.REQUEST_ENTITY_TOO_LARGE))
        self.channel.linger()

    # Once it is there.

    def process(self) -> None:
        """Answer the request, or have the resource at its path answer it."""
        self.setHeader(b"vary", b"Origin")
        host = self._host()
        if host is None:
            refuse(self, HTTPStatus.BAD_REQUEST, "One Host header is needed")
        elif not self._welcomes_page(host):
            refuse(self, HTTPStatus.FORBIDDEN, "Origin not allowed")
        elif not self.path.startswith(b"/"):
            refuse(self, HTTPStatus.BAD_REQUEST, "The path must begin with /")
        elif self.method == b"OPTIONS":
            self._answer_preflight()
        else:
            super().process()

    def write(self, data: bytes) -> None:
        """Write of the answer, under a name without a version."""
        self.setHeader(b"server", SERVER)
        super().write(data)

    def processingFailed(self, reason: Failure) -> Failure:
        """Answer what a resource broke at: log it, and keep it from the client."""
        log.error("A request failed: {error}", error=blame(reason))
        refuse(self, HTTPStatus.INTERNAL_SERVER_ERROR)
        return reason

    def _host(self) -> str | None:
        """Return the `Host` header; None if there is not exactly one good one."""
        values = self.requestHeaders.getRawHeaders(b"host", [])
        host = values[0].decode("latin-1") if len(values) == 1 else ""
        return host if host_name(host) else None

    def _welcomes_page(self, host: str) -> bool:
        """Return whether the page may ask, and let its browser read the answer."""
        values = self.requestHeaders.getRawHeaders(b"origin", [])
        if not values:
            return True
        origin = values[0].decode("latin-1")
        if len(values) > 1 or not origin_allowed(origin, host, self._origins):
            return False
        self.setHeader(b"access-control-allow-origin", values[0])
        return True

    def _answer_preflight(self) -> None:
        """Tell a browser that it may ask what it is about to ask."""
        self.setResponseCode(HTTPStatus.NO_CONTENT)
        self.setHeader(b"access-control-allow-methods", CORS_METHODS)
        wanted = self.getHeader(b"access-control-request-headers")
        if wanted is not None:
            self.setHeader(b"access-control-allow-headers", wanted)
        self.finish()
