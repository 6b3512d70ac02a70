"""A phone of protocol 2 in the rig, and what it tells at the end."""

from __future__ import annotations

import asyncio
import json
import math
from typing import Final, Self

from websockets.exceptions import WebSocketException

from tests.integration.phones import PhoneClock
from tests.integration.wire import Arrival, Message, Watched, Wire, true_time
from tests.promises import PhoneStory, ToldTake
from tests.rig.commands import Commands

BACKOFF: Final = (0.05, 0.1, 0.2, 0.4)
"""Seconds between the attempts to come back; the last one for all that follow."""

AGAIN: Final = 0.2
"""Seconds after which something is asked again that was refused for now."""


class Modern(Watched):
    """A phone of protocol 2, as the protocol page would have it.

    It comes back by its latest token and the highest number it heard, asks again
    under the same id what was not answered, and knows takes by their ids.

    Attributes:
        tale: Its story so far.
        seatings: The true instants at which it was given a seat, ms.
        oddities: What it was told and no promise covers, yet should not be.
        offsets: How far ahead of the server it was told to be, ms.
        put_off: How often it was told to try again later.
        diary: All that it did and heard, for a person.
        commands: What it asked.
    """

    def __init__(
        self, *, host: bool, port: int, code: str, clock_offset: float
    ) -> None:
        super().__init__()
        self.tale = PhoneStory("Modern host" if host else "Modern guest")
        self.tale.connected = False
        self.seatings: list[float] = []
        self.oddities: list[str] = []
        self.offsets: list[float] = []
        self.put_off = 0
        self.diary: list[str] = []
        self.commands = Commands(self.tale)
        self._join: Message = {"type": "join", "protocol": 2, "sessionId": code}
        self._join |= {"isHost": host, "deviceName": self.tale.name}
        self._clock = PhoneClock(clock_offset)
        self._port = port
        self._link = 0
        self._wire: Wire | None = None
        self._numbers_from = 0
        self._life: asyncio.Task[None] | None = None
        self._again: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._life = asyncio.get_running_loop().create_task(self._live())
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in (self._again, self._life):
            if task is not None:
                task.cancel()
        if self._wire is not None:
            await self._wire.close()

    @property
    def at_rest(self) -> bool:
        """Whether it has a seat, and no question of it is open."""
        return self.tale.connected and not self.tale.unanswered

    async def tap_start(self) -> None:
        """Press *start*: asked now, or as soon as there is a link."""
        await self._ask(self.commands.new("start_recording"))

    async def tap_stop(self) -> None:
        """Press *stop*."""
        await self._ask(self.commands.new("stop_recording"))

    async def fence(self) -> None:
        """Wait for the answer to a ping."""
        assert self._wire is not None
        await self._wire.fence()

    def roam(self, port: int) -> None:
        """Drop the link without a goodbye, and come by another one."""
        self._port = port
        self.tale.connected = False
        if self._wire is not None:
            self._wire.socket.transport.abort()
        # It may have been on its way by the old one.
        if self._life is not None:
            self._life.cancel()
        self._life = asyncio.get_running_loop().create_task(self._live())

    def forget_numbers(self) -> None:
        """Leave out numbers from before it last began anew."""
        del self.tale.numbers[: self._numbers_from]
        self._numbers_from = 0

    def story(self) -> str:
        """Tell what happened to it, newest last."""
        return f"{self.tale.name}:\n  " + "\n  ".join(self.diary[-60:])

    # Coming and coming back.

    async def _live(self) -> None:
        attempt = 0
        while True:
            try:
                wire = await self._connect()
            except (OSError, WebSocketException):
                await asyncio.sleep(BACKOFF[min(attempt, len(BACKOFF) - 1)])
                attempt += 1
                continue
            before = len(self.seatings)
            await self._lose(wire)
            attempt = 0 if len(self.seatings) > before else attempt + 1
            await asyncio.sleep(BACKOFF[min(attempt, len(BACKOFF) - 1)])

    async def _connect(self) -> Wire:
        self._link = number = self._link + 1

        async def hear(arrival: Arrival) -> None:
            if number == self._link:
                await self._hear(arrival.message)

        if self._again is not None:
            self._again.cancel()
            self._again = None
        self._wire = wire = await Wire.open(self._port, hear=hear)
        self._join["commandId"] = f"join {number}"
        await wire.send(self._join)
        self._note(f"joins: {json.dumps(self._join)}")
        return wire

    async def _lose(self, wire: Wire) -> None:
        """Wait for the end of a link."""
        await wire.until(lambda: wire.close_code, "an end", math.inf)
        self.tale.connected = False
        self._note(f"link lost, {wire.close_code} {wire.close_reason}")

    async def _ask(self, command: Message | None) -> None:
        """Send a command, if there is a seat to send it from."""
        if command is not None and self._wire is not None and self.tale.connected:
            self._note(f"asks: {command['type']} {command['commandId']}")
            await self._wire.send(command)

    def _ask_later(self, *messages: Message) -> None:
        """Send something again on the same link, unless that is gone by then."""

        async def ask(wire: Wire) -> None:
            await asyncio.sleep(AGAIN)
            self._again = None
            for message in messages:
                await wire.send(message)

        if self._again is None and self._wire is not None:
            self._again = asyncio.get_running_loop().create_task(ask(self._wire))

    # What it hears.

    async def _hear(self, message: Message) -> None:
        kind = message["type"]
        if not kind.startswith("time_sync"):
            self._note(f"hears: {json.dumps(message)[:300]}")
        if "seq" in message and kind != "joined":
            self.tale.numbers.append(message["seq"])
            self._join["lastSeq"] = max(message["seq"], self._join.get("lastSeq", 0))
        match kind:
            case "time_sync_request":
                await self._tell_time(message)
            case "time_sync_update":
                self.offsets.append(message["offset_ms"])
            case "joined":
                await self._sit_down(message)
            case "start_recording":
                self.commands.heard(message)
                self._start(message["takeId"], message["atomic_start_time"])
            case "stop_recording":
                self.commands.heard(message)
                self._stop(message["takeId"])
            case "error":
                self._refused(message)
        self.changed()

    async def _tell_time(self, request: Message) -> None:
        assert self._wire is not None
        echo = {key: request[key] for key in ("request_id", "server_timestamp")}
        answer = {"type": "time_sync_response", **echo}
        await self._wire.send({**answer, "client_timestamp": self._clock.read()})

    async def _sit_down(self, joined: Message) -> None:
        if not joined["recovered"]:
            last = self._join.get("lastSeq", 0)
            if joined.get("seq", last) < last:
                self.oddities.append(f"was sent back to number {joined['seq']}")
            self._join["lastSeq"] = joined.get("seq", last)
            self._numbers_from = len(self.tale.numbers)
        # A server that can store nothing brings no new one.
        if "resumeToken" in joined:
            self._join["resumeToken"] = joined["resumeToken"]
        self.commands.joined(joined["deviceId"])
        self.seatings.append(true_time())
        self.tale.connected = True
        for command in self.commands.open():
            await self._ask(command)

    def _start(self, take_id: str, start_at: float) -> None:
        known = {told.take_id for told in self.tale.started} | {*self.tale.stopped}
        if take_id in known:
            return
        if self.tale.recording is not None:
            self.oddities.append(f"was to begin {take_id} within another take")
        self.tale.started.append(ToldTake(take_id, start_at))
        self.tale.recording = take_id

    def _stop(self, take_id: str) -> None:
        self.tale.stopped.append(take_id)
        if self.tale.recording == take_id:
            self.tale.recording = None

    def _refused(self, error: Message) -> None:
        if not self.tale.connected:
            if error.get("temporary"):
                self._ask_later(self._join)
            else:
                self.oddities.append(f"was refused a seat: {error['code']}")
        elif not self.commands.refused(error):
            self.oddities.append(f"was refused something else: {json.dumps(error)}")
        elif error.get("temporary"):
            # The same questions again, under the same ids, until they are taken.
            self.put_off += 1
            self._ask_later(*self.commands.open("start_recording"))

    def _note(self, line: str) -> None:
        self.diary.append(f"{true_time():.0f} {line}")
