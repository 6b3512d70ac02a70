"""A clock that stops with whoever uses it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.internet.task import Clock
from zope.interface import implementer


@implementer(IReactorTime)
class MortalClock:
    """Makes calls while its user lives.

    Args:
        clock: Lives on.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._dead = False

    def seconds(self) -> float:
        """Return the time, seconds."""
        return float(self._clock.seconds())

    def callLater(
        self,
        delay: float,
        callable: Callable[..., object],  # noqa: A002 - it is named so
        *args: object,
        **kwargs: object,
    ) -> IDelayedCall:
        """Call later, if the user lives then."""
        planned: IDelayedCall = self._clock.callLater(
            delay, self._call, callable, args, kwargs
        )
        return planned

    def getDelayedCalls(self) -> Sequence[IDelayedCall]:
        """Return all calls that are to come, whosever they are."""
        return list(self._clock.getDelayedCalls())

    def die(self) -> None:
        """Make no call any more."""
        self._dead = True

    def _call(
        self, call: Callable[..., object], args: tuple[Any, ...], kw: dict[str, Any]
    ) -> None:
        if not self._dead:
            call(*args, **kw)
