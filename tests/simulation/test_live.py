"""Phones on real sockets: what is noted of them, and what follows."""

from __future__ import annotations

import json
from math import inf

from twisted.trial.unittest import SynchronousTestCase

from raydel.core.alignment import Alignment
from raydel.core.manifest import (
    FORMAT,
    VERSION,
    Manifest,
    Recording,
    ShownParticipant,
    ShownSample,
)
from raydel.simulation.clocks import Clock
from raydel.simulation.live.figures import (
    Measured,
    fit_of,
    misjudged,
    read_manifest,
    report,
    row,
    start_of,
)
from raydel.simulation.live.notes import Notes, Unfinished
from raydel.simulation.live.truth import (
    Promise,
    ServerTime,
    Span,
    known_clocks,
    showing,
)

NOON = 1_768_478_400_000.0
AHEAD = 500.0
"""How far server time is ahead of machine time here."""

FAST = Clock(NOON, 40_000.0, 20e-6)
SLOW = Clock(NOON, -7_000.0, -20e-6)


def frame(kind: str, **fields: object) -> bytes:
    """Write a message of the server."""
    return json.dumps({"type": kind, **fields}).encode()


def sample(at: float, offset: float) -> ShownSample:
    """Have one look at a clock."""
    return ShownSample(at, offset, 1.0, "clock")


class Clocks(SynchronousTestCase):
    """The truth about a phone's clock."""

    def test_showing(self) -> None:
        """What a clock shows at an instant, it shows at that instant."""
        for clock in (FAST, SLOW):
            for at in (NOON, NOON + 5_400_000.0):
                shown = clock.reading(at)
                self.assertApproximates(at, showing(clock, shown), 0.001)

    def test_drawn(self) -> None:
        """The same numbers draw the same clocks, within what phones are."""
        clocks = known_clocks(1, 2, NOON)
        self.assertEqual(clocks, known_clocks(1, 2, NOON))
        self.assertNotEqual(clocks, known_clocks(1, 3, NOON))
        for clock in clocks:
            self.assertLessEqual(abs(clock.offset), 60_000.0)
            self.assertLessEqual(abs(clock.rate), 20e-6)


class Server(SynchronousTestCase):
    """What messages tell of server time."""

    def test_what_messages_allow(self) -> None:
        """The quickest message each way counts, and the slow ones do no harm."""
        time = ServerTime()
        for delay in (1.0, 0.25, 300.0):
            time.came(NOON + AHEAD, NOON + delay)
            time.went(NOON, NOON + AHEAD + 2 * delay)
        self.assertEqual(Span(AHEAD - 0.25, AHEAD + 0.5), time.ahead)
        self.assertEqual(0.375, time.ahead.half)
        self.assertTrue(time.is_one)

    def test_unlike(self) -> None:
        """A message that came before it was sent shows that the clocks run apart."""
        time = ServerTime()
        time.went(NOON, NOON + AHEAD)
        time.came(NOON + AHEAD + 1.0, NOON)
        self.assertFalse(time.is_one)

    def test_promises(self) -> None:
        """One held or broke where all of what is possible says so."""
        held, broke, open_ = (
            Promise(1.0, Span(low, low + 0.5)) for low in (-1.0, 1.1, 0.75)
        )
        self.assertEqual((True, False), (held.held, held.broke))
        self.assertEqual((False, True), (broke.held, broke.broke))
        self.assertEqual((False, False), (open_.held, open_.broke))


class Noted(SynchronousTestCase):
    """What one phone notes."""

    def setUp(self) -> None:
        """Have a phone with a fast clock."""
        self.time = ServerTime()
        self.notes = Notes(FAST, self.time)

    def hear(self, kind: str, came: float, **fields: object) -> None:
        """Hear a message, and have the answer ready a millisecond later."""
        self.notes.heard(frame(kind, **fields), came, came + 1.0)

    def hear_update(self, offset: float) -> None:
        """Be asked and told about the clock, 2 ms each way."""
        asked = NOON + AHEAD
        self.hear(
            "time_sync_request", NOON + 2.0, request_id="1", server_timestamp=asked
        )
        self.hear(
            "time_sync_update",
            NOON + 7.0,
            request_id="1",
            server_receive_timestamp=asked + 5.0,
            offset_ms=offset,
            bound_ms=2.0,
        )

    def test_update(self) -> None:
        """A bound is held against the truth, and server time against the messages."""
        self.hear_update(FAST.ahead(NOON) - AHEAD)
        self.assertEqual(Span(AHEAD - 2.0, AHEAD + 2.0), self.time.ahead)
        (promise,) = self.notes.promises()
        self.assertTrue(promise.held)
        self.assertApproximates(0.0, promise.error.middle, 0.001)

    def test_wrong_update(self) -> None:
        """One that no server time could make true is broken."""
        self.hear_update(FAST.ahead(NOON) - AHEAD + 5.0)
        self.assertEqual([True], [each.broke for each in self.notes.promises()])

    def test_start(self) -> None:
        """The bound of a start is held against when it is; without one, nothing is."""
        self.hear_update(FAST.ahead(NOON) - AHEAD)
        local = FAST.reading(NOON + 250.0)
        start = {"atomic_start_time": NOON + AHEAD + 250.0, "localStartTime": local}
        self.hear("start_recording", NOON + 10.0, **start)
        self.assertEqual(1, len(self.notes.promises()))
        self.hear("start_recording", NOON + 10.0, **start, bound_ms=3.0)
        *_, promise = self.notes.promises()
        self.assertTrue(promise.held)
        self.assertApproximates(-2.0, promise.error.low, 0.001)
        self.assertApproximates(2.0, promise.error.high, 0.001)
        self.assertApproximates(NOON + 250.0, start_of(self.notes), 0.001)

    def test_no_server_of_ours(self) -> None:
        """What makes no sense ends it, in words."""
        for wrong in (b"Hello!", b"[]", b"\xff"):
            with self.assertRaisesRegex(Unfinished, "no message of a Raydel server"):
                self.notes.heard(wrong, NOON, NOON)
        with self.assertRaisesRegex(Unfinished, "no such take"):
            read_manifest(b'{"error": "Take not found"}')


class Misjudged(SynchronousTestCase):
    """How well two clocks are judged against each other."""

    def test_fit(self) -> None:
        """A clock is fitted to all looks at it; without one it is unknown."""
        looks = [sample(NOON + 10_000.0 * n, 1.0 + n / 10) for n in range(6)]
        found = fit_of(looks)
        assert found is not None
        self.assertApproximates(1.25, found.at(NOON + 25_000.0).offset, 0.01)
        self.assertIsNone(fit_of([]))

    def test_misjudged(self) -> None:
        """What is wrong with both clocks alike cancels out."""
        for wrong, error in (((0.0, 0.0), 0.0), ((3.0, 3.0), 0.0), ((3.0, 1.0), 2.0)):
            fits = []
            for clock, each in zip((FAST, SLOW), wrong, strict=True):
                known = fit_of([sample(NOON + AHEAD, clock.ahead(NOON) - AHEAD + each)])
                assert known is not None
                fits.append(known)
            found = misjudged((FAST, SLOW), fits, NOON + AHEAD, AHEAD)
            self.assertApproximates(error, found, 0.001)


def measured(skew: float = 0.0, *, knows: bool = True) -> tuple[Measured, ServerTime]:
    """Have a pair whose take of ten seconds began at noon, the guest ``skew`` late."""
    time = ServerTime()
    time.came(NOON + AHEAD, NOON)
    time.went(NOON, NOON + AHEAD + 0.5)
    host, guest = Notes(FAST, time), Notes(SLOW, time)
    participants = []
    for name, notes, late in (("h", host, 0.0), ("g", guest, skew)):
        joined = frame("joined", deviceId=name, clockId="clock")
        notes.heard(joined, NOON, NOON)
        local = notes.clock.reading(NOON + late)
        notes.heard(frame("start_recording", localStartTime=local), NOON, NOON)
        looks = (sample(NOON + AHEAD, notes.clock.ahead(NOON) - AHEAD),)
        participants.append(
            ShownParticipant(
                device_id=name,
                name=name,
                is_host=name == "h",
                app="protocol-2",
                start_confirmed=True,
                late=False,
                model=None,
                installation_id=None,
                protocol=2,
                capabilities=(),
                recording=Recording(),
                gaps=(),
                clock_samples=looks,
            )
        )
    manifest = Manifest(
        format=FORMAT,
        version=VERSION,
        id="take",
        session_id="ABC123",
        is_recording=False,
        accepted_at=NOON + AHEAD - 250.0,
        start_time=NOON + AHEAD,
        ended_at=NOON + AHEAD + 10_000.0,
        reason="command",
        ended_by="g",
        initiator="h",
        participants=tuple(participants) if knows else (),
        absent=(),
        markers=(),
        alignment=Alignment(None, "D", None, None, (), ()),
        journal=(),
    )
    return Measured(host, guest, manifest), time


class Reports(SynchronousTestCase):
    """What all pairs together were like."""

    def test_finding(self) -> None:
        """Skew is as commanded; alignment is what the clocks drift apart by the end."""
        pair, time = measured(skew=0.25)
        finding = pair.finding(time)
        self.assertApproximates(0.25, finding.start_skew, 0.002)
        self.assertApproximates(0.4, finding.alignment, 0.002)
        self.assertEqual((1.0, 1.0), finding.round_trips)

    def test_unknown(self) -> None:
        """A take without looks at a clock is a failure, said in words."""
        pair, time = measured()
        lost, _ = measured(knows=False)
        found = report([pair, lost, "no server", "no server"], time, [])
        self.assertEqual(1, found.finished)
        words = "the take was kept without what a phone's clock said"
        self.assertEqual({words: 1, "no server": 2}, found.failures)
        self.assertFalse(found.is_well)

    def test_well(self) -> None:
        """All is well where each pair finished and no bound was broken."""
        pair, time = measured()
        found = report([pair, pair], time, [0.5, 1.5])
        self.assertTrue(found.is_well)
        self.assertEqual(row([0.5, 1.5]), found.late)
        assert found.bounds is not None
        self.assertEqual((0, 0), (found.bounds.told, found.bounds.broken))

    def test_broken(self) -> None:
        """One broken bound is enough, and is counted."""
        pair, time = measured()
        told = {"server_receive_timestamp": NOON + AHEAD + 9.0, "bound_ms": 1.0}
        pair.host.heard(frame("time_sync_update", **told), NOON, NOON)
        found = report([pair], time, [])
        self.assertFalse(found.is_well)
        assert found.bounds is not None
        self.assertEqual(
            (1, 0, 1), (found.bounds.told, found.bounds.held, found.bounds.broken)
        )

    def test_clocks_apart(self) -> None:
        """Where server time does not run as ours, no bound can be judged."""
        pair, time = measured()
        time.went(NOON, NOON + AHEAD - 1.0)
        found = report([pair], time, [])
        self.assertIsNone(found.bounds)
        self.assertFalse(found.is_well)

    def test_told_nothing(self) -> None:
        """A server that never says when answers came leaves its time unknown."""
        pair, _ = measured()
        self.assertEqual(inf, ServerTime().ahead.high)
        found = report([pair], ServerTime(), [])
        self.assertEqual(0, found.finished)

    def test_row(self) -> None:
        """Numbers are spread as they are, in whatever order they come."""
        found = row(float(number) for number in range(100, 0, -1))
        assert found is not None
        self.assertEqual(
            (100, 50.0, 95.0, 99.0, 100.0),
            (found.count, found.p50, found.p95, found.p99, found.max),
        )
        self.assertIsNone(row([]))
