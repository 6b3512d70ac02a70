"""What speaks for a file being a device's of a take, and what against it.

A phone writes into its file when it was made: in whole seconds, by its own wall clock,
some at the start of the recording and some at its end. It may hear the stop late, or
lose its tail. So times alone make nothing sure; what the device reported of its file
does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from enum import IntEnum
from statistics import median
from typing import Final

from raydel.core.instants import DAY, HOUR, MINUTE, SECOND
from raydel.core.manifest import Manifest, ShownParticipant
from raydel.core.values import Value

CLOCK_SLACK: Final = 10 * SECOND
"""What a phone's wall clock may be off by as a rule, with its whole seconds."""

WRONG_CLOCK: Final = 15 * MINUTE
"""What it may be off by if the file's duration speaks for it."""

SAME_DURATION: Final = 2 * SECOND
"""Phones begin and end about so much apart when all goes well."""

LATE_STOP: Final = 10 * MINUTE
"""How long a phone may record on that hears the stop late."""

_APPLE: Final = re.compile(r"\b(iphone|ipad|ios)", re.IGNORECASE)
_ANDROID: Final = re.compile(r"\bandroid", re.IGNORECASE)


class Trace(Value, frozen=True):
    """What is known of a file.

    Attributes:
        path: Tells it from other files.
        name: Its name, without the directory.
        size: Bytes.
        created_at: When it was made, by the clock of whatever made it, ms since the
            epoch; None if it does not say.
        duration: Of its picture, ms; None if it does not say.
        frames: How many pictures there are; None if it does not say.
        model: What the maker calls the phone; None if it does not say.
        sha256: Its checksum; None if nobody has worked it out.
    """

    path: str
    name: str
    size: int
    created_at: float | None = None
    duration: float | None = None
    frames: int | None = None
    model: str | None = None
    sha256: str | None = None


class Mark(IntEnum):
    """What a file is known by, the surest first."""

    CHECKSUM = 0
    NAME = 1
    SIZE = 2
    FRAMES = 3
    MODEL = 4
    CREATED = 5
    DURATION = 6


class Word(IntEnum):
    """Which way a mark speaks; what is possible would have to be explained."""

    AGAINST = -1
    SILENT = 0
    POSSIBLE = 1
    FOR = 2


class Evidence(Value, frozen=True):
    """One thing that speaks for a file and a device, or against them.

    Attributes:
        mark: What it is about.
        word: Which way it speaks.
        sentence: What it says, for people.
    """

    mark: Mark
    word: Word
    sentence: str


def gather(
    trace: Trace, manifest: Manifest, participant: ShownParticipant
) -> Mapping[Mark, Evidence]:
    """Return all that is known of a file and a device; what is unknown is left out."""
    known = (
        *_reported(trace, participant),
        *_model(trace, participant),
        *_created(trace, manifest, participant),
        *_duration(trace, manifest, participant),
    )
    return {each.mark: each for each in known}


def _reported(trace: Trace, participant: ShownParticipant) -> Iterator[Evidence]:
    said, who = participant.recording, participant.name
    for mark, what, own, reported in (
        (Mark.CHECKSUM, "its checksum", trace.sha256, said.sha256),
        (Mark.NAME, "its name", trace.name, said.file_name),
        (Mark.SIZE, "its size, to the byte,", trace.size, said.size_bytes),
        (Mark.FRAMES, "its number of frames", trace.frames, said.frames),
    ):
        if own is None or reported is None:
            continue
        if own == reported:
            yield Evidence(mark, Word.FOR, f"{what} is what {who} reported")
        else:
            sentence = f"{what} is not what {who} reported: {reported}"
            yield Evidence(mark, Word.AGAINST, sentence)


def _model(trace: Trace, participant: ShownParticipant) -> Iterator[Evidence]:
    """Compare phones. A maker has two names for one: iPhone15,2 is an iPhone 14 Pro."""
    if trace.model is None:
        return
    declared, who = participant.model, participant.name
    said = declared or who
    apples = _is_apple(trace.model), _is_apple(said)
    if trace.model.casefold() in said.casefold():
        yield Evidence(Mark.MODEL, Word.FOR, f"made by a {trace.model}, as {who} is")
    elif apples[0] is not apples[1] and (declared or apples[1] or _ANDROID.search(who)):
        sentence = f"made by a {trace.model}, and {who} is another"
        yield Evidence(Mark.MODEL, Word.AGAINST, sentence)


def _is_apple(text: str) -> bool:
    return _APPLE.search(text) is not None


def span(
    manifest: Manifest, participant: ShownParticipant
) -> tuple[float | None, float | None]:
    """Return when a device began and ended, server time, ms, as well as is known."""
    start = None if participant.late else manifest.start_time
    end = manifest.ended_at
    for file in manifest.alignment.files:
        if file.device_id == participant.device_id:
            start = start if file.start is None else file.start
            end = end if file.end is None else file.end
    return start, end


def reported_length(participant: ShownParticipant) -> float | None:
    """Return how long a device's file is by what it reported, ms, less a frame."""
    said = participant.recording
    if said.first_frame_time is None or said.last_frame_time is None:
        return None
    return said.last_frame_time - said.first_frame_time


def _created(
    trace: Trace, manifest: Manifest, participant: ShownParticipant
) -> Iterator[Evidence]:
    if trace.created_at is None:
        return
    start, end = span(manifest, participant)
    expected = [(start, "began"), (end, "ended")]
    if start is not None and trace.duration is not None:
        expected.append((start + trace.duration, "ended"))
    misses = [
        (trace.created_at - instant - ahead, what, ahead)
        for instant, what in expected
        if instant is not None
        for ahead in (0.0, *_ahead(participant))
    ]
    if misses:
        yield _judged_creation(*min(misses, key=lambda miss: (abs(miss[0]), miss[1:])))


def _ahead(participant: ShownParticipant) -> Iterator[float]:
    """Return how far a phone's wall clock is ahead, if it told that one."""
    offsets = [sample.offset for sample in participant.clock_samples]
    if offsets and abs(found := median(offsets)) < DAY:
        yield found


def _judged_creation(off: float, what: str, ahead: float) -> Evidence:
    sentence = f"made {spell(abs(off))} {_side(off)} the recording {what}"
    if abs(ahead) > SECOND:
        side = "ahead" if ahead > 0 else "behind"
        sentence += f", by its own clock, which is {spell(abs(ahead))} {side}"
    if abs(off) <= CLOCK_SLACK:
        return Evidence(Mark.CREATED, Word.FOR, sentence)
    if abs(off) <= WRONG_CLOCK:
        sentence += ": its clock would have to be wrong by that"
        return Evidence(Mark.CREATED, Word.POSSIBLE, sentence)
    return Evidence(Mark.CREATED, Word.AGAINST, sentence)


def _side(off: float) -> str:
    return "before" if off < 0 else "after"


def _duration(
    trace: Trace, manifest: Manifest, participant: ShownParticipant
) -> Iterator[Evidence]:
    start, end = span(manifest, participant)
    if trace.duration is None or start is None or end is None:
        return
    lasted = max(end - start, 0.0)
    more = trace.duration - lasted
    if abs(more) <= SAME_DURATION:
        sentence = f"as long as the recording, {spell(lasted)}, to {spell(abs(more))}"
        yield Evidence(Mark.DURATION, Word.FOR, sentence)
    elif 0 < more <= LATE_STOP:
        sentence = f"{spell(more)} longer than the recording: did it hear the stop late"
        yield Evidence(Mark.DURATION, Word.POSSIBLE, f"{sentence}?")
    elif -lasted / 2 <= more < 0:
        sentence = f"{spell(-more)} shorter than the recording: has it lost its tail?"
        yield Evidence(Mark.DURATION, Word.POSSIBLE, sentence)
    else:
        sentence = f"{spell(trace.duration)} long, the recording {spell(lasted)}"
        yield Evidence(Mark.DURATION, Word.AGAINST, sentence)


def spell(duration: float) -> str:
    """Write a duration as people say it.

    >>> spell(11_520_000.0)
    '3 h 12 min'
    """
    sign, whole = ("-" if duration < 0 else ""), abs(duration)
    if round(whole / SECOND, 1) < MINUTE / SECOND:
        return f"{sign}{whole / SECOND:.1f} s"
    large, name, small, rest = next(
        unit for unit in _UNITS if round(whole / unit[2]) * unit[2] >= unit[0]
    )
    many, over = divmod(round(whole / small), round(large / small))
    return f"{sign}{many} {name}" + (f" {over} {rest}" if over else "")


_UNITS: Final = (
    (DAY, "d", HOUR, "h"),
    (HOUR, "h", MINUTE, "min"),
    (MINUTE, "min", SECOND, "s"),
)
