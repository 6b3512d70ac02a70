"""What an operator's tools ask."""

from __future__ import annotations

from http import HTTPStatus

from klein import Klein
from msgspec import UNSET, Struct, UnsetType
from twisted.web.iweb import IRequest

from raydel.core.instants import iso
from raydel.interfaces import ISessions, ITimebase
from raydel.web.answers import encode


class Health(Struct, frozen=True, rename="camel"):
    """That the program answers, and how much it has to do.

    Attributes:
        status: ``healthy``, or ``degraded`` while nothing can be stored.
        timestamp: Server time, ISO 8601.
        active_sessions: How many sessions live.
        total_connections: How many peers are connected, joined or not.
        reason: Why nothing can be stored, for an operator; else left out.
    """

    status: str
    timestamp: str
    active_sessions: int
    total_connections: int
    reason: str | UnsetType = UNSET


def add_operations(app: Klein, sessions: ISessions, timebase: ITimebase) -> None:
    """Add the routes of an operator's tools."""

    @app.route("/health", methods=["GET"])
    def health(request: IRequest) -> bytes:
        """Tell whether the server is well, and how much it has to do.

        It is 200 also while nothing can be stored: ``status`` says which.
        """
        trouble = sessions.trouble
        # Degraded is 200 too: a stop gets through without a store, and a load
        # balancer that took the server out for a 503 would keep the phones from it.
        return encode(
            request,
            HTTPStatus.OK,
            Health(
                status="healthy" if trouble is None else "degraded",
                timestamp=iso(timebase.now()),
                active_sessions=sessions.session_count,
                total_connections=sessions.connection_count,
                reason=UNSET if trouble is None else trouble,
            ),
        )
