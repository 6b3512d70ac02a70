"""What the clock of a device makes of its file, from its first frame to its last.

A file is laid on server time by its course (`raydel.core.knots`): straight lines that
follow its clock as it warms up and cools down. What is said of the file is as wrong as
the clock is misjudged, and as far as the clock leaves the lines.

Files are paced by a quartz that nobody sets. Where the clock was set, it is taken to
have gone on in the middle between the looks before and after that.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from math import ceil, hypot, inf
from operator import attrgetter
from typing import Final, NamedTuple

from raydel.core.clockfit import ClockFit, Fix, Segment
from raydel.core.instants import SECOND, fine
from raydel.core.kalman import WORST_RATE
from raydel.core.knots import Knot, Knots, fewest, file_time, rising, straight

USUAL_RATE: Final = 20e-6
"""What phones' quartzes are off, as a ratio: that of a clock nobody has seen."""

FAR: Final = 30 * SECOND
"""ms between two looks from which on it is looked between them, too, as often, and in
the middle: what the clock did meanwhile may be the least known of all."""

MOST: Final = 480
"""Parts that a time without looks has at most: of four hours as a rule, of years if a
phone reports frames of which nobody knows better."""

TOLERANCE: Final = 0.02
"""ms that a course may miss the clock by at a look."""


class Course(NamedTuple):
    """A clock from the start of a file to its end.

    Attributes:
        knots: The file's course by it.
        rate: What it gained on server time in the mean, ppm; None if it was not seen.
        unsure: What the file's time is misjudged by 19 times of 20, at any instant, ms.
        bound: What that is wrong by at most, ms.
        set: Whether it was set in between, or slept.
    """

    knots: Knots
    rate: float | None
    unsure: float
    bound: float
    set: bool = False


_BEGINS: Final = attrgetter("begins")


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
    """Return the course of a clock that nobody saw: it is taken to be right."""
    length = end - start
    knots = _knots([Knot(start, 0.0), Knot(end, length)], 0.0)
    return Course(knots, None, USUAL_RATE * length, WORST_RATE * length)


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
    own = [Knot(each.at, each.at - start + each.gained) for each in points]
    knots = _knots(own, rate)
    off = [file_time(knots, each.at) - each.file_time for each in own]
    return Course(
        knots=knots,
        rate=rate * 1e6,
        unsure=max(each.unsure + abs(o) for each, o in zip(points, off, strict=True)),
        bound=max(_bounds(points, off)),
        set=len(stretches) > 1 or clock.at(start).marked or clock.at(end).marked,
    )


def _knots(own: Knots, rate: float) -> Knots:
    """Return as much of a file's time as it takes, in whole microseconds.

    Args:
        own: That time, at one instant after the other.
        rate: What the clock gains, as a ratio, for a file without a length.
    """
    whole = rising(Knot(fine(each.at), fine(each.file_time)) for each in own)
    return fewest(whole, TOLERANCE) if len(whole) > 1 else straight(whole[0].at, rate)


def _bounds(points: Sequence[_Point], off: Sequence[float]) -> Iterator[float]:
    """Return the most that the file is wrong by at the points, and between them.

    Between two points a course goes straight. How fast a clock may leave that is known.

    Args:
        points: The points.
        off: How far the course is off what is known of the clock at each, ms.
    """
    wrong = [each.bound + abs(o) for each, o in zip(points, off, strict=True)]
    yield wrong[0]
    for number in range(1, len(points)):
        one, other = points[number - 1 : number + 1]
        gained = other.gained - one.gained + off[number] - off[number - 1]
        leaving = WORST_RATE * (other.at - one.at) + abs(gained)
        meeting = (wrong[number - 1] + wrong[number] + leaving) / 2
        yield max(wrong[number], meeting)


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
        long = other - one
        parts = min(2 * ceil(long / FAR / 2), MOST) if long > FAR else 1
        yield from (one + long * n / parts for n in range(1, parts))
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
