"""What is in a PEM file: certificates, private keys, and what is of no interest."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization

from raydel.certificates.files import BadCertificate

_BLOCK: Final = re.compile(
    rb"-----BEGIN ([A-Z0-9 ]+)-----.+?-----END \1-----", re.DOTALL
)


class Key(NamedTuple):
    """A private key, and the file it is in."""

    path: Path
    private: Any


def certificates_in(path: Path, text: bytes) -> list[x509.Certificate]:
    """Read the certificates of a file, in their order.

    Raises:
        BadCertificate: One of them is damaged.
    """
    try:
        return [
            x509.load_pem_x509_certificate(block)
            for label, block in _blocks(path, text)
            if label == b"CERTIFICATE"
        ]
    except ValueError as problem:
        raise BadCertificate(f"{path} holds a damaged certificate") from problem


def keys_in(path: Path, text: bytes) -> list[Key]:
    """Read the private keys of a file.

    Raises:
        BadCertificate: One of them is damaged, or nobody is there to unlock it.
    """
    try:
        return [
            Key(path, serialization.load_pem_private_key(block, None))
            for label, block in _blocks(path, text)
            if label.endswith(b"PRIVATE KEY")
        ]
    except TypeError as problem:  # So cryptography asks for a passphrase.
        raise BadCertificate(
            f"the private key in {path} has a passphrase; openssl pkey takes it off"
        ) from problem
    except (ValueError, UnsupportedAlgorithm) as problem:
        raise BadCertificate(f"{path} holds a damaged private key") from problem


def public_key(owner: Any) -> bytes:
    """Return the public key of a certificate or a private key, to compare it."""
    written: bytes = owner.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return written


def _blocks(path: Path, text: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Cut a file into its blocks, each with its label."""
    blocks = [(match[1], match[0]) for match in _BLOCK.finditer(text)]
    if text.count(b"-----BEGIN ") != len(blocks):
        raise BadCertificate(f"{path} breaks off in the middle")
    yield from blocks
