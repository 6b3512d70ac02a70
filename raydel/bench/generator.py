"""The load generator, a process of its own: ``python -m raydel.bench.generator JOB``.

`JOB` is a `Job` in JSON; what it found is written to standard output as a `Found`.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Sequence
from contextlib import closing
from typing import Final

import msgspec
from msgspec import structs

from raydel.bench.crowd import Crowd
from raydel.bench.dialling import trusting
from raydel.bench.figures import percentile
from raydel.bench.growth import grow
from raydel.bench.job import Found, Job
from raydel.bench.limits import allow_sockets
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
from raydel.bench.meter import Meter, rest, tell
from raydel.bench.trouble import Trouble
from raydel.bench.usage import resident_bytes

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


def measure(job: Job) -> Found:
    """Do a job.

    Raises:
        Trouble: The server is not there, or does not do what it should.
    """
    asked = (ASKED_AROUND_STARTS,) if job.workload == "relays" else ()
    trust = trusting(job.authority)
    with closing(Crowd(job.host, job.port, asked, trust)) as crowd:
        found = _found(job, crowd)
        crowd.leave(stop=job.workload in {"relays", "at-once"})
    return found


def _found(job: Job, crowd: Crowd) -> Found:
    if job.workload in {"idle", "idle-unjoined"}:
        return _idle(job, crowd)
    if job.workload == "idle-phones":
        return _idle_phones(job, crowd)
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
    number, meter = load.count, Meter(crowd, job.process)
    passed = meter.stop(run(crowd, load, job.seconds))
    latencies = {name: _summed(each) for name, each in load.waits.items() if each}
    return structs.replace(passed, count=load.count - number, latencies=latencies)


def _idle(job: Job, crowd: Crowd) -> Found:
    """Measure what connections cost that do nothing."""
    joined = job.workload == "idle"
    _come(crowd, FIRST, joined)
    crowd.rest(job.warm_up)
    before = _resident(job)
    _come(crowd, job.connections, joined)
    return _resting(job, crowd, job.warm_up, before)


def _idle_phones(job: Job, crowd: Crowd) -> Found:
    """Measure what phones cost once they are asked as seldom as ever after."""
    grow(crowd, FIRST)
    crowd.rest(job.warm_up)
    before = _resident(job)
    grow(crowd, FIRST + job.connections, note=tell)
    tell(f"waiting {job.settling:.0f} s until their first questions are over")
    return _resting(job, crowd, job.settling, before)


def _resting(job: Job, crowd: Crowd, settling: float, before: int | None) -> Found:
    """Measure phones that all are there, after a while.

    Args:
        job: What for.
        crowd: The phones, `FIRST` of which do not count.
        settling: The while, s.
        before: Bytes the server had before the others came.
    """
    crowd.rest(settling)
    passed = rest(crowd, job.process, job.seconds)
    after = _resident(job)
    if len(crowd.phones) < job.connections + FIRST:
        raise Trouble("the server closed connections that were idle")
    resident = None if before is None or after is None else after - before
    return structs.replace(passed, count=job.connections, resident=resident)


def _come(crowd: Crowd, connections: int, joined: bool) -> None:
    crowd.come(connections)
    if joined:
        crowd.sit()


def _resident(job: Job) -> int | None:
    return None if job.process is None else resident_bytes(job.process)


def _summed(waits: Sequence[float]) -> tuple[float, float, float]:
    """Return p50, p95 and p99 in ms."""
    p50, p95, p99 = (1e3 * (percentile(waits, q) or 0.0) for q in (0.5, 0.95, 0.99))
    return p50, p95, p99


if __name__ == "__main__":
    main(sys.argv[1:])
