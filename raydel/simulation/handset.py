"""A phone that runs an app of some kind, with a clock of its own.

It notes the true instant of its camera call, which no real phone could. It does not
come back when its wire is closed, and takes no start back.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from random import Random
from typing import Any, Final

from raydel.core.instants import SECOND, fine
from raydel.interfaces import ISessions
from raydel.simulation.clocks import Clock
from raydel.simulation.networks import Network
from raydel.simulation.phones import Kind, Message
from raydel.simulation.virtualtime import VirtualClock
from raydel.simulation.wire import Wire

CODE: Final = "ABC123"
"""The session's."""

FRAME: Final = SECOND / 60
"""ms between two pictures on its screen."""

FRAME_RATE: Final = 30.0
"""Frames a second of its camera."""

EXPOSURE: Final = SECOND / FRAME_RATE
"""ms from one frame of its camera to the next."""

NINETEEN_OF_20: Final = 1.96
"""Standard deviations that 19 of 20 are within."""

SOONEST_STOP: Final = 10 * SECOND
"""ms ahead of which protocol 2 waits for no stop: its clock was set back meanwhile."""


@dataclass(frozen=True, slots=True)
class Order:
    """A start that a phone was told.

    Attributes:
        message: Its copy of ``start_recording``.
        quickest: The quickest round trip to the phone, ms, as in `Wire`.
        too_late: Whether the time it was told was over by then.
    """

    message: Message
    quickest: float | None
    too_late: bool


class Handset:
    """A phone.

    Args:
        clock: Runs its timers.
        kind: The app it runs.
        own: Its clock.
        network: What it is connected through.
        random: Where all its chance comes from.
        is_host: Its role.
        frames: Whether its timers fire with the next picture on its screen only.
        thinks: ms that it takes to answer a question about its clock.
        declares: What its ``join`` says besides.

    Attributes:
        order: What it was told, or None yet.
        due_at: When its timer to call the camera is due, or None yet.
        called_at: When it calls its camera, or None yet.
        stopped_at: When it stops recording, or None yet.
        first_frame_at: When its first frame is, or None: yet, or as it reports none.
        last_frame_at: When its last one was, likewise.
        bound: The latest promise of how far its clock is misjudged, ms, if any.
    """

    def __init__(
        self,
        clock: VirtualClock,
        kind: Kind,
        own: Clock,
        network: Network,
        random: Random,
        *,
        is_host: bool,
        frames: bool = False,
        thinks: float = 0.0,
        declares: Message | None = None,
    ) -> None:
        self.kind = kind
        self.own = own
        self.order: Order | None = None
        self.due_at: float | None = None
        self.called_at: float | None = None
        self.stopped_at: float | None = None
        self.first_frame_at: float | None = None
        self.last_frame_at: float | None = None
        self.bound: float | None = None
        self._random = random
        self._clock = clock
        self._is_host = is_host
        self._phase = random.uniform(0.0, FRAME) if frames else None
        self._thinks = thinks
        self._declares = declares or {}
        self._offset = 0.0
        self._wire = Wire(clock, network, random, self._hear)

    @property
    def reading(self) -> float:
        """What its clock shows: whole ms, or microseconds."""
        return fine(self.own.reading(self._clock.now))

    @property
    def is_connected(self) -> bool:
        """Whether its wire is open."""
        return self._wire.is_open

    # What its owner does.

    def join(self, sessions: ISessions) -> None:
        """Connect, and ask for a seat."""
        self._wire.connect(sessions, CODE if self.kind.code_in_path else None)
        join: Message = {
            "sessionId": CODE,
            "isHost": self._is_host,
            "deviceName": self.kind.names[0 if self._is_host else 1],
            **self._declares,
        }
        if self.kind.protocol is not None:
            join["protocol"] = self.kind.protocol
        self._say("join", **join)
        self._beat_later()

    def tap_start(self) -> None:
        """Press *start*."""
        if self.kind.taps_through and self._is_host:
            self._call_camera_in(0.0)
        self._say("start_recording", timestamp=self._stamp(self.reading))

    def tap_stop(self) -> None:
        """Press *stop*."""
        self._say("stop_recording", timestamp=self._stamp(self.reading))

    def be_ready(self) -> None:
        """Forget the take that is over, to record another."""
        self.order = self.due_at = self.called_at = self.stopped_at = None

    # What its app does.

    def report(self, first_frame_at: float) -> None:
        """Say when its first frame was, by its own clock.

        Args:
            first_frame_at: The true instant.
        """
        if self.order is None:
            raise ValueError("it was told to record nothing")
        self._say(
            "recording_started",
            takeId=self.order.message["takeId"],
            firstFrameTime=fine(self.own.reading(first_frame_at)),
        )

    def _hear(self, message: Message) -> None:
        match message["type"]:
            case "time_sync_request" if self.kind.answers:
                self._think(message, self.reading)
            case "time_sync_update" if self.kind.answers:
                self._offset = message["offset_ms"]
                self.bound = message.get("bound_ms", self.bound)
            case "joined" if self.kind.readiness is not None:
                self._say(self.kind.readiness)
            case "start_recording":
                self._start(message)
            case "stop_recording":
                self._stop(message)

    def _think(self, question: Message, received: float) -> None:
        if self._thinks:
            due = self._clock.now + self._thinks
            self._clock.call_at(due, self._answer, question, received)
        else:
            self._answer(question, received)

    def _answer(self, question: Message, received: float) -> None:
        answer: Message = {
            "request_id": question["request_id"],
            "server_timestamp": question["server_timestamp"],
            "client_timestamp": self._stamp(self.reading),
        }
        if self.kind.protocol:
            answer["client_receive_timestamp"] = received
        self._say("time_sync_response", **answer)

    def _start(self, message: Message) -> None:
        """Plan the camera call: once, as none can take it back."""
        if self.order is not None:
            return
        wait = self.kind.wait(message, self.reading, self._offset)
        too_late = (self.kind.told(message) or self.reading) < self.reading
        self.order = Order(message, self._wire.quickest, too_late)
        self.bound = message.get("bound_ms", self.bound)
        if self.due_at is None:
            self._call_camera_in(wait)
        self._schedule(message)

    def _call_camera_in(self, wait: float) -> None:
        self.due_at = self._clock.now + wait
        self.called_at = self._fires(self.due_at) if wait else self.due_at

    def _fires(self, due: float) -> float:
        """Return when a timer fires."""
        if self._phase is None:
            return due
        return max(due, ceil((due - self._phase) / FRAME) * FRAME + self._phase)

    def _stop(self, message: Message) -> None:
        """Stop at once, or at the local time of protocol 2, if it is near."""
        wait = message.get("localStopTime", 0.0) - self.reading
        at_once = not 0.0 < wait <= SOONEST_STOP
        now = self._clock.now
        self.stopped_at = now if at_once else self._fires(now + wait)
        if self.first_frame_at is not None and self.order is not None:
            ends_at = max(self.stopped_at, self.first_frame_at)
            self._clock.call_at(ends_at, self._see_last, self.order.message, ends_at)

    # What it reports of its frames.

    def _schedule(self, message: Message) -> None:
        """Say that it will record, and when its first frame was, once it was."""
        if self.kind.camera is None or self.called_at is None:
            return
        self._say("recording_scheduled", takeId=message["takeId"])
        latency = self.kind.camera
        drawn = self._random.gauss(latency.delay, latency.spread / NINETEEN_OF_20)
        self.first_frame_at = self.called_at + max(0.0, drawn)
        self._clock.call_at(self.first_frame_at, self._see_first, message)

    def _see_first(self, message: Message) -> None:
        self._say(
            "recording_started",
            takeId=message["takeId"],
            firstFrameTime=self.reading,
            frameRate=FRAME_RATE,
        )

    def _see_last(self, message: Message, ends_at: float) -> None:
        """Say when its last frame was: they come evenly, by true time."""
        if self.first_frame_at is None:
            return
        more = (ends_at - self.first_frame_at) // EXPOSURE
        self.last_frame_at = self.first_frame_at + more * EXPOSURE
        self._say(
            "recording_stopped",
            takeId=message["takeId"],
            lastFrameTime=fine(self.own.reading(self.last_frame_at)),
            frames=int(more) + 1,
        )

    # Its heartbeat, and its wire.

    def _beat_later(self) -> None:
        if self.kind.heartbeat is not None:
            self._clock.callLater(self.kind.heartbeat / SECOND, self._beat)

    def _beat(self) -> None:
        self._say("ping")
        self._beat_later()

    def _say(self, kind: str, **fields: Any) -> None:
        self._wire.say({"type": kind, **fields})

    def _stamp(self, instant: float) -> float:
        """Return an instant as its app writes it: whole ms without a point."""
        return int(instant) if self.kind.granularity else instant
