"""The load generator, a process of its own: ``python -m raydel.bench.generator JOB``.

`JOB` is a `Job` in JSON; what it found is written to standard output as a `Found`.
"""

from __future__ import annotations

import gc
import resource
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from typing import Final

import msgspec

from raydel.bench.crowd import Crowd, Trouble
from raydel.bench.figures import percentile
from raydel.bench.job import Found, Job
from raydel.bench.loads import (
    ASKED_AROUND_STARTS,
    READY,
    START,
    STOP,
    Joins,
    Load,
    Questions,
    Relays,
    run,
)
from raydel.bench.usage import cpu_seconds, resident_bytes

FIRST: Final = 50
"""Idle connections that do not count: they pay for what all share."""

SETTLING: Final = 0.6
"""Seconds in which phones that have joined are asked their first questions."""

_STEPS: Final = {"relays": (START, STOP), "at-once": (START, STOP), "ready": (READY,)}


def main(arguments: Sequence[str]) -> None:
    """Do a job, and print what was found.

    Args:
        arguments: The job, as JSON.

    Raises:
        SystemExit: The load could not be put on; it says why.
    """
    job = msgspec.json.decode(arguments[0], type=Job)
    allow_sockets()
    gc.disable()  # A pause of ours would be measured as one of the server's.
    try:
        found = measure(job)
    except Trouble as trouble:
        raise SystemExit(f"raydel: {job.workload}: {trouble}") from None
    sys.stdout.write(msgspec.json.encode(found).decode() + "\n")


def allow_sockets() -> None:
    """Let this process, and those it starts, have as many sockets as may be."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def measure(job: Job) -> Found:
    """Do a job.

    Raises:
        Trouble: The server is not there, or does not do what it should.
    """
    asked = (ASKED_AROUND_STARTS,) if job.workload == "relays" else ()
    with closing(Crowd(job.host, job.port, asked)) as crowd:
        found = _found(job, crowd)
        crowd.leave(stop=job.workload in {"relays", "at-once"})
    return found


def _found(job: Job, crowd: Crowd) -> Found:
    if job.workload in {"idle", "idle-unjoined"}:
        return _idle(job, crowd)
    if job.workload == "joins":
        return _under(job, crowd, Joins(crowd, job.in_flight))
    crowd.come(job.connections)
    crowd.sit()
    crowd.rest(SETTLING)
    if job.workload == "sync":
        return _under(job, crowd, Questions(crowd))
    steps = _STEPS[job.workload]
    return _under(job, crowd, Relays(crowd, steps, job.in_flight, job.rate))


def _under(job: Job, crowd: Crowd, load: Load) -> Found:
    """Measure under a load."""
    crowd.script = load
    run(crowd, load, job.warm_up)
    for waits in load.waits.values():
        waits.clear()
    number, heard, asked = load.count, crowd.heard, crowd.exchanges
    before, own = _cpu(job), time.process_time()
    took = run(crowd, load, job.seconds)
    after = _cpu(job)
    return Found(
        count=load.count - number,
        seconds=took,
        cpu=None if before is None or after is None else after - before,
        load_cpu=time.process_time() - own,
        exchanges=crowd.exchanges - asked,
        heard=crowd.heard - heard,
        errors=crowd.errors,
        latencies={name: _summed(waits) for name, waits in load.waits.items() if waits},
    )


def _idle(job: Job, crowd: Crowd) -> Found:
    """Measure what connections cost that do nothing."""
    joined = job.workload == "idle"
    _come(crowd, FIRST, joined)
    crowd.rest(job.warm_up)
    before = _resident(job)
    _come(crowd, job.connections, joined)
    crowd.rest(job.warm_up)
    cpu, began, asked = _cpu(job), time.monotonic(), crowd.exchanges
    crowd.rest(job.seconds)
    after, used = _resident(job), _cpu(job)
    if len(crowd.phones) < job.connections + FIRST:
        raise Trouble("the server closed connections that were idle")
    return Found(
        count=job.connections,
        seconds=time.monotonic() - began,
        cpu=None if cpu is None or used is None else used - cpu,
        exchanges=crowd.exchanges - asked,
        resident=None if before is None or after is None else after - before,
    )


def _come(crowd: Crowd, connections: int, joined: bool) -> None:
    crowd.come(connections)
    if joined:
        crowd.sit()


def _cpu(job: Job) -> float | None:
    return None if job.process is None else cpu_seconds(job.process)


def _resident(job: Job) -> int | None:
    return None if job.process is None else resident_bytes(job.process)


def _summed(waits: Sequence[float]) -> tuple[float, float, float]:
    """Return p50, p95 and p99 in ms."""
    p50, p95, p99 = (1e3 * (percentile(waits, q) or 0.0) for q in (0.5, 0.95, 0.99))
    return p50, p95, p99


if __name__ == "__main__":
    main(sys.argv[1:])
