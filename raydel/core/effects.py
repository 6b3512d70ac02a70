"""What a step wants done, once its new value is stored."""

from __future__ import annotations

from enum import Enum

from raydel.core.events import Receipt
from raydel.core.messages import Outbound
from raydel.core.values import Value


class Tell(Value, frozen=True):
    """Send a message. With a receipt, report its proven arrival.

    ``grace`` is by how many ms a start is to leave earlier than its instant asks for.
    """

    peer: str
    message: Outbound
    receipt: Receipt | None = None
    grace: float = 0.0


class Seated(Value, frozen=True):
    """A peer has a seat: it may be asked for its clock.

    Attributes:
        peer: Its connection.
        device_id: Its id.
        lasting: Whether its token is stored. If not, it gets none, and keeps the
            one it has: that would be void after a crash, and this one is not.
    """

    peer: str
    device_id: str
    lasting: bool = True


class Enlisted(Value, frozen=True):
    """A peer takes part in the running take by itself: its clock is kept for it.

    Attributes:
        peer: Its connection.
        take_id: The take.
    """

    peer: str
    take_id: str


class Dismissed(Value, frozen=True):
    """A peer has no seat, or no longer: it may join again.

    Attributes:
        peer: Its connection.
        owed: Whether it records, and is to be told when to stop: it may wait.
    """

    peer: str
    owed: bool = False


class Close(Value, frozen=True):
    """Close a peer's connection, after what it is still to be told."""

    peer: str
    code: int


class Probe(Value, frozen=True):
    """Find out whether a peer is still there."""

    peer: str


class Occasion(Enum):
    """What is worth a line in the log, or a count."""

    SESSION_CREATED = "session created"
    SESSION_ENDED = "session ended"
    DEVICE_CONNECTED = "device connected"
    DEVICE_RESUMED = "device resumed"
    DEVICE_LOST = "device lost"
    DEVICE_LEFT = "device left"
    DEVICE_SILENT = "device silent"
    DEVICE_HEARD = "device heard again"
    RECORDING_STARTED = "recording started"
    RECORDING_STOPPED = "recording stopped"
    JOIN_REFUSED = "join refused"


class Happened(Value, frozen=True):
    """Something an operator wants to know of."""

    occasion: Occasion
    session_id: str
    device_id: str = ""
    name: str = ""
    reason: str = ""


Effect = Tell | Seated | Enlisted | Dismissed | Close | Probe | Happened
