"""What the supervisor is told, over a real socket, and without a reactor."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest import skipUnless

from twisted.application.service import MultiService
from twisted.internet.task import Clock
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from raydel.notify import Supervised

PID = 4711


class Supervisor:
    """Listens as systemd does."""

    def __init__(self, address: str) -> None:
        self.wire = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.wire.bind(address)
        self.wire.setblocking(False)

    def heard(self) -> list[bytes]:
        """Return what has come since the last time, oldest first."""
        words = []
        while True:
            try:
                words.append(self.wire.recv(4096))
            except BlockingIOError:
                return words


class Notification(SynchronousTestCase):
    """The datagrams."""

    def setUp(self) -> None:
        """Listen on a socket in a folder of its own."""
        folder = TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = str(Path(folder.name) / "notify")
        self.supervisor = Supervisor(self.path)
        self.addCleanup(self.supervisor.wire.close)
        self.clock = Clock()

    def supervised(self, **environ: str) -> Supervised:
        """Make what reports, in such an environment."""
        named = {"NOTIFY_SOCKET": self.path, **environ}
        return Supervised(self.clock, named, PID)

    def test_ready(self) -> None:
        """The program is ready when this has started, and not before."""
        service = self.supervised()
        service.privilegedStartService()
        self.assertEqual([], self.supervisor.heard())
        service.startService()
        self.assertEqual([b"READY=1"], self.supervisor.heard())

    def test_stopping(self) -> None:
        """It says that it ends, once."""
        service = self.supervised()
        service.startService()
        service.stopService()
        self.assertEqual([b"READY=1", b"STOPPING=1"], self.supervisor.heard())

    def test_signs_of_life(self) -> None:
        """They come twice in the time that is allowed, and at once after the start."""
        self.supervised(WATCHDOG_USEC="30000000").startService()
        self.assertEqual([b"READY=1", b"WATCHDOG=1"], self.supervisor.heard())
        self.clock.advance(14.9)
        self.assertEqual([], self.supervisor.heard())
        self.clock.advance(0.1)
        self.clock.advance(15)
        self.assertEqual([b"WATCHDOG=1"] * 2, self.supervisor.heard())

    def test_signs_of_life_end(self) -> None:
        """A program that has stopped leaves no timer behind."""
        service = self.supervised(WATCHDOG_USEC="30000000")
        service.startService()
        service.stopService()
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_watchdog_of_this_process(self) -> None:
        """Signs of life are given where they are asked of this very process."""
        self.supervised(WATCHDOG_USEC="2000000", WATCHDOG_PID=str(PID)).startService()
        self.assertEqual([b"READY=1", b"WATCHDOG=1"], self.supervisor.heard())

    def test_watchdog_of_another_process(self) -> None:
        """The parent's watchdog is the parent's affair."""
        self.supervised(WATCHDOG_USEC="2000000", WATCHDOG_PID="1").startService()
        self.assertEqual([b"READY=1"], self.supervisor.heard())
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_watchdog_that_is_none(self) -> None:
        """No time, or nothing that is one, asks for no signs of life."""
        for limit in ("", "0", "-1", "soon", "1e6"):
            self.supervised(WATCHDOG_USEC=limit).startService()
        self.assertEqual([b"READY=1"] * 5, self.supervisor.heard())
        self.assertEqual([], self.clock.getDelayedCalls())

    @skipUnless(Path("/proc/net/unix").exists(), "only Linux has abstract sockets")
    def test_abstract_socket(self) -> None:
        """An address that begins with @ is one of Linux's abstract sockets."""
        name = f"raydel-test-{os.getpid()}"
        supervisor = Supervisor("\0" + name)
        self.addCleanup(supervisor.wire.close)
        self.supervised(NOTIFY_SOCKET="@" + name).startService()
        self.assertEqual([b"READY=1"], supervisor.heard())

    def test_nobody_asks(self) -> None:
        """Without a supervisor, nothing is sent and no timer is set."""
        for named in ("", "vsock:2:1234"):
            service = self.supervised(NOTIFY_SOCKET=named, WATCHDOG_USEC="2000000")
            service.startService()
            service.stopService()
        self.assertEqual([], self.supervisor.heard())
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_deaf_supervisor(self) -> None:
        """One that has gone costs a line in the log, and the program goes on."""
        service = self.supervised(
            NOTIFY_SOCKET=self.path + "-gone", WATCHDOG_USEC="2000000"
        )
        with capturedLogs() as events:
            service.startService()
            self.clock.advance(1)
        self.assertEqual(
            ["READY=1", "WATCHDOG=1", "WATCHDOG=1"], [each["words"] for each in events]
        )

    def test_full_supervisor(self) -> None:
        """One that does not read does not hold the program up."""
        service = self.supervised(WATCHDOG_USEC="2000000")
        service.startService()
        with capturedLogs() as events:
            self.clock.pump([1] * 5000)
        self.assertNotEqual([], events)
        self.supervisor.heard()
        self.clock.advance(1)
        self.assertEqual([b"WATCHDOG=1"], self.supervisor.heard())

    def test_last_to_start_first_to_stop(self) -> None:
        """Behind the other services, it speaks when all have started."""
        program = MultiService()
        program.addService(MultiService())
        program.addService(self.supervised())
        program.startService()
        self.assertEqual([b"READY=1"], self.supervisor.heard())
        self.successResultOf(program.stopService())
        self.assertEqual([b"STOPPING=1"], self.supervisor.heard())
