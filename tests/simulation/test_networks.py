"""How long a message is on its way."""

from __future__ import annotations

from math import log, sqrt
from pathlib import Path
from random import Random
from statistics import fmean, stdev
from tempfile import TemporaryDirectory

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from raydel.simulation.networks import (
    BUSY,
    GOOD,
    LTE,
    NETWORKS,
    POWER_SAVE,
    Delay,
    Delays,
    Trace,
    Way,
    read_trace,
)

MANY = 40_000
SIGMAS = 4.0


def drawn(delays: Delays, seed: int = 1) -> list[float]:
    """Draw many delays of one connection."""
    draw = delays.begin(Random(seed))
    return [draw() for _ in range(MANY)]


class Models(SynchronousTestCase):
    """The delays that are drawn."""

    def test_means(self) -> None:
        """Each direction of each network has the mean of its formula."""
        for delays, mean in (
            (GOOD.up, 1.5 + 0.6),
            (GOOD.down, 1.5 + 0.6),
            (BUSY.up, 2.5 + 4 + 0.15 * 45),
            (BUSY.down, 2.5 + 4 + 0.15 * 45),
            (POWER_SAVE.up, 2 + 1),
            (POWER_SAVE.down, 2 + 1 + 0.35 * 51.2),
            (LTE.up, 22 + 5 + 6),
            (LTE.down, 17 + 5 + 0.08 * 85),
        ):
            sample = drawn(delays)
            assert isinstance(delays, Delay)
            self.assertAlmostEqual(mean, delays.mean)
            error = SIGMAS * stdev(sample) / sqrt(MANY)
            self.assertApproximates(mean, fmean(sample), error)

    def test_never_quicker_than_fixed(self) -> None:
        """No message beats the fixed part, and some come close."""
        for delays, fixed in (
            (GOOD.up, 1.5),
            (BUSY.up, 2.5),
            (POWER_SAVE.up, 2.0),
            (POWER_SAVE.down, 2.0),
            (LTE.up, 22.0),
            (LTE.down, 17.0),
        ):
            least = min(drawn(delays))
            self.assertGreaterEqual(least, fixed)
            self.assertLess(least, fixed + 0.5)

    def test_quantiles_of_the_queue(self) -> None:
        """What is added is distributed exponentially."""
        for part in (0.1, 0.5, 0.95):
            limit = 1.5 - 0.6 * log(1 - part)
            share = sum(delay <= limit for delay in drawn(GOOD.up)) / MANY
            error = SIGMAS * sqrt(part * (1 - part) / MANY)
            self.assertApproximates(part, share, error)

    def test_stalls(self) -> None:
        """As many messages stall as said, evenly between the least and the most."""
        sample = drawn(Delay(1.0, 1e-9, stall=(10.0, 80.0), stalls=0.15))
        stalled = [delay - 1.0 for delay in sample if delay > 5.0]
        error = SIGMAS * sqrt(0.15 * 0.85 / MANY)
        self.assertApproximates(0.15, len(stalled) / MANY, error)
        self.assertGreaterEqual(min(stalled), 10.0)
        self.assertLessEqual(max(stalled), 80.1)
        self.assertApproximates(45.0, fmean(stalled), SIGMAS * 20.3 / 77)

    def test_repeatable(self) -> None:
        """The same seed draws the same delays, another one others."""
        self.assertEqual(drawn(BUSY.up, 7), drawn(BUSY.up, 7))
        self.assertNotEqual(drawn(BUSY.up, 7), drawn(BUSY.up, 8))

    def test_names(self) -> None:
        """Pairs are alike, but for the mixed one."""
        for name, pair in NETWORKS.items():
            self.assertEqual(name != "mixed", pair.first == pair.second)


class Ways(SynchronousTestCase):
    """One direction of a connection."""

    def test_delay(self) -> None:
        """A message alone takes its delay."""
        self.assertEqual(103.0, Way(lambda: 3.0).arrival(100.0))

    def test_held_up(self) -> None:
        """One that would overtake arrives with the one before it."""
        delays = iter([50.0, 1.0, 1.0])
        way = Way(lambda: next(delays))
        self.assertEqual([150.0, 150.0, 161.0], [*map(way.arrival, (100, 125, 160))])

    @given(
        st.lists(st.tuples(st.floats(0, 100), st.floats(0, 500)), max_size=30),
    )
    def test_no_overtaking(self, messages: list[tuple[float, float]]) -> None:
        """Messages arrive in the order they were sent, and none before its delay."""
        now, arrivals = 0.0, [0.0]
        delays = iter([delay for _, delay in messages])
        way = Way(lambda: next(delays))
        for pause, delay in messages:
            now += pause
            arrivals.append(way.arrival(now))
            self.assertGreaterEqual(arrivals[-1], now + delay)
        self.assertEqual(sorted(arrivals), arrivals)

    def test_many_at_once(self) -> None:
        """Messages that are sent together arrive as they would one by one."""
        sent = [100.0 + 25.0 * number for number in range(50)]
        ways = [Way(BUSY.down.begin(Random(3))) for _ in range(2)]
        arrived = ways[0].arrivals(sent)
        self.assertEqual([ways[1].arrival(at) for at in sent], arrived)
        self.assertEqual(ways[1].arrival(1_400.0), ways[0].arrival(1_400.0))


class Traces(SynchronousTestCase):
    """Delays from a file."""

    def setUp(self) -> None:
        """Have a directory."""
        folder = TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name) / "trace"

    def read(self, text: str) -> Trace:
        """Write a trace, and read it."""
        self.path.write_text(text, "utf-8")
        return read_trace(self.path)

    def test_read(self) -> None:
        """It has a delay a line; empty lines and remarks are skipped."""
        trace = self.read("# one way, ms\n1.5\n\n 2\n0\n")
        self.assertEqual(Trace((1.5, 2.0, 0.0)), trace)

    def test_refusals(self) -> None:
        """What is no delay is named with its line."""
        for text, refusal in (
            ("1\nslow\n", "line 2 is no delay in ms: 'slow'"),
            ("-1\n", "line 1 is no delay in ms: '-1'"),
            ("nan\n", "line 1 is no delay in ms: 'nan'"),
            ("inf\n", "line 1 is no delay in ms: 'inf'"),
            ("# nothing\n", "there is no delay in it"),
        ):
            refused = self.assertRaises(ValueError, self.read, text)
            self.assertEqual(refusal, str(refused))

    def test_order(self) -> None:
        """A connection begins somewhere, goes on in order, and begins anew."""
        begins = set()
        for seed in range(40):
            draw = Trace((1.0, 2.0, 3.0)).begin(Random(seed))
            got = [draw() for _ in range(6)]
            begins.add(got[0])
            self.assertIn(got[:3], ([1, 2, 3], [2, 3, 1], [3, 1, 2]))
            self.assertEqual(got[:3], got[3:])
        self.assertEqual({1.0, 2.0, 3.0}, begins)
