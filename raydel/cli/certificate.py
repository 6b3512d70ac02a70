"""``python -m raydel certificate``: a certificate for development and for a LAN.

No public authority vouches for ``192.168.1.20``. So this makes an authority of one's
own, once, and has it vouch for this machine. Phones are told once to trust it, and
then trust all that it vouches for, also next week's certificate for the addresses on
the next network.

What it takes is `cryptography`, which TLS in Twisted stands on anyway: nothing more
has to be installed. (`trustme` is for tests: its certificates last longer than
iPhones allow, and it keeps no authority for the next time.)
"""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Final, NamedTuple

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from raydel.addresses import lan_addresses
from raydel.certificates import HOME
from raydel.certificates.authority import LASTS, Pair, issue, new_authority
from raydel.cli.parser import Parser

_NAME: Final = re.compile(r"(\*\.)?[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*")

_HELP: Final = """\
Makes a certificate for this machine's names and its addresses on the local network,
and an authority of your own that vouches for it. The server takes it by itself:

  python -m raydel certificate
  twistd -n raydel --port=tls:3001

Phones and browsers have to be told once to trust the authority; how, is printed when
the certificate is made. On another network the machine has other addresses: run this
again there, with --force. The authority remains, so phones need nothing new.

For a server on the internet take a real certificate instead, such as Certbot gets.
"""

_DONE: Final = """\
{certificate} is good until {until} for
  {names}

The server is started with it from this directory by
  twistd -n raydel --port=tls:3001{option}
and takes it up within a minute if it runs already.

Phones and browsers trust it once they trust its authority, {authority}.
That file is no secret: send it by mail, by AirDrop or over a cable, and there

  iPhone, iPad  Open it. Settings > General > VPN & Device Management: install it.
                Then Settings > General > About > Certificate Trust Settings: switch
                it on. Without this second step nothing trusts it.
  Android       Settings > Security > Encryption & credentials > Install a
                certificate > CA certificate: choose it. Browsers trust it then; an
                app does if its network security config trusts "user" certificates,
                as that of a development build may.
  Chrome, Edge  Settings > Privacy and security > Security > Manage certificates:
                import it as a trusted authority. On a Mac, open it in Keychain
                Access instead: Always Trust.
  Firefox       Settings > Privacy & Security > View Certificates > Authorities.
  curl          curl --cacert {authority} https://localhost:3001/health
  Node          NODE_EXTRA_CA_CERTS={authority}

{authority_key} stays on this machine: with it, anybody can pose as any
site to those who trust the authority. When you are done, take it off the phones.
"""


class Places(NamedTuple):
    """The four files. The server reads those that end in ``.pem``."""

    certificate: Path
    key: Path
    authority: Path
    authority_key: Path


def main(arguments: Sequence[str]) -> None:
    """Make the files, and tell what to do with them.

    Args:
        arguments: The options.

    Raises:
        SystemExit: There is a certificate already, or the files cannot be written.
    """
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.help:
        parser.print_help()
        return
    names = [*own_names(), *map(_checked, options.name)]
    try:
        places, made = make(options.directory, names, force=options.force)
    except OSError as problem:
        raise SystemExit(
            f"raydel: {problem.filename} cannot be written: {problem.strerror}"
        ) from None
    elsewhere = options.directory != HOME
    print(
        _DONE.format(
            **places._asdict(),
            until=f"{made.certificate.not_valid_after_utc:%Y-%m-%d}",
            names="\n  ".join(dict.fromkeys(names)),
            option=f" --certificates={options.directory}" if elsewhere else "",
        ),
        end="",
    )


def own_names() -> list[str]:
    """List the names and addresses by which this machine is reached."""
    host = socket.gethostname().lower()
    # Phones and computers find each other by the second, without any server.
    hosts = filter(_NAME.fullmatch, (host, f"{host.partition('.')[0]}.local"))
    addresses = [address.host for address in lan_addresses()]
    return ["localhost", "127.0.0.1", "::1", *hosts, *addresses]


def make(
    directory: Path, names: Iterable[str], *, force: bool = False
) -> tuple[Places, Pair]:
    """Make a certificate; make its authority too, unless there is a good one.

    Args:
        directory: Where to. It is made, for its owner alone, if it is missing.
        names: Host names and addresses.
        force: Whether a certificate that is there may be replaced.

    Returns:
        Where the files are, and the new certificate.

    Raises:
        SystemExit: There is one already, or the authority that is there is damaged.
        OSError: The files cannot be written.
    """
    files = ("raydel.pem", "raydel-key.pem", "raydel-ca.crt", "raydel-ca.key")
    places = Places(*(directory / name for name in files))
    if not force and (places.certificate.exists() or places.key.exists()):
        raise SystemExit(
            f"raydel: there is a certificate in {directory} already; "
            "--force makes a new one in its place"
        )
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    authority = _kept_authority(places) or _own_authority(places)
    pair = issue(authority, names)
    _write(places.key, pair.key_pem, mode=0o600)
    _write(places.certificate, pair.certificate_pem)
    return places, pair


def _parser() -> Parser:
    parser = Parser("certificate", _HELP)
    parser.add_argument(
        "--directory",
        type=Path,
        default=HOME,
        help="where to put the files [default: %(default)s, where the server looks]",
    )
    parser.add_argument(
        "--name",
        action="append",
        default=[],
        help="one more host name or address it is to be good for, such as 10.0.2.2, by"
        " which Android's emulator reaches this machine; may be given several times",
    )
    parser.add_argument(
        "--force",
        action="store_true",
        help="make a new certificate in place of the one that is there",
    )
    return parser


def _checked(name: str) -> str:
    """Write a name or an address as certificates do."""
    try:
        return str(ip_address(name))
    except ValueError:
        pass
    try:
        written = name.encode("idna").decode("ascii").lower()
    except UnicodeError:
        written = ""
    if _NAME.fullmatch(written):
        return written
    raise SystemExit(f"raydel: --name={name}: it is a host name or an IP address")


def _own_authority(places: Places) -> Pair:
    authority = new_authority(f"Raydel on {socket.gethostname()}")
    _write(places.authority_key, authority.key_pem, mode=0o600)
    _write(places.authority, authority.certificate_pem)
    return authority


def _kept_authority(places: Places) -> Pair | None:
    """Read the authority that is there; None if it ends before what is made now."""
    if not (places.authority.exists() and places.authority_key.exists()):
        return None
    try:
        certificate = x509.load_pem_x509_certificate(places.authority.read_bytes())
        secret = places.authority_key.read_bytes()
        key = serialization.load_pem_private_key(secret, None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise SystemExit(
            f"raydel: {places.authority} or its key is damaged; remove both for a new "
            "authority, which phones then have to trust anew"
        )
    lasts = certificate.not_valid_after_utc - datetime.now(UTC)
    return Pair(certificate, key) if lasts > LASTS else None


def _write(path: Path, text: bytes, mode: int = 0o644) -> None:
    """Write a file at once: a server that looks at it sees the old or the new one."""
    new = path.with_name(f".{path.name}.new")
    new.unlink(missing_ok=True)
    handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(handle, "wb") as out:
        out.write(text)
    new.replace(path)
