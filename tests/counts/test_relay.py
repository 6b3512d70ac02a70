"""What the server does for one relay, and keeps for one connection.

A ceiling is what was counted, and a little: whoever does more in the hot path learns
it here, and whoever does less brings it down. What is counted is the same on a busy
machine as on a quiet one.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Final

from twisted.trial.unittest import SynchronousTestCase

from raydel.bench.wire import CLOSE, GOODBYE
from raydel.testing import ByteLine, handshake
from tests.counts.counting import Counter, bytecodes, bytes_kept
from tests.counts.hall import Hall

COUNTED: Final = {
    (3, 11): {
        "start": 10_920,
        "stop": 7_949,
        "ready": 3_121,
        "answer": 843,
        "join": 11_267,
    },
    (3, 12): {
        "start": 9_845,
        "stop": 7_123,
        "ready": 2_821,
        "answer": 796,
        "join": 10_098,
    },
    (3, 13): {
        "start": 9_854,
        "stop": 7_107,
        "ready": 2_832,
        "answer": 776,
        "join": 10_177,
    },
}
"""Bytecodes of one of each, by the version of Python."""

KEPT: Final = {"unjoined": 3_400, "joined": 7_140}
"""Bytes that one connection keeps allocated, without the transport below it; with it,
they are counted in `tests/integration/test_kept.py`."""

ROOM: Final = 1.03
"""What a ceiling is above what was counted: other releases of what we are built on
differ by a little."""

CROWD: Final = 40


def ceiling(what: str) -> float:
    """Return how many bytecodes may be run for one of something.

    A version that nobody has counted under yet is held to the most of the others.
    """
    version = sys.version_info[:2]
    counted = COUNTED.get(version, {}).get(what)
    if counted is not None:
        return ROOM * counted
    return ROOM * max(each[what] for each in COUNTED.values() if what in each)


class RelayTests(SynchronousTestCase):
    """One command in, two copies out, from the bytes read to the bytes written."""

    def setUp(self) -> None:
        """Have two phones in a session that have told their clocks."""
        self.hall = Hall()
        self.addCleanup(self.hall.close)
        self.host, self.guest = self.hall.come(2, join=True)
        self.hall.play(1.0)

    def counted(self, *acts: Callable[[], object]) -> int:
        """Return how many bytecodes run in some acts."""
        counter = Counter()
        with bytecodes(counter):
            for act in acts:
                act()
        return counter.count

    def relay(self, kind: str) -> int:
        """Return the bytecodes of one command up to what it makes leave at once."""
        data = self.host.framed(kind)
        return self.counted(lambda: self.host.read(data), self.turn)

    def turn(self) -> None:
        """Run what is due now."""
        self.hall.clock.advance(0)

    def assert_copies(self, kind: str, count: int) -> None:
        """Check that each phone has had so many copies."""
        for phone in (self.host, self.guest):
            phone.replies()
            self.assertEqual(count, phone.heard.count(kind))

    def start(self) -> int:
        """Start; return the bytecodes of all that is no question.

        Those are what is run on the command, and the turns in which copies leave.
        """
        total, had = self.relay("start_recording"), self.copies()
        end = had + 2
        while had < end:
            self.hall.clock.advance(0.005)
            for phone in (self.host, self.guest):
                for reply in phone.replies():
                    phone.read(reply)
            turn = self.counted(self.turn)
            left, had = self.copies() - had, self.copies()
            total += turn if left else 0
        return total

    def copies(self) -> int:
        """Return how many starts have left, answering all that came with them."""
        both = (self.host, self.guest)
        for phone in both:
            for reply in phone.replies():
                phone.read(reply)
        return sum(phone.heard.count("start_recording") for phone in both)

    def test_start(self) -> None:
        """A start costs no more than its ceiling, beside the questions before it."""
        cost = self.start()
        self.assert_copies("start_recording", 1)
        self.assertLessEqual(cost, ceiling("start"))

    def test_stop(self) -> None:
        """A stop costs no more than its ceiling, with the first question after it."""
        self.start()
        cost = self.relay("stop_recording")
        self.assert_copies("stop_recording", 1)
        self.assertLessEqual(cost, ceiling("stop"))

    def test_ready(self) -> None:
        """A relay that waits for nothing costs no more than its ceiling."""
        self.relay("device_ready")
        cost = self.relay("device_ready")
        self.assert_copies("readiness_update", 2)
        self.assertLessEqual(cost, ceiling("ready"))

    def test_answer(self) -> None:
        """The commonest message, a clock told, costs no more than its ceiling."""
        self.hall.play(2.0)
        self.host.read(self.host.framed("foreground"))
        (reply,) = self.host.replies()
        cost = self.counted(lambda: self.host.read(reply), self.turn)
        self.assertLessEqual(cost, ceiling("answer"))

    def test_writes(self) -> None:
        """A relay writes to each phone once: each write is a call of the system."""
        self.relay("device_ready")
        for phone in (self.host, self.guest):
            phone.replies()
        before = self.host.line.server_side.stream, self.guest.line.server_side.stream
        self.assertEqual([[], []], [list(stream) for stream in before])
        self.relay("device_ready")
        for phone in (self.host, self.guest):
            self.assertEqual(1, len(phone.line.server_side.stream))

    def test_later_takes_cost_the_same(self) -> None:
        """The 30th take costs what the 10th did: by then, all that is kept is full.

        What is kept of takes and clocks before costs up to two thirds as much again.
        """
        costs = []
        for _ in range(30):
            costs.append(self.start() + self.relay("stop_recording"))
            self.hall.play(0.3)
        self.assertLessEqual(costs[29], 1.02 * costs[9])
        self.assertLessEqual(costs[9], 1.65 * costs[0])


class JoinTests(SynchronousTestCase):
    """A host that connects, joins and leaves, from the first byte to the last."""

    def test_join(self) -> None:
        """A join costs no more than its ceiling."""
        hall = Hall()
        self.addCleanup(hall.close)
        hall.come(3, join=True)
        hall.play(1.0)
        joining = hall.guests[0].framed(
            "join", sessionId="BBB000", isHost=True, protocol=2, deviceName="A"
        )
        goodbye, counter = hall.mask.frame(GOODBYE, CLOSE), Counter()
        with bytecodes(counter):
            line = ByteLine(hall.site, hall.clock)
            line.send(handshake())
            line.send(joining)
            hall.clock.advance(0)
            said = line.take()
            line.send(goodbye)
            line.hang_up()
            hall.clock.advance(0)
        self.assertIn(b'"type":"joined"', said)
        self.assertIsNone(hall.service.status("BBB000"))
        self.assertLessEqual(counter.count, ceiling("join"))


class SessionsTests(SynchronousTestCase):
    """Many sessions beside the one that is relayed in."""

    def test_alone_or_among_others(self) -> None:
        """A relay costs the same among twenty sessions as alone."""
        self.assertLessEqual(self.cost(20), 1.02 * self.cost(1))

    def cost(self, sessions: int) -> int:
        """Return the bytecodes of a relay among so many."""
        hall = Hall()
        try:
            host, *_ = hall.come(2 * sessions, join=True)
            hall.play(1.0)
            counter, data = Counter(), host.framed("device_ready")
            host.read(data)
            hall.clock.advance(0)
            with bytecodes(counter):
                host.read(data)
                hall.clock.advance(0)
            return counter.count
        finally:
            hall.close()


class MemoryTests(SynchronousTestCase):
    """What a connection keeps, that does nothing."""

    def kept(self, *, join: bool) -> float:
        """Return bytes for each of many connections."""
        hall = Hall()
        self.addCleanup(hall.close)
        hall.come(4, join=join)
        hall.play(1.0)

        def come() -> None:
            hall.come(CROWD, join=join)
            hall.play(1.0)
            for guest in hall.guests:
                guest.heard.clear()

        return bytes_kept(come) / CROWD

    def test_unjoined(self) -> None:
        """A connection that says nothing keeps no more than its ceiling."""
        self.assertLessEqual(self.kept(join=False), ROOM * KEPT["unjoined"])

    def test_joined(self) -> None:
        """A phone that has joined keeps no more than its ceiling, clock and all."""
        self.assertLessEqual(self.kept(join=True), ROOM * KEPT["joined"])
