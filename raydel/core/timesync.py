"""A peer's clock, from timestamps, while it is being asked.

The server asks, the peer answers, the server does all the arithmetic. Of one question
t1 and t4 are the server's times of asking and hearing, t2 and t3 the peer's times of
hearing and answering. No message arrives before it was sent, so the peer is ahead by
``t2 - t1`` at most and by ``t3 - t4`` at least: half of what lies between is half the
round trip (Cristian 1989; Mills, RFC 5905).

What many answers leave in common is the *corridor*. It bounds the error, whatever the
network does, as long as clocks run apart by no more than 100 ppm.

The *estimate* is better than its bound. Of each burst of answers the quickest message
of either way is taken, which need not belong to one question: the ways are then short
on both sides, and the middle is close (the lower envelope of Moon, Skelly and Towsley,
1999). A Kalman filter follows these middles, and knows the drift. How noisy they are
is told by how far apart the quickest messages lie.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from math import comb, inf, sqrt
from statistics import median_low
from typing import Final, NamedTuple

from raydel.core.kalman import (
    PHONE,
    WORST_RATE,
    Look,
    State,
    first,
    predict,
    surprise,
    update,
)
from raydel.core.messages import TimeSyncResponse

BURST: Final = 16
"""Questions in a burst: 8 pairs."""

LONGEST_BURST: Final = 2_000.0
"""ms from its first answer to its last; what comes later belongs to the next."""

MAX_PENDING: Final = 4 * BURST
"""Questions that may wait for an answer; the oldest is forgotten."""

KEPT_BURSTS: Final = 12
"""Bursts that are remembered: two minutes at full cadence."""

ROUNDING: Final = 0.0005
"""ms that a difference of two epoch times may be off: doubles are 0.00024 apart."""

COARSE: Final = 1.0
"""ms by which a clock that counts whole ones may overstate its own delay."""

ROUNDING: Final = 0.001
"""ms by which instants may be off as they are told: whole microseconds, in doubles."""

FINEST: Final = 0.005
"""ms that no look is better than: timers and rounding are that coarse."""

COVERAGE: Final = 2.0
"""Standard deviations in an uncertainty, for 95 of 100 takes. See docs/timesync.md."""

SET: Final = 8.0
"""Standard deviations by which no look is off, unless the clock was set."""


class Reading(NamedTuple):
    """What one answered question says of the peer's clock.

    Attributes:
        at: When the answer was heard, server time, ms.
        most: The clock is ahead by no more, ms: what the way there leaves.
        least: And by no less: what the way back leaves.
    """

    at: float
    most: float
    least: float

    def limits(self, asked_at: float) -> Corridor:
        """Return what it leaves for sure, at the instant the answer was heard.

        The clock was read before that, but not before it was asked for; it may
        have gained since.
        """
        gained = (self.at - asked_at) * WORST_RATE
        return Corridor(self.at, self.most + gained + ROUNDING, self.least - ROUNDING)


@dataclass(frozen=True, slots=True)
class Corridor:
    """Between what limits a clock surely is.

    Attributes:
        at: When.
        most: It is ahead by no more, ms.
        least: And by no less.
    """

    at: float
    most: float
    least: float

    def at_instant(self, instant: float) -> Corridor:
        """Return it as it is then: clocks run apart."""
        drift = abs(instant - self.at) * WORST_RATE
        return Corridor(instant, self.most + drift, self.least - drift)

    def narrowed(self, other: Reading | Corridor) -> Corridor | None:
        """Return what other limits leave of it; None if those deny it."""
        here = self.at_instant(other.at)
        most, least = min(here.most, other.most), max(here.least, other.least)
        return Corridor(other.at, most, least) if least <= most else None

    def nearest(self, offset: float) -> float:
        """Return what is within it and closest to an offset."""
        return min(max(offset, self.least), self.most)

    def bound(self, offset: float) -> float:
        """Return the most that an offset can be wrong by, ms."""
        return max(self.most - offset, offset - self.least)


@dataclass(frozen=True, slots=True)
class Burst:
    """What a burst of answers comes to.

    Attributes:
        at: When the last of them was heard, server time, ms.
        offset: The middle between the limits, ms.
        width: From one limit to the other, ms: the quickest ways there and back.
        noise: Standard deviation of the offset by its own answers, ms, or None if
            there are too few to tell.
    """

    at: float
    offset: float
    width: float
    noise: float | None


def burst_of(readings: list[Reading]) -> Burst:
    """Sum up a burst."""
    there = sorted(reading.most for reading in readings)
    back = sorted(-reading.least for reading in readings)
    jitters = _jitter(tuple(there)), _jitter(tuple(back))
    noise = None
    if jitters[0] is not None and jitters[1] is not None:
        noise = sqrt(jitters[0] ** 2 + jitters[1] ** 2) / 2
    return Burst(
        at=readings[-1].at,
        offset=there[0] / 2 - back[0] / 2,
        width=there[0] + back[0],
        noise=noise,
    )


ENOUGH: Final = 4
"""Answers from which a burst can tell how noisy it is."""


def _jitter(delays: tuple[float, ...]) -> float | None:
    """How far the least of some delays strays, from the delays themselves; ms.

    It strays about as far as it is from the second: what the two would be apart, on
    average, had an eighth of the delays not been measured.

    Args:
        delays: In their order.
    """
    count = len(delays)
    if count < ENOUGH:
        return None
    gaps = _gap_weights(count, count * 7 // 8)
    return sum(weight * (delays[n + 1] - delays[n]) for n, weight in enumerate(gaps))


@cache
def _gap_weights(count: int, part: int) -> tuple[float, ...]:
    """How often each gap lies between the two least of ``part`` out of ``count``."""
    ways = comb(count, part)
    return tuple(
        (n + 1) * comb(count - 1 - n, part - 1) / ways
        for n in range(min(count - part + 1, count - 1))
    )


@dataclass(frozen=True, slots=True)
class Estimate:
    """What is known of a peer's clock.

    Attributes:
        state: Its offset (peer's clock less server time) and drift, and how sure.
        corridor: Its limits.
        delay: One way, as half the smallest round trip, ms.
        granularity: Step of the timestamps the peer sends: 1 ms or 0.
        sample_count: How many answers it rests on.
    """

    state: State
    corridor: Corridor
    delay: float
    granularity: float
    sample_count: int

    @property
    def drift(self) -> float:
        """How much the peer's clock gains, as a ratio."""
        return self.state.rate

    def offset(self, instant: float) -> float:
        """Return how far the peer is ahead at an instant, ms."""
        ahead = self.state.offset + self.state.rate * (instant - self.state.at)
        return self.corridor.at_instant(instant).nearest(ahead)

    def bound(self, instant: float) -> float:
        """Return the most that the offset of an instant can be wrong by, ms."""
        limits = self.corridor.at_instant(instant)
        return limits.bound(self.offset(instant)) + ROUNDING

    def uncertainty(self, instant: float) -> float:
        """Return what the offset of an instant is wrong by, 19 times of 20, ms.

        Ways that are not equally long are not in it: the bound covers those.
        """
        later = max(instant, self.state.at)
        spread = sqrt(predict(self.state, later, PHONE).variance)
        return min(COVERAGE * spread, self.bound(instant))

    def local(self, instant: float) -> float:
        """Translate server time to the peer's time."""
        return instant + self.offset(instant)

    def reading(self, instant: float) -> float:
        """Translate server time to what the peer reads off its clock then.

        A clock that counts whole milliseconds shows, on average, half of one
        less than it is; a timer set by it fires that much late.
        """
        return self.local(instant) - self.granularity / 2


@dataclass(frozen=True, slots=True)
class Answer:
    """One accepted answer.

    Attributes:
        asked_at: When it was asked for, server time, ms.
        heard_at: When it was heard.
        round_trip: Time on the way, both ways, ms.
        burst: The burst that it was the last of, if it was.
    """

    asked_at: float
    heard_at: float
    round_trip: float
    burst: Burst | None


class Estimator:
    """Asks for a peer's clock and weighs the answers.

    Attributes:
        answered: How many questions the peer has answered.
        set_at: When it was noticed last that the clock had been set; -inf if never.
    """

    def __init__(self) -> None:
        self.answered = 0
        self.set_at = -inf
        self._asked = 0
        self._pending: dict[str, float] = {}
        self._whole = True
        self._corridor: Corridor | None = None
        self._latest: Corridor | None = None
        self._delay = inf
        self._readings: list[Reading] = []
        self._bursts: deque[Burst] = deque(maxlen=KEPT_BURSTS)
        self._state: State | None = None

    @property
    def bursts(self) -> tuple[Burst, ...]:
        """What the latest bursts came to, oldest first; not the one that goes on."""
        return tuple(self._bursts)

    def unanswered(self, before: float = inf) -> int:
        """Return how many questions wait that were asked before an instant."""
        return sum(asked < before for asked in self._pending.values())

    def forget_questions(self) -> None:
        """Wait for no answer to what was asked so far."""
        self._pending.clear()

    def ask(self, prefix: str, now: float) -> str:
        """Open a question and return its id. Ids are never used twice."""
        self._asked += 1
        if len(self._pending) >= MAX_PENDING:
            del self._pending[next(iter(self._pending))]
        request_id = f"{prefix}-{self._asked}"
        self._pending[request_id] = now
        return request_id

    def take(self, response: TimeSyncResponse, now: float) -> Answer | None:
        """Weigh an answer; None if nobody asked for it, or asked long ago."""
        t1 = self._pending.pop(response.request_id, None)
        if t1 is None:
            return None
        t3 = response.client_timestamp
        received = response.client_receive_timestamp
        t2 = t3 if received is None else received
        whole = self._whole and t2.is_integer() and t3.is_integer()
        reading = Reading(now, t2 - t1 + _granularity(whole=whole), t3 - now)
        limits = reading.limits(t1)
        if t3 < t2 or limits.most < limits.least:
            return None
        self._whole = whole
        self.answered += 1
        round_trip = max((now - t1) - (t3 - t2), 0.0)
        self._delay = min(self._delay, round_trip / 2)
        self._weigh(reading, limits)
        burst = self.settle() if len(self._readings) >= BURST else None
        return Answer(t1, now, round_trip, burst)

    def settle(self) -> Burst | None:
        """Close the burst that goes on, and return it, if there is one.

        If it shows that the clock was set, no limits count but its own.
        """
        if not self._readings:
            return None
        burst, latest = burst_of(self._readings), self._latest
        self._readings, self._latest = [], None
        self._bursts.append(burst)
        count = len(self._bursts)
        self._state = self._follow()
        if len(self._bursts) < count:
            self._corridor = latest
        return burst

    def estimate(self) -> Estimate | None:
        """Return the best estimate, or None without an answer to make it from.

        A burst that goes on counts once it is settled, unless it is the first.
        """
        corridor, state = self._corridor, self._state
        if corridor is None:
            return None
        if state is None:
            state = first(*self._looks([burst_of(self._readings)]))
        return Estimate(
            state=state,
            corridor=corridor,
            delay=self._delay,
            granularity=_granularity(whole=self._whole),
            sample_count=self.answered,
        )

    def _weigh(self, reading: Reading, limits: Corridor) -> None:
        """Add what an answer says, or begin anew where it denies all before."""
        if self._readings and reading.at - self._readings[0].at > LONGEST_BURST:
            self.settle()
        corridor = self._corridor
        narrowed = None if corridor is None else corridor.narrowed(limits)
        if corridor is not None and narrowed is None:
            self._begin_anew(reading.at)
        self._corridor = narrowed or limits
        self._latest = (self._latest and self._latest.narrowed(limits)) or limits
        self._readings.append(reading)

    def _begin_anew(self, now: float) -> None:
        """Forget all there was: the clock has been set, or has slept."""
        self.set_at = now
        self._state = None
        self._latest = None
        self._readings.clear()
        self._bursts.clear()

    def _looks(self, bursts: Sequence[Burst]) -> list[Look]:
        """Say how noisy bursts are.

        By what the quickest answers of all of them say, and by how much wider one is
        than the narrowest: somewhere in that is the truth.
        """
        known = [burst.noise for burst in bursts if burst.noise is not None]
        narrowest = min(burst.width for burst in bursts)
        noise = median_low(known) if known else narrowest / 4
        return [
            Look(
                burst.at,
                burst.offset,
                noise**2 + (burst.width - narrowest) ** 2 / 12 + FINEST**2,
            )
            for burst in bursts
        ]

    def _follow(self) -> State:
        """Follow the clock through the bursts.

        What is off by more than chance leaves was measured on another way, or on a
        clock that was set by less than the corridor shows. It counts without what
        was before.
        """
        looks = self._looks(self._bursts)
        state = first(looks[0])
        for number, look in enumerate(looks[1:], 1):
            expected = predict(state, look.at, PHONE)
            if surprise(expected, look) > SET:
                for _ in range(number):
                    self._bursts.popleft()
                return self._follow()
            state = update(expected, look)
        return state


def _granularity(*, whole: bool) -> float:
    return COARSE if whole else 0.0
