"""The device's clock."""

from __future__ import annotations

import time
from typing import Any, Final

_EPOCH: Final = (time.time() - time.monotonic()) * 1000.0
"""Read once: whoever sets the computer's clock later moves nothing."""


def now() -> float:
    """Return the time of this device: ms since 1970, with a fraction.

    It only goes forward. It is what the server is told, and what a camera's frames
    have to be told in.
    """
    return _EPOCH + time.monotonic() * 1000.0


def steady(reactor: Any) -> None:
    """Have a reactor's timers run by the monotonic clock, if none is set yet.

    Twisted's own run by the computer's clock: set forward, all of them are due at
    once, and set back, none is. A timer that is set already would never come.
    """
    is_real = getattr(reactor, "seconds", None) is not None
    if is_real and hasattr(reactor, "running") and not reactor.getDelayedCalls():
        reactor.seconds = time.monotonic
