"""An ffmpeg command that brings the files of a take in step.

The common part is cut at a frame of the reference, whose frames pass as they are. Every
other file is stretched to the reference's clock, and shows, at each instant, the frame
that is nearest: it is off by half of its own frames at most, beside what the alignment
is. Its sound is stretched with it.

With ``exact=no`` nothing is encoded anew: the frames and their sound are copied, with
times that are stretched. A file then has to begin with a key frame, so that up to some
seconds before the cut are in it, marked as not to be shown. A program that heeds that
shows both files in step within a frame, one that does not is off by these seconds; and
sound drifts where its samples are played as they are (docs/exports.md has the figures).
"""

from __future__ import annotations

import math
import shlex
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import PurePath
from typing import Final

from raydel.core.instants import SECOND
from raydel.core.manifest import Manifest
from raydel.export.common import Cut, exact_rate
from raydel.export.plan import HEIGHT, Plan, plan_of
from raydel.export.remarks import remarks
from raydel.export.source import Source

LEAD: Final = SECOND / 2
"""ms before the cut from which a file is read: the frame that is nearest to the cut
may be before it."""

_NOISE: Final = 1e-2
"""µs: what sums of floats may lack."""

_ENCODED: Final = (
    *("-c:v", "libx264", "-preset", "veryfast", "-crf", "20"),
    *("-c:a", "aac", "-b:a", "160k", "-movflags", "+faststart"),
)


def script(
    manifest: Manifest, sources: Sequence[Source], choices: Mapping[str, str]
) -> bytes:
    """Write the command for a POSIX shell, with what is to be known before it.

    Args:
        manifest: The take.
        sources: Its files, from left to right.
        choices: Some of `raydel.export.plan.CHOICES`.

    Raises:
        ExportTrouble: The files cannot be laid to each other.
        WrongChoice: A choice is unknown, or cannot be used.
    """
    plan = plan_of(manifest, sources, choices)
    known = "".join(f"# {each}\n" for each in remarks(manifest, plan))
    commands = "".join(f"{shlex.join(each)}\n" for each in _commands(plan))
    return f"#!/bin/sh\n{known}set -e\n{commands}".encode(errors="replace")


def arguments(
    manifest: Manifest, sources: Sequence[Source], choices: Mapping[str, str]
) -> list[list[str]]:
    """Return the same commands for a program that runs them itself, one by one.

    Raises:
        ExportTrouble: The files cannot be laid to each other.
        WrongChoice: A choice is unknown, or cannot be used.
    """
    return _commands(plan_of(manifest, sources, choices))


def _commands(plan: Plan) -> list[list[str]]:
    if not plan.separate:
        return [_side_by_side(plan)]
    outputs = _outputs(plan)
    make = _encoded if plan.exact else _copy
    pairs = zip(plan.common.cuts, outputs, strict=True)
    return [make(plan, cut, output) for cut, output in pairs]


def _side_by_side(plan: Plan) -> list[str]:
    cuts = plan.common.cuts
    drawn = [
        f"[{n}:v:0]{_picture(plan, cut, plan.height or HEIGHT)},setsar=1[v{n}]"
        for n, cut in enumerate(cuts)
    ]
    if len(cuts) > 1:
        beside = "".join(f"[v{n}]" for n in range(len(cuts)))
        drawn.append(f"{beside}hstack=inputs={len(cuts)}:shortest=1[v]")
    picture = "[v]" if len(cuts) > 1 else "[v0]"
    reference = plan.common.reference
    return [
        *_begin(),
        *(word for cut in cuts for word in _input(cut)),
        *("-filter_complex", ";".join(drawn), "-map", picture),
        *_heard(cuts[reference], reference),
        *_end(plan, plan.output),
    ]


def _encoded(plan: Plan, cut: Cut, output: str) -> list[str]:
    picture = _picture(plan, cut, plan.height)
    mapped = ("-map", "0:v:0", "-vf", picture, *_heard(cut, 0))
    return [*_begin(), *_input(cut), *mapped, *_end(plan, output)]


def _copy(plan: Plan, cut: Cut, output: str) -> list[str]:
    return [
        *_begin(),
        *("-ss", _seconds(cut.position), "-itsscale", f"{cut.stretch:.12f}"),
        *("-i", _path(cut.source.path), "-map", "0:v:0", "-map", "0:a:0?"),
        *(*_length(plan), "-c", "copy", _path(output)),
    ]


def _begin() -> list[str]:
    """Ask nothing: what is there is not overwritten."""
    return ["ffmpeg", "-hide_banner", "-nostdin", "-n"]


def _input(cut: Cut) -> list[str]:
    return ["-ss", _seconds(_from(cut)), "-i", _path(cut.source.path)]


def _from(cut: Cut) -> float:
    """Where a file is read from, ms from its beginning."""
    return max(0.0, cut.position - LEAD)


def _picture(plan: Plan, cut: Cut, height: int | None) -> str:
    """Write the filters of a picture: its times, by the reference's clock, first.

    At each instant the frame is wanted that is nearest. That is the last one that is
    not later, once all are earlier by half a frame of their own.
    """
    rate = exact_rate(cut.source.frame_rate) or plan.rate
    lead = (cut.position - _from(cut)) * 1000
    times = f"(PTS-{lead:.0f})*{cut.stretch:.12f}-{float(500_000 / rate):.0f}"
    frames = f"fps={_ratio(plan.rate)}:start_time=0:round=up"
    size = "" if height is None else f",scale=-2:{height}"
    return f"settb=AVTB,setpts={times},{frames}{size},format=yuv420p"


def _heard(cut: Cut, number: int) -> list[str]:
    """Map the sound, if there is any, from the cut on."""
    if cut.source.has_sound is False:
        return []
    lead = _seconds(cut.position - _from(cut))
    times = f"atrim=start={lead},asetpts=(PTS-{lead}/TB)*{cut.stretch:.12f}"
    filled = "aresample=async=1000:min_comp=0.0002:first_pts=0:flags=res"
    return ["-map", f"{number}:a:0?", "-af", f"{times},{filled}"]


def _end(plan: Plan, output: str) -> list[str]:
    return [*_length(plan), *_ENCODED, _path(output)]


def _length(plan: Plan) -> list[str]:
    if plan.common.duration is None:
        return ["-shortest"]
    return ["-t", _seconds(plan.common.duration)]


def _outputs(plan: Plan) -> list[str]:
    """Name a file for each: as the source, with an ending."""
    names: list[str] = []
    for number, cut in enumerate(plan.common.cuts, 1):
        source = PurePath(cut.source.path)
        suffix = ".mp4" if plan.exact else source.suffix or ".mp4"
        name = f"{source.stem}-in-step{suffix}"
        names.append(f"{number}-{name}" if name in names else name)
    return [str(PurePath(plan.output) / name) for name in names]


def _path(path: str) -> str:
    """Write a path so that ffmpeg takes it for no option, and for no address."""
    return f"file:{path}" if path.startswith("-") or ":" in path else path


def _ratio(rate: Fraction) -> str:
    return f"{rate.numerator}/{rate.denominator}"


def _seconds(milliseconds: float) -> str:
    """Write seconds, down to whole microseconds: never more than there are."""
    return f"{math.floor(milliseconds * 1000 + _NOISE) / 1e6:.6f}"
