"""A match in virtual time, from its first join until all is well again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import singledispatchmethod
from typing import Final

from twisted.internet.interfaces import IDelayedCall
from twisted.internet.task import Clock
from twisted.logger import LogEvent, globalLogPublisher

from raydel.core.take import Take
from raydel.interfaces import IStore, StoreTrouble
from raydel.testing.fakes import FakeTimebase
from tests.crashes.links import Network, Note, no_note
from tests.crashes.phones import CODE, FARTHEST, Library2, Phone, Protocol2
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
from tests.crashes.store import Disk
from tests.promises import KeptTake, Story, broken
from tests.stage import run

CONVERGED_WITHIN: Final = 5_000.0
"""ms after which all is well, once nothing fails any more."""

QUIET: Final = 3.0
"""Seconds after which all is told that a tap or a join leads to."""

LAST_GOODBYE: Final = 5_000.0
"""ms that a server takes to go in good order."""

STARTS_AGAIN: Final = 1.0
"""Seconds after which a server that could not start is started again."""

NAMES: Final = ("host", "guest", "visitor")
KINDS: Final[dict[str, type[Phone]]] = {"protocol 2": Protocol2, "library 2": Library2}


class World:
    """Two phones, a server or none, and what the server stands on.

    Args:
        schedule: What happens.
        shelf: Returns what a new server keeps its sessions in: what the one before
            it kept is there.
        note: Is told what happens.
    """

    def __init__(
        self, schedule: Schedule, shelf: Callable[[], IStore], note: Note = no_note
    ) -> None:
        self.clock = Clock()
        self.disk = Disk(delay=schedule.slow / 1000)
        self.faults: list[str] = []
        self._schedule = schedule
        self._shelf = shelf
        self._note = note
        self._timebase = FakeTimebase(self.clock)
        self._lost_writes = False
        self._full = self._unreadable = 0
        self._visits = False
        self._last_tap = 0.0
        self._last: Kill | None = None
        self._server: Server | None = None
        self._booting: IDelayedCall | None = None
        self._mending: list[IDelayedCall] = []
        self.phones = [
            KINDS[kind](
                name,
                host=name == "host",
                network=Network(self.clock, delay, self._note_at),
                dial=self._find,
            )
            for name, kind, delay in zip(
                NAMES, schedule.kinds, schedule.delays, strict=True
            )
        ]
        self._pair, self._visitor = self.phones[:2], self.phones[2]

    def play(self) -> list[str]:
        """Let it happen, mend everything, and return what promises are broken."""
        globalLogPublisher.addObserver(self._note_fault)
        try:
            self._boot()
            for phone in self._pair:
                phone.dial()
            for act in self._schedule.acts:
                run(self.clock, act.after)
                self._note_at("now", act)
                self.do(act)
            self._mend()
            self._end()
            return [*self.faults, *self._complaints(), *broken(self.story())]
        finally:
            globalLogPublisher.removeObserver(self._note_fault)

    def story(self) -> Story:
        """Return all that happened."""
        for phone in self.phones:
            phone.story.connected = phone.device_id is not None
        return Story([p.story for p in self.phones], self._takes(), self._lost_writes)

    @property
    def _all_counts(self) -> bool:
        """Whether all that was told had a number: not what could not be stored."""
        return not any(isinstance(act, Full) for act in self._schedule.acts)

    # What happens.

    @singledispatchmethod
    def do(self, act: Act) -> None:
        """Let something happen."""
        raise NotImplementedError(act)

    @do.register
    def _(self, tap: Tap) -> None:
        self._last_tap = self.clock.seconds()
        self.phones[tap.phone].tap(tap.command)

    @do.register
    def _(self, drop: Drop) -> None:
        link = self.phones[drop.phone].link
        if link is not None:
            link.drop(server_notices=drop.server_notices, arrives=drop.arrives)

    @do.register
    def _(self, stall: Stall) -> None:
        network = self.phones[stall.phone].network
        if network.held is None:
            network.stall()
            self._mend_in(stall.lasts, network.recover)

    @do.register
    def _(self, kill: Kill) -> None:
        if self._server is None or not self._server.alive:
            return
        self._last = kill
        if kill.writes:
            self._server.doom(kill.writes, made=kill.made)
        else:
            self._die()

    @do.register
    def _(self, restart: Restart) -> None:
        server = self._server
        if server is None or not server.listens:
            return

        def stopped() -> None:
            self._lost_writes |= server.forgets
            self._boot_in(restart.pause / 1000)

        server.stop(stopped)

    @do.register
    def _(self, full: Full) -> None:
        self._full += 1
        self._unreadable += full.unreadable
        self._look_at_disk()
        self._mend_in(full.lasts, self._tidy_disk, full)

    @do.register
    def _(self, step: Step) -> None:
        phone = self.phones[step.phone]
        if self._is_quiet(phone):
            phone.clock_step += step.by

    def _is_quiet(self, phone: Phone) -> bool:
        """Whether a phone's clock may be set.

        Nobody can help a released app whose clock is set between its last answer
        and the start that is computed from it.
        """
        if isinstance(phone, Protocol2):
            return True
        now = self.clock.seconds()
        since = min(now - self._last_tap, now - phone.seated_at)
        return phone.network.held is None and since > QUIET

    @do.register
    def _(self, chatter: Chatter) -> None:
        self.phones[chatter.phone].chatter()

    @do.register
    def _(self, visit: Visit) -> None:
        if not self._visits:
            self._visits = True
            self._visitor.dial()
            self._mend_in(visit.lasts, self._part)

    def _part(self) -> None:
        self._visits = False
        self._visitor.leave()

    def _mend_in(
        self, milliseconds: float, mend: Callable[..., None], *args: Full
    ) -> None:
        self._mending.append(self.clock.callLater(milliseconds / 1000, mend, *args))

    def _tidy_disk(self, full: Full) -> None:
        self._full -= 1
        self._unreadable -= full.unreadable
        self._look_at_disk()

    def _look_at_disk(self) -> None:
        self.disk.full = self._full > 0
        self.disk.unreadable = self._unreadable > 0

    # Servers.

    def _find(self, phone: Phone) -> Server | None:
        """Return the server, if the phone reaches it."""
        server = self._server
        reachable = phone.network.held is None
        return server if server and server.listens and reachable else None

    def _boot_in(self, seconds: float) -> None:
        self._booting = self.clock.callLater(seconds, self._boot)

    def _boot(self) -> None:
        """Start a server, or try it again as whatever started it would."""
        self._booting = None
        self._note_at("a server", "starts")
        try:
            self._server = Server(
                self._shelf(), self.disk, self.clock, self._timebase, self._die
            )
        except StoreTrouble:
            self._boot_in(STARTS_AGAIN)

    def _die(self) -> None:
        server, kill = self._server, self._last
        assert server is not None
        assert kill is not None
        self._lost_writes |= server.forgets
        self._note_at("the server", "dies")
        server.die(made=kill.made, arrives=kill.arrives)
        self._boot_in(kill.pause / 1000)

    # The end.

    def _mend(self) -> None:
        """Mend all that is broken, and wait until all should be well."""
        for call in self._mending:
            if call.active():
                call.reset(0)
        self._note_at("now", "all is mended")
        run(self.clock, 0)
        if self._server is not None:
            self._server.doom(0, made=False)
            if self._server.alive and not self._server.listens:
                run(self.clock, LAST_GOODBYE)
        if self._booting is not None:
            self._booting.reset(0)
        run(self.clock, 0)
        for phone in self._pair:
            phone.hurry()
        run(self.clock, CONVERGED_WITHIN)
        if any(phone.is_starting for phone in self._pair):
            run(self.clock, 1000 * FARTHEST)
        if self._lost_writes:
            # A stop that was told and forgotten: people see what runs, and tap.
            for phone in self._pair:
                phone.tap("stop_recording")
            run(self.clock, CONVERGED_WITHIN)

    def _end(self) -> None:
        if self._server is not None and self._server.alive:
            self._server.die(made=True, arrives=False)

    def _note_at(self, who: str, what: object) -> None:
        if self._note is not no_note:
            self._note(f"{self.clock.seconds() * 1000:9.1f} {who}", what)

    def _note_fault(self, event: LogEvent) -> None:
        if "log_failure" in event:
            trace = event["log_failure"].getTraceback()
            self.faults.append(f"The server stumbled: {trace}")

    def _complaints(self) -> Iterator[str]:
        for phone in self.phones:
            yield from phone.complaints
        for phone in self._pair:
            if isinstance(phone, Protocol2) and phone.skipped and self._all_counts:
                yield f"{phone.name} was not told {phone.skipped} things"
            others = {p.device_id for p in self._pair} - {phone.device_id}
            if phone.device_id is None:
                yield f"{phone.name} was not let back in"
            elif self._lost_writes:
                continue
            elif phone.others != others:
                yield f"{phone.name} sees {phone.others}, and not {others}"
            yield from phone.setbacks

    def _takes(self) -> list[KeptTake]:
        """Return what a server that starts now would find."""
        store = self._shelf()
        store.open()
        found: list[Take] = []
        store.takes(CODE, limit=1000).addCallback(found.extend)
        store.close()
        return [
            KeptTake(
                take.id,
                take.accepted_at,
                take.ended_at,
                take.reason,
                frozenset(p.name for p in take.participants),
            )
            for take in reversed(found)
        ]
