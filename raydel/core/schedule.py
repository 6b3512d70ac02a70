"""When to start, and when each phone's copy of a command has to leave.

*T* is the instant of the camera calls. A phone that answered time sync is told
``T - c`` in its own time; any other starts on receipt, so its copy leaves at
``T - c`` less its one-way delay. ``c`` is the app's own camera delay.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from raydel.core.apps import App

LONGEST_LEAD: Final = 5_000.0
"""ms. Released apps clamp what lies further ahead."""

PROBES: Final = 5
"""Probes in the burst before a start."""

PROBE_INTERVAL: Final = 25.0
"""ms between them: 50 to 100 ms apart would keep a radio awake, this does too."""

SETTLING: Final = 300.0
"""ms a phone is given between its camera call and a stop."""

UNKNOWN_DELAY: Final = 20.0
"""One-way ms assumed of a peer that was never measured."""

MARGIN: Final = 20.0
"""ms to spare between the last probe's answer and the copy's departure."""

JOIN_PROBES: Final = (0.0, 110.0, 220.0, 340.0, 470.0)
"""ms after a join: apart, so that one burst of delay does not spoil them all."""


@dataclass(frozen=True, slots=True)
class Prospect:
    """What the lead has to allow for in one phone.

    Attributes:
        app: What it is.
        delay: One way, ms.
    """

    app: App
    delay: float

    @property
    def lead(self) -> float:
        """The least lead that lets this phone start on time, ms."""
        probing = (PROBES - 1) * PROBE_INTERVAL + 2 * self.delay + MARGIN
        return probing + self.delay + self.app.camera_delay


def lead(prospects: Iterable[Prospect], least: float) -> float:
    """Return ms from the tap to the common start, for all phones of a session."""
    needed = max((prospect.lead for prospect in prospects), default=0.0)
    return min(max(needed, least), LONGEST_LEAD)


def start_departure(start_at: float, app: App, delay: float) -> float:
    """Return when the copy of a phone that starts on receipt has to leave."""
    return start_at - app.camera_delay - delay


def stop_hold(start_at: float, app: App) -> float:
    """Return until when a stop is kept from a phone that may have its start.

    A released app that gets a stop before its start is due forgets the stop,
    and then starts.
    """
    return start_at + app.camera_delay + SETTLING if app.is_released else start_at
