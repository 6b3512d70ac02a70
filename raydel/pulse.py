"""Whether a peer is there: its signs of life, and how long it may go without."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Final

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from raydel.core.instants import SECOND
from raydel.interfaces import ITimebase

SILENCE: Final = 10_000.0
"""ms without a sign of life after which a peer is shown as gone."""

STRANGER_PATIENCE: Final = 30_000.0
"""ms that a peer may stay without a seat and without a word."""


class Life(Enum):
    """How things stand with a peer."""

    STRANGER = "it has no seat: it is to say something soon"
    WAITING = "it has no seat, but is owed a stop: it may be silent"
    THERE = "it has a seat, or has asked for one"
    PROBED = "somebody wants its seat: is it still there?"
    SILENT = "it has a seat, and is shown as gone"
    OVER = "it was told goodbye, or is gone"


# Tuples: each message asks, and the members of an Enum are slow to hash.
_SEATED: Final = (Life.THERE, Life.PROBED, Life.SILENT)


class Pulse:
    """The signs of life of one peer.

    Args:
        clock: Runs the timer.
        timebase: Tells when it was heard.
        lose_patience: Called when a stranger has said nothing for too long.

    Attributes:
        life: How things stand.
    """

    __slots__ = (
        "_clock",
        "_last_heard",
        "_lose_patience",
        "_patience",
        "_timebase",
        "life",
    )

    def __init__(
        self,
        clock: IReactorTime,
        timebase: ITimebase,
        lose_patience: Callable[[], None],
    ) -> None:
        self.life = Life.STRANGER
        self._clock = clock
        self._timebase = timebase
        self._lose_patience = lose_patience
        self._last_heard = timebase.now()
        self._patience: IDelayedCall | None = None
        self._be_patient()

    def heard(self, now: float) -> Life:
        """Note a sign of life at an instant, and return how things stood until then."""
        before = self.life
        self._last_heard = now
        if before in _SEATED:
            self.life = Life.THERE
        return before

    def spoke(self) -> None:
        """Note a word: a stranger has its time again. A pong is none."""
        if self.life is Life.STRANGER:
            self._be_patient()

    def asked(self) -> None:
        """Note that it has asked for a seat, or has one: no word is needed."""
        if self.life in {Life.STRANGER, Life.WAITING}:
            self.life = Life.THERE
            self._forget_patience()

    def unseated(self, *, owed: bool) -> None:
        """Note that it has no seat, or no longer; ``owed``: but is owed a stop."""
        if self.life is Life.OVER:
            return
        self.life = Life.WAITING if owed else Life.STRANGER
        self._forget_patience()
        self.spoke()

    def probed(self) -> None:
        """Note that its next sign of life answers a question."""
        if self.life is Life.THERE:
            self.life = Life.PROBED

    def falls_silent(self) -> bool:
        """Tell whether it has just been silent for too long: once."""
        mute = self._timebase.now() - self._last_heard >= SILENCE
        if not mute or self.life not in {Life.THERE, Life.PROBED}:
            return False
        self.life = Life.SILENT
        return True

    def end(self) -> None:
        """Wait for nothing any more."""
        self.life = Life.OVER
        self._forget_patience()

    def _be_patient(self) -> None:
        self._forget_patience()
        self._patience = self._clock.callLater(
            STRANGER_PATIENCE / SECOND, self._run_out
        )

    def _forget_patience(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _run_out(self) -> None:
        self._patience = None
        self._lose_patience()
