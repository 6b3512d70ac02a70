"""The rows of the tables: how values get into them, and out again."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from typing import Final, TypeVar

import msgspec
from msgspec import Struct, structs

from raydel.core.instants import CREDIBLE, Anchor
from raydel.core.journal import JournalEntry
from raydel.core.letters import Letter
from raydel.core.startlatency import Camera
from raydel.core.state import Session
from raydel.core.take import ClockSample, Take
from raydel.interfaces import MOST_CAMERAS, Row, StoreTrouble, Write
from raydel.store.rows import cameras_of, entries_of, samples_of

FORGOTTEN_AT_ONCE: Final = 500
"""Takes that one call of `forget` deletes at most."""

FORGOTTEN_ROWS: Final = 5_000
"""Samples and lines of journals at which it stops earlier: some 10 ms, for which the
reactor stands."""

KEPT_LETTERS: Final = 100_000
"""The latest so many; some 40 MB. A busy club has a thousand a day."""

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
_IS_OVER: Final = "SELECT id FROM takes WHERE id = ? AND ended_at IS NOT NULL"
_OLD_TAKES: Final = (
    "SELECT id FROM takes WHERE ended_at >= ? AND ended_at < ?"
    " ORDER BY ended_at LIMIT ?"
)
_NO_TAKE: Final = "DELETE FROM takes WHERE id = ?"
_SAMPLES: Final = (
    "SELECT take_id, device_id, clock_id, at, offset, round_trip"
    " FROM samples WHERE take_id = ? ORDER BY rowid"
)
# From its take: where there is none, nothing is added.
_ADD_SAMPLE: Final = (
    "INSERT INTO samples (take_id, device_id, clock_id, at, offset, round_trip)"
    " SELECT id, ?, ?, ?, ?, ? FROM takes WHERE id = ?"
)
_NO_SAMPLES: Final = "DELETE FROM samples WHERE take_id = ?"
_JOURNAL: Final = (
    "SELECT CAST(body AS BLOB) FROM journals WHERE take_id = ? ORDER BY rowid"
)
_ADD_ENTRY: Final = (
    "INSERT INTO journals (take_id, body) SELECT id, ? FROM takes WHERE id = ?"
)
_NO_JOURNAL: Final = "DELETE FROM journals WHERE take_id = ?"
_CAMERAS: Final = (
    "SELECT installation_id, CAST(body AS BLOB) FROM cameras"
    " ORDER BY ordinal DESC LIMIT ?"
)
# Replaced, not updated: what was seen last gets the highest ordinal.
_KEEP_CAMERA: Final = (
    "INSERT OR REPLACE INTO cameras (installation_id, body) VALUES (?, ?)"
)
_NO_CAMERAS: Final = (
    "DELETE FROM cameras WHERE ordinal <="
    " (SELECT ordinal FROM cameras ORDER BY ordinal DESC LIMIT 1 OFFSET ?)"
)
_ADD_LETTER: Final = (
    "INSERT INTO letters (id, code, at, event, body) VALUES (?, ?, ?, ?, ?)"
)
_NO_LETTERS: Final = (
    "DELETE FROM letters WHERE ordinal <= (SELECT max(ordinal) FROM letters) - ?"
)
# From one code to the next, by the index: a long queue of one session is not read.
_LETTERS: Final = (
    "WITH RECURSIVE codes (code) AS ("
    " SELECT min(code) FROM letters UNION ALL"
    " SELECT (SELECT min(code) FROM letters WHERE code > codes.code)"
    " FROM codes WHERE codes.code IS NOT NULL)"
    " SELECT id, code, at, event, body FROM letters WHERE ordinal IN ("
    " SELECT (SELECT min(ordinal) FROM letters WHERE code = codes.code) FROM codes)"
    " ORDER BY ordinal LIMIT ?"
)
_NO_LETTER: Final = "DELETE FROM letters WHERE id = ?"
_ANCHOR: Final = "SELECT boot, clock_id, epoch FROM anchors WHERE boot = ?"
_ADD_ANCHOR: Final = (
    "INSERT OR IGNORE INTO anchors (boot, clock_id, epoch) VALUES (?, ?, ?)"
)
_NO_ANCHORS: Final = (
    "DELETE FROM anchors WHERE rowid <= (SELECT max(rowid) FROM anchors) - ?"
)


# Out of the tables. All of these raise `StoreTrouble` where a body makes no sense.


def sessions(file: sqlite3.Connection) -> list[Session]:
    """Return every session."""
    return _sessions(file, _SESSIONS)


def session(file: sqlite3.Connection, code: str) -> Session | None:
    """Return one session."""
    return _first(_sessions(file, _SESSION, code))


def take(file: sqlite3.Connection, take_id: str) -> Take | None:
    """Return one take."""
    return _first(_takes(file, _TAKE, take_id))


def takes(
    file: sqlite3.Connection, code: str | None, before: str | None, limit: int
) -> list[Take]:
    """Return takes as `IStore.takes` does."""
    ordinal = _NO_ORDINAL
    if before is not None:
        found = file.execute(_ORDINAL, [before]).fetchall()
        ordinal = found[0][0] if found else 0
    if code is None:
        return _takes(file, _TAKES, ordinal, limit)
    return _takes(file, _TAKES_OF_CODE, code, ordinal, limit)


def samples(file: sqlite3.Connection, take_id: str) -> list[ClockSample]:
    """Return the clock samples of a take."""
    return [ClockSample(*row) for row in file.execute(_SAMPLES, [take_id]).fetchall()]


def journal(file: sqlite3.Connection, take_id: str) -> list[JournalEntry]:
    """Return the journal of a take."""
    what = f"journal of take {take_id}"
    rows = file.execute(_JOURNAL, [take_id]).fetchall()
    return [_decoded(_READ_ENTRY, what, body) for (body,) in rows]


def cameras(file: sqlite3.Connection) -> list[Camera]:
    """Return what is known of cameras, the newest first."""
    rows = file.execute(_CAMERAS, [MOST_CAMERAS]).fetchall()
    return [_decoded(_READ_CAMERA, f"camera of {name}", body) for name, body in rows]


def letters(file: sqlite3.Connection, limit: int) -> list[Letter]:
    """Return the oldest letter of each session, the oldest first."""
    return [Letter(*row) for row in file.execute(_LETTERS, [limit]).fetchall()]


# Into them. All of these are called within a transaction.


def commit(
    file: sqlite3.Connection, batch: Sequence[Write], rows: Sequence[Row]
) -> frozenset[str]:
    """Make each write that does not conflict, and add the rows; return the conflicts.

    The takes come first: rows are added to takes that are there.
    """
    conflicts = {each.code for each in batch if not _made(file, each)}
    made = [each for each in batch if each.code not in conflicts]
    for write in made:
        file.executemany(_KEEP_TAKE, map(_take_row, write.takes))
    if rows:
        file.executemany(_ADD_SAMPLE, map(_sample_row, samples_of(rows)))
        _keep_cameras(file, cameras_of(rows))
    if entries := entries_of(made, rows):
        file.executemany(_ADD_ENTRY, map(_entry_row, entries))
    _add_letters(file, [letter for write in made for letter in write.letters])
    return frozenset(conflicts)


def delivered(file: sqlite3.Connection, ids: Sequence[str]) -> None:
    """Delete letters."""
    file.executemany(_NO_LETTER, [(each,) for each in ids])


def delete(file: sqlite3.Connection, take_id: str) -> bool:
    """Delete a take that has ended, with all its rows; return whether there was one."""
    found = file.execute(_IS_OVER, [take_id]).fetchall()
    _delete(file, found)
    return bool(found)


def forget(file: sqlite3.Connection, before: float) -> int:
    """Delete some takes that ended before an instant; return how many."""
    limits = [CREDIBLE, before, FORGOTTEN_AT_ONCE]
    return _delete(file, file.execute(_OLD_TAKES, limits).fetchall())


def anchor(file: sqlite3.Connection, fresh: Anchor) -> Anchor:
    """Return the anchor of a boot; keep this one if there is none yet."""
    file.execute(_ADD_ANCHOR, structs.astuple(fresh))
    file.execute(_NO_ANCHORS, [KEPT_ANCHORS])
    (kept,) = file.execute(_ANCHOR, [fresh.boot]).fetchall()
    return Anchor(*kept)


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
    """Write a session; return whether that did not conflict."""
    code, expected, session = write.code, write.expected, write.session
    if session is None:
        if not expected:
            return not file.execute(_IS_SESSION, [code]).fetchall()
        return file.execute(_NO_SESSION, [code, expected]).rowcount == 1
    row = session.version, _text(session), code
    if not expected:
        return file.execute(_NEW_SESSION, row).rowcount == 1
    return file.execute(_NEXT_SESSION, (*row, expected)).rowcount == 1


def _add_letters(file: sqlite3.Connection, letters: Sequence[Letter]) -> None:
    """Keep letters, the latest ones if there are too many."""
    if letters:
        file.executemany(_ADD_LETTER, map(structs.astuple, letters))
        file.execute(_NO_LETTERS, [KEPT_LETTERS])


def _delete(file: sqlite3.Connection, ids: Iterable[tuple[str]]) -> int:
    """Delete takes until that were many rows; return how many takes."""
    takes = rows = 0
    for take_id in ids:
        if rows >= FORGOTTEN_ROWS:
            break
        rows += file.execute(_NO_SAMPLES, take_id).rowcount
        rows += file.execute(_NO_JOURNAL, take_id).rowcount
        takes += file.execute(_NO_TAKE, take_id).rowcount
    return takes


def _keep_cameras(file: sqlite3.Connection, seen: Sequence[Camera]) -> None:
    """Keep what is known of cameras, and forget the oldest."""
    if seen:
        file.executemany(_KEEP_CAMERA, map(_camera_row, seen))
        file.execute(_NO_CAMERAS, [MOST_CAMERAS])


def _take_row(take: Take) -> tuple[object, ...]:
    return take.id, take.session_id, take.ended_at, _text(take)


def _sample_row(sample: ClockSample) -> tuple[object, ...]:
    take_id, *measured = structs.astuple(sample)
    return *measured, take_id


def _entry_row(entry: JournalEntry) -> tuple[object, ...]:
    return _text(entry), entry.take_id


def _camera_row(camera: Camera) -> tuple[object, ...]:
    return camera.installation_id, _text(camera)


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
_READ_ENTRY: Final = msgspec.json.Decoder(JournalEntry)
_READ_CAMERA: Final = msgspec.json.Decoder(Camera)
