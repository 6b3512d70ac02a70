"""The same bytes on both lanes: nobody can tell which one a message took."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Final, NamedTuple

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from raydel.interfaces import ISessions
from raydel.testing import (
    ByteLine,
    FakeConnection,
    FakeSessions,
    FakeTimebase,
    frame,
    handshake,
)
from raydel.web.fastlane import SMALL, FastProtocol
from raydel.web.rest import RestResource
from raydel.web.site import RaydelSite
from raydel.web.upgrade import SyncResource
from raydel.web.websocket import (
    FAREWELL,
    FRAME_BURST,
    MAX_FRAGMENTS,
    MAX_MESSAGE,
    Entrance,
    SyncProtocol,
)

FIXTURES: Final = Path(__file__).parents[1] / "fixtures" / "wire"
CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
LANES: Final = (SyncProtocol, FastProtocol)


class Talker(FakeConnection):
    """A connection that answers, and does at once what some messages say."""

    def received(self, frame: bytes) -> None:
        """Answer a message."""
        match frame:
            case b"goodbye":
                self.transport.close(1012, "Bye")
            case b"abort":
                self.transport.abort()
            case b"ping":
                self.transport.ping(b"7")
            case b"stumble":
                self.fault = ValueError("Stumbled")
        self.transport.send(b"You said " + frame)
        super().received(frame)
        self.fault = None


@implementer(ISessions)
class Talkers(FakeSessions):
    """Welcomes all as talkers."""

    def connect(self, transport: object, code: str | None) -> FakeConnection:
        """Welcome a peer."""
        self.connections.append(Talker(transport, code))  # type: ignore[arg-type]
        return self.connections[-1]


class Outcome(NamedTuple):
    """All that can be seen of a connection.

    Attributes:
        calls: What the application was told.
        sent: What went out.
        closed: Whether the server hung up, and whether it tore the wire.
        reading: Whether it reads on.
        logged: What was logged.
        timers: How many timers it has left.
    """

    calls: list[tuple[str | bytes | int, ...]]
    sent: bytes
    closed: tuple[bool, bool]
    reading: bool
    logged: list[str]
    timers: int


def outcome(
    lane: type[SyncProtocol], packets: Iterable[bytes], *, early: bytes = b""
) -> Outcome:
    """Send packets to a new connection on one lane, and wait for what comes of it."""
    clock, sessions = Clock(), Talkers()
    site = RaydelSite(
        SyncResource(Entrance(sessions, clock, lane)),
        RestResource(sessions, FakeTimebase(clock)),
        (),
        clock,
    )
    line = ByteLine(site, clock)
    with capturedLogs() as events:
        line.send(handshake(), early)
        for packet in packets:
            line.send(packet)
        end = line.server_side
        closed, reading, timers = line.is_closed, end.reading, len(clock.calls)
        clock.advance(FAREWELL)
        line.hang_up()
    (peer,) = sessions.connections
    logged = [formatEvent(event) for event in events]
    return Outcome(
        peer.calls, line.take(), (closed, end.aborted), reading, logged, timers
    )


def bitten(data: bytes, size: int) -> list[bytes]:
    """Cut into pieces of a size."""
    return [data[at : at + size] for at in range(0, len(data), size)]


def masked(
    first: int, payload: bytes, mask: bytes = b"mask", size: bytes | None = None
) -> bytes:
    """Return a frame with any first byte, mask, and way to say its length."""
    whole = frame(first & 0x0F, payload)
    start = len(whole) - len(payload) - 4
    head = whole[1:start] if size is None else size
    body = bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))
    return bytes([first]) + head + mask + body


def recorded() -> list[tuple[str, list[bytes]]]:
    """Return what each device of the recordings said."""
    said: dict[tuple[str, str], list[bytes]] = {}
    for path in sorted(FIXTURES.glob("*.jsonl")):
        for line in path.read_text("utf-8").splitlines():
            entry = json.loads(line)
            if entry.get("dir") == "c2s" and "msg" in entry:
                text = json.dumps(entry["msg"]).encode()
                said.setdefault((path.stem, entry["dev"]), []).append(text)
    return [(f"{file}: {device}", texts) for (file, device), texts in said.items()]


class Parity(SynchronousTestCase):
    def assert_alike(
        self, packets: Sequence[bytes], why: object = None, *, early: bytes = b""
    ) -> Outcome:
        """Assert that both lanes do the same, and return what that is."""
        slow, fast = (outcome(lane, packets, early=early) for lane in LANES)
        self.assertEqual(slow, fast, why)
        return fast

    def test_whole(self) -> None:
        """A message is received, and answered."""
        found = self.assert_alike([frame(TEXT, b"hello")])
        self.assertEqual([("received", b"hello"), ("closed", 1006)], found.calls)
        self.assertTrue(found.sent.endswith(b"\x81\x0eYou said hello"))

    def test_cut_anywhere(self) -> None:
        """It does not matter how messages are cut into packets."""
        data = frame(TEXT) + frame(TEXT, "é€😀".encode()) + frame(TEXT, b"b" * 126)
        self.assert_alike(bitten(data, 1))
        for at in range(1, 40):
            self.assert_alike([data[:at], data[at:]], at)

    def test_lengths(self) -> None:
        """Nor how long they are."""
        edges = (0, 125, 126, 127, SMALL - 1, SMALL, SMALL + 1, MAX_MESSAGE, 65_536)
        for size in edges:
            data = frame(TEXT, b"x" * size)
            self.assert_alike([data, data], size)
            self.assert_alike([data[:-1], data[-1:] + data], size)

    def test_early(self) -> None:
        """Nor whether the first comes in one packet with the handshake."""
        one = frame(TEXT, b"hello")
        found = self.assert_alike([one[9:] + one], early=one + one[:9])
        self.assertEqual([("received", b"hello")] * 3, found.calls[:3])

    def test_mixed(self) -> None:
        """Other frames before, between and behind come in their order."""
        between = (
            frame(PING, b"1"),
            frame(PONG, b"2"),
            frame(TEXT, b"frag", fin=False) + frame(CONTINUATION, b"ment"),
            frame(TEXT, b"x" * (SMALL + 1)),
        )
        for other in between:
            data = frame(TEXT, b"a") + other + frame(TEXT, b"b") + other
            self.assert_alike([data], other)
            self.assert_alike(bitten(data, 7), other)

    def test_inside_a_message(self) -> None:
        """A ping within a message in pieces, or a new message, changes no lane."""
        begun = frame(TEXT, b"a", fin=False)
        self.assert_alike([begun, frame(PING), frame(CONTINUATION, b"b")])
        self.assert_alike([begun, frame(TEXT, b"b"), frame(TEXT, b"c")])

    def test_inside_a_frame(self) -> None:
        """What comes of a half-read frame is no frame, however much it looks like one.

        In the first, what is left after the head looks like a text; in the second,
        what is left after its first byte.
        """
        carrying = masked(0x89, frame(TEXT, b"no"), bytes(4))
        found = self.assert_alike([carrying[:6], carrying[6:]])
        self.assertEqual([("heard",), ("closed", 1006)], found.calls)
        short = masked(0x89, b"x", b"\x80abc")
        found = self.assert_alike([short[:1], short[1:]])
        self.assertEqual([("heard",), ("closed", 1006)], found.calls)

    def test_done_at_once(self) -> None:
        """What a message brings about comes before the next is looked at."""
        for deed in (b"goodbye", b"abort", b"ping", b"stumble"):
            data = frame(TEXT, deed) + frame(TEXT, b"next") + frame(CLOSE, b"\x03\xe8")
            self.assert_alike([data], deed)
            self.assert_alike([frame(TEXT, deed), frame(TEXT, b"next")], deed)

    def test_hostile(self) -> None:
        """Whatever breaks a rule is answered alike, with a message before and after."""
        wrong = {
            "unmasked": b"\x81\x02hi",
            "unmasked, nothing in it": b"\x81\x00",
            "not UTF-8": frame(TEXT, b"\xff"),
            "ends in a character": frame(TEXT, "é".encode()[:1]),
            "a surrogate": frame(TEXT, b"\xed\xa0\x80"),
            "too long a form": frame(TEXT, b"\xc0\xaf"),
            "beyond Unicode": frame(TEXT, b"\xf4\x90\x80\x80"),
            "reserved bits": masked(0xC1, b"x"),
            "reserved opcode": masked(0x83, b"x"),
            "length in two bytes, not needed": masked(0x81, b"x", size=b"\xfe\0\1"),
            "length in eight bytes, not needed": masked(
                0x81, b"x", size=b"\xff" + struct.pack("!Q", 1)
            ),
            "no length": masked(0x81, b"", size=b"\xff" + b"\xff" * 8),
            "binary": frame(BINARY, b"x"),
            "stray continuation": frame(CONTINUATION, b"x"),
            "long ping": masked(0x89, b"x" * 126),
            "ping in pieces": masked(0x09, b"x"),
            "close with half a code": frame(CLOSE, b"\x03"),
            "close with a code nobody may use": frame(CLOSE, b"\x03\xee"),
            "close": frame(CLOSE, b"\x03\xe8Bye"),
        }
        for name, data in wrong.items():
            around = frame(TEXT, b"before") + data + frame(TEXT, b"after")
            for packets in ([around], bitten(around, 1), bitten(around, 13)):
                self.assert_alike(packets, name)

    def test_goodbyes(self) -> None:
        """A goodbye is taken alike whatever its code, and whatever came before it."""
        before = (b"", frame(TEXT, b"hello"), frame(TEXT, b"goodbye"), b"\x01\x80mask")
        for code in (
            0,
            999,
            1000,
            1001,
            1005,
            1006,
            1011,
            2999,
            3000,
            4999,
            5000,
            65535,
        ):
            end = frame(CLOSE, code.to_bytes(2))
            for first in before:
                self.assert_alike([first, end], (code, first))
                self.assert_alike([first + end, b"more"], (code, first))
            self.assert_alike([end + frame(TEXT, b"more")], code)

    def test_pongs(self) -> None:
        """A pong is taken alike, whatever is in it, before it and behind it."""
        around = (b"", frame(TEXT, b"hello"), frame(CLOSE, b"\x03\xe8"), frame(PING))
        for payload in (b"", b"7", b"\xff\0", b"x" * 125):
            pong = frame(PONG, payload)
            for other in around:
                self.assert_alike([pong + other], (payload, other))
                self.assert_alike([other + pong + pong[:5], pong[5:]], (payload, other))
        found = self.assert_alike([frame(PONG, b"7") + frame(TEXT, b"goodbye")])
        self.assertEqual([("ponged", b"7"), ("received", b"goodbye")], found.calls[:2])

    def test_floods_of_pongs(self) -> None:
        """Pongs are counted as any frame."""
        for count in (int(FRAME_BURST), int(FRAME_BURST) + 1):
            for packets in ([frame(PONG)] * count, [frame(PONG) * count]):
                found = self.assert_alike(packets, count)
                self.assertEqual(int(FRAME_BURST), found.calls.count(("ponged", b"")))

    def test_floods(self) -> None:
        """One frame too many is one too many, whichever way the others came."""
        most = int(FRAME_BURST)
        short = frame(TEXT, b"x")
        for data in (short * most, short * (most + 1) + frame(CLOSE), short * most * 2):
            self.assert_alike([data], len(data))
        half = frame(PING) * (most // 2) + short * (most // 2)
        found = self.assert_alike([half, short, short])
        self.assertFalse(found.reading)
        self.assertEqual(most // 2, found.calls.count(("received", b"x")))
        pieces = [frame(CONTINUATION, fin=False)] * MAX_FRAGMENTS
        self.assert_alike([short + frame(TEXT, fin=False), *pieces, short])

    def test_recorded(self) -> None:
        """What released apps were heard to say comes through alike."""
        recordings = recorded()
        self.assertGreater(len(recordings), 5)
        for name, texts in recordings:
            data = b"".join(frame(TEXT, text) for text in texts)
            for packets in ([data], bitten(data, 100), bitten(data, 1448)):
                found = self.assert_alike(packets, name)
                heard = [call[1] for call in found.calls[:-1]]
                self.assertEqual(texts, heard, name)


WORDS: Final = st.sampled_from([b"goodbye", b"abort", b"ping", b"stumble", b"{}"])
TEXTS: Final = WORDS | st.text(max_size=300).map(str.encode)
PAYLOADS: Final = TEXTS | st.binary(max_size=200)
MASKS: Final = st.binary(min_size=4, max_size=4)
FIRST: Final = st.sampled_from([0x81, 0x81, 0x81, 0x01, 0x80, 0x00, 0x89, 0x8A, 0x82])
FRAMES: Final = (
    st.builds(masked, st.just(0x81), TEXTS, MASKS)
    | st.builds(masked, FIRST | st.integers(0, 255), PAYLOADS, MASKS)
    | st.sampled_from([frame(CLOSE, b"\x03\xe8"), b"\x81", b"\x81\x80", b""])
)


class AnyStream(SynchronousTestCase):
    @given(
        st.lists(FRAMES, max_size=8),
        st.lists(st.integers(0, 2_000), max_size=6),
        st.lists(st.tuples(st.integers(0, 2_000), st.integers(0, 255)), max_size=2),
    )
    def test_alike(
        self, sent: list[bytes], cuts: list[int], slips: list[tuple[int, int]]
    ) -> None:
        """Frames of every kind, cut anywhere and with a byte or two changed."""
        data = bytearray(b"".join(sent))
        for at, byte in slips:
            if at < len(data):
                data[at] = byte
        edges = [0, *sorted(at for at in cuts if at < len(data)), len(data)]
        packets = [bytes(data[a:b]) for a, b in pairwise(edges) if a < b]
        slow, fast = (outcome(lane, packets) for lane in LANES)
        self.assertEqual(slow, fast)
