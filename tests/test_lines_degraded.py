"""Lines over a store that fails: no match ends, and nothing new begins."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from twisted.internet.defer import Deferred
from twisted.logger import LogLevel, capturedLogs

from raydel.arrears import MOST_ROWS, PATIENCE
from raydel.core.effects import Close, Dismissed, Tell
from raydel.core.events import (
    Command,
    Delivered,
    EndRequested,
    Joining,
    Left,
    Receipt,
    StartRequested,
    StopRequested,
    WasHeard,
    WentSilent,
)
from raydel.core.instants import HOUR, MINUTE
from raydel.core.messages import (
    Error,
    Joined,
    Pong,
    SessionEnded,
    StartRecording,
    StopRecording,
)
from raydel.core.session import SEAT_TAKEN
from raydel.core.state import Session, status_of
from raydel.core.take import ClockSample
from raydel.interfaces import StoreTrouble
from raydel.lines import Reply, Request
from tests.stage import FULL, HeldStore, LateStore, run
from tests.test_lines import CODE, OTHER, Case, joining

RETRY = 1_000
"""ms between two attempts."""


def sample(n: int, take: str = "take") -> ClockSample:
    """Return a look at a clock."""
    return ClockSample(take, "host's device", "test", float(n), 0.0, 4.0)


class Degraded(Case):
    """Two phones in a session, and a store that is about to fail."""

    def setUp(self) -> None:
        """Bring them together."""
        super().setUp()
        self.bring_together()

    def bring_together(self) -> None:
        """Let a host and a guest join."""
        self.host_joins()
        self.submit(joining("guest", host=False))
        self.carried.clear()

    def submit(self, *entries: object) -> None:
        """Put something in the line, and let a turn pass."""
        for entry in entries:
            self.lines.submit(CODE, entry)  # type: ignore[arg-type]
        self.turn()

    def record(self, take: str = "take") -> None:
        """Start a take, and forget what was said about it."""
        self.submit(StartRequested("host", take, 250.0))
        self.carried.clear()

    def pass_by(self, milliseconds: float) -> None:
        """Let time pass."""
        run(self.clock, milliseconds)

    def errors(self, peer: str = "host") -> list[str]:
        """Return the codes of the errors that a peer was told."""
        return [
            effect.message.code
            for effect in self.carried
            if isinstance(effect, Tell)
            and effect.peer == peer
            and isinstance(effect.message, Error)
        ]

    @property
    def session(self) -> Session:
        """The session as everybody sees it."""
        session = self.lines.session(CODE)
        assert session is not None
        return session

    @property
    def stored(self) -> Session:
        """The session as it is stored."""
        session = self.store.kept(CODE)
        assert session is not None
        return session

    def assert_all_is_stored(self) -> None:
        """Check that the store knows all, and that nothing is left to do."""
        self.assertIsNone(self.lines.trouble)
        self.assertEqual(self.lines.session(CODE), self.store.kept(CODE))


class AtACommit(Degraded):
    """The very commit that fails."""

    def test_a_start_is_refused(self) -> None:
        """Its sender is told `degraded`; waiting may help; nobody records."""
        self.store.break_down()
        self.submit(StartRequested("host", "take", 250.0))
        self.assertEqual([("host", Error)], self.told())
        (effect,) = self.carried
        assert isinstance(effect, Tell)
        assert isinstance(effect.message, Error)
        self.assertEqual("degraded", effect.message.code)
        self.assertIs(True, effect.message.temporary)
        self.assertFalse(status_of(self.session).is_recording)
        self.assertEqual(FULL, self.lines.trouble)

    def test_a_stop_is_told(self) -> None:
        """Everybody hears of it at once; it is stored when the store is back."""
        self.record()
        self.store.break_down()
        self.submit(StopRequested("guest"))
        self.assertEqual(
            [("host", StopRecording), ("guest", StopRecording)], self.told()
        )
        self.assertIsNotNone(self.stored.take)
        self.store.mend()
        self.pass_by(RETRY)
        self.assertIsNone(self.stored.take)
        self.assertIsNotNone(self.store.kept_take("take").ended_at)
        self.assert_all_is_stored()

    def test_later_is_as_good(self) -> None:
        """The same holds where the store takes its time to fail."""
        self.record()
        self.store.holding = True
        self.submit(StopRequested("guest"))
        self.submit(StartRequested("host", "take 2", 250.0))
        self.assertEqual([], self.carried)
        self.store.fail()
        self.turn()
        told = [("host", StopRecording), ("guest", StopRecording), ("host", Error)]
        self.assertEqual(told, self.told())

    def test_what_waited_goes_on(self) -> None:
        """What came while a commit was about to fail is not forgotten."""
        self.store.holding = True
        self.submit(StartRequested("host", "take", 250.0))
        self.submit(Reply("host", Pong()))
        self.store.fail()
        self.turn()
        self.assertEqual([("host", Error), ("host", Pong)], self.told())

    def test_one_batch(self) -> None:
        """Each session of the batch goes on by itself."""
        self.record()
        self.store.break_down()
        self.lines.submit(OTHER, joining("stranger", OTHER))
        self.submit(StopRequested("host"))
        self.assertIn(("guest", StopRecording), self.told())
        self.assertIn(("stranger", Error), self.told())

    def test_another_commit_under_way(self) -> None:
        """One that was under way when the store failed is no less good."""
        self.store.holding = True
        self.submit(StartRequested("host", "take", 250.0))
        self.lines.submit(OTHER, joining("stranger", OTHER))
        self.turn()
        start, other = self.store.held
        self.store.held = [other]
        self.store.fail()
        self.assertEqual(["degraded"], self.errors("stranger"))
        self.store.held = [start]
        self.store.release()
        self.assertIn(("guest", StartRecording), self.told())
        self.store.holding = False
        self.pass_by(RETRY)
        self.assert_all_is_stored()

    def test_raised(self) -> None:
        """A store that raises where it should answer is as good as one that fails."""
        for fault in (StoreTrouble(FULL), ZeroDivisionError()):
            self.setUp()
            self.record()
            self.store.break_down(fault, raises=True)
            self.submit(StopRequested("host"))
            self.assertIn(("guest", StopRecording), self.told())
            self.store.mend()
            self.pass_by(RETRY)
            self.assert_all_is_stored()
        self.flushLoggedErrors(ZeroDivisionError)

    def test_an_end(self) -> None:
        """Who ends a session hears that it was ended, stored or not."""
        self.record()
        self.store.break_down()
        done: Deferred[bool] = Deferred()
        self.submit(Request(EndRequested(), done))
        self.assertTrue(self.successResultOf(done))
        self.assertIn(("host", StopRecording), self.told())
        self.assertIn(("guest", SessionEnded), self.told())
        self.assertEqual([], list(self.lines.living()))


class Meanwhile(Degraded):
    """While nothing can be stored."""

    def setUp(self) -> None:
        """Record, and break the store down."""
        super().setUp()
        self.record()
        self.store.break_down()
        self.submit(WentSilent("guest"))
        self.submit(WasHeard("guest"))
        self.carried.clear()

    def test_a_new_session(self) -> None:
        """There is none; whoever asks may ask again."""
        self.lines.submit(OTHER, joining("stranger", OTHER))
        self.turn()
        self.assertEqual(Dismissed("stranger"), self.carried[0])
        self.assertEqual(["degraded"], self.errors("stranger"))
        self.assertEqual([CODE], [session.id for session in self.lines.living()])
        self.store.mend()
        self.pass_by(RETRY)
        self.lines.submit(OTHER, joining("stranger", OTHER))
        self.turn()
        self.assertIn(("stranger", Joined), self.told())

    def test_a_session_that_is_not_there(self) -> None:
        """A guest that comes too early is told so, as ever."""
        self.lines.submit(OTHER, joining("stranger", OTHER, host=False))
        self.turn()
        self.assertEqual(["session_not_found"], self.errors("stranger"))

    def test_nobody_can_read_either(self) -> None:
        """What cannot be read is refused: joins, commands and requests alike."""
        self.store.break_down(readable=False)
        done: Deferred[bool] = Deferred()
        self.lines.submit(OTHER, joining("stranger", OTHER, host=False))
        self.lines.submit(OTHER, Reply("stranger", Pong()))
        self.lines.submit(OTHER, StopRequested("other"))
        self.lines.submit(OTHER, Left("gone", 1006))
        self.lines.submit(OTHER, Request(EndRequested(), done))
        self.turn()
        self.failureResultOf(done, StoreTrouble)
        self.assertEqual(
            [("stranger", Error), ("stranger", Pong), ("other", Error)], self.told()
        )
        self.assertEqual(["degraded"], self.errors("stranger"))
        self.assertEqual([CODE], list(self.lines._lines))

    def test_comings_and_goings(self) -> None:
        """A phone leaves, comes back, and a new guest is admitted to a free seat."""
        self.submit(Left("guest", 1006))
        self.submit(joining("guest", host=False))
        again = Joining("guest again", joining("guest", host=False).join, *APP_AND_ID)
        self.submit(Left("guest", 1006), again)
        self.assertIn(("guest again", Joined), self.told())
        self.submit(StopRequested("host"), Left("guest again", 1000))
        self.submit(joining("newcomer", host=False))
        self.assertIn(("newcomer", Joined), self.told())
        self.store.mend()
        self.pass_by(RETRY)
        self.assert_all_is_stored()
        self.assertEqual(["host", "newcomer"], [s.name for s in self.stored.seats])

    def test_a_debt(self) -> None:
        """A stop that a phone missed is told when it comes back, and only then paid."""
        self.submit(Left("guest", 1006))
        self.submit(StopRequested("host"))
        self.carried.clear()
        self.submit(joining("guest", host=False))
        self.assertIn(("guest", StopRecording), self.told())
        receipt = Receipt(CODE, "guest's device", "take", Command.STOP)
        self.submit(Delivered(receipt))
        self.store.mend()
        self.pass_by(RETRY)
        self.assert_all_is_stored()
        owed = [debt.owner.device_id for debt in self.stored.debts]
        self.assertEqual(["host's device"], owed)

    def test_proofs(self) -> None:
        """A command that has arrived is known to have arrived afterwards."""
        receipt = Receipt(CODE, "guest's device", "take", Command.START)
        self.submit(Delivered(receipt))
        self.store.mend()
        self.pass_by(RETRY)
        take = self.stored.take
        assert take is not None
        proven = [p.start_proven for p in take.participants]
        self.assertEqual([False, True], proven)
        self.assertEqual(take, self.store.kept_take("take"))

    def test_deadlines(self) -> None:
        """They are met: the longest take, and the cleanup."""
        self.pass_by(4 * HOUR + 1_000)
        self.assertIn(("guest", StopRecording), self.told())
        self.submit(Left("guest", 1006), Left("host", 1006))
        self.pass_by(30 * MINUTE + 10)
        self.assertEqual([], list(self.lines.living()))

    def test_every_second(self) -> None:
        """The store is tried every second, with nothing to store, too."""
        commits = self.store.commits
        self.pass_by(10_500)
        self.assertEqual(10, self.store.commits - commits)

    def test_nothing_to_store(self) -> None:
        """Where all that failed was refused, an empty commit finds the store well."""
        Degraded.setUp(self)
        self.store.break_down()
        self.submit(StartRequested("host", "take", 250.0))
        self.assertEqual(["degraded"], self.errors())
        self.store.mend()
        self.pass_by(RETRY)
        self.assert_all_is_stored()
        self.submit(StartRequested("host", "take", 250.0))
        self.assertIn(("guest", StartRecording), self.told())

    def test_nobody_is_armed_for_ever(self) -> None:
        """Once the store is back it is not tried again."""
        self.store.mend()
        self.pass_by(RETRY)
        commits = self.store.commits
        self.pass_by(10_000)
        self.assertEqual(commits, self.store.commits)

    def test_a_session_that_is_over(self) -> None:
        """It is deleted when the store is back, and its line is gone."""
        self.submit(StopRequested("host"))
        for device in ("host", "guest"):
            receipt = Receipt(CODE, f"{device}'s device", "take", Command.STOP)
            self.submit(Delivered(receipt))
        self.submit(EndRequested())
        self.assertEqual([], list(self.lines.living()))
        self.assertIsNotNone(self.store.kept(CODE))
        self.store.mend()
        self.pass_by(RETRY)
        self.assertIsNone(self.store.kept(CODE))
        self.assertEqual({}, self.lines._lines)
        self.assertEqual("command", self.store.kept_take("take").reason)

    def test_samples(self) -> None:
        """What was measured is stored afterwards, once, and the latest of it."""
        for n in range(MOST_ROWS + 5):
            self.lines.keep(sample(n))
        self.turn()
        self.store.mend()
        self.pass_by(RETRY)
        found = self.store.samples_of("take")
        self.assertEqual(MOST_ROWS, len(found))
        self.assertEqual((5.0, MOST_ROWS + 4.0), (found[0].at, found[-1].at))


class WhatIsSaid(Degraded):
    """What an operator sees."""

    @contextmanager
    def said(self, *expected: str) -> Iterator[None]:
        """Check that just this is logged."""
        with capturedLogs() as events:
            yield
        found = [
            event["log_format"].format(**event)
            for event in events
            if event["log_level"] >= LogLevel.info
            and event["log_namespace"] == "raydel.lines.Lines"
        ]
        self.assertEqual(list(expected), found)

    def test_once(self) -> None:
        """There is one line when it fails and one when it is back, none a second."""
        bad = f"nothing can be stored: {FULL}; recordings go on, nothing new begins"
        with self.said(bad):
            self.store.break_down()
            self.submit(Left("guest", 1006))
            self.pass_by(60_500)
        with self.said("all is stored again"):
            self.store.mend()
            self.pass_by(60_000)

    def test_a_fault_of_ours(self) -> None:
        """What no store has foreseen is logged with its traceback, once too."""
        self.store.break_down(ZeroDivisionError("oh"))
        self.submit(Left("guest", 1006))
        self.pass_by(60_500)
        self.assertEqual(1, len(self.flushLoggedErrors(ZeroDivisionError)))
        self.assertEqual("oh", self.lines.trouble)

    def test_without_words(self) -> None:
        """A failure without words has the name of its kind, never an empty one."""
        self.store.break_down(ZeroDivisionError())
        self.submit(Left("guest", 1006))
        self.assertEqual("ZeroDivisionError", self.lines.trouble)
        self.flushLoggedErrors(ZeroDivisionError)

    def test_the_latest_cause(self) -> None:
        """The trouble of now is told, not that of the beginning."""
        self.store.break_down()
        self.submit(Left("guest", 1006))
        self.store.break_down(StoreTrouble("no such disk"))
        self.pass_by(RETRY)
        self.assertEqual("no such disk", self.lines.trouble)

    def test_an_answer_that_cannot_be_dealt_with(self) -> None:
        """A store that answers nonsense is a fault of ours, and does not pass by."""
        self.store.holding = True
        self.submit(Left("guest", 1006))
        _, _, done = self.store.held.pop()
        done.callback(None)  # type: ignore[arg-type]
        self.assertEqual(1, len(self.flushLoggedErrors(TypeError)))


class WhileItIsSaved(Degraded):
    """The store takes its time to catch up, and the match goes on."""

    def setUp(self) -> None:
        """Stop while nothing can be stored, and let the store come back slowly."""
        super().setUp()
        self.record()
        self.store.break_down()
        self.submit(StopRequested("host"))
        self.store.mend()
        self.store.holding = True
        self.pass_by(RETRY)
        self.carried.clear()
        self.assertEqual(1, len(self.store.held))

    def release(self, times: int = 1) -> None:
        """Make what waits, one after the other."""
        for _ in range(times):
            self.store.release()
            self.turn()

    def test_changed(self) -> None:
        """What changes meanwhile is told at once, and stored before all is well."""
        self.submit(Left("guest", 1006))
        self.assertEqual([("host", "DeviceDisconnected")], self.told_names())
        self.release()
        self.assertIsNotNone(self.lines.trouble)
        self.assertEqual("guest", self.stored.seats[1].peer)
        self.release()
        self.assertEqual(None, self.stored.seats[1].peer)
        self.assert_all_is_stored()
        self.assertEqual([], self.store.held)

    def told_names(self) -> list[tuple[str, str]]:
        """Return who was told what, by name."""
        return [(peer, kind.__name__) for peer, kind in self.told()]

    def test_another_session(self) -> None:
        """One that falls behind meanwhile is stored next, too, with its take."""
        self.store.holding = False
        self.release()
        self.assert_all_is_stored()
        self.lines.submit(OTHER, joining("other", OTHER))
        self.turn()
        self.lines.submit(OTHER, StartRequested("other", "take 2", 250.0))
        self.turn()
        self.store.break_down()
        self.submit(Left("guest", 1006))
        self.store.mend()
        self.store.holding = True
        self.pass_by(RETRY)
        self.lines.submit(OTHER, StopRequested("other"))
        self.turn()
        self.release()
        self.assertIsNotNone(self.lines.trouble)
        self.release()
        self.assertIsNone(self.lines.trouble)
        self.assertIsNotNone(self.store.kept_take("take 2").ended_at)
        other = self.store.kept(OTHER)
        assert other is not None
        self.assertIsNone(other.take)
        self.assertEqual([], self.store.held)

    def test_deleted(self) -> None:
        """A session that is over by then is deleted next."""
        for device in ("host", "guest"):
            receipt = Receipt(CODE, f"{device}'s device", "take", Command.STOP)
            self.submit(Delivered(receipt))
        self.submit(EndRequested())
        self.release()
        self.assertIsNotNone(self.store.kept(CODE))
        self.release()
        self.assertIsNone(self.store.kept(CODE))
        self.assertEqual({}, self.lines._lines)
        self.assertIsNone(self.lines.trouble)

    def test_starts_are_refused_until_then(self) -> None:
        """Nothing begins before all is stored."""
        self.submit(StartRequested("host", "take 2", 250.0))
        self.assertEqual(["degraded"], self.errors())
        self.release()
        self.submit(StartRequested("host", "take 2", 250.0))
        self.release()
        self.assertIn(("guest", StartRecording), self.told())

    def test_a_new_session(self) -> None:
        """One that is asked for after all is well is made once."""
        self.release()
        self.lines.submit(OTHER, joining("stranger", OTHER))
        self.turn()
        self.release()
        self.assertEqual([("stranger", Joined)], self.told())

    def test_samples(self) -> None:
        """What is measured meanwhile is stored with the next commit, soon."""
        self.lines.keep(sample(1))
        self.turn()
        self.release()
        self.release()
        self.assertEqual([sample(1)], self.store.samples_of("take"))
        self.assertEqual([], self.store.held)

    def test_one_at_a_time(self) -> None:
        """Another failure meanwhile does not make it save twice."""
        self.store.break_down(readable=False)
        self.lines.submit(OTHER, joining("stranger", OTHER))
        self.pass_by(5 * RETRY)
        self.assertEqual(1, len(self.store.held))
        self.store.mend()
        self.release()
        self.assertIsNone(self.stored.take)
        # It took so long that the store is let alone for a while.
        self.store.holding = False
        self.pass_by(PATIENCE * 6 * RETRY)
        self.assert_all_is_stored()

    def test_it_fails_again(self) -> None:
        """Then it is tried again in a second."""
        self.store.fail()
        self.pass_by(RETRY - 10)
        self.assertEqual([], self.store.held)
        self.pass_by(20)
        self.release()
        self.assert_all_is_stored()

    def test_a_conflict(self) -> None:
        """If another server was faster, its value counts from then on."""
        self.store.elsewhere(CODE, created_at=1.0)
        with capturedLogs() as events:
            self.release()
        self.assertIn("another server was faster", str(events))
        self.assertEqual(1.0, self.session.created_at)
        self.assertIsNotNone(self.session.take)
        self.assert_all_is_stored()

    def test_its_deadlines_count_too(self) -> None:
        """The deadlines of the other one's value are met."""
        self.store.elsewhere(CODE, created_at=1.0)
        self.store.holding = False
        self.release()
        self.pass_by(4 * HOUR + 1_000)
        self.assertIn(("host", StopRecording), self.told())

    def test_a_conflict_over_a_seat(self) -> None:
        """A phone that has no seat in it is sent back to the door."""
        self.store.elsewhere(CODE, seats=self.stored.seats[:1])
        self.release()
        self.assertIn(Dismissed("guest"), self.carried)
        self.assertIn(Close("guest", SEAT_TAKEN), self.carried)
        self.assertNotIn(Dismissed("host"), self.carried)

    def test_a_conflict_with_an_end(self) -> None:
        """If the other one has deleted it, nothing is left of it here either."""
        self.store.remove(CODE)
        self.release()
        self.assertEqual({}, self.lines._lines)
        self.assertIn(Close("host", SEAT_TAKEN), self.carried)

    def test_the_rest_of_the_batch(self) -> None:
        """A conflict keeps no other session from being stored."""
        self.store.fail()
        self.store.holding = False
        self.pass_by(RETRY)
        self.lines.submit(OTHER, joining("other", OTHER))
        self.turn()
        self.store.break_down()
        self.lines.submit(OTHER, Left("other", 1006))
        self.submit(Left("guest", 1006))
        self.store.elsewhere(CODE, created_at=1.0)
        self.store.mend()
        self.pass_by(RETRY)
        other = self.store.kept(OTHER)
        assert other is not None
        self.assertIsNone(other.seats[0].peer)
        self.assertIsNone(self.lines.trouble)


class UnreadableAfterAConflict(Degraded):
    """Another server was faster, and then the store fails altogether."""

    def test_a_stop(self) -> None:
        """It is told all the same, on what is known here."""
        self.record()
        self.store.holding = True
        self.submit(StopRequested("host"))
        self.store.elsewhere(CODE, created_at=1.0)
        self.store.break_down(readable=False)
        self.store.release()
        self.store.holding = False
        self.turn()
        self.assertIn(("guest", StopRecording), self.told())
        self.store.mend()
        self.pass_by(RETRY)
        self.assertEqual(1.0, self.session.created_at)
        self.assert_all_is_stored()


class Recalling(Degraded):
    """A program that starts on a store that cannot be read yet."""

    def setUp(self) -> None:
        """Leave a running take behind, and start another program."""
        super().setUp()
        self.record()
        self.lines.finish()
        self.store.break_down(readable=False)
        self.lines = self.make(self.store)
        self.lines.recall()
        self.turn()

    def test_trouble(self) -> None:
        """It is in trouble, and nobody gets a seat."""
        self.assertEqual(FULL, self.lines.trouble)
        self.submit(joining("host"), joining("guest", host=False))
        self.assertEqual(["degraded"], self.errors())
        self.assertEqual(["degraded"], self.errors("guest"))
        self.assertEqual({}, self.lines._lines)

    def test_tried_again(self) -> None:
        """It is read as soon as it can be: all of it, with nobody connected."""
        self.pass_by(10 * RETRY)
        self.store.mend()
        self.pass_by(RETRY)
        self.assertIsNone(self.lines.trouble)
        self.assertEqual([None, None], [seat.peer for seat in self.session.seats])
        self.assertIsNotNone(self.session.take)
        self.pass_by(4 * HOUR)
        self.assertIsNone(self.session.take)

    def test_raised(self) -> None:
        """A store that raises is tried again, too."""
        self.store.break_down(ZeroDivisionError(), readable=False, raises=True)
        self.pass_by(3 * RETRY)
        self.store.mend()
        self.pass_by(RETRY)
        self.assertIsNone(self.lines.trouble)
        self.assertIsNotNone(self.session.take)

    def test_one_by_one(self) -> None:
        """Where only the list fails, a session that is asked for is read alone."""
        store = ListlessStore()
        store._sessions, store._takes = self.store._sessions, self.store._takes
        lines = self.make(store)
        lines.recall()
        lines.submit(CODE, joining("host"))
        self.turn()
        self.assertEqual(("host", Joined), self.told()[0])
        session = lines.session(CODE)
        assert session is not None
        self.assertEqual(["host", None], [seat.peer for seat in session.seats])
        lines.submit(CODE, StopRequested("host"))
        self.turn()
        self.assertIn(("host", StopRecording), self.told())
        store.is_listless = False
        run(self.clock, RETRY)
        self.assertIsNone(lines.trouble)
        self.assertEqual(lines.session(CODE), store.kept(CODE))


class ListlessStore(HeldStore):
    """A store that cannot list its sessions."""

    is_listless = True

    def sessions(self) -> Deferred[list[Session]]:  # type: ignore[override]
        """Fail."""
        if self.is_listless:
            raise StoreTrouble(FULL)
        return super().sessions()  # type: ignore[return-value]


class RecallingLate(Degraded):
    """A program that starts on a store that takes its time to read."""

    def setUp(self) -> None:
        """Leave a session behind, and start another program."""
        super().setUp()
        self.lines.finish()
        self.late = LateStore()
        self.late._sessions = self.store._sessions
        self.lines = self.make(self.late)
        self.lines.recall()

    def seats(self) -> list[str | None]:
        """Return who is connected."""
        return [seat.peer for seat in self.session.seats]

    def test_asked_for_before(self) -> None:
        """A session read before the list has come knows that nobody is there."""
        self.submit(joining("again"))
        self.late.list()
        self.late.find()
        self.turn()
        self.assertNotIn("guest", self.seats())

    def test_asked_for_in_the_same_turn(self) -> None:
        """So does one that was asked for before and is read after."""
        self.lines.submit(CODE, Left("nobody", 1006))
        self.late.list()
        self.turn()
        self.late.find()
        self.turn()
        self.assertEqual([None, None], self.seats())

    def test_turned_away_once(self) -> None:
        """A line that was turned away, and is gone, is not read once more."""
        self.late.list()
        self.lines.submit(OTHER, joining("stranger", OTHER))
        self.turn()
        self.lines.submit(OTHER, Reply("stranger", Pong()))
        _, found = self.late.waiting.pop()
        found.errback(StoreTrouble(FULL))
        self.assertEqual([("stranger", Error), ("stranger", Pong)], self.told())
        self.turn()
        self.assertEqual([], self.late.waiting)

    def test_listed_once(self) -> None:
        """While the list is awaited, a failure does not ask for it again."""
        self.late.is_late = False
        self.late.break_down(readable=False)
        self.submit(joining("again"))
        self.late.is_late = True
        self.pass_by(5 * RETRY)
        self.assertEqual(1, len(self.late.lists))
        self.late.mend()
        self.late.list()
        self.turn()
        self.assertIsNone(self.lines.trouble)
        self.assertEqual([None, None], self.seats())

    def test_too_late(self) -> None:
        """A program that ends meanwhile waits for it, and leaves no timer behind."""
        finished = self.lines.finish()
        self.assertNoResult(finished)
        self.late.list()
        self.successResultOf(finished)
        self.assertEqual([], self.clock.getDelayedCalls())
        self.assertEqual([], list(self.lines.living()))


class Finishing(Degraded):
    """The end of the program, while nothing can be stored."""

    def setUp(self) -> None:
        """Stop a take while nothing can be stored."""
        super().setUp()
        self.record()
        self.store.break_down()
        self.submit(StopRequested("host"))

    def test_back_in_time(self) -> None:
        """What is behind is stored at last, with what came last of all."""
        self.store.mend()
        self.lines.keep(sample(1))
        self.lines.submit(CODE, Left("guest", 1006))
        self.successResultOf(self.lines.finish())
        self.assertIsNone(self.stored.take)
        self.assertIsNone(self.stored.seats[1].peer)
        self.assertEqual([sample(1)], self.store.samples_of("take"))
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_back_slowly(self) -> None:
        """It is not over before that is stored."""
        self.store.mend()
        self.store.holding = True
        finished = self.lines.finish()
        self.assertNoResult(finished)
        self.store.release()
        self.successResultOf(finished)
        self.assertIsNone(self.stored.take)

    def test_not_back(self) -> None:
        """It does not wait for a store that refuses."""
        self.successResultOf(self.lines.finish())
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_not_even_read(self) -> None:
        """Nor for one that never was in order."""
        lines = self.make(self.store)
        self.store.break_down(readable=False, raises=True)
        lines.recall()
        self.successResultOf(lines.finish())

    def test_a_commit_under_way(self) -> None:
        """One that fails at the very end ends it."""
        self.store.mend()
        self.pass_by(RETRY)
        self.store.holding = True
        self.lines.submit(CODE, Left("guest", 1006))
        finished = self.lines.finish()
        self.assertNoResult(finished)
        self.store.fail()
        self.successResultOf(finished)
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_a_save_under_way(self) -> None:
        """One that is under way is waited for, and followed by what came since."""
        self.store.mend()
        self.store.holding = True
        self.pass_by(RETRY)
        self.lines.submit(CODE, Left("guest", 1006))
        finished = self.lines.finish()
        self.assertEqual(1, len(self.store.held))
        self.store.release()
        self.assertNoResult(finished)
        self.store.release()
        self.turn()
        self.successResultOf(finished)
        self.assertIsNone(self.stored.take)
        self.assertIsNone(self.stored.seats[1].peer)
        self.assertEqual([], self.clock.getDelayedCalls())


APP_AND_ID = (joining("").app, "another device")
