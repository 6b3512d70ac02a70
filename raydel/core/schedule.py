"""When phones are asked for their clocks, when to start, and when each copy leaves.

*T* is the instant of the camera calls. A phone that answered time sync is told
``T - c`` in its own time; any other starts on receipt, so its copy leaves at
``T - c`` less its one-way delay. ``c`` is how early it has to be told: by as much as a
released app calls its camera late, or the camera of protocol 2 is late itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from raydel.core.apps import App
from raydel.core.burst import BURST
from raydel.core.instants import MINUTE, SECOND
from raydel.core.values import Value

LONGEST_LEAD: Final = 5_000.0
"""ms. Released apps clamp what lies further ahead."""

SWEEP: Final = 1 / BURST
"""ms by which each question of a burst is asked later in its millisecond, so that a
clock that counts whole ones shows its fractions."""

SPACING: Final = 50.0 + SWEEP
"""ms between the questions of a burst: rarer ones would let a radio doze, of closer
ones more would be held up by the same stall."""

HASTE: Final = 25.0 + SWEEP
"""ms between those of a burst before a start, or after a stop."""

PINGS: Final = 5
"""Pings in the burst of a phone that does not tell its clock."""

FULL_CADENCE: Final = 10 * SECOND
"""ms between the bursts of a phone that records, or soon may."""

SLOW_CADENCE: Final = MINUTE
"""ms between those of any other."""

ATTENTION: Final = 2 * MINUTE
"""ms of full cadence, once two phones are there, or one is ready."""

JITTER: Final = 0.1
"""Part of a cadence by which it is changed at random, so that phones that came together
are not asked together for ever."""

MOST_UNANSWERED: Final = 8
"""Questions in a row without an answer after which no more are asked, but for one now
and then of a phone that did answer before."""

MOST_AT_ONCE: Final = 200
"""Bursts at once, but for those before a start: 4,000 questions a second, and as many
answers. Whoever comes too much waits."""

SETTLING: Final = 300.0
"""ms a phone is given between its camera call and a stop."""

UNKNOWN_DELAY: Final = 20.0
"""One-way ms assumed of a peer that was never measured."""

AGREEING: Final = 100.0
"""ms that an app takes to look whether it can record."""

MARGIN: Final = 20.0
"""ms to spare, for the server and the phone to do their part."""


class Prospect(Value, frozen=True):
    """What the lead has to allow for in one phone.

    Attributes:
        early: ms by which it is told to start before the common
            start; later, if negative.
        delay: One way, ms.
        reach: One way if it takes long, ms.
        tells_clock: Whether it has answered time sync; if not, it starts on receipt.
    """

    early: float
    delay: float
    reach: float
    tells_clock: bool

    @property
    def lead(self) -> float:
        """The least lead that lets this phone start on time, ms."""
        questions = BURST if self.tells_clock else PINGS
        asking = (questions - 1) * HASTE + 2 * self.delay + MARGIN
        way = self.reach + MARGIN if self.tells_clock else self.delay
        return asking + way + max(0.0, self.early)


def lead(prospects: Iterable[Prospect], least: float) -> float:
    """Return ms from the tap to the common start, for all phones of a session."""
    needed = max((prospect.lead for prospect in prospects), default=0.0)
    return min(max(needed, least), LONGEST_LEAD)


def grace(prospects: Iterable[Prospect]) -> float:
    """Return ms more that everybody's answer takes, and to take a start back."""
    reach = max((prospect.reach for prospect in prospects), default=0.0)
    return 2 * (reach + MARGIN + AGREEING)


def start_departure(start_at: float, early: float, delay: float) -> float:
    """Return when the copy of a phone that starts on receipt has to leave."""
    return start_at - early - delay


def latest_departure(start_at: float, early: float, reach: float) -> float:
    """Return when the copy of a phone that tells its clock has to leave at last."""
    return start_at - early - reach - MARGIN


def stop_hold(start_at: float, app: App, camera_delay: float) -> float:
    """Return until when a stop is kept from a phone that may have its start.

    A released app that gets a stop before its start is due forgets the stop,
    and then starts.
    """
    return start_at + camera_delay + SETTLING if app.is_released else start_at
