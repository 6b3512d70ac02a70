"""How often a peer may do something, decided before anything is decoded."""

from __future__ import annotations


class TokenBucket:
    """Allows so many a second on average, and so many at once.

    Time is an argument: seconds on any clock that never runs backwards.
    """

    __slots__ = ("_burst", "_filled", "_rate", "_tokens")

    def __init__(self, rate: float, burst: float, now: float) -> None:
        """Start full.

        Args:
            rate: How many a second are allowed for ever.
            burst: How many are allowed at once.
            now: The time, in seconds.
        """
        self._rate = rate
        self._burst = burst
        self._tokens = burst
        self._filled = now

    def take(self, now: float) -> bool:
        """Take one and return True, or return False if there is none left."""
        grown = self._tokens + (now - self._filled) * self._rate
        self._tokens = min(self._burst, grown)
        self._filled = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True
