"""One take, played through the server's own code.

The host joins some seconds before the guest, one of them taps start, and both call
their cameras. Between them stands a `SessionService` as it runs in a club, on a store
in memory, and all it sees of them is bytes. It is the only party that is not played;
what it takes to think is not played either, it takes no time.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from random import Random
from typing import Final, TypeVar

from twisted.internet.defer import Deferred

from raydel.core.config import Config
from raydel.core.instants import SECOND
from raydel.core.take import ClockSample
from raydel.interfaces import TakeRecord
from raydel.service import SessionService
from raydel.simulation.clocks import Clock, Step, any_clock
from raydel.simulation.handset import CODE, Handset
from raydel.simulation.networks import Pair
from raydel.simulation.phones import PROTOCOL_2, Kind, Message
from raydel.simulation.trial import EARLIER, NOON, TAP
from raydel.simulation.virtualtime import VirtualClock, VirtualTimebase
from raydel.store.memory import MemoryStore

UP_FOR: Final = 4 * SECOND
"""ms that the server has run at most when the first phone comes: a round of pings."""

PATIENCE: Final = 20 * SECOND
"""ms after a tap at which a phone that has done nothing yet never will."""

AFTERWARDS: Final = 2 * SECOND
"""ms that phones stay once they have stopped: they are asked for their clocks again."""

_Fired = TypeVar("_Fired")

AnyClock = Callable[[Random, float, float], Clock]
"""``(random, when it begins, its granularity)`` to a phone's clock."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be played.

    Attributes:
        networks: What host and guest are connected through.
        kinds: What apps they run.
        after: ms from the guest's join to the tap.
        length: ms from the tap on start to the tap on stop; None ends the take once
            both cameras were called.
        frames: Whether the phones' timers wait for the next picture on the screen.
        thinks: ms that a phone takes to answer a question about its clock.
        clocks: Draws the phones' clocks.
        steps: When the clock of each is set; the guest joins at `NOON`.
        config: The server's settings.
        declares: What the ``join`` of each says besides.
        chance: Where the server draws from when to ask phones now and then.
    """

    networks: Pair
    kinds: tuple[Kind, Kind] = (PROTOCOL_2, PROTOCOL_2)
    after: float = TAP
    length: float | None = None
    frames: bool = False
    thinks: float = 0.0
    clocks: AnyClock = any_clock
    steps: tuple[tuple[Step, ...], tuple[Step, ...]] = ((), ())
    config: Config = field(default_factory=Config)
    declares: tuple[Message, Message] = field(default_factory=lambda: ({}, {}))
    chance: Callable[[], float] = random.random


@dataclass(frozen=True, slots=True)
class Start:
    """How one phone started.

    Attributes:
        due_at: When its timer to call the camera was due.
        called_at: When it called its camera: with the next picture, if it had to wait
            for one.
        missed_by: ms by which it was told to start too late; too early, with a minus.
            That is what its clock was misjudged by. For a phone that starts on
            receipt, how much too late its camera call was due.
        on_receipt: Whether it was told no time.
        too_late: Whether it was told a time that was over when it heard of it.
        uncertainty: What its copy said of that, ms, if it did.
        bound: The most that it was to be, ms, if that was said.
        quickest: The quickest round trip to it by then, ms, if there was one.
    """

    due_at: float
    called_at: float
    missed_by: float
    on_receipt: bool
    too_late: bool
    uncertainty: float | None
    bound: float | None
    quickest: float | None

    @property
    def holds(self) -> bool:
        """Whether no promise was broken."""
        return self.bound is None or abs(self.missed_by) <= self.bound


@dataclass(frozen=True, slots=True)
class Played:
    """A take that was played.

    Attributes:
        start_at: When the server wanted the cameras to be called.
        starts: How host and guest started.
        stopped_at: When each stopped; none for a take that was not stopped.
        clocks: The phones' clocks, for who wants to compare.
        samples: What the server stored of them.
        device_ids: Whose samples are whose: by role, as the clocks.
    """

    start_at: float
    starts: tuple[Start, Start]
    stopped_at: tuple[float, ...]
    clocks: tuple[Clock, Clock]
    samples: Sequence[ClockSample]
    device_ids: tuple[str, str]

    @property
    def commanded_skew(self) -> float:
        """By how many ms the host was to start after the guest."""
        return self.starts[0].missed_by - self.starts[1].missed_by

    @property
    def due_skew(self) -> float:
        """By how many ms the host's camera call was due after the guest's."""
        return self.starts[0].due_at - self.starts[1].due_at

    @property
    def called_skew(self) -> float:
        """By how many ms the host called its camera after the guest."""
        return self.starts[0].called_at - self.starts[1].called_at


class Lost(Exception):
    """A take came to nothing: a phone never started, or never stopped."""


def play(plan: Plan, random: Random) -> Played:
    """Play one take.

    Args:
        plan: The take.
        random: Where all chance comes from.

    Raises:
        Lost: A phone never started, or never stopped.
    """
    stage = Stage(plan, random)
    stage.start()
    if plan.length is not None:
        stage.stop(plan.length)
    return stage.played()


class Stage:
    """A server and two phones.

    Args:
        plan: The take.
        random: Where all chance comes from.

    Attributes:
        phones: Host and guest.
    """

    def __init__(self, plan: Plan, random: Random) -> None:
        joins = (NOON - random.uniform(*EARLIER), NOON)
        self._random = random
        self._clock = VirtualClock(joins[0] - random.uniform(0.0, UP_FOR))
        self._tap_at = NOON + plan.after
        self._service = SessionService(
            plan.config,
            MemoryStore(),
            VirtualTimebase(self._clock),
            self._clock,
            plan.chance,
        )
        self._service.startService()
        self.phones = (
            self._phone(plan, joins[0], 0),
            self._phone(plan, joins[1], 1),
        )
        for joined_at, phone in zip(joins, self.phones, strict=True):
            self._clock.call_at(joined_at, phone.join, self._service)

    def start(self) -> None:
        """Let both join, one of them tap start, and both call their cameras.

        Raises:
            Lost: One did not.
        """
        self._tap(self._tap_at, Handset.tap_start)
        self._wait(self._tap_at, lambda phone: phone.order and phone.called_at)

    def stop(self, length: float) -> None:
        """Let one of them tap stop, and both stop.

        Args:
            length: ms from the tap on start to that on stop.

        Raises:
            Lost: One did not.
        """
        stop_at = self._tap_at + length
        self._tap(stop_at, Handset.tap_stop)
        self._wait(stop_at, lambda phone: phone.stopped_at)
        self._clock.run(self._clock.now + AFTERWARDS)

    def again(self, after: float) -> None:
        """Have both ready for another take.

        Args:
            after: ms from now to its tap.
        """
        for phone in self.phones:
            phone.be_ready()
        self._tap_at = self._clock.now + after

    def run_until(self, instant: float) -> None:
        """Let time pass."""
        self._clock.run(instant)

    def played(self) -> Played:
        """Return what came of it."""
        record = self._record()
        take = record.take
        first, second = self.phones
        ids = {p.owner.is_host: p.owner.device_id for p in take.participants}
        return Played(
            start_at=take.start_at,
            starts=(_start(first, take.start_at), _start(second, take.start_at)),
            stopped_at=tuple(p.stopped_at for p in self.phones if p.stopped_at),
            clocks=(first.own, second.own),
            samples=record.samples,
            device_ids=(ids[True], ids[False]),
        )

    def _phone(self, plan: Plan, joined_at: float, number: int) -> Handset:
        kind = plan.kinds[number]
        own = plan.clocks(self._random, joined_at, kind.granularity)
        return Handset(
            self._clock,
            kind,
            replace(own, steps=plan.steps[number]) if plan.steps[number] else own,
            (plan.networks.first, plan.networks.second)[number],
            self._random,
            is_host=number == 0,
            frames=plan.frames,
            thinks=plan.thinks,
            declares=plan.declares[number],
        )

    def _tap(self, at: float, tap: Callable[[Handset], None]) -> None:
        who = self._random.choice(self.phones)
        self._clock.call_at(at, partial(tap, who))
        self._clock.run(at)

    def _wait(self, since: float, done: Callable[[Handset], object]) -> None:
        def goes_on() -> bool:
            return not all(map(done, self.phones))

        self._clock.run_while(goes_on, since + PATIENCE)
        if goes_on():
            raise Lost("a phone never did what it was told")

    def _record(self) -> TakeRecord:
        take = _fired(self._service.takes(CODE, limit=1))[0]
        record: TakeRecord | None = _fired(self._service.take(take.id))
        if record is None:
            raise Lost("the take is not in the store")
        return record


def _start(phone: Handset, aim: float) -> Start:
    """Compare what a phone was told with what is true."""
    if phone.order is None or phone.due_at is None or phone.called_at is None:
        raise Lost("a phone never started")
    message = phone.order.message
    on_receipt = phone.kind.told(message) is None
    return Start(
        due_at=phone.due_at,
        called_at=phone.called_at,
        missed_by=_missed(phone, message, phone.due_at, aim),
        on_receipt=on_receipt,
        too_late=not on_receipt and phone.order.too_late,
        uncertainty=message.get("uncertainty_ms"),
        bound=None if on_receipt else phone.bound,
        quickest=phone.order.quickest,
    )


def _missed(phone: Handset, message: Message, due_at: float, aim: float) -> float:
    commanded = phone.kind.commanded(message)
    if commanded is None:
        return due_at - aim
    return commanded - (aim + phone.own.ahead(aim))


def _fired(done: Deferred[_Fired]) -> _Fired:
    """Return what a Deferred has fired with: a store in memory never waits."""
    results: list[_Fired] = []
    done.addCallback(results.append)
    return results[0]
