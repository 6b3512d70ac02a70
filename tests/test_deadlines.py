"""Deadlines: one timer a session, for the earliest of them."""

from __future__ import annotations

from msgspec import structs
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from raydel.core.config import Config
from raydel.core.events import DeadlinePassed
from raydel.core.instants import MINUTE
from raydel.core.state import Session
from raydel.deadlines import Deadlines
from raydel.line import Line
from raydel.roster import Roster
from raydel.testing import EPOCH, FakeTimebase
from tests.stage import run

CODE = "ABC123"


class Timers(SynchronousTestCase):
    def setUp(self) -> None:
        """Make a session that everybody has left."""
        self.clock = Clock()
        self.timebase = FakeTimebase(self.clock)
        self.roster = Roster(self.clock, lambda: None)
        self.deadlines = Deadlines(self.roster, Config(), self.timebase, self.clock)
        self.roster.add(Session(CODE, EPOCH, version=1, empty_since=EPOCH))
        self.line = self.roster.lines[CODE]

    def passed(self, line: Line) -> bool:
        """Tell whether a line has heard that its deadline has passed."""
        return DeadlinePassed() in line.waiting

    def test_in_time(self) -> None:
        """Once it has surely passed, and not before, the line hears of it."""
        self.deadlines.set(self.line)
        run(self.clock, 30 * MINUTE)
        self.assertFalse(self.passed(self.line))
        run(self.clock, 1)
        self.assertTrue(self.passed(self.line))

    def test_long_ago(self) -> None:
        """A deadline that passed while no program ran is met at once."""
        run(self.clock, 60 * MINUTE)
        self.deadlines.set(self.line)
        run(self.clock, 1)
        self.assertTrue(self.passed(self.line))

    def test_anew(self) -> None:
        """A later deadline takes the place of the one before."""
        self.deadlines.set(self.line)
        session = self.line.session
        assert session is not None
        self.line.has(structs.replace(session, empty_since=EPOCH + MINUTE))
        self.deadlines.set(self.line)
        run(self.clock, 31 * MINUTE)
        self.assertFalse(self.passed(self.line))
        run(self.clock, 1)
        self.assertTrue(self.passed(self.line))

    def test_slept(self) -> None:
        """One that passed while the machine slept, and timers stood still, is met."""
        self.deadlines.set(self.line)
        woken = FakeTimebase(self.clock, EPOCH + 60 * MINUTE)
        self.deadlines._timebase = woken
        self.deadlines.set(self.line)
        run(self.clock, 1)
        self.assertTrue(self.passed(self.line))

    def test_kept(self) -> None:
        """A timer that is right already stays as it is."""
        self.deadlines.set(self.line)
        (timer,) = self.clock.getDelayedCalls()
        self.deadlines.set(self.line)
        self.assertEqual([timer], self.clock.getDelayedCalls())

    def test_none(self) -> None:
        """A session that is gone, or waits for nothing, has no timer."""
        for session in (None, Session(CODE, EPOCH)):
            self.deadlines.set(self.line)
            self.line.has(session)
            self.deadlines.set(self.line)
            self.assertEqual([], self.clock.getDelayedCalls())

    def test_clear(self) -> None:
        """No timer is left of any session."""
        self.roster.add(Session("XYZ789", EPOCH, empty_since=EPOCH))
        for line in self.roster.lines.values():
            self.deadlines.set(line)
        self.assertEqual(2, len(self.clock.getDelayedCalls()))
        self.deadlines.clear()
        self.assertEqual([], self.clock.getDelayedCalls())
