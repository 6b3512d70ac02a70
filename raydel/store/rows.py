"""What a commit keeps beside its writes, sorted out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from heapq import merge

from raydel.core.journal import JournalEntry
from raydel.core.startlatency import Camera
from raydel.core.take import ClockSample
from raydel.interfaces import Row, Write


def samples_of(rows: Iterable[Row]) -> Sequence[ClockSample]:
    """Return the clock samples among rows, in their order."""
    return [row for row in rows if isinstance(row, ClockSample)]


def cameras_of(rows: Iterable[Row]) -> Sequence[Camera]:
    """Return what the rows say of cameras; of one installation the newest is last."""
    return [row for row in rows if isinstance(row, Camera)]


def entries_of(made: Iterable[Write], rows: Iterable[Row]) -> Sequence[JournalEntry]:
    """Return the lines that are added to journals, as they were noted.

    What was seen of a device comes beside the writes, not among them: the lines of
    each are in order, and all of them are once they are merged by their instants.
    At one instant what was seen comes first.

    Args:
        made: The writes that did not conflict.
        rows: What was seen meanwhile.
    """
    seen = [row for row in rows if isinstance(row, JournalEntry)]
    written = [write.journal for write in made if write.journal]
    if not written or not (seen or written[1:]):
        return written[0] if written else seen
    return list(merge(seen, *written, key=lambda entry: entry.at))
