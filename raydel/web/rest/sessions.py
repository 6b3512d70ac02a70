"""Sessions: which there are, what one is like, and its end."""

from __future__ import annotations

from http import HTTPStatus

from klein import Klein
from twisted.internet.defer import Deferred
from twisted.web.iweb import IRequest

from raydel.core.errors import SESSION_NOT_FOUND
from raydel.core.tokens import session_code
from raydel.interfaces import ISessions
from raydel.web.answers import encode, encode_fault
from raydel.web.rest.waiting import onlooker


def add_sessions(app: Klein, sessions: ISessions) -> None:
    """Add the routes of the sessions."""

    @app.route("/api/sessions", methods=["GET"])
    def statuses(request: IRequest) -> bytes:
        value = {"sessions": sessions.statuses()}
        return encode(request, HTTPStatus.OK, value)

    @app.route("/api/sessions/<rest_but('takes'):text>", methods=["GET"])
    def status(request: IRequest, text: str) -> bytes:
        code = session_code(text)
        found = sessions.status(code) if code else None
        if found is None:
            return encode_fault(request, SESSION_NOT_FOUND)
        return encode(request, HTTPStatus.OK, found)

    @app.route("/api/sessions/<rest_but('takes'):text>", methods=["DELETE"])
    def end(request: IRequest, text: str) -> bytes | Deferred[bytes]:
        code = session_code(text)
        if code is None:
            return encode_fault(request, SESSION_NOT_FOUND)
        ended = onlooker(sessions.end(code))
        return ended.addCallback(lambda found: _ended(request, found=found))


def _ended(request: IRequest, *, found: bool) -> bytes:
    if not found:
        return encode_fault(request, SESSION_NOT_FOUND)
    return encode(request, HTTPStatus.OK, {"message": "Session ended"})
