# noqa: INP001 - a script beside the examples, in no package.
"""Measures starts through the server: ``python etc/measure_timesync.py [seed ...]``.

Runs ``python -m raydel simulate --server`` for each seed, 2.5 s and a minute after the
second join, and prints of each network the worst that any seed came to, beside what was
aimed at. Ends with 1 if an aim was missed or a bound did not hold.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple


class Aim(NamedTuple):
    """What a network's starts are to be within, ms: half of all, and 95 of 100."""

    p50: float
    p95: float


class Round(NamedTuple):
    """Starts that are measured alike.

    Attributes:
        name: What people call them.
        options: Of ``simulate``.
        aims: By network; of those that have none nothing can be expected.
    """

    name: str
    options: tuple[str, ...]
    aims: dict[str, Aim]


ROUNDS: Final = (
    Round(
        "2.5 s after the second join",
        ("--takes=2000",),
        {
            "good": Aim(0.05, 0.15),
            "busy": Aim(0.35, 1.1),
            "power-save": Aim(0.1, 0.3),
            "lte": Aim(0.95, 2.9),
        },
    ),
    Round(
        "60 s after the second join",
        ("--after=60", "--takes=400"),
        {
            "good": Aim(0.03, 0.1),
            "busy": Aim(0.25, 0.75),
            "power-save": Aim(0.07, 0.2),
            "lte": Aim(0.7, 2.1),
        },
    ),
)

SEEDS: Final = tuple(str(seed) for seed in range(2001, 2011))

Figures = dict[str, Any]


def play(options: Sequence[str], seed: str) -> list[Figures]:
    """Return the figures of each network."""
    command = (sys.executable, "-m", "raydel", "simulate", "--server", "--json")
    done = subprocess.run(  # noqa: S603 - our own program, with our own options.
        (*command, *options, f"--seed={seed}"), stdout=subprocess.PIPE, check=False
    )
    figures: list[Figures] = json.loads(done.stdout)["figures"]
    return figures


def rows(measured: Sequence[Figures], aims: dict[str, Aim]) -> Iterator[str]:
    """Lay out what all seeds came to, a line for each network."""
    yield "| network | p50 | p95 | aim | covers | late | bounds held |"
    yield "|---|---|---|---|---|---|---|"
    for network in dict.fromkeys(each["network"] for each in measured):
        of_it = [each for each in measured if each["network"] == network]
        aim = aims.get(network)
        cells = [
            network,
            f"{max(each['commanded']['p50'] for each in of_it):.3f}",
            f"{max(each['commanded']['p95'] for each in of_it):.3f}",
            f"{aim.p50:g} / {aim.p95:g}" if aim else "",
            f"{min(each['covered'] / each['uncertainties'] for each in of_it):.1%}",
            str(sum(each["late"] for each in of_it)),
            f"{_sum(of_it, 'held'):,} of {_sum(of_it, 'bounds'):,}",
        ]
        yield f"| {' | '.join(cells)} |"


def _sum(of_it: Sequence[Figures], name: str) -> int:
    return sum(each[name] for each in of_it)


def is_missed(each: Figures, aims: dict[str, Aim]) -> bool:
    """Tell whether figures are not what was aimed at."""
    aim = aims.get(each["network"])
    if each["held"] < each["bounds"]:
        return True
    start = each["commanded"]
    return aim is not None and (start["p50"] > aim.p50 or start["p95"] > aim.p95)


def main(seeds: Sequence[str]) -> None:
    """Measure all rounds, and print them."""
    missed = 0
    for name, options, aims in ROUNDS:
        measured = [each for seed in seeds for each in play(options, seed)]
        missed += sum(is_missed(each, aims) for each in measured)
        print(f"\n{name}, the worst of {len(seeds)} seeds, ms:\n")  # noqa: T201
        print("\n".join(rows(measured, aims)), flush=True)  # noqa: T201
    raise SystemExit(int(missed > 0))


if __name__ == "__main__":
    main(sys.argv[1:] or SEEDS)
