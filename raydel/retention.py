"""How long takes are kept."""

from __future__ import annotations

from typing import Final

from twisted.internet.defer import maybeDeferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from raydel.interfaces import IStore, ITimebase, StoreTrouble

EVERY: Final = 3600.0
"""Seconds between two looks: nobody counts the hours of ninety days."""

PAUSE: Final = 0.1
"""Seconds between two portions: phones come first."""


class Retention:
    """Deletes takes whose time is over, a portion at a time.

    Args:
        store: Where they are.
        keep: Milliseconds that a take is kept after its end.
        timebase: Server time.
        clock: Runs the timer.
    """

    log = Logger()

    def __init__(
        self, store: IStore, keep: float, timebase: ITimebase, clock: IReactorTime
    ) -> None:
        self._store = store
        self._keep = keep
        self._timebase = timebase
        self._clock = clock
        self._call: IDelayedCall | None = None

    def start(self) -> None:
        """Look soon, and every hour from then on."""
        self._call = self._clock.callLater(PAUSE, self._look)

    def stop(self) -> None:
        """Look no more."""
        if self._call is not None and self._call.active():
            self._call.cancel()
        self._call = None

    def _look(self) -> None:
        self._call = self._clock.callLater(EVERY, self._look)
        before = self._timebase.now() - self._keep
        forgotten = maybeDeferred(self._store.forget, before)
        forgotten.addCallbacks(self._forgotten, self._note)

    def _forgotten(self, count: int) -> None:
        if count and self._call is not None:
            self.log.info("{count} old takes deleted", count=count)
            self._call.reset(PAUSE)

    def _note(self, failure: Failure) -> None:
        if failure.check(StoreTrouble):
            self.log.error("old takes stay: {why}", why=failure.getErrorMessage())
        else:
            self.log.failure("old takes stay", failure)
