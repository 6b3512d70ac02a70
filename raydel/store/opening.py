"""A database file: looked at before it is touched, and made whole or not at all."""

from __future__ import annotations

import os
import sqlite3
import stat
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Final

from raydel.core.config import Survives
from raydel.interfaces import StoreTrouble
from raydel.store.checkpoints import LONGEST_LOG, REACH_THE_DISK
from raydel.store.schema import APPLICATION_ID, migrate, pragma, version_of

PATIENCE: Final = 1.0
"""Seconds to wait for a lock at the start, when no phone waits for anything. An
earlier server's last checkpoint may just be coming to its end."""

BUSY: Final = 50
"""ms to wait for a lock later: the reactor stands meanwhile, and with it all phones.
Only a tool that writes to the file holds one for longer than a moment, and what cannot
be stored now can be tried again."""

_SYNCHRONOUS: Final = {"kill": "NORMAL", "power-loss": "FULL"}
"""What was handed to the system survives the end of the process; what it was made to
write out survives its own."""

_EFFECTIVE: Final = os.access in os.supports_effective_ids


Look = tuple[int, ...]
"""What a file looks like from outside: it changes with every change of the file."""


def look_of(file: Path) -> Look | None:
    """Return what a file looks like; None if it is gone, or nothing without its log."""
    if _beside(file, "-wal").exists() or not file.exists():
        return None
    status = file.stat()
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def open_database(
    file: Path, survives: Survives, steps: Sequence[str], known: Look | None = None
) -> sqlite3.Connection:
    """Open a file, with the tables of the latest version; make it if there is none.

    Args:
        file: Its whole path. The caller has seen to it that nobody else makes it.
        survives: What each commit is to survive.
        steps: The migrations.
        known: What it looked like when it was last found to be whole: if it still
            does, it need not be read through once more.

    Raises:
        StoreTrouble: It is not a file to be used. It was left as it is.
        sqlite3.Error: The same.
        OSError: The same.
    """
    if _is_there(file):
        if known is None or look_of(file) != known:
            _examine(file, len(steps))
    else:
        _make(file, steps)
    connection = _connect(file, "rw")
    try:
        _settle(connection, file, survives)
        migrate(connection, steps)
    except BaseException:
        connection.close()
        raise
    return connection


def _is_there(file: Path) -> bool:
    """Whether there is something that may be a database."""
    try:
        status = file.stat()
    except FileNotFoundError:
        return False
    if stat.S_ISDIR(status.st_mode):
        raise StoreTrouble(f"{file} is a directory, and not a file")
    if not stat.S_ISREG(status.st_mode):
        raise StoreTrouble(f"{file} is not a file")
    if not os.access(file, os.R_OK | os.W_OK, effective_ids=_EFFECTIVE):
        raise StoreTrouble(f"there is no permission to read and write {file}")
    if status.st_size == 0:
        raise StoreTrouble(
            f"{file} is empty: put a backup in its place, or delete it to begin anew"
        )
    return True


def _examine(file: Path, known: int) -> None:
    """Look whether a file is ours, whole, and not from the future.

    A connection that may write puts the log, if there is one, into the file as it
    closes, into a damaged file too. One that may only read leaves a log behind where
    there was none.
    """
    mode = "ro" if _beside(file, "-wal").exists() else "rw"
    with closing(_connect(file, mode)) as connection:
        if pragma(connection, "application_id") != APPLICATION_ID:
            raise StoreTrouble(f"{file} is another program's database")
        version = version_of(connection)
        if version > known:
            raise StoreTrouble(
                f"{file} is of version {version}, written by a newer Raydel;"
                f" this one knows version {known}"
            )
        found = str(pragma(connection, "quick_check(1)"))
        if found != "ok":
            raise StoreTrouble(
                f"{file}: the file is damaged: put it aside, and get a copy back"
                f" ({_one_line(found)})"
            )


def _make(file: Path, steps: Sequence[str]) -> None:
    """Make a file: under another name first, so that there is never half of it."""
    log = _beside(file, "-wal")
    if log.exists() and log.stat().st_size:
        # SQLite would take it for the log of the new file.
        raise StoreTrouble(
            f"there is {log}, but no {file}: put that file back, or move its log away"
        )
    fresh = _beside(file, "-new")
    fresh.unlink(missing_ok=True)
    # The log and all else that SQLite puts beside it get its mode, whatever the umask.
    os.close(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        with closing(_connect(fresh, "rw")) as connection:
            # Thrown away if this is interrupted: it needs nothing to go back by.
            pragma(connection, "journal_mode = MEMORY")
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            migrate(connection, steps)
        fresh.rename(file)
        _write_out(file.parent)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise


def _settle(connection: sqlite3.Connection, file: Path, survives: Survives) -> None:
    """Set how a connection writes, and how long it waits."""
    if pragma(connection, "journal_mode = WAL") != "wal":
        raise StoreTrouble(f"{file}: a log cannot be kept beside it on this disk")
    connection.execute(f"PRAGMA synchronous = {_SYNCHRONOUS[survives]}")
    if survives == "power-loss":
        # On a Mac, fsync alone leaves it in the disk's own memory.
        connection.execute("PRAGMA fullfsync = ON")
    connection.execute(REACH_THE_DISK)
    # What people delete is gone: zeros take its room. Not every SQLite does so unasked.
    connection.execute("PRAGMA secure_delete = ON")
    connection.execute("PRAGMA wal_autocheckpoint = 0")
    connection.execute(f"PRAGMA journal_size_limit = {LONGEST_LOG}")
    connection.execute(f"PRAGMA busy_timeout = {BUSY}")


def _connect(file: Path, mode: str) -> sqlite3.Connection:
    """Connect to a file that is there; none is ever made by this."""
    uri = f"{file.as_uri()}?mode={mode}"
    return sqlite3.connect(uri, timeout=PATIENCE, isolation_level=None, uri=True)


def _beside(file: Path, ending: str) -> Path:
    return file.with_name(file.name + ending)


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _write_out(directory: Path) -> None:
    """Have the new name of a file survive a power loss."""
    if sys.platform != "win32":
        descriptor = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
