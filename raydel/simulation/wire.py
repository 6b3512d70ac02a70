"""A connection of memory between a phone and the server, with the delays of a network.

What is sent is bytes, as on a real one. Nothing overtakes anything that was sent
before it in the same direction: no message, no ping and no goodbye.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Final

import msgspec
from zope.interface import implementer

from raydel.interfaces import IConnection, ISessions, ITransport
from raydel.simulation.networks import Network, Way
from raydel.simulation.phones import Message
from raydel.simulation.virtualtime import VirtualClock

BROKEN: Final = 1006
"""What the server sees of a wire that broke."""

_write: Final = msgspec.json.Encoder().encode
_read: Final = msgspec.json.Decoder(Message).decode

Hear = Callable[[Message], None]
"""What a phone does about a message, at the instant it has it."""


@implementer(ITransport)
class Wire:
    """Both directions of one connection.

    Args:
        clock: Carries what is on its way.
        network: What the phone is connected through.
        random: Where the delays are drawn from.
        hear: Called with what arrives at the phone.

    Attributes:
        quickest: The quickest round trip of a question about the clock that the
            server had heard the answer of when a start left, ms, or of a ping where
            no question was answered; None if there was neither.
        is_open: Whether it still carries anything.
    """

    address = "192.168.1.7:51234"

    def __init__(
        self, clock: VirtualClock, network: Network, random: Random, hear: Hear
    ) -> None:
        self.quickest: float | None = None
        self.is_open = True
        self._clock = clock
        self._up = Way(network.up.begin(random))
        self._down = Way(network.down.begin(random))
        self._hear = hear
        self._asked: dict[str, float] = {}
        self._answers: list[tuple[float, float]] = []
        self._pongs: list[tuple[float, float]] = []
        self._connection: IConnection

    def connect(self, sessions: ISessions, code: str | None) -> None:
        """Open it: the server knows at once, and no handshake is played.

        Args:
            sessions: The server.
            code: The session's code, if it stands in the path.
        """
        self._connection = sessions.connect(self, code)

    # What the server does.

    def send(self, frame: bytes) -> None:
        """Carry a message to the phone."""
        if self.is_open:
            message = _read(frame)
            arrival = self._carry_down(self._hear, message)
            if message["type"] == "time_sync_request":
                self._asked[message["request_id"]] = arrival - self._clock.now
            elif message["type"] == "start_recording":
                self.quickest = self._quickest()

    def ping(self, payload: bytes) -> None:
        """Carry a ping to the phone, and its pong back."""
        if self.is_open:
            self._carry_down(self._pong, payload, self._clock.now)

    def close(self, code: int, reason: str = "") -> None:  # noqa: ARG002 - nobody reads it
        """Say goodbye; the phone's goodbye comes back."""
        if self.is_open:
            self.is_open = False
            self._carry_down(self._carry_up, self._connection.closed, code)

    def abort(self) -> None:
        """Break."""
        if self.is_open:
            self.is_open = False
            self._clock.callLater(0, self._connection.closed, BROKEN)

    # What the phone does.

    def say(self, message: Message) -> None:
        """Carry a message to the server."""
        if self.is_open:
            sent = self._clock.now
            arrival = self._carry_up(self._receive, _write(message))
            asked = self._asked.pop(message.get("request_id", ""), None)
            if asked is not None:
                self._answers.append((arrival, asked + arrival - sent))

    def _receive(self, frame: bytes) -> None:
        if self.is_open:
            self._connection.received(frame)

    def _pong(self, payload: bytes, sent: float) -> None:
        if self.is_open:
            arrival = self._carry_up(self._ponged, payload)
            self._pongs.append((arrival, arrival - sent))

    def _ponged(self, payload: bytes) -> None:
        if self.is_open:
            self._connection.ponged(payload)

    # The way.

    def _carry_down(self, call: Callable[..., object], *args: object) -> float:
        arrival = self._down.arrival(self._clock.now)
        self._clock.call_at(arrival, call, *args)
        return arrival

    def _carry_up(self, call: Callable[..., object], *args: object) -> float:
        arrival = self._up.arrival(self._clock.now)
        self._clock.call_at(arrival, call, *args)
        return arrival

    def _quickest(self) -> float | None:
        now = self._clock.now
        for trips in (self._answers, self._pongs):
            heard = [took for at, took in trips if at <= now]
            if heard:
                return min(heard)
        return None
