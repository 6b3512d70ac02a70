"""The roster: which lines there are, and which of them are due."""

from __future__ import annotations

from msgspec import structs
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from raydel.core.messages import Pong
from raydel.core.state import Session
from raydel.line import Line, Reply, Standing
from raydel.roster import Roster
from raydel.testing import EPOCH
from tests.stage import run

CODE = "ABC123"
SESSION = Session(CODE, EPOCH, version=1)
ENTRY = Reply("host", Pong())


class Case(SynchronousTestCase):
    """A roster, and the turns that are taken."""

    def setUp(self) -> None:
        """Begin without lines."""
        self.clock = Clock()
        self.roster = Roster(self.clock, self.take_turn)
        self.turns: list[list[str]] = []

    def take_turn(self) -> None:
        """Note for which lines a turn is."""
        self.turns.append([line.code for line in self.roster.due()])

    def turn(self) -> None:
        """Let a reactor turn pass."""
        run(self.clock, 0)

    def line(self) -> Line:
        """Return a line with a stored session."""
        self.roster.add(SESSION)
        return self.roster.lines[CODE]


class Turns(Case):
    """When a turn is taken, and for whom."""

    def test_one_for_all(self) -> None:
        """There is one turn for all that is submitted, each line once, in order."""
        for code in ("B", "A", "B"):
            self.roster.submit(code, ENTRY)
        self.assertEqual([], self.turns)
        self.assertTrue(self.roster.is_busy)
        self.turn()
        self.assertEqual([["B", "A"]], self.turns)
        self.assertFalse(self.roster.is_busy)
        self.turn()
        self.assertEqual([["B", "A"]], self.turns)

    def test_for_nobody(self) -> None:
        """A turn may be wanted where no line is due."""
        self.roster.wake()
        self.turn()
        self.assertEqual([[]], self.turns)

    def test_before_its_time(self) -> None:
        """One that is taken early is not taken again."""
        self.roster.submit(CODE, ENTRY)
        self.take_turn()
        self.assertEqual([], self.clock.getDelayedCalls())
        self.assertEqual([[CODE]], self.turns)

    def test_busy(self) -> None:
        """A busy line is left out, and due again when it is tidied."""
        line = self.line()
        line.standing = Standing.COMMITTING
        self.roster.submit(CODE, ENTRY)
        self.turn()
        self.assertTrue(self.roster.is_busy)
        line.standing = Standing.STORED
        self.roster.tidy(line)
        self.turn()
        self.assertEqual([[], [CODE]], self.turns)


class Lives(Case):
    """How long a line is there, and what it begins with."""

    def test_nothing_in_it(self) -> None:
        """A line that nothing is in, or waits in, is forgotten."""
        line = self.line()
        self.roster.tidy(line)
        self.assertEqual([CODE], list(self.roster.lines))
        line.has(None)
        self.roster.tidy(line)
        self.assertEqual([], list(self.roster.lines))

    def test_forgotten(self) -> None:
        """A line that is forgotten is not due any more."""
        self.roster.submit(CODE, ENTRY)
        line = self.roster.lines[CODE]
        line.take_entries()
        self.roster.tidy(line)
        self.turn()
        self.assertEqual([[]], self.turns)

    def test_behind(self) -> None:
        """It stays until the store has heard that its session is over."""
        line = self.line()
        line.runs_ahead(None, {})
        self.roster.tidy(line)
        self.assertEqual([line], self.roster.behind())
        line.has(None)
        self.roster.tidy(line)
        self.assertEqual([], self.roster.behind())
        self.assertEqual({}, self.roster.lines)

    def test_standings(self) -> None:
        """What is in the store before all is recalled is from an earlier run."""
        self.roster.submit("before", ENTRY)
        self.roster.is_complete = True
        self.roster.submit("after", ENTRY)
        standings = {line.code: line.standing for line in self.roster.lines.values()}
        expected = {"before": Standing.EARLY, "after": Standing.UNREAD}
        self.assertEqual(expected, standings)

    def test_living(self) -> None:
        """A session that has ended is remembered, and shown to nobody."""
        line = self.line()
        self.assertEqual([SESSION], list(self.roster.living()))
        self.assertEqual(SESSION, self.roster.session(CODE))
        line.has(structs.replace(SESSION, ended_at=EPOCH))
        self.roster.tidy(line)
        self.assertEqual([], list(self.roster.living()))
        self.assertIsNone(self.roster.session(CODE))
        self.assertEqual([CODE], list(self.roster.lines))
