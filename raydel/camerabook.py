"""What the server knows of the cameras of all installations it has met."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import islice
from typing import Final

from twisted.internet.defer import maybeDeferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from raydel.core.cameras import Latency
from raydel.core.instants import MINUTE
from raydel.core.startlatency import (
    NO_MODEL,
    Camera,
    ModelLatency,
    latency_of,
    model_latency,
    observed,
)
from raydel.interfaces import (
    MOST_CAMERAS,
    IStore,
    ITimebase,
    KnownCameras,
    StoreTrouble,
)

RETRY: Final = 1.0
"""Seconds between two attempts to read them."""

COLD_AFTER: Final = 10 * MINUTE
"""ms without a recording, after which a camera counts as cold."""

ASKED: Final = 100
"""Installations of a model that tell what it is like, those that recorded last: more
would say the same, and phones wait for the answer."""


class CameraBook:
    """The cameras of all installations, and when each ran last.

    It is read from the store once. Until that has worked nothing is known, and nothing
    is learned: it would take the place of what is stored.

    Args:
        store: Where they are.
        keep: Takes one that has changed.
        timebase: Server time.
        clock: Runs the timer.
    """

    log = Logger()

    def __init__(
        self,
        store: IStore,
        keep: Callable[[Camera], None],
        timebase: ITimebase,
        clock: IReactorTime,
    ) -> None:
        self._store = store
        self._keep = keep
        self._timebase = timebase
        self._clock = clock
        self._is_read = False
        self._is_wanted = False
        self._cameras: dict[str, Camera] = {}
        self._by_model: dict[str, dict[str, Camera]] = {}
        self._models: dict[str, ModelLatency] = {}
        self._ran_at: dict[str, float] = {}
        self._retry: IDelayedCall | None = None
        self._trouble: str | None = None

    def start(self) -> None:
        """Read all cameras from the store; if that fails, again every second."""
        self._retry = None
        self._is_wanted = True
        found = maybeDeferred(self._store.cameras)
        found.addCallbacks(self._read, self._failed)

    def stop(self) -> None:
        """Try no more."""
        self._is_wanted = False
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None

    def _read(self, cameras: Sequence[Camera]) -> None:
        self._is_read = True
        for camera in reversed(cameras):
            self._enter(camera)

    def _failed(self, failure: Failure) -> None:
        """Say so, if nobody has heard that yet, and try again soon."""
        why = failure.getErrorMessage()
        if why != self._trouble:
            self._trouble = why
            text = "what is known of cameras cannot be read: {why}"
            if failure.check(StoreTrouble):
                self.log.error(text, why=why)
            else:
                self.log.failure(text, failure, why=why)
        if self._is_wanted:
            self._retry = self._clock.callLater(RETRY, self.start)

    # What is known.

    def latency(
        self, installation_id: str, model: str | None, *, cold: bool
    ) -> Latency:
        """Return how late the camera of an installation will be.

        Args:
            installation_id: Which one.
            model: What its phone says it is.
            cold: Whether it has not run of late.
        """
        camera = self._cameras.get(installation_id)
        if camera is not None and camera.model != model:
            camera = None
        return latency_of(camera, self.model(model), cold=cold)

    def model(self, model: str | None) -> ModelLatency:
        """Return what is known of a model."""
        if model is None or model not in self._by_model:
            return NO_MODEL
        if model not in self._models:
            latest = reversed(self._by_model[model].values())
            self._models[model] = model_latency(list(islice(latest, ASKED)))
        return self._models[model]

    def page(self, limit: int, before: str | None = None) -> KnownCameras:
        """Return some cameras and their models, those first that were heard of last.

        Args:
            limit: At most so many.
            before: Only those heard of before this installation; none, if it is not
                known.
        """
        found = self._newest(limit, before)
        names = {each.model for each in found if each.model is not None}
        return KnownCameras(found, {name: self.model(name) for name in names})

    def _newest(self, limit: int, before: str | None) -> Sequence[Camera]:
        if before is not None and before not in self._cameras:
            return ()
        cameras = reversed(self._cameras.values())
        if before is not None:
            for camera in cameras:
                if camera.installation_id == before:
                    break
        return tuple(islice(cameras, limit))

    # What is learned.

    def learn(
        self, installation_id: str, model: str | None, latency: float, *, cold: bool
    ) -> None:
        """Take an observation, and hand on what is known by it.

        Args:
            installation_id: Whose camera it was.
            model: What its phone says it is.
            latency: From the call to the first frame, ms.
            cold: Whether it had not run of late.
        """
        if not self._is_read:
            return
        before = self._cameras.get(installation_id, Camera(installation_id, model))
        now = self._timebase.now()
        camera = observed(before, latency, cold=cold, model=model, now=now)
        if camera != before:
            self._enter(camera)
            self._keep(camera)

    def _enter(self, camera: Camera) -> None:
        """Put a camera last; the one that was heard of first may have to go."""
        self._strike(camera.installation_id)
        self._cameras[camera.installation_id] = camera
        if camera.model is not None:
            same = self._by_model.setdefault(camera.model, {})
            same[camera.installation_id] = camera
            self._models.pop(camera.model, None)
        if len(self._cameras) > MOST_CAMERAS:
            self._strike(next(iter(self._cameras)))

    def _strike(self, installation_id: str) -> None:
        camera = self._cameras.pop(installation_id, None)
        if camera is None or camera.model is None:
            return
        same = self._by_model[camera.model]
        del same[installation_id]
        self._models.pop(camera.model, None)
        if not same:
            del self._by_model[camera.model]

    # Warm and cold.

    def ran(self, installation_id: str) -> None:
        """Note that a camera runs, or has run until now."""
        self._ran_at.pop(installation_id, None)
        self._ran_at[installation_id] = self._timebase.now()
        if len(self._ran_at) > MOST_CAMERAS:
            del self._ran_at[next(iter(self._ran_at))]

    def cooled(self, installation_id: str) -> None:
        """Note that a camera was put away: its app was started anew."""
        self._ran_at.pop(installation_id, None)

    def is_cold(self, installation_id: str) -> bool:
        """Tell whether a camera has not run of late."""
        ran_at = self._ran_at.get(installation_id)
        return ran_at is None or self._timebase.now() - ran_at > COLD_AFTER
