"""``python -m raydel bench --scaling``: its options, its tables and its picture."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from resource import RLIM_INFINITY, RLIMIT_NOFILE, getrlimit
from tempfile import TemporaryDirectory
from unittest import SkipTest, skipUnless

from twisted.trial.unittest import SynchronousTestCase

from raydel.bench.climb import Climb, Point
from raydel.bench.job import Found
from raydel.cli import bench
from raydel.cli.bench_picture import save_scaling
from raydel.cli.bench_scaling import tables


class OptionTests(SynchronousTestCase):
    """What makes no sense is refused in one sentence, before anything is started."""

    def refusal(self, *arguments: str) -> str:
        """Return how a command line is refused."""
        return str(self.assertRaises(SystemExit, bench.main, ["--scaling", *arguments]))

    def test_refused(self) -> None:
        """Each is refused with what is wrong with it."""
        for option, why in {
            "--sessions=ten": "numbers from 1, with commas between",
            "--sessions=0,10": "numbers from 1, with commas between",
            "--connections=101": "--connections are even numbers",
            "--sessions=4,8": "--in-flight=10: 4 sessions have one each",
            "--rounds=0": "are 1 at least",
            "--seconds=0": "--seconds above 0",
            "--settling=-1": "--settling is not below 0",
            "--plot=costs.gif": "'costs.gif'",
            "--load=ready": "unrecognized arguments",
        }.items():
            said = self.refusal(option)
            self.assertIn(why, said)
            self.assertTrue(said.startswith("raydel: "), said)

    def test_too_many(self) -> None:
        """Where open files are too few, it says which limit to raise, and how."""
        _, most = getrlimit(RLIMIT_NOFILE)
        if most == RLIM_INFINITY:
            raise SkipTest("nothing limits open files here")
        said = self.refusal(f"--sessions=10,{most}")
        self.assertIn("prlimit --pid=$$", said)
        self.assertIn("ask for fewer with --sessions", said)


def point(size: int, used: float, kept: float) -> Point:
    """Return a second of a thousand relays, with so many s of CPU, and one of none."""
    load = Found(1_000, 1.0, cpu=used, load_cpu=0.25, exchanges=40, pings=25)
    return Point(size, load, Found(size, 1.0, cpu=kept))


POINTS = [
    point(100, 0.50, 0.02),
    point(1_000, 0.80, 0.20),
    point(1_000, 0.84, 0.27),
    point(100, 0.60, 0.00),
]


class TableTests(SynchronousTestCase):
    """What is printed of what was found."""

    def test_rows(self) -> None:
        """A row has medians and ratios to the smallest of the same round."""
        climb = Climb("connections", (100, 1_000))
        rows = list(tables("raydel", [climb], {"connections": POINTS}))
        self.assertTrue(rows[0].startswith("| connections, raydel | relays a second |"))
        costs = "820.0 (800.0 to 840.0) | 1.50 (1.40 to 1.60)"
        net = "585.0 (570.0 to 600.0) | 1.10 (0.95 to 1.25)"
        row = f"| 1,000 | 1,000 | {costs} | {net} | 23.5% | 25 | 40 | 82% | 25% |"
        self.assertIn(row, rows)

    def test_every_cell_has_a_head(self) -> None:
        """All rows of a table are as wide."""
        climb = Climb("sessions", (100, 1_000))
        rows = list(tables("raydel", [climb], {"sessions": POINTS}))
        self.assertEqual({12}, {row.count("|") for row in rows if row})


@skipUnless(find_spec("matplotlib"), "matplotlib is not installed")
class PictureTests(SynchronousTestCase):
    """What is drawn."""

    def test_both(self) -> None:
        """Each series has a panel, with a curve for each way to count."""
        folder = TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        file = Path(folder.name) / "costs.svg"
        save_scaling(file, {"connections": POINTS, "sessions": POINTS})
        drawing = file.read_text("utf-8")
        for word in ("connections", "sessions", "in all", "without upkeep"):
            self.assertIn(f"<!-- {word} -->", drawing)
