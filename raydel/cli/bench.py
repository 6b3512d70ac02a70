"""``python -m raydel bench``: what the server costs, and how it compares."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import urlsplit

from raydel.bench.generator import FIRST
from raydel.bench.growth import quiet_after
from raydel.bench.job import Job, Workload
from raydel.bench.limits import check_phones
from raydel.bench.rounds import Plan, play
from raydel.bench.servers import PEERS, TLS, Running
from raydel.bench.trouble import Trouble
from raydel.cli import bench_scaling
from raydel.cli.bench_scaling import as_many_as_may_be, note
from raydel.cli.bench_tables import as_data, tables
from raydel.cli.parser import Parser

WORKLOADS: Final[dict[Workload, str]] = {
    "relays": "a start or a stop in, two copies out, and what is asked around them",
    "at-once": "the same on peers that ask nothing around a start; ours always does",
    "ready": "device_ready in, two copies out: a relay that waits for nothing",
    "sync": "a question of time sync, and its answer",
    "joins": "a host that connects, joins and leaves",
    "idle": "phones that have joined, and do nothing else",
    "idle-unjoined": "connections that say nothing",
    "idle-phones": "the same of 20,000 phones, once their first questions are over",
}

SCALING: Final = "--scaling"

SESSIONS: Final = 100
IDLE: Final = 1000
PHONES: Final = 20_000

ONLY_IF_ASKED: Final = frozenset({"idle-phones"})
"""Minutes each."""

_HELP: Final = """\
Measures what the server costs. Runs one, and a load of phones that keeps it busy, each
in a process and on a core of its own, and prints for each kind of load:

{workloads}

how many there are a second, what one costs of the server's CPU, how long it takes, and
what connections cost in memory. It takes a minute or more; the machine should have
nothing else to do. docs/performance.md tells how to read the figures.

  python -m raydel bench
  python -m raydel bench --against=node --rounds=6
  python -m raydel bench --load=ready --rate=3000 --json

With --against, a peer runs beside it: the same protocol, in a few lines, on what others
use. Both are measured in turn, A B B A, and the median of the ratios is printed. With
--tls, ours runs twice, plain and over TLS. idle-phones takes four minutes a round, and
is measured only if asked for.

  python -m raydel bench --scaling

measures instead how the cost of a relay grows with connections and sessions, and has
options of its own: see python -m raydel bench --scaling --help.
"""


def main(arguments: Sequence[str]) -> None:
    """Measure, and print what was found.

    Args:
        arguments: The options.

    Raises:
        SystemExit: An option makes no sense, or a server does not do what it should.
    """
    if SCALING in arguments:
        bench_scaling.main([each for each in arguments if each != SCALING])
        return
    parser = _parser()
    if any(word in ("-h", "--help") for word in arguments):
        parser.print_help()
        return
    asked = parser.parse_args(arguments)
    try:
        plan = _plan(parser, asked)
        results = play(plan, note)
    except Trouble as trouble:
        raise SystemExit(f"raydel: {trouble}") from None
    if asked.json:
        print(json.dumps(as_data(plan, results)))
    else:
        print("\n".join(tables(plan, results)))


def _parser() -> Parser:
    width = max(map(len, WORKLOADS))
    lines = (f"  {name:<{width}}  {what}" for name, what in WORKLOADS.items())
    parser = Parser("bench", _HELP.format(workloads="\n".join(lines)))
    add = parser.add_argument
    add("--load", action="append", choices=WORKLOADS, help="what to put on; several")
    add("--against", action="append", default=[], choices=PEERS, help="several")
    add("--store", choices=("memory", "sqlite", "both"), default="memory", help="ours")
    add("--rounds", type=int, default=2, help="how often each is measured [2]")
    add("--seconds", type=float, default=3.0, help="of each measurement [3]")
    add("--sessions", type=int, default=SESSIONS, help="of two phones each [100]")
    add("--in-flight", type=int, default=64, help="relays or joins at a time [64]")
    add("--rate", type=float, default=0.0, help="relays begun a second: an open loop")
    add("--idle", type=int, default=IDLE, help="idle connections [1000]")
    add("--phones", type=int, help="of idle-phones [20000, or as many as may be]")
    add(
        "--settling", type=float, help="s until idle-phones count [as long as it takes]"
    )
    add("--tls", action="store_true", help="ours over TLS, too")
    add("--url", help="of a server that runs, as ws://localhost:3001/sync")
    add("--pid", type=int, help="its process number, if it is on this machine")
    add("--json", action="store_true", help="print all that was measured, as JSON")
    return parser


def _plan(parser: Parser, asked: Any) -> Plan:
    ours = {"memory": ["raydel"], "sqlite": ["raydel-sqlite"]}
    names = ours.get(asked.store, ["raydel", "raydel-sqlite"])
    if asked.tls:
        names = [each for name in names for each in (name, name + TLS)]
    if asked.tls and asked.url:
        parser.error("--tls is for servers that are started here, --url names another")
    if asked.url and asked.store != "memory":
        parser.error("--url: the store is what that server was started with")
    if asked.pid and not asked.url:
        parser.error("--pid is that of a server named by --url")
    if min(asked.rounds, asked.sessions, asked.in_flight, asked.idle) < 1:
        parser.error("--rounds, --sessions, --in-flight and --idle are 1 at least")
    if asked.seconds <= 0 or min(asked.rate, asked.settling or 0) < 0:
        parser.error("--seconds is above 0, --rate is not below it, nor --settling")
    if asked.phones is not None and (asked.phones < 2 or asked.phones % 2):  # noqa: PLR2004
        parser.error("--phones is an even number: two make a session")
    loads = asked.load or [
        each
        for each in WORKLOADS
        if each not in ONLY_IF_ASKED and (asked.against or each != "at-once")
    ]
    return Plan(
        names=[*names, *dict.fromkeys(asked.against)],
        jobs=[_job(load, asked) for load in dict.fromkeys(loads)],
        rounds=asked.rounds,
        given=_given(parser, asked) if asked.url else None,
    )


def _job(workload: Workload, asked: Any) -> Job:
    # Each session has one relay at a time, and waits most of it for answers: a loop
    # that is to keep a server busy has all of them under way.
    in_flight = asked.sessions if workload == "relays" else asked.in_flight
    phones = _phones(asked) if workload == "idle-phones" else 0
    idle = workload.startswith("idle")
    return Job(
        workload=workload,
        port=0,
        connections=phones or (asked.idle if idle else 2 * asked.sessions),
        in_flight=in_flight,
        rate=asked.rate,
        warm_up=min(1.0, asked.seconds),
        seconds=asked.seconds,
        settling=_settling(phones, asked),
    )


def _settling(phones: int, asked: Any) -> float:
    """Return seconds from the last join until idle phones count; no others wait."""
    if not phones or asked.settling is not None:
        return float(asked.settling or 0)
    return quiet_after(phones)


def _phones(asked: Any) -> int:
    """Return how many idle phones there are to be.

    Raises:
        Trouble: More than a process may have sockets for.
    """
    if asked.phones is None:
        return as_many_as_may_be(PHONES + FIRST) - FIRST
    check_phones(asked.phones + FIRST, "--phones")
    return int(asked.phones)


def _given(parser: Parser, asked: Any) -> Running:
    parts = urlsplit(asked.url)
    if parts.scheme != "ws" or not parts.hostname:
        parser.error(f"--url={asked.url}: it is ws://host:port/sync")
    return Running(parts.hostname, parts.port or 80, asked.pid)
