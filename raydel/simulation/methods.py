"""Ways to tell how far a phone's clock is ahead, from the same questions and answers.

A question gives four times (RFC 5905): when it was asked and when the answer was
heard, on the server; when it was received and when answered, on the phone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from operator import attrgetter
from statistics import fmean, median
from typing import Final

from raydel.core.messages import TimeSyncResponse
from raydel.core.schedule import SPACING
from raydel.core.timesync import Estimator

PURE: Final = 2
"""Of so many pairs, one is taken for pure: no other part of them is better here."""


@dataclass(frozen=True, slots=True)
class Probe:
    """One answered question; a phone of a released app does not tell ``received``.

    Attributes:
        asked: Server time, ms.
        received: The phone's time, ms, or None.
        answered: The phone's time, ms.
        heard: Server time, ms.
    """

    asked: float
    received: float | None
    answered: float
    heard: float

    @property
    def offset(self) -> float:
        """How far the phone's clock is ahead, were both ways equally long; ms."""
        received = self.answered if self.received is None else self.received
        return ((received - self.asked) + (self.answered - self.heard)) / 2

    @property
    def round_trip(self) -> float:
        """How long it was on its ways, ms."""
        busy = 0.0 if self.received is None else self.answered - self.received
        return self.heard - self.asked - busy

    def stretch(self, following: Probe) -> float:
        """Return by how much the ways there and back changed until another; ms."""
        return abs(following._there - self._there) + abs(following._back - self._back)

    @property
    def _there(self) -> float:
        received = self.answered if self.received is None else self.received
        return received - self.asked

    @property
    def _back(self) -> float:
        return self.heard - self.answered


@dataclass(frozen=True, slots=True)
class Look:
    """All that is known of a phone when its copy of a start has to leave.

    Attributes:
        probes: What was asked, and answered by then, in that order.
        tapped_at: When the start was asked for.
        start_at: When the phones are to start.
    """

    probes: Sequence[Probe]
    tapped_at: float
    start_at: float


@dataclass(frozen=True, slots=True)
class Guess:
    """What a method makes of it.

    Attributes:
        offset: How far the phone's clock is ahead, ms.
        bound: The most that can be wrong by, ms; None if the method cannot tell.
        uncertainty: What it is wrong by, 19 times of 20, if ways there and back are
            equally long; ms, or None if the method cannot tell.
    """

    offset: float
    bound: float | None = None
    uncertainty: float | None = None


Method = Callable[[Look], Guess | None]
"""None: the phone starts when the message is there."""


def on_receipt(_look: Look) -> None:
    """Ask nothing: the phone starts when the message is there."""


def one_ping(look: Look) -> Guess | None:
    """Take one answer as it is: the first since the tap, which no other held up."""
    fresh = (probe for probe in look.probes if probe.heard >= look.tapped_at)
    first = next(fresh, look.probes[-1] if look.probes else None)
    return None if first is None else Guess(first.offset)


def mean_of_5(look: Look) -> Guess | None:
    """Take the mean of the latest five: a delayed answer spoils it."""
    return _of_latest(look, 5, fmean)


def median_of_10(look: Look) -> Guess | None:
    """Take the median of the latest ten: what the Node server does."""
    return _of_latest(look, 10, median)


def smallest_of_8(look: Look) -> Guess | None:
    """Take the quickest of the latest eight (Cristian 1989; RFC 5905 filters eight)."""
    return _quickest(look.probes[-8:])


def smallest_of_32(look: Look) -> Guess | None:
    """Take the quickest of the latest 32: two bursts."""
    return _quickest(look.probes[-32:])


def pure_pairs(look: Look) -> Guess | None:
    """Take the quickest of the pure ones among the latest 32.

    After Huygens (Geng et al. 2018): neighbours in a burst that are as far apart when
    they arrive as when they left have met no queue, or the same one.
    """
    pure = [probe for burst in bursts(look.probes[-32:]) for probe in _pure(burst)]
    return _quickest(pure or look.probes)


def bursts(probes: Sequence[Probe]) -> Iterator[list[Probe]]:
    """Give them burst by burst."""
    burst: list[Probe] = []
    for probe in probes:
        if burst and probe.asked - burst[-1].asked > 2 * SPACING:
            yield burst
            burst = []
        burst.append(probe)
    if burst:
        yield burst


def _pure(burst: Sequence[Probe]) -> Iterator[Probe]:
    pairs = sorted(pairwise(burst), key=lambda pair: pair[0].stretch(pair[1]))
    for pair in pairs[: -(-len(pairs) // PURE)]:
        yield from pair


def _quickest(probes: Sequence[Probe]) -> Guess | None:
    quickest = min(probes, key=attrgetter("round_trip"), default=None)
    return None if quickest is None else Guess(quickest.offset)


def ours(look: Look) -> Guess | None:
    """Do as the server does: `raydel.core.timesync`.

    A burst that is not complete when the copy has to leave counts as far as it is.
    """
    estimator = Estimator()
    for probe in look.probes:
        request_id = estimator.ask("SIMUL8", probe.asked)
        estimator.take(
            TimeSyncResponse(
                request_id=request_id,
                server_timestamp=probe.asked,
                client_timestamp=probe.answered,
                client_receive_timestamp=probe.received,
            ),
            probe.heard,
        )
    estimator.settle()
    known = estimator.estimate()
    if known is None:
        return None
    at = look.start_at
    return Guess(known.offset(at), known.bound(at), known.uncertainty(at))


def _of_latest(
    look: Look, count: int, middle: Callable[[Sequence[float]], float]
) -> Guess | None:
    offsets = [probe.offset for probe in look.probes[-count:]]
    return Guess(middle(offsets)) if offsets else None


METHODS: Final[dict[str, Method]] = {
    "on-receipt": on_receipt,
    "one-ping": one_ping,
    "mean-of-5": mean_of_5,
    "median-of-10": median_of_10,
    "smallest-of-8": smallest_of_8,
    "smallest-of-32": smallest_of_32,
    "pure-pairs": pure_pairs,
    "ours": ours,
}
"""By their names, in the order they are shown."""
