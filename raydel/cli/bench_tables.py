"""What `raydel bench` prints: tables in Markdown, and all of it as JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from msgspec import to_builtins

from raydel.bench.figures import Spread, ratios, shown, spread
from raydel.bench.job import Found, Job, Workload
from raydel.bench.rounds import ALWAYS_ASKS, Plan, Results
from raydel.bench.servers import TLS

_Figure = Callable[[Found], float | None]

ONE: Final[dict[Workload, str]] = {
    "relays": "relay with its questions",
    "at-once": "relay at once",
    "ready": "relay of device_ready",
    "sync": "question of time sync",
    "joins": "join",
    "idle": "idle phone",
    "idle-unjoined": "idle connection",
    "idle-phones": "idle phone",
}

FULL: Final = 0.9
"""Part of a core from which on a server counts as saturated."""


def tables(plan: Plan, results: Results) -> Iterator[str]:
    """Write a table for each load, and one of ratios."""
    for job in plan.jobs:
        yield from _table(results, job)
        yield ""
    if any(name.endswith(TLS) for name in plan.names):
        yield from _over_tls(plan, results)
        yield ""
    if any(name not in ALWAYS_ASKS for name in plan.names):
        yield from _ratios(plan, results)


def _table(results: Results, job: Job) -> Iterator[str]:
    if job.workload == "idle-phones":
        return _phones(results, job)
    idle = job.workload.startswith("idle")
    return (_memory if idle else _load)(results, job.workload)


def _load(results: Results, workload: Workload) -> Iterator[str]:
    one = ONE[workload]
    yield f"| {one} | a second | µs of CPU | asked | server | load | p50, p95, p99 ms |"
    yield "|---|--:|--:|--:|--:|--:|---|"
    for name, found in results.of(workload).items():
        cells = (
            _number(found, lambda each: each.rate),
            _shown(spread([each.cost for each in found]), 1),
            _number(found, lambda each: each.asked, 1),
            _share(found, lambda each: each.busy),
            _share(found, lambda each: each.load_cpu / each.seconds),
            "; ".join(_latencies(found)),
        )
        yield f"| {name} | {' | '.join(cells)} |"


def _memory(results: Results, workload: Workload) -> Iterator[str]:
    yield f"| {ONE[workload]} | bytes | µs of CPU a second | asked a second |"
    yield "|---|--:|--:|--:|"
    for name, found in results.of(workload).items():
        size = _shown(spread([each.bytes_each for each in found]), 0)
        upkeep, asked = _number(found, _upkeep, 1), _number(found, _asking, 1)
        yield f"| {name} | {size} | {upkeep} | {asked} |"


def _phones(results: Results, job: Job) -> Iterator[str]:
    yield (
        f"| {job.connections:,} idle phones | part of a core | µs of CPU a second for"
        " one | pings a second | asked a second | load | bytes for one |"
    )
    yield "|---|--:|--:|--:|--:|--:|--:|"
    for name, found in results.of("idle-phones").items():
        busy = spread([each.busy for each in found])
        cells = (
            "" if busy is None else shown(busy, ".1%"),
            _shown(spread([_upkeep(each) for each in found]), 1),
            _number(found, lambda each: each.pings / each.seconds),
            _number(found, lambda each: each.exchanges / each.seconds),
            _share(found, lambda each: each.load_cpu / each.seconds),
            _shown(spread([each.bytes_each for each in found]), 0),
        )
        yield f"| {name} | {' | '.join(cells)} |"


def _over_tls(plan: Plan, results: Results) -> Iterator[str]:
    """Write what TLS adds to ours."""
    yield "| over TLS, ratio to plain | " + " | ".join(_plain(plan)) + " |"
    yield "|---|" + "--:|" * len(_plain(plan))
    for label, pick in _compared(results).items():
        cells = [_shown(ratios(*pick(name + TLS, name)), 2) for name in _plain(plan)]
        if any(cells):
            yield f"| {label} | {' | '.join(cells)} |"


def _plain(plan: Plan) -> list[str]:
    return [name for name in plan.names if name + TLS in plan.names]


def _upkeep(found: Found) -> float | None:
    """CPU that one idle connection costs a second, µs."""
    return None if found.cost is None else found.cost / found.seconds


def _asking(found: Found) -> float | None:
    """Questions that one idle phone answers a second."""
    return None if found.asked is None else found.asked / found.seconds


def _ratios(plan: Plan, results: Results) -> Iterator[str]:
    ours = [name for name in plan.names if name in ALWAYS_ASKS]
    peers = [name for name in plan.names if name not in ALWAYS_ASKS]
    yield "| ratio of ours | " + " | ".join(f"to {peer}" for peer in peers) + " |"
    yield "|---|" + "--:|" * len(peers)
    for name in ours:
        for label, pick in _compared(results).items():
            cells = [_shown(ratios(*pick(name, peer)), 2) for peer in peers]
            if any(cells):
                yield f"| {name}: {label} | {' | '.join(cells)} |"


_Pick = Callable[[str, str], tuple[list[float | None], list[float | None]]]


def _compared(results: Results) -> dict[str, _Pick]:
    """Return what is compared, and how it is found for ours and a peer."""

    def same(workload: Workload, what: _Figure) -> _Pick:
        return lambda a, b: _alike(
            results.series(workload, a, what), results.series(workload, b, what)
        )

    compared: dict[str, _Pick] = {
        f"CPU of a {ONE[workload]}": same(workload, lambda found: found.cost)
        for workload in ONE
        if not workload.startswith("idle")
    }
    for workload in ("idle", "idle-unjoined"):
        pick = same(workload, lambda found: found.bytes_each)
        compared[f"bytes of an {ONE[workload]}"] = pick
    for label, what in {
        "CPU": _upkeep,
        "bytes": lambda found: found.bytes_each,
    }.items():
        compared[f"{label} of an idle phone that is asked seldom"] = same(
            "idle-phones", what
        )
    return compared


def _alike(
    ours: list[float | None], theirs: list[float | None]
) -> tuple[list[float | None], list[float | None]]:
    """Return both, as long as the shorter: one may not have been measured."""
    size = min(len(ours), len(theirs))
    return ours[:size], theirs[:size]


def _number(found: list[Found], what: _Figure, digits: int = 0) -> str:
    figure = spread([what(each) for each in found])
    return "" if figure is None else f"{figure.median:,.{digits}f}"


def _share(found: list[Found], what: _Figure) -> str:
    figure = spread([what(each) for each in found])
    return "" if figure is None else f"{figure.median:.0%}"


def _latencies(found: list[Found]) -> Iterator[str]:
    for name in found[0].latencies:
        places = zip(*(each.latencies[name] for each in found), strict=True)
        middles = (spread(list(place)) for place in places)
        yield f"{name} " + ", ".join(f"{m.median:.1f}" for m in middles if m)


def _shown(figure: Spread | None, digits: int) -> str:
    """Write a median, and what it is the median of."""
    return "" if figure is None else shown(figure, f",.{digits}f")


def as_data(plan: Plan, results: Results) -> dict[str, Any]:
    """Return all that was measured, for JSON."""
    return {
        "jobs": to_builtins(plan.jobs),
        "rounds": plan.rounds,
        "found": to_builtins(results.by_workload),
    }
