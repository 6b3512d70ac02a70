"""Takes, and the files of them, as ``align`` and ``export`` are asked for them."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Final, NoReturn

from msgspec import Struct, structs

from raydel import media
from raydel.cli.asking import Refused, Server, read_file
from raydel.cli.parser import Parser
from raydel.core.alignment import AlignedFile
from raydel.core.evidence import Trace, spell
from raydel.core.instants import DAY
from raydel.core.manifest import Manifest, ShownParticipant, TakeSummary
from raydel.core.matching import (
    Assignment,
    Choice,
    Verdict,
    assign,
    choose,
    may_fit,
    wants_checksum,
    why_not,
)
from raydel.media import BadMedia, MediaFile

MOST_FILES: Final = 4
"""Files of one take: two phones, and some that came in the middle."""

MOST_LOOKED: Final = 60
"""Takes that are looked into for one answer: the busiest two days of a club."""

LATEST: Final = 20
"""Takes that are looked into where none was made about when the files were."""


class TakesParser(Parser):
    """Reads options; what makes no sense ends the program with 2, others end with 1."""

    def error(self, message: str) -> NoReturn:
        """Refuse."""
        print(f"raydel: {message}; see {self.prog} --help", file=sys.stderr)
        raise SystemExit(2)


class Placed(Struct, frozen=True):
    """A file, and what is known of it in its take.

    Attributes:
        media: What it says of itself.
        participant: The device that made it.
        verdict: Why it is thought so.
        aligned: Where it is against the others.
    """

    media: MediaFile
    participant: ShownParticipant
    verdict: Verdict
    aligned: AlignedFile


class FoundTake(Struct, frozen=True):
    """A take with its files.

    Attributes:
        manifest: The take.
        files: In the order in which they were named.
        assumption: What was assumed, where nothing told devices apart; else empty.
    """

    manifest: Manifest
    files: tuple[Placed, ...]
    assumption: str = ""


def add_options(parser: Parser) -> None:
    """Add how a take is found."""
    add = parser.add_argument
    add("--take", metavar="ID", help="the take that the files are of")
    add(
        "--server",
        metavar="URL",
        default="http://127.0.0.1:3001",
        help="where takes are asked for; https:// too [default: %(default)s]",
    )
    add(
        "--ca",
        metavar="FILE",
        help="for https://, trust this authority, certificates/raydel-ca.crt for"
        " example, and not those of the system",
    )
    add(
        "--manifest",
        metavar="FILE",
        help="read the take from this file, an export as json, and ask no server",
    )
    add(
        "--of",
        metavar="FILE=DEVICE",
        action="append",
        default=[],
        help="whose a file is, by the device's name or id, or host, or guest",
    )


def find(asked: Namespace) -> FoundTake:
    """Find the take of files.

    Args:
        asked: The options, with ``files``.

    Raises:
        Refused: There is none, or more than one.
    """
    files = probed(asked.files)
    if asked.take or asked.manifest:
        manifest = named_take(asked)
        if not manifest.participants:
            raise Refused(f"take {manifest.id} has no files: nobody was told to record")
        told = _told(asked.of, files, [manifest])[manifest.id]
        found = assign(_traces(files, [manifest]), manifest, told, insist=True)
        return _placed(files, manifest, found)
    manifests = candidates(Server(asked.server, asked.ca), files)
    if not manifests:
        raise Refused(f"{asked.server} keeps no take: was it recorded with this one?")
    told_each = _told(asked.of, files, manifests)
    choice = choose(_traces(files, manifests), manifests, told_each)
    by_id = {each.id: each for each in manifests}
    if choice.best is None:
        raise Refused(_question(choice, by_id, files))
    return _placed(files, by_id[choice.best.take_id], choice.best)


def named_take(asked: Namespace) -> Manifest:
    """Return the take that somebody named, from a file or from the server.

    Raises:
        Refused: There is no such take, or it is not the one in the file.
    """
    if not asked.manifest:
        return Server(asked.server, asked.ca).manifest(asked.take)
    manifest = read_file(asked.manifest)
    if asked.take not in {None, manifest.id}:
        raise Refused(f"{asked.manifest} is of take {manifest.id}, not {asked.take}")
    return manifest


def latest_take(server: Server, most: int) -> Manifest:
    """Return the take that has ended, where there is but one.

    Raises:
        Refused: There is none, or a choice: the latest are listed.
    """
    ended = [each for each in islice(server.summaries(), most) if each.ended_at]
    if not ended:
        raise Refused(f"{server.url} keeps no take that has ended")
    if len(ended) == 1:
        return server.manifest(ended[0].id)
    lines = [f"{each.id}: {_summed(each)}" for each in ended]
    raise Refused("\n  ".join(["which take? Say it with --take ID:", *lines]))


def probed(paths: Sequence[str]) -> tuple[MediaFile, ...]:
    """Ask every file what it is.

    Raises:
        Refused: One is of no use, or there are too many.
    """
    if len(paths) > MOST_FILES:
        raise Refused(f"{len(paths)} files are too many of one take: {MOST_FILES}")
    if len({str(Path(each).absolute()) for each in paths}) < len(paths):
        raise Refused("one file is named twice")
    try:
        return tuple(map(media.probe, paths))
    except BadMedia as problem:
        raise Refused(str(problem)) from None


def candidates(server: Server, files: Sequence[MediaFile]) -> list[Manifest]:
    """Return the takes that are worth a look."""
    traces = [_trace(each) for each in files]
    made = [each.created_at for each in files if each.created_at is not None]
    oldest = min(made) - 2 * DAY if len(made) == len(files) else 0.0
    listed: list[TakeSummary] = []
    for summary in server.summaries():
        if len(listed) >= LATEST and summary.start_time < oldest:
            break
        listed.append(summary)
    fitting = (each for each in listed if any(may_fit(one, each) for one in traces))
    chosen = list(islice(fitting, MOST_LOOKED)) or listed[:LATEST]
    return [server.manifest(each.id) for each in chosen]


def _trace(file: MediaFile) -> Trace:
    return Trace(
        path=file.path,
        name=file.name,
        size=file.size,
        created_at=file.created_at,
        duration=file.duration,
        frames=file.frames,
        model=file.model,
    )


def _traces(
    files: Sequence[MediaFile], manifests: Sequence[Manifest]
) -> tuple[Trace, ...]:
    """Return what is known of files, with checksums where they tell something."""
    return tuple(_with_checksum(_trace(each), manifests) for each in files)


def _with_checksum(trace: Trace, manifests: Sequence[Manifest]) -> Trace:
    if not any(wants_checksum(trace, each) for each in manifests):
        return trace
    try:
        return structs.replace(trace, sha256=media.sha256(trace.path))
    except BadMedia as problem:
        raise Refused(str(problem)) from None


def _told(
    words: Sequence[str], files: Sequence[MediaFile], manifests: Sequence[Manifest]
) -> Mapping[str, Mapping[str, str]]:
    """Read ``--of``: for each take, the device of each file that was named."""
    told: dict[str, dict[str, str]] = {each.id: {} for each in manifests}
    for word in words:
        named, _, device = word.rpartition("=")
        paths = [each.path for each in files if named in {each.path, each.name}]
        if len(paths) != 1:
            raise Refused(f"--of {word}: {named!r} is not one of the files")
        known = False
        for manifest in manifests:
            if found := _device(device, manifest):
                told[manifest.id][paths[0]] = found
                known = True
        if not known:
            names = {p.name for each in manifests for p in each.participants}
            raise Refused(
                f"--of {word}: no device is called {device!r}; there are "
                f"{', '.join(sorted(names)) or 'none'}"
            )
    return told


def _device(said: str, manifest: Manifest) -> str | None:
    roles = {True: "host", False: "guest"}
    for of_participant in (
        lambda p: p.device_id == said,
        lambda p: p.name.casefold() == said.casefold(),
        lambda p: roles[p.is_host] == said.casefold(),
    ):
        found = [p.device_id for p in manifest.participants if of_participant(p)]
        if len(found) == 1:
            return found[0]
    return None


def _placed(
    files: Sequence[MediaFile], manifest: Manifest, found: Assignment
) -> FoundTake:
    if found.left_out:
        raise Refused(
            f"take {manifest.id} has no device left for "
            f"{' and '.join(each.path for each in found.left_out)}: its devices are "
            f"{_names(manifest)}, each with one file"
        )
    verdicts = {each.path: each for each in found.verdicts}
    people = {each.device_id: each for each in manifest.participants}
    aligned = {each.device_id: each for each in manifest.alignment.files}
    placed = []
    for file in files:
        verdict = verdicts[file.path]
        device = verdict.device_id
        placed.append(Placed(file, people[device], verdict, aligned[device]))
    return FoundTake(manifest, tuple(placed), found.assumption)


def _names(manifest: Manifest) -> str:
    return ", ".join(each.name for each in manifest.participants)


def _question(
    choice: Choice, by_id: Mapping[str, Manifest], files: Sequence[MediaFile]
) -> str:
    """Say what keeps a take from being chosen, with all that could be meant."""
    if choice.rivals:
        lines = [_line(by_id[each.take_id]) for each in choice.rivals]
        many = f"{len(lines)} takes fit equally well: which? Say it with --take ID"
        return "\n  ".join([many, *lines])
    lines = [
        line
        for each in choice.nearest
        for line in (
            _line(by_id[each.take_id]),
            *(f"  {why}" for why in _whys(each, by_id[each.take_id], files)),
        )
    ]
    none = "no take fits; say which it is with --take ID, if one of these it is:"
    return "\n  ".join([none, *lines])


def _whys(
    found: Assignment, manifest: Manifest, files: Sequence[MediaFile]
) -> Iterator[str]:
    against = {each.path: each.against for each in found.left_out}
    for file in files:
        if file.path not in against:
            yield f"{file.path} fits"
            continue
        yield why_not(_trace(file), manifest.start_time)
        yield from (f"{file.path}: {each}" for each in against[file.path])


def _line(manifest: Manifest) -> str:
    return f"{manifest.id}: {describe(manifest)}"


def describe(manifest: Manifest) -> str:
    """Say in a line what a take is, in the time of this place."""
    names = tuple(each.name for each in manifest.participants)
    return _described(
        manifest.session_id, manifest.start_time, manifest.ended_at, names
    )


def _summed(take: TakeSummary) -> str:
    return _described(
        take.session_id, take.start_time, take.ended_at, take.device_names
    )


def _described(code: str, start: float, end: float | None, names: Sequence[str]) -> str:
    begun = datetime.fromtimestamp(start / 1000, UTC).astimezone()
    lasted = "still recording" if end is None else f"{spell(max(end - start, 0))} long"
    who = ", ".join(names) or "nobody"
    return f"{code}, begun {begun:%Y-%m-%d %H:%M:%S %Z}, {lasted}, {who}"


def span(placed: Placed) -> tuple[float, float] | None:
    """Return when a file begins and ends, server time, ms; None if unknown."""
    start, duration = placed.aligned.start, placed.media.duration
    if start is None or duration is None:
        return None
    return start, start + duration / (1 + (placed.aligned.rate_ppm or 0.0) / 1e6)


def common(files: Sequence[Placed]) -> tuple[float, float] | None:
    """Return from when to when all files record, server time, ms; None if never."""
    spans = [span(each) for each in files]
    known = [each for each in spans if each is not None]
    if len(known) < len(spans):
        return None
    begin, end = max(each[0] for each in known), min(each[1] for each in known)
    return (begin, end) if begin < end else None
