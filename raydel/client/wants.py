"""What a client wants to be done, in order, by whoever has a network and a camera.

Instants are milliseconds of the device's own clock, durations are seconds.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from raydel.client.takes import Take
from raydel.core.messages import Error, Marker, Outbound, StartCommand, StopCommand


class Send(NamedTuple):
    """Send a text frame."""

    frame: bytes


class Connect(NamedTuple):
    """Make a link in so many seconds."""

    after: float


class Later(NamedTuple):
    """Call at an instant of the device's clock, and do what that returns."""

    at: float
    call: Callable[[], list[Want]]


class Call(NamedTuple):
    """Call the camera now; say when its first frame is there, or that none comes."""

    take: Take


class Cut(NamedTuple):
    """Stop the camera now; say when its file is done, or that there is none."""

    take: Take
    why: str


class Spared(NamedTuple):
    """Note that a take is over before the camera was called."""

    take: Take
    why: str


class Told(NamedTuple):
    """Note what the server said. All that it asks for is wanted apart."""

    message: Outbound


class Gap(NamedTuple):
    """Note that numbers were left out between these two.

    As a rule a start was taken back there, before it had left.
    """

    after: int
    before: int


class Garbled(NamedTuple):
    """Note a message that makes no sense; the words are for people."""

    why: str


class Denied(NamedTuple):
    """Note that a command of this device was refused, and is not repeated."""

    command: StartCommand | StopCommand | Marker
    error: Error


class TurnedAway(NamedTuple):
    """Note that there is no seat yet; it is asked for again in so many seconds."""

    error: Error
    after: float


class Over(NamedTuple):
    """Note that this is the end: nothing is wanted after it.

    Attributes:
        why: In words, for people.
        error: What the server refused, if it was that.
        is_regular: Whether the session ended as sessions do.
    """

    why: str
    error: Error | None = None
    is_regular: bool = False


Want: TypeAlias = (
    Send
    | Connect
    | Later
    | Call
    | Cut
    | Spared
    | Told
    | Gap
    | Garbled
    | Denied
    | TurnedAway
    | Over
)
