"""Between what limits a peer's clock surely is.

Of one question t1 and t4 are the server's times of asking and hearing, t2 and t3 the
peer's times of hearing and answering. No message arrives before it was sent, so the
peer is ahead by ``t2 - t1`` at most and by ``t3 - t4`` at least: half of what lies
between is half the round trip (Cristian 1989; Mills, RFC 5905).

What many answers leave in common is the corridor. The truth is in it whatever the
network does, as long as two clocks run apart by no more than 100 ppm.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from raydel.core.kalman import WORST_RATE
from raydel.core.values import Value

ROUNDING: Final = 0.0005
"""ms that a difference of two epoch times may be off: doubles are 0.00024 apart."""


class Reading(NamedTuple):
    """What one answered question says of the peer's clock.

    Attributes:
        asked_at: When it was asked for, server time, ms.
        heard_at: When the answer was heard.
        most: The clock is ahead by no more, ms: what the way there leaves.
        least: And by no less: what the way back leaves.
    """

    asked_at: float
    heard_at: float
    most: float
    least: float

    @property
    def limits(self) -> Corridor:
        """What it leaves for sure, at the instant the answer was heard.

        The clock was read before that, but not before it was asked for; it may
        have gained since.
        """
        gained = (self.heard_at - self.asked_at) * WORST_RATE
        return Corridor(
            self.heard_at, self.most + gained + ROUNDING, self.least - ROUNDING
        )


class Corridor(Value, frozen=True):
    """Between what limits a clock surely is.

    Attributes:
        at: When.
        most: It is ahead by no more, ms.
        least: And by no less.
    """

    at: float
    most: float
    least: float

    def at_instant(self, instant: float) -> Corridor:
        """Return it as it is then: clocks run apart."""
        drift = abs(instant - self.at) * WORST_RATE
        return Corridor(instant, self.most + drift, self.least - drift)

    def narrowed(self, other: Corridor) -> Corridor | None:
        """Return what other limits leave of it; None if those deny it."""
        here = self.at_instant(other.at)
        most, least = min(here.most, other.most), max(here.least, other.least)
        return Corridor(other.at, most, least) if least <= most else None

    def nearest(self, offset: float) -> float:
        """Return what is within it and closest to an offset."""
        return min(max(offset, self.least), self.most)

    def bound(self, offset: float) -> float:
        """Return the most that an offset can be wrong by, ms."""
        return max(self.most - offset, offset - self.least)
