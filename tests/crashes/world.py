"""A match in virtual time, from its first join until all is well again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import singledispatchmethod
from typing import Final

from twisted.internet.interfaces import IDelayedCall
from twisted.logger import ILogObserver, LogEvent, globalLogPublisher
from zope.interface import implementer

from tests.crashes.clock import QuickClock
from tests.crashes.library2 import Library2
from tests.crashes.links import Network, Note, no_note
from tests.crashes.machine import Machine
from tests.crashes.phones import Phone
from tests.crashes.protocol2 import Protocol2
from tests.crashes.schedule import (
    Act,
    Chatter,
    Drop,
    Full,
    Kill,
    Restart,
    Schedule,
    Stall,
    Step,
    Tap,
    Visit,
)
from tests.crashes.server import Server
from tests.crashes.shelves import Shelf
from tests.promises import Story, broken

CONVERGED_WITHIN: Final = 5_000.0
"""ms after which all is well, once nothing fails any more."""

QUIET: Final = 3.0
"""Seconds after which all is told that a tap or a join leads to."""

LAST_GOODBYE: Final = 5_000.0
"""ms that a server takes to go in good order."""

LAST_TAPS: Final = 60
"""Seconds for what was tapped in vain: it is said again, one after the other."""

NAMES: Final = ("host", "guest", "visitor")
KINDS: Final[dict[str, type[Phone]]] = {"protocol 2": Protocol2, "library 2": Library2}


@implementer(ILogObserver)
class Faults:
    """Keeps what a server logged that it should never have to."""

    def __init__(self) -> None:
        self.found: list[str] = []

    def __call__(self, event: LogEvent) -> None:
        """Look at what was logged."""
        if "log_failure" in event:
            trace = event["log_failure"].getTraceback()
            self.found.append(f"The server stumbled: {trace}")


class World:
    """Two phones, at times a third, and the machine that their servers run on.

    Args:
        schedule: What happens.
        shelf: What servers keep their sessions in.
        note: Is told what happens.
    """

    def __init__(self, schedule: Schedule, shelf: Shelf, note: Note = no_note) -> None:
        self._schedule = schedule
        self._note = note
        self._clock = QuickClock()
        self._machine = Machine(self._clock, shelf, schedule.slow, self._note_at)
        self._faults = Faults()
        self._is_visited = False
        self._last_tap = 0.0
        self._mending: list[IDelayedCall] = []
        self._phones = [
            KINDS[kind](
                name,
                host=name == "host",
                network=Network(self._clock, delay, self._note_at),
                dial=self._find,
            )
            for name, kind, delay in zip(
                NAMES, schedule.kinds, schedule.delays, strict=True
            )
        ]
        self._pair, self._visitor = self._phones[:2], self._phones[2]

    def play(self) -> list[str]:
        """Let it happen, mend everything, and return what promises are broken."""
        globalLogPublisher.addObserver(self._faults)
        try:
            self._machine.boot()
            for phone in self._pair:
                phone.dial()
            for act in self._schedule.acts:
                self._clock.pass_by(act.after)
                self._note_at("now", act)
                self.do(act)
            self._mend()
            story = self._story()
            return [*self._faults.found, *self._complaints(), *broken(story)]
        finally:
            globalLogPublisher.removeObserver(self._faults)

    def _find(self, phone: Phone) -> Server | None:
        """Return the server, if the phone reaches it."""
        return self._machine.listening if phone.network.held is None else None

    def _note_at(self, who: str, what: object) -> None:
        if self._note is not no_note:
            self._note(f"{self._clock.rightNow * 1000:9.1f} {who}", what)

    # What happens.

    @singledispatchmethod
    def do(self, act: Act) -> None:
        """Let something happen."""
        raise NotImplementedError(act)

    @do.register
    def _(self, tap: Tap) -> None:
        self._last_tap = self._clock.rightNow
        self._phones[tap.phone].tap(tap.command)

    @do.register
    def _(self, drop: Drop) -> None:
        link = self._phones[drop.phone].link
        if link is not None:
            link.drop(server_notices=drop.server_notices, arrives=drop.arrives)

    @do.register
    def _(self, stall: Stall) -> None:
        network = self._phones[stall.phone].network
        if network.held is None:
            network.stall()
            self._mend_in(stall.lasts, network.recover)

    @do.register
    def _(self, kill: Kill) -> None:
        self._machine.kill(kill)

    @do.register
    def _(self, restart: Restart) -> None:
        self._machine.restart(restart)

    @do.register
    def _(self, full: Full) -> None:
        self._machine.fill(full)
        self._mend_in(full.lasts, self._machine.tidy, full)

    @do.register
    def _(self, step: Step) -> None:
        phone = self._phones[step.phone]
        if self._is_quiet(phone):
            phone.clock_step += step.by

    @do.register
    def _(self, chatter: Chatter) -> None:
        self._phones[chatter.phone].chatter()

    @do.register
    def _(self, visit: Visit) -> None:
        if not self._is_visited:
            self._is_visited = True
            self._visitor.dial()
            self._mend_in(visit.lasts, self._part)

    def _part(self) -> None:
        self._is_visited = False
        self._visitor.leave()

    def _is_quiet(self, phone: Phone) -> bool:
        """Whether a phone's clock may be set.

        Nobody can help a released app whose clock is set after the last answer that
        gets through, before the start that is computed from it.
        """
        if isinstance(phone, Protocol2):
            return True
        now = self._clock.rightNow
        since = min(now - self._last_tap, now - phone.seated_at)
        return since > QUIET and not self._had(Stall)

    # The end.

    def _mend_in(
        self, milliseconds: float, mend: Callable[..., None], *args: Full
    ) -> None:
        self._mending.append(self._clock.callLater(milliseconds / 1000, mend, *args))

    def _mend(self) -> None:
        """Mend all that is broken, and wait until all should be well."""
        for call in self._mending:
            if call.active():
                call.reset(0)
        self._note_at("now", "all is mended")
        self._clock.pass_by(0)
        self._machine.let_live()
        server = self._machine.server
        if server is not None and server.alive and not server.listens:
            self._clock.pass_by(LAST_GOODBYE)
            self._machine.let_live()
        self._clock.pass_by(0)
        for phone in self._pair:
            phone.hurry()
        self._converge()
        if self._machine.lost_writes:
            # A stop that was told and forgotten: people see what runs, and tap.
            for phone in self._pair:
                phone.tap("stop_recording")
            self._converge()

    def _converge(self) -> None:
        """Wait until all should be well, and for what people had tapped in vain."""
        self._clock.pass_by(CONVERGED_WITHIN)
        if any(phone.is_busy for phone in self._pair):
            for _ in range(LAST_TAPS):
                self._clock.pass_by(1_000)
                if not any(phone.is_busy for phone in self._pair):
                    break
            self._clock.pass_by(CONVERGED_WITHIN)

    def _story(self) -> Story:
        """Return all that happened."""
        for phone in self._phones:
            phone.story.connected = phone.device_id is not None
        stories = [phone.story for phone in self._phones]
        return Story(stories, self._machine.end(), self._machine.lost_writes)

    def _complaints(self) -> Iterator[str]:
        """Return what phones have seen besides, and should not have."""
        for phone in self._phones:
            yield from phone.complaints
        for phone in self._pair:
            others = {other.device_id for other in self._pair if other is not phone}
            if phone.device_id is None:
                yield f"{phone.name} was not let back in"
            elif not self._machine.lost_writes:
                yield from phone.setbacks
                if phone.others != others:
                    yield f"{phone.name} sees {phone.others}, and not {others}"
                if len(phone.ids) > 1 and not self._had(Visit):
                    yield f"{phone.name} lost its seat"
            # What could not be stored has no number.
            if isinstance(phone, Protocol2) and phone.skipped and not self._had(Full):
                yield f"{phone.name} was not told {phone.skipped} things"

    def _had(self, kind: type[Act]) -> bool:
        return any(isinstance(act, kind) for act in self._schedule.acts)
