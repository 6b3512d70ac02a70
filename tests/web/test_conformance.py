"""The rig of ``make conformance``, and the judgement on what it finds.

The suite itself takes a minute and a Python of its own; here is what needs neither.
"""

from __future__ import annotations

import json
import runpy
import zlib
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from raydel.testing import ByteLine, frame, frames, handshake
from raydel.web import upgrade
from raydel.web.websocket import FRAME_BURST, MAX_FRAGMENTS, MAX_MESSAGE

ROOT: Final = Path(__file__).parents[2]
TEXT, BINARY, CLOSE = 1, 2, 8
DEFLATED: Final = 0x40
"""The first reserved bit of a frame, by which it says that it is compressed."""


def script(name: str) -> Any:
    """Return what is in a script, without a cache that it would leave behind."""
    return runpy.run_path(str(ROOT / "etc" / "conformance" / name))


class RigTests(SynchronousTestCase):
    """What the suite talks to is the real thing, with its limits raised."""

    def open(self, *data: bytes, offer: str = "", options: str = "--lenient") -> bytes:
        """Shake hands, send what is given, and return all that comes back."""
        # Whatever is changed is put back when the test ends.
        self.patch(upgrade, "_HANDSHAKE", upgrade._HANDSHAKE)
        echo = script("echo.py")
        chosen = echo["EchoOptions"]({})
        chosen.parseOptions(options.split())
        clock = Clock()
        line = ByteLine(echo["echo_site"](clock, echo["entrance_for"](chosen)), clock)
        line.send(handshake(sec_websocket_extensions=offer), *data)
        head, _, rest = line.take().partition(b"\r\n\r\n")
        self.assertIn(b"101 Switching Protocols", head)
        deflates = options == "--compression"
        self.assertEqual(deflates, b"permessage-deflate" in head)
        return rest

    def assert_closed(self, code: int, answer: bytes) -> None:
        """Assert that the last that came is a close frame, with a code."""
        opcode, payload = frames(answer)[-1]
        self.assertEqual((CLOSE, code), (opcode, int.from_bytes(payload[:2], "big")))

    def test_echo(self) -> None:
        """Text comes back as text and binary as binary, also in the first packet."""
        sent = [(TEXT, "é".encode()), (BINARY, b"\xff"), (TEXT, b"")]
        self.assertEqual(sent, frames(self.open(*(frame(*each) for each in sent))))

    def test_limits(self) -> None:
        """More goes through than a phone may send: long, often, in many pieces."""
        long = b"x" * (MAX_MESSAGE + 1)
        self.assertEqual([(TEXT, long)], frames(self.open(frame(TEXT, long))))
        often = [frame(TEXT)] * (int(FRAME_BURST) + 1)
        self.assertEqual([(TEXT, b"")] * len(often), frames(self.open(*often)))
        pieces = [frame(0, b"x", fin=False)] * MAX_FRAGMENTS
        whole = self.open(frame(TEXT, fin=False), *pieces, frame(0))
        self.assertEqual([(TEXT, b"x" * MAX_FRAGMENTS)], frames(whole))

    def test_rules(self) -> None:
        """No rule of the standard is loosened."""
        for wrong, code in (
            (frame(TEXT, b"\xff"), 1007),
            (frame(0, b"x"), 1002),
            (b"\x81\x02hi", 1002),
            (frame(3), 1002),
        ):
            self.assert_closed(code, self.open(wrong))

    def test_unchanged(self) -> None:
        """Without being told to, it is no more lenient than the server."""
        self.assertEqual(
            [(TEXT, b"x")], frames(self.open(frame(TEXT, b"x"), options=""))
        )
        for refused, code in (
            (frame(BINARY), 1003),
            (frame(TEXT, b"x" * (MAX_MESSAGE + 1)), 1009),
            (frame(TEXT) * (int(FRAME_BURST) + 1), 1008),
        ):
            self.assert_closed(code, self.open(refused, options=""))

    def test_compression(self) -> None:
        """Compression is agreed on where it is switched on, and then used."""
        packer = zlib.compressobj(wbits=-15)
        packed = packer.compress(b"x" * 100) + packer.flush(zlib.Z_SYNC_FLUSH)
        sent = frame(TEXT, packed.removesuffix(b"\x00\x00\xff\xff"))
        echoed = self.open(
            bytes([sent[0] | DEFLATED]) + sent[1:],
            offer="permessage-deflate",
            options="--compression",
        )
        self.assertTrue(echoed[0] & DEFLATED)
        ((opcode, payload),) = frames(echoed)
        self.assertEqual(TEXT, opcode)
        text = zlib.decompressobj(wbits=-15).decompress(payload + b"\x00\x00\xff\xff")
        self.assertEqual(b"x" * 100, text)

    def test_no_compression(self) -> None:
        """It is not where it is off, as on the server."""
        self.assertEqual(b"", self.open(offer="permessage-deflate"))


class JudgementTests(SynchronousTestCase):
    """Only what is as the standard wants it passes, and only if all of it was run."""

    def setUp(self) -> None:
        """Read the script that judges."""
        self.suite = script("suite.py")

    def folder(self) -> Path:
        """Return an empty directory."""
        made = TemporaryDirectory()
        self.addCleanup(made.cleanup)
        return Path(made.name)

    def cases(self, *numbers: str, ended: str = "OK", closed: str = "OK") -> list[Any]:
        """Return cases that ended in the same way."""
        return [self.suite["Case"](number, ended, closed) for number in numbers]

    def group(self, name: str, size: int) -> list[Any]:
        """Return a group of cases that have all passed."""
        return self.cases(*(f"{name}.{n}" for n in range(1, size + 1)))

    def wrong(self, cases: Iterable[Any], *groups: str) -> list[str]:
        """Return what is wrong with cases of given groups."""
        found: list[str] = self.suite["wrong"](list(cases), groups)
        return found

    def test_all(self) -> None:
        """The suite has 517 cases, and the two commands run each of them."""
        sizes = {name: size for name, (_, size) in self.suite["SIZES"].items()}
        self.assertEqual(517, sum(sizes.values()))
        rigs = self.suite["RIGS"]
        for name in ("lenient", "lenient-tls"):
            both = [*rigs[name].groups, *rigs["compression"].groups]
            self.assertEqual(list(sizes), both)

    def test_passed(self) -> None:
        """OK and INFORMATIONAL pass."""
        cases = self.group("3", 6)
        cases += self.cases("3.7", ended="INFORMATIONAL", closed="INFORMATIONAL")
        self.assertEqual([], self.wrong(cases, "3"))

    def test_failed(self) -> None:
        """Nothing else does, neither in what came nor in how it was closed."""
        for behavior in (
            "FAILED",
            "NON-STRICT",
            "UNIMPLEMENTED",
            "WRONG CODE",
            "UNCLEAN",
            "FAILED BY CLIENT",
        ):
            for how in ({"ended": behavior}, {"closed": behavior}):
                cases = [*self.group("3", 6), *self.cases("3.7", **how)]
                (found,) = self.wrong(cases, "3")
                self.assertIn("case 3.7: ", found)
                self.assertIn(behavior, found)

    def test_missing(self) -> None:
        """A case that was not run has not passed."""
        self.assertEqual(
            ["6 of 7 cases were run: 3, Reserved bits"],
            self.wrong(self.group("3", 6), "3"),
        )
        self.assertEqual(2, len(self.wrong([], "1", "10")))

    def test_results(self) -> None:
        """The suite's own file is read; without one, nothing was run."""
        reports = self.folder()
        self.assertEqual([], self.suite["results"](reports))
        ended = {"behavior": "OK", "behaviorClose": "UNCLEAN", "duration": 2}
        text = json.dumps({"Raydel": {"6.4.1": ended}})
        (reports / "index.json").write_text(text, encoding="utf-8")
        expected = self.cases("6.4.1", closed="UNCLEAN")
        self.assertEqual(expected, self.suite["results"](reports))

    def test_table(self) -> None:
        """Each case is counted once, by the worse of its two ends."""
        cases = [
            *self.cases("2.1", "2.2", "2.10"),
            *self.cases("2.3", closed="INFORMATIONAL"),
            *self.cases("2.4", closed="UNCLEAN"),
            *self.cases("3.1", ended="INFORMATIONAL", closed="FAILED"),
        ]
        rows = self.suite["table"](cases, ["2", "3"]).splitlines()
        counts = [row.split()[-4:] for row in rows[1:]]
        self.assertEqual(
            [["5", "3", "1", "1"], ["1", "0", "0", "1"], ["6", "3", "1", "2"]], counts
        )

    def test_trouble(self) -> None:
        """A server that stumbled has not passed, whatever its peers saw of it."""
        log = self.folder() / "echo.log"
        log.write_text(
            "2026 info     raydel.web.websocket: 127.0.0.1:1 is closed with 1002: x\n"
            "2026 error    raydel.web.websocket: A message of 127.0.0.1:1 failed\n",
            encoding="utf-8",
        )
        (found,) = self.suite["trouble"](log)
        self.assertIn("A message of", found)
