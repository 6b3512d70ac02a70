"""A phone's clock, fitted to what was seen of it in a take."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import sqrt
from random import Random

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from raydel.core.clockfit import ClockFit, Fix, fit
from raydel.core.instants import HOUR, SECOND
from raydel.core.take import ClockSample

NOON = 1_768_478_400_000.0
AHEAD = 40_000.25
RATE = 20e-6
BURST = 10 * SECOND

Ahead = Callable[[float], float]
"""How far a clock is ahead, ms, so many ms after noon."""


def still(_since: float) -> float:
    """Be ahead by as much all the time."""
    return AHEAD


def straight(since: float) -> float:
    """Gain 20 ppm."""
    return AHEAD + RATE * since


def set_by(step: float, at: float) -> Ahead:
    """Gain 20 ppm, and be set once."""
    return lambda since: straight(since) + (step if since >= at else 0.0)


def row(
    at: float, offset: float, width: float = 3.0, clock_id: str = "c"
) -> ClockSample:
    """Return what a burst came to, so many ms after noon."""
    return ClockSample("take", "phone", clock_id, NOON + at, offset, width)


def rows(ahead: Ahead, count: int, width: float = 3.0) -> list[ClockSample]:
    """Return bursts that see a clock exactly."""
    return [row(n * BURST, ahead(n * BURST), width) for n in range(count)]


def noisy(
    ahead: Ahead, count: int, random: Random, queue: float = 0.6
) -> list[ClockSample]:
    """Return bursts on ways of 1.5 ms and a queue, ms, each way on its own."""
    looks = []
    for n in range(count):
        there, back = (1.5 + random.expovariate(16 / queue) for _ in range(2))
        offset = ahead(n * BURST) + (there - back) / 2
        looks.append(row(n * BURST, offset, there + back))
    return looks


def drawn(seed: int = 2026) -> Random:
    """Return chance that is the same each time."""
    return Random(seed)  # noqa: S311 - it is to be repeated, not kept secret


def walking(random: Random, count: int) -> Ahead:
    """Return a clock with a rate, that walks 1.25 ms in an hour; straight in bursts."""
    rate = random.uniform(-RATE, RATE)
    offsets = [AHEAD]
    for _ in range(count):
        offsets.append(offsets[-1] + rate * BURST + random.gauss(0, 1.25 / sqrt(360)))

    def ahead(since: float) -> float:
        number = min(max(int(since // BURST), 0), count - 1)
        part = since / BURST - number
        return offsets[number] + part * (offsets[number + 1] - offsets[number])

    return ahead


def fitted(samples: Sequence[ClockSample]) -> ClockFit:
    """Fit what is there."""
    clock = fit(samples)
    assert clock is not None
    return clock


class Straight(SynchronousTestCase):
    """A clock that is left alone."""

    def test_nothing_seen(self) -> None:
        """Without a sample there is no fit."""
        self.assertIsNone(fit([]))

    def test_seen_exactly(self) -> None:
        """A straight clock that is seen exactly is told exactly, wherever one asks."""
        clock = fitted(rows(straight, 60))
        for since in (-BURST, 0.0, 1_234.5, 30 * BURST, 59 * BURST, 65 * BURST):
            fix = clock.at(NOON + since)
            self.assertAlmostEqual(straight(since), fix.offset, places=2)
            self.assertAlmostEqual(20.0, fix.rate, places=0)
            self.assertFalse(fix.marked)

    def test_one_burst(self) -> None:
        """One burst tells the offset; half its width is all that is sure of it."""
        clock = fitted([row(0.0, AHEAD, 3.0)])
        self.assertEqual(Fix(AHEAD, 1.5, 1.5, 0.0, marked=False), clock.at(NOON))
        later = clock.at(NOON + 10 * SECOND)
        self.assertEqual((AHEAD, 2.5), (later.offset, later.bound))

    def test_burst_without_width(self) -> None:
        """Clocks that count coarsely can make a corridor look narrower than nothing."""
        fix = fitted([row(0.0, AHEAD, -0.25)]).at(NOON)
        self.assertEqual((AHEAD, 0.0, 0.0), fix[:3])

    def test_the_order_does_not_matter(self) -> None:
        """Samples that were kept out of order are put in order."""
        samples = noisy(straight, 20, drawn())
        instant = NOON + 55 * SECOND
        self.assertEqual(fitted(samples).at(instant), fitted(samples[::-1]).at(instant))

    def test_uncertainty_grows_outside(self) -> None:
        """The further from all looks, the less is known."""
        clock = fitted(noisy(straight, 20, drawn()))
        for sign, end in ((-1, 0.0), (1, 19 * BURST)):
            fixes = [clock.at(NOON + end + sign * far * SECOND) for far in (0, 60, 600)]
            uncertainties = [fix.uncertainty for fix in fixes]
            bounds = [fix.bound for fix in fixes]
            self.assertEqual(sorted(uncertainties), uncertainties)
            self.assertEqual(sorted(bounds), bounds)


class Noise(SynchronousTestCase):
    """Looks that are not exact."""

    def test_many_looks_are_better_than_one(self) -> None:
        """In a take on good Wi-Fi, a straight clock is told to 0.02 ms."""
        clock = fitted(noisy(straight, 100, drawn()))
        for since in (30 * BURST, 47_000.0, 60 * BURST):
            self.assertLess(abs(clock.at(NOON + since).offset - straight(since)), 0.02)

    def test_a_stalled_link(self) -> None:
        """A burst that was held up is not believed, and no step."""
        samples = noisy(straight, 60, drawn())
        held_up = samples[30]
        samples[30] = row(30 * BURST, held_up.offset + 40.0, held_up.round_trip + 80.0)
        clock = fitted(samples)
        self.assertEqual(1, len(clock.segments))
        fix = clock.at(NOON + 30 * BURST)
        self.assertLess(abs(fix.offset - straight(30 * BURST)), 0.1)

    def test_the_wander_is_found(self) -> None:
        """A clock that wanders leaves more uncertainty than one that does not."""
        random = drawn()
        wanders = fitted(noisy(walking(random, 200), 200, random))
        stays = fitted(noisy(straight, 200, random))
        instant = NOON + 95.5 * BURST
        self.assertGreater(
            wanders.at(instant).uncertainty, 2 * stays.at(instant).uncertainty
        )

    def test_a_corridor_wins(self) -> None:
        """What is told is never outside of what is sure."""
        samples = [row(0.0, 5.0, 0.0), row(BURST, 3.0, 8.0), row(2 * BURST, 5.0, 0.0)]
        for since in range(0, 21_000, 500):
            fix = fitted(samples).at(NOON + since)
            self.assertLessEqual(fix.uncertainty, fix.bound)
            self.assertLessEqual(abs(fix.offset - 5.0), 1.0)

    def test_the_bound_holds(self) -> None:
        """In 200 drawn takes, at any instant, the error is within the bound."""
        for seed in range(200):
            random = drawn(seed)
            count = random.randint(1, 30)
            ahead = walking(random, count)
            clock = fitted(noisy(ahead, count, random, queue=random.uniform(0.1, 40)))
            for _ in range(10):
                since = random.uniform(-BURST, (count + 1) * BURST)
                fix = clock.at(NOON + since)
                self.assertLessEqual(abs(fix.offset - ahead(since)), fix.bound)

    def test_what_is_promised_19_times_of_20(self) -> None:
        """In 100 drawn takes, the uncertainty covers the error as often as it says."""
        covered = 0
        for seed in range(100):
            random = drawn(seed)
            ahead = walking(random, 60)
            clock = fitted(noisy(ahead, 60, random))
            since = random.uniform(0.0, 59 * BURST)
            fix = clock.at(NOON + since)
            covered += abs(fix.offset - ahead(since)) <= fix.uncertainty
        self.assertGreaterEqual(covered, 95)


class Steps(SynchronousTestCase):
    """A clock that is set."""

    SET_AT = 303_333.0
    """Between the 31st burst and the next."""

    def test_each_side_is_told(self) -> None:
        """Before and after, the clock is told as well as if it had not been set."""
        for step in (-HOUR, -5.0, 5.0, 50.0, HOUR):
            ahead = set_by(step, self.SET_AT)
            clock = fitted(noisy(ahead, 60, drawn()))
            self.assertEqual(2, len(clock.segments), step)
            for since in (0.0, 150_000.0, 300_000.0, 310_000.0, 590_000.0):
                fix = clock.at(NOON + since)
                self.assertFalse(fix.marked)
                self.assertLess(abs(fix.offset - ahead(since)), 0.15)

    def test_in_between_is_marked(self) -> None:
        """From the last burst before to the first after, only the bound is sure."""
        for step in (-HOUR, 5.0, HOUR):
            ahead = set_by(step, self.SET_AT)
            clock = fitted(noisy(ahead, 60, drawn()))
            for since in (300_001.0, 303_332.0, 303_334.0, 309_999.0):
                fix = clock.at(NOON + since)
                self.assertTrue(fix.marked)
                self.assertEqual(fix.bound, fix.uncertainty)
                self.assertLessEqual(abs(fix.offset - ahead(since)), fix.bound)

    def test_the_nearer_side(self) -> None:
        """In between, the offset told is that of the nearer burst."""
        clock = fitted(rows(set_by(50.0, self.SET_AT), 60))
        for since, step in ((302_000.0, 0.0), (308_000.0, 50.0)):
            offset = clock.at(NOON + since).offset
            self.assertAlmostEqual(straight(since) + step, offset, places=2)

    def test_less_than_the_ways_are_long(self) -> None:
        """A step that no reading denies is seen by what was before and what after."""
        for step in (-5.0, 5.0):
            ahead = set_by(step, self.SET_AT)
            samples = [
                row(each.at - NOON, each.offset, each.round_trip + 40.0)
                for each in noisy(ahead, 60, drawn())
            ]
            before, after = fitted(samples).segments
            self.assertEqual(300_000.0, before.ends - NOON)
            self.assertEqual(310_000.0, after.begins - NOON)

    def test_next_to_a_stalled_link(self) -> None:
        """A burst that fits both sides is left to neither."""
        for step, wide in ((1.5, 31), (1.5, 30), (50.0, 31), (50.0, 30)):
            samples = noisy(set_by(step, self.SET_AT), 60, drawn())
            samples[wide] = row(wide * BURST, samples[wide].offset, 300.0)
            before, after = fitted(samples).segments
            self.assertEqual((wide - 1) * BURST, before.ends - NOON)
            self.assertEqual((wide + 1) * BURST, after.begins - NOON)

    def test_in_the_middle_of_a_burst(self) -> None:
        """A burst that saw both sides is not believed, however narrow it is."""
        samples = noisy(set_by(5.0, self.SET_AT), 60, drawn())
        samples[31] = row(31 * BURST, samples[31].offset - 2.5, -1.5)
        clock = fitted(samples)
        before, after = clock.segments
        self.assertEqual(300_000.0, before.ends - NOON)
        self.assertEqual(320_000.0, after.begins - NOON)
        self.assertTrue(clock.at(NOON + 31 * BURST).marked)

    def test_just_before_the_end(self) -> None:
        """The last burst alone can tell that the clock was set."""
        clock = fitted(noisy(set_by(HOUR, 59 * BURST), 60, drawn()))
        self.assertEqual(2, len(clock.segments))
        offset = clock.at(NOON + 60 * BURST).offset
        self.assertAlmostEqual(straight(60 * BURST) + HOUR, offset, places=-1)

    def test_set_again_and_again(self) -> None:
        """Each time it is set begins another segment."""

        def ahead(since: float) -> float:
            return straight(since) + 4.0 * (since // (20 * BURST))

        clock = fitted(noisy(ahead, 80, drawn()))
        begins = [(each.begins - NOON) / BURST for each in clock.segments]
        self.assertEqual([0.0, 20.0, 40.0, 60.0], begins)

    def test_a_wandering_clock_is_not_set(self) -> None:
        """In 20 drawn takes, no clock that only wanders is said to have been set."""
        for seed in range(20):
            random = drawn(seed)
            clock = fitted(noisy(walking(random, 100), 100, random))
            self.assertEqual(1, len(clock.segments))


class TwoServerTimes(SynchronousTestCase):
    """The server's machine was started anew in the middle of a take."""

    def setUp(self) -> None:
        """Begin a new server time after 10 bursts, 30 s behind the one before."""
        after = [
            row((n + 7) * BURST, AHEAD + 30 * SECOND, clock_id="d") for n in range(10)
        ]
        self.clock = fitted([*rows(still, 10), *after])

    def test_each_is_told(self) -> None:
        """An instant that both have is told in the one that is asked for."""
        instant = NOON + 8.5 * BURST
        for clock_id, offset in (("c", AHEAD), ("d", AHEAD + 30 * SECOND)):
            fix = self.clock.at(instant, clock_id)
            self.assertAlmostEqual(offset, fix.offset, places=3)
            self.assertFalse(fix.marked)
            instant_again = self.clock.server_time(instant + offset, clock_id)
            assert instant_again is not None
            self.assertAlmostEqual(instant, instant_again, places=2)

    def test_neither_is_asked_for(self) -> None:
        """Without being asked for one, the first is told that has the instant."""
        for bursts, offset in ((8.5, AHEAD), (12.0, AHEAD + 30 * SECOND)):
            fix = self.clock.at(NOON + bursts * BURST)
            self.assertAlmostEqual(offset, fix.offset, places=3)

    def test_an_unknown_one(self) -> None:
        """By a server time that nothing was seen in, nothing can be told."""
        self.assertRaises(LookupError, self.clock.at, NOON, "e")
        self.assertRaises(LookupError, self.clock.server_time, NOON, "e")


class ServerTime(SynchronousTestCase):
    """From the device's time to the server's."""

    def assert_shown(self, clock: ClockFit, since: float, local: float) -> None:
        """Assert when a time was shown, in ms after noon, to 0.1 ms."""
        instant = clock.server_time(local)
        assert instant is not None
        self.assertLess(abs(instant - NOON - since), 0.1)

    def test_there_and_back(self) -> None:
        """What the clock showed at an instant leads back to that instant."""
        clock = fitted(noisy(straight, 30, drawn()))
        for since in (-HOUR, 0.0, 12_345.6, 29 * BURST, HOUR):
            instant = NOON + since
            found = clock.server_time(instant + clock.at(instant).offset)
            assert found is not None
            self.assertAlmostEqual(instant, found, places=2)

    def test_set_back(self) -> None:
        """Of a time shown twice the first is told, or that of the segment asked."""
        ahead = set_by(-100 * SECOND, 303_333.0)
        clock = fitted(rows(ahead, 60))
        self.assert_shown(clock, 250_000.0, NOON + 250_000.0 + straight(250_000.0))
        local = NOON + 350_000.0 + ahead(350_000.0)
        self.assert_shown(clock, 250_002.0, local)
        second = clock.segments[1].server_time(local)
        self.assertLess(abs(second - NOON - 350_000.0), 0.1)
        self.assert_shown(clock, 500_000.0, NOON + 500_000.0 + ahead(500_000.0))

    def test_set_forward(self) -> None:
        """What a clock left out when it was set forward, it never showed."""
        ahead = set_by(100 * SECOND, 303_333.0)
        clock = fitted(rows(ahead, 60))
        left_out = NOON + 350_000.0 + straight(350_000.0)
        self.assertIsNone(clock.server_time(left_out))
        self.assert_shown(clock, 302_000.0, NOON + 302_000.0 + ahead(302_000.0))
        self.assert_shown(clock, 308_000.0, NOON + 308_000.0 + ahead(308_000.0))


offsets = st.floats(-1e9, 1e9)
ways = st.tuples(st.floats(0.0, 500.0), st.floats(0.0, 500.0))
gaps = st.floats(0.0, 1e6)


class Always(SynchronousTestCase):
    """What holds on every way."""

    @given(
        offsets, st.floats(-90e-6, 90e-6), st.lists(st.tuples(gaps, ways), min_size=1)
    )
    def test_the_bound(
        self, offset: float, rate: float, ways: list[tuple[float, tuple[float, float]]]
    ) -> None:
        """However long the ways are, the error is within the bound."""
        since, samples = 0.0, []
        for gap, (there, back) in ways:
            since += gap
            seen = offset + rate * since + (there - back) / 2
            samples.append(row(since, seen, there + back))
        clock = fitted(samples)
        for part in (-0.5, 0.0, 0.3, 1.0, 1.5):
            fix = clock.at(NOON + part * since)
            error = abs(fix.offset - offset - rate * part * since)
            self.assertLessEqual(error, fix.bound + 1e-3)
            self.assertLessEqual(fix.uncertainty, fix.bound)
