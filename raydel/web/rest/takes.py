"""Takes: which there were, all that is known of one, and its end in the store."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from http import HTTPStatus
from typing import Any, Final

from klein import Klein
from msgspec import Struct
from twisted.internet.defer import Deferred, inlineCallbacks
from twisted.web.iweb import IRequest

from raydel.core.clockview import clocks_of
from raydel.core.errors import TAKE_NOT_FOUND, Refusal
from raydel.core.manifest import Manifest, TakeSummary, manifest_of, summary_of
from raydel.core.take import Take
from raydel.interfaces import ISessions, TakeRecord
from raydel.threads import InThread
from raydel.web.answers import encode
from raydel.web.rest.commands import known_code
from raydel.web.rest.query import Page, asked_page
from raydel.web.rest.sessions import Done
from raydel.web.rest.waiting import onlooker

_ONE: Final = "/api/takes/<rest_but('clocks', 'export/*'):take_id>"


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
    def every_take(request: IRequest) -> Deferred[bytes]:
        """List the takes that are kept, the latest begun first."""
        return _listed(request, sessions, None)

    # Takes outlive their session, so none is looked for: only a code that can be
    # no session's is not found.
    @app.route("/api/sessions/<rest:code>/takes", methods=["GET"])
    def takes_under_code(request: IRequest, code: str) -> Deferred[bytes]:
        """List the takes of a session code, the latest begun first.

        Takes outlive their session: those of all that ever had this code are there.
        """
        return _listed(request, sessions, known_code(code))

    @app.route(_ONE, methods=["GET"])
    def one_take(request: IRequest, take_id: str) -> Deferred[bytes]:
        """Show all that is known of a take so far.

        That is who took part, what they reported, how their files lie to each other
        and how well that is known.
        """
        return shown(request, sessions, take_id, in_thread, manifest_of_record)

    @app.route(_ONE, methods=["DELETE"])
    def delete_take(request: IRequest, take_id: str) -> Deferred[bytes]:
        """Delete a take, with all that was kept of it.

        One that runs has to be stopped first. Videos lie on the phones, and stay.
        """
        deleted = onlooker(sessions.delete_take(take_id))
        return deleted.addCallback(lambda found: _deleted(request, found=found))

    @app.route("/api/takes/<rest:take_id>/clocks", methods=["GET"])
    def clocks(request: IRequest, take_id: str) -> Deferred[bytes]:
        """Show each participant's clock through a take."""
        return shown(request, sessions, take_id, in_thread, _clocks_of_record)


def manifest_of_record(record: TakeRecord) -> Manifest:
    """Show a take. Fits clocks: it is work for a thread."""
    return manifest_of(record.take, record.samples, record.journal, record.cameras)


@inlineCallbacks
def recorded(
    sessions: ISessions,
    take_id: str,
    in_thread: InThread,
    work: Callable[[TakeRecord], Any],
) -> Generator[Deferred[Any], Any, Any]:
    """Look a take up, and do something with it in a thread.

    Returns:
        Fires with what comes of it. Fails with `Refusal` where there is no such take.
    """
    record = yield onlooker(sessions.take(take_id))
    if record is None:
        raise Refusal(TAKE_NOT_FOUND)
    return (yield onlooker(in_thread(lambda: work(record))))


def shown(
    request: IRequest,
    sessions: ISessions,
    take_id: str,
    in_thread: InThread,
    work: Callable[[TakeRecord], Struct],
) -> Deferred[bytes]:
    """Answer with what is made of a take in a thread."""
    made: Deferred[Any] = recorded(sessions, take_id, in_thread, work)
    return made.addCallback(lambda value: encode(request, HTTPStatus.OK, value))


def _clocks_of_record(record: TakeRecord) -> Struct:
    return clocks_of(record.take, record.samples)


def _deleted(request: IRequest, *, found: bool) -> bytes:
    if not found:
        raise Refusal(TAKE_NOT_FOUND)
    return encode(request, HTTPStatus.OK, Done("Take deleted"))


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
            raise Refusal(TAKE_NOT_FOUND, detail="before is the id of no take")
    return encode(request, HTTPStatus.OK, _list_of(found, page))


def _list_of(found: Sequence[Take], page: Page) -> TakeList:
    shown = found[: page.limit]
    return TakeList(
        takes=tuple(summary_of(take) for take in shown),
        next=shown[-1].id if len(found) > len(shown) else None,
    )
