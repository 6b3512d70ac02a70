"""One-way delay from pings."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from raydel.core.roundtrip import KEPT, LATEST, MAX_PENDING, RoundTrips


class Delay(SynchronousTestCase):
    """How long a message takes."""

    def setUp(self) -> None:
        """Begin without a ping."""
        self.trips: RoundTrips[str] = RoundTrips()

    def take(self, *round_trips: float) -> None:
        """Let some pings come back."""
        for round_trip in round_trips:
            self.trips.pong(self.trips.ping(0.0), round_trip)

    def test_unknown(self) -> None:
        """Before the first pong nothing is known."""
        self.trips.ping(0.0)
        self.assertIsNone(self.trips.delay)

    def test_half_a_round_trip(self) -> None:
        """One way is half of both ways."""
        self.take(30.0)
        self.assertEqual(15.0, self.trips.delay)

    def test_the_least_counts(self) -> None:
        """However many are held up on the Wi-Fi, they do not spoil the figure."""
        self.take(300.0, 22.0, 250.0, 20.0, 300.0)
        self.assertEqual(10.0, self.trips.delay)

    def test_the_latest_count(self) -> None:
        """What was long ago is forgotten."""
        self.take(*[10.0] * KEPT)
        self.take(*[500.0] * LATEST)
        self.assertEqual(250.0, self.trips.delay)


class Purposes(SynchronousTestCase):
    """What a ping was for."""

    def setUp(self) -> None:
        """Begin without a ping."""
        self.trips: RoundTrips[str] = RoundTrips()

    def test_given_back_once(self) -> None:
        """A pong gives back what its ping was for, and only once."""
        payload = self.trips.ping(0.0, "start")
        self.assertEqual(["start"], self.trips.pong(payload, 10.0))
        self.assertEqual([], self.trips.pong(payload, 20.0))
        self.assertEqual(5.0, self.trips.delay)

    def test_none(self) -> None:
        """A plain ping has no purpose."""
        self.assertEqual([], self.trips.pong(self.trips.ping(0.0), 10.0))

    def test_latest_alone(self) -> None:
        """A pong proves every ping before it: a client may answer the last alone."""
        for purpose in ("start", None):
            self.trips.ping(0.0, purpose)
        payload = self.trips.ping(5.0, "stop")
        self.trips.ping(6.0, "later")
        self.assertEqual(["start", "stop"], self.trips.pong(payload, 10.0))
        self.assertEqual(["later"], self.trips.purposes())
        self.assertEqual(2.5, self.trips.delay)

    def test_forged(self) -> None:
        """A pong that answers no ping of ours counts for nothing."""
        self.trips.ping(0.0, "start")
        for payload in (b"", b"raydel-2", b"raydel-1 ", b"\xff"):
            self.assertEqual([], self.trips.pong(payload, 10.0))
        self.assertIsNone(self.trips.delay)
        self.assertEqual(["start"], self.trips.purposes())

    def test_no_payload_twice(self) -> None:
        """Every ping can be told from every other."""
        payloads = {self.trips.ping(0.0) for _ in range(100)}
        self.assertEqual(100, len(payloads))

    def test_the_unanswered(self) -> None:
        """What was not answered yet is known, oldest first."""
        payloads = [self.trips.ping(0.0, p) for p in ("a", None, "b", "c")]
        self.trips.pong(payloads[0], 10.0)
        self.assertEqual(["b", "c"], self.trips.purposes())

    def test_forgets_the_oldest(self) -> None:
        """So many pings are kept of a silent client; what they were for stays."""
        first = self.trips.ping(0.0, "start")
        for _ in range(2 * MAX_PENDING):
            last = self.trips.ping(1.0)
        self.assertEqual(["start"], self.trips.purposes())
        self.assertEqual([], self.trips.pong(first, 10.0))
        self.assertEqual(["start"], self.trips.pong(last, 10.0))

    def test_a_stalled_link(self) -> None:
        """What waited in a stalled link does not tell how far the client is."""
        for sent_at in (0.0, 4_000.0, 8_000.0, 11_990.0):
            payload = self.trips.ping(sent_at)
        self.trips.pong(payload, 12_000.0)
        self.trips.add(11_000.0)
        self.assertEqual(5.0, self.trips.delay)
        self.trips.forget()
        self.assertIsNone(self.trips.delay)

    def test_reach(self) -> None:
        """A command may take as long as the longest round trip of late."""
        self.assertIsNone(self.trips.reach)
        for round_trip in (900.0, *([8.0] * KEPT), 40.0, 6.0):
            self.trips.add(round_trip)
        self.assertEqual((3.0, 40.0), (self.trips.delay, self.trips.reach))
