"""What is said of firewalls, from what their own commands print."""

from __future__ import annotations

from typing import Final

from twisted.trial.unittest import SynchronousTestCase

from raydel.doctor import Finding, PortFacts, Verdict
from raydel.firewall import judge

PORT: Final = PortFacts(3001)
TRY_AT: Final = "http://192.168.1.20:3001/health"

UFW: Final = """\
Status: active

To                         Action      From
--                         ------      ----
22/tcp                     ALLOW       Anywhere
{}
"""

FIREWALLD: Final = """\
public (active)
  target: default
  interfaces: eth0
  services: dhcpv6-client ssh
  ports: {}
"""

NFTABLES: Final = """\
table inet filter {{
    chain input {{
        type filter hook input priority filter; policy drop;
        iif "lo" accept
        {}
    }}
    chain forward {{
        type filter hook forward priority filter; policy drop;
    }}
}}
"""


class Firewall(SynchronousTestCase):
    """The finding for one port."""

    def judged(self, lists: dict[str, str | None], facts: PortFacts = PORT) -> Finding:
        """Judge, and check that the finding is one line about the port."""
        finding = judge(facts, lists, TRY_AT)
        self.assertNotIn("\n", finding.what)
        self.assertIn("3001", finding.what)
        return finding

    def test_shut(self) -> None:
        """One that is on, and silent about the port, is told with its remedy."""
        for kind, text, remedy in (
            ("ufw", UFW, "sudo ufw allow 3001/tcp"),
            ("firewalld", FIREWALLD, "--add-port=3001/tcp"),
            ("nftables", NFTABLES, "tcp dport 3001 accept"),
        ):
            finding = self.judged({kind: text.format("")})
            self.assertEqual(Verdict.WARNING, finding.verdict)
            self.assertIn(remedy, finding.what)

    def test_another_port(self) -> None:
        """30010 is not 3001."""
        finding = self.judged({"ufw": UFW.format("30010/tcp  ALLOW  Anywhere")})
        self.assertEqual(Verdict.WARNING, finding.verdict)

    def test_open(self) -> None:
        """One that speaks of the port is believed; certain is only the phone."""
        for kind, text, rule in (
            ("ufw", UFW, "3001/tcp                   ALLOW       Anywhere"),
            ("firewalld", FIREWALLD, "3001/tcp"),
            ("nftables", NFTABLES, "tcp dport 3001 accept"),
        ):
            finding = self.judged({kind: text.format(rule)})
            self.assertEqual(Verdict.OK, finding.verdict)
            self.assertIn(TRY_AT, finding.what)

    def test_off(self) -> None:
        """One that is off, or only forwards, shuts nothing."""
        lists: list[dict[str, str | None]] = [
            {},
            {"ufw": "Status: inactive\n"},
            {"nftables": "chain f { type filter hook forward; policy drop; }"},
            {"firewalld": ""},
        ]
        for each in lists:
            finding = self.judged(each)
            self.assertEqual(Verdict.OK, finding.verdict)
            self.assertIn(TRY_AT, finding.what)

    def test_silent(self) -> None:
        """What tells root only is no proof of anything."""
        finding = self.judged({"nftables": None})
        self.assertEqual(Verdict.WARNING, finding.verdict)
        self.assertIn("sudo", finding.what)

    def test_not_even_from_within(self) -> None:
        """A port that this machine cannot reach itself is shut for certain."""
        facts = PortFacts(3001, unreached=("192.168.1.20",))
        finding = self.judged({}, facts)
        self.assertEqual(Verdict.WRONG, finding.verdict)
        self.assertIn("192.168.1.20", finding.what)

    def test_loopback(self) -> None:
        """What only a proxy on this machine reaches needs no open firewall."""
        finding = self.judged({"ufw": UFW.format("")}, PortFacts(3001, "127.0.0.1"))
        self.assertEqual(Verdict.OK, finding.verdict)
