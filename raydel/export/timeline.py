"""A take as OpenTimelineIO, for programs in which videos are cut.

The library is asked for only when it is needed: it is the extra ``otio``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from typing import Any, Final
from urllib.parse import quote

import msgspec

from raydel.core.instants import SECOND
from raydel.core.manifest import Manifest, ShownMarker
from raydel.export import choices as chosen
from raydel.export.common import Common, Cut, common_part, exact_rate
from raydel.export.source import Source
from raydel.export.trouble import ExportTrouble, MissingLibrary

LIBRARY: Final = "opentimelineio"

RATE: Final = 30.0
"""Frames a second where nobody reported any."""


def timeline(
    manifest: Manifest, sources: Sequence[Source], choices: Mapping[str, str]
) -> bytes:
    """Write a timeline: a video track for each file, all from the common part on.

    Time runs by the clock of the reference. A clip of another file has a linear time
    warp, by which its own time is stretched. Markers of the common part stand on the
    stack of tracks; all there are, the alignment and when the timeline begins stand in
    the metadata, under ``raydel``. The timeline counts from 0, not by the time of day:
    programs would show that without its time zone.

    Args:
        manifest: The take.
        sources: Its files, the first on the undermost track.
        choices: None.

    Raises:
        ExportTrouble: The files cannot be laid to each other, or nobody knows when
            any of them ends.
        MissingLibrary: OpenTimelineIO is not installed.
        WrongChoice: There is a choice.
    """
    chosen.known_only(choices, ())
    common = common_part(manifest, sources)
    if common.duration is None:
        raise ExportTrouble(
            "nobody knows when any of the files ends, which a timeline has to say: ask"
            " again once a last frame is reported, or with the files at hand"
        )
    otio = _library()
    line = otio.schema.Timeline(f"Raydel take {manifest.id}")
    line.metadata["raydel"] = _of_the_take(manifest, common)
    line.tracks.extend(_track(otio, common, each) for each in common.cuts)
    line.tracks.markers.extend(_markers(otio, manifest, common))
    return str(otio.adapters.write_to_string(line, "otio_json")).encode()


def _library() -> Any:
    try:
        return import_module(LIBRARY)
    except ImportError as error:
        raise MissingLibrary(
            "OpenTimelineIO is not installed: pip install 'raydel[otio]'"
        ) from error


def _of_the_take(manifest: Manifest, common: Common) -> dict[str, Any]:
    alignment = manifest.alignment
    return {
        "take": manifest.id,
        "session": manifest.session_id,
        "serverTime": common.start,
        "reference": common.cuts[common.reference].source.device_id,
        "grade": alignment.grade,
        "uncertainty": alignment.uncertainty,
        "bound": alignment.bound,
        "limits": list(alignment.limits),
        "markers": [msgspec.to_builtins(each) for each in manifest.markers],
    }


def _track(otio: Any, common: Common, cut: Cut) -> Any:
    clip = otio.schema.Clip(
        name=cut.source.path,
        media_reference=_media(otio, common, cut),
        source_range=_range(otio, common, cut, cut.position, common.duration or 0.0),
        metadata={"raydel": msgspec.to_builtins(cut.place)},
    )
    clip.effects.extend(_warp(otio, cut))
    kind = otio.schema.TrackKind.Video
    return otio.schema.Track(name=cut.name, children=[clip], kind=kind)


def _media(otio: Any, common: Common, cut: Cut) -> Any:
    long = cut.source.duration
    whole = None
    if long is not None:
        whole = _range(otio, common, cut, 0.0, cut.source.video_start + long)
    return otio.schema.ExternalReference(quote(cut.source.path), whole)


def _warp(otio: Any, cut: Cut) -> list[Any]:
    """Make the effect by which a file runs at the reference's pace, if it does not."""
    if cut.stretch == 1:
        return []
    name = "to the clock of the reference"
    return [otio.schema.LinearTimeWarp(name=name, time_scalar=1 / cut.stretch)]


def _range(otio: Any, common: Common, cut: Cut, start: float, long: float) -> Any:
    """Count from an instant on for so long, both ms, in frames of the file."""
    rate = float(exact_rate(cut.source.frame_rate) or common.frame_rate or RATE)
    return otio.opentime.TimeRange(
        otio.opentime.RationalTime(start * rate / SECOND, rate),
        otio.opentime.RationalTime(long * rate / SECOND, rate),
    )


def _markers(otio: Any, manifest: Manifest, common: Common) -> Iterator[Any]:
    pace = 1 + (common.cuts[common.reference].place.rate_ppm or 0.0) * 1e-6
    for marker in manifest.markers:
        at = (marker.time - common.start) * pace
        if 0 <= at <= (common.duration or 0.0):
            yield _marker(otio, common, marker, at)


def _marker(otio: Any, common: Common, marker: ShownMarker, at: float) -> Any:
    reference = common.cuts[common.reference]
    return otio.schema.Marker(
        name=marker.label or "marker",
        marked_range=_range(otio, common, reference, at, 0.0),
        metadata={"raydel": msgspec.to_builtins(marker)},
    )
