"""What is expected of every store, and of the one in memory alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from msgspec import structs
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from raydel.core.apps import App
from raydel.core.state import Seat, Session
from raydel.core.take import Owner, Participant, Take
from raydel.interfaces import IStore, Write
from raydel.store.memory import MemoryStore

if TYPE_CHECKING:
    _TestCase = SynchronousTestCase
else:
    _TestCase = object  # Neither pytest nor trial may run the contract by itself.

NOON = 1_768_478_400_000.0
HOST = Owner("host-id", is_host=True, said_name="iPhone")


def session(code: str = "ABC123", version: int = 1) -> Session:
    """Make a session with a host."""
    seat = Seat(HOST, "iPhone", App.LIBRARY_2, NOON, "peer")
    return Session(code, NOON, version, (seat,))


def take(take_id: str, code: str = "ABC123") -> Take:
    """Make a take of one phone."""
    participants = (Participant(HOST, "iPhone", App.LIBRARY_2),)
    return Take(take_id, code, NOON, NOON + 250, "host-id", participants)


class StoreContract(_TestCase):
    """The promises of `IStore`.

    A store's own test class derives from this and `SynchronousTestCase`, and says
    how to make one.
    """

    def make_store(self) -> IStore:
        """Make an empty store."""
        raise NotImplementedError

    def setUp(self) -> None:
        """Begin with an empty store."""
        self.store = self.make_store()

    def commit(self, *batch: Write) -> frozenset[str]:
        """Commit a batch and return the conflicts."""
        conflicts: frozenset[str] = self.successResultOf(self.store.commit(batch))
        return conflicts

    def kept(self, code: str = "ABC123") -> Session | None:
        """Return what is kept of a session."""
        found: Session | None = self.successResultOf(self.store.session(code))
        return found

    def sessions(self) -> Sequence[Session]:
        """Return every session."""
        found: Deferred[Sequence[Session]] = self.store.sessions()
        every: Sequence[Session] = self.successResultOf(found)
        return every

    def take_ids(self, code: str = "ABC123") -> list[str]:
        """Return the ids of the takes under a code, latest first."""
        takes = self.successResultOf(self.store.takes(code))
        return [each.id for each in takes]

    def test_interface(self) -> None:
        """It has every method of the interface."""
        self.assertTrue(verifyObject(IStore, self.store))

    def test_empty(self) -> None:
        """A new store has nothing."""
        self.assertIsNone(self.kept())
        self.assertEqual([], list(self.sessions()))
        self.assertIsNone(self.successResultOf(self.store.take("take")))
        self.assertEqual([], self.take_ids())

    def test_kept(self) -> None:
        """What was committed is there, whole."""
        self.assertEqual(frozenset(), self.commit(Write("ABC123", 0, session())))
        self.assertEqual(session(), self.kept())

    def test_all_sessions(self) -> None:
        """Every session is found after a restart."""
        codes = ["ABC123", "XYZ789"]
        self.commit(*(Write(code, 0, session(code)) for code in codes))
        self.assertEqual(codes, sorted(each.id for each in self.sessions()))

    def test_replaced(self) -> None:
        """A write that knows the present version replaces it."""
        self.commit(Write("ABC123", 0, session()))
        self.assertEqual(
            frozenset(), self.commit(Write("ABC123", 1, session(version=2)))
        )
        self.assertEqual(session(version=2), self.kept())

    def test_too_late(self) -> None:
        """A write that knows an older version is left out, and told so."""
        self.commit(Write("ABC123", 0, session()))
        self.commit(Write("ABC123", 1, session(version=2)))
        late = structs.replace(session(version=2), seats=())
        self.assertEqual({"ABC123"}, self.commit(Write("ABC123", 1, late)))
        self.assertEqual(session(version=2), self.kept())

    def test_two_at_once(self) -> None:
        """Of two that would make one session, one does."""
        self.commit(Write("ABC123", 0, session()))
        self.assertEqual({"ABC123"}, self.commit(Write("ABC123", 0, session())))

    def test_not_there(self) -> None:
        """A write that expects a session conflicts where there is none."""
        self.assertEqual(
            {"ABC123"}, self.commit(Write("ABC123", 3, session(version=4)))
        )
        self.assertIsNone(self.kept())

    def test_deleted(self) -> None:
        """A session is deleted, and may be made anew."""
        self.commit(Write("ABC123", 0, session()))
        self.assertEqual(frozenset(), self.commit(Write("ABC123", 1, None)))
        self.assertIsNone(self.kept())
        self.assertEqual(frozenset(), self.commit(Write("ABC123", 0, session())))
        self.assertEqual(session(), self.kept())

    def test_deleted_too_late(self) -> None:
        """What has changed since is not deleted."""
        self.commit(Write("ABC123", 0, session(version=1)))
        self.commit(Write("ABC123", 1, session(version=2)))
        self.assertEqual({"ABC123"}, self.commit(Write("ABC123", 1, None)))
        self.assertEqual(session(version=2), self.kept())

    def test_deleting_nothing(self) -> None:
        """A session that is not there may be deleted, with its takes to keep."""
        conflicts = self.commit(Write("ABC123", 0, None, (take("take"),)))
        self.assertEqual(frozenset(), conflicts)
        self.assertEqual(["take"], self.take_ids())

    def test_each_write_for_itself(self) -> None:
        """One conflict leaves out one write, and no other."""
        self.commit(Write("ABC123", 0, session()))
        conflicts = self.commit(
            Write("ABC123", 0, session()), Write("XYZ789", 0, session("XYZ789"))
        )
        self.assertEqual({"ABC123"}, conflicts)
        self.assertEqual(session("XYZ789"), self.kept("XYZ789"))

    def test_nothing_to_commit(self) -> None:
        """An empty batch conflicts with nothing."""
        self.assertEqual(frozenset(), self.commit())

    def test_takes(self) -> None:
        """A take is found by its id."""
        self.commit(Write("ABC123", 0, session(), (take("take"),)))
        found = self.successResultOf(self.store.take("take"))
        self.assertEqual(take("take"), found)

    def test_takes_change(self) -> None:
        """A take is kept in its latest form, once."""
        self.commit(Write("ABC123", 0, session(), (take("take"),)))
        ended = structs.replace(take("take"), ended_at=NOON + 9, reason="command")
        self.commit(Write("ABC123", 1, session(version=2), (ended,)))
        self.assertEqual(ended, self.successResultOf(self.store.take("take")))
        self.assertEqual(["take"], self.take_ids())

    def test_latest_first(self) -> None:
        """Takes under a code come latest first, whatever changed since."""
        self.commit(Write("ABC123", 0, session(), (take("one"), take("two"))))
        self.commit(Write("ABC123", 1, session(version=2), (take("three"),)))
        self.commit(Write("ABC123", 2, session(version=3), (take("one"),)))
        self.assertEqual(["three", "two", "one"], self.take_ids())

    def test_takes_of_one_code(self) -> None:
        """Takes under another code are not shown."""
        self.commit(
            Write("ABC123", 0, session(), (take("one"),)),
            Write("XYZ789", 0, session("XYZ789"), (take("two", "XYZ789"),)),
        )
        self.assertEqual(["one"], self.take_ids())
        self.assertEqual(["two"], self.take_ids("XYZ789"))

    def test_takes_outlive_their_session(self) -> None:
        """A take stays when its session is deleted."""
        self.commit(Write("ABC123", 0, session(), (take("take"),)))
        self.commit(Write("ABC123", 1, None))
        self.assertEqual(["take"], self.take_ids())

    def test_whole_or_not_at_all(self) -> None:
        """A write that conflicts leaves its takes out too."""
        self.commit(Write("ABC123", 0, session()))
        self.commit(Write("ABC123", 0, session(), (take("take"),)))
        self.assertEqual([], self.take_ids())


class Memory(StoreContract, SynchronousTestCase):
    """The store in memory."""

    def make_store(self) -> IStore:
        """Make an empty store."""
        store: IStore = MemoryStore()
        return store

    def test_so_many_takes(self) -> None:
        """Only the latest takes are kept, so that memory does not fill up."""
        self.store = MemoryStore(kept_takes=2)
        self.commit(Write("ABC123", 0, session(), (take("one"), take("two"))))
        self.commit(Write("ABC123", 1, session(version=2), (take("three"),)))
        self.assertEqual(["three", "two"], self.take_ids())
        self.assertIsNone(self.successResultOf(self.store.take("one")))
