"""One step under way: what every transition uses, and what follows from all.

A `Turn` starts from a session and collects the next value and the effects. The
transitions themselves stand in `raydel.core.session`.
"""

from __future__ import annotations

from typing import Any, cast

from msgspec import Struct, structs

from raydel.core.config import Config
from raydel.core.effects import Effect, Happened, Occasion, Tell
from raydel.core.errors import NOT_JOINED, Fault, Refusal
from raydel.core.events import Command, Receipt
from raydel.core.messages import (
    DeviceConnected,
    DeviceDisconnected,
    Outbound,
    StartRecording,
    StopRecording,
    refused,
)
from raydel.core.state import Seat, Session
from raydel.core.take import Debt, Owner, Stop, Take


class Outcome(Struct, frozen=True):
    """What a step comes to.

    Attributes:
        session: The next value; None where nothing is left to remember.
        takes: Takes that began, changed or ended, each in its latest form.
        effects: What to do, in order, once both are stored.
    """

    session: Session | None
    takes: tuple[Take, ...]
    effects: tuple[Effect, ...]


class Turn:
    """One step under way: the next value and the effects, as they grow."""

    def __init__(
        self, session: Session | None, code: str, now: float, config: Config
    ) -> None:
        self._before = session
        self.session = session or Session(id=code, created_at=now, ended_at=now)
        self.now = now
        self.config = config
        self.newcomer: str | None = None
        self.effects: list[Effect] = []
        self.ended_take: Take | None = None

    def outcome(self) -> Outcome:
        """Settle what follows from the change, and hand it over."""
        self.reveal()
        self._note_emptiness()
        session: Session | None = self.session
        if self.session.ended_at is not None and not self.session.debts:
            session = None
        return Outcome(session, self._changed_takes(), tuple(self.effects))

    # Small things that transitions are made of.

    @property
    def running(self) -> Take:
        """The take that runs: asked for only where the table says one does."""
        return cast("Take", self.session.take)

    def change(self, **changes: Any) -> None:
        """Replace fields of the session."""
        self.session = structs.replace(self.session, **changes)

    def reseat(self, seat: Seat, **changes: Any) -> Seat:
        """Replace fields of a seat, and return it as it is now."""
        changed = structs.replace(seat, **changes)
        seats = self.session.seats
        self.change(
            seats=tuple(changed if s.device_id == seat.device_id else s for s in seats)
        )
        return changed

    def sender(self, peer: str) -> Seat | None:
        """Return the sender's seat, or tell it that it has none."""
        seat = self.session.seat_of(peer)
        if seat is None:
            self.refuse(peer, NOT_JOINED)
        return seat

    def refuse(self, peer: str, fault: Fault, *, take_id: str | None = None) -> None:
        """Answer with an error; nothing changes."""
        answer = refused(Refusal(fault))
        if take_id is not None:
            answer = structs.replace(answer, take_id=take_id)
        self.effects.append(Tell(peer, answer))

    def tell(
        self, seat: Seat, message: Outbound, receipt: Receipt | None = None
    ) -> None:
        """Send to the device in a seat, if it has a connection."""
        if seat.peer is not None:
            self.effects.append(Tell(seat.peer, message, receipt))

    def tell_all(self, message: Outbound) -> None:
        """Send to every device."""
        for seat in self.session.seats:
            self.tell(seat, message)

    def tell_start(self, seat: Seat, take: Take) -> None:
        """Tell a participant when to start, with proof of arrival."""
        command = StartRecording(
            session_id=self.session.id,
            timestamp=take.accepted_at,
            initiator=take.initiator,
            atomic_start_time=take.start_at,
            take_id=take.id,
        )
        self.tell(seat, command, self.receipt(seat.owner, take.id, Command.START))

    def tell_stop(self, peer: str, debt: Debt, at: float) -> None:
        """Tell a debtor's peer to stop at an instant, with proof of arrival."""
        receipt = self.receipt(debt.owner, debt.stop.take_id, Command.STOP)
        self.effects.append(Tell(peer, self.stop_command(debt.stop, at), receipt))

    def stop_command(self, stop: Stop, at: float) -> StopRecording:
        """Put a stop into a message, in server time."""
        return StopRecording(
            session_id=self.session.id,
            timestamp=stop.accepted_at,
            initiator=stop.initiator,
            take_id=stop.take_id,
            local_stop_time=at,
            reason=stop.reason,
        )

    def receipt(self, owner: Owner, take_id: str, command: Command) -> Receipt:
        """Name one device's copy of a command."""
        return Receipt(self.session.id, owner.device_id, take_id, command)

    def note(
        self,
        occasion: Occasion,
        seat: Seat | None = None,
        *,
        name: str = "",
        reason: str = "",
    ) -> None:
        """Leave a line for the operator."""
        self.effects.append(
            Happened(
                occasion=occasion,
                session_id=self.session.id,
                device_id="" if seat is None else seat.device_id,
                name=name if seat is None else seat.name,
                reason=reason,
            )
        )

    # What follows from any change.

    def reveal(self) -> None:
        """Tell every device who came and who went since it was last told."""
        seats = self.session.seats
        for viewer in sorted(seats, key=lambda seat: seat.peer == self.newcomer):
            if viewer.peer is not None:
                self._reveal_to(viewer)

    def _reveal_to(self, viewer: Seat) -> None:
        there = {
            seat.device_id: seat
            for seat in self.session.seats
            if seat.connected and seat.device_id != viewer.device_id
        }
        gone = [device for device in viewer.shown if device not in there]
        come = [device for device in there if device not in viewer.shown]
        # A screen that hears of a loss hides its stop button: not while it
        # records, and not while another phone it knows of is there.
        recording = self.session.take is not None
        if viewer.app.is_screen and (recording or (there and not come)):
            gone = []
        for device in gone:
            self.tell(viewer, self._disconnected(device))
        for device in come:
            self.tell(viewer, self._connected(there[device]))
        if gone or come:
            kept = tuple(device for device in viewer.shown if device not in gone)
            self.reseat(viewer, shown=(*kept, *come))

    def _connected(self, seat: Seat) -> DeviceConnected:
        return DeviceConnected(
            device_id=seat.device_id,
            device_name=seat.name,
            session_id=self.session.id,
            is_host=seat.is_host,
            resumed=seat.resumed,
        )

    def _disconnected(self, device_id: str) -> DeviceDisconnected:
        seats = self.session.seats
        seat = next((s for s in seats if s.device_id == device_id), None)
        if seat is None:
            known = self._before.seats if self._before is not None else ()
            took_over = self.newcomer is not None and any(
                s.device_id == device_id for s in known
            )
            reason = "replaced" if took_over else "left"
        else:
            reason = seat.away
        return DeviceDisconnected(device_id, self.session.id, reason)

    def _note_emptiness(self) -> None:
        """Keep the instant since which nobody is connected."""
        if any(seat.connected for seat in self.session.seats):
            self.change(empty_since=None)
        elif self.session.empty_since is None:
            self.change(empty_since=self.now)

    def _changed_takes(self) -> tuple[Take, ...]:
        before = self._before.take if self._before is not None else None
        running = self.session.take
        changed = [] if self.ended_take is None else [self.ended_take]
        if running is not None and running != before:
            changed.append(running)
        return tuple(changed)
