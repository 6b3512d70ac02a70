"""A phone of protocol 2 that does what the protocol page says."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final

from twisted.internet.interfaces import IDelayedCall

from raydel.core.stream import KEPT
from tests.crashes.links import Link, Message, Network
from tests.crashes.phones import CODE, SOON, Dial, Phone
from tests.promises import ToldTake

PATIENCE: Final = 3.0
"""Seconds after which it repeats what was not answered."""

SILENCE: Final = 15.0
"""Seconds without a ping after which it gives up a link."""

CHATTER: Final = KEPT + 8
"""Messages of which a phone that is away misses some for good."""


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
    def is_busy(self) -> bool:
        """Whether a command of its waits for an answer."""
        return bool(self._commands)

    def answered(self, *commands: str) -> None:
        """Go on to the next command."""
        if self._commands and self._commands[0].kind in commands:
            self.story.unanswered.remove(self._commands.popleft().id)
            self._say_next()

    def asked_twice(self, error: Message) -> bool:
        """Tell by the join that is named: there may be more on the way."""
        about = str(error.get("commandId"))
        return error["code"] == "already_joined" and about.startswith("join-")

    def refused(self, error: Message) -> None:
        """Go on to the next command, if this was about the last."""
        if self._commands and self._commands[0].id == error.get("commandId"):
            self.answered(self._commands[0].kind)

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
