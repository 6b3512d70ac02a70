"""How many sockets a process may have, and what to do when they are too few."""

from __future__ import annotations

import resource
from typing import Final

from raydel.bench.trouble import Trouble

SPARE: Final = 100
"""Open files of a process that are no phones: its listener, its store, its logs."""


def allow_sockets() -> None:
    """Let this process, and those it starts, have as many sockets as may be."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def most_phones() -> int | None:
    """Return how many phones a server may have at once; None if nothing limits it.

    An even number: two make a session.
    """
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most == resource.RLIM_INFINITY:
        return None
    return max(2, (most - SPARE) // 2 * 2)


def check_phones(phones: int, option: str) -> None:
    """See that so many phones can be had.

    Args:
        phones: How many.
        option: What to ask for fewer with.

    Raises:
        Trouble: A process may not open as many files.
    """
    most = most_phones()
    if most is not None and phones > most:
        raise Trouble(
            f"{phones:,} phones take {phones + SPARE:,} open files in one process; the "
            f"limit here leaves room for {most:,}. Either raise it as root: 'prlimit "
            f"--pid=$$ --nofile={phones + SPARE}'; or ask for fewer with {option}"
        )
