"""One WebSocket of a test, and everything that came over it.

The socket is that of the ``websockets`` package: an implementation that is not
ours. All waits end with the event they wait for, or fail after `PATIENCE`.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from functools import wraps
from typing import Any, ParamSpec, Self, TypeVar

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.delays import LOOPBACK

PATIENCE = 3.0
"""Seconds any single wait may take."""

LONGEST_SCENARIO = 50.0
"""Seconds after which a whole scenario is given up."""

Message = dict[str, Any]
Hear = Callable[["Arrival"], Awaitable[None]]
T = TypeVar("T")
P = ParamSpec("P")


def scenario(play: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """Turn a coroutine into a test that runs on an event loop of its own."""

    @wraps(play)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        asyncio.run(asyncio.wait_for(play(*args, **kwargs), LONGEST_SCENARIO))

    return run


def true_time() -> float:
    """Return the one instant all phones share, in ms: no phone can read it."""
    return time.monotonic() * 1000.0


@dataclass(frozen=True)
class Arrival:
    """One frame, and the true instant at which it was read."""

    at: float
    message: Message


class Watched:
    """Something that changes, and on which a test can wait for a change."""

    def __init__(self) -> None:
        self._news = asyncio.Event()

    def changed(self) -> None:
        """Wake all who wait."""
        self._news.set()

    def story(self) -> str:
        """Tell what happened so far, for the message of a failed wait."""
        return ""

    async def until(
        self, found: Callable[[], T | None], what: str, patience: float = PATIENCE
    ) -> T:
        """Return what ``found`` returns, as soon as that is not None."""
        deadline = asyncio.get_running_loop().time() + patience
        while (result := found()) is None:
            self._news.clear()
            try:
                async with asyncio.timeout_at(deadline):
                    await self._news.wait()
            except TimeoutError:
                text = f"waited {patience} s for {what}; so far: {self.story()}"
                raise AssertionError(text) from None
        return result


class Wire(Watched):
    """A client's WebSocket that keeps all it hears.

    Attributes:
        arrivals: Every frame, in order.
        close_code: That of the server's close frame; 1005 if it bore none, 1006
            if none came; None while the wire is open.
        close_reason: The words that came with it.
    """

    def __init__(self, socket: ClientConnection, hear: Hear | None = None) -> None:
        super().__init__()
        self.socket = socket
        self.arrivals: list[Arrival] = []
        self.close_code: int | None = None
        self.close_reason = ""
        self._hear = hear
        self._read = 0
        self._reader = asyncio.get_running_loop().create_task(self._listen())

    @classmethod
    async def open(
        cls, port: int, path: str = "/sync", hear: Hear | None = None, **options: Any
    ) -> Self:
        """Connect as a phone does: no compression, no pings of its own."""
        plain = {"compression": None, "ping_interval": None, "proxy": None}
        url = f"ws://{LOOPBACK}:{port}{path}"
        socket = await connect(url, **{**plain, **options}, close_timeout=1)
        return cls(socket, hear)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def send(self, message: Message | str) -> None:
        """Send one text frame; nothing happens if the wire is gone."""
        text = message if isinstance(message, str) else json.dumps(message)
        try:
            await self.socket.send(text)
        except ConnectionClosed:
            return

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Say goodbye and wait for the end."""
        await self.socket.close(code, reason)
        await self._reader

    async def next(self, *but: str) -> Message:
        """Return the first frame not yet read whose type is not in ``but``."""
        return await self.until(
            lambda: self._take(lambda m: m["type"] not in but), "it"
        )

    async def expect(self, kind: str, **fields: object) -> Message:
        """Return the next frame of that type with those fields; skip others."""

        def fits(message: Message) -> bool:
            return message["type"] == kind and fields.items() <= message.items()

        return await self.until(lambda: self._take(fits), f"{kind} {fields}")

    async def ask(self, message: Message, kind: str) -> Message:
        """Send something, and return its answer."""
        await self.send(message)
        return await self.expect(kind)

    async def fence(self) -> list[Message]:
        """Return all that came before the answer to a ping sent now."""
        seen = self._read
        await self.ask({"type": "ping"}, "pong")
        return [arrival.message for arrival in self.arrivals[seen : self._read - 1]]

    async def closed(self, patience: float = PATIENCE) -> int:
        """Return the close code, once the wire is closed."""
        return await self.until(lambda: self.close_code, "its end", patience)

    def of_type(self, *kinds: str) -> list[Message]:
        """Return every frame so far of these types, read or not."""
        return [a.message for a in self.arrivals if a.message["type"] in kinds]

    def story(self) -> str:
        """List what came, newest last."""
        frames = [json.dumps(a.message)[:160] for a in self.arrivals[-8:]]
        return f"{frames}, closed: {self.close_code}"

    def _take(self, fits: Callable[[Message], bool]) -> Message | None:
        for index in range(self._read, len(self.arrivals)):
            message = self.arrivals[index].message
            if fits(message):
                self._read = index + 1
                return message
        return None

    async def _listen(self) -> None:
        try:
            while True:
                frame = await self.socket.recv()
                arrival = Arrival(true_time(), json.loads(frame))
                self.arrivals.append(arrival)
                if self._hear is not None:
                    await self._hear(arrival)
                self.changed()
        except ConnectionClosed as gone:
            self.close_code = gone.rcvd.code if gone.rcvd else 1006
            self.close_reason = gone.rcvd.reason if gone.rcvd else ""
            self.changed()
