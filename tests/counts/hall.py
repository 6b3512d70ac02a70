"""A whole server in memory, from the bytes of frames in to the bytes of frames out."""

from __future__ import annotations

import json
from typing import Any, Final

from twisted.internet.task import Clock

from raydel.bench.wire import PING, PONG, TEXT, Mask, answer, message
from raydel.core.config import Config, WireLane
from raydel.service import SessionService
from raydel.store.memory import MemoryStore
from raydel.testing import ByteLine, FakeTimebase, frames, handshake
from raydel.web.site import make_site

MOMENT: Final = 0.005
"""Seconds by which time moves; the server's bursts have 25 ms between questions."""


class Guest:
    """One phone of protocol 2 and its line."""

    def __init__(self, hall: Hall, number: int) -> None:
        self.number = number
        self.line = ByteLine(hall.site, hall.clock)
        self.line.send(handshake())
        self.line.take()
        self.heard: list[str] = []
        self._hall = hall

    def join(self) -> None:
        """Take a seat; even numbers are hosts."""
        code = f"AAA{self.number // 2:03}"
        host = self.number % 2 == 0
        self.line.send(
            self.framed("join", sessionId=code, isHost=host, protocol=2, deviceName="A")
        )

    def framed(self, kind: str, **fields: Any) -> bytes:
        """Return a message as it goes over the line."""
        return self._hall.mask.frame(message(kind, **fields))

    def replies(self) -> list[bytes]:
        """Return what it has to answer to what has come: time sync, and pings."""
        found = []
        for opcode, payload in frames(self.line.take()):
            if opcode == PING:
                found.append(self._hall.mask.frame(payload, PONG))
            elif opcode == TEXT:
                kind = json.loads(payload)["type"]
                self.heard.append(kind)
                if kind == "time_sync_request":
                    now = self._hall.clock.seconds() * 1e3
                    found.append(self._hall.mask.frame(answer(payload, now)))
        return found

    def read(self, data: bytes) -> None:
        """Have the server read bytes, with no socket in between."""
        self.line.server_side.protocol.dataReceived(data)


class Hall:
    """The server, on a store in memory."""

    def __init__(self, wire: WireLane = "fast") -> None:
        self.clock = Clock()
        config = Config(wire=wire)
        self.mask = Mask()
        timebase = FakeTimebase(self.clock)
        self.service = SessionService(config, MemoryStore(), timebase, self.clock)
        self.site = make_site(self.service, timebase, config, self.clock)
        self.guests: list[Guest] = []
        self.service.startService()

    def come(self, count: int, *, join: bool) -> list[Guest]:
        """Connect so many."""
        guests = [Guest(self, len(self.guests) + number) for number in range(count)]
        self.guests += guests
        for guest in guests if join else ():
            guest.join()
            self.clock.advance(0)
        return guests

    def play(self, seconds: float) -> None:
        """Let time pass, with everybody answering what is asked."""
        for _ in range(round(seconds / MOMENT)):
            self.clock.advance(MOMENT)
            for guest in self.guests:
                for reply in guest.replies():
                    guest.read(reply)
            self.clock.advance(0)

    def close(self) -> None:
        """End the server."""
        for guest in self.guests:
            guest.line.hang_up()
        self.service.stopService()
