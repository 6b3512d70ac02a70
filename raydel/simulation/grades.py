"""Long takes, as their alignment is published: what it is worth, and how it is graded.

Both phones report the first and the last frame of their files, by their own clocks.
What is published is one start and one rate for each file. The error is what the two
files' own times, laid on each other by that, are apart.
"""

from __future__ import annotations

from array import array
from collections import Counter
from dataclasses import dataclass, replace
from random import Random
from typing import Final, NamedTuple

from msgspec import structs

from raydel.core.alignment import AlignedFile, Alignment, align
from raydel.core.apps import App
from raydel.core.instants import SECOND
from raydel.core.journal import JournalEntry
from raydel.core.messages import RecordingStarted, RecordingStopped
from raydel.core.take import Owner, Participant, Take
from raydel.simulation.alignments import INSTANTS
from raydel.simulation.clocks import Clock
from raydel.simulation.crew import play_all
from raydel.simulation.figures import chance, middle, quantile
from raydel.simulation.longtakes import Series
from raydel.simulation.recording import Followed, Long, Recorded

GRADES: Final = "ABCD"

CAMERA: Final = (-0.12 * SECOND, 1.6 * SECOND)
"""ms from the start to the first frame: what was measured of phones."""

ENDING: Final = 0.2 * SECOND
"""ms from the stop to the last frame, at most."""


class File(NamedTuple):
    """One phone's file, as it is.

    Attributes:
        clock: The quartz that paces it: the phone's clock, but that nobody sets it.
        begun: When its first frame was, server time, ms.
    """

    clock: Clock
    begun: float

    def time(self, at: float) -> float:
        """Return the file's own time at an instant, ms."""
        return at + self.clock.ahead(at) - self.begun - self.clock.ahead(self.begun)


@dataclass(frozen=True, slots=True)
class Graded:
    """What was published of one take.

    Attributes:
        grade: Its grade.
        is_mixed: Whether it is said to be of mixed networks.
        uncertainty: Of both files together, ms.
        bound: The same.
        errors: At instants drawn from all of it, and at its ends, ms.
    """

    grade: str
    is_mixed: bool
    uncertainty: float
    bound: float
    errors: list[float]


@dataclass(frozen=True, slots=True)
class GradeFigures:
    """What is published of takes on a network.

    Attributes:
        network: Its name.
        grades: Of what part of the takes each grade is, 0 to 1.
        mixed: What part is said to be of mixed networks.
        p50: Error that half of all instants do not exceed, ms.
        p95: Error that 95 of 100 do not exceed, ms.
        max: The largest, ms.
        uncertainty_p50: Median uncertainty, ms.
        coverage: In what part of all looks it covered the error.
        bound_p50: Median bound, ms.
        looks: How many there were.
        held: In how many of them the bound held.
        broken: The takes in which it did not, counted from 0.
    """

    network: str
    grades: dict[str, float]
    mixed: float
    p50: float
    p95: float
    max: float
    uncertainty_p50: float | None
    coverage: float
    bound_p50: float | None
    looks: int
    held: int
    broken: tuple[int, ...]


def graded(plan: Long, random: Random, series: Series) -> Graded:
    """Play one take, publish it, and look at that.

    Args:
        plan: The take.
        random: Where all chance comes from.
        series: What plays it.
    """
    recorded = series.play(plan, random)
    begun = [recorded.start_at + random.uniform(*CAMERA) for _ in recorded.phones]
    ended = [recorded.end_at + random.uniform(0.0, ENDING) for _ in recorded.phones]
    published = _published(recorded, begun, ended)
    first, second = (
        (File(replace(phone.clock, steps=()), at), file)
        for phone, at, file in zip(recorded.phones, begun, published.files, strict=True)
    )
    since, until = max(begun), min(ended)
    inside = [random.uniform(since, until) for _ in range(INSTANTS)]
    if published.uncertainty is None or published.bound is None:
        raise ValueError("a take cannot be placed whose phones said all there is")
    return Graded(
        grade=published.grade,
        is_mixed=any(each.startswith("mixed networks") for each in published.limits),
        uncertainty=published.uncertainty,
        bound=published.bound,
        errors=[
            _wrong(*first, at) - _wrong(*second, at) for at in (since, *inside, until)
        ],
    )


def _wrong(true: File, said: AlignedFile, at: float) -> float:
    """Return what the file's own time at an instant is misjudged by, ms."""
    if said.start is None or said.rate_ppm is None:
        raise ValueError("a file has no place whose phone said all there is")
    return (at - said.start) * (1 + said.rate_ppm / 1e6) - true.time(at)


def _published(recorded: Recorded, begun: list[float], ended: list[float]) -> Alignment:
    names = ("first", "second")
    journal = [
        entry
        for name, phone, since, until in zip(
            names, recorded.phones, begun, ended, strict=True
        )
        for entry in _reports(name, phone, since, until)
    ]
    samples = [
        structs.replace(sample, device_id=name)
        for name, phone in zip(names, recorded.phones, strict=True)
        for sample in phone.samples
    ]
    return align(_take(recorded, names), journal, samples)


def _reports(
    name: str, phone: Followed, begun: float, ended: float
) -> list[JournalEntry]:
    """Report the frames of a file, a second after each."""
    reading = phone.clock.reading
    started = RecordingStarted("take", reading(begun))
    stopped = RecordingStopped("take", reading(ended))
    return [
        JournalEntry("take", name, begun + SECOND, started),
        JournalEntry("take", name, ended + SECOND, stopped),
    ]


def _take(recorded: Recorded, names: tuple[str, str]) -> Take:
    return Take(
        id="take",
        session_id="SIMUL8",
        accepted_at=recorded.start_at - SECOND,
        start_at=recorded.start_at,
        initiator=names[0],
        participants=tuple(
            Participant(Owner(name, name == names[0], name), name, App.PROTOCOL_2)
            for name in names
        ),
        ended_at=recorded.end_at,
    )


class _Player:
    """Plays the takes of a series by their numbers."""

    def __init__(self, series: Series) -> None:
        self._series = series

    def __call__(self, take: int) -> Graded:
        series = self._series
        random = chance(series.seed, series.network, take)
        return graded(series.plan, random, series)


def measure_grades(series: Series, takes: int, jobs: int = 1) -> GradeFigures:
    """Play many takes, each from a seed of its own, and sum up what is published."""
    played = list(play_all(_Player(series), takes, jobs))
    errors = array("d", (abs(e) for each in played for e in each.errors))
    counts = Counter(each.grade for each in played)
    covered = sum(abs(e) <= g.uncertainty for g in played for e in g.errors)
    held = [sum(abs(e) <= each.bound for e in each.errors) for each in played]
    ordered = sorted(errors)
    return GradeFigures(
        network=series.network,
        grades={grade: counts[grade] / takes for grade in GRADES},
        mixed=sum(each.is_mixed for each in played) / takes,
        p50=quantile(ordered, 0.5),
        p95=quantile(ordered, 0.95),
        max=ordered[-1],
        uncertainty_p50=middle([each.uncertainty for each in played]),
        coverage=covered / len(ordered),
        bound_p50=middle([each.bound for each in played]),
        looks=len(ordered),
        held=sum(held),
        broken=tuple(
            take
            for take, (each, count) in enumerate(zip(played, held, strict=True))
            if count < len(each.errors)
        ),
    )
