"""Plays schedules that are drawn by lot, as many as are wanted: ``make schedules``.

``python -m tests.crashes --seed 7`` plays one again, and tells what happens in the
shortest schedule that breaks the same promise. The last line says how many were
played, how many broke a promise, and how fast that went; with any it ends with 1.
"""

from __future__ import annotations

import sys
import time
from argparse import ArgumentParser, Namespace
from functools import partial
from multiprocessing import get_context
from typing import Final

from tests.crashes.links import Note, no_note
from tests.crashes.schedule import Schedule, drawn
from tests.crashes.shelves import file, memory
from tests.crashes.shortening import shortest
from tests.crashes.world import World

PROCESSES: Final = 2
PORTION: Final = 50
"""Schedules that a process plays before it tells."""

EVERY: Final = 15.0
"""Seconds between two lines on how it goes."""

SHELVES: Final = {"memory": memory, "file": file}


def play(schedule: Schedule, store: str, note: Note = no_note) -> list[str]:
    """Play a schedule, and return what promises are broken."""
    with SHELVES[store]() as shelf:
        return World(schedule, shelf, note).play()


def try_seed(seed: int, store: str) -> tuple[int, str]:
    """Return a seed, and the first broken promise, or nothing."""
    try:
        found = play(drawn(seed), store)
    except Exception as fault:
        found = [f"The schedule came to no end: {fault!r}."]
    return seed, found[0] if found else ""


def play_many(wanted: Namespace) -> int:
    """Play schedules on several processes, and return how many broke a promise."""
    begun = said = time.monotonic()
    breaches = 0
    seeds = range(wanted.first, wanted.first + wanted.count)
    with get_context("fork").Pool(PROCESSES) as pool:
        results = pool.imap_unordered(
            partial(try_seed, store=wanted.store), seeds, PORTION
        )
        for done, (seed, breach) in enumerate(results, 1):
            if breach:
                breaches += 1
                again = f"python -m tests.crashes --store {wanted.store} --seed {seed}"
                say(f"{breach}\n  to see it again: {again}")
            if time.monotonic() - said > EVERY:
                said = time.monotonic()
                say(f"  {done} of {wanted.count}, {breaches} breaches")
    rate = wanted.count / (time.monotonic() - begun)
    say(f"{wanted.count} schedules, {breaches} breaches, {rate:.0f} a second")
    return breaches


def play_again(seed: int, store: str) -> int:
    """Play one schedule, tell its shortest form, and return its broken promises."""
    found = play(drawn(seed), store)
    if not found:
        say(f"{drawn(seed)}\nbreaks nothing")
        return 0
    beginning = found[0][:WORDS]
    schedule = shortest(
        drawn(seed),
        lambda each: any(b.startswith(beginning) for b in play(each, store)),
    )
    say(f"{schedule}")
    for breach in (found := play(schedule, store, tell)):
        say(breach)
    return len(found)


WORDS: Final = 24
"""Characters by which a breach is known again: the rest names takes and numbers."""


def tell(who: str, what: object) -> None:
    """Print what happens, time sync left out."""
    kind = what.get("type", "") if isinstance(what, dict) else ""
    if not kind.startswith("time_sync"):
        say(f"{who} {what}")


def say(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> None:
    """Do what the command line says."""
    parser = ArgumentParser(description="Play schedules of what can go wrong.")
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--seed", type=int, help="play this one again, and tell")
    parser.add_argument("--store", choices=sorted(SHELVES), default="memory")
    wanted = parser.parse_args()
    if wanted.seed is None:
        sys.exit(play_many(wanted) > 0)
    sys.exit(play_again(wanted.seed, wanted.store) > 0)


if __name__ == "__main__":
    main()
