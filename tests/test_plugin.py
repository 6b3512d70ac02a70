"""twistd finds the server, whatever reactor it is to run on."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

ROOT = Path(__file__).parents[1]
TWISTD = (
    "import sys; from twisted.scripts.twistd import run; sys.argv[0]='twistd'; run()"
)


def python(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a program in a Python of its own."""
    return subprocess.run(
        [sys.executable, "-c", program, *arguments],
        cwd=ROOT,
        env={**os.environ, "COLUMNS": "100"},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )


class Plugin(SynchronousTestCase):
    """The plugin file, and what it reaches."""

    def test_reaches_no_reactor(self) -> None:
        """Neither it nor the options import a reactor before one is chosen."""
        done = python(
            "import sys, raydel.tap, raydel.options\n"
            "from twisted.plugins import raydel_plugin\n"
            "raydel_plugin.raydel.options\n"
            "sys.exit('twisted.internet.reactor' in sys.modules)"
        )
        self.assertEqual((0, ""), (done.returncode, done.stderr))

    def test_any_reactor_on_a_cold_cache(self) -> None:
        """The very first start may choose its reactor; no cache has to be warm."""
        cache = ROOT / "twisted" / "plugins" / "dropin.cache"
        cache.unlink(missing_ok=True)
        done = python(TWISTD, "--reactor=poll", "-n", "raydel", "--help")
        self.assertEqual((0, ""), (done.returncode, done.stderr))
        self.assertIn("--longest-take=", done.stdout)

    def test_is_listed(self) -> None:
        """twistd's own help names the server."""
        done = python(TWISTD, "--help")
        self.assertIn("raydel", done.stdout)
        self.assertIn("multi-camera sports recording", done.stdout)

    def test_hides_no_other_plugins(self) -> None:
        """twisted.plugins belongs to everybody: an __init__.py would close it."""
        self.assertFalse((ROOT / "twisted" / "__init__.py").exists())
        self.assertFalse((ROOT / "twisted" / "plugins" / "__init__.py").exists())

    def test_wrong_option(self) -> None:
        """A wrong option is one sentence on stderr and code 1, and nothing else."""
        done = python(TWISTD, "-n", "raydel", "--lead=soon")
        self.assertEqual((1, ""), (done.returncode, done.stdout))
        self.assertTrue(done.stderr.startswith("raydel: --lead=soon: "), done.stderr)
        self.assertEqual(1, done.stderr.count("\n"))
