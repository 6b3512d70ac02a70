"""Files that are no good: left as they are, and named in one sentence."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import gettempdir
from typing import Final
from unittest import SkipTest

from raydel.interfaces import StoreTrouble, Write
from raydel.store.opening import look_of, open_database
from raydel.store.schema import MIGRATIONS
from raydel.store.sqlite import SQLiteStore
from tests.store.contract import ended, session, take
from tests.store.folder import FolderTestCase

NOBODY: Final = 65_534


@contextmanager
def unprivileged() -> Iterator[None]:
    """Be somebody whom permissions bind: root is above them."""
    if os.geteuid():
        yield
        return
    try:
        os.seteuid(NOBODY)
    except OSError as error:
        raise SkipTest("root is the only user there is here") from error
    try:
        yield
    finally:
        os.seteuid(0)


class Refused(FolderTestCase):
    """What is not to be used is not touched either."""

    def filled(self) -> None:
        """Have a good file, with some pages, and no log."""
        store = self.opened()
        takes = tuple(take(f"take {n}") for n in range(200))
        store.commit([Write("ABC123", 0, session(), takes)])
        store.close()

    def left_by_a_kill(self) -> None:
        """Have a good file whose latest commits are in its log."""
        self.filled()
        store = self.opened()
        store.commit([Write("XYZ789", 0, session("XYZ789"), (ended("last", 1.0),))])
        found = self.contents()
        store.close()
        for name, text in found.items():
            if not name.endswith("-lock"):
                (self.folder / name).write_bytes(text)

    def test_no_directory(self) -> None:
        """It is not made: the name may be mistyped."""
        file = self.folder / "no" / "raydel.sqlite"
        refusal = self.refusal(self.new_store(file=file))
        self.assertTrue(refusal.startswith(f"there is no directory {file.parent}: "))
        self.assertEqual([], list(self.folder.iterdir()))

    def test_below_a_file(self) -> None:
        """A file is no directory."""
        self.filled()
        file = self.file / "raydel.sqlite"
        store = self.new_store(file=file)
        refusal = self.refusal(store)
        self.assertTrue(refusal.startswith(f"there is no directory {self.file}: "))

    def test_a_directory(self) -> None:
        """A directory is no file."""
        self.file.mkdir()
        self.assertEqual(f"{self.file} is a directory, and not a file", self.refusal())
        self.assertEqual([self.file], list(self.folder.iterdir()))

    def test_a_pipe(self) -> None:
        """Nor is anything else; nobody waits for it to be read."""
        os.mkfifo(self.file)
        self.assertEqual(f"{self.file} is not a file", self.refusal())

    def test_garbage(self) -> None:
        """What is no database is none, whatever its name."""
        self.file.write_bytes(b"All work and no play\n" * 500)
        self.assertEqual(f"{self.file}: it is no database", self.refusal())

    def test_a_few_bytes(self) -> None:
        """However short."""
        self.file.write_bytes(b"SQLite")
        self.assertEqual(f"{self.file}: it is no database", self.refusal())

    def test_empty(self) -> None:
        """A file that lost all it had does not become a new one."""
        self.file.touch()
        self.assertEqual(
            f"{self.file} is empty: put a backup in its place, or delete it to begin"
            " anew",
            self.refusal(),
        )

    def test_another_program(self) -> None:
        """Somebody else's database is left alone."""
        for journal in ("DELETE", "WAL"):
            with closing(sqlite3.connect(self.file)) as other:
                other.execute(f"PRAGMA journal_mode = {journal}")
                other.execute("CREATE TABLE IF NOT EXISTS sessions (id)")
                other.commit()
            self.assertEqual(
                f"{self.file} is another program's database", self.refusal()
            )

    def test_a_broken_header(self) -> None:
        """A file that begins with other bytes is no database any more."""
        self.filled()
        with self.file.open("r+b") as file:
            file.write(b"\xff" * 16)
        self.assertEqual(f"{self.file}: it is no database", self.refusal())

    def test_cut_short(self) -> None:
        """A file without its end is damaged."""
        self.filled()
        os.truncate(self.file, self.file.stat().st_size // 2)
        self.assertRegex(self.refusal(), f"^{self.file}: the file is damaged: ")

    def test_flipped_bytes(self) -> None:
        """Wherever the pages of the tables make no sense, that is found out."""
        self.filled()
        whole = self.file.read_bytes()
        for page in range(1, len(whole) // 4096):
            at = page * 4096
            head = bytes(each ^ 0xFF for each in whole[at : at + 64])
            self.file.write_bytes(whole[:at] + head + whole[at + 64 :])
            self.assertRegex(self.refusal(), f"^{self.file}: the file is damaged: ")

    def test_damaged_in_between(self) -> None:
        """One that was whole a moment ago is read anew, if anybody has touched it."""
        store = self.opened()
        store.close()
        whole = self.file.read_bytes()
        self.file.write_bytes(whole[:4096] + b"\xff" * 64 + whole[4160:])
        self.assertRegex(self.refusal(store), f"^{self.file}: the file is damaged: ")

    def test_not_read_twice(self) -> None:
        """One that still looks as it did when it was whole is not read through."""
        self.filled()
        whole = self.file.read_bytes()
        self.file.write_bytes(whole[:4096] + b"\xff" * 64 + whole[4160:])
        with self.assertRaises(StoreTrouble):
            open_database(self.file, "kill", MIGRATIONS)
        open_database(self.file, "kill", MIGRATIONS, look_of(self.file)).close()

    def test_damaged_beside_a_log(self) -> None:
        """The log is not put into a file that is damaged: it may be all there is."""
        self.left_by_a_kill()
        with self.file.open("r+b") as file:
            file.seek(4096 * 10)
            file.write(b"\xff" * 4096)
        self.assertRegex(self.refusal(), f"^{self.file}: the file is damaged: ")

    def test_locked(self) -> None:
        """A file that somebody else writes is not waited for for long."""
        self.filled()
        with closing(sqlite3.connect(self.file, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            trouble = self.assertRaises(StoreTrouble, self.new_store().open)
        self.assertEqual(
            f"{self.file}: another program holds a lock on it", str(trouble)
        )
        self.opened()

    def test_locked_for_readers(self) -> None:
        """Nor one that may not even be read."""
        self.filled()
        with closing(sqlite3.connect(self.file, isolation_level=None)) as other:
            other.execute("PRAGMA locking_mode = EXCLUSIVE")
            other.execute("PRAGMA user_version = 1")
            trouble = self.assertRaises(StoreTrouble, self.new_store().open)
        self.assertEqual(
            f"{self.file}: another program holds a lock on it", str(trouble)
        )

    def test_a_log_without_its_file(self) -> None:
        """SQLite would put it into the new file, and into each one after it."""
        self.left_by_a_kill()
        self.file.unlink()
        log = f"{self.file}-wal"
        self.assertEqual(
            f"there is {log}, but no {self.file}: put that file back, or move its log"
            " away",
            self.refusal(),
        )

    def test_an_empty_log(self) -> None:
        """A log with nothing in it is in nobody's way."""
        (self.folder / "raydel.sqlite-wal").touch()
        self.opened().close()
        self.assertEqual([self.file], list(self.folder.iterdir()))

    def test_after_a_kill(self) -> None:
        """What is in the log is there."""
        self.left_by_a_kill()
        store = self.opened()
        kept = self.successResultOf(store.session("XYZ789"))
        self.assertEqual(session("XYZ789"), kept)

    def test_half_made(self) -> None:
        """What is left of a file that was never finished is in nobody's way."""
        (self.folder / "raydel.sqlite-new").write_bytes(b"half")
        self.opened().close()
        self.assertEqual([self.file], list(self.folder.iterdir()))


class Permissions(FolderTestCase):
    """What the server's user may not do."""

    def setUp(self) -> None:
        """Have a file, in a directory that everybody may look into."""
        super().setUp()
        if not os.access(gettempdir(), os.X_OK):
            raise SkipTest("nobody may look into the directory for temporary files")
        self.folder.chmod(0o755)
        self.addCleanup(self.folder.chmod, 0o755)
        self.opened().close()

    def refused(self, file: Path) -> str:
        """Open a file as somebody without rights; return what is said."""
        with unprivileged():
            store = SQLiteStore(file)
            trouble = self.assertRaises(StoreTrouble, store.open)
        return str(trouble)

    def test_directory(self) -> None:
        """Where no lock and no log can be put, nothing can be opened."""
        self.folder.chmod(0o555)
        self.assertEqual(
            f"there is no permission to use {self.file}-lock", self.refused(self.file)
        )

    def test_file(self) -> None:
        """A file that may be read alone is no good."""
        self.folder.chmod(0o777)
        self.file.chmod(0o444)
        self.assertEqual(
            f"there is no permission to read and write {self.file}",
            self.refused(self.file),
        )

    def test_no_way_there(self) -> None:
        """A directory may be closed to the server's user."""
        closed = self.folder / "closed"
        closed.mkdir(0o700)
        self.addCleanup(closed.chmod, 0o700)
        if os.geteuid():
            closed.chmod(0)
        self.assertRegex(
            self.refused(closed / "raydel.sqlite"), "^there is no permission to use "
        )
