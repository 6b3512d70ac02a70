"""``python -m raydel simulate --plot``: figures that are looked at, not read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from raydel.cli.pictures import save, sheet
from raydel.core.instants import MINUTE
from raydel.simulation.alignments import Seen
from raydel.simulation.figures import Tally, quantile
from raydel.simulation.longtakes import Series

POINTS: Final = 400
"""On each curve: more than a screen shows."""

_OURS: Final[dict[str, Any]] = {"lw": 2.5, "color": "black"}


def save_skews(file: Path, tallies: Mapping[str, Mapping[str, Tally]]) -> None:
    """Draw for each network what part of all takes had at most which skew.

    Args:
        file: Where to, by its ending.
        tallies: What came of the takes, by network and method.

    Raises:
        SystemExit: It cannot be written.
    """
    figure, axes = sheet(len(tallies))
    for ax, (network, methods) in zip(axes, tallies.items(), strict=True):
        for name, tally in methods.items():
            look = _OURS if name == "ours" else {"lw": 1.2}
            ax.plot(*_curve(tally), label=name, **look)
        ax.set(xscale="log", ylim=(0, 1), title=network, ylabel="part of all takes")
        ax.grid(alpha=0.3)
    axes[-1].set_xlabel("the two phones start at most so far apart, ms")
    axes[0].legend(fontsize="small")
    save(figure, file)


def _curve(tally: Tally) -> tuple[list[float], list[float]]:
    """Give points of a distribution; a skew of nothing has no place on its axis."""
    ordered = sorted(max(skew, 1e-4) for skew in tally.skews)
    parts = [(number + 1) / POINTS for number in range(POINTS)]
    return [quantile(ordered, part) for part in parts], parts


def save_courses(file: Path, series: Sequence[Series]) -> None:
    """Draw for each network by how much the first take is misaligned, all along.

    Args:
        file: Where to, by its ending.
        series: The takes, a series for each network.

    Raises:
        SystemExit: It cannot be written.
    """
    figure, axes = sheet(len(series))
    for ax, each in zip(axes, series, strict=True):
        _draw_course(ax, each.course(0, POINTS))
        ax.set(title=each.network, ylabel="ms")
        ax.grid(alpha=0.3)
    axes[-1].set_xlabel("minutes since the start")
    axes[0].legend(fontsize="small", ncols=4)
    save(figure, file)


def _draw_course(ax: Any, seen: list[tuple[float, Seen]]) -> None:
    minutes = [since / MINUTE for since, _ in seen]
    bounds = [sum(look.bounds) for _, look in seen]
    unsure = [look.uncertainty for _, look in seen]
    marked = [look.marked for _, look in seen]
    ax.set_yscale("symlog", linthresh=max(quantile(sorted(unsure), 0.5), 1e-3))
    for band, label, shade in ((bounds, "bound", 0.12), (unsure, "uncertainty", 0.3)):
        ax.fill_between(
            minutes,
            [-each for each in band],
            band,
            alpha=shade,
            color="tab:blue",
            lw=0,
            label=label,
        )
    if any(marked):
        lows, highs = ax.get_ylim()
        ax.fill_between(
            minutes, lows, highs, where=marked, color="tab:red", alpha=0.3, label="set"
        )
    errors = [look.error for _, look in seen]
    ax.plot(minutes, errors, color="black", lw=1, label="error")
