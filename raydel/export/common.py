"""What all files of a take show: where it begins in each, and how long it is.

Time runs by the clock of the reference, whose frames so stay what they are. Another
file's time is stretched evenly, as programs do: by the straight line that comes nearest
to what the two courses make of it, over the common part.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Final

from msgspec import Struct

from raydel.core.alignment import AlignedFile
from raydel.core.instants import SECOND, fine
from raydel.core.knots import Knot, Knots, file_time, server_time
from raydel.core.manifest import Manifest
from raydel.export.line import Point, best_line
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
        miss: How far its clock leaves that straight line in the common part, at most,
            ms.
    """

    source: Source
    name: str
    place: AlignedFile
    begin: float
    stretch: float
    miss: float

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
    """A file and its place.

    Its course, its begin and its end are in ms after the reference's first frame.
    """

    source: Source
    name: str
    place: AlignedFile
    course: Knots
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
    rate = exact_rate(reference.source.frame_rate)
    latest = max(files, key=lambda each: each.begin)
    own = _on_a_frame(file_time(reference.course, latest.begin), rate)
    begin = server_time(reference.course, own)
    duration = _duration(files, latest, reference, own, rate)
    return Common(
        reference=index,
        cuts=tuple(_cut(each, reference, own, duration) for each in files),
        start=(reference.place.start or 0.0) + begin - reference.begin,
        frame_rate=rate,
        duration=duration,
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
    since = place.start - place.offset
    course = [Knot(each.at - since, each.file_time) for each in place.course]
    return _Lying(
        source, name, place, course, place.offset, _end(source, place, course)
    )


def _end(source: Source, place: AlignedFile, course: Knots) -> float | None:
    """When a file ends, ms after the reference's first frame."""
    if source.duration is not None:
        return server_time(course, source.duration)
    if place.end is None:
        return None
    frame = SECOND / source.frame_rate if source.frame_rate else 0.0
    return server_time(course, course[-1].file_time + frame)


def _duration(
    files: Sequence[_Lying],
    latest: _Lying,
    reference: _Lying,
    own: float,
    rate: Fraction | None,
) -> float | None:
    known = [(each.end, each.name) for each in files if each.end is not None]
    if not known:
        return None
    end, name = min(known)
    long = file_time(reference.course, end) - own
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


def _cut(file: _Lying, reference: _Lying, own: float, duration: float | None) -> Cut:
    """Cut a file where the reference's own time is given.

    Programs cut no file before its first frame, where the line may begin.
    """
    if file is reference:
        return Cut(file.source, file.name, file.place, own, stretch=1.0, miss=0.0)
    line = best_line(list(_gained(file, reference, own, duration)))
    return Cut(
        source=file.source,
        name=file.name,
        place=file.place,
        begin=max(0.0, own + line.begin),
        stretch=1 / (1 + line.slope),
        miss=line.miss + max(0.0, -own - line.begin),
    )


def _gained(
    file: _Lying, reference: _Lying, own: float, duration: float | None
) -> Iterator[Point]:
    """Return by what a file's own time is ahead of the reference's, all along.

    Both from where the reference's own time is given, to the end of the common part;
    or of both courses, if that is unknown.
    """
    knots = [*file.course, *reference.course]
    begin = server_time(reference.course, own)
    if duration is None:
        end = max(each.at for each in knots)
    else:
        end = server_time(reference.course, own + duration)
    inside = (each.at for each in knots if begin < each.at < end)
    for at in sorted({fine(each) for each in (begin, *inside, end)}):
        since = file_time(reference.course, at) - own
        yield Point(since, file_time(file.course, at) - own - since)


def _name(manifest: Manifest, device_id: str) -> str:
    return next(
        (each.name for each in manifest.participants if each.device_id == device_id),
        device_id,
    )
