"""How a peer is called in a log."""

from __future__ import annotations

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.interfaces import IAddress


def address_of(peer: IAddress) -> str:
    """Write an address for people: `192.168.1.7:51234`, `[fe80::1]:51234`."""
    if isinstance(peer, IPv6Address) and peer.host.startswith("::ffff:"):
        # An IPv4 peer, on a socket that takes both.
        return f"{peer.host.removeprefix('::ffff:')}:{peer.port}"
    if isinstance(peer, IPv6Address):
        return f"[{peer.host}]:{peer.port}"
    if isinstance(peer, IPv4Address):
        return f"{peer.host}:{peer.port}"
    return str(peer)
