"""When peers are asked for their clocks.

A burst of questions tells more than as many spread out: the radio is awake, and the
quickest of them counts. Bursts follow each other at full cadence where it matters, and
seldom elsewhere. Those that are due together run together: one timer each, however
many peers there are.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from heapq import heappop, heappush
from itertools import count
from math import inf
from typing import Final

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from raydel.core.burst import BURST
from raydel.core.instants import SECOND
from raydel.core.schedule import (
    ATTENTION,
    FULL_CADENCE,
    HASTE,
    JITTER,
    MOST_AT_ONCE,
    SLOW_CADENCE,
    SPACING,
)
from raydel.interfaces import ITimebase

TOGETHER: Final = 10.0
"""ms by which a burst may be early, to run with one that is due."""

FULL: Final = 100.0
"""ms until the next look at what is due, where there are too many bursts already."""


class Probing:
    """How one peer is asked.

    Args:
        ask: Asks it once; given the number of the question in its burst, from 0.
        is_worth_it: Tells whether another burst makes sense.

    Attributes:
        records: Whether it records: then it is asked at full cadence.
        attended_until: When full cadence ends else.
    """

    __slots__ = (
        "ask",
        "attended_until",
        "is_worth_it",
        "records",
    )

    def __init__(
        self, ask: Callable[[int], None], is_worth_it: Callable[[], bool]
    ) -> None:
        self.ask = ask
        self.is_worth_it = is_worth_it
        self.records = False
        self.attended_until = -inf

    def cadence(self, now: float) -> float:
        """Return the ms from one burst to the next."""
        is_full = self.records or now < self.attended_until
        return FULL_CADENCE if is_full else SLOW_CADENCE


class _Burst:
    """A burst that goes on.

    Attributes:
        probing: How its peer is asked.
        began: When its first question was due, ms.
        asked: How many questions were asked.
    """

    __slots__ = (
        "asked",
        "began",
        "probing",
    )

    def __init__(self, probing: Probing, began: float) -> None:
        self.probing = probing
        self.began = began
        self.asked = 0

    def ask(self) -> bool:
        """Ask once more; tell whether more is to come."""
        number, self.asked = self.asked, self.asked + 1
        self.probing.ask(number)
        return self.asked < BURST


class Prober:
    """Asks all peers, each in its bursts.

    Args:
        clock: Runs the timers.
        timebase: Server time.
        chance: Draws from 0 to 1, so that not all are asked at once for ever.
    """

    log = Logger()

    def __init__(
        self,
        clock: IReactorTime,
        timebase: ITimebase,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._clock = clock
        self._timebase = timebase
        self._chance = chance
        self._bursts: dict[Probing, _Burst] = {}
        self._running: dict[int, IDelayedCall] = {}
        self._due: dict[Probing, float] = {}
        self._heap: list[tuple[float, int, Probing]] = []
        self._numbers = count()
        self._alarm: IDelayedCall | None = None

    def hasten(self, probing: Probing) -> None:
        """Begin a burst in haste, even if another one goes on: nobody is waited for."""
        self._begin([probing], HASTE)

    def begin(self, probing: Probing) -> None:
        """Begin a burst, unless one goes on; soon, if there are too many already."""
        if probing in self._bursts:
            return
        if len(self._bursts) < MOST_AT_ONCE:
            self._begin([probing], SPACING)
        else:
            self._put(probing, self._timebase.now() + self._chance() * SECOND)

    def attend(self, probing: Probing) -> None:
        """Ask at full cadence for a while; at once, if it was asked seldom."""
        now = self._timebase.now()
        was_slow = probing.cadence(now) == SLOW_CADENCE
        probing.attended_until = now + ATTENTION
        if was_slow:
            self.begin(probing)

    def resume(self, probing: Probing) -> None:
        """Go on with a peer that seemed not to answer, and does."""
        if probing not in self._bursts and probing not in self._due:
            self._plan(probing, self._timebase.now())

    def forget(self, probing: Probing) -> None:
        """Ask a peer no more."""
        self._bursts.pop(probing, None)
        self._due.pop(probing, None)
        if not self._due:
            self._heap.clear()
            self._set_alarm()
        if not self._bursts:
            for call in self._running.values():
                _cancel(call)
            self._running.clear()

    def stop(self) -> None:
        """Ask nobody any more."""
        for probing in [*self._bursts, *self._due]:
            self.forget(probing)

    # Bursts that go on.

    def _begin(self, peers: Sequence[Probing], spacing: float) -> None:
        now = self._timebase.now()
        bursts = []
        for probing in peers:
            self._due.pop(probing, None)
            self._bursts[probing] = burst = _Burst(probing, now)
            bursts.append(burst)
        if bursts:
            self._go_on(next(self._numbers), bursts, now, spacing)

    def _go_on(
        self, number: int, bursts: list[_Burst], due: float, spacing: float
    ) -> None:
        """Ask each of some peers once more, and go on while there is one left.

        Args:
            number: Of their timer.
            bursts: Theirs.
            due: When this was to be, ms. Timers are late; the next one is not for that.
            spacing: ms between two questions.
        """
        self._running.pop(number, None)
        left = [burst for burst in bursts if self._ask(burst)]
        if left:
            due += spacing
            wait = max(0.0, due - self._timebase.now())
            self._running[number] = self._clock.callLater(
                wait / SECOND, self._go_on, number, left, due, spacing
            )

    def _ask(self, burst: _Burst) -> bool:
        probing = burst.probing
        if self._bursts.get(probing) is not burst:
            return False
        try:
            goes_on = burst.ask()
        except Exception:
            self.log.failure("a peer could not be asked its time")
            goes_on = False
        if not goes_on and self._bursts.get(probing) is burst:
            del self._bursts[probing]
            self._plan(probing, burst.began)
        return goes_on

    # Bursts that are due later.

    def _plan(self, probing: Probing, began: float) -> None:
        if probing.is_worth_it():
            stretch = 1 + JITTER * (2 * self._chance() - 1)
            cadence = probing.cadence(self._timebase.now())
            self._put(probing, began + stretch * cadence)

    def _put(self, probing: Probing, due: float) -> None:
        self._due[probing] = due
        heappush(self._heap, (due, next(self._numbers), probing))
        self._set_alarm()

    def _set_alarm(self, pause: float = 0.0) -> None:
        """Wake up when the first burst is due, if there is one; after a pause."""
        if self._alarm is not None:
            _cancel(self._alarm)
            self._alarm = None
        if self._heap:
            wait = max(pause, self._heap[0][0] - self._timebase.now())
            self._alarm = self._clock.callLater(wait / SECOND, self._run_due)

    def _run_due(self) -> None:
        self._alarm = None
        now = self._timebase.now()
        room = MOST_AT_ONCE - len(self._bursts)
        peers: list[Probing] = []
        while self._heap and self._heap[0][0] <= now + TOGETHER and len(peers) < room:
            due, _, probing = heappop(self._heap)
            if self._due.get(probing) == due:
                peers.append(probing)
        self._begin(peers, SPACING)
        self._set_alarm(0.0 if len(peers) < room else FULL)


def _cancel(call: IDelayedCall) -> None:
    if call.active():
        call.cancel()
