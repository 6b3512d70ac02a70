"""What a played phone wants to be done, beside what any client wants.

Its time is in milliseconds of its own clock, which may be wrong by any amount.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from raydel.client.wants import Connect, Send

__all__ = [
    "Action",
    "Connect",
    "End",
    "File",
    "Film",
    "Footage",
    "Later",
    "Say",
    "Send",
]


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


class End(NamedTuple):
    """Leave, once every `Film` is done; the program ends with this status."""

    status: int


Action: TypeAlias = Send | Say | Later | Film | Connect | End
