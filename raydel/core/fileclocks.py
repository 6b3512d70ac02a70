"""What the clock of a device makes of its file, from its first frame to its last.

A file is laid on server time by two numbers, its start and its rate. Its clock leaves
that straight line as it warms up and cools down, so what is said of the file is as
wrong as the clock is misjudged, and as far as the clock leaves the line.

Files are paced by a quartz that nobody sets. Where the clock was set, it is taken to
have gone on in the middle between the looks before and after that.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import pairwise
from math import hypot, inf
from operator import attrgetter
from typing import Final, NamedTuple

from raydel.core.clockfit import ClockFit, Fix, Segment
from raydel.core.instants import SECOND
from raydel.core.kalman import WORST_RATE

USUAL_RATE: Final = 20e-6
"""What phones' quartzes are off, as a ratio: that of a clock nobody has seen."""

FAR: Final = 30 * SECOND
"""ms between two looks from which on the middle between them is looked at, too: what
the clock did meanwhile may be the least known of all."""


class Bend(NamedTuple):
    """How far a clock leaves its straight line at an instant.

    Attributes:
        at: The instant, server time, ms.
        ahead: How far it is ahead of the line, ms.
    """

    at: float
    ahead: float


class Course(NamedTuple):
    """A clock from the start of a file to its end.

    Attributes:
        rate: What it gained on server time in the mean, ppm; None if it was not seen.
        unsure: What it is misjudged by 19 times of 20, at any instant, ms.
        bound: What the file's time is wrong by at most, ms: for what the clock is
            misjudged by, and how far it leaves the line.
        bends: How far it leaves the line, at one instant after the other; none if it
            was not seen.
        set: Whether it was set in between, or slept.
    """

    rate: float | None
    unsure: float
    bound: float
    bends: Sequence[Bend] = ()
    set: bool = False

    @property
    def bend(self) -> float:
        """How far the clock leaves the line, at most, ms."""
        return max((abs(each.ahead) for each in self.bends), default=0.0)

    def ahead(self, at: float) -> float:
        """Return how far it is ahead of the line at an instant, ms; 0 outside."""
        place = bisect_right(self.bends, at, key=_AT)
        if not 0 < place < len(self.bends):
            return 0.0
        (since, one), (until, other) = self.bends[place - 1 : place + 1]
        return one + (other - one) * (at - since) / (until - since)


_AT: Final = attrgetter("at")
_BEGINS: Final = attrgetter("begins")


def apart(one: Course, other: Course) -> float:
    """Return how far two files get apart as their clocks leave their lines, ms.

    That is known, and no chance: clocks that warm up alike leave them together.
    """
    ats = [each.at for course in (one, other) for each in course.bends]
    return max((abs(one.ahead(at) - other.ahead(at)) for at in ats), default=0.0)


class _Point(NamedTuple):
    """What is known of a clock at one instant.

    Attributes:
        at: The instant, server time, ms.
        gained: What it has gained since the start, ms, but for what it was set by.
        unsure: What it is misjudged by 19 times of 20, ms.
        bound: What it is misjudged by at most, ms.
    """

    at: float
    gained: float
    unsure: float
    bound: float


def shown_at(clock: ClockFit, local: float, near: float) -> float | None:
    """Return when a clock showed a time, server time, ms; None if it never did.

    Args:
        clock: The clock.
        local: The time it showed, ms.
        near: About when, server time, ms: a clock that was set back shows times twice.
    """
    found = [
        instant
        for segment in clock.segments
        if _reaches(segment, instant := segment.server_time(local), clock.segments)
    ]
    return min(found, key=lambda each: abs(each - near), default=None)


def _reaches(segment: Segment, instant: float, segments: Sequence[Segment]) -> bool:
    """Whether no other segment begins before an instant is reached from one."""
    return not any(
        segment.ends < other.begins <= instant or instant <= other.ends < segment.begins
        for other in segments
    )


def unseen(start: float, end: float) -> Course:
    """Return the course of a clock that nobody saw."""
    length = end - start
    return Course(None, USUAL_RATE * length, WORST_RATE * length)


def course(clock: ClockFit, start: float, end: float) -> Course:
    """Return the course of a clock.

    Args:
        clock: The clock, by one server time.
        start: When the file begins, server time, ms.
        end: When it ends; not before its start.
    """
    stretches = list(_stretches(clock, start, end))
    points = list(_points(stretches, clock.at(start)))
    length = end - start
    rate = points[-1].gained / length if length else clock.at(start).rate / 1e6
    bends = [Bend(each.at, each.gained - rate * (each.at - start)) for each in points]
    wrong = [
        each.bound + abs(bend.ahead) for each, bend in zip(points, bends, strict=True)
    ]
    return Course(
        rate=rate * 1e6,
        unsure=max(each.unsure for each in points),
        bound=max(_between(points, wrong, WORST_RATE + abs(rate)), default=wrong[0]),
        bends=bends,
        set=len(stretches) > 1 or clock.at(start).marked or clock.at(end).marked,
    )


def _between(
    points: Sequence[_Point], wrong: Sequence[float], apart: float
) -> Iterator[float]:
    """Return the most that the file is wrong by between each two points.

    Args:
        points: The points.
        wrong: The most that it is wrong by at each.
        apart: How fast it may become more, as a ratio.
    """
    for (first, second), (one, other) in zip(
        pairwise(points), pairwise(wrong), strict=True
    ):
        meeting = (one + other + apart * (second.at - first.at)) / 2
        yield max(one, other, meeting)


class _Stretch(NamedTuple):
    """A part of a file in which nobody set the clock, and what is known of it."""

    ats: Sequence[float]
    fixes: Sequence[Fix]


def _stretches(clock: ClockFit, start: float, end: float) -> Iterator[_Stretch]:
    segments = sorted(clock.segments, key=_BEGINS)
    joints = [(one.ends + other.begins) / 2 for one, other in pairwise(segments)]
    for segment, (since, until) in zip(
        segments, pairwise([-inf, *joints, inf]), strict=True
    ):
        first, last = max(start, since), min(end, until)
        if first < last or since <= start == end < until:
            ats = list(_looks(segment, first, last))
            yield _Stretch(ats, [segment.at(each) for each in ats])


def _looks(segment: Segment, first: float, last: float) -> Iterator[float]:
    """Return when to look: at both ends, with the looks, and between far ones."""
    inside = [each for each in segment.looked_at if first < each < last]
    yield first
    for one, other in pairwise([first, *inside, last]):
        if other - one > FAR:
            yield (one + other) / 2
        yield other


def _points(stretches: Sequence[_Stretch], start: Fix) -> Iterator[_Point]:
    """Put the stretches of a clock together.

    Where one goes over into the next, both are misjudged, for all that follows. So it
    is if nobody knows on which side of such a place the start was.
    """
    gained = 0.0
    unsure, wrong = (start.bound, start.bound) if start.marked else (0.0, 0.0)
    for number, (ats, fixes) in enumerate(stretches):
        if number:
            before, after = stretches[number - 1].fixes[-1], fixes[0]
            unsure = hypot(unsure, before.uncertainty, after.uncertainty)
            wrong += before.bound + after.bound
        begun = fixes[0].offset
        for at, fix in zip(ats, fixes, strict=True):
            since = gained + fix.offset - begun
            yield _Point(at, since, hypot(unsure, fix.uncertainty), wrong + fix.bound)
        gained += fixes[-1].offset - begun
