"""Sessions and takes in memory: gone with the program."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from twisted.internet.defer import Deferred, succeed
from zope.interface import implementer

from raydel.core.state import Session
from raydel.core.take import Take
from raydel.interfaces import IStore, Write

KEPT_TAKES: Final = 1_000
"""A year of a busy club; about a megabyte."""


@implementer(IStore)
class MemoryStore:
    """Everything in dictionaries; every Deferred has fired already.

    Args:
        kept_takes: How many takes are kept; the oldest are forgotten first.
    """

    def __init__(self, kept_takes: int = KEPT_TAKES) -> None:
        self._kept_takes = kept_takes
        self._sessions: dict[str, Session] = {}
        self._takes: dict[str, Take] = {}

    def sessions(self) -> Deferred[Sequence[Session]]:
        """Return every session, in the order of their first commits."""
        return succeed(list(self._sessions.values()))

    def session(self, code: str) -> Deferred[Session | None]:
        """Return one session."""
        return succeed(self._sessions.get(code))

    def take(self, take_id: str) -> Deferred[Take | None]:
        """Return one take."""
        return succeed(self._takes.get(take_id))

    def takes(self, code: str) -> Deferred[Sequence[Take]]:
        """Return the takes recorded under a code, latest first."""
        found = [take for take in self._takes.values() if take.session_id == code]
        return succeed(found[::-1])

    def commit(self, batch: Sequence[Write]) -> Deferred[frozenset[str]]:
        """Make each write whose expected version is the present one."""
        conflicts = {write.code for write in batch if not self._fits(write)}
        for write in batch:
            if write.code not in conflicts:
                self._make(write)
        return succeed(frozenset(conflicts))

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
        while len(self._takes) > self._kept_takes:
            del self._takes[next(iter(self._takes))]
