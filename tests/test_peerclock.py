"""A peer's clock: asked, weighed, told, and kept for its take."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from raydel.core.messages import (
    Outbound,
    TimeSyncRequest,
    TimeSyncResponse,
    TimeSyncUpdate,
)
from raydel.core.take import ClockSample
from raydel.peerclock import PeerClock
from raydel.testing import FakeTimebase
from tests.stage import run

AHEAD = 7_000.0
"""ms by which it is ahead."""


class Clocks(SynchronousTestCase):
    def setUp(self) -> None:
        """Know nothing yet."""
        self.clock = Clock()
        self.timebase = FakeTimebase(self.clock)
        self.sent: list[Outbound] = []
        self.kept: list[ClockSample] = []
        self.peer_clock = PeerClock(self.timebase, self.sent.append, self.kept.append)

    def answer(self, ahead: float = AHEAD, delay: float = 10.0) -> None:
        """Ask, and let the peer answer."""
        self.peer_clock.ask("ABC123")
        request = self.sent[-1]
        assert isinstance(request, TimeSyncRequest)
        run(self.clock, delay)
        told = self.timebase.now() + ahead
        run(self.clock, delay)
        response = TimeSyncResponse(request.request_id, 0.0, told)
        self.assertIsNotNone(self.peer_clock.take(response, self.timebase.now()))

    def updates(self) -> list[TimeSyncUpdate]:
        """Return what the peer was told of its clock."""
        return [each for each in self.sent if isinstance(each, TimeSyncUpdate)]

    def test_unknown(self) -> None:
        """Without an answer nothing is known, nor told."""
        self.peer_clock.report()
        self.assertIsNone(self.peer_clock.estimate())
        self.assertEqual((0, []), (self.peer_clock.answers, self.sent))

    def test_known(self) -> None:
        """With one it is, for as long as it agrees with the next."""
        self.answer()
        since = self.timebase.now()
        self.answer()
        estimate = self.peer_clock.estimate()
        assert estimate is not None
        self.assertApproximates(AHEAD, estimate.offset, 1)
        self.assertEqual(
            (2, 1), (self.peer_clock.answers, self.peer_clock.fresh(since + 1))
        )
        self.assertTrue(self.peer_clock.holds(since + 1))

    def test_set(self) -> None:
        """What was told before it was set is forgotten."""
        self.answer()
        run(self.clock, 1_000)
        since = self.timebase.now()
        self.answer(ahead=-AHEAD)
        self.assertFalse(self.peer_clock.holds(since))
        estimate = self.peer_clock.estimate()
        assert estimate is not None
        self.assertApproximates(-AHEAD, estimate.offset, 1)
        self.assertTrue(self.peer_clock.holds(since))

    def test_not_asked(self) -> None:
        """An answer that nobody asked for is none."""
        response = TimeSyncResponse("guessed", 0.0, 0.0)
        self.assertIsNone(self.peer_clock.take(response, self.timebase.now()))

    def test_told_once(self) -> None:
        """The peer is told what its latest answer says, and once."""
        self.answer()
        self.answer()
        self.peer_clock.report()
        self.peer_clock.report()
        (update,) = self.updates()
        self.assertEqual(("ABC123-2", 2), (update.request_id, update.sample_count))
        self.assertApproximates(AHEAD, update.offset_ms, 1)

    def test_kept(self) -> None:
        """For a take all that is known is kept, once, and what comes, until its end."""
        self.answer()
        self.assertEqual([], self.kept)
        for _ in range(2):
            self.peer_clock.keep_for("take", "device")
        self.answer()
        self.peer_clock.keep_no_more("another")
        self.answer()
        self.peer_clock.keep_no_more("take")
        self.answer()
        self.assertEqual(
            [("take", "device", "test")] * 3,
            [
                (sample.take_id, sample.device_id, sample.clock_id)
                for sample in self.kept
            ],
        )

    def test_kept_for_the_next(self) -> None:
        """The next take gets all that is known, too."""
        self.answer()
        self.peer_clock.keep_for("take", "device")
        self.peer_clock.keep_no_more()
        self.peer_clock.keep_for("take 2", "device")
        self.assertEqual(["take", "take 2"], [sample.take_id for sample in self.kept])
