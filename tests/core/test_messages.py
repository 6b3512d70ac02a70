"""What the server says, as it stands on the wire."""

from __future__ import annotations

import json
from typing import Any, get_args

from twisted.trial.unittest import SynchronousTestCase

from raydel.core.codec import encode
from raydel.core.errors import INVALID_MESSAGE, SESSION_FULL, Refusal
from raydel.core.messages import (
    CameraReadyNotice,
    Condition,
    DeviceConnected,
    DeviceDisconnected,
    DeviceStatus,
    DeviceTime,
    Doubt,
    Error,
    Joined,
    MarkerNotice,
    Outbound,
    Pong,
    ReadinessUpdate,
    RunningTake,
    SessionEnded,
    SessionStatus,
    StartRecording,
    StatusNotice,
    StopRecording,
    TakeUpdate,
    TimeSyncRequest,
    TimeSyncUpdate,
    refused,
)

CODE = "ABC123"
DEVICE = DeviceStatus("d1", "iPhone", True, "2026-01-15T10:30:00.000Z")
STATUS = SessionStatus(CODE, 1, False, "2026-01-15T10:30:00.000Z", (DEVICE,))
STATUS_ON_THE_WIRE = {
    "id": CODE,
    "deviceCount": 1,
    "isRecording": False,
    "createdAt": "2026-01-15T10:30:00.000Z",
    "devices": [
        {
            "id": "d1",
            "name": "iPhone",
            "isHost": True,
            "connectedAt": "2026-01-15T10:30:00.000Z",
        }
    ],
}

RELEASED: list[tuple[Outbound, dict[str, Any]]] = [
    (
        Joined(CODE, "d1", "iPhone", True, STATUS),
        {
            "type": "joined",
            "sessionId": CODE,
            "deviceId": "d1",
            "deviceName": "iPhone",
            "isHost": True,
            "sessionStatus": STATUS_ON_THE_WIRE,
        },
    ),
    (
        DeviceConnected("d1", "iPhone", CODE),
        {
            "type": "device_connected",
            "deviceId": "d1",
            "deviceName": "iPhone",
            "sessionId": CODE,
        },
    ),
    (
        DeviceDisconnected("d1", CODE),
        {"type": "device_disconnected", "deviceId": "d1", "sessionId": CODE},
    ),
    (
        StartRecording(
            session_id=CODE,
            timestamp=1,
            initiator="d1",
            atomic_start_time=251,
            buffer_time_ms=250,
            server_now=1,
            device_timestamps={"d1": DeviceTime(251, 3)},
        ),
        {
            "type": "start_recording",
            "sessionId": CODE,
            "timestamp": 1,
            "initiator": "d1",
            "atomic_start_time": 251,
            "buffer_time_ms": 250,
            "server_now": 1,
            "high_precision": True,
            "device_timestamps": {
                "d1": {"atomic_start": 251, "latency_compensation": 3}
            },
        },
    ),
    (
        StopRecording(CODE, 1, "d1"),
        {
            "type": "stop_recording",
            "sessionId": CODE,
            "timestamp": 1,
            "initiator": "d1",
        },
    ),
    (CameraReadyNotice("d1"), {"type": "camera_ready", "deviceId": "d1"}),
    (
        ReadinessUpdate(1, 2, False),
        {
            "type": "readiness_update",
            "ready_devices": 1,
            "total_devices": 2,
            "all_ready": False,
        },
    ),
    (
        TimeSyncRequest("ABC123-1", 1),
        {"type": "time_sync_request", "request_id": "ABC123-1", "server_timestamp": 1},
    ),
    (
        TimeSyncUpdate("ABC123-1", 0, 3.5, 1, 1, 8),
        {
            "type": "time_sync_update",
            "request_id": "ABC123-1",
            "offset_ms": 0,
            "latency_ms": 3.5,
            "sample_count": 1,
            "server_timestamp": 1,
            "server_receive_timestamp": 8,
        },
    ),
    (SessionEnded(CODE), {"type": "session_ended", "sessionId": CODE}),
    (Pong(), {"type": "pong"}),
    (
        Error("Session is full", "session_full"),
        {"type": "error", "message": "Session is full", "code": "session_full"},
    ),
]

PROTOCOL_2: list[tuple[Outbound, dict[str, Any]]] = [
    (
        Joined(
            session_id=CODE,
            device_id="d1",
            device_name="iPhone",
            is_host=True,
            session_status=STATUS,
            resume_token="t",  # noqa: S106 - an example
            clock_id="c",
            resumed=True,
            recovered=False,
            take=RunningTake("take", 251, False),
        ),
        {
            "resumeToken": "t",
            "clockId": "c",
            "resumed": True,
            "recovered": False,
            "take": {"takeId": "take", "startTime": 251, "participant": False},
        },
    ),
    (
        DeviceConnected("d1", "iPhone", CODE, True, False),
        {"isHost": True, "resumed": False},
    ),
    (DeviceDisconnected("d1", CODE, "lost"), {"reason": "lost"}),
    (
        StartRecording(
            session_id=CODE,
            timestamp=1,
            initiator="d1",
            atomic_start_time=251,
            take_id="take",
            local_start_time=40_251,
            uncertainty_ms=0.5,
        ),
        {"takeId": "take", "localStartTime": 40_251, "uncertainty_ms": 0.5},
    ),
    (
        StopRecording(CODE, 1, "d1", "take", 40_001, "command"),
        {"takeId": "take", "localStopTime": 40_001, "reason": "command"},
    ),
    (
        TimeSyncUpdate("ABC123-1", 40_000.25, 3.5, 1, 1, 8, 0.5, 4),
        {"offset_ms": 40_000.25, "uncertainty_ms": 0.5, "bound_ms": 4},
    ),
    (
        TakeUpdate("take", "d1", "refused", "no room", 7),
        {
            "type": "take_update",
            "takeId": "take",
            "deviceId": "d1",
            "state": "refused",
            "reason": "no room",
            "seq": 7,
        },
    ),
    (
        StatusNotice("d1", Condition(0.5, charging=False, network="wifi"), 9),
        {
            "type": "device_status",
            "deviceId": "d1",
            "condition": {"battery": 0.5, "charging": False, "network": "wifi"},
            "seq": 9,
        },
    ),
    (
        ReadinessUpdate(1, 2, False, (Doubt("d1", "thermal", "too hot"),)),
        {
            "warnings": [{"deviceId": "d1", "code": "thermal", "text": "too hot"}],
        },
    ),
    (
        MarkerNotice("take", "d1", 1_234.5, "smash", 8),
        {
            "type": "marker",
            "takeId": "take",
            "deviceId": "d1",
            "timestamp": 1_234.5,
            "label": "smash",
            "seq": 8,
        },
    ),
]


def wire(message: Outbound) -> dict[str, Any]:
    """Return a message as its receiver reads it."""
    read: dict[str, Any] = json.loads(encode(message))
    return read


class OnTheWire(SynchronousTestCase):
    """Names and fields, exactly."""

    def test_to_released_apps(self) -> None:
        """Every message has the fields that released apps know, and no others."""
        for message, expected in RELEASED:
            with self.subTest(message=expected["type"]):
                self.assertEqual(expected, wire(message))

    def test_to_protocol_2(self) -> None:
        """What was added has its published names."""
        for message, added in PROTOCOL_2:
            with self.subTest(message=type(message).__name__):
                read = wire(message)
                self.assertEqual(added, {name: read.get(name) for name in added})

    def test_all_of_them(self) -> None:
        """There is no message that is not tested here."""
        tested = {type(message) for message, _ in RELEASED + PROTOCOL_2}
        self.assertEqual(set(get_args(Outbound)), tested)


class Refused(SynchronousTestCase):
    """A refusal in the words of the wire."""

    def test_plain(self) -> None:
        """A refusal has its text and its code."""
        expected = {
            "type": "error",
            "message": "Invalid message format",
            "code": "invalid_message",
            "detail": "no type",
        }
        answer = refused(Refusal(INVALID_MESSAGE, detail="no type"))
        self.assertEqual(expected, wire(answer))

    def test_temporary(self) -> None:
        """What waiting may cure says so."""
        expected = {
            "type": "error",
            "message": "Session is full",
            "code": "session_full",
            "temporary": True,
        }
        self.assertEqual(expected, wire(refused(Refusal(SESSION_FULL))))
