"""Takes through the server's own code."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from itertools import product
from random import Random

from twisted.trial.unittest import SynchronousTestCase

from raydel.simulation.clocks import Clock, Step
from raydel.simulation.figures import chance
from raydel.simulation.handset import FRAME
from raydel.simulation.networks import NETWORKS, Network, Pair, Trace
from raydel.simulation.phones import (
    KINDS,
    LIBRARY_1,
    LIBRARY_2,
    PROTOCOL_2,
    SCREEN_1,
    SCREEN_3,
    Kind,
)
from raydel.simulation.stage import Lost, Plan, play
from raydel.simulation.trial import NOON

NEAR = Network(Trace((4.0,)), Trace((4.0,)))
FAR = Network(Trace((15.0,)), Trace((15.0,)))
UNEVEN = Network(up=Trace((8.0,)), down=Trace((4.0,)))


def faultless(random: Random, began: float, granularity: float) -> Clock:
    """Draw a clock that is off, and does nothing else."""
    offset = random.uniform(-60_000.0, 60_000.0)
    return Clock(began, offset, granularity=granularity)


STEADY = Plan(Pair(NEAR, FAR), clocks=faultless)


def kinds(host: Kind, guest: Kind | None = None) -> tuple[Kind, Kind]:
    """Return a pair of kinds."""
    return host, guest or host


class Starts(SynchronousTestCase):
    """When the cameras are called."""

    def test_the_table(self) -> None:
        """With even ways and good clocks every pair starts at the agreed instant.

        Within a ms and a half, that is: two phones that count whole ones. A host of
        screen 1 starts at its own tap, and who can follow it is not for here.
        """
        for host, guest in product(KINDS.values(), KINDS.values()):
            if host is SCREEN_1:
                continue
            played = play(replace(STEADY, kinds=(host, guest)), Random(3))
            for kind, start in zip((host, guest), played.starts, strict=True):
                late = start.due_at - played.start_at
                self.assertLess(abs(late), 1.5, f"{host.label}, {guest.label}")
                told = kind in {LIBRARY_2, SCREEN_3, PROTOCOL_2}
                self.assertEqual(told, not start.on_receipt, kind.label)

    def test_protocol_2(self) -> None:
        """With even ways and good clocks protocol 2 is exact to microseconds."""
        for start in play(STEADY, Random(1)).starts:
            self.assertLess(abs(start.missed_by), 0.002)

    def test_uneven_ways(self) -> None:
        """Half of what the ways differ by nobody can know."""
        played = play(replace(STEADY, networks=Pair(UNEVEN, NEAR)), Random(1))
        self.assertApproximates(2.0, abs(played.commanded_skew), 0.01)

    def test_on_receipt(self) -> None:
        """Phones told no time start when the message is there: it leaves earlier."""
        plan = replace(STEADY, kinds=kinds(LIBRARY_1))
        for start in play(plan, Random(1)).starts:
            self.assertTrue(start.on_receipt)
            self.assertIsNone(start.bound)
            self.assertLess(abs(start.missed_by), 0.01)

    def test_own_tap(self) -> None:
        """A screen 1 host starts when it taps, before the server knows."""
        plan = replace(STEADY, kinds=kinds(SCREEN_1))
        found = {
            round(start.due_at - (NOON + plan.after), 3)
            for seed in range(8)
            for start in play(plan, Random(seed)).starts[:1]
        }
        self.assertIn(0.0, found)

    def test_frames(self) -> None:
        """A timer waits for the next picture; a phone without a timer does not."""
        plan = replace(STEADY, frames=True)
        for kind in KINDS.values():
            played = play(replace(plan, kinds=kinds(kind)), Random(5))
            for start in played.starts:
                waits = start.called_at - start.due_at
                self.assertTrue(0.0 <= waits <= FRAME + 0.001, waits)
                if kind in {LIBRARY_1, SCREEN_1}:
                    self.assertEqual(0.0, waits)

    def test_no_frames(self) -> None:
        """Without frames, cameras are called when they are due."""
        played = play(STEADY, Random(5))
        self.assertEqual(played.due_skew, played.called_skew)

    def test_frames_change_nothing_else(self) -> None:
        """How timers fire is nothing that the server could notice."""
        good = Plan(NETWORKS["good"], frames=True)
        misses = [abs(play(good, Random(n)).commanded_skew) for n in range(20)]
        self.assertLess(max(misses), 2.0)

    def test_thinking(self) -> None:
        """A phone that tells both of its times may think in between."""
        played = play(replace(STEADY, thinks=3.0), Random(1))
        for start in played.starts:
            self.assertLess(abs(start.missed_by), 0.002)

    def test_bound(self) -> None:
        """On good Wi-Fi protocol 2 is never as wrong as it was promised at most."""
        for take in range(50):
            played = play(Plan(NETWORKS["good"]), chance(7, "good", take))
            for start in played.starts:
                self.assertIsNotNone(start.bound)
                self.assertTrue(start.holds, take)

    def test_quickest(self) -> None:
        """The quickest way there and back is known from the wire itself."""
        first, second = play(STEADY, Random(1)).starts
        self.assertAlmostEqual(8.0, first.quickest or 0.0, 2)
        self.assertAlmostEqual(30.0, second.quickest or 0.0, 2)

    def test_lost(self) -> None:
        """A phone so far away that nobody would wait for it is lost."""
        mars = Network(Trace((240_000.0,)), Trace((240_000.0,)))
        plan = replace(STEADY, networks=Pair(mars, mars))
        self.assertRaises(Lost, play, plan, Random(1))


class Chance(SynchronousTestCase):
    """What is drawn."""

    def test_repeatable(self) -> None:
        """The same seed plays the same take, whatever names the server draws."""
        plan = Plan(NETWORKS["lte"], frames=True)
        first, second = (play(plan, chance(1, "lte", 3)) for _ in range(2))
        self.assertNotEqual(first.device_ids, second.device_ids)
        self.assertEqual(first.starts, second.starts)
        other = play(plan, chance(1, "lte", 4))
        self.assertNotEqual(first.starts, other.starts)

    def test_no_reactor(self) -> None:
        """No reactor is ever imported."""
        program = (
            "import sys, raydel.simulation.starts; "
            "print('twisted.internet.reactor' in sys.modules)"
        )
        said = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, check=True, text=True
        )
        self.assertEqual("False\n", said.stdout)


class LongTakes(SynchronousTestCase):
    """Takes that are stopped."""

    def test_stop(self) -> None:
        """A take that is stopped has ended for both, and its samples are kept."""
        played = play(replace(STEADY, length=40_000.0), Random(2))
        stopped_at = NOON + STEADY.after + 40_000.0
        self.assertEqual(2, len(played.stopped_at))
        for at in played.stopped_at:
            self.assertTrue(stopped_at <= at < stopped_at + 100.0, at - stopped_at)
        self.assertLess(abs(played.stopped_at[0] - played.stopped_at[1]), 0.01)
        self.assertEqual(
            set(played.device_ids), {sample.device_id for sample in played.samples}
        )

    def test_samples(self) -> None:
        """What is stored of a clock is what is true of it, within its bound."""
        played = play(
            replace(STEADY, networks=NETWORKS["busy"], length=60_000.0), Random(2)
        )
        for device_id, own in zip(played.device_ids, played.clocks, strict=True):
            found = [s for s in played.samples if s.device_id == device_id]
            self.assertTrue(found)
            for sample in found:
                error = abs(sample.offset - own.ahead(sample.at))
                self.assertLessEqual(error, sample.round_trip / 2 + 0.002)

    def test_step(self) -> None:
        """A phone whose clock was set before the tap is told its new time."""
        steps = (Step(NOON + 1_000.0, -40_000.0),), ()
        played = play(replace(STEADY, steps=steps), Random(2))
        stepped = played.clocks[0]
        by = stepped.ahead(NOON + 1_000.0) - stepped.ahead(NOON + 999.0)
        self.assertAlmostEqual(-40_000.0, by)
        for start in played.starts:
            self.assertLess(abs(start.due_at - played.start_at), 1.5)
