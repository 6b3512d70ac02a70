"""Where a server is, as people write it, and whom to trust."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from twisted.trial.unittest import SynchronousTestCase

from raydel.client import NoAddress, Unreadable, Untrusted, connect
from raydel.client.addresses import address
from raydel.client.machine import Kept
from raydel.client.memory import Memory
from raydel.client.trust import authorities, fingerprint_of, trust

DIGITS = "ab" * 32


def fresh_file(case: SynchronousTestCase) -> Path:
    """Return a path at which nothing is; what is put there goes with the test."""
    place = TemporaryDirectory()
    case.addCleanup(place.cleanup)
    return Path(place.name) / "file"


class Addresses(SynchronousTestCase):
    """What is understood, and what is not."""

    def test_understood(self) -> None:
        """All that can be meant is."""
        for text, url in (
            ("ws://192.168.1.20:3001/sync", "ws://192.168.1.20:3001/sync"),
            ("ws://club.example", "ws://club.example:80/sync"),
            ("wss://club.example/", "wss://club.example:443/sync"),
            ("http://192.168.1.20:3001", "ws://192.168.1.20:3001/sync"),
            ("https://club.example/raydel/sync", "wss://club.example:443/raydel/sync"),
            ("192.168.1.20", "ws://192.168.1.20:3001/sync"),
            ("192.168.1.20:4000", "ws://192.168.1.20:4000/sync"),
            ("localhost:3001/sync", "ws://localhost:3001/sync"),
            ("ws://[::1]:3001", "ws://[::1]:3001/sync"),
        ):
            self.assertEqual(url, address(text).url)

    def test_refused(self) -> None:
        """What means nothing is refused, with why."""
        for text, why in (
            ("", "there is no host in it"),
            ("ftp://club.example", "nothing is known of ftp://"),
            ("ws://:3001", "there is no host in it"),
            ("ws://a:99999/", "Port out of range 0-65535"),
            ("ws://me:secret@club.example", "nobody is asked for"),
            ("ws://club.example/sync?a=1", "there is more behind its path"),
            ("club example", "there is a space in it"),
        ):
            problem = self.assertRaises(NoAddress, address, text)
            self.assertIn(why, str(problem))
            self.assertIn("ws://192.168.1.20:3001/sync", str(problem))

    def test_connect_says_it_at_once(self) -> None:
        """Nothing is tried that can mean nothing."""
        self.assertRaises(NoAddress, connect, "ftp://x", "ABC123")
        for words in ({"ca": "x"}, {"fingerprint": f"sha256:{DIGITS}"}):
            self.assertRaises(Untrusted, connect, "ws://x", "ABC123", **words)


class Trust(SynchronousTestCase):
    """Whom to trust."""

    def test_fingerprints(self) -> None:
        """Colons and large digits are fine: so openssl prints them."""
        printed = ":".join(["AB"] * 32)
        for text in (f"sha256:{DIGITS}", f"SHA256:{printed}", f" sha256:{printed}\n"):
            self.assertEqual(bytes.fromhex(DIGITS), fingerprint_of(text))

    def test_no_fingerprints(self) -> None:
        """Anything else is none: it is never compared in part."""
        for text in ("", DIGITS, f"sha1:{DIGITS}", f"sha256:{DIGITS[2:]}", "sha256:"):
            problem = self.assertRaises(Untrusted, fingerprint_of, text)
            self.assertIn("64 digits", str(problem))
        self.assertRaises(Untrusted, fingerprint_of, f"sha256:{DIGITS}00")

    def test_one_way(self) -> None:
        """Both ways at once make no sense."""
        problem = self.assertRaises(
            Untrusted, trust, "x", ca="ca.crt", fingerprint=f"sha256:{DIGITS}"
        )
        self.assertIn("give one of them", str(problem))

    def test_no_authorities(self) -> None:
        """A file without certificates is named, and one that is not there."""
        file = fresh_file(self)
        problem = self.assertRaises(Untrusted, authorities, file)
        self.assertIn("No such file", str(problem))
        file.write_text("hello", "ascii")
        problem = self.assertRaises(Untrusted, authorities, file)
        self.assertIn("there is no certificate in it", str(problem))


class Memories(SynchronousTestCase):
    """What is kept in a file."""

    def setUp(self) -> None:
        """Have a place for it."""
        self.file = fresh_file(self)
        self.kept = Kept("token", 7, "me", "c1")

    def test_recalled(self) -> None:
        """What was kept last is there again."""
        self.assertIsNone(Memory(self.file, "ABC123").recall())
        memory = Memory(self.file, "ABC123")
        memory.keep(Kept("older"))
        memory.keep(self.kept)
        self.assertEqual(self.kept, Memory(self.file, "ABC123").recall())

    def test_of_another_session(self) -> None:
        """What was kept of another session is forgotten."""
        Memory(self.file, "ABC123").keep(self.kept)
        self.assertIsNone(Memory(self.file, "XYZ789").recall())

    def test_something_else(self) -> None:
        """A file of something else is left alone, and that is said."""
        self.file.write_text("my diary", "ascii")
        memory = Memory(self.file, "ABC123")
        problem = self.assertRaises(Unreadable, memory.recall)
        self.assertIn("remove it, or name another file", str(problem))

    def test_written_when_it_changes(self) -> None:
        """What is the same is not written again."""
        memory = Memory(self.file, "ABC123")
        memory.keep(self.kept)
        self.file.unlink()
        memory.keep(Kept("token", 7, "me", "c1"))
        self.assertFalse(self.file.exists())
