"""Cameras: how late each is known to be, and each model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from http import HTTPStatus

from klein import Klein
from msgspec import Struct
from twisted.web.iweb import IRequest

from raydel.core.cameras import Latency
from raydel.core.instants import fine
from raydel.core.startlatency import NO_MODEL, Camera, ModelLatency, latency_of
from raydel.interfaces import ISessions, KnownCameras
from raydel.web.answers import encode
from raydel.web.rest.query import asked_page


class StartLatency(Struct, frozen=True, rename="camel"):
    """How late the first frames of a phone are.

    Attributes:
        observations: How many starts tell that; with 0 it is a guess, from its other
            starts and its model.
        delay: From the camera call to the first frame, ms. So much earlier the call is
            asked for; if it is negative, later.
        spread: What the next start may be off that, 19 times of 20, ms.
    """

    observations: int
    delay: float
    spread: float


class ShownCamera(Struct, frozen=True, rename="camel"):
    """The camera of an installation of an app.

    Attributes:
        installation_id: The app's own name for the installation.
        model: What the maker calls the phone; None if it does not say.
        last_seen_at: When it was learned from last, server time, ms.
        warm: Its starts soon after another take.
        cold: Its first start since the app was, and any after ten minutes without a
            take.
    """

    installation_id: str
    model: str | None
    last_seen_at: float
    warm: StartLatency
    cold: StartLatency


class ModelStarts(Struct, frozen=True, rename="camel"):
    """How late the first frames of a model are.

    Attributes:
        delay: The median of its installations, ms.
        spread: What another one may be off that, 19 times of 20, ms.
    """

    delay: float
    spread: float


class ShownModel(Struct, frozen=True, rename="camel"):
    """The cameras of a model.

    Attributes:
        model: Its name.
        installations: How many of it are known; of more than a hundred, those count
            that were learned from last.
        warm: Starts soon after another take; None if none was seen.
        cold: Other starts; None if none was seen.
    """

    model: str
    installations: int
    warm: ModelStarts | None
    cold: ModelStarts | None


class CameraList(Struct, frozen=True, rename="camel"):
    """A page of cameras, those first that were learned from last.

    Attributes:
        cameras: The cameras.
        models: Their models, by name.
        next: What to pass as ``before`` for those that follow, or None after the
            last of all.
    """

    cameras: tuple[ShownCamera, ...]
    models: tuple[ShownModel, ...]
    next: str | None


def add_cameras(app: Klein, sessions: ISessions) -> None:
    """Add the route of the cameras."""

    @app.route("/api/cameras", methods=["GET"])
    def every_camera(request: IRequest) -> bytes:
        """List how late cameras are known to be, those first that were seen last.

        It is learned from the first frames that phones of protocol 2 report.
        """
        page = asked_page(request)
        # One more than is shown says whether any follow.
        known = sessions.cameras(page.limit + 1, page.before)
        return encode(request, HTTPStatus.OK, _list(known, page.limit))


def _list(known: KnownCameras, limit: int) -> CameraList:
    shown, more = known.cameras[:limit], known.cameras[limit:]
    names = sorted({each.model for each in shown if each.model is not None})
    return CameraList(
        cameras=tuple(_cameras(shown, known)),
        models=tuple(_model(name, known.models[name]) for name in names),
        next=shown[-1].installation_id if more else None,
    )


def _cameras(cameras: Sequence[Camera], known: KnownCameras) -> Iterator[ShownCamera]:
    for camera in cameras:
        model = NO_MODEL if camera.model is None else known.models[camera.model]
        yield ShownCamera(
            installation_id=camera.installation_id,
            model=camera.model,
            last_seen_at=fine(camera.updated_at),
            warm=_starts(camera, model, cold=False),
            cold=_starts(camera, model, cold=True),
        )


def _starts(camera: Camera, model: ModelLatency, *, cold: bool) -> StartLatency:
    latency = latency_of(camera, model, cold=cold)
    count = len(camera.starts(cold=cold))
    return StartLatency(count, fine(latency.delay), fine(latency.spread))


def _model(name: str, model: ModelLatency) -> ShownModel:
    return ShownModel(
        name, model.installations, _of_model(model.warm), _of_model(model.cold)
    )


def _of_model(latency: Latency | None) -> ModelStarts | None:
    if latency is None:
        return None
    return ModelStarts(fine(latency.delay), fine(latency.spread))
