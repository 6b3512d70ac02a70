"""What happened in a take, a row an instant, for a spreadsheet or for pandas.

CSV as in RFC 4180, with a header line, in UTF-8. What somebody typed and a spreadsheet
would take for a formula has an apostrophe before it.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from io import StringIO
from typing import Final

from msgspec import Struct, structs

from raydel.core.alignment import AlignedFile
from raydel.core.instants import fine
from raydel.core.manifest import Manifest, ShownMarker, ShownParticipant
from raydel.export import choices as chosen
from raydel.export.source import Source

FORMULAS: Final = "=+-@\t\r\n\uff1d\uff0b\uff0d\uff20"
"""What begins a formula in one spreadsheet or another, or hides its beginning. The last
four are wide forms of the first, as on a Japanese keyboard."""


class Row(Struct, frozen=True):
    """An instant. Fields that say nothing of it are empty.

    Attributes:
        server_time_ms: When it was, since the Unix epoch.
        what: ``accepted``, ``start``, ``first_frame``, ``last_frame``, ``marker``,
            ``link_lost``, ``link_back`` or ``end``.
        device_id: Whose file, or whose link.
        device_name: What people call it.
        file: Its file.
        file_time_ms: Where that is in the file, from its first frame; below 0 if it
            was before that. For a player, add where the first frame is.
        device_time_ms: What the device's own clock showed, as it reported it.
        label: What a marker is called; why a link was lost, or the take ended.
        by: Id of who asked for it; ``server`` for the server, or an operator.
    """

    server_time_ms: float
    what: str
    device_id: str = ""
    device_name: str = ""
    file: str = ""
    file_time_ms: float | None = None
    device_time_ms: float | None = None
    label: str = ""
    by: str = ""


COLUMNS: Final = Row.__struct_fields__


class _File(Struct, frozen=True):
    """A file, its device and its place; the path is empty if there is none."""

    path: str
    device: ShownParticipant
    place: AlignedFile

    def row(self, instant: float, what: str, label: str = "", by: str = "") -> Row:
        """Make a row that is of this file."""
        start, pace = self.place.start, 1 + (self.place.rate_ppm or 0.0) * 1e-6
        return Row(
            server_time_ms=instant,
            what=what,
            device_id=self.device.device_id,
            device_name=self.device.name,
            file=self.path,
            file_time_ms=None if start is None else fine((instant - start) * pace),
            label=label,
            by=by,
        )


def table(
    manifest: Manifest, sources: Sequence[Source], choices: Mapping[str, str]
) -> bytes:
    """Write the table: `Row` has its columns.

    A marker has a row for each file whose beginning is known, or one without a file.

    Args:
        manifest: The take.
        sources: Its files.
        choices: None.

    Raises:
        WrongChoice: There is one.
    """
    chosen.known_only(choices, ())
    text = StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    found = sorted(_rows(manifest, sources), key=lambda row: row.server_time_ms)
    writer.writerows([_cell(getattr(row, c)) for c in COLUMNS] for row in found)
    return text.getvalue().encode()


def _rows(manifest: Manifest, sources: Sequence[Source]) -> Iterator[Row]:
    files = _files(manifest, sources)
    yield Row(manifest.accepted_at, "accepted", by=manifest.initiator)
    yield Row(manifest.start_time, "start", by=manifest.initiator)
    for file in files:
        yield from _file_rows(file)
    for marker in manifest.markers:
        yield from _marker_rows(marker, files)
    if manifest.ended_at is not None:
        by, why = manifest.ended_by or "", manifest.reason or ""
        yield Row(manifest.ended_at, "end", label=why, by=by)


def _files(manifest: Manifest, sources: Sequence[Source]) -> list[_File]:
    paths = {each.device_id: each.path for each in sources}
    places = {each.device_id: each for each in manifest.alignment.files}
    return [
        _File(paths.get(each.device_id, ""), each, places[each.device_id])
        for each in manifest.participants
        if each.device_id in places
    ]


def _file_rows(file: _File) -> Iterator[Row]:
    recording, place = file.device.recording, file.place
    if place.start is not None:
        first = file.row(place.start, "first_frame")
        yield structs.replace(first, device_time_ms=recording.first_frame_time)
    if place.end is not None:
        last = file.row(place.end, "last_frame")
        yield structs.replace(last, device_time_ms=recording.last_frame_time)
    for gap in file.device.gaps:
        yield file.row(gap.lost_at, "link_lost", label=gap.reason)
        if gap.back_at is not None:
            yield file.row(gap.back_at, "link_back")


def _marker_rows(marker: ShownMarker, files: Sequence[_File]) -> Iterator[Row]:
    placed = [each for each in files if each.place.start is not None]
    for file in placed:
        yield file.row(marker.time, "marker", label=marker.label, by=marker.device_id)
    if not placed:
        yield Row(marker.time, "marker", label=marker.label, by=marker.device_id)


def _cell(value: float | str | None) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return repr(value)
    return f"'{value}" if value.startswith(tuple(FORMULAS)) else value
