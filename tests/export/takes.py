"""A take of two phones, as it is exported."""

from __future__ import annotations

from typing import Final

from msgspec import structs

from raydel.core.alignment import AlignedFile, Alignment
from raydel.core.journal import JournalEntry, Marked
from raydel.core.manifest import (
    Gap,
    Manifest,
    Recording,
    ShownMarker,
    ShownParticipant,
)
from raydel.export.source import Source

START: Final = 1_768_473_012_595.0
"""When the host's first frame was: 10:30:12.595 on 15 January 2026."""

HOST: Final = AlignedFile(
    "host-id", "frames", START, START + 60_000, 0.0, 0.0, 0.5, 1.5, "A"
)
GUEST: Final = AlignedFile(
    "guest-id", "frames", START + 400, START + 50_400, 400.0, 100.0, 0.5, 1.5, "A"
)


def alignment(*files: AlignedFile) -> Alignment:
    """Align files, the first of them being the reference."""
    limits = ("mixed networks",)
    return Alignment(files[0].device_id, "A", 0.5, 1.5, limits, files)


def participant(
    device_id: str, name: str, recording: Recording, *gaps: Gap
) -> ShownParticipant:
    """Make a device: the host, if its id says so."""
    return ShownParticipant(
        device_id=device_id,
        name=name,
        is_host=device_id == "host-id",
        app="protocol-2",
        start_confirmed=True,
        late=False,
        model=None,
        installation_id=None,
        protocol=2,
        capabilities=(),
        recording=recording,
        gaps=gaps,
        clock_samples=(),
    )


HOST_RECORDING: Final = Recording(
    state="stopped",
    first_frame_time=1_000.0,
    last_frame_time=61_000.0,
    frame_rate=30.0,
    file_name="IMG_0001.MOV",
)
GUEST_RECORDING: Final = Recording(
    state="stopped",
    first_frame_time=7_000.0,
    last_frame_time=57_005.0,
    frame_rate=60.0,
    file_name="VID_2.mp4",
)

TAKE: Final = Manifest(
    format="raydel-take",
    version=1,
    id="take-1",
    session_id="ABC123",
    is_recording=False,
    accepted_at=START - 250,
    start_time=START - 5.5,
    ended_at=START + 60_100,
    reason="command",
    ended_by="guest-id",
    initiator="host-id",
    participants=(
        participant("host-id", "Left goal", HOST_RECORDING),
        participant(
            "guest-id",
            "Right goal",
            GUEST_RECORDING,
            Gap(START + 20_000, START + 21_000.5, "lost"),
            Gap(START + 40_000, None, "silent"),
        ),
    ),
    absent=(),
    markers=(
        ShownMarker(START + 200, "kick-off", "server"),
        ShownMarker(START + 30_400, "=1+1", "guest-id"),
    ),
    alignment=alignment(HOST, GUEST),
    journal=(
        JournalEntry("take-1", "server", START + 200, Marked(START + 200, "kick-off")),
    ),
)

FILES: Final = (
    Source("host-id", "host.mp4", 30.0, 60_000 + 100 / 3),
    Source("guest-id", "guest.mp4", 60.0, 50_005 + 50 / 3, video_start=100.0),
)


def with_files(*files: AlignedFile) -> Manifest:
    """Return the take with files that lie otherwise."""
    return structs.replace(TAKE, alignment=alignment(*files))


def named(host: str | None, guest: str | None) -> Manifest:
    """Return the take with other names for the two files."""
    recordings = (
        structs.replace(HOST_RECORDING, file_name=host),
        structs.replace(GUEST_RECORDING, file_name=guest),
    )
    people = zip(TAKE.participants, recordings, strict=True)
    return structs.replace(
        TAKE,
        participants=tuple(structs.replace(p, recording=r) for p, r in people),
    )
