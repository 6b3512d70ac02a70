"""Where a server is, as people write it."""

from __future__ import annotations

from typing import Final, NamedTuple
from urllib.parse import SplitResult, urlsplit

PORT: Final = 3001
"""Where a server listens that nobody told otherwise."""

_SECURE: Final = {"ws": False, "http": False, "wss": True, "https": True}
_OWN_PORT: Final = {False: 80, True: 443}


class Address(NamedTuple):
    """Where a server is.

    Attributes:
        url: In full, as ``ws://192.168.1.20:3001/sync``.
        host: A name or a number.
        port: Of TCP.
        is_secure: Whether TLS is spoken there.
    """

    url: str
    host: str
    port: int
    is_secure: bool


class NoAddress(ValueError):
    """No server can be meant; the text says why."""


def address(text: str) -> Address:
    """Read where a server is.

    ``ws://`` and ``wss://`` are meant, ``http://`` and ``https://`` are understood:
    the port is the same one. A bare ``192.168.1.20`` is a server without TLS on the
    usual port. Without a path it is ``/sync``.

    Raises:
        NoAddress: That is no such place.
    """
    bare = "://" not in text
    try:
        parts = urlsplit(f"ws://{text}" if bare else text)
        port = parts.port
    except ValueError as problem:
        raise _refused(text, str(problem)) from None
    _check(text, parts)
    is_secure = _SECURE[parts.scheme]
    if port is None:
        port = PORT if bare else _OWN_PORT[is_secure]
    host = parts.hostname or ""
    shown = f"[{host}]" if ":" in host else host
    path = "/sync" if parts.path in {"", "/"} else parts.path
    scheme = "wss" if is_secure else "ws"
    return Address(f"{scheme}://{shown}:{port}{path}", host, port, is_secure)


def _check(text: str, parts: SplitResult) -> None:
    if parts.scheme not in _SECURE:
        raise _refused(text, f"nothing is known of {parts.scheme}://")
    if not parts.hostname or not parts.hostname.isascii():
        raise _refused(text, "there is no host in it")
    if any(each.isspace() for each in text):
        raise _refused(text, "there is a space in it")
    if parts.username is not None or parts.password is not None:
        raise _refused(text, "nobody is asked for a name or a password")
    if parts.query or parts.fragment:
        raise _refused(text, "there is more behind its path")


def _refused(text: str, why: str) -> NoAddress:
    return NoAddress(f"{text!r} is not like ws://192.168.1.20:3001/sync: {why}")
