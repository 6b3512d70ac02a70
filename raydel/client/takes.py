"""The takes that a device was told of, and how far it is with each.

Instants are milliseconds of the device's own clock.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

from msgspec import Struct, structs

from raydel.core.messages import TakeUpdate
from raydel.core.waits import silence

REMEMBERED: Final = 32
"""Takes whose ids are known: what is repeated is never as old."""

Phase = Literal["agreed", "running", "ending", "over"]

_FINAL: Final = frozenset({"stopped", "failed", "refused"})
_NO_FILE: Final = "no file"


class Take(Struct, frozen=True, rename="camel"):
    """One recording, as far as this device has to do with it.

    Attributes:
        id: The server's name for it.
        starts_at: When the camera is to be called; None for at once.
        is_late: Whether it ran already when this device began to record it.
        phase: ``agreed`` until the camera is called, ``running`` until it is stopped,
            ``ending`` until its file is reported, then ``over``.
        stops_at: When the camera is to be stopped, once that is known.
        fares: How the other devices fare with it, by their ids: what they reported
            last, or ``silent``, or ``no file`` for those that are given up.
    """

    id: str
    starts_at: float | None = None
    is_late: bool = False
    phase: Phase = "agreed"
    stops_at: float | None = None
    fares: Mapping[str, str] = {}

    @property
    def is_recorded(self) -> bool:
        """Whether the camera runs for it, or soon will."""
        return self.phase in {"agreed", "running"}

    @property
    def waits_for_others(self) -> bool:
        """Whether another device has begun with it, and has not reported its end."""
        return any(state not in {*_FINAL, _NO_FILE} for state in self.fares.values())

    def noted(self, update: TakeUpdate) -> Take:
        """Return it with what is known of another device."""
        given_up = update.state == "silent" and update.reason == silence("stopped")
        state = _NO_FILE if given_up else update.state
        return structs.replace(self, fares={**self.fares, update.device_id: state})


class Takes:
    """The takes of one device, oldest first.

    Attributes:
        known: All of them; a value, replaced whenever one changes.
    """

    def __init__(self, known: tuple[Take, ...] = ()) -> None:
        self.known = known

    def named(self, take_id: str) -> Take | None:
        """Return one of them."""
        return next((each for each in self.known if each.id == take_id), None)

    @property
    def latest(self) -> Take | None:
        """The latest of them."""
        return self.known[-1] if self.known else None

    @property
    def recorded(self) -> Take | None:
        """The one that is recorded, or soon will be."""
        return next((each for each in self.known if each.is_recorded), None)

    @property
    def unfinished(self) -> tuple[Take, ...]:
        """Those whose end is not reported yet."""
        return tuple(each for each in self.known if each.phase != "over")

    def add(self, take: Take) -> Take:
        """Remember one, and return it."""
        self.known = (*self.known, take)[-REMEMBERED:]
        return take

    def put(self, take: Take) -> Take:
        """Replace what is known of one, and return it."""
        self.known = tuple(take if take.id == e.id else e for e in self.known)
        return take

    def forget_others(self) -> None:
        """Expect nothing of other devices: what they said may have been missed."""
        self.known = tuple(structs.replace(each, fares={}) for each in self.known)
