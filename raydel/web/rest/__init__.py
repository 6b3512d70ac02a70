"""The REST calls. Klein, which imports the reactor, is imported only in here."""

# mypy: allow-untyped-calls
# twisted.web has few annotations; what is inherited from it counts as ours.

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from klein import Klein
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure
from twisted.web.iweb import IRequest
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from raydel.core.errors import DEGRADED, Refusal
from raydel.export.formats import FORMATS, Format
from raydel.export.trouble import ExportTrouble, MissingLibrary, WrongChoice
from raydel.interfaces import ISessions, ITimebase, StoreTrouble
from raydel.threads import InThread, at_once
from raydel.web.answers import allow, encode_error, encode_refusal
from raydel.web.rest.bodies import WrongType
from raydel.web.rest.commands import add_commands
from raydel.web.rest.exports import add_exports
from raydel.web.rest.openapi import add_descriptions
from raydel.web.rest.operations import add_operations
from raydel.web.rest.paths import add_paths
from raydel.web.rest.query import WrongQuery
from raydel.web.rest.sessions import add_sessions
from raydel.web.rest.takes import add_takes

_OURS: Final[Mapping[type[Exception], HTTPStatus]] = {
    WrongQuery: HTTPStatus.BAD_REQUEST,
    WrongChoice: HTTPStatus.BAD_REQUEST,
    WrongType: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    ExportTrouble: HTTPStatus.CONFLICT,
    MissingLibrary: HTTPStatus.NOT_IMPLEMENTED,
}
"""What a route raises with a text for people, and the status it stands for."""


class RestResource(Resource):
    """All REST calls, and how many of them are open."""

    isLeaf = True

    def __init__(
        self,
        sessions: ISessions,
        timebase: ITimebase,
        in_thread: InThread = at_once,
        formats: Mapping[str, Format] = FORMATS,
    ) -> None:
        """Answer calls about the given sessions."""
        super().__init__()
        self._klein = routes(sessions, timebase, in_thread, formats).resource()
        self._open: set[IRequest] = set()
        self._waiting: list[Deferred[None]] = []

    def render(self, request: Request) -> int:
        """Answer a call."""
        self._open.add(request)
        request.notifyFinish().addBoth(lambda _: self._done(request))
        # Klein would answer a path that is no UTF-8 by itself, and not in JSON.
        request.postpath = [_utf8(each) for each in request.postpath or ()]
        self._klein.render(request)
        return NOT_DONE_YET

    def finish(self) -> Deferred[None]:
        """Wait for the calls that are open. Fires once there are none."""
        done: Deferred[None] = Deferred()
        self._waiting.append(done)
        self._settle()
        return done

    def _done(self, request: IRequest) -> None:
        self._open.discard(request)
        self._settle()

    def _settle(self) -> None:
        if not self._open:
            waiting, self._waiting = self._waiting, []
            for done in waiting:
                done.callback(None)


def _utf8(segment: bytes) -> bytes:
    """Put U+FFFD for what is no UTF-8: no route and no session has it."""
    return segment.decode("utf-8", "replace").encode()


def routes(
    sessions: ISessions,
    timebase: ITimebase,
    in_thread: InThread = at_once,
    formats: Mapping[str, Format] = FORMATS,
) -> Klein:
    """Return all routes, and what is answered where there is none."""
    app = Klein()
    add_paths(app)
    add_operations(app, sessions, timebase)
    add_sessions(app, sessions)
    add_commands(app, sessions)
    add_takes(app, sessions, in_thread)
    add_exports(app, sessions, in_thread, formats)
    add_descriptions(app, formats)
    app.handle_errors(HTTPException, Refusal, StoreTrouble, *_OURS)(_refused)
    return app


def _refused(request: IRequest, failure: Failure) -> bytes:
    """Answer where no route fits, and what a route raises on purpose.

    All else that a route raises is the request's to answer.
    """
    match failure.value:
        case Refusal() as refusal:
            return encode_refusal(request, refusal)
        case StoreTrouble():
            # Why, /health tells an operator.
            return encode_refusal(request, Refusal(DEGRADED))
        case MethodNotAllowed() as error:
            allow(request, *(each.encode() for each in error.valid_methods or ()))
            return encode_error(request, HTTPStatus.METHOD_NOT_ALLOWED)
        case HTTPException():
            return encode_error(request, HTTPStatus.NOT_FOUND)
    status = next(_OURS[kind] for kind in _OURS if failure.check(kind))
    return encode_error(request, status, str(failure.value))
