"""The files of a take, as an export names them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from raydel.core.instants import SECOND
from raydel.core.manifest import Manifest, Recording, ShownParticipant

REFUSED: Final = "refused"
"""What a device that has no file of the take reported."""


class Source(Struct, frozen=True):
    """A device's file.

    Attributes:
        device_id: Whose it is.
        path: Where it is, as it is to be written.
        frame_rate: Frames a second; None if unknown.
        duration: From its first frame to the end of its last one, ms; None if unknown.
        video_start: Where its first frame is on its own time line, ms: later than 0
            where the sound begins before it.
        has_sound: Whether there is sound in it; None if unknown.
    """

    device_id: str
    path: str
    frame_rate: float | None = None
    duration: float | None = None
    video_start: float = 0.0
    has_sound: bool | None = None


def sources_of(manifest: Manifest) -> tuple[Source, ...]:
    """Name the files as far as devices reported them, in the order of participants.

    One that reported no name is ``host.mp4``, ``guest.mp4``, ``device-3.mp4`` and so
    on; if two reported the same, that stands before it: ``host-IMG_0001.MOV``. A
    device that refused to record has none.
    """
    people = manifest.participants
    recorded = [
        (role, each)
        for role, each in zip(_roles(people), people, strict=True)
        if each.recording.state != REFUSED
    ]
    names = Counter(_file_name(each.recording) for _, each in recorded)
    return tuple(_source(role, each, names) for role, each in recorded)


def _source(role: str, device: ShownParticipant, names: Counter[str]) -> Source:
    name = _file_name(device.recording)
    if not name:
        name = f"{role}.mp4"
    elif names[name] > 1:
        name = f"{role}-{name}"
    return Source(
        device_id=device.device_id,
        path=name,
        frame_rate=device.recording.frame_rate,
        duration=_duration(device.recording),
    )


def _roles(people: Sequence[ShownParticipant]) -> list[str]:
    """Name each device by its role, and by its place where that is taken."""
    roles: list[str] = []
    for place, each in enumerate(people, 1):
        role = "host" if each.is_host else "guest"
        roles.append(f"device-{place}" if role in roles else role)
    return roles


def _file_name(recording: Recording) -> str:
    """Return the name alone: a device's word leads to no other directory."""
    name = (recording.file_name or "").replace("\\", "/").rpartition("/")[2]
    return "" if name in (".", "..") or not name.isprintable() else name


def _duration(recording: Recording) -> float | None:
    first, last = recording.first_frame_time, recording.last_frame_time
    if first is None or last is None or last < first:
        return None
    frame = SECOND / recording.frame_rate if recording.frame_rate else 0.0
    return last - first + frame
