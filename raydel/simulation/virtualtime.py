"""Time that passes only where something is due: a reactor's timers, and server time.

`twisted.internet.task.Clock` does the same, and sorts all that is planned whenever
something is added: here it stands in a heap.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from heapq import heappop, heappush
from itertools import count
from math import inf
from typing import Any, Final

from twisted.internet.error import AlreadyCalled, AlreadyCancelled
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from zope.interface import implementer

from raydel.core.instants import SECOND
from raydel.interfaces import ITimebase

_CALLED: Final = -1
_CANCELLED: Final = -2


@implementer(IDelayedCall)
class Planned:
    """A call that is planned.

    Args:
        clock: When it is.
        due: When it is due, ms.
        call: What is called then.
        args: With what.
        more: With what, by name.
    """

    __slots__ = ("args", "call", "clock", "due", "more", "number")

    def __init__(
        self,
        clock: VirtualClock,
        due: float,
        call: Callable[..., object],
        args: tuple[Any, ...],
        more: dict[str, Any],
    ) -> None:
        self.clock = clock
        self.due = due
        self.call = call
        self.args = args
        self.more = more
        self.number = 0

    def getTime(self) -> float:  # noqa: N802 - Twisted calls it
        """Return when it is due, in the clock's seconds."""
        return self.due / SECOND

    def active(self) -> bool:
        """Tell whether it is still to come."""
        return self.number >= 0

    def cancel(self) -> None:
        """Do not call.

        Raises:
            AlreadyCalled: It was called.
            AlreadyCancelled: It was cancelled before.
        """
        self._check()
        self.number = _CANCELLED

    def reset(self, delay: float) -> None:
        """Call so many seconds from now instead.

        Raises:
            AlreadyCalled: It was called.
            AlreadyCancelled: It was cancelled.
        """
        self._check()
        self.clock.plan(self, self.clock.now + delay * SECOND)

    def delay(self, more: float) -> None:
        """Call so many seconds later than planned.

        Raises:
            AlreadyCalled: It was called.
            AlreadyCancelled: It was cancelled.
        """
        self._check()
        self.clock.plan(self, self.due + more * SECOND)

    def _check(self) -> None:
        if self.number == _CALLED:
            raise AlreadyCalled
        if self.number == _CANCELLED:
            raise AlreadyCancelled


@implementer(IReactorTime)
class VirtualClock:
    """Runs what is planned, in the order it is due; no real time passes.

    What is due at one instant is called in the order it was planned in.

    Args:
        now: The instant at which it begins, ms since the epoch.

    Attributes:
        now: The instant it is, ms since the epoch.
    """

    def __init__(self, now: float) -> None:
        self.now = now
        self._numbers = count()
        self._heap: list[tuple[float, int, Planned]] = []

    def seconds(self) -> float:
        """Return the instant it is, in seconds."""
        return self.now / SECOND

    def callLater(  # noqa: N802 - Twisted calls it
        self,
        delay: float,
        callable: Callable[..., Any],  # noqa: A002 - as the interface has it
        *args: object,
        **kwargs: object,
    ) -> Planned:
        """Plan a call, seconds from now."""
        due = self.now + delay * SECOND
        return self.plan(Planned(self, due, callable, args, kwargs), due)

    def call_at(self, due: float, call: Callable[..., object], *args: Any) -> Planned:
        """Plan a call at an instant, ms."""
        return self.plan(Planned(self, due, call, args, {}), due)

    def plan(self, planned: Planned, due: float) -> Planned:
        """Put a call where it belongs, once more if it was planned already."""
        planned.due = max(due, self.now)
        planned.number = next(self._numbers)
        heappush(self._heap, (planned.due, planned.number, planned))
        return planned

    def getDelayedCalls(self) -> Sequence[IDelayedCall]:  # noqa: N802 - Twisted's
        """Return what is to come, in no order."""
        return [call for _, number, call in self._heap if call.number == number]

    def run(self, until: float) -> None:
        """Let time pass until an instant, ms."""
        self.run_while(lambda: True, until)
        self.now = max(self.now, until)

    def run_while(self, goes_on: Callable[[], bool], until: float = inf) -> None:
        """Let time pass while something holds, and no longer than until an instant.

        Args:
            goes_on: Asked before each call.
            until: ms. What is due then is called.
        """
        heap = self._heap
        while heap and heap[0][0] <= until and goes_on():
            due, number, planned = heappop(heap)
            if planned.number == number:
                self.now = due
                planned.number = _CALLED
                planned.call(*planned.args, **planned.more)


@implementer(ITimebase)
class VirtualTimebase:
    """Server time that is a clock's.

    Args:
        clock: The clock.
    """

    clock_id = "played"

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock

    def now(self) -> float:
        """Return the instant it is, in milliseconds since the epoch."""
        return self._clock.now
