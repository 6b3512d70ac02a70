"""What the load generator is asked to do, and what it found; JSON between processes."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

Workload = Literal[
    "relays",
    "at-once",
    "ready",
    "sync",
    "joins",
    "idle",
    "idle-unjoined",
    "idle-phones",
]


class Job(Struct, frozen=True):
    """One measurement.

    Attributes:
        workload: What the phones do, as `raydel.bench.loads` tells.
        host: Where the server listens.
        port: The same.
        process: Its process number, where that is known: then its CPU is measured.
        connections: Phones; two make a session.
        in_flight: Relays, or joins, under way at any time: the load is a closed loop.
        rate: If not 0, relays that are begun each second, whatever the server does:
            an open loop. Latencies count from when each was due.
        warm_up: Seconds before anything counts.
        seconds: Seconds that count.
        settling: For ``idle-phones``, seconds from the last join until anything counts.
        authority: For phones that speak TLS, the certificate, PEM, that they trust.
    """

    workload: Workload
    port: int
    host: str = "127.0.0.1"
    process: int | None = None
    connections: int = 200
    in_flight: int = 64
    rate: float = 0.0
    warm_up: float = 1.0
    seconds: float = 3.0
    settling: float = 0.0
    authority: str = ""


class Found(Struct, frozen=True, omit_defaults=True):
    """What one measurement brought.

    Attributes:
        count: Relays, questions, joins or connections.
        seconds: How long they took in all.
        cpu: CPU seconds that the server used meanwhile; None if not known.
        load_cpu: The same of the load generator.
        exchanges: Questions of time sync that were asked and answered meanwhile.
        pings: Heartbeats that were answered meanwhile.
        heard: Messages that the phones got meanwhile.
        errors: Of those, errors; and connections that broke.
        resident: Bytes that the server grew by; None if not known.
        latencies: p50, p95 and p99 in ms, by what was waited for.
    """

    count: int
    seconds: float
    cpu: float | None = None
    load_cpu: float = 0.0
    exchanges: int = 0
    pings: int = 0
    heard: int = 0
    errors: int = 0
    resident: int | None = None
    latencies: dict[str, tuple[float, float, float]] = {}

    @property
    def rate(self) -> float:
        """How many a second."""
        return self.count / self.seconds

    @property
    def cost(self) -> float | None:
        """CPU of the server for one, in µs."""
        if self.cpu is None or not self.count:
            return None
        return self.cpu / self.count * 1e6

    @property
    def asked(self) -> float | None:
        """Questions of time sync for one."""
        return self.exchanges / self.count if self.count else None

    @property
    def busy(self) -> float | None:
        """Part of a core that the server used, 0 to 1."""
        return None if self.cpu is None else self.cpu / self.seconds

    @property
    def bytes_each(self) -> float | None:
        """Bytes that the server grew by for one."""
        if self.resident is None or not self.count:
            return None
        return self.resident / self.count
