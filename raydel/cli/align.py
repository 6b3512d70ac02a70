"""``python -m raydel align``: how two videos of a take lie to each other."""

from __future__ import annotations

import shlex
from argparse import ArgumentTypeError, Namespace
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any, Final

import msgspec

from raydel.cli.asking import Refused
from raydel.cli.takes import (
    FoundTake,
    Placed,
    TakesParser,
    add_options,
    common,
    describe,
    find,
)
from raydel.core.evidence import spell
from raydel.core.instants import HOUR, MINUTE, SECOND
from raydel.core.matching import Sureness

_LONGEST: Final = 1000.0
"""Metres between two cameras of one match."""

_HELP: Final = """\
Says how videos of a take lie to each other: which take it is, whose each file is, by
how much one begins after the other, how well that is known, and what limits it. Have
the files here, and the server running that they were recorded with:

  python -m raydel align A.mp4 B.mp4

Nothing is changed, and no video leaves this machine. --check listens to both files,
and says whether their sound agrees with the clocks. It ends with 1 if there is no
answer, and with 2 if the question makes no sense.
"""

_SURENESS: Final = {
    Sureness.NO: "against all that is known",
    Sureness.GUESSED: "a guess",
    Sureness.LIKELY: "likely",
    Sureness.SURE: "sure",
}


def main(arguments: Sequence[str]) -> None:
    """Print how files lie to each other.

    Args:
        arguments: The files, and options.

    Raises:
        SystemExit: With 1 where there is no answer, with 2 where the question makes
            no sense.
    """
    parser = _parser()
    if any(word in ("-h", "--help") for word in arguments):
        parser.print_help()
        return
    asked = parser.parse_intermixed_args(arguments)
    found = find(asked)
    heard = _listened(found, asked.distance) if asked.check else []
    if asked.json:
        print(as_json(found, heard))
        return
    for line in report(found):
        print(line)
    for each in heard:
        print(f"\n{each['says']}")
    print(f"\nnext: {_next(found, asked)}")


def _parser() -> TakesParser:
    parser = TakesParser("align", _HELP)
    add = parser.add_argument
    add("files", metavar="FILE", nargs="+", help="a video, as it is on the phone")
    add_options(parser)
    add("--check", action="store_true", help="compare with the sound of the files")
    add(
        "--distance",
        metavar="METRES",
        type=_metres,
        help="between the cameras, for --check: sound takes 3 ms for each"
        " [default: 24, a padel court and its run-outs]",
    )
    add("--json", action="store_true", help="for programs")
    return parser


def _metres(text: str) -> float:
    with suppress(ValueError):
        if 0 <= (number := float(text)) <= _LONGEST:
            return number
    raise ArgumentTypeError(f"{text!r} is no distance between two cameras, in metres")


def report(found: FoundTake) -> Iterator[str]:
    """Say all that is known of the files, in lines."""
    manifest, alignment = found.manifest, found.manifest.alignment
    yield f"take {manifest.id}: {describe(manifest)}"
    for placed in found.files:
        yield from _whose(placed)
    if found.assumption:
        yield f"  ! {found.assumption}; --of FILE=DEVICE says it otherwise"
    yield ""
    yield from _table(found.files)
    yield ""
    yield f"grade {alignment.grade}: {_GRADES.get(alignment.grade, '')}"
    if alignment.limits:
        yield "what limits it:"
        yield from (f"  {each}" for each in alignment.limits)
    yield ""
    yield from _common(found.files)


_GRADES: Final = {
    "A": "the files lie to 2 ms, 19 times of 20",
    "B": "the files lie to 8.3 ms, half a picture at 60 a second, 19 times of 20",
    "C": "the files lie to 16.7 ms, a picture at 60 a second, 19 times of 20",
    "D": "how the files lie is known worse than to 16.7 ms, or not at all",
}


def _whose(placed: Placed) -> Iterator[str]:
    role = "host" if placed.participant.is_host else "guest"
    how = _SURENESS[placed.verdict.sureness]
    yield f"  {placed.media.path} is of {placed.participant.name}, the {role}: {how}"
    yield from (f"    + {each}" for each in placed.verdict.reasons)
    yield from (f"    - {each}" for each in placed.verdict.against)


def _table(files: Sequence[Placed]) -> Iterator[str]:
    heads = ["file", "device", "offset ms", "rate ppm", "± ms", "at most ms", "grade"]
    rows = [heads, *(_cells(each) for each in files)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        left = [f"{cell:<{w}}" for cell, w in zip(row[:2], widths, strict=False)]
        right = [f"{cell:>{w}}" for cell, w in zip(row[2:], widths[2:], strict=True)]
        yield "  ".join([*left, *right]).rstrip()


def _cells(placed: Placed) -> list[str]:
    aligned = placed.aligned
    numbers = (aligned.offset, aligned.rate_ppm, aligned.uncertainty, aligned.bound)
    shown = ["?" if each is None else f"{each:.3f}" for each in numbers]
    return [placed.media.path, placed.participant.name, *shown, aligned.grade]


def _common(files: Sequence[Placed]) -> Iterator[str]:
    between = common(files)
    if between is None:
        yield "which part they have in common is not known, or there is none"
        return
    yield f"all show {spell(between[1] - between[0])} of it:"
    for placed in files:
        begin, end = (clock(own_time(placed, each)) for each in between)
        yield f"  {placed.media.path} from {begin} to {end}"


def own_time(placed: Placed, instant: float) -> float:
    """Return where an instant is in a file, from its first picture, ms."""
    start, rate = placed.aligned.start or 0.0, placed.aligned.rate_ppm or 0.0
    return (instant - start) * (1 + rate / 1e6)


def clock(duration: float) -> str:
    """Write a place in a file as players do: ``1:02:03.456``."""
    hours, rest = divmod(round(duration), int(HOUR))
    minutes, rest = divmod(rest, int(MINUTE))
    return f"{hours}:{minutes:02}:{rest / SECOND:06.3f}"


def _next(found: FoundTake, asked: Namespace) -> str:
    words = ["python", "-m", "raydel", "export", "ffmpeg", *asked.files]
    for placed in found.files:
        if found.assumption or asked.of:
            words += ["--of", f"{placed.media.path}={placed.participant.device_id}"]
    if asked.manifest:
        words += ["--manifest", asked.manifest]
    else:
        words += ["--take", found.manifest.id, "--server", asked.server]
    words += ["--ca", asked.ca] if asked.ca else []
    return shlex.join([*words, "--run"])


def as_json(found: FoundTake, heard: Sequence[dict[str, Any]]) -> str:
    """Write the same for programs; times are server time or durations, in ms."""
    between = common(found.files)
    document = {
        "takeId": found.manifest.id,
        "grade": found.manifest.alignment.grade,
        "limits": found.manifest.alignment.limits,
        "assumption": found.assumption,
        "files": [
            {
                "path": each.media.path,
                "deviceName": each.participant.name,
                "sureness": each.verdict.sureness.name.lower(),
                "reasons": each.verdict.reasons,
                "against": each.verdict.against,
                "alignment": each.aligned,
                "common": between and [own_time(each, at) for at in between],
            }
            for each in found.files
        ],
        "sound": heard,
    }
    return msgspec.json.encode(document).decode()


def _listened(found: FoundTake, distance: float | None) -> list[dict[str, Any]]:
    try:
        from raydel.cli import align_sound
    except ModuleNotFoundError as missing:
        if missing.name != "numpy":
            raise
        raise Refused(
            "--check needs numpy; in a clone, .venv/bin/pip install -e '.[sound]' "
            "brings it"
        ) from None
    return align_sound.listened(found, distance)
