"""One take: two phones join, somebody taps start, both start; how far apart?

The first phone joins some seconds before the second, the tap comes 2.5 s after that,
or later. Probes are asked when the server asks them: a burst at its own join, others
from the second join on, one from the tap on. A phone answers at once, and starts
exactly when its clock shows what it was told.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import inf, sqrt
from random import Random
from typing import Final

from raydel.core import schedule
from raydel.core.config import Config
from raydel.core.instants import SECOND
from raydel.core.roundtrip import RoundTrips
from raydel.simulation.cadence import questions, waiting
from raydel.simulation.clocks import Clock, any_clock
from raydel.simulation.methods import Look, Method, Probe
from raydel.simulation.networks import Network, Pair, Way

NOON: Final = 1_768_478_400_000.0
"""When the second phone joins. Times as large as real ones lose as many digits."""

TAP: Final = 2.5 * SECOND
"""ms from the second join to the tap."""

EARLIER: Final = (2 * SECOND, 30 * SECOND)
"""ms by which the first phone joined before, at least and at most."""


@dataclass(frozen=True, slots=True)
class Bound:
    """What a method promised of one phone, and what was.

    Attributes:
        promised: The most it would be wrong by, at the start, ms.
        error: What it was wrong by, ms.
        quickest: The quickest round trip to it by then, ms.
    """

    promised: float
    error: float
    quickest: float = 0.0

    @property
    def holds(self) -> bool:
        """Whether the promise was kept."""
        return abs(self.error) <= self.promised

    @property
    def above(self) -> float:
        """What was promised above half of the quickest round trip, ms."""
        return self.promised - self.quickest / 2


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one method made of one take.

    Attributes:
        skew: ms by which the first phone was to start after the second.
        bounds: Of each phone that a bound was promised for.
        uncertainty: Of both phones together, ms, if the method can tell.
    """

    skew: float
    bounds: tuple[Bound, ...]
    uncertainty: float | None = None


class Phone:
    """A phone with a clock, behind a network.

    Args:
        network: What it is connected through.
        clock: Its clock.
        random: Where its delays are drawn from.
        is_released: Whether it is a released app, which tells one time only.
    """

    def __init__(
        self, network: Network, clock: Clock, random: Random, *, is_released: bool
    ) -> None:
        self.clock = clock
        self.probes: list[Probe] = []
        self._up = Way(network.up.begin(random))
        self._down = Way(network.down.begin(random))
        self._is_released = is_released

    def ask(self, at: float) -> None:
        """Ask it the time."""
        arrived = self._down.arrival(at)
        shown = self.clock.reading(arrived)
        received = None if self._is_released else shown
        self.probes.append(Probe(at, received, shown, self._up.arrival(arrived)))

    def burst(
        self, at: float, until: float = inf, spacing: float = schedule.SPACING
    ) -> None:
        """Ask it a burst of times; none of them later than an instant."""
        for asked_at in questions(at, spacing):
            if asked_at < until:
                self.ask(asked_at)

    def prospect(self, now: float) -> schedule.Prospect:
        """Tell what the lead of a start has to allow for."""
        return prospect(each.round_trip for each in self.probes if each.heard <= now)

    def prepare(self, tapped_at: float, start_at: float, leaves_by: float) -> Look:
        """Be asked again before a start; return what is known when it has to leave."""
        self.burst(tapped_at, leaves_by, schedule.HASTE)
        heard = [probe for probe in self.probes if probe.heard <= leaves_by]
        return Look(heard, tapped_at, start_at)

    def copy_takes(self, sent: float) -> float:
        """Return how long a message to it is on its way, ms."""
        return self._down.arrival(sent) - sent


def play(
    networks: Pair,
    methods: Mapping[str, Method],
    random: Random,
    granularity: float,
    after: float = TAP,
) -> dict[str, Outcome]:
    """Play one take, once, and let every method judge it.

    Args:
        networks: What the two phones are connected through.
        methods: By their names.
        random: Where all chance comes from.
        granularity: Of the phones' clocks, ms. Phones that show whole ones are
            taken for released apps, others for protocol 2.
        after: ms from the second join to the tap.
    """
    tapped_at = NOON + after
    joins = (NOON - random.uniform(*EARLIER), NOON)
    phones = [
        _phone(network, random, joined, tapped_at, granularity)
        for network, joined in zip(
            (networks.first, networks.second), joins, strict=True
        )
    ]
    prospects = [phone.prospect(tapped_at) for phone in phones]
    start_at = tapped_at + schedule.lead(prospects, Config.lead)
    looks = []
    for phone, each in zip(phones, prospects, strict=True):
        leaves_by = schedule.latest_departure(start_at, each.early, each.reach)
        looks.append(phone.prepare(tapped_at, start_at, leaves_by))
    copies = [phone.copy_takes(start_at) for phone in phones]
    truths = [phone.clock.ahead(start_at) for phone in phones]
    return {
        name: _judge(method, looks, truths, copies) for name, method in methods.items()
    }


def _phone(
    network: Network,
    random: Random,
    joined: float,
    tapped_at: float,
    granularity: float,
) -> Phone:
    clock = any_clock(random, joined, granularity)
    phone = Phone(network, clock, random, is_released=granularity > 0)
    if joined < NOON:
        phone.burst(joined)
    for at in waiting(random, NOON, tapped_at):
        phone.burst(at, tapped_at)
    return phone


def prospect(round_trips: Iterable[float]) -> schedule.Prospect:
    """Tell what the lead has to allow for in a phone, by its round trips, ms."""
    trips: RoundTrips[None] = RoundTrips()
    for round_trip in round_trips:
        trips.add(round_trip)
    delay = schedule.UNKNOWN_DELAY if trips.delay is None else trips.delay
    reach = max(delay, trips.reach or delay)
    known = trips.delay is not None
    return schedule.Prospect(0.0, delay, reach, tells_clock=known)


def _judge(
    method: Method, looks: list[Look], truths: list[float], copies: list[float]
) -> Outcome:
    late: list[float] = []
    bounds: list[Bound] = []
    squares: list[float] = []
    for look, truth, copy in zip(looks, truths, copies, strict=True):
        guess = method(look)
        late.append(copy if guess is None else guess.offset - truth)
        if guess is not None and guess.bound is not None:
            quickest = min(probe.round_trip for probe in look.probes)
            bounds.append(Bound(guess.bound, late[-1], quickest))
        if guess is not None and guess.uncertainty is not None:
            squares.append(guess.uncertainty**2)
    return Outcome(late[0] - late[1], tuple(bounds), _both(squares))


def _both(squares: list[float]) -> float | None:
    """Return the uncertainty of two phones together, if both are known."""
    return sqrt(sum(squares)) if len(squares) == 2 else None  # noqa: PLR2004 - a pair
