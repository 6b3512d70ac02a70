"""When peers are asked for their clocks."""

from __future__ import annotations

from itertools import pairwise

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from raydel.core.burst import BURST
from raydel.core.schedule import (
    ATTENTION,
    FULL_CADENCE,
    HASTE,
    MOST_AT_ONCE,
    SLOW_CADENCE,
    SPACING,
)
from raydel.probing import Prober, Probing
from raydel.testing import EPOCH, FakeTimebase
from tests.stage import run

LENGTH = (BURST - 1) * SPACING
"""ms from the first question of a burst to its last."""


class Peer:
    """Somebody who is asked.

    Attributes:
        asked: When, ms from the beginning.
        numbers: Of the questions in their bursts.
        answers: Whether asking it makes sense.
        broken: Whether asking it fails.
        probing: How it is asked.
    """

    def __init__(self, timebase: FakeTimebase) -> None:
        self.asked: list[float] = []
        self.numbers: list[int] = []
        self.answers = True
        self.broken = False
        self.probing = Probing(self._ask, lambda: self.answers)
        self._timebase = timebase

    def begun(self) -> list[float]:
        """Return when bursts began, s from the beginning."""
        return [
            round(at / 1000, 1)
            for at, number in zip(self.asked, self.numbers, strict=True)
            if number == 0
        ]

    def _ask(self, number: int) -> None:
        self.asked.append(round(self._timebase.now() - EPOCH, 4))
        self.numbers.append(number)
        if self.broken:
            raise RuntimeError("the wire is a mess")


class Case(SynchronousTestCase):
    def setUp(self) -> None:
        """Have two peers, and chance in the middle."""
        self.clock = Clock()
        self.timebase = FakeTimebase(self.clock)
        self.chance = 0.5
        self.prober = Prober(self.clock, self.timebase, lambda: self.chance)
        self.peer, self.other = Peer(self.timebase), Peer(self.timebase)

    def begin(self, peer: Peer) -> None:
        """Begin a burst."""
        self.prober.begin(peer.probing)

    def attend(self, peer: Peer) -> None:
        """Ask it often for a while."""
        self.prober.attend(peer.probing)

    def run_for(self, milliseconds: float) -> None:
        """Let time pass."""
        run(self.clock, milliseconds)


class Bursts(Case):
    """Questions that follow each other."""

    def test_burst(self) -> None:
        """A burst begins at once, and sweeps the millisecond."""
        self.begin(self.peer)
        self.run_for(5_000)
        self.assertEqual(
            [round(number * SPACING, 4) for number in range(BURST)], self.peer.asked
        )
        self.assertEqual(list(range(BURST)), self.peer.numbers)

    def test_once(self) -> None:
        """One that goes on is not begun anew."""
        self.begin(self.peer)
        self.run_for(5 * SPACING + 1)
        self.begin(self.peer)
        self.run_for(5_000)
        self.assertEqual(list(range(BURST)), self.peer.numbers)

    def test_late_timers(self) -> None:
        """A question that is late does not make the next ones late."""
        self.begin(self.peer)
        for _ in range(4 * BURST):
            self.run_for(1.2 + HASTE)
        spans = [b - a for a, b in pairwise(self.peer.asked)]
        self.assertApproximates(LENGTH, sum(spans), 2 * HASTE)

    def test_haste(self) -> None:
        """It may be asked in haste, even if it is asked already."""
        for _ in range(2):
            self.begin(self.peer)
            self.run_for(10)
            began = len(self.peer.asked)
            self.prober.hasten(self.peer.probing)
            self.run_for((BURST - 1) * HASTE)
            self.assertEqual(BURST, len(self.peer.asked) - began)
            self.run_for(5_000)
            self.assertEqual(BURST, len(self.peer.asked) - began)

    def test_one_timer(self) -> None:
        """Those that are due together are asked together."""
        for peer in (self.peer, self.other):
            self.begin(peer)
        self.run_for(LENGTH + 1)
        (alarm,) = self.clock.getDelayedCalls()
        self.run_for(SLOW_CADENCE + LENGTH)
        self.assertEqual(self.peer.asked[BURST:], self.other.asked[BURST:])
        self.assertEqual(2 * BURST, len(self.peer.asked))
        self.assertFalse(alarm.active())

    def test_one_that_breaks(self) -> None:
        """A peer that cannot be asked spoils nothing for the others."""
        self.peer.broken = True
        for peer in (self.peer, self.other):
            self.begin(peer)
        self.run_for(SLOW_CADENCE - 1)
        self.assertEqual((1, BURST), (len(self.peer.asked), len(self.other.asked)))
        self.assertEqual(1, len(self.flushLoggedErrors(RuntimeError)))
        self.peer.broken = False
        self.run_for(2_000)
        self.assertEqual(1 + BURST, len(self.peer.asked))


class Cadences(Case):
    """How bursts follow each other."""

    def test_slow(self) -> None:
        """Where nothing is expected, one a minute."""
        self.begin(self.peer)
        self.run_for(3.5 * SLOW_CADENCE)
        self.assertEqual([0.0, 60.0, 120.0, 180.0], self.peer.begun())

    def test_full(self) -> None:
        """One every 10 s for two minutes, then one a minute."""
        self.begin(self.peer)
        self.attend(self.peer)
        self.run_for(ATTENTION + 2 * SLOW_CADENCE)
        often = [each for each in self.peer.begun() if each <= ATTENTION / 1000]
        self.assertEqual([0.0, 10.0, 20.0, 30.0], often[:4])
        self.assertEqual((13, 15), (len(often), len(self.peer.begun())))

    def test_jitter(self) -> None:
        """It varies by a tenth, so that not all are asked at once for ever."""
        for self.chance in (0.0, 1.0):
            peer = Peer(self.timebase)
            began = self.clock.seconds()
            self.begin(peer)
            self.run_for(1.2 * SLOW_CADENCE)
            first, second = peer.begun()
            expected = (0.9 + 0.2 * self.chance) * SLOW_CADENCE
            self.assertApproximates(expected / 1000, second - first, 0.11)
            self.prober.forget(peer.probing)
            self.assertLess(began, self.clock.seconds())

    def test_attention_begins_at_once(self) -> None:
        """Who was asked seldom is asked at once, when it begins to matter."""
        self.begin(self.peer)
        self.run_for(30_000)
        self.attend(self.peer)
        self.run_for(25_000)
        self.assertEqual([0.0, 30.0, 40.0, 50.0], self.peer.begun())

    def test_attention_goes_on(self) -> None:
        """Who is asked often already is not asked more often."""
        self.begin(self.peer)
        for _ in range(4):
            self.attend(self.peer)
            self.run_for(4_500)
        self.assertEqual([0.0, 10.0], self.peer.begun())

    def test_a_take(self) -> None:
        """Who records is asked often, for as long as it does."""
        self.begin(self.peer)
        self.peer.probing.records = True
        self.run_for(10 * ATTENTION)
        self.assertGreater(len(self.peer.begun()), 10 * ATTENTION / FULL_CADENCE * 0.9)
        before = len(self.peer.begun())
        self.peer.probing.records = False
        self.run_for(ATTENTION)
        self.assertLessEqual(len(self.peer.begun()) - before, 3)


class Crowds(Case):
    """Many peers at once."""

    def test_at_once(self) -> None:
        """No more than so many are asked at once; all others have their turn."""
        peers = [Peer(self.timebase) for _ in range(3 * MOST_AT_ONCE)]
        for peer in peers:
            self.begin(peer)
        self.assertEqual(MOST_AT_ONCE, sum(len(peer.asked) for peer in peers))
        self.run_for(6_000)
        self.assertEqual({BURST}, {len(peer.asked) for peer in peers})
        asked = sorted(at for peer in peers for at in peer.asked)
        most = round(MOST_AT_ONCE * 1_000 / SPACING * 1.1)
        for first, last in zip(asked, asked[most:], strict=False):
            self.assertGreater(last - first, 900.0)

    def test_haste(self) -> None:
        """Who is about to start is asked however many there are."""
        for _ in range(MOST_AT_ONCE):
            self.begin(Peer(self.timebase))
        self.prober.hasten(self.peer.probing)
        self.assertEqual([0], self.peer.numbers)


class Silence(Case):
    """Peers that do not answer, or are gone."""

    def test_in_vain(self) -> None:
        """After a burst in vain there is no other, until it answers."""
        self.peer.answers = False
        self.begin(self.peer)
        self.run_for(5 * SLOW_CADENCE)
        self.assertEqual([0.0], self.peer.begun())
        self.peer.answers = True
        for _ in range(2):
            self.prober.resume(self.peer.probing)
        self.run_for(1.5 * SLOW_CADENCE)
        self.assertEqual(2, len(self.peer.begun()))

    def test_resume(self) -> None:
        """Who is asked anyway is not asked more often for its answers."""
        self.begin(self.peer)
        self.prober.resume(self.peer.probing)
        self.run_for(1_000)
        self.prober.resume(self.peer.probing)
        self.run_for(1.5 * SLOW_CADENCE)
        self.assertEqual([0.0, 60.0], self.peer.begun())

    def test_forgotten(self) -> None:
        """Who is gone is not asked, in a burst or later, and leaves no timer."""
        for pause in (60.0, 5_000.0):
            for peer in (self.peer, self.other):
                self.begin(peer)
            self.run_for(pause)
            self.prober.forget(self.peer.probing)
            asked = len(self.peer.asked)
            self.run_for(5_000)
            self.assertEqual(asked, len(self.peer.asked))
            self.prober.forget(self.other.probing)
            self.assertEqual([], self.clock.getDelayedCalls())

    def test_the_end(self) -> None:
        """At the end nobody is asked, and no timer is left."""
        self.begin(self.peer)
        self.run_for(5_000)
        self.begin(self.other)
        self.run_for(60)
        self.prober.stop()
        self.assertEqual([], self.clock.getDelayedCalls())
