"""Takes: which there were, and all that is known of one."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from http import HTTPStatus
from typing import Any

from klein import Klein
from msgspec import Struct
from twisted.internet.defer import Deferred, inlineCallbacks, succeed
from twisted.web.iweb import IRequest

from raydel.core.clockview import clocks_of
from raydel.core.errors import SESSION_NOT_FOUND, TAKE_NOT_FOUND
from raydel.core.manifest import TakeSummary, manifest_of, summary_of
from raydel.core.take import Take
from raydel.core.tokens import session_code
from raydel.interfaces import ISessions, TakeRecord
from raydel.threads import InThread
from raydel.web.answers import encode, encode_fault
from raydel.web.rest.query import Page, WrongQuery, asked_page
from raydel.web.rest.waiting import onlooker


class TakeList(Struct, frozen=True):
    """A page of takes, the latest begun first.

    Attributes:
        takes: The takes.
        next: What to pass as ``before`` for those that follow, or None after the
            last of all.
    """

    takes: tuple[TakeSummary, ...]
    next: str | None


def add_takes(app: Klein, sessions: ISessions, in_thread: InThread) -> None:
    """Add the routes of the takes."""

    @app.route("/api/takes", methods=["GET"])
    def every(request: IRequest) -> Deferred[bytes]:
        return _listed(request, sessions, None)

    # Takes outlive their session, so none is looked for: only a code that can be
    # no session's is not found.
    @app.route("/api/sessions/<rest:text>/takes", methods=["GET"])
    def under_code(request: IRequest, text: str) -> Deferred[bytes]:
        code = session_code(text)
        if code is None:
            return succeed(encode_fault(request, SESSION_NOT_FOUND))
        return _listed(request, sessions, code)

    @app.route("/api/takes/<rest_but('clocks'):take_id>", methods=["GET"])
    def one(request: IRequest, take_id: str) -> Deferred[bytes]:
        found = onlooker(sessions.take(take_id))
        return found.addCallback(lambda record: _shown(request, record))

    @app.route("/api/takes/<rest:take_id>/clocks", methods=["GET"])
    def clocks(request: IRequest, take_id: str) -> Deferred[bytes]:
        found = onlooker(sessions.take(take_id))
        return found.addCallback(lambda record: _fitted(request, record, in_thread))


def _fitted(
    request: IRequest, record: TakeRecord | None, in_thread: InThread
) -> bytes | Deferred[bytes]:
    if record is None:
        return encode_fault(request, TAKE_NOT_FOUND)
    done = onlooker(in_thread(lambda: clocks_of(record.take, record.samples)))
    return done.addCallback(lambda clocks: encode(request, HTTPStatus.OK, clocks))


def _shown(request: IRequest, record: TakeRecord | None) -> bytes:
    if record is None:
        return encode_fault(request, TAKE_NOT_FOUND)
    return encode(request, HTTPStatus.OK, manifest_of(record.take, record.samples))


@inlineCallbacks
def _listed(
    request: IRequest, sessions: ISessions, code: str | None
) -> Generator[Deferred[Any], Any, bytes]:
    page = asked_page(request)
    # One more than is shown says whether any follow.
    found = yield onlooker(sessions.takes(code, page.before, page.limit + 1))
    if page.before is not None and not found:
        # There are none before it, or it is none itself.
        known = yield onlooker(sessions.take(page.before))
        if known is None:
            raise WrongQuery("before is the id of no take")
    return encode(request, HTTPStatus.OK, _list_of(found, page))


def _list_of(found: Sequence[Take], page: Page) -> TakeList:
    shown = found[: page.limit]
    return TakeList(
        takes=tuple(summary_of(take) for take in shown),
        next=shown[-1].id if len(found) > len(shown) else None,
    )
