"""The wire between a phone and a server, of which each may think what it likes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Protocol

import msgspec
from twisted.internet.task import Clock
from zope.interface import implementer

from raydel.core.events import NO_GOODBYE
from raydel.interfaces import IConnection, ITransport

CLOSING_PATIENCE: Final = 3.0
"""Seconds that a goodbye waits for its answer."""

Message = dict[str, Any]
Note = Callable[[str, object], None]
"""Is told what happens, by whom and what, for people who look for a mistake."""


def no_note(_who: str, _what: object) -> None:
    """Tell nobody."""


_Held = tuple[Callable[..., None], tuple[Any, ...]]


class Network:
    """What carries a phone's links: in order, late, and at times not at all.

    Args:
        clock: Carries what is on the way.
        delay: One way, ms.
        note: Is told what is said.

    Attributes:
        held: What waits until it carries again, or None if it does.
    """

    def __init__(self, clock: Clock, delay: float, note: Note = no_note) -> None:
        self.clock = clock
        self.delay = delay
        self.note = note
        self.held: list[_Held] | None = None

    def carry(self, call: Callable[..., None], *args: Any) -> None:
        """Make a call at the other end."""
        self.clock.callLater(self.delay / 1000, self._land, call, *args)

    def stall(self) -> None:
        """Carry nothing for a while; it is not lost."""
        if self.held is None:
            self.held = []

    def recover(self) -> None:
        """Carry what waits, and all that follows."""
        held, self.held = self.held or [], None
        for call, args in held:
            call(*args)

    def _land(self, call: Callable[..., None], *args: Any) -> None:
        if self.held is None:
            call(*args)
        else:
            self.held.append((call, args))


class Caller(Protocol):
    """What a link wants of its phone."""

    name: str
    always_answers: int | None

    def hear(self, link: Link, message: Message) -> None:
        """Take a message."""

    def felt(self, link: Link) -> None:
        """Take a ping."""

    def lost(self, link: Link, code: int) -> None:
        """Note that the link is gone."""


class Listener(Protocol):
    """Where a link leads."""

    def connect(self, link: Link) -> IConnection:
        """Let a phone in."""


@implementer(ITransport)
class Link:
    """One connection, as both of its ends see it.

    Attributes:
        up: Whether what the phone says still reaches the server.
        down: Whether what the server says still reaches the phone.
    """

    address = "192.168.1.7:51234"

    def __init__(self, phone: Caller, network: Network, server: Listener) -> None:
        self.up = self.down = True
        self._phone = phone
        self._network = network
        self._said_goodbye = False
        self._server_knows = False
        self._connection = server.connect(self)

    # What the server does.

    def send(self, frame: bytes) -> None:
        """Carry a message to the phone."""
        if not self._said_goodbye:
            self._network.carry(self._hear, frame)

    def ping(self, payload: bytes) -> None:
        """Carry a ping to the phone."""
        if not self._said_goodbye:
            self._network.carry(self._felt, payload)

    def close(self, code: int, reason: str = "") -> None:
        """Say goodbye, and wait for the answer."""
        if not self._said_goodbye:
            self._said_goodbye = True
            self._network.carry(self._lost, code)
            self._network.clock.callLater(CLOSING_PATIENCE, self.note_end, NO_GOODBYE)

    def abort(self) -> None:
        """Drop the link; the phone notices as soon as anything reaches it."""
        self._said_goodbye = True
        self._network.carry(self._lost, NO_GOODBYE)
        self._network.clock.callLater(0, self.note_end, NO_GOODBYE)

    # What the phone does.

    def say(self, message: Message) -> None:
        """Carry a message to the server."""
        self._network.note(f"{self._phone.name} says", message)
        self._network.carry(self._received, msgspec.json.encode(message))

    def hang_up(self, code: int) -> None:
        """Say goodbye: the phone wants to go."""
        self.down = False
        self._network.carry(self.note_end, code)

    # What neither of them does.

    def drop(self, *, server_notices: bool, arrives: bool) -> None:
        """Break: the phone notices.

        Args:
            server_notices: Whether the server does, or thinks it open for ever.
            arrives: Whether the server still gets what is on its way to it.
        """
        self.up = arrives
        self._lost(NO_GOODBYE, answer=False)
        if server_notices:
            self._network.carry(self.note_end, NO_GOODBYE)

    def bereave(self, *, arrives: bool) -> None:
        """Note that the server's process is gone: its system hangs up.

        Args:
            arrives: Whether the phone still gets what is on its way to it.
        """
        if self._server_knows:
            return
        self.up = False
        self._server_knows = self._said_goodbye = True
        if arrives:
            self._network.carry(self._lost, NO_GOODBYE)
        else:
            self.down = False
            self._network.carry(self._phone.lost, self, NO_GOODBYE)

    def note_end(self, code: int) -> None:
        """Tell the server that the link is gone, once."""
        if not self._server_knows:
            self._server_knows = True
            self.up = False
            self._connection.closed(code)

    # What lands.

    def _received(self, frame: bytes) -> None:
        if self.up and not self._said_goodbye:
            self._connection.received(frame)

    def _ponged(self, payload: bytes) -> None:
        if self.up and not self._said_goodbye:
            self._connection.ponged(payload)

    def _hear(self, frame: bytes) -> None:
        if self.down:
            message = msgspec.json.decode(frame)
            self._network.note(f"{self._phone.name} hears", message)
            self._phone.hear(self, message)

    def _felt(self, payload: bytes) -> None:
        if self.down:
            self._phone.felt(self)
            self._network.carry(self._ponged, payload)

    def _lost(self, code: int, *, answer: bool = True) -> None:
        if self.down:
            self.down = False
            self._network.note(f"{self._phone.name} loses its link", code)
            if answer:
                answer_code = self._phone.always_answers or code
                self._network.carry(self.note_end, answer_code)
            self._phone.lost(self, code)
