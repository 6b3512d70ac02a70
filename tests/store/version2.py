"""What stands in ``tests/fixtures/store/v2.sql``, value by value.

``python -m tests.store.version2 >tests/fixtures/store/v2.sql`` makes that file anew.
Only until version 2 is released: from then on it is a file that people have.

What it says otherwise than version 1 stands here; the rest is as there.
"""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from msgspec import structs

from raydel.core.journal import (
    SERVER,
    Confirmed,
    JournalEntry,
    LinkBack,
    LinkLost,
    Marked,
    Told,
)
from raydel.core.messages import (
    Join,
    MarkerNotice,
    RecordingFailed,
    RecordingRefused,
    RecordingScheduled,
    RecordingStarted,
    RecordingStopped,
    TakeUpdate,
)
from raydel.core.stream import Stream
from raydel.core.take import Declared, Participant
from raydel.interfaces import Row, Write
from raydel.store.schema import APPLICATION_ID, MIGRATIONS, version_of
from raydel.store.sqlite import SQLiteStore
from tests.store import version1
from tests.store.version1 import ANCHOR, GUEST, HOST, LATE, NOON, OVER, SAMPLES

DECLARED: Final = Declared(
    protocol=2,
    model="iPhone15,2",
    installation_id="9f1c2d3e-0000-4000-8000-1234567890ab",
    capabilities=("hevc", "60fps"),
)

_HOST, _GUEST = version1.ENDED.participants
ENDED: Final = structs.replace(
    version1.ENDED,
    participants=(
        structs.replace(_HOST, declared=DECLARED, start_proven=True),
        _GUEST,
        Participant(
            owner=LATE,
            name="Tor Süd ⚽",
            app=_GUEST.app,
            declared=Declared(model="SM-S911B"),
            late=True,
        ),
    ),
    ended_by=HOST.device_id,
)
RUNNING: Final = structs.replace(version1.RUNNING, initiator=SERVER)
TAKES: Final = (RUNNING, ENDED)
"""The latest begun first."""

_CLAIM: Final = version1.RECORDING.claims[0]
RECORDING: Final = structs.replace(
    version1.RECORDING,
    take=RUNNING,
    claims=(
        structs.replace(
            _CLAIM,
            joining=structs.replace(
                _CLAIM.joining,
                join=Join(
                    session_id="MATCH1",
                    is_host=False,
                    protocol=2,
                    model=DECLARED.model,
                    installation_id=DECLARED.installation_id,
                    capabilities=DECLARED.capabilities,
                ),
            ),
        ),
    ),
    streams=(
        *version1.RECORDING.streams,
        Stream(
            device_id=LATE.device_id,
            seq=3,
            kept=(
                TakeUpdate(
                    take_id=RUNNING.id,
                    device_id=GUEST.device_id,
                    state="refused",
                    reason="no room left",
                    seq=2,
                ),
                MarkerNotice(
                    take_id=RUNNING.id,
                    device_id=SERVER,
                    timestamp=NOON + 3_660_000.0,
                    label="goal",
                    seq=3,
                ),
            ),
        ),
    ),
)
SESSIONS: Final = (RECORDING, OVER)

JOURNAL: Final = tuple(
    JournalEntry(take_id=ENDED.id, device_id=device_id, at=NOON + after, fact=fact)
    for device_id, after, fact in (
        (HOST.device_id, 1.5, Told(command="start", local_time=NOON - 3_599_762.125)),
        (GUEST.device_id, 2.0, Told(command="start")),
        (HOST.device_id, 9.0, Confirmed(command="start")),
        (
            HOST.device_id,
            9.0,
            RecordingScheduled(take_id=ENDED.id, command_id="report-1"),
        ),
        (
            HOST.device_id,
            990.0,
            RecordingStarted(
                take_id=ENDED.id,
                first_frame_time=NOON - 3_599_012.5,
                frame_rate=59.94,
                command_id="report-2",
            ),
        ),
        (LATE.device_id, 1_000.0, RecordingRefused(take_id=ENDED.id, reason="full")),
        (HOST.device_id, 60_000.0, LinkLost(reason="silent")),
        (HOST.device_id, 61_000.0, LinkBack()),
        (SERVER, 62_000.0, Marked(instant=NOON + 61_500.0, label="Tor ⚽")),
        (GUEST.device_id, 63_000.0, RecordingFailed(take_id=ENDED.id, reason="hot")),
        (HOST.device_id, 2_700_003.0, Told(command="stop", local_time=1.0 / 3.0)),
        (
            HOST.device_id,
            2_701_000.0,
            RecordingStopped(
                take_id=ENDED.id,
                last_frame_time=NOON - 899_900.25,
                frames=161_838,
                file_name="IMG_0042.MOV",
                size_bytes=5_368_709_121,
                sha256="0123456789abcdef" * 4,
                command_id="report-3",
            ),
        ),
    )
)


def dump(
    version: int = 2, rows: Sequence[Row] = (), writes: Sequence[Write] = ()
) -> str:
    """Have the store keep all of this, and write its file down as SQL.

    Args:
        version: Of the file.
        rows: What a later version keeps besides.
        writes: What it writes besides.
    """

    class Store(SQLiteStore):
        """A store of that version."""

        migrations = MIGRATIONS[:version]

    with TemporaryDirectory() as folder:
        file = Path(folder, "raydel.sqlite")
        store = Store(file)
        store.open()
        store.anchor(ANCHOR)
        store.commit([Write(OVER.id, 0, OVER)])
        write = Write(RECORDING.id, 0, RECORDING, TAKES[::-1], JOURNAL)
        store.commit([write], [*SAMPLES, *rows])
        store.commit(writes)
        store.close()
        with closing(sqlite3.connect(file)) as connection:
            lines = [
                *connection.iterdump(),
                # Which a dump leaves out.
                f"PRAGMA application_id = {APPLICATION_ID};",
                f"PRAGMA user_version = {version_of(connection)};",
            ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
    sys.stdout.write(dump())
