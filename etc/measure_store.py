# noqa: INP001 - a script beside the examples, in no package.
"""Measures what each store costs: ``python etc/measure_store.py [directory]``.

Commits what a server does while twenty matches are on, one commit after the other
without a pause, to each store in turn, in several rounds: once without journals, and
once with two lines for the journal of a take in each commit. The files are made in the
directory, the present one by default: it has to be on the disk that is meant, and
``/tmp`` often is none.
"""

from __future__ import annotations

import math
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import count, product
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from typing import Final

from twisted.internet.defer import Deferred

from raydel.core.apps import App
from raydel.core.config import Survives
from raydel.core.journal import Confirmed, JournalEntry, Told
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

LINES: Final = 2
"""Of a journal, in each commit of those that have any."""

NOON: Final = 1_768_478_400_000.0

KINDS: Final[dict[str, Survives | None]] = {
    "memory": None,
    "--survives=kill": "kill",
    "--survives=power-loss": "power-loss",
}

Batch = tuple[Write, Sequence[ClockSample]]


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
        stores: dict[str, IStore] = {}
        works: dict[str, Iterator[Batch]] = {}
        for name, lines in product(KINDS, (0, LINES)):
            shown = f"{name}, {lines} lines" if lines else name
            stores[shown] = store_of(name, Path(folder, shown), threads)
            works[shown] = work(lines)
        took: dict[str, list[float]] = {name: [] for name in stores}
        for store in stores.values():
            store.open()
        for _ in range(ROUNDS):
            for name, store in stores.items():
                took[name] += measured(store, works[name], threads)
        for store in stores.values():
            store.close()
    show(took)


def store_of(name: str, file: Path, threads: Threads) -> IStore:
    """Make a store of a kind."""
    survives = KINDS[name]
    store: IStore = SQLiteStore(file, survives, threads) if survives else MemoryStore()
    return store


def measured(
    store: IStore, batches: Iterator[Batch], threads: Threads
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


def work(lines: int) -> Iterator[Batch]:
    """Yield what the matches have stored, for ever.

    Of eight commits to a session, one has a take, and one a burst of samples. Each
    has so many lines for the journal of its take.
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
        noted = journal(ran, NOON + number)[:lines]
        yield Write(code, version, session, takes, noted), samples


def journal(take: Take, at: float) -> tuple[JournalEntry, ...]:
    """Return two lines about a take's host."""
    host = take.initiator
    return (
        JournalEntry(take.id, host, at, Told("start", at + 250.125)),
        JournalEntry(take.id, host, at, Confirmed("start")),
    )


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
        f"{'store':32}{'commits/s':>11}{'of memory':>11}"
        f"{'p50':>10}{'p99':>10}{'longest':>10}  ms"
    )
    for name, times in took.items():
        print(  # noqa: T201
            f"{name:32}{len(times) / sum(times):11.0f}"
            f"{sum(first) / sum(times):11.3f}"
            f"{quantile(times, 0.5) * 1e3:10.3f}{quantile(times, 0.99) * 1e3:10.3f}"
            f"{max(times) * 1e3:10.1f}"
        )


def quantile(values: Sequence[float], share: float) -> float:
    """Return the smallest of the values that so many are not above."""
    return sorted(values)[math.ceil(share * len(values)) - 1]


if __name__ == "__main__":
    main()
