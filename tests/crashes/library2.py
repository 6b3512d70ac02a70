"""A released phone: it knows its name, and nothing else, when it comes back."""

from __future__ import annotations

from typing import Final

from twisted.internet.interfaces import IDelayedCall

from tests.crashes.links import Link, Message, Network
from tests.crashes.phones import CODE, SOON, Dial, Phone

BACKOFF: Final = (1.0, 2.0, 4.0, 8.0, 16.0)
"""Seconds after which it dials again."""

FARTHEST: Final = 5.0
"""Seconds ahead of which it does not wait."""

HABIT: Final = 1000
"""What the WebSocket of an iPhone answers to any goodbye."""


class Library2(Phone):
    """A released phone, whose owner taps again where nothing came of a tap."""

    def __init__(self, name: str, *, host: bool, network: Network, dial: Dial) -> None:
        super().__init__(name, host=host, network=network, dial=dial)
        self.always_answers = HABIT
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
    def is_busy(self) -> bool:
        """Whether it is going to call its camera: up to five seconds from now."""
        return self._camera is not None

    def answered(self, *commands: str) -> None:
        """Take no notice: it asked, and goes by what it is told."""

    def asked_twice(self, error: Message) -> bool:
        """Tell that it was not: it asks once."""
        return False

    def refused(self, error: Message) -> None:
        """Take no notice either."""

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
