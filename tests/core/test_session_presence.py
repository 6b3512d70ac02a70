"""Who is shown as there: links lost, silence, readiness."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from raydel.core.apps import App
from raydel.core.effects import Close, Occasion
from raydel.core.messages import (
    CameraReadyNotice,
    DeviceConnected,
    DeviceDisconnected,
    ReadinessUpdate,
)
from raydel.core.state import status_of
from tests.core.steps import CODE, Stage


class Losing(SynchronousTestCase):
    """Losing a link is shown, and changes nothing else."""

    def setUp(self) -> None:
        """Seat a host and a guest."""
        self.stage = Stage()
        self.stage.both_join()

    def test_the_other_is_told(self) -> None:
        """The other phone hears of a lost link; the seat is kept."""
        self.stage.loses("guest")
        expected = [DeviceDisconnected("guest-id", CODE, "lost")]
        self.assertEqual(expected, self.stage.told("host"))
        self.assertEqual([Occasion.DEVICE_LOST], self.stage.occasions)
        self.assertEqual(2, len(self.stage.session.seats))

    def test_only_connected_devices_count(self) -> None:
        """The status shows connected devices only."""
        self.stage.loses("guest")
        status = status_of(self.stage.session)
        self.assertEqual(1, status.device_count)
        self.assertEqual(["host-id"], [device.id for device in status.devices])

    def test_a_take_goes_on(self) -> None:
        """Losing a link never stops a recording."""
        self.stage.starts()
        self.stage.loses("guest")
        self.stage.loses("host")
        self.assertEqual("take", self.stage.take.id)

    def test_one_that_has_no_seat(self) -> None:
        """A stranger that goes is nobody's concern."""
        before = self.stage.value
        self.stage.loses("stranger")
        self.assertEqual((), self.stage.effects)
        self.assertEqual(before, self.stage.value)

    def test_a_guest_leaves(self) -> None:
        """A guest that says goodbye frees its seat."""
        for code in (1000, 1001, 1005):
            with self.subTest(code=code):
                stage = Stage()
                stage.both_join()
                stage.leaves("guest", code)
                expected = [DeviceDisconnected("guest-id", CODE, "left")]
                self.assertEqual(expected, stage.told("host"))
                self.assertEqual(1, len(stage.session.seats))

    def test_a_guest_leaves_a_take(self) -> None:
        """A guest that says goodbye in a take keeps its seat."""
        self.stage.starts()
        self.stage.leaves("guest")
        self.assertEqual(2, len(self.stage.session.seats))
        expected = [DeviceDisconnected("guest-id", CODE, "left")]
        self.assertEqual(expected, self.stage.told("host"))


class Silence(SynchronousTestCase):
    """A phone that answers no more is shown as gone, and not cut off."""

    def setUp(self) -> None:
        """Seat a host and a guest."""
        self.stage = Stage()
        self.stage.both_join()

    def test_the_other_is_told(self) -> None:
        """The other phone hears of the silence; the wire stays open."""
        self.stage.goes_silent("guest")
        expected = [DeviceDisconnected("guest-id", CODE, "silent")]
        self.assertEqual(expected, self.stage.told("host"))
        self.assertEqual([], self.stage.addressed(Close))
        self.assertEqual(1, status_of(self.stage.session).device_count)
        self.assertEqual([Occasion.DEVICE_SILENT], self.stage.occasions)

    def test_heard_again(self) -> None:
        """A phone that answers again is shown again."""
        self.stage.goes_silent("guest")
        self.stage.is_heard("guest")
        self.assertIs(True, self.stage.heard("host", DeviceConnected).resumed)
        self.assertEqual(2, status_of(self.stage.session).device_count)
        self.assertEqual([Occasion.DEVICE_HEARD], self.stage.occasions)

    def test_never_silent(self) -> None:
        """A phone that was never missed is no news."""
        self.stage.is_heard("guest")
        self.assertEqual((), self.stage.effects)

    def test_lost_after_a_silence(self) -> None:
        """A phone already shown as gone is not shown as gone again."""
        self.stage.goes_silent("guest")
        self.stage.loses("guest")
        self.assertEqual([], self.stage.told("host"))

    def test_it_hears_what_happens(self) -> None:
        """What happens meanwhile is sent down the silent wire."""
        self.stage.goes_silent("guest")
        self.stage.loses("host")
        self.assertEqual(["DeviceDisconnected"], self.stage.kinds("guest"))

    def test_one_that_has_no_seat(self) -> None:
        """A stranger's silence is nobody's concern."""
        for event in (
            self.stage.goes_silent,
            self.stage.is_heard,
            self.stage.answers_probe,
        ):
            event("stranger")
            self.assertEqual((), self.stage.effects)


class Screens(SynchronousTestCase):
    """A screen would lose its stop button by a `device_disconnected`."""

    def setUp(self) -> None:
        """Start a take with a screen and a library."""
        self.stage = Stage()
        self.stage.both_join(App.SCREEN_2, App.LIBRARY_2)
        self.stage.starts()

    def test_held_back(self) -> None:
        """While a take runs a screen is told of no loss; it hears afterwards."""
        self.stage.loses("guest")
        self.assertEqual([], self.stage.told("host"))
        self.stage.stops()
        self.assertEqual(
            ["StopRecording", "DeviceDisconnected"], self.stage.kinds("host")
        )
        self.assertEqual(
            ("guest-id", "lost"),
            (
                self.stage.heard("host", DeviceDisconnected).device_id,
                self.stage.heard("host", DeviceDisconnected).reason,
            ),
        )

    def test_silence_is_held_back(self) -> None:
        """A silence is a loss like any other."""
        self.stage.goes_silent("guest")
        self.assertEqual([], self.stage.told("host"))

    def test_dropped(self) -> None:
        """A screen never hears of a phone that returned before the take's end."""
        self.stage.loses("guest")
        self.stage.guest_joins("again")
        self.assertEqual([], self.stage.told("host"))
        self.stage.stops()
        self.assertEqual(["StopRecording"], self.stage.kinds("host"))

    def test_dropped_after_a_silence(self) -> None:
        """A phone heard again is no second phone."""
        self.stage.goes_silent("guest")
        self.stage.is_heard("guest")
        self.assertEqual([], self.stage.told("host"))

    def test_not_in_a_take(self) -> None:
        """Between takes a screen is told at once."""
        self.stage.stops()
        self.stage.loses("guest")
        self.assertEqual(["DeviceDisconnected"], self.stage.kinds("host"))

    def test_a_library_is_told_at_once(self) -> None:
        """A library has no stop button to lose."""
        self.stage.loses("host")
        self.assertEqual(["DeviceDisconnected"], self.stage.kinds("guest"))

    def test_another_guest(self) -> None:
        """A screen is told of a new guest, and not of the one it replaced."""
        self.stage.loses("guest")
        self.stage.guest_joins("third", name="Nokia")
        self.assertEqual(["DeviceConnected"], self.stage.kinds("host"))
        self.stage.stops()
        self.assertEqual(["StopRecording"], self.stage.kinds("host"))

    def test_no_second_connect(self) -> None:
        """Without a `device_disconnected` there is no second `device_connected`."""
        self.stage.loses("guest")
        self.stage.guest_joins("third", name="Nokia")
        self.stage.loses("third")
        self.stage.guest_joins("again")
        self.assertEqual([], self.stage.told("host"))

    def test_all_hear_in_the_end(self) -> None:
        """Once nobody else is there, a screen hears of all who went."""
        self.stage.loses("guest")
        self.stage.guest_joins("third", name="Nokia")
        self.stage.stops()
        self.stage.loses("third")
        gone = [
            message.device_id
            for message in self.stage.told("host")
            if isinstance(message, DeviceDisconnected)
        ]
        self.assertEqual(["guest-id", "third-id"], gone)

    def test_a_screen_that_is_no_screen(self) -> None:
        """What was held back from a supposed screen is told once it is none."""
        self.stage.loses("guest")
        self.stage.learns("host", App.LIBRARY_2)
        self.assertEqual(["DeviceDisconnected"], self.stage.kinds("host"))


class Readiness(SynchronousTestCase):
    """Who is ready, of those who are there."""

    def setUp(self) -> None:
        """Seat a host and a guest."""
        self.stage = Stage()
        self.stage.both_join()

    def test_all_are_told(self) -> None:
        """Everybody hears how many are ready, the sender included."""
        self.stage.is_ready("guest")
        expected = [ReadinessUpdate(ready_devices=1, total_devices=2, all_ready=False)]
        self.assertEqual(expected, self.stage.told("host"))
        self.assertEqual(expected, self.stage.told("guest"))
        self.stage.is_ready("host")
        expected = [ReadinessUpdate(ready_devices=2, total_devices=2, all_ready=True)]
        self.assertEqual(expected, self.stage.told("guest"))

    def test_twice(self) -> None:
        """Whoever says it twice counts once."""
        self.stage.is_ready("guest")
        self.stage.is_ready("guest")
        update = self.stage.heard("host", ReadinessUpdate)
        self.assertEqual(1, update.ready_devices)

    def test_a_camera(self) -> None:
        """The others, and they alone, hear of a camera after the count."""
        self.stage.is_ready("guest", camera=True)
        self.assertEqual(["ReadinessUpdate"], self.stage.kinds("guest"))
        self.assertEqual(
            ["ReadinessUpdate", "CameraReadyNotice"], self.stage.kinds("host")
        )
        self.assertEqual(
            "guest-id", self.stage.heard("host", CameraReadyNotice).device_id
        )

    def test_connected_devices_only(self) -> None:
        """Who is not there is neither ready nor missing."""
        self.stage.is_ready("guest")
        self.stage.goes_silent("guest")
        self.stage.is_ready("host")
        expected = ReadinessUpdate(ready_devices=1, total_devices=1, all_ready=True)
        self.assertEqual(expected, self.stage.heard("host", ReadinessUpdate))

    def test_who_is_lost_is_told_nothing(self) -> None:
        """A seat without a connection holds up nobody."""
        self.stage.loses("guest")
        self.stage.is_ready("host", camera=True)
        self.assertEqual(["ReadinessUpdate"], self.stage.kinds("host"))
        self.assertEqual(1, len(self.stage.effects))

    def test_in_a_take(self) -> None:
        """Readiness is told in a take as well."""
        self.stage.starts()
        self.stage.is_ready("guest")
        self.assertEqual(["ReadinessUpdate"], self.stage.kinds("host"))


class Learning(SynchronousTestCase):
    """What a peer turns out to be."""

    def test_it_is_kept(self) -> None:
        """The seat knows the app as well as the connection does."""
        stage = Stage()
        stage.both_join()
        stage.learns("guest", App.SCREEN_3)
        self.assertIs(App.SCREEN_3, stage.seat("guest").app)
        self.assertIs(App.LIBRARY_1, stage.seat("host").app)

    def test_of_a_stranger(self) -> None:
        """A peer without a seat is not remembered."""
        stage = Stage()
        stage.host_joins()
        before = stage.value
        stage.learns("stranger", App.SCREEN_3)
        self.assertEqual(before, stage.value)
