"""The description of the REST calls, held to the routes and to what they answer."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Final

import jsonschema
import msgspec
import treq
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from raydel import __version__
from raydel.core.clockview import Clocks
from raydel.core.manifest import Manifest, TakeSummary
from raydel.core.messages import SessionStatus
from raydel.export.formats import FORMATS
from raydel.export.plan import CHOICES
from raydel.testing import FakeSessions, FakeTimebase
from raydel.web.answers import ErrorBody
from raydel.web.rest import routes
from raydel.web.rest.bodies import MarkerBody, StartBody, StopBody
from raydel.web.rest.commands import MarkerMade, TakeBegun, TakeEnded
from raydel.web.rest.openapi import calls, document
from raydel.web.rest.operations import Health
from raydel.web.rest.query import MOST, USUAL
from raydel.web.rest.sessions import Done, SessionList
from raydel.web.rest.table import EVERYWHERE, operations
from raydel.web.rest.takes import TakeList
from tests.web.test_rest_takes import TakesTestCase

APP: Final = routes(FakeSessions(), FakeTimebase(Clock()))
DOCUMENT: Final = json.loads(msgspec.json.encode(document(APP, FORMATS)))
CALLS: Final = (
    "DELETE /api/sessions/{code}",
    "DELETE /api/takes/{take_id}",
    "GET /api/sessions",
    "GET /api/sessions/{code}",
    "GET /api/sessions/{code}/takes",
    "GET /api/takes",
    "GET /api/takes/{take_id}",
    "GET /api/takes/{take_id}/clocks",
    "GET /api/takes/{take_id}/export/csv",
    "GET /api/takes/{take_id}/export/ffmpeg",
    "GET /api/takes/{take_id}/export/json",
    "GET /api/takes/{take_id}/export/otio",
    "GET /health",
    "GET /openapi.json",
    "GET /schemas/take.json",
    "POST /api/sessions/{code}/markers",
    "POST /api/sessions/{code}/start",
    "POST /api/sessions/{code}/stop",
)
WRITTEN: Final = (
    Clocks,
    Done,
    ErrorBody,
    Health,
    Manifest,
    MarkerMade,
    SessionList,
    SessionStatus,
    TakeBegun,
    TakeEnded,
    TakeList,
    TakeSummary,
)
READ: Final = (MarkerBody, StartBody, StopBody)


def described() -> Iterator[tuple[str, str, Any]]:
    """Return path, method and description of every call that is described."""
    for path, methods in DOCUMENT["paths"].items():
        for method, call in methods.items():
            yield path, method, call


def resolved(value: Any) -> Any:
    """Follow a reference within the document, if it is one."""
    if "$ref" not in value:
        return value
    found = DOCUMENT
    for part in value["$ref"].removeprefix("#/").split("/"):
        found = found[part]
    return found


def references(value: Any) -> Iterator[str]:
    """Return every reference that stands somewhere in a value."""
    if isinstance(value, dict):
        yield from (each for key, each in value.items() if key == "$ref")
        for each in value.values():
            yield from references(each)
    elif isinstance(value, list):
        for each in value:
            yield from references(each)


class RouteTests(SynchronousTestCase):
    """Every route is described, and nothing else."""

    def test_calls(self) -> None:
        """The calls are those that there are."""
        shown = sorted(f"{method.upper()} {path}" for path, method, _ in described())
        self.assertEqual(list(CALLS), shown)

    def test_routes_and_table(self) -> None:
        """Each route stands in the table, and each call in the table is a route."""
        ours = {rule.endpoint for rule in APP.url_map.iter_rules()} - {"export"}
        ours |= {f"export_{name}" for name in FORMATS}
        self.assertEqual(ours, set(operations(FORMATS)))
        self.assertEqual(ours, {call.name for call in calls(APP, FORMATS)})

    def test_path_parameters(self) -> None:
        """Each variable of a path is described, and no other."""
        for path, _, call in described():
            shown = [
                each["name"] for each in call["parameters"] if each["in"] == "path"
            ]
            self.assertEqual(re.findall(r"{(\w+)}", path), shown)

    def test_limits(self) -> None:
        """The limits of a page are those in force."""
        for path in ("/api/takes", "/api/sessions/{code}/takes"):
            (limit,) = (
                each["schema"]
                for each in DOCUMENT["paths"][path]["get"]["parameters"]
                if each["name"] == "limit"
            )
            self.assertEqual(
                (1, MOST, USUAL),
                (limit["minimum"], limit["maximum"], limit["default"]),
            )

    def test_words(self) -> None:
        """Each call says what it does, and each answer when it is given."""
        for path, method, call in described():
            self.assertTrue(call["summary"] and call["description"], path)
            self.assertNotIn("``", call["summary"] + call["description"])
            for answer in call["responses"].values():
                self.assertTrue(resolved(answer)["description"], f"{method} {path}")

    def test_every_call(self) -> None:
        """Each call has one kind of good answer, and those that any call has."""
        for path, method, call in described():
            statuses = list(call["responses"])
            self.assertLessEqual({str(each) for each in EVERYWHERE}, set(statuses))
            good = [each for each in statuses if each < "300"]
            self.assertEqual(1, len(good), f"{method} {path}")

    def test_errors(self) -> None:
        """Each refusal has the one body that refusals have."""
        error = {"$ref": "#/components/schemas/ErrorBody"}
        for _, _, call in described():
            for status, answer in call["responses"].items():
                if status >= "400":
                    content = resolved(answer)["content"]
                    self.assertEqual({"application/json": {"schema": error}}, content)

    def test_formats(self) -> None:
        """Each format of an export is a call, with its content type."""
        for name, form in FORMATS.items():
            call = DOCUMENT["paths"][f"/api/takes/{{take_id}}/export/{name}"]["get"]
            self.assertEqual(
                f"Write a take for another program: {name}", call["summary"]
            )
            self.assertEqual(
                [form.content_type], list(call["responses"]["200"]["content"])
            )

    def test_choices(self) -> None:
        """What can be chosen of a video is described, and nothing else."""
        call = DOCUMENT["paths"]["/api/takes/{take_id}/export/ffmpeg"]["get"]
        _, *choices = (each["name"] for each in call["parameters"])
        self.assertEqual(list(CHOICES), choices)

    def test_links(self) -> None:
        """A link leads to a call that there is, and gives what stands in its path."""
        known = {call["operationId"]: call for _, _, call in described()}
        links = [
            link
            for _, _, call in described()
            for answer in call["responses"].values()
            for link in answer.get("links", {}).values()
        ]
        self.assertNotEqual([], links)
        for link in links:
            call = known[link["operationId"]]
            needed = {each["name"] for each in call["parameters"] if each["required"]}
            self.assertEqual(needed, set(link["parameters"]))


class SchemaTests(SynchronousTestCase):
    """What is said of bodies is what the classes are."""

    def test_fields(self) -> None:
        """Each class is described with all of its fields, and no other."""
        schemas = DOCUMENT["components"]["schemas"]
        for kind in (*WRITTEN, *READ):
            fields = {each.encode_name for each in msgspec.structs.fields(kind)}
            self.assertEqual(fields, set(schemas[kind.__name__]["properties"]))

    def test_all_are_used(self) -> None:
        """Every schema is referred to, and every reference leads somewhere."""
        used = set(references(DOCUMENT))
        parts = DOCUMENT["components"]
        known = {
            f"#/components/{kind}/{name}" for kind in parts for name in parts[kind]
        }
        self.assertEqual(known, used)

    def test_field_words(self) -> None:
        """What a docstring says of a field stands beside it, in the wire's names."""
        marker = DOCUMENT["components"]["schemas"]["MarkerBody"]["properties"]
        self.assertEqual(
            "Which instant, server time, ms. Left out, it is now.",
            marker["timestamp"]["description"],
        )
        manifest = DOCUMENT["components"]["schemas"]["Manifest"]["properties"]
        self.assertIn("before `startTime`", manifest["endedAt"]["description"])
        self.assertIn("null while it runs", manifest["endedAt"]["description"])

    def test_input_limits(self) -> None:
        """What may come along has the limits that it is read with."""
        schemas = DOCUMENT["components"]["schemas"]
        label = schemas["MarkerBody"]["properties"]["label"]
        self.assertEqual(200, label["maxLength"])
        text, _ = schemas["StopBody"]["properties"]["takeId"]["anyOf"]
        self.assertEqual((1, 64), (text["minLength"], text["maxLength"]))

    def test_always_there(self) -> None:
        """Fields that are always written are required; what may come along is not."""
        schemas = DOCUMENT["components"]["schemas"]
        self.assertEqual(["error"], schemas["ErrorBody"]["required"])
        recording = schemas["Recording"]
        self.assertEqual(set(recording["properties"]), set(recording["required"]))
        for kind in READ:
            self.assertEqual([], schemas[kind.__name__].get("required", []))

    def test_valid(self) -> None:
        """Each schema is one of draft 2020-12."""
        for schema in DOCUMENT["components"]["schemas"].values():
            jsonschema.Draft202012Validator.check_schema(schema)


class ServedTests(TakesTestCase):
    """What the server hands out."""

    def test_document(self) -> None:
        """The description is there, of this version, and in a browser's reach."""
        response = self.successResultOf(self.request("GET", "/openapi.json"))
        kind = response.headers.getRawHeaders(b"content-type")
        self.assertEqual((200, [b"application/json"]), (response.code, kind))
        self.assertEqual(DOCUMENT, json.loads(self.text("/openapi.json")))
        self.assertEqual("3.1.0", DOCUMENT["openapi"])
        self.assertEqual(__version__, DOCUMENT["info"]["version"])

    def test_answers(self) -> None:
        """What is answered is as it is described, where all is well and where not."""
        for path, template in (
            ("/health", "/health"),
            ("/api/sessions", "/api/sessions"),
            ("/api/sessions/ABC123", "/api/sessions/{code}"),
            ("/api/sessions/NOPE00", "/api/sessions/{code}"),
            ("/api/takes?limit=2", "/api/takes"),
            ("/api/takes?limit=0", "/api/takes"),
            ("/api/takes/take-1", "/api/takes/{take_id}"),
            ("/api/takes/take-9", "/api/takes/{take_id}"),
            ("/api/takes/take-1/clocks", "/api/takes/{take_id}/clocks"),
        ):
            status, value = self.answer("GET", path)
            call = DOCUMENT["paths"][template]["get"]
            answer = resolved(call["responses"][str(status)])
            schema = answer["content"]["application/json"]["schema"]
            jsonschema.validate(value, {**schema, "components": DOCUMENT["components"]})

    def text(self, path: str) -> bytes:
        """Ask, and return the body."""
        response = self.successResultOf(self.request("GET", path))
        return self.successResultOf(treq.content(response))
