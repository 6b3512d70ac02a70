"""What each kind of peer is told, and in whose time."""

from __future__ import annotations

from typing import get_args

from msgspec import UNSET, structs
from twisted.trial.unittest import SynchronousTestCase

from raydel.core.apps import App
from raydel.core.corridor import Corridor
from raydel.core.dialect import Dialect, obeyed_at, speak
from raydel.core.instants import fine
from raydel.core.kalman import State
from raydel.core.messages import (
    CameraReadyNotice,
    Condition,
    DeviceConnected,
    DeviceDisconnected,
    DeviceTime,
    Error,
    Joined,
    MarkerNotice,
    Outbound,
    Pong,
    ReadinessUpdate,
    RunningTake,
    SessionEnded,
    SessionStatus,
    StartRecording,
    StatusNotice,
    StopRecording,
    TakeUpdate,
    TimeSyncRequest,
    TimeSyncUpdate,
)
from raydel.core.timesync import Estimate

CODE = "ABC123"
NOON = 1_768_478_400_000.0
AHEAD = 40_000.0
BACK = "W6vbiNsCKvRbmY0f"
RELEASED = [app for app in App if app.is_released]


def phone(ahead: float, granularity: float) -> Estimate:
    """Know a phone that is 40 s and more ahead, 3 ms away, and does not drift."""
    return Estimate(
        state=State(NOON, AHEAD + ahead, 0.0, 0.01, 0.0, 0.0),
        corridor=Corridor(NOON, AHEAD + ahead + 3.0, AHEAD + ahead - 3.0),
        delay=3.0,
        granularity=granularity,
        sample_count=16,
    )


WHOLE = phone(0.5, 1.0)
"""A phone of whole ms."""

FINE = phone(0.25, 0.0)
"""A phone of fractions."""

START = StartRecording(
    session_id=CODE,
    timestamp=NOON + 0.25,
    initiator="d1",
    atomic_start_time=NOON + 250.25,
    take_id="take",
)
STOP = StopRecording(CODE, NOON + 0.25, "d1", "take", NOON + 3.0, "command")


def dialect(
    app: App, estimate: Estimate | None = None, *, exact: bool = True
) -> Dialect:
    """Make the dialect of a peer at noon and 2 ms."""
    early = app.camera_delay
    return Dialect(app, estimate, NOON + 2.0, "d2", "clock", BACK, exact, early)


class StartToReleased(SynchronousTestCase):
    """The start, as the apps in the field get it."""

    def test_at_once(self) -> None:
        """Who did not tell its clock gets 0, which all read as "at once"."""
        expected = StartRecording(
            session_id=CODE,
            timestamp=NOON,
            initiator="d1",
            atomic_start_time=0.0,
            buffer_time_ms=0,
            server_now=NOON + 2.0,
            device_timestamps={},
        )
        for app in RELEASED:
            with self.subTest(app=app):
                self.assertEqual(expected, speak(START, dialect(app)))

    def test_in_its_own_time(self) -> None:
        """Who told its clock gets every time in its own, whole ms where it counts."""
        expected = StartRecording(
            session_id=CODE,
            timestamp=NOON + AHEAD,
            initiator="d1",
            atomic_start_time=NOON + AHEAD + 250.25,
            buffer_time_ms=248.25,
            server_now=NOON + AHEAD + 2.0,
            device_timestamps={"d2": DeviceTime(NOON + AHEAD + 250.25, 3.0)},
        )
        self.assertEqual(expected, speak(START, dialect(App.LIBRARY_2, WHOLE)))

    def test_an_app_that_is_late(self) -> None:
        """An app that aims late is aimed early: T less its own delay."""
        for app in (App.LIBRARY_2, App.SCREEN_3):
            with self.subTest(app=app):
                start = speak(START, dialect(app, FINE))
                assert isinstance(start, StartRecording)
                self.assertEqual(
                    NOON + 250.5 + AHEAD - app.camera_delay, start.atomic_start_time
                )

    def test_a_clock_that_is_doubtful(self) -> None:
        """An estimate that cannot be relied on is not used: 0 instead."""
        start = speak(START, dialect(App.LIBRARY_2, WHOLE, exact=False))
        assert isinstance(start, StartRecording)
        self.assertEqual(0.0, start.atomic_start_time)
        self.assertEqual({}, start.device_timestamps)
        self.assertEqual(0.0, start.buffer_time_ms)

    def test_no_news(self) -> None:
        """Nothing of protocol 2 reaches a released app."""
        start = speak(START, dialect(App.LIBRARY_2, WHOLE))
        assert isinstance(start, StartRecording)
        self.assertIs(UNSET, start.take_id)
        self.assertIs(UNSET, start.local_start_time)
        self.assertIs(UNSET, start.uncertainty_ms)


class ToReleased(SynchronousTestCase):
    """Everything else, as the apps in the field get it."""

    def test_stop(self) -> None:
        """A stop is told in the phone's own time, without what is new."""
        self.assertEqual(
            StopRecording(CODE, NOON, "d1"), speak(STOP, dialect(App.SCREEN_1))
        )
        self.assertEqual(
            StopRecording(CODE, NOON + AHEAD, "d1"),
            speak(STOP, dialect(App.SCREEN_3, WHOLE)),
        )

    def test_time_sync(self) -> None:
        """A phone whose clock is known is spoken to in its own time, offset 0."""
        request = TimeSyncRequest("ABC123-1", NOON + 0.25)
        update = TimeSyncUpdate(
            "ABC123-1", AHEAD, 3.12345, 5, NOON, NOON + 6.0, 3.5, 3.5
        )
        self.assertEqual(
            TimeSyncRequest("ABC123-1", NOON), speak(request, dialect(App.LIBRARY_2))
        )
        own = dialect(App.LIBRARY_2, WHOLE)
        self.assertEqual(TimeSyncRequest("ABC123-1", NOON + AHEAD), speak(request, own))
        expected = TimeSyncUpdate(
            "ABC123-1", 0, 3.123, 5, NOON + AHEAD, NOON + AHEAD + 6.0
        )
        self.assertEqual(expected, speak(update, own))

    def test_joined(self) -> None:
        """A welcome is what it always was."""
        status = SessionStatus(CODE, 0, False, "", ())
        take = RunningTake("take", NOON, True)
        message = Joined(
            CODE, "d1", "iPhone", True, status, "t", "c", True, False, take
        )
        expected = Joined(CODE, "d1", "iPhone", True, status)
        self.assertEqual(expected, speak(message, dialect(App.LIBRARY_2)))

    def test_presence(self) -> None:
        """Who comes and goes is told as it always was."""
        self.assertEqual(
            DeviceConnected("d1", "iPhone", CODE),
            speak(
                DeviceConnected("d1", "iPhone", CODE, True, True),
                dialect(App.SCREEN_2),
            ),
        )
        self.assertEqual(
            DeviceDisconnected("d1", CODE),
            speak(DeviceDisconnected("d1", CODE, "lost"), dialect(App.SCREEN_2)),
        )


class ToProtocol2(SynchronousTestCase):
    """To protocol 2 all times are server time, and nothing is left out."""

    def test_start(self) -> None:
        """Its start has the common instant, its own, and how sure that is."""
        start = speak(START, dialect(App.PROTOCOL_2, FINE))
        expected = StartRecording(
            session_id=CODE,
            timestamp=NOON + 0.25,
            initiator="d1",
            atomic_start_time=NOON + 250.25,
            take_id="take",
            buffer_time_ms=248.25,
            server_now=NOON + 2.0,
            device_timestamps={"d2": DeviceTime(NOON + AHEAD + 250.5, 3.0)},
            local_start_time=NOON + AHEAD + 250.5,
            uncertainty_ms=0.201,
            bound_ms=3.026,
        )
        self.assertEqual(expected, start)

    def test_a_late_camera(self) -> None:
        """It is to call its camera earlier; when all are to start stays the same."""
        for early in (310.5, -120.0):
            peer = structs.replace(dialect(App.PROTOCOL_2, FINE), early=early)
            start = speak(START, peer)
            assert isinstance(start, StartRecording)
            local = NOON + AHEAD + 250.5 - early
            self.assertEqual(NOON + 250.25, start.atomic_start_time)
            self.assertEqual(248.25, start.buffer_time_ms)
            self.assertEqual(local, start.local_start_time)
            self.assertEqual({"d2": DeviceTime(local, 3.0)}, start.device_timestamps)
            self.assertEqual(local, obeyed_at(START, peer))

    def test_start_without_a_clock(self) -> None:
        """Where its clock is unknown or doubtful it gets server time alone."""
        for peer in (
            dialect(App.PROTOCOL_2),
            dialect(App.PROTOCOL_2, FINE, exact=False),
        ):
            start = speak(START, peer)
            assert isinstance(start, StartRecording)
            self.assertEqual(NOON + 250.25, start.atomic_start_time)
            self.assertEqual("take", start.take_id)
            self.assertIs(UNSET, start.local_start_time)
            self.assertEqual({}, start.device_timestamps)

    def test_stop(self) -> None:
        """Its stop names the take, the reason and the instant in its own time."""
        expected = StopRecording(
            CODE, NOON + 0.25, "d1", "take", NOON + AHEAD + 3.25, "command"
        )
        self.assertEqual(expected, speak(STOP, dialect(App.PROTOCOL_2, FINE)))

    def test_stop_without_a_clock(self) -> None:
        """An instant that cannot be translated is left out."""
        expected = StopRecording(CODE, NOON + 0.25, "d1", "take", UNSET, "command")
        self.assertEqual(expected, speak(STOP, dialect(App.PROTOCOL_2)))
        stop = StopRecording(CODE, NOON, "d1")
        self.assertEqual(stop, speak(stop, dialect(App.PROTOCOL_2, FINE)))

    def test_joined(self) -> None:
        """Its welcome names the clock that all times are of."""
        status = SessionStatus(CODE, 0, False, "", ())
        welcome = Joined(CODE, "d1", "iPhone", True, status, resumed=True, seq=7)
        expected = structs.replace(welcome, clock_id="clock", resume_token=BACK)
        self.assertEqual(expected, speak(welcome, dialect(App.PROTOCOL_2)))

    def test_joined_without_a_token(self) -> None:
        """Where its connection has no token for it, none is made up."""
        status = SessionStatus(CODE, 0, False, "", ())
        welcome = Joined(CODE, "d1", "iPhone", True, status)
        without = structs.replace(dialect(App.PROTOCOL_2), resume_token=None)
        expected = structs.replace(welcome, clock_id="clock")
        self.assertEqual(expected, speak(welcome, without))

    def test_numbers(self) -> None:
        """What is numbered goes out with its number, but to no released app."""
        for message in (
            structs.replace(START, seq=7),
            structs.replace(STOP, seq=7),
            DeviceConnected("d1", "iPhone", CODE, True, True, 7),
            DeviceDisconnected("d1", CODE, "lost", 7),
            CameraReadyNotice("d1", 7),
            ReadinessUpdate(1, 2, False, seq=7),
        ):
            told = speak(message, dialect(App.PROTOCOL_2))
            self.assertEqual(7, getattr(told, "seq", None))
            released = speak(message, dialect(App.LIBRARY_2, WHOLE))
            self.assertIs(UNSET, getattr(released, "seq", None))

    def test_time_sync(self) -> None:
        """It learns its true offset."""
        update = TimeSyncUpdate(
            "ABC123-1", AHEAD + 0.12345, 3.0, 5, NOON, NOON + 6.0, 3.0, 3.0
        )
        expected = TimeSyncUpdate(
            "ABC123-1", AHEAD + 0.123, 3.0, 5, NOON, NOON + 6.0, 3.0, 3.0
        )
        self.assertEqual(expected, speak(update, dialect(App.PROTOCOL_2, FINE)))
        request = TimeSyncRequest("ABC123-1", NOON + 0.25)
        self.assertEqual(request, speak(request, dialect(App.PROTOCOL_2, FINE)))


class ToAll(SynchronousTestCase):
    """What is the same for everybody."""

    def test_no_times_no_change(self) -> None:
        """A message without times or news is passed on as it is."""
        same: list[Outbound] = [
            CameraReadyNotice("d1"),
            ReadinessUpdate(1, 2, False),
            TakeUpdate("take", "d1", "started"),
            StatusNotice("d1", Condition(battery=0.5)),
            SessionEnded(CODE),
            Pong(),
            Error("Session is full", "session_full", temporary=True),
        ]
        for message in same:
            for app in (App.LIBRARY_1, App.PROTOCOL_2):
                self.assertIs(message, speak(message, dialect(app, FINE)))
        self.assertEqual(15, len(get_args(Outbound)), "a new message needs a dialect")


class Obeyed(SynchronousTestCase):
    """When a peer obeys, by its own clock, for the journal of the take."""

    def test_a_start(self) -> None:
        """Its camera call, whatever a released app is told to allow for its delay."""
        for app in (App.LIBRARY_2, App.SCREEN_3, App.PROTOCOL_2):
            told = dialect(app, FINE)
            expected = fine(FINE.local(START.atomic_start_time))
            self.assertEqual(expected, obeyed_at(START, told))

    def test_on_receipt(self) -> None:
        """Nobody knows when: not of a clock that is unknown, or not relied on."""
        self.assertIsNone(obeyed_at(START, dialect(App.LIBRARY_1)))
        inexact = dialect(App.LIBRARY_2, FINE, exact=False)
        self.assertIsNone(obeyed_at(START, inexact))

    def test_a_stop(self) -> None:
        """Protocol 2 is told when; a released app stops on receipt."""
        expected = fine(FINE.local(NOON + 3.0))
        self.assertEqual(expected, obeyed_at(STOP, dialect(App.PROTOCOL_2, FINE)))
        self.assertIsNone(obeyed_at(STOP, dialect(App.LIBRARY_2, FINE)))
        self.assertIsNone(obeyed_at(STOP, dialect(App.PROTOCOL_2)))

    def test_a_marker_is_told_in_whole_microseconds(self) -> None:
        """As all instants are."""
        notice = MarkerNotice("take", "d1", 1_000.123456, "")
        told = speak(notice, dialect(App.PROTOCOL_2, FINE))
        self.assertEqual(structs.replace(notice, timestamp=1_000.123), told)
