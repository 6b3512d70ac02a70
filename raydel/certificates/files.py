"""Where certificates and keys lie.

Files are read whole at each look, a few kilobytes: to compare what is in them misses
no change, and what is checked is what was compared.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from raydel.core.config import Config

MAKE_ONE: Final = "python -m raydel certificate makes one for development"

HOME: Final = Path("certificates")
"""Where certificates are looked for, and made, when nobody says where."""

Contents = Mapping[Path, bytes]
"""What is in the files, in the order in which they count."""


class BadCertificate(Exception):
    """Certificates that cannot be used; its words say why, in half a sentence."""


class Source(Protocol):
    """Where certificates and keys come from."""

    def read(self) -> Contents:
        """Read all there is.

        Raises:
            BadCertificate: There is nothing, or it cannot be read.
        """


@dataclass(frozen=True)
class Files:
    """A certificate and its key, in two files or in one.

    Attributes:
        certificate: With its intermediate certificates behind it.
        private_key: May be the same file.
    """

    certificate: Path
    private_key: Path

    def read(self) -> Contents:
        """Read both."""
        return {path: _read(path) for path in (self.certificate, self.private_key)}


@dataclass(frozen=True)
class Directory:
    """A directory with any number of certificates and keys.

    What ends in ``.pem`` counts, there and one level below: so Certbot keeps them.

    Attributes:
        path: The directory.
    """

    path: Path

    def read(self) -> Contents:
        """Read all, ordered by name."""
        try:
            found = sorted(self._found())
        except FileNotFoundError:
            found = []
        except OSError as problem:
            raise _unreadable(self.path, problem) from problem
        if not found:
            raise BadCertificate(f"there is no certificate in {self.path}: {MAKE_ONE}")
        return {path: _read(path) for path in found}

    def _found(self) -> Iterator[Path]:
        for path in self.path.iterdir():
            if not path.name.startswith("."):
                within = path.iterdir() if path.is_dir() else (path,)
                yield from (each for each in within if each.suffix == ".pem")


def source_of(config: Config, environ: Mapping[str, str] = os.environ) -> Source:
    """Find out where the certificates are to come from.

    Paths are made absolute, for a daemon may change its directory.

    Args:
        config: What the operator chose.
        environ: Where systemd tells of the credentials it hands over.
    """
    if config.certificate is not None:
        key = config.private_key or config.certificate
        return Files(config.certificate.absolute(), key.absolute())
    if config.certificates is not None:
        return Directory(config.certificates.absolute())
    credentials = environ.get("CREDENTIALS_DIRECTORY")
    if credentials and any(Path(credentials).glob("*.pem")):
        return Directory(Path(credentials))
    return Directory(HOME.absolute())


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError as problem:
        raise BadCertificate(f"there is no file {path}: {MAKE_ONE}") from problem
    except OSError as problem:
        raise _unreadable(path, problem) from problem


def _unreadable(path: Path, problem: OSError) -> BadCertificate:
    return BadCertificate(f"{path} cannot be read: {problem.strerror}")
