"""A peer's clock, from timestamps, while it is being asked."""

from __future__ import annotations

from collections.abc import Callable
from math import floor, inf, isfinite
from random import Random
from statistics import median
from sys import float_info
from typing import Final, NamedTuple

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from raydel.core.burst import BURST, ENOUGH
from raydel.core.kalman import WORST_RATE
from raydel.core.messages import TimeSyncResponse
from raydel.core.timesync import (
    KEPT_BURSTS,
    LONGEST_BURST,
    MAX_PENDING,
    WHOLE,
    Answer,
    Estimate,
    Estimator,
)

NOON: Final = 1_768_478_400_000.0
AHEAD: Final = 40_000.25
STEP: Final = 25.0625
"""ms between questions: each falls a sixteenth later into the peer's millisecond."""

CADENCE: Final = 10_000.0
PPM: Final = 1e-6

Course = Callable[[float], float]
"""How far a clock is ahead at an instant, ms."""


def steady(ahead: float, rate: float = 0.0) -> Course:
    """Return the course of a clock that gains evenly."""
    return lambda instant: ahead + rate * (instant - NOON)


def to_and_fro(ahead: float, rate: float, turn: float) -> Course:
    """Return that of one that gains for a while, loses it, and gains it again."""
    return lambda instant: ahead + rate * abs((instant - NOON) % (2 * turn) - turn)


class Phone:
    """A phone whose clock is ahead, asked by an estimator."""

    def __init__(self, course: Course | float = AHEAD, *, whole: bool = False) -> None:
        self.estimator = Estimator()
        self.course = course if callable(course) else steady(course)
        self.whole = whole

    def clock(self, instant: float) -> float:
        """Return what it shows at an instant of the server."""
        shown = instant + self.course(instant)
        return float(floor(shown)) if self.whole else shown

    def asked(
        self, at: float, there: float, back: float, busy: float | None = None
    ) -> tuple[float, TimeSyncResponse]:
        """Ask it; return its answer and when that is heard. All in ms."""
        request_id = self.estimator.ask("ABC123", at)
        received = at + there
        sent = received + (busy or 0.0)
        response = TimeSyncResponse(
            request_id=request_id,
            server_timestamp=0.0,
            client_timestamp=self.clock(sent),
            client_receive_timestamp=None if busy is None else self.clock(received),
        )
        return sent + back, response

    def answers(
        self,
        there: float,
        back: float,
        *,
        at: float = NOON,
        busy: float | None = None,
    ) -> Answer | None:
        """Ask it, and hear its answer."""
        heard_at, response = self.asked(at, there, back, busy)
        return self.estimator.take(response, heard_at)

    def bursts(
        self,
        count: int = 1,
        *,
        at: float = NOON,
        ways: Callable[[], tuple[float, float]] = lambda: (2.0, 2.0),
    ) -> float:
        """Ask it whole bursts, one each 10 s; return when the last was heard."""
        heard = [
            self.answers(*ways(), at=at + CADENCE * burst + STEP * number)
            for burst in range(count)
            for number in range(BURST)
        ]
        assert heard[-1] is not None
        return heard[-1].heard_at

    @property
    def estimate(self) -> Estimate:
        """What is known of its clock."""
        estimate = self.estimator.estimate()
        assert estimate is not None
        return estimate

    def error(self, instant: float) -> float:
        """Return by how much that is off at an instant, ms."""
        return abs(self.estimate.offset(instant) - self.course(instant))


def jittery(chance: Random, jitter: float = 0.6) -> Callable[[], tuple[float, float]]:
    """Return the ways of a network that keeps each message for a while."""
    return lambda: (
        1.5 + chance.expovariate(1 / jitter),
        1.5 + chance.expovariate(1 / jitter),
    )


class Answers(SynchronousTestCase):
    """One question, one answer."""

    def test_three_timestamps(self) -> None:
        """On an even way the offset is exact, and half the round trip bounds it."""
        phone = Phone()
        answer = phone.answers(10.0, 10.0)
        self.assertEqual(Answer(NOON, NOON + 20.0, 20.0, None), answer)
        estimate = phone.estimate
        self.assertEqual(
            (AHEAD, 10.0, 1),
            (estimate.offset(NOON + 20.0), estimate.delay, estimate.sample_count),
        )
        self.assertApproximates(10.0, estimate.bound(NOON + 20.0), 0.005)

    def test_four_timestamps(self) -> None:
        """The time between hearing and answering is no time on the way."""
        phone = Phone()
        answer = phone.answers(10.0, 10.0, busy=500.0)
        assert answer is not None
        estimate = phone.estimate
        self.assertEqual(20.0, answer.round_trip)
        self.assertEqual((AHEAD, 10.0), (estimate.offset(NOON + 520.0), estimate.delay))
        self.assertApproximates(10.0, estimate.bound(NOON + 520.0), 0.1)

    def test_an_uneven_way(self) -> None:
        """An uneven way misleads by half of what it is uneven, within the bound."""
        phone = Phone()
        phone.answers(14.0, 6.0)
        self.assertEqual(4.0, phone.error(NOON + 20.0))
        self.assertLessEqual(4.0, phone.estimate.bound(NOON + 20.0))

    def test_the_echo_is_not_trusted(self) -> None:
        """A phone cannot make its own way shorter by a false echo."""
        answer = Phone().answers(10.0, 10.0)
        assert answer is not None
        self.assertEqual(20.0, answer.round_trip)

    def test_no_answer_yet(self) -> None:
        """Without an answer there is no estimate, and no burst to settle."""
        estimator = Estimator()
        self.assertIsNone(estimator.estimate())
        self.assertIsNone(estimator.settle())
        self.assertEqual((), estimator.bursts)
        self.assertEqual((0, -inf), (estimator.answered, estimator.set_at))


class Questions(SynchronousTestCase):
    """Which answers are heard at all."""

    def test_nobody_asked(self) -> None:
        """An answer to no question is ignored."""
        estimator = Estimator()
        self.assertIsNone(estimator.take(TimeSyncResponse("A-1", 0.0, 0.0), NOON))
        self.assertIsNone(estimator.estimate())

    def test_answered_twice(self) -> None:
        """A second answer to one question is ignored."""
        estimator = Estimator()
        response = TimeSyncResponse(estimator.ask("A", NOON), 0.0, NOON)
        self.assertIsNotNone(estimator.take(response, NOON + 10))
        self.assertIsNone(estimator.take(response, NOON + 20))
        self.assertEqual(1, estimator.answered)

    def test_forgotten(self) -> None:
        """Questions that nobody answers are forgotten, the oldest first."""
        estimator = Estimator()
        ids = [estimator.ask("A", NOON) for _ in range(MAX_PENDING + 1)]
        self.assertEqual(MAX_PENDING + 1, len(set(ids)))
        self.assertEqual(MAX_PENDING, estimator.unanswered())
        old, young = (TimeSyncResponse(name, 0.0, NOON) for name in ids[:2])
        self.assertIsNone(estimator.take(old, NOON))
        self.assertIsNotNone(estimator.take(young, NOON))

    def test_unanswered(self) -> None:
        """How many questions wait can be told, also of those before an instant."""
        phone = Phone()
        phone.answers(2.0, 2.0)
        phone.asked(NOON + 10, 2.0, 2.0)
        phone.asked(NOON + 20, 2.0, 2.0)
        self.assertEqual(2, phone.estimator.unanswered())
        self.assertEqual(1, phone.estimator.unanswered(before=NOON + 20))

    def test_any_order(self) -> None:
        """Answers may come in another order than their questions."""
        phone = Phone()
        late, soon = phone.asked(NOON, 2.0, 40.0), phone.asked(NOON + 5, 2.0, 2.0)
        for heard_at, response in (soon, late):
            self.assertIsNotNone(phone.estimator.take(response, heard_at))
        self.assertEqual(AHEAD, phone.estimate.offset(NOON + 42.0))


class Impossible(SynchronousTestCase):
    """Answers that no clock gives are ignored, and change nothing."""

    def ignored(self, t2: float, t3: float, *, away: float) -> None:
        """Give such an answer to a phone whose clock counts whole milliseconds."""
        phone = Phone(40_000.0, whole=True)
        phone.answers(10.0, 10.0)
        before = phone.estimate
        request_id = phone.estimator.ask("A", NOON + 25)
        response = TimeSyncResponse(request_id, 0.0, t3, t2)
        self.assertIsNone(phone.estimator.take(response, NOON + 25 + away))
        self.assertEqual(before, phone.estimate)
        self.assertEqual(1, phone.estimator.answered)
        self.assertEqual(-inf, phone.estimator.set_at)

    def test_busier_than_away(self) -> None:
        """A peer cannot have been busy for longer than the answer took."""
        there = NOON + 40_030
        self.ignored(there, there + 12.5, away=10.0)
        self.ignored(there, there + 12.0, away=10.0)

    def test_fractions(self) -> None:
        """With fractions not even a part of a millisecond is excused."""
        phone = Phone()
        self.assertIsNone(phone.answers(5.0, -5.5, busy=0.0))
        self.assertIsNone(phone.estimator.estimate())
        phone.answers(2.0, 2.0)
        self.assertIsNone(phone.answers(2.0, -2.5, at=NOON + STEP))
        self.assertEqual(-inf, phone.estimator.set_at)
        self.assertEqual(1, phone.estimator.answered)

    def test_a_fast_clock(self) -> None:
        """A clock that gains sees more time go by than there was: that is possible."""
        phone = Phone(steady(AHEAD, WORST_RATE))
        answer = phone.answers(0.0, 0.0, busy=20_000.0)
        assert answer is not None
        self.assertEqual(0.0, answer.round_trip)

    def test_answered_before_heard(self) -> None:
        """A peer cannot answer what it has not heard."""
        self.ignored(NOON + 40_030, NOON + 40_029, away=10.0)
        self.ignored(NOON + 40_030, NOON + 40_029.5, away=10.0)

    def test_whole_milliseconds(self) -> None:
        """Between two whole milliseconds may lie less than one: that is possible."""
        phone = Phone(0.75, whole=True)
        answer = phone.answers(0.125, 0.125, busy=0.25)
        assert answer is not None
        self.assertEqual(0.0, answer.round_trip)
        self.assertLessEqual(
            phone.error(answer.heard_at), phone.estimate.bound(answer.heard_at)
        )


class Bursts(SynchronousTestCase):
    """Answers count in bursts."""

    def test_the_last_answer_closes_it(self) -> None:
        """The sixteenth answer tells what the burst came to."""
        phone = Phone()
        answers = [phone.answers(2.0, 2.0, at=NOON + STEP * n) for n in range(BURST)]
        told = [answer.burst for answer in answers if answer is not None]
        self.assertEqual([None] * (BURST - 1), told[:-1])
        self.assertEqual(phone.estimator.bursts, (told[-1],))
        assert told[-1] is not None
        self.assertEqual((AHEAD, 4.0), (told[-1].offset, told[-1].width))

    def test_the_quickest_of_either_way(self) -> None:
        """The quickest ways there and back may belong to two questions."""
        phone = Phone()
        phone.answers(2.0, 90.0)
        phone.answers(90.0, 2.0, at=NOON + 200.0)
        burst = phone.estimator.settle()
        assert burst is not None
        self.assertEqual(
            (NOON + 200.0, AHEAD, 4.0, None),
            (burst.at, burst.offset, burst.width, burst.noise),
        )

    def test_a_pause_closes_it(self) -> None:
        """What comes more than 2 s after a burst's first answer begins another."""
        phone = Phone()
        phone.answers(2.0, 2.0)
        phone.answers(2.0, 2.0, at=NOON + LONGEST_BURST)
        self.assertEqual((), phone.estimator.bursts)
        phone.answers(2.0, 2.0, at=NOON + LONGEST_BURST + 1)
        self.assertEqual(
            [NOON + LONGEST_BURST], [burst.at for burst in phone.estimator.bursts]
        )

    def test_late(self) -> None:
        """Of a burst that was settled, late answers narrow the bound and no more."""
        phone = Phone()
        phone.answers(20.0, 20.0)
        late = phone.asked(NOON + STEP, 1.0, 5.0)
        phone.estimator.settle()
        before = phone.estimate.bound(late[0])
        self.assertIsNotNone(phone.estimator.take(late[1], late[0]))
        self.assertLess(phone.estimate.bound(late[0]), before)
        self.assertIsNone(phone.estimator.settle())

    def test_after_an_incomplete_one(self) -> None:
        """A burst is whole though one before was not, and all are on their way."""
        phone = Phone()
        phone.answers(2.0, 2.0)
        later = NOON + CADENCE
        asked = [phone.asked(later + n, 60.0, 60.0) for n in range(BURST)]
        told = [phone.estimator.take(answer, at) for at, answer in asked]
        self.assertEqual(2, len(phone.estimator.bursts))
        assert told[0] is not None
        self.assertIsNotNone(told[0].burst)
        self.assertIsNotNone(told[-1] and told[-1].burst)

    def test_settled(self) -> None:
        """One that was left incomplete counts once it is settled."""
        phone = Phone()
        phone.bursts(ways=lambda: (2.0, 4.0))
        heard = NOON + CADENCE + 4.0
        phone.answers(2.0, 2.0, at=NOON + CADENCE)
        before = phone.error(heard)
        burst = phone.estimator.settle()
        assert burst is not None
        self.assertEqual(phone.estimator.bursts[-1], burst)
        self.assertLess(phone.error(heard), before)
        self.assertIsNone(phone.estimator.settle())

    def test_few_answers(self) -> None:
        """One, two or three answers make an estimate too, and a burst of them."""
        for count in range(1, ENOUGH):
            phone = Phone()
            for number in range(count):
                phone.answers(2.0, 6.0, at=NOON + STEP * number)
            going_on = phone.estimate
            burst = phone.estimator.settle()
            assert burst is not None
            self.assertIsNone(burst.noise)
            self.assertEqual(going_on, phone.estimate)
            uncertainty = phone.estimate.uncertainty(burst.at)
            self.assertLess(0.0, uncertainty)
            self.assertLessEqual(uncertainty, phone.estimate.bound(burst.at))

    def test_kept(self) -> None:
        """The latest bursts are kept, oldest first, and no more."""
        phone = Phone()
        phone.bursts(KEPT_BURSTS + 3)
        kept = [burst.at for burst in phone.estimator.bursts]
        self.assertEqual(KEPT_BURSTS, len(kept))
        self.assertEqual(sorted(kept), kept)
        self.assertEqual(BURST * (KEPT_BURSTS + 3), phone.estimator.answered)


class WholeMilliseconds(SynchronousTestCase):
    """Released apps count whole milliseconds."""

    def test_half_of_one_is_accounted_for(self) -> None:
        """A clock that shows whole ms is, on average, half of one further."""
        phone = Phone(40_000.0, whole=True)
        phone.answers(10.0, 10.0)
        estimate, now = phone.estimate, NOON + 20.0
        self.assertEqual(
            (WHOLE, 40_000.5), (estimate.granularity, estimate.offset(now))
        )
        self.assertApproximates(10.5, estimate.bound(now), 0.005)
        self.assertEqual(now + 40_000.5, estimate.local(now))
        self.assertEqual(now + 40_000.0, estimate.shown(now))

    def test_one_fraction_tells(self) -> None:
        """A clock that showed a fraction once counts finer than whole ms."""
        phone = Phone(40_000.0)
        phone.answers(10.0, 10.0)
        self.assertEqual(WHOLE, phone.estimate.granularity)
        phone.answers(10.25, 10.0, at=NOON + STEP)
        estimate, now = phone.estimate, NOON + 100.0
        self.assertEqual(0.0, estimate.granularity)
        self.assertEqual(estimate.local(now), estimate.shown(now))

    def test_dither(self) -> None:
        """Questions spread over the millisecond recover its sixteenths."""
        for sixteenths in range(17):
            phone = Phone(40_000.0 + sixteenths / 16 + 0.03, whole=True)
            now = phone.bursts()
            self.assertLess(phone.error(now), 1 / 16)
            self.assertLess(phone.estimate.bound(now), 4.0 / 2 + 0.1)
            self.assertLessEqual(phone.error(now), phone.estimate.bound(now))


class Corridors(SynchronousTestCase):
    """The bound holds, whatever the network does."""

    def test_the_way_back_takes_time(self) -> None:
        """A clock gains while its answer is on the way: the bound has room for that."""
        for rate in (-WORST_RATE, WORST_RATE):
            phone = Phone(steady(AHEAD, rate))
            phone.answers(0.0, 5_000.0)
            phone.answers(5_000.0, 0.0, at=NOON + 5_000.0)
            now = NOON + 10_000.0
            self.assertEqual(-inf, phone.estimator.set_at)
            self.assertLessEqual(phone.error(now), phone.estimate.bound(now) + 1e-6)

    def test_rounding(self) -> None:
        """What doubles leave out of a time since the epoch is in the bound."""
        phone = Phone(0.1)
        for number in range(50):
            phone.answers(0.0, 0.0, at=NOON + number * 0.07)
        self.assertEqual(-inf, phone.estimator.set_at)
        now = NOON + 50 * 0.07
        self.assertLessEqual(phone.error(now), phone.estimate.bound(now))

    def test_the_bound_is_as_wide_as_needed(self) -> None:
        """On an even way the bound stays at half the smallest round trip."""
        phone = Phone()
        now = phone.bursts(30)
        self.assertApproximates(2.0, phone.estimate.bound(now), 0.01)


class Question(NamedTuple):
    """One question of a play; all in ms.

    Attributes:
        after: How long after the one before it is asked.
        there: How long it is on its way.
        busy: How long the peer takes; None if it does not tell.
        back: How long its answer is on its way.
    """

    after: float
    there: float
    busy: float | None
    back: float


delays = st.one_of(st.just(0.0), st.floats(0.0, 10.0), st.floats(0.0, 20_000.0))
questions = st.builds(
    Question, st.one_of(st.just(STEP), delays), delays, st.none() | delays, delays
)
plays = st.lists(questions, min_size=1, max_size=40)
rates = st.sampled_from([-WORST_RATE, 0.0, WORST_RATE]) | st.floats(
    -WORST_RATE, WORST_RATE
)
offsets = st.floats(-1e9, 1e9)


def played(phone: Phone, play: list[Question]) -> float:
    """Ask a phone all questions of a play; return when the last answer was heard."""
    at, heard = NOON, []
    for question in play:
        at += question.after
        heard.append(phone.asked(at, question.there, question.back, question.busy))
    for heard_at, response in sorted(heard, key=lambda answer: answer[0]):
        assert phone.estimator.take(response, heard_at) is not None
    return max(heard_at for heard_at, _ in heard)


def widest(play: list[Question]) -> float:
    """Return the most that a play leaves open, ms."""
    return 1.0 + max(q.there + q.back + (q.busy or 0.0) for q in play)


class Always(SynchronousTestCase):
    """What holds on every way, for every clock."""

    @given(offsets, rates, st.floats(10.0, 1e5), st.booleans(), plays, delays)
    def test_the_bound_holds(
        self,
        ahead: float,
        rate: float,
        turn: float,
        whole: bool,
        play: list[Question],
        later: float,
    ) -> None:
        """A clock within 100 ppm is never further off than the bound, nor doubted."""
        phone = Phone(to_and_fro(ahead, rate, turn), whole=whole)
        now = played(phone, play)
        for instant in (now, now + later, now + 3_600_000.0):
            bound = phone.estimate.bound(instant)
            self.assertLessEqual(phone.error(instant), bound + 1e-6)
            self.assertLessEqual(phone.estimate.uncertainty(instant), bound)
        self.assertEqual(-inf, phone.estimator.set_at)
        self.assertEqual(len(play), phone.estimator.answered)

    @given(offsets, offsets, plays, plays)
    def test_a_clock_that_was_set(
        self, ahead: float, other: float, before: list[Question], after: list[Question]
    ) -> None:
        """Once it was noticed that a clock was set, the bound holds for what it is."""
        phone = Phone(ahead)
        set_at = played(phone, before) + 1.0
        phone.course = steady(other)
        shift = Question(set_at - NOON, 2.0, None, 2.0)
        now = played(phone, [shift, *after])
        if phone.estimator.set_at >= set_at:
            self.assertLessEqual(phone.error(now), phone.estimate.bound(now) + 1e-6)
        else:  # By less than the corridor: nobody can see that.
            step, room = abs(other - ahead), phone.estimate.bound(now)
            self.assertLessEqual(step, room + widest(before) + widest([shift, *after]))


class Evidence(SynchronousTestCase):
    """What many answers say together."""

    def test_the_quickest_answer_wins(self) -> None:
        """One quick answer says more than ten delayed ones."""
        phone = Phone()
        for number in range(21):
            slow = 0.0 if number == 10 else 88.0
            phone.answers(2.0 + slow, 2.0, at=NOON + STEP * number)
        phone.estimator.settle()
        self.assertLess(phone.error(NOON + STEP * 21), 0.01)
        self.assertEqual(2.0, phone.estimate.delay)

    def test_uncertainty_shrinks(self) -> None:
        """A burst tells more than one answer, and twelve tell more than a burst."""
        told = []
        for seed in range(20):
            phone = Phone()
            ways = jittery(Random(seed), 5.0)  # noqa: S311
            phone.answers(*ways())
            alone = phone.estimate.uncertainty(NOON)
            now = phone.bursts(at=NOON + STEP, ways=ways)
            burst = phone.estimate.uncertainty(now)
            now = phone.bursts(KEPT_BURSTS, at=NOON + CADENCE, ways=ways)
            told.append((alone, burst, phone.estimate.uncertainty(now)))
        alone, burst, many = (median(column) for column in zip(*told, strict=True))
        self.assertLess(burst, alone / 2)
        self.assertLess(many, burst / 1.1)

    def test_uncertainty_grows(self) -> None:
        """With time less is known, and never less than the bound leaves."""
        phone = Phone()
        now = phone.bursts(3)
        spans = [0.0, 1e4, 1e5, 1e6, 1e7, 1e9]
        told = [phone.estimate.uncertainty(now + span) for span in spans]
        self.assertEqual(sorted(told), told)
        self.assertLess(told[0], told[-1])
        for span, uncertainty in zip(spans, told, strict=True):
            self.assertLessEqual(uncertainty, phone.estimate.bound(now + span))

    def test_the_past_is_no_worse_known(self) -> None:
        """Of an instant before the last burst nothing less is known."""
        phone = Phone()
        phone.bursts(3)
        estimate, at = phone.estimate, phone.estimator.bursts[-1].at
        self.assertEqual(estimate.uncertainty(at), estimate.uncertainty(at - 1.0))

    def test_19_of_20(self) -> None:
        """It covers the error 19 times of 20, and is not ten times too large."""
        chance = Random(6)  # noqa: S311
        errors, held = [], 0
        for _ in range(200):
            phone = Phone(steady(AHEAD, chance.uniform(-20, 20) * PPM))
            now = phone.bursts(3, ways=jittery(chance))
            error, uncertainty = phone.error(now), phone.estimate.uncertainty(now)
            errors.append(error / uncertainty)
            held += error <= uncertainty
        self.assertLessEqual(190, held)
        self.assertLessEqual(0.1, median(errors))

    def test_drift_is_learned(self) -> None:
        """After two minutes of bursts the drift is known to 2 ppm, and used."""
        for ppm in (-100, -20, 0, 20, 100):
            phone = Phone(steady(AHEAD, ppm * PPM))
            now = phone.bursts(KEPT_BURSTS)
            self.assertApproximates(ppm * PPM, phone.estimate.drift, 2 * PPM)
            self.assertLess(phone.error(now + 60_000.0), 0.15)
            self.assertEqual(-inf, phone.estimator.set_at)


class Steps(SynchronousTestCase):
    """A clock that is set, or sleeps."""

    def test_far(self) -> None:
        """One set by more than its corridor is noticed with the next answer."""
        for step in (5.0, -5.0, 3_600_000.0, -3_600_000.0):
            phone = Phone()
            now = phone.bursts(3) + STEP
            phone.course = steady(AHEAD + step)
            phone.answers(2.0, 2.0, at=now)
            self.assertEqual(now + 4.0, phone.estimator.set_at)
            self.assertEqual((), phone.estimator.bursts)
            self.assertEqual(0.0, phone.error(now + 4.0))
            self.assertApproximates(2.0, phone.estimate.bound(now + 4.0), 0.002)
            phone.bursts(3, at=now + STEP)
            self.assertEqual(now + 4.0, phone.estimator.set_at)
            self.assertEqual(0.0, phone.error(now + 3 * CADENCE))

    def test_in_the_middle_of_a_burst(self) -> None:
        """What a burst said before its clock was set counts no more."""
        phone = Phone()
        for number in range(3):
            phone.answers(2.0, 2.0, at=NOON + STEP * number)
        phone.course = steady(AHEAD + 500.0)
        phone.answers(2.0, 2.0, at=NOON + STEP * 3)
        burst = phone.estimator.settle()
        assert burst is not None
        self.assertEqual((AHEAD + 500.0, 4.0), (burst.offset, burst.width))

    def test_near(self) -> None:
        """One set by less is noticed with its burst."""
        for step in (1.0, -1.0):
            phone = Phone()
            now = phone.bursts(KEPT_BURSTS)
            phone.course = steady(AHEAD + step)
            phone.bursts(at=now + CADENCE)
            self.assertEqual(1, len(phone.estimator.bursts))
            self.assertLess(phone.error(now + CADENCE + 400.0), 0.01)

    def test_near_and_bounded(self) -> None:
        """Once that is noticed, the bound holds for the clock as it is now."""
        for step in (3.5, -3.5):
            phone = Phone()
            phone.bursts()
            phone.course = steady(AHEAD + step)
            now = phone.bursts(at=NOON + 2_000.0)
            self.assertEqual(1, len(phone.estimator.bursts))
            self.assertEqual(0.0, phone.error(now))
            self.assertApproximates(2.0, phone.estimate.bound(now), 0.1)

    def test_a_sleep(self) -> None:
        """A clock that stood still for a while has fallen back: that is noticed."""
        phone = Phone()
        now = phone.bursts(3)
        phone.course = steady(AHEAD - 30_000.0)
        woken = now + 30_000.0
        answer = phone.answers(2.0, 2.0, at=woken)
        assert answer is not None
        self.assertEqual(answer.heard_at, phone.estimator.set_at)
        self.assertEqual(0.0, phone.error(answer.heard_at))

    def test_a_busy_network_is_no_step(self) -> None:
        """Bursts that were held up on one way do not make the estimate begin anew."""
        phone = Phone()
        phone.bursts(3)
        phone.bursts(3, at=NOON + 3 * CADENCE, ways=lambda: (40.0, 2.0))
        self.assertEqual(6, len(phone.estimator.bursts))
        self.assertLess(phone.error(NOON + 6 * CADENCE), 0.5)


class Extremes(SynchronousTestCase):
    """Numbers as large as they come."""

    def test_since_the_epoch(self) -> None:
        """A clock that counts from its own start loses no more than its rounding."""
        phone = Phone(steady(4_711.0625 - NOON))
        now = phone.bursts(KEPT_BURSTS)
        self.assertLess(phone.error(now), 0.001)
        self.assertApproximates(2.0, phone.estimate.bound(now), 0.01)
        self.assertApproximates(phone.clock(now), phone.estimate.local(now), 0.001)

    def told(self, times: list[tuple[float, float | None]]) -> Estimator:
        """Tell an estimator times, each as an answer that took 10 ms."""
        estimator = Estimator()
        for number, (t3, t2) in enumerate(times):
            at = NOON + STEP * number
            response = TimeSyncResponse(estimator.ask("A", at), 0.0, t3, t2)
            estimator.take(response, at + 10.0)
        return estimator

    def finite(self, estimator: Estimator) -> None:
        """Fail unless all that is known is told in finite numbers."""
        estimate = estimator.estimate()
        if estimate is None:
            return
        for now in (NOON, NOON + 1e6, NOON + 1e10):
            told = {
                "offset": estimate.offset(now),
                "bound": estimate.bound(now),
                "uncertainty": estimate.uncertainty(now),
                "local": estimate.local(now),
                "reading": estimate.shown(now),
                "drift": estimate.drift,
                "delay": estimate.delay,
            }
            odd = [name for name, value in told.items() if not isfinite(value)]
            self.assertEqual([], odd)

    def test_lies(self) -> None:
        """Whatever a peer says its clock shows, what is known of it is finite."""
        for lie in (1e15, 2.0**53, 1e300, float_info.max):
            for other in (lie, -lie, NOON, 0.0):
                times: list[tuple[float, float | None]] = [(lie, None), (other, other)]
                estimator = self.told(times * 20)
                self.finite(estimator)
                estimator.settle()
                self.finite(estimator)

    @given(
        st.lists(
            st.tuples(
                st.floats(allow_nan=False, allow_infinity=False)
                | st.floats(NOON - 50.0, NOON + 1_000.0),
                st.none()
                | st.floats(allow_nan=False, allow_infinity=False)
                | st.floats(NOON - 50.0, NOON + 1_000.0),
            ),
            max_size=60,
        )
    )
    def test_all_lies(self, times: list[tuple[float, float | None]]) -> None:
        """No row of lies raises anything."""
        estimator = self.told(times)
        self.finite(estimator)
        estimator.settle()
        self.finite(estimator)
