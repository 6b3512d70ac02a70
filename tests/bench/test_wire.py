"""The frames of the load generator."""

from __future__ import annotations

import json

from twisted.trial.unittest import SynchronousTestCase

from raydel.bench.wire import PONG, Mask, answer, frames, kind_of, message


def unmasked(data: bytes) -> tuple[int, bytes]:
    """Read one masked frame as RFC 6455, section 5.3, has it."""
    size, at = data[1] & 0x7F, 2
    if size == 126:
        size, at = int.from_bytes(data[2:4], "big"), 4
    key, payload = data[at : at + 4], data[at + 4 :]
    assert len(payload) == size
    assert data[1] & 0x80
    assert any(key)
    return data[0], bytes(byte ^ key[i % 4] for i, byte in enumerate(payload))


class MaskTests(SynchronousTestCase):
    """What phones send."""

    def test_every_length(self) -> None:
        """A frame is whole and masked, whatever its length."""
        mask = Mask()
        for size in (*range(130), 1000):
            payload = bytes(n % 251 for n in range(size))
            self.assertEqual((0x81, payload), unmasked(mask.frame(payload)))
        self.assertEqual((0x8A, b"echo"), unmasked(mask.frame(b"echo", PONG)))


class FramesTests(SynchronousTestCase):
    """What a server sends."""

    def test_cut_anywhere(self) -> None:
        """Frames are found wherever the packets are cut."""
        stream = (
            b"\x81\x02hi\x89\x00\x81\x7e\x00\xc8" + b"x" * 200 + b"\x88\x02\x03\xe8"
        )
        whole = [(1, b"hi"), (9, b""), (1, b"x" * 200), (8, b"\x03\xe8")]
        for cut in range(len(stream)):
            first, rest = frames(stream[:cut])
            second, none = frames(rest + stream[cut:])
            self.assertEqual((whole, b""), (first + second, none))


class MessageTests(SynchronousTestCase):
    """What stands in them."""

    def test_kind(self) -> None:
        """The type is found, first or not."""
        self.assertEqual(b"pong", kind_of(b'{"type":"pong"}'))
        self.assertEqual(b"pong", kind_of(b'{"a": 1, "type": "pong"}'))

    def test_answer(self) -> None:
        """A question is answered with what it asks back, however it is written."""
        expected = {
            "type": "time_sync_response",
            "request_id": "ABC123-7",
            "server_timestamp": 1795400279999.357,
            "client_timestamp": 1234.5,
        }
        fields = {"request_id": "ABC123-7", "server_timestamp": 1795400279999.357}
        for question in (
            message("time_sync_request", **fields),
            message("time_sync_request", **dict(reversed(fields.items()))),
            json.dumps({"type": "time_sync_request", **fields}).encode(),
        ):
            self.assertEqual(expected, json.loads(answer(question, 1234.5)))
