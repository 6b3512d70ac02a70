"""What leaves for one peer, and when.

A start counts down, a stop is held until it is due, and what has a number follows
in the order of its numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import Protocol

from msgspec import UNSET, UnsetType
from twisted.internet.interfaces import IReactorTime

from raydel.core.events import Receipt
from raydel.core.messages import Outbound, StartRecording, StopRecording
from raydel.countdown import Countdown, Phone
from raydel.interfaces import ITimebase
from raydel.outbox import Outbox


class Addressee(Phone, Protocol):
    """What departures want to know of their peer, and have it do."""

    def counts(self) -> bool:
        """Whether it is told all in the order of its numbers."""

    def stop_departure(self, stop_at: float) -> float:
        """When a stop would have to leave, to arrive then."""

    def report_clock(self) -> None:
        """Tell it what its latest answer says."""

    def send(
        self, message: Outbound, receipt: Receipt | None = None, *, exact: bool = True
    ) -> None:
        """Send it a message now; ``exact``: its clock can be relied on."""


class Departures:
    """The order in which one peer is told things.

    Args:
        addressee: The peer.
        clock: Runs the timers.
        timebase: Server time.
    """

    __slots__ = (
        "_addressee",
        "_behind",
        "_clock",
        "_countdown",
        "_outbox",
        "_timebase",
    )

    def __init__(
        self, addressee: Addressee, clock: IReactorTime, timebase: ITimebase
    ) -> None:
        self._addressee = addressee
        self._clock = clock
        self._timebase = timebase
        self._outbox = Outbox(clock, timebase)
        self._countdown: Countdown | None = None
        self._behind: list[Outbound] = []

    @property
    def until(self) -> float:
        """When all that is held will have left; -inf if nothing is."""
        return self._outbox.until

    def say(self, message: Outbound) -> None:
        """Send a message, but let it overtake nothing that it comes after."""
        if self._countdown is not None and self._addressee.counts():
            self._behind.append(message)
        elif self._outbox.is_empty:
            self._addressee.send(message)
        else:
            self._put(message)

    def start(
        self, command: StartRecording, receipt: Receipt | None, grace: float = 0.0
    ) -> None:
        """Count down to a start; if it is asked for again, it is on its way."""
        if self._counts_down_to(command.take_id):
            return
        self._cancel_countdown()
        self._follow()
        self._countdown = Countdown(
            self._addressee,
            command,
            receipt,
            self._start_now,
            self._clock,
            self._timebase,
            grace,
        )
        self._countdown.begin()

    def stop(self, command: StopRecording, receipt: Receipt | None) -> None:
        """Send a stop so that it arrives at its instant; take back its own start."""
        if self._counts_down_to(command.take_id):
            self._cancel_countdown()
            self._follow()
        at, departure = command.local_stop_time, -inf
        if at is not UNSET:
            departure = self._addressee.stop_departure(at)
        self._put(command, receipt, departure)

    def reconsider(self) -> None:
        """Set the departure of a start again: the peer has just been heard."""
        if self._countdown is not None:
            self._countdown.reconsider()

    def close(self, leave: Callable[[], None]) -> None:
        """Call ``leave`` once all that is held has left; take back a start.

        What had to wait for that is told when the peer comes back.
        """
        self._cancel_countdown()
        self._behind.clear()
        self._outbox.put(-inf, leave)

    def clear(self) -> None:
        """Forget all that waits."""
        self._cancel_countdown()
        self._behind.clear()
        self._outbox.clear()

    def _start_now(self, countdown: Countdown, exact: bool) -> None:
        self._countdown = None
        self._addressee.report_clock()
        self._put(countdown.command, countdown.receipt, exact=exact)
        self._follow()

    def _put(
        self,
        message: Outbound,
        receipt: Receipt | None = None,
        departure: float = -inf,
        *,
        exact: bool = True,
    ) -> None:
        self._outbox.put(
            departure, lambda: self._addressee.send(message, receipt, exact=exact)
        )

    def _follow(self) -> None:
        """Send what had to wait for a start."""
        behind, self._behind = self._behind, []
        for message in behind:
            self._put(message)

    def _counts_down_to(self, take_id: str | UnsetType) -> bool:
        countdown = self._countdown
        return countdown is not None and countdown.command.take_id == take_id

    def _cancel_countdown(self) -> None:
        if self._countdown is not None:
            self._countdown.cancel()
            self._countdown = None
