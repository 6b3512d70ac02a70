"""``python -m raydel simulate``: what ways of measuring a phone's clock are worth.

Everything is played in `raydel.simulation`; here it is asked for, and printed.
"""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict

from raydel.cli import (
    simulate_frames,
    simulate_long,
    simulate_picture,
    simulate_server,
)
from raydel.cli.parser import Parser
from raydel.cli.pictures import need
from raydel.cli.simulate_options import TAKES
from raydel.cli.simulate_options import parser as options
from raydel.cli.tables import held, number, row, share, wrong
from raydel.simulation.figures import Comparison, Figures, compare
from raydel.simulation.methods import METHODS
from raydel.simulation.networks import NETWORKS, Pair
from raydel.simulation.trial import TAP


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
    parser = options()
    if any(word in ("-h", "--help") for word in arguments):
        parser.print_help()
        return
    asked = parser.parse_args(arguments)
    _refuse_mixtures(parser, asked)
    networks = _chosen(parser, asked)
    if asked.plot:
        need()
    if asked.first_frames:
        simulate_frames.run(
            networks, pairs=asked.takes, seed=asked.seed, as_json=asked.json
        )
    elif asked.minutes:
        simulate_long.run(networks, asked)
    elif asked.server:
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
    for names, other in (
        (("kinds", "frames"), "server"),
        (("wander", "step", "grades"), "minutes"),
    ):
        for name in names:
            if getattr(asked, name) and not getattr(asked, other):
                parser.error(f"--{name} needs --{other}")
    if asked.first_frames:
        others = ("minutes", "method", "granularity", "after", "server", "plot")
        _refuse(parser, asked, others, "first-frames")
        if asked.jobs > 1:
            parser.error(
                "--jobs cannot be had with --first-frames: one by one it plays"
            )
    elif asked.minutes:
        _refuse(parser, asked, ("method", "after", "kinds", "frames"), "minutes")
    elif asked.server:
        _refuse(parser, asked, ("method", "granularity", "plot"), "server")
        if asked.jobs > 1:
            parser.error(
                "--jobs cannot be had with --server alone: one by one it plays"
            )


def _refuse(parser: Parser, asked: Namespace, names: Sequence[str], other: str) -> None:
    for name in names:
        if getattr(asked, name):
            parser.error(f"--{name} cannot be had with --{other}, which has its own")


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
    after = asked.after or TAP
    methods = {method: METHODS[method] for method in asked.method or METHODS}
    tallies = {
        name: compare(
            Comparison(name, pair, methods, asked.seed, granularity, after),
            takes,
            asked.jobs,
        )
        for name, pair in networks.items()
    }
    figures = [
        tally.figures(network, method)
        for network, by_method in tallies.items()
        for method, tally in by_method.items()
    ]
    settings = {
        "seed": asked.seed,
        "takes": takes,
        "after": after,
        "granularity": granularity,
    }
    if asked.json:
        print(json.dumps({**settings, "figures": [asdict(each) for each in figures]}))
    else:
        print("\n".join(table(figures)))
    if asked.plot:
        simulate_picture.save_skews(asked.plot, tallies)
    if code := exit_code(figures):
        raise SystemExit(code)


def exit_code(figures: Iterable[Figures]) -> int:
    """Return 1 if any bound did not hold, else 0."""
    return int(any(each.broken for each in figures))


def table(figures: Iterable[Figures]) -> list[str]:
    """Lay figures out in lines; all but the names are ms."""
    cells = ["p50", "p95", "max", "bound", "above", "unsure", "covers", "times"]
    lines = [row(("network", "method"), cells, "held")]
    broken: list[str] = []
    for each in figures:
        lines.append(_row(each))
        where = f"the bound did not hold: {each.network}, {each.method}"
        broken += wrong(where, each.broken)
    return lines + broken


def _row(figures: Figures) -> str:
    cells = [number(each) for each in (figures.p50, figures.p95, figures.max)]
    if figures.bounds:
        cells += [
            number(figures.bound_p50),
            number(figures.above_p50),
            number(figures.uncertainty_p50),
            share(figures.coverage),
            number(figures.caution, 1),
        ]
    names = figures.network, figures.method
    return row(names, cells, held(figures.held, figures.bounds))
