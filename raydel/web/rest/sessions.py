"""Sessions: which there are, what one is like, and its end.

The predecessor had these calls, so they refuse in its words.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from klein import Klein
from msgspec import Struct
from twisted.internet.defer import Deferred
from twisted.web.iweb import IRequest

from raydel.core.errors import SESSION_NOT_FOUND
from raydel.core.messages import SessionStatus
from raydel.core.tokens import session_code
from raydel.interfaces import ISessions
from raydel.web.answers import encode, encode_fault
from raydel.web.rest.waiting import onlooker

_ONE: Final = "/api/sessions/<rest_but('takes', 'start', 'stop', 'markers'):code>"


class SessionList(Struct, frozen=True):
    """Every session that lives.

    Attributes:
        sessions: The oldest first.
    """

    sessions: tuple[SessionStatus, ...]


class Done(Struct, frozen=True):
    """What was asked for is done.

    Attributes:
        message: What that was, for a person.
    """

    message: str


def add_sessions(app: Klein, sessions: ISessions) -> None:
    """Add the routes of the sessions."""

    @app.route("/api/sessions", methods=["GET"])
    def every_session(request: IRequest) -> bytes:
        """List the sessions."""
        value = SessionList(tuple(sessions.statuses()))
        return encode(request, HTTPStatus.OK, value)

    @app.route(_ONE, methods=["GET"])
    def one_session(request: IRequest, code: str) -> bytes:
        """Show a session.

        It has the devices that are connected, and no others.
        """
        known = session_code(code)
        found = sessions.status(known) if known else None
        if found is None:
            return encode_fault(request, SESSION_NOT_FOUND)
        return encode(request, HTTPStatus.OK, found)

    @app.route(_ONE, methods=["DELETE"])
    def end(request: IRequest, code: str) -> bytes | Deferred[bytes]:
        """End a session.

        A take that runs is stopped first, then the phones are let go.
        """
        known = session_code(code)
        if known is None:
            return encode_fault(request, SESSION_NOT_FOUND)
        ended = onlooker(sessions.end(known))
        return ended.addCallback(lambda found: _ended(request, found=found))


def _ended(request: IRequest, *, found: bool) -> bytes:
    if not found:
        return encode_fault(request, SESSION_NOT_FOUND)
    return encode(request, HTTPStatus.OK, Done("Session ended"))
