"""One phone's way to the server."""

from __future__ import annotations

from contextlib import AsyncExitStack

from tests.delays import Delay, DelayedLink
from tests.integration.wire import true_time
from tests.rig.schedule import What
from tests.rig.server import Server
from tests.rig.story import RigPhone


class Way:
    """One phone's way to the server, and when it was passable.

    Attributes:
        phone: The phone, once it is there.
        outages: Since when it was not, and since when it was again; true ms.
    """

    phone: RigPhone

    def __init__(self, stack: AsyncExitStack, server: Server, delay: Delay) -> None:
        self.outages: list[tuple[float, float | None]] = []
        self._stack = stack
        self._server = server
        self._delay = delay
        self._whole = True
        self.link: DelayedLink

    async def lay(self) -> None:
        """Lay a new link."""
        port = self._server.program.port
        link = DelayedLink(port, up=self._delay, down=self._delay)
        self.link = await self._stack.enter_async_context(link)

    async def act(self, what: What) -> None:
        """Do to the link what is asked."""
        match what:
            case What.CUT:
                self.link.cut()
            case What.FREEZE:
                self.link.freeze()
            case What.MEND:
                self.link.mend()
                self.link.thaw()
            case What.ROAM:
                # The server hears nothing of it: its end stays open.
                self.link.freeze()
                await self.lay()
                self._whole = False
                self.note()
                self.phone.roam(self.link.port)
        self._whole = what in {What.MEND, What.ROAM}
        self.note()

    def note(self) -> None:
        """Note whether the server can be reached now."""
        passable = self._whole and self._server.ready
        is_out = bool(self.outages) and self.outages[-1][1] is None
        if passable and is_out:
            self.outages[-1] = (self.outages[-1][0], true_time())
        elif not passable and not is_out:
            self.outages.append((true_time(), None))

    def resumes(self) -> list[float]:
        """Return how long it took the phone to have a seat again, each time, s.

        A link that only stalled needs no new seat.
        """
        found = []
        ends = [began for began, _ in self.outages[1:]] + [float("inf")]
        for (began, back), end in zip(self.outages, ends, strict=False):
            seats = [at for at in self.phone.seatings if began < at < end]
            if back is not None and seats:
                found.append(max(0.0, seats[0] - back) / 1000)
        return found
