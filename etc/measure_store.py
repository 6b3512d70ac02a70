# noqa: INP001 - a script beside the examples, in no package.
"""Measures what each store costs: ``python etc/measure_store.py [directory]``.

Commits what a server does while twenty matches are on, one commit after the other
without a pause, to each store in turn, in several rounds. The files are made in the
directory, the present one by default: it has to be on the disk that is meant, and
``/tmp`` often is none.
"""

from __future__ import annotations

import math
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from typing import Final

from twisted.internet.defer import Deferred

from raydel.core.apps import App
from raydel.core.state import Seat, Session
from raydel.core.take import ClockSample, Owner, Participant, Take
from raydel.interfaces import IStore, Write
from raydel.store.memory import MemoryStore
from raydel.store.sqlite import SQLiteStore

MATCHES: Final = 20
ROUNDS: Final = 5
COMMITS: Final = 3_000
"""Of each store in a round; some ten checkpoints in all."""

BURST: Final = 8
"""Clock samples that come at once."""

NOON: Final = 1_768_478_400_000.0


class Threads:
    """Runs each checkpoint in a thread, as the server does."""

    def __init__(self) -> None:
        self._running: list[tuple[Thread, Deferred[None]]] = []

    def __call__(self, work: Callable[[], None]) -> Deferred[None]:
        """Start a thread."""
        done: Deferred[None] = Deferred()
        thread = Thread(target=work)
        thread.start()
        self._running.append((thread, done))
        return done

    def settle(self) -> None:
        """Tell of those that have ended."""
        for thread, done in list(self._running):
            if not thread.is_alive():
                self._running.remove((thread, done))
                done.callback(None)


def main() -> None:
    """Measure, and print a table."""
    place = Path(sys.argv[1] if len(sys.argv) > 1 else ".")
    with TemporaryDirectory(dir=place, prefix="measure-store-") as folder:
        threads = Threads()
        stores: dict[str, IStore] = {
            "memory": MemoryStore(),
            "--survives=kill": SQLiteStore(Path(folder, "kill"), "kill", threads),
            "--survives=power-loss": SQLiteStore(
                Path(folder, "power-loss"), "power-loss", threads
            ),
        }
        took: dict[str, list[float]] = {name: [] for name in stores}
        works = {name: work() for name in stores}
        for store in stores.values():
            store.open()
        for _ in range(ROUNDS):
            for name, store in stores.items():
                took[name] += measured(store, works[name], threads)
        for store in stores.values():
            store.close()
    show(took)


def measured(
    store: IStore,
    batches: Iterator[tuple[Write, Sequence[ClockSample]]],
    threads: Threads,
) -> Iterator[float]:
    """Commit for a round; yield how many seconds each commit took."""
    for _ in range(COMMITS):
        write, samples = next(batches)
        began = time.perf_counter()
        done = store.commit([write], samples)
        yield time.perf_counter() - began
        done.addCallback(conflicts_are_none)
        threads.settle()


def conflicts_are_none(conflicts: frozenset[str]) -> None:
    """Nobody else is there: a conflict is a mistake of this script."""
    if conflicts:
        sys.exit(f"conflicts: {conflicts}")


def work() -> Iterator[tuple[Write, Sequence[ClockSample]]]:
    """Yield what the matches have stored, for ever.

    Of eight commits to a session, one has a take, and one a burst of samples.
    """
    for number in count():
        version, match = divmod(number, MATCHES)
        code = f"MATCH{match:02}"[-6:]
        ran = take(code, version // 8)
        session = Session(
            code, NOON, version + 1, seats(code), take=ran, stop_at=NOON + version
        )
        takes = (ran,) if version % 8 == 0 else ()
        samples = [
            ClockSample(ran.id, code * 3, "clock-of-boot", NOON + number, 12.25, 3.5)
            for _ in range(BURST if version % 8 == 4 else 0)  # noqa: PLR2004
        ]
        yield Write(code, version, session, takes), samples


def owners(code: str) -> tuple[Owner, Owner]:
    """Return a host and a guest."""
    return (
        Owner(
            f"{code}-host-id-0",
            is_host=True,
            said_name="Left goal",
            tokens=("ab" * 32,),
        ),
        Owner(f"{code}-guest-id-", is_host=False, said_name="Right goal"),
    )


def seats(code: str) -> tuple[Seat, ...]:
    """Return the seats of both."""
    return tuple(
        Seat(owner, str(owner.said_name), App.LIBRARY_2, NOON, f"peer {owner.is_host}")
        for owner in owners(code)
    )


def take(code: str, number: int) -> Take:
    """Return a take of both."""
    participants = tuple(
        Participant(owner, str(owner.said_name), App.LIBRARY_2, start_proven=True)
        for owner in owners(code)
    )
    name = f"{code}-take-{number:05}"
    return Take(name, code, NOON, NOON + 250.0, f"{code}-host-id-0", participants)


def show(took: dict[str, list[float]]) -> None:
    """Print what was measured."""
    first = next(iter(took.values()))
    print(f"{os.cpu_count()} CPUs, Python {sys.version.split()[0]}")  # noqa: T201
    print(  # noqa: T201
        f"{'store':24}{'commits/s':>11}{'of memory':>11}"
        f"{'p50':>10}{'p99':>10}{'longest':>10}  ms"
    )
    for name, times in took.items():
        print(  # noqa: T201
            f"{name:24}{len(times) / sum(times):11.0f}"
            f"{sum(first) / sum(times):11.3f}"
            f"{quantile(times, 0.5) * 1e3:10.3f}{quantile(times, 0.99) * 1e3:10.3f}"
            f"{max(times) * 1e3:10.1f}"
        )


def quantile(values: Sequence[float], share: float) -> float:
    """Return the smallest of the values that so many are not above."""
    return sorted(values)[math.ceil(share * len(values)) - 1]


if __name__ == "__main__":
    main()
