"""How far one clock is ahead of another, followed through noisy looks at it.

A Kalman filter with two states, the offset and the rate at which it changes, and the
smoother of Rauch, Tung and Striebel (1965), which looks at every instant from both
sides. Written out for two states, as nothing here is worth a matrix.

Times and offsets are ms, rates are ratios (1e-6 is 1 ppm).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log
from typing import Final, NamedTuple

from raydel.core.instants import HOUR, MINUTE

WORST_RATE: Final = 100e-6
"""The most two clocks run apart, as a ratio. Phones show up to 20e-6."""


class State(NamedTuple):
    """What is known at one instant.

    Attributes:
        at: The instant.
        offset: How far the clock is ahead.
        rate: How fast that grows.
        variance: Of the offset, ms².
        covariance: Of offset and rate, ms.
        rate_variance: Of the rate.
    """

    at: float
    offset: float
    rate: float
    variance: float
    covariance: float
    rate_variance: float


class Look(NamedTuple):
    """One noisy look at the offset.

    Attributes:
        at: When it was.
        offset: What it showed.
        variance: How noisy it was, ms².
    """

    at: float
    offset: float
    variance: float


@dataclass(frozen=True, slots=True)
class Wander:
    """How a clock strays from a straight line.

    Attributes:
        offset: Variance that the offset gains in each ms, ms² per ms.
        rate: Variance that the rate gains in each ms, per ms.
    """

    offset: float
    rate: float


def wander(walk: float) -> Wander:
    """Return the wander of a clock that walks so many ms in an hour.

    Its rate changes too, as a phone warms up: 2 ppm in a quarter of an hour.
    """
    return Wander(walk**2 / HOUR, _WARMING**2 / (15 * MINUTE))


_WARMING: Final = 2e-6

PHONE: Final = wander(1.25)
"""The wander of a phone's clock: 1.25 ms in an hour, at random."""


def first(look: Look) -> State:
    """Return what one look tells; the rate may be anything that clocks do."""
    return State(look.at, look.offset, 0.0, look.variance, 0.0, WORST_RATE**2 / 3)


def predict(state: State, at: float, wander: Wander) -> State:
    """Return what is known at another instant, without another look.

    That may also be an earlier one, where the state is of the first look, smoothed.
    """
    span = at - state.at
    gap = abs(span)
    _, offset, rate, variance, covariance, rate_variance = state
    strayed = (wander.offset + wander.rate * gap**2 / 3) * gap
    return State(
        at,
        offset + rate * span,
        rate,
        variance + (2 * covariance + rate_variance * span) * span + strayed,
        covariance + (rate_variance + wander.rate * gap / 2) * span,
        rate_variance + wander.rate * gap,
    )


def surprise(expected: State, look: Look) -> float:
    """Return how far a look is from what was expected, in standard deviations."""
    spread = expected.variance + look.variance
    return float(abs(look.offset - expected.offset) / spread**0.5)


def update(expected: State, look: Look) -> State:
    """Return what is known once a look was added to what was expected for it."""
    at, offset, rate, variance, covariance, rate_variance = expected
    spread = variance + look.variance
    gain, rate_gain = variance / spread, covariance / spread
    news = look.offset - offset
    return State(
        at,
        offset + gain * news,
        rate + rate_gain * news,
        variance - gain * variance,
        covariance - gain * covariance,
        rate_variance - rate_gain * covariance,
    )


class Course(NamedTuple):
    """A clock's course through a row of looks, from one side.

    Attributes:
        states: What was known after each look.
        expected: What was expected before each; of the first, what it told.
        likelihood: Logarithm of how likely the looks were, up to a constant.
        noise: By how much all variances were off, as a factor.
    """

    states: tuple[State, ...]
    expected: tuple[State, ...]
    likelihood: float
    noise: float


FAITH: Final = 10
"""Looks that the stated variances are worth, against what the looks themselves say."""


def follow(looks: Sequence[Look], wander: Wander) -> Course:
    """Follow a clock through looks, in their order, from the first on."""
    states, expected = [first(looks[0])], [first(looks[0])]
    spreads = squares = 0.0
    for look in looks[1:]:
        ahead = predict(states[-1], look.at, wander)
        spread = ahead.variance + look.variance
        spreads += log(spread)
        squares += (look.offset - ahead.offset) ** 2 / spread
        expected.append(ahead)
        states.append(update(ahead, look))
    count = FAITH + len(looks) - 1
    noise = (FAITH + squares) / count
    likelihood = -(spreads + count * log(noise)) / 2
    return Course(tuple(states), tuple(expected), likelihood, noise)


def smooth(course: Course) -> list[State]:
    """Look at each instant of a course from both sides, in their order."""
    smoothed = [course.states[-1]]
    steps = zip(course.states[:-1], course.expected[1:], strict=True)
    for state, expected in reversed(list(steps)):
        smoothed.append(_looked_back_at(state, expected, smoothed[-1]))
    return smoothed[::-1]


def between(state: State, later: State, at: float, wander: Wander) -> State:
    """Return what is known of an instant between two looks, from both sides.

    Args:
        state: What was known after the look before.
        later: What is known of the instant of the look after it, smoothed.
        at: The instant.
        wander: How the clock strayed.
    """
    here = predict(state, at, wander)
    return _looked_back_at(here, predict(here, later.at, wander), later)


def _looked_back_at(state: State, expected: State, later: State) -> State:
    """Add to a state what became known after it.

    Args:
        state: What was known.
        expected: What that let expect for the next look.
        later: What is known, from both sides, of the instant of that look.
    """
    span = expected.at - state.at
    pull, drag = _gains(state, expected, span)
    news = later.offset - expected.offset
    rate_news = later.rate - expected.rate
    known = later.variance - expected.variance
    shared = later.covariance - expected.covariance
    rate_known = later.rate_variance - expected.rate_variance
    a, b = pull[0] * known + pull[1] * shared, pull[0] * shared + pull[1] * rate_known
    c, d = drag[0] * known + drag[1] * shared, drag[0] * shared + drag[1] * rate_known
    return State(
        state.at,
        state.offset + pull[0] * news + pull[1] * rate_news,
        state.rate + drag[0] * news + drag[1] * rate_news,
        state.variance + a * pull[0] + b * pull[1],
        state.covariance + a * drag[0] + b * drag[1],
        state.rate_variance + c * drag[0] + d * drag[1],
    )


def _gains(
    state: State, expected: State, span: float
) -> tuple[tuple[float, float], tuple[float, float]]:
    """By how much news of offset and rate change offset, and rate, before it."""
    determinant = expected.variance * expected.rate_variance - expected.covariance**2
    ahead = state.variance + state.covariance * span
    rate_ahead = state.covariance + state.rate_variance * span

    def solve(offset: float, rate: float) -> tuple[float, float]:
        return (
            (offset * expected.rate_variance - rate * expected.covariance)
            / determinant,
            (rate * expected.variance - offset * expected.covariance) / determinant,
        )

    return solve(ahead, state.covariance), solve(rate_ahead, state.rate_variance)
