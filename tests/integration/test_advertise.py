"""Servers that announce themselves are found by multicast on loopback, and go."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event

import pytest
import pytest_twisted
import zeroconf
from twisted.internet import reactor
from twisted.internet.threads import deferToThread

from raydel import __version__
from raydel.advertise import TYPE, Announcement, Multicast, name_of
from raydel.client import Found, discover
from tests.delays import LOOPBACK
from tests.integration.program import Program

GROUP = "224.0.0.251"

SOON = 3.0
"""Seconds within which everybody is told that a server ends."""

WINDOW = 1.5
"""Seconds of one look: nobody has to repeat an answer within the same second."""

LOOKS = 5
"""Looks until what is there has to be found, on a busy machine."""


def has_multicast() -> bool:
    """Return whether what is sent to a group on loopback comes back."""
    here = socket.inet_aton(LOOPBACK)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.bind(("", 0))
            member = socket.inet_aton(GROUP) + here
            probe.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, member)
            probe.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, here)
            probe.sendto(b"?", (GROUP, probe.getsockname()[1]))
            return probe.recv(1) == b"?"
        except OSError:
            return False


pytestmark = pytest.mark.skipif(
    not has_multicast(), reason="this machine has no multicast on its loopback"
)


async def discovered(count: int) -> list[Found]:
    """Look until so many are found."""
    found: list[Found] = []
    for _ in range(LOOKS):
        found = await discover(reactor, WINDOW, interfaces=[LOOPBACK])
        if len(found) >= count:
            break
    return found


def server_of(home: Path, *options: str) -> Program:
    """Make a server that announces itself."""
    home.mkdir()
    return Program(home, ("--advertise", *options))


def expected(server: Program) -> Found:
    """Return what is to be found of it."""
    url = f"ws://{LOOPBACK}:{server.port}/sync"
    return Found(name_of(socket.gethostname(), server.port), url, __version__)


class Neighbour:
    """Somebody else in the network, who sees servers come and go."""

    def __init__(self, server: Program) -> None:
        self.name = f"{expected(server).name}.{TYPE}"
        self.gone = Event()

    def add_service(self, *_: object) -> None:
        """See one come."""

    update_service = add_service

    def remove_service(self, _node: object, _kind: str, name: str) -> None:
        """See one go."""
        if name == self.name:
            self.gone.set()


@contextmanager
def neighbour_of(server: Program) -> Iterator[Neighbour]:
    """Have one that has an eye on a server."""
    seen = Neighbour(server)
    node = zeroconf.Zeroconf(interfaces=[LOOPBACK])
    try:
        zeroconf.ServiceBrowser(node, TYPE, listener=seen)  # type: ignore[arg-type]
        yield seen
    finally:
        node.close()


@pytest_twisted.ensureDeferred  # type: ignore[untyped-decorator]
async def test_two_come_and_one_goes(tmp_path: Path) -> None:
    """Both are found; at the end of one all are told, and it is gone.

    Who comes meanwhile with the name of the other gets a number behind it.
    """
    first, second = (server_of(tmp_path / name) for name in ("first", "second"))
    name = expected(second).name
    with second, neighbour_of(first) as seen:
        with first:
            found = await discovered(2)
            assert {expected(first), expected(second)} <= set(found), first.log
            assert not seen.gone.is_set()
            due = Announcement(name, 1, (LOOPBACK,), is_secure=False)
            namesake = deferToThread(Multicast, [due])
        assert seen.gone.wait(SOON), first.log
        left = await discovered(1)
        assert expected(second) in left
        assert expected(first) not in left
        announced = await namesake
        announced.take_back()
        assert announced.names == [f"{name}-2"]
    assert first.log.count("announced on the local network") == 1
