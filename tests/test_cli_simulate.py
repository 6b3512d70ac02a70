"""``python -m raydel simulate``: what is asked for, and what is printed."""

from __future__ import annotations

import json
from contextlib import redirect_stdout
from dataclasses import replace
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from raydel import cli
from raydel.cli import simulate_server
from raydel.cli.simulate import exit_code, table
from raydel.simulation.figures import Figures
from raydel.simulation.methods import METHODS
from raydel.simulation.networks import NETWORKS
from raydel.simulation.phones import KINDS
from raydel.simulation.starts import Spread, StartFigures

FIGURES = Figures(
    network="good",
    method="ours",
    p50=0.1239,
    p95=0.5,
    max=1.0,
    bound_p50=1.7,
    bounds=4,
    held=4,
    broken=(),
)

STARTS = StartFigures(
    network="good",
    kinds=("protocol-2", "library-2"),
    takes=4,
    commanded=Spread(0.1239, 0.5, 1.0),
    due=Spread(0.2, 0.6, 1.5),
    called=None,
    bound_p50=1.7,
    bounds=4,
    held=4,
    broken=(),
    uncertainty_p50=0.4,
    uncertainties=4,
    covered=3,
    error_p50=0.1,
    late=2,
    lost=(),
)


def said(*options: str) -> str:
    """Play a few takes, and return what is printed."""
    with redirect_stdout(StringIO()) as out:
        cli.main(["simulate", "--takes=20", *options])
    return out.getvalue()


def squeezed(line: str) -> str:
    """Return a line with one space between its words."""
    return " ".join(line.split())


class Table(SynchronousTestCase):
    """What people are shown."""

    def test_lines(self) -> None:
        """A line has a network, a method, and ms; a bound where there is one."""
        head, line = table([FIGURES])
        self.assertEqual(
            ["network", "method", "p50", "p95", "max", "bound", "held"], head.split()
        )
        self.assertEqual(
            ["good", "ours", "0.124", "0.500", "1.000", "1.700", "4", "of", "4"],
            line.split(),
        )
        _, line = table([replace(FIGURES, bound_p50=None, bounds=0, held=0)])
        self.assertEqual("1.000", line.split()[-1])

    def test_broken(self) -> None:
        """A take whose bound did not hold is named."""
        *_, last = table([replace(FIGURES, held=3, broken=(17,))])
        self.assertEqual("the bound did not hold: good, ours, take 17", last)
        *_, last = table([replace(FIGURES, held=0, broken=tuple(range(9)))])
        self.assertTrue(last.endswith(", take 3, take 4, and 4 more"), last)

    def test_exit_code(self) -> None:
        """One bound that did not hold is enough to end with 1."""
        broken = replace(FIGURES, held=3, broken=(17,))
        self.assertEqual(1, exit_code([FIGURES, broken, FIGURES]))
        self.assertEqual(0, exit_code([FIGURES, FIGURES]))

    def test_all(self) -> None:
        """Without options, every method is shown on every network."""
        shown = [tuple(line.split()[:2]) for line in said().splitlines()[1:]]
        self.assertEqual([(n, m) for n in NETWORKS for m in METHODS], shown)
        self.assertEqual(said(), said("--network=all", "--method=all"))

    def test_seed(self) -> None:
        """The same seed prints the same, another one something else."""
        self.assertEqual(said("--seed=1"), said())
        self.assertNotEqual(said("--seed=2"), said())


class Json(SynchronousTestCase):
    """What programs are shown."""

    def test_shape(self) -> None:
        """It has the settings, and an object for each line of the table."""
        shown: Any = json.loads(
            said("--json", "--network=lte,good", "--method=ours", "--granularity=1")
        )
        figures = shown.pop("figures")
        self.assertEqual({"seed": 1, "takes": 20, "granularity": 1.0}, shown)
        self.assertEqual(["lte", "good"], [each["network"] for each in figures])
        for each in figures:
            self.assertEqual(list(Figures.__dataclass_fields__), list(each))
            self.assertEqual(
                (40, 40, []), (each["bounds"], each["held"], each["broken"])
            )
            self.assertLessEqual(each["p50"], each["p95"])
            self.assertLessEqual(each["p95"], each["max"])


class Server(SynchronousTestCase):
    """Takes through the server's own code."""

    def test_lines(self) -> None:
        """A pair of kinds has a heading, a network a line for each way to look."""
        heading, head, commanded, called = simulate_server.table([STARTS])
        self.assertEqual("protocol-2 with library-2", heading)
        self.assertEqual(
            "network start p50 p95 max bound unsure covers times late held",
            squeezed(head),
        )
        self.assertEqual(
            "good commanded 0.124 0.500 1.000 1.700 0.400 75.0 4.0 2 4 of 4",
            squeezed(commanded),
        )
        self.assertEqual("good called 0.200 0.600 1.500", squeezed(called))
        framed = replace(STARTS, called=Spread(5.0, 13.0, 16.0))
        *_, last = simulate_server.table([framed])
        self.assertEqual("good on-frames 5.000 13.000 16.000", squeezed(last))

    def test_nothing_promised(self) -> None:
        """Where phones are told no bound, there is none to show."""
        released = replace(
            STARTS,
            bound_p50=None,
            bounds=0,
            held=0,
            uncertainty_p50=None,
            uncertainties=0,
            covered=0,
            error_p50=None,
        )
        _, _, commanded, _ = simulate_server.table([released])
        self.assertEqual("good commanded 0.124 0.500 1.000 2", squeezed(commanded))

    def test_wrong(self) -> None:
        """A broken bound and a lost phone name their takes, and end it with 1."""
        broken = replace(STARTS, held=3, broken=(17,))
        lost = replace(STARTS, lost=tuple(range(9)))
        *_, bound, phone = simulate_server.table([broken, lost])
        pair = "good, protocol-2 with library-2"
        self.assertEqual(f"the bound did not hold: {pair}, take 17", bound)
        self.assertTrue(phone.startswith(f"a phone never started: {pair}, take 0"))
        self.assertTrue(phone.endswith(", and 4 more"), phone)
        for figures in (broken, lost):
            self.assertEqual(1, simulate_server.exit_code([STARTS, figures]))
        self.assertEqual(0, simulate_server.exit_code([STARTS, STARTS]))

    def test_played(self) -> None:
        """Without more, protocol 2 is played on every network; the same seed, again."""
        shown = said("--server")
        self.assertEqual(
            [(name, start) for name in NETWORKS for start in ("commanded", "called")],
            [tuple(line.split()[:2]) for line in shown.splitlines()[2:]],
        )
        self.assertEqual(shown, said("--server", "--seed=1", "--after=2.5"))
        self.assertNotEqual(shown, said("--server", "--seed=2"))

    def test_kinds(self) -> None:
        """Pairs are shown in the order they were asked for; all is each with itself."""
        one = ["--server", "--network=good", "--takes=2"]
        shown = said(*one, "--kinds=screen-3,library-2", "--kinds=screen-1,screen-1")
        headings = [line for line in shown.splitlines() if " with " in line]
        self.assertEqual(
            ["screen-3 with library-2", "screen-1 with screen-1"], headings
        )
        shown = said(*one, "--kinds=all")
        headings = [line for line in shown.splitlines() if " with " in line]
        self.assertEqual([f"{name} with {name}" for name in KINDS], headings)

    def test_json(self) -> None:
        """Programs are shown the settings, and all figures."""
        asked = ["--server", "--json", "--network=good", "--frames", "--after=4"]
        shown: Any = json.loads(said(*asked))
        (figures,) = shown.pop("figures")
        self.assertEqual(
            {"seed": 1, "takes": 20, "after": 4000.0, "frames": True}, shown
        )
        self.assertEqual(list(StartFigures.__dataclass_fields__), list(figures))
        self.assertEqual({"p50", "p95", "max"}, set(figures["called"]))


class Traces(SynchronousTestCase):
    """Delays of one's own."""

    def setUp(self) -> None:
        """Have a directory."""
        folder = TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name) / "trace"

    def test_trace(self) -> None:
        """A trace alone is the only network; with others, it is one of them."""
        self.path.write_text("3\n4\n5\n", "utf-8")
        option = f"--trace={self.path}"
        alone = said(option, "--method=ours").splitlines()[1:]
        self.assertEqual(["trace"], [line.split()[0] for line in alone])
        both = said(option, "--network=trace,good", "--method=ours").splitlines()[1:]
        self.assertEqual(["trace", "good"], [line.split()[0] for line in both])

    def test_no_text(self) -> None:
        """A file that is no text is refused by its name."""
        self.path.write_bytes(b"\xff\xfe\x00")
        refused = self.assertRaises(
            SystemExit, cli.main, ["simulate", f"--trace={self.path}"]
        )
        self.assertIn(f"{self.path}: that is no text;", str(refused))


class Refusals(SynchronousTestCase):
    """What cannot be played."""

    def test_refusals(self) -> None:
        """It is refused in one sentence that quotes it."""
        for wrong, quoted in (
            ("--network=wired", "'wired'"),
            ("--network=", "''"),
            ("--network=trace", "--trace=FILE"),
            ("--method=luck", "'luck'"),
            ("--takes=0", "'0'"),
            ("--takes=1e9", "'1e9'"),
            ("--takes=1000001", "'1000001'"),
            ("--seed=x", "'x'"),
            ("--granularity=2", "'2'"),
            ("--trace=/no/such/file", "/no/such/file"),
            (f"--trace={__file__}", "line 1 is no delay in ms"),
            ("--fly", "--fly"),
            ("--frames", "--server"),
            ("--after=3", "--server"),
            ("--kinds=all", "--server"),
            ("--server --method=ours", "--method"),
            ("--server --granularity=1", "--granularity"),
            ("--server --after=0", "'0'"),
            ("--server --after=nan", "'nan'"),
            ("--server --after=soon", "'soon'"),
            ("--server --kinds=screen-3", "'screen-3'"),
            ("--server --kinds=screen-3,screen-4", "'screen-4'"),
        ):
            asked = ["simulate", *wrong.split()]
            refused = str(self.assertRaises(SystemExit, cli.main, asked))
            self.assertTrue(refused.startswith("raydel: "), refused)
            self.assertIn(quoted, refused)
            self.assertNotIn("\n", refused)
