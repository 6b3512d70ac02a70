"""What keeps an alignment from being better, in sentences for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from raydel.core.cameras import ANY_CAMERA
from raydel.core.fileplaces import COMMAND, FRAMES, Evidence, Place
from raydel.core.messages import RecordingFailed, RecordingRefused
from raydel.core.take import Participant

MIXED_FACTOR: Final = 2.0
MIXED_APART: Final = 8.0
"""Networks are mixed where the quickest ways there and back are so many times as long,
and so many ms longer. Of two phones on one network they are not: see docs/timesync.md.
A difference that is smaller can hide no more than 4 ms."""

Found = tuple[Evidence, Place | None]
"""What is known of a device, and where its file lies."""


def limits(files: Sequence[Found], fine_at: float, *, is_fine: bool) -> Iterator[str]:
    """Say what limits an alignment, the gravest first.

    Args:
        files: Of each participant.
        fine_at: What both clocks together may be unsure by for the best grade, ms.
        is_fine: Whether it has the best grade.
    """
    if not files:
        yield "no device took part: there is nothing to align"
    if len(files) == 1:
        yield "only one device took part: there is nothing to align it with"
    if any(not known.steady for known, _ in files):
        yield (
            "the server's machine was started anew during the take: the files are"
            " placed by the server time that most is known in"
        )
    for known, place in files:
        yield from _unknown(known) if place is None else _of_place(known, place)
    yield from _mixed([known for known, place in files if place is not None])
    if not is_fine:
        for known, place in files:
            if place is not None:
                yield from _unsure(known.participant.name, place, fine_at)


def _unknown(known: Evidence) -> Iterator[str]:
    """Say why nothing tells when a file began."""
    name, trouble = known.participant.name, known.facts.trouble
    if trouble is not None:
        yield f"{name} {_troubled(trouble)}: there is no file of it to place"
    elif known.participant.late:
        yield f"{name} came late and reported no first frame: its file has no place"
    else:
        yield f"nothing shows that {name} got its start: its file has no place"


def _troubled(trouble: RecordingRefused | RecordingFailed) -> str:
    did = "refused" if isinstance(trouble, RecordingRefused) else "failed"
    return f"{did} to record" + (f" ({trouble.reason})" if trouble.reason else "")


def _of_place(known: Evidence, place: Place) -> Iterator[str]:
    """Say what limits the place of a file, by itself."""
    name = known.participant.name
    if known.participant.late:
        yield f"{name} missed part of the take: it began to record late"
    if known.facts.trouble is not None and place.source == FRAMES:
        yield f"{name} {_troubled(known.facts.trouble)}: its file may end early"
    if place.source == COMMAND:
        yield from _of_command(known, place)
    if known.elsewhere and known.clock is None:
        yield f"the clock of {name} was never seen by that server time"
    elif known.clock is None:
        yield f"the clock of {name} was never seen"
    elif place.course.set:
        yield (
            f"the clock of {name} was set during the take, or slept: only the bound"
            " holds around then"
        )


def _of_command(known: Evidence, place: Place) -> Iterator[str]:
    name = known.participant.name
    if known.facts.started is None:
        yield f"{name} reported no first frame: graded by its start command"
    elif known.clock is not None:
        yield (
            f"{name} reported a first frame outside of the take, by another clock than"
            " it answers with: graded by its start command"
        )
    else:
        yield f"the first frame of {name} cannot be placed: graded by its start command"
    if place.unsure is None:
        yield f"when {name} obeyed its start is not known"
    if known.camera is None:
        least = ANY_CAMERA.delay - ANY_CAMERA.spread
        most = ANY_CAMERA.delay + ANY_CAMERA.spread
        yield (
            f"the camera latency of {_with_model(known.participant)} is not known,"
            f" {least:g} to {most:g} ms are assumed:"
            " --camera-latency=MODEL:MS±MS tells it"
        )


def _with_model(participant: Participant) -> str:
    model = participant.declared.model
    return f"{participant.name} ({model})" if model else participant.name


def _mixed(files: Sequence[Evidence]) -> Iterator[str]:
    """Say so if one phone is much further away than another."""
    ways = [
        (min(each.round_trip for each in known.samples), known.participant.name)
        for known in files
        if known.samples
    ]
    if not ways:
        return
    (near, nearer), (far, farther) = min(ways), max(ways)
    if far - near < MIXED_APART or far < MIXED_FACTOR * near:
        return
    yield (
        f"mixed networks: messages take at least {near:.1f} ms there and back to"
        f" {nearer}, {far:.1f} ms to {farther}; up to {(far - near) / 2:.1f} ms of that"
        " may be one-sided and is not in the uncertainty"
    )


def _unsure(name: str, place: Place, fine_at: float) -> Iterator[str]:
    """Say so if a clock is a reason why a grade is not the best.

    Where two clocks leave more than is fine for both, one leaves more than its share.
    """
    course, bend = place.course, place.course.bend
    clock = course.unsure + bend
    if course.rate is None or clock <= fine_at / 2**0.5:
        return
    if place.unsure is not None and clock < (place.unsure + bend) / 2:
        return
    if bend > course.unsure:
        yield f"the clock of {name} leaves a straight line by up to {bend:.1f} ms"
    else:
        yield f"the clock of {name} is only known to {course.unsure:.1f} ms"
