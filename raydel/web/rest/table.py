"""What each call takes and answers: the table behind the published description.

It is by the name of the function that answers; paths and methods are those of the
routes, and words come from the docstrings.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from msgspec import Struct

from raydel.core.clockview import Clocks
from raydel.core.manifest import Manifest
from raydel.core.messages import SessionStatus
from raydel.export.formats import Format
from raydel.web.answers import ErrorBody
from raydel.web.rest.bodies import MarkerBody, StartBody, StopBody
from raydel.web.rest.commands import MarkerMade, TakeBegun, TakeEnded
from raydel.web.rest.operations import Health
from raydel.web.rest.query import MOST, USUAL
from raydel.web.rest.sessions import Done, SessionList
from raydel.web.rest.takes import TakeList
from raydel.web.schemas import Schema, reference


class Answer(Struct, frozen=True):
    """One way in which a call may end.

    Attributes:
        about: When that is, in a sentence.
        kind: What its body is; None where ``media`` says so.
        media: The content types there may be, each with its schema.
        headers: Headers that come with it, each with what it says.
    """

    about: str
    kind: type[Struct] | None = ErrorBody
    media: Mapping[str, Mapping[str, Any]] = {}
    headers: Mapping[str, str] = {}


class Parameter(Struct, frozen=True):
    """Something that is chosen in the address of a call.

    Attributes:
        name: Its name.
        place: ``path`` or ``query``.
        about: What it is.
        schema: What it may be.
        example: One that makes sense.
    """

    name: str
    place: str
    about: str
    schema: Mapping[str, Any]
    example: Any = None


class Link(Struct, frozen=True):
    """What an answer leads on to.

    Attributes:
        operation: The call.
        values: Its parameters, and where in the answer each of them stands.
    """

    operation: str
    values: Mapping[str, str]


class Operation(Struct, frozen=True):
    """A call.

    Attributes:
        tag: What it is about.
        answers: Its answers by status, but for those that every call has.
        parameters: Those of its path, then those of its query.
        body: What may come along.
        links: What its good answer leads on to, by name.
    """

    tag: str
    answers: Mapping[int, Answer]
    parameters: tuple[Parameter, ...] = ()
    body: type[Struct] | None = None
    links: Mapping[str, Link] = {}


_ID: Final = {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,64}$"}
_CODE: Final = Parameter(
    "code",
    "path",
    "The session's code. Upper and lower case are one.",
    {"type": "string", "pattern": "^[A-Za-z0-9]{6}$"},
    "ABC123",
)
_TAKE: Final = Parameter("take_id", "path", "The take's id.", _ID, "Rnq8-n9kqgfthsVs")
_PAGE: Final = (
    Parameter(
        "limit",
        "query",
        "How many takes.",
        {"type": "integer", "minimum": 1, "maximum": MOST, "default": USUAL},
        2,
    ),
    Parameter("before", "query", "Only takes begun before the one with this id.", _ID),
)

_CHOICES: Final[Mapping[str, tuple[Parameter, ...]]] = {
    "ffmpeg": (
        Parameter(
            "layout",
            "query",
            "One video with all pictures beside each other, or one for each file.",
            {
                "type": "string",
                "enum": ["side-by-side", "separate"],
                "default": "side-by-side",
            },
        ),
        Parameter(
            "exact",
            "query",
            "Whether frames are encoded anew; `no` is for separate videos, and leaves "
            "height and rate as they are.",
            {"type": "string", "enum": ["yes", "no"], "default": "yes"},
        ),
        Parameter(
            "height",
            "query",
            "Of each picture, in pixels.",
            {"type": "number", "minimum": 16, "maximum": 4320},
        ),
        Parameter(
            "rate",
            "query",
            "Frames a second.",
            {"type": "number", "minimum": 1, "maximum": 1000},
        ),
        Parameter(
            "output",
            "query",
            "The file to make, or the directory of separate ones.",
            {"type": "string", "minLength": 1, "maxLength": 1000},
        ),
    )
}
"""What a format lets one choose; the others let one choose nothing."""

_SHAPES: Final[Mapping[str, Schema]] = {
    "json": reference(Manifest),
    "csv": {"type": "string"},
    "ffmpeg": {"type": "string"},
    "otio": {"type": "object"},
}
"""What a file of a format is like."""

_NO_SESSION: Final = Answer("There is no such session.")
_NO_TAKE: Final = Answer("There is no such take.")
_NO_BEFORE: Final = Answer("`before` is the id of no take.")
_NO_CODE: Final = Answer("There can be no such code, or `before` is the id of no take.")
_BUSY: Final = Answer("It makes no sense now: the text and the code say why.")
_NOT_JSON: Final = Answer("The body is said to be something else than JSON.")
_AWAY: Final = Answer(
    "The store cannot be asked now.",
    headers={"Retry-After": "After how many seconds to ask again."},
)


def _links(parameter: str, place: str, *calls: str) -> Mapping[str, Link]:
    """Lead on to some calls, with what stands at a place of the answer."""
    values = {parameter: f"$response.body#{place}"}
    return {each: Link(each, values) for each in calls}


_OF_SESSION: Final = ("one_session", "start", "stop", "mark", "takes_under_code", "end")
_OF_TAKE: Final = (
    "one_take",
    "clocks",
    "export_csv",
    "export_ffmpeg",
    "export_json",
    "export_otio",
    "delete_take",
)
_TO_SESSIONS: Final = _links("code", "/sessions/0/id", *_OF_SESSION)
_TO_TAKES: Final = _links("take_id", "/takes/0/id", *_OF_TAKE)
_TO_TAKE: Final = _links("take_id", "/takeId", *_OF_TAKE)

EVERYWHERE: Final[Mapping[int, Answer]] = {
    400: Answer("The request is broken, or something in it makes no sense."),
    403: Answer("A web page of another site asks, and `--origin` does not list it."),
    405: Answer(
        "The path does not know the method.",
        headers={"Allow": "The methods that it knows."},
    ),
    408: Answer("The request did not arrive whole in time."),
    413: Answer("The body is over 16 KiB."),
    500: Answer("Our mistake. It is in the log."),
}
"""What any call may answer."""


def operations(formats: Mapping[str, Format]) -> Mapping[str, Operation]:
    """Return every call, by the name of the function that answers it.

    An export is one for each format, and has the format's name behind that.
    """
    exports = {f"export_{each}": _export(form) for each, form in formats.items()}
    return {**_SERVER, **_SESSIONS, **_TAKES, **exports}


_SERVER: Final = {
    "health": Operation("server", {200: Answer("It answers.", Health)}),
    "openapi": Operation(
        "server",
        {200: Answer("This.", None, {"application/json": {"type": "object"}})},
    ),
    "schema_of_takes": Operation(
        "server",
        {200: Answer("It.", None, {"application/schema+json": {"type": "object"}})},
    ),
}

_SESSIONS: Final = {
    "every_session": Operation(
        "sessions", {200: Answer("All of them.", SessionList)}, links=_TO_SESSIONS
    ),
    "one_session": Operation(
        "sessions", {200: Answer("It.", SessionStatus), 404: _NO_SESSION}, (_CODE,)
    ),
    "end": Operation(
        "sessions",
        {200: Answer("It is over.", Done), 404: _NO_SESSION, 503: _AWAY},
        (_CODE,),
    ),
    "start": Operation(
        "recording",
        {
            200: Answer("The cameras will start.", TakeBegun),
            404: _NO_SESSION,
            409: _BUSY,
            415: _NOT_JSON,
            503: _AWAY,
        },
        (_CODE,),
        StartBody,
        _TO_TAKE,
    ),
    "stop": Operation(
        "recording",
        {
            200: Answer("The cameras stop.", TakeEnded),
            404: _NO_SESSION,
            409: _BUSY,
            415: _NOT_JSON,
            503: _AWAY,
        },
        (_CODE,),
        StopBody,
        _TO_TAKE,
    ),
    "mark": Operation(
        "recording",
        {
            201: Answer("It is marked.", MarkerMade),
            404: _NO_SESSION,
            409: _BUSY,
            415: _NOT_JSON,
            503: _AWAY,
        },
        (_CODE,),
        MarkerBody,
        _TO_TAKE,
    ),
}

_TAKES: Final = {
    "every_take": Operation(
        "takes",
        {200: Answer("A page.", TakeList), 404: _NO_BEFORE, 503: _AWAY},
        _PAGE,
        links=_TO_TAKES,
    ),
    "takes_under_code": Operation(
        "takes",
        {200: Answer("A page.", TakeList), 404: _NO_CODE, 503: _AWAY},
        (_CODE, *_PAGE),
        links=_TO_TAKES,
    ),
    "one_take": Operation(
        "takes",
        {200: Answer("It.", Manifest), 404: _NO_TAKE, 503: _AWAY},
        (_TAKE,),
    ),
    "delete_take": Operation(
        "takes",
        {200: Answer("It is gone.", Done), 404: _NO_TAKE, 409: _BUSY, 503: _AWAY},
        (_TAKE,),
    ),
    "clocks": Operation(
        "takes",
        {200: Answer("They.", Clocks), 404: _NO_TAKE, 503: _AWAY},
        (_TAKE,),
    ),
}


def _export(form: Format) -> Operation:
    schema = _SHAPES.get(form.name, {})
    return Operation(
        "takes",
        {
            200: Answer(
                "A file.",
                None,
                {form.content_type: schema},
                {"Content-Disposition": "What to call the file."},
            ),
            404: _NO_TAKE,
            409: Answer("The take does not allow it: the text says why."),
            501: Answer("The server lacks a library for it: the text says which."),
            503: _AWAY,
        },
        (_TAKE, *_CHOICES.get(form.name, ())),
    )
