"""A peer's clock, from timestamps."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from raydel.core.messages import TimeSyncResponse
from raydel.core.timesync import (
    DRIFT_ALLOWANCE,
    KEPT_SAMPLES,
    MAX_PENDING,
    Answer,
    Estimate,
    Estimator,
    Sample,
)

NOON = 1_768_478_400_000.0
AHEAD = 40_000.25


class Phone:
    """A phone whose clock is ahead, asked by an estimator."""

    def __init__(self, ahead: float = AHEAD, *, whole: bool = False) -> None:
        self.estimator = Estimator()
        self.ahead = ahead
        self.whole = whole

    def answers(
        self, up: float, down: float, *, at: float = NOON, busy: float | None = None
    ) -> Answer | None:
        """Answer a question; delays and the time it takes to answer are in ms."""
        request_id = self.estimator.ask("ABC123", at)
        received = at + down + self.ahead
        sent = received + (busy or 0.0)
        response = TimeSyncResponse(
            request_id=request_id,
            server_timestamp=0.0,
            client_timestamp=sent // 1 if self.whole else sent,
            client_receive_timestamp=None if busy is None else received,
        )
        return self.estimator.take(response, at + down + (busy or 0.0) + up)

    def estimate(self, now: float = NOON) -> Estimate:
        """Return what is known of the clock."""
        estimate = self.estimator.estimate(now)
        assert estimate is not None
        return estimate


class Answers(SynchronousTestCase):
    """One question, one answer."""

    def test_the_offset(self) -> None:
        """On an even way the offset is exact, and half the way bounds it."""
        phone = Phone()
        answer = phone.answers(10.0, 10.0)
        self.assertEqual(Answer(NOON, Sample(AHEAD, 20.0, NOON + 20.0)), answer)
        estimate = phone.estimate(NOON + 20.0)
        self.assertEqual(
            (AHEAD, 10.0, 10.0), (estimate.offset, estimate.delay, estimate.bound)
        )

    def test_a_busy_phone(self) -> None:
        """The time between hearing and answering is no time on the way."""
        phone = Phone()
        phone.answers(10.0, 10.0, busy=500.0)
        estimate = phone.estimate(NOON + 520.0)
        self.assertEqual((AHEAD, 10.0), (estimate.offset, estimate.delay))

    def test_the_echo_is_not_trusted(self) -> None:
        """A phone cannot make its own way shorter by a false echo."""
        answer = Phone().answers(10.0, 10.0)
        assert answer is not None
        self.assertEqual(20.0, answer.sample.round_trip)

    def test_nobody_asked(self) -> None:
        """An answer to no question is ignored."""
        response = TimeSyncResponse("ABC123-1", 0.0, 0.0)
        estimator = Estimator()
        self.assertIsNone(estimator.take(response, NOON))
        self.assertIsNone(estimator.estimate(NOON))

    def test_answered_twice(self) -> None:
        """A second answer to one question is ignored."""
        estimator = Estimator()
        response = TimeSyncResponse(estimator.ask("ABC123", NOON), 0.0, NOON)
        self.assertIsNotNone(estimator.take(response, NOON + 10))
        self.assertIsNone(estimator.take(response, NOON + 20))
        self.assertEqual(1, estimator.answered)

    def test_an_impossible_answer(self) -> None:
        """One that took longer than it was away is ignored."""
        phone = Phone()
        self.assertIsNone(phone.answers(-10.0, 5.0, busy=0.0))
        self.assertEqual(0, phone.estimator.answered)

    def test_unanswered_questions(self) -> None:
        """Questions that nobody answers are forgotten, the oldest first."""
        estimator = Estimator()
        ids = [estimator.ask("ABC123", NOON) for _ in range(MAX_PENDING + 1)]
        self.assertEqual(MAX_PENDING + 1, len(set(ids)))
        old, young = (TimeSyncResponse(i, 0.0, NOON) for i in (ids[0], ids[1]))
        self.assertIsNone(estimator.take(old, NOON))
        self.assertIsNotNone(estimator.take(young, NOON))


class Estimates(SynchronousTestCase):
    """What all answers say together."""

    def test_none(self) -> None:
        """Without an answer there is no estimate."""
        self.assertIsNone(Estimator().estimate(NOON))

    def test_the_quickest_answer_wins(self) -> None:
        """One quick answer says more than ten delayed ones."""
        phone = Phone()
        for _ in range(10):
            phone.answers(2.0, 90.0)
        phone.answers(2.0, 2.0)
        for _ in range(10):
            phone.answers(2.0, 90.0)
        self.assertEqual(AHEAD, phone.estimate().offset)
        self.assertEqual(21, phone.estimate().sample_count)

    def test_old_answers_fade(self) -> None:
        """A clock may have drifted since: an old answer is worth less and less."""
        phone = Phone()
        phone.answers(2.0, 2.0)
        phone.ahead += 5.0
        later = NOON + 10 * 60_000.0
        phone.answers(10.0, 10.0, at=later)
        self.assertEqual(AHEAD + 5.0, phone.estimate(later).offset)

    def test_the_bound_grows(self) -> None:
        """The bound grows with the age of the answer."""
        phone = Phone()
        phone.answers(2.0, 2.0)
        bound = phone.estimate(NOON + 4.0 + 60_000.0).bound
        self.assertAlmostEqual(2.0 + 60_000.0 * DRIFT_ALLOWANCE, bound)

    def test_part_of_the_answers(self) -> None:
        """An estimate may be made from what was heard since, or until, an instant."""
        phone = Phone()
        phone.answers(1.0, 1.0)
        phone.ahead += 500.0
        phone.answers(5.0, 5.0, at=NOON + 1_000.0)
        estimator, now = phone.estimator, NOON + 1_010.0
        before = estimator.estimate(now, until=NOON + 1_000.0)
        since = estimator.estimate(now, since=NOON + 1_000.0)
        assert before is not None
        assert since is not None
        self.assertEqual((AHEAD, AHEAD + 500.0), (before.offset, since.offset))
        self.assertFalse(before.agrees(since))
        self.assertEqual(1, estimator.fresh(NOON + 1_000.0))

    def test_a_clock_that_was_set(self) -> None:
        """What was heard before a clock was set can be forgotten."""
        phone = Phone()
        phone.answers(1.0, 1.0)
        phone.ahead += 500.0
        phone.answers(5.0, 5.0, at=NOON + 1_000.0)
        phone.estimator.forget(NOON + 1_000.0)
        self.assertEqual(AHEAD + 500.0, phone.estimate(NOON + 1_010.0).offset)
        self.assertEqual(2, phone.estimator.answered)

    def test_never_too_many(self) -> None:
        """Only the latest answers are kept."""
        phone = Phone()
        for n in range(KEPT_SAMPLES + 5):
            phone.answers(2.0, 2.0, at=NOON + n)
        self.assertEqual(KEPT_SAMPLES, phone.estimator.fresh(0.0))

    def test_each_can_be_looked_at(self) -> None:
        """What each answer said is there for the records, oldest first."""
        phone = Phone()
        phone.answers(5.0, 5.0)
        phone.answers(1.0, 1.0, at=NOON + 1_000.0)
        expected = (
            Sample(AHEAD, 10.0, NOON + 10.0),
            Sample(AHEAD, 2.0, NOON + 1_002.0),
        )
        self.assertEqual(expected, phone.estimator.samples)


class WholeMilliseconds(SynchronousTestCase):
    """Released apps count whole milliseconds."""

    def test_half_of_one_is_accounted_for(self) -> None:
        """A clock that shows whole ms is, on average, half of one further."""
        phone = Phone(40_000.0, whole=True)
        phone.answers(10.0, 10.0)
        estimate = phone.estimate(NOON + 20.0)
        self.assertEqual(1.0, estimate.granularity)
        self.assertEqual((40_000.5, 10.5), (estimate.offset, estimate.bound))
        self.assertEqual(NOON + 40_000.5, estimate.local(NOON))
        self.assertEqual(NOON + 40_000.0, estimate.reading(NOON))

    def test_one_fraction_tells(self) -> None:
        """A clock that showed a fraction once counts finer than whole ms."""
        phone = Phone(40_000.0)
        phone.answers(10.0, 10.0)
        self.assertEqual(1.0, phone.estimate().granularity)
        phone.answers(10.0, 10.25)
        estimate = phone.estimate()
        self.assertEqual(0.0, estimate.granularity)
        self.assertEqual(estimate.local(NOON), estimate.reading(NOON))


class Agreement(SynchronousTestCase):
    """Whether two estimates can be true of one clock."""

    def test_within_their_bounds(self) -> None:
        """Two agree as far as their bounds reach."""
        one = Estimate(100.0, 2.0, 2.0, 0.0, 1)
        self.assertTrue(one.agrees(Estimate(105.0, 3.0, 3.0, 0.0, 1)))
        self.assertFalse(one.agrees(Estimate(105.1, 3.0, 3.0, 0.0, 1)))
        self.assertTrue(one.agrees(Estimate(105.1, 3.0, 3.0, 1.0, 1)))


delays = st.floats(0.0, 500.0)


class Always(SynchronousTestCase):
    """What holds on every way."""

    @given(st.floats(-1e9, 1e9), st.lists(st.tuples(delays, delays), min_size=1))
    def test_the_bound_holds(
        self, ahead: float, ways: list[tuple[float, float]]
    ) -> None:
        """The true offset is never further off than the bound says."""
        for whole in (False, True):
            phone = Phone(ahead, whole=whole)
            for n, (up, down) in enumerate(ways):
                phone.answers(up, down, at=NOON + n)
            estimate = phone.estimate(NOON + len(ways))
            error = abs(estimate.offset - ahead)
            self.assertLessEqual(error, estimate.bound + 0.01)
