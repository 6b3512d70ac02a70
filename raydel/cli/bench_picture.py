"""``python -m raydel bench --scaling --plot``: a curve for each series."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from raydel.bench.climb import Point, Series
from raydel.bench.figures import Spread, spread
from raydel.cli.pictures import save, sheet

FLAT: Final = 0.2
"""Part of the smallest by which a cost may differ, and is still called flat."""

_CURVES: Final[dict[str, tuple[Callable[[Point], float | None], str]]] = {
    "in all": (lambda point: point.cost, "black"),
    "without upkeep": (lambda point: point.net, "tab:blue"),
}


def save_scaling(file: Path, found: Mapping[Series, Sequence[Point]]) -> None:
    """Draw what a relay costs, by how much there is of what grows.

    Args:
        file: Where to, by its ending.
        found: What was measured of each series.

    Raises:
        SystemExit: It cannot be written.
    """
    figure, axes = sheet(len(found), sharex=False)
    for ax, (series, points) in zip(axes, found.items(), strict=True):
        for label, (what, colour) in _CURVES.items():
            _draw(ax, _curve(points, what), label, colour)
        ax.set(xscale="log", xlabel=series, ylabel="µs of CPU for a relay")
        ax.set_ylim(bottom=0)
        ax.grid(alpha=0.3)
    axes[0].legend(fontsize="small")
    save(figure, file)


def _curve(
    points: Sequence[Point], what: Callable[[Point], float | None]
) -> dict[int, Spread]:
    """Return a figure by size; none where it is not known."""
    sizes = sorted({point.size for point in points})
    spreads = {
        size: spread([what(each) for each in points if each.size == size])
        for size in sizes
    }
    return {size: figure for size, figure in spreads.items() if figure is not None}


def _draw(ax: Any, curve: dict[int, Spread], label: str, colour: str) -> None:
    """Draw medians, from the least to the most, and how far is still flat."""
    if not curve:
        return
    sizes, figures = list(curve), list(curve.values())
    medians = [each.median for each in figures]
    below = [each.median - each.least for each in figures]
    above = [each.most - each.median for each in figures]
    ax.errorbar(
        sizes, medians, (below, above), color=colour, capsize=3, marker="o", label=label
    )
    ends = medians[0] * (1 - FLAT), medians[0] * (1 + FLAT)
    ax.axhspan(*ends, color=colour, alpha=0.08, lw=0)
