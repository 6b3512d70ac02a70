"""A phone with the released library in the rig, and what it can tell."""

from __future__ import annotations

import asyncio
from itertools import count

from tests.integration.phones import LIBRARY_2, Phone
from tests.integration.wire import Arrival
from tests.promises import PhoneStory


class Released(Phone):
    """Library 2, in a hurry. It can name no take, and repeats no command.

    Attributes:
        seatings: The true instants at which it was given a seat, ms.
        oddities: What it was told and no promise covers, yet should not be.
    """

    def __init__(
        self, *, host: bool, port: int, code: str, clock_offset: float
    ) -> None:
        super().__init__(
            LIBRARY_2, host=host, port=port, code=code, clock_offset=clock_offset
        )
        self.seatings: list[float] = []
        self.oddities: list[str] = []
        self._tale = PhoneStory(self.name)
        self._taps = count(1)

    @property
    def tale(self) -> PhoneStory:
        """Its story so far."""
        self._tale.connected = self._seated
        self._tale.recording = "?" if self.is_recording else None
        return self._tale

    @property
    def at_rest(self) -> bool:
        """Whether it has a seat, and is not about to begin."""
        return self._seated and self._due is None

    async def tap_start(self) -> None:
        """Press *start*."""
        self._tale.starts_asked.append(f"tap {next(self._taps)}")
        await super().tap_start()

    async def tap_stop(self) -> None:
        """Press *stop*."""
        self._tale.stops_asked.append(f"tap {next(self._taps)}")
        await super().tap_stop()

    async def fence(self) -> None:
        """Wait for the answer to a ping."""
        await self.wire.fence()

    def roam(self, port: int) -> None:
        """Drop the link without a goodbye, and come by another one."""
        self._port = port
        self.wire.socket.transport.abort()
        # It may have been on its way by the old one.
        if self._life is not None:
            self._life.cancel()
        self._life = asyncio.get_running_loop().create_task(self._come_back())

    def forget_numbers(self) -> None:
        """It hears no numbers."""

    @property
    def _seated(self) -> bool:
        return self.wire.close_code is None and bool(self.wire.of_type("joined"))

    async def _hear(self, arrival: Arrival) -> None:
        if arrival.message["type"] == "joined":
            self.seatings.append(arrival.at)
        await super()._hear(arrival)
