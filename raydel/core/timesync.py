"""A peer's clock, from timestamps.

The server asks, the peer answers, the server does all the arithmetic: with t1
and t4 the server's times of asking and hearing, t2 and t3 the peer's times of
hearing and answering, the peer is ahead by ``((t2 - t1) + (t3 - t4)) / 2``, and
half the round trip bounds the error (Cristian 1989; Mills, RFC 5905). The
sample with the smallest bound wins, never a mean: one quick answer says more
than ten delayed ones.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from math import inf
from typing import Final

from raydel.core.messages import TimeSyncResponse

DRIFT_ALLOWANCE: Final = 100e-6
"""The most two clocks run apart, as a ratio. Phones show up to 20e-6."""

KEPT_SAMPLES: Final = 32
"""Samples kept of a peer: several bursts."""

COARSE: Final = 1.0
"""ms by which a clock that counts whole ones may overstate its own delay."""

MAX_PENDING: Final = 32
"""Questions that may wait for an answer; the oldest is forgotten."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One answered question.

    Attributes:
        offset: Peer's clock less server time, ms.
        round_trip: Time on the way, both ways, ms.
        at: Server time of hearing the answer, ms.
    """

    offset: float
    round_trip: float
    at: float

    def bound(self, now: float) -> float:
        """The most ``offset`` can be wrong by at ``now``, ms."""
        return self.round_trip / 2 + abs(now - self.at) * DRIFT_ALLOWANCE


@dataclass(frozen=True, slots=True)
class Estimate:
    """What is known of a peer's clock.

    Attributes:
        offset: Peer's clock less server time, ms.
        delay: One way, as half the smallest round trip, ms.
        bound: The most ``offset`` can be wrong by, ms.
        granularity: Step of the timestamps the peer sends: 1 ms or 0.
        sample_count: How many answers it rests on.
    """

    offset: float
    delay: float
    bound: float
    granularity: float
    sample_count: int

    def local(self, instant: float) -> float:
        """Translate server time to the peer's time."""
        return instant + self.offset

    def reading(self, instant: float) -> float:
        """Translate server time to what the peer reads off its clock then.

        A clock that counts whole milliseconds shows, on average, half of one
        less than it is; a timer set by it fires that much late.
        """
        return self.local(instant) - self.granularity / 2

    def agrees(self, other: Estimate) -> bool:
        """Whether both can be true of one clock."""
        slack = max(self.granularity, other.granularity)
        return abs(self.offset - other.offset) <= self.bound + other.bound + slack


@dataclass(frozen=True, slots=True)
class Answer:
    """One accepted answer: when it was asked for, and what it says."""

    asked_at: float
    sample: Sample


class Estimator:
    """Asks for a peer's clock and weighs the answers."""

    def __init__(self) -> None:
        self._asked = 0
        self._answered = 0
        self._pending: dict[str, float] = {}
        self._samples: deque[Sample] = deque(maxlen=KEPT_SAMPLES)
        self._whole = True

    @property
    def answered(self) -> int:
        """How many questions the peer has answered."""
        return self._answered

    @property
    def samples(self) -> tuple[Sample, ...]:
        """What the latest answers say, oldest first."""
        return tuple(self._samples)

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
        round_trip = (now - t1) - (t3 - t2)
        if round_trip < -COARSE:
            return None
        round_trip = max(round_trip, 0.0)
        self._whole = self._whole and t2.is_integer() and t3.is_integer()
        self._answered += 1
        sample = Sample(((t2 - t1) + (t3 - now)) / 2, round_trip, now)
        self._samples.append(sample)
        return Answer(t1, sample)

    def estimate(
        self, now: float, *, since: float = -inf, until: float = inf
    ) -> Estimate | None:
        """Return the best estimate, or None without an answer to make it from.

        Args:
            now: Server time.
            since: Use only answers heard at or after this instant.
            until: Use only answers heard before this one.
        """
        samples = [s for s in self._samples if since <= s.at < until]
        if not samples:
            return None
        best = min(samples, key=lambda sample: sample.bound(now))
        granularity = 1.0 if self._whole else 0.0
        return Estimate(
            offset=best.offset + granularity / 2,
            delay=min(sample.round_trip for sample in samples) / 2,
            bound=best.bound(now) + granularity / 2,
            granularity=granularity,
            sample_count=self._answered,
        )

    def fresh(self, since: float) -> int:
        """Return how many answers were heard at or after an instant."""
        return sum(sample.at >= since for sample in self._samples)

    def forget(self, before: float) -> None:
        """Drop the answers heard before an instant: the clock has changed."""
        kept = [sample for sample in self._samples if sample.at >= before]
        self._samples = deque(kept, maxlen=KEPT_SAMPLES)
