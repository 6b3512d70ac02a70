"""What all files of a take show: where it begins in each, and how long it is.

Time runs by the clock of the reference, whose frames so stay what they are. Another
file's time is stretched by ``(1 + ppm of the reference) / (1 + ppm of the file)``: the
file's clock counts ``1 + ppm`` to each of server time.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Final

from msgspec import Struct

from raydel.core.alignment import AlignedFile
from raydel.core.instants import SECOND
from raydel.core.manifest import Manifest
from raydel.export.source import Source
from raydel.export.trouble import ExportTrouble

NEARLY: Final = 1e-3
"""Of a frame: an instant that is so near to it is its own."""

NTSC: Final = Fraction(1000, 1001)
"""What 30 frames a second are to 29.97."""

_ALIKE: Final = 5e-4


class Cut(Struct, frozen=True):
    """A file, and where the common part begins in it.

    Attributes:
        source: The file.
        name: What people call its device.
        place: How it lies.
        begin: Its own time of that instant, from its first frame, ms.
        stretch: What its own time is multiplied with to be the reference's.
    """

    source: Source
    name: str
    place: AlignedFile
    begin: float
    stretch: float

    @property
    def position(self) -> float:
        """Where the common part begins, from the beginning of the file, ms."""
        return self.source.video_start + self.begin


class Common(Struct, frozen=True):
    """The part of a take that all its files show.

    Attributes:
        reference: Which of the cuts is the reference's, from 0.
        cuts: All files, in the order of the sources.
        start: When it begins, server time, ms.
        frame_rate: Frames a second, of the reference; None if unknown.
        duration: How long it is by the reference's clock, ms, whole frames if their
            rate is known; None where no file's end is known.
    """

    reference: int
    cuts: tuple[Cut, ...]
    start: float
    frame_rate: Fraction | None
    duration: float | None


class _Lying(Struct, frozen=True):
    """A file and its place: begin and end are ms after the reference's first frame."""

    source: Source
    name: str
    place: AlignedFile
    begin: float
    end: float | None


def common_part(manifest: Manifest, sources: Sequence[Source]) -> Common:
    """Find what all files show, from a frame of the reference on.

    The reference is that of the alignment, or the first of the files if that is not
    among them.

    Raises:
        ExportTrouble: There are no files; one is of no device of the take; nobody
            knows when one begins; they have nothing in common.
    """
    if not sources:
        raise ExportTrouble("nobody recorded this take, so there are no files to lay")
    files = [_lying(manifest, each) for each in sources]
    owners = [each.place.device_id for each in files]
    first = manifest.alignment.reference
    index = owners.index(first) if first in owners else 0
    return _common(index, files)


def _common(index: int, files: Sequence[_Lying]) -> Common:
    reference = files[index]
    pace = _pace(reference.place)
    rate = exact_rate(reference.source.frame_rate)
    latest = max(files, key=lambda each: each.begin)
    own = _on_a_frame((latest.begin - reference.begin) * pace, rate)
    begin = reference.begin + own / pace
    return Common(
        reference=index,
        cuts=tuple(_cut(each, begin, pace) for each in files),
        start=(reference.place.start or 0.0) + begin - reference.begin,
        frame_rate=rate,
        duration=_duration(files, latest, begin, pace, rate),
    )


def exact_rate(frame_rate: float | None) -> Fraction | None:
    """Return a frame rate as it is meant: 29.97 is 30000/1001."""
    if frame_rate is None:
        return None
    for kind in (Fraction(1), NTSC):
        whole = round(frame_rate / kind)
        if whole and abs(frame_rate - whole * kind) < _ALIKE:
            return whole * kind
    return Fraction(frame_rate).limit_denominator(1001)


def _lying(manifest: Manifest, source: Source) -> _Lying:
    place = next(
        (f for f in manifest.alignment.files if f.device_id == source.device_id), None
    )
    if place is None:
        raise ExportTrouble(f"{source.path} is of no device that recorded this take")
    name = _name(manifest, source.device_id)
    if place.start is None or place.offset is None:
        raise ExportTrouble(
            f"nobody knows when the file of {name} begins, so it cannot be laid beside"
            " the others: leave it out, or use an app that reports its first frame"
        )
    return _Lying(source, name, place, place.offset, _end(source, place))


def _end(source: Source, place: AlignedFile) -> float | None:
    """When a file ends, ms after the reference's first frame."""
    if source.duration is not None:
        return (place.offset or 0.0) + source.duration / _pace(place)
    if place.end is None or place.start is None:
        return None
    frame = SECOND / source.frame_rate if source.frame_rate else 0.0
    return (place.offset or 0.0) + place.end - place.start + frame / _pace(place)


def _duration(
    files: Sequence[_Lying],
    latest: _Lying,
    begin: float,
    pace: float,
    rate: Fraction | None,
) -> float | None:
    known = [(each.end, each.name) for each in files if each.end is not None]
    if not known:
        return None
    end, name = min(known)
    long = (end - begin) * pace
    if rate is not None:
        long = math.floor(long * rate / SECOND + NEARLY) * SECOND / float(rate)
    if long > 0:
        return long
    if len(files) == 1:
        raise ExportTrouble(f"there is nothing in the file of {name}")
    raise ExportTrouble(
        f"the files have nothing in common: {name} ended before {latest.name} began"
    )


def _on_a_frame(own: float, rate: Fraction | None) -> float:
    """Go on to the next frame."""
    if rate is None:
        return own
    return math.ceil(own * rate / SECOND - NEARLY) * SECOND / float(rate)


def _cut(file: _Lying, begin: float, pace: float) -> Cut:
    own = _pace(file.place)
    return Cut(
        source=file.source,
        name=file.name,
        place=file.place,
        begin=max(0.0, (begin - file.begin) * own),
        stretch=pace / own,
    )


def _pace(place: AlignedFile) -> float:
    """How much of its own time a file's clock counts to one of server time."""
    return 1 + (place.rate_ppm or 0.0) * 1e-6


def _name(manifest: Manifest, device_id: str) -> str:
    return next(
        (each.name for each in manifest.participants if each.device_id == device_id),
        device_id,
    )
