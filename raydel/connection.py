"""One peer: what it is, what its clock says, and what waits to be sent to it."""

from __future__ import annotations

from math import inf
from typing import Final

from msgspec import UNSET, UnsetType
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from zope.interface import implementer

from raydel.cameracalls import CameraCalls
from raydel.core import codec, schedule
from raydel.core.apps import App, Sign, learn, recognise
from raydel.core.config import Config
from raydel.core.dialect import Dialect, obeyed_at, says_the_same, speak
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
from raydel.core.journal import JournalEntry, Told
from raydel.core.messages import (
    CameraReady,
    DeviceConnected,
    DeviceReady,
    Foreground,
    Inbound,
    Join,
    Joined,
    Outbound,
    Ping,
    Pong,
    ReadinessUpdate,
    RecordingStarted,
    RecordingStopped,
    StartRecording,
    StopRecording,
    TimeSyncResponse,
)
from raydel.core.roundtrip import LONGEST, RoundTrips
from raydel.departures import Departures
from raydel.interfaces import IConnection, IDesk, ITimebase, ITransport
from raydel.peerclock import PeerClock
from raydel.probing import Prober, Probing
from raydel.pulse import Life, Pulse

NO_WORD_NEEDED: Final = 1000
"""Close code for a stranger: a released app does not reconnect on this one."""


@implementer(IConnection)
class Connection:
    """One peer, from its handshake to its close.

    Args:
        peer: Names this connection, and no other ever.
        transport: The wire.
        code: The session code in its path, or None.
        desk: Takes what it wants.
        prober: Has it asked for its clock.
        camera: Knows how early its camera is to be called.
        config: The settings.
        clock: Runs its timers.
        timebase: Server time.
    """

    __slots__ = (
        "_asked_for",
        "_camera",
        "_config",
        "_departures",
        "_desk",
        "_faulty",
        "_gone",
        "_goodbye",
        "_peer_clock",
        "_prober",
        "_probing",
        "_pulse",
        "_starts_by",
        "_timebase",
        "_trips",
        "app",
        "command_id",
        "device_id",
        "path_code",
        "peer",
        "resume_token",
        "session_code",
        "transport",
    )

    log = Logger()

    def __init__(
        self,
        peer: str,
        transport: ITransport,
        code: str | None,
        desk: IDesk,
        prober: Prober,
        camera: CameraCalls,
        config: Config,
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
        self._gone: Deferred[None] | None = None
        self._desk = desk
        self._prober = prober
        self._camera = camera
        self._config = config
        self._timebase = timebase
        self._peer_clock = PeerClock(timebase, self.send, desk.keep)
        self._pulse = Pulse(clock, timebase, self._lose_patience)
        self._trips: RoundTrips[Receipt] = RoundTrips()
        self._departures = Departures(self, clock, timebase)
        self._probing = Probing(self._ask, self._tells_clock)
        self._faulty = False
        self._goodbye: int | None = None
        self._starts_by = -inf

    @property
    def gone(self) -> Deferred[None]:
        """Fires once the wire is gone; nobody asks before the server ends."""
        if self._gone is None:
            self._gone = Deferred()
        return self._gone

    # What the wire calls.

    def received(self, frame: bytes) -> None:
        """Take one whole text message, at the moment it was read."""
        now = self._timebase.now()
        self._heard(now)
        self._pulse.spoke()
        try:
            message = codec.decode(frame)
        except Refusal as refusal:
            self._note(refusal)
            self._desk.refuse(self.peer, refusal)
            return
        self._take(message, now)

    def ponged(self, payload: bytes) -> None:
        """Take the pong of an earlier ping, at the moment it was read."""
        now = self._timebase.now()
        receipts = self._trips.pong(payload, now)
        self._heard(now)
        for receipt in receipts:
            self._desk.report(receipt.session_id, Delivered(receipt))
        self._departures.reconsider()

    def heard(self) -> None:
        """Note a sign of life."""
        self._heard(self._timebase.now())

    def _heard(self, now: float) -> None:
        before, code = self._pulse.heard(now), self.session_code
        if before is Life.THERE or code is None:
            return
        if before is Life.SILENT:
            self._measure_anew()
            self._desk.report(code, WasHeard(self.peer))
        elif before is Life.PROBED:
            self._desk.report(code, ProbeAnswered(self.peer))

    def closed(self, code: int) -> None:
        """Note that the wire is gone, once, last of all.

        A peer that gives our goodbye back has read all that came before it. One with
        another code may have gone by itself, at the same moment, and proves nothing.

        Whatever it answers, it was we who wanted it to go: some always answer 1000,
        which would free their seats, and end a host's session.
        """
        if self._goodbye is not None and code == self._goodbye:
            for receipt in self._trips.purposes():
                self._desk.report(receipt.session_id, Delivered(receipt))
        self._pulse.end()
        self._forget_plans()
        if self._goodbye is not None and code != NO_GOODBYE:
            code = self._goodbye
        self._desk.gone(self.peer, code)
        self.gone.callback(None)

    # What the session service calls.

    def tell(
        self, message: Outbound, receipt: Receipt | None = None, grace: float = 0.0
    ) -> None:
        """Send a message in the peer's own terms, when its time has come.

        Args:
            message: In server time.
            receipt: Reported back as `Delivered` once it has surely arrived.
            grace: By how many ms a start has to leave before it need to.
        """
        if type(message) is StartRecording:
            self._keep_clock_for(message.take_id)
            self._departures.start(message, receipt, grace)
        elif type(message) is StopRecording:
            self._departures.stop(message, receipt)
            self._ask_after(message)
        elif type(message) is Pong:
            self.send(message)
        else:
            self._departures.say(message)
            self._attend(message)

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
        if not self.app.is_released:
            self._camera.introduced(join)
        self._pulse.asked()

    def seated(self, device_id: str, *, lasting: bool = True) -> None:
        """Note that it has a seat; `Joined` follows, and with it the first questions.

        A join that was sent twice may have been refused the first time.

        Args:
            device_id: Its id.
            lasting: Whether its token is stored; if not, it is not told of it.
        """
        if not lasting:
            self.resume_token = None
        self.session_code = self._asked_for
        self.device_id = device_id
        self._pulse.asked()

    def enlisted(self, take_id: str) -> None:
        """Note that it takes part in the running take, though it was not told to."""
        self._keep_clock_for(take_id)

    def dismissed(self, *, owed: bool) -> None:
        """Note that it has no seat, or no longer.

        Args:
            owed: Whether it records, and waits for a stop: it may be silent.
        """
        self.session_code = None
        self.command_id = None
        self.device_id = None
        self._forget_clock()
        self._pulse.unseated(owed=owed)

    def probe_life(self) -> None:
        """Find out whether the peer is still there."""
        self._pulse.probed()
        self._ping()

    def beat(self) -> None:
        """Ping the peer; notice if it has been silent for too long."""
        if self._pulse.falls_silent():
            self._note_silence()
        self._ping()

    def farewell(self, code: int, reason: str = "") -> None:
        """Close the wire, after what the peer is still to be told."""
        self._departures.close(lambda: self._close(code, reason))

    # What departures ask, and the lead rests on.

    def prospect(self) -> schedule.Prospect:
        """Tell what the lead of a start has to allow for."""
        delay = self._delay()
        return schedule.Prospect(
            self._early, delay, self._reach(delay), tells_clock=self.answers() > 0
        )

    def stop_lead(self) -> float:
        """Return the ms that a stop takes to reach it."""
        return self._delay()

    def departure(self, start_at: float) -> float:
        """Return when a copy that starts on receipt would have to leave."""
        return schedule.start_departure(start_at, self._early, self._delay())

    def latest_departure(self, start_at: float) -> float:
        """Return when a copy in its own time would have to leave at last."""
        reach = self._reach(self._delay())
        return schedule.latest_departure(start_at, self._early, reach)

    def answers(self) -> int:
        """Return how often the peer has told its clock."""
        return self._peer_clock.answers

    def clock_holds(self, since: float) -> bool:
        """Tell whether what it told since then agrees with what it told before."""
        return self._peer_clock.holds(since)

    def probe(self) -> None:
        """Ask the peer its time, or how far it is, in a hasty burst."""
        if self.device_id is not None:
            self._peer_clock.forgive()
            self._prober.hasten(self._probing)

    def free_at(self) -> float:
        """Return when what it was told before will have left."""
        return self._departures.until

    def counts(self) -> bool:
        """Tell whether it is told all in the order of its numbers."""
        return not self.app.is_released

    def stop_departure(self, stop_at: float) -> float:
        """Return when a stop has to leave; protocol 2 is told when to stop.

        Not before a start of its can be over that was computed from its clock: an
        app that meets a stop earlier forgets it, and records.
        """
        if not self.app.is_released:
            return -inf
        return max(stop_at - self._delay(), self._starts_by)

    def report_clock(self) -> None:
        """Tell it what its latest answer says."""
        self._peer_clock.report()

    def send(
        self, message: Outbound, receipt: Receipt | None = None, *, exact: bool = True
    ) -> None:
        """Send a message now; where its arrival is to be proven, a ping behind it.

        Nothing leaves after a goodbye, and the answer to that proves nothing of it.
        """
        if self._pulse.life is Life.OVER:
            return
        if says_the_same(type(message), self.app):
            self.transport.send(codec.encode(message))
            return
        dialect = self._dialect(exact)
        if type(message) is StartRecording:
            self._note_start(message, dialect)
        self.transport.send(codec.encode(speak(message, dialect)))
        if receipt is not None:
            now = self._timebase.now()
            self.transport.ping(self._trips.ping(now, receipt))
            told = Told(receipt.command.value, obeyed_at(message, dialect))
            take_id, device_id = receipt.take_id, receipt.device_id
            self._desk.keep(JournalEntry(take_id, device_id, now, told))

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
        elif type(message) is Foreground and self.session_code is not None:
            self._peer_clock.forgive()
            self._prober.begin(self._probing)
        else:
            if type(message) is DeviceReady:
                self._learn(Sign.DEVICE_READY)
            elif type(message) is CameraReady:
                self._learn(Sign.CAMERA_READY)
            elif isinstance(message, RecordingStarted | RecordingStopped):
                self._camera.reported(message)
            self._desk.perform(self.peer, message)

    def _learn(self, sign: Sign) -> None:
        app = learn(self.app, sign)
        if app is not self.app and self.session_code is not None:
            self.app = app
            self._desk.report(self.session_code, AppLearned(self.peer, app))

    def _take_answer(self, response: TimeSyncResponse, now: float) -> None:
        answer = self._peer_clock.take(response, now)
        if answer is None:
            return
        self._learn(Sign.ANSWERED_TIME_SYNC)
        self._trips.add(answer.round_trip)
        self._prober.resume(self._probing)
        self._departures.reconsider()

    # Messages out.

    def _dialect(self, exact: bool) -> Dialect:
        return Dialect(
            app=self.app,
            estimate=self._peer_clock.estimate(),
            now=self._timebase.now(),
            device_id=self.device_id or "",
            clock_id=self._timebase.clock_id,
            resume_token=self.resume_token,
            exact=exact,
            early=self._early,
        )

    @property
    def _early(self) -> float:
        """How many ms before the common start it is told to start."""
        if self.app.is_released:
            return self._config.camera_delay(self.app)
        return self._camera.early

    def _note_start(self, message: StartRecording, dialect: Dialect) -> None:
        """Note what it is told of its start, if that is sure to be there in time."""
        local_time = obeyed_at(message, dialect)
        if dialect.exact and dialect.estimate is not None:
            start_at = message.atomic_start_time
            self._starts_by = start_at + dialect.estimate.bound(start_at)
            there_by = dialect.now + self._reach(self._delay())
            if there_by > start_at - dialect.early:
                local_time = None
        self._camera.told(message.take_id, local_time)

    def _ping(self) -> None:
        self.transport.ping(self._trips.ping(self._timebase.now()))

    def _ask(self, number: int) -> None:
        """Ask the peer its time; while it tells none, ask how far it is as well.

        Args:
            number: Of the question in its burst, from 0.
        """
        # One that did answer before is not given up: one question a burst.
        if self._peer_clock.may_answer() or (self.answers() and not number):
            self._peer_clock.ask(self.session_code or "")
        if not self.answers() and number < schedule.PINGS:
            self._ping()

    def _tells_clock(self) -> bool:
        return self.device_id is not None and self.answers() > 0

    def _measure_anew(self) -> None:
        """Find out how far the peer is, now that its link has come back to life."""
        self._trips.forget()
        self.probe()

    def _attend(self, message: Outbound) -> None:
        """Ask as often as what the peer is told now is worth."""
        if type(message) in (ReadinessUpdate, DeviceConnected):
            self._peer_clock.forgive()
            self._prober.attend(self._probing)
        elif type(message) is Joined:
            self._camera.joined(message)
            if message.take and message.take.participant:
                self._keep_clock_for(message.take.take_id)
            self._prober.begin(self._probing)

    def _ask_after(self, stop: StopRecording) -> None:
        """Ask once more, for a take that is over."""
        if self._keeps_last_of(stop.take_id):
            self._camera.stopped()
            self._probing.records = False
            self.probe()

    def _keeps_last_of(self, take_id: str | UnsetType) -> bool:
        if take_id is UNSET or self.device_id is None:
            return False
        return self._peer_clock.keep_last(take_id, self.device_id)

    def _keep_clock_for(self, take_id: str | UnsetType) -> None:
        if take_id is not UNSET and self.device_id is not None:
            self._peer_clock.keep_for(take_id, self.device_id)
            self._probing.records = True

    def _delay(self) -> float:
        """One way, in ms, as well as it is known.

        An answer that waited in a stalled link tells the time, and no delay: a stop
        would wait as long.
        """
        delay = self._trips.delay
        if delay is not None:
            return delay
        estimate = self._peer_clock.estimate()
        if estimate is None or 2 * estimate.delay > LONGEST:
            return schedule.UNKNOWN_DELAY
        return estimate.delay

    def _reach(self, delay: float) -> float:
        """One way if it takes long, in ms."""
        return max(delay, self._trips.reach or delay)

    # Life and death.

    def _note_silence(self) -> None:
        """Show the peer as gone; drop one that knows how to come back."""
        if self.session_code is not None:
            self._desk.report(self.session_code, WentSilent(self.peer))
        if not self.app.is_released:
            self.transport.abort()

    def _lose_patience(self) -> None:
        self.farewell(NO_WORD_NEEDED, "No join within 30 seconds")

    def _close(self, code: int, reason: str) -> None:
        self._pulse.end()
        self._goodbye = code
        self.transport.close(code, reason)

    def _forget_plans(self) -> None:
        self._departures.clear()
        self._forget_clock()

    def _forget_clock(self) -> None:
        """Ask for its clock no more, and keep what it has told for its take."""
        self._peer_clock.keep_no_more()
        self._probing.records = False
        self._probing.attended_until = -inf
        self._prober.forget(self._probing)
