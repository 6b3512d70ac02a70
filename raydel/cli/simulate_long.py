"""``python -m raydel simulate --minutes``: how well two files can be aligned.

Everything is played in `raydel.simulation`; here it is asked for, and printed.
"""

from __future__ import annotations

import json
from argparse import ArgumentTypeError, Namespace
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict
from typing import Final

from raydel.cli import simulate_grades, simulate_picture
from raydel.cli.parser import Parser
from raydel.cli.tables import held, number, row, share, wrong
from raydel.core.instants import MINUTE, SECOND
from raydel.simulation import recording, served
from raydel.simulation.clocks import WANDERS
from raydel.simulation.longtakes import LongFigures, Series, measure_long
from raydel.simulation.networks import Pair
from raydel.simulation.recording import Long

TAKES: Final = 200
"""For each network, if nothing else is asked."""

SHORTEST: Final = 0.5
"""Minutes. Less is not long."""

LONGEST: Final = 240.0
"""Minutes: the server ends a forgotten take after as many."""

LARGEST: Final = 60_000.0
"""ms by which a clock is set at most."""

HELP: Final = """\
With --minutes, whole takes are recorded instead, as long as that. Nobody needs to start
together then: what counts is by how many ms two files are misaligned once the take is
over and all that was asked of the clocks is known. Each take is looked at 20 times, at
instants drawn from all of it, and at both ends. Compared are, on the same answers:

  one-offset     one offset from before the start, for all of the take
  one-line       one straight line through all bursts, by least squares
  ours           what this server fits to them

Bound is the median of what is said of a phone at most; unsure the median of what is
said of both together; covers, in how many of 100 looks that was no less than the error;
times, how many times the median error it is. With --step, the first phone's clock is
set in the middle third of each take. Then a line below says for how long the alignment
was marked as doubtful, looked at four times a second from a minute before to a minute
after; p50 to max count what is marked, and bound, unsure, covers and held do not.

With --grades, the phones report their first and last frames, by their clocks, and what
the server publishes of the take is looked at: a start and a rate for each file, and one
uncertainty, bound and grade for all of the take. A to D are of how many takes in 100 it
is which; mixed, how many are said to be of mixed networks; p50 and p95 the errors at
those instants; unsure and bound the medians of what is published of both files. If a
bound did not hold, this ends with code 1.

What is played: clocks and networks as above, 16 questions every 10 s and as the take
ends, and the server's own arithmetic with them; with --server the whole server, a few
seconds for each take. What is not: links that break, and what a camera makes of its
clock: frames that it drops.

"""


def add_options(parser: Parser) -> None:
    """Add the options that only this has."""
    add = parser.add_argument
    add(
        "--minutes",
        metavar="NUMBER",
        type=_minutes,
        help="play takes of this length, and align them",
    )
    add(
        "--wander",
        choices=WANDERS,
        metavar="HOW",
        help=f"how the phones' clocks wander: {' or '.join(WANDERS)} [default: either]",
    )
    add(
        "--step",
        metavar="MS",
        type=_step,
        help="set one phone's clock in the middle of each take, by so much",
    )
    add(
        "--grades",
        action="store_true",
        help="print what is published of the takes instead, and how they are graded",
    )


def run(networks: Mapping[str, Pair], asked: Namespace) -> None:
    """Play takes, and print what came of them.

    Args:
        networks: By their names.
        asked: The options.

    Raises:
        SystemExit: With 1 if a bound did not hold.
    """
    takes = asked.takes or TAKES
    play = served.play if asked.server else recording.play
    series = [
        Series(name, _plan(pair, asked), asked.seed, play)
        for name, pair in networks.items()
    ]
    if asked.grades:
        settings = _settings(asked, takes)
        simulate_grades.run(series, settings, asked.jobs, as_json=asked.json)
        return
    figures = [
        line for each in series for line in measure_long(each, takes, asked.jobs)
    ]
    if asked.json:
        print(json.dumps({**_settings(asked, takes), "figures": _plain(figures)}))
    else:
        print("\n".join(table(figures)))
    if asked.plot:
        simulate_picture.save_courses(asked.plot, series)
    if code := exit_code(figures):
        raise SystemExit(code)


def _plan(pair: Pair, asked: Namespace) -> Long:
    return Long(
        pair,
        asked.minutes * MINUTE,
        asked.wander,
        asked.granularity or 0.0,
        asked.step or 0.0,
    )


def _settings(asked: Namespace, takes: int) -> dict[str, object]:
    return {
        "seed": asked.seed,
        "takes": takes,
        "minutes": asked.minutes,
        "wander": asked.wander,
        "granularity": asked.granularity or 0.0,
        "step": asked.step or 0.0,
    }


def _plain(figures: Iterable[LongFigures]) -> list[dict[str, object]]:
    return [asdict(each) for each in figures]


def exit_code(figures: Iterable[LongFigures]) -> int:
    """Return 1 if any bound did not hold, else 0."""
    return int(any(each.broken or (each.set and each.set.lapsed) for each in figures))


def table(figures: Iterable[LongFigures]) -> list[str]:
    """Lay figures out in lines; all but the names are ms."""
    cells = ["p50", "p95", "ends-p50", "ends-p95", "max", "bound", "unsure", "covers"]
    lines = [row(("network", "method"), [*cells, "times"], "held")]
    notes: list[str] = []
    for each in figures:
        lines.append(_row(each))
        notes += _notes(each)
    return lines + notes


def _row(figures: LongFigures) -> str:
    errors = (figures.p50, figures.p95, figures.ends_p50, figures.ends_p95, figures.max)
    cells = [number(each) for each in errors]
    if figures.bounds:
        cells += [
            number(figures.bound_p50),
            number(figures.uncertainty_p50),
            share(figures.coverage),
            number(figures.caution, 1),
        ]
    names = figures.network, figures.method
    return row(names, cells, held(figures.held, figures.bounds))


def _notes(figures: LongFigures) -> Iterator[str]:
    """Say what became of clocks that were set, and which promises were broken."""
    where = f"{figures.network}, {figures.method}"
    if done := figures.set:
        yield (
            f"marked for a clock that was set: {where},"
            f" p50 {done.marked_p50 / SECOND:.2f} s, max {done.marked_max / SECOND:.2f}"
            f" s, {done.elsewhere} looks in all"
        )
        yield from wrong(f"not noticed: {where}", done.unmarked)
        yield from wrong(f"the bound did not hold near it: {where}", done.lapsed)
    yield from wrong(f"the bound did not hold: {where}", figures.broken)


def _minutes(text: str) -> float:
    return _within(text, SHORTEST, LONGEST, "minutes")


def _step(text: str) -> float:
    return _within(text, -LARGEST, LARGEST, "ms")


def _within(text: str, least: float, most: float, unit: str) -> float:
    with suppress(ValueError):
        if least <= (found := float(text)) <= most:
            return found
    raise ArgumentTypeError(
        f"{text!r} is no number of {unit} from {least:g} to {most:g}"
    )
