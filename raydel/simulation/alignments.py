"""A long take: how far apart the clocks of two files are said to be, and are.

What is kept of a take is looked at once it is over, at its ends and at any instant
between. The error of an alignment is what both clocks together are misjudged by.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import hypot
from random import Random
from statistics import fmean
from typing import Final, NamedTuple

from raydel.core.clockfit import ClockFit, fit
from raydel.core.instants import SECOND
from raydel.simulation.recording import Followed, Long, Recorded

INSTANTS: Final = 20
"""At which a take is looked at, beside its ends."""

AROUND: Final = 60 * SECOND
"""ms before and after a clock is set in which it is looked at closely."""

CLOSELY: Final = 0.25 * SECOND
"""ms from one close look to the next."""

OURS: Final = "ours"

Course = Callable[[float], float]
"""An instant to how far a phone's clock is said to be ahead then, ms."""

Play = Callable[[Long, Random], Recorded]
"""Plays a take, with all chance from one source."""


def one_offset(phone: Followed, start_at: float) -> Course:
    """Take the narrowest burst before the start, and that is that."""
    before = [each for each in phone.samples if each.at <= start_at]
    known = min(before or phone.samples[:1], key=lambda each: each.round_trip)
    return lambda _at: known.offset


def one_line(phone: Followed, _start_at: float) -> Course:
    """Lay one straight line through all bursts, by least squares."""
    ats, offsets = zip(*((each.at, each.offset) for each in phone.samples), strict=True)
    at, offset = fmean(ats), fmean(offsets)
    spread = sum((each - at) ** 2 for each in ats)
    slope = (
        sum((x - at) * (y - offset) for x, y in zip(ats, offsets, strict=True)) / spread
        if spread
        else 0.0
    )
    return lambda instant: offset + slope * (instant - at)


OTHERS: Final = {"one-offset": one_offset, "one-line": one_line}
"""Other ways, by their names, in the order they are shown."""

ALIGNMENTS: Final = (*OTHERS, OURS)
"""The names of all ways."""


class Seen(NamedTuple):
    """An alignment by the server's own fit, at one instant.

    Attributes:
        error: What it is wrong by, ms.
        uncertainty: What it is said to be wrong by, 19 times of 20, ms.
        bounds: What either phone is said to be wrong by at most, ms.
        held: How many of these are true.
        marked: Whether it is said that a clock was set about then.
    """

    error: float
    uncertainty: float
    bounds: tuple[float, float]
    held: int
    marked: bool


class Pair:
    """Both phones of a take, each followed by the server's own fit.

    Args:
        recorded: The take.
    """

    def __init__(self, recorded: Recorded) -> None:
        first, second = recorded.phones
        self._clocks = first.clock, second.clock
        self._fits = _fit(first), _fit(second)

    def at(self, instant: float) -> Seen:
        """Look at the alignment of an instant."""
        fixes = [fitted.at(instant) for fitted in self._fits]
        wrong = [
            fix.offset - clock.ahead(instant)
            for fix, clock in zip(fixes, self._clocks, strict=True)
        ]
        first, second = fixes
        return Seen(
            error=wrong[0] - wrong[1],
            uncertainty=hypot(first.uncertainty, second.uncertainty),
            bounds=(first.bound, second.bound),
            held=sum(
                abs(error) <= fix.bound for error, fix in zip(wrong, fixes, strict=True)
            ),
            marked=first.marked or second.marked,
        )


def _fit(phone: Followed) -> ClockFit:
    fitted = fit(phone.samples)
    if fitted is None:
        raise ValueError("nothing is known of a phone that was asked")
    return fitted


@dataclass(frozen=True, slots=True)
class Aligned:
    """What came of one take.

    Attributes:
        anywhere: Errors at any instant, ms, by the name of the way.
        ends: The same at both ends.
        seen: Ours, at all of these instants.
        marked: For how long a clock was said to be set, around where it was, ms.
        lapsed: For how long a bound was wrong there, outside of that, ms.
    """

    anywhere: dict[str, list[float]]
    ends: dict[str, list[float]]
    seen: list[Seen]
    marked: float | None
    lapsed: float | None


def align(plan: Long, random: Random, play: Play) -> Aligned:
    """Play one take, and align it in all ways.

    Args:
        plan: The take.
        random: Where all chance comes from.
        play: Plays it.
    """
    recorded = play(plan, random)
    start_at, end_at = recorded.start_at, recorded.end_at
    ends = [start_at, end_at]
    inside = [random.uniform(start_at, end_at) for _ in range(INSTANTS)]
    pair = Pair(recorded)
    seen = [pair.at(instant) for instant in (*inside, *ends)]
    errors = {
        name: _errors(recorded, way, (*inside, *ends)) for name, way in OTHERS.items()
    }
    errors[OURS] = [each.error for each in seen]
    marked, lapsed = _around(pair, recorded.step_at)
    return Aligned(
        anywhere={name: found[:INSTANTS] for name, found in errors.items()},
        ends={name: found[INSTANTS:] for name, found in errors.items()},
        seen=seen,
        marked=marked,
        lapsed=lapsed,
    )


def course(
    plan: Long, random: Random, looks: int, play: Play
) -> list[tuple[float, Seen]]:
    """Play one take, and look at it in even steps from its start to its end.

    Returns:
        Pairs of the ms since the start, and our alignment then.
    """
    recorded = play(plan, random)
    pair, step = Pair(recorded), plan.length / (looks - 1)
    return [
        (number * step, pair.at(recorded.start_at + number * step))
        for number in range(looks)
    ]


def _errors(
    recorded: Recorded,
    way: Callable[[Followed, float], Course],
    instants: Iterable[float],
) -> list[float]:
    first, second = recorded.phones
    one, other = way(first, recorded.start_at), way(second, recorded.start_at)
    return [
        (one(at) - first.clock.ahead(at)) - (other(at) - second.clock.ahead(at))
        for at in instants
    ]


def _around(pair: Pair, step_at: float | None) -> tuple[float | None, float | None]:
    """Look closely where a clock was set."""
    if step_at is None:
        return None, None
    marked = lapsed = 0
    for number in range(int(2 * AROUND / CLOSELY)):
        seen = pair.at(step_at - AROUND + number * CLOSELY)
        marked += seen.marked
        lapsed += not seen.marked and seen.held < len(seen.bounds)
    return marked * CLOSELY, lapsed * CLOSELY
