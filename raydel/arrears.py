"""What the store has not taken yet, and when it is offered again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from twisted.internet.defer import Deferred, maybeDeferred, succeed
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from raydel.core.state import Session
from raydel.interfaces import IStore, Row, StoreTrouble, Write
from raydel.line import Line, Standing
from raydel.roster import Roster

RETRY: Final = 1.0
"""Seconds between two attempts to store what could not be stored."""

SLOW: Final = 1.0
"""Seconds a commit may take: all phones wait for it, their pings too."""

PATIENCE: Final = 10.0
"""A store that stays slow is let alone for so many times as long as it took: it has
a tenth of the time at most."""

MOST_ROWS: Final = 10_000
"""Rows that wait for a store; the oldest are dropped: about a megabyte."""

_TROUBLE: Final = "nothing can be stored: {why}; recordings go on, nothing new begins"

_Answer = TypeVar("_Answer")


def has_answered(done: Deferred[Any]) -> bool:
    """Tell whether a store has answered at once: then its answer is `done.result`.

    Most do. To wait for what is there already would cost more than a commit.
    """
    return done.called and not isinstance(done.result, (Failure, Deferred))


@dataclass(frozen=True, slots=True)
class _Offer:
    """A line that is behind, in the form in which it is offered to the store."""

    line: Line
    session: Session | None
    write: Write

    @classmethod
    def of(cls, line: Line) -> _Offer:
        """Offer a line as it is now."""
        takes = line.takes.values()
        write = line.write(line.session, takes, line.journal, line.letters)
        return cls(line, line.session, write)


class Arrears:
    """All that passes between the lines and a store that may fail.

    The first visit to the store that fails, or a commit that takes too long, is the
    beginning of trouble. Only `settle` ends it, and only when no line is behind: until
    then nothing may be committed first and told afterwards. There is one more attempt
    soon, later where the store is slow, and there are never two at a time.

    Args:
        store: Where sessions and takes are kept.
        roster: Knows which lines are behind.
        clock: Runs the timer.
        log: Where it is said when trouble begins, and when it is over.

    Attributes:
        trouble: Why nothing can be stored now; None if all is well.
        is_trying: Whether an attempt is under way: to recall, or to settle.
    """

    def __init__(
        self, store: IStore, roster: Roster, clock: IReactorTime, log: Logger
    ) -> None:
        self.trouble: str | None = None
        self.is_trying = False
        self._store = store
        self._roster = roster
        self._clock = clock
        self._log = log
        self._rows: list[Row] = []
        self._visits = 0
        self._is_slow = False
        self._try_again: Callable[[], None] | None = None
        self._retry: IDelayedCall | None = None

    def start(self, try_again: Callable[[], None]) -> None:
        """Have somebody try again, a second after a visit has failed."""
        self._try_again = try_again

    def stop(self) -> None:
        """Leave no timer behind, whatever fails from now on."""
        self._try_again = None
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None

    # What was seen in takes.

    @property
    def has_rows(self) -> bool:
        """Whether rows wait for a commit."""
        return bool(self._rows)

    def add(self, row: Row) -> None:
        """Keep a row for the next commit."""
        self._rows.append(row)
        del self._rows[:-MOST_ROWS]

    # Visits to the store.

    @property
    def is_visiting(self) -> bool:
        """Whether the store has yet to answer."""
        return self._visits > 0

    def read(self, code: str) -> Deferred[Session | None]:
        """Return what the store has of a session."""
        done = maybeDeferred(self._store.session, code)
        return done if has_answered(done) else self._visit(done)

    def recall(self) -> Deferred[Sequence[Session]]:
        """Return all sessions of the store. This is an attempt."""
        return self._attempt(self._visit(maybeDeferred(self._store.sessions)))

    def commit(self, batch: Sequence[Write]) -> Deferred[frozenset[str]]:
        """Hand a batch to the store, and the rows that wait.

        Returns:
            Fires with the codes that conflicted.
        """
        rows, self._rows = self._rows, []
        began = self._clock.seconds()
        done = maybeDeferred(self._store.commit, batch, rows)
        if has_answered(done):
            self._judge(self._clock.seconds() - began)
            return done

        def keep(failure: Failure) -> Failure:
            self._rows = [*rows, *self._rows][-MOST_ROWS:]
            return failure

        def made(conflicts: frozenset[str]) -> frozenset[str]:
            self._judge(self._clock.seconds() - began)
            return conflicts

        return self._visit(done).addCallbacks(made, keep)

    def _visit(self, done: Deferred[_Answer]) -> Deferred[_Answer]:
        """Wait for an answer of the store; should it fail, there is trouble."""
        self._visits += 1
        return done.addBoth(self._visited)

    def _visited(self, answer: _Answer | Failure) -> _Answer | Failure:
        self._visits -= 1
        if isinstance(answer, Failure):
            self._failed(answer)
        return answer

    # Trouble.

    def _failed(self, failure: Failure) -> None:
        """Note why, and try again soon."""
        why = failure.getErrorMessage() or type(failure.value).__name__
        if self.trouble is None:
            self._say(failure, why)
        self.trouble = why
        self._plan(RETRY)

    def _say(self, failure: Failure, why: str) -> None:
        """Say once what is wrong; where no store has foreseen it, say where, too."""
        if failure.check(StoreTrouble):
            self._log.error(_TROUBLE, why=why)
        else:
            self._log.failure(_TROUBLE, failure, why=why)

    def _judge(self, seconds: float) -> None:
        """Note how long a commit took: a slow one is the last for a while."""
        self._is_slow = seconds > SLOW
        if not self._is_slow:
            return
        why = f"the disk is slow: {seconds:.1f} s for one commit"
        # The first may have been an accident.
        pause = RETRY
        if self.trouble is None:
            self._log.error(_TROUBLE, why=why)
        else:
            pause = max(RETRY, PATIENCE * seconds)
        self.trouble = why
        self._plan(pause)

    def _plan(self, seconds: float) -> None:
        if self._retry is None and self._try_again is not None:
            self._retry = self._clock.callLater(
                seconds, self._run_retry, self._try_again
            )

    def _run_retry(self, try_again: Callable[[], None]) -> None:
        self._retry = None
        try_again()

    def _attempt(self, done: Deferred[_Answer]) -> Deferred[_Answer]:
        self.is_trying = True
        return done.addBoth(self._attempted)

    def _attempted(self, answer: _Answer) -> _Answer:
        self.is_trying = False
        return answer

    # Catching up.

    def settle(self) -> Deferred[None]:
        """Store all that could not be stored; an empty commit tries the store too.

        What falls behind meanwhile is stored right afterwards.

        Returns:
            Fires when all is stored, when the store has failed again or was slow,
            or at once if there is an attempt under way.
        """
        if self.is_trying:
            return succeed(None)
        offers = [_Offer.of(line) for line in self._roster.behind()]
        done = self._attempt(self.commit([offer.write for offer in offers]))

        def stored(conflicts: frozenset[str]) -> Deferred[None] | None:
            for offer in offers:
                self._catch_up(offer, lost=offer.line.code in conflicts)
            if self._is_slow:
                return None
            if self._roster.behind():
                return self.settle()
            self._recover()
            return None

        return done.addCallbacks(stored, lambda _: None)

    def _catch_up(self, offer: _Offer, *, lost: bool) -> None:
        """Note that a line is stored, in the form in which it was offered."""
        line, stored = offer.line, offer.write.session
        if lost:
            self._log.error("{session}: another server was faster", session=line.code)
            line.standing = Standing.UNREAD
            self._roster.mark(line)
        elif line.session is offer.session:
            line.has(stored)
            self._roster.tidy(line)
        else:
            line.has_most(offer.write)

    def _recover(self) -> None:
        """Store things first again, the rows that came meanwhile, too."""
        self.trouble = None
        self._log.info("all is stored again")
        if self._rows:
            self._roster.wake()
