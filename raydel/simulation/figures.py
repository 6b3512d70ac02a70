"""Many takes, and what to say of them."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from random import Random

from raydel.simulation.methods import Method
from raydel.simulation.networks import Pair
from raydel.simulation.trial import Outcome, play


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
        bounds: Of how many phones that was promised.
        held: For how many of them it was kept.
        broken: The takes in which it was not, counted from 0.
    """

    network: str
    method: str
    p50: float
    p95: float
    max: float
    bound_p50: float | None
    bounds: int
    held: int
    broken: tuple[int, ...]


class Tally:
    """What one method did in all takes."""

    def __init__(self) -> None:
        self._skews = array("d")
        self._promised = array("d")
        self._held = 0
        self._broken: list[int] = []

    def add(self, take: int, outcome: Outcome) -> None:
        """Count a take."""
        self._skews.append(abs(outcome.skew))
        self._promised.extend(bound.promised for bound in outcome.bounds)
        holding = sum(bound.holds for bound in outcome.bounds)
        self._held += holding
        if holding < len(outcome.bounds):
            self._broken.append(take)

    def figures(self, network: str, method: str) -> Figures:
        """Sum it up."""
        skews, promised = sorted(self._skews), sorted(self._promised)
        return Figures(
            network=network,
            method=method,
            p50=quantile(skews, 0.5),
            p95=quantile(skews, 0.95),
            max=skews[-1],
            bound_p50=quantile(promised, 0.5) if promised else None,
            bounds=len(promised),
            held=self._held,
            broken=tuple(self._broken),
        )


def quantile(ordered: Sequence[float], part: float) -> float:
    """Return the least of the values that this part of all of them does not exceed."""
    return ordered[max(ceil(part * len(ordered)) - 1, 0)]


def measure(
    name: str,
    networks: Pair,
    methods: Mapping[str, Method],
    *,
    takes: int,
    seed: int,
    granularity: float,
) -> list[Figures]:
    """Play many takes on a network, each from a seed of its own.

    Returns:
        The figures of each method, in the order given.
    """
    tallies = {method: Tally() for method in methods}
    for take in range(takes):
        outcomes = play(networks, methods, chance(seed, name, take), granularity)
        for method, outcome in outcomes.items():
            tallies[method].add(take, outcome)
    return [tally.figures(name, method) for method, tally in tallies.items()]


def chance(seed: int, network: str, take: int) -> Random:
    """Return where all chance of one take comes from; no method draws from it."""
    return Random(f"{seed} {network} {take}")
