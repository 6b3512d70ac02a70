"""``python -m raydel simulate --minutes --grades``: how takes are graded."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict

from raydel.cli.tables import held, number, row, share, wrong
from raydel.simulation.grades import GRADES, GradeFigures, measure_grades
from raydel.simulation.longtakes import Series


def run(
    series: Iterable[Series],
    settings: Mapping[str, object],
    jobs: int,
    *,
    as_json: bool,
) -> None:
    """Play takes, and print how they are graded.

    Args:
        series: What is played, for each network.
        settings: What was asked for; how many ``takes``, among them.
        jobs: Processes to play in.
        as_json: Print it for programs.

    Raises:
        SystemExit: With 1 if a bound did not hold.
    """
    takes = int(str(settings["takes"]))
    figures = [measure_grades(each, takes, jobs) for each in series]
    if as_json:
        print(json.dumps({**settings, "figures": [asdict(each) for each in figures]}))
    else:
        print("\n".join(table(figures, f"{settings['minutes']:g} min")))
    if code := exit_code(figures):
        raise SystemExit(code)


def exit_code(figures: Iterable[GradeFigures]) -> int:
    """Return 1 if any bound did not hold, else 0."""
    return int(any(each.broken for each in figures))


def table(figures: Iterable[GradeFigures], length: str) -> list[str]:
    """Lay figures out in lines: shares in hundredths, all else ms."""
    cells = [*GRADES, "mixed", "p50", "p95", "max", "unsure", "covers", "bound"]
    lines = [row(("network", "length"), cells, "held")]
    notes: list[str] = []
    for each in figures:
        lines.append(_row(each, length))
        notes += wrong(f"the bound did not hold: {each.network}", each.broken)
    return lines + notes


def _row(figures: GradeFigures, length: str) -> str:
    cells = [
        *(share(each) for each in (*figures.grades.values(), figures.mixed)),
        *(number(each) for each in (figures.p50, figures.p95, figures.max)),
        number(figures.uncertainty_p50),
        share(figures.coverage),
        number(figures.bound_p50),
    ]
    names = figures.network, length
    return row(names, cells, held(figures.held, figures.looks))
