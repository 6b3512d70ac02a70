"""What a played phone hears, says, and wants to be done.

Its time is in milliseconds of its own clock, which may be wrong by any amount.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Mapping
from typing import Any, NamedTuple, TypeAlias

import msgspec
from msgspec import Struct, field


class Heard(Struct, frozen=True, rename="camel"):
    """A message of the server: of all fields of all kinds, those a phone acts on."""

    type: str
    seq: int = 0
    message: str = ""
    code: str = ""
    detail: str = ""
    temporary: bool = False
    command_id: str = ""
    device_id: str = ""
    device_name: str = ""
    clock_id: str = ""
    resume_token: str = ""
    resumed: bool = False
    recovered: bool = False
    take: dict[str, Any] = {}
    take_id: str = ""
    local_start_time: float | None = None
    local_stop_time: float | None = None
    reason: str = ""
    state: str = ""
    label: str = ""
    request_id: str = field(name="request_id", default="")
    server_timestamp: float = field(name="server_timestamp", default=0.0)
    offset_ms: float = field(name="offset_ms", default=0.0)
    uncertainty_ms: float = field(name="uncertainty_ms", default=0.0)
    sample_count: int = field(name="sample_count", default=0)
    ready_devices: int = field(name="ready_devices", default=0)
    total_devices: int = field(name="total_devices", default=0)


class Footage(NamedTuple):
    """What a camera saw of a take.

    Attributes:
        take_id: The take.
        first_frame: When its first frame was, by the phone's clock, ms.
        last_frame: When its last one was.
        frames: How many there are.
        frame_rate: Frames a second of the phone's clock.
    """

    take_id: str
    first_frame: float
    last_frame: float
    frames: int
    frame_rate: float


class File(NamedTuple):
    """A finished file.

    Attributes:
        name: Without its directory.
        size_bytes: How large it is.
        sha256: Its checksum, in hexadecimal digits.
    """

    name: str
    size_bytes: int
    sha256: str


class Send(NamedTuple):
    """Send a text frame."""

    frame: bytes


class Say(NamedTuple):
    """Show a line to whoever holds the phone."""

    text: str


class Later(NamedTuple):
    """Call at an instant of the phone's clock, and carry out what that returns."""

    at: float
    call: Callable[[], list[Action]]


class Film(NamedTuple):
    """Make a file of what the camera saw, and carry out what is made of the outcome.

    Attributes:
        footage: What it saw.
        then: Is told the file, or why there is none.
    """

    footage: Footage
    then: Callable[[File | str], list[Action]]


class Connect(NamedTuple):
    """Make a link in so many seconds."""

    after: float


class End(NamedTuple):
    """Leave, once every `Film` is done; the program ends with this status."""

    status: int


Action: TypeAlias = Send | Say | Later | Film | Connect | End


class Unanswered(NamedTuple):
    """A message that waits for its answer; without its ``commandId``."""

    kind: str
    fields: Mapping[str, object]

    @property
    def is_report(self) -> bool:
        """Whether it tells of a recording."""
        return self.kind.startswith("recording_")


class Outbox:
    """What was said and not answered yet: it is said again after each join.

    Each keeps the name it had, its ``commandId``: one that was obeyed is not obeyed
    twice.

    Attributes:
        is_open: Whether there is a seat to speak from.
    """

    def __init__(self) -> None:
        self.is_open = False
        self._waiting: dict[str, Unanswered] = {}

    @property
    def waiting(self) -> Collection[Unanswered]:
        """What waits, in the order in which it was said."""
        return self._waiting.values()

    def say(self, kind: str, **fields: object) -> list[Action]:
        """Send a message, now or with the next seat."""
        command_id = secrets.token_urlsafe(9)
        self._waiting[command_id] = Unanswered(kind, fields)
        return [self._send(command_id)] if self.is_open else []

    def say_again(self) -> list[Action]:
        """Send all that waits."""
        return [self._send(command_id) for command_id in self._waiting]

    def named(self, command_id: str) -> Unanswered | None:
        """Return what has this name and waits, if anything."""
        return self._waiting.get(command_id)

    def done(self, is_done: Callable[[str, Unanswered], bool]) -> None:
        """Let go of what is answered.

        Args:
            is_done: Whether that is so, by the name and the message.
        """
        waiting = self._waiting.items()
        self._waiting = {key: each for key, each in waiting if not is_done(key, each)}

    def _send(self, command_id: str) -> Send:
        said = self._waiting[command_id]
        return send(said.kind, **said.fields, commandId=command_id)


def send(kind: str, **fields: object) -> Send:
    """Return a message, to be sent."""
    return Send(msgspec.json.encode({"type": kind, **fields}))
