"""The camera that a program brings, and how it is called."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

from twisted.internet.defer import Deferred, maybeDeferred, succeed
from twisted.logger import Logger
from twisted.python.failure import Failure

from raydel.client.recordings import Recordings
from raydel.client.takes import Take
from raydel.client.wants import Want
from raydel.core.messages import RecordingStopped


class Footage(NamedTuple):
    """What a camera has made of a take.

    Attributes:
        last_frame: The presentation time of the last frame, by `now`, ms; None if
            that is the moment at which the camera was stopped.
        file_name: What the file is called, without its directory.
        frames: How many there are.
        size_bytes: How large the file is.
        sha256: Its checksum, in hexadecimal digits.
    """

    last_frame: float | None = None
    file_name: str | None = None
    frames: int | None = None
    size_bytes: int | None = None
    sha256: str | None = None


class Camera(Protocol):
    """What a program has to bring. Both may be ``async``, or return a Deferred.

    An exception from either is reported as the reason for which there is no file.
    It may also have a method ``refuses(take)``, which says why a take cannot be
    recorded, or nothing if it can.
    """

    def start(self, take: Take, /) -> Any:
        """Begin to record, at once.

        Returns:
            The presentation time of the first frame, by `now`, ms; None if that is
            the moment at which this returns.
        """

    def stop(self, take: Take, /) -> Any:
        """Stop recording. Never called before `start` has returned.

        Returns:
            The `Footage`; None if nothing is known of it.
        """


class Operator:
    """Calls a camera, and has reported what came of it.

    Args:
        camera: The camera.
        recordings: Is told what it did.
        do: Carries out what is wanted then.
        clock: The device's, in ms.
    """

    log = Logger()

    def __init__(
        self,
        camera: Camera,
        recordings: Recordings,
        do: Callable[[list[Want]], None],
        clock: Callable[[], float],
    ) -> None:
        self._clock = clock
        self._camera = camera
        self._recordings = recordings
        self._do = do
        self._rolling: dict[str, Deferred[bool]] = {}

    def call(self, take: Take) -> None:
        """Call the camera now."""
        rolling = maybeDeferred(self._camera.start, take)
        rolling.addCallback(self._has_begun, take)
        self._rolling[take.id] = rolling.addErrback(self._has_failed, take)

    def cut(self, take: Take) -> None:
        """Stop the camera, once it has surely begun."""
        at = self._clock()
        rolling = self._rolling.pop(take.id, None) or succeed(False)
        rolling.addCallback(self._stop, take, at)
        rolling.addErrback(self._has_failed, take)

    def _has_begun(self, first: float | None, take: Take) -> bool:
        at = self._clock() if first is None else first
        self._want(self._recordings.first_frame(take.id, at))
        return True

    def _stop(self, has_begun: bool, take: Take, at: float) -> Deferred[None] | None:
        if not has_begun:
            return None
        stopping = maybeDeferred(self._camera.stop, take)
        return stopping.addCallback(self._has_file, take, at)

    def _has_file(self, made: Footage | None, take: Take, at: float) -> None:
        footage = made or Footage()
        report = RecordingStopped(
            take.id,
            at if footage.last_frame is None else footage.last_frame,
            frames=footage.frames,
            file_name=footage.file_name,
            size_bytes=footage.size_bytes,
            sha256=footage.sha256,
        )
        self._want(self._recordings.finished(report))

    def _has_failed(self, failure: Failure, take: Take) -> bool:
        """Report why there is no file, in one line."""
        self.log.failure("the camera failed", failure)
        name = getattr(failure.type, "__name__", "trouble")
        words = " ".join((failure.getErrorMessage() or name).split())
        shown = "".join(each for each in words if each.isprintable())
        self._want(self._recordings.failed(take.id, shown))
        return False

    def _want(self, wants: list[Want]) -> None:
        self._do(wants)
