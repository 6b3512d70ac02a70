"""Moving what was committed from the log beside the file into the file."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

from twisted.internet.defer import maybeDeferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from raydel.store.troubles import clause
from raydel.threads import InThread, at_once

_log = Logger()

REACH_THE_DISK: Final = "PRAGMA checkpoint_fullfsync = ON"
"""On a Mac, fsync alone leaves it in the disk's own memory; the log is written over
afterwards, so the file has to be whole by then, whatever commits are to survive."""

EVERY: Final = 1_000
"""Changed rows between two checkpoints: 4 to 12 MB of log, some 10 ms of a disk."""

LONGEST_LOG: Final = 32 * 2**20
"""Bytes of log past which the reactor itself makes the checkpoint. So much stays on the
disk, to be written over: a file is cut at the cost of some 20 ms."""


def connection_of_its_own(file: Path) -> sqlite3.Connection:
    """Connect to a database for a checkpoint, which nobody waits for."""
    uri = f"{file.as_uri()}?mode=rw"
    own = sqlite3.connect(uri, uri=True, isolation_level=None)
    own.execute(REACH_THE_DISK)
    return own


class Checkpoints:
    """Makes checkpoints in a thread, one at a time.

    A log is begun anew only when a checkpoint has caught up with it; the commit that
    begins it waits until its first page is on the disk. Where commits come without any
    pause no checkpoint in a thread ever catches up: some were made meanwhile. So when
    the log has become too long, the reactor waits for one, with little left to do. A
    reader that does not come to an end, a forgotten ``sqlite3`` say, holds up both. The
    log grows until it is gone.

    Args:
        file: The database.
        connection: Writes it; in use by the caller's thread.
        in_thread: Runs the checkpoints.
    """

    def __init__(
        self, file: Path, connection: sqlite3.Connection, in_thread: InThread
    ) -> None:
        self._file = file
        self._connection = connection
        self._in_thread = in_thread
        self._due = connection.total_changes + EVERY
        self._running = False
        self._failing = False

    def committed(self) -> None:
        """Make a checkpoint if it is time for one. Never raises."""
        changes = self._connection.total_changes
        if changes < self._due:
            return
        self._due = changes + EVERY
        if self._log_length() > LONGEST_LOG:
            at_once(self._here).addCallbacks(self._worked, self._failed)
        else:
            self._begin()

    def refused(self) -> None:
        """Make a checkpoint after a commit has failed. Never raises.

        On a full disk the log cannot grow; once moved, its own room is used anew.
        """
        self._begin()

    def _begin(self) -> None:
        if not self._running:
            self._running = True
            done = maybeDeferred(self._in_thread, self._in_own_connection)
            done.addCallbacks(self._worked, self._failed)
            done.addCallback(self._ended)

    def _log_length(self) -> int:
        try:
            return Path(f"{self._file}-wal").stat().st_size
        except OSError:
            return 0

    def _here(self) -> None:
        _checkpoint(self._connection)

    def _in_own_connection(self) -> None:
        """Run in the thread; touches nothing that the other one uses."""
        with closing(connection_of_its_own(self._file)) as own:
            _checkpoint(own)

    def _worked(self, _: None) -> None:
        self._failing = False

    def _failed(self, failure: Failure) -> None:
        """Say so once: the log takes commits all the same."""
        if not self._failing:
            self._failing = True
            error = failure.value
            why = clause(error) if isinstance(error, sqlite3.Error) else str(error)
            _log.warn(
                "{file}: what is in the log beside it cannot be moved into it: {why}",
                file=str(self._file),
                why=why,
            )

    def _ended(self, _: None) -> None:
        self._running = False


def _checkpoint(connection: sqlite3.Connection) -> None:
    """Move what nobody reads any more; wait for nobody."""
    connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
