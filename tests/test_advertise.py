"""What is announced, and that no trouble with it reaches the program."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import Event
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from raydel import __version__
from raydel.addresses import Door, LanAddress
from raydel.advertise import (
    PATIENCE,
    Announcement,
    Announcer,
    announcements,
    name_of,
)
from raydel.threads import at_once, on_its_own

WIFI = LanAddress("192.168.1.20", "Wi-Fi")
CABLE = LanAddress("10.0.0.7", "eth0")
HERE = Door("127.0.0.1", 3001, is_secure=False)


class Names(SynchronousTestCase):
    """What people see."""

    def test_usual(self) -> None:
        """On the usual port it is the name of the machine, without its domain."""
        self.assertEqual("Raydel on club", name_of("club.example", 3001))

    def test_two_servers(self) -> None:
        """Another server of the same machine has another name, by its port."""
        self.assertEqual("Raydel on club, port 3002", name_of("club", 3002))

    def test_fits(self) -> None:
        """However long the machine's name, all of it fits into a label, whole."""
        name = name_of("ü" * 300, 65535)
        self.assertEqual(f"Raydel on {'ü' * 18}, port 65535", name)
        self.assertLessEqual(len(f"{name}-999".encode()), 63)

    def test_nameless(self) -> None:
        """A machine without a name, or of signs that cannot be shown, has one too."""
        self.assertEqual("Raydel on this network", name_of("", 3001))
        self.assertEqual("Raydel on this network", name_of("\x1b\x07", 3001))


class Announcements(SynchronousTestCase):
    """What is announced."""

    def of(self, *doors: Door) -> list[Announcement]:
        """Return what is announced of ports, in two networks."""
        return announcements(doors, [WIFI, CABLE], "club")

    def test_all_networks(self) -> None:
        """A port on all networks is announced with each address."""
        found = self.of(Door("::", 3001, is_secure=False))
        hosts = ("192.168.1.20", "10.0.0.7")
        self.assertEqual([Announcement("Raydel on club", 3001, hosts, False)], found)

    def test_one_network(self) -> None:
        """A port of one network is announced with its address alone."""
        (found,) = self.of(Door("10.0.0.7", 3001, is_secure=False))
        self.assertEqual(("10.0.0.7",), found.hosts)

    def test_properties(self) -> None:
        """The path, TLS and the version are told."""
        plain, secure = self.of(
            Door("::", 3001, is_secure=False), Door("::", 3443, is_secure=True)
        )
        expected = {"path": "/sync", "tls": "0", "version": __version__}
        self.assertEqual(expected, plain.properties)
        self.assertEqual({**expected, "tls": "1"}, secure.properties)

    def test_this_machine_only(self) -> None:
        """What others cannot reach is not told to them."""
        public = Door("::", 3443, is_secure=True)
        self.assertEqual([3443], [each.port for each in self.of(HERE, public)])
        (alone,) = self.of(HERE)
        self.assertEqual(("127.0.0.1",), alone.hosts)

    def test_nothing(self) -> None:
        """Without a network, or with IPv6 alone, there is nothing to tell."""
        self.assertEqual([], self.of(Door("fd00::1", 3001, is_secure=False)))
        all_networks = Door("0.0.0.0", 3001, is_secure=False)
        self.assertEqual([], announcements([all_networks], [], "club"))


class Port:
    """A port that is open, or not."""

    def __init__(self, door: Door | None) -> None:
        self.door = door


class Air:
    """Records what is announced in it."""

    def __init__(self, trouble: Exception | None = None) -> None:
        self.trouble = trouble
        self.names: list[str] = []

    def announce(self, due: Sequence[Announcement]) -> Air:
        """Announce."""
        if self.trouble is not None:
            raise self.trouble
        self.names = [each.name for each in due]
        return self

    def take_back(self) -> None:
        """Take it back."""
        self.names = []


class Later:
    """Threads that take as long as the test likes."""

    def __init__(self) -> None:
        self.work: list[tuple[Deferred[Any], Callable[[], Any]]] = []

    def __call__(self, work: Callable[[], Any]) -> Deferred[Any]:
        """Take work."""
        done: Deferred[Any] = Deferred()
        self.work.append((done, work))
        return done

    def finish(self) -> None:
        """Do the first of it."""
        done, work = self.work.pop(0)
        done.callback(work())


class Service(SynchronousTestCase):
    """Start and stop."""

    def setUp(self) -> None:
        """Have a port, and a clock."""
        self.clock = Clock()
        self.air = Air()

    def announcer(self, in_thread: Any = at_once, door: Door | None = HERE) -> Any:
        """Make the service."""
        return Announcer([Port(door)], in_thread, self.clock, self.air.announce)

    def test_life(self) -> None:
        """It is announced from the start to the stop, with one line in the log."""
        service = self.announcer()
        with capturedLogs() as logs:
            service.startService()
            self.assertEqual(1, len(self.air.names))
            self.assertIsNone(self.successResultOf(service.stopService()))
        self.assertEqual([], self.air.names)
        (line,) = logs
        self.assertIn("announced on the local network as 'Raydel", formatEvent(line))

    def test_trouble(self) -> None:
        """What cannot be announced is one line in the log, and ends well."""
        self.air.trouble = OSError(19, "No device")
        service = self.announcer()
        with capturedLogs() as logs:
            service.startService()
            self.successResultOf(service.stopService())
        (line,) = logs
        self.assertEqual(
            "not announced: OSError: [Errno 19] No device; phones need the address",
            formatEvent(line),
        )

    def test_no_way(self) -> None:
        """With no port to tell of, that is said."""
        service = self.announcer(door=None)
        with capturedLogs() as logs:
            service.startService()
            self.successResultOf(service.stopService())
        (line,) = logs
        self.assertIn("not announced: no port can be reached", formatEvent(line))

    def test_stop_comes_first(self) -> None:
        """Stopped while it is being announced, it is taken back once it is."""
        threads = Later()
        service = self.announcer(threads)
        service.startService()
        stopped = service.stopService()
        threads.finish()
        self.assertEqual(1, len(self.air.names))
        self.assertNoResult(stopped)
        threads.finish()
        self.assertEqual([], self.air.names)
        self.successResultOf(stopped)

    def test_hangs(self) -> None:
        """What hangs does not hold the end up for long, and is told."""
        for done in (0, 1):
            threads = Later()
            service = self.announcer(threads)
            service.startService()
            if done:
                threads.finish()
            stopped = service.stopService()
            with capturedLogs() as logs:
                self.clock.advance(PATIENCE - 0.01)
                self.assertNoResult(stopped)
                self.clock.advance(0.01)
                self.successResultOf(stopped)
            (line,) = logs
            self.assertIn("could not be taken back: Timeout", formatEvent(line))


class Reactor:
    """Does at once what comes from a thread, and notes that it came."""

    def __init__(self) -> None:
        self.came = Event()

    def callFromThread(self, call: Callable[..., None], *arguments: Any) -> None:
        """Do it."""
        call(*arguments)
        self.came.set()


class OwnThread(SynchronousTestCase):
    """Work in a thread that nobody waits for."""

    def outcome(self, work: Callable[[], Any]) -> Deferred[Any]:
        """Run it to its end."""
        reactor = Reactor()
        done = on_its_own(reactor, work)
        self.assertTrue(reactor.came.wait(3))
        return done

    def test_result(self) -> None:
        """What comes of it is told."""
        self.assertEqual(7, self.successResultOf(self.outcome(lambda: 7)))

    def test_failure(self) -> None:
        """So is what went wrong."""
        done = self.outcome(lambda: int("x"))
        self.assertIsInstance(self.failureResultOf(done).value, ValueError)
