"""What each kind of peer is told: the only place where times are translated.

Inside, every message is in server time and complete. On the way out a released
app gets the fields it knows. If it has answered time sync, every time is *its
own*, and its offset is 0: seen from the phone, the server's clock is its own. If
it has not, a start says 0, which all of them read as "at once".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from msgspec import UNSET, UnsetType, structs

from raydel.core.apps import App
from raydel.core.instants import fine
from raydel.core.messages import (
    CameraReadyNotice,
    DeviceConnected,
    DeviceDisconnected,
    DeviceTime,
    Joined,
    MarkerNotice,
    Outbound,
    ReadinessUpdate,
    StartRecording,
    StopRecording,
    TimeSyncRequest,
    TimeSyncUpdate,
)
from raydel.core.timesync import Estimate
from raydel.core.values import Value


class Dialect(Value, frozen=True):
    """How one peer is spoken to at one moment.

    Attributes:
        app: What it is.
        estimate: Its clock, or None while that is not known.
        now: The moment, server time, ms.
        device_id: Its id, once it has one.
        clock_id: Names server time, for protocol 2.
        resume_token: What it gets its seat back with; protocol 2 only.
        exact: Whether the estimate is good enough to start by.
        early: ms by which it is told to start before the common start, since it will be
            so late; later, if negative. A released app's ``atomic_start_time`` is
            earlier by that. Protocol 2 gets the common start in it, and its
            ``localStartTime``, when to call its camera, is earlier.
    """

    app: App
    estimate: Estimate | None
    now: float
    device_id: str
    clock_id: str
    resume_token: str | None = None
    exact: bool = True
    early: float = 0.0


def says_the_same(kind: type[Outbound], app: App) -> bool:
    """Tell whether messages of a kind go out to an app as they are, whatever its clock.

    A start and a stop never do: their arrival is proven, too.
    """
    return kind not in (_TO_RELEASED if app.is_released else _TO_PROTOCOL_2)


def speak(message: Outbound, dialect: Dialect) -> Outbound:
    """Put a message into a peer's own terms."""
    translations = _TO_RELEASED if dialect.app.is_released else _TO_PROTOCOL_2
    translate = translations.get(type(message))
    return message if translate is None else translate(message, dialect)


def obeyed_at(message: Outbound, dialect: Dialect) -> float | None:
    """Return when a peer is to obey a command, in its own time.

    A start is obeyed with the camera call. A released app is told an earlier time, and
    calls its camera late by as much. Protocol 2 calls it when it is told to.

    Returns:
        None for what is obeyed on receipt.
    """
    estimate = dialect.estimate
    if estimate is None:
        return None
    match message:
        case StartRecording(atomic_start_time=at) if dialect.exact:
            return fine(estimate.local(at - _early_call(dialect)))
        case StopRecording(local_stop_time=float(at)) if not dialect.app.is_released:
            return fine(estimate.local(at))
        case _:
            return None


def _early_call(dialect: Dialect) -> float:
    """How many ms before the common start a peer calls its camera."""
    return 0.0 if dialect.app.is_released else dialect.early


# To the six released apps.


def _released_start(message: StartRecording, dialect: Dialect) -> StartRecording:
    now = _own(dialect.now, dialect)
    own: dict[str, DeviceTime] = {}
    start: float = 0
    if dialect.estimate is not None and dialect.exact:
        aim = message.atomic_start_time - dialect.early
        start = fine(dialect.estimate.shown(aim))
        own = {dialect.device_id: DeviceTime(start, fine(dialect.estimate.delay))}
    return StartRecording(
        session_id=message.session_id,
        timestamp=_own(message.timestamp, dialect),
        initiator=message.initiator,
        atomic_start_time=start,
        buffer_time_ms=fine(start - now) if own else 0,
        server_now=now,
        device_timestamps=own,
    )


def _released_stop(message: StopRecording, dialect: Dialect) -> StopRecording:
    return StopRecording(
        session_id=message.session_id,
        timestamp=_own(message.timestamp, dialect),
        initiator=message.initiator,
    )


def _released_joined(message: Joined, _dialect: Dialect) -> Joined:
    return Joined(
        session_id=message.session_id,
        device_id=message.device_id,
        device_name=message.device_name,
        is_host=message.is_host,
        session_status=message.session_status,
    )


def _released_connected(message: DeviceConnected, _dialect: Dialect) -> DeviceConnected:
    return structs.replace(message, is_host=UNSET, resumed=UNSET, seq=UNSET)


def _released_disconnected(
    message: DeviceDisconnected, _dialect: Dialect
) -> DeviceDisconnected:
    return structs.replace(message, reason=UNSET, seq=UNSET)


def _released_camera(
    message: CameraReadyNotice, _dialect: Dialect
) -> CameraReadyNotice:
    return message if message.seq is UNSET else structs.replace(message, seq=UNSET)


def _released_readiness(message: ReadinessUpdate, _dialect: Dialect) -> ReadinessUpdate:
    if message.seq is UNSET and message.warnings is UNSET:
        return message
    return structs.replace(message, seq=UNSET, warnings=UNSET)


def _released_request(message: TimeSyncRequest, dialect: Dialect) -> TimeSyncRequest:
    return TimeSyncRequest(message.request_id, _own(message.server_timestamp, dialect))


def _released_update(message: TimeSyncUpdate, dialect: Dialect) -> TimeSyncUpdate:
    return TimeSyncUpdate(
        request_id=message.request_id,
        offset_ms=0,
        latency_ms=fine(message.latency_ms),
        sample_count=message.sample_count,
        server_timestamp=_own(message.server_timestamp, dialect),
        server_receive_timestamp=_own(message.server_receive_timestamp, dialect),
    )


def _own(instant: float, dialect: Dialect) -> int:
    """An instant as a released app counts: whole ms, its own if known."""
    if dialect.estimate is not None:
        instant = dialect.estimate.shown(instant)
    return round(instant)


# To protocol 2.


def _full_start(message: StartRecording, dialect: Dialect) -> StartRecording:
    start = fine(message.atomic_start_time)
    now = fine(dialect.now)
    complete = structs.replace(
        message,
        timestamp=fine(message.timestamp),
        atomic_start_time=start,
        buffer_time_ms=fine(start - now),
        server_now=now,
    )
    estimate = dialect.estimate
    if estimate is None or not dialect.exact:
        return complete
    call_at = start - _early_call(dialect)
    local = fine(estimate.local(call_at))
    return structs.replace(
        complete,
        local_start_time=local,
        uncertainty_ms=fine(estimate.uncertainty(call_at)),
        bound_ms=fine(estimate.bound(call_at)),
        device_timestamps={dialect.device_id: DeviceTime(local, fine(estimate.delay))},
    )


def _full_stop(message: StopRecording, dialect: Dialect) -> StopRecording:
    at, estimate = message.local_stop_time, dialect.estimate
    local: float | UnsetType = UNSET
    if estimate is not None and at is not UNSET:
        local = fine(estimate.local(at))
    return structs.replace(
        message, timestamp=fine(message.timestamp), local_stop_time=local
    )


def _full_joined(message: Joined, dialect: Dialect) -> Joined:
    return structs.replace(
        message,
        clock_id=dialect.clock_id,
        resume_token=dialect.resume_token or UNSET,
    )


def _full_marker(message: MarkerNotice, _dialect: Dialect) -> MarkerNotice:
    return structs.replace(message, timestamp=fine(message.timestamp))


def _full_update(message: TimeSyncUpdate, _dialect: Dialect) -> TimeSyncUpdate:
    return TimeSyncUpdate(
        request_id=message.request_id,
        offset_ms=fine(message.offset_ms),
        latency_ms=fine(message.latency_ms),
        sample_count=message.sample_count,
        server_timestamp=fine(message.server_timestamp),
        server_receive_timestamp=fine(message.server_receive_timestamp),
        uncertainty_ms=_fine_or_unset(message.uncertainty_ms),
        bound_ms=_fine_or_unset(message.bound_ms),
        drift_ppm=_fine_or_unset(message.drift_ppm),
    )


def _fine_or_unset(number: float | UnsetType) -> float | UnsetType:
    return UNSET if number is UNSET else fine(number)


_Translations = dict[type[Outbound], Callable[[Any, Dialect], Outbound]]

_TO_RELEASED: Final[_Translations] = {
    StartRecording: _released_start,
    StopRecording: _released_stop,
    Joined: _released_joined,
    DeviceConnected: _released_connected,
    DeviceDisconnected: _released_disconnected,
    CameraReadyNotice: _released_camera,
    ReadinessUpdate: _released_readiness,
    TimeSyncRequest: _released_request,
    TimeSyncUpdate: _released_update,
}

_TO_PROTOCOL_2: Final[_Translations] = {
    StartRecording: _full_start,
    StopRecording: _full_stop,
    Joined: _full_joined,
    MarkerNotice: _full_marker,
    TimeSyncUpdate: _full_update,
}
"""What is not named goes out as it is."""
