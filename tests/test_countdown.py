"""One phone's copy of a start, from its acceptance until it leaves."""

from __future__ import annotations

from math import inf

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from raydel.core.events import Command, Receipt
from raydel.core.messages import StartRecording
from raydel.countdown import Countdown
from raydel.testing import EPOCH, FakeTimebase
from tests.stage import run

DELAY = 10.0
CAMERA = 50.0
RECEIPT = Receipt("ABC123", "device", "take", Command.START)


class FakePhone:
    """A phone that is 10 ms away and needs 50 to call its camera.

    Attributes:
        answers: Instants at which it told its clock.
        holds: Whether its fresh answers agree with the older ones.
        probes: Instants at which it was probed, ms from the beginning.
        busy_until: When its outbox will be empty.
        answering: Whether it answers each probe, after the way there and back.
    """

    def __init__(self, clock: Clock, timebase: FakeTimebase) -> None:
        self.answers: list[float] = []
        self.holds = True
        self.probes: list[float] = []
        self.busy_until = -inf
        self.answering = False
        self.countdown: Countdown
        self._clock = clock
        self._timebase = timebase

    def departure(self, start_at: float) -> float:
        """Aim at the camera call."""
        return start_at - CAMERA - DELAY

    def knows_clock(self) -> bool:
        """Tell whether it answered."""
        return bool(self.answers)

    def fresh_answers(self, since: float) -> int:
        """Count the answers since then."""
        return sum(answer >= since for answer in self.answers)

    def clock_holds(self, since: float) -> bool:
        """Tell whether they agree, where there are any."""
        return self.holds or not self.fresh_answers(since)

    def probe(self) -> None:
        """Note the probe, and answer it."""
        self.probes.append(round(self._timebase.now() - EPOCH, 3))
        if self.answering:
            self._clock.callLater(2 * DELAY / 1000, self.answer)

    def answer(self) -> None:
        """Tell the clock."""
        self.answers.append(self._timebase.now())
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
        self.phone.countdown = Countdown(
            self.phone, command, RECEIPT, self.note, self.clock, self.timebase
        )
        self.phone.countdown.begin()
        return self.phone.countdown

    def note(self, countdown: Countdown, exact: bool) -> None:
        """Note a copy: when it left, and whether the phone's clock was used."""
        self.assertIs(self.phone.countdown, countdown)
        self.sent.append((round(self.timebase.now() - EPOCH, 3), exact))

    def know_clock(self) -> None:
        """Let the phone have told its clock a while ago."""
        self.phone.answers.append(EPOCH - 1000.0)

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
        """Meanwhile the phone is pinged four to eight times, 25 ms apart."""
        self.start(300.0)
        run(self.clock, 300)
        self.assertEqual([0.0, 25.0, 50.0, 75.0, 100.0], self.phone.probes)

    def test_too_late(self) -> None:
        """Where there is no time, the copy leaves at once and unprobed."""
        self.start(CAMERA + DELAY)
        self.assertEqual([(0.0, True)], self.sent)
        self.assertEqual([], self.phone.probes)

    def test_no_probe_after_the_copy(self) -> None:
        """A copy that leaves early ends the burst."""
        self.start(CAMERA + DELAY + 60.0)
        self.assert_sent(60.0, exact=True)
        self.assertEqual([0.0, 25.0, 50.0], self.phone.probes)

    def test_clock_told_meanwhile(self) -> None:
        """A phone that tells its clock within the lead is told when to start."""
        self.start(300.0)
        run(self.clock, 200)
        self.phone.answer()
        self.assert_sent(220.0, exact=True)


class ByItsClock(Copies):
    """The phone has told its clock before."""

    def setUp(self) -> None:
        """Let it."""
        super().setUp()
        self.know_clock()

    def test_answered(self) -> None:
        """The copy leaves as soon as the phone was probed once more."""
        self.phone.answering = True
        self.start(2000.0)
        self.assert_sent(75.0 + 2 * DELAY, exact=True)

    def test_unanswered(self) -> None:
        """The copy leaves in time even if no probe is answered."""
        self.start(300.0)
        self.assert_sent(300.0 - CAMERA - DELAY - 20.0, exact=True)

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
        """A copy that is cancelled is not sent, and probes no more."""
        countdown = self.start(300.0)
        run(self.clock, 30)
        countdown.cancel()
        self.assertEqual([], self.clock.getDelayedCalls())
        run(self.clock, 1000)
        self.assertEqual([], self.sent)
        self.assertEqual([0.0, 25.0], self.phone.probes)
