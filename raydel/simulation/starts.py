"""Many takes through the server's own code, and what to say of them."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from math import hypot

from raydel.simulation.figures import chance, quantile
from raydel.simulation.stage import Lost, Plan, Played, play


@dataclass(frozen=True, slots=True)
class Spread:
    """How far apart two phones were in many takes.

    Attributes:
        p50: What half of all takes do not exceed, ms.
        p95: What 95 of 100 do not exceed, ms.
        max: The most, ms.
    """

    p50: float
    p95: float
    max: float


@dataclass(frozen=True, slots=True)
class StartFigures:
    """How two kinds of phones start together on a network.

    Attributes:
        network: Its name.
        kinds: The names of the host's and of the guest's.
        takes: How many were played to their start.
        commanded: The skew of what the phones were told, by their clocks.
        due: The skew of their camera calls, as they were due.
        called: The same with timers that wait for the next picture, if that was asked.
        bound_p50: Median of what was promised of a phone at most, ms, if it was.
        bounds: Of how many phones that was promised.
        held: For how many of them it was kept.
        broken: The takes in which it was not, counted from 0.
        uncertainty_p50: Median uncertainty of both phones together, ms, if both were
            told theirs.
        uncertainties: In how many takes both were.
        covered: In how many of these it covered the skew.
        error_p50: Median of the skew in these, ms, if there are any.
        late: How many phones were told a time that was over when they heard of it.
        lost: The takes in which a phone never started, counted from 0.
    """

    network: str
    kinds: tuple[str, str]
    takes: int
    commanded: Spread | None
    due: Spread | None
    called: Spread | None
    bound_p50: float | None
    bounds: int
    held: int
    broken: tuple[int, ...]
    uncertainty_p50: float | None
    uncertainties: int
    covered: int
    error_p50: float | None
    late: int
    lost: tuple[int, ...]

    @property
    def coverage(self) -> float | None:
        """In what part of these takes the uncertainty covered the skew, 0 to 1."""
        return self.covered / self.uncertainties if self.uncertainties else None

    @property
    def caution(self) -> float | None:
        """How many times the median error the median uncertainty is, if both are."""
        if self.uncertainty_p50 is None or not self.error_p50:
            return None
        return self.uncertainty_p50 / self.error_p50


class StartTally:
    """What came of many takes of one plan.

    Args:
        network: Its name.
        plan: What is played.
    """

    def __init__(self, network: str, plan: Plan) -> None:
        self._network = network
        self._plan = plan
        self._commanded = array("d")
        self._due = array("d")
        self._called = array("d")
        self._bounds = array("d")
        self._held = 0
        self._broken: list[int] = []
        self._uncertainties = array("d")
        self._errors = array("d")
        self._covered = 0
        self._late = 0
        self._lost: list[int] = []

    def lose(self, take: int) -> None:
        """Count a take in which a phone never started."""
        self._lost.append(take)

    def add(self, take: int, played: Played) -> None:
        """Count a take."""
        self._commanded.append(abs(played.commanded_skew))
        self._due.append(abs(played.due_skew))
        self._called.append(abs(played.called_skew))
        self._late += sum(start.too_late for start in played.starts)
        self._add_bounds(take, played)
        self._add_uncertainty(played)

    def _add_bounds(self, take: int, played: Played) -> None:
        starts = [start for start in played.starts if start.bound is not None]
        self._bounds.extend(start.bound or 0.0 for start in starts)
        holding = sum(start.holds for start in starts)
        self._held += holding
        if holding < len(starts):
            self._broken.append(take)

    def _add_uncertainty(self, played: Played) -> None:
        first, second = (start.uncertainty for start in played.starts)
        if first is not None and second is not None:
            error, uncertainty = abs(played.commanded_skew), hypot(first, second)
            self._errors.append(error)
            self._uncertainties.append(uncertainty)
            self._covered += error <= uncertainty

    def figures(self) -> StartFigures:
        """Sum it up."""
        host, guest = self._plan.kinds
        return StartFigures(
            network=self._network,
            kinds=(host.name, guest.name),
            takes=len(self._commanded),
            commanded=_spread(self._commanded),
            due=_spread(self._due),
            called=_spread(self._called) if self._plan.frames else None,
            bound_p50=_median(self._bounds),
            bounds=len(self._bounds),
            held=self._held,
            broken=tuple(self._broken),
            uncertainty_p50=_median(self._uncertainties),
            uncertainties=len(self._uncertainties),
            covered=self._covered,
            error_p50=_median(self._errors),
            late=self._late,
            lost=tuple(self._lost),
        )


def measure_starts(network: str, plan: Plan, *, takes: int, seed: int) -> StartFigures:
    """Play many takes of a plan, each from a seed of its own.

    Args:
        network: Its name: another one gives other takes.
        plan: What is played. Other kinds of phones meet other delays.
        takes: How many.
        seed: The same one plays the same takes.
    """
    tally = StartTally(network, plan)
    for take in range(takes):
        try:
            tally.add(take, play(plan, chance(seed, network, take)))
        except Lost:
            tally.lose(take)
    return tally.figures()


def _spread(values: Sequence[float]) -> Spread | None:
    if not values:
        return None
    ordered = sorted(values)
    return Spread(quantile(ordered, 0.5), quantile(ordered, 0.95), ordered[-1])


def _median(values: Sequence[float]) -> float | None:
    return quantile(sorted(values), 0.5) if values else None
