"""The page on webhooks: every letter and every promise of it is the program's."""

from __future__ import annotations

import inspect
import json
from typing import Any, Final, Union

import msgspec
from twisted.trial.unittest import SynchronousTestCase

from raydel import postman, webhooks
from raydel.core import session
from raydel.core.instants import iso
from raydel.core.letters import EVENTS
from raydel.store.memory import KEPT_LETTERS as IN_MEMORY
from raydel.store.tables import KEPT_LETTERS
from tests.docs import fences, page

TEXT: Final = page("docs/webhooks.md")
WORDS: Final = " ".join(TEXT.split())


def examples() -> list[dict[str, Any]]:
    """Return the letters on the page."""
    return [json.loads(f.text) for f in fences(TEXT) if f.language == "json"]


class LetterTests(SynchronousTestCase):
    """The letters."""

    def test_every_event(self) -> None:
        """Each event stands under its own heading, with an example."""
        expected = {str(each.__struct_config__.tag) for each in EVENTS}
        shown = {f.heading.strip("`") for f in fences(TEXT) if f.language == "json"}
        self.assertEqual(expected, shown)
        for fence in fences(TEXT):
            if fence.language == "json":
                event = json.loads(fence.text)["event"]
                self.assertEqual(event, fence.heading.strip("`"))

    def test_fields(self) -> None:
        """Each example has the fields of its letter, and no others, in their order."""
        union: Any = Union[EVENTS]  # noqa: UP007 - of a tuple
        for shown in examples():
            text = json.dumps(shown)
            letter = msgspec.json.decode(text, type=union, strict=True)
            made = json.loads(msgspec.json.encode(letter))
            self.assertEqual(list(shown.items()), list(made.items()))

    def test_all_fields(self) -> None:
        """No field of a letter is missing in all of its examples."""
        for kind in EVENTS:
            shown = [e for e in examples() if e["event"] == kind.__struct_config__.tag]
            fields = {"event", *kind.__struct_encode_fields__}
            found = {name for each in shown for name in each}
            self.assertEqual(fields, found)

    def test_times(self) -> None:
        """What people read is what programs read."""
        for shown in examples():
            self.assertEqual(iso(shown["at"]), shown["time"])

    def test_ids(self) -> None:
        """Each example has an id of its own."""
        ids = {shown["id"] for shown in examples()}
        self.assertEqual(len(examples()), len(ids))

    def test_ends_of_sessions(self) -> None:
        """The reasons of an end are those there are."""
        source = inspect.getsource(session)
        for reason in ("an operator ended it", "nobody was connected"):
            self.assertIn(f'_end("{reason}")', source)
            self.assertIn(f"`{reason}`", TEXT)
        self.assertIn("_end(HOST_LEFT)", source)
        self.assertIn(f"`{session.HOST_LEFT}`", TEXT)
        self.assertEqual(3, source.count("self._end("))


class PromiseTests(SynchronousTestCase):
    """Numbers in words."""

    def test_numbers(self) -> None:
        """They are those in force."""
        expected = (0.5, 8, 0.5, 60.0, 8, 86_400_000.0)
        found = (
            webhooks.EVERY,
            webhooks.AT_ONCE,
            webhooks.FIRST_PAUSE,
            webhooks.LONGEST_PAUSE,
            webhooks.FEWEST_TRIES,
            webhooks.LONGEST,
        )
        self.assertEqual(expected, found)
        self.assertEqual((10.0, 3_600.0), (postman.PATIENCE, postman.LONGEST_WAIT))
        for words in (
            "posted within half a second",
            "up to eight letters are on their way",
            "tried again after half a second",
            "up to a minute",
            "a day old and has been tried eight times",
            "has ten seconds to answer",
            "`Retry-After` is heeded, up to an hour",
            f"the latest {KEPT_LETTERS:,} letters at most, in memory {IN_MEMORY:,}",
        ):
            self.assertIn(words, WORDS)

    def test_receiver(self) -> None:
        """The receiver is as short as it says, and can be compiled."""
        (code,) = (f.text for f in fences(TEXT) if f.language == "python")
        compile(code, "receiver.py", "exec")
        lines = [line for line in code.splitlines() if line]
        self.assertEqual(14, len(lines))
        self.assertIn("in fourteen lines", WORDS)
