"""When a phone is asked for its clock: in bursts, as the server asks."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Final

from raydel.core.instants import MINUTE, SECOND

SPACING: Final = 25.0625
"""ms between two questions of a burst: it sweeps the millisecond, for whole ones."""

OFTEN: Final = 10 * SECOND
"""ms from burst to burst while a start is likely, and in a take."""

SELDOM: Final = MINUTE
"""ms from burst to burst else."""

LIKELY: Final = 2 * MINUTE
"""ms from the second join for which a start is likely."""

JITTER: Final = 0.1
"""By what part of it a wait is longer or shorter, at most."""


def waiting(random: Random, joined_at: float, until: float) -> Iterator[float]:
    """Give the instants of the bursts between the second join and a tap."""
    at = joined_at
    while True:
        every = OFTEN if at < joined_at + LIKELY else SELDOM
        at += _jittered(random, every)
        if at >= until:
            return
        yield at


def recording(random: Random, tapped_at: float, until: float) -> Iterator[float]:
    """Give the instants of the bursts of a take, after the one from the tap on."""
    at = tapped_at
    while (at := at + _jittered(random, OFTEN)) < until:
        yield at


def _jittered(random: Random, every: float) -> float:
    return every * random.uniform(1.0 - JITTER, 1.0 + JITTER)
