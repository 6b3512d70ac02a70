"""When one phone is asked to call its camera, and what is learned from that."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from raydel.camerabook import COLD_AFTER, CameraBook
from raydel.cameracalls import CameraCalls
from raydel.core.messages import (
    Join,
    Joined,
    RecordingStarted,
    RecordingStopped,
    RunningTake,
    SessionStatus,
)
from raydel.core.startlatency import Camera
from raydel.store.memory import MemoryStore
from raydel.testing import EPOCH, FakeTimebase

CODE = "ABC123"
THERE = EPOCH + 40_000.0
"""Some instant by the phone's clock."""


class Case(SynchronousTestCase):
    """A phone that has just joined, and a book that knows nothing."""

    def setUp(self) -> None:
        """Let it join."""
        self.clock = Clock()
        self.kept: list[Camera] = []
        timebase = FakeTimebase(self.clock)
        self.book = CameraBook(MemoryStore(), self.kept.append, timebase, self.clock)
        self.book.start()
        self.calls = self.join()

    def join(
        self, last_seq: int | None = None, name: str | None = "app"
    ) -> CameraCalls:
        """Return a new connection of the phone."""
        calls = CameraCalls(self.book)
        join = Join(CODE, model="Pixel 9", installation_id=name, last_seq=last_seq)
        calls.introduced(join)
        return calls

    def report(self, late: float, take_id: str = "take") -> None:
        """Report a first frame, so many ms after `THERE`."""
        self.calls.reported(RecordingStarted(take_id, THERE + late))

    def record(self, late: float, take_id: str = "take") -> None:
        """Record a take whose first frame is late."""
        self.calls.told(take_id, THERE)
        self.report(late, take_id)
        self.calls.stopped()

    @property
    def learned(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """What is known of the phone: of warm starts, and of cold ones."""
        if not self.kept:
            return (), ()
        return self.kept[-1].warm, self.kept[-1].cold


class Learning(Case):
    """What a report says."""

    def test_learned(self) -> None:
        """The first frame less the call is the latency: the next call is earlier."""
        self.assertEqual(0.0, self.calls.early)
        self.record(310.0)
        self.assertEqual(((), (310.0,)), self.learned)
        self.assertEqual(310.0, self.calls.early)

    def test_too_early(self) -> None:
        """A camera that is ahead of its call is called later."""
        self.record(-120.0)
        self.assertEqual(-120.0, self.calls.early)

    def test_first_report(self) -> None:
        """Only the first report of a take counts, however often its start is told."""
        self.record(310.0)
        self.report(900.0)
        self.record(900.0)
        self.assertEqual(((), (310.0,)), self.learned)

    def test_first_call(self) -> None:
        """A phone goes by the first copy of a start: a later one says nothing."""
        self.calls.told("take", THERE)
        self.calls.told("take", THERE + 50.0)
        self.report(310.0)
        self.assertEqual(((), (310.0,)), self.learned)

    def test_on_receipt(self) -> None:
        """Who was told to start at once, or too late, tells nothing of its camera."""
        self.calls.told("take", None)
        self.calls.told("take", THERE)
        self.report(310.0)
        self.assertEqual([], self.kept)

    def test_another_take(self) -> None:
        """A report of a take that it was not told of here says nothing."""
        self.report(310.0)
        self.calls.told("take", THERE)
        self.report(310.0, "another take")
        self.assertEqual([], self.kept)

    def test_only_the_first_frame(self) -> None:
        """The report of a file says nothing of its beginning."""
        self.calls.told("take", THERE)
        self.calls.reported(RecordingStopped("take", THERE + 310.0))
        self.assertEqual([], self.kept)

    def test_no_name(self) -> None:
        """A phone that does not say which it is, is asked as ever, and not known."""
        self.record(310.0)
        self.calls = self.join(name=None)
        self.assertEqual(0.0, self.calls.early)
        self.record(310.0)
        self.assertEqual(1, len(self.kept))

    def test_came_back(self) -> None:
        """Nothing is learned from a take whose start came over another connection."""
        self.calls.told("take", THERE)
        self.calls = self.join(last_seq=3)
        status = SessionStatus(CODE, 1, True, "", ())
        running = RunningTake("take", EPOCH, participant=True)
        self.calls.joined(Joined(CODE, "d", "Pixel", True, status, take=running))
        self.record(310.0)
        self.assertEqual([], self.kept)

    def test_joined(self) -> None:
        """Who comes back when no take runs is asked, and learned from, as ever."""
        self.calls = self.join(last_seq=3)
        status = SessionStatus(CODE, 1, False, "", ())
        self.calls.joined(Joined(CODE, "d", "Pixel", True, status))
        self.record(310.0)
        self.assertEqual(((), (310.0,)), self.learned)


class Kinds(Case):
    """Cold and warm."""

    def test_warm(self) -> None:
        """The first take of an app is a cold start, the next one a warm one."""
        self.record(700.0, "one")
        self.record(300.0, "two")
        self.assertEqual(((300.0,), (700.0,)), self.learned)
        self.assertEqual(300.0, self.calls.early)

    def test_a_break(self) -> None:
        """So is one after ten minutes without a recording."""
        self.record(700.0, "one")
        self.clock.advance(COLD_AFTER / 1000 + 1)
        self.assertEqual(700.0, self.calls.early)
        self.record(720.0, "two")
        self.assertEqual(((), (700.0, 720.0)), self.learned)

    def test_a_long_take(self) -> None:
        """A break is counted from the end of a take, told or reported."""
        for end in (
            self.calls.stopped,
            lambda: self.calls.reported(RecordingStopped("one", THERE)),
        ):
            self.record(700.0, "one")
            self.record(300.0, "two")
            self.clock.advance(3_600)
            end()
            self.assertEqual(300.0, self.calls.early)

    def test_a_lost_link(self) -> None:
        """An app that knows what it heard last has kept its camera warm."""
        self.record(700.0, "one")
        self.record(300.0, "two")
        self.calls = self.join(last_seq=7)
        self.assertEqual(300.0, self.calls.early)

    def test_started_anew(self) -> None:
        """One that does not was started anew, and its camera is cold."""
        self.record(700.0, "one")
        self.record(300.0, "two")
        self.calls = self.join()
        self.assertEqual(700.0, self.calls.early)

    def test_it_is_as_it_was_told(self) -> None:
        """Whether a start was cold is as it was when it was told."""
        self.calls.told("one", THERE)
        self.book.ran("app")
        self.report(700.0, "one")
        self.assertEqual(((), (700.0,)), self.learned)
