"""Who listens on a port, from a /proc made for the purpose, and from the real one."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final
from unittest import skipUnless

from twisted.trial.unittest import SynchronousTestCase

from raydel.listeners import Holder, holder

TABLE: Final = """\
  sl  local_address rem_address   st tx_queue:rx_queue tr:when uid timeout inode
   0: 00000000:0BB9 00000000:0000 0A 00000000:00000000 00:00000000 00000000 9 0 4711 1
   1: 0100007F:0BBA 0100007F:C001 01 00000000:00000000 00:00000000 00000000 9 0 4712 1
"""


class Listening(SynchronousTestCase):
    """A system with one process, which listens on 3001 and is connected on 3002."""

    def setUp(self) -> None:
        """Lay it out."""
        folder = TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.proc = Path(folder.name)
        (self.proc / "net").mkdir()
        (self.proc / "net" / "tcp").write_text(TABLE, "ascii")
        self.process = self.proc / "812"
        (self.process / "fd").mkdir(parents=True)
        (self.process / "fd" / "3").symlink_to("socket:[4711]")
        (self.process / "fd" / "4").symlink_to("socket:[4712]")
        (self.process / "cmdline").write_bytes(b"node\0server.js\0")
        (self.proc / "813").mkdir()  # One of whom nothing may be seen.

    def test_named(self) -> None:
        """Who listens is named with the command and the process."""
        found = holder(3001, self.proc)
        self.assertEqual(Holder("node server.js", 812), found)
        self.assertEqual("node server.js (process 812)", str(found))

    def test_connected_is_not_listening(self) -> None:
        """Who is only connected holds no port."""
        self.assertIsNone(holder(3002, self.proc))

    def test_nobody(self) -> None:
        """A port that nobody has is nobody's."""
        self.assertIsNone(holder(3003, self.proc))

    def test_hidden(self) -> None:
        """A process of somebody else keeps its files to itself."""
        (self.process / "fd" / "3").unlink()
        self.assertIsNone(holder(3001, self.proc))

    def test_long_command(self) -> None:
        """A long command is cut, and one that is hidden is only a program."""
        (self.process / "cmdline").write_bytes(b"x" * 500)
        self.assertEqual(f"{'x' * 59}… (process 812)", str(holder(3001, self.proc)))
        (self.process / "cmdline").unlink()
        self.assertEqual("a program (process 812)", str(holder(3001, self.proc)))

    def test_no_proc(self) -> None:
        """Where the system shows nothing, nothing is known."""
        self.assertIsNone(holder(3001, self.proc / "nowhere"))

    @skipUnless(Path("/proc/net/tcp").exists(), "only Linux shows its sockets there")
    def test_this_process(self) -> None:
        """The real one names the process that runs this test."""
        with socket.create_server(("127.0.0.1", 0)) as port:
            found = holder(port.getsockname()[1])
        self.assertEqual(os.getpid(), found and found.process)
