"""What phones do to a server while it is measured.

A relay is one command in, and the copies that both phones of the session get of it.
A session has one under way at a time, a start and a stop in turn, tapped by host and
guest in turn.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from math import inf
from typing import Final, NamedTuple

from raydel.bench.crowd import Crowd, Phone
from raydel.bench.trouble import Trouble
from raydel.bench.wire import CLOSE, GOODBYE, message

ASKED_AROUND_STARTS: Final = "asked-around-starts"
"""Declared to peers that are to ask as many questions around a start as we do."""

ROUND: Final = 0.42
"""Seconds in which each phone is asked eight times: a burst takes 0.35."""


class Step(NamedTuple):
    """One command, what both phones get of it, and what it is called in tables."""

    command: bytes
    copy: bytes
    name: str


START: Final = Step(
    message("start_recording", timestamp=0), b"start_recording", "start"
)
STOP: Final = Step(message("stop_recording", timestamp=0), b"stop_recording", "stop")
READY: Final = Step(message("device_ready"), b"readiness_update", "ready")


class Pair:
    """A session: two phones, and how far their relay is."""

    __slots__ = ("copy", "done", "due", "missing", "phones")

    def __init__(self, host: Phone, guest: Phone) -> None:
        self.phones = (host, guest)
        self.done = 0
        self.missing = 0
        self.copy = b""
        self.due = 0.0


class Relays:
    """Relays, so many at a time or so many a second.

    Args:
        crowd: Phones that have joined, all of them.
        steps: What a session does, over and over.
        in_flight: Relays under way at a time, for a closed loop.
        rate: Relays a second, for an open one; 0 for a closed one.
        sessions: How many of the sessions take part, those that came first; None for
            all. In the others nothing is done.

    Attributes:
        count: How many were done.
        waits: How long each took, in s, by the name of its step: in an open loop from
            the instant it was due, however late it could begin.
    """

    def __init__(
        self,
        crowd: Crowd,
        steps: Sequence[Step],
        in_flight: int,
        rate: float = 0.0,
        sessions: int | None = None,
    ) -> None:
        self.count = 0
        self.waits: dict[str, list[float]] = {step.name: [] for step in steps}
        self._crowd = crowd
        self._steps = steps
        self._frames = [crowd.mask.frame(step.command) for step in steps]
        pairs = _pairs(crowd)[:sessions]
        self._pairs = {pair.phones[0].number // 2: pair for pair in pairs}
        self._idle = deque(pairs)
        self._left = 0 if rate else min(in_flight, len(pairs))
        self._is_over = False
        self._apart = 1 / rate if rate else inf
        self._due = time.monotonic() if rate else inf

    def begin(self) -> None:
        """Begin what is due; in a closed loop, fill it."""
        now = time.monotonic()
        while self._left and self._idle:
            self._left -= 1
            self._tap(self._idle.popleft(), now)
        while self._due <= now and self._idle:
            self._tap(self._idle.popleft(), self._due)
            self._due += self._apart

    def wait(self) -> float:
        """Return seconds until something is due."""
        return max(0.0, self._due - time.monotonic()) if self._idle else inf

    def heard(self, phone: Phone, kind: bytes) -> None:
        """Count a copy; with the last one the relay is done."""
        pair = self._pairs.get(phone.number // 2)
        if pair is None or kind != pair.copy or not pair.missing:
            return
        pair.missing -= 1
        if not pair.missing:
            step = self._steps[pair.done % len(self._steps)]
            now = time.monotonic()
            self.waits[step.name].append(now - pair.due)
            pair.done += 1
            self.count += 1
            self._idle.append(pair)
            if self._due == inf and not self._is_over:
                self._tap(self._idle.popleft(), now)

    def gone(self, phone: Phone) -> None:
        """Note that nobody was to leave."""
        _lost(self._crowd, phone)

    def finish(self) -> None:
        """Begin no more, and wait for what is under way.

        Raises:
            Trouble: A copy does not come.
        """
        self._is_over = True
        self._crowd.until(lambda: len(self._idle) == len(self._pairs), "the last relay")

    def _tap(self, pair: Pair, due: float) -> None:
        number = pair.done % len(self._steps)
        pair.missing, pair.copy, pair.due = 2, self._steps[number].copy, due
        pair.phones[pair.done // 2 % 2].send(self._frames[number])


def _pairs(crowd: Crowd) -> list[Pair]:
    phones = sorted(crowd.phones.values(), key=lambda phone: phone.number)
    pairs = zip(phones[::2], phones[1::2], strict=True)
    return [Pair(host, guest) for host, guest in pairs]


def _lost(crowd: Crowd, phone: Phone) -> None:
    crowd.errors += 1
    crowd.fault = crowd.fault or f"the server closed the connection of {phone.number}"


class Questions:
    """Phones that ask to be asked: eight questions each, again and again.

    Attributes:
        count: Questions asked and answered.
    """

    def __init__(self, crowd: Crowd) -> None:
        self.waits: dict[str, list[float]] = {}
        self._crowd = crowd
        self._frame = crowd.mask.frame(message("foreground"))
        self._phones = deque(crowd.phones.values())
        self._apart = ROUND / len(self._phones)
        self._due = time.monotonic()

    @property
    def count(self) -> int:
        """How many were asked and answered."""
        return self._crowd.exchanges

    def begin(self) -> None:
        """Have the next phones ask."""
        now = time.monotonic()
        while self._due <= now:
            self._phones[0].send(self._frame)
            self._phones.rotate(-1)
            self._due += self._apart

    def wait(self) -> float:
        """Return seconds until the next phone is due."""
        return max(0.0, self._due - time.monotonic())

    def heard(self, phone: Phone, kind: bytes) -> None:
        """Nothing has to be done: every phone answers."""

    def gone(self, phone: Phone) -> None:
        """Note that nobody was to leave."""
        _lost(self._crowd, phone)


class Joins:
    """Hosts that connect, join, and leave: so many at a time.

    Attributes:
        count: How many have gone through all of it.
        waits: Seconds from the first packet to `joined`.
    """

    def __init__(self, crowd: Crowd, in_flight: int) -> None:
        self.count = 0
        self.waits: dict[str, list[float]] = {"joined": []}
        self._crowd = crowd
        self._goodbye = crowd.mask.frame(GOODBYE, CLOSE)
        self._wanted = in_flight
        self._began: dict[Phone, float] = {}

    def begin(self) -> None:
        """Have new ones come for those that have left."""
        while self._wanted:
            self._wanted -= 1
            began = time.monotonic()
            self._began[self._crowd.add()] = began
            self._crowd.skip()

    def wait(self) -> float:
        """Return that nothing is ever due by itself."""
        return inf

    def heard(self, phone: Phone, kind: bytes) -> None:
        """Join as soon as one can, and leave as soon as one has."""
        if kind == b"opened":
            phone.join()
        elif kind == b"joined":
            self.waits["joined"].append(time.monotonic() - self._began[phone])
            phone.is_leaving = True
            phone.send(self._goodbye)

    def gone(self, phone: Phone) -> None:
        """Count one that was let go in good order, and have another come."""
        del self._began[phone]
        if not phone.is_leaving:
            _lost(self._crowd, phone)
        self.count += 1
        self._wanted += 1


Load = Relays | Questions | Joins


def run(crowd: Crowd, load: Load, seconds: float) -> float:
    """Put a load on for so long.

    Returns:
        The seconds that it was.

    Raises:
        Trouble: The server answered with an error, or broke a connection.
    """
    began = time.monotonic()
    end = began + seconds
    while (now := time.monotonic()) < end:
        load.begin()
        crowd.turn(min(end - now, load.wait()))
        if crowd.errors:
            raise Trouble(f"the server answered: {crowd.fault}")
    return time.monotonic() - began
