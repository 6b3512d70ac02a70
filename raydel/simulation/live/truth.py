"""What is true: when a phone's clock shows something, and what server time was.

All numbers are ms. Machine time is this machine's monotonic clock.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from random import Random
from typing import Final

from raydel.core.instants import SECOND
from raydel.simulation.clocks import WORST_RATE, Clock

FARTHEST: Final = 60 * SECOND
"""By how much a phone's clock is ahead or behind, at most."""

ROUNDING: Final = 0.002
"""ms. Times since the epoch are told in steps of a quarter of a microsecond, and a few
of them make one figure."""


def known_clock(random: Random, began: float) -> Clock:
    """Draw a clock that is set apart and runs fast or slow, and does nothing else.

    Args:
        random: Where it is drawn from.
        began: When it had exactly its offset, machine time.
    """
    offset = random.uniform(-FARTHEST, FARTHEST)
    return Clock(began, offset, random.uniform(-WORST_RATE, WORST_RATE))


def known_clocks(seed: int, pair: int, began: float) -> tuple[Clock, Clock]:
    """Draw the clocks of one pair: the same ones for the same numbers."""
    random = Random(f"{seed} {pair}")
    return known_clock(random, began), known_clock(random, began)


def showing(clock: Clock, shown: float) -> float:
    """Return the instant of machine time at which a clock shows that.

    Each round leaves 20e-6 of the error there was, of a minute at most at first.
    """
    at = shown
    for _ in range(4):
        at = shown - clock.ahead(at)
    return at


@dataclass(frozen=True, slots=True)
class Span:
    """A number that lies somewhere from ``low`` to ``high``."""

    low: float
    high: float

    @property
    def half(self) -> float:
        """How far from its middle the number may be."""
        return (self.high - self.low) / 2

    @property
    def middle(self) -> float:
        """Its middle."""
        return (self.low + self.high) / 2

    def plus(self, number: float) -> Span:
        """Move it."""
        return Span(self.low + number, self.high + number)


class ServerTime:
    """How far server time is ahead of machine time, as far as messages can tell.

    No message arrives before it was sent. So a question that names the server's time
    of asking, and is read here, says at least how far server time is ahead; an answer
    that left here, and whose arrival the server names, says at most how far. Every
    message of every phone counts, and what all of them allow is what is known: no
    guess at delays is in it, however long they were, here or there.

    It takes for granted that both clocks run alike, as they do on one machine that
    does not sleep.
    """

    def __init__(self) -> None:
        self._least = -inf
        self._most = inf

    def came(self, named: float, at: float) -> None:
        """Note a message that was sent at a server time and read at a machine time."""
        self._least = max(self._least, named - at)

    def went(self, at: float, named: float) -> None:
        """Note one that was sent at a machine time and heard at a server time."""
        self._most = min(self._most, named - at)

    @property
    def is_one(self) -> bool:
        """Whether one number fits all messages: if not, the clocks do not run alike."""
        return self._least <= self._most + ROUNDING

    @property
    def ahead(self) -> Span:
        """How far server time is ahead of machine time."""
        return Span(self._least, max(self._least, self._most))


@dataclass(frozen=True, slots=True)
class Promise:
    """What the server promised of a clock, and what was.

    Attributes:
        bound: The most it would be wrong by.
        error: What it was wrong by.
    """

    bound: float
    error: Span

    @property
    def held(self) -> bool:
        """Whether it held, for certain."""
        most = self.bound + ROUNDING
        return -most <= self.error.low and self.error.high <= most

    @property
    def broke(self) -> bool:
        """Whether it did not, for certain; where neither is, nobody can tell."""
        most = self.bound + ROUNDING
        return self.error.low > most or self.error.high < -most
