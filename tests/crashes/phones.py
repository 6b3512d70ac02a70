"""Phones that do what the protocol page says, and tell their stories."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from typing import ClassVar, Final

from twisted.internet.interfaces import IDelayedCall
from twisted.internet.task import Clock

from raydel.core.stream import KEPT
from raydel.testing.fakes import EPOCH
from tests.crashes.links import Link, Listener, Message, Network
from tests.promises import PhoneStory, ToldTake

CODE: Final = "ABC123"

SOON: Final = 0.5
"""Seconds after which a phone of protocol 2 dials again, or repeats a join."""

PATIENCE: Final = 3.0
"""Seconds after which it repeats a command that was not answered."""

SILENCE: Final = 15.0
"""Seconds without a ping after which it gives up a link."""

BACKOFF: Final = (1.0, 2.0, 4.0, 8.0, 16.0)
"""Seconds after which the library dials again."""

FARTHEST: Final = 5.0
"""Seconds ahead of which no library waits."""

FOR_GOOD: Final = 1000
"""Close code that no library comes back from."""

LEAVES: Final = 1000
"""Close code of a phone that means to go."""

CHATTER: Final = KEPT + 8
"""Messages of which a phone that is away misses some for good."""

Dial = Callable[["Phone"], Listener | None]
"""Finds the server, if one listens."""


class Phone(ABC):
    """What all phones have in common.

    Args:
        name: What people call it.
        host: Which role it asks for.
        network: Carries its links.
        dial: Finds the server.

    Attributes:
        always_answers: The code with which it answers any goodbye, or None if it
            gives the same one back.
        name: What people call it.
        story: What it has to tell.
        complaints: What no phone should ever see, in words.
        setbacks: What it should see only where a server forgot what it had told.
        others: Ids of the devices that it was told are there.
        in_a_hurry: Whether its owner is, and does not wait for the app to dial.
        clock_step: ms by which its clock is ahead of true time.
        seated_at: When it was last told that it has a seat, seconds; inf: never.
        link: Its link, while it believes in one.
        device_id: Its id, while it has a seat on that link.
    """

    always_answers: ClassVar[int | None] = None

    def __init__(self, name: str, *, host: bool, network: Network, dial: Dial) -> None:
        self.name = name
        self.story = PhoneStory(name)
        self.complaints: list[str] = []
        self.setbacks: list[str] = []
        self.others: set[str] = set()
        self.clock_step = 0.0
        self.network = network
        self.link: Link | None = None
        self.device_id: str | None = None
        self._clock: Clock = network.clock
        self._is_host = host
        self.in_a_hurry = False
        self.seated_at = inf
        self._find = dial
        self._redial: IDelayedCall | None = None
        self._asking: Link | None = None

    @property
    def now(self) -> float:
        """What its clock says, ms."""
        return EPOCH + self._clock.seconds() * 1000 + self.clock_step

    @abstractmethod
    def tap(self, command: str) -> None:
        """Press a button."""

    @abstractmethod
    def chatter(self) -> None:
        """Say more than is kept for a phone that is away, if it ever would."""

    @property
    @abstractmethod
    def is_starting(self) -> bool:
        """Whether it is going to call its camera."""

    @abstractmethod
    def ask(self, link: Link) -> None:
        """Ask for a seat."""

    @abstractmethod
    def wait_to_dial(self) -> float:
        """Return how long it waits before it dials again, seconds."""

    @abstractmethod
    def seated(self, joined: Message) -> None:
        """Note that it has a seat."""

    @abstractmethod
    def start(self, start: Message) -> None:
        """Do what a start says."""

    @abstractmethod
    def stop(self, stop: Message) -> None:
        """Do what a stop says."""

    @abstractmethod
    def answered(self, *commands: str) -> None:
        """Note the answer to a command, if one waits."""

    def dial(self) -> None:
        """Open a link, or try again later."""
        self._redial = None
        server = self._find(self)
        if server is None:
            self.dial_later()
        else:
            self.link = Link(self, self.network, server)
            self.ask(self.link)

    def dial_later(self) -> None:
        """Dial after a while."""
        self._redial = self._clock.callLater(self.wait_to_dial(), self.dial)

    def hurry(self) -> None:
        """Dial now, if it was to do so later, and soon whenever it is to again."""
        self.in_a_hurry = True
        if self._redial is not None:
            self._redial.reset(0)

    def leave(self) -> None:
        """Say goodbye, and stay away until it dials again."""
        link, self.link, self.device_id = self.link, None, None
        if link is not None:
            link.hang_up(LEAVES)
        if self._redial is not None:
            self._redial.cancel()
            self._redial = None

    # What a link calls.

    def felt(self, link: Link) -> None:
        """Take a ping."""

    def lost(self, link: Link, code: int) -> None:
        """Note that a link is gone."""
        if link is self.link:
            self.link = None
            self.device_id = None
            if code == FOR_GOOD:
                self.complain("was sent away for good")
            self.dial_later()

    def hear(self, link: Link, message: Message) -> None:
        """Do what a message says."""
        if link is not self.link:
            return
        match message["type"]:
            case "joined":
                self.device_id = message["deviceId"]
                self.seated_at = self._clock.seconds()
                self.seated(message)
            case "device_connected":
                self.others.add(message["deviceId"])
            case "device_disconnected":
                self.others.discard(message["deviceId"])
            case "time_sync_request":
                echo = {k: message[k] for k in ("request_id", "server_timestamp")}
                clock = {"client_timestamp": self.now}
                link.say({"type": "time_sync_response"} | echo | clock)
            case "start_recording":
                self.start(message)
            case "stop_recording":
                self.stop(message)
            case "readiness_update":
                self.answered("device_ready")
            case "error":
                self._refused(link, message)

    def look_around(self, joined: Message) -> None:
        """See who is there."""
        there = {device["id"] for device in joined["sessionStatus"]["devices"]}
        self.others = there - {self.device_id}

    def complain(self, text: str) -> None:
        """Note what no phone should ever see."""
        self.complaints.append(f"{self.name} {text}")

    def _refused(self, link: Link, error: Message) -> None:
        code = error["code"]
        if self.device_id is None and link is not self._asking:
            self._asking = link
            self._clock.callLater(SOON, self._ask_again, link)
        match code:
            case "recording_in_progress":
                self.answered("start_recording")
            case "no_recording":
                self.answered("stop_recording")
            case "degraded" if self.device_id is not None:
                self.answered("start_recording")
            case "host_exists" | "session_full" | "session_not_found" | "degraded":
                pass
            case _:
                self.complain(f"was refused with {code}")

    def _ask_again(self, link: Link) -> None:
        self._asking = None
        if link is self.link and self.device_id is None:
            self.ask(link)


@dataclass
class Command:
    """A command that was not answered yet."""

    kind: str
    id: str


class Protocol2(Phone):
    """A phone that keeps its token, its number, and what it was not answered.

    Attributes:
        skipped: Numbers that it was never told, and not for a start taken back.
    """

    def __init__(self, name: str, *, host: bool, network: Network, dial: Dial) -> None:
        super().__init__(name, host=host, network=network, dial=dial)
        self._token: str | None = None
        self._seq: int | None = None
        self._known: set[str] = set()
        self._commands: deque[Command] = deque()
        self._taps = 0
        self._joins = 0
        self.skipped = 0
        self._watch: IDelayedCall | None = None

    def tap(self, command: str) -> None:
        """Ask for something, now or when it is back."""
        self._taps += 1
        name = f"{self.name}-{self._taps}"
        if command == "start_recording":
            self.story.starts_asked.append(name)
        elif command == "stop_recording":
            self.story.stops_asked.append(name)
        self.story.unanswered.append(name)
        self._commands.append(Command(command, name))
        if len(self._commands) == 1:
            self._say_next()

    def chatter(self) -> None:
        """Say that it is ready, again and again."""
        for _ in range(CHATTER):
            if self.link is not None and self.device_id is not None:
                self.link.say({"type": "device_ready"})

    @property
    def is_starting(self) -> bool:
        """Whether it is going to: what it was told to record counts as recorded."""
        return False

    def answered(self, *commands: str) -> None:
        """Go on to the next command."""
        if self._commands and self._commands[0].kind in commands:
            self.story.unanswered.remove(self._commands.popleft().id)
            self._say_next()

    def _say_next(self) -> None:
        if self.link is not None and self.device_id is not None and self._commands:
            command = self._commands[0]
            self.link.say({"type": command.kind, "commandId": command.id})
            self._clock.callLater(PATIENCE, self._say_again, self.link, command)

    def _say_again(self, link: Link, command: Command) -> None:
        waits = bool(self._commands) and self._commands[0] is command
        if link is self.link and self.device_id is not None and waits:
            self._say_next()

    # Links.

    def ask(self, link: Link) -> None:
        """Join, with all that it knows; repeat it if nothing comes of it."""
        self._joins += 1
        join: Message = {
            "type": "join",
            "sessionId": CODE,
            "isHost": self._is_host,
            "deviceName": self.name,
            "protocol": 2,
            "commandId": f"join-{self._joins}",
        }
        if self._token is not None:
            join["resumeToken"] = self._token
        if self._seq is not None:
            join["lastSeq"] = self._seq
        link.say(join)
        self._clock.callLater(PATIENCE, self._join_again, link, join)
        self.felt(link)

    def _join_again(self, link: Link, join: Message) -> None:
        current = join["commandId"] == f"join-{self._joins}"
        if link is self.link and self.device_id is None and current:
            link.say(join)
            self._clock.callLater(PATIENCE, self._join_again, link, join)

    def wait_to_dial(self) -> float:
        """Dial again soon."""
        return SOON

    def felt(self, link: Link) -> None:
        """Watch the link: give it up when no ping came for long."""
        if link is self.link:
            if self._watch is not None and self._watch.active():
                self._watch.reset(SILENCE)
            else:
                self._watch = self._clock.callLater(SILENCE, self._give_up)

    def _give_up(self) -> None:
        if self.link is not None:
            self.link.drop(server_notices=False, arrives=True)

    # Messages.

    def hear(self, link: Link, message: Message) -> None:
        """Count what is numbered, and do what it says."""
        if link is self.link and "seq" in message and message["type"] != "joined":
            self._count(message)
        super().hear(link, message)

    def _count(self, message: Message) -> None:
        seq = message["seq"]
        self.skipped += seq - (self._seq or 0) - 1
        self._seq = seq
        self.story.numbers.append(seq)

    def seated(self, joined: Message) -> None:
        """Keep the token and the number; repeat what was not answered."""
        self._token = joined.get("resumeToken", self._token)
        if joined["recovered"]:
            if joined["seq"] != self._seq:
                self.complain(f"has {self._seq}, and recovers from {joined['seq']}")
        else:
            self._begin_anew(joined.get("seq", self._seq))
            self.look_around(joined)
        self._say_next()

    def _begin_anew(self, seq: int | None) -> None:
        if self._seq is not None and seq is not None and seq < self._seq:
            name = self.name
            self.setbacks.append(f"{name} has {self._seq}, and begins anew at {seq}")
            self.story.numbers.clear()
        self._seq = seq

    def start(self, start: Message) -> None:
        """Begin a take, once."""
        if start["initiator"] == self.device_id:
            self.answered("start_recording")
        take_id = start["takeId"]
        if take_id in self._known:
            return
        self._known.add(take_id)
        if self.story.recording is not None:
            self.complain(f"was to begin {take_id} during {self.story.recording}")
        self.story.recording = take_id
        self.story.started.append(ToldTake(take_id, start["atomic_start_time"]))

    def stop(self, stop: Message) -> None:
        """End a take, if it records that one."""
        self.answered("start_recording", "stop_recording")
        take_id = stop["takeId"]
        if take_id not in self._known and self.skipped > 0:
            self.skipped -= 1  # Its start was taken back before it left.
        self._known.add(take_id)
        self.story.stopped.append(take_id)
        if self.story.recording == take_id:
            self.story.recording = None


class Library2(Phone):
    """A released phone, whose owner taps again where nothing came of a tap."""

    always_answers = 1000

    def __init__(self, name: str, *, host: bool, network: Network, dial: Dial) -> None:
        super().__init__(name, host=host, network=network, dial=dial)
        self._attempts = 0
        self._taps = 0
        self._camera: IDelayedCall | None = None

    def tap(self, command: str) -> None:
        """Say it, if there is a link to say it on."""
        if self.link is None or self.device_id is None or command == "device_ready":
            return
        self._taps += 1
        name = f"{self.name}-{self._taps}"
        asked = self.story.starts_asked, self.story.stops_asked
        asked[command == "stop_recording"].append(name)
        self.link.say({"type": command, "timestamp": self.now})

    def chatter(self) -> None:
        """Say nothing: the library does not tell that it is ready."""

    @property
    def is_starting(self) -> bool:
        """Whether it is: one whose clock was just set may take five seconds."""
        return self._camera is not None

    def answered(self, *commands: str) -> None:
        """Take no notice: it asked, and goes by what it is told."""

    def ask(self, link: Link) -> None:
        """Join by name."""
        name = self.name
        join = {"sessionId": CODE, "isHost": self._is_host, "deviceName": name}
        link.say({"type": "join"} | join)

    def wait_to_dial(self) -> float:
        """Wait longer each time."""
        if self.in_a_hurry:
            return SOON
        wait = BACKOFF[min(self._attempts, len(BACKOFF) - 1)]
        self._attempts += 1
        return wait

    def seated(self, joined: Message) -> None:
        """See who is there."""
        self._attempts = 0
        self.look_around(joined)

    def start(self, start: Message) -> None:
        """Plan the camera call: nothing takes it back."""
        if self._camera is None and self.story.recording is None:
            aim = start["atomic_start_time"]
            wait = min((aim - self.now) / 1000, FARTHEST) if aim else 0.0
            if wait > 0:
                self._camera = self._clock.callLater(wait, self._record)
            else:
                self._record()

    def _record(self) -> None:
        self._camera = None
        self.story.recording = "?"

    def stop(self, stop: Message) -> None:
        """Stop the camera, if it runs."""
        self.story.recording = None
