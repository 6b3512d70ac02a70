"""The settings, as they are when nobody chose."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

from twisted.trial.unittest import SynchronousTestCase

from raydel.core.config import Config


class Defaults(SynchronousTestCase):
    """A club that chooses nothing."""

    def test_as_published(self) -> None:
        """Port 3001, a quarter of a second, half an hour, four hours."""
        expected = Config(
            ports=("3001",),
            origins=frozenset(),
            log_format="text",
            lead=250.0,
            cleanup=1_800_000.0,
            longest_take=14_400_000.0,
        )
        self.assertEqual(expected, Config())

    def test_frozen(self) -> None:
        """Settings do not change while the program runs."""
        with self.assertRaises(FrozenInstanceError):
            Config().lead = 0.0  # type: ignore[misc]
