"""One phone's copy of a start, from its acceptance until it leaves."""

from __future__ import annotations

from math import inf

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from raydel.core.burst import BURST
from raydel.core.events import Command, Receipt
from raydel.core.messages import StartRecording
from raydel.core.schedule import HASTE
from raydel.countdown import Countdown
from raydel.testing import EPOCH, FakeTimebase
from tests.stage import run

DELAY = 10.0
CAMERA = 50.0
RECEIPT = Receipt("ABC123", "device", "take", Command.START)


class FakePhone:
    """A phone that is 10 ms away and needs 50 to call its camera.

    Attributes:
        told: How often it told its clock.
        holds: Whether its fresh answers agree with the older ones.
        bursts: Instants at which a burst was begun, ms from the beginning.
        busy_until: When its outbox will be empty.
        answering: Whether it answers each question, after the way there and back.
    """

    def __init__(self, clock: Clock, timebase: FakeTimebase) -> None:
        self.told = 0
        self.holds = True
        self.bursts: list[float] = []
        self.busy_until = -inf
        self.answering = False
        self.countdown: Countdown | None = None
        self._clock = clock
        self._timebase = timebase
        self._told_before = 0

    def departure(self, start_at: float) -> float:
        """Aim at the camera call."""
        return start_at - CAMERA - DELAY

    def latest_departure(self, start_at: float) -> float:
        """Leave time for a way that takes long."""
        return start_at - CAMERA - 3 * DELAY

    def answers(self) -> int:
        """Count the answers."""
        return self.told

    def clock_holds(self, since: float) -> bool:
        """Tell whether they agree, where there are any."""
        return self.holds or self.told == self._told_before

    def probe(self) -> None:
        """Note the burst, and answer it."""
        self.bursts.append(round(self._timebase.now() - EPOCH, 3))
        self._told_before = self.told
        if self.answering:
            for number in range(BURST):
                way = number * HASTE + 2 * DELAY
                self._clock.callLater(way / 1000, self.answer)

    def answer(self) -> None:
        """Tell the clock."""
        self.told += 1
        if self.countdown is not None:
            self.countdown.reconsider()

    def free_at(self) -> float:
        """Tell when it can be sent something."""
        return self.busy_until


class Copies(SynchronousTestCase):
    def setUp(self) -> None:
        """Put a phone there."""
        self.clock = Clock()
        self.timebase = FakeTimebase(self.clock)
        self.phone = FakePhone(self.clock, self.timebase)
        self.sent: list[tuple[float, bool]] = []

    def start(self, lead: float) -> Countdown:
        """Accept a start, so many ms ahead."""
        command = StartRecording("ABC123", EPOCH, "device", self.timebase.now() + lead)
        countdown = self.phone.countdown = Countdown(
            self.phone, command, RECEIPT, self.note, self.clock, self.timebase
        )
        countdown.begin()
        return countdown

    def note(self, countdown: Countdown, exact: bool) -> None:
        """Note a copy: when it left, and whether the phone's clock was used."""
        self.assertIs(self.phone.countdown, countdown)
        self.phone.countdown = None
        self.sent.append((round(self.timebase.now() - EPOCH, 3), exact))

    def know_clock(self) -> None:
        """Let the phone have told its clock a while ago."""
        self.phone.told += 1

    def assert_sent(self, at: float, *, exact: bool) -> None:
        """Check that one copy left, then, and that nothing is left to do."""
        run(self.clock, 10_000)
        self.assertEqual([(at, exact)], self.sent)
        self.assertEqual([], self.clock.getDelayedCalls())


class OnReceipt(Copies):
    """The phone never told its clock."""

    def test_departure(self) -> None:
        """The copy leaves so that the camera is called when it should."""
        self.start(300.0)
        self.assert_sent(300.0 - CAMERA - DELAY, exact=True)

    def test_burst(self) -> None:
        """Meanwhile the phone is asked how far it is, in a burst."""
        self.start(300.0)
        run(self.clock, 300)
        self.assertEqual([0.0], self.phone.bursts)

    def test_too_late(self) -> None:
        """Where there is no time, the copy leaves at once; the phone is asked then."""
        self.start(CAMERA + DELAY)
        self.assertEqual([(0.0, True)], self.sent)
        self.assertEqual([0.0], self.phone.bursts)

    def test_clock_told_meanwhile(self) -> None:
        """A phone that tells its clock within the lead is told when to start."""
        self.start(300.0)
        run(self.clock, 200)
        self.phone.answer()
        self.assert_sent(300.0 - CAMERA - 3 * DELAY, exact=True)


class ByItsClock(Copies):
    """The phone has told its clock before."""

    def setUp(self) -> None:
        """Let it."""
        super().setUp()
        self.know_clock()

    def test_answered(self) -> None:
        """The copy leaves as soon as a whole burst of its answers is in."""
        self.phone.answering = True
        self.start(2000.0)
        last = round((BURST - 1) * HASTE + 2 * DELAY, 3)
        self.assert_sent(last, exact=True)

    def test_unanswered(self) -> None:
        """The copy leaves in time, for a slow way, even if nothing is answered."""
        self.start(300.0)
        self.assert_sent(300.0 - CAMERA - 3 * DELAY, exact=True)

    def test_disagreement(self) -> None:
        """If fresh answers belie the old ones, the copy leaves as on receipt."""
        self.phone.answering, self.phone.holds = True, False
        self.start(300.0)
        self.assert_sent(300.0 - CAMERA - DELAY, exact=False)

    def test_disagreement_noticed_late(self) -> None:
        """One answer is enough to learn that, though it comes last of all."""
        self.phone.holds = False
        self.start(300.0)
        run(self.clock, 210)
        self.phone.answer()
        self.assert_sent(300.0 - CAMERA - DELAY, exact=False)

    def test_no_lead(self) -> None:
        """Without a lead the copy leaves at once, by the old answers."""
        self.start(0.0)
        self.assertEqual([(0.0, True)], self.sent)


class InTurn(Copies):
    """What the phone is told before."""

    def test_after_a_held_stop(self) -> None:
        """The copy waits until what was put in before it has left."""
        for knows in (False, True):
            self.sent.clear()
            if knows:
                self.know_clock()
            self.phone.busy_until = self.timebase.now() + 500.0
            at = self.phone.busy_until - EPOCH
            self.start(300.0)
            self.assert_sent(at, exact=True)

    def test_cancelled(self) -> None:
        """A copy that is cancelled is not sent."""
        countdown = self.start(300.0)
        run(self.clock, 30)
        countdown.cancel()
        self.assertEqual([], self.clock.getDelayedCalls())
        run(self.clock, 1000)
        self.assertEqual([], self.sent)
