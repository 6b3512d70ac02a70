"""Checkpoints: the log beside the file does not grow for ever."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from threading import Thread
from typing import Final

from twisted.internet.defer import Deferred, fail
from twisted.logger import capturedLogs, formatEvent
from twisted.python.failure import Failure

from raydel.core.take import ClockSample
from raydel.interfaces import IStore, Write
from raydel.store.checkpoints import EVERY, LONGEST_LOG, connection_of_its_own
from raydel.store.schema import pragma
from tests.store.contract import sample, session, take
from tests.store.folder import FolderTestCase

MANY: Final = [sample("take")] * (EVERY // 2)
COMMITS: Final = 2_000
"""Of 32 KB of log each: twice what it may hold."""

LONG: Final = "t" * 4_000
LARGE: Final = [sample(LONG)] * EVERY
"""A page of the log each, and as much again for the index."""


class Held:
    """Runs nothing until it is told to."""

    def __init__(self) -> None:
        self.works: list[tuple[Callable[[], None], Deferred[None]]] = []
        self.count = 0

    def __call__(self, work: Callable[[], None]) -> Deferred[None]:
        """Take note of a work."""
        self.count += 1
        done: Deferred[None] = Deferred()
        self.works.append((work, done))
        return done

    def run(self) -> None:
        """Run what waits."""
        works, self.works = self.works, []
        for work, done in works:
            try:
                work()
            except sqlite3.Error:
                done.errback(Failure())
            else:
                done.callback(None)


class Threads(Held):
    """Runs each work in a thread; what has ended is told of when asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.running: list[tuple[Thread, Deferred[None]]] = []

    def __call__(self, work: Callable[[], None]) -> Deferred[None]:
        """Start a thread."""
        self.count += 1
        done: Deferred[None] = Deferred()
        thread = Thread(target=work)
        thread.start()
        self.running.append((thread, done))
        return done

    def settle(self) -> None:
        """Tell of those that have ended."""
        for thread, done in list(self.running):
            if not thread.is_alive():
                thread.join()
                self.running.remove((thread, done))
                done.callback(None)


class CheckpointTestCase(FolderTestCase):
    """A test that commits a lot."""

    def setUp(self) -> None:
        """Have the takes that it is of."""
        super().setUp()
        store = self.opened()
        store.commit([Write("ABC123", 0, None, (take("take"), take(LONG)))])
        store.close()

    def log_length(self) -> int:
        """Return how long the log is."""
        return Path(f"{self.file}-wal").stat().st_size

    def commit(self, store: IStore, samples: Sequence[ClockSample] = MANY) -> None:
        """Commit half of what makes a checkpoint."""
        done = store.commit([], samples)
        self.assertEqual(frozenset(), self.successResultOf(done))


class CheckpointTests(CheckpointTestCase):
    """When there is one, and what becomes of it."""

    def test_every_so_often(self) -> None:
        """There is one for so many changes, and what is read makes none."""
        thread = Held()
        store = self.opened(in_thread=thread)
        self.commit(store)
        for _ in range(3):
            store.samples("take")
        self.assertEqual(0, thread.count)
        self.commit(store)
        self.assertEqual(1, thread.count)

    def test_one_at_a_time(self) -> None:
        """None is begun while one runs; afterwards the next is."""
        thread = Held()
        store = self.opened(in_thread=thread)
        for _ in range(8):
            self.commit(store)
        self.assertEqual(1, thread.count)
        thread.run()
        for _ in range(2):
            self.commit(store)
        self.assertEqual(2, thread.count)

    def test_it_moves_the_log(self) -> None:
        """What was committed is in the file itself, and the log is used anew."""
        store = self.opened()
        for _ in range(40):
            self.commit(store)
        self.assertLess(self.log_length(), self.file.stat().st_size / 4)

    def test_close_meanwhile(self) -> None:
        """One that runs when the store is closed comes to its end by itself."""
        thread = Held()
        store = self.opened(in_thread=thread)
        self.commit(store)
        self.commit(store)
        store.close()
        store.open()
        self.commit(store)
        thread.run()
        found = self.successResultOf(store.samples("take"))
        self.assertEqual(3 * len(MANY), len(found))
        self.commit(store)
        self.assertEqual(2, thread.count)

    def test_close_before_the_thread(self) -> None:
        """One that runs last of all leaves the file alone behind."""
        thread = Held()
        store = self.opened(in_thread=thread)
        self.commit(store)
        self.commit(store)
        store.close()
        thread.run()
        self.assertEqual([self.file], list(self.folder.iterdir()))

    def test_what_is_promised(self) -> None:
        """What was moved is on the disk before its log is written over: 2 is FULL."""
        self.opened()
        with closing(connection_of_its_own(self.file)) as connection:
            self.assertEqual(2, pragma(connection, "synchronous"))
            self.assertEqual(1, pragma(connection, "checkpoint_fullfsync"))

    def test_real_threads(self) -> None:
        """Commits without a pause, and checkpoints beside them: all is kept."""
        threads = Threads()
        store = self.opened(in_thread=threads)
        longest = 0
        for version in range(1, COMMITS + 1):
            write = Write("ABC123", version - 1, session(version=version))
            takes = Write("XYZ789", 0, None, (take(f"take {version}"),))
            done = store.commit([write, takes], [sample("take")])
            self.assertEqual(frozenset(), self.successResultOf(done))
            threads.settle()
            longest = max(longest, self.log_length())
        store.close()
        while threads.running:
            threads.settle()
        self.assertGreater(threads.count, 2)
        self.assertLess(longest, 1.5 * LONGEST_LOG)
        self.assertEqual([self.file], list(self.folder.iterdir()))
        store.open()
        samples = self.successResultOf(store.samples("take"))
        self.assertEqual(COMMITS, len(samples))

    def test_no_thread_ever(self) -> None:
        """Where the threads do not get round to it, the log is bounded all the same."""
        store = self.opened(in_thread=Held())
        longest = 0
        for _ in range(12):
            self.commit(store, LARGE)
            longest = max(longest, self.log_length())
        self.assertGreater(longest, LONGEST_LOG)
        self.assertLess(longest, 2 * LONGEST_LOG)
        # And the disk gets back what it had to lend.
        while self.log_length() > LONGEST_LOG:
            self.commit(store, LARGE)


class Failing(CheckpointTestCase):
    """A checkpoint that fails costs nothing but room."""

    def test_said_once(self) -> None:
        """It is logged when it begins to fail, and when it fails again."""
        thread = Held()
        store = self.opened(in_thread=thread)
        with capturedLogs() as events:
            self.fails(store, thread)
            self.fails(store, thread)
            self.assertEqual(1, len(events))
            self.commit(store)
            self.commit(store)
            thread.run()
            self.fails(store, thread)
            self.assertEqual(2, len(events))
        self.assertEqual(
            f"{self.file}: what is in the log beside it cannot be moved into it: it"
            " cannot be opened: unable to open database file (SQLITE_CANTOPEN)",
            formatEvent(events[0]),
        )

    def fails(self, store: IStore, thread: Held) -> None:
        """Have a checkpoint that does not find the file."""
        self.commit(store)
        self.commit(store)
        aside = self.file.rename(self.folder / "aside")
        thread.run()
        aside.rename(self.file)

    def test_no_threads(self) -> None:
        """The threads may be gone: that is no reason not to commit."""
        store = self.opened(in_thread=lambda _: fail(RuntimeError("no threads")))
        with capturedLogs() as events:
            for _ in range(6):
                self.commit(store)
        (event,) = events
        self.assertEqual(
            f"{self.file}: what is in the log beside it cannot be moved into it: no"
            " threads",
            formatEvent(event),
        )

    def test_a_reader_that_stays(self) -> None:
        """It holds up the log; when it goes, the log is used anew."""
        store = self.opened()
        self.commit(store)
        with closing(sqlite3.connect(self.file, isolation_level=None)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM samples").fetchall()
            for _ in range(20):
                self.commit(store)
            long = self.log_length()
        for _ in range(40):
            self.commit(store)
        self.assertLess(self.log_length(), 1.5 * long)
