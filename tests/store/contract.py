"""What is expected of every store, and what the tests of stores share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from msgspec import structs
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from raydel.core.apps import App
from raydel.core.instants import Anchor
from raydel.core.journal import Fact, JournalEntry, Marked
from raydel.core.startlatency import Camera
from raydel.core.state import Seat, Session
from raydel.core.take import ClockSample, Owner, Participant, Take
from raydel.interfaces import IStore, Row, Write

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


def ended(take_id: str, at: float, code: str = "ABC123") -> Take:
    """Make a take that has ended."""
    return structs.replace(take(take_id, code), ended_at=at, reason="command")


def sample(take_id: str, at: float = NOON) -> ClockSample:
    """Make a clock sample."""
    return ClockSample(take_id, "host-id", "clock", at, -12.5, 3.25)


def entry(take_id: str, at: float = NOON, fact: Fact | None = None) -> JournalEntry:
    """Make a line of a journal."""
    return JournalEntry(take_id, "host-id", at, fact or Marked(at, "goal"))


def camera(name: str, *warm: float, at: float = NOON) -> Camera:
    """Make what is known of a camera."""
    return Camera(name, "Pixel 9", warm, (812.5,), at)


class StoreContract(_TestCase):
    """The promises of `IStore`; those about the rows of takes stand in `RowsContract`.

    A store's own test class derives from that and `SynchronousTestCase`, and says
    how to make one.
    """

    def make_store(self) -> IStore:
        """Make an empty store."""
        raise NotImplementedError

    def setUp(self) -> None:
        """Begin with an empty store."""
        self.store = self.make_store()
        self.store.open()
        self.addCleanup(self.store.close)

    def commit(self, *batch: Write, rows: Sequence[Row] = ()) -> frozenset[str]:
        """Commit a batch and return the conflicts."""
        done: Deferred[frozenset[str]] = self.store.commit(batch, rows)
        conflicts: frozenset[str] = self.successResultOf(done)
        return conflicts

    def commit_takes(self, *takes: Take) -> None:
        """Have takes, the last one begun last."""
        self.commit(*(Write(each.id, 0, None, (each,)) for each in takes))

    def kept(self, code: str = "ABC123") -> Session | None:
        """Return what is kept of a session."""
        found: Session | None = self.successResultOf(self.store.session(code))
        return found

    def sessions(self) -> Sequence[Session]:
        """Return every session."""
        found: Deferred[Sequence[Session]] = self.store.sessions()
        every: Sequence[Session] = self.successResultOf(found)
        return every

    def take_ids(
        self, code: str | None = "ABC123", before: str | None = None, limit: int = 50
    ) -> list[str]:
        """Return the ids of the takes under a code, latest first."""
        takes = self.successResultOf(self.store.takes(code, before, limit))
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

    # Pages of takes.

    def test_all_codes(self) -> None:
        """Without a code, the takes of all of them are there."""
        self.commit_takes(take("one"), take("two", "XYZ789"), take("three"))
        self.assertEqual(["three", "two", "one"], self.take_ids(None))

    def test_a_page(self) -> None:
        """A page has no more takes than were asked for: the latest."""
        self.commit_takes(take("one"), take("two"), take("three"))
        self.assertEqual(["three", "two"], self.take_ids(limit=2))
        self.assertEqual(["three", "two"], self.take_ids(None, limit=2))

    def test_the_next_page(self) -> None:
        """The next page has those begun before the last take of this one."""
        self.commit_takes(*(take(each) for each in ("one", "two", "three", "four")))
        self.assertEqual(["two", "one"], self.take_ids(None, before="three"))
        self.assertEqual(["two"], self.take_ids(before="three", limit=1))
        self.assertEqual([], self.take_ids(before="one"))

    def test_pages_of_one_code(self) -> None:
        """A page of one code may begin at a take of another."""
        self.commit_takes(take("one"), take("two", "XYZ789"), take("three"))
        self.assertEqual(["one"], self.take_ids(before="two"))
        self.assertEqual([], self.take_ids("XYZ789", before="two"))

    def test_before_nothing(self) -> None:
        """Nothing was begun before a take that there is not."""
        self.commit_takes(take("one"))
        self.assertEqual([], self.take_ids(before="two"))
        self.assertEqual([], self.take_ids(None, before="two"))

    # Server time.

    def test_anchor(self) -> None:
        """The first anchor of a boot is kept for as long as it lasts."""
        first = Anchor("boot", "clock", NOON)
        self.assertEqual(first, self.store.anchor(first))
        self.assertEqual(first, self.store.anchor(Anchor("boot", "other", NOON + 1)))

    def test_another_boot(self) -> None:
        """Another boot begins another time."""
        self.store.anchor(Anchor("boot", "clock", NOON))
        fresh = Anchor("another boot", "other", NOON + 0.5)
        self.assertEqual(fresh, self.store.anchor(fresh))

    def test_anchor_before_open(self) -> None:
        """It can be asked for before the store is open, and is kept all the same."""
        first = Anchor("boot", "clock", NOON)
        self.store.close()
        self.assertEqual(first, self.store.anchor(first))
        self.store.open()
        self.assertEqual(first, self.store.anchor(Anchor("boot", "other", NOON)))

    # Again.

    def test_open_again(self) -> None:
        """What was committed is there when the store is opened again."""
        self.commit(Write("ABC123", 0, session(), (take("one"), ended("two", NOON))))
        self.store.close()
        self.store.open()
        self.assertEqual([session()], list(self.sessions()))
        self.assertEqual(["two", "one"], self.take_ids())

    def test_close_twice(self) -> None:
        """Closing what is closed does nothing."""
        self.store.close()
        self.store.close()
