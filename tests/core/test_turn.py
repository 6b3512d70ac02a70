"""One step under way, and what follows from every one."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from raydel.core.config import Config
from raydel.core.effects import Tell
from raydel.core.messages import DeviceConnected, DeviceDisconnected
from raydel.core.turn import Outcome, Turn
from tests.core.steps import CODE, NOON, Stage


class Outcomes(SynchronousTestCase):
    """What a step comes to."""

    def test_of_nothing(self) -> None:
        """A step that changes nothing of nothing leaves nothing."""
        turn = Turn(None, CODE, NOON, Config())
        self.assertEqual(Outcome(None, (), ()), turn.outcome())

    def test_unchanged(self) -> None:
        """A step that changes nothing leaves the session as it was."""
        stage = Stage()
        stage.both_join()
        stage.starts()
        turn = Turn(stage.value, CODE, NOON + 1, Config())
        self.assertEqual(Outcome(stage.value, (), ()), turn.outcome())

    def test_takes_that_changed(self) -> None:
        """A take is handed over when it began, changed or ended, and only then."""
        stage = Stage()
        stage.both_join()
        before = stage.value
        stage.starts()
        turn = Turn(before, CODE, NOON, Config())
        turn.change(take=stage.take)
        self.assertEqual((stage.take,), turn.outcome().takes)

    def test_emptiness(self) -> None:
        """The first instant without anybody counts."""
        stage = Stage()
        stage.both_join()
        stage.loses("host")
        self.assertIsNone(stage.session.empty_since)
        stage.passes(10)
        stage.loses("guest")
        stage.passes(10)
        stage.goes_silent("guest")
        self.assertEqual(NOON + 10, stage.session.empty_since)


class Revealing(SynchronousTestCase):
    """Everybody is told once of who came and who went."""

    def setUp(self) -> None:
        """Seat a host and a guest."""
        self.stage = Stage()
        self.stage.both_join()
        self.turn = Turn(self.stage.value, CODE, NOON, Config())

    def test_once(self) -> None:
        """What was told is not told again."""
        guest = self.turn.session.seats[1]
        self.turn.reseat(guest, silent=True, away="silent")
        for _ in range(2):
            self.turn.reveal()
            gone = DeviceDisconnected("guest-id", CODE, "silent")
            self.assertEqual([Tell("host", gone)], self.turn.effects)

    def test_back_in_the_same_step(self) -> None:
        """Who goes and comes within one step was never away."""
        guest = self.turn.session.seats[1]
        away = self.turn.reseat(guest, silent=True)
        self.turn.reseat(away, silent=False)
        self.turn.reveal()
        self.assertEqual([], self.turn.effects)

    def test_a_lost_viewer(self) -> None:
        """A seat without a connection is told nothing, and all when it is back."""
        self.stage.loses("host")
        self.stage.loses("guest")
        self.stage.guest_joins("third", name="Nokia")
        self.assertEqual([], self.stage.told("host"))
        self.stage.host_joins("again")
        self.assertEqual(
            "third-id", self.stage.heard("again", DeviceConnected).device_id
        )
