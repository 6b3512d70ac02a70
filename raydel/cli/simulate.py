"""``python -m raydel simulate``: what ways of measuring a phone's clock are worth.

Everything is played in `raydel.simulation`; here it is asked for, and printed.
"""

from __future__ import annotations

import json
from argparse import ArgumentTypeError, Namespace
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Final

from raydel.cli import simulate_server
from raydel.cli.parser import Parser
from raydel.simulation.figures import Figures, measure
from raydel.simulation.methods import METHODS
from raydel.simulation.networks import NETWORKS, Network, Pair, read_trace

MOST_TAKES: Final = 1_000_000
"""Some ten minutes for each network; an hour through the server."""

TAKES: Final = 10_000
"""For each network, if nothing else is asked."""

NAMED: Final = 5
"""Takes whose bound did not hold that are named in the table; JSON has them all."""

_HELP: Final = """\
Plays two phones that are to start together, on networks that are played too, and
prints by how many ms they would miss each other: half of all takes stay below p50,
95 of 100 below p95. Each take is judged by every method, on the same delays:

  on-receipt     no clocks: each phone starts when the message is there
  one-ping       the first answer after the tap to "what does your clock say?"
  mean-of-5      the mean of the latest five answers
  median-of-10   the median of the latest ten, as the Node server does
  smallest-of-8  the quickest of the latest eight
  ours           what this server makes of the five answers after the join and of
                 those after the tap; it waits for four, the others for all five

and on these networks:

  good           Wi-Fi with little to do
  busy           Wi-Fi with much to do: 15 of 100 messages are 10 to 80 ms late
  power-save     Wi-Fi whose phones doze: 35 of 100 messages to them are late
  lte            a mobile network, slower up than down: no way to measure that
  mixed          one phone on good, one on lte

What is played: one-way delays, drawn for each message; that no message overtakes
another; clocks up to a minute off, up to 20 ppm fast or slow, that wander with the
temperature; clocks that show whole milliseconds (--granularity=1, the released apps)
or fractions (0, protocol 2). The second phone joins 2 to 30 s after the first, and the
tap is 2.5 s after that.

What is not: the server's own code but for its arithmetic with times, timers that fire
late, clocks that are set in the middle, links that break, and the camera. These are
the starts as commanded, not the first pictures.

Our method promises for each phone, when the start leaves for it, by how much its clock
is misjudged at most. Bound is the median of these promises; held says how many of them
were kept, at the start itself. If any was not, this ends with code 1.

With --live=URL, phones on real sockets try a running server instead; it has options of
its own: python -m raydel simulate --live --help.
"""

_WHOLE: Final = {"0": 0.0, "1": 1.0}


def main(arguments: Sequence[str]) -> None:
    """Play takes, and print what came of them.

    Args:
        arguments: The options.

    Raises:
        SystemExit: With 1 if a bound did not hold; an option makes no sense.
    """
    if any(word.partition("=")[0] == "--live" for word in arguments):
        from raydel.cli import live

        live.main(arguments)
        return
    parser = _parser()
    if any(word in ("-h", "--help") for word in arguments):
        parser.print_help()
        return
    asked = parser.parse_args(arguments)
    _refuse_mixtures(parser, asked)
    networks = _chosen(parser, asked)
    if asked.server:
        simulate_server.run(
            networks,
            kinds=asked.kinds,
            after=asked.after,
            frames=asked.frames,
            takes=asked.takes,
            seed=asked.seed,
            as_json=asked.json,
        )
    else:
        _judge_methods(networks, asked)


def _refuse_mixtures(parser: Parser, asked: Namespace) -> None:
    """Refuse options that mean nothing beside each other."""
    for name in ("kinds", "after", "frames"):
        if getattr(asked, name) and not asked.server:
            parser.error(f"--{name} needs --server")
    for name in ("method", "granularity"):
        if getattr(asked, name) is not None and asked.server:
            parser.error(f"--{name} cannot be had with --server, which has its own")


def _chosen(parser: Parser, asked: Namespace) -> dict[str, Pair]:
    names = asked.network or (["trace"] if asked.trace else list(NETWORKS))
    networks = dict(NETWORKS)
    if asked.trace:
        networks["trace"] = asked.trace
    elif "trace" in names:
        parser.error("the network 'trace' needs --trace=FILE")
    return {name: networks[name] for name in names}


def _judge_methods(networks: Mapping[str, Pair], asked: Namespace) -> None:
    takes, granularity = asked.takes or TAKES, asked.granularity or 0.0
    figures = [
        line
        for name, pair in networks.items()
        for line in measure(
            name,
            pair,
            {method: METHODS[method] for method in asked.method or METHODS},
            takes=takes,
            seed=asked.seed,
            granularity=granularity,
        )
    ]
    settings = {"seed": asked.seed, "takes": takes, "granularity": granularity}
    if asked.json:
        print(json.dumps({**settings, "figures": [asdict(each) for each in figures]}))
    else:
        print("\n".join(table(figures)))
    if code := exit_code(figures):
        raise SystemExit(code)


def exit_code(figures: Iterable[Figures]) -> int:
    """Return 1 if any bound did not hold, else 0."""
    return int(any(each.broken for each in figures))


def table(figures: Iterable[Figures]) -> list[str]:
    """Lay figures out in lines; all but the names are ms."""
    lines = [_row("network", "method", "p50", "p95", "max", "bound", "held")]
    broken: list[str] = []
    for each in figures:
        cells = [f"{number:.3f}" for number in (each.p50, each.p95, each.max)]
        if each.bound_p50 is not None:
            cells += [f"{each.bound_p50:.3f}", f"{each.held} of {each.bounds}"]
        lines.append(_row(each.network, each.method, *cells))
        broken += _broken(each)
    return lines + broken


def _broken(figures: Figures) -> list[str]:
    takes = [f"take {take}" for take in figures.broken[:NAMED]]
    if more := len(figures.broken) - len(takes):
        takes.append(f"and {more} more")
    where = f"the bound did not hold: {figures.network}, {figures.method}"
    return [f"{where}, {', '.join(takes)}"] if takes else []


def _row(network: str, method: str, *cells: str) -> str:
    numbers = "".join(f"{cell:>9}" for cell in cells[:4])
    return "  ".join([f"{network:<12}{method:<14}{numbers}", *cells[4:]])


def _parser() -> Parser:
    parser = Parser("simulate", _HELP + simulate_server.HELP)
    add = parser.add_argument
    add(
        "--network",
        metavar="NAMES",
        type=_networks,
        help="good, busy, power-save, lte, mixed, trace, with commas between, or all"
        " [default: all, or trace if there is one]",
    )
    add(
        "--method",
        metavar="NAMES",
        type=_methods,
        help="the methods, with commas between, or all [default: all]",
    )
    add(
        "--takes",
        metavar="COUNT",
        type=_takes,
        help=f"how many for each network [default: {TAKES}; with --server"
        f" {simulate_server.TAKES}]",
    )
    add(
        "--seed",
        metavar="NUMBER",
        type=_seed,
        default=1,
        help="the same one plays the same takes [default: %(default)s]",
    )
    add(
        "--granularity",
        metavar="MS",
        type=_granularity,
        help="of the phones' clocks: 0, or 1 [default: 0]",
    )
    add(
        "--trace",
        metavar="FILE",
        type=_trace,
        help="one-way delays of your own, in ms, one a line, for both directions; each"
        " connection begins somewhere in it",
    )
    add("--json", action="store_true", help="print it for programs")
    simulate_server.add_options(parser)
    return parser


def _networks(text: str) -> list[str]:
    return list(NETWORKS) if text == "all" else _names(text, [*NETWORKS, "trace"])


def _methods(text: str) -> list[str]:
    return list(METHODS) if text == "all" else _names(text, METHODS)


def _names(text: str, known: Collection[str]) -> list[str]:
    names = list(dict.fromkeys(text.split(",")))
    for name in names:
        if name not in known:
            raise ArgumentTypeError(f"{name!r} is none of {', '.join(known)}, all")
    return names


def _takes(text: str) -> int:
    with suppress(ValueError):
        if 1 <= (count := int(text)) <= MOST_TAKES:
            return count
    raise ArgumentTypeError(f"{text!r} is no number from 1 to {MOST_TAKES}")


def _seed(text: str) -> int:
    with suppress(ValueError):
        return int(text)
    raise ArgumentTypeError(f"{text!r} is no whole number")


def _granularity(text: str) -> float:
    if text in _WHOLE:
        return _WHOLE[text]
    raise ArgumentTypeError(f"{text!r} is neither 0 nor 1")


def _trace(file: str) -> Pair:
    try:
        trace = read_trace(Path(file))
    except OSError as problem:
        raise ArgumentTypeError(f"{file}: {problem.strerror}") from None
    except UnicodeDecodeError:
        raise ArgumentTypeError(f"{file}: that is no text") from None
    except ValueError as problem:
        raise ArgumentTypeError(f"{file}: {problem}") from None
    network = Network(trace, trace)
    return Pair(network, network)
