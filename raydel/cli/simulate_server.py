"""``python -m raydel simulate --server``: takes through the server's own code.

Everything is played in `raydel.simulation`; here it is asked for, and printed.
"""

from __future__ import annotations

import json
from argparse import ArgumentTypeError
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Final

from raydel.cli.parser import Parser
from raydel.simulation.networks import Pair
from raydel.simulation.phones import KINDS, PROTOCOL_2, Kind
from raydel.simulation.stage import Plan
from raydel.simulation.starts import Spread, StartFigures, measure_starts
from raydel.simulation.trial import TAP

TAKES: Final = 1_000
"""For each network and pair of kinds, if nothing else is asked."""

NAMED: Final = 5
"""Takes that went wrong that are named in the table; JSON has them all."""

SOONEST: Final = 0.5
"""Seconds: earlier than that, a phone may not have its seat yet."""

LATEST: Final = 3600.0
"""Seconds. Within that, all a phone can do has come to rest."""

HELP: Final = """\
With --server, no method is judged: whole takes are played through the server's own
code, in virtual time. Its sessions, its questions and pings, what it makes of them and
when it says what are all its own; phones of --kinds answer as their apps do, whole
milliseconds and fixed camera delays included. For each network there are up to three
lines, of how far apart the two phones are:

  commanded      by what they were told, were their timers exact; a phone that is told
                 no time counts with its camera call
  called         by their camera calls
  on-frames      the same with timers that fire when the screen shows its next picture,
                 60 times a second, as those of React Native do (--frames)

Bound and held are as above, for phones that are told a bound: protocol 2. Unsure is
the median of what both phones together are told as uncertainty; covers, in how many of
100 takes it was no less than the error; times, how many times the median error it is.
Late is how many phones heard of a time to start at when that was over already: they
start at once.

What is not played: the handshake of the connection, the time that the server takes to
think, phones that take theirs to answer, and links that break. If a bound did not
hold, or a phone never started, this ends with code 1.

With --live=URL, phones on real sockets try a running server instead; it has options of
its own: python -m raydel simulate --live --help.
"""

Kinds = tuple[Kind, Kind]


def add_options(parser: Parser) -> None:
    """Add the options that only this has."""
    add = parser.add_argument
    add(
        "--server",
        action="store_true",
        help="play whole takes through the server's own code",
    )
    add(
        "--kinds",
        metavar="HOST,GUEST",
        type=_kinds,
        action="extend",
        help=f"two of {', '.join(KINDS)}; or all, each with itself; may be repeated"
        " [default: protocol-2,protocol-2]",
    )
    add(
        "--frames",
        action="store_true",
        help="let the phones' timers wait for the next picture, too",
    )


def run(
    networks: Mapping[str, Pair],
    *,
    kinds: Sequence[Kinds] | None,
    after: float | None,
    frames: bool,
    takes: int | None,
    seed: int,
    as_json: bool,
) -> None:
    """Play takes, and print what came of them.

    Args:
        networks: By their names.
        kinds: What phones; None is protocol 2 with itself.
        after: ms from the second join to the tap; None is as always.
        frames: Whether camera calls on frames are wanted, too.
        takes: How many for each network and pair of kinds; None is as always.
        seed: The same one plays the same takes.
        as_json: Whether a program reads it.

    Raises:
        SystemExit: With 1 if a bound did not hold or a phone never started.
    """
    takes, after = takes or TAKES, after or TAP
    figures = [
        measure_starts(
            name, Plan(pair, pairing, after, frames=frames), takes=takes, seed=seed
        )
        for pairing in kinds or [(PROTOCOL_2, PROTOCOL_2)]
        for name, pair in networks.items()
    ]
    settings = {"seed": seed, "takes": takes, "after": after, "frames": frames}
    if as_json:
        print(json.dumps({**settings, "figures": [asdict(each) for each in figures]}))
    else:
        print("\n".join(table(figures)))
    if code := exit_code(figures):
        raise SystemExit(code)


def exit_code(figures: Iterable[StartFigures]) -> int:
    """Return 1 if any bound did not hold or a phone never started, else 0."""
    return int(any(each.broken or each.lost for each in figures))


def table(figures: Iterable[StartFigures]) -> list[str]:
    """Lay figures out in lines, a paragraph for each pair of kinds."""
    lines: list[str] = []
    wrong: list[str] = []
    kinds = None
    for each in figures:
        if each.kinds != kinds:
            kinds = each.kinds
            lines += ["", *_head(*kinds)] if lines else _head(*kinds)
        lines += _rows(each)
        wrong += _wrong("the bound did not hold", each, each.broken)
        wrong += _wrong("a phone never started", each, each.lost)
    return lines + wrong


def _head(host: str, guest: str) -> list[str]:
    cells = ("p50", "p95", "max", "bound", "unsure", "covers", "times", "late", "held")
    return [f"{host} with {guest}", _row("network", "start", *cells)]


def _rows(figures: StartFigures) -> Iterator[str]:
    names = ("commanded", "called", "on-frames")
    spreads = (figures.commanded, figures.due, figures.called)
    promised = _promised(figures)
    for name, spread in zip(names, spreads, strict=True):
        if spread is not None:
            yield _row(figures.network, name, *_spread(spread), *promised)
        promised = []


def _spread(spread: Spread) -> list[str]:
    return [f"{number:.3f}" for number in (spread.p50, spread.p95, spread.max)]


def _promised(figures: StartFigures) -> list[str]:
    coverage = figures.coverage
    cells = [
        _number(figures.bound_p50, 3),
        _number(figures.uncertainty_p50, 3),
        _number(None if coverage is None else 100 * coverage, 1),
        _number(figures.caution, 1),
        str(figures.late),
    ]
    held = f"{figures.held} of {figures.bounds}" if figures.bounds else ""
    return [*cells, held]


def _number(number: float | None, digits: int) -> str:
    return "" if number is None else f"{number:.{digits}f}"


def _wrong(what: str, figures: StartFigures, found: Sequence[int]) -> list[str]:
    takes = [f"take {take}" for take in found[:NAMED]]
    if more := len(found) - len(takes):
        takes.append(f"and {more} more")
    where = f"{what}: {figures.network}, {' with '.join(figures.kinds)}"
    return [f"{where}, {', '.join(takes)}"] if takes else []


def _row(network: str, start: str, *cells: str) -> str:
    numbers = "".join(f"{cell:>8}" for cell in cells[:8])
    return "  ".join([f"{network:<11}{start:<10}{numbers}", *cells[8:]]).rstrip()


def _kinds(text: str) -> list[Kinds]:
    if text == "all":
        return [(kind, kind) for kind in KINDS.values()]
    names = text.split(",")
    for name in names:
        if name not in KINDS:
            raise ArgumentTypeError(f"{name!r} is none of {', '.join(KINDS)}")
    if len(names) != 2:  # noqa: PLR2004 - a host and a guest
        raise ArgumentTypeError(f"{text!r} is not two kinds with a comma between")
    return [(KINDS[names[0]], KINDS[names[1]])]
