"""The apps in the field, told apart."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from raydel.core.apps import App, Sign, learn, recognise


class Recognising(SynchronousTestCase):
    """What a peer seems to be when it joins."""

    def test_by_path_and_name(self) -> None:
        """Path and name tell the screens from each other and from the library."""
        for in_path, name, expected in (
            (True, "Device ab12", App.SCREEN_1),
            (True, "Device Ab-12", App.SCREEN_1),
            (False, "Device ab12", App.SCREEN_2_OLD),
            (False, "Device ", App.SCREEN_2_OLD),
            (False, "IOS-HOST-ab12", App.SCREEN_2),
            (False, "ANDROID-JOIN-x9", App.SCREEN_2),
            (False, "iPhone 15", App.LIBRARY_1),
            (False, "Device AB12", App.LIBRARY_1),
            (False, "Device ab12\n", App.LIBRARY_1),
            (False, "ios-host-ab12", App.LIBRARY_1),
            (False, "IOS-GUEST-ab12", App.LIBRARY_1),
            (False, None, App.LIBRARY_1),
            (True, "iPhone 15", App.LIBRARY_1),
        ):
            with self.subTest(in_path=in_path, name=name):
                app = recognise(protocol=None, code_in_path=in_path, name=name)
                self.assertIs(expected, app)

    def test_protocol_2_says_so(self) -> None:
        """Whoever names a protocol is no released app, whatever its name."""
        app = recognise(protocol=2, code_in_path=True, name="Device ab12")
        self.assertIs(App.PROTOCOL_2, app)


class Learning(SynchronousTestCase):
    """What a peer turns out to be by what it does."""

    def test_an_answer(self) -> None:
        """Of two that look alike, the later one answers time sync."""
        for before, after in (
            (App.LIBRARY_1, App.LIBRARY_2),
            (App.LIBRARY_2, App.LIBRARY_2),
            (App.SCREEN_1, App.LIBRARY_2),
            (App.SCREEN_2_OLD, App.LIBRARY_2),
            (App.SCREEN_2, App.SCREEN_3),
            (App.SCREEN_3, App.SCREEN_3),
        ):
            with self.subTest(before=before):
                self.assertIs(after, learn(before, Sign.ANSWERED_TIME_SYNC))

    def test_only_screen_3_is_ready(self) -> None:
        """`device_ready` is sent by the third screen only."""
        self.assertIs(App.SCREEN_3, learn(App.SCREEN_2, Sign.DEVICE_READY))

    def test_only_the_old_screen_has_a_camera_ready(self) -> None:
        """`camera_ready` is sent by the old screen only."""
        self.assertIs(App.SCREEN_2_OLD, learn(App.LIBRARY_1, Sign.CAMERA_READY))

    def test_protocol_2_stays(self) -> None:
        """Nothing makes a released app of one that named its protocol."""
        for sign in Sign:
            self.assertIs(App.PROTOCOL_2, learn(App.PROTOCOL_2, sign))


class Traits(SynchronousTestCase):
    """What is known of each app."""

    def test_camera_delays(self) -> None:
        """Each app's delay between its aim and its camera call is as published."""
        expected = {
            App.LIBRARY_1: 0,
            App.LIBRARY_2: 0,
            App.SCREEN_1: 0,
            App.SCREEN_2_OLD: 50,
            App.SCREEN_2: 1050,
            App.SCREEN_3: 95,
            App.PROTOCOL_2: 0,
        }
        self.assertEqual(expected, {app: app.camera_delay for app in App})

    def test_screens(self) -> None:
        """The screens are those that never reconnect."""
        expected = {App.SCREEN_1, App.SCREEN_2_OLD, App.SCREEN_2, App.SCREEN_3}
        self.assertEqual(expected, {app for app in App if app.is_screen})

    def test_released(self) -> None:
        """All but protocol 2 are in the field."""
        self.assertEqual({App.PROTOCOL_2}, {a for a in App if not a.is_released})
