"""``python -m raydel simulate --first-frames``: what is printed."""

from __future__ import annotations

import json
from contextlib import redirect_stdout
from dataclasses import replace
from io import StringIO
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from raydel import cli
from raydel.cli import simulate_frames
from raydel.cli.simulate_frames import exit_code, table
from raydel.simulation.firstframes import Apart, FrameFigures

FIGURES = FrameFigures(
    network="good",
    pairs=3,
    takes=(Apart(1, 300.0, 400.0), Apart(2, -9.96, 80.04), Apart(3, 9.9, 80.0)),
    lost=(),
)


def said(*options: str) -> str:
    """Play a few pairs, and return what is printed, whatever it ends with."""
    with redirect_stdout(StringIO()) as out:
        try:
            cli.main(["simulate", "--first-frames", "--takes=2", *options])
        except SystemExit as ended:
            if ended.code != 1:
                raise
    return out.getvalue()


class Frames(SynchronousTestCase):
    """What people and programs are shown."""

    def test_lines(self) -> None:
        """Each take is a line: the mean with its sign, and what 95 do not exceed."""
        expected = [
            "network    take                mean      p95",
            "good       1                  300.0    400.0",
            "good       2                  -10.0     80.0",
            "good       3                    9.9     80.0",
        ]
        self.assertEqual(expected, table([FIGURES]))

    def test_lost(self) -> None:
        """Pairs of which a phone never started are named below."""
        *_, last = table([replace(FIGURES, lost=(4, 7))])
        self.assertEqual("a phone never started: good, take 4, take 7", last)

    def test_exit_code(self) -> None:
        """The aim holds from the third take on, whichever phone is first."""
        self.assertEqual(0, exit_code([FIGURES]))
        for mean in (10.0, -10.0):
            missed = replace(FIGURES, takes=(*FIGURES.takes, Apart(4, mean, 80.0)))
            self.assertEqual(1, exit_code([FIGURES, missed]))
        self.assertEqual(1, exit_code([replace(FIGURES, lost=(4,))]))

    def test_played(self) -> None:
        """Every network is played, five takes each; the same seed plays the same."""
        shown = said("--network=good,lte")
        names = [line.split()[:2] for line in shown.splitlines()[1:]]
        takes = ("1", "2", "3", "4", "5")
        self.assertEqual([[n, t] for n in ("good", "lte") for t in takes], names)
        self.assertEqual(shown, said("--network=good,lte", "--seed=1"))
        self.assertNotEqual(shown, said("--network=good,lte", "--seed=2"))

    def test_json(self) -> None:
        """Programs are shown the settings, and all figures."""
        shown: Any = json.loads(said("--json", "--network=good"))
        (figures,) = shown.pop("figures")
        self.assertEqual({"seed": 1, "pairs": 2}, shown)
        self.assertEqual(list(FrameFigures.__dataclass_fields__), list(figures))
        self.assertEqual(5, len(figures["takes"]))

    def test_refusals(self) -> None:
        """What means nothing here is refused."""
        for option, quoted in (
            ("--minutes=5", "--minutes"),
            ("--server", "--server"),
            ("--method=ours", "--method"),
            ("--granularity=1", "--granularity"),
            ("--after=5", "--after"),
            ("--plot=a.svg", "--plot"),
            ("--jobs=2", "--jobs"),
            ("--frames", "--frames"),
        ):
            words = ["simulate", "--first-frames", option]
            refused = str(self.assertRaises(SystemExit, cli.main, words))
            self.assertIn(quoted, refused)

    def test_help(self) -> None:
        """The help says what is played, and how many."""
        self.assertIn("--first-frames", simulate_frames.HELP)
        with redirect_stdout(StringIO()) as out:
            cli.main(["simulate", "--help"])
        self.assertIn("record five takes in a row", out.getvalue())
