"""Many long takes, and what to say of them."""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field
from random import Random

from raydel.simulation import recording
from raydel.simulation.alignments import (
    ALIGNMENTS,
    OTHERS,
    OURS,
    Aligned,
    Play,
    Seen,
    align,
    course,
)
from raydel.simulation.crew import play_all
from raydel.simulation.figures import chance, middle, quantile
from raydel.simulation.recording import Long


@dataclass(frozen=True, slots=True)
class Set:
    """What became of clocks that were set.

    Attributes:
        marked_p50: Median of how long a take was marked for it, ms.
        marked_max: The longest, ms.
        unmarked: The takes in which it was not noticed, counted from 0.
        lapsed: The takes in which a bound was wrong near it, outside of what was
            marked.
        elsewhere: In how many other looks a take was marked.
    """

    marked_p50: float
    marked_max: float
    unmarked: tuple[int, ...]
    lapsed: tuple[int, ...]
    elsewhere: int


@dataclass(frozen=True, slots=True)
class LongFigures:
    """What a way of aligning is worth on a network.

    Attributes:
        network: Its name.
        method: Its name.
        p50: Error that half of all instants do not exceed, ms.
        p95: Error that 95 of 100 do not exceed, ms.
        ends_p50: The same of the takes' ends.
        ends_p95: The same.
        max: The largest, ms.
        bound_p50: Median of what was said of a phone at most, ms, if it was.
        bounds: How often that was said, outside of what was marked.
        held: How often it was true.
        broken: The takes in which it was not, counted from 0.
        uncertainty_p50: Median uncertainty of both phones together, ms, if told.
        coverage: In what part of the looks it covered the error, 0 to 1.
        error_p50: Median error in these looks, ms.
        set: What became of clocks that were set, if they were.
    """

    network: str
    method: str
    p50: float
    p95: float
    ends_p50: float
    ends_p95: float
    max: float
    bound_p50: float | None = None
    bounds: int = 0
    held: int = 0
    broken: tuple[int, ...] = ()
    uncertainty_p50: float | None = None
    coverage: float | None = None
    error_p50: float | None = None
    set: Set | None = None

    @property
    def caution(self) -> float | None:
        """How many times the median error the median uncertainty is, if both are."""
        if self.uncertainty_p50 is None or not self.error_p50:
            return None
        return self.uncertainty_p50 / self.error_p50


@dataclass(slots=True)
class Looks:
    """What the server's own fit said, outside of what it marked."""

    errors: array[float] = field(default_factory=lambda: array("d"))
    uncertainties: array[float] = field(default_factory=lambda: array("d"))
    bounds: array[float] = field(default_factory=lambda: array("d"))
    held: int = 0
    covered: int = 0
    broken: list[int] = field(default_factory=list)
    marked: int = 0

    def add(self, take: int, seen: Iterable[Seen]) -> None:
        """Count the looks at a take."""
        sound = True
        for each in seen:
            if each.marked:
                self.marked += 1
                continue
            self.errors.append(abs(each.error))
            self.uncertainties.append(each.uncertainty)
            self.bounds.extend(each.bounds)
            self.held += each.held
            self.covered += abs(each.error) <= each.uncertainty
            sound = sound and each.held == len(each.bounds)
        if not sound:
            self.broken.append(take)


class LongTally:
    """What came of many takes."""

    def __init__(self) -> None:
        self._anywhere = {name: array("d") for name in ALIGNMENTS}
        self._ends = {name: array("d") for name in ALIGNMENTS}
        self._looks = Looks()
        self._marked = array("d")
        self._lapsed = array("d")

    def add(self, take: int, aligned: Aligned) -> None:
        """Count a take."""
        for name in ALIGNMENTS:
            self._anywhere[name].extend(map(abs, aligned.anywhere[name]))
            self._ends[name].extend(map(abs, aligned.ends[name]))
        self._looks.add(take, aligned.seen)
        if aligned.marked is not None and aligned.lapsed is not None:
            self._marked.append(aligned.marked)
            self._lapsed.append(aligned.lapsed)

    def figures(self, network: str) -> list[LongFigures]:
        """Sum it up, a line for each way."""
        others = [LongFigures(network, name, *self._errors(name)) for name in OTHERS]
        return [*others, self._ours(network)]

    def _errors(self, name: str) -> tuple[float, float, float, float, float]:
        anywhere, ends = sorted(self._anywhere[name]), sorted(self._ends[name])
        return (
            quantile(anywhere, 0.5),
            quantile(anywhere, 0.95),
            quantile(ends, 0.5),
            quantile(ends, 0.95),
            max(anywhere[-1], ends[-1]),
        )

    def _ours(self, network: str) -> LongFigures:
        looks = self._looks
        return LongFigures(
            network,
            OURS,
            *self._errors(OURS),
            bound_p50=middle(looks.bounds),
            bounds=len(looks.bounds),
            held=looks.held,
            broken=tuple(looks.broken),
            uncertainty_p50=middle(looks.uncertainties),
            coverage=looks.covered / len(looks.errors) if looks.errors else None,
            error_p50=middle(looks.errors),
            set=self._set(),
        )

    def _set(self) -> Set | None:
        if not self._marked:
            return None
        ordered = sorted(self._marked)
        return Set(
            marked_p50=quantile(ordered, 0.5),
            marked_max=ordered[-1],
            unmarked=_where(not each for each in self._marked),
            lapsed=_where(each > 0 for each in self._lapsed),
            elsewhere=self._looks.marked,
        )


def _where(found: Iterable[bool]) -> tuple[int, ...]:
    return tuple(take for take, it_is in enumerate(found) if it_is)


@dataclass(frozen=True, slots=True)
class Series:
    """Takes that are told apart by their numbers.

    Attributes:
        network: The name of the network.
        plan: What is played.
        seed: The same one plays the same takes.
        play: Plays them.
    """

    network: str
    plan: Long
    seed: int
    play: Play = recording.play

    def align(self, take: int) -> Aligned:
        """Play and align one take, by its number."""
        return align(self.plan, self._chance(take), self.play)

    def course(self, take: int, looks: int) -> list[tuple[float, Seen]]:
        """Play one take, by its number, and look at it in even steps."""
        return course(self.plan, self._chance(take), looks, self.play)

    def _chance(self, take: int) -> Random:
        return chance(self.seed, self.network, take)


def measure_long(series: Series, takes: int, jobs: int = 1) -> list[LongFigures]:
    """Play many takes, each from a seed of its own.

    Returns:
        The figures of each way, ours last.
    """
    tally = LongTally()
    for take, aligned in enumerate(play_all(series.align, takes, jobs)):
        tally.add(take, aligned)
    return tally.figures(series.network)
