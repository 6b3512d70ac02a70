"""Sessions: which there are, what one is like, and its end."""

from __future__ import annotations

from http import HTTPStatus

from klein import Klein
from twisted.internet.defer import Deferred
from twisted.web.iweb import IRequest
from werkzeug.routing import BaseConverter

from raydel.core.errors import SESSION_NOT_FOUND
from raydel.core.tokens import session_code
from raydel.interfaces import ISessions
from raydel.web.answers import encode, encode_error


class Rest(BaseConverter):
    """All the rest of a path, slashes and line breaks included.

    So that whatever stands where a code should is a session that is not found.
    """

    regex = r"(?s:.*)"
    part_isolating = False


def add_sessions(app: Klein, sessions: ISessions) -> None:
    """Add the routes of the sessions."""
    app.url_map.converters["rest"] = Rest

    @app.route("/api/sessions", methods=["GET"])
    def statuses(request: IRequest) -> bytes:
        value = {"sessions": sessions.statuses()}
        return encode(request, HTTPStatus.OK, value)

    @app.route("/api/sessions/<rest:text>", methods=["GET"])
    def status(request: IRequest, text: str) -> bytes:
        code = session_code(text)
        found = sessions.status(code) if code else None
        if found is None:
            return _not_found(request)
        return encode(request, HTTPStatus.OK, found)

    @app.route("/api/sessions/<rest:text>", methods=["DELETE"])
    def end(request: IRequest, text: str) -> bytes | Deferred[bytes]:
        code = session_code(text)
        if code is None:
            return _not_found(request)
        # Klein cancels what it waits for when the client hangs up; the end of a
        # session, once ordered, goes on.
        ended: Deferred[bool] = Deferred()
        sessions.end(code).chainDeferred(ended)
        return ended.addCallback(lambda found: _ended(request, found=found))


def _ended(request: IRequest, *, found: bool) -> bytes:
    if not found:
        return _not_found(request)
    return encode(request, HTTPStatus.OK, {"message": "Session ended"})


def _not_found(request: IRequest) -> bytes:
    return encode_error(request, SESSION_NOT_FOUND.status, SESSION_NOT_FOUND.message)
