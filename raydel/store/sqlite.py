"""Sessions and takes in a file of SQLite's, which outlives the program."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ClassVar, TypeVar

from twisted.internet.defer import Deferred, fail, succeed
from zope.interface import implementer

from raydel.core.config import Survives
from raydel.core.instants import Anchor
from raydel.core.journal import JournalEntry
from raydel.core.letters import Letter
from raydel.core.startlatency import Camera
from raydel.core.state import Session
from raydel.core.take import ClockSample, Take
from raydel.interfaces import IStore, Row, StoreTrouble, Write
from raydel.store import tables
from raydel.store.checkpoints import Checkpoints
from raydel.store.lock import Lock
from raydel.store.opening import Look, look_of, open_database
from raydel.store.schema import MIGRATIONS, transaction
from raydel.store.troubles import clause, naming
from raydel.threads import InThread, at_once

_Found = TypeVar("_Found")


@implementer(IStore)
class SQLiteStore:
    """Everything in one file; every Deferred has fired already.

    Sessions and takes stand in it as JSON, so that a person can read them. What is
    committed is in the log beside the file when `commit` returns; a checkpoint moves
    it from there into the file.

    A connection of SQLite's does not survive a fork: whoever becomes a daemon closes
    the store before, and opens it again after.

    Args:
        file: Where it is, or is to be made; its directory is there already.
        survives: The end of the program at any instant, or that of the machine.
        in_thread: Runs a checkpoint, which may take as long as the disk does. All
            else is done by the caller's thread, which is always the same one.
    """

    migrations: ClassVar[Sequence[str]] = MIGRATIONS

    def __init__(
        self, file: Path, survives: Survives = "kill", in_thread: InThread = at_once
    ) -> None:
        # At once: a daemon works in another directory.
        self._file = Path(os.path.realpath(file))
        self._survives = survives
        self._in_thread = in_thread
        self._lock = Lock(Path(f"{self._file}-lock"))
        self._open: tuple[sqlite3.Connection, Checkpoints] | None = None
        self._left: Look | None = None

    def open(self) -> None:
        """Open the file; make it if there is none.

        Raises:
            StoreTrouble: There is no directory for it, it is in use, damaged,
                another program's, or of a newer Raydel. It is as it was.
        """
        directory = self._file.parent
        with naming(self._file):
            if not directory.is_dir():
                raise StoreTrouble(
                    f"there is no directory {directory}: make it, or choose another"
                    " file with --store"
                )
            if not self._lock.acquire():
                raise StoreTrouble(
                    f"{self._file} is in use by another server: stop that one, or give"
                    " this one a file of its own, as --store=sqlite:second.sqlite"
                )
            try:
                connection = open_database(
                    self._file, self._survives, self.migrations, self._left
                )
            except BaseException:
                self._lock.release()
                raise
        try:
            tables.sessions(connection)
        except BaseException:
            connection.close()
            self._lock.release()
            raise
        checkpoints = Checkpoints(self._file, connection, self._in_thread)
        self._open = connection, checkpoints

    def close(self) -> None:
        """Close the file. A checkpoint that runs comes to its end by itself."""
        if self._open is not None:
            connection, _ = self._open
            self._open = None
            connection.close()
            self._left = look_of(self._file)
            self._lock.release()

    def anchor(self, fresh: Anchor) -> Anchor:
        """Return the anchor of a boot; opens the file meanwhile if it is closed."""
        if self._open is None:
            self.open()
            try:
                return self.anchor(fresh)
            finally:
                self.close()
        connection, _ = self._open
        with naming(self._file), transaction(connection):
            return tables.anchor(connection, fresh)

    def sessions(self) -> Deferred[Sequence[Session]]:
        """Return every session."""
        return self._attempt(tables.sessions)

    def session(self, code: str) -> Deferred[Session | None]:
        """Return one session."""
        return self._attempt(lambda file: tables.session(file, code))

    def take(self, take_id: str) -> Deferred[Take | None]:
        """Return one take."""
        return self._attempt(lambda file: tables.take(file, take_id))

    def takes(
        self, code: str | None = None, before: str | None = None, limit: int = 50
    ) -> Deferred[Sequence[Take]]:
        """Return takes, the latest begun first."""
        return self._attempt(lambda file: tables.takes(file, code, before, limit))

    def samples(self, take_id: str) -> Deferred[Sequence[ClockSample]]:
        """Return the clock samples of a take."""
        return self._attempt(lambda file: tables.samples(file, take_id))

    def journal(self, take_id: str) -> Deferred[Sequence[JournalEntry]]:
        """Return what happened in a take."""
        return self._attempt(lambda file: tables.journal(file, take_id))

    def cameras(self) -> Deferred[Sequence[Camera]]:
        """Return what is known of cameras, the newest first."""
        return self._attempt(tables.cameras)

    def commit(
        self, batch: Sequence[Write], rows: Sequence[Row] = ()
    ) -> Deferred[frozenset[str]]:
        """Make each write whose expected version is the present one."""

        def commit(file: sqlite3.Connection) -> frozenset[str]:
            before = file.total_changes
            with transaction(file):
                conflicts = tables.commit(file, batch, rows)
                if file.total_changes == before:
                    # Changes nothing, and is written all the same.
                    file.execute(f"PRAGMA user_version = {len(self.migrations)}")
            return conflicts

        return self._attempt(commit)

    def letters(self, limit: int = 1_000) -> Deferred[Sequence[Letter]]:
        """Return the oldest letter of each session, the oldest first."""
        return self._attempt(lambda file: tables.letters(file, limit))

    def delivered(self, ids: Sequence[str]) -> Deferred[None]:
        """Delete letters."""

        def delivered(file: sqlite3.Connection) -> None:
            with transaction(file):
                tables.delivered(file, ids)

        return self._attempt(delivered)

    def delete(self, take_id: str) -> Deferred[bool]:
        """Delete a take that has ended, with all that was kept of it."""

        def delete(file: sqlite3.Connection) -> bool:
            with transaction(file):
                return tables.delete(file, take_id)

        return self._attempt(delete)

    def forget(self, before: float) -> Deferred[int]:
        """Delete takes that ended before an instant, so many at once."""

        def forget(file: sqlite3.Connection) -> int:
            with transaction(file):
                return tables.forget(file, before)

        return self._attempt(forget)

    def _attempt(
        self, work: Callable[[sqlite3.Connection], _Found]
    ) -> Deferred[_Found]:
        """Do something with the open file; what goes wrong is in the Deferred."""
        if self._open is None:
            return fail(StoreTrouble("the file is closed"))
        connection, checkpoints = self._open
        try:
            found = work(connection)
        except sqlite3.Error as error:
            checkpoints.refused()
            return fail(StoreTrouble(clause(error)))
        except Exception:
            return fail()
        checkpoints.committed()
        return succeed(found)
