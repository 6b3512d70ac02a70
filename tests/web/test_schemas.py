"""The published schema of a take, held to takes."""

from __future__ import annotations

import json
from typing import Any, Final

import jsonschema
import msgspec
from twisted.trial.unittest import SynchronousTestCase

from raydel.core.journal import (
    SERVER,
    Confirmed,
    Fact,
    JournalEntry,
    LinkBack,
    LinkLost,
    Marked,
    Told,
)
from raydel.core.manifest import FORMAT, VERSION, manifest_of
from raydel.core.messages import RecordingFailed, RecordingStarted, RecordingStopped
from raydel.core.take import Absentee
from raydel.interfaces import TakeRecord
from raydel.web.schemas import (
    DRAFT,
    TAKE_PATH,
    component_schemas,
    reference,
    summary_and_rest,
    take_schema,
)
from tests.docs import page
from tests.web.test_rest_takes import TakesTestCase, record

SCHEMA: Final = json.loads(json.dumps(take_schema()))
FACTS: Final[tuple[Fact, ...]] = (
    Told("start", 12.5),
    Told("stop"),
    Confirmed("start"),
    RecordingStarted("take-1", 1.0, 29.97),
    LinkLost("silent"),
    LinkBack(),
    Marked(2.0, "Goal"),
    RecordingStopped("take-1", 3.0, 100, "a.mov", 12345, "0" * 64),
    RecordingFailed("take-1", "the disk is full"),
)


def full_record() -> TakeRecord:
    """Make a take in which all happened that can."""
    known = record(1)
    take = msgspec.structs.replace(
        known.take, absent=(Absentee("late", "Late", is_host=False),)
    )
    journal = [
        JournalEntry("take-1", "host-id", take.start_at + n, fact)
        for n, fact in enumerate(FACTS)
    ]
    journal.append(JournalEntry("take-1", SERVER, take.start_at, Marked(5.0)))
    return TakeRecord(take, known.samples, tuple(journal))


def shown(known: TakeRecord) -> Any:
    """Return a take as it is written."""
    manifest = manifest_of(known.take, known.samples, known.journal)
    return json.loads(msgspec.json.encode(manifest))


class TakeSchemaTests(TakesTestCase):
    def test_head(self) -> None:
        """It says which draft it is of, what it is called, and what it describes."""
        self.assertEqual(["$schema", "$id", "title"], list(SCHEMA)[:3])
        self.assertEqual((DRAFT, TAKE_PATH), (SCHEMA["$schema"], SCHEMA["$id"]))
        jsonschema.Draft202012Validator.check_schema(SCHEMA)

    def test_takes(self) -> None:
        """A take is as it says: one that runs, one that has ended, one with it all."""
        running = record(2)
        take = msgspec.structs.replace(running.take, ended_at=None, reason=None)
        for each in (record(1), TakeRecord(take, ()), full_record()):
            jsonschema.validate(shown(each), SCHEMA)

    def test_something_else(self) -> None:
        """What is no take is not as it says."""
        good = shown(full_record())
        for what, value in {
            "nothing": {},
            "another file": good | {"format": "raydel-session"},
            "a later version": good | {"version": VERSION + 1},
            "no journal": {key: good[key] for key in good if key != "journal"},
            "a time as a text": good | {"startTime": "2026-01-15T10:30:00Z"},
            "an unknown fact": good
            | {"journal": [good["journal"][0] | {"fact": {"type": "dreamt"}}]},
        }.items():
            with self.assertRaises(jsonschema.ValidationError, msg=what):
                jsonschema.validate(value, SCHEMA)
        self.assertEqual(FORMAT, good["format"])

    def test_new_fields(self) -> None:
        """New fields do not make a take another one."""
        jsonschema.validate(shown(full_record()) | {"weather": "fine"}, SCHEMA)

    def test_served(self) -> None:
        """The server hands it out, and shows takes that are as it says."""
        response = self.successResultOf(self.request("GET", TAKE_PATH))
        kind = response.headers.getRawHeaders(b"content-type")
        self.assertEqual([b"application/schema+json"], kind)
        self.sessions.records["take-1"] = full_record()
        jsonschema.validate(self.answer("GET", "/api/takes/take-1")[1], SCHEMA)

    def test_published(self) -> None:
        """The file beside the pages is the same; `make schema` writes it."""
        self.assertEqual(SCHEMA, json.loads(page("docs/take.schema.json")))


class Ball(msgspec.Struct, rename="camel"):
    """A ball.

    It rolls, as ``is_round`` tells.

    Attributes:
        is_round: Whether it is one;
            None if nobody looked.

            Cubes roll badly.
        owner_name: Whose it is.
    """

    is_round: bool | None = None
    owner_name: str | msgspec.UnsetType = msgspec.UNSET


class ComponentTests(SynchronousTestCase):
    """How a class becomes a schema."""

    def test_words(self) -> None:
        """The words of a docstring stand where they belong, in the wire's names."""
        ball = component_schemas([Ball])["Ball"]
        self.assertEqual(
            "A ball.\n\nIt rolls, as `isRound` tells.", ball["description"]
        )
        self.assertEqual(
            "Whether it is one; null if nobody looked.\n\nCubes roll badly.",
            ball["properties"]["isRound"]["description"],
        )
        self.assertEqual("Whose it is.", ball["properties"]["ownerName"]["description"])

    def test_written_and_read(self) -> None:
        """What is written has all that is never left out; what is read need not."""
        self.assertEqual(["isRound"], component_schemas([Ball])["Ball"]["required"])
        self.assertEqual([], component_schemas([], [Ball])["Ball"].get("required", []))

    def test_reference(self) -> None:
        """A class is referred to by its name."""
        self.assertEqual({"$ref": "#/components/schemas/Ball"}, reference(Ball))

    def test_docstrings(self) -> None:
        """A docstring has a first sentence, and a rest without its headings."""
        text = """Do it.

        At once, and
        well.

        Raises:
            Trouble: It could not be done.
        """
        self.assertEqual(("Do it", "At once, and well."), summary_and_rest(text))
        self.assertEqual(("", ""), summary_and_rest(None))
