"""Phones, strangers, time and broken links, in every order.

A model stands beside the session: four people with phones, each of any app, what
each connection was told, and what each phone records. The promises are checked
after every step.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Final, get_args

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)
from msgspec import UNSET, structs

from raydel.core.apps import App
from raydel.core.config import Config, StartPolicy
from raydel.core.effects import Close, Dismissed, Effect, Probe, Seated, Tell
from raydel.core.events import (
    AppLearned,
    Command,
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
    Receipt,
    Reported,
    Restarted,
    StartRequested,
    StatusReported,
    StopRequested,
    WasHeard,
    WentSilent,
)
from raydel.core.instants import HOUR, MINUTE, SECOND
from raydel.core.journal import Marked
from raydel.core.messages import (
    DeviceConnected,
    DeviceDisconnected,
    Error,
    Join,
    Joined,
    MarkerNotice,
    Numbered,
    Outbound,
    ReadinessUpdate,
    RecordingFailed,
    RecordingRefused,
    RecordingScheduled,
    RecordingStarted,
    Report,
    StartRecording,
    StatusReport,
    StopRecording,
)
from raydel.core.session import (
    LEFT_FOR_GOOD,
    SCREEN_LIMIT,
    SEAT_TAKEN,
    TRANSITIONS,
    step,
)
from raydel.core.state import (
    PROBE_PATIENCE,
    Phase,
    Session,
    deadline_of,
    phase_of,
    status_of,
)
from raydel.core.take import Take
from raydel.core.tokens import fingerprint
from raydel.core.turn import REMEMBERED
from raydel.core.waits import REPORTS

CODE: Final = "ABC123"
CONFIG: Final = Config()
LONGEST: Final = CONFIG.longest_take
PAUSES: Final = (
    *(1.0, 1.0, PROBE_PATIENCE - 1, PROBE_PATIENCE, PROBE_PATIENCE, MINUTE),
    *(30 * MINUTE, HOUR + SECOND, 5 * HOUR),
)
"""More short ones than long ones: a long one ends every story."""

GOODBYES: Final = (1000, 1001, 1005, 1006, 1006, 1006, 1006)

OVER: Final = frozenset({Phase.ENDED, Phase.ABSENT})

MEMORIES: Final = ("all", "all", "all", "no token", "nothing")
"""What a phone that joins again still knows of before."""


DESK: Final = "desk"
"""What stands for an operator's connection."""

SAID: Final[dict[type[Report], Callable[[str, str], Report]]] = {
    RecordingScheduled: RecordingScheduled,
    RecordingStarted: lambda take, name: RecordingStarted(take, 5.0, None, name),
    RecordingFailed: lambda take, name: RecordingFailed(take, "hot", name),
    RecordingRefused: lambda take, name: RecordingRefused(take, "full", name),
}
"""What a phone that records may say, by take and the command's id."""


def number_of(message: Outbound) -> int | None:
    """Return the number of what protocol 2 is told, if it has one."""
    seq = message.seq if isinstance(message, Numbered) else UNSET
    return None if seq is UNSET else seq


@dataclass(eq=False)
class Link:
    """One connection, as both of its ends see it.

    Attributes:
        peer: Its name.
        phone: Whose it is.
        token: What the phone gets its seat back with, once it is welcome.
        device_id: What it was seated as, if it was.
        asking: Whether it has joined, and was neither seated nor turned away.
        cut: Whether nothing arrives any more, which the server does not know.
        silent: Whether the server was told that it answers no more.
        probed: Whether it owes the answer to a probe.
        inbox: What was sent and has not arrived.
        unproven: What has arrived without the server's knowing.
        shown: Devices it was told are there.
    """

    peer: str
    phone: Phone
    token: str | None = None
    device_id: str | None = None
    asking: bool = True
    cut: bool = False
    silent: bool = False
    probed: bool = False
    inbox: list[Tell] = field(default_factory=list)
    unproven: list[Receipt] = field(default_factory=list)
    shown: set[str] = field(default_factory=set)


@dataclass(eq=False)
class Phone:
    """One phone.

    Attributes:
        name: What it joins as; a screen draws a new one each time.
        host: Which role it asks for.
        app: What it runs.
        link: Its connection, while it believes in it.
        token: Its resume token.
        device_id: What it was called when it was last welcome.
        last_seq: The last number it heard.
        shown: Devices that it believes to be there.
        commands: What it has asked for, with ids.
        recording: The take and the id it records it as.
        since: When its recording was to start.
    """

    name: str
    host: bool
    app: App
    link: Link | None = None
    token: str | None = None
    device_id: str | None = None
    last_seq: int | None = None
    shown: set[str] = field(default_factory=set)
    commands: list[PeerCommand] = field(default_factory=list)
    recording: tuple[str, str] | None = None
    since: float = 0.0

    def watch_the_clock(self, now: float) -> None:
        """Stop recording after an hour, if this is a screen, and tell nobody."""
        if self.app.is_screen and now - self.since > SCREEN_LIMIT:
            self.recording = None

    def read(self, link: Link, told: Tell, now: float) -> None:
        """Do what a message says."""
        message = told.message
        self.watch_the_clock(now)
        if number_of(message) is not None:
            assert self.last_seq is not None
            assert number_of(message) == self.last_seq + 1, "no gap, nothing twice"
            self.last_seq += 1
        if isinstance(message, Joined):
            self._begin(link, message)
        elif isinstance(message, DeviceConnected):
            self.shown.add(message.device_id)
        elif isinstance(message, DeviceDisconnected):
            self.shown.remove(message.device_id)
        elif isinstance(message, StartRecording):
            assert told.receipt is not None
            take_id = told.receipt.take_id
            if self.recording is not None:
                assert self.recording[0] == take_id, "the stop of its last take is due"
            self.recording = take_id, told.receipt.device_id
            self.since = message.atomic_start_time
        elif isinstance(message, StopRecording) and self._means(message):
            self.recording = None
        if told.receipt is not None:
            link.unproven.append(told.receipt)

    def _begin(self, link: Link, joined: Joined) -> None:
        """Go on from where it was, or begin anew."""
        self.device_id = joined.device_id
        if not joined.recovered:
            self.shown.clear()
        if not self.app.is_released:
            assert isinstance(joined.seq, int)
            assert not joined.recovered or joined.seq == self.last_seq
            self.token, self.last_seq = link.token, joined.seq

    def _means(self, stop: StopRecording) -> bool:
        """Whether a stop is one of its recording: protocol 2 can tell."""
        if self.app.is_released or self.recording is None:
            return True
        return self.recording[0] == stop.take_id


apps = st.sampled_from([a for a in App if not a.is_screen]) | st.sampled_from(App)


class Sessions(RuleBasedStateMachine):
    """A code, and all that may happen to it."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.session: Session | None = None
        self.takes: dict[str, Take] = {}
        self.links: dict[str, Link] = {}
        self.phones: list[Phone] = []
        self.proven: set[tuple[str, str]] = set()
        self.heard: dict[str, dict[int, Outbound]] = {}
        self.done: dict[tuple[str, str], set[str]] = {}
        self.agreed: set[tuple[str, str]] = set()
        self.policy: StartPolicy = "best-effort"
        self.event: Event = DeadlinePassed()
        self.repeated = False
        self.numbers = count(1)

    @initialize(
        apps=st.tuples(apps, apps, apps, apps),
        recording=st.booleans(),
        policy=st.sampled_from(get_args(StartPolicy)),
    )
    def begin(
        self, apps: tuple[App, ...], recording: bool, policy: StartPolicy
    ) -> None:
        """A host and its guest join; a stranger and a rival host may follow."""
        self.policy = policy
        if policy == "strict" and recording:
            # Only apps that confirm a start are asked for one.
            apps = (App.PROTOCOL_2,) * len(apps)
        people = [("Ann", True), ("Bob", False), ("Eve", False), ("Max", True)]
        self.phones = [
            Phone(name, host, app)
            for (name, host), app in zip(people, apps, strict=True)
        ]
        for phone in self.phones[:2]:
            self._join(phone, None)
        if recording:
            self.do(StartRequested(self.online[0].peer, "take-0", 250.0, grace=200.0))

    # One step, as the service takes it.

    def do(self, event: Event) -> None:
        """Take a step, hold it to its promises, and send what it tells."""
        before = phase_of(self.session)
        outcome = step(self.session, CODE, event, self.now, CONFIG)
        again = step(self.session, CODE, event, self.now, CONFIG)
        assert outcome == again, "a step is pure"
        if self.session is not None and outcome.session is not None:
            assert outcome.session.version == self.session.version
            self._host_stays(self.session, outcome.session)
        self.session, self.event = outcome.session, event
        self.takes |= {take.id: take for take in outcome.takes}
        if self.session is None:
            self.done.clear()
        after = phase_of(self.session)
        assert after in TRANSITIONS[before][type(event)].to
        for entry in outcome.journal:
            take = self.takes[entry.take_id]
            known = {each.owner.device_id for each in take.participants}
            by_anybody = isinstance(entry.fact, Marked)
            assert by_anybody or entry.device_id in known, "it is of who takes part"
        for effect in outcome.effects:
            self._carry_out(effect)
            if isinstance(effect, Tell) and {before, after} <= OVER:
                assert isinstance(effect.message, Error | StopRecording)
        if isinstance(event, DeadlinePassed) and self.session is not None:
            due = deadline_of(self.session, CONFIG)
            assert due is None or due > self.now, "no deadline is left behind"

    def _carry_out(self, effect: Effect) -> None:
        """Do what a step wants done."""
        match effect:
            case Tell():
                self._is_stored(effect)
                self._tell(effect)
            case Seated(peer=peer, device_id=device_id):
                self.links[peer].device_id = device_id
                self.links[peer].asking = False
            case Dismissed(peer=peer):
                self.links[peer].device_id = None
                self.links[peer].asking = False
                self.links[peer].silent = self.links[peer].probed = False
            case Close(peer=peer, code=code):
                assert code in {LEFT_FOR_GOOD, SEAT_TAKEN}
                assert self.links[peer].device_id is None, "dismissed first"
                self._close(self.links[peer])
            case Probe(peer=peer):
                self.links[peer].probed = True

    def _host_stays(self, before: Session, after: Session) -> None:
        """No other host takes over, unless a lost screen's seat or a given up one."""
        old, new = before.seat_for(is_host=True), after.seat_for(is_host=True)
        if old is None or new is None or before.created_at != after.created_at:
            return
        given_up = old.peer is None and old.away == "left" and before.take is None
        assert old.device_id == new.device_id or old.app.is_screen or given_up

    def _is_stored(self, told: Tell) -> None:
        """Whatever a phone is told survives the server."""
        message, session = told.message, self.session
        if isinstance(message, StartRecording) and self._is_news(StartRequested):
            assert session is not None
            assert session.take is not None
            assert session.take.id == message.take_id
            assert self.takes[session.take.id] == session.take
        elif isinstance(message, StopRecording):
            assert self.takes[str(message.take_id)].ended_at is not None
            assert session is not None or told.receipt is None
        elif isinstance(message, Joined):
            assert session is not None
            seat = session.seat_of(told.peer)
            assert seat is not None
            assert seat.device_id == message.device_id

    def _tell(self, told: Tell) -> None:
        """Check what a connection is told against what it was told before."""
        message = told.message
        if told.peer == DESK:
            assert isinstance(
                message, StartRecording | StopRecording | MarkerNotice | Error
            )
            return
        if told.peer not in self.links:
            # It waited for its stop without a seat, and did not say that it went.
            assert isinstance(message, StopRecording)
            return
        link = self.links[told.peer]
        match message:
            case Joined():
                assert link.device_id == message.device_id, "seated first"
                self._welcomes(link, message)
            case DeviceConnected(device_id=device):
                assert device not in link.shown, "connected twice"
                link.shown.add(device)
            case DeviceDisconnected(device_id=device):
                assert device in link.shown, "never connected, but disconnected"
                link.shown.remove(device)
            case StartRecording() if not self.repeated:
                assert (str(link.device_id), str(message.take_id)) not in self.proven
            case StopRecording() if not self.repeated:
                self._is_no_stray(link, str(message.take_id))
            case ReadinessUpdate() if self._is_news(ReadyReported):
                assert self.session is not None
                there = status_of(self.session).device_count
                assert message.total_devices == there
                assert message.ready_devices <= there
        if link.device_id is None:
            assert isinstance(message, Error | StopRecording)
        self._is_in_order(link, message)
        self._send(link, told)

    def _is_news(self, kind: type[Event]) -> bool:
        """Whether what is told was not told before."""
        return isinstance(self.event, kind) and not self.repeated

    def _welcomes(self, link: Link, joined: Joined) -> None:
        """Who has recovered goes on with what it knows; another begins anew."""
        if joined.recovered:
            assert joined.resumed
            assert joined.seq == link.phone.last_seq
            link.shown = set(link.phone.shown)
        else:
            link.shown = set()
            self.heard[joined.device_id] = {}

    def _is_in_order(self, link: Link, message: Outbound) -> None:
        """A number is given to one message only, and only to protocol 2."""
        seq = number_of(message)
        if seq is not None:
            assert not link.phone.app.is_released
            assert self.heard[str(link.device_id)].setdefault(seq, message) == message

    def _is_no_stray(self, link: Link, take_id: str) -> None:
        """No stop of an earlier take meets a phone that records the next."""
        session = self.session
        if session is not None and session.take is not None:
            running = (str(link.device_id), session.take.id)
            assert running not in self.proven or take_id == session.take.id

    def _send(self, link: Link, told: Tell) -> None:
        if not link.cut:
            link.inbox.append(told)

    def _close(self, link: Link) -> None:
        """The server closes a connection, after what is still to arrive."""
        if not link.cut and not link.silent:
            self._arrive(link)
        self._hang_up(link)
        del self.links[link.peer]

    def _hang_up(self, link: Link) -> None:
        link.cut = True
        link.inbox.clear()
        if link.phone.link is link:
            link.phone.link = None

    def _arrive(self, link: Link) -> None:
        for told in link.inbox:
            link.phone.read(link, told, self.now)
        link.inbox.clear()

    def _speaks(self, link: Link) -> bool:
        """Let the server hear a peer; return whether it still has the link."""
        if link.silent:
            link.silent = False
            self.do(WasHeard(link.peer))
        if link.probed:
            link.probed = False
            self.do(ProbeAnswered(link.peer))
        return link.peer in self.links

    @property
    def online(self) -> list[Link]:
        """Every link that works."""
        return [link for link in self.links.values() if not link.cut]

    @property
    def offline(self) -> list[Phone]:
        """Every phone without a link."""
        return [phone for phone in self.phones if phone.link is None]

    # What phones do.

    @precondition(lambda self: self.offline)
    @rule(data=st.data(), memory=st.sampled_from(MEMORIES))
    def join(self, data: st.DataObject, memory: str) -> None:
        """A phone joins, again or for the first time."""
        phone = data.draw(st.sampled_from(self.offline))
        if memory != "all":
            phone.token = None
        if memory == "nothing":
            phone.last_seq = None
        self._join(phone, phone.token)

    def _join(self, phone: Phone, token: str | None) -> None:
        number = next(self.numbers)
        name = phone.name
        if phone.app.is_screen:
            # It draws a new name each time, and never comes back recording.
            name, phone.recording = f"{phone.name}-{number}", None
        released = phone.app.is_released
        peer = f"{phone.name}/{number}"
        link = Link(peer, phone, None if released else f"token-{number}")
        phone.link = self.links[peer] = link
        protocol = None if released else 2
        owned = self._owned(phone)
        self.do(
            Joining(
                peer=peer,
                join=Join(
                    CODE,
                    phone.host,
                    name,
                    protocol,
                    last_seq=phone.last_seq,
                    capabilities=() if released else (REPORTS,),
                    start_policy=None if released else self.policy,
                ),
                app=phone.app,
                device_id=f"device-{number}",
                token=None if link.token is None else fingerprint(link.token),
                presented=None if token is None else fingerprint(token),
            )
        )
        if owned and token is not None:
            assert link.device_id == phone.device_id, "a token opens its seat, at once"

    def _owned(self, phone: Phone) -> bool:
        """Whether the seat of a phone was kept for it."""
        seats = () if self.session is None else self.session.seats
        return phone.device_id in {seat.device_id for seat in seats}

    def _ask(self, command: PeerCommand) -> None:
        """Send a command; under one id it begins or ends one take at most."""
        link = self.links[command.peer]
        key = str(link.device_id), str(command.command_id)
        before = {take_id: take.ended_at for take_id, take in self.takes.items()}
        self.repeated = key in self.done
        self.do(command)
        self.repeated = False
        after = {take_id: take.ended_at for take_id, take in self.takes.items()}
        effect = {take for take in after if before.get(take, "none") != after[take]}
        if link.device_id is None or link.phone.app.is_released:
            return
        if key in self.done:
            assert not effect, "one command has one effect"
        elif command.command_id is not None:
            self.done[key] = effect
            link.phone.commands.append(command)
            if len(self.done) > REMEMBERED:
                del self.done[next(iter(self.done))]

    @precondition(lambda self: any(x.phone.commands for x in self.online))
    @rule(data=st.data())
    def repeat(self, data: st.DataObject) -> None:
        """A phone sends a command again, over whatever link it has by now."""
        able = [link for link in self.online if link.phone.commands]
        link = data.draw(st.sampled_from(able))
        command = data.draw(st.sampled_from(link.phone.commands))
        if self._speaks(link):
            again = structs.replace(command, peer=link.peer)
            if isinstance(again, StartRequested):
                again = structs.replace(again, take_id=f"take-{next(self.numbers)}")
            self._ask(again)

    def _id(self) -> str:
        return f"command-{next(self.numbers)}"

    @precondition(lambda self: self.online)
    @rule(data=st.data(), lead=st.sampled_from([0.0, 250.0, 1_200.0]))
    def start(self, data: st.DataObject, lead: float) -> None:
        """A phone asks for a take."""
        link = data.draw(st.sampled_from(self.online))
        if self._speaks(link):
            take_id = f"take-{next(self.numbers)}"
            name = self._id()
            self._ask(StartRequested(link.peer, take_id, lead, name, grace=200.0))

    @precondition(lambda self: self.online)
    @rule(data=st.data())
    def stop(self, data: st.DataObject) -> None:
        """A phone asks for the end of the take."""
        link = data.draw(st.sampled_from(self.online))
        if self._speaks(link):
            self._ask(StopRequested(link.peer, 20.0, self._id()))

    @precondition(lambda self: self.online)
    @rule(data=st.data(), camera=st.booleans())
    def ready(self, data: st.DataObject, camera: bool) -> None:
        """A phone says that it is ready."""
        link = data.draw(st.sampled_from(self.online))
        if self._speaks(link):
            self._ask(ReadyReported(link.peer, camera, self._id()))

    @precondition(lambda self: any(x.device_id for x in self.online))
    @rule(data=st.data(), kind=st.sampled_from(list(SAID)))
    def report(self, data: st.DataObject, kind: type[Report]) -> None:
        """A phone says something of its recording: of its own, or of one it joins."""
        link = data.draw(st.sampled_from([x for x in self.online if x.device_id]))
        phone, take = link.phone, None if self.session is None else self.session.take
        if phone.app.is_released or not self._speaks(link) or not link.device_id:
            return
        if phone.recording is None and kind is RecordingStarted and take is not None:
            self._arrive(link)
            if phone.recording is None and self.session is not None:
                self._film(link)
        if phone.recording is not None and phone.recording[1] == link.device_id:
            take_id, command_id = phone.recording[0], self._id()
            if kind in {RecordingScheduled, RecordingStarted}:
                self.agreed.add((take_id, link.device_id))
            self._ask(Reported(link.peer, SAID[kind](take_id, command_id)))

    def _film(self, link: Link) -> None:
        """Begin to record the running take late, if the phone has no part in it yet."""
        take = None if self.session is None else self.session.take
        device_id = str(link.device_id)
        if take is not None and take.participant(device_id) is None:
            link.phone.recording, link.phone.since = (take.id, device_id), self.now

    @precondition(lambda self: self.online)
    @rule(data=st.data(), ago=st.sampled_from([None, 0.0, 500.0, HOUR]))
    def mark(self, data: st.DataObject, ago: float | None) -> None:
        """A phone marks an instant of the take, if one runs."""
        link = data.draw(st.sampled_from(self.online))
        instant = None if ago is None else self.now - ago
        if not link.phone.app.is_released and self._speaks(link):
            self._ask(MarkRequested(link.peer, "smash", instant, self._id()))

    @precondition(lambda self: any(x.device_id for x in self.online))
    @rule(data=st.data(), battery=st.sampled_from([0.1, 0.9]))
    def fare(self, data: st.DataObject, battery: float) -> None:
        """A phone says how it fares."""
        link = data.draw(st.sampled_from([x for x in self.online if x.device_id]))
        if not link.phone.app.is_released and self._speaks(link):
            status = StatusReport(battery=battery, command_id=self._id())
            self._ask(StatusReported(link.peer, status))

    @rule(what=st.sampled_from(["nothing", "start", "stop", "mark"]))
    def operate(self, what: str) -> None:
        """An operator starts, stops and marks, without a phone."""
        if what == "start":
            take_id = f"take-{next(self.numbers)}"
            start = StartRequested(DESK, take_id, 250.0, by_operator=True, grace=200.0)
            self.do(start)
        elif what == "stop":
            self.do(StopRequested(DESK, 20.0, by_operator=True))
        elif what == "mark":
            self.do(MarkRequested(DESK, by_operator=True))

    @precondition(lambda self: any(x.silent or x.probed for x in self.online))
    @rule(data=st.data())
    def hear(self, data: st.DataObject) -> None:
        """A pong comes from a phone that was missed or probed."""
        missed = [link for link in self.online if link.silent or link.probed]
        self._speaks(data.draw(st.sampled_from(missed)))

    # What the network does.

    @precondition(lambda self: self.online)
    @rule(data=st.data(), proof=st.sampled_from(["comes", "comes", "waits", "dies"]))
    def deliver(self, data: st.DataObject, proof: str) -> None:
        """What was sent to a phone arrives; the proof may come now, later, never."""
        link = data.draw(st.sampled_from(self.online))
        self._arrive(link)
        # No link keeps a start for an hour: silence ends it long before.
        link.phone.watch_the_clock(self.now)
        if proof == "dies":
            link.unproven.clear()
        if proof == "comes" and self._speaks(link):
            receipts, link.unproven = link.unproven, []
            for receipt in receipts:
                if receipt.command is Command.START:
                    self.proven.add((receipt.device_id, receipt.take_id))
                self.do(Delivered(receipt))

    @precondition(lambda self: self.online)
    @rule(data=st.data(), code=st.sampled_from(GOODBYES))
    def leave(self, data: st.DataObject, code: int) -> None:
        """A phone says goodbye, or its link breaks and both ends notice."""
        link = data.draw(st.sampled_from(self.online))
        if self._speaks(link):
            self._gone(link, code)

    @precondition(lambda self: self.online)
    @rule(data=st.data())
    def cut(self, data: st.DataObject) -> None:
        """A link breaks, and only the phone notices."""
        self._hang_up(data.draw(st.sampled_from(self.online)))

    @precondition(lambda self: any(link.cut for link in self.links.values()))
    @rule(data=st.data())
    def notice(self, data: st.DataObject) -> None:
        """The server notices a link that was cut."""
        ghosts = [link for link in self.links.values() if link.cut]
        self._gone(data.draw(st.sampled_from(ghosts)), 1006)

    @rule(sure=st.sampled_from([False, False, True]))
    def restart(self, sure: bool) -> None:
        """The server starts again, now and then, and every link is gone."""
        if sure:
            for link in self.links.values():
                self._hang_up(link)
            self.links.clear()
            self.do(Restarted())

    @precondition(lambda self: any(x.device_id for x in self.links.values()))
    @rule(data=st.data())
    def miss(self, data: st.DataObject) -> None:
        """The server misses a peer's signs of life."""
        seated = [link for link in self.links.values() if link.device_id]
        link = data.draw(st.sampled_from(seated))
        if not link.silent:
            link.silent = True
            self.do(WentSilent(link.peer))

    def _gone(self, link: Link, code: int) -> None:
        self._hang_up(link)
        del self.links[link.peer]
        if link.device_id is not None or link.asking:
            self.do(Left(link.peer, code))

    # What else happens.

    @precondition(lambda self: any(x.device_id for x in self.online))
    @rule(data=st.data(), app=apps)
    def learn(self, data: st.DataObject, app: App) -> None:
        """A screen turns out to be another screen, a library another library."""
        seated = [link for link in self.online if link.device_id]
        link = data.draw(st.sampled_from(seated))
        was = link.phone.app
        if was.is_released and app.is_released and was.is_screen is app.is_screen:
            link.phone.app = app
            self.do(AppLearned(link.peer, app))

    @rule(sure=st.sampled_from([False, False, False, True]))
    def end(self, sure: bool) -> None:
        """An operator ends the session, if she is sure."""
        if sure:
            self.do(EndRequested(20.0))

    @rule(milliseconds=st.sampled_from(PAUSES))
    def wait(self, milliseconds: float) -> None:
        """Time goes by; its timer fires at every deadline."""
        end = self.now + milliseconds
        while self.session is not None:
            due = deadline_of(self.session, CONFIG)
            if due is None or due > end:
                break
            self.now = due
            self.do(DeadlinePassed())
        self.now = end
        for phone in self.phones:
            phone.watch_the_clock(self.now)
            if phone.recording is not None:
                take = self.takes[phone.recording[0]]
                if take.ended_at is not None and take.ended_at + LONGEST <= self.now:
                    phone.recording = None  # Its battery, or its memory, is at an end.

    # What always holds.

    @invariant()
    def seats_are_few(self) -> None:
        """Never two hosts, never three seats, no device or peer on two."""
        if self.session is None:
            return
        seats = self.session.seats
        assert len(seats) <= 2
        assert sum(seat.is_host for seat in seats) <= 1
        assert sum(not seat.is_host for seat in seats) <= 1
        assert len({seat.device_id for seat in seats}) == len(seats)
        peers = [seat.peer for seat in seats if seat.peer is not None]
        assert len(set(peers)) == len(peers)

    @invariant()
    def both_sides_agree(self) -> None:
        """Whoever was told that it has a seat has it, and nobody else does."""
        seats = () if self.session is None else self.session.seats
        seated = {link.peer: link.device_id for link in self.links.values()}
        held = {seat.peer: seat.device_id for seat in seats if seat.peer is not None}
        assert held == {peer: device for peer, device in seated.items() if device}

    @invariant()
    def nobody_waits_for_ever(self) -> None:
        """Whoever asks has an answer within 2 s of its probe."""
        claims = () if self.session is None else self.session.claims
        asking = {link.peer for link in self.links.values() if link.asking}
        assert asking == {claim.joining.peer for claim in claims}
        assert len(asking) == len(claims)
        for claim in claims:
            assert self.now <= claim.deadline <= self.now + PROBE_PATIENCE
            assert self.session is not None
            (holder,) = (s for s in self.session.seats if s.device_id == claim.against)
            assert holder.connected
            assert self.links[str(holder.peer)].probed, "nobody is judged unasked"

    @invariant()
    def nobody_records_untold(self) -> None:
        """Whoever records takes part in the running take, or is owed a stop."""
        for phone in self.phones:
            if phone.recording is None:
                continue
            take_id, device_id = phone.recording
            take = self.takes[take_id]
            if take.ended_at is None:
                assert self.session is not None
                assert self.session.take == take
                assert take.participant(device_id) is not None
            else:
                assert self.session is not None
                assert (device_id, take_id) in {
                    (debt.owner.device_id, debt.stop.take_id)
                    for debt in self.session.debts
                }

    @invariant()
    def strict_is_strict(self) -> None:
        """A strict take that has begun was agreed to by all who were there."""
        take = None if self.session is None else self.session.take
        if take is not None and take.strict and self.now >= take.start_at:
            for each in take.participants:
                assert each.late or (take.id, each.owner.device_id) in self.agreed

    @invariant()
    def nobody_is_waited_for_in_vain(self) -> None:
        """A report that is waited for is of a take that may be reported on."""
        if self.session is not None:
            past = {each.take_id for each in self.session.past}
            running = self.session.take
            known = past if running is None else {*past, running.id}
            assert {each.take_id for each in self.session.awaited} <= known

    @invariant()
    def one_take_runs(self) -> None:
        """Exactly the session's own take has no end, and somebody is in it."""
        running = [take for take in self.takes.values() if take.ended_at is None]
        take = None if self.session is None else self.session.take
        assert running == ([] if take is None else [take])
        assert take is None or take.participants

    @invariant()
    def everybody_sees_who_is_there(self) -> None:
        """Each knows of the others that are there, and of nobody else.

        A screen may be left to believe in a phone that has gone: during a take,
        and while another phone is there.
        """
        seats = () if self.session is None else self.session.seats
        recording = phase_of(self.session) is Phase.RECORDING
        for viewer in seats:
            if viewer.peer is None:
                continue
            there = {s.device_id for s in seats if s.connected} - {viewer.device_id}
            shown = self.links[viewer.peer].shown
            assert there <= shown
            if not viewer.app.is_screen or not (recording or there):
                assert there == shown

    @invariant()
    def the_dead_hold_nothing(self) -> None:
        """An ended session has no seats and no take, only what it owes."""
        session = self.session
        if session is not None and session.ended_at is not None:
            assert session.seats == ()
            assert session.claims == ()
            assert session.take is None
            assert session.debts

    @invariant()
    def the_empty_are_cleaned_up(self) -> None:
        """A session without a connected device has a deadline."""
        session = self.session
        if session is not None and status_of(session).device_count == 0:
            assert deadline_of(session, CONFIG) is not None


TestSessions = Sessions.TestCase
TestSessions.settings = settings(max_examples=200, stateful_step_count=50)
