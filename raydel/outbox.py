"""What has to wait before it leaves, in the order in which it was put in."""

from __future__ import annotations

from collections.abc import Callable
from math import inf

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from raydel.core.instants import SECOND
from raydel.interfaces import ITimebase


class Outbox:
    """A queue of departures: first in, first out, none before its time.

    Args:
        clock: Runs the timer.
        timebase: Tells server time, in which departures are given.
    """

    __slots__ = (
        "_clock",
        "_timebase",
        "_timer",
        "_waiting",
    )

    def __init__(self, clock: IReactorTime, timebase: ITimebase) -> None:
        self._clock = clock
        self._timebase = timebase
        self._waiting: list[tuple[float, Callable[[], None]]] = []
        self._timer: IDelayedCall | None = None

    @property
    def until(self) -> float:
        """When all that waits will have left, server time; -inf if nothing does."""
        return self._waiting[-1][0] if self._waiting else -inf

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits."""
        return not self._waiting

    def put(self, departure: float, leave: Callable[[], None]) -> None:
        """Call ``leave`` at an instant, or at once if that is past.

        Nothing overtakes what waits already: it leaves then at the earliest.
        """
        if not self._waiting and departure <= self._timebase.now():
            leave()
            return
        self._waiting.append((max(departure, self.until), leave))
        if self._timer is None:
            self._arm()

    def clear(self) -> None:
        """Forget all that waits."""
        self._waiting.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self) -> None:
        wait = max(0.0, self._waiting[0][0] - self._timebase.now())
        self._timer = self._clock.callLater(wait / SECOND, self._depart)

    def _depart(self) -> None:
        self._timer = None
        _, leave = self._waiting.pop(0)
        if self._waiting:
            self._arm()
        leave()
