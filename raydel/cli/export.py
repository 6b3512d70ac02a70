"""``python -m raydel export``: a take in the forms that other programs read."""

from __future__ import annotations

import re
import subprocess
import sys
from argparse import Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from raydel.cli.asking import Refused, Server
from raydel.cli.takes import (
    LATEST,
    FoundTake,
    TakesParser,
    add_options,
    find,
    latest_take,
    named_take,
)
from raydel.core.manifest import Manifest
from raydel.export.command import arguments as commands_of
from raydel.export.formats import FORMATS
from raydel.export.source import Source, sources_of
from raydel.export.trouble import ExportTrouble, MissingLibrary, WrongChoice
from raydel.media import BadMedia, program

_HELP: Final = """\
Writes a take in a form that other programs read. With its files at hand, one video
with both pictures beside each other, in step:

  python -m raydel export ffmpeg A.mp4 B.mp4 --run -o match.mp4

Without --run the command is written, and can be looked at first. Without files a take
is written with the names that the phones reported: say which with --take. Further
choices depend on the form, as --layout=separate: docs/exports.md has them.
"""

_CHOICE: Final = re.compile(r"--([a-z][a-z-]*)=(.*)", re.DOTALL)


def main(arguments: Sequence[str]) -> None:
    """Write a take.

    Args:
        arguments: The form, files, and options.

    Raises:
        SystemExit: With 1 where it cannot be had, with 2 where the question makes no
            sense.
    """
    parser = _parser()
    if any(word in ("-h", "--help") for word in arguments):
        parser.print_help()
        return
    asked, more = parser.parse_known_intermixed_args(arguments)
    choices = _choices(parser, more)
    if asked.run and asked.format != "ffmpeg":
        parser.error("--run is for ffmpeg")
    if asked.run and not asked.files:
        parser.error("--run needs the files")
    if asked.run and asked.output:
        choices = {**choices, "output": asked.output}
    manifest, sources = _found(asked)
    try:
        if asked.run:
            run(commands_of(manifest, sources, choices))
        else:
            _write(asked, FORMATS[asked.format].render(manifest, sources, choices))
    except WrongChoice as problem:
        parser.error(str(problem))
    except (ExportTrouble, MissingLibrary, BadMedia) as problem:
        raise Refused(str(problem)) from None


def _parser() -> TakesParser:
    parser = TakesParser("export", _HELP)
    add = parser.add_argument
    add("format", metavar="FORMAT", choices=sorted(FORMATS), help=", ".join(FORMATS))
    add("files", metavar="FILE", nargs="*", help="its videos, from left to right")
    add_options(parser)
    add("-o", dest="output", metavar="FILE", help="where to [default: shown here]")
    add("--run", action="store_true", help="run the ffmpeg command, here and now")
    return parser


def _choices(parser: TakesParser, words: Sequence[str]) -> Mapping[str, str]:
    choices: dict[str, str] = {}
    for word in words:
        parts = _CHOICE.fullmatch(word)
        if parts is None:
            parser.error(f"{word!r} is no option; choices are like --layout=separate")
        choices[parts[1]] = parts[2]
    return choices


def _found(asked: Namespace) -> tuple[Manifest, tuple[Source, ...]]:
    if asked.files:
        found = find(asked)
        if found.assumption:
            print(f"raydel: {found.assumption}", file=sys.stderr)
        return found.manifest, _sources(found)
    if asked.of:
        raise Refused("--of says whose a file is, and no file is named")
    if asked.take or asked.manifest:
        manifest = named_take(asked)
    else:
        manifest = latest_take(Server(asked.server, asked.ca), LATEST)
    return manifest, sources_of(manifest)


def _sources(found: FoundTake) -> tuple[Source, ...]:
    return tuple(
        Source(
            device_id=each.participant.device_id,
            path=each.media.path,
            frame_rate=each.media.frame_rate,
            duration=each.media.duration,
            video_start=each.media.video_start,
            has_sound=each.media.has_sound,
        )
        for each in found.files
    )


def run(commands: Sequence[Sequence[str]]) -> None:
    """Run commands one by one, and name the file that each of them made.

    Args:
        commands: Of ffmpeg, the file that is made last in each.

    Raises:
        Refused: A file is there already, or ffmpeg failed.
        BadMedia: There is no ffmpeg.
    """
    made = [each[-1].removeprefix("file:") for each in commands]
    for path in made:
        if Path(path).exists():
            raise Refused(f"{path} is there already: name another with -o")
    ffmpeg = program("ffmpeg")
    for path, words in zip(made, commands, strict=True):
        done = subprocess.run([ffmpeg, *words[1:]], check=False)  # noqa: S603 - ours
        if done.returncode or not Path(path).exists():
            raise Refused(f"ffmpeg has failed, see above; {path} is of no use")
        print(f"made {path}")


def _write(asked: Namespace, written: bytes) -> None:
    if asked.output is None:
        sys.stdout.buffer.write(written)
        return
    try:
        Path(asked.output).write_bytes(written)
    except OSError as problem:
        raise Refused(f"{asked.output}: {problem.strerror}") from None
    print(f"made {asked.output}")
