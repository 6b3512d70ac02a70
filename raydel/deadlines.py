"""What time alone changes about sessions."""

from __future__ import annotations

from typing import Final

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from raydel.core.config import Config
from raydel.core.events import DeadlinePassed
from raydel.core.instants import SECOND
from raydel.core.state import deadline_of
from raydel.interfaces import ITimebase
from raydel.line import Line
from raydel.roster import Roster

EARLY: Final = 0.001
"""Seconds a timer waits longer, so that its deadline has surely passed."""


class Deadlines:
    """One timer a session, for the earliest of its deadlines.

    When that has passed, the session's line hears of it.

    Args:
        roster: Where the lines are.
        config: Tells how long things may last.
        timebase: Server time, in which deadlines are given.
        clock: Runs the timers.
    """

    def __init__(
        self,
        roster: Roster,
        config: Config,
        timebase: ITimebase,
        clock: IReactorTime,
    ) -> None:
        self._roster = roster
        self._config = config
        self._timebase = timebase
        self._clock = clock
        self._timers: dict[str, tuple[float, IDelayedCall]] = {}

    def set(self, line: Line) -> None:
        """Set a session's timer as it is to be; it has none if it waits for nothing.

        Server time goes on while the machine sleeps, timers do not: one whose deadline
        has passed meanwhile is set anew.
        """
        code, session = line.code, line.session
        deadline = deadline_of(session, self._config) if session is not None else None
        known = self._timers.get(code)
        if deadline is None and known is None:
            return
        now = self._timebase.now()
        if known is not None and deadline == known[0] and deadline > now:
            return
        self._cancel(code)
        if deadline is not None:
            wait = max(0.0, deadline - now) / SECOND + EARLY
            timer = self._clock.callLater(wait, self._passed, code)
            self._timers[code] = deadline, timer

    def clear(self) -> None:
        """Leave no timer behind."""
        for code in list(self._timers):
            self._cancel(code)

    def _cancel(self, code: str) -> None:
        known = self._timers.pop(code, None)
        if known is not None:
            known[1].cancel()

    def _passed(self, code: str) -> None:
        del self._timers[code]
        self._roster.submit(code, DeadlinePassed())
