"""What is told of many measurements: percentiles, medians, ratios and their spread."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import TypeVar

_Item = TypeVar("_Item")


def percentile(values: Sequence[float], share: float) -> float | None:
    """Return the smallest value that so many are not above.

    Args:
        values: In any order.
        share: From above 0 to 1: 0.99 is the 99th percentile.

    Returns:
        One of the values; None if there are none.
    """
    if not values:
        return None
    return sorted(values)[math.ceil(share * len(values)) - 1]


@dataclass(frozen=True)
class Spread:
    """A median, and the least and the most that it is the median of."""

    median: float
    least: float
    most: float


def spread(values: Sequence[float | None]) -> Spread | None:
    """Sum up what was measured in several rounds; None if it never was."""
    known = [value for value in values if value is not None]
    if not known:
        return None
    return Spread(median(known), min(known), max(known))


def shown(figure: Spread, form: str) -> str:
    """Write a median, and what it is the median of.

    Args:
        figure: All three.
        form: How each is written.
    """
    middle, least, most = (
        format(value, form) for value in (figure.median, figure.least, figure.most)
    )
    return middle if least == most else f"{middle} ({least} to {most})"


def ratios(
    ours: Sequence[float | None], theirs: Sequence[float | None]
) -> Spread | None:
    """Sum up how ours was to theirs, round by round.

    What disturbs a machine for minutes disturbs both sides of a round: so each round
    has a ratio of its own, and of those the median counts.

    Args:
        ours: A figure for each round, None where there is none.
        theirs: The same of somebody else, in the same rounds.
    """
    pairs = zip(ours, theirs, strict=True)
    return spread([a / b if a is not None and b else None for a, b in pairs])


def in_turn(names: Sequence[_Item], rounds: int) -> list[list[_Item]]:
    """Return the order of each round: forth, back, forth and so on.

    Nobody is always first: what grows warm, or fills up, does so for all alike.
    """
    forth, back = list(names), list(reversed(names))
    return [back if number % 2 else forth for number in range(rounds)]
