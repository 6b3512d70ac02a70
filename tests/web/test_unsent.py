"""What waits for a peer to read it."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from raydel.web.unsent import MAX_UNSENT, PIECE, TRANSPORT_HOLDS, Unsent


class UnsentTests(SynchronousTestCase):
    def setUp(self) -> None:
        """Have a transport that takes two writes and then pauses."""
        self.written: list[bytes] = []
        self.overflows = 0
        self.unsent = Unsent(self.write, self.overflow)

    def write(self, data: bytes) -> None:
        """Take a write, as a transport does."""
        self.written.append(data)
        if len(self.written) % 2 == 0:
            self.unsent.pauseProducing()

    def overflow(self) -> None:
        """Count."""
        self.overflows += 1

    def put(self, *data: bytes) -> None:
        """Put in several."""
        for each in data:
            self.unsent.put(each)

    def test_takes_what_is_asked_for(self) -> None:
        """No more is written than the transport takes, before and after a pause."""
        c, d, e = (letter * PIECE for letter in (b"c", b"d", b"e"))
        self.put(b"a", b"b", c, d, e)
        self.assertEqual([b"a", b"b"], self.written)
        self.unsent.resumeProducing()
        self.assertEqual([b"a", b"b", c, d], self.written)

    def test_order(self) -> None:
        """What comes later waits behind what waits already."""
        self.put(b"a", b"b", b"c", b"d", b"e")
        self.unsent.resumeProducing()
        self.put(b"f")
        self.unsent.resumeProducing()
        self.assertEqual(b"abcdef", b"".join(self.written))

    def test_flush(self) -> None:
        """At the end everything is written, whether the transport wants it or not."""
        self.put(b"a", b"b", b"c", b"d", b"e")
        self.unsent.flush()
        self.assertEqual(b"abcde", b"".join(self.written))

    def test_in_pieces(self) -> None:
        """Many small writes that waited leave in few: each is a call of the system."""
        self.put(b"a", b"b", *[b"xx"] * (PIECE // 2 + 1))
        self.unsent.resumeProducing()
        self.assertEqual([1, 1, PIECE, 2], [len(each) for each in self.written])

    def test_limit(self) -> None:
        """With what the transport holds, 256 KiB may wait, and not a byte more."""
        self.put(b"a", b"b", b"x" * (MAX_UNSENT - TRANSPORT_HOLDS))
        self.assertEqual(0, self.overflows)
        self.put(b"x")
        self.assertEqual(1, self.overflows)

    def test_gone(self) -> None:
        """What waits for a wire that is gone is forgotten."""
        self.put(b"a", b"b", b"c")
        self.unsent.stopProducing()
        self.unsent.resumeProducing()
        self.assertEqual([b"a", b"b"], self.written)
