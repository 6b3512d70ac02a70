"""A long take of two phones, by arithmetic alone: what is kept of their clocks.

Both are asked as the server asks them: before the take, while it lasts, and once more
as it ends. Of each burst one `ClockSample` is kept, as the server would keep it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from math import floor, inf
from operator import add, sub
from random import Random

from raydel.core import schedule
from raydel.core.config import Config
from raydel.core.corridor import ROUNDING
from raydel.core.kalman import WORST_RATE
from raydel.core.messages import TimeSyncResponse
from raydel.core.take import ClockSample
from raydel.core.timesync import Estimator
from raydel.simulation.cadence import questions, recording
from raydel.simulation.clocks import Clock, Step, any_clock
from raydel.simulation.networks import Network, Pair, Way
from raydel.simulation.trial import EARLIER, NOON, TAP, prospect


@dataclass(frozen=True, slots=True)
class Long:
    """What is to be played.

    Attributes:
        networks: What the two phones are connected through.
        length: ms from the start to the end.
        wander: How both clocks wander, as in `any_clock`.
        granularity: Of the phones' clocks, ms.
        step: ms by which the first phone's clock is set in the middle third; 0 is not.
    """

    networks: Pair
    length: float
    wander: str | None = None
    granularity: float = 0.0
    step: float = 0.0


@dataclass(frozen=True, slots=True)
class Followed:
    """What is known of one phone, and what is true.

    Attributes:
        clock: Its clock.
        samples: What was kept of it, in their order.
    """

    clock: Clock
    samples: Sequence[ClockSample]


@dataclass(frozen=True, slots=True)
class Recorded:
    """A take that was played.

    Attributes:
        start_at: When the phones were to start.
        end_at: When they ended.
        phones: Both.
        step_at: When the first phone's clock was set, if it was.
    """

    start_at: float
    end_at: float
    phones: tuple[Followed, Followed]
    step_at: float | None


@dataclass(frozen=True, slots=True)
class Answers:
    """The answers to a burst of questions, in their order.

    Attributes:
        asked: When each was asked, server time, ms.
        shown: What the phone's clock showed as it answered, at once; ms.
        heard: When the answer was heard, server time, ms.
    """

    asked: Sequence[float]
    shown: Sequence[float]
    heard: Sequence[float]

    def parted(self, at: float) -> Iterator[Answers]:
        """Give those that are heard by an instant, and those that come later."""
        count = bisect_right(self.heard, at)
        for part in (slice(count), slice(count, None)):
            if self.asked[part]:
                yield Answers(self.asked[part], self.shown[part], self.heard[part])


class Line:
    """A phone that is asked in bursts, behind a network.

    Args:
        network: What it is connected through.
        clock: Its clock.
        random: Where its delays are drawn from.
    """

    def __init__(self, network: Network, clock: Clock, random: Random) -> None:
        self.clock = clock
        self._up = Way(network.up.begin(random))
        self._down = Way(network.down.begin(random))

    def ask(
        self, at: float, until: float = inf, spacing: float = schedule.SPACING
    ) -> Answers:
        """Ask it a burst of times; none of them later than an instant."""
        asked = [each for each in questions(at, spacing) if each < until]
        arrived = self._down.arrivals(asked)
        shown = self._shown(arrived)
        return Answers(asked, shown, self._up.arrivals(arrived))

    def _shown(self, arrived: Sequence[float]) -> list[float]:
        """Read the clock. In a burst it goes straight, unless it is set."""
        if self.clock.steps:
            return [self.clock.reading(each) for each in arrived]
        first, last = arrived[0], arrived[-1]
        ahead = self.clock.ahead(first)
        rate = (self.clock.ahead(last) - ahead) / max(last - first, 1.0)
        shown = [each + ahead + rate * (each - first) for each in arrived]
        if coarse := self.clock.granularity:
            return [floor(each / coarse) * coarse for each in shown]
        return shown


def summed_up(answers: Answers, granularity: float) -> ClockSample:
    """Make of a burst what the server does where no clock is set: only quicker."""
    there = [way + granularity for way in map(sub, answers.shown, answers.asked)]
    back = list(map(sub, answers.heard, answers.shown))
    offset = (min(there) - min(back)) / 2
    over = answers.heard[-1]
    most = min(map(add, there, _gained(answers.asked, over))) + ROUNDING
    least = min(map(add, back, _gained(answers.heard, over))) + ROUNDING
    at = answers.asked[-1]
    bound = max(most - offset, least + offset) + WORST_RATE * (over - at)
    return _sample(at, offset, 2 * bound)


def _gained(since: Iterable[float], until: float) -> Iterator[float]:
    """What a clock may have gained by an instant."""
    return (WORST_RATE * (until - each) for each in since)


def weighed(estimator: Estimator, answers: Answers) -> ClockSample:
    """Let the server's own estimator make of a burst what it does."""
    for asked, shown, heard in zip(
        answers.asked, answers.shown, answers.heard, strict=True
    ):
        request_id = estimator.ask("SIMUL8", asked)
        estimator.take(TimeSyncResponse(request_id, asked, shown), heard)
    estimator.settle()
    burst = estimator.bursts[-1]
    return _sample(burst.at, burst.offset, 2 * burst.bound)


def _sample(at: float, offset: float, round_trip: float) -> ClockSample:
    return ClockSample("take", "device", "clock", at, offset, round_trip)


def play(plan: Long, random: Random) -> Recorded:
    """Play one take.

    Args:
        plan: The take.
        random: Where all chance comes from.
    """
    tapped_at = NOON + TAP
    lines = _lines(plan, random)
    waited = [_wait(line) for line in lines]
    prospects = [prospect(_round_trips(answers)) for answers in waited]
    start_at = tapped_at + schedule.lead(prospects, Config.lead)
    end_at = start_at + plan.length
    step_at = None
    if plan.step:
        step_at = start_at + plan.length * random.uniform(1 / 3, 2 / 3)
        lines[0].clock = replace(lines[0].clock, steps=(Step(step_at, plan.step),))
    phones = []
    for line, before, each in zip(lines, waited, prospects, strict=True):
        leaves_by = schedule.latest_departure(start_at, each.early, each.reach)
        first, *others = recording(random, tapped_at, end_at)
        asked = [*before, *line.ask(first, spacing=schedule.HASTE).parted(leaves_by)]
        asked += [line.ask(at, end_at) for at in others]
        asked.append(line.ask(end_at, spacing=schedule.HASTE))
        phones.append(Followed(line.clock, _kept(line.clock, asked)))
    return Recorded(start_at, end_at, (phones[0], phones[1]), step_at)


def _wait(line: Line) -> list[Answers]:
    """Ask a phone at its own join, and at the second; the tap is soon after that."""
    return [line.ask(at) for at in sorted({line.clock.began, NOON})]


def _round_trips(asked: Iterable[Answers]) -> Iterator[float]:
    for answers in asked:
        yield from map(sub, answers.heard, answers.asked)


def _lines(plan: Long, random: Random) -> list[Line]:
    joins = (NOON - random.uniform(*EARLIER), NOON)
    return [
        Line(network, any_clock(random, at, plan.granularity, plan.wander), random)
        for network, at in zip(
            (plan.networks.first, plan.networks.second), joins, strict=True
        )
    ]


def _kept(clock: Clock, asked: Iterable[Answers]) -> list[ClockSample]:
    if clock.steps:
        estimator = Estimator()
        return [weighed(estimator, answers) for answers in asked]
    coarse = clock.granularity
    return [summed_up(answers, coarse) for answers in asked]
