"""An authority of one's own, and the certificates it vouches for.

What phones ask of a certificate is met here: names in the extension for them, an
elliptic-curve key, a purpose, the identifiers that strict clients look for, and no
longer life than iPhones allow.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import Final, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

LASTS: Final = timedelta(days=800)
"""iPhones trust no certificate that lasts longer than 825 days."""

AUTHORITY_LASTS: Final = timedelta(days=3650)

_SLACK: Final = timedelta(days=1)
"""How far a phone's clock may be behind."""

_LONGEST_NAME: Final = 64
"""Characters of a common name, by the standard; it is only shown."""


class Pair(NamedTuple):
    """A certificate and its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def certificate_pem(self) -> bytes:
        """The certificate as it is written into a file."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        """The key as it is written into a file, without a passphrase."""
        return self.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )


def new_authority(name: str, lasts: timedelta = AUTHORITY_LASTS) -> Pair:
    """Make an authority.

    Args:
        name: What a phone's list of authorities shows.
        lasts: How long it is good.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    subject = _named(name)
    builder = _begun(subject, subject, key, lasts)
    return _signed(builder, key, key, is_authority=True)


def issue(authority: Pair, names: Iterable[str], lasts: timedelta = LASTS) -> Pair:
    """Have an authority vouch for a new key.

    Args:
        authority: Who vouches.
        names: The host names and addresses the key is for; at least one.
        lasts: How long it is good; if negative, it is good no longer.
    """
    names = list(dict.fromkeys(names))
    key = ec.generate_private_key(ec.SECP256R1())
    begun = _begun(_named(names[0]), authority.certificate.subject, key, lasts)
    alternatives = x509.SubjectAlternativeName([_general_name(each) for each in names])
    purpose = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
    builder = begun.add_extension(alternatives, critical=False)
    builder = builder.add_extension(purpose, critical=False)
    return _signed(builder, key, authority.key, is_authority=False)


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:_LONGEST_NAME])])


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _begun(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    lasts: timedelta,
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(min(now, now + lasts) - _SLACK)
        .not_valid_after(now + lasts)
    )


def _signed(
    builder: x509.CertificateBuilder,
    key: ec.EllipticCurvePrivateKey,
    by: ec.EllipticCurvePrivateKey,
    *,
    is_authority: bool,
) -> Pair:
    """Say what the key may do and who vouches for it, and sign."""
    depth = 0 if is_authority else None
    usage = x509.KeyUsage(
        digital_signature=not is_authority,
        key_cert_sign=is_authority,
        crl_sign=is_authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
    own = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(by.public_key())
    whole = (
        builder.add_extension(x509.BasicConstraints(is_authority, depth), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(own, critical=False)
        .add_extension(issuer, critical=False)
    )
    return Pair(whole.sign(by, hashes.SHA256()), key)
