"""Tells systemd how the program is: it is ready, it lives, it is about to end.

The protocol is that of sd_notify(3): a few words in a datagram to the UNIX socket
that NOTIFY_SOCKET names. Twisted does not speak it. The `sdnotify` package does, but
through a blocking socket, and it has had no release since 2017; what is needed of it
are the few lines of `_tell`.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from typing import Final

from twisted.application.service import Service
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

READY: Final = b"READY=1"
STOPPING: Final = b"STOPPING=1"
ALIVE: Final = b"WATCHDOG=1"

_MICROSECONDS: Final = 1_000_000

_log: Final = Logger()


class Supervised(Service):
    """Reports to the supervisor, and does nothing where there is none.

    It belongs behind the ports: those that start before it are open when it says
    that the program is ready, and it stops before they close.

    The signs of life come from the reactor's own timers. A reactor that hangs gives
    none, and systemd starts the program anew.

    Args:
        clock: Times the signs of life.
        environ: Where the supervisor has left its address.
        pid: This process; a watchdog may be meant for another.
    """

    def __init__(
        self,
        clock: IReactorTime,
        environ: Mapping[str, str] = os.environ,
        pid: int | None = None,
    ) -> None:
        self._clock = clock
        self._address = _address(environ.get("NOTIFY_SOCKET", ""))
        self._interval = _interval(environ, os.getpid() if pid is None else pid)
        self._next: IDelayedCall | None = None

    def startService(self) -> None:
        """Say that the program is ready, and from now on that it lives."""
        super().startService()  # type: ignore[no-untyped-call]
        self._tell(READY)
        if self._address and self._interval is not None:
            self._live(self._interval)

    def stopService(self) -> None:
        """Say that the program ends.

        The supervisor counts the time to the end from here on, and expects no signs
        of life any more.
        """
        super().stopService()  # type: ignore[no-untyped-call]
        self._tell(STOPPING)
        if self._next is not None:
            self._next.cancel()
            self._next = None

    def _live(self, interval: float) -> None:
        # Armed first: whatever goes wrong with one sign, the next one comes.
        self._next = self._clock.callLater(interval, self._live, interval)
        self._tell(ALIVE)

    def _tell(self, words: bytes) -> None:
        """Send one datagram; a supervisor that is deaf does not hold the program up."""
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as wire:
                wire.setblocking(False)
                wire.sendto(words, self._address)
        except OSError as problem:
            _log.warn(
                "cannot tell the supervisor {words}: {problem}",
                words=words.decode("ascii"),
                problem=str(problem),
            )


def _address(named: str) -> str:
    """Return the address of the socket, empty if there is none that is understood.

    An ``@`` stands for the zero byte of Linux's abstract sockets. Anything else is
    a path; virtual machines know other kinds, which are no business of a service.
    """
    if named.startswith("@"):
        return "\0" + named[1:]
    return named if named.startswith("/") else ""


def _interval(environ: Mapping[str, str], pid: int) -> float | None:
    """Return the seconds between signs of life: half of what is allowed.

    Returns:
        None if nobody waits for any, or only for those of another process.
    """
    limit = environ.get("WATCHDOG_USEC", "")
    if environ.get("WATCHDOG_PID", str(pid)) != str(pid) or not limit.isdecimal():
        return None
    return int(limit) / _MICROSECONDS / 2 or None
