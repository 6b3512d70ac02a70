"""What all phones do: they dial, join, hear, and tell their stories."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from math import inf
from typing import Final

from twisted.internet.interfaces import IDelayedCall
from twisted.internet.task import Clock

from raydel.testing.fakes import EPOCH
from tests.crashes.links import Link, Listener, Message, Network
from tests.promises import PhoneStory

CODE: Final = "ABC123"

SOON: Final = 0.5
"""Seconds after which a phone of protocol 2 dials again, or repeats a join."""

FOR_GOOD: Final = 1000
"""Close code that no library comes back from."""

LEAVES: Final = 1000
"""Close code of a phone that means to go."""

EXPECTED: Final = frozenset(
    {"recording_in_progress", "no_recording", "degraded"}
    | {"host_exists", "session_full", "session_not_found"}
)
"""Errors that a phone may meet, through no fault of its own."""

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
        ids: Its own ids so far: one, unless somebody else took its seat.
        in_a_hurry: Whether its owner is, and does not wait for the app to dial.
        clock_step: ms by which its clock is ahead of true time.
        seated_at: When it was last told that it has a seat, seconds; inf: never.
        link: Its link, while it believes in one.
        device_id: Its id, while it has a seat on that link.
    """

    def __init__(self, name: str, *, host: bool, network: Network, dial: Dial) -> None:
        self.name = name
        self.always_answers: int | None = None
        self.story = PhoneStory(name)
        self.complaints: list[str] = []
        self.setbacks: list[str] = []
        self.others: set[str] = set()
        self.ids: set[str] = set()
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
    def is_busy(self) -> bool:
        """Whether something that it was told, or has to say, is still to come."""

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

    @abstractmethod
    def asked_twice(self, error: Message) -> bool:
        """Tell whether it was refused a seat because it had got it meanwhile."""

    @abstractmethod
    def refused(self, error: Message) -> None:
        """Note that a command was refused."""

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

    def felt(self, link: Link) -> None:  # noqa: B027 - not every phone minds
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
                self.ids.add(message["deviceId"])
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
        if self.device_id is None and link is not self._asking:
            self._asking = link
            self._clock.callLater(SOON, self._ask_again, link)
        if error["code"] not in EXPECTED and not self.asked_twice(error):
            self.complain(f"was refused with {error['code']}")
        self.refused(error)

    def _ask_again(self, link: Link) -> None:
        self._asking = None
        if link is self.link and self.device_id is None:
            self.ask(link)
