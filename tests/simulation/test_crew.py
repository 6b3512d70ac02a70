"""Takes that are played in several processes."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from raydel.simulation.crew import play_all


class Crews(SynchronousTestCase):
    """Who plays does not matter."""

    def test_order(self) -> None:
        """What came of the takes is given in their order."""
        for jobs in (1, 2):
            self.assertEqual(list(range(5)), list(play_all(abs, 5, jobs)))

    def test_few(self) -> None:
        """There may be more hands than takes."""
        self.assertEqual([0], list(play_all(abs, 1, 3)))
