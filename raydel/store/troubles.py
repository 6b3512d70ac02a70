"""What SQLite's errors mean, in words for an operator."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from raydel.interfaces import StoreTrouble

_PRIMARY: Final = 0xFF
"""The low byte of an extended result code is the plain one."""

_CLAUSES: Final = {
    sqlite3.SQLITE_FULL: "the disk is full",
    sqlite3.SQLITE_READONLY: "the file is read-only",
    sqlite3.SQLITE_BUSY: "another program holds a lock on it",
    sqlite3.SQLITE_LOCKED: "another program holds a lock on it",
    sqlite3.SQLITE_PERM: "there is no permission",
    sqlite3.SQLITE_NOTADB: "it is no database",
    sqlite3.SQLITE_CORRUPT: "the file is damaged: {}",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened: {}",
    sqlite3.SQLITE_IOERR: "the disk does not take it: {}",
}


def clause(error: sqlite3.Error) -> str:
    """Say why something could not be done, as half a sentence.

    A quota and a limit on the size of a file come as a disk that does not take it:
    SQLite knows a full disk by ``ENOSPC`` alone.
    """
    code = getattr(error, "sqlite_errorcode", 0)
    text = str(error)
    name = getattr(error, "sqlite_errorname", "")
    if name:
        text += f" ({name})"
    return _CLAUSES.get(code & _PRIMARY, "the database says: {}").format(text)


@contextmanager
def naming(file: Path) -> Iterator[None]:
    """Turn what goes wrong around a file into `StoreTrouble` that names it."""
    try:
        yield
    except sqlite3.Error as error:
        raise StoreTrouble(f"{file}: {clause(error)}") from error
    except PermissionError as error:
        place = error.filename or file
        raise StoreTrouble(f"there is no permission to use {place}") from error
    except OSError as error:
        place = error.filename or file
        raise StoreTrouble(f"{place}: {error.strerror or error}") from error
