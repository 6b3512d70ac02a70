"""Lines: steps in order, commits before words, each session by itself."""

from __future__ import annotations

from typing import Any, cast

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from raydel.core.apps import App
from raydel.core.config import Config
from raydel.core.effects import Dismissed, Effect, Seated, Tell
from raydel.core.events import (
    AppLearned,
    EndRequested,
    Event,
    Joining,
    Left,
    StartRequested,
)
from raydel.core.instants import MINUTE
from raydel.core.messages import DeviceConnected, Error, Join, Joined, Pong
from raydel.core.state import Session
from raydel.lines import Lines, Reply, Request
from raydel.store.memory import MemoryStore
from raydel.testing import FakeTimebase
from tests.stage import HeldStore, LateStore, run

CODE = "ABC123"
OTHER = "XYZ789"


def joining(peer: str, code: str = CODE, *, host: bool = True) -> Joining:
    """Ask for a seat."""
    join = Join(session_id=code, is_host=host, device_name=peer)
    return Joining(peer, join, App.LIBRARY_1, f"{peer}'s device")


class Case(SynchronousTestCase):
    """Lines over a store, and whoever carries out what they want."""

    def setUp(self) -> None:
        """Begin with nothing stored."""
        self.clock = Clock()
        self.store = HeldStore()
        self.carried: list[Effect] = []
        self.faulty: type[Effect] | None = None
        self.lines = self.make(self.store)
        self.lines.recall()

    def make(self, store: MemoryStore) -> Lines:
        """Make lines over a store."""
        self.timebase = FakeTimebase(self.clock)
        return Lines(Config(), store, self.timebase, self.clock, self.carry_out)

    def carry_out(self, effect: Effect) -> None:
        """Note an effect, or fail."""
        if self.faulty is not None and type(effect) is self.faulty:
            raise ZeroDivisionError
        self.carried.append(effect)

    def turn(self) -> None:
        """Let a reactor turn pass."""
        run(self.clock, 0)

    def told(self) -> list[tuple[str, type[Any]]]:
        """Return who was told what kind of thing."""
        return [(e.peer, type(e.message)) for e in self.carried if type(e) is Tell]

    def host_joins(self, code: str = CODE) -> None:
        """Make a session, and forget what was said about it."""
        self.lines.submit(code, joining("host", code))
        self.turn()
        self.carried.clear()


class CommitThenTell(Case):
    """Nothing leaves before it is stored."""

    def setUp(self) -> None:
        """Hold every commit."""
        super().setUp()
        self.store.holding = True

    def test_told_once_stored(self) -> None:
        """What a step wants done is done when its commit is, in order."""
        self.lines.submit(CODE, joining("host"))
        self.turn()
        self.assertEqual([], self.carried)
        self.assertIsNone(self.lines.session(CODE))
        self.store.release()
        seated = Seated("host", "host's device")
        self.assertEqual([("host", Joined)], self.told())
        self.assertLess(
            self.carried.index(seated),
            next(n for n, e in enumerate(self.carried) if type(e) is Tell),
        )
        self.assertIsNotNone(self.lines.session(CODE))

    def test_replies_wait_their_turn(self) -> None:
        """An answer that changes nothing is no quicker than what came before."""
        self.lines.submit(CODE, joining("host"))
        self.lines.submit(CODE, Reply("host", Pong()))
        self.turn()
        self.lines.submit(CODE, Reply("host", Pong()))
        self.turn()
        self.assertEqual([], self.carried)
        self.store.release()
        self.turn()
        self.assertEqual(
            [("host", Joined), ("host", Pong), ("host", Pong)], self.told()
        )

    def test_refusals_wait_their_turn(self) -> None:
        """An error leaves when what was decided before it is stored."""
        self.lines.submit(CODE, joining("host"))
        self.lines.submit(CODE, joining("host"))
        self.turn()
        self.assertEqual([], self.carried)
        self.store.release()
        self.assertEqual([("host", Joined), ("host", Error)], self.told())

    def test_later_steps_wait(self) -> None:
        """While a commit is under way its session stands still."""
        self.lines.submit(CODE, joining("host"))
        self.turn()
        self.lines.submit(CODE, joining("guest", host=False))
        self.turn()
        self.assertEqual(1, self.store.commits)
        self.store.release()
        self.turn()
        self.assertEqual(2, self.store.commits)
        self.assertEqual([("host", Joined)], self.told())
        self.store.release()
        self.assertIn(("guest", Joined), self.told())

    def test_other_sessions_do_not_wait(self) -> None:
        """While a commit is under way all other sessions go on."""
        self.lines.submit(CODE, joining("host"))
        self.turn()
        self.store.holding = False
        self.lines.submit(OTHER, joining("stranger", OTHER))
        self.turn()
        self.assertEqual([("stranger", Joined)], self.told())

    def test_requests_are_answered_once_stored(self) -> None:
        """Who waits for an end hears of it when it is stored."""
        self.store.holding = False
        self.host_joins()
        self.store.holding = True
        done: Deferred[bool] = Deferred()
        self.lines.submit(CODE, Request(EndRequested(), done))
        self.turn()
        self.assertNoResult(done)
        self.store.release()
        self.assertTrue(self.successResultOf(done))


class Batches(Case):
    """What is stored together."""

    def test_one_commit_a_turn(self) -> None:
        """Many messages of many sessions in one turn are one commit."""
        self.lines.submit(CODE, joining("host"))
        self.lines.submit(OTHER, joining("other", OTHER))
        self.lines.submit(CODE, joining("guest", host=False))
        self.lines.submit(CODE, StartRequested("guest", "take", 250.0))
        self.turn()
        self.assertEqual(1, self.store.commits)
        self.assertEqual(
            [1, 1], [session.version for session in map(self.stored, (CODE, OTHER))]
        )

    def stored(self, code: str) -> Session:
        """Return a session that is in the store."""
        session = self.successResultOf(self.store.session(code))
        assert session is not None
        return session

    def test_nothing_to_store(self) -> None:
        """A turn that changes nothing needs no commit."""
        self.host_joins()
        before = self.store.commits
        self.lines.submit(CODE, Reply("host", Pong()))
        self.lines.submit(CODE, AppLearned("host", App.LIBRARY_1))
        self.turn()
        self.assertEqual(before, self.store.commits)
        self.assertEqual([("host", Pong)], self.told())

    def test_takes_go_along(self) -> None:
        """A take is stored with the session that records it."""
        self.host_joins()
        self.lines.submit(CODE, StartRequested("host", "take", 250.0))
        self.turn()
        take = self.successResultOf(self.store.take("take"))
        assert take is not None
        self.assertEqual(take, self.stored(CODE).take)

    def test_no_session(self) -> None:
        """A request about nothing is answered, and nothing is kept of it."""
        done: Deferred[bool] = Deferred()
        self.lines.submit(CODE, Request(EndRequested(), done))
        self.turn()
        self.assertFalse(self.successResultOf(done))
        self.assertEqual(0, self.store.commits)
        self.assertEqual({}, self.lines._lines)

    def test_an_end_that_leaves_nothing(self) -> None:
        """A session that ended and owes nothing is gone everywhere."""
        self.host_joins()
        self.lines.submit(CODE, EndRequested())
        self.turn()
        self.assertIsNone(self.store.kept(CODE))
        self.assertEqual([], list(self.lines.living()))
        self.assertEqual({}, self.lines._lines)


class Conflicts(Case):
    """Another server was faster."""

    def test_steps_run_again(self) -> None:
        """The steps are taken again, on the value that the other one stored."""
        self.host_joins()
        self.store.holding = True
        self.lines.submit(CODE, joining("guest", host=False))
        self.lines.submit(CODE, Reply("guest", Pong()))
        self.turn()
        self.store.elsewhere(CODE, created_at=1.0)
        self.store.release()
        self.assertEqual([], self.carried)
        self.turn()
        self.store.release()
        session = self.lines.session(CODE)
        assert session is not None
        self.assertEqual((1.0, 2), (session.created_at, len(session.seats)))
        guest = [kind for peer, kind in self.told() if peer == "guest"]
        self.assertEqual([Joined, DeviceConnected, Pong], guest)

    def test_order_is_kept(self) -> None:
        """What came meanwhile still comes after what is run again."""
        self.host_joins()
        self.store.holding = True
        self.lines.submit(CODE, joining("guest", host=False))
        self.turn()
        self.lines.submit(CODE, Reply("guest", Pong()))
        self.store.elsewhere(CODE, created_at=1.0)
        self.store.release()
        self.turn()
        self.store.release()
        guest = [kind for peer, kind in self.told() if peer == "guest"]
        self.assertEqual([Joined, DeviceConnected, Pong], guest)

    def test_the_rest_of_the_batch_stands(self) -> None:
        """Only the session that conflicted is run again."""
        self.host_joins()
        self.store.holding = True
        self.lines.submit(CODE, joining("guest", host=False))
        self.lines.submit(OTHER, joining("stranger", OTHER))
        self.turn()
        self.store.elsewhere(CODE, created_at=1.0)
        self.store.release()
        self.assertEqual([("stranger", Joined)], self.told())

    def test_the_session_is_gone(self) -> None:
        """If the other one ended it, the steps meet no session."""
        self.host_joins()
        self.store.holding = True
        self.lines.submit(CODE, StartRequested("host", "take", 250.0))
        self.turn()
        self.store.remove(CODE)
        self.store.release()
        self.turn()
        self.assertEqual([("host", Error)], self.told())


class Faults(Case):
    """What is wrong with us harms nobody else."""

    def test_failed_step(self) -> None:
        """A step that fails is logged; those before and behind it are taken."""
        self.lines.submit(CODE, joining("host"))
        self.lines.submit(CODE, cast("Event", "nonsense"))
        self.lines.submit(CODE, joining("guest", host=False))
        self.turn()
        self.assertEqual(1, len(self.flushLoggedErrors(KeyError)))
        self.assertIn(("host", Joined), self.told())
        self.assertIn(("guest", Joined), self.told())

    def test_failed_join(self) -> None:
        """Who asked for a seat and met a fault of ours may ask again."""
        broken = cast("Join", None)
        self.lines.submit(OTHER, Joining("b", broken, App.LIBRARY_1, "id"))
        self.turn()
        self.assertIn(Dismissed("b"), self.carried)
        self.flushLoggedErrors(AttributeError)

    def test_failed_effect(self) -> None:
        """An effect that fails is logged; all others are carried out."""
        self.faulty = Seated
        self.lines.submit(CODE, joining("host"))
        self.lines.submit(OTHER, joining("stranger", OTHER))
        self.turn()
        self.assertEqual(2, len(self.flushLoggedErrors(ZeroDivisionError)))
        self.assertEqual([("host", Joined), ("stranger", Joined)], self.told())

    def test_failed_conclusion(self) -> None:
        """What fails behind the store's answer is logged, and the turn goes on."""
        self.lines.submit(CODE, joining("host"))
        self.turn()
        self.patch(self.lines._deadlines, "set", lambda _line: 1 / 0)
        self.lines.submit(CODE, joining("guest", host=False))
        self.turn()
        self.assertIn(("guest", Joined), self.told())
        self.assertEqual(1, len(self.flushLoggedErrors(ZeroDivisionError)))


class Deadlines(Case):
    """One timer a session."""

    def test_none(self) -> None:
        """A session with a connected device waits for nothing."""
        self.host_joins()
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_one(self) -> None:
        """A session has one timer, however many deadlines it has."""
        self.host_joins()
        for n in range(3):
            self.lines.submit(CODE, StartRequested("host", f"take {n}", 250.0))
            self.lines.submit(CODE, EndRequested())
            self.lines.submit(CODE, joining("host"))
            self.turn()
        self.lines.submit(CODE, Left("host", 1006))
        self.turn()
        self.assertEqual(1, len(self.clock.getDelayedCalls()))

    def test_cleanup(self) -> None:
        """A session that nobody came back to ends by itself."""
        self.host_joins()
        self.lines.submit(CODE, Left("host", 1006))
        self.turn()
        run(self.clock, 30 * MINUTE - 1)
        self.assertIsNotNone(self.lines.session(CODE))
        run(self.clock, 10)
        self.assertIsNone(self.lines.session(CODE))
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_survives(self) -> None:
        """A deadline that was stored is met by the next program too."""
        self.host_joins()
        self.lines.submit(CODE, Left("host", 1006))
        self.turn()
        self.lines.finish()
        run(self.clock, 10 * MINUTE)
        after = self.make(self.store)
        after.recall()
        self.assertEqual(1, len(list(after.living())))
        run(self.clock, 20 * MINUTE + 10)
        self.assertEqual([], list(after.living()))


class Recall(Case):
    """What is in the store when the program starts."""

    def test_known_at_once(self) -> None:
        """Stored sessions are known without anybody joining."""
        self.host_joins()
        after = self.make(self.store)
        after.recall()
        self.assertEqual([CODE], [session.id for session in after.living()])

    def test_nobody_is_forgotten(self) -> None:
        """Who joins before the store has answered is not lost."""
        store = LateStore()
        lines = self.make(store)
        lines.recall()
        lines.submit(CODE, joining("host"))
        store.lists[0].callback([Session(CODE, 0.0, version=1), Session(OTHER, 0.0)])
        self.turn()
        store.find()
        self.turn()
        self.assertEqual([("host", Joined)], self.told())
        self.assertEqual({CODE, OTHER}, {session.id for session in lines.living()})
        session = lines.session(CODE)
        assert session is not None
        self.assertEqual(["host"], [seat.name for seat in session.seats])


class Finish(Case):
    """The end of the program."""

    def test_all_is_stored(self) -> None:
        """What waited is dealt with, and no timer is left."""
        self.host_joins()
        self.lines.submit(CODE, Left("host", 1006))
        self.successResultOf(self.lines.finish())
        session = self.successResultOf(self.store.session(CODE))
        assert session is not None
        self.assertEqual((None,), tuple(seat.peer for seat in session.seats))
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_waits_for_the_store(self) -> None:
        """It is not over before the store is done, with what came late too."""
        self.host_joins()
        self.store.holding = True
        self.lines.submit(CODE, joining("guest", host=False))
        self.turn()
        self.lines.submit(CODE, Left("host", 1006))
        finished = self.lines.finish()
        self.store.release()
        self.turn()
        self.assertNoResult(finished)
        self.store.release()
        self.turn()
        self.successResultOf(finished)
        self.assertEqual([], self.clock.getDelayedCalls())
