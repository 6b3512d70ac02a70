"""``python -m raydel phone``: plays a phone in a terminal.

What the phone does is told in `raydel.virtualphone`; here are its link to the server,
its buttons and its screen.
"""

# mypy: allow-untyped-calls, allow-subclassing-any
# Autobahn has few annotations; what is inherited from it counts as ours.

from __future__ import annotations

import os
import secrets
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final, TypeAlias

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.internet.ssl import optionsForClientTLS
from twisted.internet.stdio import StandardIO
from twisted.internet.task import LoopingCall
from twisted.internet.threads import deferToThreadPool
from twisted.protocols.basic import LineOnlyReceiver
from twisted.python.failure import Failure
from zope.interface import implementer

from raydel.cli.filming import Studio, Unfilmed
from raydel.cli.phone_options import options
from raydel.client.addresses import address
from raydel.client.links import NO_CODE, Link, Way
from raydel.simulation.clocks import Clock
from raydel.virtualcamera import Camera
from raydel.virtualphone import BUTTONS, VirtualPhone
from raydel.virtualwire import (
    Action,
    Connect,
    End,
    File,
    Film,
    Footage,
    Later,
    Say,
    Send,
)

Outcome: TypeAlias = Callable[[File | str], list[Action]]
"""Told the file that was made, or why there is none."""

FAREWELL: Final = 1.5
"""Seconds that the server has to answer a goodbye."""

STILL: Final = 5.0
"""Seconds between two lines that say that a clip is not done yet."""


def main(arguments: Sequence[str]) -> None:
    """Play a phone until it is put away.

    Args:
        arguments: The code of the session, and options.

    Raises:
        SystemExit: With 1 if the server will not have it; an option makes no sense.
    """
    parser = options()
    if any(word in ("-h", "--help") for word in arguments):
        parser.print_help()
        return
    from twisted.internet import reactor

    asked = parser.parse_args(arguments)
    clock = drifting_clock(asked.clock, asked.clock_drift)
    phone = VirtualPhone(
        asked.code,
        asked.name or ("Left goal" if asked.host else "Right goal"),
        is_host=asked.host,
        clock=reading_of(clock),
        camera=Camera(asked.camera_latency, asked.frame_rate, asked.clip is not None),
        model=asked.model,
        installation_id=secrets.token_urlsafe(9),
    )
    handset = Handset(
        reactor,
        phone,
        reading_of(clock),
        asked.url,
        authority=asked.ca,
        studio=Studio(asked.clip, clock) if asked.clip else None,
    )
    status = handset.play(asked.seconds)
    if status:
        raise SystemExit(status)


def reading_of(clock: Clock) -> Callable[[], float]:
    """Return what reads a clock now."""
    return lambda: clock.reading(true_time())


def running_clock(ahead: float) -> Callable[[], float]:
    """Return a clock in ms since the epoch, that far ahead; no one ever sets it."""
    epoch = (time.time() - time.monotonic()) * 1000.0 + ahead
    return lambda: epoch + time.monotonic() * 1000.0


true_time: Final = running_clock(0.0)
"""This machine's, ms since the epoch."""


def drifting_clock(ahead: float, ppm: float) -> Clock:
    """Return a clock that is that far ahead now, ms, and gains so many millionths."""
    return Clock(true_time(), ahead, ppm / 1e6)


class Handset:
    """The outside of a phone: link, buttons and screen.

    Args:
        reactor: What everything runs on.
        phone: Its inside.
        clock: What the phone takes for the time.
        url: Of the server.
        authority: Whom to trust for ``wss``; None for those the system trusts.
        studio: Makes its files; None if it makes none.
    """

    def __init__(
        self,
        reactor: Any,
        phone: VirtualPhone,
        clock: Callable[[], float],
        url: str,
        authority: Any | None = None,
        studio: Studio | None = None,
    ) -> None:
        self.reactor = reactor
        self.phone = phone
        self.clock = clock
        self.link: Link | None = None
        self._url = url
        self._studio = studio
        self._unfinished: dict[Path, float] = {}
        self._is_ending = False
        self._status = 0
        self._closed: Deferred[None] | None = None
        there = address(url)
        security = optionsForClientTLS(there.host, authority)
        self._way = Way(there, security if there.is_secure else None, self)

    def play(self, seconds: float) -> int:
        """Run until it is put away, by itself after so long; return the status."""
        # The reactor's own clock jumps when somebody sets the computer's.
        self.reactor.seconds = time.monotonic
        self.reactor.addSystemEventTrigger("before", "shutdown", self._leave)
        self.reactor.callWhenRunning(self._switch_on)
        if seconds:
            self.reactor.callLater(seconds, self._time_is_up)
        self.reactor.run()
        return self._status

    def do(self, actions: Iterable[Action]) -> None:
        """Carry out what the phone wants."""
        for action in actions:
            match action:
                case Send(frame):
                    if self.link is not None:
                        self.link.say(frame)
                case Say(text):
                    self._show(text)
                case Later(at, call):
                    after = max(0.0, at - self.clock()) / 1000.0
                    self.reactor.callLater(after, lambda call=call: self.do(call()))
                case Film(footage, then):
                    self._film(footage, then)
                case Connect(after):
                    self.reactor.callLater(after, self._connect)
                case End(status):
                    self._end(status)

    @property
    def is_idle(self) -> bool:
        """Whether it makes no file now."""
        return not self._unfinished

    def stamp(self) -> float:
        """Return the phone's time, ms."""
        return self.clock()

    def linked(self, link: Link) -> None:
        """Join."""
        self.link = link
        self.do(self.phone.opened())

    def received(self, frame: bytes, arrived: float) -> None:
        """Hand a message on."""
        self.do(self.phone.received(frame, arrived))

    def unlinked(
        self, why: str, code: int = NO_CODE, *, for_good: bool = False
    ) -> None:
        """Note that the link is gone, or was never opened."""
        self.link = None
        if self._closed is not None:
            if not self._closed.called:
                self._closed.callback(None)
        elif self._is_ending:
            self._show("! link lost: the server is not told of what is not done yet")
        elif for_good:
            self.do(self.phone.barred(why))
        else:
            self.do(self.phone.lost(why, code))

    def _switch_on(self) -> None:
        self._show(f"  {self._url}; type {BUTTONS}")
        if sys.stdin and sys.stdout:
            StandardIO(Buttons(self), reactor=self.reactor)
            # It takes blocking off, also for the shell we share the terminal with.
            os.set_blocking(0, True)
            os.set_blocking(1, True)
        self._connect()

    def _connect(self) -> None:
        self._way.connect()

    def _time_is_up(self) -> None:
        self.do(self.phone.tapped("quit"))

    def _film(self, footage: Footage, then: Outcome) -> None:
        """Make a file, beside all else."""
        if self._studio is None:
            self.do(then("there is nothing to make it with"))
            return
        path = self._studio.next_file()
        self._unfinished[path] = time.monotonic()
        self._show(f"  making {path}, with what the camera saw")
        still = LoopingCall(self._say_still, path)
        still.clock = self.reactor
        still.start(STILL, now=False)
        made = deferToThreadPool(
            self.reactor,
            self.reactor.getThreadPool(),
            self._studio.make,
            path,
            footage,
        )
        made.addErrback(_why_not)
        made.addCallback(self._filmed, path, still, then)

    def _say_still(self, path: Path) -> None:
        seconds = time.monotonic() - self._unfinished[path]
        self._show(f"  {path.name} is not done yet ({seconds:.0f} s)")

    def _filmed(
        self, file: File | str, path: Path, still: LoopingCall, then: Outcome
    ) -> None:
        still.stop()
        del self._unfinished[path]
        self.do(then(file))
        if self._is_ending and not self._unfinished:
            self._end(self._status)

    def _end(self, status: int) -> None:
        """Stop, once all files are made; asked a second time, at once."""
        self._status = status
        if self._unfinished and not self._is_ending:
            self._is_ending = True
            self._show("  one moment, until that is done; quit leaves at once")
        elif self._closed is None and self.reactor.running:
            self.reactor.stop()

    def _leave(self) -> Deferred[None] | None:
        """Say goodbye, to the server too: however it ends, it ends here."""
        self._closed = Deferred()
        self.do(self.phone.goodbye())
        if self._studio is not None:
            self._studio.abandon()
        if self.link is None:
            return None
        self.link.leave()
        return self._closed.addTimeout(FAREWELL, self.reactor).addErrback(
            lambda _: None
        )

    def _show(self, text: str) -> None:
        now = datetime.fromtimestamp(true_time() / 1000.0)  # noqa: DTZ006 - local
        shown = "".join(c if c.isprintable() else "?" for c in text)
        try:
            print(f"{now:%H:%M:%S.%f}"[:-3] + f"  {shown}", flush=True)
        except OSError:  # Nobody looks any more.
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            self._end(0)


def _why_not(failure: Failure) -> str:
    """Return why there is no file; whatever it is, the phone plays on."""
    if failure.check(Unfilmed):
        return failure.getErrorMessage()
    return f"{type(failure.value).__name__}: {failure.getErrorMessage()}"


@implementer(IHalfCloseableProtocol)
class Buttons(LineOnlyReceiver):
    """What is typed, a line for a button."""

    delimiter = b"\n"

    def __init__(self, handset: Handset) -> None:
        self._handset = handset

    def lineReceived(self, line: bytes) -> None:
        """Press it."""
        handset = self._handset
        handset.do(handset.phone.tapped(line.decode("utf-8", "replace")))

    def readConnectionLost(self) -> None:
        """Play on: nobody types any more."""

    def writeConnectionLost(self) -> None:
        """Stop: nobody looks any more."""
        self._handset.do([End(0)])
