"""A server that can die: all it had going stops at once, its store included."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.task import Clock

from raydel.core.config import Config
from raydel.interfaces import IConnection, IStore, ITimebase
from raydel.service import SessionService
from tests.crashes.links import Link
from tests.crashes.mortal import MortalClock
from tests.crashes.store import Disk, Doom, StoppingStore


class Server:
    """One run of the program, from its start to its end.

    Args:
        store: What outlives it.
        disk: What that stands on.
        clock: What outlives it too.
        timebase: Server time.
        died: Called when a write was its last.

    Attributes:
        service: The service.
        alive: Whether it runs.
        listens: Whether it lets anybody in.
    """

    def __init__(
        self,
        store: IStore,
        disk: Disk,
        clock: Clock,
        timebase: ITimebase,
        died: Callable[[], None],
    ) -> None:
        self.alive = True
        self.listens = True
        self._links: list[Link] = []
        self._clock = MortalClock(clock)
        self._store = StoppingStore(store, disk, self._clock)
        self._died = died
        self.service = SessionService(Config(), self._store, timebase, self._clock)
        self.service.startService()

    @property
    def forgets(self) -> bool:
        """Whether it told what it could not store."""
        return self.service.trouble is not None

    def doom(self, writes: int, *, made: bool) -> None:
        """Let a write to come be its last; 0: none will be."""
        self._store.doom = Doom(writes, made, self._died) if writes else None

    def connect(self, link: Link) -> IConnection:
        """Let a phone in."""
        self._links.append(link)
        return self.service.connect(link, None)

    def die(self, *, made: bool, arrives: bool) -> None:
        """End at once.

        Args:
            made: Whether the writes that are under way are made.
            arrives: Whether what is on its way to the phones arrives.
        """
        self.alive = self.listens = False
        self._clock.die()
        self._store.die(made=made)
        for link in self._links:
            link.bereave(arrives=arrives)

    def stop(self, stopped: Callable[[], None]) -> None:
        """End in good order."""
        self.listens = False

        def done(_: object) -> None:
            if self.alive:
                self.alive = False
                self._clock.die()
                for link in self._links:
                    link.bereave(arrives=True)
                stopped()

        self.service.stopService().addBoth(done)
