"""The rows that a phone's clock is fitted to, and where it was set between them.

A row is one burst: the limits it sets, and where between them the clock likely is. How
noisy that is, its width tells. What it is wider than the narrowest, e, was added by a
way there or a way back that was slower than it can be. Each split of e between the two
is as likely, and so the middle is wrong by -e/2 to e/2, evenly.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from raydel.core.burst import FINEST
from raydel.core.corridor import Corridor
from raydel.core.kalman import PHONE, Look, State, follow
from raydel.core.take import ClockSample
from raydel.core.timesync import SET

DOUBT: Final = 16.0
"""A step may also be where that is exp(-16 / 2) times as likely as anywhere else."""

MANY: Final = 16
"""Looks of which the narrowest does not count: while a clock is set, limits that were
true before meet such that are true after, in a corridor narrower than any can be."""


class Row(NamedTuple):
    """One look at the clock.

    Attributes:
        clock_id: By what server time.
        limits: Between what it leaves the clock for sure.
        look: Where between them the clock likely is.
        base: How much of the look's variance is not for its width.
    """

    clock_id: str
    limits: Corridor
    look: Look
    base: float


def rows_of(samples: Sequence[ClockSample]) -> Iterator[Row]:
    """Say of each sample what limits it sets, and how noisy it is by its width."""
    widths = sorted(max(sample.round_trip, 0.0) for sample in samples)
    if len(widths) >= MANY:
        del widths[0]
    base = _base(widths)
    for sample in samples:
        width = max(sample.round_trip, 0.0)
        variance = base + max(width - widths[0], 0.0) ** 2 / 12 + FINEST**2
        yield Row(
            sample.clock_id,
            Corridor(sample.at, sample.offset + width / 2, sample.offset - width / 2),
            Look(sample.at, sample.offset, variance),
            base,
        )


def _base(widths: Sequence[float]) -> float:
    """Return how noisy even the narrowest look is, more or less, ms².

    Args:
        widths: Of the looks, in their order.
    """
    count = len(widths)
    if count == 1:
        return widths[0] ** 2 / 12
    # A quarter of the looks at least, and never two that are alike by chance.
    usual = widths[min(max((count + 3) // 4, 2), count - 1)] - widths[0]
    return usual**2 * (1 + 4 / count) * 3 / 8


def parts(rows: Sequence[Row]) -> list[Sequence[Row]]:
    """Part rows where the clock was set, or slept.

    A row that fits neither what is before nor what is after was measured while the
    clock was set: it is left out.
    """
    found = [part for undenied in _undenied(rows) for part in _unset(undenied)]
    long = [len(part) > 1 for part in found]
    around = zip([False, *long], [*long[1:], False], strict=False)
    return [
        part
        for part, (before, after) in zip(found, around, strict=True)
        if len(part) > 1 or not (before and after)
    ]


def _undenied(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    """Part rows where a reading denies what was before: the clock was set, or slept.

    What may as well have been after that as before is left out.
    """
    part: list[Row] = []
    corridor = rows[0].limits
    for row in rows:
        narrowed = corridor.narrowed(row.limits)
        if narrowed is None:
            while len(part) > 1 and part[-1].limits.narrowed(row.limits):
                part.pop()
            yield part
            part = []
        corridor = narrowed or row.limits
        part.append(row)
    yield part


def _unset(rows: Sequence[Row]) -> list[Sequence[Row]]:
    """Part rows where the clock was set by so little that no reading denies it."""
    rest, parts = [rows], []
    while rest:
        part = rest.pop()
        step = _step([row.look for row in part])
        if step is None:
            parts.append(part)
        else:
            rest += [part[step.stop :], part[: step.start]]
    return parts


def _step(looks: Sequence[Look]) -> slice | None:
    """Return between which looks a clock was set; None if it surely was not.

    What was seen before is compared with what was seen after, so one bad look on a
    stalled link is none. Where it is next to one, the look may belong to either side,
    and is in the slice.
    """
    mirrored = [Look(-look.at, look.offset, look.variance) for look in reversed(looks)]
    before = follow(looks, PHONE).expected[1:]
    after = reversed(follow(mirrored, PHONE).states[:-1])
    steps = [_disagreement(*sides) for sides in zip(before, after, strict=True)]
    largest = max(steps, default=0.0)
    if largest <= SET**2:
        return None
    start = stop = steps.index(largest)
    while start > 0 and steps[start - 1] > largest - DOUBT:
        start -= 1
    while stop < len(steps) - 1 and steps[stop + 1] > largest - DOUBT:
        stop += 1
    return slice(start + 1, stop + 1)


def _disagreement(before: State, after: State) -> float:
    """Return how far two sides are apart in offset, in variances.

    They are apart in rate, too, by chance: what that explains does not count.

    Args:
        before: What is expected of an instant.
        after: What is known of it from later on, with time running backwards.
    """
    rate_variance = before.rate_variance + after.rate_variance
    pull = (before.covariance - after.covariance) / rate_variance
    apart = before.offset - after.offset - pull * (before.rate + after.rate)
    return apart**2 / (before.variance + after.variance - pull**2 * rate_variance)
