"""What is expected of every store about what is added to takes, and takes that go."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from twisted.internet.defer import Deferred

from raydel.core.instants import CREDIBLE
from raydel.core.journal import (
    Confirmed,
    Fact,
    JournalEntry,
    LinkBack,
    LinkLost,
    Marked,
    Told,
    Unheard,
)
from raydel.core.messages import (
    RecordingFailed,
    RecordingRefused,
    RecordingScheduled,
    RecordingStarted,
    RecordingStopped,
    StatusReport,
)
from raydel.core.startlatency import Camera
from raydel.core.take import ClockSample
from raydel.interfaces import Row, Write
from tests.store.contract import (
    NOON,
    StoreContract,
    camera,
    ended,
    entry,
    sample,
    session,
    take,
)

FACTS: Final[Sequence[Fact]] = (
    Told("start", NOON + 0.25),
    Told("stop"),
    Confirmed("start"),
    LinkLost("silent"),
    LinkBack(),
    Marked(NOON, "Tor ⚽"),
    RecordingScheduled("take", "command-1"),
    RecordingRefused("take", "the disk is full"),
    RecordingStarted("take", NOON - 3_600_000.5, 59.94),
    Unheard("scheduled"),
    StatusReport(0.5, charging=False, thermal="fair"),
    RecordingStopped("take", NOON, 324_000, "IMG_1.MOV", 2**33, "0f" * 32),
    RecordingFailed("take"),
)
"""One of each kind there is."""


class RowsContract(StoreContract):
    """The promises of `IStore` about clock samples, journals, and takes that go."""

    def samples(self, take_id: str) -> list[ClockSample]:
        """Return the clock samples of a take."""
        asked: Deferred[Sequence[ClockSample]] = self.store.samples(take_id)
        found: Sequence[ClockSample] = self.successResultOf(asked)
        return list(found)

    def journal(self, take_id: str) -> list[JournalEntry]:
        """Return the journal of a take."""
        asked: Deferred[Sequence[JournalEntry]] = self.store.journal(take_id)
        found: Sequence[JournalEntry] = self.successResultOf(asked)
        return list(found)

    def instants(self, take_id: str) -> list[float]:
        """Return when the lines of a take's journal were noted, after noon."""
        return [each.at - NOON for each in self.journal(take_id)]

    def delete(self, take_id: str) -> bool:
        """Delete a take, and return whether there was one."""
        found: bool = self.successResultOf(self.store.delete(take_id))
        return found

    def forget(self, before: float) -> int:
        """Forget old takes, and return how many there were."""
        total = 0
        while count := self.successResultOf(self.store.forget(before)):
            total += count
        return total

    def cameras(self) -> list[Camera]:
        """Return what is known of cameras."""
        found: Sequence[Camera] = self.successResultOf(self.store.cameras())
        return list(found)

    # Clock samples.

    def test_no_rows(self) -> None:
        """A take may have none of either."""
        self.commit_takes(take("take"))
        self.assertEqual(([], []), (self.samples("take"), self.journal("take")))

    def test_samples(self) -> None:
        """They are kept with their takes, in the order they were taken."""
        self.commit_takes(take("one"), take("two"))
        first, second = sample("one", NOON + 2), sample("one", NOON + 1)
        self.commit(rows=[first, sample("two")])
        self.commit(rows=[second])
        self.assertEqual([first, second], self.samples("one"))
        self.assertEqual([sample("two")], self.samples("two"))

    def test_rows_know_no_conflict(self) -> None:
        """What was seen was seen: no other server can have been faster."""
        self.commit_takes(take("take"))
        late = Write("ABC123", 3, session())
        conflicts = self.commit(late, rows=[sample("take"), entry("take")])
        self.assertEqual({"ABC123"}, conflicts)
        self.assertEqual([sample("take")], self.samples("take"))
        self.assertEqual([entry("take")], self.journal("take"))

    # Journals.

    def test_facts(self) -> None:
        """Whatever happened is kept, value by value."""
        lines = tuple(entry("take", NOON, fact) for fact in FACTS)
        self.commit(Write("ABC123", 0, session(), (take("take"),), lines))
        self.assertEqual(list(lines), self.journal("take"))

    def test_every_fact(self) -> None:
        """No kind of fact is missing in the test before."""
        self.assertEqual(set(Fact.__args__), {type(fact) for fact in FACTS})

    def test_journals_grow(self) -> None:
        """Lines come behind those that are there, each in its own take's journal."""
        lines = (entry("one", NOON + 2), entry("two"))
        takes = (take("one"), take("two"))
        self.commit(Write("ABC123", 0, session(), takes, lines))
        more = (entry("one", NOON + 1),)
        self.commit(Write("ABC123", 1, session(version=2), (), more))
        self.commit(rows=[entry("one", NOON + 3)])
        self.assertEqual([2, 1, 3], self.instants("one"))
        self.assertEqual([entry("two")], self.journal("two"))

    def test_one_order(self) -> None:
        """What is seen and what is written at once stands as it was noted."""
        written = tuple(entry("take", NOON + at) for at in (1, 4))
        seen = [entry("take", NOON + at, LinkBack()) for at in (0, 1, 3, 5)]
        write = Write("ABC123", 0, session(), (take("take"),), written)
        self.commit(write, rows=[*seen[:2], sample("take"), *seen[2:]])
        self.assertEqual([0, 1, 1, 3, 4, 5], self.instants("take"))
        self.assertEqual([seen[1], written[0]], self.journal("take")[1:3])

    def test_a_journal_goes_with_its_write(self) -> None:
        """A write that conflicts adds nothing to a journal, and others do."""
        self.commit(
            Write("ABC123", 0, session(), (take("one"),)),
            Write("XYZ789", 0, session("XYZ789"), (take("two", "XYZ789"),)),
        )
        late = Write("ABC123", 0, session(), (), (entry("one"),))
        good = Write("XYZ789", 1, session("XYZ789", 2), (), (entry("two"),))
        self.assertEqual({"ABC123"}, self.commit(late, good))
        self.assertEqual([], self.journal("one"))
        self.assertEqual([entry("two")], self.journal("two"))

    def test_a_deleted_session_writes_a_journal(self) -> None:
        """The end of a session is noted in its take, too."""
        self.commit(Write("ABC123", 0, session(), (take("take"),)))
        self.commit(Write("ABC123", 1, None, (), (entry("take"),)))
        self.assertEqual([entry("take")], self.journal("take"))

    # Rows without a take.

    def test_takes_first(self) -> None:
        """Rows may come with the take that they are of."""
        write = Write("ABC123", 0, session(), (take("one"),))
        other = Write("XYZ789", 0, None, (take("two"),), (entry("one"),))
        self.commit(other, write, rows=[sample("one"), entry("two")])
        self.assertEqual([sample("one")], self.samples("one"))
        self.assertEqual([entry("one")], self.journal("one"))
        self.assertEqual([entry("two")], self.journal("two"))

    def test_no_take(self) -> None:
        """Rows of a take that is not there are left out, and those of others not."""
        write = Write("ABC123", 0, session(), (take("here"),), (entry("gone"),))
        rows: list[Row] = [
            *(sample("gone"), sample("here")),
            *(entry("gone"), entry("here")),
        ]
        self.assertEqual(frozenset(), self.commit(write, rows=rows))
        self.assertEqual([sample("here")], self.samples("here"))
        self.assertEqual([entry("here")], self.journal("here"))
        self.commit_takes(take("gone"))
        self.assertEqual(([], []), (self.samples("gone"), self.journal("gone")))

    def test_a_take_that_was_not_stored(self) -> None:
        """Nor are there rows of a take whose write conflicts."""
        late = Write("ABC123", 3, session(), (take("take"),), (entry("take"),))
        self.commit(late, rows=[sample("take"), entry("take")])
        self.commit_takes(take("take"))
        self.assertEqual(([], []), (self.samples("take"), self.journal("take")))

    # Cameras.

    def test_no_cameras(self) -> None:
        """A new store knows no camera."""
        self.assertEqual([], self.cameras())

    def test_cameras(self) -> None:
        """What is known of them is kept without a take, the newest first."""
        one, two = camera("one", 300.25), camera("two", at=NOON + 1)
        self.commit(rows=[one, sample("gone"), two])
        self.assertEqual([two, one], self.cameras())
        self.store.close()
        self.store.open()
        self.assertEqual([two, one], self.cameras())

    def test_one_of_an_installation(self) -> None:
        """What is known later takes its place, and is the newest."""
        self.commit(rows=[camera("one"), camera("two")])
        self.commit(rows=[camera("one", 1.0), camera("one", 1.0, 2.0)])
        self.assertEqual([camera("one", 1.0, 2.0), camera("two")], self.cameras())

    def test_cameras_know_no_conflict(self) -> None:
        """They are kept whatever else is not."""
        self.commit(Write("ABC123", 3, session()), rows=[camera("one")])
        self.assertEqual([camera("one")], self.cameras())

    # Takes that are deleted.

    def test_delete(self) -> None:
        """A take goes with all that was kept of it, and nothing else does."""
        self.commit_takes(ended("one", NOON), ended("two", NOON))
        self.commit(
            rows=[row(name) for row in (sample, entry) for name in ("one", "two")]
        )
        self.assertTrue(self.delete("one"))
        self.assertEqual(["two"], self.take_ids())
        self.assertIsNone(self.successResultOf(self.store.take("one")))
        self.assertEqual(([], []), (self.samples("one"), self.journal("one")))
        self.assertEqual([sample("two")], self.samples("two"))
        self.assertEqual([entry("two")], self.journal("two"))

    def test_deleted_for_good(self) -> None:
        """It cannot be deleted twice, and what is seen of it later is left out."""
        self.commit_takes(ended("take", NOON))
        self.assertTrue(self.delete("take"))
        self.assertFalse(self.delete("take"))
        self.commit(rows=[sample("take"), entry("take")])
        self.assertEqual(([], []), (self.samples("take"), self.journal("take")))

    def test_no_take_to_delete(self) -> None:
        """There may be none."""
        self.assertFalse(self.delete("take"))

    def test_a_running_take_is_not_deleted(self) -> None:
        """It stays, whole, until it has ended."""
        self.commit_takes(take("take"))
        self.commit(rows=[sample("take"), entry("take")])
        self.assertFalse(self.delete("take"))
        self.assertEqual(["take"], self.take_ids())
        self.assertEqual([sample("take")], self.samples("take"))
        self.assertEqual([entry("take")], self.journal("take"))
        self.commit_takes(ended("take", NOON))
        self.assertTrue(self.delete("take"))

    def test_delete_what_nobody_dated(self) -> None:
        """However long ago it seems to have ended: it was asked for by name."""
        self.commit_takes(ended("take", 1_000.0))
        self.assertTrue(self.delete("take"))

    # Old takes.

    def test_forget(self) -> None:
        """Takes that ended before an instant are deleted, and counted."""
        self.commit_takes(ended("one", NOON), ended("two", NOON + 1), take("three"))
        names = ("one", "two", "three")
        self.commit(rows=[row(name) for row in (sample, entry) for name in names])
        self.assertEqual(1, self.forget(NOON + 1))
        self.assertEqual(["three", "two"], self.take_ids())
        self.assertIsNone(self.successResultOf(self.store.take("one")))
        self.assertEqual(([], []), (self.samples("one"), self.journal("one")))
        self.assertEqual([sample("two")], self.samples("two"))
        self.assertEqual([entry("two")], self.journal("two"))

    def test_a_clock_that_nobody_set(self) -> None:
        """What ended in 1970 may have ended yesterday: it stays."""
        self.commit_takes(ended("one", 1_000.0), ended("two", CREDIBLE))
        self.assertEqual(1, self.forget(NOON))
        self.assertEqual(["one"], self.take_ids())

    def test_a_running_take_is_not_forgotten(self) -> None:
        """However long ago it began."""
        self.commit_takes(take("take"))
        self.assertEqual(0, self.forget(NOON * 2))
        self.assertEqual(["take"], self.take_ids())

    def test_forget_many(self) -> None:
        """After enough calls, all are gone."""
        self.commit_takes(*(ended(f"take {n}", NOON) for n in range(900)))
        self.assertEqual(900, self.forget(NOON + 1))
        self.assertEqual([], self.take_ids())

    # Again.

    def test_rows_after_opening_again(self) -> None:
        """What was added is there when the store is opened again."""
        write = Write("ABC123", 0, session(), (take("take"),), (entry("take"),))
        self.commit(write, rows=[sample("take")])
        self.store.close()
        self.store.open()
        self.assertEqual([sample("take")], self.samples("take"))
        self.assertEqual([entry("take")], self.journal("take"))
