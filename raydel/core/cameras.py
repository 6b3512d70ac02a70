"""How long a camera takes from the call to its first frame, as far as it is known.

No released app reports its first frame. What can be known of them stands in an option,
a model each; without it there is what was measured of phones in general: from 120 ms
before the call to 1.6 s after it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Final

from raydel.core.apps import App
from raydel.core.values import Value

_WRITTEN: Final = re.compile(
    r"(?P<model>.*[^\s].*):(?P<delay>-?[0-9]{1,5}(\.[0-9]{1,3})?)"
    r"(±|\+-)(?P<spread>[0-9]{1,5}(\.[0-9]{1,3})?)"
)

SOONEST: Final = -1_000.0
LATEST: Final = 10_000.0
"""ms. What a camera takes is between them, whatever it is."""


class Latency(Value, frozen=True):
    """How long something takes.

    Attributes:
        delay: As a rule, ms.
        spread: How far off that is 19 times of 20, ms.
    """

    delay: float
    spread: float


class CameraLatency(Value, frozen=True):
    """That of the cameras of a model, as an operator knows it.

    Attributes:
        model: The model, or the device's name where it declares none; ``*`` in it
            stands for anything. Upper and lower case are one.
        latency: From the call to the first frame.
    """

    model: str
    latency: Latency


ANY_CAMERA: Final = Latency(740.0, 860.0)
"""Of a model that nobody knows anything of. No camera was seen outside of it: so its
spread is also the most that it is off."""

MOST: Final = 2.0
"""Of a model that is known, nobody knows the most that its latency is off. It is taken
to be twice what it is off 19 times of 20: four standard deviations, and with the 20 to
40 ms that were measured of phones more than any of them showed."""

AT_ONCE: Final = Latency(0.0, 0.0)
"""Of what happens in the call that asks for it."""

ON_FRAMES: Final = Latency(8.35, 8.35)
"""Of a React Native timer: it fires with the next picture of the screen, of which there
are 60 in a second, so 0 to 16.7 ms late."""

_TIMERS: Final = {
    App.LIBRARY_2: ON_FRAMES,
    App.SCREEN_2_OLD: ON_FRAMES,
    App.SCREEN_2: ON_FRAMES,
    App.SCREEN_3: ON_FRAMES,
}
"""The others call their camera as the message comes. Protocol 2 is no one app: what the
timer of one adds belongs into what is told of its camera."""


def timer_latency(app: App) -> Latency:
    """Return how late an app's timer calls the camera; the spread is also the most."""
    return _TIMERS.get(app, AT_ONCE)


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


def written(text: str) -> CameraLatency:
    """Read a latency as it is written: ``MODEL:MS±MS``, or ``+-`` in place of ``±``.

    The model is what stands before the last colon.

    Raises:
        ValueError: It is not written like that, or no camera takes so long. Says which.
    """
    parts = _WRITTEN.fullmatch(text)
    if parts is None:
        raise ValueError("it is MODEL:MS±MS, as in iPhone15,2:350±60")
    latency = Latency(float(parts["delay"]), float(parts["spread"]))
    if not SOONEST <= latency.delay <= LATEST or latency.spread > LATEST:
        raise ValueError(
            f"a camera takes from {SOONEST:g} to {LATEST:g} ms, and is off by less"
        )
    return CameraLatency(parts["model"].strip(), latency)
