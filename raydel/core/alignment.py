"""How the files of a take lie to each other, and how well that is known.

Instants are server time in ms, durations are in ms, rates in millionths. A file's own
time counts from its first frame: ``(instant - start) * (1 + rate_ppm / 1e6)``.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from raydel.core.cameras import CameraLatency
from raydel.core.journal import JournalEntry
from raydel.core.take import ClockSample, Take


class AlignedFile(Struct, frozen=True, rename="camel"):
    """One device's file.

    Attributes:
        device_id: Whose it is.
        source: What its place rests on: ``frames`` that it reported, the start
            ``command``, or ``unknown``.
        start: When its first frame was, server time, ms; None if unknown.
        end: When its last frame was; None if it was not reported.
        offset: Its start less that of the reference, ms.
        rate_ppm: How much its clock gained on server time, in millionths.
        uncertainty: What its place against the reference is wrong by, 19 times of 20,
            at any instant of the take, ms.
        bound: What that is wrong by at most, ms; None where nothing bounds it.
        grade: ``A`` to ``D``, by the uncertainty; for the reference, that of the take.
    """

    device_id: str
    source: str
    start: float | None
    end: float | None
    offset: float | None
    rate_ppm: float | None
    uncertainty: float | None
    bound: float | None
    grade: str


class Alignment(Struct, frozen=True, rename="camel"):
    """All files of a take.

    Attributes:
        reference: The device whose file the others are placed against: the first of
            the participants whose start is known; None if no start is.
        grade: The worst of the files'.
        uncertainty: The largest of the files', ms; None if one is unknown.
        bound: The largest of the files', ms; None if there is one without.
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
    raise NotImplementedError
