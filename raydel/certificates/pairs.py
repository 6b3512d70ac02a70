"""Certificates with their keys: found, checked, and ready for handshakes.

What belongs together is found by what is in the files, not by their names: a key
says which certificate it is for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from cryptography import x509
from OpenSSL import SSL
from twisted.internet.ssl import AcceptableCiphers, CertificateOptions, TLSVersion

from raydel.certificates.files import BadCertificate, Contents
from raydel.certificates.pem import Key, certificates_in, keys_in, public_key

CIPHERS: Final = (
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"
)
"""For TLS 1.2: Mozilla's intermediate list (Server Side TLS 5.7) without DHE. No
phone needs that, and strangers could keep our one thread busy with it while all
others wait (CVE-2002-20001). Those of TLS 1.3 are all good."""

_ciphers: Final = AcceptableCiphers.fromOpenSSLCipherString(CIPHERS)


@dataclass(frozen=True)
class Chain:
    """A certificate as it stands in a file, with those that vouch for it.

    Attributes:
        path: The file.
        leaf: The certificate itself.
        others: Its intermediate certificates.
    """

    path: Path
    leaf: x509.Certificate
    others: tuple[x509.Certificate, ...] = ()

    @property
    def names(self) -> list[str]:
        """The host names and addresses it is good for, in lower case."""
        found = _extension(self.leaf, x509.SubjectAlternativeName)
        if found is None:
            return []
        hosts = found.get_values_for_type(x509.DNSName)
        addresses = found.get_values_for_type(x509.IPAddress)
        return [*map(str.lower, hosts), *map(str, addresses)]

    @property
    def until(self) -> datetime:
        """When it ends."""
        return self.leaf.not_valid_after_utc

    @property
    def is_authority(self) -> bool:
        """Whether it may vouch for others."""
        found = _extension(self.leaf, x509.BasicConstraints)
        return found is not None and found.ca

    def untimely(self, now: datetime) -> str | None:
        """Say what is wrong with its time; None if it is good now."""
        start = self.leaf.not_valid_before_utc
        if self.until <= now:
            return f"the certificate in {self.path} expired on {self.until:%Y-%m-%d}"
        if start > now:
            return f"the certificate in {self.path} is good from {start:%Y-%m-%d} only"
        return None


class Pairs:
    """Certificates with their keys, ready for handshakes. They never change.

    Args:
        pairs: At least one. The first is for who asks for none of their names.

    Attributes:
        chains: The certificates.

    Raises:
        BadCertificate: OpenSSL takes one of them for too weak, or for nonsense.
    """

    def __init__(self, pairs: Sequence[tuple[Chain, Key]]) -> None:
        self.chains = [chain for chain, _ in pairs]
        self._made = [self._make(chain, key) for chain, key in pairs]
        self._by_name: dict[str, CertificateOptions] = {}
        both = zip(self.chains, self._made, strict=True)
        # Of two for one name, the one that lasts longer.
        for chain, made in sorted(both, key=lambda each: each[0].until):
            self._by_name.update(dict.fromkeys(chain.names, made))

    def connection(self, protocol: Any) -> SSL.Connection:
        """Begin a handshake; the name that is asked for is not known yet."""
        return self._made[0].serverConnectionForTLS(protocol)

    def context_for(self, name: bytes | None) -> SSL.Context | None:
        """Choose by the name that a client asks for.

        Returns:
            None for a name that no certificate has: the first one remains.
        """
        host = (name or b"").decode("ascii", "replace").lower()
        _, _, domain = host.partition(".")
        found = self._by_name.get(host) or self._by_name.get(f"*.{domain}")
        return None if found is None else found.getContext()

    def _make(self, chain: Chain, key: Key) -> CertificateOptions:
        # pyOpenSSL takes them as they are now, and warns of classes of its own, which
        # are all that Twisted's annotations know.
        leaf: Any = chain.leaf
        others: list[Any] = list(chain.others)
        try:
            made = CertificateOptions(
                privateKey=key.private,
                certificate=leaf,
                extraCertChain=others,
                raiseMinimumTo=TLSVersion.TLSv1_2,
                acceptableCiphers=_ciphers,
                acceptableProtocols=[b"http/1.1"],
                contextForServerName=self.context_for,
            )
            made.getContext()
        except (SSL.Error, TypeError, ValueError) as problem:
            raise BadCertificate(
                f"OpenSSL refuses the certificate in {chain.path}: {_told(problem)}"
            ) from problem
        return made


def check(contents: Contents, now: float) -> tuple[Pairs, list[str]]:
    """Find the certificates in some files, and the key of each.

    Args:
        contents: The files.
        now: Seconds since the epoch.

    Returns:
        The pairs, and why others are left out whose time is not now.

    Raises:
        BadCertificate: None can be used. Nor can any while one lacks its key: then
            somebody is half way through putting in new files.
    """
    keys: dict[bytes, Key] = {}
    chains: dict[x509.Certificate, Chain] = {}
    for path, text in contents.items():
        keys |= {public_key(key.private): key for key in keys_in(path, text)}
        for leaf, *others in filter(None, [certificates_in(path, text)]):
            chain = Chain(path, leaf, tuple(others))
            # Certbot writes each twice, alone and with what vouches for it.
            known = chains.get(leaf, chain)
            chains[leaf] = max(known, chain, key=lambda each: len(each.others))
    if not chains:
        raise BadCertificate(f"{', '.join(map(str, contents))} holds no certificate")
    return _paired(chains.values(), keys, datetime.fromtimestamp(now, UTC))


def _paired(
    chains: Iterable[Chain], keys: Mapping[bytes, Key], now: datetime
) -> tuple[Pairs, list[str]]:
    """Bring certificates and keys together; authorities need not have one."""
    pairs: list[tuple[Chain, Key]] = []
    untimely: list[str] = []
    keyless: list[Chain] = []
    authorities: list[Chain] = []
    for chain in chains:
        key = keys.get(public_key(chain.leaf))
        problem = chain.untimely(now)
        if key is None and chain.is_authority:
            authorities.append(chain)
        elif problem is not None:
            untimely.append(problem)
        elif key is None:
            keyless.append(chain)
        else:
            pairs.append((chain, key))
    if not (pairs or untimely):
        keyless += authorities
    if keyless:
        raise BadCertificate(_without_key(keyless[0], list(keys.values())))
    if not pairs:
        raise BadCertificate(untimely[0])
    return Pairs(pairs), untimely


def _without_key(chain: Chain, keys: Sequence[Key]) -> str:
    if not keys:
        return f"there is no private key for the certificate in {chain.path}"
    files = ", ".join(sorted({str(key.path) for key in keys}))
    return f"the private key in {files} is not that of the certificate in {chain.path}"


def _extension(certificate: x509.Certificate, kind: type[Any]) -> Any:
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except (x509.ExtensionNotFound, ValueError):
        return None


def _told(problem: Exception) -> str:
    """Return OpenSSL's own words; an error of its has them in a list of tuples."""
    queue = problem.args[0] if problem.args else ()
    if isinstance(problem, SSL.Error) and queue:
        return str(queue[0][-1])
    return str(problem)
