"""One-way delay, from WebSocket pings.

Every WebSocket client answers a ping, whatever app it runs. What comes back
tells how long a message takes, and that all that was sent before has arrived.
"""

from __future__ import annotations

from typing import Final, Generic, TypeVar

KEPT: Final = 32
"""Round trips kept: two bursts, or two minutes of heartbeats."""

MAX_PENDING: Final = 64
"""Pings that may wait for a pong; the oldest leaves its purpose to the newest."""

LATEST: Final = 5
"""Round trips of which the least tells the delay: a burst of pings, which may find that
the way has changed."""

LONGEST: Final = 1_000.0
"""ms. What takes longer has waited in a stalled link, and tells of that alone."""

Purpose = TypeVar("Purpose")


class RoundTrips(Generic[Purpose]):
    """Numbers the pings and weighs the pongs.

    Each ping may carry a purpose, which its pong gives back.
    """

    __slots__ = (
        "_pending",
        "_round_trips",
        "_sent",
    )

    def __init__(self) -> None:
        self._sent = 0
        self._pending: dict[bytes, tuple[float, list[Purpose]]] = {}
        self._round_trips: list[float] = []

    def ping(self, now: float, purpose: Purpose | None = None) -> bytes:
        """Return the payload of a new ping."""
        self._sent += 1
        payload = b"raydel-%d" % self._sent
        purposes = [] if purpose is None else [purpose]
        if len(self._pending) >= MAX_PENDING:
            _, forgotten = self._pending.pop(next(iter(self._pending)))
            purposes = forgotten + purposes
        self._pending[payload] = (now, purposes)
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
        return [p for each in answered for p in self._pending.pop(each)[1]]

    def add(self, round_trip: float) -> None:
        """Weigh a round trip, ms, however it was measured."""
        if round_trip <= LONGEST:
            self._round_trips.append(round_trip)
            del self._round_trips[:-KEPT]

    def forget(self) -> None:
        """Weigh nothing from before: the way has changed."""
        self._round_trips.clear()

    def purposes(self) -> list[Purpose]:
        """Return what the unanswered pings were for, oldest first."""
        return [p for _, purposes in self._pending.values() for p in purposes]

    @property
    def delay(self) -> float | None:
        """One way in ms, as half the least round trip of late, or None if unknown.

        The least, though a command may take longer: two phones that start on receipt
        differ by chance enough, and the least is what chance has no part in.
        """
        latest = self._round_trips[-LATEST:]
        return min(latest) / 2 if latest else None

    @property
    def reach(self) -> float | None:
        """One way in ms if it takes long, or None if unknown.

        The longest round trip: nobody knows which of its ways was the slow one.
        """
        return max(self._round_trips, default=None)
