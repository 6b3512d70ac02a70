"""A load that meets more and more phones: ``python -m raydel.bench.climb CLIMB``.

`CLIMB` is a `Climb` in JSON; what it found is written to standard output, a list of
`Point`. The crowd grows from one size to the next and, in the next round, shrinks
again: so thousands of phones need not come anew for each measurement.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Sequence
from contextlib import closing
from typing import Literal

import msgspec
from msgspec import Struct, structs

from raydel.bench.crowd import Crowd, Idle
from raydel.bench.dialling import trusting
from raydel.bench.figures import in_turn
from raydel.bench.growth import PACE, grow, quiet_after, shrink
from raydel.bench.job import Found
from raydel.bench.limits import allow_sockets
from raydel.bench.loads import READY, Relays, run
from raydel.bench.meter import Meter, rest, tell
from raydel.bench.trouble import Trouble

Series = Literal["connections", "sessions"]
"""What grows: the connections, while the relays remain those of the same few sessions;
or the sessions that the relays are of, each in its turn."""


class Climb(Struct, frozen=True):
    """One series of measurements.

    Attributes:
        series: What grows.
        sizes: How large it is to be, connections or sessions of two; ascending.
        port: Where the server listens.
        host: The same.
        process: Its process number.
        authority: For phones that speak TLS, the certificate, PEM, that they trust.
        rounds: How often each size is measured: upwards, downwards, and so on.
        in_flight: Relays under way at any time.
        warm_up: Seconds of load before anything counts.
        seconds: Seconds that count, under load and then again at rest.
        settling: Seconds from the last join until the load begins; None for as long
            as it takes until phones that do nothing are asked seldom.
        soon: The same where there is nothing to wait for: nobody has come, or all are
            asked often anyway.
    """

    series: Series
    sizes: tuple[int, ...]
    port: int = 0
    host: str = "127.0.0.1"
    process: int | None = None
    authority: str = ""
    rounds: int = 2
    in_flight: int = 10
    warm_up: float = 1.0
    seconds: float = 3.0
    settling: float | None = None
    soon: float = 2.0

    @property
    def scale(self) -> int:
        """Connections that one of what grows is."""
        return 2 if self.series == "sessions" else 1

    @property
    def active(self) -> int | None:
        """How many sessions the relays are of; None for all."""
        return None if self.series == "sessions" else self.sizes[0] // 2

    def waits_for(self, size: int) -> float:
        """Return seconds from the last join until the load begins.

        Where relays are of all sessions, all phones are asked at full cadence anyway.
        """
        if self.settling is not None:
            return self.settling
        return self.soon if self.series == "sessions" else quiet_after(size)

    def takes(self) -> float:
        """Return the seconds that all of it takes if the phones come at their pace."""
        most = self.sizes[-1] * self.scale
        each = len(self.sizes) * (self.warm_up + 2 * self.seconds)
        waits = sum(map(self.waits_for, self.sizes))
        return self.rounds * (each + waits + 2 * most / PACE)


class Point(Struct, frozen=True):
    """One measurement.

    Attributes:
        size: Of what grows.
        load: What passed under load; of relays.
        upkeep: What passed right afterwards, without any relay; of connections. The
            phones are pinged and asked as often as under load.
    """

    size: int
    load: Found
    upkeep: Found

    @property
    def cost(self) -> float | None:
        """CPU of the server for one relay, with all else it did meanwhile, in µs."""
        return self.load.cost

    @property
    def net(self) -> float | None:
        """The same without what the phones cost that it would do without relays.

        A busy server does that for less than an idle one: so this is rather too
        little, and `cost` is too much.
        """
        used, kept = self.load.cpu, self.upkeep.cpu
        if used is None or kept is None or not self.load.count:
            return None
        upkeep = kept / self.upkeep.seconds * self.load.seconds
        return (used - upkeep) / self.load.count * 1e6


def main(arguments: Sequence[str]) -> None:
    """Do a climb, and print what was found.

    Args:
        arguments: The climb, as JSON.

    Raises:
        SystemExit: The load could not be put on; it says why.
    """
    climb = msgspec.json.decode(arguments[0], type=Climb)
    allow_sockets()
    gc.disable()  # A pause of ours would be measured as one of the server's.
    try:
        points = measure(climb)
    except Trouble as trouble:
        raise SystemExit(f"raydel: {climb.series}: {trouble}") from None
    sys.stdout.write(msgspec.json.encode(points).decode() + "\n")


def measure(climb: Climb) -> list[Point]:
    """Do a climb, up and down as often as wanted.

    Raises:
        Trouble: The server is not there, or does not do what it should.
    """
    points: list[Point] = []
    trust = trusting(climb.authority)
    with closing(Crowd(climb.host, climb.port, trust=trust)) as crowd:
        for number, order in enumerate(in_turn(climb.sizes, climb.rounds)):
            for size in order:
                tell(f"{size:,} {climb.series}, round {number + 1} of {climb.rounds}")
                _be(crowd, climb, size)
                if not points:
                    _load(crowd, climb)  # Its first relays teach a server its code.
                points.append(_point(crowd, climb, size))
        crowd.leave(stop=False)
    return points


def _be(crowd: Crowd, climb: Climb, size: int) -> None:
    """Have as many phones there as a size means, and wait until they are quiet."""
    before, wanted = len(crowd.phones), size * climb.scale
    shrink(crowd, wanted)
    grow(crowd, wanted, note=tell)
    crowd.rest(climb.waits_for(size) if wanted > before else climb.soon)


def _point(crowd: Crowd, climb: Climb, size: int) -> Point:
    load = _load(crowd, climb)
    upkeep = rest(crowd, climb.process, climb.seconds)
    there = len(crowd.phones)
    if there < size * climb.scale:
        raise Trouble("the server closed connections that were idle")
    return Point(size, load, structs.replace(upkeep, count=there))


def _load(crowd: Crowd, climb: Climb) -> Found:
    relays = Relays(crowd, [READY], climb.in_flight, sessions=climb.active)
    crowd.script = relays
    run(crowd, relays, climb.warm_up)
    before, meter = relays.count, Meter(crowd, climb.process)
    found = meter.stop(run(crowd, relays, climb.seconds))
    count = relays.count - before
    relays.finish()
    crowd.script = Idle()
    return structs.replace(found, count=count)


if __name__ == "__main__":
    main(sys.argv[1:])
