"""Phones of every kind, on wires of memory with a delay.

Each has a clock of its own, runs its app's rules on the test's `Clock`, and notes
the true instant of every camera call and of every stop, which no real phone could.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from twisted.internet.interfaces import IDelayedCall
from zope.interface import implementer

from raydel.interfaces import IConnection, ITransport
from raydel.simulation.phones import (
    LIBRARY_1,
    LIBRARY_2,
    PROTOCOL_2,
    RELEASED,
    SCREEN_1,
    SCREEN_2,
    SCREEN_2_OLD,
    SCREEN_3,
    Kind,
    Message,
)
from tests.stage import Stage

__all__ = [
    "CODE",
    "KINDS",
    "LIBRARY_1",
    "LIBRARY_2",
    "PROTOCOL_2",
    "RELEASED",
    "SCREEN_1",
    "SCREEN_2",
    "SCREEN_2_OLD",
    "SCREEN_3",
    "Arrival",
    "Kind",
    "Message",
    "Phone",
    "Wire",
    "pair",
]

FARTHEST_STOP = 10_000.0
"""ms ahead of which protocol 2 waits for no stop: its clock was set back meanwhile."""

BROKEN = 1006
"""What the server sees of a wire that broke."""

CODE = "ABC123"

KINDS = (*RELEASED, PROTOCOL_2)


@implementer(ITransport)
class Wire:
    """Both directions of one connection, with a delay.

    Attributes:
        goodbye: The close code that the server gave, or None.
        aborted: Whether the server dropped it.
    """

    address = "192.168.1.7:51234"

    def __init__(self, stage: Stage, phone: Phone, code: str | None) -> None:
        self.goodbye: int | None = None
        self.aborted = False
        self._stage = stage
        self._phone = phone
        self._closed = False
        self._connection: IConnection = stage.service.connect(self, code)

    @property
    def is_open(self) -> bool:
        """Whether it still carries anything to the phone."""
        return self.goodbye is None and not self.aborted and not self._closed

    # What the server does.

    def send(self, frame: bytes) -> None:
        """Carry a message to the phone."""
        if self.is_open:
            self._down(self._phone.hear, json.loads(frame))

    def ping(self, payload: bytes) -> None:
        """Carry a ping to the phone, and its pong back."""
        if self.is_open:
            self._down(self._phone.pinged, self, payload)

    def close(self, code: int, reason: str = "") -> None:
        """Say goodbye; the phone's goodbye comes back."""
        if self.is_open:
            self.goodbye = code
            self._down(self._phone.dismissed, self, code)

    def abort(self) -> None:
        """Break."""
        self.aborted = True
        self._stage.clock.callLater(0, self.broken, BROKEN)

    # What the phone does.

    def say(self, message: Message) -> None:
        """Carry a message to the server."""
        self._up(self._receive, self._connection.received, json.dumps(message).encode())

    def pong(self, payload: bytes) -> None:
        """Carry a pong to the server."""
        self._up(self._receive, self._connection.ponged, payload)

    def hang_up(self, code: int) -> None:
        """Carry a close code to the server."""
        self._up(self.broken, code)

    def lose(self) -> None:
        """Break with nobody there to notice: the program was killed."""
        self.aborted = self._closed = True

    def broken(self, code: int) -> None:
        """Tell the server that the wire is gone, once."""
        if not self._closed:
            self._closed = True
            self._connection.closed(code)

    def _receive(self, take: Callable[[bytes], None], data: bytes) -> None:
        if self.is_open:
            take(data)

    def _up(self, call: Callable[..., None], *args: Any) -> None:
        if not self._phone.deaf:
            self._carry(self._phone.up, call, *args)

    def _down(self, call: Callable[..., None], *args: Any) -> None:
        self._carry(self._phone.down, self._land, call, *args)

    def _carry(self, delay: float, call: Callable[..., None], *args: Any) -> None:
        if self._phone.queued is None:
            self._stage.clock.callLater(delay / 1000, call, *args)
        else:
            self._phone.queued.append((delay, call, args))

    def _land(self, call: Callable[..., None], *args: Any) -> None:
        if not self._phone.deaf:
            call(*args)


@dataclass(frozen=True)
class Arrival:
    """A message, and the true instant at which the phone had it, ms."""

    at: float
    message: Message


class Phone:
    """One phone.

    Attributes:
        up: ms from it to the server.
        down: ms from the server to it.
        offset: ms by which its clock is ahead of true time.
        answers: Whether it answers time-sync requests.
        deaf: Whether nothing gets through, either way, though its wire is open.
        queued: What a stalled link holds back, or None if it does not stall.
        camera_calls: True instants of its camera calls, ms.
        stops: True instants at which a stop ended a recording of it, ms.
        arrivals: What it was sent, on any wire.
        pings: True instants at which it was pinged, ms.
        wire: Its present wire.
    """

    def __init__(
        self,
        stage: Stage,
        kind: Kind,
        *,
        host: bool = False,
        delay: float = 10.0,
        offset: float = 0.0,
        name: str | None = None,
    ) -> None:
        self.kind = kind
        self.is_host = host
        self.up = self.down = delay
        self.offset = offset
        self.name = name or kind.names[0 if host else 1]
        self.answers = kind.answers
        self.deaf = False
        self.queued: list[tuple[float, Callable[..., None], tuple[Any, ...]]] | None = (
            None
        )
        self.camera_calls: list[float] = []
        self.stops: list[float] = []
        self.arrivals: list[Arrival] = []
        self.pings: list[float] = []
        self.wire: Wire
        self._stage = stage
        self._believed_offset = 0.0
        self._due: IDelayedCall | None = None

    @property
    def messages(self) -> list[Message]:
        """What it was sent."""
        return [arrival.message for arrival in self.arrivals]

    @property
    def types(self) -> list[str]:
        """The types of what it was sent, time sync left out."""
        types = [message["type"] for message in self.messages]
        return [name for name in types if not name.startswith("time_sync")]

    @property
    def device_id(self) -> str:
        """The id it was given."""
        joined: str = self.last("joined")["deviceId"]
        return joined

    @property
    def clock(self) -> float:
        """What it believes the time to be; released apps count whole ms."""
        now = self._stage.now + self.offset
        return now if self.kind.protocol else math.floor(now)

    @property
    def is_recording(self) -> bool:
        """Whether its camera runs."""
        return len(self.camera_calls) > len(self.stops)

    def all(self, kind: str) -> list[Message]:
        """Return every message of a type."""
        return [message for message in self.messages if message["type"] == kind]

    def last(self, kind: str) -> Message:
        """Return the latest message of a type."""
        return self.all(kind)[-1]

    def times(self, kind: str) -> list[float]:
        """Return when messages of a type came, ms."""
        return [a.at for a in self.arrivals if a.message["type"] == kind]

    # What its owner does.

    def connect(self, code: str | None = None) -> Phone:
        """Open a wire."""
        self.wire = Wire(self._stage, self, code)
        return self

    def join(self, code: str = CODE, **more: Any) -> Phone:
        """Open a wire and ask for a seat."""
        self.connect(code if self.kind.code_in_path else None)
        join = {"sessionId": code, "isHost": self.is_host, "deviceName": self.name}
        if self.kind.protocol is not None:
            join["protocol"] = self.kind.protocol
        self.say("join", **join, **more)
        return self

    def say(self, kind: str, **fields: Any) -> None:
        """Send a message."""
        self.wire.say({"type": kind, **fields})

    def tap_start(self) -> None:
        """Press *start*."""
        if self.kind.taps_through and self.is_host:
            self._call_camera_in(0.0)
        self.say("start_recording", timestamp=self.clock)

    def tap_stop(self) -> None:
        """Press *stop*."""
        self.say("stop_recording", timestamp=self.clock)

    def hang_up(self, code: int = BROKEN) -> None:
        """Close the wire, or break it."""
        self.wire.hang_up(code)

    def stall(self) -> None:
        """Let its link stall: all that is sent waits, in order, as TCP has it."""
        self.queued = []

    def recover(self) -> None:
        """Let its link carry what waits, and all that follows."""
        queued, self.queued = self.queued or [], None
        for delay, call, args in queued:
            self._stage.clock.callLater(delay / 1000, call, *args)

    # What the wire does.

    def hear(self, message: Message) -> None:
        """Do what the app does."""
        self.arrivals.append(Arrival(self._stage.now, message))
        match message["type"]:
            case "time_sync_request" if self.answers:
                self._answer(message)
            case "time_sync_update" if self.answers:
                self._believed_offset = message["offset_ms"]
            case "joined" if self.kind.readiness is not None:
                self.say(self.kind.readiness)
            case "start_recording":
                self._start(message)
            case "stop_recording" if self.is_recording:
                self._stop(message)
            case "stop_recording" if self.kind.protocol and self._due is not None:
                self._take_back(self._due)

    def pinged(self, wire: Wire, payload: bytes) -> None:
        """Answer a ping, as every WebSocket client does."""
        self.pings.append(self._stage.now)
        wire.pong(payload)

    def dismissed(self, wire: Wire, code: int) -> None:
        """Answer a goodbye."""
        wire.hang_up(code)

    def _answer(self, request: Message) -> None:
        echo = {key: request[key] for key in ("request_id", "server_timestamp")}
        self.say("time_sync_response", **echo, client_timestamp=self.clock)

    def _start(self, message: Message) -> None:
        """Plan the camera call: no app can take it back."""
        if self._due is None and not self.is_recording:
            wait = self.kind.wait(message, self.clock, self._believed_offset)
            self._call_camera_in(wait)

    def _take_back(self, due: IDelayedCall) -> None:
        """Call no camera: protocol 2 knows how, and no released app does."""
        due.cancel()
        self._due = None

    def _call_camera_in(self, wait: float) -> None:
        self._due = self._stage.clock.callLater(wait / 1000, self._call_camera)

    def _call_camera(self) -> None:
        self._due = None
        self.camera_calls.append(self._stage.now)

    def _stop(self, message: Message) -> None:
        """Stop at once, or at the local time of protocol 2, if it is near."""
        wait = message.get("localStopTime", 0.0) - self.clock
        if 0 < wait <= FARTHEST_STOP:
            self._stage.clock.callLater(wait / 1000, self._stop_camera)
        else:
            self._stop_camera()

    def _stop_camera(self) -> None:
        self.stops.append(self._stage.now)


def pair(
    stage: Stage, host: Kind, guest: Kind, *, near: float = 3.0, far: float = 20.0
) -> tuple[Phone, Phone]:
    """Bring two phones into a session, with unlike clocks, and let them settle."""
    first = Phone(stage, host, host=True, delay=near, offset=40_000.0).join()
    stage.run(50)
    second = Phone(stage, guest, delay=far, offset=-7_000.0).join()
    stage.run(5_000)
    return first, second
