"""What a process has used, as Linux counts it in ``/proc``."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

PROC: Final = Path("/proc")


def cpu_seconds(process: int) -> float | None:
    """Return CPU seconds of a process, in its own code and in the kernel's for it.

    All its threads count. The kernel counts in hundredths of a second, so measure for
    seconds.

    Returns:
        None where there is no such process, or no ``/proc``.
    """
    try:
        text = (PROC / str(process) / "stat").read_text("utf-8")
    except OSError:
        return None
    # The name of the program, in parentheses, may have blanks and parentheses.
    fields = text.rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_bytes(process: int) -> int | None:
    """Return bytes of memory that a process has in use; None as above."""
    try:
        text = (PROC / str(process) / "statm").read_text("utf-8")
    except OSError:
        return None
    return int(text.split()[1]) * os.sysconf("SC_PAGE_SIZE")


def cores() -> Sequence[int]:
    """Return the cores this process may run on; none where nobody can choose."""
    if not hasattr(os, "sched_getaffinity"):
        return ()
    return sorted(os.sched_getaffinity(0))


@contextmanager
def pinned(place: int) -> Iterator[None]:
    """Have processes that are started meanwhile run on one core, and on no other.

    Args:
        place: Counted from the end; of those there are too few of, none is chosen.
    """
    before = cores()
    if len(before) <= place:
        yield
        return
    os.sched_setaffinity(0, {before[-1 - place]})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
