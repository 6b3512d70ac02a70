"""``python -m raydel simulate --first-frames``: cameras that are late, and are learned.

Everything is played in `raydel.simulation`; here it is asked for, and printed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Final

from raydel.cli.parser import Parser
from raydel.cli.tables import number, row, wrong
from raydel.simulation.firstframes import FrameFigures, measure_frames
from raydel.simulation.networks import Pair

PAIRS: Final = 1_000
"""For each network, if nothing else is asked."""

LEARNED: Final = 3
"""The take from which on both cameras are known."""

AIM: Final = 10.0
"""ms that the mean of the differences stays below from then on."""

HELP: Final = """\
With --first-frames, two phones of two models record five takes in a row, through the
server's own code in virtual time. Their cameras deliver the first frame 500 and 200 ms
after the call, 650 and 200 in the first take, and are off that by 30 ms (one standard
deviation) from take to take. The phones report their first frames, and the server,
which knows neither of them before, has the cameras called earlier by as much as they
are late. Mean is that of the host's first frame less the guest's, p95 what 95 of 100
pairs do not exceed. If the mean is not below 10 ms from the third take on, or a phone
never started, this ends with code 1. --takes says how many pairs for each network.

"""


def add_options(parser: Parser) -> None:
    """Add the option that only this has."""
    parser.add_argument(
        "--first-frames",
        action="store_true",
        help="play takes in a row of phones whose cameras are late",
    )


def run(
    networks: Mapping[str, Pair], *, pairs: int | None, seed: int, as_json: bool
) -> None:
    """Play takes, and print what came of them.

    Args:
        networks: By their names.
        pairs: How many for each network; None is as always.
        seed: The same one plays the same takes.
        as_json: Whether a program reads it.

    Raises:
        SystemExit: With 1 if the aim was not reached, or a phone never started.
    """
    pairs = pairs or PAIRS
    figures = [
        measure_frames(name, pair, pairs=pairs, seed=seed)
        for name, pair in networks.items()
    ]
    if as_json:
        found = [asdict(each) for each in figures]
        print(json.dumps({"seed": seed, "pairs": pairs, "figures": found}))
    else:
        print("\n".join(table(figures)))
    if code := exit_code(figures):
        raise SystemExit(code)


def exit_code(figures: Iterable[FrameFigures]) -> int:
    """Return 1 if the aim was not reached, or a phone never started, else 0."""
    return int(any(each.lost or _missed(each) for each in figures))


def table(figures: Iterable[FrameFigures]) -> list[str]:
    """Lay figures out in lines; all but network and take are ms."""
    lines = [row(("network", "take"), ("mean", "p95"), "")]
    lost: list[str] = []
    for each in figures:
        for take in each.takes:
            cells = number(take.mean, 1), number(take.p95, 1)
            lines.append(row((each.network, str(take.take)), cells, ""))
        lost += wrong(f"a phone never started: {each.network}", each.lost)
    return lines + lost


def _missed(figures: FrameFigures) -> bool:
    known = figures.takes[LEARNED - 1 :]
    return any(abs(take.mean) >= AIM for take in known)
