"""How long takes are graded, and whether what is published of them is true."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from raydel.core.instants import MINUTE, SECOND
from raydel.simulation.clocks import Clock
from raydel.simulation.grades import File, GradeFigures, measure_grades
from raydel.simulation.longtakes import Series
from raydel.simulation.networks import BUSY, GOOD, LTE, NETWORKS, POWER_SAVE, Pair
from raydel.simulation.recording import Long

NOON = 1_768_478_400_000.0


def measured(
    networks: Pair, length: float, takes: int, seed: int = 2026, step: float = 0.0
) -> GradeFigures:
    """Play some takes."""
    return measure_grades(Series("any", Long(networks, length, step=step), seed), takes)


class Files(SynchronousTestCase):
    """The truth of a file."""

    def test_time(self) -> None:
        """A file's time begins with it, and gains as its clock does."""
        file = File(Clock(NOON, 5_000.0, 1e-3), NOON + 200.0)
        self.assertAlmostEqual(0.0, file.time(NOON + 200.0), places=2)
        self.assertAlmostEqual(1_001.0, file.time(NOON + 1_200.0), places=2)


class Grades(SynchronousTestCase):
    """What is published of takes whose phones reported their frames."""

    def test_ten_minutes(self) -> None:
        """On every network ten minutes are graded A; only mixed ones are called so."""
        for name, networks in NETWORKS.items():
            found = measured(networks, 10 * MINUTE, 6)
            self.assertEqual(1.0, found.grades["A"], name)
            self.assertEqual(float(name == "mixed"), found.mixed, name)
            self.assertEqual((found.looks, ()), (found.held, found.broken), name)
            if name != "mixed":
                self.assertGreaterEqual(found.coverage, 0.95, name)

    def test_wifi_of_two_kinds(self) -> None:
        """Two phones on Wi-Fi, however busy, are never called mixed; on LTE always."""
        wifi = (GOOD, BUSY, POWER_SAVE)
        for one in wifi:
            for other in wifi:
                found = measured(Pair(one, other), 30 * SECOND, 6)
                self.assertEqual(0.0, found.mixed)
            self.assertEqual(1.0, measured(Pair(LTE, one), 30 * SECOND, 6).mixed)

    def test_whole_match(self) -> None:
        """In 90 minutes clocks leave straight lines by a millisecond or more."""
        found = measured(NETWORKS["good"], 90 * MINUTE, 4)
        self.assertEqual(1.0, found.grades["A"] + found.grades["B"])
        assert found.uncertainty_p50 is not None
        self.assertGreater(found.uncertainty_p50, 1.0)
        self.assertEqual(found.looks, found.held)

    def test_set(self) -> None:
        """Where a clock is set, no bound is broken, of the file's own time either."""
        for step in (40.0, -500.0, 30_000.0):
            found = measured(NETWORKS["good"], 10 * MINUTE, 6, step=step)
            self.assertEqual(found.looks, found.held, step)

    def test_repeatable(self) -> None:
        """The same seed gives the same figures, another one others."""
        one, same, other = (
            measured(NETWORKS["busy"], MINUTE, 3, seed) for seed in (5, 5, 6)
        )
        self.assertEqual(one, same)
        self.assertNotEqual(one, other)
