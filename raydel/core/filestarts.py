"""When a device's camera was called, as its start command tells.

A command that names an instant of the device's own clock is obeyed then, or as it
arrives where that is later. One that names none is obeyed as it arrives: between the
instant it left and the first sign that it was there, and nobody knows where between.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import hypot, inf
from typing import Final, NamedTuple

from raydel.core.apps import App
from raydel.core.cameras import Latency
from raydel.core.clockfit import ClockFit
from raydel.core.fileclocks import shown_at
from raydel.core.journal import Confirmed, Fact, JournalEntry, Told
from raydel.core.messages import (
    RecordingFailed,
    RecordingRefused,
    RecordingScheduled,
    RecordingStarted,
    RecordingStopped,
)
from raydel.core.take import Participant, Take

Recording: Final = RecordingScheduled | RecordingStarted | RecordingStopped
"""What a device reports that has its start, and obeys it."""

EVEN: Final = 0.95
"""What is anywhere in a stretch of time, each instant as likely, is 19 times of 20 off
the middle by no more than this part of its half."""


class Begin(NamedTuple):
    """When something began.

    Attributes:
        at: The instant, server time, ms.
        uncertainty: What that is wrong by, 19 times of 20, ms; None if nobody knows.
        bound: What it is wrong by at most, ms; None where nothing bounds it.
        by_clock: Whether the device's own clock told it. What that is misjudged by
            comes on top then, and is in neither.
    """

    at: float
    uncertainty: float | None
    bound: float | None
    by_clock: bool = False

    def after(self, latency: Latency, most: float) -> Begin:
        """Return when something begins that takes its time.

        Args:
            latency: How long it takes.
            most: What that is off at most, ms.
        """
        return self._replace(
            at=self.at + latency.delay,
            uncertainty=(
                None
                if self.uncertainty is None
                else hypot(self.uncertainty, latency.spread)
            ),
            bound=None if self.bound is None else self.bound + most,
        )


@dataclass(frozen=True, slots=True)
class Facts:
    """What the journal has of one device's recording.

    Attributes:
        told: When each copy of its start left, server time, ms, and when that was to
            be obeyed by its own clock, if it was told so.
        arrived_by: By when a copy is known to have arrived, server time, ms.
        started: Its latest first frame, and when that was heard of.
        stopped: Its latest last frame, and when.
        trouble: That it refused, or failed, if that is what it said last.
    """

    told: tuple[tuple[float, float | None], ...] = ()
    arrived_by: float | None = None
    started: tuple[float, RecordingStarted] | None = None
    stopped: tuple[float, RecordingStopped] | None = None
    trouble: RecordingRefused | RecordingFailed | None = None


def facts_of(entries: Sequence[JournalEntry]) -> Facts:
    """Gather what the journal has of a device.

    Args:
        entries: The lines about it, in order.
    """
    told: list[tuple[float, float | None]] = []
    signs: list[float] = []
    started = stopped = trouble = None
    for entry in entries:
        match entry.fact:
            case Told(command="start", local_time=local_time):
                told.append((entry.at, local_time))
            case RecordingRefused() | RecordingFailed() as fact:
                trouble = fact
            case RecordingStarted() as fact:
                started = entry.at, fact
            case RecordingStopped() as fact:
                stopped = entry.at, fact
            case _:
                pass
        if _is_sign(entry.fact):
            signs.append(entry.at)
        if isinstance(entry.fact, Recording):
            trouble = None
    left_at = told[0][0] if told else -inf
    return Facts(
        told=tuple(told),
        arrived_by=min((at for at in signs if at >= left_at), default=None),
        started=started,
        stopped=stopped,
        trouble=trouble,
    )


def _is_sign(fact: Fact) -> bool:
    """Whether who is behind a line has got its start."""
    if isinstance(fact, Confirmed):
        return fact.command == "start"
    return isinstance(fact, Recording)


def called(
    take: Take, participant: Participant, facts: Facts, clock: ClockFit | None
) -> Begin | None:
    """Return when a device's camera was called; None where nothing tells.

    Args:
        take: The take.
        participant: The device.
        facts: What the journal has of it.
        clock: Its clock; None if it was not seen.
    """
    if _started_by_its_tap(take, participant):
        return _tapped(take, facts)
    if facts.arrived_by is None and not participant.start_proven:
        return None
    if not facts.told:
        return None if participant.late else _aimed(take, clock)
    return _obeyed(take, participant.app, facts, clock)


def _started_by_its_tap(take: Take, participant: Participant) -> bool:
    owner = participant.owner
    is_initiator = owner.device_id == take.initiator
    return is_initiator and owner.is_host and participant.app is App.SCREEN_1


def _tapped(take: Take, facts: Facts) -> Begin:
    """Return when a host was tapped that starts by that: as it sent its command.

    How long that was on its way, the way of its own copy tells, there and back. It is
    another message: so nothing bounds it.
    """
    if not facts.told or facts.arrived_by is None:
        return Begin(take.accepted_at, None, None)
    half = (facts.arrived_by - facts.told[0][0]) / 2
    return Begin(take.accepted_at - half, EVEN * half, None)


def _aimed(take: Take, clock: ClockFit | None) -> Begin:
    """Return when a start was meant to be, of which no copy is noted: an older take."""
    return Begin(take.start_at, None if clock is None else 0.0, None)


def _obeyed(take: Take, app: App, facts: Facts, clock: ClockFit | None) -> Begin:
    """Return when a start was obeyed of which a copy is noted."""
    local_time = facts.told[-1][1]
    aim = None
    if local_time is not None and clock is not None:
        aim = shown_at(clock, local_time, take.start_at)
    if local_time is not None and aim is None:
        return Begin(take.start_at, None, None)
    if facts.arrived_by is None:
        unsure = Begin(take.start_at, None, None)
        return unsure if aim is None else Begin(aim, 0.0, None, by_clock=True)
    begin = _at_arrival_or(aim, facts.told[0][0], facts.arrived_by, app.camera_delay)
    alike = len({local is None for _, local in facts.told}) == 1
    return begin if alike else begin._replace(bound=None)


def _at_arrival_or(
    aim: float | None, left_at: float, arrived_by: float, delay: float
) -> Begin:
    """Return when a start was obeyed: at an instant, or with its arrival if later.

    Args:
        aim: The instant, server time, ms; None for none.
        left_at: When its first copy left.
        arrived_by: When a copy was there.
        delay: How long the app takes then, ms.
    """
    half = (arrived_by - left_at) / 2
    arrived = left_at + half + delay
    at = arrived if aim is None else max(aim, arrived)

    def off(part: float) -> float:
        """Return how far off it is if the arrival is off by a part of the half."""
        least, most = arrived - part * half, arrived + part * half
        if aim is not None:
            least, most = max(aim, least), max(aim, most)
        return max(at - least, most - at)

    return Begin(at, off(EVEN), off(1.0), by_clock=aim is not None)
