"""Pairs of played phones on real sockets, for ``python -m raydel simulate --live``.

All phones are in this one process, on one reactor. So what keeps one of them busy makes
the others late: their questions wait to be read, and their answers to be sent. The
server cannot tell that from a slow network, and neither can these figures.
"""

from __future__ import annotations

import secrets
import string
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from twisted.internet.defer import CancelledError, Deferred, DeferredList
from twisted.internet.task import deferLater
from twisted.python.failure import Failure
from twisted.web.client import Agent, BrowserLikePolicyForHTTPS, readBody

from raydel.cli.players import PATIENCE, Player, machine_time, reading_of
from raydel.core.instants import SECOND
from raydel.core.manifest import Manifest
from raydel.simulation.clocks import Clock
from raydel.simulation.live.figures import Measured, read_manifest
from raydel.simulation.live.notes import Heard, Notes, Unfinished
from raydel.simulation.live.truth import ServerTime, known_clocks
from raydel.virtualphone import VirtualPhone

SETTLING: Final = 2.5
"""Seconds from the second join to the tap."""

WATCH: Final = 0.01
"""Seconds between two looks at how late this program's timers are."""

_LETTERS: Final = string.ascii_uppercase + string.digits


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be played.

    Attributes:
        url: Of the server.
        authority: Whom to trust for ``wss``; None for those the system trusts.
        pairs: How many, all at once.
        seconds: How long each take runs.
        apart: Seconds between one pair's beginning and the next one's.
        seed: Where the clocks come from.
    """

    url: str
    authority: Any | None
    pairs: int
    seconds: float
    apart: float
    seed: int

    @property
    def deadline(self) -> float:
        """Seconds in which all has to be over."""
        return self.pairs * self.apart + SETTLING + self.seconds + 3 * PATIENCE

    @property
    def rest(self) -> str:
        """Where REST is: on the same port."""
        scheme, host, path, *_ = urlsplit(self.url)
        plain = "https" if scheme == "wss" else "http"
        return f"{plain}://{host}{path.removesuffix('/sync')}/api"


class Pair:
    """A host and a guest, from their joins to their goodbyes.

    Args:
        reactor: What everything runs on.
        wanted: What is to be played.
        number: Which pair it is, counted from 0.
        server_time: What all pairs know of it together.
    """

    def __init__(
        self, reactor: Any, wanted: Wanted, number: int, server_time: ServerTime
    ) -> None:
        self._reactor = reactor
        self._wanted = wanted
        self._number = number
        self._is_on = False  # Whether its take may run.
        self._code = "".join(secrets.choice(_LETTERS) for _ in range(6))
        host, guest = known_clocks(wanted.seed, number, machine_time())
        self._host = self._player(host, server_time, is_host=True)
        self._guest = self._player(guest, server_time, is_host=False)

    async def play(self) -> Measured:
        """Play one take, and leave however it ends.

        Raises:
            Unfinished: Something is in the way.
        """
        try:
            manifest = await self._record()
        finally:
            await self._part()
        return Measured(self._host.notes, self._guest.notes, manifest)

    async def _record(self) -> Manifest:
        await self._pause(self._number * self._wanted.apart)
        speaks_protocol_2(await self._host.joins())
        await self._guest.joins()
        await self._pause(SETTLING)
        self._is_on = True
        self._host.taps("start")
        take = await self._both("start_recording")
        await self._pause(self._wanted.seconds)
        self._host.taps("stop")
        await self._both("stop_recording")
        self._is_on = False
        return await self._manifest(take.take_id)

    async def _part(self) -> None:
        """Leave; where it went wrong, let no take run on."""
        players = self._guest, self._host
        if self._is_on:
            for player in players:
                player.taps("stop")
        for player in players:
            await player.leaves()

    def _player(
        self, clock: Clock, server_time: ServerTime, *, is_host: bool
    ) -> Player:
        name = f"{'Left' if is_host else 'Right'} goal {self._number + 1}"
        reading = reading_of(clock)
        phone = VirtualPhone(self._code, name, is_host=is_host, clock=reading)
        notes = Notes(clock, server_time)
        wanted = self._wanted
        return Player(self._reactor, phone, notes, wanted.url, wanted.authority)

    async def _both(self, kind: str) -> Heard:
        await self._guest.hears(kind)
        return await self._host.hears(kind)

    def _pause(self, seconds: float) -> Deferred[None]:
        return deferLater(self._reactor, seconds, lambda: None)

    async def _manifest(self, take_id: str) -> Manifest:
        url = f"{self._wanted.rest}/takes/{take_id}"
        return read_manifest(await self._fetched(url))

    async def _fetched(self, url: str) -> bytes:
        policy = BrowserLikePolicyForHTTPS(self._wanted.authority)
        agent = Agent(self._reactor, policy, connectTimeout=PATIENCE)
        try:
            answer = await agent.request(b"GET", url.encode("ascii"))
            return await readBody(answer)
        except CancelledError:
            raise
        except Exception as problem:
            raise Unfinished(f"no answer from {url}: {problem}") from None


def speaks_protocol_2(joined: Heard) -> None:
    """Look whether the server names its time, as those do that speak protocol 2.

    Raises:
        Unfinished: It does not.
    """
    if not joined.clock_id:
        raise Unfinished("the server speaks no protocol 2; is that a Raydel server?")


class Watch:
    """Looks how late timers of this program fire.

    Attributes:
        late: Ms, a number for each look.
    """

    def __init__(self, reactor: Any) -> None:
        self.late: list[float] = []
        self._reactor = reactor
        self._look_after(machine_time())

    def _look_after(self, now: float) -> None:
        self._reactor.callLater(WATCH, self._look, now + WATCH * SECOND)

    def _look(self, due: float) -> None:
        now = machine_time()
        self.late.append(now - due)
        self._look_after(now)


class Round:
    """All pairs, at the same time.

    Args:
        reactor: What everything runs on.
        wanted: What is to be played.
        server_time: What all pairs know of it together.
    """

    def __init__(self, reactor: Any, wanted: Wanted, server_time: ServerTime) -> None:
        self._ended_because = ""
        pairs = [Pair(reactor, wanted, n, server_time) for n in range(wanted.pairs)]
        self._plays = [Deferred.fromCoroutine(pair.play()) for pair in pairs]
        late = f"not over in {wanted.deadline:g} s"
        reactor.callLater(wanted.deadline, self.end, late)
        every = DeferredList(self._plays, consumeErrors=True)
        self.outcomes: Deferred[list[Measured | str]] = every.addCallback(self._told)

    def end(self, why: str) -> Deferred[list[Measured | str]]:
        """Have all leave that are not done; fires once they have."""
        self._ended_because = self._ended_because or why
        for each in self._plays:
            each.cancel()
        return self.outcomes

    def _told(self, results: Iterable[tuple[bool, Any]]) -> list[Measured | str]:
        return [
            result if is_measured else self._words(result)
            for is_measured, result in results
        ]

    def _words(self, failure: Failure) -> str:
        if failure.check(CancelledError):
            return self._ended_because
        failure.trap(Unfinished)
        return failure.getErrorMessage()
