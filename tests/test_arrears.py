"""Arrears: what the store has not taken yet, and when it is offered again."""

from __future__ import annotations

from msgspec import structs
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock
from twisted.logger import Logger
from twisted.trial.unittest import SynchronousTestCase

from raydel.arrears import PATIENCE, RETRY, SLOW, Arrears, has_answered
from raydel.core.state import Session
from raydel.core.take import ClockSample, Take
from raydel.interfaces import StoreTrouble, Write
from raydel.line import Standing
from raydel.roster import Roster
from raydel.testing import EPOCH
from tests.stage import FULL, LateStore, run

CODE = "ABC123"
SESSION = Session(CODE, EPOCH, version=1)
TAKE = Take("take", CODE, EPOCH, EPOCH, "host's device", ())
LATER = structs.replace(SESSION, empty_since=EPOCH)
SAMPLE = ClockSample("take", "host's device", "test", 0.0, 0.0, 4.0)


class Case(SynchronousTestCase):
    """A store that has one session, and breaks down."""

    def setUp(self) -> None:
        """Begin with all well."""
        self.clock = Clock()
        self.store = LateStore()
        self.store.is_late = False
        self.roster = Roster(self.clock, lambda: None)
        self.arrears = Arrears(self.store, self.roster, self.clock, Logger())
        self.attempts = 0
        self.arrears.start(self.try_again)
        self.successResultOf(self.arrears.commit([Write(CODE, 0, SESSION, (TAKE,))]))
        self.roster.add(SESSION)
        self.line = self.roster.lines[CODE]

    def try_again(self) -> None:
        """Note that it is time to."""
        self.attempts += 1

    def fall_behind(self) -> None:
        """Let the store miss a change."""
        self.store.break_down()
        change = Write(CODE, 1, structs.replace(LATER, version=2))
        self.failureResultOf(self.arrears.commit([change]), StoreTrouble)
        self.line.runs_ahead(LATER, {})

    def pass_by(self, seconds: float) -> None:
        """Let time pass."""
        run(self.clock, seconds * 1_000)


class AtOnce(SynchronousTestCase):
    """Whether a store has answered already."""

    def test_answered(self) -> None:
        """It has if there is an answer, be it None, and not if it may yet come."""
        waits: Deferred[None] = Deferred()
        behind = succeed(None).addCallback(lambda _: waits)
        failed: Deferred[None] = fail(StoreTrouble("no"))
        for done, answered in (
            (succeed(frozenset()), True),
            (succeed(None), True),
            (waits, False),
            (behind, False),
            (failed, False),
        ):
            self.assertIs(answered, has_answered(done))
        self.failureResultOf(failed, StoreTrouble)


class Trouble(Case):
    """Its beginning, and what comes of it."""

    def test_any_visit(self) -> None:
        """Whatever is asked of a store that fails, there is trouble from then on."""
        self.store.break_down(readable=False)
        self.failureResultOf(self.arrears.read(CODE), StoreTrouble)
        self.assertEqual(FULL, self.arrears.trouble)
        self.assertFalse(self.arrears.is_visiting)

    def test_reading_does_not_end_it(self) -> None:
        """A store that can be read may still be full."""
        self.fall_behind()
        self.assertEqual(SESSION, self.successResultOf(self.arrears.read(CODE)))
        self.assertEqual([SESSION], self.successResultOf(self.arrears.recall()))
        self.assertEqual(FULL, self.arrears.trouble)

    def test_one_more_attempt(self) -> None:
        """Failures within a second are one reason to try again, not many."""
        self.fall_behind()
        self.fall_behind()
        self.pass_by(RETRY)
        self.assertEqual(1, self.attempts)
        self.pass_by(10 * RETRY)
        self.assertEqual(1, self.attempts)

    def test_stopped(self) -> None:
        """After its end nobody tries again, whatever fails."""
        self.fall_behind()
        self.arrears.stop()
        self.fall_behind()
        self.assertEqual([], self.clock.getDelayedCalls())
        self.assertEqual(FULL, self.arrears.trouble)

    def test_samples(self) -> None:
        """Clock samples wait for a commit that succeeds, and are stored once."""
        self.arrears.add(SAMPLE)
        self.fall_behind()
        self.assertTrue(self.arrears.has_rows)
        self.store.mend()
        self.successResultOf(self.arrears.settle())
        self.successResultOf(self.arrears.commit([]))
        self.assertFalse(self.arrears.has_rows)
        self.assertEqual([SAMPLE], self.store.samples_of("take"))


class Settling(Case):
    """Its end."""

    def setUp(self) -> None:
        """Fall behind, and let the store be well again, but slow."""
        super().setUp()
        self.fall_behind()
        self.store.mend()
        self.store.holding = True

    def test_all_is_stored(self) -> None:
        """Trouble is over once the store has what everybody was told."""
        done = self.arrears.settle()
        self.assertTrue(self.arrears.is_visiting)
        self.store.release()
        self.successResultOf(done)
        self.assertIsNone(self.arrears.trouble)
        self.assertEqual(structs.replace(LATER, version=2), self.store.kept(CODE))
        self.assertEqual(Standing.STORED, self.line.standing)

    def test_not_yet(self) -> None:
        """What falls behind meanwhile is stored first, on top of what is there."""
        done = self.arrears.settle()
        self.line.runs_ahead(None, {})
        self.store.release()
        self.assertNoResult(done)
        self.assertEqual(FULL, self.arrears.trouble)
        self.store.release()
        self.successResultOf(done)
        self.assertIsNone(self.arrears.trouble)
        self.assertIsNone(self.store.kept(CODE))
        self.assertEqual({}, self.roster.lines)

    def test_it_fails_again(self) -> None:
        """Then the attempt is over, and all is as it was."""
        done = self.arrears.settle()
        self.store.fail(StoreTrouble("no such disk"))
        self.successResultOf(done)
        self.assertEqual("no such disk", self.arrears.trouble)
        self.assertEqual([self.line], self.roster.behind())
        self.assertFalse(self.arrears.is_trying)

    def test_one_at_a_time(self) -> None:
        """While it is under way there is no other; so while all is recalled."""
        self.arrears.settle()
        self.successResultOf(self.arrears.settle())
        self.assertEqual(1, len(self.store.held))
        self.store.release()
        self.store.is_late = True
        self.arrears.recall()
        self.assertTrue(self.arrears.is_trying)
        self.successResultOf(self.arrears.settle())
        self.assertEqual([], self.store.held)
        self.store.list()
        self.assertFalse(self.arrears.is_trying)

    def test_another_server(self) -> None:
        """Where another server was faster its value is to be read, and counts."""
        self.store.elsewhere(CODE, created_at=1.0)
        done = self.arrears.settle()
        self.store.release()
        self.successResultOf(done)
        self.assertEqual(Standing.UNREAD, self.line.standing)
        self.assertEqual([self.line], self.roster.due())
        self.assertIsNone(self.arrears.trouble)


class Slow(Case):
    """A disk that takes its time: all phones wait for it."""

    def commit(self, version: int, seconds: float) -> None:
        """Store a change; the store takes so long for it."""
        self.store.holding = True
        change = structs.replace(LATER, version=version + 1)
        done = self.arrears.commit([Write(CODE, version, change)])
        self.pass_by(seconds)
        self.store.release()
        self.assertEqual(frozenset(), self.successResultOf(done))
        self.line.has(change)

    def settle(self, seconds: float) -> None:
        """Try again; the store takes so long for it."""
        done = self.arrears.settle()
        self.pass_by(seconds)
        self.store.release()
        self.successResultOf(done)

    def test_a_moment(self) -> None:
        """Who waits for a moment has no trouble."""
        self.commit(1, SLOW)
        self.assertIsNone(self.arrears.trouble)

    def test_long(self) -> None:
        """What took long is stored, and is the last for a while."""
        self.commit(1, 3.0)
        self.assertEqual("the disk is slow: 3.0 s for one commit", self.arrears.trouble)
        self.pass_by(RETRY)
        self.assertEqual(1, self.attempts)

    def test_an_accident(self) -> None:
        """The next one that is quick ends it."""
        self.commit(1, 3.0)
        self.settle(0.1)
        self.assertIsNone(self.arrears.trouble)

    def test_it_stays_slow(self) -> None:
        """Then it is let alone for ten times as long."""
        self.commit(1, 3.0)
        self.pass_by(RETRY)
        self.settle(4.0)
        self.assertEqual("the disk is slow: 4.0 s for one commit", self.arrears.trouble)
        self.pass_by(PATIENCE * 4.0 - 1.0)
        self.assertEqual(1, self.attempts)
        self.pass_by(1.0)
        self.assertEqual(2, self.attempts)
