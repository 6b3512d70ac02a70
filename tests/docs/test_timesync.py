"""The page on clocks: it shows what the commands print."""

from __future__ import annotations

import shlex
from contextlib import redirect_stdout
from io import StringIO
from typing import Final

from twisted.trial.unittest import SynchronousTestCase

from raydel import cli
from tests.docs import fences, page

TEXT: Final = page("docs/timesync.md")


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
        for heading in ("What that is worth", "A whole match"):
            options, (shown_head, *lines) = shown(heading)
            with redirect_stdout(StringIO()) as out:
                cli.main(["simulate", *options, "--takes=1"])
            head, *printed = out.getvalue().splitlines()
            self.assertEqual(head, shown_head)
            self.assertEqual(
                [line.split()[:2] for line in printed],
                [line.split()[:2] for line in lines],
            )

    def test_bounds(self) -> None:
        """Every bound that the page tells of was kept."""
        for heading in ("What that is worth", "A whole match"):
            _, (_, *lines) = shown(heading)
            ours = [line.split() for line in lines if line.split()[1] == "ours"]
            self.assertGreater(len(ours), 0)
            for *_, held, of, bounds in ours:
                self.assertEqual((held, "of"), (bounds, of))
