"""One step under way: what every transition uses, and what follows from all.

A `Turn` starts from a session and collects the next value and the effects. The
transitions themselves stand in `raydel.core.session`.
"""

from __future__ import annotations

from typing import Any, Final, cast

from msgspec import UNSET, structs

from raydel.core.config import Config
from raydel.core.effects import Effect, Happened, Occasion, Tell
from raydel.core.errors import NOT_JOINED, Fault, Refusal
from raydel.core.events import Command, Event, Joining, PeerCommand, Receipt
from raydel.core.instants import MINUTE
from raydel.core.journal import (
    Confirmed,
    Fact,
    JournalEntry,
    LinkBack,
    LinkLost,
)
from raydel.core.messages import (
    DeviceConnected,
    DeviceDisconnected,
    Error,
    MarkerNotice,
    Numbered,
    Outbound,
    StartRecording,
    StatusNotice,
    StopRecording,
    TakeUpdate,
    refused,
)
from raydel.core.state import Answer, Performed, Seat, Session, latest_performed
from raydel.core.stream import Stream
from raydel.core.take import Debt, Owner, Stop, Take
from raydel.core.values import Value

MOST_GAPS: Final = 2_000
"""Lines about links in a take: a phone that is lost every seven seconds of the longest
one fills them. What follows is noted no more."""

FURTHEST_AHEAD: Final = MINUTE
"""ms ahead past which nothing is planned, with the longest lead and a few hasty taps.
What lies further ahead was said before the machine was started again with a wall clock
that had fallen back, as those without a battery do. It is long over."""


class Outcome(Value, frozen=True):
    """What a step comes to.

    Attributes:
        session: The next value; None where nothing is left to remember.
        takes: Takes that began, changed or ended, each in its latest form.
        effects: What to do, in order, once all is stored.
        journal: What is added to the journals of takes.
    """

    session: Session | None
    takes: tuple[Take, ...]
    effects: tuple[Effect, ...]
    journal: tuple[JournalEntry, ...] = ()


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
        self.journal: list[JournalEntry] = []
        self.ended_take: Take | None = None

    def outcome(self) -> Outcome:
        """Settle what follows from the change, and hand it over."""
        if self._concerns_seats():
            self.reveal()
            self._record_links()
            self._note_emptiness()
            self._drop_streams()
        session: Session | None = self.session
        if self.session.ended_at is not None and not self.session.debts:
            session = None
        takes = self._changed_takes()
        return Outcome(session, takes, tuple(self.effects), tuple(self.journal))

    # Small things that transitions are made of.

    @property
    def running(self) -> Take:
        """The take that runs: asked for only where the table says one does."""
        return cast("Take", self.session.take)

    def change(self, **changes: Any) -> None:
        """Replace fields of the session."""
        self.session = structs.replace(self.session, **changes)

    def due(self, instant: float) -> float:
        """Return when that is by the server time of now, if a phone waits for it."""
        return self.now if instant > self.now + FURTHEST_AHEAD else instant

    def reseat(self, seat: Seat, **changes: Any) -> Seat:
        """Replace fields of a seat, and return it as it is now."""
        changed = structs.replace(seat, **changes)
        if changed == seat:
            return seat
        seats = [
            changed if known.device_id == seat.device_id else known
            for known in self.session.seats
        ]
        self.change(seats=tuple(seats))
        return changed

    def record(self, take_id: str, device_id: str, fact: Fact) -> None:
        """Add a line to the journal of a take."""
        self.journal.append(JournalEntry(take_id, device_id, self.now, fact))

    def sender(self, event: PeerCommand) -> Seat | None:
        """Return the sender's seat, or tell it that it has none."""
        seat = self.session.seat_of(event.peer)
        if seat is None:
            self.refuse(event, NOT_JOINED)
        return seat

    def refuse(
        self,
        event: PeerCommand | Joining,
        fault: Fault,
        *,
        take_id: str | None = None,
        detail: str | None = None,
    ) -> None:
        """Answer with an error; nothing changes."""
        refusal = Refusal(
            fault, detail=detail, command_id=event.command_id, take_id=take_id
        )
        self.effects.append(Tell(event.peer, refused(refusal)))

    def tell(
        self,
        seat: Seat,
        message: Outbound,
        receipt: Receipt | None = None,
        grace: float = 0.0,
    ) -> None:
        """Send to the device in a seat, if it has a connection.

        One that speaks protocol 2 gets what it missed when it comes back.
        """
        if not seat.app.is_released and isinstance(message, Numbered):
            stream, message = self.session.stream_of(seat.device_id).number(message)
            self.session = self.session.with_stream(stream)
            if receipt is not None:
                receipt = structs.replace(receipt, seq=stream.seq)
        if seat.peer is not None:
            self.effects.append(Tell(seat.peer, message, receipt, grace))

    def tell_all(self, message: Outbound) -> None:
        """Send to every device."""
        for seat in self.session.seats:
            self.tell(seat, message)

    def tell_new(self, news: TakeUpdate | MarkerNotice | StatusNotice) -> None:
        """Send to every device what no released app knows."""
        for seat in self.session.seats:
            if not seat.app.is_released:
                self.tell(seat, news)

    def start_command(self, take: Take) -> StartRecording:
        """Put a start into a message, in server time."""
        return StartRecording(
            session_id=self.session.id,
            timestamp=take.accepted_at,
            initiator=take.initiator,
            atomic_start_time=self.due(take.start_at),
            take_id=take.id,
        )

    def tell_start(self, seat: Seat, take: Take, grace: float = 0.0) -> None:
        """Tell a participant when to start, with proof of arrival."""
        receipt = self.receipt(seat.device_id, take.id, Command.START)
        self.tell(seat, self.start_command(take), receipt, grace)

    def tell_stop(self, seat: Seat, debt: Debt, at: float) -> None:
        """Tell a debtor to stop at an instant, with proof of arrival."""
        self.tell(seat, self.stop_command(debt.stop, at), self.stop_receipt(debt))

    def tell_stop_outside(self, peer: str, debt: Debt, at: float) -> None:
        """Tell the same to a debtor that has no seat."""
        command = self.stop_command(debt.stop, at)
        self.effects.append(Tell(peer, command, self.stop_receipt(debt)))

    def stop_receipt(self, debt: Debt) -> Receipt:
        """Name one debtor's copy of a stop."""
        return self.receipt(debt.owner.device_id, debt.stop.take_id, Command.STOP)

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

    def receipt(
        self, device_id: str, take_id: str, command: Command, seq: object = UNSET
    ) -> Receipt:
        """Name one device's copy of a command."""
        number = seq if isinstance(seq, int) else 0
        return Receipt(self.session.id, device_id, take_id, command, number)

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

    # Commands that may be sent again.

    def answered_before(self, event: Event) -> bool:
        """Give a command that is known already its answer again."""
        if not isinstance(event, PeerCommand):
            return False
        answer = self.session.answer_to(event.peer, event.command_id)
        seat = self.session.seat_of(event.peer)
        if answer is None or seat is None:
            return False
        self._tell_again(event.peer, seat, answer)
        return True

    def remember(self, event: Event) -> None:
        """Keep what a command was answered with, for when it is sent again."""
        if not isinstance(event, PeerCommand) or event.command_id is None:
            return
        seat = self.session.seat_of(event.peer)
        answers = [
            effect.message
            for effect in self.effects
            if isinstance(effect, Tell)
            and effect.peer == event.peer
            and isinstance(effect.message, Answer)
        ]
        if seat is None or seat.app.is_released or not answers:
            return
        answer = answers[-1]
        if not isinstance(answer, Error):
            answer = structs.replace(answer, seq=UNSET)
        known = seat.device_id, event.command_id
        others = [each for each in self.session.performed if not each.is_of(*known)]
        latest = latest_performed((*others, Performed(*known, answer)))
        self.change(performed=latest)

    def _receipt_of(self, device_id: str, message: Outbound) -> Receipt | None:
        """Name a copy of a start or a stop; nothing else needs a proof."""
        match message:
            case StartRecording(take_id=str(take_id), seq=seq):
                return self.receipt(device_id, take_id, Command.START, seq)
            case StopRecording(take_id=str(take_id), seq=seq):
                return self.receipt(device_id, take_id, Command.STOP, seq)
            case _:
                return None

    # What a device missed.

    def recover(
        self, event: Joining, held: Seat | None, owner: Owner
    ) -> tuple[Numbered, ...] | None:
        """Find what a newcomer was told since it was last there.

        The number that it names proves all before it.

        Args:
            event: What it sent.
            held: The seat that it gets, as it was.
            owner: Who it is.

        Returns:
            What it missed, in order; None if it begins anew.
        """
        if event.app.is_released:
            return None
        last = event.join.last_seq
        stream = self.session.stream_of(owner.device_id)
        missed = None
        if last is not None and held is not None and not held.app.is_released:
            mine = held.device_id == owner.device_id
            missed = stream.since(last) if mine else None
        if missed is None:
            self.session = self.session.with_stream(stream.anew(last))
        else:
            self._heard(stream, stream.seq - len(missed))
        return missed

    def replay(self, peer: str, seat: Seat, missed: tuple[Numbered, ...]) -> None:
        """Tell a device what it missed, under the same numbers."""
        for message in missed:
            self._tell_again(peer, seat, message)

    def _tell_again(self, peer: str, seat: Seat, message: Outbound) -> None:
        """Repeat to a device what it was told, or was to be told."""
        receipt = self._receipt_of(seat.device_id, message)
        match message:
            case StartRecording(atomic_start_time=at):
                message = structs.replace(message, atomic_start_time=self.due(at))
            case StopRecording(local_stop_time=float(at)):
                message = structs.replace(message, local_stop_time=self.due(at))
            case _:
                pass
        self.effects.append(Tell(peer, message, receipt))

    def arrived(self, receipt: Receipt) -> None:
        """Note the proof that a command has arrived, and all before it.

        A proof may come so late that the device has a new stream by then.
        """
        device_id = receipt.device_id
        stream = self.session.stream_of(device_id)
        if receipt in [self._receipt_of(device_id, each) for each in stream.kept]:
            self._heard(stream, receipt.seq)
        self._note_proof(receipt)

    def _heard(self, stream: Stream, seq: int) -> None:
        """Note that a device has heard all up to a number."""
        for message in stream.until(seq):
            self._note_proof(self._receipt_of(stream.device_id, message))
        self.session = self.session.with_stream(stream.proven(seq))

    def _note_proof(self, receipt: Receipt | None) -> None:
        """Send no more what has arrived.

        The start of the running take proves the stops of earlier ones too: they
        were sent before it, and would end this take if they were sent again.
        """
        if receipt is None:
            return
        take = self.session.take
        if receipt.command is Command.STOP:
            self._pay_off(receipt.device_id, receipt.take_id)
        elif take is not None and take.id == receipt.take_id:
            self._note_started(take, receipt.device_id)
            self._pay_off(receipt.device_id)

    def _note_started(self, take: Take, device_id: str) -> None:
        participant = take.participant(device_id)
        if participant is not None and not participant.start_proven:
            self.change(take=take.with_participant(device_id, start_proven=True))
            self.record(take.id, device_id, Confirmed(Command.START.value))

    def _pay_off(self, device_id: str, take_id: str | None = None) -> None:
        """Owe a device no longer the stop of one take, or of any."""
        owed = self.session.debts
        self.session = self.session.without_debts(device_id, take_id)
        for debt in owed:
            if debt not in self.session.debts:
                self.record(debt.stop.take_id, device_id, Confirmed(Command.STOP.value))

    # What follows from any change.

    def _concerns_seats(self) -> bool:
        """Tell whether it can follow who is there, or what a screen is shown.

        It did from the last change; most since have nothing to do with it.
        """
        before, now = self._before, self.session
        if before is None or now.seats is not before.seats:
            return True
        return (now.take is None) is not (before.take is None)

    def reveal(self) -> None:
        """Tell every device who came and who went since it was last told."""
        seats = self.session.seats
        for viewer in sorted(seats, key=lambda seat: seat.peer == self.newcomer):
            if viewer.peer is not None or not viewer.app.is_released:
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

    def _record_links(self) -> None:
        """Note whose link was lost, or is back, in the take that runs on."""
        before, take = self._before, self.session.take
        ran = None if before is None else before.take
        if before is None or ran is None or take is None or ran.id != take.id:
            return
        were, are = before.connected_ids(), self.session.connected_ids()
        for participant in take.participants:
            device_id = participant.owner.device_id
            if device_id in were and device_id not in are:
                self._record_link(take, device_id, LinkLost(self._why_gone(device_id)))
            elif device_id in are and device_id not in were:
                self._record_link(take, device_id, LinkBack())

    def _record_link(
        self, take: Take, device_id: str, fact: LinkLost | LinkBack
    ) -> None:
        if self.session.gaps < MOST_GAPS:
            self.change(gaps=self.session.gaps + 1)
            self.record(take.id, device_id, fact)

    def _why_gone(self, device_id: str) -> str:
        seats = self.session.seats
        seat = next((s for s in seats if s.device_id == device_id), None)
        return "replaced" if seat is None else seat.away

    def _note_emptiness(self) -> None:
        """Keep the instant since which nobody is connected."""
        since = self.session.empty_since
        if any(seat.connected for seat in self.session.seats):
            if since is not None:
                self.change(empty_since=None)
        elif since is None:
            self.change(empty_since=self.now)

    def _drop_streams(self) -> None:
        """Keep streams only for devices that have a seat, and speak protocol 2."""
        seats = self.session.seats
        seated = {seat.device_id for seat in seats if not seat.app.is_released}
        if any(stream.device_id not in seated for stream in self.session.streams):
            kept = [s for s in self.session.streams if s.device_id in seated]
            self.change(streams=tuple(kept))

    def _changed_takes(self) -> tuple[Take, ...]:
        before = self._before.take if self._before is not None else None
        running = self.session.take
        changed = [] if self.ended_take is None else [self.ended_take]
        if running is not None and running != before:
            changed.append(running)
        return tuple(changed)
