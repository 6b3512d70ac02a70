"""What a burst of answers says of a peer's clock, and how surely.

Of each way the quickest message counts. The two need not belong to one question: both
ways are then short, and the middle between the limits they leave is close to the truth
(the lower envelope of Moon, Skelly and Towsley, 1999). Later messages tell how much
chance there is in that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from math import comb, sqrt
from statistics import median_low
from typing import Final

from raydel.core.corridor import Corridor, Reading
from raydel.core.kalman import Look

BURST: Final = 16
"""Questions in a burst: 8 pairs."""

ENOUGH: Final = 4
"""Answers from which a burst can tell how noisy it is."""

FINEST: Final = 0.005
"""ms that no look is better than: timers and rounding are that coarse."""


@dataclass(frozen=True, slots=True)
class Burst:
    """What a burst of answers comes to.

    Attributes:
        at: When the last of them was asked for, server time, ms: the clock was read
            later than that.
        offset: The middle between the limits, ms.
        width: From one limit to the other, ms: the quickest ways there and back.
        noise: Standard deviation of the offset by its own answers, ms, or None if
            there are too few to tell.
        limits: What it leaves for sure at that instant: a little more, as clocks run
            apart while a burst goes on.
    """

    at: float
    offset: float
    width: float
    noise: float | None
    limits: Corridor

    @property
    def bound(self) -> float:
        """The most that the offset can be wrong by, ms."""
        return self.limits.bound(self.offset)


def burst_of(readings: Sequence[Reading], limits: Corridor) -> Burst:
    """Sum up a burst.

    Args:
        readings: What its answers say, in the order they were heard; one at least.
        limits: What they leave for sure.
    """
    at = readings[-1].asked_at
    there = sorted(reading.most for reading in readings)
    back = sorted(-reading.least for reading in readings)
    jitters = _jitter(tuple(there)), _jitter(tuple(back))
    noise = None
    if jitters[0] is not None and jitters[1] is not None:
        noise = sqrt(jitters[0] ** 2 + jitters[1] ** 2) / 2
    return Burst(
        at=at,
        offset=there[0] / 2 - back[0] / 2,
        width=there[0] + back[0],
        noise=noise,
        limits=limits.at_instant(at),
    )


def looks(bursts: Sequence[Burst]) -> list[Look]:
    """Say how noisy bursts of one peer are.

    By what the quickest answers of all of them say, and by how much wider one is than
    the narrowest: its middle may be off by half of that, either way, evenly.
    """
    known = [burst.noise for burst in bursts if burst.noise is not None]
    narrowest = min(burst.width for burst in bursts)
    noise = median_low(known) if known else narrowest / 4
    return [
        Look(
            burst.at,
            burst.offset,
            noise**2 + (burst.width - narrowest) ** 2 / 12 + FINEST**2,
        )
        for burst in bursts
    ]


def _jitter(delays: tuple[float, ...]) -> float | None:
    """How far the least of some delays strays; ms, or None if there are too few.

    About as far as it is from the second, whatever the delays are like. To rest that on
    more than two of them, it is the mean over all ways to leave out an eighth of them.

    Args:
        delays: In their order.
    """
    count = len(delays)
    if count < ENOUGH:
        return None
    gaps = _gap_weights(count, count * 7 // 8)
    return sum(weight * (delays[n + 1] - delays[n]) for n, weight in enumerate(gaps))


@cache
def _gap_weights(count: int, part: int) -> tuple[float, ...]:
    """How often each gap lies between the two least of ``part`` out of ``count``."""
    ways = comb(count, part)
    return tuple(
        (n + 1) * comb(count - 1 - n, part - 1) / ways
        for n in range(min(count - part + 1, count - 1))
    )
