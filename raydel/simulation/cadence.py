"""When a phone is asked for its clock: in bursts, as `raydel.probing` asks."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from raydel.core.burst import BURST
from raydel.core.schedule import (
    ATTENTION,
    FULL_CADENCE,
    JITTER,
    SLOW_CADENCE,
    SPACING,
)


def questions(at: float, spacing: float = SPACING) -> list[float]:
    """Return the instants of the questions of a burst."""
    return [at + number * spacing for number in range(BURST)]


def waiting(random: Random, paired_at: float, until: float) -> Iterator[float]:
    """Give the instants of the bursts from one, at the second join, to a tap."""
    at = paired_at
    while at < until:
        yield at
        at += _wait(random, at < paired_at + ATTENTION)


def recording(random: Random, tapped_at: float, until: float) -> Iterator[float]:
    """Give the instants of the bursts of a take, from the one at the tap on."""
    at = tapped_at
    while at < until:
        yield at
        at += _wait(random, full=True)


def _wait(random: Random, full: bool) -> float:
    cadence = FULL_CADENCE if full else SLOW_CADENCE
    return cadence * random.uniform(1.0 - JITTER, 1.0 + JITTER)
