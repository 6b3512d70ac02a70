"""Sessions, seats and checks of the peers in Python: the same as in `node/server.mjs`.

A peer of a library gives each phone a `send` and a `close`, and hands in what it gets.
Questions of time sync are timed by the library's own loop, through `later`.
"""

from __future__ import annotations

import json
import math
import re
import secrets
import time
import unicodedata
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

Message = dict[str, Any]

QUESTIONS: Final = 16
SPACING: Final = 0.050
HASTE: Final = 0.025
CADENCE: Final = 10.0
LEAD: Final = 430.0
LATEST: Final = 0.410
BEAT: Final = 4.0
MAX_MESSAGE: Final = 16 * 1024
MOST_OPEN: Final = 64
SEATS: Final = 2
MAX_NAME: Final = 64
MOST: Final = 2**53
EARLY: Final = 5

_CODE: Final = re.compile("[A-Z0-9]{6}")
_UNSHOWABLE: Final = frozenset({"Cc", "Cs", "Zl", "Zp"})

sessions: Final[dict[str, Session]] = {}


def now() -> float:
    """Return the time, ms."""
    return time.time() * 1e3


def stamp() -> str:
    """Return the time, for people."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass(eq=False)
class Session:
    """Two seats, and the take that runs."""

    id: str
    created_at: str = field(default_factory=stamp)
    phones: list[Phone] = field(default_factory=list)
    take: tuple[str, float] | None = None

    @property
    def status(self) -> Message:
        """What phones and REST are shown."""
        return {
            "id": self.id,
            "deviceCount": len(self.phones),
            "isRecording": self.take is not None,
            "createdAt": self.created_at,
            "devices": [phone.status for phone in self.phones],
        }


class Phone:
    """One phone.

    Args:
        write: Sends a text frame.
        close: Closes the connection with 1000.
        later: Calls something after so many seconds; returns what can be cancelled.
    """

    def __init__(
        self,
        write: Callable[[str], None],
        close: Callable[[], None],
        later: Callable[..., Any],
    ) -> None:
        self._write = write
        self.close = close
        self._later = later
        self.session: Session | None = None
        self.status: Message = {}
        self.is_ready = self.is_host = self.is_asked_around = False
        self._asked = self._bursts = self._answers = 0
        self._open: dict[str, float] = {}
        self._samples: deque[tuple[float, float]] = deque(maxlen=QUESTIONS)
        self._awaiting: Callable[[], None] | None = None
        self._wanted = 0

    def send(self, **message: Any) -> None:
        """Send a message."""
        self._write(json.dumps(message, separators=(",", ":")))

    def refuse(self, message: str, code: str) -> None:
        """Send an error."""
        self.send(type="error", message=message, code=code)

    def received(self, data: str) -> None:
        """Take a text frame."""
        try:
            message = json.loads(data)
        except (ValueError, RecursionError):
            message = None
        if not isinstance(message, dict) or not isinstance(message.get("type"), str):
            self.refuse("Invalid message format", "invalid_message")
            return
        act = _ACTS.get(message["type"])
        if act is None:
            name = message["type"][:64]
            self.refuse(f"Unknown message type: {name}", "unknown_type")
        elif act in _FOR_SEATED and self.session is None:
            self.refuse("Not connected to a session", "not_joined")
        else:
            act(self, message)

    # Seats.

    def join(self, message: Message) -> None:
        """Take a seat."""
        wanted = message.get("sessionId")
        if self.session is not None:
            self.refuse("Already in a session", "already_joined")
        elif not wanted:
            self.refuse("Session ID is required", "session_id_required")
        elif not (
            isinstance(wanted, str)
            and wanted.isascii()
            and _CODE.fullmatch(wanted.upper())
        ):
            self.refuse("Invalid session ID", "invalid_session_id")
        elif not _is_well(message):
            self.refuse("Invalid message format", "invalid_message")
        else:
            self._join(wanted.upper(), message)

    def _join(self, code: str, message: Message) -> None:
        session, is_host = sessions.get(code), message.get("isHost", False)
        if session is None and not is_host:
            self.refuse("Session not found", "session_not_found")
        elif session is not None and is_host:
            self.refuse("Session already has a host", "host_exists")
        elif session is not None and len(session.phones) >= SEATS:
            self.refuse("Session is full", "session_full")
        else:
            self._sit(sessions.setdefault(code, session or Session(code)), message)

    def _sit(self, session: Session, message: Message) -> None:
        name = secrets.token_urlsafe(12)
        self.status = {
            "id": name,
            "name": message.get("deviceName") or f"Device {name}",
            "isHost": message.get("isHost", False),
            "connectedAt": stamp(),
        }
        self.is_host = self.status["isHost"]
        self.is_asked_around = "asked-around-starts" in message.get("capabilities", ())
        self.session = session
        others = list(session.phones)
        session.phones.append(self)
        self.send(
            type="joined",
            sessionId=session.id,
            deviceId=name,
            deviceName=self.status["name"],
            isHost=self.is_host,
            sessionStatus=session.status,
        )
        for other in others:
            other.send(**self.connected(session))
            self.send(**other.connected(session))
        self.ask(SPACING)

    def connected(self, session: Session) -> Message:
        """Return how it is shown to others."""
        return {
            "type": "device_connected",
            "deviceId": self.status["id"],
            "deviceName": self.status["name"],
            "sessionId": session.id,
        }

    def gone(self) -> None:
        """Free the seat; a host takes its session along."""
        session, self.session = self.session, None
        if session is None:
            return
        session.phones.remove(self)
        if self.is_host:
            del sessions[session.id]
        for other in session.phones:
            gone = self.status["id"]
            other.send(type="device_disconnected", deviceId=gone, sessionId=session.id)
            if self.is_host:
                other.send(type="session_ended", sessionId=session.id)
                other.session = None
                other.close()

    # Takes.

    def start(self, _message: Message) -> None:
        """Begin a take."""
        session = self._seat
        if session.take is not None:
            self.refuse("Recording already in progress", "recording_in_progress")
            return
        accepted = now()
        session.take = take = (secrets.token_urlsafe(12), accepted + LEAD)
        for each in session.phones:
            tell = partial(each.tell_start, session, take, accepted, self.status["id"])
            if each.is_asked_around:
                each.ask_first(tell)
            else:
                tell()

    def ask_first(self, tell: Callable[[], None]) -> None:
        """Tell once the burst before it is answered, and in time in any case."""
        self._wanted = self._answers + QUESTIONS

        def leave() -> None:
            latest.cancel()
            self._awaiting = None
            tell()

        latest = self._later(LATEST, leave)
        self._awaiting = leave
        self.ask(HASTE)

    def tell_start(
        self, session: Session, take: tuple[str, float], accepted: float, by: str
    ) -> None:
        """Tell this phone to start, in its own time."""
        if session.take != take:
            return
        take_id, start_at = take
        trip, offset = min(self._samples, default=(0.0, 0.0))
        at = now()
        own = {"atomic_start": start_at + offset, "latency_compensation": trip / 2}
        self.send(
            type="start_recording",
            sessionId=session.id,
            timestamp=accepted,
            initiator=by,
            atomic_start_time=start_at,
            takeId=take_id,
            buffer_time_ms=start_at - at,
            server_now=at,
            high_precision=True,
            device_timestamps={self.status["id"]: own},
            localStartTime=start_at + offset,
        )

    def stop(self, _message: Message) -> None:
        """End the take."""
        session = self._seat
        if session.take is None:
            self.refuse("No recording in progress", "no_recording")
            return
        take_id, _ = session.take
        session.take = None
        at, by = now(), self.status["id"]
        for each in session.phones:
            each.send(
                type="stop_recording",
                sessionId=session.id,
                timestamp=at,
                initiator=by,
                takeId=take_id,
            )
            if each.is_asked_around:
                each.ask(HASTE)

    def ready(self, _message: Message) -> None:
        """Tell everybody how many are ready."""
        self.is_ready = True
        phones = self._seat.phones
        count = sum(each.is_ready for each in phones)
        for each in phones:
            each.send(
                type="readiness_update",
                ready_devices=count,
                total_devices=len(phones),
                all_ready=count == len(phones),
            )

    @property
    def _seat(self) -> Session:
        if self.session is None:
            raise RuntimeError("only who has a seat commands")
        return self.session

    # Time.

    def ask(self, spacing: float) -> None:
        """Ask eight times; a later burst takes the place of this one."""
        self._bursts += 1
        self._ask(spacing, QUESTIONS, self._bursts)

    def _ask(self, spacing: float, left: int, burst: int) -> None:
        if burst != self._bursts or self.session is None:
            return
        self._asked += 1
        name, at = f"{self.session.id}-{self._asked}", now()
        self._open[name] = at
        if len(self._open) > MOST_OPEN:
            del self._open[next(iter(self._open))]
        self.send(type="time_sync_request", request_id=name, server_timestamp=at)
        if left > 1:
            self._later(spacing, self._ask, spacing, left - 1, burst)

    def answered(self, message: Message) -> None:
        """Take an answer, and say what it comes to."""
        name, told = message.get("request_id"), message.get("client_timestamp")
        echoed = message.get("server_timestamp")
        if not (isinstance(name, str) and _is_time(told) and _is_time(echoed)):
            self.refuse("Invalid time_sync_response payload", "invalid_time_sync")
            return
        at = self._open.pop(name, None)
        if at is None:
            return
        came = now()
        self._samples.append((came - at, float(told or 0) - (at + came) / 2))
        self._answers += 1
        if self._answers <= EARLY or self._answers % QUESTIONS == 0:
            trip, offset = min(self._samples)
            self.send(
                type="time_sync_update",
                request_id=name,
                offset_ms=offset,
                latency_ms=trip / 2,
                sample_count=len(self._samples),
                server_timestamp=at,
                server_receive_timestamp=came,
            )
        if self._awaiting is not None and self._answers >= self._wanted:
            self._awaiting()

    def come_to_front(self, _message: Message) -> None:
        """Ask anew: the phone may have slept."""
        self.ask(SPACING)

    def pong(self, _message: Message) -> None:
        """Answer the app's own heartbeat."""
        self.send(type="pong")


def _is_well(message: Message) -> bool:
    name = message.get("deviceName") or ""
    return (
        isinstance(message.get("isHost", False), bool)
        and isinstance(message.get("capabilities", []), list)
        and isinstance(name, str)
        and len(name) <= MAX_NAME
        and not any(unicodedata.category(letter) in _UNSHOWABLE for letter in name)
    )


def _is_time(value: object) -> bool:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return False
    return math.isfinite(value) and abs(value) <= MOST


def health(connections: int) -> str:
    """Return what GET /health says."""
    return json.dumps(
        {
            "status": "healthy",
            "timestamp": stamp(),
            "activeSessions": len(sessions),
            "totalConnections": connections,
        }
    )


def faster_loop() -> str:
    """Use uvloop where it is installed; return the name of the loop."""
    with suppress(ImportError):
        import uvloop  # noqa: PLC0415 - it may be missing

        uvloop.install()
        return "uvloop"
    return "asyncio"


_Act = Callable[[Phone, Message], None]

_ACTS: Final[dict[str, _Act]] = {
    "join": Phone.join,
    "start_recording": Phone.start,
    "stop_recording": Phone.stop,
    "device_ready": Phone.ready,
    "time_sync_response": Phone.answered,
    "foreground": Phone.come_to_front,
    "ping": Phone.pong,
}
_FOR_SEATED: Final = (Phone.start, Phone.stop, Phone.ready)
