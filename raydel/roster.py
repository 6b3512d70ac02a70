"""The lines there are, and which of them are due."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from raydel.core.state import Session, phase_of
from raydel.line import LIVING, Entry, Line, Standing


class Roster:
    """The lines of all sessions on this server, and those due for a turn.

    A line is here as long as a session is in it, something waits in it, or the
    store has yet to hear that its session is over.

    Args:
        clock: Runs the turns.
        take_turn: Called in the reactor's next turn, once, however much is due.

    Attributes:
        lines: All of them, by the codes of their sessions.
        is_complete: Whether the stored sessions are among them. What is read for a
            line that was there before is from an earlier run of the program.
    """

    def __init__(self, clock: IReactorTime, take_turn: Callable[[], None]) -> None:
        self.lines: dict[str, Line] = {}
        self.is_complete = False
        self._clock = clock
        self._take_turn = take_turn
        self._due: dict[Line, None] = {}
        self._turn: IDelayedCall | None = None

    def living(self) -> Iterator[Session]:
        """Return every session that has not ended."""
        for line in self.lines.values():
            session = line.session
            if session is not None and phase_of(session) in LIVING:
                yield session

    def session(self, code: str) -> Session | None:
        """Return a session that has not ended, or None."""
        line = self.lines.get(code)
        session = line.session if line is not None else None
        return session if phase_of(session) in LIVING else None

    def behind(self) -> list[Line]:
        """Return the lines that the store has fallen behind of."""
        return [line for line in self.lines.values() if line.is_behind]

    @property
    def is_busy(self) -> bool:
        """Whether a turn is to come, or a line waits for the store."""
        return self._turn is not None or any(
            line.is_busy for line in self.lines.values()
        )

    def add(self, session: Session) -> None:
        """Begin a line with what is stored."""
        line = self.lines[session.id] = Line(session.id)
        line.has(session)

    def submit(self, code: str, entry: Entry) -> None:
        """Put something in a session's line, which is due then."""
        line = self.lines.get(code)
        if line is None:
            standing = Standing.UNREAD if self.is_complete else Standing.EARLY
            line = self.lines[code] = Line(code, standing)
        line.waiting.append(entry)
        self.mark(line)

    def mark(self, line: Line) -> None:
        """Note that a line is due."""
        self._due[line] = None
        self.wake()

    def wake(self) -> None:
        """Have a turn taken soon, whether a line is due or not."""
        if self._turn is None:
            self._turn = self._clock.callLater(0, self._take_turn)

    def due(self) -> list[Line]:
        """Begin a turn: return the lines that it is for, none of them busy.

        A busy line is due again, by `tidy`, when it is busy no more.
        """
        if self._turn is not None and self._turn.active():
            self._turn.cancel()
        self._turn = None
        due, self._due = self._due, {}
        return [line for line in due if not line.is_busy]

    def tidy(self, line: Line) -> None:
        """Mark a line that something waits in; forget one that nothing is in."""
        if line.waiting:
            self.mark(line)
        elif line.session is None and not line.is_behind:
            self.lines.pop(line.code, None)
            self._due.pop(line, None)
