"""What each kind of peer is told: the only place where times are translated.

Inside, every message is in server time and complete. On the way out a released
app gets the fields it knows. If it has answered time sync, every time is *its
own*, and its offset is 0: seen from the phone, the server's clock is its own. If
it has not, a start says 0, which all of them read as "at once".
"""

from __future__ import annotations

from dataclasses import dataclass

from msgspec import UNSET, UnsetType, structs

from raydel.core.apps import App
from raydel.core.messages import (
    DeviceConnected,
    DeviceDisconnected,
    DeviceTime,
    Joined,
    Outbound,
    StartRecording,
    StopRecording,
    TimeSyncRequest,
    TimeSyncUpdate,
)
from raydel.core.timesync import Estimate


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one peer is spoken to at one moment.

    Attributes:
        app: What it is.
        estimate: Its clock, or None while that is not known.
        now: The moment, server time, ms.
        device_id: Its id, once it has one.
        clock_id: Names server time, for protocol 2.
        exact: Whether the estimate is good enough to start by.
    """

    app: App
    estimate: Estimate | None
    now: float
    device_id: str
    clock_id: str
    exact: bool = True


def speak(message: Outbound, dialect: Dialect) -> Outbound:
    """Put a message into a peer's own terms."""
    if dialect.app.is_released:
        return _to_released(message, dialect)
    return _to_protocol_2(message, dialect)


def _to_released(message: Outbound, dialect: Dialect) -> Outbound:
    match message:
        case StartRecording():
            return _released_start(message, dialect)
        case StopRecording():
            return StopRecording(
                session_id=message.session_id,
                timestamp=_own(message.timestamp, dialect),
                initiator=message.initiator,
            )
        case Joined():
            return structs.replace(
                message,
                resume_token=UNSET,
                clock_id=UNSET,
                resumed=UNSET,
                recovered=UNSET,
                take=UNSET,
            )
        case DeviceConnected():
            return structs.replace(message, is_host=UNSET, resumed=UNSET)
        case DeviceDisconnected():
            return structs.replace(message, reason=UNSET)
        case TimeSyncRequest():
            stamp = _own(message.server_timestamp, dialect)
            return structs.replace(message, server_timestamp=stamp)
        case TimeSyncUpdate():
            return structs.replace(
                message,
                offset_ms=0,
                latency_ms=_fine(message.latency_ms),
                server_timestamp=_own(message.server_timestamp, dialect),
                server_receive_timestamp=_own(
                    message.server_receive_timestamp, dialect
                ),
                uncertainty_ms=UNSET,
                bound_ms=UNSET,
            )
        case _:
            return message


def _released_start(message: StartRecording, dialect: Dialect) -> StartRecording:
    now = _own(dialect.now, dialect)
    own: dict[str, DeviceTime] = {}
    start = 0.0
    if dialect.estimate is not None and dialect.exact:
        aim = message.atomic_start_time - dialect.app.camera_delay
        start = _fine(dialect.estimate.reading(aim))
        own = {dialect.device_id: DeviceTime(start, _fine(dialect.estimate.delay))}
    return StartRecording(
        session_id=message.session_id,
        timestamp=_own(message.timestamp, dialect),
        initiator=message.initiator,
        atomic_start_time=start,
        buffer_time_ms=_fine(start - now) if own else 0,
        server_now=now,
        device_timestamps=own,
    )


def _to_protocol_2(message: Outbound, dialect: Dialect) -> Outbound:
    match message:
        case StartRecording():
            return _full_start(message, dialect)
        case StopRecording():
            return structs.replace(
                message,
                timestamp=_fine(message.timestamp),
                local_stop_time=_local(message.local_stop_time, dialect),
            )
        case Joined():
            return structs.replace(message, clock_id=dialect.clock_id)
        case TimeSyncRequest():
            return structs.replace(
                message, server_timestamp=_fine(message.server_timestamp)
            )
        case TimeSyncUpdate():
            return structs.replace(
                message,
                offset_ms=_fine(message.offset_ms),
                latency_ms=_fine(message.latency_ms),
                server_timestamp=_fine(message.server_timestamp),
                server_receive_timestamp=_fine(message.server_receive_timestamp),
            )
        case _:
            return message


def _full_start(message: StartRecording, dialect: Dialect) -> StartRecording:
    start = _fine(message.atomic_start_time)
    now = _fine(dialect.now)
    complete = structs.replace(
        message,
        timestamp=_fine(message.timestamp),
        atomic_start_time=start,
        buffer_time_ms=_fine(start - now),
        server_now=now,
    )
    estimate = dialect.estimate
    if estimate is None or not dialect.exact:
        return complete
    local = _fine(estimate.local(start))
    return structs.replace(
        complete,
        local_start_time=local,
        uncertainty_ms=_fine(estimate.bound),
        device_timestamps={dialect.device_id: DeviceTime(local, _fine(estimate.delay))},
    )


def _own(instant: float, dialect: Dialect) -> int:
    """An instant as a released app counts: whole ms, its own if known."""
    if dialect.estimate is not None:
        instant = dialect.estimate.reading(instant)
    return round(instant)


def _local(instant: float | object, dialect: Dialect) -> float | UnsetType:
    """Device time, for a protocol 2 peer whose clock is known."""
    if dialect.estimate is None or not isinstance(instant, float):
        return UNSET
    return _fine(dialect.estimate.local(instant))


def _fine(milliseconds: float) -> float:
    """Whole microseconds: what a double still holds of an epoch time."""
    return round(milliseconds, 3)
