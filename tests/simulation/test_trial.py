"""One take of two phones."""

from __future__ import annotations

from random import Random

from twisted.trial.unittest import SynchronousTestCase

from raydel.core.burst import BURST
from raydel.core.instants import MINUTE, SECOND
from raydel.core.schedule import HASTE, SPACING, UNKNOWN_DELAY
from raydel.simulation.cadence import questions
from raydel.simulation.clocks import Clock
from raydel.simulation.figures import chance
from raydel.simulation.methods import METHODS, Guess, Look
from raydel.simulation.networks import GOOD, NETWORKS, Network, Pair, Trace
from raydel.simulation.trial import NOON, TAP, Bound, Phone, play

STEADY = Network(Trace((4.0,)), Trace((4.0,)))
FARTHER = Network(Trace((30.0,)), Trace((30.0,)))
UNEVEN = Network(up=Trace((8.0,)), down=Trace((4.0,)))


class Looks(SynchronousTestCase):
    """What is known of one phone."""

    def phone(self, network: Network = STEADY, *, is_released: bool = False) -> Phone:
        """Have a phone that has joined."""
        clock = Clock(NOON, 100.0, granularity=float(is_released))
        phone = Phone(network, clock, Random(1), is_released=is_released)
        phone.burst(NOON)
        return phone

    def test_probes(self) -> None:
        """It is asked in bursts, at the join and from the tap on."""
        tapped_at = NOON + TAP
        look = self.phone().prepare(tapped_at, tapped_at + 600.0, tapped_at + 500.0)
        asked = [*questions(NOON), *questions(tapped_at, HASTE)]
        self.assertEqual(asked, [probe.asked for probe in look.probes])

    def test_too_late(self) -> None:
        """What is not heard when the copy has to leave is not known."""
        look = self.phone().prepare(NOON + TAP, NOON + TAP + 250.0, NOON + TAP + 50.0)
        self.assertEqual(BURST + 2, len(look.probes))

    def test_cut_short(self) -> None:
        """A burst that another would run into is cut short."""
        phone = Phone(STEADY, Clock(NOON, 0.0), Random(1), is_released=False)
        phone.burst(NOON, NOON + 2 * SPACING)
        self.assertEqual([NOON, NOON + SPACING], [p.asked for p in phone.probes])

    def test_times(self) -> None:
        """It tells both of its times; a released one tells one, in whole ms."""
        first = self.phone().probes[0]
        self.assertEqual((NOON + 104.0, NOON + 104.0), (first.received, first.answered))
        self.assertEqual(NOON + 8.0, first.heard)
        released = self.phone(GOOD, is_released=True).probes
        self.assertEqual({None}, {probe.received for probe in released})
        self.assertTrue(all(probe.answered.is_integer() for probe in released))

    def test_prospect(self) -> None:
        """The lead allows for half the usual round trip, and for the longest."""
        phone = self.phone()
        known = phone.prospect(NOON + TAP)
        self.assertEqual((4.0, 8.0), (known.delay, known.reach))
        self.assertTrue(known.tells_clock)
        unknown = phone.prospect(NOON)
        self.assertEqual(
            (UNKNOWN_DELAY, UNKNOWN_DELAY, False),
            (unknown.delay, unknown.reach, unknown.tells_clock),
        )


class Takes(SynchronousTestCase):
    """What comes of it."""

    def skew(self, method: str, networks: Pair) -> float:
        """Return how far apart the phones start by a method."""
        outcome = play(networks, METHODS, Random(1), 0.0)[method]
        return outcome.skew

    def test_even_ways(self) -> None:
        """Where both ways are equal, every method is right but for drift."""
        for method in METHODS.keys() - {"on-receipt"}:
            skew = self.skew(method, Pair(STEADY, FARTHER))
            self.assertLess(abs(skew), 0.3, method)

    def test_on_receipt(self) -> None:
        """Phones that start on receipt differ by their delays."""
        skew = self.skew("on-receipt", Pair(FARTHER, STEADY))
        self.assertAlmostEqual(26.0, skew, 3)

    def test_uneven_ways(self) -> None:
        """Uneven ways show as half their difference, where only one has them."""
        for method in METHODS.keys() - {"on-receipt"}:
            skew = self.skew(method, Pair(UNEVEN, STEADY))
            self.assertApproximates(-2.0, skew, 0.3)
            skew = self.skew(method, Pair(UNEVEN, UNEVEN))
            self.assertApproximates(0.0, skew, 0.3)

    def test_same_draws(self) -> None:
        """A method sees the same whatever others are asked beside it."""
        for name, networks in NETWORKS.items():
            together = play(networks, METHODS, chance(1, name, 0), 0.0)
            for method, outcome in together.items():
                one = {method: METHODS[method]}
                alone = play(networks, one, chance(1, name, 0), 0.0)
                self.assertEqual({method: outcome}, alone)

    def test_a_bound_that_is_wrong(self) -> None:
        """A promise that is not kept is found out."""

        def braggart(look: Look) -> Guess:
            return Guess(look.probes[0].offset, bound=0.0)

        played = play(NETWORKS["busy"], {"braggart": braggart}, Random(1), 0.0)
        self.assertEqual(
            [False, False], [each.holds for each in played["braggart"].bounds]
        )

    def test_bounds_hold(self) -> None:
        """Ours holds for both phones, on all networks, of either granularity."""
        ours = {"ours": METHODS["ours"]}
        for name, networks in NETWORKS.items():
            for granularity in (0.0, 1.0):
                for take in range(60):
                    random = chance(2026, name, take)
                    outcome = play(networks, ours, random, granularity)["ours"]
                    self.assertEqual(2, len(outcome.bounds))
                    self.assertTrue(all(each.holds for each in outcome.bounds), take)

    def test_later(self) -> None:
        """Who taps later has more answers to go by: the clocks' drift is known."""
        networks, ours = NETWORKS["busy"], {"ours": METHODS["ours"]}
        soon, late = (
            sorted(
                abs(play(networks, ours, chance(1, "busy", n), 0.0, after)["ours"].skew)
                for n in range(100)
            )
            for after in (TAP, MINUTE)
        )
        self.assertLess(late[50], soon[50])

    def test_both_at_the_second_join(self) -> None:
        """Both are asked when the second joins: two bursts, and one for the tap."""
        seen: list[Look] = []
        play(Pair(STEADY, STEADY), {"look": seen.append}, Random(1), 0.0)
        first, second = seen
        counts = len(first.probes), len(second.probes)
        self.assertEqual((3 * BURST, 2 * BURST), counts)
        for look in seen:
            at_join = [p for p in look.probes if 0 <= p.asked - NOON < TAP]
            self.assertEqual(BURST, len(at_join))

    def test_asked_until_the_tap(self) -> None:
        """Who waits is asked every 10 s; the tap cuts short what goes on."""
        seen: list[Look] = []
        play(Pair(STEADY, STEADY), {"look": seen.append}, Random(1), 0.0, 25 * SECOND)
        first, second = seen
        counts = len(first.probes), len(second.probes)
        self.assertEqual((5 * BURST, 4 * BURST), counts)

    def test_uncertainty(self) -> None:
        """Ours tells one for both phones; who tells none for one has none."""
        played = play(NETWORKS["good"], METHODS, Random(1), 0.0)
        told = [name for name, each in played.items() if each.uncertainty is not None]
        self.assertEqual(["ours"], told)

    def test_above(self) -> None:
        """A bound is compared with half of the quickest round trip."""
        self.assertEqual(1.5, Bound(4.0, 0.0, quickest=5.0).above)
        for bound in play(NETWORKS["good"], METHODS, Random(1), 0.0)["ours"].bounds:
            self.assertGreater(bound.quickest, 3.0)
            self.assertLess(bound.above, 0.5)

    def test_either_side(self) -> None:
        """A bound is for errors of either sign."""
        for wrong, holds in ((1.0, True), (-1.0, True), (1.1, False), (-1.1, False)):
            self.assertEqual(holds, Bound(1.0, wrong).holds)

    def test_no_answer_in_time(self) -> None:
        """A phone that is too far to be heard in time starts on receipt."""
        far = Network(Trace((40_000.0,)), Trace((40_000.0,)))
        outcome = play(Pair(far, far), METHODS, Random(1), 0.0)["ours"]
        self.assertEqual((), outcome.bounds)
