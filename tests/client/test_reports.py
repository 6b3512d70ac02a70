"""Reports that the server can read, whatever an app made of them."""

from __future__ import annotations

from math import nan

from twisted.trial.unittest import SynchronousTestCase

from raydel.client.reports import LONGEST_REASON, line_of, sound
from raydel.core.messages import (
    RecordingFailed,
    RecordingRefused,
    RecordingScheduled,
    RecordingStarted,
    RecordingStopped,
    Report,
)

DIGEST = "0123456789abcdef" * 4


class Sound(SynchronousTestCase):
    """What an app reports."""

    def test_as_it_is(self) -> None:
        """What makes sense is left alone."""
        whole: tuple[Report, ...] = (
            RecordingScheduled("t", "c1"),
            RecordingRefused("t", "full", "c1"),
            RecordingStarted("t", 5.0, 60.0, "c1"),
            RecordingStopped("t", 5.0, 3, "a.mp4", 7, DIGEST, "c1"),
        )
        for report in whole:
            self.assertIs(report, sound(report))

    def test_less(self) -> None:
        """What is wrong and need not be there is left out; the name of it stays."""
        for wrong in (
            RecordingStopped("t", 5.0, sha256=DIGEST.upper(), command_id="c1"),
            RecordingStopped("t", 5.0, file_name="a/b.mp4", command_id="c1"),
            RecordingStopped("t", 5.0, size_bytes=-1, command_id="c1"),
        ):
            expected = RecordingStopped("t", 5.0, command_id="c1")
            self.assertEqual(expected, sound(wrong))
        mad = RecordingStarted("t", 5.0, 0.0, "c1")
        self.assertEqual(RecordingStarted("t", 5.0, None, "c1"), sound(mad))

    def test_nonsense(self) -> None:
        """What makes no sense at all is a failure."""
        failed = sound(RecordingStarted("t", nan, command_id="c1"))
        assert isinstance(failed, RecordingFailed)
        self.assertEqual(("t", "c1"), (failed.take_id, failed.command_id))


class Lines(SynchronousTestCase):
    """Reasons, for people."""

    def test_one_line(self) -> None:
        """What breaks a line, or turns it round, is a space."""
        self.assertEqual("no room at all", line_of("no room\n\tat\u202e all "))
        self.assertEqual(LONGEST_REASON, len(line_of("long" * 100)))
