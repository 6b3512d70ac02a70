"""A phone's clock, once a take is over: fitted to all that was seen of it.

While a take runs, only what was before an instant is known of it. Afterwards both
sides are: the looks of every burst are smoothed (`raydel.core.kalman`).

How noisy a look is, its width tells (`raydel.core.clockrows`). How noisy even narrow
looks are, and how much the clock wanders, is what makes all looks likeliest. Few of
them cannot tell: the usual is given up only for what makes them e = 2.7 times as
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

from raydel.core.clockrows import Row, parts, rows_of
from raydel.core.corridor import Corridor
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
from raydel.core.timesync import COVERAGE

WANDERS: Final = range(-4, 3)
"""Steps of 2 from the wander of a phone: from 0.08 ms in an hour to 5."""

NOISES: Final = range(-2, 3)
"""Steps of 2 from the noise that the widths tell of."""


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

    @property
    def looked_at(self) -> Sequence[float]:
        """The instants at which the clock was seen, in their order."""
        return [state.at for state in self._smoothed]

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
        for _, rows in groupby(rows_of(samples), key=attrgetter("clock_id"))
        for part in parts(sorted(rows, key=lambda row: row.limits.at))
    ]
    return ClockFit(tuple(segments))


def _segment(rows: Sequence[Row]) -> Segment:
    """Fit one stretch of time."""
    limits = [row.limits for row in rows]
    looks = _weighed(rows)
    wander, course = _fitted(looks)
    return Segment(
        clock_id=rows[0].clock_id,
        begins=looks[0].at,
        ends=looks[-1].at,
        _course=course,
        _smoothed=tuple(smooth(course)),
        _wander=wander,
        _before=tuple(_narrowing(limits)),
        _after=tuple(_narrowing(limits[::-1]))[::-1],
    )


def _weighed(rows: Sequence[Row]) -> Sequence[Look]:
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


def _narrowing(limits: Sequence[Corridor]) -> Iterator[Corridor]:
    """Return what the limits up to each leave, one after the other."""
    corridor = limits[0]
    for each in limits:
        corridor = _meeting(corridor.at_instant(each.at), each)
        yield corridor
