"""The clocks of a take as others are shown them: fitted to all that was seen of them.

Instants are server time in ms since the Unix epoch, all else is in ms; both have a
fraction, down to whole microseconds.
"""

from __future__ import annotations

from collections.abc import Sequence

from raydel.core.clockfit import ClockFit, Fix, Segment, fit
from raydel.core.instants import fine
from raydel.core.take import ClockSample, Take
from raydel.core.values import Value


class ShownFix(Value, frozen=True, rename="camel"):
    """What is known of a clock at one instant.

    Attributes:
        at: The instant, server time, ms.
        offset: The device's clock less server time, ms.
        uncertainty: What that is wrong by, 19 times of 20, ms.
        bound: What it is wrong by at most, ms.
        drift_ppm: How much the device's clock gains, in millionths.
    """

    at: float
    offset: float
    uncertainty: float
    bound: float
    drift_ppm: float


class ShownEnd(ShownFix, frozen=True, rename="camel"):
    """What is known of a clock at an end of the take.

    Attributes:
        marked: Whether the clock was set about then, or slept: then only the bound is
            to be relied on.
    """

    marked: bool


class ShownSegment(Value, frozen=True, rename="camel"):
    """A stretch of time in which nobody set the clock.

    Attributes:
        clock_id: Names the server time that it is told in.
        points: What is known at each look; between two of them a clock goes straight.
    """

    clock_id: str
    points: tuple[ShownFix, ...]


class ShownClock(Value, frozen=True, rename="camel"):
    """A device's clock through a take.

    Attributes:
        device_id: Whose it is.
        start: At the start; None if the clock was never seen.
        end: At the end; None if there is none yet, or the clock was never seen.
        segments: All the time between.
    """

    device_id: str
    start: ShownEnd | None
    end: ShownEnd | None
    segments: tuple[ShownSegment, ...]


class Clocks(Value, frozen=True, rename="camel"):
    """The clocks of all who took part in a take.

    Attributes:
        take_id: The take.
        clocks: A clock for each participant, in their order.
    """

    take_id: str
    clocks: tuple[ShownClock, ...]


def clocks_of(take: Take, samples: Sequence[ClockSample]) -> Clocks:
    """Fit the clocks of a take: some 30 ms for each phone and ninety minutes.

    Args:
        take: The take.
        samples: Of the clocks of its participants, in the order they were taken.
    """
    return Clocks(
        take.id,
        tuple(_clock(take, p.owner.device_id, samples) for p in take.participants),
    )


def _clock(take: Take, device_id: str, samples: Sequence[ClockSample]) -> ShownClock:
    fitted = fit([each for each in samples if each.device_id == device_id])
    if fitted is None:
        return ShownClock(device_id, None, None, ())
    return ShownClock(
        device_id=device_id,
        start=_end(fitted, take.start_at),
        end=None if take.ended_at is None else _end(fitted, take.ended_at),
        segments=tuple(_segment(each) for each in fitted.segments),
    )


def _end(fitted: ClockFit, at: float) -> ShownEnd:
    fix = fitted.at(at)
    return ShownEnd(marked=fix.marked, **_numbers(at, fix))


def _segment(segment: Segment) -> ShownSegment:
    points = (ShownFix(**_numbers(at, segment.at(at))) for at in segment.looked_at)
    return ShownSegment(segment.clock_id, tuple(points))


def _numbers(at: float, fix: Fix) -> dict[str, float]:
    return {
        "at": fine(at),
        "offset": fine(fix.offset),
        "uncertainty": fine(fix.uncertainty),
        "bound": fine(fix.bound),
        "drift_ppm": fine(fix.rate),
    }
