"""Everything on one port: WebSockets at /sync, REST beside it."""

# mypy: allow-untyped-calls
# twisted.web has few annotations; what is inherited from it counts as ours.

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import partial

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.web.iweb import IRequest
from twisted.web.resource import IResource, Resource
from twisted.web.server import Site

from raydel.core.config import Config
from raydel.export.formats import FORMATS, Format
from raydel.interfaces import ISessions, ITimebase
from raydel.threads import InThread, at_once
from raydel.web.channel import Channel, Door
from raydel.web.fastdoor import door
from raydel.web.fastlane import FastProtocol, lane
from raydel.web.request import CheckedRequest
from raydel.web.rest import RestResource
from raydel.web.upgrade import SyncResource
from raydel.web.websocket import Entrance


class Root(Resource):
    """/sync is for WebSockets, all else is REST."""

    def __init__(self, sync: SyncResource, rest: RestResource) -> None:
        super().__init__()
        self._sync = sync
        self._rest = rest

    def getChildWithDefault(self, path: bytes, request: IRequest) -> IResource:
        """Return the resource at the first segment of a path."""
        if path == b"sync":
            return self._sync
        # Klein matches whole paths.
        request.postpath.insert(0, request.prepath.pop())
        return self._rest


class RaydelSite(Site):
    """The whole web side of the program, on any number of ports."""

    noisy = False
    # Without the wrapper that twisted.web puts around it to switch to HTTP/2.
    protocol: type[Channel]  # type: ignore[assignment]

    def __init__(
        self,
        sync: SyncResource,
        rest: RestResource,
        origins: Collection[str],
        reactor: IReactorTime,
        door: Door | None = None,
    ) -> None:
        super().__init__(
            Root(sync, rest),
            requestFactory=partial(CheckedRequest, origins),
            parsePOSTFormSubmission=False,
            # Our channel has limits of its own, that no byte moves.
            timeout=None,
            reactor=reactor,
        )
        self._rest = rest
        self.protocol = type("Channel", (Channel,), {"door": door})

    def startFactory(self) -> None:
        """Write no access log: it would quote what strangers ask for."""

    def acceptableProtocols(self) -> list[bytes]:
        """Offer HTTP/1.1 alone: a WebSocket cannot be taken out of HTTP/2."""
        return [b"http/1.1"]

    def finish(self) -> Deferred[None]:
        """Wait for the REST calls that are open. Fires once there are none."""
        return self._rest.finish()


def make_site(
    sessions: ISessions,
    timebase: ITimebase,
    config: Config,
    reactor: IReactorTime,
    in_thread: InThread = at_once,
    formats: Mapping[str, Format] = FORMATS,
) -> RaydelSite:
    """Return the web side of the program, to listen with.

    Args:
        sessions: Whom WebSockets and REST calls talk to.
        timebase: Server time, for `/health`.
        config: Whose `origins` say which pages may ask, and `wire` how messages pass.
        reactor: Times everything in here. Its `seconds()` never run backwards.
        in_thread: Does what takes long.
        formats: What takes are exported in, by name.
    """
    kind = lane(config.wire, reactor)
    entrance = Entrance(sessions, reactor, kind)
    is_fast = issubclass(kind, FastProtocol)
    return RaydelSite(
        SyncResource(entrance),
        RestResource(sessions, timebase, in_thread, formats),
        config.origins,
        reactor,
        door(entrance, config.origins, reactor) if is_fast else None,
    )
