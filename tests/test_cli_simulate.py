"""``python -m raydel simulate``: what is asked for, and what is printed."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import redirect_stdout
from dataclasses import replace
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from raydel import cli
from raydel.cli import simulate_grades, simulate_long, simulate_server
from raydel.cli.simulate import exit_code, table
from raydel.core.instants import MINUTE
from raydel.simulation.alignments import ALIGNMENTS
from raydel.simulation.figures import Figures
from raydel.simulation.grades import GradeFigures, measure_grades
from raydel.simulation.longtakes import LongFigures, Series, Set
from raydel.simulation.methods import METHODS
from raydel.simulation.networks import NETWORKS
from raydel.simulation.phones import KINDS
from raydel.simulation.recording import Long
from raydel.simulation.starts import Spread, StartFigures

FIGURES = Figures(
    network="good",
    method="ours",
    p50=0.1239,
    p95=0.5,
    max=1.0,
    bound_p50=1.7,
    above_p50=-0.1,
    bounds=4,
    held=4,
    broken=(),
    uncertainty_p50=0.3717,
    coverage=0.95,
)

LONG = LongFigures(
    network="good",
    method="ours",
    p50=0.02,
    p95=0.1239,
    ends_p50=0.03,
    ends_p95=0.2,
    max=0.5,
    bound_p50=1.7,
    bounds=44,
    held=44,
    uncertainty_p50=0.08,
    coverage=0.95,
    error_p50=0.02,
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


def alone(*options: str) -> str:
    """Return what the command prints as a program of its own, which may have crews."""
    command = (sys.executable, "-m", "raydel", "simulate", *options)
    done = subprocess.run(
        command, stdout=subprocess.PIPE, text=True, check=True, timeout=50
    )
    return done.stdout


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
            "network method p50 p95 max bound above unsure covers times held",
            squeezed(head),
        )
        self.assertEqual(
            "good ours 0.124 0.500 1.000 1.700 -0.100 0.372 95.0 3.0 4 of 4",
            squeezed(line),
        )
        _, line = table([replace(FIGURES, bound_p50=None, bounds=0, held=0)])
        self.assertEqual("good ours 0.124 0.500 1.000", squeezed(line))

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

    def test_jobs(self) -> None:
        """Any number of processes prints the same."""
        asked = ["--network=good", "--method=ours", "--takes=40"]
        self.assertEqual(said(*asked), alone(*asked, "--jobs=2"))

    def test_after(self) -> None:
        """Who taps later starts by other answers."""
        asked = ["--network=good", "--method=ours"]
        self.assertEqual(said(*asked), said(*asked, "--after=2.5"))
        self.assertNotEqual(said(*asked), said(*asked, "--after=60"))


class LongTakes(SynchronousTestCase):
    """Takes that are aligned once they are over."""

    def test_lines(self) -> None:
        """A line has a network, a way to align, and ms; and what is promised."""
        head, line = simulate_long.table([LONG])
        self.assertEqual(
            "network method p50 p95 ends-p50 ends-p95 max bound unsure covers times"
            " held",
            squeezed(head),
        )
        self.assertEqual(
            "good ours 0.020 0.124 0.030 0.200 0.500 1.700 0.080 95.0 4.0 44 of 44",
            squeezed(line),
        )
        _, line = simulate_long.table([replace(LONG, bounds=0, held=0)])
        self.assertEqual("good ours 0.020 0.124 0.030 0.200 0.500", squeezed(line))

    def test_set(self) -> None:
        """Clocks that are set have a line, and what was not noticed another."""
        done = Set(8_000.0, 9_250.0, unmarked=(3,), lapsed=(4,), elsewhere=5)
        *_, marked, missed, lapsed = simulate_long.table([replace(LONG, set=done)])
        self.assertEqual(
            "marked for a clock that was set: good, ours, p50 8.00 s, max 9.25 s,"
            " 5 looks in all",
            marked,
        )
        self.assertEqual("not noticed: good, ours, take 3", missed)
        near = "the bound did not hold near it: good, ours, take 4"
        self.assertEqual(near, lapsed)

    def test_exit_code(self) -> None:
        """A bound that did not hold ends it with 1, a step not noticed does not."""
        self.assertEqual(0, simulate_long.exit_code([LONG, LONG]))
        for done, code in (
            (Set(1.0, 1.0, unmarked=(), lapsed=(1,), elsewhere=0), 1),
            (Set(1.0, 1.0, unmarked=(1,), lapsed=(), elsewhere=0), 0),
        ):
            figures = replace(LONG, set=done)
            self.assertEqual(code, simulate_long.exit_code([LONG, figures]))
        broken = replace(LONG, held=43, broken=(17,))
        self.assertEqual(1, simulate_long.exit_code([broken]))
        *_, last = simulate_long.table([broken])
        self.assertEqual("the bound did not hold: good, ours, take 17", last)

    def test_played(self) -> None:
        """Every way is shown on every network; the same seed shows the same."""
        asked = ["--minutes=1", "--takes=2"]
        shown = said(*asked)
        self.assertEqual(
            [(n, m) for n in NETWORKS for m in ALIGNMENTS],
            [tuple(line.split()[:2]) for line in shown.splitlines()[1:]],
        )
        self.assertEqual(shown, alone(*asked, "--jobs=2"))
        for other in ("--seed=2", "--wander=walk", "--granularity=1"):
            self.assertNotEqual(shown, said(*asked, other))

    def test_grades(self) -> None:
        """How takes are graded is one line for each network, however many play."""
        asked = ["--minutes=0.5", "--grades", "--takes=2"]
        shown = said(*asked)
        head, *lines = shown.splitlines()
        self.assertEqual(
            "network length A B C D mixed p50 p95 max unsure covers bound held",
            squeezed(head),
        )
        self.assertEqual(
            [[name, "0.5", "min"] for name in NETWORKS],
            [line.split()[:3] for line in lines],
        )
        for line in lines:
            self.assertIn("44 of 44", line)
        self.assertEqual(shown, alone(*asked, "--jobs=2"))

    def test_grades_for_programs(self) -> None:
        """Programs are shown the same, with the settings."""
        asked = ["--json", "--network=good", "--minutes=1", "--grades", "--takes=2"]
        shown: Any = json.loads(said(*asked))
        self.assertEqual((1.0, 2), (shown["minutes"], shown["takes"]))
        (figures,) = shown["figures"]
        self.assertEqual(list(GradeFigures.__dataclass_fields__), list(figures))
        self.assertEqual({"A": 1.0, "B": 0.0, "C": 0.0, "D": 0.0}, figures["grades"])

    def test_broken_grades(self) -> None:
        """A bound that did not hold is named, and ends with code 1."""
        good = measure_grades(Series("good", Long(NETWORKS["good"], MINUTE), 1), 1)
        broken = replace(good, held=21, broken=(0,))
        *_, last = simulate_grades.table([broken], "1 min")
        self.assertEqual("the bound did not hold: good, take 0", last)
        self.assertEqual(
            (0, 1), tuple(map(simulate_grades.exit_code, ([good], [broken])))
        )

    def test_json(self) -> None:
        """Programs are shown the settings, and all figures."""
        asked = ["--json", "--network=good", "--minutes=3", "--step=500", "--takes=3"]
        shown: Any = json.loads(said(*asked, "--wander=sine"))
        figures = shown.pop("figures")
        self.assertEqual(
            {
                "seed": 1,
                "takes": 3,
                "minutes": 3.0,
                "wander": "sine",
                "granularity": 0.0,
                "step": 500.0,
            },
            shown,
        )
        self.assertEqual(list(ALIGNMENTS), [each["method"] for each in figures])
        for each in figures:
            self.assertEqual(list(LongFigures.__dataclass_fields__), list(each))
        self.assertEqual(list(Set.__dataclass_fields__), list(figures[-1]["set"]))


class Json(SynchronousTestCase):
    """What programs are shown."""

    def test_shape(self) -> None:
        """It has the settings, and an object for each line of the table."""
        shown: Any = json.loads(
            said("--json", "--network=lte,good", "--method=ours", "--granularity=1")
        )
        figures = shown.pop("figures")
        self.assertEqual(
            {"seed": 1, "takes": 20, "after": 2500.0, "granularity": 1.0}, shown
        )
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
        shown = said("--server", "--takes=5")
        self.assertEqual(
            [(name, start) for name in NETWORKS for start in ("commanded", "called")],
            [tuple(line.split()[:2]) for line in shown.splitlines()[2:]],
        )
        same = ("--takes=5", "--seed=1", "--after=2.5")
        self.assertEqual(shown, said("--server", *same))
        self.assertNotEqual(shown, said("--server", "--takes=5", "--seed=2"))

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
            ("--wander=walk", "--minutes"),
            ("--step=3", "--minutes"),
            ("--grades", "--minutes"),
            ("--minutes=0", "'0'"),
            ("--minutes=nan", "'nan'"),
            ("--minutes=2 --wander=drunk", "'drunk'"),
            ("--minutes=2 --step=far", "'far'"),
            ("--minutes=2 --method=ours", "--method"),
            ("--minutes=2 --after=3", "--after"),
            ("--minutes=2 --server --frames", "--frames"),
            ("--jobs=0", "'0'"),
            ("--jobs=2 --server", "--jobs"),
            ("--plot=figures.gif", "'figures.gif'"),
            ("--plot=/no/such/place.png", "'/no/such/place.png'"),
            ("--server --plot=figures.png", "--plot"),
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
