"""One-way delay, from WebSocket pings.

Every WebSocket client answers a ping, whatever app it runs. What comes back
tells how long a message takes, and that all that was sent before has arrived.
"""

from __future__ import annotations

from collections import deque
from statistics import median
from typing import Final, Generic, TypeVar

KEPT: Final = 8
"""Round trips kept: a burst, or half a minute of heartbeats."""

MAX_PENDING: Final = 64
"""Pings that may wait for a pong; the oldest is forgotten."""

Purpose = TypeVar("Purpose")


class RoundTrips(Generic[Purpose]):
    """Numbers the pings and weighs the pongs.

    Each ping may carry a purpose, which its pong gives back.
    """

    def __init__(self) -> None:
        self._sent = 0
        self._pending: dict[bytes, tuple[float, Purpose | None]] = {}
        self._round_trips: deque[float] = deque(maxlen=KEPT)

    def ping(self, now: float, purpose: Purpose | None = None) -> bytes:
        """Return the payload of a new ping."""
        self._sent += 1
        if len(self._pending) >= MAX_PENDING:
            del self._pending[next(iter(self._pending))]
        payload = b"raydel-%d" % self._sent
        self._pending[payload] = (now, purpose)
        return payload

    def pong(self, payload: bytes, now: float) -> list[Purpose]:
        """Take a pong, and return what its ping and those before it were for.

        A client may answer the latest ping alone (RFC 6455, 5.5.3), and has
        read all that came before it. A payload that was never sent is ignored.
        """
        if payload not in self._pending:
            return []
        sent = list(self._pending)
        answered = sent[: sent.index(payload) + 1]
        self.add(now - self._pending[payload][0])
        purposes = [self._pending.pop(each)[1] for each in answered]
        return [purpose for purpose in purposes if purpose is not None]

    def add(self, round_trip: float) -> None:
        """Weigh a round trip that was measured in another way, ms."""
        self._round_trips.append(round_trip)

    def purposes(self) -> list[Purpose]:
        """Return what the unanswered pings were for, oldest first."""
        return [p for _, p in self._pending.values() if p is not None]

    @property
    def delay(self) -> float | None:
        """One way in ms, as half the median round trip, or None if unknown.

        The median, not the least: a command will meet the usual delay.
        """
        return median(self._round_trips) / 2 if self._round_trips else None
