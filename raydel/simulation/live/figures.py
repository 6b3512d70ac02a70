"""What came of all pairs, in figures. All numbers are ms."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Final

import msgspec

from raydel.core.clockfit import ClockFit, fit
from raydel.core.manifest import Manifest, ShownSample
from raydel.core.take import ClockSample
from raydel.simulation.clocks import Clock
from raydel.simulation.figures import quantile
from raydel.simulation.live.notes import Notes, Unfinished
from raydel.simulation.live.truth import Promise, ServerTime, showing

LOOKS: Final = 101
"""Instants of a take at which the alignment is looked at, both ends included."""


def fit_of(samples: Iterable[ShownSample]) -> ClockFit | None:
    """Fit a clock to what REST tells of it; None if that is nothing."""
    return fit(
        [
            ClockSample("", "", each.clock_id, each.at, each.offset, each.round_trip)
            for each in samples
        ]
    )


@dataclass(frozen=True, slots=True)
class Finding:
    """What one pair's take was like.

    Attributes:
        start_skew: How far apart the two starts were, as commanded.
        alignment: By how much the two clocks are misjudged against each other, at the
            worst instant of the take.
        round_trips: Of all looks at the two clocks.
        promises: All that was promised of them, and what was.
    """

    start_skew: float
    alignment: float
    round_trips: tuple[float, ...]
    promises: tuple[Promise, ...]


@dataclass(frozen=True, slots=True)
class Measured:
    """A pair's take, as it was heard and as it is kept.

    Attributes:
        host: What the host heard.
        guest: What the guest heard.
        manifest: What REST tells of the take.
    """

    host: Notes
    guest: Notes
    manifest: Manifest

    def finding(self, server_time: ServerTime) -> Finding:
        """Compare it with the truth, once all is over.

        Raises:
            Unfinished: The server did not know a clock.
        """
        if not isfinite(server_time.ahead.half):
            raise Unfinished("the server told no phone what it made of its answers")
        samples = [self._samples(notes) for notes in (self.host, self.guest)]
        fits = [fit_of(each) for each in samples]
        skew = start_of(self.host) - start_of(self.guest)
        return Finding(
            start_skew=abs(skew),
            alignment=self._alignment(fits, server_time.ahead.middle),
            round_trips=tuple(each.round_trip for some in samples for each in some),
            promises=(*self.host.promises(), *self.guest.promises()),
        )

    def _samples(self, notes: Notes) -> Sequence[ShownSample]:
        for participant in self.manifest.participants:
            if participant.device_id == notes.device_id:
                return participant.clock_samples
        return ()

    def _alignment(self, fits: Sequence[ClockFit | None], ahead: float) -> float:
        host, guest = fits
        if host is None or guest is None:
            raise Unfinished("the take was kept without what a phone's clock said")
        clocks = self.host.clock, self.guest.clock
        begin, end = self.manifest.start_time, self.manifest.ended_at
        if end is None:
            raise Unfinished("the take was kept without its end")
        return max(
            abs(misjudged(clocks, (host, guest), begin + (end - begin) * part, ahead))
            for part in (number / (LOOKS - 1) for number in range(LOOKS))
        )


def start_of(notes: Notes) -> float:
    """Return when a phone's clock shows its start, machine time.

    Raises:
        Unfinished: The phone was told no time of its own.
    """
    if notes.start is None or notes.start.local_start_time is None:
        raise Unfinished("a phone was told no start on its own clock")
    return showing(notes.clock, notes.start.local_start_time)


def misjudged(
    clocks: Sequence[Clock],
    fits: Sequence[ClockFit],
    instant: float,
    ahead: float,
) -> float:
    """Return by how much the first clock is judged too far ahead of the second.

    Args:
        clocks: The two clocks.
        fits: What the server knows of each.
        instant: When, server time.
        ahead: How far server time is ahead of machine time: to a millisecond is enough,
            two clocks run apart by less than 0.1 microseconds in that.
    """
    said = [each.at(instant).offset for each in fits]
    true = [clock.ahead(instant - ahead) for clock in clocks]
    return (said[0] - said[1]) - (true[0] - true[1])


@dataclass(frozen=True, slots=True)
class Row:
    """How some numbers are spread; ``count`` is how many there are."""

    count: int
    p50: float
    p95: float
    p99: float
    max: float


def row(numbers: Iterable[float]) -> Row | None:
    """Say how numbers are spread; None if there are none."""
    ordered = sorted(numbers)
    if not ordered:
        return None
    p50, p95, p99 = (quantile(ordered, part) for part in (0.5, 0.95, 0.99))
    return Row(len(ordered), p50, p95, p99, ordered[-1])


@dataclass(frozen=True, slots=True)
class Bounds:
    """What became of all promises.

    Attributes:
        told: How many there were.
        held: How many held, for certain.
        broken: How many did not, for certain. The rest nobody can tell.
        p50: Their median.
        known_to: By how much server time may be misjudged here.
    """

    told: int
    held: int
    broken: int
    p50: float | None
    known_to: float


def bounds(promises: Sequence[Promise], server_time: ServerTime) -> Bounds:
    """Count promises."""
    middle = row(promise.bound for promise in promises)
    return Bounds(
        told=len(promises),
        held=sum(promise.held for promise in promises),
        broken=sum(promise.broke for promise in promises),
        p50=middle.p50 if middle else None,
        known_to=server_time.ahead.half,
    )


@dataclass(frozen=True, slots=True)
class Report:
    """What came of all pairs.

    Attributes:
        finished: How many pairs did.
        start_skew: As commanded, a number for each pair.
        alignment: At the worst instant, a number for each pair.
        round_trip: Of all looks at all clocks.
        late: How late timers of this program were.
        bounds: What was promised, and what held; None if nothing can be said of it: no
            pair finished, or server time and machine time do not run alike.
        failures: Why the other pairs did not finish, and how many for each reason.
    """

    finished: int
    start_skew: Row | None
    alignment: Row | None
    round_trip: Row | None
    late: Row | None
    bounds: Bounds | None
    failures: dict[str, int]

    @property
    def is_well(self) -> bool:
        """Whether all pairs finished and no bound was broken, as far as can be told."""
        return not self.failures and self.bounds is not None and not self.bounds.broken


def report(
    outcomes: Iterable[Measured | str],
    server_time: ServerTime,
    late: Iterable[float],
) -> Report:
    """Sum up.

    Args:
        outcomes: Of each pair, what was measured, or why it did not finish.
        server_time: What is known of it.
        late: How late timers of this program were, ms.
    """
    judged = [_judge(each, server_time) for each in outcomes]
    findings = [each for each in judged if isinstance(each, Finding)]
    failures = Counter(each for each in judged if isinstance(each, str))
    promises = [promise for each in findings for promise in each.promises]
    is_known = bool(findings) and server_time.is_one
    return Report(
        finished=len(findings),
        start_skew=row(each.start_skew for each in findings),
        alignment=row(each.alignment for each in findings),
        round_trip=row(trip for each in findings for trip in each.round_trips),
        late=row(late),
        bounds=bounds(promises, server_time) if is_known else None,
        failures=dict(failures),
    )


def _judge(outcome: Measured | str, server_time: ServerTime) -> Finding | str:
    if isinstance(outcome, str):
        return outcome
    try:
        return outcome.finding(server_time)
    except Unfinished as why:
        return str(why)


def read_manifest(answer: bytes) -> Manifest:
    """Read what REST tells of a take.

    Raises:
        Unfinished: It tells something else.
    """
    try:
        return msgspec.json.decode(answer, type=Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError) as problem:
        raise Unfinished(f"its REST API tells no such take: {problem}") from None
