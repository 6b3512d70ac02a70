"""Announces the server on the local network, so that phones find it by themselves.

By DNS-SD over multicast DNS (RFC 6763 and 6762), as printers do it. python-zeroconf
runs an asyncio loop in a thread of its own, and its calls block for a second or two:
none is made in the reactor's thread, and nothing waits for one without a limit.
"""

from __future__ import annotations

import secrets
import socket
import time
from collections.abc import Callable, Iterable, Sequence
from importlib import import_module
from typing import Any, Final, NamedTuple, Protocol

from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from raydel import __version__
from raydel.addresses import Door, LanAddress, hosts, is_loopback, lan_addresses
from raydel.threads import InThread

TYPE: Final = "_raydel._tcp.local."
"""What kind of service is announced."""

LIBRARY: Final = "zeroconf"

MISSING: Final = (
    f"needs {LIBRARY}; in a clone, .venv/bin/pip install -e '.[advertise]' brings it"
)
"""What to say, behind who needs it, where the library is not installed."""

LOOK: Final = 1.5
"""Seconds to listen for names that are taken: whoever has just announced itself may
wait a second until it does so again."""

PATIENCE: Final = 3.5
"""Seconds that taking it back may take; the program as a whole has four to end."""

_USUAL_PORT: Final = 3001
_LONGEST: Final = 37
"""Bytes of a host's name that are shown. A label has 63; the words around the name,
the port, and a number for the second of a name take the rest."""

_log: Final = Logger()


class Announcement(NamedTuple):
    """One port, as others are told of it.

    Attributes:
        name: What people see.
        port: Its number.
        hosts: The IPv4 addresses that lead there.
        is_secure: Whether TLS is spoken there.
    """

    name: str
    port: int
    hosts: tuple[str, ...]
    is_secure: bool

    @property
    def properties(self) -> dict[str, str]:
        """The TXT record."""
        tls = "1" if self.is_secure else "0"
        return {"path": "/sync", "tls": tls, "version": __version__}


class Announced(Protocol):
    """What is announced right now."""

    @property
    def names(self) -> Sequence[str]:
        """What it is called, after all clashes."""

    def take_back(self) -> None:
        """Tell everybody that it is over; blocks."""


class HasDoor(Protocol):
    """A port, as `raydel.endpoints.PortService` is one."""

    @property
    def door(self) -> Door | None:
        """Where phones come in; None while there is no way to."""


def name_of(host: str, port: int) -> str:
    """Make the name that people see.

    Two servers on one machine differ by their ports. Two machines of one name get a
    number behind it: the one that comes second notices.

    Args:
        host: What the machine calls itself.
        port: The number of the port.
    """
    label = host.partition(".")[0].encode()[:_LONGEST].decode("utf-8", "ignore")
    shown = "".join(each for each in label if each.isprintable()) or "this network"
    return f"Raydel on {shown}" + ("" if port == _USUAL_PORT else f", port {port}")


def announcements(
    doors: Iterable[Door], lan: Sequence[LanAddress], host: str
) -> list[Announcement]:
    """Tell what is to be announced.

    What only this machine can reach is announced to this machine alone, and only if
    there is nothing else.

    Args:
        doors: The ports that listen.
        lan: The addresses of this machine.
        host: What it calls itself.
    """
    found = [
        Announcement(name_of(host, door.port), door.port, ways, door.is_secure)
        for door in doors
        if (ways := tuple(hosts(door, lan)))
    ]
    public = [each for each in found if not any(map(is_loopback, each.hosts))]
    return public or found


def library() -> Any:
    """Return python-zeroconf.

    Raises:
        ImportError: It is not installed.
    """
    return import_module(LIBRARY)


class Announcer(Service):
    """Announces all ports while it runs. It belongs behind them.

    Whatever goes wrong with it is one line in the log: phones that know the address
    need no announcement.

    Args:
        ports: What is announced; one that listens only later, as no endpoint of
            Twisted's own does, is not.
        in_thread: Runs what blocks.
        clock: Limits how long the end may take.
        announce: Announces, and blocks until that is done.
    """

    def __init__(
        self,
        ports: Sequence[HasDoor],
        in_thread: InThread,
        clock: IReactorTime,
        announce: Callable[[Sequence[Announcement]], Announced] | None = None,
    ) -> None:
        self._ports = ports
        self._in_thread = in_thread
        self._clock = clock
        self._announce = announce or Multicast
        self._announced: Deferred[Announced | None] = succeed(None)

    def startService(self) -> None:
        """Announce; the start of the program does not wait for it."""
        super().startService()  # type: ignore[no-untyped-call]
        doors = [door for port in self._ports if (door := port.door)]
        due = announcements(doors, lan_addresses(), socket.gethostname())
        if not due:
            _log.warn(
                "not announced: no port can be reached by IPv4 on a network of this "
                "machine; when it has one, start the server again"
            )
            return
        self._announced = self._in_thread(lambda: self._announce(due))
        self._announced.addCallbacks(self._succeeds, self._fails)

    def stopService(self) -> Deferred[None]:
        """Take it back.

        Returns:
            Fires once others were told, or after `PATIENCE`.
        """
        super().stopService()  # type: ignore[no-untyped-call]
        ended: Deferred[Any] = self._announced
        self._announced = succeed(None)
        ended.addCallback(
            lambda announced: announced and self._in_thread(announced.take_back)
        )
        ended.addTimeout(PATIENCE, self._clock)
        return ended.addCallbacks(lambda _: None, self._stays)

    def _succeeds(self, announced: Announced) -> Announced:
        names = " and ".join(map(repr, announced.names))
        _log.info("announced on the local network as {names}", names=names)
        return announced

    def _fails(self, failure: Failure) -> None:
        if failure.check(CancelledError):
            failure.raiseException()
        _log.warn("not announced: {why}; phones need the address", why=_why(failure))

    def _stays(self, failure: Failure) -> None:
        _log.warn(
            "the announcement could not be taken back: {why}; others forget it within "
            "two minutes",
            why=_why(failure),
        )


class Multicast:
    """Announces on the networks that lead to the ports, and on no other; blocks.

    Args:
        due: What to announce.

    Raises:
        OSError: There is no multicast on these networks, or none for us.
    """

    def __init__(self, due: Sequence[Announcement]) -> None:
        self._zeroconf = library()
        networks = sorted({host for each in due for host in each.hosts})
        self._node = self._zeroconf.Zeroconf(
            interfaces=networks, ip_version=self._zeroconf.IPVersion.V4Only
        )
        try:
            self._look()
            self.names = [self._register(each) for each in due]
        except BaseException:
            self._node.close()
            raise

    def take_back(self) -> None:
        """Tell everybody that it is over."""
        self._node.close()

    def _look(self) -> None:
        """Learn which names are taken, from answers to all.

        The library asks for answers to itself alone. Where the system has an mDNS of
        its own, on the same port, they go astray.
        """
        browser = self._zeroconf.ServiceBrowser(
            self._node,
            TYPE,
            handlers=[lambda **_: None],
            question_type=self._zeroconf.DNSQuestionType.QM,
        )
        time.sleep(LOOK)
        browser.cancel()

    def _register(self, due: Announcement) -> str:
        info = self._zeroconf.ServiceInfo(
            TYPE,
            f"{due.name}.{TYPE}",
            port=due.port,
            properties=due.properties,
            parsed_addresses=list(due.hosts),
            # Not the machine's own name: that is announced by the system itself,
            # which would give way to us and take another one.
            server=f"raydel-{secrets.token_hex(4)}.local.",
        )
        self._node.register_service(info, allow_name_change=True)
        return str(info.name).removesuffix(f".{TYPE}")


def _why(failure: Failure) -> str:
    kind = type(failure.value).__name__
    return " ".join(f"{kind}: {failure.getErrorMessage()}".split()).rstrip(": ")
