"""One frozen class for each message on the wire.

The first half is what a peer sends, the second what the server sends. Names in
Python are snake_case; `rename="camel"` or explicit names give the wire's.
Fields that are ``UNSET`` are left out of the frame. All times are milliseconds
since the Unix epoch.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, UnsetType, field

from raydel.core.config import StartPolicy
from raydel.core.errors import FAULTS, Refusal
from raydel.core.values import Value

MAX_NAME = 64
"""Characters of a device name: a line on a phone's screen."""

Instant = Annotated[float, Meta(ge=-(2**53), le=2**53)]
"""A time from a peer, in ms. Past 2**53 a float no longer counts single ms."""

Protocol = Annotated[int, Meta(ge=2, le=2**31)]
"""The newest protocol a peer speaks; we answer in the newest we both do."""

MAX_COMMAND_ID = 64
"""Characters of the name that a peer gives a command."""

CommandId = Annotated[str, Meta(min_length=1, max_length=MAX_COMMAND_ID)]
"""A peer's own name for a command, so that it can be sent again."""

TakeId = Annotated[str, Meta(min_length=1, max_length=64)]
"""A take's id, as a peer was told it."""

Seq = Annotated[int, Meta(ge=0, le=2**53)]
"""Numbers what a protocol 2 device is told, from 1 on."""

Count = Annotated[int, Meta(ge=0, le=2**53)]
"""So many bytes or frames."""

FrameRate = Annotated[float, Meta(gt=0, le=1000)]
"""Frames a second."""

Words = Annotated[str, Meta(max_length=200)]
"""A label, or a reason: a line for people to read."""

Model = Annotated[str, Meta(max_length=64)]
"""What the maker calls a phone, as in ``iPhone15,2``."""

FileName = Annotated[str, Meta(min_length=1, max_length=255)]
"""The name of a file in a phone's gallery, without its directory."""

Sha256 = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]
"""A file's checksum, in lower case."""

Capability = Annotated[str, Meta(min_length=1, max_length=64)]
"""The name of something an app can do."""


# From a peer.


Part = Annotated[float, Meta(ge=0, le=1)]
"""From nothing, 0, to full, 1."""

Thermal = Literal["nominal", "fair", "serious", "critical"]
"""How hot a phone is: from ``serious`` on it may stop filming."""


class Join(Value, frozen=True, tag_field="type", tag="join", rename="camel"):
    """Take a seat in a session; a host's join creates it.

    ``protocol`` is absent in every released app. ``resume_token`` gets back the
    seat it was given for, and ``last_seq`` what was told since that number. ``model``,
    ``installation_id`` and ``capabilities`` are what it declares of itself: the phone's
    model, one name for each installation of the app, and what the app can do. A host's
    ``start_policy`` is the session's.
    """

    session_id: str | None = None
    is_host: bool = False
    device_name: str | None = None
    protocol: Protocol | None = None
    resume_token: str | None = None
    last_seq: Seq | None = None
    command_id: CommandId | None = None
    model: Model | None = None
    installation_id: CommandId | None = None
    capabilities: Annotated[tuple[Capability, ...], Meta(max_length=32)] = ()
    start_policy: StartPolicy | None = None


class StartCommand(
    Value, frozen=True, tag_field="type", tag="start_recording", rename="camel"
):
    """Start recording on every device. The phone's own timestamp is not used."""

    timestamp: Any = None
    command_id: CommandId | None = None


class StopCommand(
    Value, frozen=True, tag_field="type", tag="stop_recording", rename="camel"
):
    """Stop recording on every device. The phone's own timestamp is not used.

    ``take_id`` says which take: one that is sent late ends no other.
    """

    timestamp: Any = None
    command_id: CommandId | None = None
    take_id: TakeId | None = None


class CameraReady(
    Value, frozen=True, tag_field="type", tag="camera_ready", rename="camel"
):
    """The camera of an early screen is ready."""

    command_id: CommandId | None = None


class DeviceReady(
    Value, frozen=True, tag_field="type", tag="device_ready", rename="camel"
):
    """The device is ready to record. May come twice."""

    command_id: CommandId | None = None


class TimeSyncResponse(Value, frozen=True, tag_field="type", tag="time_sync_response"):
    """The device's clock, in answer to a request.

    ``client_timestamp`` is device time at the moment of sending;
    ``client_receive_timestamp`` that of the request's arrival, if the device
    tells the two apart. The echoed ``server_timestamp`` is never trusted.
    """

    request_id: str
    server_timestamp: Instant
    client_timestamp: Instant
    client_receive_timestamp: Instant | None = None


class RecordingScheduled(
    Value, frozen=True, tag_field="type", tag="recording_scheduled", rename="camel"
):
    """The device will start its camera for this take."""

    take_id: TakeId
    command_id: CommandId | None = None


class RecordingRefused(
    Value, frozen=True, tag_field="type", tag="recording_refused", rename="camel"
):
    """The device will not record this take."""

    take_id: TakeId
    reason: Words = ""
    command_id: CommandId | None = None


class RecordingStarted(
    Value, frozen=True, tag_field="type", tag="recording_started", rename="camel"
):
    """The device records.

    ``first_frame_time`` is the presentation time of its first frame, by the clock
    that it answers time-sync requests with.
    """

    take_id: TakeId
    first_frame_time: Instant
    frame_rate: FrameRate | None = None
    command_id: CommandId | None = None


class RecordingStopped(
    Value, frozen=True, tag_field="type", tag="recording_stopped", rename="camel"
):
    """The device has its file.

    ``last_frame_time`` is the presentation time of its last frame, by the same clock.
    The rest is how the file can be known again.
    """

    take_id: TakeId
    last_frame_time: Instant
    frames: Count | None = None
    file_name: FileName | None = None
    size_bytes: Count | None = None
    sha256: Sha256 | None = None
    command_id: CommandId | None = None


class RecordingFailed(
    Value, frozen=True, tag_field="type", tag="recording_failed", rename="camel"
):
    """The device has no file of this take, or not a whole one."""

    take_id: TakeId
    reason: Words = ""
    command_id: CommandId | None = None


Report = (
    RecordingScheduled
    | RecordingRefused
    | RecordingStarted
    | RecordingStopped
    | RecordingFailed
)
"""What a device says of its recording."""


class Marker(Value, frozen=True, tag_field="type", tag="marker", rename="camel"):
    """Mark an instant of the running take: ``timestamp``, server time, or now."""

    label: Words = ""
    timestamp: Instant | None = None
    command_id: CommandId | None = None


class StatusReport(
    Value, frozen=True, tag_field="type", tag="device_status", rename="camel"
):
    """How the phone fares. What is left out is unknown."""

    battery: Part | None = None
    charging: bool | None = None
    free_storage_bytes: Count | None = None
    thermal: Thermal | None = None
    network: Annotated[str, Meta(max_length=32)] | None = None
    command_id: CommandId | None = None


class Foreground(Value, frozen=True, tag_field="type", tag="foreground"):
    """The app is in front again: its clock may have slept, and may be asked."""


class Ping(Value, frozen=True, tag_field="type", tag="ping"):
    """An app's own heartbeat, at any time."""


Inbound = (
    Join
    | StartCommand
    | StopCommand
    | CameraReady
    | DeviceReady
    | TimeSyncResponse
    | Report
    | Marker
    | StatusReport
    | Foreground
    | Ping
)


# From the server.


class Condition(Value, frozen=True, rename="camel", omit_defaults=True):
    """How a phone fares, as it said: what it left out is left out.

    ``battery`` is from 0 to 1, ``thermal`` ``nominal``, ``fair``, ``serious`` or
    ``critical``.
    """

    battery: float | None = None
    charging: bool | None = None
    free_storage_bytes: int | None = None
    thermal: str | None = None
    network: str | None = None


class DeviceStatus(Value, frozen=True, rename="camel"):
    """One connected device, as phones and REST see it.

    ``condition`` is there once it said how it fares.
    """

    id: str
    name: str
    is_host: bool
    connected_at: str
    condition: Condition | UnsetType = UNSET


class SessionStatus(Value, frozen=True, rename="camel"):
    """A session, as phones and REST see it: connected devices only."""

    id: str
    device_count: int
    is_recording: bool
    created_at: str
    devices: tuple[DeviceStatus, ...]


class RunningTake(Value, frozen=True, rename="camel"):
    """The take that runs while a device joins. Protocol 2 only."""

    take_id: str
    start_time: float
    participant: bool


class Joined(Value, frozen=True, tag_field="type", tag="joined", rename="camel"):
    """The seat is yours. The last six fields go to protocol 2 only.

    ``recovered``: all that was told since ``last_seq`` follows in order. If not,
    the session's status is where the device begins anew, at number ``seq``.
    """

    session_id: str
    device_id: str
    device_name: str
    is_host: bool
    session_status: SessionStatus
    resume_token: str | UnsetType = UNSET
    clock_id: str | UnsetType = UNSET
    resumed: bool | UnsetType = UNSET
    recovered: bool | UnsetType = UNSET
    take: RunningTake | UnsetType = UNSET
    seq: int | UnsetType = UNSET


class DeviceConnected(
    Value, frozen=True, tag_field="type", tag="device_connected", rename="camel"
):
    """Another device is there. The last three fields go to protocol 2 only."""

    device_id: str
    device_name: str
    session_id: str
    is_host: bool | UnsetType = UNSET
    resumed: bool | UnsetType = UNSET
    seq: int | UnsetType = UNSET


class DeviceDisconnected(
    Value, frozen=True, tag_field="type", tag="device_disconnected", rename="camel"
):
    """Another device is gone. ``reason`` and ``seq`` go to protocol 2 only.

    ``reason`` is ``left``, ``lost``, ``silent`` or ``replaced``.
    """

    device_id: str
    session_id: str
    reason: str | UnsetType = UNSET
    seq: int | UnsetType = UNSET


class DeviceTime(Value, frozen=True):
    """When one device is to start, in its own time, and its one-way delay."""

    atomic_start: float
    latency_compensation: float


class StartRecording(Value, frozen=True, tag_field="type", tag="start_recording"):
    """Start your camera at ``atomic_start_time``; 0 means at once.

    ``take_id``, ``local_start_time``, ``uncertainty_ms``, ``bound_ms`` and ``seq``
    go to protocol 2 only: the take, the same instant in device time, how sure that
    is, and the most it can be wrong by.
    """

    session_id: str = field(name="sessionId")
    timestamp: float
    initiator: str
    atomic_start_time: float
    take_id: str | UnsetType = field(name="takeId", default=UNSET)
    buffer_time_ms: float = 0.0
    server_now: float = 0.0
    high_precision: bool = True
    device_timestamps: dict[str, DeviceTime] = {}
    local_start_time: float | UnsetType = field(name="localStartTime", default=UNSET)
    uncertainty_ms: float | UnsetType = UNSET
    bound_ms: float | UnsetType = UNSET
    seq: int | UnsetType = UNSET


class StopRecording(
    Value, frozen=True, tag_field="type", tag="stop_recording", rename="camel"
):
    """Stop your camera now. The last four fields go to protocol 2 only.

    ``reason`` is ``command``, ``device_limit``, ``longest_take``, ``session_ended`` or
    ``not_ready``: then not everybody agreed to a strict start, and nobody records.
    """

    session_id: str
    timestamp: float
    initiator: str
    take_id: str | UnsetType = UNSET
    local_stop_time: float | UnsetType = UNSET
    reason: str | UnsetType = UNSET
    seq: int | UnsetType = UNSET


class CameraReadyNotice(
    Value, frozen=True, tag_field="type", tag="camera_ready", rename="camel"
):
    """The camera of another device is ready. ``seq`` goes to protocol 2 only."""

    device_id: str
    seq: int | UnsetType = UNSET


class Doubt(Value, frozen=True, rename="camel"):
    """What may spoil a device's recording: ``code`` for programs, ``text`` for people.

    ``code`` is ``storage``, ``battery`` or ``thermal``.
    """

    device_id: str
    code: str
    text: str


class ReadinessUpdate(Value, frozen=True, tag_field="type", tag="readiness_update"):
    """How many of the connected devices are ready.

    Only protocol 2 gets ``warnings``, where there are any, and ``seq``.
    """

    ready_devices: int
    total_devices: int
    all_ready: bool
    warnings: tuple[Doubt, ...] | UnsetType = UNSET
    seq: int | UnsetType = UNSET


class StatusNotice(
    Value, frozen=True, tag_field="type", tag="device_status", rename="camel"
):
    """How a device fares. Protocol 2 only."""

    device_id: str
    condition: Condition
    seq: int | UnsetType = UNSET


class TakeUpdate(
    Value, frozen=True, tag_field="type", tag="take_update", rename="camel"
):
    """How a device fares with a take. Protocol 2 only.

    ``state`` is ``scheduled``, ``refused``, ``started``, ``stopped`` or ``failed``, as
    the device reported it, and ``reason`` its own; or ``silent``, where it should have
    reported by now, and ``reason`` says what.
    """

    take_id: str
    device_id: str
    state: str
    reason: str | UnsetType = UNSET
    seq: int | UnsetType = UNSET


class MarkerNotice(Value, frozen=True, tag_field="type", tag="marker", rename="camel"):
    """Somebody marked an instant of the take, in server time. Protocol 2 only.

    ``device_id`` is ``server`` where an operator did.
    """

    take_id: str
    device_id: str
    timestamp: float
    label: str
    seq: int | UnsetType = UNSET


class TimeSyncRequest(Value, frozen=True, tag_field="type", tag="time_sync_request"):
    """Tell me your clock."""

    request_id: str
    server_timestamp: float


class TimeSyncUpdate(Value, frozen=True, tag_field="type", tag="time_sync_update"):
    """What the answers say so far.

    ``latency_ms`` is one way. To a released app ``offset_ms`` is 0 and both
    timestamps are its own time; to protocol 2 it is device minus server time,
    and ``uncertainty_ms``, ``bound_ms`` and ``drift_ppm`` are added: how sure that
    is, the most it can be wrong by, and how much the device's clock gains.
    """

    request_id: str
    offset_ms: float
    latency_ms: float
    sample_count: int
    server_timestamp: float
    server_receive_timestamp: float
    uncertainty_ms: float | UnsetType = UNSET
    bound_ms: float | UnsetType = UNSET
    drift_ppm: float | UnsetType = UNSET


class SessionEnded(
    Value, frozen=True, tag_field="type", tag="session_ended", rename="camel"
):
    """The session is over; the connection closes next."""

    session_id: str


class Pong(Value, frozen=True, tag_field="type", tag="pong"):
    """The answer to an app's own heartbeat."""


class Error(Value, frozen=True, tag_field="type", tag="error", rename="camel"):
    """A message was refused; nothing changed and the connection lives.

    ``code`` is for programs, ``message`` for released apps, ``detail`` for the
    person who debugs. ``temporary`` is present, and true, if waiting may help.
    ``command_id`` is that of the message, if it had one.
    """

    message: str
    code: str
    detail: str | UnsetType = UNSET
    temporary: bool | UnsetType = UNSET
    take_id: str | UnsetType = UNSET
    command_id: str | UnsetType = UNSET


Outbound = (
    Joined
    | DeviceConnected
    | DeviceDisconnected
    | StartRecording
    | StopRecording
    | CameraReadyNotice
    | ReadinessUpdate
    | TakeUpdate
    | MarkerNotice
    | StatusNotice
    | TimeSyncRequest
    | TimeSyncUpdate
    | SessionEnded
    | Pong
    | Error
)

Numbered = (
    DeviceConnected
    | DeviceDisconnected
    | StartRecording
    | StopRecording
    | CameraReadyNotice
    | ReadinessUpdate
    | TakeUpdate
    | MarkerNotice
    | StatusNotice
)
"""What a protocol 2 device is told in numbers, so that it can tell what it missed."""


def refused(refusal: Refusal) -> Error:
    """Put a refusal into the words of the wire."""
    return Error(
        message=refusal.text,
        code=refusal.fault.code,
        detail=UNSET if refusal.detail is None else refusal.detail,
        temporary=True if refusal.fault.temporary else UNSET,
        take_id=refusal.take_id or UNSET,
        command_id=refusal.command_id or UNSET,
    )


def refusal_of(error: Error) -> Refusal:
    """Read a refusal out of the words of the wire."""
    (fault,) = (fault for fault in FAULTS if fault.code == error.code)
    return Refusal(
        fault,
        detail=error.detail or None,
        command_id=error.command_id or None,
        take_id=error.take_id or None,
    )


def condition_of(status: StatusReport) -> Condition:
    """Return how a phone said that it fares."""
    return Condition(
        battery=status.battery,
        charging=status.charging,
        free_storage_bytes=status.free_storage_bytes,
        thermal=status.thermal,
        network=status.network,
    )
