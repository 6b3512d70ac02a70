"""The straight line that misses points least, where a program takes no other.

What it misses them by at most is as little as can be: so the best line in the sense of
Chebyshev. It runs along an edge of what spans the points from above or from below, in
the middle of all of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple


class Point(NamedTuple):
    """A point: ``y`` at ``x``."""

    x: float
    y: float


class Line(NamedTuple):
    """A straight line.

    Attributes:
        begin: Where it is at 0.
        slope: How much it rises for each 1.
        miss: By how much it misses the points it was laid through, at most.
    """

    begin: float
    slope: float
    miss: float


def best_line(points: Sequence[Point]) -> Line:
    """Lay the line that misses points least.

    Args:
        points: One at least, by ``x`` in their order, each at another one.
    """
    turned = [Point(x, -y) for x, y in points]
    slopes = [*_edges(points), *(-each for each in _edges(turned))]
    lines = [_through(points, slope) for slope in slopes or [0.0]]
    return min(lines, key=lambda each: each.miss)


def _through(points: Sequence[Point], slope: float) -> Line:
    heights = [y - slope * x for x, y in points]
    least, most = min(heights), max(heights)
    return Line((least + most) / 2, slope, (most - least) / 2)


def _edges(points: Sequence[Point]) -> Iterator[float]:
    """Return the slopes of what spans points from above.

    That falls from each edge to the next (A. M. Andrew, 1979).
    """
    hull: list[Point] = []
    for each in points:
        while len(hull) > 1 and _slope(*hull[-2:]) <= _slope(hull[-1], each):
            hull.pop()
        hull.append(each)
    return (_slope(*edge) for edge in pairwise(hull))


def _slope(one: Point, other: Point) -> float:
    return (other.y - one.y) / (other.x - one.x)
