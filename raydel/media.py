"""What a video file says of itself, asked of ffprobe."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

PATIENCE: Final = 30.0
"""Seconds that ffprobe may take. It reads the head of a file, and its index."""

PORTION: Final = 1 << 20
"""Bytes that are read at once for a checksum."""

_APPLE_CREATED: Final = "com.apple.quicktime.creationdate"
"""Stays when a video is shared; ``creation_time`` may become that of the sharing."""

_MODELS: Final = ("com.apple.quicktime.model", "com.android.model", "model")
_CLOCK_PARTS: Final = 3


class BadMedia(Exception):
    """A file is of no use. Says why, and what to do about it."""


class MediaFile(Struct, frozen=True):
    """A video file. Durations and places are in ms.

    The file's own time line begins, as players and ffmpeg have it, with whatever
    begins first in it, picture or sound.

    Attributes:
        path: Where it is, as it was named.
        name: Its name, without the directory.
        size: Bytes.
        created_at: When it was made, by the clock of whatever made it, ms since the
            epoch. Whether that is the recording's start or its end, makers disagree.
        duration: Of its picture.
        frame_rate: Frames a second, on the average.
        frames: How many pictures there are.
        video_start: Where its first picture is on its own time line.
        audio_start: Where its sound begins; None without sound.
        has_sound: Whether there is sound in it.
        model: What the maker calls the phone.
        width: Pixels, as they are stored: a phone that was upright says so elsewhere.
        height: The same.
    """

    path: str
    name: str
    size: int
    created_at: float | None
    duration: float | None
    frame_rate: float | None
    frames: int | None
    video_start: float
    audio_start: float | None
    has_sound: bool
    model: str | None
    width: int | None
    height: int | None


class _Stream(Struct):
    codec_type: str = ""
    start_time: str | None = None
    duration: str | None = None
    nb_frames: str | None = None
    avg_frame_rate: str = ""
    width: int | None = None
    height: int | None = None
    disposition: dict[str, int] = {}
    tags: dict[str, str] = {}


class _Container(Struct):
    start_time: str | None = None
    duration: str | None = None
    tags: dict[str, str] = {}


class _Told(Struct):
    streams: list[_Stream] = []
    format: _Container = msgspec.field(default_factory=_Container)


def program(name: str) -> str:
    """Return where one of ffmpeg's programs is.

    Raises:
        BadMedia: It is not installed.
    """
    if found := shutil.which(name):
        return found
    raise BadMedia(
        f"{name} is not installed: sudo apt install ffmpeg, or brew install ffmpeg"
    )


def probe(path: str) -> MediaFile:
    """Ask a file what is in it.

    Args:
        path: Where it is.

    Raises:
        BadMedia: There is no such file, no video in it, it is still growing, or there
            is nothing to ask it with.
    """
    ffprobe = program("ffprobe")
    size = _size(path)
    told = _told(ffprobe, path)
    if _size(path) != size:
        raise BadMedia(f"{path} is still growing: wait until it is copied, and retry")
    if missing := _missing_bytes(path, size):
        raise BadMedia(
            f"{path} is not whole, {missing:,} bytes are missing: wait until it is "
            "copied, or copy it anew"
        )
    return _read(path, size, told)


def sha256(path: str) -> str:
    """Return a file's checksum, 64 digits: a few seconds for each GB.

    Raises:
        BadMedia: It cannot be read.
    """
    digest = hashlib.sha256()
    try:
        with Path(path).open("rb") as file:
            while portion := file.read(PORTION):
                digest.update(portion)
    except OSError as problem:
        raise BadMedia(f"{path}: {problem.strerror}") from None
    return digest.hexdigest()


def _size(path: str) -> int:
    try:
        if not Path(path).is_file():
            raise BadMedia(f"there is no file {path}: mind where you are, and the name")
        with Path(path).open("rb"):
            return Path(path).stat().st_size
    except OSError as problem:
        raise BadMedia(f"{path} cannot be read: {problem.strerror}") from None


def _told(ffprobe: str, path: str) -> _Told:
    words = [ffprobe, "-v", "error", "-print_format", "json", "-show_format"]
    # As file: a name may begin with a dash, or look like an address.
    words += ["-show_streams", f"file:{path}"]
    try:
        done = subprocess.run(  # noqa: S603 - it is a file that the user named
            words, capture_output=True, timeout=PATIENCE, check=False
        )
    except subprocess.TimeoutExpired:
        raise BadMedia(
            f"{path}: ffprobe is not done after {PATIENCE:g} s: is the disk awake?"
        ) from None
    if done.returncode:
        raise BadMedia(_why_not(path, done.stderr.decode(errors="replace")))
    try:
        return msgspec.json.decode(done.stdout, type=_Told, strict=False)
    except msgspec.DecodeError as problem:
        raise BadMedia(f"{path}: what ffprobe says makes no sense: {problem}") from None


def _why_not(path: str, said: str) -> str:
    if "moov atom not found" in said:
        return (
            f"{path} has no index: it is still being copied, or its recording was cut "
            "off; copy it anew, or mend it with a tool such as untrunc"
        )
    last = (said.strip().splitlines() or ["ffprobe does not say why"])[-1]
    return f"{path} is not a video that ffprobe can read: {last.rpartition(': ')[2]}"


def _missing_bytes(path: str, size: int) -> int:
    """Return how much of an MP4 or MOV is not there; 0 of other kinds of files.

    They are rows of boxes, each with its size in front (ISO/IEC 14496-12, 4.2).
    """
    at = 0
    with Path(path).open("rb") as file:
        while at + 8 <= size:
            file.seek(at)
            head = file.read(16)
            if at == 0 and head[4:8] not in {b"ftyp", b"wide", b"moov", b"mdat"}:
                return 0
            length = int.from_bytes(head[:4])
            length = int.from_bytes(head[8:16]) if length == 1 else length
            if length == 0:
                return 0
            at += max(length, 8)
    return max(at - size, 0)


def _read(path: str, size: int, told: _Told) -> MediaFile:
    video = _first(told.streams, "video")
    if video is None:
        what = "sound alone" if _first(told.streams, "audio") else "nothing to see"
        raise BadMedia(f"{path} is not a video: there is {what} in it")
    audio = _first(told.streams, "audio")
    begin = _ms(told.format.start_time) or 0.0
    return MediaFile(
        path=path,
        name=Path(path).name,
        size=size,
        created_at=_created_at(told.format.tags, video.tags),
        duration=_duration(video, told.format),
        frame_rate=_rate(video.avg_frame_rate),
        frames=_count(video.nb_frames),
        video_start=_place(video, begin),
        audio_start=None if audio is None else _place(audio, begin),
        has_sound=audio is not None,
        model=_model(told.format.tags),
        width=video.width,
        height=video.height,
    )


def _first(streams: Sequence[_Stream], kind: str) -> _Stream | None:
    """Return the first stream of a kind; the picture on a cover is no video."""
    for stream in streams:
        if stream.codec_type == kind and not stream.disposition.get("attached_pic"):
            return stream
    return None


def _place(stream: _Stream, begin: float) -> float:
    start = _ms(stream.start_time)
    return 0.0 if start is None else round(start - begin, 3)


def _duration(video: _Stream, container: _Container) -> float | None:
    for told in (video.duration, video.tags.get("DURATION"), container.duration):
        if found := _ms(told):
            return found
    return None


def _ms(told: str | None) -> float | None:
    """Read seconds, or ``hours:minutes:seconds``."""
    parts = (told or "").split(":")
    with suppress(ValueError):
        if len(parts) <= _CLOCK_PARTS:
            seconds = sum(
                float(part) * 60.0**power for power, part in enumerate(reversed(parts))
            )
            return round(seconds * 1000, 3)
    return None


def _rate(told: str) -> float | None:
    frames, _, seconds = told.partition("/")
    with suppress(ValueError, ZeroDivisionError):
        return (float(frames) / float(seconds or 1)) or None
    return None


def _count(told: str | None) -> int | None:
    return int(told) if told and told.isdecimal() else None


def _created_at(*places: Mapping[str, str]) -> float | None:
    for key in (_APPLE_CREATED, "creation_time"):
        for tags in places:
            if found := _instant(tags.get(key)):
                return found
    return None


def _instant(told: str | None) -> float | None:
    """Read an ISO 8601 time; None without a zone, or from a clock that nobody set."""
    with suppress(ValueError):
        moment = datetime.fromisoformat(told or "")
        if moment.tzinfo is not None:
            instant = moment.timestamp() * 1000
            return instant if instant > 0 else None
    return None


def _model(tags: Mapping[str, str]) -> str | None:
    return next(filter(None, map(tags.get, _MODELS)), None)
