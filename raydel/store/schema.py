"""The tables in the file, and how those of an older version become today's."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Final

APPLICATION_ID: Final = 0x5261_7944
"""``RayD``: tells our files from those of other programs."""

_STRICT: Final = "STRICT" if sqlite3.sqlite_version_info >= (3, 37) else ""
"""Columns that hold nothing but what they are declared to hold."""

_VERSION_1: Final = f"""
CREATE TABLE sessions (
    code TEXT NOT NULL PRIMARY KEY,
    version INTEGER NOT NULL,
    body TEXT NOT NULL
) {_STRICT};
CREATE TABLE takes (
    ordinal INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    code TEXT NOT NULL,
    ended_at REAL,
    body TEXT NOT NULL
) {_STRICT};
CREATE INDEX takes_by_code ON takes (code, ordinal);
CREATE INDEX takes_by_end ON takes (ended_at);
CREATE TABLE samples (
    take_id TEXT NOT NULL,
    device_id TEXT NOT NULL,
    clock_id TEXT NOT NULL,
    at REAL NOT NULL,
    offset REAL NOT NULL,
    round_trip REAL NOT NULL
) {_STRICT};
CREATE INDEX samples_by_take ON samples (take_id);
CREATE TABLE anchors (
    boot TEXT NOT NULL PRIMARY KEY,
    clock_id TEXT NOT NULL,
    epoch REAL NOT NULL
) {_STRICT};
"""

_VERSION_2: Final = f"""
CREATE TABLE journals (
    take_id TEXT NOT NULL,
    body TEXT NOT NULL
) {_STRICT};
CREATE INDEX journals_by_take ON journals (take_id);
"""

_VERSION_3: Final = f"""
CREATE TABLE cameras (
    ordinal INTEGER PRIMARY KEY AUTOINCREMENT,
    installation_id TEXT NOT NULL UNIQUE,
    body TEXT NOT NULL
) {_STRICT};
"""

_VERSION_4: Final = f"""
CREATE TABLE letters (
    ordinal INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    code TEXT NOT NULL,
    at REAL NOT NULL,
    event TEXT NOT NULL,
    body TEXT NOT NULL
) {_STRICT};
CREATE INDEX letters_by_code ON letters (code, ordinal);
"""

MIGRATIONS: Final = (_VERSION_1, _VERSION_2, _VERSION_3, _VERSION_4)
"""What leads from version n to n + 1, at place n; the first from nothing to 1.

One that was released is never changed. ``docs/store.md`` says how to add one.
"""


def version_of(connection: sqlite3.Connection) -> int:
    """Return the version of the tables in a file; 0 if there are none."""
    return int(pragma(connection, "user_version"))


def migrate(connection: sqlite3.Connection, steps: Sequence[str]) -> None:
    """Lead the tables to their latest version: all of the way, or not at all.

    Writes in any case, and so fails where that is not allowed: ``BEGIN IMMEDIATE``
    alone does not.
    """
    with transaction(connection):
        for step in steps[version_of(connection) :]:
            for statement in _statements(step):
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {len(steps)}")


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Do all that follows, or nothing of it."""
    _roll_back(connection)  # In case that an earlier try could not.
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        with suppress(sqlite3.Error):
            _roll_back(connection)
        raise


def pragma(connection: sqlite3.Connection, text: str) -> int | str:
    """Return what a pragma answers in its first column."""
    ((answer, *_), *_) = connection.execute(f"PRAGMA {text}").fetchall()
    found: int | str = answer
    return found


def _roll_back(connection: sqlite3.Connection) -> None:
    if connection.in_transaction:
        connection.execute("ROLLBACK")


def _statements(script: str) -> Iterator[str]:
    """Split a script; `executescript` would commit what was done before it."""
    statement = ""
    for part in script.split(";")[:-1]:
        statement += part + ";"
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
