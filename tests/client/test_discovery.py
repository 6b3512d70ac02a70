"""How an announcement is read, and what the command says; no network is asked."""

from __future__ import annotations

import sys

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from raydel import cli
from raydel.advertise import TYPE
from raydel.cli.find import NOBODY, lines
from raydel.client import Found, NoDiscovery, discover
from raydel.client.discovery import found_in

TXT = {b"path": b"/sync", b"tls": b"0", b"version": b"1.2.3"}
NAME = f"Raydel on club.{TYPE}"


class Reading(SynchronousTestCase):
    """One announcement."""

    def test_plain(self) -> None:
        """It becomes what connect() takes."""
        expected = Found("Raydel on club", "ws://10.0.0.7:3001/sync", "1.2.3")
        self.assertEqual(expected, found_in(NAME, 3001, ["10.0.0.7"], TXT))

    def test_secure(self) -> None:
        """A port that speaks TLS is a wss:// one."""
        found = found_in(NAME, 3443, ["10.0.0.7"], {**TXT, b"tls": b"1"})
        self.assertEqual("wss://10.0.0.7:3443/sync", found and found.url)

    def test_best_way(self) -> None:
        """An address in our own network goes first, and IPv4 before IPv6."""
        hosts = ["fd00::7", "10.0.0.7", "192.168.1.20"]
        for networks, best in (
            (["192.168.1.5/24"], "192.168.1.20"),
            (["10.0.0.1/8"], "10.0.0.7"),
            ([], "10.0.0.7"),
        ):
            found = found_in(NAME, 3001, hosts, TXT, networks)
            self.assertEqual(f"ws://{best}:3001/sync", found and found.url)

    def test_ipv6(self) -> None:
        """IPv6 will do where there is nothing else; a link's own address will not."""
        hosts = ["fe80::1%eth0", "fd00::7"]
        found = found_in(NAME, 3001, hosts, TXT)
        self.assertEqual("ws://[fd00::7]:3001/sync", found and found.url)
        self.assertIsNone(found_in(NAME, 3001, hosts[:1], TXT))

    def test_little_said(self) -> None:
        """Without a TXT record it is a server without TLS, on the usual path."""
        expected = Found("Raydel on club", "ws://10.0.0.7:3001/sync", "")
        self.assertEqual(expected, found_in(NAME, 3001, ["10.0.0.7"], {b"tls": None}))

    def test_nonsense(self) -> None:
        """What strangers announce neither leads astray nor reaches the terminal."""
        for path in (b"@evil.example/", b"?x", b"/a b"):
            txt = {**TXT, b"path": path}
            self.assertIsNone(found_in(NAME, 3001, ["10.0.0.7"], txt), path)
        txt = {**TXT, b"version": b"\x1b[2J\xff"}
        found = found_in(f"a\x1b]0;b.{TYPE}", 3001, ["10.0.0.7"], txt)
        self.assertEqual(
            Found("a]0;b", "ws://10.0.0.7:3001/sync", "[2J\N{REPLACEMENT CHARACTER}"),
            found,
        )


class Command(SynchronousTestCase):
    """``python -m raydel find``."""

    def test_lines(self) -> None:
        """Each server has a line."""
        found = Found("Raydel on club", "ws://10.0.0.7:3001/sync", "1.2.3")
        expected = ["ws://10.0.0.7:3001/sync  Raydel on club (1.2.3)"]
        self.assertEqual(expected, lines([found]))

    def test_nobody(self) -> None:
        """That there is none is a sentence."""
        refused = self.assertRaises(SystemExit, lines, [])
        self.assertEqual(f"raydel: {NOBODY}", str(refused))

    def test_not_installed(self) -> None:
        """Without the library, both say what to install."""
        self.patch(sys, "modules", {**sys.modules, "zeroconf": None})
        remedy = "needs zeroconf; in a clone, .venv/bin/pip install -e '.[advertise]'"
        refused = self.assertRaises(SystemExit, cli.main, ["find"])
        self.assertIn(f"raydel: find {remedy}", str(refused))
        missing = self.assertRaises(NoDiscovery, discover, Clock())
        self.assertIn(f"discover() {remedy}", str(missing))
