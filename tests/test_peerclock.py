"""A peer's clock: asked, weighed, told, and kept for its take."""

from __future__ import annotations

from msgspec import UNSET
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from raydel.core.burst import BURST
from raydel.core.messages import (
    Outbound,
    TimeSyncRequest,
    TimeSyncResponse,
    TimeSyncUpdate,
)
from raydel.core.schedule import MOST_UNANSWERED
from raydel.core.take import ClockSample
from raydel.core.timesync import Answer
from raydel.peerclock import OVERDUE, SOON, USELESS, PeerClock
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

    def ask(self) -> TimeSyncRequest:
        """Ask."""
        self.peer_clock.ask("ABC123")
        request = self.sent[-1]
        assert isinstance(request, TimeSyncRequest)
        return request

    def answer(self, ahead: float = AHEAD, delay: float = 10.0) -> Answer:
        """Ask, and let the peer answer."""
        request = self.ask()
        run(self.clock, delay)
        told = self.timebase.now() + ahead
        run(self.clock, delay)
        response = TimeSyncResponse(request.request_id, 0.0, told)
        answer = self.peer_clock.take(response, self.timebase.now())
        assert answer is not None
        return answer

    def answer_burst(self, ahead: float = AHEAD) -> None:
        """Ask for a whole burst, and let the peer answer."""
        for _ in range(BURST):
            self.answer(ahead)

    def ahead(self) -> float:
        """Return how far it is thought to be ahead."""
        estimate = self.peer_clock.estimate()
        assert estimate is not None
        return estimate.offset(self.timebase.now())

    def updates(self) -> list[TimeSyncUpdate]:
        """Return what the peer was told of its clock."""
        return [each for each in self.sent if isinstance(each, TimeSyncUpdate)]


class Known(Clocks):
    """What it says."""

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
        self.assertApproximates(AHEAD, self.ahead(), 1)
        self.assertEqual(2, self.peer_clock.answers)
        self.assertTrue(self.peer_clock.holds(since))

    def test_set(self) -> None:
        """What was told before it was set is forgotten."""
        self.answer()
        run(self.clock, 1_000)
        since = self.timebase.now()
        self.answer(ahead=-AHEAD)
        self.assertFalse(self.peer_clock.holds(since))
        self.assertApproximates(-AHEAD, self.ahead(), 1)
        run(self.clock, 1_000)
        self.assertTrue(self.peer_clock.holds(self.timebase.now()))

    def test_long_ago(self) -> None:
        """What was told too long ago is worth nothing."""
        self.answer()
        self.assertTrue(self.peer_clock.holds(self.timebase.now()))
        run(self.clock, USELESS / 100e-6)
        self.assertFalse(self.peer_clock.holds(self.timebase.now()))

    def test_not_asked(self) -> None:
        """An answer that nobody asked for is none."""
        response = TimeSyncResponse("guessed", 0.0, 0.0)
        self.assertIsNone(self.peer_clock.take(response, self.timebase.now()))


class Asked(Clocks):
    """Whether it is worth asking."""

    def test_never_told(self) -> None:
        """A peer that tells nothing is asked eight times, and never again."""
        for _ in range(MOST_UNANSWERED):
            self.assertTrue(self.peer_clock.may_answer())
            self.ask()
        self.assertFalse(self.peer_clock.may_answer())
        self.peer_clock.forgive()
        self.assertFalse(self.peer_clock.may_answer())

    def test_on_the_way(self) -> None:
        """One that tells its clock has two seconds for each answer."""
        self.answer()
        for _ in range(MOST_UNANSWERED):
            self.ask()
        run(self.clock, OVERDUE)
        self.assertTrue(self.peer_clock.may_answer())
        run(self.clock, 1)
        self.assertFalse(self.peer_clock.may_answer())

    def test_in_a_row(self) -> None:
        """One in a burst may get lost, however often: they are not added up."""
        for _ in range(3 * MOST_UNANSWERED):
            self.ask()
            self.answer()
        run(self.clock, OVERDUE + 1)
        self.assertTrue(self.peer_clock.may_answer())

    def test_forgiven(self) -> None:
        """One that told it before may be asked anew, when it matters."""
        self.answer()
        for _ in range(MOST_UNANSWERED):
            self.ask()
        run(self.clock, OVERDUE + 1)
        self.peer_clock.forgive()
        self.assertTrue(self.peer_clock.may_answer())

    def test_on_its_way(self) -> None:
        """What was asked before still counts, if it is answered after all."""
        self.answer()
        request = self.ask()
        self.peer_clock.forgive()
        response = TimeSyncResponse(request.request_id, 0.0, self.timebase.now())
        self.assertIsNotNone(self.peer_clock.take(response, self.timebase.now()))


class Told(Clocks):
    """What the peer is told of it."""

    def test_early(self) -> None:
        """Each of the first five answers is followed by an update."""
        for number in range(1, 8):
            self.answer()
            self.assertEqual(min(number, 5), len(self.updates()))

    def test_once_a_burst(self) -> None:
        """Then there is one a burst, at its end."""
        for bursts in (1, 2, 3):
            self.answer_burst()
            self.assertEqual(5 + bursts, len(self.updates()))
        last = self.updates()[-1]
        self.assertEqual(("ABC123-48", 48), (last.request_id, last.sample_count))

    def test_once(self) -> None:
        """It is told what its latest answer says, and once."""
        for _ in range(7):
            self.answer()
        told = len(self.updates())
        self.peer_clock.report()
        self.peer_clock.report()
        (update,) = self.updates()[told:]
        self.assertEqual(("ABC123-7", 7), (update.request_id, update.sample_count))
        self.assertApproximates(AHEAD, update.offset_ms, 1)

    def test_how_sure(self) -> None:
        """How sure that is, the most it is off, and how the clock drifts, too."""
        for _ in range(3):
            self.answer_burst()
            run(self.clock, 10_000)
        update = self.updates()[-1]
        assert update.uncertainty_ms is not UNSET
        assert update.bound_ms is not UNSET
        assert update.drift_ppm is not UNSET
        self.assertLessEqual(update.uncertainty_ms, update.bound_ms)
        self.assertApproximates(10.5, update.bound_ms, 1)
        self.assertApproximates(0.0, update.drift_ppm, 20)


class Kept(Clocks):
    """What is kept of it for a take."""

    def keep(self, take: str = "take") -> None:
        """Keep it for a take."""
        self.peer_clock.keep_for(take, "device")

    def takes(self) -> list[str]:
        """Return the takes it was kept for, a name a sample."""
        return [sample.take_id for sample in self.kept]

    def test_bursts(self) -> None:
        """A burst is kept once it is complete: its middle, and its round trip."""
        self.keep()
        self.answer_burst()
        self.answer()
        (sample,) = self.kept
        self.assertEqual(
            ("take", "device", "test"),
            (sample.take_id, sample.device_id, sample.clock_id),
        )
        self.assertApproximates(AHEAD, sample.offset, 1)
        self.assertApproximates(20.5, sample.round_trip, 1)

    def test_before(self) -> None:
        """What was known before the take is kept for it, once."""
        self.answer_burst()
        self.answer()
        self.assertEqual([], self.kept)
        for _ in range(2):
            self.keep()
        self.assertEqual(["take"] * 2, self.takes())

    def test_last(self) -> None:
        """Of a take that was stopped one burst more is kept: its end counts."""
        self.keep()
        self.answer_burst()
        self.assertFalse(self.peer_clock.keep_last("another", "device"))
        self.answer_burst()
        self.assertTrue(self.peer_clock.keep_last("take", "device"))
        self.answer_burst()
        self.answer_burst()
        self.assertEqual(["take"] * 3, self.takes())

    def test_told_again(self) -> None:
        """A stop that is told again keeps nothing again."""
        self.keep()
        self.answer_burst()
        self.peer_clock.keep_last("take", "device")
        self.answer_burst()
        self.assertFalse(self.peer_clock.keep_last("take", "device"))
        self.answer_burst()
        self.assertEqual(["take"] * 2, self.takes())

    def test_missed(self) -> None:
        """Of a take whose stop was missed the end is kept, once it is told."""
        self.assertTrue(self.peer_clock.keep_last("take", "device"))
        self.answer_burst()
        self.answer_burst()
        self.assertEqual(["take"], self.takes())

    def test_much_later(self) -> None:
        """What is answered long after a stop says nothing of its take."""
        self.keep()
        self.answer_burst()
        self.peer_clock.keep_last("take", "device")
        run(self.clock, SOON + 1)
        self.answer_burst()
        self.assertEqual(["take"], self.takes())

    def test_no_more(self) -> None:
        """Of a peer that leaves the answers that were in are kept, and no more."""
        self.keep()
        self.answer()
        self.peer_clock.keep_no_more()
        self.answer_burst()
        self.assertEqual(["take"], self.takes())

    def test_the_next(self) -> None:
        """The next take gets all that is known, too."""
        self.answer()
        self.keep()
        self.peer_clock.keep_last("take", "device")
        self.keep("take 2")
        self.answer_burst()
        self.answer_burst()
        self.assertEqual(["take", *["take 2"] * 3], self.takes())
