"""``python -m raydel simulate --live=URL``: how well a running server does.

The phones are in `raydel.cli.pairs`; here they are asked for, and what came of them is
printed.
"""

from __future__ import annotations

import json
import time
from argparse import ArgumentTypeError
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict
from typing import Any, Final

from twisted.python.failure import Failure

from raydel.cli.pairs import Round, Wanted, Watch
from raydel.cli.parser import Parser
from raydel.cli.phone_options import authority, server_url
from raydel.core.instants import SECOND
from raydel.simulation.live.figures import Bounds, Measured, Report, Row, report
from raydel.simulation.live.truth import ServerTime

MOST_PAIRS: Final = 400
"""Two sockets each; a process may have a thousand, as a rule."""

MOST_APART: Final = 1000.0
"""ms between two pairs: more are no longer at the same time."""

LONGEST: Final = 4 * 3600.0
"""Seconds after which the server ends a take by itself."""

TARGET_SKEW: Final = 1.0
"""ms of start skew, as commanded, that 99 of 100 pairs are to stay below."""

TARGET_ALIGNMENT: Final = 0.5
"""ms by which no pair's clocks are to be misjudged, at any instant of its take."""

_HELP: Final = """\
Plays pairs of phones over real sockets against a server that runs on this machine,
all at the same time, and prints how well it did, in ms. Start it with ./serve, and

  python -m raydel simulate --live=ws://localhost:3001/sync

In each pair host and guest join a session of their own, somebody taps start 2.5 s
later, the take runs, is stopped, and both leave. Each phone has a clock of its own, up
to a minute off and up to 20 ppm fast or slow, made from one clock of this machine: so
the truth is known.

  start skew   between the instants at which both clocks show what they were told
  alignment    by how much the two clocks are misjudged against each other, from what
               REST tells of the take, at the take's worst instant
  round trip   of the questions "what does your clock say?" that were kept with takes
  own delay    by how much timers of this program were late

and how many of all the bounds that the phones were told held. Server time is not known
here, but no message arrives before it was sent: that leaves a fraction of a millisecond
open, and a bound that may have held or not by that is counted as neither.

All phones are in one process, whose own delays are in what it measures. If a bound did
not hold, or a pair did not finish, this ends with code 1.
"""


def main(arguments: Sequence[str]) -> None:
    """Play pairs, and print what came of them.

    Args:
        arguments: The options.

    Raises:
        SystemExit: With 1 if a bound did not hold or a pair did not finish; an option
            makes no sense.
    """
    parser = _parser()
    if any(word in ("-h", "--help") for word in arguments):
        parser.print_help()
        return
    asked = parser.parse_args(arguments)
    wanted = Wanted(
        url=asked.live,
        authority=asked.ca,
        pairs=asked.pairs,
        seconds=asked.seconds,
        apart=asked.apart,
        seed=asked.seed,
    )
    found = measure(wanted)
    if asked.json:
        print(json.dumps(_shown(wanted, found)))
    else:
        print("\n".join(table(wanted, found)))
    if not found.is_well:
        raise SystemExit(1)


def measure(wanted: Wanted) -> Report:
    """Run the reactor until all pairs are done; return what came of them.

    Raises:
        Exception: A mistake of ours.
    """
    from twisted.internet import reactor as running

    reactor: Any = running
    # The reactor's own clock jumps when somebody sets the computer's.
    reactor.seconds = time.monotonic
    watch, server_time = Watch(reactor), ServerTime()
    results: list[list[Measured | str] | Failure] = []

    def begin() -> None:
        played = Round(reactor, wanted, server_time)
        reactor.addSystemEventTrigger("before", "shutdown", played.end, "interrupted")
        played.outcomes.addBoth(results.append).addBoth(stop)

    def stop(_: None) -> None:
        if reactor.running:
            reactor.stop()

    reactor.callWhenRunning(begin)
    reactor.run()
    (outcomes,) = results
    if isinstance(outcomes, Failure):
        outcomes.raiseException()
    return report(outcomes, server_time, watch.late)


def table(wanted: Wanted, found: Report) -> list[str]:
    """Lay a report out in lines: figures where a pair finished, and what failed."""
    figures = _figures(wanted, found) if found.finished else []
    return [*figures, *(f"failed: {each}" for each in _failures(wanted, found))]


def _figures(wanted: Wanted, found: Report) -> list[str]:
    head = f"{found.finished} of {wanted.pairs} pairs, takes of {wanted.seconds:g} s"
    skew, alignment = targets(found)
    return [
        f"{head:<32}" + "".join(f"{name:>9}" for name in ("p50", "p95", "p99", "max")),
        *_row("start skew", found.start_skew, f"p99 < {TARGET_SKEW:g}", skew),
        *_row("alignment", found.alignment, f"max < {TARGET_ALIGNMENT:g}", alignment),
        *_row("round trip", found.round_trip),
        *_row("own delay", found.late),
        *_bounds(found.bounds),
    ]


def _failures(wanted: Wanted, found: Report) -> Iterator[str]:
    for why, count in found.failures.items():
        yield f"{count} of {wanted.pairs} pairs: {why}"
    if found.finished and found.bounds is None:
        yield "server time does not run as this machine's; is the server elsewhere?"
    elif found.bounds is not None and found.bounds.broken:
        yield f"{found.bounds.broken} of {found.bounds.told} bounds did not hold"


def targets(found: Report) -> tuple[bool | None, bool | None]:
    """Say whether start skew and alignment are where they should be, if known."""
    skew, alignment = found.start_skew, found.alignment
    return (
        None if skew is None else skew.p99 < TARGET_SKEW,
        None if alignment is None else alignment.max < TARGET_ALIGNMENT,
    )


def _row(
    name: str, row: Row | None, target: str = "", is_met: bool | None = None
) -> list[str]:
    if row is None:
        return []
    numbers = "".join(f"{n:>9.3f}" for n in (row.p50, row.p95, row.p99, row.max))
    verdict = {None: "", True: f"  {target}: met", False: f"  {target}: missed"}
    return [f"{name:<32}{numbers}{verdict[is_met]}"]


def _bounds(bounds: Bounds | None) -> list[str]:
    if bounds is None or bounds.p50 is None:
        return []
    held = f"bounds held: {bounds.held} of {bounds.told}"
    median = f"half of them below {bounds.p50:.3f}"
    return [f"{held}; {median}; server time is known to ±{bounds.known_to:.3f}"]


def _shown(wanted: Wanted, found: Report) -> dict[str, Any]:
    skew, alignment = targets(found)
    return {
        "url": wanted.url,
        "pairs": wanted.pairs,
        "seconds": wanted.seconds,
        "apart": wanted.apart,
        "seed": wanted.seed,
        "targets": {"start_skew": skew, "alignment": alignment},
        **asdict(found),
    }


def _parser() -> Parser:
    parser = Parser("simulate", _HELP)
    add = parser.add_argument
    add(
        "--live",
        metavar="URL",
        type=server_url,
        required=True,
        help="where the server is: ws://localhost:3001/sync, or wss://",
    )
    add(
        "--ca",
        metavar="FILE",
        type=authority,
        help="for wss://, trust this authority, certificates/raydel-ca.crt for example,"
        " and not those of the system",
    )
    add(
        "--pairs",
        metavar="COUNT",
        type=_pairs,
        default=50,
        help="how many [default: %(default)s]",
    )
    add(
        "--seconds",
        metavar="COUNT",
        type=_seconds,
        default=30.0,
        help="how long each take runs [default: 30]",
    )
    add(
        "--apart",
        metavar="MS",
        type=_apart,
        default=0.0,
        help="between one pair's beginning and the next one's [default: 0]",
    )
    add(
        "--seed",
        metavar="NUMBER",
        type=_seed,
        default=1,
        help="the same one draws the same clocks [default: %(default)s]",
    )
    add("--json", action="store_true", help="print it for programs")
    return parser


def _pairs(text: str) -> int:
    with suppress(ValueError):
        if 1 <= (count := int(text)) <= MOST_PAIRS:
            return count
    raise ArgumentTypeError(f"{text!r} is no number from 1 to {MOST_PAIRS}")


def _seconds(text: str) -> float:
    with suppress(ValueError):
        if 0 < (seconds := float(text)) <= LONGEST:
            return seconds
    raise ArgumentTypeError(f"{text!r} is no length of a take, in seconds")


def _apart(text: str) -> float:
    with suppress(ValueError):
        if 0 <= (apart := float(text)) <= MOST_APART:
            return apart / SECOND
    raise ArgumentTypeError(f"{text!r} is no number from 0 to {MOST_APART:g}")


def _seed(text: str) -> int:
    with suppress(ValueError):
        return int(text)
    raise ArgumentTypeError(f"{text!r} is no whole number")
