"""What a phone says of itself that may spoil its recording."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from raydel.core.messages import Doubt, StatusReport

HOUR_OF_VIDEO: Final = 8 * 10**9
"""Bytes that an hour takes: 1080p at 60 frames a second and some 17 Mbit/s."""

LOW_BATTERY: Final = 0.2
"""Below that a phone that is not charging may not see the end of a match."""

_GIGABYTE: Final = 10**9
_HOT: Final = frozenset({"serious", "critical"})


def doubts(device_id: str, status: StatusReport | None) -> Iterator[Doubt]:
    """Return what may spoil a device's recording, by what it said of itself."""
    if status is None:
        return
    free = status.free_storage_bytes
    if free is not None and free < HOUR_OF_VIDEO:
        text = f"{free / _GIGABYTE:.1f} GB free; an hour needs some 8 GB"
        yield Doubt(device_id, "storage", text)
    battery = status.battery
    if battery is not None and battery < LOW_BATTERY and not status.charging:
        yield Doubt(device_id, "battery", f"battery at {battery:.0%}, and not charging")
    if status.thermal in _HOT:
        yield Doubt(
            device_id, "thermal", f"too hot to film for long ({status.thermal})"
        )
