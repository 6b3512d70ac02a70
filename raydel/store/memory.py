"""Sessions and takes in memory: gone with the program."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import takewhile
from typing import Final

from twisted.internet.defer import Deferred, succeed
from zope.interface import implementer

from raydel.core.instants import CREDIBLE, Anchor
from raydel.core.journal import JournalEntry
from raydel.core.letters import Letter
from raydel.core.startlatency import Camera
from raydel.core.state import Session
from raydel.core.take import ClockSample, Take
from raydel.interfaces import MOST_CAMERAS, IStore, Row, Write
from raydel.store.rows import cameras_of, entries_of, samples_of

KEPT_TAKES: Final = 1_000
"""A year of a busy club; about a megabyte."""

KEPT_LETTERS: Final = 10_000
"""Some 300 matches that nobody could be told of; about four megabytes."""


@implementer(IStore)
class MemoryStore:
    """Everything in dictionaries; every Deferred has fired already.

    Args:
        kept_takes: How many takes are kept; the oldest are forgotten first.
        kept_letters: How many letters are, likewise.
        kept_cameras: Of how many installations it is kept what their cameras do.
    """

    def __init__(
        self,
        kept_takes: int = KEPT_TAKES,
        kept_letters: int = KEPT_LETTERS,
        kept_cameras: int = MOST_CAMERAS,
    ) -> None:
        self._kept_takes = kept_takes
        self._kept_letters = kept_letters
        self._kept_cameras = kept_cameras
        self._sessions: dict[str, Session] = {}
        self._takes: dict[str, Take] = {}
        self._samples: dict[str, list[ClockSample]] = {}
        self._journals: dict[str, list[JournalEntry]] = {}
        self._cameras: dict[str, Camera] = {}
        self._letters: dict[str, Letter] = {}
        self._anchors: dict[str, Anchor] = {}

    def open(self) -> None:
        """Memory is always ready."""

    def close(self) -> None:
        """Nothing to let go of."""

    def anchor(self, fresh: Anchor) -> Anchor:
        """Return the anchor of a boot."""
        return self._anchors.setdefault(fresh.boot, fresh)

    def sessions(self) -> Deferred[Sequence[Session]]:
        """Return every session, in the order of their first commits."""
        return succeed(list(self._sessions.values()))

    def session(self, code: str) -> Deferred[Session | None]:
        """Return one session."""
        return succeed(self._sessions.get(code))

    def take(self, take_id: str) -> Deferred[Take | None]:
        """Return one take."""
        return succeed(self._takes.get(take_id))

    def takes(
        self, code: str | None = None, before: str | None = None, limit: int = 50
    ) -> Deferred[Sequence[Take]]:
        """Return takes, the latest begun first."""
        if before is not None and before not in self._takes:
            return succeed([])
        older = takewhile(lambda take: take.id != before, self._takes.values())
        found = [take for take in older if code in {None, take.session_id}]
        return succeed(found[::-1][:limit])

    def samples(self, take_id: str) -> Deferred[Sequence[ClockSample]]:
        """Return the clock samples of a take."""
        return succeed(tuple(self._samples.get(take_id, ())))

    def journal(self, take_id: str) -> Deferred[Sequence[JournalEntry]]:
        """Return what happened in a take."""
        return succeed(tuple(self._journals.get(take_id, ())))

    def cameras(self) -> Deferred[Sequence[Camera]]:
        """Return what is known of cameras, the newest first."""
        return succeed(tuple(reversed(self._cameras.values())))

    def commit(
        self, batch: Sequence[Write], rows: Sequence[Row] = ()
    ) -> Deferred[frozenset[str]]:
        """Make each write whose expected version is the present one."""
        conflicts = frozenset(each.code for each in batch if not self._fits(each))
        made = [each for each in batch if each.code not in conflicts]
        for write in made:
            self._make(write)
        self._add(made, rows)
        if rows:
            self._keep(cameras_of(rows))
        while len(self._takes) > self._kept_takes:
            self._delete(next(iter(self._takes)))
        while len(self._letters) > self._kept_letters:
            del self._letters[next(iter(self._letters))]
        return succeed(conflicts)

    def letters(self, limit: int = 1_000) -> Deferred[Sequence[Letter]]:
        """Return the oldest letter of each session, the oldest first."""
        oldest: dict[str, Letter] = {}
        for letter in self._letters.values():
            oldest.setdefault(letter.session_id, letter)
        return succeed(list(oldest.values())[:limit])

    def delivered(self, ids: Sequence[str]) -> Deferred[None]:
        """Delete letters."""
        for each in ids:
            self._letters.pop(each, None)
        return succeed(None)

    def delete(self, take_id: str) -> Deferred[bool]:
        """Delete a take that has ended."""
        take = self._takes.get(take_id)
        if take is None or take.ended_at is None:
            return succeed(False)
        self._delete(take_id)
        return succeed(True)

    def forget(self, before: float) -> Deferred[int]:
        """Delete takes that ended before an instant."""
        old = [
            take.id
            for take in self._takes.values()
            if take.ended_at is not None and CREDIBLE <= take.ended_at < before
        ]
        for take_id in old:
            self._delete(take_id)
        return succeed(len(old))

    def _fits(self, write: Write) -> bool:
        present = self._sessions.get(write.code)
        return write.expected == (0 if present is None else present.version)

    def _make(self, write: Write) -> None:
        if write.session is None:
            self._sessions.pop(write.code, None)
        else:
            self._sessions[write.code] = write.session
        for take in write.takes:
            self._takes[take.id] = take
        for letter in write.letters:
            self._letters[letter.id] = letter

    def _add(self, made: Sequence[Write], rows: Sequence[Row]) -> None:
        """Add rows to the takes that are there."""
        for sample in samples_of(rows) if rows else ():
            if sample.take_id in self._takes:
                self._samples.setdefault(sample.take_id, []).append(sample)
        for entry in entries_of(made, rows):
            if entry.take_id in self._takes:
                self._journals.setdefault(entry.take_id, []).append(entry)

    def _keep(self, cameras: Iterable[Camera]) -> None:
        """Put what is known of cameras last, and forget the oldest."""
        for camera in cameras:
            self._cameras.pop(camera.installation_id, None)
            self._cameras[camera.installation_id] = camera
        while len(self._cameras) > self._kept_cameras:
            del self._cameras[next(iter(self._cameras))]

    def _delete(self, take_id: str) -> None:
        del self._takes[take_id]
        self._samples.pop(take_id, None)
        self._journals.pop(take_id, None)
