"""What a club may rely on, whatever dies: every promise, in one place.

Tests that kill servers, cut links and fill disks tell their stories in the terms
below, and hand them to `broken`. The sentences stand in docs/reliability.md too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final


@dataclass(frozen=True)
class ToldTake:
    """A take as a phone that can name it was told to start it."""

    take_id: str
    start_at: float


@dataclass
class PhoneStory:
    """One phone, as it would tell it at the end.

    Attributes:
        name: What people call it.
        connected: Whether it has a seat and a living link at the end.
        recording: The take that its camera records, or None. A released app
            cannot name it: then ``"?"``.
        started: The takes it began, in order; a repeated command begins nothing.
        stopped: Ids of the takes it was told to stop, in order.
        starts_asked: Ids of its start commands, each once, however often sent.
        stops_asked: Ids of its stop commands.
        unanswered: Ids of commands that were sent and never answered.
        numbers: The numbers of what it was told, in order, over all its links.
    """

    name: str
    connected: bool = True
    recording: str | None = None
    started: list[ToldTake] = field(default_factory=list)
    stopped: list[str] = field(default_factory=list)
    starts_asked: list[str] = field(default_factory=list)
    stops_asked: list[str] = field(default_factory=list)
    unanswered: list[str] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class KeptTake:
    """A take as the server has it at the end.

    Attributes:
        take_id: Its id.
        accepted_at: When its start was accepted, server time, ms.
        ended_at: When its stop was accepted, or None while it runs.
        reason: Why it ended, or None.
        participants: Names of the phones that were told to record it.
    """

    take_id: str
    accepted_at: float
    ended_at: float | None
    reason: str | None
    participants: frozenset[str]


@dataclass(frozen=True)
class Story:
    """All that happened under one code.

    Attributes:
        phones: Both phones, and all that came instead of one.
        takes: What the server has, first to last.
        lost_writes: Whether the server was killed while it said that it could
            store nothing: what it told meanwhile may be forgotten.
    """

    phones: Sequence[PhoneStory]
    takes: Sequence[KeptTake]
    lost_writes: bool = False

    @property
    def running(self) -> KeptTake | None:
        """The take that runs at the end, if one does."""
        return next((take for take in self.takes if take.ended_at is None), None)


def nothing_told_is_lost(story: Story) -> Iterator[str]:
    """What a phone was told is kept: its take is there, and ended if it ended."""
    ended = {take.take_id: take.ended_at is not None for take in story.takes}
    for phone in story.phones:
        for told in phone.started:
            if told.take_id not in ended:
                yield f"{phone.name} recorded {told.take_id}, which is not kept"
        for take_id in phone.stopped:
            if not ended.get(take_id, False) and not story.lost_writes:
                yield f"{phone.name} was told to stop {take_id}, which still runs"


def nobody_records_untold(story: Story) -> Iterator[str]:
    """Who is connected records what runs, and nothing else."""
    running = story.running
    for phone in story.phones:
        if not phone.connected:
            continue
        takes_part = running is not None and phone.name in running.participants
        expected = running.take_id if running is not None and takes_part else None
        seen = phone.recording
        if (seen is None) != (expected is None) or seen not in {expected, "?", None}:
            yield f"{phone.name} records {seen}, and should record {expected}"


def nothing_happens_twice(story: Story) -> Iterator[str]:
    """One tap, one take: no phone begins one twice, and no two run at once."""
    taps = sum(len(set(phone.starts_asked)) for phone in story.phones)
    if len(story.takes) > taps:
        yield f"{len(story.takes)} takes came of {taps} taps on start"
    for phone in story.phones:
        counts = Counter(told.take_id for told in phone.started)
        yield from (
            f"{phone.name} began {take_id} {count} times"
            for take_id, count in counts.items()
            if count > 1
        )
    for earlier, later in zip(story.takes, story.takes[1:], strict=False):
        if earlier.ended_at is None or later.accepted_at < earlier.ended_at:
            yield f"{later.take_id} began before {earlier.take_id} had ended"


def no_take_ends_by_itself(story: Story) -> Iterator[str]:
    """A recording ends because somebody asked, and for no other reason."""
    taps = sum(len(set(phone.stops_asked)) for phone in story.phones)
    ended = [take for take in story.takes if take.ended_at is not None]
    if len(ended) > taps:
        yield f"{len(ended)} takes ended after {taps} taps on stop"
    for take in ended:
        if take.reason != "command":
            yield f"{take.take_id} ended because of {take.reason}"


def every_tap_is_answered(story: Story) -> Iterator[str]:
    """Every tap is answered, at the latest when the phone is back."""
    for phone in story.phones:
        if phone.connected:
            for command_id in phone.unanswered:
                yield f"{phone.name} was never answered {command_id}"


def both_start_at_one_instant(story: Story) -> Iterator[str]:
    """All phones of a take are given the same instant to start at."""
    instants: dict[str, set[float]] = {}
    for phone in story.phones:
        for told in phone.started:
            instants.setdefault(told.take_id, set()).add(told.start_at)
    for take_id, given in instants.items():
        if len(given) > 1:
            yield f"{take_id} was to start at {sorted(given)}"


def what_was_missed_comes_in_order(story: Story) -> Iterator[str]:
    """What a phone missed is told in order, when it is back, and once."""
    for phone in story.phones:
        for before, after in zip(phone.numbers, phone.numbers[1:], strict=False):
            if after <= before:
                yield f"{phone.name} was told number {after} after {before}"


PROMISES: Final[tuple[Callable[[Story], Iterator[str]], ...]] = (
    nothing_told_is_lost,
    nobody_records_untold,
    nothing_happens_twice,
    no_take_ends_by_itself,
    every_tap_is_answered,
    both_start_at_one_instant,
    what_was_missed_comes_in_order,
)
"""All of them; each yields a sentence for every breach."""


def broken(story: Story) -> list[str]:
    """Return every breach of a promise, each in a sentence that names the promise."""
    return [
        f"{(promise.__doc__ or '').strip()} But {breach}."
        for promise in PROMISES
        for breach in promise(story)
    ]
