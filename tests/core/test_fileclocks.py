"""What the clock of a device makes of its file."""

from __future__ import annotations

from itertools import pairwise
from math import pi
from random import Random
from typing import Final

from hypothesis import assume, given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from raydel.core.clockfit import ClockFit, fit
from raydel.core.fileclocks import MOST, TOLERANCE, course
from raydel.core.instants import SECOND
from raydel.core.knots import file_time
from raydel.core.take import ClockSample
from raydel.simulation.clocks import Clock, Step, swing, walk

NOON: Final = 1_768_478_400_000.0
BURST: Final = 10 * SECOND
LOOKS: Final = 60
END: Final = NOON + LOOKS * BURST

BETWEEN: Final = 0.002
"""ms by which a fitted clock leaves a straight line between two looks, at most."""


def seen(clock: Clock, random: Random) -> ClockFit:
    """Fit a clock that was looked at for ten minutes, of which three are lost."""
    samples = []
    for at in (NOON + n * BURST for n in range(LOOKS + 1) if not 20 <= n < 38):
        there, back = (1.5 + random.expovariate(8.0) for _ in range(2))
        offset = clock.ahead(at) + (there - back) / 2
        samples.append(ClockSample("take", "guest", "c", at, offset, there + back))
    fitted = fit(samples)
    assert fitted is not None
    return fitted


def wandering(random: Random, times: float) -> Clock:
    """Draw a clock that wanders so many times as far as phones do."""
    wander = random.choice((swing(random.uniform(0.0, 2 * pi)), walk(random)))
    rate = random.uniform(-20e-6, 20e-6)
    return Clock(NOON, 7_000.125, rate, lambda since: times * wander(since))


SEEDS: Final = st.integers(0, 10**9)


class Courses(SynchronousTestCase):
    """Files that are laid on server time by clocks that were seen."""

    @given(SEEDS, st.floats(0.0, 4.0), st.floats(0.0, 1_600.0))
    def test_tolerance(self, seed: int, times: float, begun: float) -> None:
        """A course keeps to the clock at any instant, where it was not seen, too.

        One that wanders so far that it seems to be set is told of below.
        """
        random = Random(seed)  # noqa: S311 - it is to be repeated
        fitted = seen(wandering(random, times), random)
        start = NOON + begun
        found = course(fitted, start, END)
        assume(not found.set)
        for at in (random.uniform(start, END) for _ in range(50)):
            own = at - start + fitted.at(at).offset - fitted.at(start).offset
            miss = abs(file_time(found.knots, at) - own)
            self.assertLess(miss, TOLERANCE + BETWEEN)

    @given(SEEDS, st.floats(-60_000, 60_000), st.floats(0.0, LOOKS * BURST))
    def test_set(self, seed: int, by: float, since: float) -> None:
        """A file goes on where its clock is set: its quartz paces it, and is not set.

        What it is wrong by is within the bound, at any instant.
        """
        random = Random(seed)  # noqa: S311 - it is to be repeated
        clock = Clock(NOON, 0.25, 15e-6, steps=(Step(NOON + since, by),))
        found = course(seen(clock, random), NOON, END)
        for at in (random.uniform(NOON, END) for _ in range(50)):
            own = (at - NOON) * (1 + 15e-6)
            self.assertLessEqual(abs(file_time(found.knots, at) - own), found.bound)

    @given(
        st.lists(
            st.tuples(st.floats(0, 1e6), st.floats(-1e6, 1e6), st.floats(0, 1e6)),
            min_size=1,
        ),
        st.floats(0, 1e6),
        st.floats(0, 1e6),
    )
    def test_rising(
        self, looks: list[tuple[float, float, float]], begun: float, long: float
    ) -> None:
        """However mad the answers of a phone, the time of its file goes up."""
        fitted = fit(
            [ClockSample("take", "guest", "c", NOON + at, *r) for at, *r in looks]
        )
        assert fitted is not None
        found = course(fitted, NOON + begun, NOON + begun + long)
        self.assertGreaterEqual(len(found.knots), 2)
        for one, other in pairwise(found.knots):
            self.assertLess(one.at, other.at)
            self.assertLess(one.file_time, other.file_time)

    def test_years(self) -> None:
        """A file of 30,000 years, as a mad phone reports one, is no work either."""
        random = Random(2026)  # noqa: S311 - it is to be repeated
        found = course(seen(wandering(random, 1.0), random), NOON, NOON + 1e15)
        self.assertLessEqual(len(found.knots), LOOKS + MOST)
        self.assertGreater(found.bound, 1e15 * 1e-4)
