"""How long a camera takes from the call to its first frame, as far as it is known.

No released app reports its first frame. What can be known of them stands in an option,
a model each; without it there is what was measured of phones in general: from 120 ms
before the call to 1.6 s after it.
"""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Final

from msgspec import Struct


class Latency(Struct, frozen=True):
    """How long something takes.

    Attributes:
        delay: As a rule, ms.
        spread: How far off that is 19 times of 20, ms.
    """

    delay: float
    spread: float


class CameraLatency(Struct, frozen=True):
    """That of the cameras of a model, as an operator knows it.

    Attributes:
        model: The model, or the device's name where it declares none; ``*`` in it
            stands for anything. Upper and lower case are one.
        latency: From the call to the first frame.
    """

    model: str
    latency: Latency


ANY_CAMERA: Final = Latency(740.0, 860.0)
"""Of a model that nobody knows anything of."""


def known_latency(
    names: Sequence[str | None], known: Sequence[CameraLatency]
) -> Latency | None:
    """Return what is known of a device's camera; None if nothing is.

    Args:
        names: What it may be known by, the best first: its model, then its name.
        known: What an operator knows; the first that fits is taken.
    """
    for name in names:
        for each in known:
            if name is not None and fnmatchcase(name.lower(), each.model.lower()):
                return each.latency
    return None
