"""What one phone notes of what it hears, with the true time of it."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
from msgspec import Struct, field

from raydel.simulation.clocks import Clock
from raydel.simulation.live.truth import Promise, ServerTime, Span


class Unfinished(Exception):
    """A pair cannot go on; the text says why, to people."""


class Heard(Struct, frozen=True, rename="camel"):
    """A message of the server: of all fields of all kinds, those that are measured."""

    type: str
    message: str = ""
    detail: str = ""
    device_id: str = ""
    clock_id: str = ""
    take_id: str = ""
    local_start_time: float | None = None
    atomic_start_time: float = field(name="atomic_start_time", default=0.0)
    request_id: str = field(name="request_id", default="")
    server_timestamp: float = field(name="server_timestamp", default=0.0)
    server_receive_timestamp: float = field(
        name="server_receive_timestamp", default=0.0
    )
    offset_ms: float = field(name="offset_ms", default=0.0)
    bound_ms: float | None = field(name="bound_ms", default=None)


@dataclass(frozen=True, slots=True)
class Told:
    """What the server said of this phone's clock.

    Attributes:
        offset: How far the clock is ahead of server time, ms.
        bound: The most that is wrong by, ms.
        at: When it was heard, machine time, ms.
    """

    offset: float
    bound: float
    at: float


class Notes:
    """What one phone has heard.

    Args:
        clock: Its clock, by machine time.
        server_time: What all phones know of server time together.
    """

    def __init__(self, clock: Clock, server_time: ServerTime) -> None:
        self.clock = clock
        self.device_id = ""
        self.start: Heard | None = None
        self._server_time = server_time
        self._told: list[Told] = []
        self._answered: dict[str, float] = {}

    def heard(self, frame: bytes, came: float, went: float) -> Heard:
        """Note a message.

        Args:
            frame: The message.
            came: When it was read, machine time, ms.
            went: When its answer, if it has one, was just about to leave.

        Raises:
            Unfinished: It makes no sense.
        """
        heard = _read(frame)
        match heard.type:
            case "joined":
                self.device_id = heard.device_id
            case "start_recording":
                self.start = heard
            case "time_sync_request":
                self._server_time.came(heard.server_timestamp, came)
                self._answered[heard.request_id] = went
            case "time_sync_update":
                self._learn(heard, came)
        return heard

    def promises(self) -> list[Promise]:
        """Compare all that was promised of this clock with what was."""
        ahead = self._server_time.ahead
        promises = [
            Promise(told.bound, ahead.plus(told.offset - self.clock.ahead(told.at)))
            for told in self._told
        ]
        return promises + self._of_the_start(ahead)

    def _learn(self, heard: Heard, came: float) -> None:
        sent = self._answered.get(heard.request_id)
        if sent is not None:
            self._server_time.went(sent, heard.server_receive_timestamp)
        if heard.bound_ms is not None:
            self._told.append(Told(heard.offset_ms, heard.bound_ms, came))

    def _of_the_start(self, ahead: Span) -> list[Promise]:
        start = self.start
        if start is None or start.local_start_time is None or start.bound_ms is None:
            return []
        # The further server time is ahead, the earlier is the start.
        first, last = (
            start.local_start_time - self.clock.reading(start.atomic_start_time - each)
            for each in (ahead.low, ahead.high)
        )
        return [Promise(start.bound_ms, Span(first, last))]


def _read(frame: bytes) -> Heard:
    try:
        return msgspec.json.decode(frame, type=Heard)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise Unfinished("what it says is no message of a Raydel server") from None
