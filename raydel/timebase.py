"""Server time, from the machine's monotonic clock."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable

from zope.interface import implementer

from raydel.core.instants import SECOND
from raydel.interfaces import ITimebase


@implementer(ITimebase)
class MonotonicTimebase:
    """The monotonic clock, anchored to the epoch once, when it is made.

    The machine's wall clock may step by an hour later on: nothing here moves.

    Args:
        wall: Seconds since the epoch; read once.
        monotonic: Seconds since anything, never going back.
    """

    def __init__(
        self,
        wall: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._monotonic = monotonic
        self._anchor = wall() - monotonic()
        self.clock_id = secrets.token_urlsafe(9)

    def now(self) -> float:
        """Return milliseconds since the epoch, with a fraction."""
        return (self._anchor + self._monotonic()) * SECOND
