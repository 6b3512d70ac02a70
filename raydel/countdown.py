"""One phone's copy of a start command, from its acceptance until it leaves.

Within the lead the phone is probed once more. If it has told its clock, the copy
leaves as soon as the answers are in, and in time in any case. If it starts on
receipt, the copy leaves so that it arrives when it should.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from raydel.core.burst import BURST
from raydel.core.events import Receipt
from raydel.core.instants import SECOND
from raydel.core.messages import StartRecording
from raydel.interfaces import ITimebase


class Phone(Protocol):
    """What a countdown wants to know of its phone, and has it do."""

    def departure(self, start_at: float) -> float:
        """When a copy that starts on receipt would have to leave."""

    def latest_departure(self, start_at: float) -> float:
        """When a copy in the phone's own time would have to leave at last."""

    def answers(self) -> int:
        """How often the phone has told its clock."""

    def clock_holds(self, since: float) -> bool:
        """Whether what it told since then agrees with what it told before."""

    def probe(self) -> None:
        """Ask the phone for its clock, or how far it is, in a burst."""

    def free_at(self) -> float:
        """When what it was told before will have left."""


class Countdown:
    """Sends ``command`` once, at the right moment, unless it is cancelled.

    Args:
        phone: Whose copy it is.
        command: The command, in server time.
        receipt: For the proof of its arrival.
        send: Sends the copy; its argument says whether the phone's clock can
            be relied on.
        grace: By how many ms it leaves before its instant asks for that.
    """

    __slots__ = (
        "_answers",
        "_clock",
        "_grace",
        "_leaves_at",
        "_on_receipt",
        "_phone",
        "_send",
        "_since",
        "_timebase",
        "_timer",
        "command",
        "receipt",
    )

    def __init__(
        self,
        phone: Phone,
        command: StartRecording,
        receipt: Receipt | None,
        send: Callable[[Countdown, bool], None],
        clock: IReactorTime,
        timebase: ITimebase,
        grace: float = 0.0,
    ) -> None:
        self.command = command
        self.receipt = receipt
        self._phone = phone
        self._send = send
        self._clock = clock
        self._timebase = timebase
        self._grace = grace
        self._since = timebase.now()
        self._answers = phone.answers()
        self._timer: IDelayedCall | None = None
        self._leaves_at = 0.0
        self._on_receipt = False

    def begin(self) -> None:
        """Probe while there is time, or send at once and probe then: a take begins."""
        if self._departure() <= self._since:
            self._leave()
            self._phone.probe()
            return
        self._phone.probe()
        self.reconsider()

    def reconsider(self) -> None:
        """Set the departure again: the phone has just been heard."""
        departure, now = self._departure(), self._timebase.now()
        is_set = self._timer is not None and departure == self._leaves_at
        if is_set and departure > now:
            return
        self._stop_timer()
        self._leaves_at = departure
        wait = max(0.0, departure - now)
        self._timer = self._clock.callLater(wait / SECOND, self._leave)

    def cancel(self) -> None:
        """Do not send it any more."""
        self._stop_timer()

    def _departure(self) -> float:
        phone, start_at = self._phone, self.command.atomic_start_time
        if self._on_receipt or not phone.answers():
            departure = phone.departure(start_at)
        elif phone.answers() - self._answers >= BURST:
            departure = self._since
        else:
            departure = phone.latest_departure(start_at - self._grace)
        return max(departure, phone.free_at())

    def _leave(self) -> None:
        """Send the copy, or first learn that the phone's clock is not known."""
        self._timer = None
        if self._phone.answers() and not self._on_receipt:
            self._on_receipt = not self._phone.clock_holds(self._since)
            if self._on_receipt and self._departure() > self._timebase.now():
                self.reconsider()
                return
        self.cancel()
        self._send(self, not self._on_receipt)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
