"""A take: one recording on every phone that took part in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

from msgspec import structs

from raydel.core.apps import App
from raydel.core.events import Joining
from raydel.core.values import Value

KEPT_TOKENS: Final = 2
"""The newest, and the one before: the message with the newest may get lost."""

MOST_DEBTS: Final = 32
"""Stops that one device is owed at once: who does not hear 32 takes end hears none.
Without a limit, a phone that proves nothing would fill the store. It is each device's
own: none takes from another the stop that it waits for."""

MOST_PARTICIPANTS: Final = 32
"""Of a take: two begin it, and whoever comes late is another device each time that it
forgets its token."""

MOST_ABSENTEES: Final = 32
"""A screen is another device each time it comes back: enough is enough."""


MOST_PAST_TAKES: Final = 8
"""Takes of a session of which reports are still heard: a phone that was away for so
many has other worries."""


class Owner(Value, frozen=True):
    """How a device is known again: by its token, or by its role and name.

    Attributes:
        device_id: Ours, unguessable.
        is_host: Its role.
        said_name: The name it joined with, or None if it gave none.
        tokens: Fingerprints of its resume tokens, newest first; none if it never
            had one.
    """

    device_id: str
    is_host: bool
    said_name: str | None
    tokens: tuple[str, ...] = ()

    def is_of(self, event: Joining) -> bool:
        """Whether a newcomer is this device: by token, or by role and name."""
        if self.is_host != event.join.is_host:
            return False
        if event.presented is not None:
            return event.presented in self.tokens
        return self.said_name == event.join.device_name

    def renewed(self, event: Joining) -> Owner:
        """Return it as it is once it has come back.

        The token that it showed stays good beside the new one.
        """
        shown = event.presented
        known = (shown,) if shown is not None else self.tokens
        tokens = known if event.token is None else (event.token, *known)
        return structs.replace(
            self,
            said_name=event.join.device_name or self.said_name,
            tokens=tokens[:KEPT_TOKENS],
        )


class Declared(Value, frozen=True):
    """What a device said of itself when it joined; a released app says nothing.

    Attributes:
        protocol: The newest protocol that it speaks.
        model: What the maker calls the phone.
        installation_id: Its app's own name for this installation.
        capabilities: What its app can do.
    """

    protocol: int | None = None
    model: str | None = None
    installation_id: str | None = None
    capabilities: tuple[str, ...] = ()


class Participant(Value, frozen=True):
    """A device that was told to record, or that began to by itself.

    Attributes:
        owner: Who it is.
        name: What people call it.
        app: What it is.
        start_proven: Whether its start command is known to have arrived.
        outside: Its connection, where it came back and found its seat taken.
        declared: What it said of itself.
        late: Whether it came when the take ran already.
        done: Whether it said that it has its file, or will have none.
    """

    owner: Owner
    name: str
    app: App
    start_proven: bool = False
    outside: str | None = None
    declared: Declared = Declared()
    late: bool = False
    done: bool = False


class Absentee(Value, frozen=True):
    """A device with a seat that was not there when the take was started."""

    device_id: str
    name: str
    is_host: bool


class Take(Value, frozen=True):
    """One recording. Instants are server time, ms.

    Attributes:
        id: Ours, unguessable.
        session_id: The code it was recorded under.
        accepted_at: When the start command was accepted.
        start_at: When the cameras were to be called.
        initiator: Device id of whoever asked for it.
        participants: Who was told to record.
        absent: Who was not there.
        ended_at: When the stop was accepted, or None while it runs.
        reason: Why it ended, as in `StopRecording`.
        ended_by: Device id of whoever ended it, or ``server``.
        strict: Whether it was only to begin if everybody agreed.
    """

    id: str
    session_id: str
    accepted_at: float
    start_at: float
    initiator: str
    participants: tuple[Participant, ...]
    absent: tuple[Absentee, ...] = ()
    ended_at: float | None = None
    reason: str | None = None
    ended_by: str | None = None
    strict: bool = False

    def participant(self, device_id: str) -> Participant | None:
        """Return the participant with this id, if it is one."""
        for participant in self.participants:
            if participant.owner.device_id == device_id:
                return participant
        return None

    def with_participant(self, device_id: str, **changes: Any) -> Take:
        """Replace fields of one participant."""
        return structs.replace(
            self,
            participants=tuple(
                structs.replace(p, **changes) if p.owner.device_id == device_id else p
                for p in self.participants
            ),
        )

    def with_late(self, participant: Participant) -> Take:
        """Add a participant that came when the take ran already."""
        device_id = participant.owner.device_id
        return structs.replace(
            self,
            participants=(*self.participants, participant),
            absent=tuple(a for a in self.absent if a.device_id != device_id),
        )

    def with_absentee(self, absentee: Absentee) -> Take:
        """Note a device that came too late to take part, once."""
        known = any(a.device_id == absentee.device_id for a in self.absent)
        if known or len(self.absent) >= MOST_ABSENTEES:
            return self
        return structs.replace(self, absent=(*self.absent, absentee))


class ClockSample(Value, frozen=True):
    """One look at the clock of a device that takes part in a take.

    Attributes:
        take_id: The take.
        device_id: The device.
        clock_id: The server time that it was compared with, as in `ITimebase`.
        at: When it was, server time, ms.
        offset: The device's clock less server time, ms.
        round_trip: What the quickest messages there and back were on their ways, ms,
            and a little more: half of it bounds the error.
    """

    take_id: str
    device_id: str
    clock_id: str
    at: float
    offset: float
    round_trip: float


class Stop(Value, frozen=True):
    """How a take was ended.

    Attributes:
        take_id: The take it ends.
        start_at: When that take's cameras were to be called.
        accepted_at: When it was accepted.
        initiator: Device id of whoever asked for it, or ``server``.
        reason: Why, as in `StopRecording`.
    """

    take_id: str
    start_at: float
    accepted_at: float
    initiator: str
    reason: str


class PastTake(Value, frozen=True):
    """A take that has ended, and of which its devices may still report.

    Attributes:
        take_id: The take.
        device_ids: Those of its participants.
    """

    take_id: str
    device_ids: tuple[str, ...]


class Debt(Value, frozen=True):
    """A stop that a participant is not yet known to have got.

    Attributes:
        owner: Whom it is owed.
        stop: What it was to be told.
        expires_at: When nobody can be recording that take any more.
    """

    owner: Owner
    stop: Stop
    expires_at: float


def latest_debts(debts: Sequence[Debt]) -> tuple[Debt, ...]:
    """Return what each device is owed, oldest first, `MOST_DEBTS` of each at most."""
    kept: list[Debt] = []
    counts: Counter[str] = Counter()
    for debt in reversed(debts):
        counts[debt.owner.device_id] += 1
        if counts[debt.owner.device_id] <= MOST_DEBTS:
            kept.append(debt)
    return tuple(reversed(kept))
