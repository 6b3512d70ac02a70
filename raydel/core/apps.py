"""The apps in the field, told apart by what they do.

None of them says its version, none can be changed, and each starts its camera
in its own way. A wrong guess costs the difference of two camera delays, never a
clock offset.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import Final


class App(Enum):
    """What a peer is. The value is the name kept in the store."""

    LIBRARY_1 = "library-1"
    LIBRARY_2 = "library-2"
    SCREEN_1 = "screen-1"
    SCREEN_2_OLD = "screen-2-old"
    SCREEN_2 = "screen-2"
    SCREEN_3 = "screen-3"
    PROTOCOL_2 = "protocol-2"

    @property
    def camera_delay(self) -> float:
        """Fixed ms between the instant the app aims at and its camera call."""
        return _TRAITS[self].camera_delay

    @property
    def is_screen(self) -> bool:
        """Whether it is one of the app's screens.

        A screen never reconnects, hides its stop button when the other phone
        disconnects, and stops recording by itself after an hour.
        """
        return _TRAITS[self].is_screen

    @property
    def is_released(self) -> bool:
        """Whether it is one of the six that know nothing of protocol 2."""
        return self is not App.PROTOCOL_2


@dataclass(frozen=True)
class _Traits:
    camera_delay: float
    is_screen: bool


_TRAITS: Final = {
    App.LIBRARY_1: _Traits(0.0, is_screen=False),
    App.LIBRARY_2: _Traits(0.0, is_screen=False),
    App.SCREEN_1: _Traits(0.0, is_screen=True),
    App.SCREEN_2_OLD: _Traits(50.0, is_screen=True),
    App.SCREEN_2: _Traits(1050.0, is_screen=True),
    App.SCREEN_3: _Traits(95.0, is_screen=True),
    App.PROTOCOL_2: _Traits(0.0, is_screen=False),
}


class Sign(Enum):
    """Something a peer does that tells which app it is."""

    ANSWERED_TIME_SYNC = "answered a time-sync request"
    DEVICE_READY = "sent device_ready"
    CAMERA_READY = "sent camera_ready"


_EARLY_NAME: Final = re.compile(r"Device [a-z0-9]*")
_ROLE_NAME: Final = re.compile(r"[A-Z]+-(HOST|JOIN)-\w+")


def recognise(*, protocol: int | None, code_in_path: bool, name: str | None) -> App:
    """Guess the app from how it connects and what it calls itself."""
    if protocol is not None:
        return App.PROTOCOL_2
    name = name or ""
    if code_in_path and name.startswith("Device "):
        return App.SCREEN_1
    if _ROLE_NAME.fullmatch(name):
        return App.SCREEN_2
    if _EARLY_NAME.fullmatch(name):
        return App.SCREEN_2_OLD
    return App.LIBRARY_1


def learn(app: App, sign: Sign) -> App:
    """Correct the guess by something the peer did."""
    if app is App.PROTOCOL_2:
        return app
    if sign is Sign.DEVICE_READY:
        return App.SCREEN_3
    if sign is Sign.CAMERA_READY:
        return App.SCREEN_2_OLD
    return _ONCE_ANSWERED.get(app, app)


_ONCE_ANSWERED: Final = {
    App.LIBRARY_1: App.LIBRARY_2,
    App.SCREEN_1: App.LIBRARY_2,
    App.SCREEN_2_OLD: App.LIBRARY_2,
    App.SCREEN_2: App.SCREEN_3,
}
"""Of each pair that looks alike, only the later one answers time sync."""
