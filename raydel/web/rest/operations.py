"""What an operator's tools ask."""

from __future__ import annotations

from http import HTTPStatus

from klein import Klein
from msgspec import Struct
from twisted.web.iweb import IRequest

from raydel.core.instants import iso
from raydel.interfaces import ISessions, ITimebase
from raydel.web.answers import encode


class Health(Struct, frozen=True, rename="camel"):
    """That the program answers, and how much it has to do."""

    status: str
    timestamp: str
    active_sessions: int
    total_connections: int


def add_operations(app: Klein, sessions: ISessions, timebase: ITimebase) -> None:
    """Add the routes of an operator's tools."""

    @app.route("/health", methods=["GET"])
    def health(request: IRequest) -> bytes:
        return encode(
            request,
            HTTPStatus.OK,
            Health(
                status="healthy",
                timestamp=iso(timebase.now()),
                active_sessions=len(sessions.statuses()),
                total_connections=sessions.connection_count,
            ),
        )
