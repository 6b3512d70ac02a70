"""Sessions and takes in a file of SQLite's, which outlives the program."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ClassVar, Final, TypeVar

import msgspec
from msgspec import Struct, structs
from twisted.internet.defer import Deferred, fail, succeed
from zope.interface import implementer

from raydel.core.config import Survives
from raydel.core.instants import CREDIBLE, Anchor
from raydel.core.state import Session
from raydel.core.take import ClockSample, Take
from raydel.interfaces import IStore, StoreTrouble, Write
from raydel.store.checkpoints import Checkpoints
from raydel.store.lock import Lock
from raydel.store.opening import Look, look_of, open_database
from raydel.store.schema import MIGRATIONS, transaction
from raydel.store.troubles import clause, naming
from raydel.threads import InThread, at_once

FORGOTTEN_AT_ONCE: Final = 500
"""Takes that one call of `forget` deletes at most."""

FORGOTTEN_ROWS: Final = 5_000
"""Samples at which it stops earlier: some 10 ms, for which the reactor stands."""

KEPT_ANCHORS: Final = 100
"""Where the system does not name its boots, each start of the program adds one."""

_NO_ORDINAL: Final = 2**63 - 1
"""Above that of every take."""

_Found = TypeVar("_Found")
_Value = TypeVar("_Value", bound=Struct)

# Read as bytes: a damaged body need not be UTF-8, and is to be named all the same.
_SESSIONS: Final = "SELECT code, CAST(body AS BLOB) FROM sessions"
_SESSION: Final = "SELECT code, CAST(body AS BLOB) FROM sessions WHERE code = ?"
_IS_SESSION: Final = "SELECT 1 FROM sessions WHERE code = ?"
_NEW_SESSION: Final = (
    "INSERT INTO sessions (version, body, code) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
)
_NEXT_SESSION: Final = (
    "UPDATE sessions SET version = ?, body = ? WHERE code = ? AND version = ?"
)
_NO_SESSION: Final = "DELETE FROM sessions WHERE code = ? AND version = ?"
_TAKE: Final = "SELECT id, CAST(body AS BLOB) FROM takes WHERE id = ?"
_ORDINAL: Final = "SELECT ordinal FROM takes WHERE id = ?"
_TAKES: Final = (
    "SELECT id, CAST(body AS BLOB) FROM takes WHERE ordinal < ?"
    " ORDER BY ordinal DESC LIMIT ?"
)
_TAKES_OF_CODE: Final = (
    "SELECT id, CAST(body AS BLOB) FROM takes WHERE code = ? AND ordinal < ?"
    " ORDER BY ordinal DESC LIMIT ?"
)
_KEEP_TAKE: Final = (
    "INSERT INTO takes (id, code, ended_at, body) VALUES (?, ?, ?, ?)"
    " ON CONFLICT (id) DO UPDATE SET"
    " code = excluded.code, ended_at = excluded.ended_at, body = excluded.body"
)
_OLD_TAKES: Final = (
    "SELECT id FROM takes WHERE ended_at >= ? AND ended_at < ?"
    " ORDER BY ended_at LIMIT ?"
)
_NO_TAKE: Final = "DELETE FROM takes WHERE id = ?"
_SAMPLES: Final = (
    "SELECT take_id, device_id, clock_id, at, offset, round_trip"
    " FROM samples WHERE take_id = ? ORDER BY rowid"
)
_ADD_SAMPLE: Final = (
    "INSERT INTO samples (take_id, device_id, clock_id, at, offset, round_trip)"
    " VALUES (?, ?, ?, ?, ?, ?)"
)
_NO_SAMPLES: Final = "DELETE FROM samples WHERE take_id = ?"
_ANCHOR: Final = "SELECT boot, clock_id, epoch FROM anchors WHERE boot = ?"
_ADD_ANCHOR: Final = (
    "INSERT OR IGNORE INTO anchors (boot, clock_id, epoch) VALUES (?, ?, ?)"
)
_NO_ANCHORS: Final = (
    "DELETE FROM anchors WHERE rowid <= (SELECT max(rowid) FROM anchors) - ?"
)


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
                    " this one a file of its own with --store"
                )
            try:
                connection = open_database(
                    self._file, self._survives, self.migrations, self._left
                )
            except BaseException:
                self._lock.release()
                raise
        try:
            _sessions(connection, _SESSIONS)
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
            connection.execute(_ADD_ANCHOR, structs.astuple(fresh))
            connection.execute(_NO_ANCHORS, [KEPT_ANCHORS])
            (kept,) = connection.execute(_ANCHOR, [fresh.boot]).fetchall()
            return Anchor(*kept)

    def sessions(self) -> Deferred[Sequence[Session]]:
        """Return every session."""
        return self._attempt(lambda file: _sessions(file, _SESSIONS))

    def session(self, code: str) -> Deferred[Session | None]:
        """Return one session."""
        return self._attempt(lambda file: _first(_sessions(file, _SESSION, code)))

    def take(self, take_id: str) -> Deferred[Take | None]:
        """Return one take."""
        return self._attempt(lambda file: _first(_takes(file, _TAKE, take_id)))

    def takes(
        self, code: str | None = None, before: str | None = None, limit: int = 50
    ) -> Deferred[Sequence[Take]]:
        """Return takes, the latest begun first."""

        def page(file: sqlite3.Connection) -> Sequence[Take]:
            ordinal = _NO_ORDINAL
            if before is not None:
                found = file.execute(_ORDINAL, [before]).fetchall()
                ordinal = found[0][0] if found else 0
            if code is None:
                return _takes(file, _TAKES, ordinal, limit)
            return _takes(file, _TAKES_OF_CODE, code, ordinal, limit)

        return self._attempt(page)

    def samples(self, take_id: str) -> Deferred[Sequence[ClockSample]]:
        """Return the clock samples of a take."""

        def found(file: sqlite3.Connection) -> Sequence[ClockSample]:
            rows = file.execute(_SAMPLES, [take_id]).fetchall()
            return [ClockSample(*row) for row in rows]

        return self._attempt(found)

    def commit(
        self, batch: Sequence[Write], samples: Sequence[ClockSample] = ()
    ) -> Deferred[frozenset[str]]:
        """Make each write whose expected version is the present one."""

        def commit(file: sqlite3.Connection) -> frozenset[str]:
            with transaction(file):
                conflicts = {each.code for each in batch if not _made(file, each)}
                for write in batch:
                    if write.code not in conflicts:
                        file.executemany(_KEEP_TAKE, map(_take_row, write.takes))
                file.executemany(_ADD_SAMPLE, map(structs.astuple, samples))
                if not batch and not samples:
                    # Changes nothing, and is written all the same.
                    file.execute(f"PRAGMA user_version = {len(self.migrations)}")
            return frozenset(conflicts)

        return self._attempt(commit)

    def forget(self, before: float) -> Deferred[int]:
        """Delete takes that ended before an instant, so many at once."""

        def forget(file: sqlite3.Connection) -> int:
            takes = rows = 0
            with transaction(file):
                limits = [CREDIBLE, before, FORGOTTEN_AT_ONCE]
                old = file.execute(_OLD_TAKES, limits).fetchall()
                for take in old:
                    if rows >= FORGOTTEN_ROWS:
                        break
                    rows += file.execute(_NO_SAMPLES, take).rowcount
                    takes += file.execute(_NO_TAKE, take).rowcount
            return takes

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


# Rows and values.


def _sessions(file: sqlite3.Connection, query: str, *values: object) -> list[Session]:
    rows = file.execute(query, values).fetchall()
    return [_decoded(_READ_SESSION, f"session {code}", body) for code, body in rows]


def _takes(file: sqlite3.Connection, query: str, *values: object) -> list[Take]:
    rows = file.execute(query, values).fetchall()
    return [_decoded(_READ_TAKE, f"take {take_id}", body) for take_id, body in rows]


def _first(found: Sequence[_Found]) -> _Found | None:
    return found[0] if found else None


def _made(file: sqlite3.Connection, write: Write) -> bool:
    """Make a write but for its takes; return whether it did not conflict."""
    code, expected, session = write.code, write.expected, write.session
    if session is None:
        if not expected:
            return not file.execute(_IS_SESSION, [code]).fetchall()
        return file.execute(_NO_SESSION, [code, expected]).rowcount == 1
    row = session.version, _text(session), code
    if not expected:
        return file.execute(_NEW_SESSION, row).rowcount == 1
    return file.execute(_NEXT_SESSION, (*row, expected)).rowcount == 1


def _take_row(take: Take) -> tuple[object, ...]:
    return take.id, take.session_id, take.ended_at, _text(take)


def _text(value: Struct) -> str:
    return _WRITE.encode(value).decode()


def _decoded(decoder: msgspec.json.Decoder[_Value], what: str, body: bytes) -> _Value:
    try:
        return decoder.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise StoreTrouble(f"the {what} in the file is damaged: {error}") from error


_WRITE: Final = msgspec.json.Encoder()
_READ_SESSION: Final = msgspec.json.Decoder(Session)
_READ_TAKE: Final = msgspec.json.Decoder(Take)
