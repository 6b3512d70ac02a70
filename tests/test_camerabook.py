"""What the server knows of cameras."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from raydel.camerabook import ASKED, COLD_AFTER, CameraBook
from raydel.core.startlatency import KEPT, Camera
from raydel.interfaces import MOST_CAMERAS, StoreTrouble
from raydel.testing import EPOCH, FakeTimebase
from tests.stage import FULL, HeldStore


class Case(SynchronousTestCase):
    """A book on a store that has two cameras."""

    stored: ClassVar[tuple[Camera, ...]] = (
        Camera("old", "Pixel 9", (300.0,), (700.0,), EPOCH - 9.0),
        Camera("new", "iPhone15,2", (110.0,), (), EPOCH - 1.0),
    )

    def setUp(self) -> None:
        """Have the store, and open the book."""
        self.clock = Clock()
        self.store = HeldStore()
        self.store.commit([], self.stored)
        self.kept: list[Camera] = []
        self.book = self.a_book()
        self.book.start()

    def a_book(self) -> CameraBook:
        """Return a book that was not opened yet."""
        timebase = FakeTimebase(self.clock)
        return CameraBook(self.store, self.kept.append, timebase, self.clock)

    def delay(self, name: str, model: str | None, *, cold: bool = False) -> float:
        """Return how late a camera is said to be."""
        return self.book.latency(name, model, cold=cold).delay

    def names(self, limit: int = 50, before: str | None = None) -> list[str]:
        """Return the installations that are known, newest first."""
        return [each.installation_id for each in self.book.page(limit, before).cameras]


class Knowing(Case):
    """What is asked of it."""

    def test_stored(self) -> None:
        """What an earlier run of the program has learned is known."""
        self.assertEqual(300.0, self.delay("old", "Pixel 9"))
        self.assertEqual(700.0, self.delay("old", "Pixel 9", cold=True))

    def test_by_the_model(self) -> None:
        """A phone that was never seen is taken for one like the others."""
        self.assertEqual(110.0, self.delay("other", "iPhone15,2"))

    def test_unknown(self) -> None:
        """Of one whose model is not known either, nothing is."""
        self.assertEqual(0.0, self.delay("other", "3310"))
        self.assertEqual(0.0, self.delay("other", None))

    def test_another_phone(self) -> None:
        """An installation that is on another phone now is taken for one of those."""
        self.assertEqual(110.0, self.delay("old", "iPhone15,2"))
        self.assertEqual(0.0, self.delay("old", None))

    def test_newest(self) -> None:
        """They are listed page by page, those first that were heard of last."""
        self.assertEqual(["new", "old"], self.names())
        self.book.learn("old", "Pixel 9", 310.0, cold=False)
        self.assertEqual(["old", "new"], self.names())
        self.assertEqual(["old"], self.names(limit=1))
        self.assertEqual(["new"], self.names(before="old"))
        self.assertEqual([], self.names(before="new"))
        self.assertEqual([], self.names(before="nobody"))

    def test_models(self) -> None:
        """With them come the models they are of, where they say so."""
        self.book.learn("app", None, 420.0, cold=False)
        known = self.book.page(2)
        self.assertEqual(["app", "new"], [c.installation_id for c in known.cameras])
        self.assertEqual({"iPhone15,2": self.book.model("iPhone15,2")}, known.models)


class Learning(Case):
    """What it is told."""

    def test_one(self) -> None:
        """An observation counts at once, and is handed on."""
        self.book.learn("app", "SM-S911B", 420.0, cold=True)
        self.assertEqual(420.0, self.delay("app", "SM-S911B", cold=True))
        self.assertEqual([Camera("app", "SM-S911B", (), (420.0,), EPOCH)], self.kept)

    def test_its_model(self) -> None:
        """It counts for others of its model, too."""
        self.assertEqual(110.0, self.delay("other", "iPhone15,2"))
        for _ in range(3):
            self.book.learn("third", "iPhone15,2", 210.0, cold=False)
        self.assertEqual(160.0, self.delay("other", "iPhone15,2"))

    def test_no_model(self) -> None:
        """One that does not say what it is is known by itself alone."""
        self.book.learn("app", None, 420.0, cold=False)
        self.assertEqual(420.0, self.delay("app", None))
        self.assertEqual(0.0, self.delay("other", None))
        self.book.learn("app", "SM-S911B", 430.0, cold=False)
        self.assertEqual(430.0, self.delay("other", "SM-S911B"))

    def test_moved(self) -> None:
        """What moved to another model is no example of the old one any more."""
        self.book.learn("old", "iPhone15,2", 210.0, cold=False)
        self.assertEqual(0.0, self.delay("other", "Pixel 9"))
        self.assertEqual(160.0, self.delay("other", "iPhone15,2"))

    def test_nonsense(self) -> None:
        """What cannot be is not learned, and nobody comes to be known by it."""
        self.book.learn("old", "Pixel 9", 60_000.0, cold=False)
        self.book.learn("app", "SM-S911B", -60_000.0, cold=False)
        self.assertEqual((["new", "old"], []), (self.names(), self.kept))

    def test_so_many(self) -> None:
        """Of a crowd, those that were heard of last are known."""
        for number in range(MOST_CAMERAS):
            self.book.learn(f"app-{number}", f"{number}", 420.0, cold=False)
        self.assertEqual(MOST_CAMERAS, len(self.names(MOST_CAMERAS + 1)))
        self.assertEqual(0.0, self.delay("old", "Pixel 9"))
        self.assertEqual(420.0, self.delay("app-0", "0"))

    def test_so_many_of_a_model(self) -> None:
        """Those of a model that were heard of last tell what it is like."""
        for number in range(2 * ASKED):
            latency = 100.0 if number < ASKED else 500.0
            self.book.learn(f"app-{number}", "SM-S911B", latency, cold=False)
        self.assertEqual(500.0, self.delay("other", "SM-S911B"))

    def test_read_again(self) -> None:
        """What is learned is what the next run of the program knows."""
        for number in range(KEPT):
            self.book.learn("old", "Pixel 9", 400.0 + number, cold=False)
        self.store.commit([], self.kept)
        again = self.a_book()
        again.start()
        self.assertEqual(self.book.page(9), again.page(9))
        self.assertEqual(self.book.model("Pixel 9"), again.model("Pixel 9"))


class Warmth(Case):
    """When a camera is warm."""

    def test_never_ran(self) -> None:
        """A camera that nobody saw run is cold."""
        self.assertTrue(self.book.is_cold("old"))

    def test_ran(self) -> None:
        """One that ran is warm for ten minutes."""
        self.book.ran("old")
        self.clock.advance(COLD_AFTER / 1000)
        self.assertFalse(self.book.is_cold("old"))
        self.clock.advance(0.001)
        self.assertTrue(self.book.is_cold("old"))
        self.assertTrue(self.book.is_cold("new"))

    def test_put_away(self) -> None:
        """One whose app was started anew is cold."""
        self.book.ran("old")
        self.book.cooled("old")
        self.book.cooled("new")
        self.assertTrue(self.book.is_cold("old"))

    def test_so_many(self) -> None:
        """Of a crowd, those that ran last are known to have."""
        for number in range(MOST_CAMERAS + 1):
            self.book.ran(f"app-{number}")
        self.assertTrue(self.book.is_cold("app-0"))
        self.assertFalse(self.book.is_cold("app-1"))


class LateStore(HeldStore):
    """A store that takes its time."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: Deferred[Sequence[Camera]] = Deferred()

    def cameras(self) -> Deferred[Sequence[Camera]]:
        """Keep who asks waiting."""
        return self.asked


class Trouble(Case):
    """A store that cannot be read."""

    def setUp(self) -> None:
        """Have a store that fails, and another book."""
        super().setUp()
        self.store.break_down(readable=False)
        self.book = self.a_book()

    def started(self, seconds: int = 3) -> list[str]:
        """Open the book, let some time pass, and return what was logged."""
        with capturedLogs() as events:
            self.book.start()
            self.clock.pump([1.0] * seconds)
        return [str(formatEvent(each)) for each in events]

    def test_said_once(self) -> None:
        """What is wrong is said in one line, however often it is tried."""
        expected = f"what is known of cameras cannot be read: {FULL}"
        self.assertEqual([expected], self.started())

    def test_nothing_is_learned(self) -> None:
        """What is learned now would take the place of what is stored."""
        self.started()
        self.book.learn("old", "Pixel 9", 420.0, cold=False)
        self.assertEqual([], self.kept)
        self.assertEqual(0.0, self.delay("old", "Pixel 9"))

    def test_tried_again(self) -> None:
        """It is tried every second until it works."""
        self.started()
        self.store.mend()
        self.clock.advance(1.0)
        self.assertEqual(300.0, self.delay("old", "Pixel 9"))
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_stopped(self) -> None:
        """A server that ends leaves no timer behind."""
        self.started()
        self.book.stop()
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_stopped_while_it_reads(self) -> None:
        """Nor does one that ends before the store has answered."""
        self.store = late = LateStore()
        self.book = self.a_book()
        self.book.start()
        self.book.stop()
        late.asked.errback(StoreTrouble(FULL))
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_a_fault(self) -> None:
        """What no store has foreseen is logged as a fault, once too."""
        self.store.break_down(ZeroDivisionError("oops"), readable=False, raises=True)
        self.assertEqual(1, len(self.started()))
        (fault,) = self.flushLoggedErrors(ZeroDivisionError)
        self.assertEqual("oops", fault.getErrorMessage())
