"""Where the file of each device lies in server time, and how well that is known."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import hypot
from typing import Final

from raydel.core.cameras import (
    ANY_CAMERA,
    MOST,
    CameraLatency,
    Latency,
    known_latency,
    timer_latency,
)
from raydel.core.clockfit import ClockFit, fit
from raydel.core.fileclocks import Course, course, shown_at, unseen
from raydel.core.filestarts import EVEN, Begin, Facts, called, facts_of
from raydel.core.instants import SECOND
from raydel.core.journal import JournalEntry
from raydel.core.take import ClockSample, Participant, Take
from raydel.core.timesync import WHOLE

FRAMES: Final = "frames"
COMMAND: Final = "command"
UNKNOWN: Final = "unknown"

SLACK: Final = SECOND
"""ms by which a frame may be before its take, or after it was heard of. What is further
off was read off another clock than the one that the device answers with."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of one device and its file.

    Attributes:
        take: The take.
        participant: The device.
        facts: What the journal has of it.
        samples: Of its clock, by the server time that files are placed in.
        clock: Its clock, fitted to them; None without any.
        steady: Whether there was only that one server time, so that the instants of the
            take and of its journal are in it, too.
        elsewhere: Whether its clock was seen by another one.
        camera: What is known of its camera; None if nothing is.
    """

    take: Take
    participant: Participant
    facts: Facts
    samples: Sequence[ClockSample]
    clock: ClockFit | None
    steady: bool
    elsewhere: bool
    camera: Latency | None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a file lies.

    Attributes:
        source: What that rests on: `FRAMES` or the `COMMAND`.
        start: When its first frame was, server time, ms.
        end: When its last one was; None if it was not reported.
        course: What its clock makes of it.
        unsure: What its place is misjudged by 19 times of 20, at any instant of the
            take, ms; None if nobody knows. How far its clock leaves a straight line is
            not in it.
        bound: What its place is wrong by at most, ms; None where nothing bounds it.
    """

    source: str
    start: float
    end: float | None
    course: Course
    unsure: float | None
    bound: float | None


def evidence(
    take: Take,
    journal: Sequence[JournalEntry],
    samples: Sequence[ClockSample],
    cameras: Sequence[CameraLatency],
) -> list[Evidence]:
    """Gather what is known of each participant, in their order.

    Args:
        take: The take.
        journal: What happened in it, in order.
        samples: Of its participants' clocks; those of others are left out.
        cameras: What is known of the models' latencies.
    """
    own = [
        [each for each in samples if each.device_id == participant.owner.device_id]
        for participant in take.participants
    ]
    clock_id = common_clock([[each.clock_id for each in looks] for looks in own])
    steady = len({each.clock_id for looks in own for each in looks}) <= 1
    return [
        _evidence(take, participant, journal, looks, cameras, clock_id, steady)
        for participant, looks in zip(take.participants, own, strict=True)
    ]


def _evidence(
    take: Take,
    participant: Participant,
    journal: Sequence[JournalEntry],
    looks: Sequence[ClockSample],
    cameras: Sequence[CameraLatency],
    clock_id: str | None,
    steady: bool,
) -> Evidence:
    device_id = participant.owner.device_id
    counting = [each for each in looks if each.clock_id == clock_id]
    return Evidence(
        take=take,
        participant=participant,
        facts=facts_of([each for each in journal if each.device_id == device_id]),
        samples=counting,
        clock=fit(counting),
        steady=steady,
        elsewhere=len(counting) < len(looks),
        camera=known_latency([participant.declared.model, participant.name], cameras),
    )


def common_clock(seen: Sequence[Sequence[str]]) -> str | None:
    """Return the server time to place all files in; None if no clock was seen.

    It is one by which every clock was seen: the one by which the least seen of them was
    seen most, or if one was never seen, the first, which the take was started in.

    Args:
        seen: For each device, by what server time each look at its clock was.
    """
    counts = [Counter(each) for each in seen]
    ids = list(dict.fromkeys(clock_id for each in seen for clock_id in each))
    if not all(counts):
        return ids[0] if ids else None
    return max(
        ids,
        key=lambda each: (min(c[each] for c in counts), sum(c[each] for c in counts)),
        default=None,
    )


def placed(known: Evidence) -> Place | None:
    """Place a file; None if nothing tells when it began."""
    begin, source = first_frame(known), FRAMES
    if begin is None and known.facts.trouble is None:
        begin, source = _commanded(known), COMMAND
    if begin is None:
        return None
    end = _last_frame(known, begin.at)
    until = max(_until(known) if end is None else end, begin.at)
    ran = _course(known, begin.at, until)
    told = _timed(begin, known)
    return Place(
        source=source,
        start=begin.at,
        end=end,
        course=ran,
        unsure=together([told.uncertainty, ran.unsure]),
        bound=added([told.bound, ran.bound]),
    )


def together(uncertainties: Iterable[float | None]) -> float | None:
    """Return what things are wrong by together that are wrong by chance."""
    known = list(uncertainties)
    return None if None in known else hypot(*(each or 0.0 for each in known))


def added(bounds: Iterable[float | None]) -> float | None:
    """Return what things are wrong by together at most."""
    known = list(bounds)
    return None if None in known else sum(each or 0.0 for each in known)


def first_frame(known: Evidence) -> Begin | None:
    """Return when a file began by the frame that was reported; None if none can be.

    Whoever counts whole milliseconds may round them or cut them off.
    """
    if known.clock is None or known.facts.started is None:
        return None
    heard_at, report = known.facts.started
    near = heard_at if known.participant.late else known.take.start_at
    at = shown_at(known.clock, report.first_frame_time, near)
    if at is None or not _credible(at, known, heard_at):
        return None
    coarse = WHOLE if report.first_frame_time.is_integer() else 0.0
    return Begin(at, EVEN * coarse, coarse, by_clock=True)


def _last_frame(known: Evidence, start: float) -> float | None:
    """Return when a file ended; None if that was not reported, or cannot be."""
    if known.clock is None or known.facts.stopped is None:
        return None
    heard_at, report = known.facts.stopped
    ended_at = known.take.ended_at
    near = heard_at if ended_at is None else ended_at
    at = shown_at(known.clock, report.last_frame_time, near)
    if at is None or at < start or not _credible(at, known, heard_at):
        return None
    return at


def _credible(at: float, known: Evidence, heard_at: float) -> bool:
    """Whether a frame can have been then, as far as the journal tells."""
    earliest = known.take.accepted_at
    return not known.steady or earliest - SLACK <= at <= heard_at + SLACK


def _commanded(known: Evidence) -> Begin | None:
    """Return when a file began by its start command and what cameras take."""
    begin = called(known.take, known.participant, known.facts, known.clock)
    if begin is None:
        return None
    timer = timer_latency(known.participant.app)
    begin = begin.after(timer, timer.spread)
    if known.camera is None:
        return begin.after(ANY_CAMERA, ANY_CAMERA.spread)
    return begin.after(known.camera, MOST * known.camera.spread)


def _until(known: Evidence) -> float:
    """Return until when a file went that does not tell."""
    ended_at = known.take.ended_at
    if known.steady and ended_at is not None:
        return ended_at
    return max((each.at for each in known.samples), default=known.take.start_at)


def _course(known: Evidence, start: float, end: float) -> Course:
    if known.clock is None:
        return unseen(start, end)
    return course(known.clock, start, end)


def _timed(begin: Begin, known: Evidence) -> Begin:
    """Return a begin with what the clock is misjudged by there, if that counts.

    What was told by the clock itself is as wrong as that is later on: it is in its
    course. What was told by server time is nothing worth in another one.
    """
    if begin.by_clock:
        return begin
    if not known.steady:
        return begin._replace(uncertainty=None, bound=None)
    if known.clock is None:
        return begin
    fix = known.clock.at(begin.at)
    return begin._replace(
        uncertainty=together([begin.uncertainty, fix.uncertainty]),
        bound=added([begin.bound, fix.bound]),
    )
