"""A take as others are shown it: what is known of it so far.

Every instant is server time in ms since the Unix epoch, every duration is in ms;
both have a fraction, down to whole microseconds. Tokens, and what is kept of
them, stay inside.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from msgspec import structs

from raydel.core.alignment import Alignment, align
from raydel.core.cameras import CameraLatency
from raydel.core.instants import fine
from raydel.core.journal import JournalEntry, LinkBack, LinkLost, Marked
from raydel.core.messages import (
    RecordingFailed,
    RecordingRefused,
    RecordingScheduled,
    RecordingStarted,
    RecordingStopped,
)
from raydel.core.take import ClockSample, Participant, Take
from raydel.core.values import Value

FORMAT: Final = "raydel-take"
"""Tells a manifest from other files."""

VERSION: Final = 1
"""Goes up when a reader of the former one would go wrong; new fields do not count."""


class ShownSample(Value, frozen=True, rename="camel"):
    """One look at a device's clock.

    Attributes:
        at: When it was, server time, ms.
        offset: The device's clock less server time, ms.
        round_trip: What the quickest messages there and back were on their ways, ms,
            and a little more: half of it bounds the error.
        clock_id: Names the server time it was compared with. Samples of two
            names have nothing to do with each other.
    """

    at: float
    offset: float
    round_trip: float
    clock_id: str


class Recording(Value, frozen=True, rename="camel"):
    """What a device reported of its recording, the latest of each.

    Attributes:
        state: ``unknown``, or what it reported last: ``scheduled``, ``refused``,
            ``started``, ``stopped`` or ``failed``.
        reason: Why it was refused, or failed; else empty.
        first_frame_time: When its first frame was, by its own clock, ms.
        last_frame_time: When its last one was.
        frame_rate: Frames a second, as it was set.
        frames: How many there are.
        file_name: The name of its file.
        size_bytes: How large that is.
        sha256: Its checksum, 64 digits of 0-9 and a-f.
    """

    state: str = "unknown"
    reason: str = ""
    first_frame_time: float | None = None
    last_frame_time: float | None = None
    frame_rate: float | None = None
    frames: int | None = None
    file_name: str | None = None
    size_bytes: int | None = None
    sha256: str | None = None


class Gap(Value, frozen=True, rename="camel"):
    """A time in which a device's link was lost; it recorded on.

    Attributes:
        lost_at: When that was noticed, server time, ms.
        back_at: When it was there again; None if not before the end.
        reason: ``left``, ``lost``, ``silent`` or ``replaced``.
    """

    lost_at: float
    back_at: float | None
    reason: str


class ShownMarker(Value, frozen=True, rename="camel"):
    """An instant that somebody marked.

    Attributes:
        time: Which one, server time, ms.
        label: What it is called; may be empty.
        device_id: Who marked it; ``server`` for an operator.
    """

    time: float
    label: str
    device_id: str


class ShownParticipant(Value, frozen=True, rename="camel"):
    """A device that was told to record.

    Attributes:
        device_id: Its id.
        name: What people call it.
        is_host: Its role.
        app: Its kind, as in `App`.
        start_confirmed: Whether its start is known to have arrived. If not, it
            may have arrived all the same.
        late: Whether it came when the take ran already.
        model: What the maker calls it, if it said so.
        installation_id: Its app's own name for its installation, if it said so.
        protocol: The newest protocol it speaks; None for a released app.
        capabilities: What its app said that it can do.
        recording: What it reported.
        gaps: When its link was lost.
        clock_samples: Every look at its clock there was, in their order.
    """

    device_id: str
    name: str
    is_host: bool
    app: str
    start_confirmed: bool
    late: bool
    model: str | None
    installation_id: str | None
    protocol: int | None
    capabilities: tuple[str, ...]
    recording: Recording
    gaps: tuple[Gap, ...]
    clock_samples: tuple[ShownSample, ...]


class ShownAbsentee(Value, frozen=True, rename="camel"):
    """A device of the session that was not there when the take was started."""

    device_id: str
    name: str
    is_host: bool


class Manifest(Value, frozen=True, rename="camel"):
    """A take, as far as it is known.

    Attributes:
        format: `FORMAT`.
        version: `VERSION`.
        id: The take's id.
        session_id: The code it was recorded under.
        is_recording: Whether it runs.
        accepted_at: When the start command was accepted, server time, ms.
        start_time: When the cameras were to be called, server time, ms.
        ended_at: When the stop was accepted, server time, ms; None while it
            runs. A quick stop is accepted before ``start_time``.
        reason: Why it ended, as in `StopRecording`; None while it runs.
        ended_by: Id of the device that ended it, or ``server``; None while it runs.
        initiator: Id of the device that asked for it, or ``server``.
        participants: Who was told to record.
        absent: Who was not there.
        markers: What was marked, in the order of time.
        alignment: How the files lie to each other.
        journal: What happened, in the order in which it was noted.
    """

    format: str
    version: int
    id: str
    session_id: str
    is_recording: bool
    accepted_at: float
    start_time: float
    ended_at: float | None
    reason: str | None
    ended_by: str | None
    initiator: str
    participants: tuple[ShownParticipant, ...]
    absent: tuple[ShownAbsentee, ...]
    markers: tuple[ShownMarker, ...]
    alignment: Alignment
    journal: tuple[JournalEntry, ...]


class TakeSummary(Value, frozen=True, rename="camel"):
    """A take in a list.

    Attributes:
        id: The take's id.
        session_id: The code it was recorded under.
        is_recording: Whether it runs.
        start_time: When the cameras were to be called, server time, ms.
        ended_at: When the stop was accepted, or None while it runs.
        reason: Why it ended, or None while it runs.
        device_names: What people call the devices that were told to record.
    """

    id: str
    session_id: str
    is_recording: bool
    start_time: float
    ended_at: float | None
    reason: str | None
    device_names: tuple[str, ...]


def manifest_of(
    take: Take,
    samples: Sequence[ClockSample],
    journal: Sequence[JournalEntry] = (),
    cameras: Sequence[CameraLatency] = (),
) -> Manifest:
    """Show a take: some 30 ms for each phone and ninety minutes.

    Args:
        take: The take.
        samples: Of the clocks of its participants, in the order they were taken.
            Those of other devices are left out.
        journal: What happened in it, in the order in which it was noted.
        cameras: What is known of the models' latencies.
    """
    return Manifest(
        format=FORMAT,
        version=VERSION,
        id=take.id,
        session_id=take.session_id,
        is_recording=take.ended_at is None,
        accepted_at=fine(take.accepted_at),
        start_time=fine(take.start_at),
        ended_at=_fine_or_none(take.ended_at),
        reason=take.reason,
        ended_by=take.ended_by,
        initiator=take.initiator,
        participants=tuple(
            _participant(each, samples, journal) for each in take.participants
        ),
        absent=tuple(
            ShownAbsentee(each.device_id, each.name, each.is_host)
            for each in take.absent
        ),
        markers=_markers(journal),
        alignment=align(take, journal, samples, cameras),
        journal=tuple(structs.replace(each, at=fine(each.at)) for each in journal),
    )


def summary_of(take: Take) -> TakeSummary:
    """Show a take in a list."""
    return TakeSummary(
        id=take.id,
        session_id=take.session_id,
        is_recording=take.ended_at is None,
        start_time=fine(take.start_at),
        ended_at=_fine_or_none(take.ended_at),
        reason=take.reason,
        device_names=tuple(each.name for each in take.participants),
    )


def _participant(
    participant: Participant,
    samples: Sequence[ClockSample],
    journal: Sequence[JournalEntry],
) -> ShownParticipant:
    owner, declared = participant.owner, participant.declared
    entries = [each for each in journal if each.device_id == owner.device_id]
    return ShownParticipant(
        device_id=owner.device_id,
        name=participant.name,
        is_host=owner.is_host,
        app=participant.app.value,
        start_confirmed=participant.start_proven,
        late=participant.late,
        model=declared.model,
        installation_id=declared.installation_id,
        protocol=declared.protocol,
        capabilities=declared.capabilities,
        recording=recording_of(entries),
        gaps=_gaps(entries),
        clock_samples=tuple(
            _sample(each) for each in samples if each.device_id == owner.device_id
        ),
    )


def recording_of(entries: Sequence[JournalEntry]) -> Recording:
    """Gather what a device reported.

    Args:
        entries: The lines about it, in order.
    """
    found = Recording()
    for entry in entries:
        match entry.fact:
            case RecordingScheduled():
                found = structs.replace(found, state="scheduled")
            case RecordingRefused(reason=reason):
                found = structs.replace(found, state="refused", reason=reason)
            case RecordingFailed(reason=reason):
                found = structs.replace(found, state="failed", reason=reason)
            case RecordingStarted() as started:
                found = structs.replace(
                    found,
                    state="started",
                    first_frame_time=started.first_frame_time,
                    frame_rate=started.frame_rate,
                )
            case RecordingStopped() as stopped:
                found = structs.replace(
                    found,
                    state="stopped",
                    last_frame_time=stopped.last_frame_time,
                    frames=stopped.frames,
                    file_name=stopped.file_name,
                    size_bytes=stopped.size_bytes,
                    sha256=stopped.sha256,
                )
            case _:
                pass
    return found


def _gaps(entries: Sequence[JournalEntry]) -> tuple[Gap, ...]:
    gaps: list[Gap] = []
    for entry in entries:
        match entry.fact:
            case LinkLost(reason=reason):
                gaps.append(Gap(fine(entry.at), None, reason))
            case LinkBack() if gaps:
                gaps[-1] = structs.replace(gaps[-1], back_at=fine(entry.at))
            case _:
                pass
    return tuple(gaps)


def _markers(journal: Sequence[JournalEntry]) -> tuple[ShownMarker, ...]:
    marked = [
        ShownMarker(fine(entry.fact.instant), entry.fact.label, entry.device_id)
        for entry in journal
        if isinstance(entry.fact, Marked)
    ]
    return tuple(sorted(marked, key=lambda marker: marker.time))


def _sample(sample: ClockSample) -> ShownSample:
    return ShownSample(
        at=fine(sample.at),
        offset=fine(sample.offset),
        round_trip=fine(sample.round_trip),
        clock_id=sample.clock_id,
    )


def _fine_or_none(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else fine(milliseconds)
