"""What a peer may not do to the server, and what happens if it does."""

from __future__ import annotations

import struct

from twisted.logger import capturedLogs

from raydel.testing import ByteLine, frame, frames, handshake
from raydel.web.unsent import MAX_UNSENT, TRANSPORT_HOLDS
from raydel.web.websocket import FAREWELL, FRAME_BURST, MAX_FRAGMENTS, MAX_MESSAGE
from tests.web.test_websocket import (
    CLOSE,
    PING,
    PONG,
    TEXT,
    WebSocketTestCase,
    goodbye,
    own_lines,
)

BINARY = 2


class FramingTests(WebSocketTestCase):
    def assert_closed(self, line: ByteLine, code: int) -> None:
        """Assert that the last frame was a close with the code."""
        opcode, payload = frames(line.take())[-1]
        self.assertEqual((CLOSE, code), (opcode, struct.unpack("!H", payload[:2])[0]))

    def received(self) -> list[object]:
        """Return the messages that reached the connection."""
        return [call[1] for call in self.peer().calls if call[0] == "received"]

    def test_largest(self) -> None:
        """A message of 16 KiB goes through."""
        line = self.open()
        line.send(frame(TEXT, b"x" * MAX_MESSAGE))
        self.assertEqual([b"x" * 16384], self.received())

    def test_too_large(self) -> None:
        """One byte more is 1009, at the head of the frame already."""
        line = self.open()
        line.send(frame(TEXT, b"x" * (MAX_MESSAGE + 1))[:20])
        self.assert_closed(line, 1009)
        self.assertEqual([], self.received())

    def test_too_large_in_pieces(self) -> None:
        """Pieces are added up."""
        line = self.open()
        line.send(frame(TEXT, b"x" * MAX_MESSAGE, fin=False), frame(0, b"x"))
        self.assert_closed(line, 1009)

    def test_most_fragments(self) -> None:
        """A message of 64 pieces goes through, and so does the next one."""
        line = self.open()
        pieces = [frame(0, b"x", fin=False) for _ in range(MAX_FRAGMENTS - 2)]
        for _ in range(2):
            line.send(frame(TEXT, b"x", fin=False), *pieces, frame(0, b"x"))
        self.assertEqual([b"x" * 64] * 2, self.received())

    def test_too_many_fragments(self) -> None:
        """The 65th piece is 1008, however empty they are."""
        line = self.open()
        pieces = [frame(0, b"", fin=False) for _ in range(MAX_FRAGMENTS)]
        line.send(frame(TEXT, b"", fin=False), *pieces)
        self.assert_closed(line, 1008)

    def test_binary(self) -> None:
        """A binary message is 1003, before it is read."""
        line = self.open()
        line.send(frame(BINARY, b"x" * 100)[:10])
        self.assert_closed(line, 1003)
        line.send(frame(BINARY, b"x" * 100)[10:])
        self.assertEqual([], self.received())

    def test_no_utf8(self) -> None:
        """Text that is no UTF-8 is 1007, also where it ends too early."""
        for text in (b"\xff", "é".encode()[:1], b"\xed\xa0\x80"):
            line = self.open()
            line.send(frame(TEXT, text))
            self.assert_closed(line, 1007)
            self.assertEqual([], self.received())

    def test_unmasked(self) -> None:
        """A frame that is not masked is 1002."""
        line = self.open()
        line.send(b"\x81\x02hi")
        self.assert_closed(line, 1002)

    def test_no_compression(self) -> None:
        """Compression is not agreed on, whatever a client offers."""
        line = ByteLine(self.site, self.clock)
        line.send(handshake(sec_websocket_extensions="permessage-deflate"))
        self.assertNotIn(b"permessage", line.take())
        line.send(b"\xc1" + frame(TEXT, b"x")[1:])
        self.assert_closed(line, 1002)

    def test_violator_who_stays(self) -> None:
        """Who breaks a rule and does not answer our goodbye is dropped."""
        line = self.open()
        line.send(frame(TEXT, b"x" * (MAX_MESSAGE + 1))[:20])
        self.clock.advance(FAREWELL)
        line.flush()
        self.assertTrue(line.is_closed)
        self.assertEqual([("closed", 1006)], self.peer().calls)


class LogTests(WebSocketTestCase):
    def broken_by(self, *data: bytes) -> str:
        """Return the one line of the log on a peer that sends something."""
        line = self.open()
        with capturedLogs() as events:
            line.send(*data)
            self.clock.advance(FAREWELL)
            line.flush()
        (logged,) = own_lines(events)
        return logged

    def test_one_line(self) -> None:
        """Who breaks a rule is told of in one line: from where, and how."""
        for data, code, why in (
            (b"\x81\x06secret", 1002, "unmasked client-to-server frame"),
            (frame(3, b"secret"), 1002, "data frame using reserved opcode 3"),
            (frame(TEXT, b"secret\xff"), 1007, "invalid"),
            (frame(CLOSE, b"\x03\xe8secret\xff"), 1007, "invalid close reason"),
            (frame(CLOSE, b"\x00\x01secret"), 1002, "invalid close code 1"),
            (frame(TEXT, b"secret" * 3000), 1009, "exceeds payload limit"),
            (frame(BINARY, b"secret"), 1003, "Text messages only"),
        ):
            logged = self.broken_by(data)
            start = f"192.168.1.7:51234 is closed with {code}: "
            self.assertEqual(start, logged[: len(start)])
            self.assertIn(why, logged)
            self.assertNotIn("secret", logged)

    def test_unread(self) -> None:
        """So is who does not read."""
        line = self.open()
        line.server_side.read = False
        with capturedLogs() as events:
            self.peer().transport.send(b"secret" * 100_000)
            self.peer().transport.send(b"secret" * 100_000)
        self.assertEqual(
            ["192.168.1.7:51234 does not read, and is cut"], own_lines(events)
        )

    def test_no_line(self) -> None:
        """Who leaves, in whatever way, is nothing to write about."""
        with capturedLogs() as events:
            self.open().hang_up()
            self.open().send(frame(CLOSE, goodbye(1001)))
            self.open()
            self.peer().transport.abort()
            self.open()
            self.peer().transport.close(1012)
            self.clock.advance(FAREWELL)
        self.assertEqual([], own_lines(events))


class FloodTests(WebSocketTestCase):
    def flood(self, one: bytes, count: int) -> bool:
        """Send one thing many times; return whether it was too much."""
        line = self.open()
        line.send(one * count)
        return (CLOSE, b"\x03\xf0Too many messages") in frames(line.take())

    def test_burst(self) -> None:
        """2,000 at once go through."""
        self.assertFalse(self.flood(frame(TEXT, b"x"), int(FRAME_BURST)))
        self.assertEqual(2000, len(self.peer().calls))

    def test_too_many(self) -> None:
        """2,001 are 1008, and the last is not taken."""
        self.assertTrue(self.flood(frame(TEXT, b"x"), int(FRAME_BURST) + 1))
        self.assertEqual(2000, len(self.peer().calls))

    def test_control_frames(self) -> None:
        """Pings and pongs count as much."""
        self.assertTrue(self.flood(frame(PONG), int(FRAME_BURST) + 1))
        self.assertTrue(self.flood(frame(PING), int(FRAME_BURST) + 1))

    def test_fragments(self) -> None:
        """Pieces of messages count as much."""
        pair = frame(TEXT, b"x", fin=False) + frame(0)
        self.assertTrue(self.flood(pair, int(FRAME_BURST) // 2 + 1))

    def test_sustained(self) -> None:
        """1,000 a second go through for ever."""
        line = self.open()
        for _ in range(10):
            line.send(frame(PONG) * 1000)
            self.clock.advance(1)
        self.assertEqual(b"", line.take())

    def test_rest_is_not_parsed(self) -> None:
        """What comes behind is not even looked at: the others have to wait for it."""
        line = self.open()
        line.send(frame(TEXT, b"x") * 2001 + b"\xff" * 60_000)
        self.assertEqual(1, len(frames(line.take())))
        self.assertFalse(line.is_closed)
        self.assertFalse(line.server_side.reading)
        self.clock.advance(FAREWELL)
        line.flush()
        self.assertEqual(("closed", 1006), self.peer().calls[-1])


class UnreadTests(WebSocketTestCase):
    def setUp(self) -> None:
        """Open two connections, of which the first does not read."""
        super().setUp()
        self.slow = self.open()
        self.slow.server_side.read = False
        self.stuck = self.peer()
        self.other_line = self.open()
        self.other = self.peer()

    def test_cut(self) -> None:
        """Who leaves more than 256 KiB unread is cut, at once."""
        for _ in range(MAX_UNSENT // 1024):
            self.stuck.transport.send(b"x" * 1000)
        self.assertFalse(self.slow.server_side.aborted)
        for _ in range(20):
            self.stuck.transport.send(b"x" * 1000)
        self.assertTrue(self.slow.server_side.aborted)
        self.slow.flush()
        self.assertEqual([("closed", 1006)], self.stuck.calls)

    def test_others(self) -> None:
        """Nobody else notices."""
        for _ in range(1000):
            self.stuck.transport.send(b"x" * 1000)
        self.other.transport.send(b"{}")
        self.assertEqual([(TEXT, b"{}")], frames(self.other_line.take()))
        self.assertEqual([], self.other.calls)

    def test_pongs(self) -> None:
        """Answers to pings wait and count like everything else."""
        for _ in range(5):
            self.slow.send(frame(PING, b"x" * 125) * 900)
            self.clock.advance(1)
        self.assertTrue(self.slow.server_side.aborted)

    def test_transport_is_not_filled(self) -> None:
        """The transport is given no more than it asks for."""
        for _ in range(200):
            self.stuck.transport.send(b"x" * 1000)
        held = sum(map(len, self.slow.server_side.stream))
        self.assertLess(held, TRANSPORT_HOLDS + 2000)

    def test_late_reader(self) -> None:
        """Who was slow and reads on gets everything, in order."""
        sent = [b"%d" % i * 300 for i in range(200)]
        for each in sent:
            self.stuck.transport.send(each)
        self.slow.server_side.read = True
        self.assertEqual(sent, [payload for _, payload in frames(self.slow.take())])

    def test_slow_but_steady(self) -> None:
        """Only what waits now counts, not all that ever waited."""
        for _ in range(20):
            for _ in range(100):
                self.stuck.transport.send(b"x" * 1000)
            self.slow.server_side.read = True
            self.slow.take()
            self.slow.server_side.read = False
        self.assertFalse(self.slow.server_side.aborted)

    def test_goodbye_in_turn(self) -> None:
        """A goodbye waits behind what was sent before it."""
        for _ in range(100):
            self.stuck.transport.send(b"x" * 1000)
        self.stuck.transport.close(1012)
        self.slow.server_side.read = True
        self.assertEqual(
            [TEXT] * 100 + [CLOSE], [opcode for opcode, _ in frames(self.slow.take())]
        )

    def test_last_words(self) -> None:
        """What waits when the peer closes still leaves, if it reads."""
        for _ in range(100):
            self.stuck.transport.send(b"x" * 1000)
        self.slow.send(frame(CLOSE))
        held = b"".join(self.slow.server_side.stream)
        self.assertEqual([TEXT] * 100 + [CLOSE], [op for op, _ in frames(held)])
