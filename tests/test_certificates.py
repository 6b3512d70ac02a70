"""Certificates: found, checked, chosen and renewed, by real handshakes in memory."""

from __future__ import annotations

import os
import ssl
import warnings
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.logger import capturedLogs, formatEvent
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.trial.unittest import SynchronousTestCase

from raydel.certificates import CHECK_EVERY, Certificates, Renewal
from raydel.certificates.authority import Pair, issue, new_authority
from raydel.certificates.files import (
    BadCertificate,
    Contents,
    Directory,
    Files,
    source_of,
)
from raydel.certificates.pairs import CIPHERS, check
from raydel.core.config import Config

AUTHORITY = new_authority("Test")
OLD = issue(AUTHORITY, ["old.example"])
NEW = issue(AUTHORITY, ["new.example"])
EXPIRED = issue(AUTHORITY, ["expired.example"], timedelta(hours=-1))
NOW = OLD.certificate.not_valid_before_utc.timestamp() + 100_000.0


def whole(pair: Pair, *others: Pair) -> bytes:
    """Write a pair into one file, with those that vouch for it."""
    return b"".join(
        [
            pair.certificate_pem,
            *(each.certificate_pem for each in others),
            pair.key_pem,
        ]
    )


def serial(pair: Pair) -> int:
    """Return what tells one certificate from all others."""
    return pair.certificate.serial_number


class FakeSource:
    """Files that are in memory, or that cannot be read."""

    def __init__(self, *texts: bytes) -> None:
        self.problem: Exception | None = None
        self.put(*texts)

    def put(self, *texts: bytes) -> None:
        """Have these files from now on."""
        self.contents = {Path(f"{at}.pem"): text for at, text in enumerate(texts)}

    def read(self) -> Contents:
        """Read them."""
        if self.problem is not None:
            raise self.problem
        return self.contents


def certificates(*texts: bytes) -> Certificates:
    """Use what is in these files."""
    return Certificates(FakeSource(*texts), lambda: NOW)


class Client:
    """A client whose handshakes need no network.

    Attributes:
        settings: Those of its TLS.
    """

    def __init__(self) -> None:
        self.settings = ssl.create_default_context()
        self.settings.load_verify_locations(
            cadata=AUTHORITY.certificate_pem.decode("ascii")
        )
        self.settings.check_hostname = False

    def shake(self, used: Certificates, name: str | None = None) -> ssl.SSLObject:
        """Shake hands, and return this side of it.

        Raises:
            ssl.SSLError: The server does not want to, or shows something strange.
        """
        factory = TLSMemoryBIOFactory(
            used, False, Factory.forProtocol(Protocol), Clock()
        )
        server, wire = factory.buildProtocol(None), StringTransport()
        assert server is not None
        server.makeConnection(wire)
        inbox, outbox = ssl.MemoryBIO(), ssl.MemoryBIO()
        mine = self.settings.wrap_bio(inbox, outbox, server_hostname=name)
        for _ in range(4):
            try:
                mine.do_handshake()
            except ssl.SSLWantReadError:
                server.dataReceived(outbox.read())
                inbox.write(wire.value())
                wire.clear()
        return mine

    def serial(self, used: Certificates, name: str | None = None) -> int:
        """Shake hands, and return the serial number of the certificate shown."""
        shown = self.shake(used, name).getpeercert(binary_form=True)
        assert shown is not None
        return x509.load_der_x509_certificate(shown).serial_number


class Handshakes(SynchronousTestCase):
    """What is negotiated."""

    def setUp(self) -> None:
        """Have a client, and a server with one certificate."""
        self.client = Client()
        self.used = certificates(whole(OLD))

    def test_trusted(self) -> None:
        """A client that checks everything is content."""
        self.client.settings.check_hostname = True
        self.client.settings.verify_flags |= ssl.VERIFY_X509_STRICT
        done = self.client.shake(self.used, "old.example")
        self.assertEqual("TLSv1.3", done.version())

    def test_ciphers(self) -> None:
        """Each cipher of the list works with the kind of key it is for."""
        rsa_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        for_rsa = certificates(_signed_by_itself(rsa_key))
        self.client.settings.maximum_version = ssl.TLSVersion.TLSv1_2
        self.client.settings.verify_mode = ssl.CERT_NONE
        for cipher in CIPHERS.split(":"):
            self.client.settings.set_ciphers(cipher)
            used = self.used if "ECDSA" in cipher else for_rsa
            chosen = self.client.shake(used).cipher()
            assert chosen is not None
            self.assertEqual((cipher, "TLSv1.2"), chosen[:2])

    def test_weak_ciphers(self) -> None:
        """What is not on the list is refused."""
        self.client.settings.maximum_version = ssl.TLSVersion.TLSv1_2
        for cipher in ("ECDHE-ECDSA-AES128-SHA256", "ECDHE-ECDSA-AES256-SHA"):
            self.client.settings.set_ciphers(cipher)
            with self.assertRaisesRegex(ssl.SSLError, "(?i)handshake.failure"):
                self.client.shake(self.used)

    def test_old_versions(self) -> None:
        """TLS 1.1 is refused."""
        self.client.settings.set_ciphers("ALL:@SECLEVEL=0")
        with warnings.catch_warnings(action="ignore"):
            self.client.settings.minimum_version = ssl.TLSVersion.TLSv1_1
            self.client.settings.maximum_version = ssl.TLSVersion.TLSv1_1
        with self.assertRaisesRegex(ssl.SSLError, "(?i)protocol.version"):
            self.client.shake(self.used)

    def test_http(self) -> None:
        """HTTP/1.1 is all that is spoken: who offers HTTP/2 too gets that."""
        self.client.settings.set_alpn_protocols(["h2", "http/1.1"])
        done = self.client.shake(self.used)
        self.assertEqual("http/1.1", done.selected_alpn_protocol())
        self.client.settings.set_alpn_protocols(["h2"])
        self.assertRaises(ssl.SSLError, self.client.shake, self.used)

    def test_chain(self) -> None:
        """Intermediate certificates are shown, so that clients need not know them."""
        used = certificates(OLD.certificate_pem, whole(OLD, AUTHORITY))
        (chain,) = used.load().chains
        self.assertEqual((AUTHORITY.certificate,), chain.others)
        self.assertEqual(serial(OLD), self.client.serial(used))


class Choice(SynchronousTestCase):
    """Which certificate a client is shown."""

    def setUp(self) -> None:
        """Have certificates for several names."""
        self.wild = issue(AUTHORITY, ["*.club.example"])
        self.used = certificates(whole(OLD), whole(NEW), whole(self.wild))

    def shown(self, name: str | None) -> int:
        """Return the serial number of what a client is shown."""
        return Client().serial(self.used, name)

    def test_by_name(self) -> None:
        """A client is shown the one for the name it asks for, whatever its case."""
        self.assertEqual(serial(NEW), self.shown("new.example"))
        self.assertEqual(serial(OLD), self.shown("old.example"))
        self.assertEqual(serial(NEW), self.shown("NEW.Example"))

    def test_wildcard(self) -> None:
        """A star stands for one label, the first."""
        self.assertEqual(serial(self.wild), self.shown("field-2.club.example"))
        self.assertEqual(serial(OLD), self.shown("a.b.club.example"))
        self.assertEqual(serial(OLD), self.shown("club.example"))

    def test_unknown(self) -> None:
        """Unknown names, and none at all, get the first; no file is read for them."""
        self.used.load()
        source = self.used._source
        assert isinstance(source, FakeSource)
        source.problem = AssertionError("read")
        for name in ("else.example", "192.168.1.20", None):
            self.assertEqual(serial(OLD), self.shown(name))
        for strange in (b"", b".", b"\xff.example", b"*" * 300):
            self.assertIsNone(self.used.load().context_for(strange))

    def test_longest(self) -> None:
        """Of two for one name, the one that lasts longer is shown."""
        short = issue(AUTHORITY, ["new.example"], timedelta(days=2))
        for files in (
            (whole(OLD), whole(NEW), whole(short)),
            (whole(OLD), whole(short), whole(NEW)),
        ):
            self.used = certificates(*files)
            self.assertEqual(serial(NEW), self.shown("new.example"))


class Bad(SynchronousTestCase):
    """What cannot be used, and the words for it."""

    def assert_bad(self, expected: str, *texts: bytes) -> None:
        """Check what is said of some files."""
        bad = self.assertRaises(BadCertificate, certificates(*texts).load)
        self.assertEqual(expected, str(bad))

    def test_mismatch(self) -> None:
        """A key of another certificate is told, with both files."""
        expected = "the private key in 1.pem is not that of the certificate in 0.pem"
        self.assert_bad(expected, OLD.certificate_pem, NEW.key_pem)
        self.assert_bad(
            "the private key in 0.pem, 2.pem is not that of the certificate in 1.pem",
            whole(OLD),
            issue(AUTHORITY, ["x"]).certificate_pem,
            NEW.key_pem,
        )

    def test_no_key(self) -> None:
        """A certificate alone does nothing."""
        expected = "there is no private key for the certificate in 0.pem"
        self.assert_bad(expected, OLD.certificate_pem)
        self.assert_bad(expected, AUTHORITY.certificate_pem)

    def test_no_certificate(self) -> None:
        """A key alone does nothing, nor does a text."""
        self.assert_bad("0.pem, 1.pem holds no certificate", OLD.key_pem, b"Hello")

    def test_expired(self) -> None:
        """One that has expired is told, with the day."""
        day = EXPIRED.certificate.not_valid_after_utc
        expected = f"the certificate in 0.pem expired on {day:%Y-%m-%d}"
        self.assert_bad(expected, whole(EXPIRED))

    def test_too_early(self) -> None:
        """One that is not good yet is told; it may be this machine's clock."""
        early = Certificates(FakeSource(whole(OLD)), lambda: 0.0)
        bad = str(self.assertRaises(BadCertificate, early.load))
        self.assertIn("the certificate in 0.pem is good from 20", bad)

    def test_damaged(self) -> None:
        """What breaks off, or holds nonsense, is told, with the file."""
        half = whole(OLD)[:-40]
        self.assert_bad("0.pem breaks off in the middle", half)
        nonsense = b"-----BEGIN %s-----\nAAAA\n-----END %s-----\n"
        certificate = nonsense % ((b"CERTIFICATE",) * 2)
        self.assert_bad("0.pem holds a damaged certificate", certificate)
        key = nonsense % ((b"PRIVATE KEY",) * 2)
        self.assert_bad("0.pem holds a damaged private key", key)

    def test_passphrase(self) -> None:
        """A key with a passphrase is told: nobody is there to type it."""
        locked = OLD.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"secret"),
        )
        self.assert_bad(
            "the private key in 1.pem has a passphrase; openssl pkey takes it off",
            OLD.certificate_pem,
            locked,
        )

    def test_weak(self) -> None:
        """What OpenSSL takes for too weak is told in its words."""
        weak = rsa.generate_private_key(65537, 1024)  # noqa: S505 - that it is weak
        self.assert_bad(
            "OpenSSL refuses the certificate in 0.pem: ee key too small",
            _signed_by_itself(weak),
        )

    def test_signed_by_itself(self) -> None:
        """One that vouches for itself, as openssl req makes it, can be used."""
        own = new_authority("Own")
        pairs, left_out = check({Path("own.pem"): whole(own)}, NOW)
        self.assertEqual(own.certificate, pairs.chains[0].leaf)
        self.assertEqual([], left_out)

    def test_bystanders(self) -> None:
        """Authorities, keys and parameters that nothing needs do no harm."""
        used = certificates(whole(OLD), AUTHORITY.certificate_pem, NEW.key_pem)
        self.assertEqual(1, len(used.load().chains))

    def test_expired_among_others(self) -> None:
        """One that has expired does not keep the others from being used."""
        with capturedLogs() as events:
            pairs = certificates(whole(EXPIRED), whole(OLD)).load()
        self.assertEqual([OLD.certificate], [chain.leaf for chain in pairs.chains])
        (line,) = map(formatEvent, events)
        self.assertTrue(line.startswith("the certificate in 0.pem expired on "), line)
        self.assertTrue(line.endswith(": it is left out"), line)


class Renewing(SynchronousTestCase):
    """How new certificates take the place of old ones."""

    def setUp(self) -> None:
        """Run with a certificate."""
        self.source = FakeSource(whole(OLD))
        self.used = Certificates(self.source, lambda: NOW)
        self.clock = Clock()
        self.renewal = Renewal(self.used, self.clock)
        self.assertEqual(
            ["certificate for old.example, good until " + self.until(OLD)],
            self.said(self.renewal.startService),
        )

    def tearDown(self) -> None:
        """Stop, and leave no timer behind."""
        self.renewal.stopService()
        self.renewal.stopService()
        self.assertEqual([], self.clock.getDelayedCalls())

    def until(self, pair: Pair) -> str:
        """Write down when a certificate ends."""
        return f"{pair.certificate.not_valid_after_utc:%Y-%m-%d}"

    def said(self, act: object) -> list[str]:
        """Do something, and return the lines logged."""
        assert callable(act)
        with capturedLogs() as events:
            act()
        return [formatEvent(event) for event in events]

    def pass_time(self) -> list[str]:
        """Let some looks go by, and return the lines logged."""
        return self.said(lambda: self.clock.pump([CHECK_EVERY] * 3))

    def serial(self) -> int:
        """Return what a new client is shown."""
        return Client().serial(self.used)

    def test_within_a_minute(self) -> None:
        """A new file is in use within a minute, and said once."""
        self.source.put(whole(NEW))
        lines = self.said(lambda: self.clock.pump([30.0, 29.0]))
        expected = f"certificate for new.example, good until {self.until(NEW)}"
        self.assertEqual([expected], lines)
        self.assertEqual(serial(NEW), self.serial())

    def test_unchanged(self) -> None:
        """As long as nothing changes, nothing is said."""
        self.assertEqual([], self.pass_time())
        self.assertEqual(serial(OLD), self.serial())

    def test_bad(self) -> None:
        """A bad new one changes nothing, and is said once, until it is mended."""
        self.source.put(NEW.certificate_pem, OLD.key_pem)
        (line,) = self.pass_time()
        self.assertEqual(
            "the certificates in use remain: "
            "the private key in 1.pem is not that of the certificate in 0.pem",
            line,
        )
        self.assertEqual(serial(OLD), self.serial())
        self.source.put(NEW.certificate_pem, NEW.key_pem)
        self.assertEqual(1, len(self.pass_time()))
        self.assertEqual(serial(NEW), self.serial())

    def test_expired(self) -> None:
        """One that has expired already is no better than the old one."""
        self.source.put(whole(EXPIRED))
        (line,) = self.pass_time()
        self.assertIn("remain: the certificate in 0.pem expired on", line)
        self.assertEqual(serial(OLD), self.serial())

    def test_gone(self) -> None:
        """Files that are gone for a while are said to be, and so is their return."""
        self.source.problem = BadCertificate("there is nothing")
        self.assertEqual(
            ["the certificates in use remain: there is nothing"], self.pass_time()
        )
        self.source.problem = None
        self.assertEqual(1, len(self.pass_time()))
        self.assertEqual([], self.pass_time())

    def test_surprise(self) -> None:
        """Whatever happens, the looks go on."""
        self.source.problem = RuntimeError("a surprise")
        self.pass_time()
        self.assertEqual(3, len(self.flushLoggedErrors(RuntimeError)))
        self.source.problem = None
        self.source.put(whole(NEW))
        self.pass_time()
        self.assertEqual(serial(NEW), self.serial())

    def test_asked(self) -> None:
        """Who asks is answered at once, also that all is as it was, or still bad."""
        self.source.put(whole(NEW))
        self.assertEqual(1, len(self.said(self.used.reload)))
        self.assertEqual(serial(NEW), self.serial())
        self.assertEqual(1, len(self.said(self.used.reload)))
        self.source.put(b"nothing")
        for _ in range(2):
            (line,) = self.said(self.used.reload)
            self.assertIn("0.pem holds no certificate", line)

    def test_many_names(self) -> None:
        """A line stays a line, however many names there are."""
        names = [f"field-{at}.example" for at in range(9)]
        self.source.put(whole(issue(AUTHORITY, names)))
        (line,) = self.said(self.used.reload)
        self.assertIn("field-4.example and 4 more, good until", line)


class Places(SynchronousTestCase):
    """Where certificates are found."""

    def setUp(self) -> None:
        """Make room for files."""
        folder = TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name)

    def put(self, names: Iterable[str]) -> None:
        """Write some files."""
        for name in names:
            path = self.path / name
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(name.encode())

    def bad(self, path: Path) -> str:
        """Return what is said of a directory that cannot be read."""
        return str(self.assertRaises(BadCertificate, Directory(path).read))

    def test_directory(self) -> None:
        """What ends in .pem counts, there and one level below, by name."""
        self.put(["b.pem", "a.pem", "c/d.pem", "c.crt", "ca.key", ".e.pem", ".f/g.pem"])
        found = Directory(self.path).read()
        expected = [self.path / name for name in ("a.pem", "b.pem", "c/d.pem")]
        self.assertEqual(expected, list(found))
        self.assertEqual(b"a.pem", found[self.path / "a.pem"])

    def test_nothing(self) -> None:
        """Where there is nothing, the command that makes something is named."""
        for path in (self.path, self.path / "nowhere"):
            self.assertEqual(
                f"there is no certificate in {path}: "
                "python -m raydel certificate makes one for development",
                self.bad(path),
            )

    def test_not_a_directory(self) -> None:
        """A file is no directory."""
        self.put(["a.pem"])
        path = self.path / "a.pem"
        self.assertEqual(f"{path} cannot be read: Not a directory", self.bad(path))

    def test_unreadable(self) -> None:
        """A file that may not be read is named."""
        self.put(["a.pem"])
        path = self.path / "a.pem"
        # To root no file is closed, but a link to itself is.
        path.unlink()
        path.symlink_to(path)
        said = str(self.assertRaises(BadCertificate, Files(path, path).read))
        self.assertTrue(said.startswith(f"{path} cannot be read: "), said)

    def test_files(self) -> None:
        """Two files are read, or one that holds both; one that is missing is named."""
        self.put(["a.pem", "b.pem"])
        a, b = self.path / "a.pem", self.path / "b.pem"
        self.assertEqual({a: b"a.pem", b: b"b.pem"}, Files(a, b).read())
        self.assertEqual({a: b"a.pem"}, Files(a, a).read())
        missing = Files(a, self.path / "c.pem")
        said = str(self.assertRaises(BadCertificate, missing.read))
        self.assertIn(f"there is no file {self.path / 'c.pem'}: python -m", said)

    def test_chosen(self) -> None:
        """Who names files or a directory means them; a key may be in the same file."""
        here = Path.cwd()
        one = source_of(Config(certificate=Path("a.pem")), {})
        self.assertEqual(Files(here / "a.pem", here / "a.pem"), one)
        two = Config(certificate=Path("a.pem"), private_key=Path("b.pem"))
        self.assertEqual(Files(here / "a.pem", here / "b.pem"), source_of(two, {}))
        many = source_of(Config(certificates=Path("pems")), {})
        self.assertEqual(Directory(here / "pems"), many)

    def test_not_chosen(self) -> None:
        """Who names nothing means what systemd hands over, or a directory here."""
        here = Directory(Path.cwd() / "certificates")
        self.assertEqual(here, source_of(Config(), {}))
        environ = {"CREDENTIALS_DIRECTORY": os.fspath(self.path)}
        self.assertEqual(here, source_of(Config(), environ))
        self.put(["a.pem"])
        self.assertEqual(Directory(self.path), source_of(Config(), environ))


def _signed_by_itself(key: rsa.RSAPrivateKey) -> bytes:
    """Write an RSA key, and a certificate of it without any names, into one file."""
    name = x509.Name([])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(OLD.certificate.not_valid_before_utc)
        .not_valid_after(OLD.certificate.not_valid_after_utc)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
    return certificate.public_bytes(serialization.Encoding.PEM) + secret
