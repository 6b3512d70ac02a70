"""When a phone is asked for its clock: in bursts, as `raydel.probing` asks."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Final

from raydel.core.burst import BURST
from raydel.core.schedule import (
    ATTENTION,
    FULL_CADENCE,
    JITTER,
    SLOW_CADENCE,
    SPACING,
)

LASTS: Final = (BURST - 1) * SPACING
"""ms from the first question of a burst to its last."""


def questions(at: float) -> list[float]:
    """Return the instants of the questions of a burst."""
    return [at + number * SPACING for number in range(BURST)]


def waiting(random: Random, paired_at: float, until: float) -> Iterator[float]:
    """Give the instants of the bursts from one, at the second join, to a tap."""
    at = paired_at
    while at < until:
        yield at
        over = at + LASTS
        at = over + _wait(random, over < paired_at + ATTENTION)


def recording(random: Random, tapped_at: float, until: float) -> Iterator[float]:
    """Give the instants of the bursts of a take, from the one at the tap on."""
    at = tapped_at
    while at < until:
        yield at
        at += LASTS + _wait(random, full=True)


def _wait(random: Random, full: bool) -> float:
    cadence = FULL_CADENCE if full else SLOW_CADENCE
    return cadence * random.uniform(1.0 - JITTER, 1.0 + JITTER)
