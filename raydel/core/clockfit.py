"""A phone's clock, once a take is over: fitted to all that was seen of it.

While a take runs, only what was before an instant is known of it. Afterwards both
sides are: the looks of every burst are smoothed (`raydel.core.kalman`).

How noisy a look is, its width tells. What it is wider than the narrowest, e, was added
by a way there or a way back that was slower than it can be. Each split of e between
the two is as likely, and so the middle is wrong by -e/2 to e/2, evenly. How noisy even
narrow looks are, and how much the clock wanders, is what makes all looks likeliest. Few
of them cannot tell: the usual is given up only for what makes them e = 2.7 times as
likely, and again so for each further factor of 2.

A clock that is set or sleeps begins a new *segment*. In between, up to a burst apart,
nobody knows when it happened: what is said of that time is *marked*.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from math import sqrt
from operator import attrgetter
from typing import Final, NamedTuple

from raydel.core.burst import FINEST
from raydel.core.corridor import Corridor, Reading
from raydel.core.kalman import (
    PHONE,
    Course,
    Look,
    State,
    Wander,
    between,
    follow,
    predict,
    smooth,
)
from raydel.core.take import ClockSample
from raydel.core.timesync import COVERAGE, SET

WANDERS: Final = range(-4, 3)
"""Steps of 2 from the wander of a phone: from 0.08 ms in an hour to 5."""

NOISES: Final = range(-2, 3)
"""Steps of 2 from the noise that the widths tell of."""

DOUBT: Final = 16.0
"""A step may also be where that is exp(-16 / 2) times as likely as anywhere else."""

MANY: Final = 16
"""Looks of which the narrowest does not count: while a clock is set, limits that were
true before meet such that are true after, in a corridor narrower than any can be."""


class Fix(NamedTuple):
    """What is known of a clock at one instant.

    Attributes:
        offset: The device's clock less server time, ms.
        uncertainty: What that is wrong by, 19 times of 20, ms. Ways that are not
            equally long are not in it.
        bound: What it is wrong by at most, ms.
        rate: How fast the device's clock gains, ppm.
        marked: Whether the clock was set about then, or slept, so that only the
            bound is to be relied on.
    """

    offset: float
    uncertainty: float
    bound: float
    rate: float
    marked: bool


@dataclass(frozen=True, slots=True, eq=False)
class Segment:
    """A stretch of time in which nobody set the clock.

    Attributes:
        clock_id: The server time that it is told in.
        begins: When the first look was, server time, ms.
        ends: When the last was.
    """

    clock_id: str
    begins: float
    ends: float
    _course: Course
    _smoothed: tuple[State, ...]
    _wander: Wander
    _before: tuple[Corridor, ...]
    _after: tuple[Corridor, ...]

    def at(self, instant: float) -> Fix:
        """Return what is known at an instant, as if the segment went on for ever."""
        state = self._state(instant)
        limits = self.corridor(instant)
        offset = limits.nearest(state.offset)
        bound = limits.bound(offset)
        spread = sqrt(state.variance * self._course.noise)
        uncertainty = min(COVERAGE * spread, bound)
        return Fix(offset, uncertainty, bound, state.rate * 1e6, marked=False)

    def corridor(self, instant: float) -> Corridor:
        """Return between what limits the clock surely was at an instant."""
        place = self._place(instant)
        sides = self._before[max(place - 1, 0) : place] + self._after[place : place + 1]
        return _meeting(*(side.at_instant(instant) for side in sides))

    def server_time(self, local: float) -> float:
        """Return when the device's clock shows a time, ms: the inverse of `at`.

        Each turn leaves a ten thousandth of the error, as no clock gains more.
        """
        instant = self.begins
        for _ in range(_TURNS):
            instant = local - self.at(instant).offset
        return instant

    def distance(self, instant: float) -> float:
        """Return how far outside of the looks an instant is, ms."""
        return max(self.begins - instant, instant - self.ends, 0.0)

    def _place(self, instant: float) -> int:
        return bisect_right(self._smoothed, instant, key=_AT)

    def _state(self, instant: float) -> State:
        place = self._place(instant)
        if 0 < place < len(self._smoothed):
            state, later = self._course.states[place - 1], self._smoothed[place]
            return between(state, later, instant, self._wander)
        nearest = self._smoothed[0 if place == 0 else -1]
        return predict(nearest, instant, self._wander)


_TURNS: Final = 6
_AT: Final = attrgetter("at")


@dataclass(frozen=True, slots=True)
class ClockFit:
    """A device's clock through a take.

    A take has more than one `clock_id` where the machine of the server was started anew
    in it. Server time means something else then, and may even show an instant twice:
    who knows which is meant says so.

    Attributes:
        segments: What there is, in the order it was heard; one at least.
    """

    segments: tuple[Segment, ...]

    def at(self, instant: float, clock_id: str | None = None) -> Fix:
        """Return what is known of the clock at an instant, server time, ms.

        Before the first look and after the last one too, where it is less and less.

        Args:
            instant: The instant.
            clock_id: The server time that it is told in, if not in any.

        Raises:
            LookupError: Nothing was seen of the clock by that server time.
        """
        around = _around(instant, self._told_in(clock_id))
        nearest = min(around, key=lambda each: each.distance(instant))
        fix = nearest.at(instant)
        if len(around) == 1:
            return fix
        limits = _hull(*(each.corridor(instant) for each in around))
        bound = limits.bound(fix.offset)
        return fix._replace(uncertainty=bound, bound=bound, marked=True)

    def server_time(self, local: float, clock_id: str | None = None) -> float | None:
        """Return when the device's clock showed a time; None if it never did.

        A clock that was set back shows times twice. Told is the first instant that is
        among the looks, or else the nearest to them. A clock that was set forward
        never showed what it left out. Each segment can be asked by itself, too.

        Args:
            local: The time it showed, ms.
            clock_id: The server time to tell it in, if not in any.

        Raises:
            LookupError: Nothing was seen of the clock by that server time.
        """
        segments = self._told_in(clock_id)
        found = [(each, each.server_time(local)) for each in segments]
        shown = [
            (segment.distance(instant), number, instant)
            for number, (segment, instant) in enumerate(found)
            if segment in _around(instant, segments)
        ]
        return min(shown)[-1] if shown else None

    def _told_in(self, clock_id: str | None) -> Sequence[Segment]:
        told = [each for each in self.segments if clock_id in {None, each.clock_id}]
        if not told:
            raise LookupError(f"nothing was seen of the clock by {clock_id}")
        return told


def _around(instant: float, segments: Sequence[Segment]) -> Sequence[Segment]:
    """Return the segment an instant is in, or the two or the one next to it."""
    for segment in segments:
        if not segment.distance(instant):
            return [segment]
    before = [each for each in segments if each.ends < instant]
    after = [each for each in segments if each.begins > instant]
    last = [max(before, key=lambda each: each.ends)] if before else []
    return last + ([min(after, key=lambda each: each.begins)] if after else [])


def _hull(*corridors: Corridor) -> Corridor:
    """Return between what limits a clock is that is in one of some corridors."""
    return Corridor(
        corridors[0].at,
        max(each.most for each in corridors),
        min(each.least for each in corridors),
    )


def _meeting(*corridors: Corridor) -> Corridor:
    """Return between what limits a clock is that is in each of some corridors."""
    return Corridor(
        corridors[0].at,
        min(each.most for each in corridors),
        max(each.least for each in corridors),
    )


class _Row(NamedTuple):
    """One look at the clock.

    Attributes:
        clock_id: By what server time.
        reading: The limits it sets.
        look: Where between them the clock likely is.
        base: How much of the look's variance is not for its width.
    """

    clock_id: str
    reading: Reading
    look: Look
    base: float


def fit(samples: Sequence[ClockSample]) -> ClockFit | None:
    """Fit the clock of one device to all that was seen of it in a take.

    Args:
        samples: As they are kept, in the order they were heard.

    Returns:
        The fit, or None without a sample.
    """
    if not samples:
        return None
    segments = [
        _segment(part)
        for _, rows in groupby(_rows(samples), key=attrgetter("clock_id"))
        for part in _parts(sorted(rows, key=lambda row: row.reading.at))
    ]
    return ClockFit(tuple(segments))


def _rows(samples: Sequence[ClockSample]) -> Iterator[_Row]:
    """Say of each sample what limits it sets, and how noisy it is by its width."""
    widths = sorted(max(sample.round_trip, 0.0) for sample in samples)
    if len(widths) >= MANY:
        del widths[0]
    base = _base(widths)
    for sample in samples:
        width = max(sample.round_trip, 0.0)
        variance = base + max(width - widths[0], 0.0) ** 2 / 12 + FINEST**2
        yield _Row(
            sample.clock_id,
            Reading(sample.at, sample.offset + width / 2, sample.offset - width / 2),
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


def _parts(rows: Sequence[_Row]) -> list[Sequence[_Row]]:
    """Part rows where the clock was set, or slept.

    A row that fits neither what is before nor what is after was measured while the
    clock was set: it is left out.
    """
    parts = [part for undenied in _undenied(rows) for part in _unset(undenied)]
    long = [len(part) > 1 for part in parts]
    around = zip([False, *long], [*long[1:], False], strict=False)
    return [
        part
        for part, (before, after) in zip(parts, around, strict=True)
        if len(part) > 1 or not (before and after)
    ]


def _undenied(rows: Sequence[_Row]) -> Iterator[Sequence[_Row]]:
    """Part rows where a reading denies what was before: the clock was set, or slept.

    What may as well have been after that as before is left out.
    """
    part: list[_Row] = []
    corridor = Corridor(*rows[0].reading)
    for row in rows:
        narrowed = corridor.narrowed(row.reading)
        if narrowed is None:
            while len(part) > 1 and Corridor(*part[-1].reading).narrowed(row.reading):
                part.pop()
            yield part
            part = []
        corridor = narrowed or Corridor(*row.reading)
        part.append(row)
    yield part


def _unset(rows: Sequence[_Row]) -> list[Sequence[_Row]]:
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


def _segment(rows: Sequence[_Row]) -> Segment:
    """Fit one stretch of time."""
    readings = [row.reading for row in rows]
    looks = _weighed(rows)
    wander, course = _fitted(looks)
    return Segment(
        clock_id=rows[0].clock_id,
        begins=looks[0].at,
        ends=looks[-1].at,
        _course=course,
        _smoothed=tuple(smooth(course)),
        _wander=wander,
        _before=tuple(_narrowing(readings)),
        _after=tuple(_narrowing(readings[::-1]))[::-1],
    )


def _weighed(rows: Sequence[_Row]) -> Sequence[Look]:
    """Return the looks, with the noise that even narrow ones have as is likeliest."""

    def weighed(steps: int) -> Sequence[Look]:
        more = 4.0**steps - 1
        return [
            row.look._replace(variance=row.look.variance + more * row.base)
            for row in rows
        ]

    def likelihood(steps: int) -> float:
        return follow(weighed(steps), PHONE).likelihood - abs(steps)

    return weighed(max(NOISES, key=likelihood))


def _fitted(looks: Sequence[Look]) -> tuple[Wander, Course]:
    """Return the likeliest wander, and the clock's course by it."""
    courses = {steps: follow(looks, _wander(steps)) for steps in WANDERS}
    best = max(WANDERS, key=lambda steps: courses[steps].likelihood - abs(steps))
    return _wander(best), courses[best]


def _wander(steps: int) -> Wander:
    return replace(PHONE, offset=PHONE.offset * 4.0**steps)


def _narrowing(readings: Sequence[Reading]) -> Iterator[Corridor]:
    """Return what the readings up to each leave, one after the other."""
    corridor = Corridor(*readings[0])
    for reading in readings:
        corridor = _meeting(corridor.at_instant(reading.at), Corridor(*reading))
        yield corridor
