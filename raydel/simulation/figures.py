"""Many takes, and what to say of them."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from random import Random

from raydel.simulation.crew import play_all
from raydel.simulation.methods import Method
from raydel.simulation.networks import Pair
from raydel.simulation.trial import TAP, Outcome, play


@dataclass(frozen=True, slots=True)
class Figures:
    """What a method is worth on a network.

    Attributes:
        network: Its name.
        method: Its name.
        p50: Skew that half of all takes do not exceed, ms.
        p95: Skew that 95 of 100 do not exceed, ms.
        max: The largest, ms.
        bound_p50: Median of what was promised of a phone at most, ms, if it was.
        above_p50: Median of what that is above half of the phone's quickest round
            trip, ms: the best that one answer can promise.
        bounds: Of how many phones that was promised.
        held: For how many of them it was kept.
        broken: The takes in which it was not, counted from 0.
        uncertainty_p50: Median uncertainty of both phones together, ms, if told.
        coverage: In what part of these takes it covered the skew, 0 to 1.
    """

    network: str
    method: str
    p50: float
    p95: float
    max: float
    bound_p50: float | None
    above_p50: float | None
    bounds: int
    held: int
    broken: tuple[int, ...]
    uncertainty_p50: float | None
    coverage: float | None

    @property
    def caution(self) -> float | None:
        """How many times the median skew the median uncertainty is, if both are."""
        if self.uncertainty_p50 is None or not self.p50:
            return None
        return self.uncertainty_p50 / self.p50


class Tally:
    """What one method did in all takes.

    Attributes:
        skews: Of each take, without their signs, ms.
    """

    def __init__(self) -> None:
        self.skews = array("d")
        self._promised = array("d")
        self._above = array("d")
        self._held = 0
        self._broken: list[int] = []
        self._uncertainties = array("d")
        self._covered = 0

    def add(self, take: int, outcome: Outcome) -> None:
        """Count a take."""
        skew = abs(outcome.skew)
        self.skews.append(skew)
        self._promised.extend(bound.promised for bound in outcome.bounds)
        self._above.extend(bound.above for bound in outcome.bounds)
        holding = sum(bound.holds for bound in outcome.bounds)
        self._held += holding
        if holding < len(outcome.bounds):
            self._broken.append(take)
        if outcome.uncertainty is not None:
            self._uncertainties.append(outcome.uncertainty)
            self._covered += skew <= outcome.uncertainty

    def figures(self, network: str, method: str) -> Figures:
        """Sum it up."""
        skews, told = sorted(self.skews), len(self._uncertainties)
        return Figures(
            network=network,
            method=method,
            p50=quantile(skews, 0.5),
            p95=quantile(skews, 0.95),
            max=skews[-1],
            bound_p50=middle(self._promised),
            above_p50=middle(self._above),
            bounds=len(self._promised),
            held=self._held,
            broken=tuple(self._broken),
            uncertainty_p50=middle(self._uncertainties),
            coverage=self._covered / told if told else None,
        )


def quantile(ordered: Sequence[float], part: float) -> float:
    """Return the least of the values that this part of all of them does not exceed."""
    return ordered[max(ceil(part * len(ordered)) - 1, 0)]


def middle(values: Sequence[float]) -> float | None:
    """Return the median of values in any order, or None without any."""
    return quantile(sorted(values), 0.5) if values else None


@dataclass(frozen=True, slots=True)
class Comparison:
    """What methods are compared on.

    Attributes:
        network: The name of the network.
        networks: What the two phones are connected through.
        methods: By their names.
        seed: The same one plays the same takes.
        granularity: Of the phones' clocks, ms.
        after: ms from the second join to the tap.
    """

    network: str
    networks: Pair
    methods: Mapping[str, Method]
    seed: int
    granularity: float = 0.0
    after: float = TAP

    def play(self, take: int) -> dict[str, Outcome]:
        """Play one take, by its number."""
        random = chance(self.seed, self.network, take)
        return play(self.networks, self.methods, random, self.granularity, self.after)


def compare(asked: Comparison, takes: int, jobs: int = 1) -> dict[str, Tally]:
    """Play many takes, each from a seed of its own.

    Returns:
        What each method did, by its name, in the order given.
    """
    tallies = {method: Tally() for method in asked.methods}
    for take, outcomes in enumerate(play_all(asked.play, takes, jobs)):
        for method, outcome in outcomes.items():
            tallies[method].add(take, outcome)
    return tallies


def chance(seed: int, network: str, take: int) -> Random:
    """Return where all chance of one take comes from; no method draws from it."""
    return Random(f"{seed} {network} {take}")
