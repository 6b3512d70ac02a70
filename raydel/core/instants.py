"""Instants and durations.

Every instant in the core is a ``float``: milliseconds since the Unix epoch in
*server time*, the one monotonic clock all phones are measured against.
Durations are milliseconds too.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from raydel.core.values import Value

SECOND: Final = 1_000.0
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR

CREDIBLE: Final = 1_767_225_600_000.0
"""The first instant of 2026: what is before it was read off a clock that nobody set."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def iso(instant: float) -> str:
    """Write an instant as ISO 8601 in UTC, with milliseconds and a ``Z``.

    >>> iso(1768473000000.0)
    '2026-01-15T10:30:00.000Z'
    """
    moment = _EPOCH + timedelta(milliseconds=int(instant))
    # `strftime` takes three times as long, and each line of the log asks.
    return moment.isoformat(timespec="milliseconds")[: -len("+00:00")] + "Z"


def fine(milliseconds: float) -> float:
    """Round to whole microseconds: about what a double holds of an epoch time."""
    return round(milliseconds, 3)


class Anchor(Value, frozen=True):
    """Ties server time to a clock of the machine, for as long as that one runs.

    Attributes:
        boot: Names the run of the machine's clock: it starts anew at each boot.
        clock_id: Names the server time that rests on it.
        epoch: Server time where the machine's clock is at 0, ms.
    """

    boot: str
    clock_id: str
    epoch: float
