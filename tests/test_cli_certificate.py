"""``python -m raydel certificate``: what it makes, and what it says."""

from __future__ import annotations

import os
import re
from contextlib import redirect_stdout
from datetime import UTC, datetime, timedelta
from io import StringIO
from ipaddress import ip_address
from pathlib import Path
from tempfile import TemporaryDirectory

from cryptography import x509
from twisted.trial.unittest import SynchronousTestCase

from raydel.addresses import lan_addresses
from raydel.certificates import Certificates, Directory
from raydel.certificates.authority import new_authority
from raydel.cli import certificate

KEYS = ("raydel-key.pem", "raydel-ca.key")


class Making(SynchronousTestCase):
    """Making certificates, in a directory of its own."""

    def setUp(self) -> None:
        """Make room for the files."""
        folder = TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name) / "certificates"

    def run_command(self, *arguments: str) -> str:
        """Call the command, and return what it says."""
        with redirect_stdout(StringIO()) as out:
            certificate.main([f"--directory={self.path}", *arguments])
        return out.getvalue()

    def refusal(self, *arguments: str) -> str:
        """Call the command, and return the one sentence with which it refuses."""
        refused = str(self.assertRaises(SystemExit, self.run_command, *arguments))
        self.assertTrue(refused.startswith("raydel: "), refused)
        self.assertNotIn("\n", refused)
        return refused

    def read(self, name: str) -> x509.Certificate:
        """Read a certificate."""
        return x509.load_pem_x509_certificate((self.path / name).read_bytes())

    def test_names(self) -> None:
        """It is good for this machine's names and addresses, and those given."""
        self.run_command("--name=10.0.2.2", "--name=München.example")
        names = self.read("raydel.pem").extensions.get_extension_for_class(
            x509.SubjectAlternativeName
        )
        hosts = names.value.get_values_for_type(x509.DNSName)
        addresses = names.value.get_values_for_type(x509.IPAddress)
        self.assertIn("localhost", hosts)
        self.assertIn("xn--mnchen-3ya.example", hosts)
        self.assertTrue(any(host.endswith(".local") for host in hosts), hosts)
        for address in ("127.0.0.1", "::1", "10.0.2.2"):
            self.assertIn(ip_address(address), addresses)
        for reached in lan_addresses():
            self.assertIn(ip_address(reached.host), addresses)

    def test_life(self) -> None:
        """It lasts no longer than iPhones allow, and began before slow clocks."""
        self.run_command()
        made = self.read("raydel.pem")
        begins = made.not_valid_before_utc
        self.assertLess(made.not_valid_after_utc - begins, timedelta(days=825))
        self.assertLess(begins, datetime.now(UTC) - timedelta(hours=1))

    def test_authority(self) -> None:
        """Its authority vouches for it, and for no other authority."""
        self.run_command()
        authority = self.read("raydel-ca.crt")
        self.read("raydel.pem").verify_directly_issued_by(authority)
        limits = authority.extensions.get_extension_for_class(x509.BasicConstraints)
        self.assertEqual((True, 0), (limits.value.ca, limits.value.path_length))

    def test_secrets(self) -> None:
        """The keys are for their owner alone, whatever the umask."""
        before = os.umask(0)
        self.addCleanup(os.umask, before)
        self.run_command()
        for name in KEYS:
            self.assertEqual(0o600, (self.path / name).stat().st_mode & 0o777, name)
        self.assertEqual(0o700, self.path.stat().st_mode & 0o777)
        self.assertEqual(4, len(list(self.path.iterdir())))

    def test_is_served(self) -> None:
        """The server takes it as it is, and not its authority."""
        self.run_command()
        chains = Certificates(Directory(self.path)).load().chains
        self.assertEqual([self.read("raydel.pem")], [chain.leaf for chain in chains])

    def test_says_what_to_do(self) -> None:
        """It says for what it is good, until when, and what to do with it on phones."""
        said = self.run_command("--name=10.0.2.2")
        until = self.read("raydel.pem").not_valid_after_utc
        for word in (
            f"{until:%Y-%m-%d}",
            "\n  localhost\n",
            "\n  10.0.2.2\n",
            f"twistd -n raydel --port=tls:3001 --certificates={self.path}\n",
            "Certificate Trust Settings",
            "CA certificate",
            "Firefox",
            str(self.path / "raydel-ca.crt"),
        ):
            self.assertIn(word, said)

    def test_not_over_another(self) -> None:
        """What is there is not overwritten; the sentence says how it would be."""
        self.run_command()
        before = self.read("raydel.pem")
        self.assertIn("--force makes a new one in its place", self.refusal())
        self.assertEqual(before, self.read("raydel.pem"))

    def test_force(self) -> None:
        """A new one is made if wanted; its authority stays, and phones trust it."""
        self.run_command()
        before, authority = self.read("raydel.pem"), self.read("raydel-ca.crt")
        self.run_command("--force")
        made = self.read("raydel.pem")
        self.assertNotEqual(before, made)
        self.assertEqual(authority, self.read("raydel-ca.crt"))
        made.verify_directly_issued_by(authority)

    def test_old_authority(self) -> None:
        """An authority that would end before the certificate is made anew."""
        old = new_authority("Old", timedelta(days=30))
        self.path.mkdir()
        (self.path / "raydel-ca.crt").write_bytes(old.certificate_pem)
        (self.path / "raydel-ca.key").write_bytes(old.key_pem)
        self.run_command()
        authority = self.read("raydel-ca.crt")
        self.assertNotEqual(old.certificate, authority)
        self.read("raydel.pem").verify_directly_issued_by(authority)

    def test_damaged_authority(self) -> None:
        """One that is damaged is not replaced in silence: phones know it."""
        self.run_command()
        (self.path / "raydel-ca.key").write_bytes(b"nonsense")
        self.assertIn("is damaged; remove both", self.refusal("--force"))

    def test_wrong_names(self) -> None:
        """What is neither a host name nor an address is refused."""
        for name in ("", "a b", "https://here", "a..b", "-" * 64, "here:3001"):
            self.assertIn("host name or an IP address", self.refusal(f"--name={name}"))

    def test_wrong_options(self) -> None:
        """What it does not know is refused, abbreviations too."""
        for wrong in ("--nmae=x", "--forc", "stray"):
            self.assertIn("see python -m raydel certificate", self.refusal(wrong))

    def test_unwritable(self) -> None:
        """Where nothing can be written, the place is named."""
        self.path.write_bytes(b"a file in the way")
        self.assertIn(f"{self.path} cannot be written: ", self.refusal())

    def test_help(self) -> None:
        """The help teaches, and says where the server looks."""
        said = re.sub(r"\s+", " ", self.run_command("--help"))
        self.assertIn("usage: python -m raydel certificate ", said)
        self.assertIn("[default: certificates, where the server looks]", said)
        self.assertFalse(self.path.exists())
