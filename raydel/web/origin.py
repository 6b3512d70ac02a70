"""Which web pages may talk to this server.

A browser names the page a request comes from in `Origin`, and so do the phones:
React Native sends the server's own address. Programs send none.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final

ANY: Final = "*"
"""Listed, it allows every page, also those that hide where they come from."""

_DEFAULT_PORTS: Final = {"http": "80", "ws": "80", "https": "443", "wss": "443"}
_BRACKETED: Final = r"\[[0-9a-f:.]+\]"
_HOST: Final = re.compile(
    rf"({_BRACKETED}|[a-z0-9_-]{{1,63}}(?:\.[a-z0-9_-]{{1,63}})*)\.?(?::[0-9]{{0,5}})?"
)
_ORIGIN: Final = re.compile(
    rf"([a-z][a-z0-9+.-]*)://({_BRACKETED}|[^/?#@\\:\[\]\s]+)(?::([0-9]{{1,5}}))?"
)


def host_name(header: str) -> str | None:
    """Return the name in a `Host` header, in lower case, without its port.

    Returns:
        None if the header is not a host name or address.
    """
    match = _HOST.fullmatch(header.lower())
    return match[1] if match else None


def origin_allowed(origin: str, host: str, listed: Collection[str]) -> bool:
    """Return whether a page may talk to the server.

    Args:
        origin: What `Origin` says. A request without one comes from no page,
            and is not asked about.
        host: The server's own name, as the request's `Host` header has it.
        listed: Origins an operator allows; `null` counts only if listed.
    """
    if ANY in listed or origin in listed:
        return True
    parts = _parts(origin)
    if parts is None:
        return False
    own = host_name(host)
    return parts[1] == own or parts in {_parts(each) for each in listed}


def _parts(origin: str) -> tuple[str, str, str] | None:
    """Return scheme, host and port, the port filled in where it is left out."""
    match = _ORIGIN.fullmatch(origin.lower())
    if match is None:
        return None
    scheme, host, port = match.groups()
    return scheme, host, port or _DEFAULT_PORTS.get(scheme, "")
