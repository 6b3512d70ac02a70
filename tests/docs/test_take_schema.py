"""The published schema, held to the program and to the take that the pages show."""

from __future__ import annotations

import json
import runpy
from typing import Final

import jsonschema
from twisted.trial.unittest import SynchronousTestCase

from tests.docs import ROOT, fences, page

SCRIPT: Final = runpy.run_path(str(ROOT / "docs/make_schema.py"))


class TakeSchemaTests(SynchronousTestCase):
    """docs/take.schema.json."""

    def test_up_to_date(self) -> None:
        """It is as ``make schema`` would write it, to the last byte."""
        SCRIPT["main"](["--check"])

    def test_examples(self) -> None:
        """The takes on the protocol page are as it says."""
        schema = json.loads(page("docs/take.schema.json"))
        shown = [
            json.loads(fence.text)
            for fence in fences(page("docs/protocol.md"))
            if fence.heading == "`GET /api/takes/Rnq8-n9kqgfthsVs`"
        ]
        self.assertEqual(2, len(shown))
        for each in shown:
            jsonschema.validate(each, schema)
