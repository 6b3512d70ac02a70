"""A peer's clock, from timestamps, while it is being asked.

The server asks, the peer answers, the server does all the arithmetic. The answers
leave a corridor in which the peer's clock surely is (`raydel.core.corridor`): it gives
the bound. The estimate is better than its bound. Each burst of answers gives a middle
(`raydel.core.burst`), and a Kalman filter follows these, and knows the drift.
"""

from __future__ import annotations

from math import inf, sqrt
from typing import Final

from raydel.core.burst import BURST, Burst, burst_of, looks
from raydel.core.corridor import ROUNDING, Corridor, Reading
from raydel.core.kalman import PHONE, State, first, predict, surprise, update
from raydel.core.messages import TimeSyncResponse
from raydel.core.values import Value

LONGEST_BURST: Final = 2_000.0
"""ms from its first answer to its last; what comes later belongs to the next."""

MAX_PENDING: Final = 4 * BURST
"""Questions that may wait for an answer; the oldest is forgotten."""

KEPT_BURSTS: Final = 12
"""Bursts that are remembered: two minutes at full cadence."""

WHOLE: Final = 1.0
"""ms from one time that a clock shows to the next, if it counts whole ones."""

COVERAGE: Final = 2.0
"""Standard deviations in an uncertainty, for 95 of 100 takes. See docs/timesync.md."""

SET: Final = 8.0
"""Standard deviations by which no burst is off, unless the clock was set."""


class Estimate(Value, frozen=True):
    """What is known of a peer's clock.

    Attributes:
        state: Its offset (peer's clock less server time) and drift, and how sure.
        corridor: Its limits.
        delay: One way, as half the smallest round trip, ms.
        granularity: Step of the timestamps the peer sends, ms: 1 or 0.
        sample_count: How many answers there were.
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

    def shown(self, instant: float) -> float:
        """Translate server time to what the peer's clock shows then.

        A clock that counts whole milliseconds shows, on average, half of one
        less than it is; a timer set by it fires that much late.
        """
        return self.local(instant) - self.granularity / 2


class Answer(Value, frozen=True):
    """One accepted answer.

    Attributes:
        asked_at: When it was asked for, server time, ms.
        heard_at: When it was heard.
        round_trip: Time on the way, both ways, ms.
        burst: The burst that was over with it, if one was.
    """

    asked_at: float
    heard_at: float
    round_trip: float
    burst: Burst | None


class Estimator:
    """Asks for a peer's clock and weighs the answers.

    Attributes:
        answered: How many questions the peer has answered.
        set_at: When an answer last denied all before, as the clock had been set or
            had slept; -inf if none ever did.
    """

    __slots__ = (
        "_answered_up_to",
        "_asked",
        "_bursts",
        "_corridor",
        "_delay",
        "_latest",
        "_pending",
        "_readings",
        "_settled",
        "_state",
        "_whole",
        "answered",
        "set_at",
    )

    def __init__(self) -> None:
        self.answered = 0
        self.set_at = -inf
        self._asked = 0
        self._pending: dict[str, tuple[int, float]] = {}
        self._whole = True
        self._answered_up_to = 0
        self._settled = 0
        self._corridor: Corridor | None = None
        self._latest: Corridor | None = None
        self._delay = inf
        self._readings: list[Reading] = []
        self._bursts: list[Burst] = []
        self._state: State | None = None

    @property
    def bursts(self) -> tuple[Burst, ...]:
        """What the latest bursts came to, oldest first; not the one that goes on."""
        return tuple(self._bursts)

    @property
    def pending(self) -> int:
        """How many questions wait for an answer; some of them perhaps in vain."""
        return len(self._pending)

    def unanswered(self, before: float = inf) -> int:
        """Return how many questions in a row wait for an answer.

        Args:
            before: Only those that were asked before this instant.
        """
        return sum(
            self._answered_up_to < number and asked < before
            for number, asked in self._pending.values()
        )

    def forgive(self) -> None:
        """Hold no question against the peer that was asked so far."""
        self._answered_up_to = self._asked

    def ask(self, prefix: str, now: float) -> str:
        """Open a question and return its id. Ids are never used twice."""
        self._asked += 1
        if len(self._pending) >= MAX_PENDING:
            del self._pending[next(iter(self._pending))]
        request_id = f"{prefix}-{self._asked}"
        self._pending[request_id] = self._asked, now
        return request_id

    def take(self, response: TimeSyncResponse, now: float) -> Answer | None:
        """Weigh an answer; None if nobody asked for it, or asked long ago."""
        number, t1 = self._pending.pop(response.request_id, (0, now))
        if not number:
            return None
        t3 = response.client_timestamp
        received = response.client_receive_timestamp
        t2 = t3 if received is None else received
        whole = self._whole and t2.is_integer() and t3.is_integer()
        reading = Reading(t1, now, t2 - t1 + _granularity(whole=whole), t3 - now)
        limits = reading.limits
        if t3 < t2 or limits.most < limits.least:
            return None
        self._whole = whole
        self.answered += 1
        self._answered_up_to = max(self._answered_up_to, number)
        round_trip = max((now - t1) - (t3 - t2), 0.0)
        self._delay = min(self._delay, round_trip / 2)
        return Answer(t1, now, round_trip, self._weigh(reading, number))

    def settle(self) -> Burst | None:
        """Close the burst that goes on, and return it, if there is one.

        If it shows that the clock was set, no limits count but its own.
        """
        return self._close(self._asked)

    def estimate(self) -> Estimate | None:
        """Return the best estimate, or None without an answer to make it from.

        Each answer narrows the corridor at once. The filter waits for the end of its
        burst, unless that is the first.
        """
        corridor, state = self._corridor, self._state
        if state is None and self._latest is not None:
            state = first(*looks([burst_of(self._readings, self._latest)]))
        if corridor is None or state is None:
            return None
        return Estimate(
            state=state,
            corridor=corridor,
            delay=self._delay,
            granularity=_granularity(whole=self._whole),
            sample_count=self.answered,
        )

    def _weigh(self, reading: Reading, number: int) -> Burst | None:
        """Add what an answer says, or begin anew where it denies all before.

        Args:
            reading: What it says.
            number: Of the question. One of a burst that is over narrows the corridor.

        Returns:
            The burst that was over before it, or is with it.
        """
        over = None
        limits, now = reading.limits, reading.heard_at
        if self._readings and now - self._readings[0].heard_at > LONGEST_BURST:
            over = self._close(number - 1)
        corridor = self._corridor
        narrowed = None if corridor is None else corridor.narrowed(limits)
        if corridor is not None and narrowed is None:
            self._begin_anew(now)
            self._settled = number - 1
        self._corridor = narrowed or limits
        if number <= self._settled:
            return over  # Its burst is over.
        self._latest = (self._latest and self._latest.narrowed(limits)) or limits
        self._readings.append(reading)
        return over if len(self._readings) < BURST else self._close(number)

    def _close(self, last: int) -> Burst | None:
        """Close the burst that goes on.

        Args:
            last: The number of its last question: who answers it late is too late.
        """
        if self._latest is None:
            return None
        self._settled = last
        burst = burst_of(self._readings, self._latest)
        self._readings, self._latest = [], None
        self._bursts.append(burst)
        del self._bursts[:-KEPT_BURSTS]
        count = len(self._bursts)
        self._state = self._follow()
        if len(self._bursts) < count:
            self._corridor = burst.limits
        return burst

    def _begin_anew(self, now: float) -> None:
        """Forget all there was: the clock has been set, or has slept."""
        self.set_at = now
        self._state = None
        self._latest = None
        self._readings.clear()
        self._bursts.clear()

    def _follow(self) -> State:
        """Follow the clock through the bursts, from the last that shows it was set.

        One that is off by more than chance leaves was measured on another way, or on a
        clock that was set by less than the corridor shows: what was before it is
        forgotten.
        """
        first_look, *later = looks(self._bursts)
        state = first(first_look)
        for number, look in enumerate(later, 1):
            expected = predict(state, look.at, PHONE)
            if surprise(expected, look) > SET:
                del self._bursts[:number]
                return self._follow()
            state = update(expected, look)
        return state


def _granularity(*, whole: bool) -> float:
    return WHOLE if whole else 0.0
