"""What each kind of phone does about a start."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from raydel.core.apps import App, Sign, learn, recognise
from raydel.simulation.phones import (
    KINDS,
    LIBRARY_2,
    PROTOCOL_2,
    RELEASED,
    SCREEN_2,
    SCREEN_3,
    Kind,
)

NOW = 1_768_478_400_000.0
AIM = NOW + 400.0


def recognised(kind: Kind) -> set[App]:
    """Return what the server takes a host and a guest of a kind for."""
    found = set()
    for name in kind.names:
        app = recognise(
            protocol=kind.protocol, code_in_path=kind.code_in_path, name=name
        )
        if kind.answers:
            app = learn(app, Sign.ANSWERED_TIME_SYNC)
        if kind.readiness is not None:
            app = learn(app, Sign(f"sent {kind.readiness}"))
        found.add(app)
    return found


class Kinds(SynchronousTestCase):
    """The table."""

    def test_recognised(self) -> None:
        """The server knows each for what it is, and has the same delay for it."""
        self.assertEqual([app.value for app in App], list(KINDS))
        for kind in KINDS.values():
            self.assertEqual({App(kind.name)}, recognised(kind))
            self.assertEqual(App(kind.name).camera_delay, kind.camera_delay)
            self.assertEqual(kind in RELEASED, kind.granularity == 1.0)

    def test_told_a_time(self) -> None:
        """A phone told a time calls its camera c later, on its own clock."""
        for kind in (LIBRARY_2, SCREEN_2, SCREEN_3):
            start = {"atomic_start_time": AIM}
            wait = kind.wait(start, NOW, 0.0)
            self.assertEqual(400.0 + kind.camera_delay, wait, kind.label)
        start = {"atomic_start_time": AIM, "localStartTime": AIM + 50.0}
        self.assertEqual(450.0, PROTOCOL_2.wait(start, NOW, 0.0))

    def test_told_none(self) -> None:
        """A phone told no time acts at once, but for its fixed delay."""
        for kind in RELEASED:
            start = {"atomic_start_time": 0}
            expected = kind.camera_delay + (5.0 if kind is SCREEN_3 else 0.0)
            self.assertEqual(expected, kind.wait(start, NOW, 0.0), kind.label)
            self.assertIsNone(kind.told(start))
            self.assertIsNone(kind.commanded(start))
        self.assertEqual(0.0, PROTOCOL_2.wait({"atomic_start_time": AIM}, NOW, 0.0))

    def test_clamped(self) -> None:
        """A library and a screen of release 2 wait five seconds at most."""
        start = {"atomic_start_time": NOW + 60_000.0}
        self.assertEqual(5_000.0, LIBRARY_2.wait(start, NOW, 0.0))
        self.assertEqual(6_050.0, SCREEN_2.wait(start, NOW, 0.0))
        self.assertEqual(60_095.0, SCREEN_3.wait(start, NOW, 0.0))

    def test_commanded(self) -> None:
        """Whole ms are half of one past what they show."""
        self.assertEqual(AIM + 95.5, SCREEN_3.commanded({"atomic_start_time": AIM}))
        self.assertEqual(AIM, PROTOCOL_2.commanded({"localStartTime": AIM}))
