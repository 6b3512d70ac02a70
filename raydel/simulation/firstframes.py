"""Takes in a row of two phones whose cameras are late, through the server's own code.

The phones are of two models, and report their first frames. A server that learns how
late they are brings these together; how far apart they are, take by take, is counted.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from random import Random
from statistics import fmean
from typing import Final

from raydel.core.instants import SECOND
from raydel.simulation.figures import chance, quantile
from raydel.simulation.networks import Pair
from raydel.simulation.stage import Lost, Plan, Stage

TAKES: Final = 5
"""In a row, of each pair of phones."""

LENGTH: Final = 5 * SECOND
"""ms from a tap on start to that on stop."""

PAUSE: Final = 5 * SECOND
"""ms from a stop to the next tap: not long enough for a camera to become cold."""

SOON: Final = 50.0
"""ms after a first frame in which the app knows of it, and reports."""


@dataclass(frozen=True, slots=True)
class Model:
    """How late the cameras of a model are.

    Attributes:
        name: What the phone calls itself.
        warm: ms from the call to the first frame, as a rule.
        cold: The same in the first take.
        spread: How much that differs from take to take: one standard deviation, ms.
    """

    name: str
    warm: float
    cold: float
    spread: float = 30.0

    def draw(self, random: Random, *, cold: bool) -> float:
        """Draw how late one start is, ms."""
        return random.gauss(self.cold if cold else self.warm, self.spread)


MODELS: Final = (Model("Slow 1", 500.0, 650.0), Model("Quick 2", 200.0, 200.0))
"""300 ms apart; in their first take 450, as one of them is slow to wake."""


@dataclass(frozen=True, slots=True)
class Apart:
    """How far the first frames of many pairs were apart in one of their takes.

    Attributes:
        take: Which one, counted from 1.
        mean: Of the host's first frame less the guest's, with its sign, ms.
        p95: What 95 of 100 do not exceed, whichever is first, ms.
    """

    take: int
    mean: float
    p95: float


@dataclass(frozen=True, slots=True)
class FrameFigures:
    """How first frames come together on a network.

    Attributes:
        network: Its name.
        pairs: How many played all their takes.
        takes: One for each take of a pair, the first one first.
        lost: The pairs of which a phone never started, counted from 0.
    """

    network: str
    pairs: int
    takes: tuple[Apart, ...]
    lost: tuple[int, ...]


def measure_frames(
    network: str, pair: Pair, *, pairs: int, seed: int, takes: int = TAKES
) -> FrameFigures:
    """Play the takes of many pairs, each with a server that knows neither phone.

    Args:
        network: Its name: another one gives other takes.
        pair: What host and guest are connected through.
        pairs: How many.
        seed: The same one plays the same takes.
        takes: How many each pair plays in a row.
    """
    columns = [array("d") for _ in range(takes)]
    lost: list[int] = []
    for number in range(pairs):
        try:
            found = play(pair, chance(seed, network, number), takes)
        except Lost:
            lost.append(number)
            continue
        for column, apart in zip(columns, found, strict=True):
            column.append(apart)
    counted = [_apart(n, column) for n, column in enumerate(columns, 1) if column]
    return FrameFigures(network, pairs - len(lost), tuple(counted), tuple(lost))


def play(pair: Pair, random: Random, takes: int = TAKES) -> list[float]:
    """Play some takes of two phones in a row.

    Args:
        pair: What host and guest are connected through.
        random: Where all chance comes from.
        takes: How many.

    Returns:
        By how many ms the host's first frame was after the guest's, take by take.

    Raises:
        Lost: A phone never started, or never stopped.
    """
    declares = [
        {"installationId": f"app-{n}", "model": model.name}
        for n, model in enumerate(MODELS)
    ]
    plan = Plan(pair, declares=(declares[0], declares[1]), chance=random.random)
    stage = Stage(plan, random)
    found = []
    for number in range(takes):
        stage.start()
        found.append(_film(stage, random, cold=number == 0))
        stage.stop(LENGTH)
        stage.again(PAUSE)
    return found


def _film(stage: Stage, random: Random, *, cold: bool) -> float:
    """Let both cameras run, and both phones report; return how far they are apart."""
    frames = []
    for phone, model in zip(stage.phones, MODELS, strict=True):
        if phone.called_at is None:
            raise Lost("a phone never started")
        frames.append(phone.called_at + model.draw(random, cold=cold))
    stage.run_until(max(frames) + SOON)
    for phone, frame in zip(stage.phones, frames, strict=True):
        phone.report(frame)
    return frames[0] - frames[1]


def _apart(take: int, values: array[float]) -> Apart:
    return Apart(take, fmean(values), quantile(sorted(map(abs, values)), 0.95))
