"""``python -m raydel bench``: its options and its tables, without a server."""

from __future__ import annotations

from resource import RLIM_INFINITY, RLIMIT_NOFILE, getrlimit
from unittest import SkipTest

from twisted.trial.unittest import SynchronousTestCase

from raydel.bench.generator import FIRST
from raydel.bench.job import Found, Job
from raydel.bench.limits import SPARE
from raydel.bench.rounds import Plan, Results
from raydel.cli import bench
from raydel.cli.bench_tables import as_data, tables


class OptionTests(SynchronousTestCase):
    """What makes no sense is refused in one sentence, before anything is started."""

    def refusal(self, *arguments: str) -> str:
        """Return how a command line is refused."""
        return str(self.assertRaises(SystemExit, bench.main, arguments))

    def test_refused(self) -> None:
        """Each is refused with what is wrong with it."""
        for option, why in {
            "--url=wss://localhost:3001/sync": "it is ws://host:port/sync",
            "--pid=1": "named by --url",
            "--rounds=0": "are 1 at least",
            "--seconds=0": "--seconds is above 0",
            "--rate=-1": "is not below it",
            "--load=dance": "invalid choice",
            "--against=apache": "invalid choice",
            "--settling=-1": "nor --settling",
            "--phones=3": "--phones is an even number",
        }.items():
            said = self.refusal(option)
            self.assertIn(why, said)
            self.assertTrue(said.startswith("raydel: "), said)

    def test_store_of_a_server_that_runs(self) -> None:
        """What a server was started with, the bench cannot choose."""
        said = self.refusal("--url=ws://localhost:3001/sync", "--store=sqlite")
        self.assertIn("was started with", said)

    def test_tls_of_a_server_that_runs(self) -> None:
        """Nor what it speaks."""
        said = self.refusal("--url=ws://localhost:3001/sync", "--tls")
        self.assertIn("--url names another", said)

    def test_too_many_phones(self) -> None:
        """Where open files are too few, it says which limit to raise, and how."""
        _, most = getrlimit(RLIMIT_NOFILE)
        if most == RLIM_INFINITY:
            raise SkipTest("nothing limits open files here")
        said = self.refusal("--load=idle-phones", f"--phones={2 * most}")
        self.assertIn(f"--nofile={2 * most + FIRST + SPARE}", said)
        self.assertIn("ask for fewer with --phones", said)


def found(cost: float, **more: int) -> Found:
    """Return a measurement of a thousand, at so many µs of CPU each."""
    latencies = {"ready": (1.0, 2.0, 3.0)}
    return Found(1000, 2.0, cpu=cost / 1e3, latencies=latencies, **more)


class TableTests(SynchronousTestCase):
    """What is printed of what was found."""

    def setUp(self) -> None:
        """Have ours measured beside a peer in three rounds, the second disturbed."""
        jobs = [Job("ready", port=0), Job("idle", port=0)]
        self.plan = Plan(["raydel", "node"], jobs, 3)
        self.results = Results()
        for ours, theirs in ((50.0, 100.0), (400.0, 500.0), (60.0, 100.0)):
            self.results.add("ready", "raydel", found(ours))
            self.results.add("ready", "node", found(theirs))
            self.results.add("idle", "raydel", found(1.0, resident=4_000_000))
            self.results.add("idle", "node", found(1.0, resident=8_000_000))
        self.text = "\n".join(tables(self.plan, self.results))

    def test_load(self) -> None:
        """A row has the median of the rounds, and what it lies between."""
        cost = "60.0 (50.0 to 400.0)"
        row = f"| raydel | 500 | {cost} | 0.0 | 3% | 0% | ready 1.0, 2.0, 3.0 |"
        self.assertIn(row, self.text.splitlines())

    def test_memory(self) -> None:
        """Idle phones are given in bytes, and in CPU a second."""
        self.assertIn("| node | 8,000 | 0.5 | 0.0 |", self.text.splitlines())

    def test_ratios(self) -> None:
        """A ratio is the median of those of the rounds, not of the figures."""
        row = "| raydel: CPU of a relay of device_ready | 0.60 (0.50 to 0.80) |"
        self.assertIn(row, self.text.splitlines())
        self.assertIn(
            "| raydel: bytes of an idle phone | 0.50 |", self.text.splitlines()
        )
        self.assertNotIn("of a join", self.text)

    def test_tls(self) -> None:
        """What TLS adds is a ratio to our plain one, round by round."""
        plan = Plan(["raydel", "raydel-tls"], self.plan.jobs, 3)
        for cost in (75.0, 600.0, 120.0):
            self.results.add("ready", "raydel-tls", found(cost))
        rows = list(tables(plan, self.results))
        self.assertIn("| CPU of a relay of device_ready | 1.50 (1.50 to 2.00) |", rows)
        self.assertNotIn("to node", "\n".join(rows))

    def test_idle_phones(self) -> None:
        """Thousands of idle phones are told as a part of a core, and each in bytes."""
        plan = Plan(["raydel"], [Job("idle-phones", port=0, connections=1000)], 1)
        whole = found(400.0, resident=4_000_000, pings=500, exchanges=270)
        self.results.add("idle-phones", "raydel", whole)
        rows = list(tables(plan, self.results))
        self.assertTrue(rows[0].startswith("| 1,000 idle phones | part of a core |"))
        self.assertIn("| raydel | 20.0% | 200.0 | 250 | 135 | 0% | 4,000 |", rows)

    def test_alone(self) -> None:
        """Without a peer there is no table of ratios."""
        alone = Plan(["raydel"], self.plan.jobs, 3)
        self.assertNotIn("ratio", "\n".join(tables(alone, self.results)))

    def test_data(self) -> None:
        """JSON has every round."""
        data = as_data(self.plan, self.results)
        costs = [each["cpu"] for each in data["found"]["ready"]["raydel"]]
        self.assertEqual([0.05, 0.4, 0.06], costs)
