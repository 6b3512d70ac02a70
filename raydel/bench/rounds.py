"""Servers measured in turn, round after round."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import msgspec
from msgspec import structs

from raydel.bench.apart import run_apart
from raydel.bench.figures import in_turn
from raydel.bench.growth import PACE, unheard
from raydel.bench.job import Found, Job, Workload
from raydel.bench.limits import allow_sockets
from raydel.bench.servers import OURS, Server
from raydel.bench.trouble import Trouble

FRESH: Final = frozenset({"idle", "idle-unjoined", "idle-phones"})
"""What is measured on a server that has just begun: memory that was used before, and is
free again, would hide what connections take."""

ALWAYS_ASKS: Final = frozenset(OURS)
"""What asks questions around each start: a relay at once does not exist there."""

_MORE_TIME: Final = 120.0
"""Seconds that a measurement may take beyond what it was asked for."""


class Target(Protocol):
    """A server that listens."""

    name: str
    host: str
    port: int
    authority: str

    @property
    def process(self) -> int | None:
        """Its process number, if it is known."""


@dataclass(frozen=True)
class Plan:
    """What is measured, and on what.

    Attributes:
        names: The servers; ours first.
        jobs: What each is to bear; port and process are filled in.
        rounds: How often all of it is done.
        given: A server that runs already and stands for ``raydel``; it is not started
            anew where that would be better.
    """

    names: Sequence[str]
    jobs: Sequence[Job]
    rounds: int
    given: Any = None


@dataclass
class Results:
    """What was found, by workload and server, a value for each round."""

    by_workload: dict[Workload, dict[str, list[Found]]] = field(default_factory=dict)

    def add(self, workload: Workload, name: str, found: Found) -> None:
        """Note one measurement."""
        self.of(workload).setdefault(name, []).append(found)

    def of(self, workload: Workload) -> dict[str, list[Found]]:
        """Return what was found of one workload, by server."""
        return self.by_workload.setdefault(workload, {})

    def series(
        self, workload: Workload, name: str, what: Callable[[Found], float | None]
    ) -> list[float | None]:
        """Return one figure of one server, round by round."""
        return [what(found) for found in self.of(workload).get(name, ())]


def play(plan: Plan, note: Callable[[str], None]) -> Results:
    """Measure all of it.

    All servers run all the time; those whose turn it is not have no connections.

    Args:
        plan: What.
        note: Told what is done next.

    Raises:
        Trouble: A server does not start, or does not do what it should.
    """
    allow_sockets()
    results = Results()
    with ExitStack() as stack:
        running: dict[str, Target] = {}
        for name in plan.names:
            is_given = name == "raydel" and plan.given is not None
            server = plan.given if is_given else Server(name)
            running[name] = stack.enter_context(server)
        for job in plan.jobs:
            for number, order in enumerate(in_turn(plan.names, plan.rounds)):
                note(f"{job.workload}, round {number + 1} of {plan.rounds}")
                _round(plan, job, order, running, results, note)
    return results


def _round(
    plan: Plan,
    job: Job,
    order: Sequence[str],
    running: Mapping[str, Target],
    results: Results,
    note: Callable[[str], None],
) -> None:
    for name in order:
        if job.workload == "at-once" and name in ALWAYS_ASKS:
            continue
        with _target(plan, job, running[name]) as target:
            results.add(job.workload, name, measured(job, target, note))


@contextmanager
def _target(plan: Plan, job: Job, running: Target) -> Iterator[Target]:
    if job.workload in FRESH and running is not plan.given:
        with Server(running.name) as server:
            yield server
    else:
        yield running


def measured(job: Job, target: Target, note: Callable[[str], None] = unheard) -> Found:
    """Have the load generator do one job, in a process and on a core of its own.

    Raises:
        Trouble: It could not.
    """
    job = structs.replace(
        job,
        host=target.host,
        port=target.port,
        process=target.process,
        authority=target.authority,
    )
    joining = job.connections / PACE
    patience = job.warm_up + job.seconds + job.settling + 2 * joining + _MORE_TIME
    try:
        out = run_apart("raydel.bench.generator", job, patience, note)
    except Trouble as trouble:
        raise Trouble(f"{target.name}: {trouble}") from None
    return msgspec.json.decode(out, type=Found)
