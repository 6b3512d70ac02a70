"""Where this machine can be reached."""

from __future__ import annotations

import ifaddr
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.trial.unittest import SynchronousTestCase

from raydel.addresses import LanAddress, lan_addresses, reaches

WIFI = LanAddress("192.168.1.20", "Wi-Fi")
CABLE = LanAddress("10.0.0.7", "eth0")


def adapter(name: str, *hosts: str) -> ifaddr.Adapter:
    """Make a network interface with IPv4 addresses."""
    return ifaddr.Adapter(name, name, [ifaddr.IP(host, 24, name) for host in hosts])


class Lan(SynchronousTestCase):
    """The addresses of this machine."""

    def test_those_others_see(self) -> None:
        """Each network counts; what leads back to the machine or nowhere does not."""
        adapters = [
            adapter("lo", "127.0.0.1"),
            adapter("Wi-Fi", "192.168.1.20"),
            adapter("eth0", "169.254.3.4", "10.0.0.7"),
        ]
        self.assertEqual([WIFI, CABLE], lan_addresses(adapters))

    def test_no_one_types_ipv6(self) -> None:
        """IPv6 addresses are left out."""
        ip = ifaddr.IP(("fe80::1", 0, 2), 64, "eth0")
        self.assertEqual([], lan_addresses([ifaddr.Adapter("eth0", "eth0", [ip])]))

    def test_this_machine(self) -> None:
        """The machine itself can be asked."""
        self.assertNotIn("127.0.0.1", [each.host for each in lan_addresses()])


class Ways(SynchronousTestCase):
    """The ways to a listening port."""

    def test_all_networks(self) -> None:
        """A port on all networks is reached at each address, by ws and http."""
        expected = [
            {
                "websocket": "ws://192.168.1.20:3001/sync",
                "rest": "http://192.168.1.20:3001",
                "note": " (Wi-Fi)",
            },
            {
                "websocket": "ws://10.0.0.7:3001/sync",
                "rest": "http://10.0.0.7:3001",
                "note": " (eth0)",
            },
        ]
        for bound in (
            IPv6Address("TCP", "::", 3001),
            IPv4Address("TCP", "0.0.0.0", 3001),
        ):
            self.assertEqual(expected, reaches(bound, secure=False, lan=[WIFI, CABLE]))

    def test_one_network(self) -> None:
        """A port on one address is reached there, and nowhere else."""
        bound = IPv4Address("TCP", "10.0.0.7", 3001)
        (way,) = reaches(bound, secure=False, lan=[WIFI, CABLE])
        self.assertEqual("ws://10.0.0.7:3001/sync", way["websocket"])
        self.assertEqual("", way["note"])

    def test_secure(self) -> None:
        """A port with TLS is reached by wss and https."""
        (way,) = reaches(IPv6Address("TCP", "::", 3443), secure=True, lan=[WIFI])
        self.assertEqual("wss://192.168.1.20:3443/sync", way["websocket"])
        self.assertEqual("https://192.168.1.20:3443", way["rest"])

    def test_ipv6_address(self) -> None:
        """An IPv6 address stands in brackets."""
        (way,) = reaches(IPv6Address("TCP", "fd00::1", 3001), secure=False, lan=[WIFI])
        self.assertEqual("ws://[fd00::1]:3001/sync", way["websocket"])

    def test_no_network(self) -> None:
        """A machine without a network says so."""
        (way,) = reaches(IPv6Address("TCP", "::", 3001), secure=False, lan=[])
        self.assertEqual("ws://127.0.0.1:3001/sync", way["websocket"])
        self.assertIn("no network", way["note"])

    def test_no_port(self) -> None:
        """A UNIX socket cannot be typed into a phone."""
        self.assertEqual([], reaches(UNIXAddress("/run/x"), secure=False, lan=[WIFI]))
