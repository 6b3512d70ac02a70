"""The page on clocks: it shows what the command prints, and what is in force."""

from __future__ import annotations

from contextlib import redirect_stdout
from io import StringIO
from typing import Final

from twisted.trial.unittest import SynchronousTestCase

from raydel import cli
from raydel.core.schedule import JOIN_PROBES, PROBE_INTERVAL, PROBES
from raydel.core.timesync import DRIFT_ALLOWANCE
from raydel.simulation.methods import ENOUGH
from tests.docs import fences, page

TEXT: Final = page("docs/timesync.md")
WORDS: Final = TEXT.replace("\n", " ")


class TimeSyncTests(SynchronousTestCase):
    """How clocks are measured."""

    def test_table(self) -> None:
        """The table has the lines of today's program, and every bound was kept."""
        with redirect_stdout(StringIO()) as out:
            cli.main(["simulate", "--takes=1"])
        head, *lines = out.getvalue().splitlines()
        (table,) = (f.text for f in fences(TEXT) if f.language == "text")
        shown_head, *shown = table.splitlines()
        self.assertEqual(head, shown_head)
        self.assertEqual(
            [line.split()[:2] for line in lines], [line.split()[:2] for line in shown]
        )
        for line in shown:
            if line.split()[1] == "ours":
                self.assertTrue(line.endswith(" 20000 of 20000"), line)

    def test_schedule(self) -> None:
        """It is asked as often as the page says."""
        self.assertEqual((5, 5, 4), (len(JOIN_PROBES), PROBES, ENOUGH))
        self.assertLess(max(JOIN_PROBES), 500.0)
        self.assertIn(f"five more, {PROBE_INTERVAL:g} ms", WORDS)

    def test_drift(self) -> None:
        """What the bound allows for drift is what the page says."""
        self.assertIn(f"by {DRIFT_ALLOWANCE * 1e6:g} ppm", WORDS)
        self.assertIn(f"{DRIFT_ALLOWANCE * 1e3:g} ms for each second", WORDS)
