"""A link with a delay of its own: a TCP proxy on loopback.

It stands between a phone and the server, keeps every byte for a while, never
lets one overtake another, and can be frozen, cut and mended.
"""

from __future__ import annotations

import asyncio
import random
import socket
import struct
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Self, cast

LOOPBACK = "127.0.0.1"

_NO_LINGERING = struct.pack("ii", 1, 0)


@dataclass(frozen=True)
class Delay:
    """How long one direction keeps a byte, in milliseconds.

    ``jitter`` is the most that is added, drawn anew for every read.
    """

    fixed: float = 0.0
    jitter: float = 0.0

    def draw(self) -> float:
        """Return the delay of one read, in seconds."""
        return (self.fixed + random.uniform(0.0, self.jitter)) / 1000.0  # noqa: S311


class _End(asyncio.Protocol):
    """One socket of a link; what it reads leaves the other end later."""

    def __init__(
        self, link: DelayedLink, delay: Delay, opened: Callable[[_End], None]
    ) -> None:
        self._link = link
        self._delay = delay
        self._opened = opened
        self._due: deque[tuple[float, Callable[[], None]]] = deque()
        self.transport: asyncio.Transport | None = None
        self.other: _End | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self._link.ends.add(self)
        self._opened(self)

    def data_received(self, data: bytes) -> None:
        self._later(partial(self._write, data))

    def eof_received(self) -> bool:
        self._later(self._finish)
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        # It stays until the link has handed this on too: it may be frozen.
        self._later(self._finish)
        self._later(self._leave)

    def flush(self) -> None:
        """Hand on what is due, oldest first, unless the link is frozen."""
        now = asyncio.get_running_loop().time()
        while self._passable and self._due and self._due[0][0] <= now:
            self._due.popleft()[1]()

    @property
    def _passable(self) -> bool:
        return self.other is not None and not self._link.frozen

    def _later(self, act: Callable[[], None]) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time() + self._delay.draw()
        if self._due:
            due = max(due, self._due[-1][0])
        self._due.append((due, act))
        loop.call_at(due, self.flush)

    def _write(self, data: bytes) -> None:
        there = None if self.other is None else self.other.transport
        if there is not None and not there.is_closing():
            there.write(data)

    def _finish(self) -> None:
        if self.other is not None and self.other.transport is not None:
            self.other.transport.close()

    def _leave(self) -> None:
        self._link.ends.discard(self)


class DelayedLink:
    """A port on loopback that leads to another one, some milliseconds away.

    Use it as an asynchronous context manager; ``port`` is valid inside.
    """

    def __init__(self, target: int, *, up: Delay, down: Delay) -> None:
        self.port = 0
        self.frozen = False
        self.ends: set[_End] = set()
        self._target = target
        self._up = up
        self._down = down
        self._broken = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._accept, LOOPBACK, 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        self._abort_all()

    def cut(self) -> None:
        """Break every connection abruptly and refuse new ones."""
        self._broken = True
        self.frozen = False
        self._abort_all()

    def mend(self) -> None:
        """Let new connections through again."""
        self._broken = False

    def freeze(self) -> None:
        """Stop handing on: both ends stay open, nothing comes through."""
        self.frozen = True

    def thaw(self) -> None:
        """Hand on what was held back, and all that follows."""
        self.frozen = False
        for end in list(self.ends):
            end.flush()

    def _accept(self) -> _End:
        return _End(self, self._up, self._opened)

    def _opened(self, near: _End) -> None:
        if self._broken:
            self._abort(near)
            return
        task = asyncio.get_running_loop().create_task(self._reach(near))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _reach(self, near: _End) -> None:
        """Open the far side; what came before waits for it."""
        loop = asyncio.get_running_loop()
        try:
            _, far = await loop.create_connection(
                lambda: _End(self, self._down, partial(self._join, near)),
                LOOPBACK,
                self._target,
            )
        except OSError:
            self._abort(near)
            return
        if self._broken:
            self._abort(far)

    @staticmethod
    def _join(near: _End, far: _End) -> None:
        near.other, far.other = far, near
        near.flush()

    def _abort_all(self) -> None:
        for end in list(self.ends):
            self._abort(end)

    @staticmethod
    def _abort(end: _End) -> None:
        """Reset the connection: no goodbye, not even of TCP."""
        if end.transport is not None and not end.transport.is_closing():
            own = end.transport.get_extra_info("socket")
            own.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGERING)
            end.transport.abort()
