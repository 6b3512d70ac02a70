"""The options of ``python -m raydel simulate``, and what its help teaches."""

from __future__ import annotations

from argparse import ArgumentTypeError
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from typing import Final

from raydel.cli import (
    simulate_frames,
    simulate_long,
    simulate_server,
)
from raydel.cli.parser import Parser
from raydel.cli.pictures import PLOT_HELP, picture
from raydel.cli.simulate_server import LATEST, SOONEST
from raydel.core.instants import SECOND
from raydel.simulation.methods import METHODS
from raydel.simulation.networks import NETWORKS, Network, Pair, read_trace

TAKES: Final = 10_000
"""For each network, if nothing else is asked."""

MOST_TAKES: Final = 1_000_000
"""Some ten minutes for each network; an hour through the server."""

MOST_JOBS: Final = 64
"""More processes than a club's computer has cores."""

_HELP: Final = """\
Plays two phones that are to start together, on networks that are played too, and
prints by how many ms they would miss each other: half of all takes stay below p50,
95 of 100 below p95. Each take is judged by every method, on the same delays:

  on-receipt     no clocks: each phone starts when the message is there
  one-ping       the first answer after the tap to "what does your clock say?"
  mean-of-5      the mean of the latest five answers
  median-of-10   the median of the latest ten, as the Node server does
  smallest-of-8  the quickest of the latest eight
  smallest-of-32 the quickest of the latest 32: of two bursts
  pure-pairs     the same, but only of those pairs of neighbours in a burst whose
                 distance in time the network changed least: the better half
  ours           what this server makes of all of them: it follows the quickest
                 messages of either way, which need not belong to one answer

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
tap is 2.5 s after that (--after). Each phone is asked 16 questions, 50 ms apart, at its
own join, from the second join on every 10 s, after two minutes every minute; and 25 ms
apart from the tap on. What is heard before the start has to leave counts, for every
method.

What is not: the server's own code but for its arithmetic with times, timers that fire
late, clocks that are set in the middle, links that break, and the camera. These are
the starts as commanded, not the first pictures.

Our method promises for each phone by how much its clock is misjudged at most, at the
start. Bound is the median of these promises; above, of what they are above half of the
phone's quickest round trip, the best that one answer can promise; held says how many
were kept. Unsure is the median of what both phones together are said to be
misjudged by; covers, in how many of 100 takes that was no less than the skew; times,
how many times the median skew it is. It is not meant to cover ways that are not equally
long, as one phone has them in mixed: the bound does. If a bound did not hold, this ends
with code 1.

"""

_WHOLE: Final = {"0": 0.0, "1": 1.0}


def parser() -> Parser:
    """Return what reads all options, and teaches them."""
    reader = Parser(
        "simulate",
        _HELP + simulate_long.HELP + simulate_frames.HELP + simulate_server.HELP,
    )
    add = reader.add_argument
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
        help=f"how many for each network [default: {TAKES}; with --minutes"
        f" {simulate_long.TAKES}; with --server {simulate_server.TAKES}]",
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
    add(
        "--after",
        metavar="SECONDS",
        type=_after,
        help="from the second join to the tap [default: 2.5]",
    )
    add("--json", action="store_true", help="print it for programs")
    add(
        "--plot",
        metavar="FILE",
        type=picture,
        help=PLOT_HELP,
    )
    add(
        "--jobs",
        metavar="COUNT",
        type=_jobs,
        default=1,
        help="processes to play in, one for each core; the figures are the same"
        " [default: %(default)s]",
    )
    simulate_long.add_options(reader)
    simulate_frames.add_options(reader)
    simulate_server.add_options(reader)
    return reader


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


def _jobs(text: str) -> int:
    with suppress(ValueError):
        if 1 <= (count := int(text)) <= MOST_JOBS:
            return count
    raise ArgumentTypeError(f"{text!r} is no number from 1 to {MOST_JOBS}")


def _after(text: str) -> float:
    with suppress(ValueError):
        if SOONEST <= (seconds := float(text)) <= LATEST:
            return seconds * SECOND
    raise ArgumentTypeError(
        f"{text!r} is no number of seconds from {SOONEST:g} to {LATEST:g}"
    )


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
