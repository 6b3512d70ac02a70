"""A store's file from outside: each state is told, and none is changed."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from twisted.trial.unittest import SynchronousTestCase

from raydel.core.instants import Anchor
from raydel.store.look import StoreFacts, look
from raydel.store.sqlite import SQLiteStore

NOBODY: Final = 65534


class Looking(SynchronousTestCase):
    """What is found out about a file."""

    def setUp(self) -> None:
        """Have a place for it."""
        folder = TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.home = Path(folder.name).resolve()
        self.file = self.home / "a.sqlite"

    def look(self) -> StoreFacts:
        """Look at the file, and check that nothing is another than before."""
        before = self.state()
        facts = look(self.file)
        self.assertEqual(before, self.state())
        return facts

    def state(self) -> dict[Path, tuple[int, int, bytes]]:
        """Return all there is, with when it was last written to."""
        return {
            path: (
                path.lstat().st_mtime_ns,
                path.lstat().st_mode,
                path.read_bytes() if path.is_file() else b"",
            )
            for path in [self.home, *self.home.rglob("*")]
        }

    def store(self) -> SQLiteStore:
        """Have a store that was opened, and something in it."""
        store = SQLiteStore(self.file)
        store.open()
        self.addCleanup(store.close)
        store.anchor(Anchor("boot", "clock", 0.0))
        return store

    def make(self) -> None:
        """Make the file as a server leaves it."""
        self.store().close()

    def test_whole(self) -> None:
        """A file as a server leaves it is whole."""
        self.make()
        facts = self.look()
        self.assertTrue(facts.is_there)
        self.assertIsNone(facts.refusal)
        self.assertFalse(facts.is_in_use or facts.is_unread)
        self.assertGreater(facts.free or 0, 0)

    def test_none_yet(self) -> None:
        """None is made."""
        facts = self.look()
        self.assertEqual(
            (False, None, None), (facts.is_there, facts.forbidden, facts.refusal)
        )

    def test_missing_directory(self) -> None:
        """Its directory is not made either."""
        self.file = self.home / "none" / "a.sqlite"
        self.assertEqual(self.home / "none", self.look().missing)

    def test_link(self) -> None:
        """A link stands for what it leads to, as it does for the server."""
        (self.home / "real").mkdir()
        real = self.home / "real" / "b.sqlite"
        self.file.symlink_to(real)
        self.assertEqual(real, self.look().file)

    def test_in_use(self) -> None:
        """A server that runs goes on, and its file is known to be in use."""
        store = self.store()
        facts = self.look()
        self.assertTrue(facts.is_in_use)
        self.assertIsNone(facts.refusal)
        store.close()
        self.assertFalse(self.look().is_in_use)

    def test_after_a_crash(self) -> None:
        """What a killed server leaves behind is whole, and waits for the next one."""
        self.store()
        crashed = self.home / "crashed"
        crashed.mkdir()
        for path in (
            self.file,
            self.home / "a.sqlite-wal",
            self.home / "a.sqlite-lock",
        ):
            (crashed / path.name).write_bytes(path.read_bytes())
        self.file = crashed / "a.sqlite"
        self.assertGreater((crashed / "a.sqlite-wal").stat().st_size, 0)
        facts = self.look()
        self.assertEqual((False, None), (facts.is_in_use, facts.refusal))

    def test_opened_meanwhile(self) -> None:
        """What is copied while a server starts is not judged."""
        self.make()

        def half(copy: Path) -> str:
            self.store()
            return f"{copy} is half of it"

        facts = look(self.file, open_copy=half)
        self.assertEqual((True, None), (facts.is_in_use, facts.refusal))

    def test_damaged(self) -> None:
        """A file with a hole is refused under its own name."""
        self.make()
        with self.file.open("r+b") as file:
            file.seek(4096)
            file.write(bytes(range(256)) * 32)
        self.assertIn(f"{self.file}: the file is damaged", self.look().refusal or "")

    def test_newer(self) -> None:
        """A file of a newer version is refused, not led back."""
        self.make()
        with closing(sqlite3.connect(self.file)) as connection:
            connection.execute("PRAGMA user_version = 99")
        self.assertIn("of version 99, written by a newer", self.look().refusal or "")

    def test_others(self) -> None:
        """What is no file, or no database, or a part of one, is refused."""
        self.file.write_bytes(b"hello" * 1000)
        self.assertIn(f"{self.file}: it is no database", self.look().refusal or "")
        self.file.write_bytes(b"")
        self.assertIn("is empty", self.look().refusal or "")
        self.file.write_bytes(b"hello")
        self.file.rename(self.home / "a.sqlite-wal")
        self.assertIn(f"{self.file}-wal, but no", self.look().refusal or "")
        self.file.mkdir()
        self.assertEqual(f"{self.file} is not a file", self.look().refusal)

    def test_too_large(self) -> None:
        """What is too large for a copy is not looked into."""
        self.make()
        self.assertTrue(look(self.file, largest=1).is_unread)

    def test_forbidden_file(self) -> None:
        """A file that this user may not write is named."""
        self.make()
        self.home.chmod(0o777)
        self.file.chmod(0o400)
        self.be_humble()
        self.assertEqual(self.file, look(self.file).forbidden)

    def test_forbidden_directory(self) -> None:
        """The server makes more files beside it: the directory has to be open, too."""
        self.make()
        self.file.chmod(0o666)
        self.home.chmod(0o555)
        self.be_humble()
        self.assertEqual(self.home, look(self.file).forbidden)

    def test_closed_directory(self) -> None:
        """Where this user may not even look, that is told."""
        self.make()
        self.home.chmod(0)
        self.addCleanup(self.home.chmod, 0o700)
        self.be_humble()
        self.assertEqual(self.home, look(self.file).forbidden)

    def be_humble(self) -> None:
        """Do without the rights of root, who may do all, until the test has ended."""
        if os.geteuid() == 0:
            os.seteuid(NOBODY)
            self.addCleanup(os.seteuid, 0)

    def test_owners(self) -> None:
        """Root may do all, so it is told whose things are."""
        self.make()
        if os.geteuid() == 0:
            os.chown(self.file, NOBODY, -1)
            self.assertEqual(2, len(set(self.look().owners or ())))
        else:
            self.assertIsNone(self.look().owners)
