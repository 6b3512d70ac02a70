"""One server only."""

from __future__ import annotations

import os
from pathlib import Path

from raydel.store.lock import Lock
from tests.store.folder import FolderTestCase


class Overtaken(Lock):
    """A lock whose last holder lets go between our opening and our locking."""

    def __init__(self, path: Path, holder: Lock) -> None:
        super().__init__(path)
        self._holder: Lock | None = holder

    def _is_of(self, descriptor: int) -> bool:
        if self._holder is not None:
            self._path.unlink()
            self._holder = None
        return super()._is_of(descriptor)


class Locks(FolderTestCase):
    """A lock is held by one at a time."""

    def setUp(self) -> None:
        """Have two that want it."""
        super().setUp()
        self.path = self.folder / "lock"
        self.one, self.other = Lock(self.path), Lock(self.path)
        self.addCleanup(self.one.release)
        self.addCleanup(self.other.release)

    def test_one_has_it(self) -> None:
        """Until it is let go, and then somebody else can have it."""
        self.assertTrue(self.one.acquire())
        self.assertFalse(self.other.acquire())
        self.one.release()
        self.assertTrue(self.other.acquire())

    def test_nothing_is_left(self) -> None:
        """The file goes with the lock."""
        self.one.acquire()
        self.assertTrue(self.path.exists())
        self.one.release()
        self.assertFalse(self.path.exists())

    def test_a_file_that_was_left(self) -> None:
        """After a kill there is a file, and nobody holds it."""
        self.path.touch()
        self.assertTrue(self.one.acquire())

    def test_what_is_not_held(self) -> None:
        """Letting go of nothing takes nobody's file away."""
        self.one.acquire()
        self.other.release()
        self.assertTrue(self.path.exists())

    def test_taken_away_meanwhile(self) -> None:
        """A lock on a file that is no longer there is none: the next try is."""
        late = Overtaken(self.path, self.other)
        self.addCleanup(late.release)
        self.assertTrue(late.acquire())
        self.assertIsNone(late._holder)
        self.assertTrue(self.path.exists())
        self.assertFalse(self.one.acquire())

    def test_nothing_leaks(self) -> None:
        """Who is refused keeps no descriptor."""
        self.one.acquire()
        self.other.acquire()
        descriptor = os.open(self.path, os.O_RDONLY)
        os.close(descriptor)
        for _ in range(5):
            self.other.acquire()
        again = os.open(self.path, os.O_RDONLY)
        os.close(again)
        self.assertEqual(descriptor, again)

    def test_no_place_for_it(self) -> None:
        """Where its file cannot be made, the system says why."""
        lock = Lock(self.folder / "no" / "lock")
        self.assertRaises(FileNotFoundError, lock.acquire)
