"""What leaves for one peer, and when."""

from __future__ import annotations

from math import inf

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from raydel.core.events import Command, Receipt
from raydel.core.messages import (
    Outbound,
    Pong,
    ReadinessUpdate,
    StartRecording,
    StopRecording,
)
from raydel.departures import Departures
from raydel.testing import EPOCH, FakeTimebase
from tests.stage import run

RECEIPT = Receipt("ABC123", "device", "take", Command.START)


class Peer:
    """A peer at no distance that starts on receipt.

    Attributes:
        in_order: Whether it is told all in the order of numbers.
        told: What it was told, and when, ms from the beginning.
        proofs: The receipts that went along.
        departures: What leaves for it.
    """

    def __init__(self, clock: Clock, *, in_order: bool) -> None:
        self.in_order = in_order
        self.told: list[tuple[str, float]] = []
        self.proofs: list[Receipt | None] = []
        self._timebase = FakeTimebase(clock)
        self.departures = Departures(self, clock, self._timebase)

    def counts(self) -> bool:
        """Tell whether it counts."""
        return self.in_order

    def stop_departure(self, stop_at: float) -> float:
        """Hold a stop for one that does not count."""
        return -inf if self.in_order else stop_at

    def report_clock(self) -> None:
        """Note that it was told of its clock."""
        self._note("clock")

    def send(
        self, message: Outbound, receipt: Receipt | None = None, *, exact: bool = True
    ) -> None:
        """Note a message."""
        self.proofs.append(receipt)
        self._note(type(message).__name__)

    def departure(self, start_at: float) -> float:
        """Let a start leave when it is due."""
        return start_at

    def latest_departure(self, start_at: float) -> float:
        """Let it leave when it is due, too."""
        return start_at

    def answers(self) -> int:
        """It never told its clock."""
        return 0

    def clock_holds(self, since: float) -> bool:
        """Nothing speaks against it."""
        return True

    def probe(self) -> None:
        """Nobody answers."""

    def free_at(self) -> float:
        """Return when what is held will have left."""
        return self.departures.until

    def _note(self, what: str) -> None:
        self.told.append((what, round(self._timebase.now() - EPOCH)))


class Order(SynchronousTestCase):
    def setUp(self) -> None:
        """Begin with a peer that counts."""
        self.begin(in_order=True)

    def begin(self, *, in_order: bool) -> None:
        """Begin anew."""
        self.clock = Clock()
        self.peer = Peer(self.clock, in_order=in_order)
        self.departures = self.peer.departures

    def start(self, at: float, take: str = "take") -> None:
        """Tell it to start, so many ms from the beginning."""
        command = StartRecording("ABC123", EPOCH, "device", EPOCH + at, take_id=take)
        self.departures.start(command, RECEIPT)

    def stop(self, at: float, take: str = "take") -> None:
        """Tell it to stop."""
        command = StopRecording("ABC123", EPOCH, "device", take, EPOCH + at)
        self.departures.stop(command, None)

    def say(self) -> None:
        """Tell it something else."""
        self.departures.say(ReadinessUpdate(1, 2, all_ready=False))

    def assert_told(self, *expected: tuple[str, float]) -> None:
        """Check what it was told, and when; nothing is left to do."""
        run(self.clock, 5_000)
        self.assertEqual(list(expected), self.peer.told)
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_a_start(self) -> None:
        """It leaves when it is due, its clock before it, the rest behind it."""
        self.start(300)
        self.say()
        self.departures.reconsider()
        self.assert_told(
            ("clock", 300), ("StartRecording", 300), ("ReadinessUpdate", 300)
        )
        self.assertEqual([RECEIPT, None], self.peer.proofs)

    def test_one_that_does_not_count(self) -> None:
        """It is told the rest at once."""
        self.begin(in_order=False)
        self.start(300)
        self.say()
        self.assert_told(
            ("ReadinessUpdate", 0), ("clock", 300), ("StartRecording", 300)
        )

    def test_taken_back(self) -> None:
        """A stop takes back its start; what waited for that goes before the stop."""
        self.start(300)
        self.say()
        self.stop(0)
        self.assert_told(("ReadinessUpdate", 0), ("StopRecording", 0))

    def test_another_take(self) -> None:
        """A stop of an earlier take leaves the start alone, and does not wait."""
        self.start(300)
        self.stop(0, "earlier")
        self.assert_told(("StopRecording", 0), ("clock", 300), ("StartRecording", 300))

    def test_a_later_start(self) -> None:
        """A start takes the place of one that has not left; nothing waits for that."""
        self.start(300)
        self.say()
        self.start(400, "later")
        self.assert_told(
            ("ReadinessUpdate", 0), ("clock", 400), ("StartRecording", 400)
        )

    def test_the_same_start(self) -> None:
        """The same one again is on its way already."""
        self.start(300)
        run(self.clock, 100)
        self.start(900)
        self.assert_told(("clock", 300), ("StartRecording", 300))

    def test_a_held_stop(self) -> None:
        """Nothing overtakes it."""
        self.begin(in_order=False)
        self.stop(200)
        self.departures.say(Pong())
        self.start(100, "later")
        self.assertEqual(EPOCH + 200, self.departures.until)
        self.assert_told(
            ("StopRecording", 200),
            ("clock", 200),
            ("Pong", 200),
            ("StartRecording", 200),
        )

    def test_the_end(self) -> None:
        """The end comes after a held stop, and takes back a start."""
        self.begin(in_order=False)
        self.stop(200)
        self.start(400, "later")
        self.departures.close(lambda: self.peer.send(Pong()))
        self.assert_told(("StopRecording", 200), ("Pong", 200))

    def test_what_waited_for_a_start_at_the_end(self) -> None:
        """It is not told: it is in the stream, and told when the peer is back."""
        self.start(400)
        self.say()
        self.departures.close(lambda: self.peer.send(Pong()))
        self.assert_told(("Pong", 0))

    def test_forgotten(self) -> None:
        """Whatever waits can be forgotten."""
        self.stop(200)
        self.start(400, "later")
        self.say()
        self.departures.clear()
        self.say()
        self.assert_told(("StopRecording", 0), ("ReadinessUpdate", 0))
