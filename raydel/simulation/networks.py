"""How long a message is on its way.

Delays are ms, one way, drawn anew for every message and each direction. A message
never overtakes another on its connection: TCP hands out bytes in the order they were
written, so one that is late holds up those behind it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import isfinite, log
from pathlib import Path
from random import Random
from typing import Final, Protocol

Draw = Callable[[], float]
"""Gives the delay of the next message, ms."""


class Delays(Protocol):
    """The delays of one direction."""

    def begin(self, random: Random) -> Draw:
        """Begin a connection, all of whose chance comes from ``random``."""


@dataclass(frozen=True, slots=True)
class Delay:
    """Delays of a fixed part, a queue, and now and then a stall.

    Attributes:
        fixed: No message is quicker, ms.
        queue: Mean of what is added by an exponential distribution, ms.
        spread: Most of what is added evenly from 0 on, ms.
        stall: Least and most of what is added evenly where the link stalls, ms.
        stalls: In what part of all messages that happens, 0 to 1.
    """

    fixed: float
    queue: float
    spread: float = 0.0
    stall: tuple[float, float] = (0.0, 0.0)
    stalls: float = 0.0

    def begin(self, random: Random) -> Draw:
        """Begin a connection; each message is drawn apart from all others."""
        fixed, queue, chance = self.fixed, self.queue, random.random

        def draw() -> float:
            return fixed - log(1.0 - chance()) * queue

        if self.spread or self.stalls:
            return self._unsteady(draw, chance)
        return draw

    def _unsteady(self, draw: Draw, chance: Draw) -> Draw:
        """Add what is spread evenly, and stalls."""
        spread, stalls = self.spread, self.stalls
        least, most = self.stall
        width = most - least

        def drawn() -> float:
            delay = draw()
            if spread:
                delay += spread * chance()
            if stalls and chance() < stalls:
                delay += least + width * chance()
            return delay

        return drawn

    @property
    def mean(self) -> float:
        """The mean delay, ms."""
        stalled = self.stalls * sum(self.stall) / 2
        return self.fixed + self.queue + self.spread / 2 + stalled


@dataclass(frozen=True, slots=True)
class Trace:
    """Delays that were measured, in their order, over and over.

    Attributes:
        delays: The delays, ms.
    """

    delays: tuple[float, ...]

    def begin(self, random: Random) -> Draw:
        """Begin a connection somewhere in the trace."""
        place = random.randrange(len(self.delays)) - 1

        def draw() -> float:
            nonlocal place
            place = (place + 1) % len(self.delays)
            return self.delays[place]

        return draw


@dataclass(frozen=True, slots=True)
class Network:
    """What one phone is connected through.

    Attributes:
        up: The delays of what the phone sends.
        down: The delays of what it is sent.
    """

    up: Delays
    down: Delays


@dataclass(frozen=True, slots=True)
class Pair:
    """What the two phones of a take are connected through, each on its own."""

    first: Network
    second: Network


class Way:
    """One direction of one connection.

    Args:
        draw: Gives the delay of each message.
    """

    def __init__(self, draw: Draw) -> None:
        self._draw = draw
        self._latest = float("-inf")

    def arrival(self, sent: float) -> float:
        """Return when a message arrives; they have to be sent in their order."""
        self._latest = max(self._latest, sent + self._draw())
        return self._latest

    def arrivals(self, sent: Iterable[float]) -> list[float]:
        """Return when messages arrive: the same, and quicker for many."""
        draw, latest, arrived = self._draw, self._latest, []
        for at in sent:
            here = at + draw()
            if here > latest:  # noqa: PLR1730 - max takes three times as long
                latest = here
            arrived.append(latest)
        self._latest = latest
        return arrived


_GOOD: Final = Delay(1.5, 0.6)
_BUSY: Final = Delay(2.5, 4.0, stall=(10.0, 80.0), stalls=0.15)
_AWAKE: Final = Delay(2.0, 1.0)
_ASLEEP: Final = Delay(2.0, 1.0, stall=(0.0, 102.4), stalls=0.35)
_LTE_UP: Final = Delay(22.0, 6.0, spread=10.0)
_LTE_DOWN: Final = Delay(17.0, 5.0, stall=(20.0, 150.0), stalls=0.08)

GOOD: Final = Network(_GOOD, _GOOD)
BUSY: Final = Network(_BUSY, _BUSY)
POWER_SAVE: Final = Network(_AWAKE, _ASLEEP)
LTE: Final = Network(_LTE_UP, _LTE_DOWN)

NETWORKS: Final = {
    "good": Pair(GOOD, GOOD),
    "busy": Pair(BUSY, BUSY),
    "power-save": Pair(POWER_SAVE, POWER_SAVE),
    "lte": Pair(LTE, LTE),
    "mixed": Pair(GOOD, LTE),
}
"""By their names: Wi-Fi that is good, busy, or has phones that doze; mobile; both."""


def read_trace(path: Path) -> Trace:
    """Read a trace: a delay a line, ms; empty lines, and those with a #, are skipped.

    Raises:
        OSError: The file cannot be read.
        ValueError: There is no delay in it, or something else.
    """
    delays: list[float] = []
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        text = line.strip()
        if text and not text.startswith("#"):
            delays.append(_delay(text, number))
    if not delays:
        raise ValueError("there is no delay in it")
    return Trace(tuple(delays))


def _delay(text: str, line: int) -> float:
    try:
        delay = float(text)
    except ValueError:
        delay = -1.0
    if not isfinite(delay) or delay < 0:
        raise ValueError(f"line {line} is no delay in ms: {text[:40]!r}")
    return delay
