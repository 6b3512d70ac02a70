"""The machine that servers run on: what they leave behind, and what starts the next."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from twisted.internet.interfaces import IDelayedCall

from raydel.core.take import Take
from raydel.interfaces import StoreTrouble
from raydel.testing.fakes import FakeTimebase
from tests.crashes.clock import QuickClock
from tests.crashes.phones import CODE
from tests.crashes.schedule import Full, Kill, Restart
from tests.crashes.server import Server
from tests.crashes.shelves import Shelf
from tests.crashes.store import Disk
from tests.promises import KeptTake

STARTS_AGAIN: Final = 1.0
"""Seconds after which a server that could not start is started again."""


class Machine:
    """A disk, and a server or none.

    Args:
        clock: Runs everything.
        shelf: What is on the disk.
        slow: How long it takes to write and to read, ms.
        note: Is told what happens.

    Attributes:
        server: The latest server.
        lost_writes: Whether one was killed while it said that it could store nothing.
    """

    def __init__(
        self,
        clock: QuickClock,
        shelf: Shelf,
        slow: float,
        note: Callable[[str, object], None],
    ) -> None:
        self.server: Server | None = None
        self.lost_writes = False
        self._clock = clock
        self._shelf = shelf
        self._note = note
        self._timebase = FakeTimebase(clock)
        self._disk = Disk(delay=slow / 1000)
        self._full = self._unreadable = 0
        self._kill: Kill | None = None
        self._booting: IDelayedCall | None = None

    @property
    def listening(self) -> Server | None:
        """The server, if it lets anybody in."""
        server = self.server
        return server if server is not None and server.listens else None

    def boot(self) -> None:
        """Start a server, or try it again as whatever started it would."""
        self._booting = None
        self._note("a server", "starts")
        try:
            self.server = Server(
                self._shelf(), self._disk, self._clock, self._timebase, self._die
            )
        except StoreTrouble:
            self._boot_in(STARTS_AGAIN)

    def kill(self, kill: Kill) -> None:
        """Kill the server, now or at a write."""
        if self.server is None or not self.server.alive:
            return
        self._kill = kill
        if kill.writes:
            self.server.doom(kill.writes, made=kill.made)
        else:
            self._die()

    def restart(self, restart: Restart) -> None:
        """Stop the server in good order, and start another one."""
        server = self.listening
        if server is None:
            return

        def stopped() -> None:
            self.lost_writes |= server.forgets
            self._boot_in(restart.pause / 1000)

        server.stop(stopped)

    def fill(self, full: Full) -> None:
        """Let the disk take nothing any more."""
        self._full += 1
        self._unreadable += full.unreadable
        self._look_at_disk()

    def tidy(self, full: Full) -> None:
        """Let the disk take something again."""
        self._full -= 1
        self._unreadable -= full.unreadable
        self._look_at_disk()

    def let_live(self) -> None:
        """Kill nothing any more, and start what is to start."""
        if self.server is not None:
            self.server.doom(0, made=False)
        if self._booting is not None:
            self._booting.reset(0)

    def end(self) -> list[KeptTake]:
        """Kill the server for good; return what another one would find."""
        if self.server is not None and self.server.alive:
            self.server.die(made=True, arrives=False)
        store = self._shelf()
        store.open()
        found: list[Take] = []
        store.takes(CODE, limit=1000).addCallback(found.extend)
        store.close()
        return [
            KeptTake(
                take.id,
                take.accepted_at,
                take.ended_at,
                take.reason,
                frozenset(p.name for p in take.participants),
            )
            for take in reversed(found)
        ]

    def _die(self) -> None:
        server, kill = self.server, self._kill
        assert server is not None
        assert kill is not None
        self.lost_writes |= server.forgets
        self._note("the server", "dies")
        server.die(made=kill.made, arrives=kill.arrives)
        self._boot_in(kill.pause / 1000)

    def _boot_in(self, seconds: float) -> None:
        self._booting = self._clock.callLater(seconds, self.boot)

    def _look_at_disk(self) -> None:
        self._disk.full = self._full > 0
        self._disk.unreadable = self._unreadable > 0
