"""The real program under a supervisor, which starts it again whenever it ends."""

from __future__ import annotations

import asyncio
import http.client
import resource
import signal
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, Self

from tests.integration.program import Program
from tests.integration.wire import Watched

LOOK: Final = 0.01
"""Seconds between two looks whether it answers."""

READY_WITHIN: Final = 10.0
"""Seconds after which it is given up, on a busy machine."""

_DEGRADED: Final = "nothing can be stored"
_WELL: Final = "all is stored again"


class Server(Watched):
    """One machine with the program on it.

    Attributes:
        program: The process, the present or the latest one.
        ready: Whether it answers.
        ready_times: Seconds from each of its starts until it answered.
        kills: How often it was killed while it was there.
        lost_writes: Whether it ended while it said that it could store nothing.
        oddities: What it should not have done.
    """

    def __init__(
        self,
        home: Path,
        *,
        options: tuple[str, ...] = (),
        environment: Mapping[str, str] | None = None,
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__()
        self.program = Program(home, options, environment=dict(environment or {}))
        self.ready = False
        self.ready_times: list[float] = []
        self.kills = 0
        self.lost_writes = False
        self.oddities: list[str] = []
        self._tell = changed
        self._down = 0.0
        self._asked = self._was_full = False
        self._life: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._life = asyncio.get_running_loop().create_task(self._supervise())
        await self.up()
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._life is not None
        self._life.cancel()
        code = await asyncio.to_thread(self.program.stop)
        try:
            self.program.assert_clean(code)
        except AssertionError as trouble:
            self.oddities.append(f"the server: {trouble}")

    async def up(self) -> None:
        """Wait until it answers."""
        await self.until(lambda: self.ready or None, "the server", READY_WITHIN)

    def kill(self, down: float) -> None:
        """``kill -9``; it is started again so many seconds later."""
        self.kills += self._end(signal.SIGKILL, down)

    def restart(self, down: float) -> None:
        """Ask it politely to end, once; it is started again after so many seconds."""
        if not self._asked:
            self._end(signal.SIGTERM, down)

    def fill_disk(self) -> None:
        """From now on, no file of its process grows."""
        home = self.program.home
        sizes = [each.stat().st_size for each in home.glob("*.sqlite-wal")]
        # Its log is on another disk, as a service's log is.
        log = (home / "log").stat().st_size + 8192
        self._was_full = True
        self._limit(max([log, *sizes]))

    def free_disk(self) -> None:
        """Let files grow again."""
        self._limit(resource.RLIM_INFINITY)

    async def get(self, path: str) -> Any:
        """Return the JSON of a REST call."""
        answer = await asyncio.to_thread(self.program.rest, "GET", path)
        assert answer.status == 200, f"{path}: {answer}"
        return answer.body

    def _end(self, how: signal.Signals, down: float) -> bool:
        if self.program.process.poll() is not None:
            return False
        self._down, self._asked = down, True
        self.program.process.send_signal(how)
        self._is_ready(ready=False)
        return True

    def _found_no_room(self) -> bool:
        """Whether it refused to start on a full disk, as it should."""
        refused = self.program.process.returncode == 1 and not self.ready
        last = self.program.log.rstrip().rpartition("\n")[2]
        return self._was_full and refused and last.startswith("raydel: ")

    def _limit(self, size: int) -> None:
        with suppress(ProcessLookupError):
            limits = (size, resource.RLIM_INFINITY)
            resource.prlimit(self.program.process.pid, resource.RLIMIT_FSIZE, limits)

    def _is_ready(self, *, ready: bool) -> None:
        self.ready = ready
        self._tell()
        self.changed()

    async def _supervise(self) -> None:
        """Start it, wait for its end, and so on."""
        log = self.program.home / "log"
        while True:
            seen = log.stat().st_size if log.exists() else 0
            self.program.spawn()
            self._asked = self._was_full = False
            watch = asyncio.get_running_loop().create_task(self._watch())
            await asyncio.to_thread(self.program.process.wait)
            watch.cancel()
            if not self._asked and not self._found_no_room():
                self.oddities.append(f"the server ended: {self.program.log[-2000:]}")
            self._is_ready(ready=False)
            words = log.read_text("utf-8", "replace")[seen:]
            self.lost_writes |= words.rfind(_DEGRADED) > words.rfind(_WELL)
            await asyncio.sleep(self._down)

    async def _watch(self) -> None:
        """Note when it first answers."""
        began = time.monotonic()
        while True:
            with suppress(OSError, http.client.HTTPException):
                await asyncio.to_thread(self.program.rest, "GET", "/health")
                break
            await asyncio.sleep(LOOK)
        if not self._asked:
            self.ready_times.append(time.monotonic() - began)
            self._is_ready(ready=True)
