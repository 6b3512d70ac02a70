"""Whom a client believes that it is the server."""

from __future__ import annotations

import hashlib
import re
from hmac import compare_digest
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from OpenSSL import SSL, crypto
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator
from twisted.internet.ssl import (
    Certificate,
    optionsForClientTLS,
    trustRootFromCertificates,
)
from zope.interface import implementer

_FINGERPRINT: Final = re.compile(r"sha256:((?:[0-9a-f]{2}:?){31}[0-9a-f]{2})")


class Untrusted(ValueError):
    """What was named to be trusted is nothing of the kind; the text says why."""


def authorities(file: str | Path) -> Any:
    """Return those to trust, and nobody else, from a PEM file of certificates.

    Raises:
        Untrusted: There is none in it.
    """
    try:
        found = x509.load_pem_x509_certificates(Path(file).read_bytes())
    except OSError as problem:
        raise Untrusted(f"{file}: {problem.strerror}") from None
    except ValueError:
        raise Untrusted(f"{file}: there is no certificate in it") from None
    pem = serialization.Encoding.PEM
    certificates = [Certificate.loadPEM(each.public_bytes(pem)) for each in found]
    return trustRootFromCertificates(certificates)


def fingerprint_of(text: str) -> bytes:
    """Read a SHA-256 fingerprint, ``sha256:`` and 64 hexadecimal digits.

    Large digits and colons between pairs, as openssl prints them, are fine.

    Raises:
        Untrusted: It is none.
    """
    found = _FINGERPRINT.fullmatch(text.strip().lower())
    if found is None:
        raise Untrusted(
            f"{text!r} is no fingerprint: that is sha256: and 64 digits of 0-9 and a-f;"
            " openssl x509 -noout -fingerprint -sha256 -in FILE shows it"
        )
    return bytes.fromhex(found[1].replace(":", ""))


def trust(
    host: str, *, ca: str | Path | None = None, fingerprint: str | None = None
) -> Any:
    """Return how TLS is begun with a server.

    Without more said, its certificate has to be for its host's name, and vouched for
    by somebody whom this system trusts.

    Args:
        host: What it is called; a number will do.
        ca: A PEM file of those to trust instead.
        fingerprint: Of the one certificate to take, whatever it says: the server's
            own, not its authority's. For certificates made by hand.

    Raises:
        Untrusted: One of them makes no sense, or both are given.
    """
    if fingerprint is None:
        return optionsForClientTLS(host, None if ca is None else authorities(ca))
    if ca is not None:
        raise Untrusted("ca= and fingerprint= are two ways: give one of them")
    return Pinned(host, fingerprint_of(fingerprint))


@implementer(IOpenSSLClientConnectionCreator)
class Pinned:
    """TLS with the one server that has a certificate.

    Args:
        host: What it is called.
        fingerprint: SHA-256 of its certificate, 32 bytes.
    """

    def __init__(self, host: str, fingerprint: bytes) -> None:
        self._host = host
        self._fingerprint = fingerprint
        self._context = SSL.Context(SSL.TLS_METHOD)
        self._context.set_min_proto_version(SSL.TLS1_2_VERSION)
        self._context.set_verify(SSL.VERIFY_PEER, self._is_right)

    def clientConnectionForTLS(  # noqa: N802 - Twisted's name
        self, _: object
    ) -> SSL.Connection:
        """Begin TLS."""
        connection = SSL.Connection(self._context, None)
        if not _is_number(self._host):
            connection.set_tlsext_host_name(self._host.encode("idna"))
        return connection

    def _is_right(
        self, _: SSL.Connection, shown: crypto.X509, __: int, depth: int, ___: int
    ) -> bool:
        """Compare the server's own certificate; who vouches for it is all one."""
        if depth > 0:
            return True
        der = crypto.dump_certificate(crypto.FILETYPE_ASN1, shown)
        return compare_digest(hashlib.sha256(der).digest(), self._fingerprint)


def _is_number(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
