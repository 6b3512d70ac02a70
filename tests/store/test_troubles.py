"""SQLite's errors in words."""

from __future__ import annotations

import errno
import sqlite3
from contextlib import closing
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from raydel.interfaces import StoreTrouble
from raydel.store.troubles import clause, naming

FILE = Path("/there/raydel.sqlite")


class Clauses(SynchronousTestCase):
    """Half a sentence for each, without a name of SQLite's where it is plain."""

    def error(self, statement: str) -> sqlite3.Error:
        """Have SQLite refuse something."""
        with closing(sqlite3.connect(":memory:")) as connection:
            found = self.assertRaises(sqlite3.Error, connection.execute, statement)
        error: sqlite3.Error = found
        return error

    def test_anything_else(self) -> None:
        """What nobody foresaw is said as SQLite says it."""
        self.assertEqual(
            "the database says: no such table: nowhere (SQLITE_ERROR)",
            clause(self.error("SELECT * FROM nowhere")),
        )

    def test_not_of_sqlite(self) -> None:
        """Python's own errors about a database have no code."""
        self.assertEqual(
            "the database says: closed", clause(sqlite3.ProgrammingError("closed"))
        )

    def test_extended_codes(self) -> None:
        """The finer kinds of an error are of its kind."""
        error = sqlite3.OperationalError("disk I/O error")
        error.sqlite_errorcode = sqlite3.SQLITE_IOERR_WRITE
        error.sqlite_errorname = "SQLITE_IOERR_WRITE"
        self.assertEqual(
            "the disk does not take it: disk I/O error (SQLITE_IOERR_WRITE)",
            clause(error),
        )


class Names(SynchronousTestCase):
    """Trouble with a file names it."""

    def said(self, error: Exception) -> str:
        """Return what is said about an error."""
        return str(self.assertRaises(StoreTrouble, self.fails, error))

    def fails(self, error: Exception) -> None:
        """Have an error around the file."""
        with naming(FILE):
            raise error

    def test_sqlite(self) -> None:
        """An error of SQLite's."""
        self.assertEqual(
            f"{FILE}: the database says: no",
            self.said(sqlite3.OperationalError("no")),
        )

    def test_system(self) -> None:
        """An error of the system's, with the file that it is about."""
        full = OSError(errno.ENOSPC, "No space left on device", "/there")
        self.assertEqual("/there: No space left on device", self.said(full))

    def test_permission(self) -> None:
        """A permission that is missing."""
        error = PermissionError(errno.EACCES, "Permission denied", "/there")
        self.assertEqual("there is no permission to use /there", self.said(error))

    def test_all_else(self) -> None:
        """An error in the program is none of the operator's."""
        self.assertRaises(ValueError, self.fails, ValueError("a bug"))
