"""The store in memory."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from raydel.interfaces import IStore
from raydel.store.memory import MemoryStore
from tests.store.contract import camera, entry, sample, take
from tests.store.letters import LettersContract, letter


class Memory(LettersContract, SynchronousTestCase):
    """What is expected of every store, and of this one alone."""

    def make_store(self) -> IStore:
        """Make an empty store."""
        store: IStore = MemoryStore()
        return store

    def test_so_many_letters(self) -> None:
        """Only the latest letters are kept, so that memory does not fill up."""
        self.store = MemoryStore(kept_letters=2)
        self.write(letter("one"), letter("two"))
        self.write(letter("three"), letter("four"))
        self.assertEqual(["three", "four"], self.queue())

    def test_so_many_takes(self) -> None:
        """Only the latest takes are kept, so that memory does not fill up."""
        self.store = MemoryStore(kept_takes=2)
        self.commit_takes(take("one"), take("two"))
        self.commit(rows=[sample("one"), entry("one")])
        self.commit_takes(take("three"))
        self.assertEqual(["three", "two"], self.take_ids())
        self.assertIsNone(self.successResultOf(self.store.take("one")))
        self.assertEqual(([], []), (self.samples("one"), self.journal("one")))

    def test_so_many_cameras(self) -> None:
        """Only the latest cameras are kept, too."""
        self.store = MemoryStore(kept_cameras=2)
        self.commit(rows=[camera("one"), camera("two")])
        self.commit(rows=[camera("one"), camera("three")])
        self.assertEqual([camera("three"), camera("one")], self.cameras())
