"""The fast door: the commonest of all requests, past twisted.web and a handshake.

What a phone asks first is a whole handshake in one packet, and nearly the same for all
of them. Here it is read, looked at by the same rules as any, and answered, in a few
lines. Only what is let in is taken: whatever is refused, unusual or not whole yet goes
to twisted.web, as if there were no fast door.

It stands open where the fast lane is used, and is left out like that.
"""

# mypy: allow-untyped-calls
# Autobahn and Twisted have few annotations; what is inherited counts as ours.

from __future__ import annotations

import re
from binascii import b2a_base64
from collections.abc import Collection
from functools import lru_cache
from hashlib import sha1
from typing import Any, Final, NamedTuple

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.web.http import HTTPChannel

from raydel.core.tokens import session_code
from raydel.web.answers import SERVER
from raydel.web.belongings import common, unburden
from raydel.web.handshake import VERSION
from raydel.web.origin import host_name, origin_allowed
from raydel.web.sample import KEY, Sample, opened
from raydel.web.upgrade import put, take
from raydel.web.websocket import Entrance, factory_for

LONGEST: Final = 2048
"""Bytes of a request that is read here. A phone's has 300, a browser's 600; no more
headers are in it than twisted.web takes."""

HEADS: Final = 64
"""Requests that are remembered, but for their keys. All phones of one app that came
to one address send the same, so that one look at it will do."""

_MAGIC: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
"""What a key is hashed with (RFC 6455, 1.3)."""

_KEY: Final = re.compile(
    rb"\r\nsec-websocket-key: ([a-z0-9+/]{22}==)(?=\r\n)", re.IGNORECASE
)
_HEAD: Final = re.compile(
    rb"GET /sync(?:/([A-Za-z0-9]{6}))? HTTP/1\.1"
    rb"((?:\r\n[A-Za-z0-9-]+: [!-~](?:[ -~]*[!-~])?)+)"
)
_HEADER: Final = re.compile(rb"\r\n([^:]+): ([^\r]+)")

_UNUSUAL: Final = frozenset(
    {b"content-length", b"transfer-encoding", b"expect", b"sec-websocket-key"}
)
"""What announces more of the request, wants another answer first, or is there twice."""

_UPGRADES: Final = (b"upgrade", b"keep-alive, upgrade")
"""What apps, and browsers, write in `Connection`."""

log = Logger()


class Guest(NamedTuple):
    """Who may come in.

    Attributes:
        code: The session code in the path, in upper case.
        key: Of the handshake.
        end: Where in the packet the handshake is over.
    """

    code: str | None
    key: bytes
    end: int


class FastDoor:
    """Lets plain handshakes in.

    Args:
        entrance: Where they lead.
        origins: The pages an operator allows.
    """

    def __init__(self, entrance: Entrance, origins: Collection[str]) -> None:
        self._entrance = entrance
        self._origins = origins
        self._look = lru_cache(HEADS)(self._looked)

    def lets_in(self, channel: HTTPChannel, data: bytes) -> bool:
        """Make a WebSocket of a connection whose first packet asks for one.

        Args:
            channel: The connection, of which nothing was read before.
            data: The packet.

        Returns:
            False if it is left as it is, for twisted.web.
        """
        guest = self.guest(data)
        if guest is None:
            return False
        transport = take(channel)
        protocol = self._entrance.open(transport, guest.code)
        put(transport, protocol)
        transport.resumeProducing()
        protocol.welcome(answer(guest.key))
        # A client may send its first message in one packet with the handshake.
        if guest.end < len(data):
            protocol.dataReceived(data[guest.end :])
        return True

    def guest(self, data: bytes) -> Guest | None:
        """Return who asks to come in; None if that is not sure."""
        found = _KEY.search(data, 0, LONGEST)
        if found is None:
            return None
        begin, behind = found.span(1)
        end = data.find(b"\r\n\r\n", behind, LONGEST)
        if end < 0:
            return None
        welcome, code = self._look(data[: found.start()], data[behind:end])
        return Guest(code, data[begin:behind], end + 4) if welcome else None

    def _looked(self, before: bytes, behind: bytes) -> tuple[bool, str | None]:
        """Look at what is before the key, and behind it.

        Returns:
            Whether it is a faultless handshake, and the session code in its path.
        """
        head = _HEAD.fullmatch(before + behind)
        if head is None:
            return False, None
        pairs = _HEADER.findall(head[2])
        headers = {name.lower(): value for name, value in pairs}
        is_plain = len(headers) == len(pairs) and _UNUSUAL.isdisjoint(headers)
        welcome = is_plain and _upgrades(headers) and self._welcomes_page(headers)
        return welcome, None if head[1] is None else session_code(head[1].decode())

    def _welcomes_page(self, headers: dict[bytes, bytes]) -> bool:
        host = headers.get(b"host", b"").decode()
        # Without a port behind its colon, Autobahn refuses it.
        if host_name(host) is None or host.endswith(":"):
            return False
        origin = headers.get(b"origin")
        return origin is None or origin_allowed(origin.decode(), host, self._origins)


def _upgrades(headers: dict[bytes, bytes]) -> bool:
    return (
        headers.get(b"upgrade", b"").lower() == b"websocket"
        and headers.get(b"connection", b"").lower() in _UPGRADES
        and headers.get(b"sec-websocket-version") == VERSION
    )


def answer(key: bytes) -> bytes:
    """Return the answer to a handshake, as Autobahn writes it (RFC 6455, 4.2.2)."""
    accepted = b2a_base64(sha1(key + _MAGIC).digest(), newline=False)  # noqa: S324
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nServer: " + SERVER + b"\r\n"
        b"Upgrade: WebSocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + accepted + b"\r\n\r\n"
    )


# Whether it can be used.


def door(
    entrance: Entrance,
    origins: Collection[str],
    clock: IReactorTime,
    sample: type[Sample] = Sample,
) -> FastDoor | None:
    """Return the fast door; None if Autobahn is not as it expects.

    Args:
        entrance: Where it leads.
        origins: The pages an operator allows.
        clock: For Autobahn, as it is looked at; no time passes.
        sample: Autobahn.
    """
    strange = strangeness(clock, sample)
    if strange is None:
        return FastDoor(entrance, origins)
    log.warn(  # noqa: G010 - Twisted calls it so
        "the fast door is shut, joins cost more time: {strange}. All else is as"
        " always; a newer Raydel may know this version of Autobahn",
        strange=strange,
    )
    return None


def strangeness(clock: IReactorTime, sample: type[Sample] = Sample) -> str | None:
    """Say what Autobahn has otherwise than the fast door expects.

    Args:
        clock: For Autobahn.
        sample: Autobahn.

    Returns:
        None if all is as it expects.
    """
    try:
        kind: Any = type("Peer", (sample,), common(factory_for(clock)))
        protocol, transport = opened(kind.factory, kind)
    except Exception as problem:  # Whatever it is, there is the other way in.
        return f"{type(problem).__name__}: {problem}"
    if transport.written != answer(KEY):
        return "Autobahn answers otherwise than it did"
    unburden(protocol)
    if vars(protocol).keys() != {"state", "transport"}:
        return "Autobahn keeps other things than it did"
    return None
