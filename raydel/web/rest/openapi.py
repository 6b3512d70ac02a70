"""The description of the REST calls for programs: OpenAPI 3.1."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from http import HTTPStatus
from typing import Final, NamedTuple

import msgspec
from klein import Klein
from msgspec import Struct
from twisted.web.iweb import IRequest
from werkzeug.routing import Rule

from raydel import __version__
from raydel.export.formats import Format
from raydel.web.answers import deliver, encode
from raydel.web.rest.table import (
    EVERYWHERE,
    Answer,
    Link,
    Operation,
    Parameter,
    operations,
)
from raydel.web.schemas import (
    TAKE_PATH,
    Schema,
    component_schemas,
    reference,
    summary_and_rest,
    take_schema,
)

SCHEMA_TYPE: Final = "application/schema+json"

_INTRODUCTION: Final = """\
Raydel makes phones that film the same match start and stop together, and keeps what is
needed to lay their files side by side.

All times are server time in milliseconds since the Unix epoch. All answers are JSON,
errors too, but for exports. Nobody is asked for a password: whoever reaches the port
may ask, start, stop and delete."""

_TAGS: Final = {
    "server": "The server itself.",
    "sessions": "Phones that record together, under one code.",
    "recording": "What an operator may do without a phone.",
    "takes": "What was recorded, as far as it is known.",
}
_VARIABLE: Final = re.compile(r"<[^<>]*?(\w+)>")


def add_descriptions(app: Klein, formats: Mapping[str, Format]) -> None:
    """Add the routes of the descriptions. Routes that come later are in them too."""

    @cache
    def text() -> bytes:
        return msgspec.json.encode(document(app, formats))

    @app.route("/openapi.json", methods=["GET"])
    def openapi(request: IRequest) -> bytes:
        """Describe all of these calls, for programs: OpenAPI 3.1."""
        return deliver(request, HTTPStatus.OK, text(), b"application/json")

    @app.route(TAKE_PATH, methods=["GET"])
    def schema_of_takes(request: IRequest) -> bytes:
        """Describe a take, for programs: JSON Schema, draft 2020-12."""
        body = encode(request, HTTPStatus.OK, take_schema())
        return deliver(request, HTTPStatus.OK, body, SCHEMA_TYPE.encode())


def document(app: Klein, formats: Mapping[str, Format]) -> Schema:
    """Return the description of all routes of an app."""
    table = operations(formats)
    paths: dict[str, Schema] = {}
    for call in calls(app, formats):
        paths.setdefault(call.path, {})[call.method] = _operation(call, table)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Raydel",
            "version": __version__,
            "description": _INTRODUCTION,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": name, "description": text} for name, text in _TAGS.items()],
        "paths": paths,
        "components": {
            "schemas": component_schemas(_written(table), _read(table)),
            "responses": {_name(status): _answer(each) for status, each in _shared()},
        },
    }


class Call(NamedTuple):
    """A call that there is.

    Attributes:
        path: Its path, with ``{names}`` of what varies.
        method: Its method, in lower case.
        name: The function that answers it, and the format, where it has one.
        words: What the function says of itself.
    """

    path: str
    method: str
    name: str
    words: str


def calls(app: Klein, formats: Mapping[str, Format]) -> Iterator[Call]:
    """Return every call; one that has a format, once for each."""
    for rule in app.url_map.iter_rules():
        path = _VARIABLE.sub(r"{\1}", rule.rule)
        words = app.endpoints[rule.endpoint].__doc__ or ""
        for method in sorted(_methods(rule)):
            call = Call(path, method.lower(), rule.endpoint, words)
            yield from _of_each(call, formats) if "{format}" in path else (call,)


def _of_each(call: Call, formats: Mapping[str, Format]) -> Iterator[Call]:
    for each in formats:
        path, name = call.path.replace("{format}", each), f"{call.name}_{each}"
        yield call._replace(path=path, name=name, words=call.words.format(format=each))


def _methods(rule: Rule) -> set[str]:
    # HEAD is GET without a body, and goes without saying.
    return set(rule.methods or ()) - {"HEAD", "OPTIONS"}


def _operation(call: Call, table: Mapping[str, Operation]) -> Schema:
    operation = table[call.name]
    summary, rest = summary_and_rest(call.words)
    shown: Schema = {
        "operationId": call.name,
        "tags": [operation.tag],
        "summary": summary,
        "description": rest.replace("``", "`") or f"{summary}.",
        "parameters": [_parameter(each) for each in operation.parameters],
        "responses": _answers(operation, table),
    }
    if operation.body is not None:
        content = {"application/json": {"schema": reference(operation.body)}}
        shown["requestBody"] = {"required": False, "content": content}
    return shown


def _parameter(parameter: Parameter) -> Schema:
    shown = {
        "name": parameter.name,
        "in": parameter.place,
        "required": parameter.place == "path",
        "description": parameter.about,
        "schema": parameter.schema,
    }
    if parameter.example is not None:
        shown["example"] = parameter.example
    return shown


def _answers(operation: Operation, table: Mapping[str, Operation]) -> Schema:
    shown: Schema = {status: _reference(status) for status, _ in _shared()}
    for status, answer in operation.answers.items():
        shown[str(status)] = _answer(answer)
        if operation.links and status < HTTPStatus.BAD_REQUEST:
            shown[str(status)]["links"] = {
                name: _link(each)
                for name, each in operation.links.items()
                if each.operation in table
            }
    return dict(sorted(shown.items()))


def _answer(answer: Answer) -> Schema:
    kind = {} if answer.kind is None else {"application/json": reference(answer.kind)}
    shown: Schema = {
        "description": answer.about,
        "content": {
            media: {"schema": schema}
            for media, schema in {**kind, **answer.media}.items()
        },
    }
    if answer.headers:
        shown["headers"] = {
            name: {"description": text, "required": True, "schema": {"type": "string"}}
            for name, text in answer.headers.items()
        }
    return shown


def _link(link: Link) -> Schema:
    return {"operationId": link.operation, "parameters": dict(link.values)}


def _shared() -> Iterator[tuple[str, Answer]]:
    return ((str(status), answer) for status, answer in EVERYWHERE.items())


def _reference(status: str) -> Schema:
    return {"$ref": f"#/components/responses/{_name(status)}"}


def _name(status: str) -> str:
    # Not the status' own name: Python 3.13 has others.
    return f"Status{status}"


def _written(table: Mapping[str, Operation]) -> list[type[Struct]]:
    answers = [*EVERYWHERE.values()]
    for operation in table.values():
        answers += operation.answers.values()
    return [*dict.fromkeys(each.kind for each in answers if each.kind is not None)]


def _read(table: Mapping[str, Operation]) -> list[type[Struct]]:
    return [each.body for each in table.values() if each.body is not None]
