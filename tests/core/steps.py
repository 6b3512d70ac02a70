"""A stage for sessions: it keeps the value, the time, and what came of a step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeVar

from msgspec import UNSET

from raydel.core.apps import App
from raydel.core.config import Config
from raydel.core.effects import Effect, Happened, Occasion, Tell
from raydel.core.events import (
    AppLearned,
    Command,
    DeadlinePassed,
    Delivered,
    EndRequested,
    Event,
    Joining,
    Left,
    ProbeAnswered,
    ReadyReported,
    Receipt,
    Restarted,
    StartRequested,
    StopRequested,
    WasHeard,
    WentSilent,
)
from raydel.core.journal import JournalEntry
from raydel.core.messages import Error, Join, Numbered, Outbound
from raydel.core.session import TRANSITIONS, step
from raydel.core.state import Seat, Session, deadline_of, phase_of
from raydel.core.take import Take
from raydel.core.tokens import fingerprint

CODE: Final = "ABC123"
NOON: Final = 1_768_478_400_000.0
LOST: Final = 1006

Message = TypeVar("Message", bound=Outbound)


def token_of(peer: str) -> str:
    """Return the token that a peer gets with its seat."""
    return f"{peer}-token"


def joining(
    peer: str,
    *,
    host: bool,
    name: str | None = None,
    app: App = App.LIBRARY_1,
    resume: str | None = None,
    last_seq: int | None = None,
    command_id: str | None = None,
) -> Joining:
    """Make the event of a peer that asks for a seat.

    A device that is new gets the id ``<peer>-id``, and every peer that speaks
    protocol 2 the token ``<peer>-token``.
    """
    protocol = None if app.is_released else 2
    return Joining(
        peer=peer,
        join=Join(CODE, host, name, protocol, last_seq=last_seq, command_id=command_id),
        app=app,
        device_id=f"{peer}-id",
        token=None if app.is_released else fingerprint(token_of(peer)),
        presented=None if resume is None else fingerprint(resume),
    )


class Stage:
    """One session, played by hand.

    Each verb is one step, which is held to the table of transitions. What it
    told stands in `effects` until the next verb, what it noted in `journal`; all that
    was noted stands in `lines`.
    """

    def __init__(self, config: Config | None = None) -> None:
        self.config = config or Config()
        self.now = NOON
        self.value: Session | None = None
        self.takes: dict[str, Take] = {}
        self.effects: tuple[Effect, ...] = ()
        self.journal: list[JournalEntry] = []
        self.lines: list[JournalEntry] = []
        self.receipts: list[tuple[str, Receipt]] = []

    # What happens.

    def do(self, event: Event) -> None:
        """Take a step."""
        phase = phase_of(self.value)
        outcome = step(self.value, CODE, event, self.now, self.config)
        self.value = outcome.session
        self.takes |= {take.id: take for take in outcome.takes}
        self.effects = outcome.effects
        self.journal = list(outcome.journal)
        self.lines += outcome.journal
        self.receipts += [
            (effect.peer, effect.receipt)
            for effect in self.effects
            if isinstance(effect, Tell) and effect.receipt is not None
        ]
        allowed = TRANSITIONS[phase][type(event)].to
        assert phase_of(self.value) in allowed, (phase, event, self.value)

    def host_joins(
        self,
        peer: str = "host",
        *,
        name: str | None = "iPhone",
        app: App = App.LIBRARY_1,
        resume: str | None = None,
        last_seq: int | None = None,
    ) -> None:
        """A peer asks for the host's seat."""
        event = joining(
            peer, host=True, name=name, app=app, resume=resume, last_seq=last_seq
        )
        self.do(event)

    def guest_joins(
        self,
        peer: str = "guest",
        *,
        name: str | None = "Pixel",
        app: App = App.LIBRARY_1,
        resume: str | None = None,
        last_seq: int | None = None,
    ) -> None:
        """A peer asks for the guest's seat."""
        event = joining(
            peer, host=False, name=name, app=app, resume=resume, last_seq=last_seq
        )
        self.do(event)

    def both_join(self, host: App = App.LIBRARY_1, guest: App = App.LIBRARY_1) -> None:
        """A host and a guest take their seats."""
        self.host_joins(app=host)
        self.guest_joins(app=guest)

    def starts(
        self,
        peer: str = "host",
        take_id: str = "take",
        lead: float = 250.0,
        *,
        command_id: str | None = None,
        by_operator: bool = False,
    ) -> None:
        """A peer asks for a take."""
        self.do(StartRequested(peer, take_id, lead, command_id, by_operator))

    def stops(
        self,
        peer: str = "host",
        lead: float = 0.0,
        *,
        command_id: str | None = None,
        take_id: str | None = None,
        by_operator: bool = False,
    ) -> None:
        """A peer asks for the end of the take."""
        self.do(StopRequested(peer, lead, command_id, take_id, by_operator))

    def is_ready(
        self, peer: str, *, camera: bool = False, command_id: str | None = None
    ) -> None:
        """A peer says that it is ready."""
        self.do(ReadyReported(peer, camera=camera, command_id=command_id))

    def loses(self, peer: str) -> None:
        """A peer's link breaks."""
        self.do(Left(peer, LOST))

    def leaves(self, peer: str, code: int = 1000) -> None:
        """A peer says goodbye."""
        self.do(Left(peer, code))

    def goes_silent(self, peer: str) -> None:
        """A peer answers no more."""
        self.do(WentSilent(peer))

    def is_heard(self, peer: str) -> None:
        """A silent peer answers again."""
        self.do(WasHeard(peer))

    def answers_probe(self, peer: str) -> None:
        """A peer shows that it is still there."""
        self.do(ProbeAnswered(peer))

    def learns(self, peer: str, app: App) -> None:
        """A peer turns out to be another app."""
        self.do(AppLearned(peer, app))

    def proves(self, peer: str, command: Command) -> None:
        """All commands of a kind that a peer was told have arrived."""
        for told, receipt in list(self.receipts):
            if told == peer and receipt.command is command:
                self.receipts.remove((told, receipt))
                self.do(Delivered(receipt))

    def restarts(self) -> None:
        """The server is started again."""
        self.do(Restarted())

    def operator_ends(self, lead: float = 0.0) -> None:
        """An operator ends the session."""
        self.do(EndRequested(lead))

    def passes(self, milliseconds: float) -> None:
        """Time goes by; every deadline on the way is dealt with.

        All that the deadlines told stands in `effects`.
        """
        end = self.now + milliseconds
        told: list[Effect] = []
        while (due := self.deadline) is not None and due <= end:
            self.now = due
            self.do(DeadlinePassed())
            told += self.effects
        self.now, self.effects = end, tuple(told)

    # What came of it.

    @property
    def session(self) -> Session:
        """The session, which is there."""
        assert self.value is not None
        return self.value

    @property
    def take(self) -> Take:
        """The take that runs."""
        assert self.session.take is not None
        return self.session.take

    @property
    def deadline(self) -> float | None:
        """When time alone changes the session."""
        return None if self.value is None else deadline_of(self.value, self.config)

    def seat(self, peer: str) -> Seat:
        """Return the seat that a peer holds."""
        seat = self.session.seat_of(peer)
        assert seat is not None
        return seat

    def told(self, peer: str) -> list[Outbound]:
        """Return all that the last verb told a peer, in order."""
        return [
            effect.message
            for effect in self.effects
            if isinstance(effect, Tell) and effect.peer == peer
        ]

    def kinds(self, peer: str) -> list[str]:
        """Return the types of what the last verb told a peer."""
        return [type(message).__name__ for message in self.told(peer)]

    def numbers(self, peer: str) -> list[int]:
        """Return the numbers of what the last verb told a peer, in order."""
        seqs = [
            getattr(message, "seq", UNSET)
            for message in self.told(peer)
            if isinstance(message, Numbered)
        ]
        return [seq for seq in seqs if isinstance(seq, int)]

    def heard(self, peer: str, kind: type[Message]) -> Message:
        """Return the one message of a kind that the last verb told a peer."""
        (message,) = (m for m in self.told(peer) if isinstance(m, kind))
        return message

    def error(self, peer: str) -> str:
        """Return the code of the error that the last verb told a peer."""
        return self.heard(peer, Error).code

    def addressed(self, kind: type[Effect]) -> list[Effect]:
        """Return the effects of a kind."""
        return [effect for effect in self.effects if isinstance(effect, kind)]

    @property
    def occasions(self) -> Sequence[Occasion]:
        """What the last verb left for the log."""
        return [e.occasion for e in self.effects if isinstance(e, Happened)]
