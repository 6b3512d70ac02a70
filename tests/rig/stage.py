"""Two phones of protocol 2 and a server, for a story that is told act by act."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from functools import partial
from typing import Self

from tests.integration.phones import new_code
from tests.promises import Story, broken
from tests.rig.modern import Modern
from tests.rig.run import CONVERGED_WITHIN
from tests.rig.server import Server
from tests.rig.story import story_of


class Stage(AsyncExitStack):
    """A server, and a host and a guest that have joined.

    Attributes:
        server: The server.
        host: One phone.
        guest: The other one.
    """

    host: Modern
    guest: Modern

    def __init__(self, server: Server) -> None:
        super().__init__()
        self.server = server

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        await self.enter_async_context(self.server)
        port, code = self.server.program.port, new_code()
        phones = [
            Modern(host=host, port=port, code=code, clock_offset=0.0)
            for host in (True, False)
        ]
        for phone in phones:
            await self.enter_async_context(phone)
            await seated(phone)
        self.host, self.guest = phones
        return self

    async def start(self) -> str:
        """Tap start, and return the take that both record."""
        await self.host.tap_start()
        take_id = await self.host.until(lambda: self.host.tale.recording, "a take")
        await self.guest.until(lambda: self.guest.tale.recording, "the same take")
        assert self.guest.tale.recording == take_id
        return take_id

    async def stop(self) -> None:
        """Tap stop, and wait until neither records."""
        await self.guest.tap_stop()
        for phone in (self.host, self.guest):
            await phone.until(partial(_is_idle, phone), "a stop")

    async def healthy(self, *, healthy: bool) -> None:
        """Wait until the server says that it can store, or that it cannot."""
        expected = "healthy" if healthy else "degraded"
        async with asyncio.timeout(CONVERGED_WITHIN):
            while True:
                if (await self.server.get("/health"))["status"] == expected:
                    return
                await asyncio.sleep(0.05)

    async def settled(self, good: Callable[[Story], bool] = lambda _: True) -> Story:
        """Wait until all promises are kept, and return the story."""
        async with asyncio.timeout(CONVERGED_WITHIN):
            while True:
                story = await story_of(self.server, (self.host, self.guest))
                at_rest = self.host.at_rest and self.guest.at_rest
                if at_rest and not broken(story) and good(story):
                    return story
                await asyncio.sleep(0.05)


async def seated(phone: Modern) -> None:
    """Wait until a phone has a seat, and no question is open."""
    await phone.until(lambda: phone.at_rest or None, "a seat")


def _is_idle(phone: Modern) -> bool | None:
    return phone.tale.recording is None or None
