"""``python -m raydel simulate --plot``: a picture, where something can draw it."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from importlib.util import find_spec
from io import StringIO
from pathlib import Path
from subprocess import run
from tempfile import TemporaryDirectory
from unittest import skipUnless

from twisted.trial.unittest import SynchronousTestCase

from raydel import cli
from raydel.export.trouble import this_python

WITHOUT = """\
import sys
sys.modules["matplotlib"] = None  # As if it were not installed.
from raydel import cli
cli.main(["simulate", "--takes=1", "--plot=figures.png"])
"""


@skipUnless(find_spec("matplotlib"), "matplotlib is not installed")
class Pictures(SynchronousTestCase):
    """What is drawn."""

    def setUp(self) -> None:
        """Have a directory."""
        folder = TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def drawn(self, name: str, *options: str) -> bytes:
        """Have a picture drawn, and read it."""
        file = self.folder / name
        with redirect_stdout(StringIO()):
            cli.main(["simulate", "--takes=3", f"--plot={file}", *options])
        return file.read_bytes()

    def test_skews(self) -> None:
        """Skews are drawn with a panel for each network, a curve for each method."""
        drawing = self.drawn("skews.svg", "--network=good,lte").decode()
        self.assertIn("<svg", drawing)
        for word in ("good", "lte", "median-of-10", "pure-pairs", "ours"):
            self.assertIn(f"<!-- {word} -->", drawing)

    def test_courses(self) -> None:
        """A take is drawn with its error, and with what was said of that."""
        asked = ["--minutes=3", "--network=busy", "--step=500"]
        drawing = self.drawn("course.svg", *asked).decode()
        for word in ("busy", "error", "uncertainty", "bound", "set"):
            self.assertIn(f"<!-- {word} -->", drawing)

    def test_png(self) -> None:
        """The ending says what kind of file it is."""
        drawing = self.drawn("skews.PNG", "--network=good")
        self.assertTrue(drawing.startswith(b"\x89PNG"))

    def test_not_to_be_written(self) -> None:
        """A file that cannot be written is named."""
        (self.folder / "taken.png").mkdir()
        refused = self.assertRaises(SystemExit, self.drawn, "taken.png")
        self.assertIn("taken.png: ", str(refused))


class Without(SynchronousTestCase):
    """A machine that has nothing to draw with."""

    def test_missing(self) -> None:
        """It says what is missing and how to get it, before anything is played."""
        done = run(
            [sys.executable, "-c", WITHOUT], capture_output=True, text=True, check=False
        )
        self.assertEqual((1, ""), (done.returncode, done.stdout))
        self.assertTrue(done.stderr.startswith("raydel: --plot needs matplotlib"))
        self.assertIn(f"{this_python()} -m pip install matplotlib", done.stderr)
