"""What lies in ``etc/`` fits the program it is for.

Here is what needs no tools; `etc/check-deploying` asks systemd, hadolint, nginx and
HAProxy themselves.
"""

from __future__ import annotations

import ast
import json
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from twisted.trial.unittest import SynchronousTestCase

from raydel.cli import COMMANDS
from raydel.options import Options

ROOT: Final = Path(__file__).parents[1]
ETC: Final = ROOT / "etc"
STORE: Final = Path("/var/lib/raydel/raydel.sqlite")
LONGEST_TAKE: Final = 24
"""Hours; more cannot be chosen with --longest-take."""


def text(name: str) -> str:
    """Read a file below ``etc/``."""
    return (ETC / name).read_text(encoding="utf-8")


def settings(unit: str) -> dict[str, str]:
    """Return the settings of a unit, the last of each name."""
    lines = re.findall(r"^(\w+)=(.*)$", text(unit), re.MULTILINE)
    return dict(lines)


def instruction(name: str) -> str:
    """Return what the Dockerfile's last instruction of a name says."""
    joined = text("docker/Dockerfile").replace("\\\n", " ")
    return str(re.findall(rf"^{name} +(.*)$", joined, re.MULTILINE)[-1])


def words(name: str) -> list[str]:
    """Return the words of an instruction in exec form."""
    listed: list[str] = json.loads(instruction(name))
    return listed


def command_lines() -> Iterator[str]:
    """Return the options for the server that are shown, on the page and in files."""
    shown = [ROOT / "docs" / "deploying.md", *ETC.rglob("*")]
    for path in filter(Path.is_file, shown):
        content = path.read_text(encoding="utf-8")
        yield from re.findall(r'RAYDEL_OPTIONS="(.*?)"', content)


class Examples(SynchronousTestCase):
    """Options that are shown exist, and ports meet."""

    def test_options(self) -> None:
        """Whatever stands in an example, the server takes."""
        lines = list(command_lines())
        self.assertGreater(len(lines), 5)
        for line in lines:
            Options({}).parseOptions(shlex.split(line))

    def test_behind_proxies(self) -> None:
        """Raydel listens where the proxies look for it."""
        for example in ("nginx/raydel.conf", "haproxy/haproxy.cfg"):
            self.assertIn(":4001:interface=127.0.0.1", text(example))
            self.assertRegex(text(example), r"\n +server .*127\.0\.0\.1:4001\b")

    def test_proxies_outlast_a_take(self) -> None:
        """No proxy hangs up while somebody records."""
        limits = re.findall(r"(?:tunnel|_read_timeout|_send_timeout) (\d+)h", proxies())
        self.assertEqual(3, len(limits))
        self.assertTrue(all(int(hours) > LONGEST_TAKE for hours in limits))

    def test_code_in_the_path(self) -> None:
        """Both hash the code, consistently."""
        self.assertIn("hash $raydel_session consistent;", text("nginx/raydel.conf"))
        self.assertIn("balance hash var(txn.session)", text("haproxy/haproxy.cfg"))
        self.assertIn("hash-type consistent", text("haproxy/haproxy.cfg"))


class Units(SynchronousTestCase):
    """The systemd units."""

    def test_start(self) -> None:
        """The program stays in the foreground, and is told by it that it is ready."""
        unit = settings("systemd/raydel.service")
        self.assertEqual(
            "/opt/raydel/bin/twistd --nodaemon --pidfile= raydel "
            f"--store=sqlite:{STORE} $RAYDEL_OPTIONS",
            unit["ExecStart"],
        )
        self.assertEqual("notify", unit["Type"])
        self.assertGreaterEqual(int(unit["WatchdogSec"]), 10)

    def test_user(self) -> None:
        """It is not root, and the file of options is the one that is explained."""
        unit = settings("systemd/raydel.service")
        self.assertEqual("raydel", unit["User"])
        self.assertEqual("-/etc/raydel/raydel.env", unit["EnvironmentFile"])

    def test_store(self) -> None:
        """The store is where the service may write, and nobody else may look."""
        unit = settings("systemd/raydel.service")
        self.assertEqual(f"/var/lib/{unit['StateDirectory']}", str(STORE.parent))
        self.assertEqual("0700", unit["StateDirectoryMode"])
        self.assertEqual("strict", unit["ProtectSystem"])
        self.assertIn(str(STORE), text("raydel.env"))

    def test_tls_needs_callbacks(self) -> None:
        """This one line looks like hardening, and ends every TLS handshake."""
        unit = settings("systemd/raydel.service")
        self.assertEqual("no", unit["MemoryDenyWriteExecute"])

    def test_socket(self) -> None:
        """The socket has the name by which the options ask for it."""
        name = settings("systemd/raydel.socket")["FileDescriptorName"]
        self.assertIn(f"--port=systemd:domain=INET6:name={name}", text("raydel.env"))


class Container(SynchronousTestCase):
    """The Dockerfile."""

    def test_start(self) -> None:
        """No shell and no pid file stand between the container and the server."""
        _, *twistd, store = words("ENTRYPOINT")
        self.assertEqual(["--nodaemon", "--pidfile=", "raydel"], twistd)
        options = Options({})
        options.parseOptions([store, *words("CMD")])
        self.assertEqual(STORE, options.config.store)

    def test_store(self) -> None:
        """What is kept is in a volume, which belongs to the server's user."""
        self.assertEqual([str(STORE.parent)], words("VOLUME"))
        user, directory = instruction("RUN").split("&&")
        self.assertIn(f"--uid {instruction('USER')} ", user)
        self.assertIn("--mode=700", directory)
        self.assertIn("--owner=raydel", directory)
        self.assertTrue(directory.strip().endswith(str(STORE.parent)))

    def test_user(self) -> None:
        """It is not root, by a number that can be checked from outside."""
        self.assertGreater(int(instruction("USER")), 0)

    def test_health(self) -> None:
        """The check is a program that is valid, and asks where the server listens."""
        port = instruction("EXPOSE")
        program = words("HEALTHCHECK.* CMD")[-1]
        ast.parse(program)
        self.assertIn(f"http://127.0.0.1:{port}/health", program)
        self.assertEqual([f"--port={port}"], words("CMD"))

    def test_context(self) -> None:
        """All that the package is built from goes in, and nothing else."""
        lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
        taken = {line[1:] for line in lines if line.startswith("!")}
        self.assertLess({"raydel", "twisted", "setup.py", "pyproject.toml"}, taken)
        for name in taken:
            self.assertTrue((ROOT / name).exists(), name)


class Page(SynchronousTestCase):
    """``docs/deploying.md``."""

    PAGE: Final = (ROOT / "docs" / "deploying.md").read_text(encoding="utf-8")

    def test_files(self) -> None:
        """Every file of ours that it names is there."""
        # Those of the machine begin with a slash.
        named = set(re.findall(r"(?<!/)\betc/[\w./-]*\w", self.PAGE))
        self.assertGreater(len(named), 5)
        for name in named:
            self.assertTrue((ROOT / name).exists(), name)

    def test_commands(self) -> None:
        """Every command of Raydel's that it names exists."""
        for name in re.findall(r"python -m raydel (\w+)", self.PAGE):
            self.assertIn(name, COMMANDS)

    def test_shell(self) -> None:
        """What is to be typed is what a shell understands."""
        for block in re.findall(r"(?ms)^```sh\n(.*?)^```$", self.PAGE):
            done = subprocess.run(
                ["sh", "-n"], input=block, capture_output=True, text=True, check=False
            )
            self.assertEqual((0, ""), (done.returncode, done.stderr), block)


def proxies() -> str:
    """Return both examples, with their blanks made one."""
    both = text("nginx/raydel.conf") + text("haproxy/haproxy.cfg")
    return re.sub(r"[ \t]+", " ", both).replace("proxy_", "_")
