"""Where this machine can be reached: what people type into a phone."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address as Ip
from typing import Final, NamedTuple, TypedDict

import ifaddr
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.interfaces import IAddress

_ALL_NETWORKS: Final = frozenset(("0.0.0.0", "::", ""))  # noqa: S104 - not bound to


class LanAddress(NamedTuple):
    """One address of this machine.

    Attributes:
        host: The IPv4 address, in dots.
        note: The network interface that carries it, as people know it.
    """

    host: str
    note: str


class Door(NamedTuple):
    """Where a port lets phones in.

    Attributes:
        host: What it is bound to; ``::`` and ``0.0.0.0`` are all networks.
        port: Its number.
        is_secure: Whether it speaks TLS.
    """

    host: str
    port: int
    is_secure: bool


class Reach(TypedDict):
    """One way to a listening port, as the log tells it.

    Attributes:
        websocket: What is typed into a phone.
        rest: What is typed into a browser.
        note: Which network leads there, in brackets; empty if it is plain.
    """

    websocket: str
    rest: str
    note: str


def lan_addresses(adapters: Iterable[ifaddr.Adapter] | None = None) -> list[LanAddress]:
    """List the addresses at which others reach this machine.

    IPv4 only: every phone on a club's network has it, and nobody types the other
    kind. Addresses a machine gives itself for want of a network (169.254.…) are
    left out, for they lead nowhere.

    Args:
        adapters: The network interfaces; this machine's own if None.
    """
    return [
        LanAddress(ip.ip, adapter.nice_name)
        for adapter in (ifaddr.get_adapters() if adapters is None else adapters)
        for ip in adapter.ips
        if isinstance(ip.ip, str) and _is_seen_by_others(Ip(ip.ip))
    ]


def hosts(door: Door, lan: Iterable[LanAddress]) -> list[str]:
    """List the IPv4 addresses that lead to a port.

    Args:
        door: The port.
        lan: The addresses of this machine.
    """
    if door.host in _ALL_NETWORKS:
        return [address.host for address in lan]
    return [] if ":" in door.host else [door.host]


def is_loopback(host: str) -> bool:
    """Return whether an IPv4 address leads to the machine itself only."""
    return Ip(host).is_loopback


def reaches(bound: IAddress, *, secure: bool, lan: Iterable[LanAddress]) -> list[Reach]:
    """Tell how others reach a listening port.

    Args:
        bound: What the port is bound to.
        secure: Whether it speaks TLS.
        lan: The addresses of this machine.

    Returns:
        Nothing for a port without a number, such as a UNIX socket.
    """
    if not isinstance(bound, IPv4Address | IPv6Address):
        return []
    if bound.host not in _ALL_NETWORKS:
        return [_reach(LanAddress(bound.host, ""), bound.port, secure=secure)]
    hosts = list(lan) or [LanAddress("127.0.0.1", "this machine only: no network")]
    return [_reach(host, bound.port, secure=secure) for host in hosts]


def _is_seen_by_others(ip: Ip) -> bool:
    return not (ip.is_loopback or ip.is_link_local or ip.is_unspecified)


def _reach(address: LanAddress, port: int, *, secure: bool) -> Reach:
    host = f"[{address.host}]" if ":" in address.host else address.host
    s = "s" if secure else ""
    return Reach(
        websocket=f"ws{s}://{host}:{port}/sync",
        rest=f"http{s}://{host}:{port}",
        note=f" ({address.note})" if address.note else "",
    )
