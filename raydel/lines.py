"""Sessions in the making: steps in order, commits before words.

Each session has a line of its own, in which whatever concerns it waits its turn.
Once a reactor turn the lines that can move take their steps, all of them are
committed together, and only then are their effects carried out: what a phone is
told has been stored. While a line's commit is under way it alone stands still.

A store that fails ends no match. From then on, until it can be written again,
nothing begins and all else goes on from memory: a stop is worth more than its
record. What could not be stored is tried again every second.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar, cast

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from raydel.arrears import Arrears, has_answered
from raydel.core.config import Config
from raydel.core.effects import Dismissed, Effect
from raydel.core.events import Joining, Restarted
from raydel.core.session import begins
from raydel.core.state import Session
from raydel.deadlines import Deadlines
from raydel.interfaces import IStore, ITimebase, Row, StoreTrouble
from raydel.line import Entry, Line, Reply, Request, Share, Standing, strays
from raydel.roster import Roster

__all__ = ["Lines", "Reply", "Request"]


_Answer = TypeVar("_Answer")


class Lines:
    """The lines of all sessions on this server.

    What is submitted for one session is dealt with in that order, and what comes
    of it is carried out in that order: once it is stored, or at once while
    nothing can be stored.

    Args:
        config: The settings.
        store: Where sessions and takes are kept.
        timebase: Server time.
        clock: Runs the timers.
        carry_out: Does what a step wanted, once that is stored.
    """

    log = Logger()

    def __init__(
        self,
        config: Config,
        store: IStore,
        timebase: ITimebase,
        clock: IReactorTime,
        carry_out: Callable[[Effect], None],
    ) -> None:
        self._config = config
        self._timebase = timebase
        self._carry_out = carry_out
        self._roster = Roster(clock, self._run_turn)
        self._lines = self._roster.lines
        self._deadlines = Deadlines(self._roster, config, timebase, clock)
        self._arrears = Arrears(store, self._roster, clock, self.log)
        self._finished: Deferred[None] | None = None

    @property
    def trouble(self) -> str | None:
        """Why nothing can be stored now; None if all is well."""
        return self._arrears.trouble

    def recall(self) -> None:
        """Pick up the sessions that are in the store."""
        self._finished = None
        self._arrears.start(self._try_again)
        self._recall()

    def living(self) -> Iterator[Session]:
        """Return every session that has not ended."""
        return self._roster.living()

    def session(self, code: str) -> Session | None:
        """Return a session that has not ended, or None."""
        return self._roster.session(code)

    def submit(self, code: str, entry: Entry) -> None:
        """Put something in a session's line; it is dealt with next turn."""
        self._roster.submit(code, entry)

    def keep(self, row: Row) -> None:
        """Store what was seen in a take with what the turn stores anyway, or alone."""
        self._arrears.add(row)
        self._roster.wake()

    def finish(self) -> Deferred[None]:
        """Deal with all that waits, and leave no timer behind.

        Returns:
            Fires once all of it is stored, or the store has refused it.
        """
        self._finished = Deferred()
        self._deadlines.clear()
        self._arrears.stop()
        self._take_turn()
        if self.trouble is not None:
            self._settle()
        self._rest()
        return self._finished

    # The beginning.

    def _recall(self) -> None:
        """Ask the store for all its sessions, unless it is being tried already."""
        if not self._arrears.is_trying:
            found = self._arrears.recall()
            self._watch(found.addCallbacks(self._pick_up, lambda _: None))

    def _pick_up(self, sessions: Sequence[Session]) -> None:
        """Note that the store can be read, and go on with what is in it."""
        self._roster.is_complete = True
        if self._finished is None:
            self._go_on_with(sessions)
        if self.trouble is not None:
            self._settle()

    def _go_on_with(self, sessions: Sequence[Session]) -> None:
        """Go on with what is stored: nobody is connected to it yet."""
        for session in sessions:
            line = self._lines.get(session.id)
            if line is None:
                self._roster.add(session)
                self.submit(session.id, Restarted())
            else:
                self._deadlines.set(line)
        if sessions:
            running = sum(session.take is not None for session in sessions)
            self.log.info(
                "sessions that go on: {count}; that record: {running}",
                count=len(sessions),
                running=running,
            )

    # A turn.

    def _run_turn(self) -> None:
        self._take_turn()
        self._rest()

    def _take_turn(self) -> None:
        """Run what waits in every line that can move, and commit it together."""
        lines = self._roster.due()
        for line in lines:
            if line.is_to_be_read:
                self._read(line)
        shares = [
            self._run(line, line.take_entries()) for line in lines if line.can_move
        ]
        if self.trouble is None:
            self._commit(shares)
        else:
            for share in shares:
                self._go_on(share)

    def _read(self, line: Line) -> None:
        """Read a session that this server has not seen yet, or not of late."""
        before, line.standing = line.standing, Standing.READING

        def found(session: Session | None) -> None:
            line.standing = before
            effects = strays(line.session, session)
            line.has(session)
            if before is Standing.EARLY:
                line.put_back([Restarted()])
            self._conclude(Share(line, [], session, effects=effects))

        def failed(_: Failure) -> None:
            line.standing = before
            if line.session is None:
                self._turn_away(line)
            else:
                line.standing = Standing.STORED  # As far as anybody here can know.
                self._roster.mark(line)

        self._go_on_after(self._arrears.read(line.code), found, failed)

    def _turn_away(self, line: Line) -> None:
        """Refuse all that waits for a session that cannot be read."""
        share = Share(line, line.take_entries(), None)
        share.turn_away(StoreTrouble(self.trouble))
        self._conclude(share)

    def _run(self, line: Line, entries: list[Entry]) -> Share:
        """Take a line's steps, each on the value of the last."""
        share = Share(line, entries, line.session)
        for entry in entries:
            try:
                self._run_entry(share, entry)
            except Exception:
                self._note_fault(line, entry)
                if isinstance(entry, Joining):
                    share.effects.append(Dismissed(entry.peer))
        return share

    def _run_entry(self, share: Share, entry: Entry) -> None:
        if isinstance(entry, Reply):
            share.reply(entry)
            return
        event = share.accept(entry) if isinstance(entry, Request) else entry
        if self.trouble is not None and begins(share.session, event):
            share.refuse(event)
        else:
            share.step(event, self._timebase.now(), self._config)

    # The commit.

    def _commit(self, shares: list[Share]) -> None:
        """Store what the steps came to, then carry it out."""
        batch = []
        for share in shares:
            write = share.write()
            if write is None:
                self._conclude(share)
            else:
                share.line.standing = Standing.COMMITTING
                batch.append((share, write))
        if not batch and not self._arrears.has_rows:
            return

        def committed(conflicts: frozenset[str]) -> None:
            for share, write in batch:
                share.line.standing = Standing.STORED
                if write.code in conflicts:
                    self._run_again(share)
                else:
                    share.line.has(write.session)
                    self._conclude(share)

        def failed(_: Failure) -> None:
            for share, _write in batch:
                share.line.standing = Standing.STORED
                self._go_on(self._run(share.line, share.entries))

        done = self._arrears.commit([write for _, write in batch])
        self._go_on_after(done, committed, failed)

    def _run_again(self, share: Share) -> None:
        """Another server was faster: read its value, and take the steps on it."""
        share.line.standing = Standing.UNREAD
        share.line.put_back(share.entries)
        self._roster.mark(share.line)

    def _go_on(self, share: Share) -> None:
        """Carry out steps that are stored later."""
        if share.write() is not None:
            share.line.runs_ahead(
                share.session, share.takes, share.journal, share.letters
            )
        share.promise_nothing()
        self._conclude(share)

    def _conclude(self, share: Share) -> None:
        """Do what a line's steps wanted, and see when it is due again."""
        for effect in share.effects:
            try:
                self._carry_out(effect)
            except Exception:
                self._note_fault(share.line, effect)
        for done, answer in share.answers:
            done.callback(answer)
        if self._finished is None:
            self._deadlines.set(share.line)
        self._roster.tidy(share.line)

    def _note_fault(self, line: Line, what: Entry | Effect) -> None:
        self.log.failure(
            "{session}: {kind} failed", session=line.code, kind=type(what).__name__
        )

    # Visits to the store.

    def _try_again(self) -> None:
        if self._roster.is_complete:
            self._settle()
        else:
            self._recall()

    def _settle(self) -> None:
        self._watch(self._arrears.settle())

    def _go_on_after(
        self,
        visit: Deferred[_Answer],
        answered: Callable[[_Answer], None],
        failed: Callable[[Failure], None],
    ) -> None:
        """Go on with what the store says: at once, if it has said so already."""
        if not has_answered(visit):
            self._watch(visit.addCallbacks(answered, failed))
            return
        try:
            answered(cast("_Answer", visit.result))
        except Exception:  # As behind a Deferred: the others have their turn.
            self._note_unheard(Failure())

    def _watch(self, done: Deferred[Any]) -> None:
        """See a visit to the store to its end."""
        done.addErrback(self._note_unheard)
        done.addBoth(lambda _: self._rest())

    def _note_unheard(self, failure: Failure) -> None:
        self.log.failure("what the store answered was not dealt with", failure)

    def _rest(self) -> None:
        """Tell whoever asked for the end once all is stored."""
        finished = self._finished
        if finished is None or finished.called:
            return
        if not self._roster.is_busy and not self._arrears.is_visiting:
            finished.callback(None)
