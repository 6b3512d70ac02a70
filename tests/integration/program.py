"""The real program in a process of its own, as an operator starts it."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from tests.delays import LOOPBACK

ROOT = Path(__file__).parents[2]
"""Where the project lies."""

READY_WITHIN = 15.0
"""Seconds the program may take to answer its first request, on a busy machine."""

GONE_WITHIN = 5.0
"""Seconds from SIGTERM to the end: what the operator is promised."""

_TROUBLE = re.compile(r"Traceback|Unhandled|#critical", re.IGNORECASE)


@dataclass(frozen=True)
class Answer:
    """What a REST call brought back."""

    status: int
    headers: dict[str, str]
    text: str

    @property
    def body(self) -> Any:
        """The JSON it carries."""
        return json.loads(self.text)


def free_port() -> int:
    """Return a loopback port on which nothing listens."""
    with socket.create_server((LOOPBACK, 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


@dataclass
class Program:
    """One running ``twistd -n raydel``.

    Attributes:
        home: An empty directory to run in.
        options: More options for the command line.
        port: Where it listens on loopback.
        environment: More variables of its environment.
    """

    home: Path
    options: tuple[str, ...] = ()
    port: int = field(default_factory=free_port)
    environment: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] = field(init=False, repr=False)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        code = self.stop()
        if kind is None:
            self.assert_clean(code)

    @property
    def log(self) -> str:
        """All it has written so far."""
        return (self.home / "log").read_text("utf-8", "replace")

    def start(self) -> None:
        """Start it, and return once it answers."""
        self.spawn()
        self._wait_until_ready()

    def spawn(self) -> None:
        """Start it, and return at once."""
        twistd = Path(sys.executable).with_name("twistd")
        listen = f"--port=tcp:{self.port}:interface={LOOPBACK}"
        command = [str(twistd), "-n", "--pidfile=", "raydel", listen, *self.options]
        paths = [str(ROOT), os.environ.get("PYTHONPATH", "")]
        python_path = os.pathsep.join(filter(None, paths))
        environment = {**os.environ, "PYTHONPATH": python_path, **self.environment}
        with (self.home / "log").open("ab") as log:
            self.process = subprocess.Popen(
                command, cwd=self.home, env=environment, stdout=log, stderr=log
            )

    def terminate(self) -> None:
        """Send SIGTERM to it, and to nothing else."""
        self.process.send_signal(signal.SIGTERM)

    def stop(self) -> int:
        """End it in good order, and return its exit code."""
        if self.process.poll() is None:
            self.terminate()
        try:
            return self.process.wait(GONE_WITHIN)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()

    def assert_clean(self, code: int) -> None:
        """Check that it ended because it was told to, and never stumbled."""
        assert code in {0, -signal.SIGTERM}, f"exit code {code}:\n{self.log}"
        assert not _TROUBLE.search(self.log), self.log

    def rest(
        self, method: str, path: str, headers: dict[str, str] | None = None
    ) -> Answer:
        """Make one REST call."""
        connection = http.client.HTTPConnection(LOOPBACK, self.port, timeout=3)
        try:
            connection.request(method, path, headers=headers or {})
            response = connection.getresponse()
            named = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, named, response.read().decode())
        finally:
            connection.close()

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + READY_WITHIN
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise AssertionError(f"the program did not start:\n{self.log}")
            with suppress(OSError, http.client.HTTPException):
                assert self.rest("GET", "/health").status == 200
                return
            time.sleep(0.05)
        self.process.kill()
        self.process.wait()
        raise AssertionError(f"the program does not answer:\n{self.log}")
