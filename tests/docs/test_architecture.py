"""The architecture page: its drawing is of the table that is in force."""

from __future__ import annotations

import runpy
from typing import Any, Final

from twisted.trial.unittest import SynchronousTestCase

from raydel.core.session import TRANSITIONS
from tests.docs import ROOT, fences, page

TEXT: Final = page("docs/architecture.md")


class DiagramTests(SynchronousTestCase):
    """The life of a session, made from the table of its transitions."""

    def setUp(self) -> None:
        """Load the script, without running it."""
        self.script: dict[str, Any] = runpy.run_path(str(ROOT / "docs/make_diagram.py"))

    def test_up_to_date(self) -> None:
        """Made anew, it is what is there; else: make diagram."""
        self.assertEqual(self.script["rewritten"](TEXT), TEXT)

    def test_every_move_is_drawn(self) -> None:
        """Each move from one phase to another is an arrow."""
        drawing = next(f.text for f in fences(TEXT) if "stateDiagram" in f.text)
        for phase, transitions in TRANSITIONS.items():
            for transition in transitions.values():
                for target in transition.to - {phase}:
                    self.assertIn(f"{phase.value} --> {target.value}:", drawing)

    def test_the_rest_of_the_page_is_kept(self) -> None:
        """Only what stands between the markers is replaced."""
        begin, end = self.script["BEGIN"], self.script["END"]
        fresh = self.script["rewritten"](f"above\n{begin}old\n{end}below\n")
        self.assertTrue(fresh.startswith(f"above\n{begin}"))
        self.assertTrue(fresh.endswith(f"{end}below\n"))
        self.assertNotIn("old", fresh)

    def test_markers_are_needed(self) -> None:
        """A page without markers is left alone."""
        self.assertRaises(SystemExit, self.script["rewritten"], "no markers")


class LayerTests(SynchronousTestCase):
    """The table of the layers is of the files there are."""

    def test_all_modules_are_there(self) -> None:
        """Every module and package right below the top one has its line."""
        own = {"__init__.py", "__main__.py", "py.typed", "__pycache__"}
        found = {each.name for each in (ROOT / "raydel").iterdir()} - own
        self.assertEqual([], sorted(name for name in found if name not in TEXT))
