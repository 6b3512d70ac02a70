"""How a file finds its take, and its device."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from enum import IntEnum
from itertools import product
from typing import Final

from msgspec import structs

from raydel.core.evidence import (
    Evidence,
    Mark,
    Trace,
    Word,
    gather,
    reported_length,
    spell,
)
from raydel.core.instants import DAY
from raydel.core.manifest import Manifest, ShownParticipant, TakeSummary
from raydel.core.values import Value

NEAREST: Final = 3
"""Takes that are named when none fits: enough to see what went wrong."""


CLOSER: Final = 100.0
"""ms: files that fit a device's length by less than that are equally good."""


class Sureness(IntEnum):
    """How sure it is that a file is a device's."""

    NO = 0
    GUESSED = 1
    LIKELY = 2
    SURE = 3


class Verdict(Value, frozen=True):
    """What is thought of one file and one device of a take.

    Attributes:
        path: The file.
        take_id: The take.
        device_id: The device; empty where none is left for the file.
        sureness: How sure it is.
        words: What each mark said, by `Mark`.
        reasons: What speaks for it, a sentence each, the strongest first.
        against: What speaks against it, or would have to be explained.
    """

    path: str
    take_id: str
    device_id: str
    sureness: Sureness
    words: tuple[Word, ...]
    reasons: tuple[str, ...] = ()
    against: tuple[str, ...] = ()


class Assignment(Value, frozen=True):
    """The files of a take, each with its device.

    Attributes:
        take_id: The take.
        verdicts: Of the files that fit, in the order of their paths.
        left_out: Of those that fit no device, or none that is left.
        assumption: A sentence, where nothing told devices apart; else empty.
    """

    take_id: str
    verdicts: tuple[Verdict, ...]
    left_out: tuple[Verdict, ...] = ()
    assumption: str = ""

    @property
    def score(self) -> tuple[int, ...]:
        """How much speaks for it, to be compared with others of the same files."""
        found = self.verdicts
        marks = (sum(each.words[mark] for each in found) for mark in Mark)
        return (len(found), sum(each.sureness for each in found), *marks)


class Choice(Value, frozen=True):
    """What came of looking through takes.

    Attributes:
        best: All files in one take; None where there is no such take, or several.
        rivals: Takes that fit equally well, the latest first.
        nearest: Where nothing fits: what came nearest, the best first.
    """

    best: Assignment | None = None
    rivals: tuple[Assignment, ...] = ()
    nearest: tuple[Assignment, ...] = ()


def may_fit(trace: Trace, summary: TakeSummary) -> bool:
    """Whether it is worth while to look at a take at all, by a line in a list.

    A day to either side: the clock that a phone tells need not be the one that it
    writes into files, and the server's need not be right.
    """
    if trace.created_at is None:
        return True
    end = trace.created_at if summary.ended_at is None else summary.ended_at
    return summary.start_time - DAY <= trace.created_at <= end + DAY


def wants_checksum(trace: Trace, manifest: Manifest) -> bool:
    """Whether a checksum of the file would tell anything: it takes its time."""
    return trace.sha256 is None and any(
        each.recording.sha256 is not None
        and each.recording.size_bytes in {None, trace.size}
        for each in manifest.participants
    )


def judge(trace: Trace, manifest: Manifest, participant: ShownParticipant) -> Verdict:
    """Say how sure it is that a file is a device's."""
    known = gather(trace, manifest, participant)
    return Verdict(
        path=trace.path,
        take_id=manifest.id,
        device_id=participant.device_id,
        sureness=_sureness(known, participant),
        words=tuple(_word(known, mark) for mark in Mark),
        reasons=_sentences(known, {Word.FOR}),
        against=_sentences(known, {Word.POSSIBLE, Word.AGAINST}),
    )


def _word(known: Mapping[Mark, Evidence], mark: Mark) -> Word:
    return known[mark].word if mark in known else Word.SILENT


def _sentences(
    known: Mapping[Mark, Evidence], wanted: Collection[Word]
) -> tuple[str, ...]:
    return tuple(each.sentence for each in known.values() if each.word in wanted)


def _sureness(
    known: Mapping[Mark, Evidence], participant: ShownParticipant
) -> Sureness:
    """Weigh. What was reported of the file counts for more than when it was made."""
    held = {mark for mark, each in known.items() if each.word is Word.FOR}
    denied = {mark for mark, each in known.items() if each.word is Word.AGAINST}
    if Mark.CHECKSUM in held:
        return Sureness.SURE
    if {Mark.NAME, Mark.SIZE} <= held:
        return Sureness.LIKELY if Mark.CHECKSUM in denied else Sureness.SURE
    doubts = denied & {Mark.CHECKSUM, Mark.SIZE, Mark.FRAMES}
    if doubts:
        return _of_a_copy(known, held, doubts)
    if held & {Mark.NAME, Mark.SIZE, Mark.FRAMES}:
        # Some apps give every file the same name.
        return Sureness.GUESSED if Mark.CREATED in denied else Sureness.LIKELY
    if participant.recording.state == "refused":
        return Sureness.NO
    return _by_time(known)


def _of_a_copy(
    known: Mapping[Mark, Evidence], held: Collection[Mark], doubts: Collection[Mark]
) -> Sureness:
    """Weigh a file that is not the one that was reported.

    It may be a copy that was encoded anew, or whose tags were changed. Its name, and
    how many frames it has, are those of other takes too: of one take it is only if it
    was made just then, or does not say when.
    """
    created = _word(known, Mark.CREATED)
    if Mark.SIZE in held and Mark.FRAMES not in doubts:
        return Sureness.LIKELY
    if Mark.FRAMES in held and created in {Word.FOR, Word.SILENT}:
        return Sureness.LIKELY
    if created is not Word.FOR or {Mark.SIZE, Mark.FRAMES} <= set(doubts):
        return Sureness.NO
    return min(_by_time(known), Sureness.GUESSED)


def _by_time(known: Mapping[Mark, Evidence]) -> Sureness:
    """Weigh when a file was made, and how long it is, less a step for another maker."""
    times = _word(known, Mark.CREATED), _word(known, Mark.DURATION)
    is_by_another = _word(known, Mark.MODEL) is Word.AGAINST
    return Sureness(max(_TIMES.get(times, Sureness.NO) - is_by_another, 0))


_TIMES: Final = {
    (Word.FOR, Word.FOR): Sureness.LIKELY,
    (Word.FOR, Word.POSSIBLE): Sureness.GUESSED,
    (Word.FOR, Word.SILENT): Sureness.GUESSED,
    (Word.POSSIBLE, Word.FOR): Sureness.GUESSED,
    (Word.SILENT, Word.FOR): Sureness.GUESSED,
}
"""What a time of creation and a duration are worth, where nothing else is known."""


def assign(
    traces: Sequence[Trace],
    manifest: Manifest,
    told: Mapping[str, str] | None = None,
    *,
    insist: bool = False,
) -> Assignment:
    """Give each file of a take a device, and no device two files.

    Args:
        traces: The files, in any order.
        manifest: The take.
        told: Ids of the devices of files, by path, where somebody has said so.
        insist: Whether somebody has said that it is this take: then what speaks
            against it is said, and does not count.
    """
    files = sorted(traces, key=lambda trace: trace.path)
    people = sorted(manifest.participants, key=lambda each: not each.is_host)
    options = [
        [_told(judge(f, manifest, p), (told or {}).get(f.path), insist) for p in people]
        for f in files
    ]
    plans = [_planned(options, plan) for plan in _plans(options)]
    best = max(plan.score for plan in plans)
    equal = [plan for plan in plans if plan.score == best]
    return _assumed(*_by_length(equal, files, manifest), manifest)


def _told(verdict: Verdict, device_id: str | None, insist: bool) -> Verdict:
    if device_id == verdict.device_id:
        reasons = ("you said so", *verdict.reasons)
        return structs.replace(verdict, sureness=Sureness.SURE, reasons=reasons)
    if device_id is not None:
        return structs.replace(verdict, sureness=Sureness.NO)
    floor = Sureness.GUESSED if insist else Sureness.NO
    return structs.replace(verdict, sureness=max(verdict.sureness, floor))


def _plans(options: Sequence[Sequence[Verdict]]) -> Iterator[tuple[int | None, ...]]:
    """Return for each file the number of its device, in every way there is."""
    fitting = (
        [*(n for n, each in enumerate(row) if each.sureness), None] for row in options
    )
    for plan in product(*fitting):
        taken = [number for number in plan if number is not None]
        if len(taken) == len(set(taken)):
            yield plan


def _planned(
    options: Sequence[Sequence[Verdict]], plan: Sequence[int | None]
) -> Assignment:
    pairs = list(zip(options, plan, strict=True))
    return Assignment(
        take_id=options[0][0].take_id,
        verdicts=tuple(row[n] for row, n in pairs if n is not None),
        left_out=tuple(max(row, key=_merit) for row, n in pairs if n is None),
    )


def _merit(verdict: Verdict) -> tuple[int, ...]:
    return verdict.sureness, *verdict.words


def _by_length(
    equal: Sequence[Assignment], traces: Sequence[Trace], manifest: Manifest
) -> tuple[Sequence[Assignment], str]:
    """Put first what fits the lengths that devices reported; say what told."""
    nothing = "nothing tells the devices apart"
    lengths = {trace.path: trace.duration for trace in traces}
    said = {p.device_id: reported_length(p) for p in manifest.participants}
    misfits = [_misfit(plan, lengths, said) for plan in equal]
    known = [each for each in misfits if each is not None]
    if len(known) < len(misfits) or known[0] - min(known) < CLOSER:
        return equal, nothing
    first = equal[known.index(min(known))]
    others = [plan for plan in equal if plan is not first]
    return [first, *others], "only their lengths tell the devices apart"


def _misfit(
    plan: Assignment,
    lengths: Mapping[str, float | None],
    said: Mapping[str, float | None],
) -> float | None:
    """Return by how much files are not as long as their devices say, in all, ms."""
    pairs = [(lengths[each.path], said[each.device_id]) for each in plan.verdicts]
    misses = [abs(a - b) for a, b in pairs if a is not None and b is not None]
    return sum(misses) if len(misses) == len(pairs) else None


def _assumed(equal: Sequence[Assignment], how: str, manifest: Manifest) -> Assignment:
    """Take the first; say so where there are others."""
    first = equal[0]
    homes = [{each.path: each.device_id for each in plan.verdicts} for plan in equal]
    unsure = {
        path
        for path in homes[0]
        if any(home.get(path) != homes[0][path] for home in homes)
    }
    if not unsure:
        return first
    verdicts = tuple(
        structs.replace(each, sureness=Sureness.GUESSED)
        if each.path in unsure
        else each
        for each in first.verdicts
    )
    names = {each.device_id: each.name for each in manifest.participants}
    taken = ", ".join(
        f"{each.path} for that of {names[each.device_id]}"
        for each in verdicts
        if each.path in unsure
    )
    return structs.replace(
        first, verdicts=verdicts, assumption=f"{how}: taken is {taken}"
    )


def choose(
    traces: Sequence[Trace],
    manifests: Sequence[Manifest],
    told: Mapping[str, Mapping[str, str]] | None = None,
) -> Choice:
    """Look for the take that all files are of.

    Args:
        traces: The files, in any order.
        manifests: The takes to look through, in any order. Those without participants
            have no files.
        told: As in `assign`, for each take by its id.
    """
    latest = sorted(manifests, key=lambda each: (-each.start_time, each.id))
    found = [
        assign(traces, each, (told or {}).get(each.id))
        for each in latest
        if each.participants
    ]
    whole = [each for each in found if not each.left_out]
    if not whole:
        times = {each.id: each.start_time for each in latest}
        near = sorted(found, key=lambda each: _farness(each, traces, times))
        return Choice(nearest=tuple(near[:NEAREST]))
    best = max(each.score for each in whole)
    first, *rivals = (each for each in whole if each.score == best)
    return Choice(rivals=(first, *rivals)) if rivals else Choice(best=first)


def _farness(
    assignment: Assignment, traces: Sequence[Trace], times: Mapping[str, float]
) -> tuple[int, float]:
    """Sort by how many files fit, then by how far away the others were made."""
    away = [_away(trace, times[assignment.take_id]) for trace in traces]
    return -len(assignment.verdicts), min(map(abs, filter(None, away)), default=0.0)


def _away(trace: Trace, start: float) -> float | None:
    return None if trace.created_at is None else trace.created_at - start


def why_not(trace: Trace, start: float) -> str:
    """Say how a take that does not fit lies to a file.

    Args:
        trace: The file.
        start: When the take began, server time, ms.
    """
    away = _away(trace, start)
    if away is None:
        return f"{trace.name} does not say when it was made"
    side = "before" if away >= 0 else "after"
    return f"begun {spell(abs(away))} {side} {trace.name} was made"
