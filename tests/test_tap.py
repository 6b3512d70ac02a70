"""The inventory of the running program; the global reactor needs its own process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

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


class Inventory(SynchronousTestCase):
    """What `makeService` puts together."""

    def setUp(self) -> None:
        """Have an empty directory to start in."""
        folder = TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.home = Path(folder.name).resolve()

    def make(self, *words: str, then: str = "") -> subprocess.CompletedProcess[str]:
        """Make the service in a process of its own, and look at it."""
        return subprocess.run(
            [sys.executable, "-c", MAKE % (words,) + then],
            cwd=self.home,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )

    def test_parts(self) -> None:
        """Sessions come first; the supervisor is told last, when all ports are open."""
        done = self.make(
            "--port=0",
            "--port=tcp:0",
            then="print(*(type(part).__name__ for part in program))",
        )
        self.assertEqual("", done.stderr)
        self.assertEqual(
            "SessionService OpenCalls PortService PortService Supervised\n", done.stdout
        )

    def test_webhooks(self) -> None:
        """Who wants letters gets what posts them, beside the sessions."""
        (self.home / "secret").write_text("a secret of many words")
        done = self.make(
            "--port=0",
            "--webhook=https://club.example/raydel",
            "--webhook-secret-file=secret",
            then="print(*(type(part).__name__ for part in program))",
        )
        expected = "SessionService Webhooks OpenCalls PortService Supervised\n"
        self.assertEqual(("", expected), (done.stderr, done.stdout))

    def test_announcer(self) -> None:
        """Only who asks for it is announced, behind the ports, and gone before them."""
        then = "print(*(type(part).__name__ for part in program))"
        done = self.make("--port=0", "--advertise", then=then)
        self.assertEqual("", done.stderr)
        self.assertEqual(
            "SessionService OpenCalls PortService Supervised Announcer\n", done.stdout
        )

    def test_nothing_happens_yet(self) -> None:
        """Nothing is opened and nothing scheduled until the services start."""
        done = self.make(
            "--port=0",
            then="from twisted.internet.tcp import Port\n"
            "ports = [each for each in reactor.getReaders() if isinstance(each, Port)]"
            "\n"
            "print(ports, reactor.getDelayedCalls())",
        )
        self.assertEqual(("[] []\n", ""), (done.stdout, done.stderr))

    def test_store(self) -> None:
        """Without a word there is a file, which is closed until the services start."""
        done = self.make(
            "--port=0",
            then="import os\n"
            "files = {os.readlink(f'/dev/fd/{each}') for each in os.listdir('/dev/fd')"
            " if os.path.exists(f'/dev/fd/{each}')}\n"
            "print(any('raydel.sqlite' in each for each in files))",
        )
        self.assertEqual(("False\n", ""), (done.stdout, done.stderr))
        self.assertTrue((self.home / "raydel.sqlite").is_file())

    def test_memory(self) -> None:
        """Who chooses memory finds nothing written."""
        done = self.make("--port=0", "--store=memory:")
        self.assertEqual((0, "", ""), (done.returncode, done.stdout, done.stderr))
        self.assertEqual([], list(self.home.iterdir()))

    def test_time_goes_on(self) -> None:
        """A program that is started again goes on with the same server time."""
        then = "print(options.config, list(program)[0]._timebase.clock_id)"
        first, again = (self.make("--port=0", then=then) for _ in range(2))
        self.assertEqual((0, first.stdout), (again.returncode, again.stdout))

    def test_store_that_cannot_be(self) -> None:
        """It is refused before anything is started, in one sentence."""
        done = self.make("--port=0", f"--store=sqlite:{self.home}/none/a.sqlite")
        self.assertEqual((1, ""), (done.returncode, done.stdout))
        self.assertTrue(done.stderr.startswith("raydel: "), done.stderr)
        self.assertIn(f"{self.home}/none", done.stderr)
        self.assertEqual(1, done.stderr.count("\n"))

    def test_no_store_for_a_wrong_port(self) -> None:
        """What is refused for its options leaves no file behind."""
        self.assertEqual(1, self.make("--port=abc").returncode)
        self.assertEqual([], list(self.home.iterdir()))

    def test_timers_do_not_heed_the_wall_clock(self) -> None:
        """The reactor counts in a time that no one can set."""
        done = self.make(
            "--port=0",
            then="call = reactor.callLater(5, print)\n"
            "print(reactor.seconds is time.monotonic,"
            " call.getTime() <= time.monotonic() + 5)",
        )
        self.assertEqual(("True True\n", ""), (done.stdout, done.stderr))

    def test_port_that_means_nothing(self) -> None:
        """It is refused before anything is started, in one sentence."""
        done = self.make("--port=abc")
        self.assertEqual((1, ""), (done.returncode, done.stdout))
        self.assertTrue(done.stderr.startswith("raydel: --port=abc: "), done.stderr)
        self.assertEqual(1, done.stderr.count("\n"))
