"""Server time, from the machine's boot clock."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

from zope.interface import implementer

from raydel.core.instants import SECOND, Anchor
from raydel.interfaces import ITimebase

_BOOT_CLOCK: Final = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")


boot_clock: Final = partial(time.clock_gettime, _BOOT_CLOCK)
"""Returns seconds since the machine was started, its sleep included.

Where the system has no such clock, a monotonic one that starts somewhere. It is asked
several times a message, so nothing of ours stands in between.
"""


def boot_name(boot_id: Path = _BOOT_ID) -> str:
    """Name this run of the boot clock: the same until the machine is restarted.

    Where the system does not name its boots, each call draws another name: then
    server time begins anew with each start of the program.
    """
    try:
        return boot_id.read_text("ascii").strip()
    except OSError:
        return secrets.token_urlsafe(9)


def fresh_anchor(
    boot: str,
    wall: Callable[[], float] = time.time,
    since_boot: Callable[[], float] = boot_clock,
) -> Anchor:
    """Begin a server time that agrees with the wall clock of this moment.

    Args:
        boot: Names the run of the boot clock.
        wall: Seconds since the epoch; read once.
        since_boot: Seconds of the boot clock; read once.
    """
    return Anchor(boot, secrets.token_urlsafe(9), (wall() - since_boot()) * SECOND)


@implementer(ITimebase)
class BootTimebase:
    """The boot clock, anchored to the epoch.

    The machine's wall clock may step by an hour: nothing here moves. A program
    that is started again with the same anchor goes on with the same time.

    Args:
        anchor: From this boot.
        since_boot: Seconds of the boot clock.
    """

    def __init__(
        self, anchor: Anchor, since_boot: Callable[[], float] = boot_clock
    ) -> None:
        self._epoch = anchor.epoch
        self._since_boot = since_boot
        self.clock_id = anchor.clock_id

    def now(self) -> float:
        """Return milliseconds since the epoch, with a fraction."""
        return self._epoch + self._since_boot() * SECOND
