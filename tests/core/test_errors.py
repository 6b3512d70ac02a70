"""What can be wrong, in the words that released apps compare."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from raydel.core.errors import (
    DEGRADED,
    FAULTS,
    INVALID_MESSAGE,
    UNKNOWN_TYPE,
    Refusal,
)

TEXTS = {
    "invalid_message": "Invalid message format",
    "unknown_type": "Unknown message type: {}",
    "session_id_required": "Session ID is required",
    "invalid_session_id": "Invalid session ID",
    "invalid_time_sync": "Invalid time_sync_response payload",
    "session_not_found": "Session not found",
    "take_not_found": "Take not found",
    "not_joined": "Not connected to a session",
    "already_joined": "Already in a session",
    "session_full": "Session is full",
    "host_exists": "Session already has a host",
    "recording_in_progress": "Recording already in progress",
    "no_recording": "No recording in progress",
    "nobody_connected": "No device is connected",
    "not_ready": "Not every device is ready",
    "journal_full": "Too much has been said of this take",
    "degraded": "The server cannot store anything now; try again later",
}


class Faults(SynchronousTestCase):
    """The table of faults."""

    def test_texts(self) -> None:
        """Every code has the text that the apps in the field know."""
        self.assertEqual(TEXTS, {fault.code: fault.message for fault in FAULTS})

    def test_statuses(self) -> None:
        """Every fault is the asker's, over REST too, but for a store that fails."""
        asker = {fault.status for fault in FAULTS if fault is not DEGRADED}
        self.assertEqual(({400, 404, 409}, 503), (asker, DEGRADED.status))

    def test_temporary(self) -> None:
        """Waiting may cure a seat that is taken, or empty, and a store that fails."""
        temporary = {fault.code for fault in FAULTS if fault.temporary}
        seats = {"host_exists", "session_full", "nobody_connected", "not_ready"}
        self.assertEqual({*seats, "degraded"}, temporary)


class Refusals(SynchronousTestCase):
    """One request that is refused."""

    def test_what_it_is_about(self) -> None:
        """A text may name what it is about, however odd that is."""
        refusal = Refusal(UNKNOWN_TYPE, about="{0} %s {}")
        self.assertEqual("Unknown message type: {0} %s {}", refusal.text)
        self.assertEqual(refusal.text, str(refusal))

    def test_detail(self) -> None:
        """A detail stands beside the text, never in it."""
        refusal = Refusal(INVALID_MESSAGE, detail="no type")
        self.assertEqual(
            ("Invalid message format", "no type"), (refusal.text, refusal.detail)
        )
