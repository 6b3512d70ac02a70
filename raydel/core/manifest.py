"""A take as others are shown it: what is known of it so far.

Every instant is server time in ms since the Unix epoch, every duration is in ms;
both have a fraction, down to whole microseconds. Tokens, and what is kept of
them, stay inside.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from raydel.core.instants import fine
from raydel.core.take import ClockSample, Participant, Take


class ShownSample(Struct, frozen=True, rename="camel"):
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


class ShownParticipant(Struct, frozen=True, rename="camel"):
    """A device that was told to record.

    Attributes:
        device_id: Its id.
        name: What people call it.
        is_host: Its role.
        app: Its kind, as in `App`.
        start_confirmed: Whether its start is known to have arrived. If not, it
            may have arrived all the same.
        clock_samples: Every look at its clock there was, in their order.
    """

    device_id: str
    name: str
    is_host: bool
    app: str
    start_confirmed: bool
    clock_samples: tuple[ShownSample, ...]


class ShownAbsentee(Struct, frozen=True, rename="camel"):
    """A device of the session that was not there when the take was started."""

    device_id: str
    name: str
    is_host: bool


class Manifest(Struct, frozen=True, rename="camel"):
    """A take, as far as it is known.

    Attributes:
        id: The take's id.
        session_id: The code it was recorded under.
        is_recording: Whether it runs.
        accepted_at: When the start command was accepted, server time, ms.
        start_time: When the cameras were to be called, server time, ms.
        ended_at: When the stop was accepted, server time, ms; None while it
            runs. A quick stop is accepted before ``start_time``.
        reason: Why it ended, as in `StopRecording`; None while it runs.
        initiator: Id of the device that asked for it.
        participants: Who was told to record.
        absent: Who was not there.
    """

    id: str
    session_id: str
    is_recording: bool
    accepted_at: float
    start_time: float
    ended_at: float | None
    reason: str | None
    initiator: str
    participants: tuple[ShownParticipant, ...]
    absent: tuple[ShownAbsentee, ...]


class TakeSummary(Struct, frozen=True, rename="camel"):
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


def manifest_of(take: Take, samples: Sequence[ClockSample]) -> Manifest:
    """Show a take.

    Args:
        take: The take.
        samples: Of the clocks of its participants, in the order they were taken.
            Those of other devices are left out.
    """
    return Manifest(
        id=take.id,
        session_id=take.session_id,
        is_recording=take.ended_at is None,
        accepted_at=fine(take.accepted_at),
        start_time=fine(take.start_at),
        ended_at=_fine_or_none(take.ended_at),
        reason=take.reason,
        initiator=take.initiator,
        participants=tuple(_participant(p, samples) for p in take.participants),
        absent=tuple(
            ShownAbsentee(each.device_id, each.name, each.is_host)
            for each in take.absent
        ),
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
    participant: Participant, samples: Sequence[ClockSample]
) -> ShownParticipant:
    owner = participant.owner
    return ShownParticipant(
        device_id=owner.device_id,
        name=participant.name,
        is_host=owner.is_host,
        app=participant.app.value,
        start_confirmed=participant.start_proven,
        clock_samples=tuple(
            _sample(each) for each in samples if each.device_id == owner.device_id
        ),
    )


def _sample(sample: ClockSample) -> ShownSample:
    return ShownSample(
        at=fine(sample.at),
        offset=fine(sample.offset),
        round_trip=fine(sample.round_trip),
        clock_id=sample.clock_id,
    )


def _fine_or_none(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else fine(milliseconds)
