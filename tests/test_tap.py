"""The inventory of the running program; the global reactor needs its own process."""

from __future__ import annotations

import subprocess
import sys

from twisted.trial.unittest import SynchronousTestCase

from tests.test_plugin import ROOT

MAKE = """\
import time
from raydel.tap import Options, makeService
options = Options({})
options.parseOptions(%r)
program = makeService(options)
from twisted.internet import reactor
"""


def make(*words: str, then: str = "") -> subprocess.CompletedProcess[str]:
    """Make the service in a process of its own, and look at it."""
    return subprocess.run(
        [sys.executable, "-c", MAKE % (words,) + then],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


class Inventory(SynchronousTestCase):
    """What `makeService` puts together."""

    def test_parts(self) -> None:
        """Sessions come first; the supervisor is told last, when all ports are open."""
        done = make(
            "--port=0",
            "--port=tcp:0",
            then="print(*(type(part).__name__ for part in program))",
        )
        self.assertEqual("", done.stderr)
        self.assertEqual(
            "SessionService OpenCalls PortService PortService Supervised\n", done.stdout
        )

    def test_nothing_happens_yet(self) -> None:
        """Nothing is opened and nothing scheduled until the services start."""
        done = make(
            "--port=0",
            then="from twisted.internet.tcp import Port\n"
            "ports = [each for each in reactor.getReaders() if isinstance(each, Port)]"
            "\n"
            "print(ports, reactor.getDelayedCalls())",
        )
        self.assertEqual(("[] []\n", ""), (done.stdout, done.stderr))

    def test_timers_do_not_heed_the_wall_clock(self) -> None:
        """The reactor counts in a time that no one can set."""
        done = make(
            "--port=0",
            then="call = reactor.callLater(5, print)\n"
            "print(reactor.seconds is time.monotonic,"
            " call.getTime() <= time.monotonic() + 5)",
        )
        self.assertEqual(("True True\n", ""), (done.stdout, done.stderr))

    def test_port_that_means_nothing(self) -> None:
        """It is refused before anything is started, in one sentence."""
        done = make("--port=abc")
        self.assertEqual((1, ""), (done.returncode, done.stdout))
        self.assertTrue(done.stderr.startswith("raydel: --port=abc: "), done.stderr)
        self.assertEqual(1, done.stderr.count("\n"))
