"""A phone's clock: what it shows, and what it should.

Instants are server time and all numbers ms, where nothing else is said.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass, field
from math import floor, pi, sin, sqrt
from random import Random
from typing import Final

from raydel.core.instants import HOUR, SECOND

WORST_RATE: Final = 20e-6
"""How far a phone's quartz is off at most, either way, as a ratio."""

AMPLITUDE: Final = 1.25
"""ms by which a phone that warms up and cools down swings, either way."""

PERIOD: Final = HOUR
"""Of that swing."""

WALK: Final = 1.25
"""ms that a clock has walked away after an hour: the standard deviation."""

Wander = Callable[[float], float]
"""What is added to a clock, ms, by the ms since it began."""


def still(_since: float) -> float:
    """Do not wander."""
    return 0.0


def swing(phase: float) -> Wander:
    """Wander as a sine, from a phase in radians."""
    return lambda since: AMPLITUDE * sin(2 * pi * since / PERIOD + phase)


def walk(random: Random) -> Wander:
    """Wander at random: a step a second, evenly gone; 0 at the beginning."""
    steps = [0.0]
    deviation = WALK * sqrt(SECOND / HOUR)

    def wander(since: float) -> float:
        second, part = divmod(max(since, 0.0) / SECOND, 1.0)
        while len(steps) < second + 2:
            steps.append(steps[-1] + random.gauss(0.0, deviation))
        before, after = steps[int(second)], steps[int(second) + 1]
        return before + part * (after - before)

    return wander


@dataclass(frozen=True, slots=True)
class Step:
    """Somebody sets the clock.

    Attributes:
        at: When.
        by: How far ahead, ms; back, with a minus.
    """

    at: float
    by: float


@dataclass(frozen=True, slots=True)
class Clock:
    """One phone's clock.

    Attributes:
        began: When it had exactly its offset.
        offset: How far it was ahead of server time then, ms.
        rate: How much it runs fast, as a ratio.
        wander: What else it does.
        granularity: It shows whole multiples of that, ms; 0 is all it has.
        steps: When it is set, in their order.
    """

    began: float
    offset: float
    rate: float = 0.0
    wander: Wander = still
    granularity: float = 0.0
    steps: tuple[Step, ...] = field(default=())

    def ahead(self, at: float) -> float:
        """Return how far it is ahead of server time: the truth."""
        since = at - self.began
        done = bisect_right(self.steps, at, key=lambda step: step.at)
        stepped = sum(step.by for step in self.steps[:done])
        return self.offset + self.rate * since + self.wander(since) + stepped

    def reading(self, at: float) -> float:
        """Return what it shows."""
        shown = at + self.ahead(at)
        if self.granularity:
            return floor(shown / self.granularity) * self.granularity
        return shown


WANDERS: Final = ("sine", "walk")
"""The ways in which a clock can be asked to wander."""


def any_clock(
    random: Random, began: float, granularity: float, wander: str | None = None
) -> Clock:
    """Draw a clock: up to a minute off, with a rate and a wander.

    Args:
        random: Where it is drawn from.
        began: When it has exactly its offset.
        granularity: It shows whole multiples of that, ms.
        wander: One of `WANDERS`; None draws that too.
    """
    offset = random.uniform(-60 * SECOND, 60 * SECOND)
    rate = random.uniform(-WORST_RATE, WORST_RATE)
    drawn = WANDERS[random.random() >= 0.5]  # noqa: PLR2004 - one half
    if (wander or drawn) == "sine":
        wanders = swing(random.uniform(0.0, 2 * pi))
    else:
        wanders = walk(random)
    return Clock(began, offset, rate, wanders, granularity)
