"""A connection of memory."""

from __future__ import annotations

import json
from random import Random

from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from raydel.interfaces import ITransport
from raydel.simulation.networks import Network, Trace
from raydel.simulation.phones import Message
from raydel.simulation.trial import NOON
from raydel.simulation.virtualtime import VirtualClock
from raydel.simulation.wire import Wire
from raydel.testing import FakeConnection, FakeSessions

EVEN = Network(up=Trace((30.0,)), down=Trace((20.0,)))


class Wires(SynchronousTestCase):
    """Both directions."""

    def open(self, network: Network = EVEN) -> None:
        """Open a wire, and note what arrives."""
        self.clock = VirtualClock(NOON)
        self.heard: list[tuple[float, Message]] = []
        self.sessions = FakeSessions()
        self.wire = Wire(self.clock, network, Random(1), self.hear)
        self.wire.connect(self.sessions, "ABC123")
        self.connection: FakeConnection = self.sessions.connections[0]

    def hear(self, message: Message) -> None:
        """Note what the phone hears, and when, in ms; answer questions."""
        self.heard.append((self.clock.now - NOON, message))
        if message["type"] == "time_sync_request":
            self.wire.say({"type": "answer", "request_id": message["request_id"]})

    def send(self, kind: str, **fields: object) -> None:
        """Send as the server does."""
        self.wire.send(json.dumps({"type": kind, **fields}).encode())

    def test_interface(self) -> None:
        """The server may take it for a transport."""
        self.open()
        self.assertTrue(verifyObject(ITransport, self.wire))
        self.assertEqual("ABC123", self.connection.code)

    def test_delays(self) -> None:
        """Each direction has delays of its own, and bytes arrive."""
        self.open()
        self.send("pong")
        self.wire.say({"type": "ping"})
        self.clock.run(NOON + 29.0)
        self.assertEqual([(20.0, {"type": "pong"})], self.heard)
        self.assertEqual([], self.connection.calls)
        self.clock.run(NOON + 30.0)
        self.assertEqual([("received", b'{"type":"ping"}')], self.connection.calls)

    def test_no_overtaking(self) -> None:
        """What is sent later arrives later, pings and goodbyes too."""
        self.open(Network(up=Trace((0.0,)), down=Trace((50.0, 1.0, 20.0))))
        for number in range(3):
            self.send("pong", number=number)
        self.wire.ping(b"x")
        self.wire.close(4000)
        self.clock.run(NOON + 100.0)
        self.assertEqual([0, 1, 2], [message["number"] for _, message in self.heard])
        arrivals = [at for at, _ in self.heard]
        self.assertEqual(sorted(arrivals), arrivals)
        self.assertEqual([("closed", 4000)], self.connection.calls)

    def test_ping(self) -> None:
        """A ping comes back as its pong."""
        self.open()
        self.wire.ping(b"x")
        self.clock.run(NOON + 49.9)
        self.assertEqual([], self.connection.calls)
        self.clock.run(NOON + 50.0)
        self.assertEqual([("ponged", b"x")], self.connection.calls)

    def test_abort(self) -> None:
        """A wire that was dropped carries nothing, and is gone soon after."""
        self.open()
        self.wire.say({"type": "ping"})
        self.wire.abort()
        self.send("pong")
        self.clock.run(NOON + 100.0)
        self.assertEqual([("closed", 1006)], self.connection.calls)
        self.assertEqual([], self.heard)

    def test_quickest(self) -> None:
        """It knows the quickest question when a start leaves; without any, a ping."""
        for asks in (True, False):
            self.open()
            self.wire.ping(b"x")
            if asks:
                self.send("time_sync_request", request_id="1")
            found = []
            for at in (49.0, 50.0):
                self.clock.run(NOON + at)
                self.send("start_recording")
                found.append(self.wire.quickest)
            self.assertEqual([None, 50.0], found)
