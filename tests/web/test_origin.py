"""Which pages may talk to the server."""

from __future__ import annotations

from collections.abc import Iterable

from twisted.trial.unittest import SynchronousTestCase

from raydel.web.origin import host_name, origin_allowed

HOST = "192.168.1.2:3001"


def allowed(origin: str, host: str = HOST, *listed: str) -> bool:
    """Return whether a page of the origin may talk to the host."""
    return origin_allowed(origin, host, frozenset(listed))


def which(origins: Iterable[str], host: str, *listed: str) -> list[str]:
    """Return those of the origins that are allowed."""
    return [each for each in origins if allowed(each, host, *listed)]


class OwnNameTests(SynchronousTestCase):
    def test_any_port_and_scheme(self) -> None:
        """The server's own host name is allowed with every port and scheme."""
        origins = [
            "http://192.168.1.2:3001",
            "https://192.168.1.2",
            "exp://192.168.1.2:19000",
            "http://192.168.1.2:8081",
        ]
        self.assertEqual(origins, which(origins, HOST))

    def test_case(self) -> None:
        """Host names have no case."""
        self.assertTrue(allowed("https://Sync.Club.example", "SYNC.club.EXAMPLE:443"))

    def test_ipv6(self) -> None:
        """An IPv6 address is a name too, in its brackets."""
        self.assertTrue(allowed("http://[fe80::1]:8081", "[fe80::1]:3001"))
        self.assertFalse(allowed("http://[fe80::2]:8081", "[fe80::1]:3001"))

    def test_others(self) -> None:
        """No other name is the server's own, however much it looks like it."""
        strangers = [
            "http://192.168.1.20",
            "http://192.168.1.2.evil.example",
            "http://evil.example/192.168.1.2",
            "http://192.168.1.2@evil.example",
            "http://evil.example#192.168.1.2",
            "http://evil.example\\192.168.1.2",
            "192.168.1.2",
            "http://192.168.1.2:port",
            "http://192.168.1.2\n",
            "null",
            "",
        ]
        self.assertEqual([], which(strangers, HOST))


class ListedTests(SynchronousTestCase):
    def test_listed(self) -> None:
        """A listed origin is allowed, a neighbour of it is not."""
        self.assertTrue(allowed("https://club.example", HOST, "https://club.example"))
        strangers = ["http://club.example", "https://club.example:8443"]
        self.assertEqual([], which(strangers, HOST, "https://club.example"))

    def test_default_port(self) -> None:
        """A port that goes without saying may be listed or not."""
        self.assertTrue(
            allowed("https://club.example", HOST, "https://club.example:443")
        )

    def test_star(self) -> None:
        """`*` allows everything, also what has no name."""
        self.assertTrue(allowed("https://elsewhere.example", HOST, "*"))
        self.assertTrue(allowed("null", HOST, "*"))

    def test_null(self) -> None:
        """`null` is allowed if it is listed, and by nothing else."""
        self.assertTrue(allowed("null", HOST, "null"))
        self.assertFalse(allowed("null", HOST, "https://club.example"))

    def test_not_a_pattern(self) -> None:
        """What is listed is an origin and no pattern."""
        self.assertFalse(allowed("https://clubXexample", HOST, "https://club.example"))


class HostNameTests(SynchronousTestCase):
    def test_names(self) -> None:
        """The port and a last dot are no part of a name."""
        self.assertEqual("club.example", host_name("Club.example.:3001"))
        self.assertEqual("[::1]", host_name("[::1]:3001"))
        self.assertEqual("my_host", host_name("my_host"))

    def test_no_names(self) -> None:
        """What cannot be a name is none."""
        for header in ("", "a..b", "a b", "a/b", "x" * 64, "é.example", "a:b:c", "a\n"):
            self.assertIsNone(host_name(header), header)
