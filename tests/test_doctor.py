"""What the doctor says: facts go in, findings come out."""

from __future__ import annotations

import errno
import socket
from contextlib import redirect_stdout
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from twisted.trial.unittest import SynchronousTestCase

from raydel import doctor
from raydel.certificates.pairs import Chain
from raydel.cli import doctor as command
from raydel.doctor import Finding, PortFacts, Verdict
from raydel.listeners import Holder
from raydel.options import Options
from raydel.store.look import StoreFacts

NOW: Final = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
OK, WARNING, WRONG = Verdict


def chain(*names: str, days: int = 60) -> Chain:
    """Make a certificate for these names that is good for so many days."""
    key = ec.generate_private_key(ec.SECP256R1())
    itself = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "raydel test")])
    alternatives = x509.SubjectAlternativeName([x509.DNSName(each) for each in names])
    leaf = (
        x509.CertificateBuilder()
        .subject_name(itself)
        .issuer_name(itself)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(NOW - timedelta(days=1))
        .not_valid_after(NOW + timedelta(days=days))
        .add_extension(alternatives, critical=False)
        .sign(key, hashes.SHA256())
    )
    return Chain(Path("cert.pem"), leaf)


class FindingCase(SynchronousTestCase):
    """A test of findings."""

    def found(self, verdict: Verdict, finding: Finding, *words: str) -> None:
        """Check how bad it is, and that what has to be known is said in one line."""
        self.assertEqual(verdict, finding.verdict, finding.what)
        self.assertNotIn("\n", str(finding))
        for word in words:
            self.assertIn(word, finding.what)


class Judgement(FindingCase):
    """One finding for each matter."""

    def test_line(self) -> None:
        """The verdict stands first, and what follows stands in a column."""
        self.assertEqual("ok       fine", str(Finding(OK, "fine")))
        self.assertEqual("warning  hm", str(Finding(WARNING, "hm")))

    def test_versions(self) -> None:
        """What is new enough is listed, Python included."""
        installed = {"Python": "3.13.1", "twisted": "26.10.0"}
        required = ["Python>=3.11", "twisted[tls]>=26.4"]
        finding = doctor.versions(installed, required)
        self.found(OK, finding, "Python 3.13.1", "twisted 26.10.0")

    def test_old_versions(self) -> None:
        """Versions are compared as numbers, and what is missing is too old."""
        installed = {"Python": "3.9.2", "autobahn": "26.9.9"}
        required = ["Python>=3.11", "autobahn>=26.10.1", "klein>=24.8", "odd"]
        self.found(
            WRONG,
            doctor.versions(installed, required),
            "Python 3.9.2 (needs 3.11)",
            "autobahn 26.9.9 (needs 26.10.1)",
            "klein is missing (needs 24.8)",
        )

    def test_part(self) -> None:
        """A requirement is about a part, unless it names no version."""
        self.assertEqual("twisted", doctor.part("twisted[tls]>=26.4"))
        self.assertIsNone(doctor.part("anything"))

    def test_native(self) -> None:
        """Without native code Autobahn works, at a cost."""
        self.found(OK, doctor.native(used=True))
        self.found(WARNING, doctor.native(used=False), "NVX", "pip install")

    def test_steady_clock(self) -> None:
        """A clock that stands still times nothing; a coarse one times badly."""
        self.found(OK, doctor.steady_clock(0.05, 0.051, 1e-9))
        self.found(WRONG, doctor.steady_clock(0.05, 0.0, 1e-9), "0 s in 0.05 s")
        self.found(WARNING, doctor.steady_clock(0.05, 0.05, 0.016), "0.016 s")

    def test_wall_clock(self) -> None:
        """Starts need none that is right; certificates need one that was set."""
        self.found(OK, doctor.wall_clock(NOW, synchronized=True))
        self.found(WARNING, doctor.wall_clock(NOW, synchronized=False), "timedatectl")
        self.found(WARNING, doctor.wall_clock(NOW, synchronized=None), "2026-06-01")
        epoch = datetime(1970, 1, 1, tzinfo=UTC)
        self.found(WRONG, doctor.wall_clock(epoch, synchronized=True), "1970-01-01")

    def test_network(self) -> None:
        """Without an address, no phone comes."""
        self.found(OK, doctor.network(["192.168.1.20"]), "192.168.1.20")
        self.found(WRONG, doctor.network([]))


class Stores(FindingCase):
    """Whether what is to be kept can be."""

    FILE: Final = StoreFacts(Path("/kept/a.sqlite"), free=10**10)

    def judge(self, **facts: Any) -> Finding:
        """Judge a file that is well but for these facts; there is one finding."""
        (finding,) = doctor.store(self.FILE._replace(**facts))
        return finding

    def test_memory(self) -> None:
        """Memory can always be written, and is gone at a restart."""
        (finding,) = doctor.store(None)
        self.found(OK, finding, "memory", "restart")

    def test_well(self) -> None:
        """A file that is whole, or in use, or can be made, is well."""
        self.found(OK, self.judge(), "/kept/a.sqlite is whole")
        self.found(OK, self.judge(is_there=False), "/kept/a.sqlite can be made")
        used = self.judge(is_in_use=True)
        self.found(OK, used, "/kept/a.sqlite is in use by the running server")

    def test_missing_directory(self) -> None:
        """It is named, and not made."""
        finding = self.judge(missing=Path("/kept"), is_there=False, free=None)
        self.found(WRONG, finding, "no directory /kept", "make it", "--store")

    def test_forbidden(self) -> None:
        """What may not be written is named, and who should."""
        finding = self.judge(forbidden=Path("/kept"))
        self.found(WRONG, finding, "read and write /kept", "owner", "--store")

    def test_refused(self) -> None:
        """What a server would say to the file, is said."""
        why = "/kept/a.sqlite is of version 9, written by a newer Raydel"
        self.found(WRONG, self.judge(refusal=why), why)

    def test_unread(self) -> None:
        """What was not looked into, is not called whole."""
        self.found(WARNING, self.judge(is_unread=True), "could not be looked into")

    def test_other_owner(self) -> None:
        """A file that was made by root in another's directory is a trap."""
        facts = self.FILE._replace(owners=("root", "raydel"))
        whole, trap = doctor.store(facts)
        self.found(OK, whole)
        self.found(WARNING, trap, "to root", "to raydel", "chown")
        self.found(OK, self.judge(owners=("raydel", "raydel")))

    def test_full_disk(self) -> None:
        """A disk that is nearly full is told before it is."""
        self.found(OK, self.judge(free=100_000_000))
        full = self.FILE._replace(free=99_900_000)
        for facts in (full, full._replace(is_in_use=True, is_there=False)):
            _, space = doctor.store(facts)
            self.found(WARNING, space, "100 MB", "a.sqlite", "make room")


class Ports(FindingCase):
    """Whether a port can be had."""

    def test_free(self) -> None:
        """One that nobody has is well."""
        self.found(OK, doctor.port(PortFacts(3001)), "3001")

    def test_taken(self) -> None:
        """Who has it is named where that is known, and how to know it elsewhere."""
        taken = PortFacts(3001, "", errno.EADDRINUSE, Holder("node a.js", 7))
        self.found(WRONG, doctor.port(taken), "node a.js (process 7)", "--port")
        nameless = PortFacts(3001, problem=errno.EADDRINUSE)
        self.found(WRONG, doctor.port(nameless), "lsof -nP -iTCP:3001")

    def test_own(self) -> None:
        """A Raydel that runs already is nothing to worry about."""
        own = PortFacts(3001, "", errno.EADDRINUSE, Holder("twistd raydel", 7))
        self.found(OK, doctor.port(own), "twistd raydel (process 7)")

    def test_other_problems(self) -> None:
        """Rights, addresses and what else there may be have words of their own."""
        for problem, word in (
            (errno.EACCES, "below 1024"),
            (errno.EADDRNOTAVAIL, "10.9.9.9 is no address"),
            (errno.ENOBUFS, "ENOBUFS"),
            (0, "port 80"),
        ):
            self.found(WRONG, doctor.port(PortFacts(80, "10.9.9.9", problem)), word)


class Certificates(FindingCase):
    """Whether a certificate is for this machine, and for long enough."""

    OWN: Final = ("192.168.1.20",)

    def judge(self, certificate: Chain, leads: dict[str, set[str]]) -> list[Finding]:
        """Judge it, on a machine with one address."""
        return list(doctor.certificate(certificate, NOW, self.OWN, leads))

    def test_good(self) -> None:
        """A name that leads here is enough."""
        leads = {"raydel.example.org": set(self.OWN)}
        (finding,) = self.judge(chain("raydel.example.org"), leads)
        self.found(OK, finding, "raydel.example.org", "2026-07-31")

    def test_ends_soon(self) -> None:
        """Renewal that has failed for weeks is told before it hurts."""
        finding, *_ = self.judge(chain("a.example", days=13), {})
        self.found(WARNING, finding, "2026-06-14", "certbot")

    def test_for_another_address(self) -> None:
        """None of its names leads here: phones that use the address refuse it."""
        _, finding = self.judge(chain("a.example"), {"a.example": {"203.0.113.5"}})
        self.found(WARNING, finding, "192.168.1.20", "python -m raydel certificate")

    def test_none(self) -> None:
        """What keeps TLS from working is wrong, in the words of who found it."""
        self.found(WRONG, doctor.no_certificate("there is none"), "there is none")


class Command(SynchronousTestCase):
    """``python -m raydel doctor``, on the machine the tests run on."""

    def examine(self, *words: str) -> list[str]:
        """Return the report for such options."""
        options = Options({})
        options.parseOptions(words)
        return [str(each) for each in command.examine(options.config)]

    def listening(self) -> int:
        """Listen, as another program would, and return where."""
        other = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(other.close)
        return int(other.getsockname()[1])

    def test_taken(self) -> None:
        """A taken port is found, and ends the command with code 1."""
        option = f"--port=tcp:{self.listening()}:interface=127.0.0.1"
        with redirect_stdout(StringIO()) as out:
            refusal = self.assertRaises(SystemExit, command.main, [option])
        self.assertEqual(1, refusal.code)
        self.assertIn("is taken by", out.getvalue())

    def test_well(self) -> None:
        """On a machine that runs these tests, the parts are well."""
        report = "\n".join(self.examine("--port=tcp:0:interface=127.0.0.1"))
        self.assertIn("ok       the monotonic clock", report)
        self.assertIn("ok       port 0 can be had", report)
        self.assertNotIn("certificate", report)

    def test_store(self) -> None:
        """The file that the server would use is looked at, and left alone."""
        with TemporaryDirectory() as folder:
            file = Path(folder).resolve() / "a.sqlite"
            report = self.examine("--port=unix:a", f"--store=sqlite:{file}")
            self.assertIn(f"ok       {file} can be made", "\n".join(report))
            self.assertFalse(file.exists())

    def test_memory(self) -> None:
        """Memory is no file."""
        report = self.examine("--port=unix:a", "--store=memory:")
        self.assertIn("ok       sessions and takes are in memory", "\n".join(report))

    def test_interface(self) -> None:
        """The address of a description is tried, and not another."""
        report = self.examine("--port=haproxy:tcp:0:interface=203.0.113.9")
        self.assertIn("wrong    203.0.113.9 is no address of this machine", report[-1])

    def test_no_port_of_its_own(self) -> None:
        """What is no TCP port is not tried."""
        report = self.examine("--port=unix:/run/raydel.sock")
        self.assertIn("unix:/run/raydel.sock has no port of its own", report[-1])

    def test_certificates(self) -> None:
        """A port with TLS is in need of certificates, and the reason is told."""
        with TemporaryDirectory() as folder:
            report = self.examine("--port=tls:0", f"--certificates={folder}")
        self.assertTrue(report[-1].startswith("wrong    there is no certificate in"))

    def test_wrong_option(self) -> None:
        """An option the server would refuse is refused here, too."""
        refusal = self.assertRaises(SystemExit, command.main, ["--lead=soon"])
        self.assertIn("--lead=soon", str(refusal))
