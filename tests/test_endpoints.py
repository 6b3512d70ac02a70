"""Where the server listens, and what happens when it cannot."""

from __future__ import annotations

import errno
import signal
import sys
from io import StringIO
from pathlib import Path
from typing import Any

from twisted.internet.address import IPv4Address, UNIXAddress
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import (
    IAddress,
    IListeningPort,
    IProtocolFactory,
    IStreamServerEndpoint,
)
from twisted.internet.protocol import Factory
from twisted.internet.testing import MemoryReactor
from twisted.logger import capturedLogs, formatEvent
from twisted.protocols.haproxy._wrapper import HAProxyWrappingFactory
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from raydel.addresses import Door
from raydel.certificates import Certificates, Directory
from raydel.certificates.authority import issue, new_authority
from raydel.certificates.files import Contents
from raydel.endpoints import PortService, Unservable, resolve, speaks_own_tls

BUSY = CannotListenError("", 3001, OSError(errno.EADDRINUSE, "in use"))
NONE = Certificates(Directory(Path("nowhere")))


class FakeSource:
    """One certificate, in memory."""

    def read(self) -> Contents:
        """Make it."""
        pair = issue(new_authority("Test"), ["localhost"])
        return {Path("here.pem"): pair.certificate_pem + pair.key_pem}


@implementer(IListeningPort)
class FakePort:
    """A listening port that records whether it still listens."""

    def __init__(self, address: IAddress) -> None:
        self.address = address
        self.listens = True

    def startListening(self) -> None:
        """Listen; it does so already."""

    def stopListening(self) -> Deferred[None]:
        """Stop listening."""
        self.listens = False
        return succeed(None)

    def getHost(self) -> IAddress:
        """Return what it is bound to."""
        return self.address


@implementer(IStreamServerEndpoint)
class FakeEndpoint:
    """An endpoint that answers as it was told, and counts who asks."""

    def __init__(self, answer: Deferred[Any]) -> None:
        self.answer = answer
        self.asked = 0

    def listen(self, protocolFactory: IProtocolFactory) -> Deferred[IListeningPort]:
        """Give the answer."""
        self.asked += 1
        return self.answer


def service(answer: Deferred[Any], description: str = "3001") -> PortService:
    """Make a port service whose endpoint answers like this."""
    return PortService(description, FakeEndpoint(answer), Factory())


class Descriptions(SynchronousTestCase):
    """What a description means."""

    def listen(self, description: str) -> tuple[int, str]:
        """Listen there, and return port and interface."""
        reactor = MemoryReactor()
        self.successResultOf(resolve(description, reactor, NONE).listen(Factory()))
        ((port, _, _, interface),) = reactor.tcpServers
        return port, interface

    def test_number(self) -> None:
        """A number listens on all networks, by whatever IP versions there are."""
        port, interface = self.listen("3001")
        self.assertEqual(3001, port)
        self.assertIn(interface, ("::", ""))

    def test_description(self) -> None:
        """All of Twisted's descriptions are understood."""
        self.assertEqual(
            (3002, "127.0.0.1"), self.listen("tcp:3002:interface=127.0.0.1")
        )

    def assert_refused(self, expected: str, description: str) -> None:
        """Check the one sentence."""
        refusal = str(
            self.assertRaises(SystemExit, resolve, description, MemoryReactor(), NONE)
        )
        self.assertTrue(refusal.startswith(f"raydel: --port={description}: "), refusal)
        self.assertNotIn("\n", refusal)
        self.assertIn(expected, refusal)

    def test_nonsense(self) -> None:
        """What means nothing is refused with an example of what does."""
        for description in ("abc", "-1", "30x1", "tcp:abc", "tcp:1:2:3:4:5:6", "", "٣"):
            self.assert_refused("such as tcp:3001:interface=127.0.0.1", description)
        for description in ("tls:3001x", "tls:3001:x=y", "haproxy:tls:3001:1:2:3"):
            self.assert_refused("such as tcp:3001:interface=127.0.0.1", description)

    def test_too_high(self) -> None:
        """There are so many ports, and no more."""
        for description in ("65536", "tls:65536", "haproxy:tls:65536"):
            self.assert_refused("ports go up to 65535", description)

    def test_missing_certificate(self) -> None:
        """A file that is not there is named."""
        self.assert_refused("nowhere.pem", "ssl:3443:privateKey=nowhere.pem")

    def test_missing_socket(self) -> None:
        """A socket that systemd did not hand over is refused, with TLS or without."""
        for description in (
            "systemd:domain=INET:index=9",
            "systemd:domain=INET:name=x",
        ):
            self.assert_refused("no such socket", description)
            self.assert_refused("no such socket", f"tls:{description}")


class Doors(SynchronousTestCase):
    """Where phones come in, for whoever tells them."""

    def door(self, description: str, address: IAddress) -> Door | None:
        """Return the door of a port that listens."""
        port = service(succeed(FakePort(address)), description)
        port.startService()
        return port.door

    def test_numbered(self) -> None:
        """It is what the port is bound to, whoever chose the number."""
        bound = IPv4Address("TCP", "0.0.0.0", 4711)
        for description, secure in (
            ("0", False),
            ("systemd:domain=INET:index=0", False),
            ("tls:0", True),
        ):
            door = self.door(description, bound)
            self.assertEqual(Door("0.0.0.0", 4711, secure), door, description)

    def test_for_a_proxy(self) -> None:
        """Where only a proxy comes there is none for phones."""
        bound = IPv4Address("TCP", "0.0.0.0", 4711)
        self.assertIsNone(self.door("haproxy:tls:3001", bound))
        self.assertIsNone(self.door("unix:/a", UNIXAddress("/a")))

    def test_while_it_listens(self) -> None:
        """Before and after, there is none."""
        listens: Deferred[Any] = Deferred()
        port = service(listens)
        port.startService()
        self.assertIsNone(port.door)
        listens.callback(FakePort(IPv4Address("TCP", "10.0.0.7", 3001)))
        self.assertEqual(Door("10.0.0.7", 3001, is_secure=False), port.door)
        port.stopService()
        self.assertIsNone(port.door)


class Tls(SynchronousTestCase):
    """Ports that speak TLS with certificates we look after."""

    def listen(self, description: str) -> tuple[int, Any, str]:
        """Listen there, and return port, factory and interface."""
        reactor = MemoryReactor()
        endpoint = resolve(description, reactor, Certificates(FakeSource()))
        self.successResultOf(endpoint.listen(Factory()))
        ((port, factory, _, interface),) = reactor.tcpServers
        return port, factory, interface

    def test_number(self) -> None:
        """A number is a port: to Twisted it would be a directory, and listen on 443."""
        port, factory, interface = self.listen("tls:3001")
        self.assertEqual(3001, port)
        self.assertIn(interface, ("::", ""))
        self.assertIsInstance(factory, TLSMemoryBIOFactory)

    def test_interface(self) -> None:
        """It can be narrowed to an address of either kind."""
        port, _, interface = self.listen("tls:3001:interface=127.0.0.1")
        self.assertEqual((3001, "127.0.0.1"), (port, interface))
        port, _, interface = self.listen(r"tls:3001:interface=\:\:1")
        self.assertEqual((3001, "::1"), (port, interface))

    def test_behind_a_proxy(self) -> None:
        """What a proxy says comes before TLS, wherever the port listens."""
        for description in ("haproxy:tls:3001", "haproxy:tls:3001:interface=127.0.0.1"):
            port, factory, _ = self.listen(description)
            self.assertEqual(3001, port)
            self.assertIsInstance(factory, HAProxyWrappingFactory)
            self.assertIsInstance(factory.wrappedFactory, TLSMemoryBIOFactory)

    def test_which(self) -> None:
        """A number or a socket of systemd makes it ours; the rest is Twisted's."""
        for ours in ("tls:1", "tls:1:x", "tls:systemd:x", "haproxy:tls:systemd:x"):
            self.assertTrue(speaks_own_tls(ours), ours)
        for others in ("3001", "tls:pems:3443", "ssl:3443", "haproxy:tcp:1", "tls:"):
            self.assertFalse(speaks_own_tls(others), others)

    def test_no_certificate(self) -> None:
        """Without a certificate, one sentence names the command that makes one."""
        refusal = self.assertRaises(
            SystemExit, resolve, "tls:3001", MemoryReactor(), NONE
        )
        self.assertEqual(
            "raydel: there is no certificate in nowhere: "
            "python -m raydel certificate makes one for development",
            str(refusal),
        )

    def test_read_if_needed(self) -> None:
        """Who needs no certificate needs none to be there."""
        resolve("3001", MemoryReactor(), NONE)
        self.assertFalse(NONE.are_used)


class Listening(SynchronousTestCase):
    """A port while all goes well."""

    def test_runs(self) -> None:
        """It listens once, from the privileged start to the stop."""
        port = FakePort(IPv4Address("TCP", "127.0.0.1", 3001))
        endpoint = FakeEndpoint(succeed(port))
        running = PortService("3001", endpoint, Factory())
        running.privilegedStartService()
        running.startService()
        self.assertEqual(1, endpoint.asked)
        stopped = running.stopService()
        assert stopped is not None
        self.successResultOf(stopped)
        self.assertFalse(port.listens)

    def test_added_to_a_running_program(self) -> None:
        """It listens where nobody starts it with privileges, too."""
        endpoint = FakeEndpoint(succeed(FakePort(UNIXAddress("/run/x"))))
        PortService("unix:/run/x", endpoint, Factory()).startService()
        self.assertEqual(1, endpoint.asked)

    def test_never_started(self) -> None:
        """What never listened has nothing to stop."""
        self.assertIsNone(service(Deferred()).stopService())

    def test_stopped_before_it_listens(self) -> None:
        """An endpoint that takes its time can be given up."""
        slow = service(Deferred())
        slow.startService()
        stopped = slow.stopService()
        assert stopped is not None
        self.successResultOf(stopped)

    def announcement(self, description: str, address: IAddress) -> str:
        """Return what is said once a port listens."""
        with capturedLogs() as events:
            service(succeed(FakePort(address)), description).startService()
        (event,) = events
        return formatEvent(event)

    def test_announcement(self) -> None:
        """It says how phones and people reach it."""
        said = self.announcement("3001", IPv4Address("TCP", "10.0.0.7", 3001))
        self.assertEqual(
            "phones connect to ws://10.0.0.7:3001/sync, "
            "REST is at http://10.0.0.7:3001",
            said,
        )

    def test_secure_announcement(self) -> None:
        """With TLS it says wss, behind a proxy too."""
        address = IPv4Address("TCP", "10.0.0.7", 3443)
        for description in (
            "ssl:3443",
            "tls:3443",
            "tls:systemd:x",
            "haproxy:tls:3443",
        ):
            self.assertIn("wss://10.0.0.7", self.announcement(description, address))

    def test_unix_announcement(self) -> None:
        """A socket without a number is announced as it was asked for."""
        said = self.announcement("unix:/run/x", UNIXAddress("/run/x"))
        self.assertEqual("listening on unix:/run/x", said)


class Refused(SynchronousTestCase):
    """A port that cannot be had."""

    def setUp(self) -> None:
        """Stand in for the terminal."""
        self.terminal = StringIO()
        self.patch(sys, "__stderr__", self.terminal)

    def refusal(self, problem: Exception) -> Unservable:
        """Return what ends the program."""
        with capturedLogs() as events:
            start = service(fail(problem)).startService
            refusal: Unservable = self.assertRaises(Unservable, start)
        self.assertEqual([f"{refusal}\n"], [self.terminal.getvalue()])
        self.assertEqual([str(refusal)], [formatEvent(event) for event in events])
        return refusal

    def test_busy(self) -> None:
        """A busy port ends the program, and the sentence says what to do."""
        refusal = self.refusal(BUSY)
        self.assertEqual(1, refusal.code)
        self.assertTrue(str(refusal).startswith("raydel: port 3001 is taken"), refusal)

    def test_seen_by_a_daemon(self) -> None:
        """What starts a daemon looks for exceptions, and would miss a plain exit."""
        self.assertIsInstance(self.refusal(BUSY), Exception)

    def test_forbidden(self) -> None:
        """A port that needs root says so."""
        problem = CannotListenError("", 80, OSError(errno.EACCES, "denied"))
        self.assertIn("port 80 is not for this user", str(self.refusal(problem)))

    def test_no_such_address(self) -> None:
        """Anything else is told as the system tells it."""
        problem = CannotListenError(
            "9.9.9.9", 1, OSError(errno.EADDRNOTAVAIL, "no one")
        )
        self.assertIn("no one", str(self.refusal(problem)))

    def test_unheard_of(self) -> None:
        """An endpoint of somebody else's may fail in its own way."""
        self.assertIn("no luck", str(self.refusal(ValueError("no\nluck"))))

    def test_late(self) -> None:
        """An endpoint that fails later ends the program as a signal does."""
        signals: list[int] = []
        before = signal.signal(signal.SIGTERM, lambda number, _: signals.append(number))
        self.addCleanup(signal.signal, signal.SIGTERM, before)
        answer: Deferred[Any] = Deferred()
        service(answer).startService()
        self.assertEqual([], signals)
        with capturedLogs():
            answer.errback(BUSY)
        self.assertEqual([signal.SIGTERM], signals)
        self.assertIn("raydel: port 3001 is taken", self.terminal.getvalue())
