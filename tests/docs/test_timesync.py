"""The page on clocks: it shows what the commands print."""

from __future__ import annotations

import re
import shlex
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Final

from twisted.trial.unittest import SynchronousTestCase

import raydel
from raydel import cli
from raydel.cli.simulate_frames import AIM, LEARNED
from raydel.core.burst import BURST
from raydel.core.instants import SECOND
from raydel.core.kalman import WORST_RATE
from raydel.core.schedule import HASTE, MOST_AT_ONCE, MOST_UNANSWERED, SPACING
from raydel.core.timesync import SET
from tests.docs import fences, page

TEXT: Final = page("docs/timesync.md")
WORDS: Final = TEXT.replace("\n", " ").replace("  ", " ")
DOCS: Final = Path(raydel.__file__).parent.parent / "docs"


def int_name(number: float) -> str:
    """Spell a small number."""
    return {8: "eight"}[int(number)]


def shown(heading: str) -> tuple[list[str], list[str]]:
    """Return the options of the command under a heading, and the lines it printed."""
    command, printed = (f.text for f in fences(TEXT) if f.heading == heading)
    python, module, name, subcommand, *options = shlex.split(command)
    assert (python, module, name) == (".venv/bin/python", "-m", "raydel")
    assert subcommand == "simulate"
    return options, printed.splitlines()


class TimeSyncTests(SynchronousTestCase):
    """How clocks are measured."""

    def test_tables(self) -> None:
        """The tables have the lines of today's program."""
        for heading in ("What a start is worth", "A whole match"):
            options, (shown_head, *lines) = shown(heading)
            with redirect_stdout(StringIO()) as out:
                cli.main(["simulate", *options, "--takes=1"])
            head, *printed = out.getvalue().splitlines()
            self.assertEqual(head, shown_head)
            self.assertEqual(
                [line.split()[:2] for line in printed],
                [line.split()[:2] for line in lines],
            )

    def test_first_frames(self) -> None:
        """So has the table of first frames; its means are below the aim."""
        options, (shown_head, *lines) = shown("Cameras that are late")
        with redirect_stdout(StringIO()) as out:
            try:
                cli.main(["simulate", *options, "--takes=1"])
            except SystemExit as ended:  # One pair alone is no mean.
                self.assertEqual(1, ended.code)
        head, *printed = out.getvalue().splitlines()
        self.assertEqual(head, shown_head)
        self.assertEqual(
            [line.split()[:2] for line in printed],
            [line.split()[:2] for line in lines],
        )
        for _, take, mean, _ in (line.split() for line in lines):
            if int(take) >= LEARNED:
                self.assertLess(abs(float(mean)), AIM)

    def test_numbers(self) -> None:
        """The numbers that it explains the method by are those in force."""
        for words in (
            f"Questions come {BURST} at a time",
            f"last {(BURST - 1) * SPACING / SECOND:.2f} s",
            f"over {(BURST - 1) * HASTE / SECOND:.2f} s",
            f"widened by {WORST_RATE * SECOND:g} ms for each second",
            f"more than {int_name(SET)} standard deviations",
            f"no more than {MOST_AT_ONCE} phones",
            f"leaves {int_name(MOST_UNANSWERED)} questions unanswered",
        ):
            self.assertIn(words, WORDS)

    def test_pictures(self) -> None:
        """The pictures that it shows are there."""
        for name in re.findall(r"\((pictures/[a-z]+\.svg)\)", TEXT):
            self.assertTrue((DOCS / name).is_file(), name)

    def test_bounds(self) -> None:
        """Every bound that the page tells of was kept."""
        for heading in ("What a start is worth", "A whole match"):
            _, (_, *lines) = shown(heading)
            ours = [line.split() for line in lines if line.split()[1] == "ours"]
            self.assertGreater(len(ours), 0)
            for *_, held, of, bounds in ours:
                self.assertEqual((held, "of"), (bounds, of))
