"""Many takes through the server, summed up."""

from __future__ import annotations

from dataclasses import replace

from twisted.trial.unittest import SynchronousTestCase

from raydel.simulation.clocks import Clock
from raydel.simulation.networks import NETWORKS, Network, Pair, Trace
from raydel.simulation.phones import LIBRARY_1, PROTOCOL_2
from raydel.simulation.stage import Plan, Played, Start
from raydel.simulation.starts import Spread, StartTally, measure_starts
from raydel.simulation.trial import NOON

PLAN = Plan(NETWORKS["good"], frames=True)
START = Start(
    due_at=NOON,
    called_at=NOON,
    missed_by=0.0,
    on_receipt=False,
    too_late=False,
    uncertainty=3.0,
    bound=2.0,
    quickest=4.0,
)


def played(first: Start, second: Start = START) -> Played:
    """Return a take with these starts."""
    clock = Clock(NOON, 0.0)
    return Played(NOON, (first, second), (), (clock, clock), (), ("a", "b"))


class Tallies(SynchronousTestCase):
    """Counting."""

    def test_figures(self) -> None:
        """Skews count without their sign, each kind apart; promises by the phone."""
        tally = StartTally("good", PLAN)
        early = replace(
            START, missed_by=-3.0, due_at=NOON - 4.0, called_at=NOON + 8.0, bound=1.0
        )
        tally.add(0, played(early))
        tally.add(1, played(replace(START, missed_by=9.0, bound=9.0, too_late=True)))
        tally.add(2, played(START))
        tally.lose(3)
        figures = tally.figures()
        self.assertEqual(Spread(3.0, 9.0, 9.0), figures.commanded)
        self.assertEqual(Spread(0.0, 4.0, 4.0), figures.due)
        self.assertEqual(Spread(0.0, 8.0, 8.0), figures.called)
        self.assertEqual((6, 5, (0,)), (figures.bounds, figures.held, figures.broken))
        self.assertEqual((3, 2), (figures.uncertainties, figures.covered))
        self.assertAlmostEqual(2 / 3, figures.coverage or 0.0)
        self.assertAlmostEqual(18**0.5 / 3.0, figures.caution or 0.0)
        self.assertEqual((3, 1, (3,)), (figures.takes, figures.late, figures.lost))

    def test_nothing_promised(self) -> None:
        """Phones that are told nothing of it have no bound and no uncertainty."""
        tally = StartTally("good", replace(PLAN, frames=False))
        told_none = replace(START, bound=None, uncertainty=None)
        tally.add(0, played(told_none, told_none))
        figures = tally.figures()
        self.assertEqual((None, 0, ()), (figures.bound_p50, figures.bounds, ()))
        self.assertEqual((None, None), (figures.coverage, figures.caution))
        self.assertIsNone(figures.called)


class Measuring(SynchronousTestCase):
    """Playing."""

    def test_repeatable(self) -> None:
        """The same seed gives the same figures, another one others."""
        plan = Plan(NETWORKS["busy"])
        once, again = (measure_starts("busy", plan, takes=20, seed=1) for _ in "ab")
        self.assertEqual(once, again)
        self.assertNotEqual(once, measure_starts("busy", plan, takes=20, seed=2))

    def test_kinds(self) -> None:
        """Phones that are told when start closer together than those on receipt."""
        p95 = {}
        for kind in (PROTOCOL_2, LIBRARY_1):
            plan = Plan(NETWORKS["good"], (kind, kind))
            figures = measure_starts("good", plan, takes=60, seed=1)
            self.assertEqual((kind.name, kind.name), figures.kinds)
            p95[kind] = figures.commanded.p95 if figures.commanded else 0.0
        self.assertLess(2 * p95[PROTOCOL_2], p95[LIBRARY_1])

    def test_later(self) -> None:
        """A minute later protocol 2 still keeps its promises."""
        plan = Plan(NETWORKS["good"], after=60_000.0)
        figures = measure_starts("good", plan, takes=20, seed=1)
        self.assertEqual((40, 40), (figures.bounds, figures.held))

    def test_lost(self) -> None:
        """Takes that come to nothing are named."""
        mars = Network(Trace((240_000.0,)), Trace((240_000.0,)))
        figures = measure_starts("mars", Plan(Pair(mars, mars)), takes=2, seed=1)
        self.assertEqual((0, 1), figures.lost)
        self.assertIsNone(figures.commanded)
