"""One peer: what it is, what its clock says, and what waits to be sent to it."""

from __future__ import annotations

from math import inf
from typing import Final

from msgspec import UNSET, UnsetType
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from zope.interface import implementer

from raydel.core import codec, schedule
from raydel.core.apps import App, Sign, learn, recognise
from raydel.core.dialect import Dialect, speak
from raydel.core.errors import Refusal
from raydel.core.events import (
    NO_GOODBYE,
    AppLearned,
    Delivered,
    ProbeAnswered,
    Receipt,
    WasHeard,
    WentSilent,
)
from raydel.core.instants import SECOND
from raydel.core.messages import (
    CameraReady,
    DeviceReady,
    Inbound,
    Join,
    Joined,
    Outbound,
    Ping,
    Pong,
    StartRecording,
    StopRecording,
    TimeSyncRequest,
    TimeSyncResponse,
    TimeSyncUpdate,
)
from raydel.core.roundtrip import RoundTrips
from raydel.core.take import ClockSample
from raydel.core.timesync import Answer, Estimator, Sample
from raydel.countdown import Countdown
from raydel.interfaces import IConnection, IDesk, ITimebase, ITransport
from raydel.outbox import Outbox

SILENCE: Final = 10_000.0
"""ms without a sign of life after which a peer is shown as gone."""

STRANGER_PATIENCE: Final = 30_000.0
"""ms that a peer may stay without a seat and without a word."""

NO_WORD_NEEDED: Final = 1000
"""Close code for it: a released app does not reconnect on this one."""

EARLY_ANSWERS: Final = len(schedule.JOIN_PROBES)
"""Answers that each get an update; later ones get one a burst."""


@implementer(IConnection)
class Connection:
    """One peer, from its handshake to its close.

    Args:
        peer: Names this connection, and no other ever.
        transport: The wire.
        code: The session code in its path, or None.
        desk: Takes what it wants.
        clock: Runs its timers.
        timebase: Server time.
    """

    log = Logger()

    def __init__(
        self,
        peer: str,
        transport: ITransport,
        code: str | None,
        desk: IDesk,
        clock: IReactorTime,
        timebase: ITimebase,
    ) -> None:
        self.peer = peer
        self.transport = transport
        self.path_code = code
        self.app = App.LIBRARY_1
        self.session_code: str | None = None
        self._asked_for: str | None = None
        self.device_id: str | None = None
        self.command_id: str | None = None
        self.resume_token: str | None = None
        self.take_id: str | None = None
        self.gone: Deferred[None] = Deferred()
        self._desk = desk
        self._clock = clock
        self._timebase = timebase
        self._estimator = Estimator()
        self._trips: RoundTrips[Receipt] = RoundTrips()
        self._outbox = Outbox(clock, timebase)
        self._countdown: Countdown | None = None
        self._behind: list[Outbound] = []
        self._asking: list[IDelayedCall] = []
        self._unreported: Answer | None = None
        self._last_request = ""
        self._last_heard = timebase.now()
        self._silent = False
        self._probed = False
        self._closing = False
        self._owed = False
        self._faulty = False
        self._patience: IDelayedCall | None = None
        self._be_patient()

    # What the wire calls.

    def received(self, frame: bytes) -> None:
        """Take one whole text message, at the moment it was read."""
        now = self._timebase.now()
        self.heard()
        if self.session_code is None:
            self._be_patient()
        try:
            message = codec.decode(frame)
        except Refusal as refusal:
            self._note(refusal)
            self._desk.refuse(self.peer, refusal)
            return
        self._take(message, now)

    def ponged(self, payload: bytes) -> None:
        """Take the pong of an earlier ping, at the moment it was read."""
        receipts = self._trips.pong(payload, self._timebase.now())
        self.heard()
        for receipt in receipts:
            self._desk.report(receipt.session_id, Delivered(receipt))
        if self._countdown is not None:
            self._countdown.reconsider()

    def heard(self) -> None:
        """Note a sign of life."""
        self._last_heard = self._timebase.now()
        if self.session_code is None:
            return
        if self._silent:
            self._silent = False
            self._measure_anew()
            self._desk.report(self.session_code, WasHeard(self.peer))
        if self._probed:
            self._probed = False
            self._desk.report(self.session_code, ProbeAnswered(self.peer))

    def closed(self, code: int) -> None:
        """Note that the wire is gone, once, last of all.

        A peer that answered our goodbye has read all that came before it.
        """
        if self._closing and code != NO_GOODBYE:
            for receipt in self._trips.purposes():
                self._desk.report(receipt.session_id, Delivered(receipt))
        self._closing = True
        self._forget_plans()
        self._lose_no_patience()
        self._desk.gone(self.peer, code)
        self.gone.callback(None)

    # What the session service calls.

    def tell(self, message: Outbound, receipt: Receipt | None = None) -> None:
        """Send a message in the peer's own terms, when its time has come.

        Args:
            message: In server time.
            receipt: Reported back as `Delivered` once it has surely arrived.
        """
        if type(message) is StartRecording:
            self._start(message, receipt)
        elif type(message) is StopRecording:
            self._stop(message, receipt)
        elif type(message) is Pong:
            self._send(message)
        elif self._countdown is not None and not self.app.is_released:
            self._behind.append(message)
        else:
            self._put(message)

    def has_asked(self, join: Join) -> bool:
        """Tell whether this is the join again that it is seated by, or waits with."""
        asked = (self.session_code, self.command_id)
        return join.command_id is not None and asked == (
            join.session_id,
            join.command_id,
        )

    def joining(self, join: Join) -> None:
        """Note that it has asked for a seat, and what app it seems to be."""
        self.session_code = self._asked_for = join.session_id
        self.command_id = join.command_id
        self.app = recognise(
            protocol=join.protocol,
            code_in_path=self.path_code is not None,
            name=join.device_name,
        )
        self._lose_no_patience()

    def seated(self, device_id: str) -> None:
        """Note that it has a seat; `Joined` follows, then it is asked its time.

        A join that was sent twice may have been refused the first time.
        """
        self.session_code = self._asked_for
        self.device_id = device_id
        self._lose_no_patience()
        self._asking = [
            self._clock.callLater(wait / SECOND, self._measure)
            for wait in schedule.JOIN_PROBES
        ]

    def dismissed(self, *, owed: bool) -> None:
        """Note that it has no seat, or no longer.

        Args:
            owed: Whether it records, and waits for a stop: it may be silent.
        """
        self._owed = owed
        self.session_code = None
        self.command_id = None
        self.device_id = None
        self.take_id = None
        self._silent = self._probed = False
        self._be_patient()

    def probe_life(self) -> None:
        """Find out whether the peer is still there."""
        self._probed = True
        self._ping()

    def beat(self) -> None:
        """Ping the peer; notice if it has been silent for too long."""
        if self._timebase.now() - self._last_heard >= SILENCE and not self._silent:
            self._note_silence()
        self._ping()

    def farewell(self, code: int, reason: str = "") -> None:
        """Close the wire, after what the peer is still to be told."""
        self._cancel_countdown()
        self._behind.clear()
        self._outbox.put(-inf, lambda: self._close(code, reason))

    # What a countdown asks, and the lead rests on.

    def prospect(self) -> schedule.Prospect:
        """Tell what the lead of a start has to allow for."""
        return schedule.Prospect(self.app, self._delay())

    def stop_lead(self) -> float:
        """Return the ms that a stop takes to reach it."""
        return self._delay()

    def departure(self, start_at: float) -> float:
        """Return when a copy that starts on receipt would have to leave."""
        return schedule.start_departure(start_at, self.app, self._delay())

    def knows_clock(self) -> bool:
        """Tell whether the peer has told its clock."""
        return self._estimator.answered > 0

    def fresh_answers(self, since: float) -> int:
        """Return how often it has told it since an instant."""
        return self._estimator.fresh(since)

    def clock_holds(self, since: float) -> bool:
        """Tell whether what it told since then agrees with what it told before.

        If not, its clock was set: what it told before is forgotten.
        """
        now = self._timebase.now()
        before = self._estimator.estimate(now, until=since)
        fresh = self._estimator.estimate(now, since=since)
        if before is None or fresh is None or before.agrees(fresh):
            return True
        self._estimator.forget(since)
        return False

    def probe(self) -> None:
        """Ask the peer its time, or how far it is, once more."""
        if self.knows_clock():
            self._ask()
        else:
            self._ping()

    def free_at(self) -> float:
        """Return when what it was told before will have left."""
        return self._outbox.until

    # Messages in.

    def _note(self, refusal: Refusal) -> None:
        """Log the first thing that is wrong with what the peer sends, not all."""
        if not self._faulty:
            self._faulty = True
            self.log.info(
                "{address} sent what is refused: {fault}",
                address=self.transport.address,
                fault=refusal.fault.code,
            )

    def _take(self, message: Inbound, now: float) -> None:
        if type(message) is TimeSyncResponse:
            self._take_answer(message, now)
        elif type(message) is Ping:
            self._desk.pong(self.peer)
        else:
            if type(message) is DeviceReady:
                self._learn(Sign.DEVICE_READY)
            elif type(message) is CameraReady:
                self._learn(Sign.CAMERA_READY)
            self._desk.perform(self.peer, message)

    def _learn(self, sign: Sign) -> None:
        app = learn(self.app, sign)
        if app is not self.app and self.session_code is not None:
            self.app = app
            self._desk.report(self.session_code, AppLearned(self.peer, app))

    def _take_answer(self, response: TimeSyncResponse, now: float) -> None:
        answer = self._estimator.take(response, now)
        if answer is None:
            return
        self._learn(Sign.ANSWERED_TIME_SYNC)
        self._trips.add(answer.sample.round_trip)
        self._keep(answer.sample)
        self._unreported = answer
        self._last_request = response.request_id
        if self._estimator.answered <= EARLY_ANSWERS:
            self._report_clock()
        if self._countdown is not None:
            self._countdown.reconsider()

    # Messages out.

    def _put(self, message: Outbound) -> None:
        """Send a message, but let it overtake no stop that is held back."""
        if type(message) is Joined and message.take and message.take.participant:
            self._measure_for(message.take.take_id)
        self._outbox.put(-inf, lambda: self._send(message))

    def _follow(self) -> None:
        """Send what had to wait: a device is told all in the order of its numbers."""
        behind, self._behind = self._behind, []
        for message in behind:
            self._put(message)

    def _send(self, message: Outbound, *, exact: bool = True) -> None:
        self.transport.send(codec.encode(speak(message, self._dialect(exact))))

    def _send_proven(
        self, message: Outbound, receipt: Receipt | None, *, exact: bool = True
    ) -> None:
        """Send a command with a ping right behind it."""
        self._send(message, exact=exact)
        if receipt is not None:
            now = self._timebase.now()
            self.transport.ping(self._trips.ping(now, receipt))

    def _dialect(self, exact: bool) -> Dialect:
        now = self._timebase.now()
        return Dialect(
            app=self.app,
            estimate=self._estimator.estimate(now),
            now=now,
            device_id=self.device_id or "",
            clock_id=self._timebase.clock_id,
            resume_token=self.resume_token,
            exact=exact,
        )

    def _ping(self) -> None:
        self.transport.ping(self._trips.ping(self._timebase.now()))

    def _measure(self) -> None:
        """Ask the peer its time, and how far it is: it may not know the former."""
        self._ask()
        self._ping()

    def _measure_anew(self) -> None:
        """Find out how far the peer is, now that its link has come back to life."""
        self._trips.forget()
        self._asking += [
            self._clock.callLater(n * schedule.PROBE_INTERVAL / SECOND, self._ping)
            for n in range(schedule.PROBES)
        ]

    def _ask(self) -> None:
        now = self._timebase.now()
        request_id = self._estimator.ask(self.session_code or "", now)
        self._send(TimeSyncRequest(request_id, now))

    def _report_clock(self) -> None:
        """Send what the latest answer says, if that was not sent yet."""
        answer, self._unreported = self._unreported, None
        estimate = self._estimator.estimate(self._timebase.now())
        if answer is None or estimate is None:
            return
        self._send(
            TimeSyncUpdate(
                request_id=self._last_request,
                offset_ms=estimate.offset,
                latency_ms=estimate.delay,
                sample_count=estimate.sample_count,
                server_timestamp=answer.asked_at,
                server_receive_timestamp=answer.sample.at,
                uncertainty_ms=estimate.bound,
                bound_ms=estimate.bound,
            )
        )

    # Starts and stops.

    def _start(self, command: StartRecording, receipt: Receipt | None) -> None:
        """Count down to a start; if it is asked for again, it is on its way."""
        if self._counts_down_to(command.take_id):
            return
        self._cancel_countdown()
        self._follow()
        if command.take_id:
            self._measure_for(command.take_id)
        self._countdown = Countdown(
            self, command, receipt, self._start_now, self._clock, self._timebase
        )
        self._countdown.begin()

    def _start_now(self, countdown: Countdown, exact: bool) -> None:
        self._countdown = None
        self._report_clock()
        command = countdown.command
        self._outbox.put(
            -inf, lambda: self._send_proven(command, countdown.receipt, exact=exact)
        )
        self._follow()

    def _stop(self, command: StopRecording, receipt: Receipt | None) -> None:
        """Send a stop so that it arrives at its instant; take back its own start.

        Protocol 2 is told that instant, so its copy may leave at once.
        """
        if self._counts_down_to(command.take_id):
            self._cancel_countdown()
            self._follow()
        if command.take_id == self.take_id:
            self.take_id = None
        at, departure = command.local_stop_time, -inf
        if self.app.is_released and at is not UNSET:
            departure = at - self._delay()
        self._outbox.put(departure, lambda: self._send_proven(command, receipt))

    def _counts_down_to(self, take_id: str | UnsetType) -> bool:
        countdown = self._countdown
        return countdown is not None and countdown.command.take_id == take_id

    def _measure_for(self, take_id: str) -> None:
        """Keep what the peer's clock says, for the alignment of a take."""
        if self.take_id == take_id:
            return
        self.take_id = take_id
        for sample in self._estimator.samples:
            self._keep(sample)

    def _keep(self, sample: Sample) -> None:
        if self.take_id is None or self.device_id is None:
            return
        self._desk.measured(
            ClockSample(
                take_id=self.take_id,
                device_id=self.device_id,
                clock_id=self._timebase.clock_id,
                at=sample.at,
                offset=sample.offset,
                round_trip=sample.round_trip,
            )
        )

    def _cancel_countdown(self) -> None:
        if self._countdown is not None:
            self._countdown.cancel()
            self._countdown = None

    def _delay(self) -> float:
        """One way, in ms, as well as it is known."""
        delay = self._trips.delay
        if delay is not None:
            return delay
        estimate = self._estimator.estimate(self._timebase.now())
        return schedule.UNKNOWN_DELAY if estimate is None else estimate.delay

    # Life and death.

    def _note_silence(self) -> None:
        """Show the peer as gone; drop one that knows how to come back."""
        if self.session_code is None:
            return
        self._silent = True
        self._desk.report(self.session_code, WentSilent(self.peer))
        if not self.app.is_released:
            self.transport.abort()

    def _be_patient(self) -> None:
        """Give a peer without a seat its time again."""
        if self._closing or self._owed:
            return
        self._lose_no_patience()
        self._patience = self._clock.callLater(
            STRANGER_PATIENCE / SECOND, self._lose_patience
        )

    def _lose_no_patience(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _lose_patience(self) -> None:
        self._patience = None
        self.farewell(NO_WORD_NEEDED, "No join within 30 seconds")

    def _close(self, code: int, reason: str) -> None:
        self._closing = True
        self.transport.close(code, reason)

    def _forget_plans(self) -> None:
        self._cancel_countdown()
        self._outbox.clear()
        for call in self._asking:
            if call.active():
                call.cancel()
