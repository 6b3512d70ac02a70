"""When one phone is asked to call its camera, and how late its first frame was."""

from __future__ import annotations

from msgspec import UNSET, Struct, UnsetType

from raydel.camerabook import CameraBook
from raydel.core.messages import (
    Join,
    Joined,
    RecordingStarted,
    RecordingStopped,
)


class _Call(Struct, frozen=True):
    """A camera call that a phone was told of.

    Attributes:
        take_id: Of which take.
        cold: Whether its camera had not run of late.
        local_time: When it was to be, by the phone's own clock, ms; None where that
            tells nothing, or no longer.
    """

    take_id: str | UnsetType
    cold: bool = True
    local_time: float | None = None


class CameraCalls:
    """The camera calls of one phone, over one connection.

    A phone that names its installation is asked to call its camera earlier, by as much
    as that is late. Both times are the phone's own, and came over this connection: no
    error of its clock is in what is learned.

    Args:
        book: What is known of all cameras.
    """

    __slots__ = (
        "_book",
        "_call",
        "_installation_id",
        "_model",
    )

    def __init__(self, book: CameraBook) -> None:
        self._book = book
        self._installation_id: str | None = None
        self._model: str | None = None
        self._call: _Call | None = None

    def introduced(self, join: Join) -> None:
        """Note who it says it is.

        An app that knows what it was told last has run all the while, and so has kept
        its camera; another one was started anew.
        """
        self._installation_id, self._model = join.installation_id, join.model
        if self._installation_id is not None and join.last_seq is None:
            self._book.cooled(self._installation_id)

    def joined(self, message: Joined) -> None:
        """Learn nothing from a take that it was told of over another connection."""
        if message.take is not UNSET:
            self.told(message.take.take_id, None)

    @property
    def early(self) -> float:
        """How many ms before a start its camera is to be called; if negative, after."""
        if self._installation_id is None:
            return 0.0
        cold = self._book.is_cold(self._installation_id)
        return self._book.latency(self._installation_id, self._model, cold=cold).delay

    def told(self, take_id: str | UnsetType, local_time: float | None) -> None:
        """Note when it was told to call its camera; the first time of a take counts.

        Args:
            take_id: The take.
            local_time: By its own clock, ms; None for on receipt, and where the
                message may have come too late.
        """
        if self._installation_id is None:
            return
        if self._call is None or self._call.take_id != take_id:
            cold = self._book.is_cold(self._installation_id)
            self._call = _Call(take_id, cold, local_time)

    def reported(self, report: RecordingStarted | RecordingStopped) -> None:
        """Learn from the first report of a first frame; its camera runs, or has run."""
        call, installation_id = self._call, self._installation_id
        if installation_id is None:
            return
        self._book.ran(installation_id)
        if call is None or call.local_time is None:
            return
        if isinstance(report, RecordingStarted) and report.take_id == call.take_id:
            self._call = _Call(call.take_id)
            late = report.first_frame_time - call.local_time
            self._book.learn(installation_id, self._model, late, cold=call.cold)

    def stopped(self) -> None:
        """Note that a recording of its ends."""
        if self._installation_id is not None:
            self._book.ran(self._installation_id)
