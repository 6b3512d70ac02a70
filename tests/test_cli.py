"""``python -m raydel``: the tools around the server."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from contextlib import redirect_stdout
from importlib import import_module
from io import StringIO
from pathlib import Path

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from raydel import cli
from raydel.cli import dev
from raydel.client.links import client_factory
from raydel.export.trouble import this_python
from tests.docs import ROOT


def said(*arguments: str) -> str:
    """Call a command, and return what it says."""
    with redirect_stdout(StringIO()) as out:
        cli.main(arguments)
    return out.getvalue()


class Commands(SynchronousTestCase):
    """Finding a command."""

    def test_help(self) -> None:
        """Asked for help, or nothing at all, it lists every command."""
        for arguments in ((), ("-h",), ("--help",)):
            text = said(*arguments)
            for name, does in cli.COMMANDS.items():
                self.assertRegex(text, rf"\n  {name} +{re.escape(does)}\n")

    def test_every_command_is_there(self) -> None:
        """What is listed can be called, and teaches."""
        for name in cli.COMMANDS:
            self.assertTrue(callable(import_module(f"raydel.cli.{name}").main))
            self.assertIn(f"usage: python -m raydel {name}", said(name, "--help"))

    def test_another_python(self) -> None:
        """A Python in which nothing is installed says so in one sentence."""
        done = subprocess.run(
            [sys.executable, "-S", "-m", "raydel", "phone", "ABC123"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        self.assertEqual(1, done.returncode)
        self.assertRegex(done.stderr, r"^raydel: \w+ is not installed for ")
        self.assertNotIn("Traceback", done.stderr)

    def test_unknown(self) -> None:
        """An unknown command is refused in one sentence."""
        refusal = str(self.assertRaises(SystemExit, cli.main, ["fly"]))
        self.assertTrue(refusal.startswith("raydel: there is no command 'fly'"))
        self.assertNotIn("\n", refusal)


class Dev(SynchronousTestCase):
    """The server that restarts."""

    def test_command(self) -> None:
        """It starts twistd with this Python, and hands all options on."""
        words = shlex.split(dev.command(["--port=3002", "--origin=a b"]))
        self.assertEqual(sys.executable, words[0])
        self.assertEqual(
            ["--nodaemon", "--pidfile=", "raydel", "--port=3002", "--origin=a b"],
            words[3:],
        )

    def test_nothing_that_watches(self) -> None:
        """Without watchfiles it is said how this Python gets it."""
        self.patch(sys, "modules", sys.modules | {"watchfiles": None})
        refusal = str(self.assertRaises(SystemExit, dev.main, []))
        how = f"{this_python()} -m pip install watchfiles brings it"
        self.assertEqual(f"raydel: dev needs watchfiles; {how}", refusal)


class Pythons(SynchronousTestCase):
    """What to type for the Python that runs."""

    def test_from_here(self) -> None:
        """It is relative to where one is, if it is beneath, and quoted."""
        here = Path.cwd()
        for python, expected in (
            (here / ".venv/bin/python", ".venv/bin/python"),
            (here / "a b/python", "'a b/python'"),
            (here.parent / "python", shlex.quote(str(here.parent / "python"))),
        ):
            self.patch(sys, "executable", str(python))
            self.assertEqual(expected, this_python())


class Phone(SynchronousTestCase):
    """The phone that is played: what it is asked for."""

    def test_refusals(self) -> None:
        """What cannot be used is refused in one sentence that quotes it."""
        for wrong, quoted in (
            ("ABC12", "'ABC12'"),
            ("--url=http://x", "'http://x'"),
            ("--url=wss://a..b/", "'wss://a..b/'"),
            ("--clock=nan", "'nan'"),
            ("--for=-1", "'-1'"),
            ("--ca=/no/such/file", "/no/such/file"),
            (f"--ca={__file__}", __file__),
            ("--fly", "--fly"),
        ):
            refused = str(
                self.assertRaises(SystemExit, cli.main, ["phone", wrong, "ABC123"])
            )
            self.assertTrue(refused.startswith("raydel: "), refused)
            self.assertIn(quoted, refused)
            self.assertNotIn("\n", refused)


class PlayedPhone(SynchronousTestCase):
    """The phone in a terminal."""

    def test_goodbye(self) -> None:
        """Nothing but its own timer tears a link that is being closed."""
        factory = client_factory("ws://localhost:3001/sync", Clock())
        timers = factory.closeHandshakeTimeout, factory.serverConnectionDropTimeout
        self.assertEqual((0, 0), timers)
