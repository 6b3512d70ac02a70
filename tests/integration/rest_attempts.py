"""The REST calls of the real server, tried against their own description.

``python -m tests.integration.rest_attempts 3000`` tries each call some thousand times,
each time in another way. What is asked, and what is to be expected, schemathesis works
out from ``/openapi.json``.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from math import inf
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from typing import Any, Final, TypeVar

from tests.delays import LOOPBACK
from tests.integration.program import Program
from tests.integration.wire import PATIENCE, Wire

T = TypeVar("T")

CODE: Final = "ABC123"
"""The example of the description, so that much is asked of it."""

SETTINGS: Final = """\
# What no schema can tell: whether an instant is within the take that runs.
[[operations]]
include-path = "/api/sessions/{code}/markers"
checks.positive_data_acceptance.expected-statuses = [
    "2xx", 400, 404, 409, 503
]

# Nor which choices go together: pictures beside each other are always new ones.
[[operations]]
include-path = "/api/takes/{take_id}/export/ffmpeg"
checks.positive_data_acceptance.expected-statuses = [
    "2xx", 400, 404, 409
]

# Our phone comes back at once, so its session is there again.
[[operations]]
include-path-regex = "^/api/sessions/{code}"
checks.use_after_free.enabled = false

# There is one take to look at from the start; a random id names none.
[[operations]]
include-path-regex = "^/api/takes/{take_id}/"
parameters."path.take_id" = "TAKE"
"""


class Host:
    """A phone that hosts a session, and comes back whenever somebody ends it."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever)

    def start(self) -> None:
        """Join; return once it is there."""
        self._thread.start()
        wire = self._call(self._join())
        self._staying = asyncio.run_coroutine_threadsafe(self._stay(wire), self._loop)

    def stop(self) -> None:
        """Leave."""
        self._staying.cancel()
        self._call(self._settle())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _call(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(PATIENCE)

    async def _join(self) -> Wire:
        wire = await Wire.open(self._port)
        await wire.ask({"type": "join", "sessionId": CODE, "isHost": True}, "joined")
        return wire

    async def _stay(self, wire: Wire) -> None:
        while True:
            try:
                await wire.closed(inf)
            finally:
                await wire.close()
            wire = await self._join()

    async def _settle(self) -> None:
        """Let what was cancelled come to its end."""
        own = asyncio.current_task()
        others = [each for each in asyncio.all_tasks() if each is not own]
        await asyncio.gather(*others, return_exceptions=True)


@contextmanager
def hosted(home: Path) -> Iterator[Program]:
    """Run the real server, with a session that has a phone."""
    with Program(home, ("--store=memory:",)) as program:
        host = Host(program.port)
        host.start()
        try:
            yield program
        finally:
            host.stop()


def attempt(
    program: Program, count: int, *options: str, **how: Any
) -> subprocess.CompletedProcess[str]:
    """Try each call up to so many times in each of several ways."""
    settings = program.home / "schemathesis.toml"
    settings.write_text(SETTINGS.replace("TAKE", _take(program)), encoding="utf-8")
    command = [
        *(sys.executable, "-m", "schemathesis.cli", f"--config-file={settings}"),
        *("run", "--no-color", "--generation-database=none"),
        *(f"--max-examples={count}", *options),
        f"http://{LOOPBACK}:{program.port}/openapi.json",
    ]
    return subprocess.run(command, cwd=program.home, check=False, text=True, **how)


def _take(program: Program) -> str:
    """Record a take; return its id."""
    for what in ("start", "stop"):
        answer = program.rest("POST", f"/api/sessions/{CODE}/{what}")
        assert answer.status == HTTPStatus.OK, answer
    return str(answer.body["takeId"])


def main(count: int) -> int:
    """Try each call so many times, and print what is found; return an exit code."""
    with TemporaryDirectory() as home, hosted(Path(home)) as program:
        return attempt(program, count, "--continue-on-failure").returncode


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
