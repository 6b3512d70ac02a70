"""``simulate --live``: what is asked for, what is printed, and how a phone fails."""

from __future__ import annotations

import json
from contextlib import redirect_stdout
from dataclasses import replace
from io import StringIO

from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from raydel import cli
from raydel.cli.live import MOST_PAIRS, table, targets
from raydel.cli.pairs import Wanted, speaks_protocol_2
from raydel.cli.players import PATIENCE, Player, machine_time
from raydel.simulation.live.figures import Bounds, Report, Row
from raydel.simulation.live.notes import Heard, Notes, Unfinished
from raydel.simulation.live.truth import ServerTime, known_clocks
from raydel.virtualphone import VirtualPhone

URL = "ws://127.0.0.1:3001/sync"

WANTED = Wanted(URL, None, pairs=2, seconds=30.0, apart=0.0, seed=1)

REPORT = Report(
    finished=2,
    start_skew=Row(2, 0.1, 0.2, 0.3, 0.4),
    alignment=Row(2, 0.1, 0.2, 0.3, 0.5),
    round_trip=Row(8, 1.0, 2.0, 3.0, 4.0),
    late=Row(9, 0.1, 0.1, 0.1, 0.2),
    bounds=Bounds(told=8, held=7, broken=0, p50=0.5, known_to=0.125),
    failures={},
)

NOBODY = Report(0, None, None, None, None, None, {"no server": 2})


class Asked(SynchronousTestCase):
    """What is asked for."""

    def test_wrong(self) -> None:
        """An option that makes no sense is refused before anything is sent."""
        for wrong in (
            "--live=http://127.0.0.1/",
            "--pairs=0",
            f"--pairs={MOST_PAIRS + 1}",
            "--seconds=0",
            "--seconds=nan",
            "--apart=-1",
            "--seed=x",
            "--ca=/nowhere",
            "--takes=10",
        ):
            arguments = ["simulate", f"--live={URL}", wrong]
            self.assertRaises(SystemExit, cli.main, arguments)

    def test_help(self) -> None:
        """It tells what is measured, and the other help that there is this one."""
        for words, told in ((["--live", "--help"], "start skew"), (["-h"], "--live")):
            with redirect_stdout(StringIO()) as out:
                cli.main(["simulate", *words])
            self.assertIn(told, out.getvalue())

    def test_rest(self) -> None:
        """REST is looked for where the WebSockets are."""
        self.assertEqual("http://127.0.0.1:3001/api", WANTED.rest)
        behind_proxy = replace(WANTED, url="wss://club.example/raydel/sync")
        self.assertEqual("https://club.example/raydel/api", behind_proxy.rest)


class Printed(SynchronousTestCase):
    """What people are shown."""

    def test_table(self) -> None:
        """A line has what was measured, its figures, and whether it is good enough."""
        head, skew, alignment, trip, late, bounds = table(WANTED, REPORT)
        self.assertTrue(head.startswith("2 of 2 pairs, takes of 30 s  "), head)
        self.assertEqual(["p50", "p95", "p99", "max"], head.split()[-4:])
        self.assertTrue(skew.startswith("start skew  "), skew)
        self.assertTrue(skew.endswith("    0.400  p99 < 1: met"), skew)
        self.assertTrue(alignment.endswith("  max < 0.5: missed"), alignment)
        numbers = ["1.000", "2.000", "3.000", "4.000"]
        self.assertEqual(["round", "trip", *numbers], trip.split())
        self.assertEqual("own delay", late[:9])
        self.assertEqual(
            "bounds held: 7 of 8; half of them below 0.500; "
            "server time is known to ±0.125",
            bounds,
        )

    def test_failed(self) -> None:
        """What failed has a line; without a pair that finished, there is no other."""
        self.assertEqual(["failed: 2 of 2 pairs: no server"], table(WANTED, NOBODY))
        assert REPORT.bounds is not None
        broken = replace(REPORT, bounds=replace(REPORT.bounds, broken=1))
        self.assertEqual(
            "failed: 1 of 8 bounds did not hold", table(WANTED, broken)[-1]
        )
        apart = replace(REPORT, bounds=None)
        self.assertIn("is the server elsewhere?", table(WANTED, apart)[-1])

    def test_targets(self) -> None:
        """What was not measured is neither met nor missed."""
        self.assertEqual((True, False), targets(REPORT))
        self.assertEqual((None, None), targets(NOBODY))


class Phone(SynchronousTestCase):
    """A phone that a program plays, without its socket."""

    def setUp(self) -> None:
        """Have a phone that has no link yet."""
        self.reactor = MemoryReactorClock()
        notes = Notes(known_clocks(1, 0, machine_time())[0], ServerTime())
        phone = VirtualPhone("ABC123", "Left", is_host=True, clock=machine_time)
        self.player = Player(self.reactor, phone, notes, URL, None)

    def hears(self, kind: str, **fields: object) -> None:
        """Have the server say something."""
        frame = json.dumps({"type": kind, **fields}).encode()
        self.player.received(frame, machine_time())

    def test_hears(self) -> None:
        """It can wait for a message, whether that is there already or not."""
        waiting = self.player.hears("joined")
        self.assertNoResult(waiting)
        self.hears("joined", deviceId="me")
        self.assertEqual("me", self.successResultOf(waiting).device_id)
        again = self.successResultOf(self.player.hears("joined"))
        self.assertEqual("me", again.device_id)

    def test_code_taken(self) -> None:
        """A refusal ends it, in the words of the server."""
        waiting = self.player.hears("joined")
        self.hears("error", message="Session already has a host", temporary=True)
        why = self.failureResultOf(waiting, Unfinished)
        words = "the server refuses: Session already has a host"
        self.assertEqual(words, why.getErrorMessage())
        self.failureResultOf(self.player.hears("start_recording"), Unfinished)

    def test_silence(self) -> None:
        """A server that does not answer is not waited for for ever."""
        waiting = self.player.hears("joined")
        self.reactor.advance(PATIENCE)
        why = self.failureResultOf(waiting, Unfinished).getErrorMessage()
        self.assertIn("no 'joined' in 10 s", why)

    def test_lost(self) -> None:
        """A link that is lost is not made again, as it would be elsewhere."""
        waiting = self.player.hears("joined")
        self.player.unlinked("link lost: The server restarts", 1012)
        why = self.failureResultOf(waiting, Unfinished).getErrorMessage()
        self.assertEqual("link lost: The server restarts (close code 1012)", why)
        self.assertEqual([], self.reactor.getDelayedCalls())

    def test_old_server(self) -> None:
        """One that does not name its time cannot be measured."""
        speaks_protocol_2(Heard("joined", clock_id="clock"))
        self.assertRaises(Unfinished, speaks_protocol_2, Heard("joined"))
