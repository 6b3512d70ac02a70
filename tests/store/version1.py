"""What stands in ``tests/fixtures/store/v1.sql``, value by value.

It is a file that people have, and no program of today writes one like it.
"""

from __future__ import annotations

from typing import Final

from raydel.core.apps import App
from raydel.core.events import Joining
from raydel.core.instants import Anchor
from raydel.core.messages import (
    CameraReadyNotice,
    DeviceConnected,
    DeviceDisconnected,
    DeviceTime,
    Error,
    Join,
    ReadinessUpdate,
    StartRecording,
    StopRecording,
)
from raydel.core.state import Claim, Performed, Seat, Session
from raydel.core.stream import Stream
from raydel.core.take import (
    Absentee,
    ClockSample,
    Debt,
    Owner,
    Participant,
    Stop,
    Take,
)

NOON: Final = 1_768_478_400_000.0

HOST: Final = Owner(
    device_id="6CmV1ndmvdQXoMLN",
    is_host=True,
    said_name="Left goal",
    tokens=("ab" * 32, "12" * 32),
)
GUEST: Final = Owner(device_id="17NNG3RWtZQORDIJ", is_host=False, said_name=None)
LATE: Final = Owner(device_id="mTqk0gJrOoPzYw2d", is_host=False, said_name="Tor Süd ⚽")

ENDED: Final = Take(
    id="lYJb8z3xQk9wP0aS",
    session_id="MATCH1",
    accepted_at=NOON,
    start_at=NOON + 250.125,
    initiator=HOST.device_id,
    participants=(
        Participant(owner=HOST, name="Left goal", app=App.PROTOCOL_2),
        Participant(owner=GUEST, name="Device 2", app=App.LIBRARY_1),
    ),
    ended_at=NOON + 2_700_000.0,
    reason="command",
)
RUNNING: Final = Take(
    id="Zc4vB7nM1qW2eR5t",
    session_id="MATCH1",
    accepted_at=NOON + 3_600_000.0,
    start_at=NOON + 3_600_250.0,
    initiator=GUEST.device_id,
    participants=(
        Participant(
            owner=HOST, name="Left goal", app=App.PROTOCOL_2, start_proven=True
        ),
        Participant(owner=GUEST, name="Device 2", app=App.LIBRARY_1, outside="peer 7"),
    ),
    absent=(Absentee(device_id=LATE.device_id, name="Tor Süd ⚽", is_host=False),),
)
STOP: Final = Stop(
    take_id=ENDED.id,
    start_at=NOON + 250.125,
    accepted_at=NOON + 2_700_000.0,
    initiator=HOST.device_id,
    reason="command",
)
DEBT: Final = Debt(owner=GUEST, stop=STOP, expires_at=NOON + 14_400_250.125)

RECORDING: Final = Session(
    id="MATCH1",
    created_at=NOON - 60_000.5,
    version=41,
    seats=(
        Seat(
            owner=HOST,
            name="Left goal",
            app=App.PROTOCOL_2,
            connected_at=NOON - 60_000.5,
            peer="peer 1",
            ready=True,
            resumed=True,
            shown=(GUEST.device_id,),
        ),
        Seat(
            owner=LATE,
            name="Tor Süd ⚽",
            app=App.SCREEN_3,
            connected_at=NOON + 3_700_000.0,
            peer="peer 8",
            silent=True,
            away="left",
        ),
    ),
    take=RUNNING,
    stop_at=NOON + 2_700_000.0,
    debts=(DEBT,),
    claims=(
        Claim(
            joining=Joining(
                peer="peer 9",
                join=Join(
                    session_id="MATCH1",
                    is_host=False,
                    device_name=None,
                    protocol=2,
                    resume_token=None,
                ),
                app=App.PROTOCOL_2,
                device_id="u8Yh5Gt4Rf3Ed2Ws",
                token="34" * 32,
                presented="cd" * 32,
            ),
            against=LATE.device_id,
            deadline=NOON + 3_702_000.0,
        ),
    ),
    streams=(
        Stream(
            device_id=HOST.device_id,
            seq=9,
            kept=(
                DeviceConnected(
                    device_id=GUEST.device_id,
                    device_name="Device 2",
                    session_id="MATCH1",
                    is_host=False,
                    resumed=True,
                    seq=4,
                ),
                CameraReadyNotice(device_id=GUEST.device_id, seq=5),
                ReadinessUpdate(
                    ready_devices=2, total_devices=2, all_ready=True, seq=6
                ),
                StartRecording(
                    session_id="MATCH1",
                    timestamp=NOON + 3_600_000.0,
                    initiator=GUEST.device_id,
                    atomic_start_time=NOON + 3_600_250.0,
                    take_id=RUNNING.id,
                    device_timestamps={
                        HOST.device_id: DeviceTime(
                            atomic_start=NOON - 12.5, latency_compensation=4.25
                        )
                    },
                    local_start_time=NOON - 12.5,
                    uncertainty_ms=0.75,
                    seq=7,
                ),
                StopRecording(
                    session_id="MATCH1",
                    timestamp=NOON + 2_700_000.0,
                    initiator="server",
                    take_id=ENDED.id,
                    local_stop_time=NOON + 1.5,
                    reason="command",
                    seq=8,
                ),
                DeviceDisconnected(
                    device_id=GUEST.device_id,
                    session_id="MATCH1",
                    reason="lost",
                    seq=9,
                ),
            ),
        ),
    ),
    performed=(
        Performed(
            device_id=HOST.device_id,
            command_id="start-1",
            answer=StartRecording(
                session_id="MATCH1",
                timestamp=NOON + 3_600_000.0,
                initiator=GUEST.device_id,
                atomic_start_time=NOON + 3_600_250.0,
                take_id=RUNNING.id,
            ),
        ),
        Performed(
            device_id=HOST.device_id,
            command_id="start-2",
            answer=Error(
                message="A recording runs already",
                code="already_recording",
                detail="for a test",
                temporary=True,
                take_id=RUNNING.id,
            ),
        ),
    ),
)
OVER: Final = Session(
    id="OVER99",
    created_at=NOON - 86_400_000.0,
    version=7,
    debts=(DEBT,),
    empty_since=NOON - 3_600_000.0,
    ended_at=NOON - 1_800_000.0,
)

SESSIONS: Final = (RECORDING, OVER)
TAKES: Final = (RUNNING, ENDED)
"""The latest begun first."""

SAMPLES: Final = tuple(
    ClockSample(
        take_id=ENDED.id,
        device_id=device_id,
        clock_id="clock-1",
        at=at,
        offset=offset,
        round_trip=round_trip,
    )
    for device_id, at, offset, round_trip in (
        (HOST.device_id, NOON + 1_000.0, -3_600_012.25, 4.5),
        (GUEST.device_id, NOON + 1_001.0, 17.0, 0.0),
        (HOST.device_id, NOON + 61_000.0, -3_600_012.5, 1.0 / 3.0),
    )
)
ANCHOR: Final = Anchor(
    boot="0c5c7f0e-3b0a-4a86-8f26-6f5a4f0c0a11", clock_id="clock-1", epoch=NOON - 0.1
)
