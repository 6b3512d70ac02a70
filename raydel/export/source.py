"""The files of a take, as an export names them."""

from __future__ import annotations

from msgspec import Struct


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
