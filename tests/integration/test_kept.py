"""What an idle connection costs in memory, with its real transport."""

from __future__ import annotations

import subprocess
import sys

from twisted.trial.unittest import SynchronousTestCase

MOST = 5_000
"""Bytes that an idle plain connection may keep, transport and all."""

MOST_JOINED = 8_000
"""The same of a phone that has joined, with its seat, its half of a session, and the
questions about its clock that it has yet to answer."""


def kept(what: str) -> int:
    """Return the bytes that each of many connections keeps, in a process of its own."""
    ran = subprocess.run(
        [sys.executable, "-m", "tests.integration.kept", what],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert ran.returncode == 0, ran.stderr
    return int(ran.stdout)


class KeptTests(SynchronousTestCase):
    def test_unjoined(self) -> None:
        """A connection that says nothing keeps little, its transport included."""
        self.assertLessEqual(kept("unjoined"), MOST)

    def test_joined(self) -> None:
        """So does a phone that has joined."""
        self.assertLessEqual(kept("joined"), MOST_JOINED)
