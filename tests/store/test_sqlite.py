"""The store in a file: what is expected of every store, and what it survives."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Final, cast

from hypothesis import given, settings
from msgspec import structs
from twisted.internet.defer import Deferred

from raydel.core.config import Survives
from raydel.core.instants import Anchor
from raydel.core.journal import JournalEntry, Marked
from raydel.core.startlatency import Camera
from raydel.core.state import Session
from raydel.core.take import ClockSample, Take
from raydel.interfaces import MOST_CAMERAS, IStore, StoreTrouble, Write
from raydel.store.schema import pragma
from raydel.store.sqlite import SQLiteStore
from raydel.store.tables import FORGOTTEN_ROWS, KEPT_ANCHORS, KEPT_LETTERS
from tests.store.contract import NOON, camera, ended, entry, sample, session, take
from tests.store.folder import FolderTestCase
from tests.store.letters import LettersContract, letter
from tests.store.values import values

ROOT: Final = Path(__file__).parents[2]
LONG_ENOUGH: Final = 50
"""Commits that a child makes before it is killed."""


def child(code: str, *words: str) -> subprocess.Popen[str]:
    """Run some code in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-c", code, *words],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )


class SQLite(LettersContract, FolderTestCase):
    """The promises of every store, kept in a file."""

    def setUp(self) -> None:
        """Begin with an empty store in an empty directory."""
        FolderTestCase.setUp(self)
        LettersContract.setUp(self)

    def make_store(self) -> IStore:
        """Make an empty store."""
        return self.new_store()

    def test_one_file(self) -> None:
        """All that is left of a closed store is its file."""
        self.commit(Write("ABC123", 0, session()))
        self.store.close()
        self.assertEqual([self.file], list(self.folder.iterdir()))

    def test_readable_by_people(self) -> None:
        """Sessions, takes and journals are JSON, for whoever has `sqlite3` at hand."""
        goal = (entry("take"),)
        self.commit(Write("ABC123", 0, session(), (take("take"),), goal))
        ((code, body),) = self.sql("SELECT code, body FROM sessions")
        self.assertEqual(("ABC123", "ABC123"), (code, json.loads(body)["id"]))
        ((took,),) = self.sql("SELECT json_extract(body, '$.session_id') FROM takes")
        self.assertEqual("ABC123", took)
        ((what, label),) = self.sql(
            "SELECT body ->> '$.fact.type', body ->> '$.fact.label' FROM journals"
        )
        self.assertEqual(("marked", "goal"), (what, label))

    def test_deleted_means_gone(self) -> None:
        """No line of what was deleted is to be found in the file by any means."""
        names = ("lost", "kept")
        takes = tuple(ended(f"take-{name}", NOON) for name in names)
        lines = tuple(
            entry(f"take-{name}", NOON, Marked(NOON, f"{name} {number}"))
            for name in names
            for number in range(200)
        )
        self.commit(Write("ABC123", 0, None, takes, lines))
        self.commit(rows=[sample("take-lost")] * 200)
        self.assertTrue(self.delete("take-lost"))
        self.store.close()
        written = self.file.read_bytes()
        self.assertIn(b'"label":"kept', written)
        self.assertNotIn(b'"label":"lost', written)

    def test_forget_stands_nobody_up(self) -> None:
        """One call deletes a take and all its rows, and does not go on for long."""
        takes = ended("one", NOON), ended("two", NOON + 1), ended("three", NOON + 2)
        half = FORGOTTEN_ROWS // 2
        self.commit_takes(*takes)
        self.commit(rows=[sample("one")] * half + [entry("one")] * (half + 1))
        self.commit(rows=[entry("two")] * FORGOTTEN_ROWS)
        for left in (["three", "two"], ["three"], []):
            self.assertEqual(1, self.successResultOf(self.store.forget(NOON * 2)))
            self.assertEqual(left, self.take_ids())
        self.assertEqual([(0,)], self.sql("SELECT count(*) FROM samples"))
        self.assertEqual([(0,)], self.sql("SELECT count(*) FROM journals"))

    def test_so_many_cameras(self) -> None:
        """Only the latest cameras are kept."""
        names = [f"app-{number}" for number in range(MOST_CAMERAS + 1)]
        self.commit(rows=[camera(name) for name in names])
        self.assertEqual([(MOST_CAMERAS,)], self.sql("SELECT count(*) FROM cameras"))
        self.commit(rows=[camera("app-1", 1.0), camera("one more")])
        kept = [each.installation_id for each in self.cameras()]
        self.assertEqual(["one more", "app-1", names[-1]], kept[:3])
        self.assertEqual((MOST_CAMERAS, "app-3"), (len(kept), kept[-1]))

    def test_so_many_letters(self) -> None:
        """Only the latest letters are kept, and those before them go."""
        self.write(letter("one"), letter("two"), letter("three"))
        self.sql(
            "UPDATE letters SET ordinal = ordinal + ? WHERE id = 'three'",
            KEPT_LETTERS - 2,
        )
        self.write(letter("four"))
        self.assertEqual(["three", "four"], self.queue())

    def test_old_anchors(self) -> None:
        """Anchors of boots long ago go, the latest stay."""
        for boot in range(KEPT_ANCHORS + 5):
            self.store.anchor(Anchor(f"boot {boot}", "clock", NOON))
        left = self.sql("SELECT count(*), max(rowid) FROM anchors")
        self.assertEqual([(KEPT_ANCHORS, KEPT_ANCHORS + 5)], left)

    def test_a_take_without_trouble(self) -> None:
        """A value that cannot be written fails by itself, and takes none along."""
        odd = structs.replace(session(), id="\ud800")
        failed = self.store.commit(
            [Write("ABC123", 0, session()), Write("XYZ789", 0, odd)]
        )
        self.failureResultOf(failed, UnicodeEncodeError)
        self.assertEqual([], list(self.sessions()))
        self.assertEqual(frozenset(), self.commit(Write("ABC123", 0, session())))

    def test_closed(self) -> None:
        """Nothing is to be had of a closed store, in so many words."""
        self.store.close()
        asked: list[Deferred[Any]] = [
            self.store.sessions(),
            self.store.session("ABC123"),
            self.store.take("take"),
            self.store.takes(),
            self.store.samples("take"),
            self.store.journal("take"),
            self.store.cameras(),
            self.store.letters(),
            self.store.delivered(["letter"]),
            self.store.commit([]),
            self.store.delete("take"),
            self.store.forget(NOON),
        ]
        for each in asked:
            trouble = self.failureResultOf(each, StoreTrouble).value
            self.assertEqual("the file is closed", str(trouble))


class Values(FolderTestCase):
    """What goes in comes out."""

    @settings(max_examples=60, deadline=None)
    @given(
        session=values(Session),
        take=values(Take),
        sample=values(ClockSample),
        entry=values(JournalEntry),
        camera=values(Camera),
    )
    def test_round_trip(
        self,
        session: Session,
        take: Take,
        sample: ClockSample,
        entry: JournalEntry,
        camera: Camera,
    ) -> None:
        """Every session, take, sample, line and camera is the same afterwards."""
        sample = structs.replace(sample, take_id=take.id)
        entry = structs.replace(entry, take_id=take.id)
        self.file.unlink(missing_ok=True)
        store = self.opened()
        try:
            write = Write(session.id, 0, session, (take,), (entry,))
            done = store.commit([write], [sample, camera])
            self.assertEqual(frozenset(), self.successResultOf(done))
            kept = self.successResultOf(store.session(session.id))
            self.assertEqual(session, kept)
            self.assertEqual(take, self.successResultOf(store.take(take.id)))
            self.assertEqual([sample], self.successResultOf(store.samples(take.id)))
            self.assertEqual([entry], self.successResultOf(store.journal(take.id)))
            self.assertEqual([camera], self.successResultOf(store.cameras()))
        finally:
            store.close()


class TroubleTests(FolderTestCase):
    """What cannot be done now fails, in words, and can be done later."""

    def trouble(self, failed: Deferred[Any]) -> str:
        """Return what a Deferred failed with."""
        return str(self.failureResultOf(failed, StoreTrouble).value)

    def assert_recovers(self, store: IStore) -> None:
        """Check that the store has what it had, and takes more."""
        write = Write("ABC123", 1, session(version=2))
        self.assertEqual(frozenset(), self.successResultOf(store.commit([write])))
        self.assertEqual(
            session(version=2), self.successResultOf(store.session("ABC123"))
        )

    def test_another_program_writes(self) -> None:
        """While somebody else's transaction is open, nothing can be committed."""
        store = self.opened()
        store.commit([Write("ABC123", 0, session(), (ended("take", NOON),))])
        lines = entry("take"), entry("take")
        write = Write("ABC123", 1, session(version=2), (), lines)
        with closing(sqlite3.connect(self.file, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            began = time.monotonic()
            failed = store.commit([write], [sample("take"), entry("take")])
            self.assertLess(time.monotonic() - began, 0.5, "phones had to wait")
            self.assertEqual("another program holds a lock on it", self.trouble(failed))
            self.assertEqual(session(), self.successResultOf(store.session("ABC123")))
            undeleted = store.delete("take")
            self.assertEqual(
                "another program holds a lock on it", self.trouble(undeleted)
            )
        self.assert_recovers(store)
        self.assertEqual(
            ["take"], [each.id for each in self.successResultOf(store.takes())]
        )
        self.assertEqual([], self.successResultOf(store.samples("take")))
        self.assertEqual([], self.successResultOf(store.journal("take")))

    def test_the_disk_is_full(self) -> None:
        """Nothing of a commit is kept that found no room."""
        store = SQLiteStore(self.file)
        store.open()
        self.addCleanup(store.close)
        store.commit([Write("ABC123", 0, session())])
        assert store._open is not None
        connection, _ = store._open
        connection.execute("PRAGMA max_page_count = 1")
        many = [take(f"take {n}") for n in range(500)]
        failed = store.commit([Write("ABC123", 1, None, tuple(many))])
        self.assertEqual("the disk is full", self.trouble(failed))
        self.assertEqual([], self.successResultOf(store.takes()))
        connection.execute("PRAGMA max_page_count = 4294967294")
        self.assert_recovers(store)

    def test_a_damaged_session(self) -> None:
        """It is named, and does not pass for one that is not there."""
        for damage in (b'{"id": 5}', b"{", b"\xff\0"):
            store = self.opened()
            store.commit([Write("ABC123", 0, session())])
            store.commit([Write("XYZ789", 0, session("XYZ789"))])
            self.sql(
                "UPDATE sessions SET body = CAST(? AS TEXT) WHERE code = 'ABC123'",
                damage,
            )
            for failed in (store.sessions(), store.session("ABC123")):
                self.assertRegex(
                    self.trouble(failed), "^the session ABC123 in the file is damaged: "
                )
            kept = self.successResultOf(store.session("XYZ789"))
            self.assertEqual(session("XYZ789"), kept)
            store.close()
            with self.assertRaisesRegex(StoreTrouble, "session ABC123 .* is damaged"):
                store.open()
            self.sql("DELETE FROM sessions")

    def test_a_damaged_take(self) -> None:
        """So is a take."""
        store = self.opened()
        store.commit([Write("ABC123", 0, None, (take("take"),))])
        self.sql("UPDATE takes SET body = '{}'")
        for failed in (store.take("take"), store.takes(), store.takes("ABC123")):
            self.assertRegex(
                self.trouble(failed), "^the take take in the file is damaged: "
            )

    def test_a_damaged_journal(self) -> None:
        """A journal is named by its take, and the take is there without it."""
        for damage in (b'{"takeId": 5}', b"{", b"\xff\0", UNKNOWN):
            store = self.opened()
            written = (entry("take"), entry("other"))
            takes = (take("take"), take("other"))
            store.commit([Write("ABC123", 0, None, takes, written)])
            self.sql(
                "UPDATE journals SET body = CAST(? AS TEXT) WHERE take_id = 'take'",
                damage,
            )
            self.assertRegex(
                self.trouble(store.journal("take")),
                "^the journal of take take in the file is damaged: ",
            )
            self.assertEqual(take("take"), self.successResultOf(store.take("take")))
            kept = self.successResultOf(store.journal("other"))
            self.assertEqual([entry("other")], kept)
            store.close()
            self.file.unlink()

    def test_a_damaged_camera(self) -> None:
        """A camera is named by its installation."""
        store = self.opened()
        store.commit([], [camera("one"), camera("two")])
        self.sql("UPDATE cameras SET body = '{' WHERE installation_id = 'one'")
        self.assertRegex(
            self.trouble(store.cameras()), "^the camera of one in the file is damaged: "
        )

    def test_damaged_while_it_is_open(self) -> None:
        """Pages that make no sense are trouble, and no exception."""
        store = self.opened()
        takes = tuple(take(f"take {n}") for n in range(300))
        store.commit([Write("ABC123", 0, session(), takes)])
        store.close()
        store = self.opened()
        with self.file.open("r+b") as file:
            file.seek(4096)
            file.write(b"\xa5" * (self.file.stat().st_size - 4096))
        self.assertRegex(self.trouble(store.takes()), "^the file is damaged: ")

    def test_no_room_for_the_file(self) -> None:
        """A disk that takes no more costs what was not told, and nothing else."""
        with child(NO_ROOM, str(self.file)) as program:
            out, _ = program.communicate(timeout=30)
        self.assertEqual(0, program.returncode)
        found = json.loads(out)
        self.assertEqual([found["told"]], found["kept"])
        for trouble in found["troubles"]:
            self.assertRegex(trouble, "^the disk (is full|does not take it: .*)$")
        self.assertGreater(found["went_on"], 0, "the log was not used anew")
        self.assertEqual([found["told"] + 1], found["with_room"])
        (kept,) = self.successResultOf(self.opened().sessions())
        self.assertEqual(found["told"] + 1, kept.version)


UNKNOWN: Final = (
    b'{"takeId":"take","deviceId":"host-id","at":0.0,"fact":{"type":"sang"}}'
)
"""A line that says what nobody knows."""

NO_ROOM: Final = """
import json, resource, sys
from pathlib import Path
from raydel.interfaces import Write
from raydel.store.sqlite import SQLiteStore
from tests.store.contract import session, take

def commit(version):
    takes = tuple(take(f"take {version} {n}") for n in range(5))
    return store.commit([Write("ABC123", version, session(version=version + 1), takes)])

def kept():
    return store.session("ABC123").result.version

def committed():
    done = commit(told)
    done.addErrback(lambda failure: troubles.add(str(failure.value)))
    return done.result == frozenset()

store = SQLiteStore(Path(sys.argv[1]))
store.open()
told, went_on, troubles = 0, 0, set()
_, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, hard))
while committed():
    told += 1
while committed():
    told += 1
    went_on += 1
for _ in range(20):
    if committed():
        told += 1
found = dict(told=told, went_on=went_on, kept=[kept()], troubles=list(troubles))
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
assert committed()
print(json.dumps(found | dict(with_room=[kept()])))
store.close()
"""


class Tried(FolderTestCase):
    """Whether anything can be stored."""

    def test_an_empty_commit_writes(self) -> None:
        """It fails where a full one would: nothing would be told by it otherwise."""
        store = self.opened()
        log = Path(f"{self.file}-wal")
        before = log.stat().st_size
        self.assertEqual(frozenset(), self.successResultOf(store.commit([])))
        self.assertGreater(log.stat().st_size, before)

    def test_rows_of_no_take_write_too(self) -> None:
        """So does a commit of which nothing is added: its takes are gone."""
        store = self.opened()
        log = Path(f"{self.file}-wal")
        before = log.stat().st_size
        done = store.commit([], [sample("gone"), entry("gone")])
        self.assertEqual(frozenset(), self.successResultOf(done))
        self.assertGreater(log.stat().st_size, before)


class Killed(FolderTestCase):
    """The end of the program at any instant."""

    def test_nothing_is_lost(self) -> None:
        """What was committed before SIGKILL is there, under either promise."""
        for survives in ("kill", "power-loss"):
            program = child(FOR_EVER, str(self.file), survives)
            assert program.stdout is not None
            with program, program.stdout:
                for _ in range(LONG_ENOUGH):
                    line = program.stdout.readline()
                os.kill(program.pid, signal.SIGKILL)
                line = (program.stdout.read().splitlines() or [line])[-1]
            self.assertEqual(-signal.SIGKILL, program.returncode)
            store = self.opened()  # The lock is gone with the process.
            (kept,) = self.successResultOf(store.sessions())
            self.assertGreaterEqual(kept.version, int(line))
            samples = self.successResultOf(store.samples("take"))
            journal = self.successResultOf(store.journal("take"))
            self.assertEqual(kept.version, len(samples))
            self.assertEqual(kept.version, len(journal))
            store.close()
            self.file.unlink()


FOR_EVER: Final = """
import sys
from itertools import count
from pathlib import Path
from raydel.interfaces import Write
from raydel.store.sqlite import SQLiteStore
from tests.store.contract import entry, sample, session, take

store = SQLiteStore(Path(sys.argv[1]), sys.argv[2])
store.open()
for version in count(1):
    changed, lines = session(version=version), (entry("take", version),)
    write = Write("ABC123", version - 1, changed, (take("take"),), lines)
    assert store.commit([write], [sample("take")]).result == frozenset()
    sys.stdout.write(f"{version}\\n")
    sys.stdout.flush()
"""


class OneServer(FolderTestCase):
    """A file is used by one server, and read by whoever may."""

    def test_what_is_promised(self) -> None:
        """SQLite is told what a commit is to survive: 1 is NORMAL, 2 is FULL."""
        for survives, synchronous in (("kill", 1), ("power-loss", 2)):
            store = SQLiteStore(self.file, cast("Survives", survives))
            store.open()
            assert store._open is not None
            connection, _ = store._open
            self.assertEqual(synchronous, pragma(connection, "synchronous"))
            self.assertEqual(0, pragma(connection, "wal_autocheckpoint"))
            self.assertEqual(1, pragma(connection, "secure_delete"))
            self.assertEqual(1, pragma(connection, "checkpoint_fullfsync"))
            store.close()

    def test_a_second_server(self) -> None:
        """It is refused for as long as the first one runs."""
        first = self.opened()
        trouble = self.assertRaises(StoreTrouble, self.new_store().open)
        self.assertIn(f"{self.file} is in use by another server: ", str(trouble))
        self.assertIn("as --store=sqlite:second.sqlite", str(trouble))
        first.close()
        self.opened()

    def test_by_another_name(self) -> None:
        """A link to the file leads to the same lock."""
        self.opened()
        link = self.folder / "link"
        link.symlink_to(self.file)
        trouble = self.assertRaises(StoreTrouble, self.new_store(file=link).open)
        self.assertIn(f"{self.file} is in use by another server: ", str(trouble))

    def test_no_anchor_for_a_second_server(self) -> None:
        """Nor does it get the time."""
        self.opened()
        fresh = Anchor("boot", "clock", NOON)
        self.assertRaises(StoreTrouble, self.new_store().anchor, fresh)

    def commit(self, store: IStore, version: int) -> None:
        """Commit a version of a session, and 20 samples with it."""
        write = Write("ABC123", version - 1, session(version=version), (take("take"),))
        done = store.commit([write], [sample("take")] * 20)
        self.assertEqual(frozenset(), self.successResultOf(done))

    def assert_whole(self, copy: Path, version: int) -> None:
        """Check that a copy is of that version, samples included."""
        restored = self.opened(file=copy)
        (kept,) = self.successResultOf(restored.sessions())
        self.assertEqual(version, kept.version)
        samples: Sequence[ClockSample] = self.successResultOf(restored.samples("take"))
        self.assertEqual(20 * version, len(samples))

    def test_reading_meanwhile(self) -> None:
        """Another program reads one state for as long as it wants to."""
        store = self.opened()
        self.commit(store, 1)
        count = "SELECT count(*) FROM samples"
        with closing(sqlite3.connect(self.file, isolation_level=None)) as reader:
            reader.execute("BEGIN")
            self.assertEqual([(20,)], reader.execute(count).fetchall())
            self.commit(store, 2)
            self.assertEqual([(20,)], reader.execute(count).fetchall())
            reader.execute("COMMIT")
            self.assertEqual([(40,)], reader.execute(count).fetchall())

    def test_backup_meanwhile(self) -> None:
        """A backup, which begins anew at each commit, is whole in the end."""
        store = self.opened()
        self.commit(store, 1)
        versions = iter((2, 3, 4))

        def progress(*_: int) -> None:
            if version := next(versions, None):
                self.commit(store, version)

        copy = self.folder / "copy.sqlite"
        with (
            closing(sqlite3.connect(self.file)) as reader,
            closing(sqlite3.connect(copy)) as target,
        ):
            reader.backup(target, pages=1, progress=progress)
        self.assert_whole(copy, 4)

    def test_backup_in_one_go(self) -> None:
        """The other kind of backup is of the moment at which it began."""
        store = self.opened()
        self.commit(store, 1)
        copy = self.folder / "copy.sqlite"
        with closing(sqlite3.connect(self.file, isolation_level=None)) as reader:
            reader.execute("VACUUM INTO ?", [str(copy)])
        self.commit(store, 2)
        self.assert_whole(copy, 1)

    def test_before_and_after_a_fork(self) -> None:
        """It is opened to look, closed, and opened again by a child."""
        with child(DAEMON, str(self.file)) as program:
            self.assertEqual(0, program.wait(30))
        found = self.successResultOf(self.opened().session("ABC123"))
        self.assertEqual(session(), found)

    def test_from_another_directory(self) -> None:
        """A daemon works elsewhere: the file is where it was meant at first."""
        home = Path.cwd()
        self.addCleanup(os.chdir, home)
        os.chdir(self.folder)
        store = SQLiteStore(Path("raydel.sqlite"))
        os.chdir(home)
        store.open()
        store.close()
        self.assertTrue(self.file.exists())


DAEMON: Final = """
import os, sys
from pathlib import Path
from raydel.interfaces import Write
from raydel.store.sqlite import SQLiteStore
from tests.store.contract import session

store = SQLiteStore(Path(sys.argv[1]))
store.open()
store.close()
process = os.fork()
if process:
    sys.exit(os.waitpid(process, 0)[1])
store.open()
assert store.commit([Write("ABC123", 0, session())]).result == frozenset()
store.close()
"""


class Modes(FolderTestCase):
    """Who may read the files."""

    def test_nobody_else(self) -> None:
        """Names and places of people's phones are for the server's user alone."""
        self.addCleanup(os.umask, os.umask(0))
        store = self.opened()
        store.commit([Write("ABC123", 0, session())])
        modes = {
            each.name: oct(stat.S_IMODE(each.stat().st_mode))
            for each in self.folder.iterdir()
        }
        names = ("", "-lock", "-shm", "-wal")
        self.assertEqual({f"raydel.sqlite{each}": "0o600" for each in names}, modes)
