"""A take in the form that another program reads."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from klein import Klein
from twisted.internet.defer import Deferred, succeed
from twisted.web.iweb import IRequest

from raydel.export.formats import Format
from raydel.export.source import sources_of
from raydel.interfaces import ISessions, TakeRecord
from raydel.threads import InThread
from raydel.web.answers import deliver, encode_error
from raydel.web.rest.query import asked_choices
from raydel.web.rest.takes import manifest_of_record, recorded


def add_exports(
    app: Klein,
    sessions: ISessions,
    in_thread: InThread,
    formats: Mapping[str, Format],
) -> None:
    """Add the routes of the exports."""

    @app.route("/api/takes/<rest:take_id>/export/<word:format>", methods=["GET"])
    def export(request: IRequest, take_id: str, **path: str) -> Deferred[bytes]:
        """Write a take for another program: {format}."""
        form = formats.get(path["format"])
        if form is None:
            return succeed(_no_format(request, formats))
        choices = asked_choices(request)

        def written(record: TakeRecord) -> tuple[str, bytes]:
            manifest = manifest_of_record(record)
            return manifest.id, form.render(manifest, sources_of(manifest), choices)

        made: Deferred[Any] = recorded(sessions, take_id, in_thread, written)
        return made.addCallback(lambda both: _attached(request, form, *both))


def _no_format(request: IRequest, formats: Mapping[str, Format]) -> bytes:
    known = ", ".join(sorted(formats))
    text = f"There is no such format; there are {known}"
    return encode_error(request, HTTPStatus.NOT_FOUND, text)


def _attached(request: IRequest, form: Format, take_id: str, body: bytes) -> bytes:
    name = f"take-{take_id[:8]}{form.suffix}"
    request.setHeader(b"content-disposition", f'attachment; filename="{name}"'.encode())
    return deliver(request, HTTPStatus.OK, body, form.content_type.encode())
