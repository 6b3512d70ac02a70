"""Instants and durations.

Every instant in the core is a ``float``: milliseconds since the Unix epoch in
*server time*, the one monotonic clock all phones are measured against.
Durations are milliseconds too.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

SECOND: Final = 1_000.0
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def iso(instant: float) -> str:
    """Write an instant as ISO 8601 in UTC, with milliseconds and a ``Z``.

    >>> iso(1768473000000.0)
    '2026-01-15T10:30:00.000Z'
    """
    moment = _EPOCH + timedelta(milliseconds=int(instant))
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{int(instant) % 1000:03d}Z"
