"""Many phones in one process: their sockets, and what every phone does by itself."""

from __future__ import annotations

import select
import ssl
import time
from collections.abc import Callable, Sequence
from functools import partial
from itertools import count
from typing import Final, Protocol

from raydel.bench.dialling import Line, dial
from raydel.bench.trouble import Trouble
from raydel.bench.wire import (
    CLOSE,
    GOODBYE,
    PING,
    PONG,
    TEXT,
    Mask,
    answer,
    frames,
    handshake,
    kind_of,
    message,
)

AT_A_TIME: Final = 32
"""Phones that come in at once: the queue of a listener is short."""

LEAVING: Final = 1.0
"""Seconds that a server has to answer goodbyes, and half of it a stop before."""

PATIENCE: Final = 20.0
"""Seconds that a whole crowd may take to come in."""

DIGITS: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"

_READ: Final = 65536


class Script(Protocol):
    """What phones do beyond what every phone does."""

    def heard(self, phone: Phone, kind: bytes) -> None:
        """Take a message that is no question of time sync."""

    def gone(self, phone: Phone) -> None:
        """Note that a phone's connection has ended."""


class Phone:
    """One phone: a socket, and a seat.

    Attributes:
        number: From 0; phones 0 and 1 are of one session, 2 and 3 of the next.
        code: The code of its session.
        is_open: Whether the handshake is done.
        is_joined: Whether it has its seat.
        is_leaving: Whether it has said goodbye.
    """

    __slots__ = (
        "_crowd",
        "_rest",
        "code",
        "is_joined",
        "is_leaving",
        "is_open",
        "number",
        "socket",
    )

    def __init__(self, crowd: Crowd, number: int, code: str) -> None:
        self.number = number
        self.code = code
        self.is_open = self.is_joined = self.is_leaving = False
        self._crowd = crowd
        self._rest = b""
        self.socket: Line = dial(crowd.server, number, crowd.trust)
        self.socket.send(handshake(*crowd.server))

    def send(self, frame: bytes) -> None:
        """Send a whole frame; a phone's are so few that the kernel has room for them.

        Raises:
            Trouble: It has none: the server does not read.
        """
        try:
            self.socket.send(frame)
        except BlockingIOError:
            raise Trouble("the server does not read what phones send") from None
        except OSError:
            self._crowd.lose(self)

    def join(self) -> None:
        """Ask for its seat: even numbers are hosts."""
        fields = {"sessionId": self.code, "isHost": self.number % 2 == 0, "protocol": 2}
        if self._crowd.capabilities:
            fields["capabilities"] = list(self._crowd.capabilities)
        name = f"Phone {self.number}"
        self.send(self._crowd.mask.frame(message("join", deviceName=name, **fields)))

    def read(self) -> None:
        """Take what has come."""
        try:
            data = self.socket.recv(_READ)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._crowd.lose(self)
        elif self.is_open:
            self._take(self._rest + data if self._rest else data)
        else:
            self._open(self._rest + data)

    def _open(self, data: bytes) -> None:
        head, found, rest = data.partition(b"\r\n\r\n")
        self._rest = data
        if not found:
            return
        if not head.startswith(b"HTTP/1.1 101"):
            first = head.partition(b"\r\n")[0].decode("latin-1")
            raise Trouble(f"the server opens no WebSocket at /sync: {first}")
        self.is_open = True
        self._crowd.opened += 1
        self._take(rest)
        self._crowd.script.heard(self, b"opened")

    def _take(self, data: bytes) -> None:
        found, self._rest = frames(data)
        for opcode, payload in found:
            if opcode == TEXT:
                self._hear(payload)
            elif opcode == PING:
                self._crowd.pings += 1
                self.send(self._crowd.mask.frame(payload, PONG))
            elif opcode == CLOSE and not self.is_leaving:
                self.send(self._crowd.mask.frame(payload[:2], CLOSE))

    def _hear(self, payload: bytes) -> None:
        crowd = self._crowd
        crowd.heard += 1
        kind = kind_of(payload)
        if kind == b"time_sync_request":
            crowd.exchanges += 1
            self.send(crowd.mask.frame(answer(payload, time.time() * 1e3)))
        elif kind == b"joined":
            self.is_joined = True
            crowd.joined += 1
        elif kind == b"error":
            crowd.fault = crowd.fault or payload.decode()
            crowd.errors += 1
        crowd.script.heard(self, kind)


class Idle:
    """Phones that do what every phone does, and nothing else."""

    def heard(self, phone: Phone, kind: bytes) -> None:
        """Nothing has to be done."""

    def gone(self, phone: Phone) -> None:
        """Nobody is to leave."""


class Crowd:
    """Phones, and the loop that runs them.

    Args:
        host: Where the server listens.
        port: The same.
        capabilities: What each phone declares.
        trust: Whom phones trust that speak TLS; None for those that do not.

    Attributes:
        script: What they do.
        opened: How many handshakes were done.
        joined: How many seats were got.
        heard: How many messages came.
        exchanges: How many of them were questions of time sync: all are answered.
        pings: How many heartbeats came: they are answered, too.
        errors: How many of them were errors, and how many connections broke.
        fault: The first error, for people; empty if there was none.
    """

    def __init__(
        self,
        host: str,
        port: int,
        capabilities: tuple[str, ...] = (),
        trust: ssl.SSLContext | None = None,
    ) -> None:
        self.server = host, port
        self.trust = trust
        self.capabilities = capabilities
        self.mask = Mask()
        self.script: Script = Idle()
        self.opened = self.joined = self.heard = self.exchanges = self.errors = 0
        self.pings = 0
        self.fault = ""
        self.phones: dict[int, Phone] = {}
        self._poll = select.epoll()
        self._numbers = count()

    def add(self) -> Phone:
        """Connect one phone more.

        Raises:
            Trouble: Nobody listens there.
        """
        number = next(self._numbers)
        try:
            phone = Phone(self, number, code_of(number // 2))
        except OSError as problem:
            host, port = self.server
            raise Trouble(f"no server at {host}:{port}: {problem.strerror}") from None
        self.phones[phone.socket.fileno()] = phone
        self._poll.register(phone.socket.fileno(), select.EPOLLIN)
        return phone

    def skip(self) -> None:
        """Leave the next number out."""
        next(self._numbers)

    def lose(self, phone: Phone) -> None:
        """Forget a phone whose connection has ended."""
        if self.phones.pop(phone.socket.fileno(), None) is not None:
            phone.socket.close()
            self.script.gone(phone)

    def turn(self, wait: float) -> None:
        """Run all that has come, or wait a while for something; in seconds."""
        phones = self.phones
        for descriptor, _ in self._poll.poll(wait):
            phone = phones.get(descriptor)
            if phone is not None:
                phone.read()

    def until(self, done: Callable[[], bool], what: str) -> None:
        """Run until something is done.

        Raises:
            Trouble: It is not done in time, or an error came.
        """
        deadline = time.monotonic() + PATIENCE
        while not done():
            if self.errors:
                raise Trouble(f"while {what}: {self.fault or 'a connection broke'}")
            if time.monotonic() > deadline:
                raise Trouble(f"{what} took over {PATIENCE:g} s")
            self.turn(0.05)

    def rest(self, seconds: float) -> None:
        """Do what every phone does, for so long."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.turn(left)

    def come(self, connections: int) -> None:
        """Connect so many, some at a time: the queue of a listener is short."""
        for _ in range(connections):
            self.add()
            if self.opened + AT_A_TIME <= len(self.phones):
                self.until(lambda: self.opened == len(self.phones), "opening")
        self.until(lambda: self.opened == len(self.phones), "opening")

    def sit(self) -> None:
        """Have all of them join: first the hosts, who bring the sessions."""
        for is_host in (True, False):
            some = [
                phone
                for phone in self.phones.values()
                if phone.number % 2 != is_host and not phone.is_joined
            ]
            for begin in range(0, len(some), AT_A_TIME):
                part = some[begin : begin + AT_A_TIME]
                for phone in part:
                    phone.join()
                self.until(partial(_are_joined, part), "joining")

    def leave(self, *, stop: bool) -> None:
        """Say goodbye: nothing is left behind on the server.

        Args:
            stop: Whether takes may run, which would keep a session.
        """
        self.script = Idle()
        if stop:
            frame = self.mask.frame(message("stop_recording"))
            for phone in [p for p in self.phones.values() if p.number % 2 == 0]:
                phone.send(frame)
            self.rest(LEAVING / 2)
        goodbye = self.mask.frame(GOODBYE, CLOSE)
        for phone in list(self.phones.values()):
            phone.is_leaving = True
            phone.send(goodbye)
        end = time.monotonic() + LEAVING
        while self.phones and time.monotonic() < end:
            self.turn(0.05)

    def close(self) -> None:
        """Close all sockets that are left."""
        for phone in list(self.phones.values()):
            phone.socket.close()
        self.phones.clear()
        self._poll.close()


def _are_joined(phones: Sequence[Phone]) -> bool:
    return all(phone.is_joined for phone in phones)


def code_of(number: int) -> str:
    """Return the code of a session; each run begins with another letter pair."""
    code = ""
    for _ in range(4):
        number, digit = divmod(number, len(DIGITS))
        code = DIGITS[digit] + code
    return PREFIX + code


PREFIX: Final = "".join(DIGITS[int(time.time() * 10) // n % 36] for n in (1, 36))
"""Codes of another run on the same server are not met again."""
