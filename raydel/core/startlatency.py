"""How late a phone's first frame is after its camera call, learned from its reports.

Each installation of an app has a latency of its own, from 120 ms before the call to
1.6 s after it, and is off that by 20 to 40 ms from take to take (one standard
deviation). A cold camera, one that has not run of late, takes longer than a warm one.
Of both, the newest observations are kept.

The latency is the mean of what is left once outliers are gone: what is farther from
the median than three robust standard deviations (1.4826 times the median absolute
deviation, Hampel 1974). What keeps a camera from starting only makes it later. So where
two observations are all there is, and they contradict each other, the earlier counts.

All latencies are ms from the call to the first frame, by one clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from statistics import fmean, median, median_low
from typing import Final

from raydel.core.cameras import ANY_CAMERA, Latency
from raydel.core.values import Value

EARLIEST: Final = -500.0
LATEST: Final = 2_000.0
"""What lies outside tells of a clock that was set, or of an app that is wrong: no
camera that was measured took over 1.6 s. A lead has room for that, and for the way."""

KEPT: Final = 16
"""Observations of each kind: the mean of more would be no better than the clocks."""

AGREEING: Final = 3
"""Takes in a row that make a change a lasting one. Of so many, one that is an outlier
is seen for what it is; of fewer, the model tells."""

FAR: Final = 120.0
"""ms from the median within which nothing is an outlier: three times the spread of the
cameras that were measured."""

APART: Final = FAR / 2
"""ms that a change has at least. Three in a row so far to one side are no chance."""

USUAL: Final = 30.0
"""ms, one standard deviation, of the cameras that were measured."""

_ROBUST: Final = 1.4826
"""Times the median absolute deviation is a standard deviation, in normal times."""

_SURE: Final = 2.2
"""Standard deviations that 19 of 20 stay within, where some ten observations tell how
large one is (Student's t)."""


class Camera(Value, frozen=True):
    """What is known of the camera of one installation.

    Attributes:
        installation_id: Its app's own name for the installation.
        model: What the maker calls the phone; None if it does not say.
        warm: The latest observations of starts soon after another take, newest last.
        cold: Those of all other starts.
        updated_at: When the newest was made, server time, ms.
    """

    installation_id: str
    model: str | None = None
    warm: tuple[float, ...] = ()
    cold: tuple[float, ...] = ()
    updated_at: float = 0.0

    def starts(self, *, cold: bool) -> tuple[float, ...]:
        """Return the observations of one kind, newest last."""
        return self.cold if cold else self.warm


class ModelLatency(Value, frozen=True):
    """What is known of the cameras of a model.

    Attributes:
        installations: How many tell of it.
        warm: Their latency soon after another take; None if no such start was seen.
        cold: That of all other starts.
        difference: How much later the cold ones are, on one and the same phone, ms;
            None if none was seen to do both.
    """

    installations: int = 0
    warm: Latency | None = None
    cold: Latency | None = None
    difference: float | None = None

    def starts(self, *, cold: bool) -> Latency | None:
        """Return the latency of one kind."""
        return self.cold if cold else self.warm


NO_MODEL: Final = ModelLatency()
"""Of a model that nobody has seen yet."""


def observed(
    camera: Camera, latency: float, *, cold: bool, model: str | None, now: float
) -> Camera:
    """Return what is known of a camera with one observation more.

    Args:
        camera: What was known; nothing, where it is new.
        latency: From the call to the first frame, ms; ignored where it is nonsense.
        cold: Whether the camera had not run of late.
        model: What the phone says it is. If that is another one, all begins anew.
        now: Server time, ms.
    """
    if not EARLIEST <= latency <= LATEST:
        return camera
    if model != camera.model:
        camera = Camera(camera.installation_id, model)
    starts = _changed((*camera.starts(cold=cold), latency)[-KEPT:])
    return Camera(
        installation_id=camera.installation_id,
        model=model,
        warm=camera.warm if cold else starts,
        cold=starts if cold else camera.cold,
        updated_at=now,
    )


def latency_of(camera: Camera | None, model: ModelLatency, *, cold: bool) -> Latency:
    """Return how late a camera will be.

    Its own starts of that kind tell, and until there are `AGREEING` of them the model's
    count as one more. Where there are none, those of the other kind do, with what cold
    and warm differ by in the model; then the model's alone; and else nothing: the delay
    is 0, and the spread what cameras may be off that.

    Args:
        camera: What is known of it; None if nothing is.
        model: What is known of its model.
        cold: Whether it has not run of late.
    """
    if camera is not None:
        for kind in (cold, not cold):
            starts = camera.starts(cold=kind)
            if starts:
                own = _weighed(_with_model(starts, model.starts(cold=kind)))
                return own if kind is cold else _other(own, model, cold=cold)
    same, other = model.starts(cold=cold), model.starts(cold=not cold)
    if same is not None:
        return same
    return _anything(0.0 if other is None else other.delay)


def model_latency(cameras: Sequence[Camera]) -> ModelLatency:
    """Return what the installations of one model say of it: medians over them."""
    warm: list[Latency] = []
    cold: list[Latency] = []
    differences: list[float] = []
    for camera in cameras:
        if camera.warm:
            warm.append(_weighed(camera.warm))
        if camera.cold:
            cold.append(_weighed(camera.cold))
        if camera.warm and camera.cold:
            differences.append(cold[-1].delay - warm[-1].delay)
    return ModelLatency(
        installations=len(cameras),
        warm=_typical(warm),
        cold=_typical(cold),
        difference=median(differences) if differences else None,
    )


def _changed(starts: tuple[float, ...]) -> tuple[float, ...]:
    """Forget what was before a lasting change: the latest agree, and contradict it."""
    before, latest = starts[:-AGREEING], starts[-AGREEING:]
    if not before or max(latest) - min(latest) > 2 * FAR:
        return starts
    middle, deviation = _middle(before)
    apart = max(APART, 2 * deviation)
    later, earlier = min(latest) - middle, middle - max(latest)
    return latest if max(later, earlier) > apart else starts


def _weighed(starts: Sequence[float]) -> Latency:
    """Return the mean of starts without outliers, and what the next may be off it.

    What is known of cameras in general counts as `AGREEING` observations of the spread.
    """
    middle, deviation = _middle(starts)
    far = max(FAR, 3 * deviation)
    kept = [each for each in starts if abs(each - middle) <= far]
    mean = fmean(kept)
    squares = AGREEING * USUAL**2 + sum((each - mean) ** 2 for each in kept)
    variance = squares / (AGREEING + len(kept) - 1)
    return Latency(mean, _SURE * sqrt(variance * (1 + 1 / len(kept))))


def _middle(starts: Sequence[float]) -> tuple[float, float]:
    """Return the median, of two the earlier, and a robust standard deviation."""
    middle = median_low(starts)
    return middle, _ROBUST * median_low([abs(each - middle) for each in starts])


def _with_model(starts: Sequence[float], model: Latency | None) -> Sequence[float]:
    if model is None or len(starts) >= AGREEING:
        return starts
    return (*starts, model.delay)


def _other(known: Latency, model: ModelLatency, *, cold: bool) -> Latency:
    """Guess one kind of starts from the other."""
    if model.difference is None:
        return _anything(known.delay)
    sign = 1 if cold else -1
    return Latency(known.delay + sign * model.difference, 2 * known.spread)


def _typical(latencies: Sequence[Latency]) -> Latency | None:
    """Return the median of installations, and what another may be off it.

    Where there is but one installation, nobody knows what others differ by.
    """
    if not latencies:
        return None
    delay = median(each.delay for each in latencies)
    farthest = max(abs(each.delay - delay) for each in latencies)
    return Latency(delay, farthest + median(each.spread for each in latencies))


def _anything(delay: float) -> Latency:
    """Return a latency that is no more than a guess: any camera may be the one."""
    least = ANY_CAMERA.delay - ANY_CAMERA.spread
    most = ANY_CAMERA.delay + ANY_CAMERA.spread
    return Latency(delay, max(delay - least, most - delay))
