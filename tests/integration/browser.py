"""Chromium, as it is installed on this machine."""

from __future__ import annotations

import shutil
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from playwright.sync_api import Browser, sync_playwright

NAMES = ("chromium", "google-chrome")
"""What the browser is called, by Debian and by those who make it."""

MISSING = "chromium is missing: apt-get install -y --no-install-recommends chromium"

FLAGS = (
    "--headless",
    "--no-sandbox",  # It is often root who runs tests, and the pages are ours.
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-proxy-server",
    # Sites of other names are on this machine too: nothing is looked up.
    "--host-resolver-rules=MAP *.example 127.0.0.1",
)

PATIENCE = 10_000.0
"""ms that any page may take to load, on a busy machine."""


def find_chromium() -> str:
    """Return where the browser is; without one, the module that asks is skipped."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        pytest.skip(MISSING, allow_module_level=True)
    return found


@contextmanager
def running(program: str, certificate: Path) -> Iterator[Browser]:
    """Run a browser that takes this certificate, and no other that it cannot check."""
    trust = f"--ignore-certificate-errors-spki-list={fingerprint(certificate)}"
    with (
        sync_playwright() as playwright,
        playwright.chromium.launch(
            executable_path=program, args=[*FLAGS, trust]
        ) as browser,
    ):
        yield browser


def fingerprint(certificate: Path) -> str:
    """Name the key of a certificate as Chromium does: Base64 of SHA-256."""
    key = x509.load_pem_x509_certificate(certificate.read_bytes()).public_key()
    info = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return b64encode(sha256(info).digest()).decode("ascii")
