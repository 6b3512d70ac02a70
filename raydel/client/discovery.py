"""Finds the servers that announce themselves on the local network."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing, suppress
from functools import partial
from ipaddress import ip_address, ip_network
from threading import Event
from typing import Any, Final, NamedTuple

import ifaddr
from twisted.internet.defer import Deferred

from raydel.advertise import MISSING, TYPE, library
from raydel.client.addresses import NoAddress, address
from raydel.threads import on_its_own

_RESOLVED_WITHIN: Final = 500
"""Milliseconds a server may take to tell where it is; as a rule it says so at once."""


class NoDiscovery(Exception):
    """Servers cannot be looked for on this machine; the text says why."""


class Found(NamedTuple):
    """A server that announces itself.

    Attributes:
        name: What people call it.
        url: What `raydel.client.connect` takes.
        version: Of Raydel; empty if it does not say.
    """

    name: str
    url: str
    version: str


def discover(
    reactor: Any, timeout: float = 3.0, interfaces: Sequence[str] | None = None
) -> Deferred[list[Found]]:
    """Look for servers on the local network.

    Whoever is in the network may announce what they like: that a server is found does
    not prove whose it is. Over ``wss://`` its certificate does.

    Args:
        reactor: Runs it; what blocks is done in a thread.
        timeout: Seconds to listen.
        interfaces: This machine's IPv4 addresses in the networks to ask; None for all.

    Returns:
        Fires with the servers, each once, by name; cancel it to wait no longer.
        Fails with `NoDiscovery` if there is no multicast.

    Raises:
        NoDiscovery: python-zeroconf is not installed.
    """
    try:
        library()
    except ImportError:
        raise NoDiscovery(f"discover() {MISSING}") from None
    enough = Event()
    found: Deferred[list[Found]] = on_its_own(
        reactor, partial(_listened, timeout, interfaces, enough)
    )

    def stop(result: Any) -> Any:
        enough.set()
        return result

    return found.addBoth(stop)


def found_in(
    name: str,
    port: int,
    hosts: Iterable[str],
    properties: Mapping[bytes, bytes | None],
    networks: Iterable[str] = (),
) -> Found | None:
    """Read one announcement.

    Args:
        name: Of the service.
        port: Where it listens.
        hosts: The addresses that lead there.
        properties: The TXT record.
        networks: Those that this machine is in, as ``192.168.1.20/24``: an address in
            one of them goes before others, and IPv4 before IPv6.

    Returns:
        None if it leads nowhere.
    """
    own = [ip_network(each, strict=False) for each in networks]

    def distance(host: str) -> tuple[bool, bool, str]:
        ip = ip_address(host)
        return not any(ip in each for each in own), ip.version != 4, host  # noqa: PLR2004

    ways = sorted((each for each in hosts if "%" not in each), key=distance)
    scheme = "wss" if _text(properties, b"tls") == "1" else "ws"
    path = _text(properties, b"path") or "/sync"
    with suppress(NoAddress, IndexError):
        host = f"[{ways[0]}]" if ":" in ways[0] else ways[0]
        there = address(f"{scheme}://{host}:{port}{path}")
        shown = _printable(name.removesuffix(f".{TYPE}"))
        return Found(shown, there.url, _text(properties, b"version"))
    return None


class _Listener:
    """Notes what is announced; called in a thread of python-zeroconf."""

    def __init__(self, networks: Sequence[str], to_all: Any) -> None:
        self.found: dict[str, Found] = {}
        self._networks = networks
        self._to_all = to_all

    def add_service(self, node: Any, kind: str, name: str) -> None:
        info = node.get_service_info(
            kind, name, _RESOLVED_WITHIN, question_type=self._to_all
        )
        if info is None:
            return
        hosts = info.parsed_scoped_addresses()
        found = found_in(name, info.port, hosts, info.properties, self._networks)
        if found is not None:
            self.found[name] = found

    update_service = add_service

    def remove_service(self, _node: Any, _kind: str, name: str) -> None:
        self.found.pop(name, None)


def _listened(
    seconds: float, interfaces: Sequence[str] | None, enough: Event
) -> list[Found]:
    zeroconf = library()
    # An answer to us alone may land with another program of this machine that has the
    # same port, as the system's own mDNS has.
    to_all = zeroconf.DNSQuestionType.QM
    listener = _Listener(_own_networks(), to_all)
    chosen = zeroconf.InterfaceChoice.All if interfaces is None else list(interfaces)
    try:
        node = zeroconf.Zeroconf(
            interfaces=chosen, ip_version=zeroconf.IPVersion.V4Only
        )
    except OSError as problem:
        raise NoDiscovery(f"this machine has no multicast: {problem}") from None
    with closing(node):
        zeroconf.ServiceBrowser(node, TYPE, listener=listener, question_type=to_all)
        enough.wait(seconds)
    return sorted(set(listener.found.values()))


def _own_networks() -> list[str]:
    return [
        f"{ip.ip}/{ip.network_prefix}"
        for adapter in ifaddr.get_adapters()
        for ip in adapter.ips
        if isinstance(ip.ip, str)
    ]


def _text(properties: Mapping[bytes, bytes | None], key: bytes) -> str:
    return _printable((properties.get(key) or b"").decode("utf-8", "replace"))


def _printable(text: str) -> str:
    """Leave out what would do something in a terminal."""
    return "".join(each for each in text if each.isprintable())
