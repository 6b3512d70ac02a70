"""Commands that are sent again: one effect, and the same answer."""

from __future__ import annotations

from msgspec import UNSET, structs
from twisted.trial.unittest import SynchronousTestCase

from raydel.core.apps import App
from raydel.core.effects import Tell
from raydel.core.events import Command, MarkRequested, Receipt
from raydel.core.messages import (
    CameraReadyNotice,
    Error,
    Joined,
    Numbered,
    ReadinessUpdate,
    StartRecording,
    StopRecording,
)
from raydel.core.session import step
from raydel.core.state import MOST_REMEMBERED, REMEMBERED
from tests.core.steps import CODE, Stage, joining, token_of

NEW = App.PROTOCOL_2


class SentAgain(SynchronousTestCase):
    """The same id by the same device is the same command."""

    def setUp(self) -> None:
        """Seat a host and a guest that speak protocol 2."""
        self.stage = Stage()
        self.stage.both_join(NEW, NEW)

    def again(self, first: Numbered) -> Tell:
        """Return the one effect of a command that was sent again.

        It has to be the answer that came first, without its number.
        """
        (effect,) = self.stage.effects
        assert isinstance(effect, Tell)
        self.assertEqual(structs.replace(first, seq=UNSET), effect.message)
        return effect

    def test_a_start(self) -> None:
        """One take begins; its start is told again, to be proven again."""
        self.stage.starts("guest", "take", command_id="one")
        first = self.stage.heard("guest", StartRecording)
        self.stage.passes(50)
        self.stage.starts("guest", "other", lead=900.0, command_id="one")
        receipt = Receipt(CODE, "guest-id", "take", Command.START)
        self.assertEqual(receipt, self.again(first).receipt)
        self.assertEqual(["take"], list(self.stage.takes))
        self.stage.proves("guest", Command.START)
        self.assertTrue(self.stage.take.participants[1].start_proven)

    def test_a_start_whose_take_is_over(self) -> None:
        """Who asks for a take that is over is told its end, and begins no other."""
        for stopper in ("host", "guest"):
            with self.subTest(stopper=stopper):
                stage = Stage()
                stage.both_join(NEW, NEW)
                stage.starts("guest", "take", command_id="one")
                stage.stops(stopper, lead=40.0)
                first = stage.heard("guest", StopRecording)
                stage.starts("guest", "other", command_id="one")
                receipt = Receipt(CODE, "guest-id", "take", Command.STOP)
                message = structs.replace(first, seq=UNSET)
                self.assertEqual((Tell("guest", message, receipt),), stage.effects)
                self.assertEqual(["take"], list(stage.takes))
                stage.proves("guest", Command.STOP)
                owed = [debt.owner.device_id for debt in stage.session.debts]
                self.assertEqual(["host-id"], owed)

    def test_a_start_in_a_later_take(self) -> None:
        """The end of a take that is over leaves the next one alone."""
        self.stage.starts("guest", "take", command_id="one")
        self.stage.stops("host")
        self.stage.starts("host", "next")
        self.stage.starts("guest", "other", command_id="one")
        self.assertEqual("take", self.stage.heard("guest", StopRecording).take_id)
        self.assertEqual([], self.stage.told("host"))
        self.assertEqual("next", self.stage.take.id)

    def test_a_stop(self) -> None:
        """The second is answered like the first, which alone ended anything."""
        self.stage.starts()
        self.stage.stops("guest", lead=40.0, command_id="two")
        first = self.stage.heard("guest", StopRecording)
        self.stage.passes(50)
        self.stage.stops("guest", command_id="two")
        receipt = Receipt(CODE, "guest-id", "take", Command.STOP)
        self.assertEqual(receipt, self.again(first).receipt)

    def test_a_stop_in_a_later_take(self) -> None:
        """A stop that is sent again ends no later take."""
        self.stage.starts()
        self.stage.stops("guest", command_id="two")
        self.stage.starts("host", "next")
        self.stage.stops("guest", command_id="two")
        self.assertEqual("take", self.stage.heard("guest", StopRecording).take_id)
        self.assertEqual([], self.stage.told("host"))
        self.assertEqual("next", self.stage.take.id)

    def test_a_refusal(self) -> None:
        """What was refused stays refused, though it might be granted by now."""
        self.stage.starts()
        self.stage.starts("guest", "other", command_id="one")
        first = self.stage.heard("guest", Error)
        self.assertEqual("recording_in_progress", first.code)
        self.stage.stops()
        self.stage.starts("guest", "other", command_id="one")
        self.assertEqual((Tell("guest", first),), self.stage.effects)
        self.assertIsNone(self.stage.session.take)

    def test_a_stop_too_early(self) -> None:
        """A stop that found nothing to stop stops nothing later."""
        self.stage.stops("guest", command_id="two")
        self.stage.starts()
        self.stage.stops("guest", command_id="two")
        self.assertEqual("no_recording", self.stage.error("guest"))
        self.assertEqual("take", self.stage.take.id)

    def test_readiness(self) -> None:
        """Nobody else hears of it twice."""
        for camera in (False, True):
            with self.subTest(camera=camera):
                self.stage.is_ready("guest", camera=camera, command_id=f"{camera}")
                first = self.stage.heard("guest", ReadinessUpdate)
                self.stage.is_ready("guest", camera=camera, command_id=f"{camera}")
                self.assertIsNone(self.again(first).receipt)

    def test_readiness_that_got_lost(self) -> None:
        """Readiness goes with the link, so it is reported anew, whatever its id."""
        self.stage.is_ready("guest", camera=True, command_id="three")
        self.stage.loses("guest")
        self.stage.guest_joins("again", app=NEW, resume=token_of("guest"))
        for times in (1, 0):
            self.stage.is_ready("again", camera=True, command_id="three")
            self.assertEqual(
                1, self.stage.heard("again", ReadinessUpdate).ready_devices
            )
            self.assertEqual(times, self.stage.kinds("host").count("CameraReadyNotice"))
            self.assertTrue(self.stage.seat("again").ready)
        self.assertEqual(1, len(self.stage.session.performed))

    def test_over_another_link(self) -> None:
        """A device is the same device when it has come back."""
        self.stage.starts("guest", "take", command_id="one")
        self.stage.loses("guest")
        self.stage.guest_joins("again", app=NEW, resume=token_of("guest"), last_seq=1)
        self.stage.starts("again", "other", command_id="one")
        self.assertEqual("take", self.stage.heard("again", StartRecording).take_id)

    def test_after_a_restart(self) -> None:
        """What was performed before the server restarted is known afterwards."""
        self.stage.starts("guest", "take", command_id="one")
        self.stage.stops("guest", command_id="two")
        self.stage.restarts()
        self.stage.guest_joins("again", app=NEW, resume=token_of("guest"))
        for command_id in ("one", "two"):
            self.stage.starts("again", "other", command_id=command_id)
            self.assertEqual("take", self.stage.heard("again", StopRecording).take_id)

    def test_another_device(self) -> None:
        """The same id by another device is another command."""
        self.stage.starts("guest", "take", command_id="one")
        self.stage.starts("host", "other", command_id="one")
        self.assertEqual("recording_in_progress", self.stage.error("host"))
        self.stage.stops("guest", command_id="two")
        self.stage.stops("host", command_id="two")
        self.assertEqual("no_recording", self.stage.error("host"))

    def test_without_an_id(self) -> None:
        """Without an id it is another command each time."""
        self.stage.starts()
        self.stage.stops()
        self.stage.stops()
        self.assertEqual("no_recording", self.stage.error("host"))
        self.assertEqual((), self.stage.session.performed)

    def test_forgotten_some_time(self) -> None:
        """The latest of a device are remembered, and no more."""
        for number in range(REMEMBERED + 1):
            self.stage.stops("guest", command_id=f"{number}")
        self.stage.starts()
        self.stage.stops("guest", command_id="1")
        self.assertEqual("no_recording", self.stage.error("guest"))
        self.stage.stops("guest", command_id="0")
        self.assertEqual("take", self.stage.heard("guest", StopRecording).take_id)

    def test_a_start_among_markers(self) -> None:
        """Whatever else is said by both, a start that is sent again begins no other."""
        self.stage.starts("host", "take", command_id="one")
        for number in range(100):
            for peer in ("host", "guest"):
                mark = MarkRequested(peer, command_id=f"{peer}-{number}")
                self.stage.do(mark)
        self.stage.stops("guest")
        self.stage.starts("host", "other", command_id="one")
        self.assertEqual("take", self.stage.heard("host", StopRecording).take_id)
        self.assertEqual(["take"], list(self.stage.takes))

    def test_so_many_at_most(self) -> None:
        """Phones that come as another each time fill nothing."""
        for number in range(MOST_REMEMBERED):
            self.stage.guest_joins(f"guest-{number}", name=f"{number}", app=NEW)
            self.stage.is_ready(f"guest-{number}", command_id="one")
            self.stage.leaves(f"guest-{number}")
        self.stage.starts("host", command_id="one")
        for number in range(2 * REMEMBERED):
            self.stage.do(MarkRequested("host", command_id=f"{number}"))
        self.assertLessEqual(len(self.stage.session.performed), MOST_REMEMBERED)

    def test_no_seat(self) -> None:
        """A stranger's command is refused, and nothing of it remembered."""
        self.stage.starts("stranger", command_id="one")
        self.assertEqual("not_joined", self.stage.error("stranger"))
        self.assertEqual((), self.stage.session.performed)

    def test_no_answer(self) -> None:
        """What was never answered is not remembered either."""
        self.stage.goes_silent("guest")
        self.stage.starts("guest", "take", command_id="one")
        self.assertEqual([], self.stage.told("guest"))
        self.assertEqual((), self.stage.session.performed)

    def test_released_apps(self) -> None:
        """A released app's start is never told twice, whatever it sends."""
        stage = Stage()
        stage.both_join()
        for expected in ("StartRecording", "Error"):
            stage.starts("guest", command_id="one")
            self.assertEqual([expected], stage.kinds("guest"))
        self.assertEqual((), stage.session.performed)

    def test_it_changes_nothing(self) -> None:
        """A command that is sent again leaves the session as it was."""
        self.stage.starts("guest", command_id="one")
        before = self.stage.value
        self.stage.starts("guest", "other", command_id="one")
        self.assertEqual(before, self.stage.value)

    def test_what_others_are_told(self) -> None:
        """A notice to others is no answer."""
        self.stage.is_ready("guest", camera=True, command_id="three")
        self.stage.heard("host", CameraReadyNotice)
        (performed,) = self.stage.session.performed
        expected = ReadinessUpdate(1, 2, all_ready=False)
        self.assertEqual(
            ("guest-id", expected), (performed.device_id, performed.answer)
        )


class JoinedAgain(SynchronousTestCase):
    """A join that is sent again on the same connection."""

    def joins(self, stage: Stage, app: App, command_id: str | None) -> None:
        """The guest asks for its seat."""
        event = joining(
            "guest", host=False, name="Pixel", app=app, command_id=command_id
        )
        stage.do(event)

    def test_by_its_id(self) -> None:
        """It is welcomed once more, and nothing changes."""
        stage = Stage()
        stage.host_joins()
        self.joins(stage, NEW, "one")
        before = stage.value
        self.joins(stage, NEW, "one")
        (effect,) = stage.effects
        assert isinstance(effect, Tell)
        assert isinstance(effect.message, Joined)
        self.assertEqual(
            ("guest-id", 1), (effect.message.device_id, effect.message.seq)
        )
        self.assertEqual(before, stage.value)

    def test_while_it_waits(self) -> None:
        """One that waits for a seat waits on: it has asked once."""
        stage = Stage()
        stage.both_join()
        for _ in range(2):
            stage.do(
                joining("third", host=False, name="Nokia", app=NEW, command_id="1")
            )
        self.assertEqual((), stage.effects)
        self.assertEqual(1, len(stage.session.claims))

    def test_without_an_id(self) -> None:
        """Without an id it is a second join, as it is from a released app."""
        for app, command_id in ((NEW, None), (App.LIBRARY_2, "one")):
            with self.subTest(app=app):
                stage = Stage()
                stage.host_joins()
                self.joins(stage, app, command_id)
                self.joins(stage, app, command_id)
                self.assertEqual("already_joined", stage.error("guest"))


class Purity(SynchronousTestCase):
    """A step that lost a race is taken again."""

    def test_twice_from_the_same(self) -> None:
        """An answer that was remembered in a lost step is worked out again."""
        stage = Stage()
        stage.both_join(NEW, NEW)
        stage.starts("guest", command_id="one")
        event = joining("again", host=False, app=NEW, resume=token_of("guest"))
        first = step(stage.value, CODE, event, stage.now, stage.config)
        self.assertEqual(first, step(stage.value, CODE, event, stage.now, stage.config))
