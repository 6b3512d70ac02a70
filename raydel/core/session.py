"""How a session changes: every transition there is.

`step` takes a session, an event and the time, and returns the next session with
what should be done about it. It is pure: the same three always give the same
answer, so it can be run again where a commit lost a race, and a million times a
minute under a test.

`TRANSITIONS` holds one entry for each phase and event. The diagram in the
documentation is made from it, and a test holds every step to it.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Mapping
from typing import Any, Final

from msgspec import UNSET, structs

from raydel.core.apps import App
from raydel.core.config import Config, StartPolicy
from raydel.core.effects import (
    Close,
    Dismissed,
    Enlisted,
    Occasion,
    Probe,
    Seated,
    Tell,
)
from raydel.core.errors import (
    ALREADY_JOINED,
    HOST_EXISTS,
    INVALID_MESSAGE,
    JOURNAL_FULL,
    NO_RECORDING,
    NOBODY_CONNECTED,
    NOT_JOINED,
    NOT_READY,
    RECORDING_IN_PROGRESS,
    SESSION_FULL,
    SESSION_NOT_FOUND,
    TAKE_NOT_FOUND,
    Fault,
    Refusal,
)
from raydel.core.events import (
    LEFT_ON_PURPOSE,
    AppLearned,
    DeadlinePassed,
    Delivered,
    EndRequested,
    Event,
    Joining,
    Left,
    MarkRequested,
    PeerCommand,
    ProbeAnswered,
    ReadyReported,
    Reported,
    Restarted,
    StartRequested,
    StatusReported,
    StopRequested,
    WasHeard,
    WentSilent,
)
from raydel.core.fitness import doubts
from raydel.core.instants import HOUR, SECOND, fine
from raydel.core.journal import SERVER, Marked, Unheard
from raydel.core.messages import (
    CameraReadyNotice,
    Joined,
    MarkerNotice,
    Numbered,
    ReadinessUpdate,
    RecordingFailed,
    RecordingRefused,
    RecordingScheduled,
    RecordingStarted,
    RecordingStopped,
    Report,
    RunningTake,
    SessionEnded,
    StartRecording,
    StatusNotice,
    StopRecording,
    TakeUpdate,
    condition_of,
    refused,
)
from raydel.core.schedule import stop_hold
from raydel.core.state import (
    PROBE_PATIENCE,
    Claim,
    Phase,
    Seat,
    Session,
    phase_of,
    status_of,
)
from raydel.core.take import (
    MOST_PARTICIPANTS,
    MOST_PAST_TAKES,
    Absentee,
    Debt,
    Declared,
    Owner,
    Participant,
    PastTake,
    Stop,
    Take,
    latest_debts,
)
from raydel.core.turn import Outcome, Turn
from raydel.core.values import Value
from raydel.core.waits import ANSWER, FILE, Awaited, after, does_report

SCREEN_LIMIT: Final = HOUR
"""ms after which a screen stops recording by itself and tells nobody."""

LEFT_FOR_GOOD: Final = 1000
"""Close code for what no phone shall come back from."""

SEAT_TAKEN: Final = 4000
"""Close code for a phone that lost its seat: it may owe its camera a stop, and
comes back for it."""

HOST_LEFT: Final = "the host left"
"""Why a session ended, for the log."""

MOST_MARKERS: Final = 2_000
"""Of a device, until the session's next take: one each seven seconds of the longest."""

MOST_REPORTS: Final = 64
"""Of a device, until then: five of each take, and some that it gives again."""

MOST_SPEAKERS: Final = 32
"""Devices of a session that say something of its takes, until then."""

EARLY_CLOCK: Final = SECOND
"""ms by which an instant that a phone marks may lie ahead: it knows server time no
better, and its message was on its way no longer."""


def step(
    session: Session | None, code: str, event: Event, now: float, config: Config
) -> Outcome:
    """Take one step.

    Args:
        session: The present value, or None if the code names no session.
        code: The session's code.
        event: What happened.
        now: Server time, ms.
        config: The settings; only durations are read.
    """
    transition = TRANSITIONS[phase_of(session)][type(event)]
    turn = _Step(session, code, now, config)
    if not turn.answered_before(event):
        transition.act(turn, event)
        turn.remember(event)
    return turn.outcome()


def begins(session: Session | None, event: Event) -> bool:
    """Tell whether an event would begin a session or a take.

    A server that can store nothing begins nothing; all that has begun goes on,
    and so does a screen whose hour is over: what it asks for follows a take.
    """
    phase = phase_of(session)
    if isinstance(event, Joining):
        return event.join.is_host and phase in {Phase.ABSENT, Phase.ENDED}
    if session is None or not isinstance(event, StartRequested):
        return False
    seated = event.by_operator or session.seat_of(event.peer) is not None
    known = session.answer_to(event.peer, event.command_id) is not None
    return phase is Phase.OPEN and seated and not known


class _Step(Turn):
    """The transitions, in the order of a session's life."""

    # Joining.

    def join(self, event: Joining) -> None:
        """Find the newcomer a seat, have the holder probed, or refuse."""
        if self.session.seat_of(event.peer) or self._claim_of(event.peer):
            self._join_again(event)
            return
        seat = self.session.seat_for(is_host=event.join.is_host)
        if seat is None:
            self._admit(event, None)
            return
        if event.presented in seat.owner.tokens:
            # Who shows the token of a seat need not wait for a probe of it; who
            # waits for that probe is answered by this.
            self._admit(event, seat)
            self._refuse_claims(seat)
            return
        if seat.is_host and not (self._abandoned(seat) or _may_return(seat, event)):
            self._turn_away(event, HOST_EXISTS)
        elif seat.connected and seat.peer is not None:
            self._claim(event, seat, seat.peer)
        else:
            self._admit(event, seat)

    def _join_again(self, event: Joining) -> None:
        """Answer a join that was sent again under its id; refuse another one."""
        seat = self.session.seat_of(event.peer)
        if event.command_id is None or event.app.is_released:
            self.refuse(event, ALREADY_JOINED)
        elif seat is not None:
            self.tell(seat, self._joined(seat))

    def _abandoned(self, seat: Seat) -> bool:
        """Whether its device said goodbye, and records no more."""
        gone = seat.peer is None and seat.away == "left"
        return gone and self.session.take is None

    def join_nowhere(self, event: Joining) -> None:
        """A host makes the session; a guest comes too early, or too late."""
        if not event.join.is_host:
            self._turn_away(event, SESSION_NOT_FOUND)
            return
        self.change(created_at=self.now, ended_at=None)
        self.note(Occasion.SESSION_CREATED)
        self._admit(event, None)

    def _admit(self, event: Joining, held: Seat | None) -> None:
        """Give the newcomer its seat: its own again, a free or a held one."""
        owner, resumed = self._owner(event)
        if held is not None and held.peer is not None:
            mine = held.device_id == owner.device_id
            code = LEFT_FOR_GOOD if mine else SEAT_TAKEN
            self.effects += [Dismissed(held.peer), Close(held.peer, code)]
        missed = self.recover(event, held, owner)
        seat = Seat(
            owner=owner,
            name=owner.said_name or f"Device {owner.device_id}",
            app=event.app,
            connected_at=self.now,
            peer=event.peer,
            resumed=resumed,
            shown=() if held is None or missed is None else held.shown,
            status=held.status if held is not None and resumed else None,
            declared=Declared(
                protocol=event.join.protocol,
                model=event.join.model,
                installation_id=event.join.installation_id,
                capabilities=event.join.capabilities,
            ),
        )
        if event.join.is_host:
            kept = self.session.policy if resumed else None
            self.change(policy=event.join.start_policy or kept, closing=False)
        others = [s for s in self.session.seats if s is not held]
        self.change(seats=tuple(sorted([*others, seat], key=_host_first)))
        self.newcomer = event.peer
        self.effects.append(Seated(event.peer, owner.device_id))
        occasion = Occasion.DEVICE_RESUMED if resumed else Occasion.DEVICE_CONNECTED
        self.note(occasion, seat)
        self._welcome(event, seat, missed)

    def _welcome(
        self, event: Joining, seat: Seat, missed: tuple[Numbered, ...] | None
    ) -> None:
        """Tell a seated newcomer where it is, and what it missed."""
        take = self.session.take
        if take is not None and take.participant(seat.device_id) is None:
            absentee = Absentee(seat.device_id, seat.name, seat.is_host)
            self.change(take=take.with_absentee(absentee))
        recovered = None if missed is None else event.join.last_seq
        self.tell(seat, self._joined(seat, recovered))
        self.replay(event.peer, seat, missed or ())
        self.reveal()
        again = {m.take_id for m in missed or () if isinstance(m, StopRecording)}
        self._pay(event, but=again)
        take = self.session.take
        again = {m.take_id for m in missed or () if isinstance(m, StartRecording)}
        if take is not None and take.id not in again:
            participant = take.participant(seat.device_id)
            if participant is not None and not participant.start_proven:
                self.tell_start(seat, take)

    def _joined(self, seat: Seat, recovered: int | None = None) -> Joined:
        """Describe the session to a device in it.

        Args:
            seat: The device's.
            recovered: The number after which what it missed follows, if it does.
        """
        take = self.session.take
        running: Any = UNSET
        if take is not None:
            participant = take.participant(seat.device_id) is not None
            running = RunningTake(take.id, take.start_at, participant)
        seq = self.session.stream_of(seat.device_id).seq
        return Joined(
            session_id=self.session.id,
            device_id=seat.device_id,
            device_name=seat.name,
            is_host=seat.is_host,
            session_status=status_of(self.session),
            resumed=seat.resumed,
            recovered=recovered is not None,
            take=running,
            seq=seq if recovered is None else recovered,
        )

    def _owner(self, event: Joining) -> tuple[Owner, bool]:
        """Return who the newcomer is, and whether it was here before."""
        known = next((o for o in self.session.owners() if o.is_of(event)), None)
        if known is None:
            fresh = Owner(
                device_id=event.device_id,
                is_host=event.join.is_host,
                said_name=event.join.device_name,
            )
            # The token it showed, if any, may be its only one for a while yet.
            return fresh.renewed(event), False
        renewed = known.renewed(event)
        self.session = self.session.with_owner(renewed)
        return renewed, True

    def _turn_away(self, event: Joining, fault: Fault) -> None:
        """Refuse a seat, after the stop the newcomer may have missed."""
        self._pay(event)
        name = event.join.device_name or ""
        self.note(Occasion.JOIN_REFUSED, name=name, reason=fault.code)
        self.effects.append(Dismissed(event.peer, owed=self._wait_outside(event)))
        self.refuse(event, fault)

    def _wait_outside(self, event: Joining) -> bool:
        """Remember a participant without a seat: it is to hear of the stop."""
        take = self.session.take
        if take is None:
            return False
        for participant in take.participants:
            if participant.owner.is_of(event):
                device_id = participant.owner.device_id
                take = take.with_participant(device_id, outside=event.peer)
                self.change(take=take)
                return True
        return False

    def _pay(self, event: Joining, but: Container[object] = ()) -> None:
        """Tell a returning device the stops that it is owed.

        Args:
            event: Its return.
            but: Takes whose stops it has just been told.
        """
        seat = self.session.seat_of(event.peer)
        for debt in self.session.debts:
            at = max(self.now, self._stop_hold(debt.stop.start_at, event.app))
            if debt.stop.take_id in but:
                continue
            if seat is not None and seat.device_id == debt.owner.device_id:
                self.tell_stop(seat, debt, at)
            elif debt.owner.is_of(event):
                self.tell_stop_outside(event.peer, debt, at)

    # Claims: a newcomer waits while the holder of its seat is probed.

    def _claim(self, event: Joining, seat: Seat, holder: str) -> None:
        deadline = self.now + PROBE_PATIENCE
        claim = Claim(event, seat.device_id, deadline)
        self.change(claims=(*self.session.claims, claim))
        self.effects.append(Probe(holder))

    def _claim_of(self, peer: str) -> Claim | None:
        claims = self.session.claims
        return next((c for c in claims if c.joining.peer == peer), None)

    def _take_claims(self, wanted: Callable[[Claim], bool]) -> list[Claim]:
        """Remove the claims that are wanted, and return them."""
        taken = [claim for claim in self.session.claims if wanted(claim)]
        self.change(claims=tuple(c for c in self.session.claims if c not in taken))
        return taken

    def probe_answered(self, event: ProbeAnswered) -> None:
        """The holder is still there: whoever waits for its seat is refused."""
        seat = self.session.seat_of(event.peer)
        if seat is None:
            return
        self._refuse_claims(seat)

    def _refuse_claims(self, seat: Seat) -> None:
        """Turn away all who wait for a seat: its holder is there."""
        fault = HOST_EXISTS if seat.is_host else SESSION_FULL
        for claim in self._take_claims(lambda c: c.against == seat.device_id):
            self._turn_away(claim.joining, fault)

    def _retry_claims(self, claims: list[Claim]) -> None:
        """Let those who waited ask again, now that things have changed."""
        for claim in claims:
            if phase_of(self.session) is Phase.ENDED:
                self.join_nowhere(claim.joining)
            else:
                self.join(claim.joining)

    # Presence.

    def went_silent(self, event: WentSilent) -> None:
        """Show the peer as gone; its connection may yet come back to life."""
        seat = self.session.seat_of(event.peer)
        if seat is None:
            return
        seat = self.reseat(seat, silent=True, away="silent")
        self.note(Occasion.DEVICE_SILENT, seat)
        self._retry_claims(self._take_claims(lambda c: c.against == seat.device_id))

    def was_heard(self, event: WasHeard) -> None:
        """Show the peer as there again."""
        seat = self.session.seat_of(event.peer)
        if seat is not None and seat.silent:
            self.note(Occasion.DEVICE_HEARD, seat)
            self.reseat(seat, silent=False, resumed=True)

    def left(self, event: Left) -> None:
        """Keep the seat of a lost peer; free that of one that meant to go."""
        self._take_claims(lambda c: c.joining.peer == event.peer)
        seat = self.session.seat_of(event.peer)
        if seat is None:
            return
        on_purpose = event.code in LEFT_ON_PURPOSE
        away = "left" if on_purpose else "lost"
        occasion = Occasion.DEVICE_LEFT if on_purpose else Occasion.DEVICE_LOST
        self.note(occasion, seat, reason=f"close code {event.code}")
        seat = self.reseat(seat, peer=None, silent=False, ready=False, away=away)
        waiting = self._take_claims(lambda c: c.against == seat.device_id)
        if on_purpose and self.session.take is None:
            self._vacate(seat)
        self._retry_claims(waiting)

    def _vacate(self, seat: Seat) -> None:
        """A host takes its session along; a guest leaves a free seat.

        Somebody may still have a file to report: then the session waits for that.
        """
        if seat.is_host:
            self.change(closing=True)
            self._follow_the_host()
        else:
            self.change(seats=tuple(s for s in self.session.seats if s is not seat))

    def _files_are_due(self) -> bool:
        """Whether a device that is there has yet to report its file."""
        there = self.session.connected_ids()
        owing = {e.device_id for e in self.session.awaited if e.what == "stopped"}
        return bool(there & owing)

    def _follow_the_host(self) -> None:
        """End a session that only waited for files, once they are reported, or late."""
        if self.session.closing and not self._files_are_due():
            self.reveal()
            self._end(HOST_LEFT)

    def restarted(self, _event: Restarted) -> None:
        """Wait for everybody: no connection outlives the server's process."""
        self._take_claims(lambda _: True)
        for seat in self.session.seats:
            if seat.peer is not None:
                self.reseat(seat, peer=None, silent=False, ready=False, away="lost")
        take = self.session.take
        if take is not None:
            for participant in take.participants:
                take = take.with_participant(participant.owner.device_id, outside=None)
            self.change(take=take)

    def app_learned(self, event: AppLearned) -> None:
        """Remember what the peer turned out to be."""
        seat = self.session.seat_of(event.peer)
        if seat is None:
            return
        self.reseat(seat, app=event.app)
        if self.session.take is not None:
            take = self.session.take.with_participant(seat.device_id, app=event.app)
            self.change(take=take)

    def ready(self, event: ReadyReported) -> None:
        """Tell everybody who is ready, and the others whose camera is."""
        seat = self.sender(event)
        if seat is None:
            return
        self.reseat(seat, ready=True)
        self._tell_readiness()
        if event.camera:
            for other in self.session.seats:
                if other.device_id != seat.device_id:
                    self.tell(other, CameraReadyNotice(seat.device_id))

    def _tell_readiness(self) -> None:
        there = [s for s in self.session.seats if s.connected]
        count = sum(s.ready for s in there)
        found = tuple(d for s in there for d in doubts(s.device_id, s.status))
        self.tell_all(
            ReadinessUpdate(
                ready_devices=count,
                total_devices=len(there),
                all_ready=count == len(there),
                warnings=found or UNSET,
            )
        )

    def status(self, event: StatusReported) -> None:
        """Keep how a device fares, and tell everybody; warn where that is new."""
        seat, status = self.sender(event), event.status
        if seat is None:
            return
        before = [doubt.code for doubt in doubts(seat.device_id, seat.status)]
        take = self.session.take
        if take is not None and take.participant(seat.device_id) is not None:
            if not self._may_say_more(event, seat.device_id):
                return
            self.record(take.id, seat.device_id, status)
        self.reseat(seat, status=status)
        self.tell_new(StatusNotice(seat.device_id, condition_of(status)))
        if [doubt.code for doubt in doubts(seat.device_id, status)] != before:
            self._tell_readiness()

    # Takes.

    def start(self, event: StartRequested) -> None:
        """Begin a take with everybody who is there."""
        author = self._author(event)
        if author is None:
            return
        if not self.session.connected_ids():
            self.refuse(event, NOBODY_CONNECTED)
            return
        is_strict = self.policy == "strict"
        missing = self._unready(event) if is_strict else []
        if missing:
            self.refuse(event, NOT_READY, detail="; ".join(missing))
            return
        grace = event.grace if is_strict else 0.0
        take = Take(
            id=event.take_id,
            session_id=self.session.id,
            accepted_at=self.now,
            # After a stop that is still on its way, or it would end this take.
            start_at=max(self.now, self.due(self.session.stop_at)) + event.lead + grace,
            initiator=author,
            participants=tuple(
                Participant(seat.owner, seat.name, seat.app, declared=seat.declared)
                for seat in self.session.seats
                if seat.connected
            ),
            absent=tuple(
                Absentee(seat.device_id, seat.name, seat.is_host)
                for seat in self.session.seats
                if not seat.connected
            ),
            strict=is_strict,
        )
        self.change(take=take, said=(), gaps=0, closing=False)
        answered_by = self.now + ANSWER
        if is_strict:
            answered_by = take.start_at - event.early - grace / 2
        self._await_reports(take, "scheduled", answered_by)
        self.note(Occasion.RECORDING_STARTED, self.session.seat_of(event.peer))
        for seat in self.session.seats:
            if seat.connected:
                self.tell_start(seat, take, grace)
        self._answer_operator(event, self.start_command(take))

    @property
    def policy(self) -> StartPolicy:
        """Whether a start is for whoever can, or only for all."""
        return self.session.policy or self.config.start_policy

    def _unready(self, event: StartRequested) -> list[str]:
        """Say who keeps a strict start from beginning, and why."""
        return [
            f"{seat.name}: {reason}"
            for seat in self.session.seats
            for reason in _reasons(seat, event.clockless)
        ]

    def _await_reports(self, take: Take, what: str, deadline: float) -> None:
        """Wait for a report of each participant whose app reports."""
        owed = [
            Awaited(take.id, each.owner.device_id, what, deadline)
            for each in take.participants
            if does_report(each.declared) and not each.done
        ]
        self.change(awaited=(*self.session.awaited, *owed))

    def start_again(self, event: StartRequested) -> None:
        """Refuse a second start, unless the phone's own hour is over."""
        take = self.running
        if self._author(event) is None:
            return
        sender = self.session.seat_of(event.peer)
        is_over = self.now - take.start_at > SCREEN_LIMIT
        if sender is not None and sender.app.is_screen and is_over:
            self._stop(sender.device_id, "device_limit", spare_screens=True)
            self.start(event)
        else:
            self.refuse(event, RECORDING_IN_PROGRESS, take_id=take.id)

    def stop(self, event: StopRequested) -> None:
        """End the take on every phone, if it is the one that was meant."""
        author = self._author(event)
        if author is None:
            return
        if event.take_id in {None, self.running.id}:
            self._answer_operator(event, self._stop(author, "command", event.lead))
        else:
            self.refuse(event, NO_RECORDING, take_id=event.take_id)

    def no_recording(self, event: StopRequested | MarkRequested) -> None:
        """There is nothing to stop, or to mark."""
        if self._author(event) is not None:
            self.refuse(event, NO_RECORDING)

    def _author(
        self, event: StartRequested | StopRequested | MarkRequested
    ) -> str | None:
        """Return who asks: a device's id, or `SERVER`; tell who has no seat."""
        if event.by_operator:
            return SERVER
        sender = self.sender(event)
        return None if sender is None else sender.device_id

    def _answer_operator(
        self,
        event: StartRequested | StopRequested | MarkRequested,
        answer: StartRecording | StopRecording | MarkerNotice,
    ) -> None:
        """Tell an operator what everybody is told; it has no seat to be told in."""
        if event.by_operator:
            self.effects.append(Tell(event.peer, answer))

    def _stop(
        self,
        initiator: str,
        reason: str,
        lead: float = 0.0,
        *,
        spare_screens: bool = False,
        take_back: bool = False,
    ) -> StopRecording:
        """End the take, and owe a stop to everybody who may be recording it.

        Screens that have stopped by themselves are spared: a late stop might
        meet the next start. A start that nobody has begun can be taken back: the stop
        is then not held until it is over.

        Returns:
            What everybody is told.
        """
        take = self.running
        self.ended_take = structs.replace(
            take, ended_at=self.now, reason=reason, ended_by=initiator
        )
        stop = Stop(take.id, take.start_at, self.now, initiator, reason)
        expires_at = self.now + self.config.longest_take
        settled = [self._stop_hold(take.start_at, p.app) for p in take.participants]
        at = self.now if take_back else max([self.now, *settled]) + lead
        owed = {
            participant.owner.device_id: Debt(participant.owner, stop, expires_at)
            for participant in take.participants
            if not (spare_screens and participant.app.is_screen)
        }
        # A take is activity: if nobody is there, the cleanup counts from here.
        debts = latest_debts((*self.session.debts, *owed.values()))
        self.change(take=None, stop_at=at, debts=debts, empty_since=None)
        self._remember_take(take)
        self._await_files(take, at)
        self.note(Occasion.RECORDING_STOPPED, reason=reason)
        for seat in self.session.seats:
            if seat.device_id in owed:
                self.tell_stop(seat, owed[seat.device_id], at)
            elif take.participant(seat.device_id) is None:
                self.tell(seat, self.stop_command(stop, at))
        for participant in take.participants:
            debt = owed.get(participant.owner.device_id)
            if participant.outside is not None and debt is not None:
                self.tell_stop_outside(participant.outside, debt, at)
        self._supersede_answers(stop, at)
        return self.stop_command(stop, at)

    def _stop_hold(self, start_at: float, app: App) -> float:
        """Return until when a stop is kept from a phone that may have its start."""
        delay = self.config.camera_delay(app)
        return stop_hold(self.due(start_at), app, delay)

    def _await_files(self, take: Take, at: float) -> None:
        """Wait for the files of a take that has ended, and for nothing else of it."""
        others = (each for each in self.session.awaited if each.take_id != take.id)
        self.change(awaited=tuple(others))
        if self.now >= take.start_at:
            self._await_reports(take, "stopped", at + FILE)

    def _remember_take(self, take: Take) -> None:
        """Hear what is still to be said of a take that has ended."""
        ids = tuple(each.owner.device_id for each in take.participants)
        past = (*self.session.past, PastTake(take.id, ids))
        self.change(past=past[-MOST_PAST_TAKES:])

    def _supersede_answers(self, stop: Stop, at: float) -> None:
        """A start that is sent again after its take has ended is told the end."""
        command = self.stop_command(stop, at)
        performed = tuple(
            structs.replace(each, answer=command)
            if isinstance(each.answer, StartRecording)
            and each.answer.take_id == stop.take_id
            else each
            for each in self.session.performed
        )
        self.change(performed=performed)

    # What is said of takes.

    def report(self, event: Reported) -> None:
        """Keep what a device says of its recording, and tell everybody."""
        seat, report = self.sender(event), event.report
        if seat is None:
            return
        if not self._may_report(seat, report):
            self.refuse(event, TAKE_NOT_FOUND, take_id=report.take_id)
        elif self._may_say_more(event, seat.device_id):
            self._enlist(seat, report)
            self._note_done(seat, report)
            self.record(report.take_id, seat.device_id, report)
            reason = getattr(report, "reason", "") or UNSET
            state = STATES[type(report)]
            self.tell_new(TakeUpdate(report.take_id, seat.device_id, state, reason))
            self._heed(seat, report)
            self._follow_the_host()

    def _heed(self, seat: Seat, report: Report) -> None:
        """Wait for what comes next; take back a strict start that is refused."""
        take = self.session.take
        start_at = self.now if take is None else self.due(take.start_at)
        awaited = after(self.session.awaited, seat.device_id, report, start_at)
        self.change(awaited=awaited)
        if take is None or take.id != report.take_id or not take.strict:
            return
        if self.now >= start_at:
            return
        if isinstance(report, RecordingRefused | RecordingFailed):
            did = "refused" if isinstance(report, RecordingRefused) else "failed"
            why = f": {report.reason}" if report.reason else ""
            self._take_back(take, f"{seat.name} {did}{why}")

    def _take_back(self, take: Take, why: str) -> None:
        """End a strict start that not everybody has agreed to, before it begins."""
        initiator = take.participant(take.initiator)
        self._stop(SERVER, "not_ready", take_back=True)
        if initiator is None:
            return
        for seat in self.session.seats:
            if seat.device_id == take.initiator and seat.peer is not None:
                refusal = Refusal(NOT_READY, detail=why, take_id=take.id)
                self.effects.append(Tell(seat.peer, refused(refusal)))

    def _may_report(self, seat: Seat, report: Report) -> bool:
        """Whether a device takes or took part in a take, or does from now on."""
        take = self.session.take
        if take is not None and take.id == report.take_id:
            begins = isinstance(report, RecordingScheduled | RecordingStarted)
            has_room = len(take.participants) < MOST_PARTICIPANTS
            known = take.participant(seat.device_id) is not None
            return known or (begins and has_room)
        return any(
            past.take_id == report.take_id and seat.device_id in past.device_ids
            for past in self.session.past
        )

    def _may_say_more(
        self, event: Reported | StatusReported | MarkRequested, author: str
    ) -> bool:
        """Count a line of a journal; refuse one too many, each device for itself."""
        said = self.session.said_by(author)
        if isinstance(event, Reported):
            said = structs.replace(said, reports=said.reports + 1)
        else:
            said = structs.replace(said, markers=said.markers + 1)
        session = self.session.with_said(said)
        too_many = said.markers > MOST_MARKERS or said.reports > MOST_REPORTS
        if too_many or len(session.said) > MOST_SPEAKERS:
            self.refuse(event, JOURNAL_FULL)
            return False
        self.session = session
        return True

    def _enlist(self, seat: Seat, report: Report) -> None:
        """Let a device take part that came late, and begins to record by itself."""
        take = self.session.take
        if take is None or take.id != report.take_id:
            return
        if take.participant(seat.device_id) is None and seat.peer is not None:
            late = Participant(
                seat.owner,
                seat.name,
                seat.app,
                start_proven=True,
                declared=seat.declared,
                late=True,
            )
            self.change(take=take.with_late(late))
            self.effects.append(Enlisted(seat.peer, take.id))

    def _note_done(self, seat: Seat, report: Report) -> None:
        """Note who has its file in mid-take, or will have none: it owes no other."""
        take = self.session.take
        if take is not None and take.id == report.take_id:
            is_done = not isinstance(report, RecordingScheduled | RecordingStarted)
            self.change(take=take.with_participant(seat.device_id, done=is_done))

    def mark(self, event: MarkRequested) -> None:
        """Keep an instant of the take that somebody marks, and tell everybody."""
        author = self._author(event)
        if author is None:
            return
        take = self.running
        instant = fine(self.now if event.instant is None else event.instant)
        if not fine(take.accepted_at) <= instant <= self.now + EARLY_CLOCK:
            detail = "timestamp is not within the take; it is server time"
            self.refuse(event, INVALID_MESSAGE, detail=detail)
        elif self._may_say_more(event, author):
            self.record(take.id, author, Marked(instant, event.label))
            notice = MarkerNotice(take.id, author, instant, event.label)
            self.tell_new(notice)
            self._answer_operator(event, notice)

    def delivered(self, event: Delivered) -> None:
        """Note the proof that a command has arrived."""
        self.arrived(event.receipt)

    # The end.

    def end(self, event: EndRequested) -> None:
        """An operator ends the session."""
        if self.session.take is not None:
            self._stop(SERVER, "session_ended", event.lead)
        self._end("an operator ended it")

    def _end(self, reason: str) -> None:
        self.note(Occasion.SESSION_ENDED, reason=reason)
        for seat in self.session.seats:
            if seat.peer is not None:
                self.tell(seat, SessionEnded(self.session.id))
                self.effects += [Dismissed(seat.peer), Close(seat.peer, LEFT_FOR_GOOD)]
        waiting = self._take_claims(lambda _: True)
        self.change(seats=(), awaited=(), policy=None, closing=False, ended_at=self.now)
        for claim in waiting:
            self._turn_away(claim.joining, SESSION_NOT_FOUND)

    def deadline_passed(self, _event: DeadlinePassed) -> None:
        """Do whatever is due: nothing here waits for ever."""
        now, config = self.now, self.config
        debts = tuple(d for d in self.session.debts if d.expires_at > now)
        self.change(debts=debts)
        self._give_up_waiting()
        take = self.session.take
        if take is not None and take.start_at + config.longest_take <= now:
            self._stop(SERVER, "longest_take")
        self._settle_claims()
        self._follow_the_host()
        session = self.session
        if session.ended_at is None and session.take is None:
            empty = session.empty_since
            if empty is not None and empty + config.cleanup <= now:
                self._end("nobody was connected")

    def _give_up_waiting(self) -> None:
        """Tell everybody who has not reported in time."""
        awaited = self.session.awaited
        overdue = [each for each in awaited if each.deadline <= self.now]
        self.change(awaited=tuple(each for each in awaited if each not in overdue))
        for each in overdue:
            self.record(each.take_id, each.device_id, Unheard(each.what))
            self.tell_new(
                TakeUpdate(each.take_id, each.device_id, "silent", each.silence)
            )
        take = self.session.take
        if take is not None and take.strict:
            mute = [e for e in overdue if (e.take_id, e.what) == (take.id, "scheduled")]
            names = [_name_of(take, each.device_id) for each in mute]
            if names:
                self._take_back(take, f"no answer from {' and '.join(names)}")

    def _settle_claims(self) -> None:
        """A holder that did not answer its probe is silent; its seat is free."""
        mute = {c.against for c in self.session.claims if c.deadline <= self.now}
        for seat in self.session.seats:
            if seat.device_id in mute:
                self.reseat(seat, silent=True, away="silent")
        self._retry_claims(self._take_claims(lambda c: c.against in mute))

    # Nothing to do.

    def ignore(self, _event: Event) -> None:
        """The event came too late to mean anything."""

    def not_joined(self, event: PeerCommand) -> None:
        """A command from a peer without a seat, or for a session that is none."""
        is_operator = getattr(event, "by_operator", False)
        self.refuse(event, SESSION_NOT_FOUND if is_operator else NOT_JOINED)


def _may_return(seat: Seat, event: Joining) -> bool:
    """Whether a newcomer may have this host's seat back, if nobody is in it.

    A screen draws a new name each time, so nothing would ever tell that one from
    a stranger: its seat is free once it is lost, as a guest's is.
    """
    return seat.app.is_screen or seat.owner.is_of(event)


def _reasons(seat: Seat, clockless: Container[object]) -> Iterator[str]:
    """Say why a device cannot agree to a strict start."""
    if not seat.connected:
        yield "not connected"
    if not does_report(seat.declared):
        yield "its app cannot confirm a start"
    elif seat.peer in clockless:
        yield "its clock is not known yet"
    for doubt in doubts(seat.device_id, seat.status):
        yield doubt.text


def _name_of(take: Take, device_id: str) -> str:
    participant = take.participant(device_id)
    return device_id if participant is None else participant.name


def _host_first(seat: Seat) -> bool:
    return not seat.is_host


STATES: Final[Mapping[type[Report], str]] = {
    RecordingScheduled: "scheduled",
    RecordingRefused: "refused",
    RecordingStarted: "started",
    RecordingStopped: "stopped",
    RecordingFailed: "failed",
}
"""What a device is after each report, as in `TakeUpdate`."""


class Transition(Value, frozen=True):
    """What an event does in a phase, and where that may lead."""

    act: Callable[[_Step, Any], None]
    to: frozenset[Phase]


def _to(act: Callable[[_Step, Any], None], *phases: Phase) -> Transition:
    return Transition(act, frozenset(phases))


_ABSENT: Final = Phase.ABSENT
_OPEN: Final = Phase.OPEN
_RECORDING: Final = Phase.RECORDING
_ENDED: Final = Phase.ENDED


def _unseated(phase: Phase) -> dict[type[Event], Transition]:
    """What means nothing where nobody has a seat."""
    acts: dict[type[Event], Callable[[_Step, Any], None]] = {
        StartRequested: _Step.not_joined,
        StopRequested: _Step.not_joined,
        MarkRequested: _Step.not_joined,
        Reported: _Step.not_joined,
        StatusReported: _Step.not_joined,
        ReadyReported: _Step.not_joined,
        AppLearned: _Step.ignore,
        WentSilent: _Step.ignore,
        WasHeard: _Step.ignore,
        ProbeAnswered: _Step.ignore,
        Left: _Step.ignore,
        Delivered: _Step.ignore,
        EndRequested: _Step.ignore,
        Restarted: _Step.ignore,
        DeadlinePassed: _Step.ignore,
    }
    return {event: _to(act, phase) for event, act in acts.items()}


def _seated(phase: Phase) -> dict[type[Event], Transition]:
    """What is the same whether a take runs or not."""
    acts: dict[type[Event], Callable[[_Step, Any], None]] = {
        Joining: _Step.join,
        ReadyReported: _Step.ready,
        StatusReported: _Step.status,
        AppLearned: _Step.app_learned,
        WentSilent: _Step.went_silent,
        WasHeard: _Step.was_heard,
        ProbeAnswered: _Step.probe_answered,
        Delivered: _Step.delivered,
        Restarted: _Step.restarted,
    }
    return {event: _to(act, phase) for event, act in acts.items()}


TRANSITIONS: Final[Mapping[Phase, Mapping[type[Event], Transition]]] = {
    Phase.ABSENT: {
        **_unseated(Phase.ABSENT),
        Joining: _to(_Step.join_nowhere, Phase.OPEN, Phase.ABSENT),
    },
    Phase.OPEN: {
        **_seated(Phase.OPEN),
        StartRequested: _to(_Step.start, Phase.RECORDING, Phase.OPEN),
        StopRequested: _to(_Step.no_recording, Phase.OPEN),
        MarkRequested: _to(_Step.no_recording, Phase.OPEN),
        Reported: _to(_Step.report, Phase.OPEN, Phase.ENDED, Phase.ABSENT),
        Left: _to(_Step.left, Phase.OPEN, Phase.ENDED, Phase.ABSENT),
        EndRequested: _to(_Step.end, Phase.ENDED, Phase.ABSENT),
        DeadlinePassed: _to(
            _Step.deadline_passed, Phase.OPEN, Phase.ENDED, Phase.ABSENT
        ),
    },
    Phase.RECORDING: {
        **_seated(Phase.RECORDING),
        StartRequested: _to(_Step.start_again, Phase.RECORDING),
        StopRequested: _to(_Step.stop, Phase.OPEN, Phase.RECORDING),
        MarkRequested: _to(_Step.mark, Phase.RECORDING),
        Reported: _to(_Step.report, Phase.RECORDING, Phase.OPEN),
        Left: _to(_Step.left, Phase.RECORDING),
        EndRequested: _to(_Step.end, Phase.ENDED),
        DeadlinePassed: _to(_Step.deadline_passed, Phase.RECORDING, Phase.OPEN),
    },
    Phase.ENDED: {
        **_unseated(Phase.ENDED),
        Joining: _to(_Step.join_nowhere, Phase.OPEN, Phase.ENDED),
        Delivered: _to(_Step.delivered, Phase.ENDED, Phase.ABSENT),
        DeadlinePassed: _to(_Step.deadline_passed, Phase.ENDED, Phase.ABSENT),
    },
}
"""What every event does in every phase. Nothing else changes a session."""
