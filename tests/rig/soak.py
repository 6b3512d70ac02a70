"""Many runs, one after the other, and what they measured.

``python -m tests.rig.soak 200`` plays the schedules of the seeds 1 to 200. A line
every ten runs, a failing one at once, with the command that plays it again; the
last line says it all. Ends with 1 if a promise was broken.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tests.rig.run import Report, play
from tests.rig.schedule import MENUS, draw

A_LINE_EVERY: Final = 10

REPORTS: Final = Path("reports/rig")
"""Where a run that failed is written down."""

USUAL: Final = 200
"""Runs, if nobody says how many."""


class Tally:
    """All runs so far."""

    def __init__(self, menu: str) -> None:
        self.menu = menu
        self.runs = 0
        self.kills = 0
        self.kills_survived = 0
        self.failed: list[int] = []
        self.ready: list[float] = []
        self.resumes: list[float] = []
        self.old_resumes: list[float] = []
        self.converged: list[float] = []

    def add(self, report: Report) -> None:
        """Count a run in."""
        self.runs += 1
        self.kills += report.kills
        if report.breaches:
            self.failed.append(report.schedule.seed)
        else:
            self.kills_survived += report.kills
        self.ready += report.ready
        self.resumes += report.resumes
        self.old_resumes += report.old_resumes
        self.converged += report.converged

    def line(self) -> str:
        """Say it in one line."""
        broken = f"broken by seeds {self.failed}" if self.failed else "all kept"
        kills = f"{self.kills_survived} of {self.kills} kills recovered"
        times = "; ".join(
            f"{name} {spread(values)}"
            for name, values in (
                ("ready", self.ready),
                ("resumed", self.resumes),
                ("resumed by library 2", self.old_resumes),
                ("converged", self.converged),
            )
        )
        return f"{self.runs} runs ({self.menu}), promises {broken}; {kills}; {times}"

    def summary(self) -> str:
        """Say it for good."""
        return f"In all: {self.line()} (median, 99th percentile, most)"


def spread(values: Sequence[float]) -> str:
    """Return the median, the 99th percentile and the most, in seconds."""
    if not values:
        return "-"
    ranked = sorted(values)
    p50, p99 = (ranked[round(share * (len(ranked) - 1))] for share in (0.5, 0.99))
    return f"{p50:.2f}/{p99:.2f}/{ranked[-1]:.2f} s of {len(ranked)}"


def explain(report: Report) -> str:
    """Tell what went wrong, and how to see it again."""
    breaches = "\n".join(report.breaches)
    return f"{report.schedule}\n{breaches}\n"


def again(seed: int, menu: str) -> str:
    """Return the command that plays a run again."""
    return f"python -m tests.rig.soak --menu {menu} --seed {seed}"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.rig.soak")
    parser.add_argument("count", nargs="?", type=int, default=USUAL)
    parser.add_argument("--menu", choices=sorted(MENUS), default="all")
    parser.add_argument("--first", type=int, default=1, help="the first seed")
    parser.add_argument("--kills", type=int, help="go on until so many kills")
    parser.add_argument("--seed", type=int, help="only this one, and tell all of it")
    return parser.parse_args()


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _one(seed: int, menu: str) -> bool:
    report = asyncio.run(play(draw(seed, menu)))
    _say(f"{explain(report)}\n{report.stories}")
    return not report.breaches


def _keep(report: Report, menu: str) -> Path:
    """Write down all of a run that failed: it may not fail again so easily."""
    REPORTS.mkdir(parents=True, exist_ok=True)
    file = REPORTS / f"{menu}-{report.schedule.seed}.txt"
    file.write_text(f"{explain(report)}\n{report.stories}\n", "utf-8")
    return file


def main() -> int:
    """Play them."""
    asked = _arguments()
    if asked.seed is not None:
        return 0 if _one(asked.seed, asked.menu) else 1
    tally = Tally(asked.menu)
    seed = asked.first
    while (
        tally.runs < asked.count if asked.kills is None else tally.kills < asked.kills
    ):
        report = asyncio.run(play(draw(seed, asked.menu)))
        tally.add(report)
        if report.breaches:
            kept = _keep(report, asked.menu)
            _say(f"{explain(report)}all of it: {kept}")
            _say(f"again: {again(seed, asked.menu)}\n")
        if tally.runs % A_LINE_EVERY == 0:
            _say(tally.line())
        seed += 1
    for failed in tally.failed:
        _say(f"again: {again(failed, asked.menu)}")
    _say(tally.summary())
    return 1 if tally.failed else 0


if __name__ == "__main__":
    sys.exit(main())
