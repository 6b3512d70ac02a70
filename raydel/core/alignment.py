"""How the files of a take lie to each other, and how well that is known.

Instants are server time in ms, durations are in ms, rates in millionths. A file's own
time counts from its first frame. Where it is at an instant, its course tells.

Each file is placed by itself (`raydel.core.fileplaces`): by the frames that its device
reported, or by what its start command can promise. What two places are misjudged by
adds up as chance does, by the root of the squares; bounds add up as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from msgspec import structs

from raydel.core.alignlimits import limits
from raydel.core.cameras import CameraLatency
from raydel.core.fileplaces import (
    UNKNOWN,
    Place,
    added,
    evidence,
    placed,
    together,
)
from raydel.core.instants import fine
from raydel.core.journal import JournalEntry
from raydel.core.knots import Knot, bend
from raydel.core.take import ClockSample, Take
from raydel.core.values import Value

GRADES: Final = {"A": 2.0, "B": 8.3, "C": 16.7}
"""What two files may be unsure by for each grade, ms: too little to be seen, half a
frame at 60 and half a frame at 30 frames a second."""

WORST: Final = "D"
"""The grade of what is more unsure than that, or unknown."""


def grade(uncertainty: float | None) -> str:
    """Return the grade of two files that are so unsure, ms."""
    if uncertainty is None:
        return WORST
    return next((name for name, most in GRADES.items() if uncertainty <= most), WORST)


class AlignedFile(Value, frozen=True, rename="camel"):
    """One device's file.

    Attributes:
        device_id: Whose it is.
        source: What its place rests on: ``frames`` that it reported, the start
            ``command``, or ``unknown``.
        start: When its first frame was, server time, ms; None if unknown.
        end: When its last frame was; None if it was not reported.
        offset: Its start less that of the reference, ms.
        rate_ppm: How much its clock gained on server time, in millionths: the straight
            line from its first frame to its last one. None if its clock was never seen.
        bend: How far that line leaves the course, at most, ms; None if its start is
            unknown. A program that takes one rate a file cannot be better than half of
            it.
        uncertainty: What its time by its course is wrong by, against the reference's by
            its own, 19 times of 20, at any instant of the take, ms.
        bound: What that is wrong by at most, ms; None where nothing bounds it.
        grade: ``A`` to ``D``, by the uncertainty; for the reference, that of the take.
        course: Its own time, ms from its first frame on, at instants of server time, in
            their order; none if its start is unknown, else two at least. From its first
            frame to its last one, or to the end of the take if that was not reported;
            for a second, if no time is known to have gone by.
            Between two knots it goes straight: take the two around an instant (or
            around a time of the file, for its instant), and interpolate. Before the
            first one and after the last one it goes on as between the two nearest.
    """

    device_id: str
    source: str
    start: float | None
    end: float | None
    offset: float | None
    rate_ppm: float | None
    bend: float | None
    uncertainty: float | None
    bound: float | None
    grade: str
    course: tuple[Knot, ...]


class Alignment(Value, frozen=True, rename="camel"):
    """All files of a take.

    Attributes:
        reference: The device whose file the others are placed against: the first of
            the participants whose start is known; None if no start is.
        grade: The worst of the files'.
        uncertainty: The largest of the files', ms; None if one is unknown, or there
            are no two files.
        bound: The largest of the files', ms; None if there is one without, or there
            are no two files.
        limits: What keeps it from being better, a sentence each.
        files: A file for each participant, in their order.
    """

    reference: str | None
    grade: str
    uncertainty: float | None
    bound: float | None
    limits: tuple[str, ...]
    files: tuple[AlignedFile, ...]


def align(
    take: Take,
    journal: Sequence[JournalEntry],
    samples: Sequence[ClockSample],
    cameras: Sequence[CameraLatency] = (),
) -> Alignment:
    """Align the files of a take.

    Args:
        take: The take.
        journal: What happened in it, in order.
        samples: Of its participants' clocks, in the order they were taken.
        cameras: What is known of the models' latencies.
    """
    found = [
        (known, placed(known)) for known in evidence(take, journal, samples, cameras)
    ]
    places = [place for _, place in found]
    first = next((n for n, place in enumerate(places) if place is not None), None)
    reference = None if first is None else places[first]
    others = [n for n in range(len(places)) if n != first]
    files = [
        _file(known.participant.owner.device_id, place, reference)
        for known, place in found
    ]
    worst = max((files[n].grade for n in others), default=WORST)
    if first is not None:
        files[first] = structs.replace(
            files[first], offset=0.0, uncertainty=0.0, bound=0.0, grade=worst
        )
    return Alignment(
        reference=None if first is None else files[first].device_id,
        grade=worst,
        uncertainty=_largest([files[n].uncertainty for n in others]),
        bound=_largest([files[n].bound for n in others]),
        limits=tuple(limits(found, GRADES["A"], is_fine=worst == "A")),
        files=tuple(files),
    )


def _file(device_id: str, place: Place | None, reference: Place | None) -> AlignedFile:
    """Show where a file lies to that of the reference."""
    if place is None or reference is None:
        unknown = (None,) * 7
        return AlignedFile(device_id, UNKNOWN, *unknown, grade=WORST, course=())
    uncertainty = together([place.unsure, reference.unsure])
    return AlignedFile(
        device_id=device_id,
        source=place.source,
        start=fine(place.start),
        end=_fine(place.end),
        offset=fine(place.start - reference.start),
        rate_ppm=_fine(place.course.rate),
        bend=fine(bend(place.course.knots)),
        uncertainty=_fine(uncertainty),
        bound=_fine(added([place.bound, reference.bound])),
        grade=grade(uncertainty),
        course=tuple(place.course.knots),
    )


def _largest(numbers: Sequence[float | None]) -> float | None:
    """Return the largest; None if one is unknown, or there are none."""
    known = [each for each in numbers if each is not None]
    return max(known) if known and len(known) == len(numbers) else None


def _fine(number: float | None) -> float | None:
    return None if number is None else fine(number)
