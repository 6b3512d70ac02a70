"""What can be wrong with a request, and how each edge says so.

Released apps compare the texts: they never change. ``code`` is for programs,
``status`` is what REST answers with.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Fault:
    """One thing that can be wrong.

    Attributes:
        code: Stable name for programs.
        message: The text released apps know; ``{}`` takes a detail.
        status: HTTP status of the same fault over REST.
        temporary: Whether waiting may cure it.
    """

    code: str
    message: str
    status: int
    temporary: bool = False


INVALID_MESSAGE: Final = Fault("invalid_message", "Invalid message format", 400)
UNKNOWN_TYPE: Final = Fault("unknown_type", "Unknown message type: {}", 400)
SESSION_ID_REQUIRED: Final = Fault("session_id_required", "Session ID is required", 400)
INVALID_SESSION_ID: Final = Fault("invalid_session_id", "Invalid session ID", 400)
INVALID_TIME_SYNC: Final = Fault(
    "invalid_time_sync", "Invalid time_sync_response payload", 400
)
SESSION_NOT_FOUND: Final = Fault("session_not_found", "Session not found", 404)
TAKE_NOT_FOUND: Final = Fault("take_not_found", "Take not found", 404)
NOT_JOINED: Final = Fault("not_joined", "Not connected to a session", 409)
ALREADY_JOINED: Final = Fault("already_joined", "Already in a session", 409)
SESSION_FULL: Final = Fault("session_full", "Session is full", 409, temporary=True)
HOST_EXISTS: Final = Fault(
    "host_exists", "Session already has a host", 409, temporary=True
)
RECORDING_IN_PROGRESS: Final = Fault(
    "recording_in_progress", "Recording already in progress", 409
)
NO_RECORDING: Final = Fault("no_recording", "No recording in progress", 409)
NOBODY_CONNECTED: Final = Fault(
    "nobody_connected", "No device is connected", 409, temporary=True
)
NOT_READY: Final = Fault("not_ready", "Not every device is ready", 409, temporary=True)
JOURNAL_FULL: Final = Fault("journal_full", "Too much has been said of this take", 409)
DEGRADED: Final = Fault(
    "degraded",
    "The server cannot store anything now; try again later",
    503,
    temporary=True,
)

FAULTS: Final = tuple(v for v in globals().values() if isinstance(v, Fault))
"""All of them, in the order above."""


class Refusal(Exception):
    """A request that is refused; the connection lives on.

    Attributes:
        fault: What kind of thing is wrong.
        text: The message for the peer.
        detail: What exactly is wrong, for the person who reads it, or None.
        command_id: The peer's own name for what is refused, or None.
        take_id: The take that is in the way, or that was meant, or None.
    """

    def __init__(
        self,
        fault: Fault,
        *,
        about: str = "",
        detail: str | None = None,
        command_id: str | None = None,
        take_id: str | None = None,
    ) -> None:
        self.fault = fault
        self.text = fault.message.format(about)
        self.detail = detail
        self.command_id = command_id
        self.take_id = take_id
        super().__init__(self.text)
