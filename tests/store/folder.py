"""A directory for a test, with stores in it that are closed in the end."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from raydel.core.config import Survives
from raydel.interfaces import IStore, StoreTrouble
from raydel.store.sqlite import SQLiteStore
from raydel.threads import InThread, at_once


class FolderTestCase(SynchronousTestCase):
    """A test with a directory of its own.

    Attributes:
        folder: The directory.
        file: Where stores are made, unless they are told otherwise.
    """

    def setUp(self) -> None:
        """Make the directory."""
        folder = TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name).resolve()
        self.file = self.folder / "raydel.sqlite"

    def new_store(
        self,
        file: Path | None = None,
        survives: Survives = "kill",
        in_thread: InThread = at_once,
    ) -> IStore:
        """Make a store, which is not open yet."""
        store: IStore = SQLiteStore(file or self.file, survives, in_thread)
        self.addCleanup(store.close)
        return store

    def opened(self, **how: Any) -> IStore:
        """Make a store, and open it."""
        store = self.new_store(**how)
        store.open()
        return store

    def sql(self, statement: str, *values: object) -> list[Any]:
        """Do something to the file, or read it, as another program."""
        with closing(sqlite3.connect(self.file)) as connection, connection:
            return connection.execute(statement, values).fetchall()

    def contents(self) -> dict[str, bytes]:
        """Return what stands in all files, but for SQLite's notes on its log."""
        return {
            each.name: each.read_bytes()
            for each in self.folder.iterdir()
            if each.is_file() and not each.name.endswith("-shm")
        }

    def refusal(self, store: IStore | None = None) -> str:
        """Open a store that is refused; return why, and see that nothing changed."""
        before = self.contents()
        trouble = self.assertRaises(StoreTrouble, (store or self.new_store()).open)
        self.assertEqual(before, self.contents())
        return str(trouble)
