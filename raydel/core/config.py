"""Every setting of the program, in one frozen value.

`raydel.options` fills it from the command line; everything below reads it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from raydel.core.apps import App
from raydel.core.cameras import CameraLatency
from raydel.core.instants import DAY, HOUR, MINUTE

StartPolicy = Literal["best-effort", "strict"]

LogFormat = Literal["text", "json"]

Survives = Literal["kill", "power-loss"]

WireLane = Literal["fast", "library"]


@dataclass(frozen=True)
class Config:
    """What an operator can choose.

    Attributes:
        ports: Where to listen: port numbers or Twisted endpoint descriptions.
        certificate: The file of the certificate for TLS, if one is named.
        private_key: The file of its key, if that is another one.
        certificates: The directory of certificates and keys, if one is named.
        origins: Origins of web pages, besides the server's own host name, that
            may talk to it: ``scheme://host[:port]``, or ``*`` for all.
        log_format: How log lines are written.
        lead: Least milliseconds between a tap on *start* and the common start.
        cleanup: Milliseconds a session is kept after its last phone left.
        longest_take: Milliseconds after which a take is ended for everybody.
        store: The file that everything is kept in, or None for memory.
        survives: What the file survives without loss: the end of the program at
            any instant, or that of the whole machine.
        keep_takes: Milliseconds that a take is kept after its end.
        start_policy: Whether a take begins with whoever can, or only if all agree.
        wire: Whether whole small messages are read and written by code of ours, or
            all of them by Autobahn.
        camera_latencies: What is known of how long models take to begin to film.
        camera_delays: How late released apps call their cameras, ms, for those of which
            an operator knows better than the table does.
        webhook: The URL that letters are posted to; None if none are made.
        webhook_secret: What they are signed with.
        advertise: Whether the server announces itself on the local network.
    """

    ports: tuple[str, ...] = ("3001",)
    certificate: Path | None = None
    private_key: Path | None = None
    certificates: Path | None = None
    origins: frozenset[str] = frozenset()
    log_format: LogFormat = "text"
    lead: float = 250.0
    cleanup: float = 30 * MINUTE
    longest_take: float = 4 * HOUR
    store: Path | None = None
    survives: Survives = "kill"
    keep_takes: float = 90 * DAY
    start_policy: StartPolicy = "best-effort"
    wire: WireLane = "fast"
    camera_latencies: tuple[CameraLatency, ...] = ()
    camera_delays: Mapping[App, float] = field(default_factory=dict)
    webhook: str | None = field(default=None, repr=False)
    webhook_secret: bytes = field(default=b"", repr=False)
    advertise: bool = False

    def camera_delay(self, app: App) -> float:
        """Return fixed ms between the instant an app aims at and its camera call."""
        return self.camera_delays.get(app, app.camera_delay)
