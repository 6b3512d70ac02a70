"""The course of a file: its own time at some instants, straight lines between them.

A clock gains or loses some thousandths of a percent, so a file's time always goes up,
and its course can be read either way: `file_time` and `server_time` undo each other.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from math import inf
from operator import attrgetter
from typing import Final

from raydel.core.instants import SECOND
from raydel.core.values import Value


class Knot(Value, frozen=True, rename="camel"):
    """Where a file is at an instant.

    Attributes:
        at: The instant, server time, ms.
        file_time: The file's own time then, from its first frame on, ms.
    """

    at: float
    file_time: float


Knots = Sequence[Knot]
"""A course: two knots at least, either number higher from each to the next. Before the
first one, and after the last one, it goes on straight."""

_AT: Final = attrgetter("at")
_FILE_TIME: Final = attrgetter("file_time")


def file_time(course: Knots, at: float) -> float:
    """Return a file's own time at an instant, ms from its first frame on.

    Args:
        course: The file's.
        at: The instant, server time, ms.
    """
    one, other = _around(course, bisect_right(course, at, key=_AT))
    return one.file_time + (at - one.at) * _pace(one, other)


def server_time(course: Knots, own: float) -> float:
    """Return when a file's own time was what it is, server time, ms.

    Args:
        course: The file's.
        own: Its own time, ms from its first frame on.
    """
    one, other = _around(course, bisect_right(course, own, key=_FILE_TIME))
    return one.at + (own - one.file_time) / _pace(one, other)


def _around(course: Knots, place: int) -> Knots:
    """Return the two knots to go by before the one that has a place."""
    later = min(max(place, 1), len(course) - 1)
    return course[later - 1 : later + 1]


def _pace(one: Knot, other: Knot) -> float:
    return (other.file_time - one.file_time) / (other.at - one.at)


def straight(start: float, rate: float) -> Knots:
    """Return the course of a file whose clock gains evenly.

    Args:
        start: When its first frame was, server time, ms.
        rate: What its clock gains, as a ratio.
    """
    return Knot(start, 0.0), Knot(start + SECOND, SECOND * (1 + rate))


def bend(course: Knots) -> float:
    """Return the most that the straight line from end to end leaves a course by, ms."""
    line = course[0], course[-1]
    return max(abs(each.file_time - file_time(line, each.at)) for each in course)


def rising(knots: Iterable[Knot]) -> list[Knot]:
    """Leave out knots in which either number is no higher than in the one before."""
    kept: list[Knot] = []
    for each in knots:
        if not kept or (each.at > kept[-1].at and each.file_time > kept[-1].file_time):
            kept.append(each)
    return kept


def fewest(course: Knots, tolerance: float) -> list[Knot]:
    """Leave out knots that the straight lines between others go by near enough.

    Each line goes as far as it can, so that there are few; not always the fewest.

    Args:
        course: The knots; the first and the last one stay.
        tolerance: By how much a line may miss those it goes by, ms of the file.
    """
    kept = [0]
    while kept[-1] < len(course) - 1:
        kept.append(kept[-1] + _reach(course[kept[-1] :], tolerance))
    return [course[place] for place in kept]


def _reach(course: Knots, tolerance: float) -> int:
    """Return to which of the later knots a line from the first one can go.

    Args:
        course: The knots.
        tolerance: By how much it may miss those between, ms.
    """
    begin, reached, slowest, fastest = course[0], 1, -inf, inf
    for number, each in enumerate(course[1:], 1):
        long, own = each.at - begin.at, each.file_time - begin.file_time
        if slowest > fastest:
            break
        if slowest <= own / long <= fastest:
            reached = number
        slowest = max(slowest, (own - tolerance) / long)
        fastest = min(fastest, (own + tolerance) / long)
    return reached
