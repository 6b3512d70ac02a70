"""One session's line, and its share of a turn."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from msgspec import UNSET, structs
from twisted.internet.defer import Deferred

from raydel.core.config import Config
from raydel.core.effects import Close, Dismissed, Effect, Seated, Tell
from raydel.core.errors import DEGRADED, Refusal
from raydel.core.events import Event, Joining, PeerCommand
from raydel.core.journal import JournalEntry
from raydel.core.letters import Letter, letters_of
from raydel.core.messages import Joined, Numbered, Outbound, refused
from raydel.core.session import SEAT_TAKEN, step
from raydel.core.state import Phase, Session, phase_of
from raydel.core.take import Take
from raydel.core.tokens import new_letter_id
from raydel.interfaces import StoreTrouble, Write

LIVING: Final = (Phase.OPEN, Phase.RECORDING)
"""Phases of a session that anybody may hear of."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer that changes nothing, but has to wait its turn."""

    peer: str
    message: Outbound


@dataclass(frozen=True, slots=True)
class Request:
    """An event that somebody waits for: whether it met a living session."""

    event: Event
    done: Deferred[bool]


Entry = Event | Reply | Request


class Standing(Enum):
    """How a line stands with the store."""

    EARLY = "not read yet: what is stored is from an earlier run of the program"
    UNREAD = "not read yet, or another server has stored it since"
    READING = "being read"
    COMMITTING = "being committed"
    STORED = "what everybody was told is stored, as far as is known here"
    BEHIND = "what everybody was told could not be stored yet"


# Tuples: each turn asks, and the members of an Enum are slow to hash.
_TO_BE_READ: Final = (Standing.EARLY, Standing.UNREAD)
_BUSY: Final = (Standing.READING, Standing.COMMITTING)


@dataclass(slots=True, eq=False)
class Line:
    """What waits for one session, and its value.

    Entries are dealt with in the order in which they came, and none while the
    line is busy: its value is then about to be another.

    Attributes:
        code: The session's code.
        standing: How it stands with the store.
        session: The value that everybody was told of.
        stored: The version of it that the store has; 0 for none.
        takes: Takes that the store does not have in this form.
        journal: Lines of journals that it does not have.
        letters: Letters that it does not have.
        waiting: What is still to be dealt with, first come first.
    """

    code: str
    standing: Standing = Standing.UNREAD
    session: Session | None = None
    stored: int = 0
    takes: dict[str, Take] = field(default_factory=dict)
    journal: list[JournalEntry] = field(default_factory=list)
    letters: list[Letter] = field(default_factory=list)
    waiting: deque[Entry] = field(default_factory=deque)

    @property
    def is_to_be_read(self) -> bool:
        """Whether nobody here knows what is stored."""
        return self.standing in _TO_BE_READ

    @property
    def is_busy(self) -> bool:
        """Whether the store has yet to answer."""
        return self.standing in _BUSY

    @property
    def is_behind(self) -> bool:
        """Whether the store has fallen behind."""
        return self.standing is Standing.BEHIND

    @property
    def can_move(self) -> bool:
        """Whether a step can be taken on its value."""
        return bool(self.waiting) and not self.is_to_be_read and not self.is_busy

    def has(self, session: Session | None) -> None:
        """Note what the store has."""
        self.session = session
        self.stored = 0 if session is None else session.version
        self.takes.clear()
        self.journal.clear()
        self.letters.clear()
        self.standing = Standing.STORED

    def has_most(self, write: Write) -> None:
        """Note what the store has, where the line has run further ahead since."""
        self.stored = 0 if write.session is None else write.session.version
        del self.journal[: len(write.journal)]
        del self.letters[: len(write.letters)]

    def runs_ahead(
        self,
        session: Session | None,
        takes: dict[str, Take],
        journal: Iterable[JournalEntry] = (),
        letters: Iterable[Letter] = (),
    ) -> None:
        """Note what everybody is told before the store has it."""
        self.session = session
        self.takes |= takes
        self.journal += journal
        self.letters += letters
        self.standing = Standing.BEHIND

    def write(
        self,
        session: Session | None,
        takes: Iterable[Take],
        journal: Iterable[JournalEntry] = (),
        letters: Iterable[Letter] = (),
    ) -> Write:
        """Put a value into the next write to the store."""
        if session is not None:
            session = structs.replace(session, version=self.stored + 1)
        return Write(
            code=self.code,
            expected=self.stored,
            session=session,
            takes=tuple(takes),
            journal=tuple(journal),
            letters=tuple(letters),
        )

    def take_entries(self) -> list[Entry]:
        """Return what waits, and have nothing wait any more."""
        entries = list(self.waiting)
        self.waiting.clear()
        return entries

    def put_back(self, entries: Iterable[Entry]) -> None:
        """Let entries wait again, before all that came since."""
        self.waiting = deque([*entries, *self.waiting])


@dataclass(slots=True)
class Share:
    """One line's share of a turn: what was run, and what comes of it.

    Nothing of it is in the line before the turn is committed: should that fail,
    the entries can be run again.

    Attributes:
        line: The line.
        entries: What was taken from it.
        session: The value that the steps have come to.
        takes: The takes that they have changed.
        effects: What they want done, in order.
        journal: What they have added to the journals of takes.
        letters: What is to be posted of them, where letters are wanted.
        answers: What those are told who wait for a request, last of all.
    """

    line: Line
    entries: list[Entry]
    session: Session | None
    takes: dict[str, Take] = field(default_factory=dict)
    effects: list[Effect] = field(default_factory=list)
    journal: list[JournalEntry] = field(default_factory=list)
    letters: list[Letter] = field(default_factory=list)
    answers: list[tuple[Deferred[bool], bool]] = field(default_factory=list)

    def write(self) -> Write | None:
        """Return what has to be stored, or None."""
        is_same = self.session == self.line.session
        if is_same and not (self.takes or self.journal or self.letters):
            return None
        takes = self.takes.values()
        return self.line.write(self.session, takes, self.journal, self.letters)

    def reply(self, reply: Reply) -> None:
        """Let an answer leave in its turn."""
        self.effects.append(Tell(reply.peer, reply.message))

    def accept(self, request: Request) -> Event:
        """Note whether a request meets a living session, and return its event."""
        self.answers.append((request.done, phase_of(self.session) in LIVING))
        return request.event

    def step(self, event: Event, now: float, config: Config) -> None:
        """Take a step on the value of the last."""
        before, code = self.session, self.line.code
        outcome = step(before, code, event, now, config)
        self.session = outcome.session
        self.takes.update((take.id, take) for take in outcome.takes)
        self.effects.extend(outcome.effects)
        self.journal.extend(outcome.journal)
        if config.webhook is not None:
            self.letters += letters_of(before, outcome, code, now, new_letter_id)

    def refuse(self, event: Event) -> None:
        """Answer a peer that nothing can be stored now."""
        peer = getattr(event, "peer", "")
        if isinstance(event, Joining):
            self.effects.append(Dismissed(peer))
        name = getattr(event, "command_id", None)
        refusal = Refusal(DEGRADED, command_id=name)
        self.effects.append(Tell(peer, refused(refusal)))

    def promise_nothing(self) -> None:
        """Take from what is told whatever a device could come back with."""
        self.effects = [_unpromised(effect) for effect in self.effects]

    def turn_away(self, trouble: StoreTrouble) -> None:
        """Refuse whatever was asked: the session cannot be read."""
        for entry in self.entries:
            if isinstance(entry, Request):
                entry.done.errback(trouble)
            elif isinstance(entry, Reply):
                self.reply(entry)
            elif isinstance(entry, Joining | PeerCommand):
                self.refuse(entry)


def _unpromised(effect: Effect) -> Effect:
    """Take from what is told whatever the device could come back with.

    A number says that what was told up to it is kept, and a token that a seat is.
    Were this server to die now, its successor would give the number to something
    else, and would not know the token.
    """
    match effect:
        case Seated():
            return structs.replace(effect, lasting=False)
        case Tell(message=Joined(recovered=True)):
            return effect  # The number is the device's own.
        case Tell(message=message) if isinstance(message, Joined | Numbered):
            return structs.replace(effect, message=structs.replace(message, seq=UNSET))
        case _:
            return effect


def strays(ours: Session | None, theirs: Session | None) -> list[Effect]:
    """Send peers that another server's value has no seat for back to the door."""
    lost = [peer for peer in _peers(ours) if peer not in _peers(theirs)]
    return [
        effect for peer in lost for effect in (Dismissed(peer), Close(peer, SEAT_TAKEN))
    ]


def _peers(session: Session | None) -> list[str]:
    """Return the peers that have a seat, or wait for one."""
    if session is None:
        return []
    seated = [seat.peer for seat in session.seats if seat.peer is not None]
    return seated + [claim.joining.peer for claim in session.claims]
