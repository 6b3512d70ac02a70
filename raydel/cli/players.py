"""Phones on real sockets that a program plays, where `raydel.cli.phone` has a person.

They are that phone, with two differences: a program taps and waits for what comes, and
a link that is lost is not made again, as it would spoil what is measured.
"""

# mypy: allow-untyped-calls, allow-subclassing-any
# Autobahn has few annotations; what is inherited from it counts as ours.

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Final

from twisted.internet.defer import Deferred, fail, succeed
from twisted.python.failure import Failure

from raydel.cli.phone import Handset, running_clock
from raydel.simulation.clocks import Clock
from raydel.simulation.live.notes import Heard, Notes, Unfinished
from raydel.virtualphone import VirtualPhone

PATIENCE: Final = 10.0
"""Seconds that the server has for any one answer."""

_NO_CODE: Final = 1006

machine_time: Final = running_clock(0.0)
"""Ms of this machine's monotonic clock, which nobody sets."""


def reading_of(clock: Clock) -> Callable[[], float]:
    """Return what reads a clock now."""
    return lambda: clock.reading(machine_time())


class Player(Handset):
    """A phone that a program plays.

    Args:
        reactor: What everything runs on.
        phone: Its inside.
        notes: What it notes.
        url: Of the server.
        authority: Whom to trust for ``wss``; None for those the system trusts.
    """

    def __init__(
        self,
        reactor: Any,
        phone: VirtualPhone,
        notes: Notes,
        url: str,
        authority: Any | None,
    ) -> None:
        super().__init__(reactor, phone, reading_of(notes.clock), url, authority)
        self.notes = notes
        self._heard: dict[str, Heard] = {}
        self._awaited: dict[str, Deferred[Heard]] = {}
        self._trouble: Unfinished | None = None

    def joins(self) -> Deferred[Heard]:
        """Connect, and take the seat."""
        self._connect()
        return self.hears("joined")

    def taps(self, button: str) -> None:
        """Press a button."""
        self.do(self.phone.tapped(button))

    def hears(self, kind: str) -> Deferred[Heard]:
        """Wait for the first message of a kind, which may be there already.

        Returns:
            A Deferred that fails with `Unfinished` if it will not come.
        """
        if self._trouble is not None:
            return fail(self._trouble)
        if kind in self._heard:
            return succeed(self._heard[kind])
        awaited = self._awaited[kind] = Deferred()
        return awaited.addTimeout(PATIENCE, self.reactor, partial(_too_late, kind))

    def leaves(self) -> Deferred[None]:
        """Say goodbye to the server, and be gone once it has said its own."""
        goodbye = self._leave() if self._closed is None else None
        return goodbye.addCallback(self._drop) if goodbye else succeed(None)

    def stamp(self) -> float:
        """Return machine time, ms: what is noted is told in that."""
        return machine_time()

    def received(self, frame: bytes, arrived: float) -> None:
        """Answer first of all, then note what was answered.

        Args:
            frame: A message.
            arrived: When it was read, machine time, ms.
        """
        if self._closed is not None:  # After a goodbye nothing may be said.
            return
        actions = self.phone.received(frame, self.notes.clock.reading(arrived))
        went = machine_time()
        self.do(actions)
        try:
            self._took(self.notes.heard(frame, arrived, went))
        except Unfinished as why:
            self._fail(why)

    def unlinked(
        self,
        why: str,
        code: int = _NO_CODE,
        *,
        for_good: bool = False,
    ) -> None:
        """Note that the link is gone, or was never opened."""
        self.link = None
        if self._closed is None:
            told = "" if code == _NO_CODE else f" (close code {code})"
            self._fail(Unfinished(why + told))
        elif not self._closed.called:
            self._closed.callback(None)

    def _took(self, heard: Heard) -> None:
        if heard.type == "error":
            words = ": ".join(filter(None, (heard.message, heard.detail)))
            raise Unfinished(f"the server refuses: {words}")
        self._heard.setdefault(heard.type, heard)
        if awaited := self._awaited.pop(heard.type, None):
            awaited.callback(heard)

    def _fail(self, why: Unfinished) -> None:
        self._trouble = self._trouble or why
        awaited, self._awaited = self._awaited, {}
        for each in awaited.values():
            each.errback(why)

    def _drop(self, _: object) -> None:
        if self.link is not None:
            self.link.drop()

    # What the phone of a person does on its own.

    def _end(self, status: int) -> None:
        """Play no part in when the program ends."""

    def _show(self, text: str) -> None:
        """Show nothing: there is no screen."""


def _too_late(kind: str, _: object, seconds: float) -> Failure:
    words = f"no {kind!r} in {seconds:g} s; is that a Raydel server?"
    return Failure(Unfinished(words))
