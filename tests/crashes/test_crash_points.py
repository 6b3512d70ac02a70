"""Every promise, whatever dies: Hypothesis looks for a way to break one."""

from __future__ import annotations

from hypothesis import given, settings
from twisted.trial.unittest import SynchronousTestCase

from tests.crashes.schedule import SCHEDULES, Schedule
from tests.crashes.shelves import file, memory
from tests.crashes.world import World


class CrashPoints(SynchronousTestCase):
    """A match, and all that can go wrong in it."""

    maxDiff = None

    @settings(max_examples=400)
    @given(SCHEDULES)
    def test_memory(self, schedule: Schedule) -> None:
        """Nothing told is lost, over a store that its servers hand on."""
        with memory() as shelf:
            self.assertEqual([], World(schedule, shelf).play())

    @settings(max_examples=40)
    @given(SCHEDULES)
    def test_file(self, schedule: Schedule) -> None:
        """The same over a file that each server opens for itself."""
        with file() as shelf:
            self.assertEqual([], World(schedule, shelf).play())
