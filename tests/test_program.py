"""The running program as a whole, without a reactor."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

from twisted.application.service import Application, IServiceCollection, Service
from twisted.internet.defer import Deferred
from twisted.internet.error import ReactorNotRunning
from twisted.internet.task import Clock
from twisted.logger import ILogObserver, capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from raydel.endpoints import Unservable
from raydel.interfaces import StoreTrouble
from raydel.logs import LineObserver
from raydel.options import Options
from raydel.program import (
    LAST_WORDS,
    OpenCalls,
    Program,
    as_later,
    on_hangup,
    settle,
)


class StoppedReactor(Clock):
    """One that is about to end already."""

    def stop(self) -> None:
        """Refuse, as Twisted does."""
        raise ReactorNotRunning


class Part(Service):
    """A service that records when it starts, and ends when it is told."""

    def __init__(self, name: str, diary: list[str]) -> None:
        self.part = name
        self.diary = diary
        self.ended: Deferred[None] = Deferred()

    def startService(self) -> None:
        """Note it."""
        self.diary.append(f"start {self.part}")

    def stopService(self) -> Deferred[None]:
        """Note it, and take time."""
        self.diary.append(f"stop {self.part}")
        return self.ended


class Robbed(Service):
    """A service whose store has gone bad since it was looked at."""

    def startService(self) -> None:
        """Find that out."""
        raise StoreTrouble("a.sqlite is in use")


def options(twistd: dict[str, object] | None = None, *words: str) -> Options:
    """Read a short command line, below twistd's own options."""
    read = Options({})
    read.parseOptions(["--log-format=json", *words])
    read.parent = cast(Options, twistd)
    return read


class Order(SynchronousTestCase):
    """Start and stop."""

    def setUp(self) -> None:
        """Make a program of two parts."""
        self.clock = Clock()
        self.diary: list[str] = []
        self.sessions = Part("sessions", self.diary)
        self.port = Part("port", self.diary)
        parts = [self.sessions, self.port]
        self.program = Program(options(), self.clock, parts)

    def test_order(self) -> None:
        """Ports open last and close first: nobody comes into a closing house."""
        self.program.startService()
        self.program.stopService()
        self.assertEqual(
            ["start sessions", "start port", "stop port", "stop sessions"], self.diary
        )

    def test_waits_for_all(self) -> None:
        """It has stopped when its last part has."""
        stopped = self.program.stopService()
        self.port.ended.callback(None)
        self.assertNoResult(stopped)
        self.sessions.ended.callback(None)
        self.successResultOf(stopped)

    def test_does_not_wait_for_ever(self) -> None:
        """A connection that will not end does not keep the program."""
        with capturedLogs() as events:
            stopped = self.program.stopService()
            self.clock.advance(LAST_WORDS - 0.1)
            self.assertNoResult(stopped)
            self.clock.advance(0.1)
        self.successResultOf(stopped)
        self.assertIn("did not end", str(events[-1]["log_format"]))

    def test_open_calls(self) -> None:
        """What waits for open REST calls has stopped when they have."""
        calls: Deferred[None] = Deferred()
        program = Program(options(), self.clock, [OpenCalls(lambda: calls)])
        stopped = program.stopService()
        self.assertNoResult(stopped)
        calls.callback(None)
        self.successResultOf(stopped)


class Keeping(SynchronousTestCase):
    """Where all is kept, and what happens where it cannot be."""

    def said(self, *words: str) -> str:
        """Return what the program says at its start."""
        with capturedLogs() as events:
            Program(options(None, *words), Clock(), []).privilegedStartService()
        return str(formatEvent(events[-1]))

    def test_file(self) -> None:
        """One line says where the file is, from whatever directory it is read."""
        self.assertEqual(
            f"sessions and takes are kept in {Path.cwd() / 'a.sqlite'}",
            self.said("--store=sqlite:a.sqlite"),
        )

    def test_memory(self) -> None:
        """Who has chosen memory is told what that means."""
        self.assertIn("forgets", self.said("--store=memory:"))

    def test_trouble_at_the_start(self) -> None:
        """The program ends with code 1, and one line says why, in log and terminal."""
        program = Program(options(), Clock(), [Robbed()])
        terminal = StringIO()
        self.patch(sys, "__stderr__", terminal)
        with capturedLogs() as events:
            ended = self.assertRaises(Unservable, program.startService)
        self.assertEqual(1, ended.code)
        self.assertEqual("raydel: a.sqlite is in use\n", terminal.getvalue())
        self.assertEqual("raydel: a.sqlite is in use", formatEvent(events[-1]))


class Log(SynchronousTestCase):
    """The log comes with the program."""

    def setUp(self) -> None:
        """Make room for a log file, and put back what answers to SIGUSR1."""
        folder = TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name) / "raydel.log"
        self.addCleanup(signal.signal, signal.SIGUSR1, signal.getsignal(signal.SIGUSR1))

    def observer(self, twistd: dict[str, object]) -> Any:
        """Return the observer twistd finds."""
        application = Application("raydel")
        program = Program(options(twistd), EagerReactor(), [])
        program.setServiceParent(application)
        self.assertIs(program.parent, IServiceCollection(application))
        return application.getComponent(ILogObserver, None)

    def log(self, observer: LineObserver, text: str) -> None:
        """Write an event."""
        observer({"log_time": 0.0, "log_namespace": "raydel", "log_format": text})

    def test_format(self) -> None:
        """twistd finds an observer that writes as the operator chose."""
        observer = self.observer({"logfile": str(self.path)})
        self.addCleanup(observer.close)
        self.log(observer, "hello")
        line = json.loads(self.path.read_text(encoding="utf-8"))
        self.assertEqual("hello", line["event"])

    def test_rotation(self) -> None:
        """A log file is rotated by SIGUSR1, as twistd promises of its own."""
        observer = self.observer({"logfile": str(self.path)})
        self.addCleanup(observer.close)
        self.log(observer, "old")
        signal.raise_signal(signal.SIGUSR1)
        self.log(observer, "new")
        rotated = self.path.with_name("raydel.log.1")
        self.assertIn("old", rotated.read_text(encoding="utf-8"))
        self.assertNotIn("old", self.path.read_text(encoding="utf-8"))

    def test_twistd_writes_it(self) -> None:
        """Where twistd is told of another observer, ours stands back."""
        self.assertIsNone(self.observer({"logger": object}))

    def test_part_of_another_program(self) -> None:
        """Within another service it leaves the log alone."""
        outer = Program(options(), Clock(), [])
        Program(options(), Clock(), []).setServiceParent(outer)
        self.assertEqual(1, len(outer.services))


class EagerReactor(Clock):
    """A clock that does at once what comes from a thread or a signal."""

    def callFromThread(self, call: Callable[[], None]) -> None:
        """Do it."""
        call()


class Process(SynchronousTestCase):
    """What belongs to the process."""

    def setUp(self) -> None:
        """Put back what is set."""
        self.addCleanup(signal.signal, signal.SIGHUP, signal.getsignal(signal.SIGHUP))

    def test_rights(self) -> None:
        """What twistd's --uid will be, the program is already while it makes files."""
        nobody = 65534 if os.geteuid() == 0 else os.geteuid()
        asked = options({"uid": nobody, "gid": None})
        expected = (nobody, os.getegid())
        self.assertEqual(
            expected, as_later(asked, lambda: (os.geteuid(), os.getegid()))
        )

    def test_own_rights(self) -> None:
        """Without it, the program stays who it is."""
        own = os.geteuid()
        self.assertEqual(own, as_later(options({"uid": None}), os.geteuid))
        self.assertEqual(own, as_later(options(), os.geteuid))

    def test_clock(self) -> None:
        """Timers count in a time that no one can set."""
        reactor = StoppedReactor()
        settle(reactor)
        self.assertIs(time.monotonic, reactor.seconds)

    def test_two_ends(self) -> None:
        """Ctrl-C twice is no more than once."""
        reactor = StoppedReactor()
        self.assertRaises(ReactorNotRunning, reactor.stop)
        settle(reactor)
        reactor.stop()

    def test_hangup(self) -> None:
        """A closed terminal ends no match."""
        self.addCleanup(signal.signal, signal.SIGHUP, signal.getsignal(signal.SIGHUP))
        settle(StoppedReactor())
        signal.raise_signal(signal.SIGHUP)

    def test_answered_hangup(self) -> None:
        """Where there is something to read anew, SIGHUP asks for it."""
        self.addCleanup(signal.signal, signal.SIGHUP, signal.getsignal(signal.SIGHUP))
        asked: list[str] = []
        on_hangup(EagerReactor(), lambda: asked.append("read"))
        signal.raise_signal(signal.SIGHUP)
        self.assertEqual(["read"], asked)
