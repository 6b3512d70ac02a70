"""The token bucket."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from raydel.web.limits import TokenBucket


class TokenBucketTests(SynchronousTestCase):
    def test_burst(self) -> None:
        """As many as the burst go through at once, and not one more."""
        bucket = TokenBucket(rate=10, burst=3, now=100.0)
        self.assertEqual(
            [True, True, True, False], [bucket.take(100.0) for _ in range(4)]
        )

    def test_refill(self) -> None:
        """What was used up comes back at the rate."""
        bucket = TokenBucket(rate=10, burst=1, now=0.0)
        bucket.take(0.0)
        self.assertFalse(bucket.take(0.05))
        self.assertTrue(bucket.take(0.1))

    def test_rest_is_not_saved(self) -> None:
        """An hour of silence allows no more than one burst."""
        bucket = TokenBucket(rate=10, burst=2, now=0.0)
        self.assertEqual([True, True, False], [bucket.take(3600.0) for _ in range(3)])

    @given(st.lists(st.floats(min_value=0, max_value=1), max_size=200))
    def test_never_more_than_rate_and_burst(self, waits: list[float]) -> None:
        """However takes are spread, no more go through than rate and burst allow."""
        bucket = TokenBucket(rate=5, burst=4, now=0.0)
        now, taken = 0.0, 0
        for wait in waits:
            now += wait
            taken += bucket.take(now)
        self.assertLessEqual(taken, 4 + 5 * now + 1e-6)
