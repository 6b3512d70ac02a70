"""Takes that are played in several processes."""

from __future__ import annotations

import subprocess
import sys
from typing import Final

from twisted.trial.unittest import SynchronousTestCase

from raydel.simulation.crew import play_all

PROGRAM: Final = """
import sys
from raydel.simulation.crew import play_all

if __name__ == "__main__":
    takes, jobs = map(int, sys.argv[1:])
    print(*play_all(abs, takes, jobs))
"""
"""In a program of its own: a test has signals and threads of its own, too."""


def played(takes: int, jobs: int) -> str:
    """Return what a crew came to."""
    command = (sys.executable, "-c", PROGRAM, str(takes), str(jobs))
    done = subprocess.run(
        command, stdout=subprocess.PIPE, text=True, check=True, timeout=50
    )
    return done.stdout.strip()


class Crews(SynchronousTestCase):
    """Who plays does not matter."""

    def test_alone(self) -> None:
        """One process plays by itself."""
        self.assertEqual(list(range(5)), list(play_all(abs, 5, 1)))

    def test_order(self) -> None:
        """What came of the takes is given in their order."""
        self.assertEqual("0 1 2 3 4", played(5, 2))

    def test_few(self) -> None:
        """There may be more hands than takes."""
        self.assertEqual("0", played(1, 3))
