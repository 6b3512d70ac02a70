"""A store that dies with its server at a write, and a disk that fails for a while."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from twisted.internet.defer import Deferred, fail
from twisted.internet.interfaces import IReactorTime
from zope.interface import implementer

from raydel.core.instants import Anchor
from raydel.core.journal import JournalEntry
from raydel.core.letters import Letter
from raydel.core.startlatency import Camera
from raydel.core.state import Session
from raydel.core.take import ClockSample, Take
from raydel.interfaces import IStore, Row, StoreTrouble, Write

_Found = TypeVar("_Found")


@dataclass
class Disk:
    """What a store stands on, whichever server uses it.

    Attributes:
        delay: Seconds that a commit takes, and that a read does; 0: at once.
        full: Whether nothing can be written.
        unreadable: Whether nothing can be read either.
    """

    delay: float = 0.0
    full: bool = False
    unreadable: bool = False


@dataclass
class Doom:
    """Which write is a server's last.

    Attributes:
        writes: How many are left, it included; 0: none is.
        made: Whether it is made, though nobody is told.
        die: Ends the server.
    """

    writes: int
    made: bool
    die: Callable[[], None]


@implementer(IStore)
class StoppingStore:
    """Hands all to a store until its server dies, and nothing from then on.

    Args:
        store: The store, which outlives the server.
        disk: What it stands on.
        clock: The server's own, whose calls die with it.

    Attributes:
        doom: What makes a write the last one, if anything does.
        writes: How many commits there were.
    """

    def __init__(self, store: IStore, disk: Disk, clock: IReactorTime) -> None:
        self.doom: Doom | None = None
        self.writes = 0
        self._store = store
        self._disk = disk
        self._clock = clock
        self._dead = False
        self._under_way: list[tuple[Sequence[Write], Sequence[Row]]] = []

    def die(self, *, made: bool) -> None:
        """Do nothing any more.

        Args:
            made: Whether the commits that are under way are made before.
        """
        self._dead = True
        for batch, rows in self._under_way if made else ():
            self._store.commit(batch, rows)
        self._store.close()

    def open(self) -> None:
        """Get ready, if the disk can be read."""
        if self._disk.unreadable:
            raise StoreTrouble("the disk cannot be read")
        self._store.open()

    def close(self) -> None:
        """Let go of everything."""
        if not self._dead:
            self._store.close()

    def anchor(self, fresh: Anchor) -> Anchor:
        """Return the anchor of a boot."""
        return self._store.anchor(fresh)

    def sessions(self) -> Deferred[Sequence[Session]]:
        """Return every session."""
        return self._read(self._store.sessions)

    def session(self, code: str) -> Deferred[Session | None]:
        """Return one session."""
        return self._read(lambda: self._store.session(code))

    def take(self, take_id: str) -> Deferred[Take | None]:
        """Return one take."""
        return self._read(lambda: self._store.take(take_id))

    def takes(
        self, code: str | None = None, before: str | None = None, limit: int = 50
    ) -> Deferred[Sequence[Take]]:
        """Return takes, the latest begun first."""
        return self._read(lambda: self._store.takes(code, before, limit))

    def samples(self, take_id: str) -> Deferred[Sequence[ClockSample]]:
        """Return the clock samples of a take."""
        return self._read(lambda: self._store.samples(take_id))

    def journal(self, take_id: str) -> Deferred[Sequence[JournalEntry]]:
        """Return what happened in a take."""
        return self._read(lambda: self._store.journal(take_id))

    def cameras(self) -> Deferred[Sequence[Camera]]:
        """Return what is known of cameras."""
        return self._read(self._store.cameras)

    def letters(self, limit: int = 1_000) -> Deferred[Sequence[Letter]]:
        """Return the oldest letter of each session."""
        return self._read(lambda: self._store.letters(limit))

    def delivered(self, ids: Sequence[str]) -> Deferred[None]:
        """Delete letters."""
        return self._read(lambda: self._store.delivered(ids))

    def delete(self, take_id: str) -> Deferred[bool]:
        """Delete a take that has ended."""
        return self._read(lambda: self._store.delete(take_id))

    def forget(self, before: float) -> Deferred[int]:
        """Delete takes that ended before an instant."""
        return self._read(lambda: self._store.forget(before))

    def commit(
        self, batch: Sequence[Write], rows: Sequence[Row] = ()
    ) -> Deferred[frozenset[str]]:
        """Make each write, fail, or die of it."""
        if self._dead:
            return Deferred()
        self.writes += 1
        doom = self.doom
        if doom is not None and not self._disk.full:
            doom.writes -= 1
            if doom.writes == 0:
                return self._die_of(doom, batch, rows)
        self._under_way.append((batch, rows))
        return self._later(self._commit)

    def _die_of(
        self, doom: Doom, batch: Sequence[Write], rows: Sequence[Row]
    ) -> Deferred[frozenset[str]]:
        self._under_way.append((batch, rows))
        if not doom.made:
            self._under_way.pop()
        doom.die()
        return Deferred()

    def _commit(self) -> Deferred[frozenset[str]]:
        batch, rows = self._under_way.pop(0)
        if self._disk.full:
            return fail(StoreTrouble("the disk is full"))
        return self._store.commit(batch, rows)

    def _read(self, read: Callable[[], Deferred[_Found]]) -> Deferred[_Found]:
        def look() -> Deferred[_Found]:
            if self._disk.unreadable:
                return fail(StoreTrouble("the disk cannot be read"))
            return read()

        return Deferred() if self._dead else self._later(look)

    def _later(self, call: Callable[[], Deferred[_Found]]) -> Deferred[_Found]:
        """Call at once, or as late as the disk is slow."""
        if self._disk.delay == 0:
            return call()
        due: Deferred[None] = Deferred()
        self._clock.callLater(self._disk.delay, due.callback, None)
        return due.addCallback(lambda _: call())
