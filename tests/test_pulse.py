"""A peer's signs of life, and how long it may go without."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from raydel.pulse import SILENCE, STRANGER_PATIENCE, Life, Pulse
from raydel.testing import FakeTimebase
from tests.stage import run


class Case(SynchronousTestCase):
    """A peer that has just come."""

    def setUp(self) -> None:
        """Let it come."""
        self.clock = Clock()
        self.lost = 0
        self.timebase = FakeTimebase(self.clock)
        self.pulse = Pulse(self.clock, self.timebase, self.lose)

    def heard(self) -> Life:
        """Hear of it now."""
        return self.pulse.heard(self.timebase.now())

    def lose(self) -> None:
        """Note that patience is at its end."""
        self.lost += 1

    def run_for(self, milliseconds: float) -> None:
        """Let time pass."""
        run(self.clock, milliseconds)


class Patience(Case):
    """A peer without a seat."""

    def test_it_ends(self) -> None:
        """It has 30 s to say something, and is lost once."""
        self.run_for(STRANGER_PATIENCE - 1)
        self.assertEqual(0, self.lost)
        self.run_for(2 * STRANGER_PATIENCE)
        self.assertEqual(1, self.lost)

    def test_a_word(self) -> None:
        """Each word gives it its time again, a sign of life does not."""
        self.run_for(STRANGER_PATIENCE - 1)
        self.pulse.spoke()
        self.run_for(STRANGER_PATIENCE - 1)
        self.assertEqual(Life.STRANGER, self.heard())
        self.run_for(2)
        self.assertEqual(1, self.lost)

    def test_a_seat(self) -> None:
        """With a seat it needs no word, and one starts no patience."""
        self.pulse.asked()
        self.pulse.spoke()
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_no_seat_any_more(self) -> None:
        """Without one again, it has its time again."""
        self.pulse.asked()
        self.run_for(60_000)
        self.pulse.unseated(owed=False)
        self.run_for(STRANGER_PATIENCE + 1)
        self.assertEqual(1, self.lost)

    def test_owed(self) -> None:
        """One that is owed a stop may be silent, until it is refused for good."""
        self.pulse.asked()
        self.pulse.unseated(owed=True)
        self.pulse.spoke()
        self.run_for(10 * STRANGER_PATIENCE)
        self.assertEqual(0, self.lost)
        self.pulse.asked()
        self.assertIs(Life.THERE, self.pulse.life)
        self.pulse.unseated(owed=False)
        self.run_for(STRANGER_PATIENCE + 1)
        self.assertEqual(1, self.lost)

    def test_the_end(self) -> None:
        """Nobody waits for one that is gone, whatever is heard of it."""
        self.pulse.end()
        self.pulse.spoke()
        self.pulse.asked()
        self.pulse.probed()
        self.pulse.unseated(owed=False)
        self.run_for(60_000)
        self.assertFalse(self.pulse.falls_silent())
        self.assertEqual((Life.OVER, 0), (self.heard(), self.lost))
        self.assertEqual([], self.clock.getDelayedCalls())


class Seated(Case):
    """A peer with a seat."""

    def setUp(self) -> None:
        """Give it one."""
        super().setUp()
        self.pulse.asked()

    def test_silence(self) -> None:
        """It falls silent once, 10 s after it was last heard."""
        self.run_for(5_000)
        self.heard()
        self.run_for(SILENCE - 1)
        self.assertFalse(self.pulse.falls_silent())
        self.run_for(1)
        self.assertTrue(self.pulse.falls_silent())
        self.assertFalse(self.pulse.falls_silent())

    def test_heard_again(self) -> None:
        """It was silent until it is heard, and may fall silent again."""
        for _ in range(2):
            self.run_for(SILENCE)
            self.assertTrue(self.pulse.falls_silent())
            self.assertIs(Life.SILENT, self.heard())
            self.assertIs(Life.THERE, self.heard())

    def test_a_probe(self) -> None:
        """The first sign of life after a question answers it."""
        self.pulse.probed()
        self.assertIs(Life.PROBED, self.heard())
        self.assertIs(Life.THERE, self.heard())

    def test_a_probe_that_is_not_answered(self) -> None:
        """One that was asked falls silent as any other; the question is void."""
        self.pulse.probed()
        self.run_for(SILENCE)
        self.assertTrue(self.pulse.falls_silent())
        self.pulse.probed()
        self.assertIs(Life.SILENT, self.heard())

    def test_without_a_seat(self) -> None:
        """One without a seat is nobody's, and cannot fall silent."""
        self.pulse.probed()
        self.pulse.unseated(owed=True)
        self.run_for(10 * SILENCE)
        self.assertFalse(self.pulse.falls_silent())
        self.assertIs(Life.WAITING, self.heard())
