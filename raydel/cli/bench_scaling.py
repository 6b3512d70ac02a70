"""``python -m raydel bench --scaling``: a relay among more and more phones."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentTypeError
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec
from msgspec import structs, to_builtins

from raydel.bench.apart import run_apart
from raydel.bench.climb import Climb, Point, Series
from raydel.bench.figures import Spread, ratios, shown, spread
from raydel.bench.limits import allow_sockets, check_phones, most_phones
from raydel.bench.servers import TLS, Server
from raydel.bench.trouble import Trouble
from raydel.cli import bench_picture
from raydel.cli.parser import Parser
from raydel.cli.pictures import PLOT_HELP, need, picture

CONNECTIONS: Final = (100, 1_000, 5_000, 20_000)
SESSIONS: Final = (10, 100, 1_000, 10_000)

IN_FLIGHT: Final = 10
"""As many as the smallest number of sessions can have."""

_MORE_TIME: Final = 300.0
"""Seconds that a series may take beyond what it would at the full pace."""

_HELP: Final = """\
Measures what a relay costs among more and more phones. Runs the server, has phones join
in sessions of two, and has device_ready relayed, a few at a time, always as many:

  connections  The relays are of the same few sessions, as many as the smallest number
               makes. All other phones do nothing: they answer pings and questions.
  sessions     The relays are of all sessions, each in its turn.

It measures from the smallest number to the largest and, in the next round, back. Behind
each measurement it looks what the same phones cost without relays; of a relay it prints
the CPU in all, and without that upkeep. The first is too much, for pings are in it; the
second is rather too little, for a busy server does them for less.

Two rounds take half an hour; the machine should have nothing else to do.
"""

_COST: Final = "µs of CPU"
_NET: Final = "without upkeep"

Found = Mapping[Series, Sequence[Point]]
"""What was found of each series, in the order in which it was."""


def main(arguments: Sequence[str]) -> None:
    """Measure, print what was found, and draw it.

    Args:
        arguments: The options.

    Raises:
        SystemExit: An option makes no sense, or the server does not do what it should.
    """
    parser = _parser()
    if any(word in ("-h", "--help") for word in arguments):
        parser.print_help()
        return
    asked = parser.parse_args(arguments)
    if asked.plot:
        need()
    try:
        climbs = _climbs(parser, asked)
        name = _server(asked)
        found: Found = {climb.series: _measured(climb, name) for climb in climbs}
    except Trouble as trouble:
        raise SystemExit(f"raydel: {trouble}") from None
    if asked.json:
        print(json.dumps({"climbs": to_builtins(climbs), "found": to_builtins(found)}))
    else:
        print("\n".join(tables(name, climbs, found)))
    if asked.plot:
        bench_picture.save_scaling(asked.plot, found)


def note(what: str) -> None:
    """Tell what is done next."""
    print(f"raydel: {what}", file=sys.stderr, flush=True)


def as_many_as_may_be(phones: int) -> int:
    """Return how many phones can be had of so many, and tell if that is fewer."""
    most = most_phones()
    if most is None or phones <= most:
        return phones
    note(f"open files are limited: {most:,} phones in place of {phones:,}")
    return most


def _parser() -> Parser:
    parser = Parser("bench --scaling", _HELP)
    add = parser.add_argument
    add("--connections", type=_sizes, help="[100,1000,5000,20000]")
    add("--sessions", type=_sizes, help="of two phones each [10,100,1000,10000]")
    add("--in-flight", type=int, default=IN_FLIGHT, help="relays at a time [10]")
    add("--rounds", type=int, default=2, help="how often each is measured [2]")
    add("--seconds", type=float, default=5.0, help="of each measurement [5]")
    add("--settling", type=float, help="s until phones count [as long as it takes]")
    add("--store", choices=("memory", "sqlite"), default="memory")
    add("--tls", action="store_true", help="over TLS")
    add("--plot", metavar="FILE", type=picture, help=PLOT_HELP)
    add("--json", action="store_true", help="print all that was measured, as JSON")
    return parser


def _sizes(text: str) -> tuple[int, ...]:
    words = text.split(",")
    sizes = tuple(sorted({int(word) for word in words if word.isdecimal()}))
    if not sizes or not all(word.isdecimal() for word in words) or sizes[0] < 1:
        raise ArgumentTypeError(f"{text!r}: numbers from 1, with commas between")
    return sizes


def _server(asked: Any) -> str:
    store = "raydel-sqlite" if asked.store == "sqlite" else "raydel"
    return store + TLS if asked.tls else store


def _climbs(parser: Parser, asked: Any) -> list[Climb]:
    """Return the series: both, or the one whose sizes were given.

    Raises:
        Trouble: There are more phones than may be.
    """
    if min(asked.rounds, asked.in_flight) < 1 or asked.seconds <= 0:
        parser.error("--rounds and --in-flight are 1 at least, --seconds above 0")
    if asked.settling is not None and asked.settling < 0:
        parser.error("--settling is not below 0")
    if any(size % 2 for size in asked.connections or ()):
        parser.error("--connections are even numbers: two phones make a session")
    both = asked.connections is None and asked.sessions is None
    climbs = [
        _climb("connections", CONNECTIONS if both else asked.connections, asked),
        _climb("sessions", SESSIONS if both else asked.sessions, asked),
    ]
    return [_possible(parser, climb, both) for climb in climbs if climb.sizes]


def _climb(series: Series, sizes: tuple[int, ...] | None, asked: Any) -> Climb:
    return Climb(
        series=series,
        sizes=sizes or (),
        rounds=asked.rounds,
        in_flight=asked.in_flight,
        warm_up=min(1.0, asked.seconds),
        seconds=asked.seconds,
        settling=asked.settling,
    )


def _possible(parser: Parser, climb: Climb, may_be_fewer: bool) -> Climb:
    """Return a series as far as there are sockets for it."""
    smallest, largest = climb.sizes[0] * climb.scale, climb.sizes[-1] * climb.scale
    if climb.in_flight > smallest // 2:
        parser.error(
            f"--in-flight={climb.in_flight}: {smallest // 2} sessions have one each"
        )
    if not may_be_fewer:
        check_phones(largest, f"--{climb.series}")
        return climb
    top = as_many_as_may_be(largest) // climb.scale
    sizes = sorted({min(size, top) for size in climb.sizes})
    return structs.replace(climb, sizes=tuple(sizes))


def _measured(climb: Climb, name: str) -> list[Point]:
    """Have a series measured, on a server that has just begun."""
    allow_sockets()
    with Server(name) as server:
        job = structs.replace(
            climb,
            host=server.host,
            port=server.port,
            process=server.process,
            authority=server.authority,
        )
        patience = climb.takes() + _MORE_TIME
        out = run_apart("raydel.bench.climb", job, patience, note)
    return msgspec.json.decode(out, type=list[Point])


def tables(name: str, climbs: Sequence[Climb], found: Found) -> Iterator[str]:
    """Write a table for each series."""
    for climb in climbs:
        points = found[climb.series]
        yield (
            f"| {climb.series}, {name} | relays a second | {_COST} | ratio | {_NET}"
            " | ratio | upkeep | pings a second | asked a second | server | load |"
        )
        yield "|--:|" + "--:|" * 10
        for size in climb.sizes:
            yield _row(points, climb.sizes[0], size)
        yield ""


def of_size(points: Sequence[Point], size: int) -> list[Point]:
    """Return what was measured of one size, round by round."""
    return [point for point in points if point.size == size]


def _row(points: Sequence[Point], smallest: int, size: int) -> str:
    here, least = of_size(points, size), of_size(points, smallest)

    def median(what: Callable[[Point], float | None], form: str) -> str:
        figure = spread([what(each) for each in here])
        return "" if figure is None else format(figure.median, form)

    def all_of(what: Callable[[Point], float | None]) -> Iterator[str]:
        ours = [what(each) for each in here]
        yield _written(spread(ours), ",.1f")
        yield _written(ratios(ours, [what(each) for each in least]), ".2f")

    cells = (
        f"{size:,}",
        median(lambda each: each.load.rate, ",.0f"),
        *all_of(lambda each: each.cost),
        *all_of(lambda each: each.net),
        median(lambda each: each.upkeep.busy, ".1%"),
        median(lambda each: each.load.pings / each.load.seconds, ",.0f"),
        median(lambda each: each.load.exchanges / each.load.seconds, ",.0f"),
        median(lambda each: each.load.busy, ".0%"),
        median(lambda each: each.load.load_cpu / each.load.seconds, ".0%"),
    )
    return f"| {' | '.join(cells)} |"


def _written(figure: Spread | None, form: str) -> str:
    return "" if figure is None else shown(figure, form)
