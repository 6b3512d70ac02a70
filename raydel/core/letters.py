"""Letters: what the programs of a club are told of sessions and takes, as it happens.

A step comes to letters as it comes to effects: `letters_of` reads them off what was
before and what came of it. They are stored with the step, and posted later.

No letter has a token in it, nor a token's fingerprint.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain
from typing import Any, Final

import msgspec
from msgspec import UNSET, UnsetType

from raydel.core.effects import Happened, Occasion
from raydel.core.instants import fine, iso
from raydel.core.journal import JournalEntry, Marked, Unheard
from raydel.core.messages import RecordingStopped
from raydel.core.session import STATES
from raydel.core.state import Seat, Session
from raydel.core.take import Absentee, Participant, Take
from raydel.core.turn import Outcome
from raydel.core.values import Value
from raydel.core.waits import silence


class Letter(Value, frozen=True):
    """One thing that happened, as it is posted.

    Attributes:
        id: Names it: one that comes twice has the same.
        session_id: The code of its session, in which letters are in order.
        at: When it happened, server time, ms.
        event: What happened, as in `News`.
        body: All of it, JSON.
    """

    id: str
    session_id: str
    at: float
    event: str
    body: str


class News(Value, frozen=True, rename="camel", tag_field="event"):
    """What every body begins with; ``event`` stands before it.

    Attributes:
        id: The letter's.
        session_id: The session's code.
        at: When it happened, server time, ms.
        time: The same for people, ISO 8601.
    """

    id: str
    session_id: str
    at: float
    time: str


class Device(Value, frozen=True, rename="camel"):
    """A device, as a take knows it."""

    device_id: str
    name: str
    is_host: bool


class SessionCreated(News, frozen=True, tag="session.created"):
    """A host has begun a session."""


class SessionEnded(News, frozen=True, tag="session.ended"):
    """A session is over, and whoever was in it is not any more."""

    reason: str


class DeviceConnected(News, frozen=True, tag="device.connected"):
    """A device has taken a seat."""

    device_id: str
    name: str
    is_host: bool


class DeviceResumed(News, frozen=True, tag="device.resumed"):
    """A device is there again."""

    device_id: str
    name: str
    is_host: bool


class DeviceLost(News, frozen=True, tag="device.lost"):
    """A device is not there any more: ``reason`` as in `DeviceDisconnected`."""

    device_id: str
    name: str
    is_host: bool
    reason: str


class TakeStarted(News, frozen=True, tag="take.started"):
    """A start was accepted.

    Attributes:
        take_id: The take.
        start_time: When the cameras are to be called, server time, ms.
        initiator: Id of the device that asked for it, or ``server``.
        participants: Who was told to record.
        absent: Who has a seat, and was not there.
    """

    take_id: str
    start_time: float
    initiator: str
    participants: tuple[Device, ...]
    absent: tuple[Device, ...]


class TakeEnded(News, frozen=True, tag="take.ended"):
    """A take was ended.

    Attributes:
        take_id: The take.
        start_time: When the cameras were to be called, server time, ms.
        ended_at: When the stop was accepted, server time, ms.
        duration_ms: How long it was; 0 if it ended before it had begun.
        reason: Why it ended, as in `StopRecording`.
        ended_by: Id of the device that ended it, or ``server``.
        participants: Who was told to record, latecomers too.
    """

    take_id: str
    start_time: float
    ended_at: float
    duration_ms: float
    reason: str
    ended_by: str
    participants: tuple[Device, ...]


class TakeUpdated(News, frozen=True, tag="take.updated"):
    """How a device fares with a take.

    Attributes:
        take_id: The take.
        device_id: The device.
        state: As in `TakeUpdate`.
        name: What people call the device, if that is still known.
        reason: Why, in words, if it gave a reason, or was silent.
        file_name: The name of its file, if it told.
        size_bytes: How large that is.
        sha256: Its checksum.
    """

    take_id: str
    device_id: str
    state: str
    name: str | UnsetType = UNSET
    reason: str | UnsetType = UNSET
    file_name: str | UnsetType = UNSET
    size_bytes: int | UnsetType = UNSET
    sha256: str | UnsetType = UNSET


class TakeMarked(News, frozen=True, tag="take.marked"):
    """Somebody marked an instant of a take.

    Attributes:
        take_id: The take.
        device_id: Who did; ``server`` for an operator.
        timestamp: Which instant, server time, ms.
        label: What it is called; may be empty.
        name: What people call the device.
    """

    take_id: str
    device_id: str
    timestamp: float
    label: str
    name: str | UnsetType = UNSET


EVENTS: Final = (
    SessionCreated,
    SessionEnded,
    DeviceConnected,
    DeviceResumed,
    DeviceLost,
    TakeStarted,
    TakeUpdated,
    TakeMarked,
    TakeEnded,
)
"""All there are."""

_Told = Callable[..., News]
"""One of them, but for what it begins with."""

_ENCODER: Final = msgspec.json.Encoder()


def letters_of(
    before: Session | None,
    outcome: Outcome,
    code: str,
    at: float,
    draw: Callable[[], str],
) -> list[Letter]:
    """Return what a step is worth telling, in the order in which it is told.

    Args:
        before: The session as it was.
        outcome: What the step has come to.
        code: The session's code.
        at: When it was taken, server time, ms.
        draw: Draws the letters' ids.
    """
    told = chain(
        _of_journal(before, outcome),
        _of_ended_takes(outcome),
        _of_life(outcome),
        _of_devices(before, outcome),
        _of_started_take(before, outcome.session),
    )
    return [_letter(each, code, at, draw()) for each in told]


def _letter(told: _Told, code: str, at: float, name: str) -> Letter:
    news = told(name, code, fine(at), iso(at))
    event = str(news.__struct_config__.tag)
    return Letter(name, code, at, event, _ENCODER.encode(news).decode())


# What was said of takes. A report that ends one comes before its end.


def _of_journal(before: Session | None, outcome: Outcome) -> Iterator[_Told]:
    names = _names(before) | _names(outcome.session)
    for entry in outcome.journal:
        name = names.get(entry.device_id, UNSET)
        told = _of_entry(entry)
        if told is not None:
            yield partial(told, name=name)


def _of_entry(entry: JournalEntry) -> _Told | None:
    """Return a line of a journal, if it is worth telling: links and proofs are not."""
    told: Any = partial(TakeUpdated, take_id=entry.take_id, device_id=entry.device_id)
    match entry.fact:
        case Marked(instant=instant, label=label):
            return partial(
                TakeMarked,
                take_id=entry.take_id,
                device_id=entry.device_id,
                timestamp=fine(instant),
                label=label,
            )
        case Unheard(what=what):
            return partial(told, state="silent", reason=silence(what))
        case RecordingStopped() as report:
            return partial(
                told,
                state="stopped",
                file_name=_known(report.file_name),
                size_bytes=_known(report.size_bytes),
                sha256=_known(report.sha256),
            )
        case report if state := STATES.get(type(report)):  # type: ignore[arg-type]
            reason = getattr(report, "reason", "") or UNSET
            return partial(told, state=state, reason=reason)
        case _:
            return None


def _names(session: Session | None) -> dict[str, str]:
    """Return what people call the devices that a session knows."""
    if session is None:
        return {}
    participants = () if session.take is None else session.take.participants
    return {each.owner.device_id: each.name for each in participants} | {
        seat.device_id: seat.name for seat in session.seats
    }


# Takes.


def _of_ended_takes(outcome: Outcome) -> Iterator[_Told]:
    for take in outcome.takes:
        if take.ended_at is not None:
            yield partial(
                TakeEnded,
                take_id=take.id,
                start_time=fine(take.start_at),
                ended_at=fine(take.ended_at),
                duration_ms=fine(max(0.0, take.ended_at - take.start_at)),
                reason=take.reason or "",
                ended_by=take.ended_by or "",
                participants=_participants(take),
            )


def _of_started_take(before: Session | None, after: Session | None) -> Iterator[_Told]:
    was = None if before is None else before.take
    take = None if after is None else after.take
    if take is not None and (was is None or was.id != take.id):
        yield partial(
            TakeStarted,
            take_id=take.id,
            start_time=fine(take.start_at),
            initiator=take.initiator,
            participants=_participants(take),
            absent=tuple(map(_absentee, take.absent)),
        )


def _participants(take: Take) -> tuple[Device, ...]:
    return tuple(map(_participant, take.participants))


def _participant(each: Participant) -> Device:
    return Device(each.owner.device_id, each.name, each.owner.is_host)


def _absentee(each: Absentee) -> Device:
    return Device(each.device_id, each.name, each.is_host)


# Sessions, and who is in them.


def _of_life(outcome: Outcome) -> Iterator[_Told]:
    for effect in outcome.effects:
        match effect:
            case Happened(occasion=Occasion.SESSION_CREATED):
                yield SessionCreated
            case Happened(occasion=Occasion.SESSION_ENDED, reason=reason):
                yield partial(SessionEnded, reason=reason)
            case _:
                pass


def _of_devices(before: Session | None, outcome: Outcome) -> Iterator[_Told]:
    """Tell who went, and then who came. The end of a session says it of all in it."""
    after = outcome.session
    were = {} if _has_ended(outcome) else _there(before)
    are = _there(after)
    for device_id in [each for each in were if each not in are]:
        why = _why_gone(were[device_id], after)
        yield partial(DeviceLost, **_device(were[device_id]), reason=why)
    for device_id in [each for each in are if each not in were]:
        seat = are[device_id]
        kind = DeviceResumed if seat.resumed else DeviceConnected
        yield partial(kind, **_device(seat))


def _device(seat: Seat) -> dict[str, Any]:
    return {"device_id": seat.device_id, "name": seat.name, "is_host": seat.is_host}


def _has_ended(outcome: Outcome) -> bool:
    return any(
        isinstance(effect, Happened) and effect.occasion is Occasion.SESSION_ENDED
        for effect in outcome.effects
    )


def _there(session: Session | None) -> dict[str, Seat]:
    seats = () if session is None else session.seats
    return {seat.device_id: seat for seat in seats if seat.connected}


def _why_gone(seat: Seat, after: Session | None) -> str:
    for each in () if after is None else after.seats:
        if each.device_id == seat.device_id:
            return each.away
        if each.is_host == seat.is_host:
            return "replaced"
    return "left"


def _known(value: Any) -> Any:
    return UNSET if value is None else value
