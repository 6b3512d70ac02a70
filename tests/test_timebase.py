"""Server time: it only ever goes forward, at the pace of a second a second."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from raydel.interfaces import ITimebase
from raydel.timebase import BootTimebase, boot_name, fresh_anchor

NOON = 1_768_478_400.0
"""2026-01-15T12:00:00Z, in seconds."""


class Hand:
    """A clock that is set by hand, in seconds."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.readings = 0

    def __call__(self) -> float:
        """Read it."""
        self.readings += 1
        return self.seconds


class Time(SynchronousTestCase):
    def setUp(self) -> None:
        """Anchor server time at noon, a while after the machine was started."""
        self.wall, self.since_boot = Hand(NOON), Hand(5000.0)
        self.anchor = fresh_anchor("boot", self.wall, self.since_boot)
        self.timebase = BootTimebase(self.anchor, self.since_boot)

    def test_interface(self) -> None:
        """It is what it claims to be."""
        self.assertTrue(verifyObject(ITimebase, self.timebase))

    def test_epoch(self) -> None:
        """It begins as the wall clock's time, in milliseconds."""
        self.assertEqual(NOON * 1000, self.timebase.now())

    def test_pace(self) -> None:
        """It goes as the monotonic clock does, fractions included."""
        self.since_boot.seconds += 1.2345
        self.assertAlmostEqual(NOON * 1000 + 1234.5, self.timebase.now(), 2)

    def test_no_step_of_the_wall_clock_moves_it(self) -> None:
        """Somebody sets the machine's clock: server time goes on."""
        self.wall.seconds -= 3600.0
        self.since_boot.seconds += 1.0
        self.assertEqual((NOON + 1) * 1000, self.timebase.now())
        self.assertEqual(1, self.wall.readings)

    def test_name(self) -> None:
        """Each anchor has a name of its own, which stays."""
        self.assertEqual(self.anchor.clock_id, self.timebase.clock_id)
        other = fresh_anchor("boot", self.wall, self.since_boot)
        self.assertNotEqual(other.clock_id, self.anchor.clock_id)

    def test_goes_on(self) -> None:
        """A second program with the same anchor goes on with the same time.

        Even if somebody set the machine's clock meanwhile.
        """
        self.since_boot.seconds += 60.0
        self.wall.seconds += 3600.0
        second = BootTimebase(self.anchor, self.since_boot)
        self.assertEqual((NOON + 60) * 1000, second.now())
        self.assertEqual(self.timebase.clock_id, second.clock_id)

    def test_real_clocks(self) -> None:
        """By default it reads the machine's clocks, and never goes back."""
        timebase = BootTimebase(fresh_anchor("boot"))
        readings = [timebase.now() for _ in range(100)]
        self.assertEqual(sorted(readings), readings)
        self.assertGreater(readings[0], NOON * 1000)

    def test_boot(self) -> None:
        """A boot has one name; where the system has none, each start is a new one."""
        home = TemporaryDirectory()
        self.addCleanup(home.cleanup)
        file = Path(home.name, "boot_id")
        nowhere = Path(home.name, "nowhere")
        file.write_text("f6b3\n", "ascii")
        self.assertEqual("f6b3", boot_name(file))
        self.assertEqual(boot_name(file), boot_name(file))
        self.assertNotEqual(boot_name(nowhere), boot_name(nowhere))
