"""A session as a value: who sits where, what runs, what is owed to whom.

How it changes stands in `raydel.core.session`, and nowhere else.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from enum import Enum
from typing import Final

from msgspec import UNSET, structs

from raydel.core.apps import App
from raydel.core.config import Config, StartPolicy
from raydel.core.events import Joining
from raydel.core.instants import iso
from raydel.core.messages import (
    DeviceStatus,
    Error,
    MarkerNotice,
    ReadinessUpdate,
    SessionStatus,
    StartRecording,
    StatusNotice,
    StatusReport,
    StopRecording,
    TakeUpdate,
    condition_of,
)
from raydel.core.stream import Stream
from raydel.core.take import Debt, Declared, Owner, PastTake, Take
from raydel.core.values import Value
from raydel.core.waits import Awaited

REMEMBERED: Final = 16
"""Starts and stops of a device whose answers are kept, and as many of all else."""

MOST_REMEMBERED: Final = 64
"""All of a session's: a phone that comes as another each time leaves some behind."""

PROBE_PATIENCE: Final = 2_000.0
"""ms an old connection is given to show that it is still there."""


Answer = (
    StartRecording
    | StopRecording
    | TakeUpdate
    | MarkerNotice
    | StatusNotice
    | ReadinessUpdate
    | Error
)
"""What a command is answered with."""


class Phase(Enum):
    """Where a session is in its life."""

    ABSENT = "absent"
    OPEN = "open"
    RECORDING = "recording"
    ENDED = "ended"


class Seat(Value, frozen=True):
    """A device's place in a session. It outlives the device's connections.

    Attributes:
        owner: Who holds it.
        name: What people call the device.
        app: What it is.
        connected_at: When its present or latest connection joined.
        peer: Its connection, or None while it has none.
        silent: Whether that connection answers no more.
        ready: Whether it said that it is ready to record.
        resumed: Whether its connection is not its first.
        away: Why it is not there, as in `DeviceDisconnected`.
        shown: Device ids that it was told are connected.
        declared: What its device said of itself.
        status: How it said that it fares, or None.
    """

    owner: Owner
    name: str
    app: App
    connected_at: float
    peer: str | None
    silent: bool = False
    ready: bool = False
    resumed: bool = False
    away: str = "lost"
    shown: tuple[str, ...] = ()
    declared: Declared = Declared()
    status: StatusReport | None = None

    @property
    def device_id(self) -> str:
        """The id of the device that holds it."""
        return self.owner.device_id

    @property
    def is_host(self) -> bool:
        """Whether it is the host's seat."""
        return self.owner.is_host

    @property
    def connected(self) -> bool:
        """Whether its device is there, as far as anybody knows."""
        return self.peer is not None and not self.silent


class Claim(Value, frozen=True):
    """A newcomer that waits while the present holder of a seat is probed."""

    joining: Joining
    against: str
    deadline: float


class Performed(Value, frozen=True):
    """A command that was carried out or refused, and how it was answered."""

    device_id: str
    command_id: str
    answer: Answer

    def is_of(self, device_id: str, command_id: str) -> bool:
        """Whether it is the command that a device means by an id."""
        return (self.device_id, self.command_id) == (device_id, command_id)


def latest_performed(performed: Sequence[Performed]) -> tuple[Performed, ...]:
    """Return the commands that are remembered, oldest first.

    Of each device the latest starts and stops, and the latest of all else: no marker
    takes the place of a start that may yet be sent again.
    """
    kept: list[Performed] = []
    counts: Counter[tuple[str, bool]] = Counter()
    for each in reversed(performed):
        kind = each.device_id, isinstance(each.answer, StartRecording | StopRecording)
        counts[kind] += 1
        if counts[kind] <= REMEMBERED:
            kept.append(each)
    return tuple(reversed(kept[:MOST_REMEMBERED]))


class Said(Value, frozen=True):
    """How much a device has added to journals since the latest start.

    Attributes:
        device_id: The device.
        markers: Markers, and how it fares.
        reports: Reports.
    """

    device_id: str
    markers: int = 0
    reports: int = 0


class Session(Value, frozen=True):
    """Up to two phones under one code. Instants are server time, ms.

    Attributes:
        id: The six-character code.
        created_at: When its host first joined.
        version: Counts what was stored; a commit compares and swaps on it.
        seats: The host's, then the guest's if there is one.
        take: The take that runs, or None.
        policy: What its host wants a start to be; None for the server's own choice.
        awaited: Reports that devices owe.
        past: Takes that have ended, and may still be reported on, oldest first.
        said: How much its devices have added to journals since the latest start.
        gaps: How many lines about links there are since then.
        stop_at: When the latest stop reaches the phones; 0 if none was sent.
        debts: Stops that somebody is not known to have got.
        claims: Newcomers that wait for a probe.
        streams: What devices that can catch up were told.
        performed: The latest commands that had an id, oldest first.
        closing: Whether it ends once files are reported: its host said goodbye.
        empty_since: When the last connected device left, or None.
        ended_at: When it ended and became a tombstone, or None.
    """

    id: str
    created_at: float
    version: int = 0
    seats: tuple[Seat, ...] = ()
    take: Take | None = None
    policy: StartPolicy | None = None
    awaited: tuple[Awaited, ...] = ()
    past: tuple[PastTake, ...] = ()
    said: tuple[Said, ...] = ()
    gaps: int = 0
    stop_at: float = 0.0
    debts: tuple[Debt, ...] = ()
    claims: tuple[Claim, ...] = ()
    streams: tuple[Stream, ...] = ()
    performed: tuple[Performed, ...] = ()
    closing: bool = False
    empty_since: float | None = None
    ended_at: float | None = None

    def seat_of(self, peer: str) -> Seat | None:
        """Return the seat that this connection holds."""
        for seat in self.seats:
            if seat.peer == peer:
                return seat
        return None

    def seat_for(self, *, is_host: bool) -> Seat | None:
        """Return the seat of a role, if anybody holds it."""
        return next((seat for seat in self.seats if seat.is_host == is_host), None)

    def said_by(self, device_id: str) -> Said:
        """Return how much a device has said of takes."""
        found = (each for each in self.said if each.device_id == device_id)
        return next(found, Said(device_id))

    def with_said(self, said: Said) -> Session:
        """Note how much a device has said."""
        others = tuple(s for s in self.said if s.device_id != said.device_id)
        return structs.replace(self, said=(*others, said))

    def connected_ids(self) -> frozenset[str]:
        """Return the ids of the devices that are there, as far as anybody knows."""
        return frozenset(seat.device_id for seat in self.seats if seat.connected)

    def stream_of(self, device_id: str) -> Stream:
        """Return what a device was told; an empty stream if nothing."""
        for stream in self.streams:
            if stream.device_id == device_id:
                return stream
        return Stream(device_id)

    def with_stream(self, stream: Stream) -> Session:
        """Keep what a device was told in this form."""
        device_id = stream.device_id
        others = [s for s in self.streams if s.device_id != device_id]
        return structs.replace(self, streams=(*others, stream))

    def answer_to(self, peer: str, command_id: str | None) -> Answer | None:
        """Return what a command was answered with, if its id is known.

        A released app has no ids. Readiness goes with the link it was reported
        on, so it is reported anew, whatever its id.
        """
        seat = self.seat_of(peer)
        if seat is None or seat.app.is_released or command_id is None:
            return None
        for known in self.performed:
            if known.is_of(seat.device_id, command_id):
                lost = isinstance(known.answer, ReadinessUpdate) and not seat.ready
                return None if lost else known.answer
        return None

    def owners(self) -> list[Owner]:
        """Return all who may come back: holders, participants, creditors."""
        participants = () if self.take is None else self.take.participants
        return [
            *(seat.owner for seat in self.seats),
            *(participant.owner for participant in participants),
            *(debt.owner for debt in self.debts),
        ]

    def with_owner(self, owner: Owner) -> Session:
        """Note a device's new name and token wherever something is owed to it."""
        take = self.take
        if take is not None:
            take = take.with_participant(owner.device_id, owner=owner, outside=None)
        debts = tuple(
            structs.replace(debt, owner=owner)
            if debt.owner.device_id == owner.device_id
            else debt
            for debt in self.debts
        )
        return structs.replace(self, take=take, debts=debts)

    def without_debts(self, device_id: str, take_id: str | None = None) -> Session:
        """Owe a device no longer the stop of one take, or of any."""
        debts = tuple(
            debt
            for debt in self.debts
            if debt.owner.device_id != device_id
            or take_id not in {None, debt.stop.take_id}
        )
        return structs.replace(self, debts=debts)


def phase_of(session: Session | None) -> Phase:
    """Tell where a session is in its life; None is one that does not exist."""
    if session is None:
        return Phase.ABSENT
    if session.ended_at is not None:
        return Phase.ENDED
    return Phase.OPEN if session.take is None else Phase.RECORDING


def status_of(session: Session) -> SessionStatus:
    """Show a session the way phones and REST see it."""
    devices = tuple(
        DeviceStatus(
            id=seat.device_id,
            name=seat.name,
            is_host=seat.is_host,
            connected_at=iso(seat.connected_at),
            condition=UNSET if seat.status is None else condition_of(seat.status),
        )
        for seat in session.seats
        if seat.connected
    )
    return SessionStatus(
        id=session.id,
        device_count=len(devices),
        is_recording=session.take is not None,
        created_at=iso(session.created_at),
        devices=devices,
    )


def deadline_of(session: Session, config: Config) -> float | None:
    """Return the earliest instant at which time alone changes the session."""
    due = [claim.deadline for claim in session.claims]
    due += [debt.expires_at for debt in session.debts]
    due += [each.deadline for each in session.awaited]
    if session.take is not None:
        due.append(session.take.start_at + config.longest_take)
    elif session.empty_since is not None and session.ended_at is None:
        due.append(session.empty_since + config.cleanup)
    return min(due, default=None)
