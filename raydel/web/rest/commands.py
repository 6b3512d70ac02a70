"""Start, stop and mark: an operator's hand where there is no phone."""

from __future__ import annotations

from http import HTTPStatus
from typing import cast

from klein import Klein
from msgspec import Struct
from twisted.internet.defer import Deferred
from twisted.web.iweb import IRequest

from raydel.core.errors import SESSION_NOT_FOUND, Refusal
from raydel.core.instants import fine
from raydel.core.messages import MarkerNotice, StartRecording, StopRecording
from raydel.core.tokens import session_code
from raydel.interfaces import ISessions
from raydel.web.answers import encode
from raydel.web.rest.bodies import MarkerBody, StartBody, StopBody, asked_body
from raydel.web.rest.waiting import onlooker


class TakeBegun(Struct, frozen=True, rename="camel"):
    """A take has begun.

    Attributes:
        take_id: Its id.
        start_time: When the cameras are called, server time, ms.
    """

    take_id: str
    start_time: float


class TakeEnded(Struct, frozen=True, rename="camel"):
    """A take has ended.

    Attributes:
        take_id: Its id.
        stop_time: When the stop was accepted, server time, ms.
        reason: Why it ended: ``command``.
    """

    take_id: str
    stop_time: float
    reason: str


class MarkerMade(Struct, frozen=True, rename="camel"):
    """An instant of a take is marked.

    Attributes:
        take_id: The take.
        time: Which instant, server time, ms.
        label: What it is called; may be empty.
    """

    take_id: str
    time: float
    label: str


def add_commands(app: Klein, sessions: ISessions) -> None:
    """Add the routes that do what a phone could do as well."""

    @app.route("/api/sessions/<rest:code>/start", methods=["POST"])
    def start(request: IRequest, code: str) -> Deferred[bytes]:
        """Start recording on every device of a session.

        The answer is there once the take is stored; the cameras start later.
        """
        known = known_code(code)
        asked_body(request, StartBody)
        started = onlooker(sessions.start(known))
        return started.addCallback(lambda command: _begun(request, command))

    @app.route("/api/sessions/<rest:code>/stop", methods=["POST"])
    def stop(request: IRequest, code: str) -> Deferred[bytes]:
        """Stop recording on every device of a session.

        A device that is away is told when it is back.
        """
        known = known_code(code)
        body = asked_body(request, StopBody)
        stopped = onlooker(sessions.stop(known, body.take_id))
        return stopped.addCallback(lambda command: _ended(request, command))

    @app.route("/api/sessions/<rest:code>/markers", methods=["POST"])
    def mark(request: IRequest, code: str) -> Deferred[bytes]:
        """Mark an instant of the take that runs: a goal, say.

        It stands in the take with everybody else's marks.
        """
        known = known_code(code)
        body = asked_body(request, MarkerBody)
        marked = onlooker(sessions.mark(known, body.label, body.timestamp))
        return marked.addCallback(lambda notice: _marked(request, notice))


def known_code(text: str) -> str:
    """Return the session code in a path, in upper case.

    Raises:
        Refusal: It can be none.
    """
    code = session_code(text)
    if code is None:
        raise Refusal(SESSION_NOT_FOUND)
    return code


def _begun(request: IRequest, command: StartRecording) -> bytes:
    # An operator is always told which take, unlike a released app.
    begun = TakeBegun(cast("str", command.take_id), fine(command.atomic_start_time))
    return encode(request, HTTPStatus.OK, begun)


def _ended(request: IRequest, command: StopRecording) -> bytes:
    take_id, reason = cast("str", command.take_id), cast("str", command.reason)
    ended = TakeEnded(take_id, fine(command.timestamp), reason)
    return encode(request, HTTPStatus.OK, ended)


def _marked(request: IRequest, notice: MarkerNotice) -> bytes:
    made = MarkerMade(notice.take_id, fine(notice.timestamp), notice.label)
    return encode(request, HTTPStatus.CREATED, made)
