"""``python -m raydel doctor``: looks at this machine, and says what is wrong with it.

Here the facts are collected; `raydel.doctor` and `raydel.firewall` judge them.
"""

from __future__ import annotations

import ctypes
import os
import platform
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, suppress
from datetime import UTC, datetime
from importlib import metadata
from typing import Final

from raydel import doctor, firewall
from raydel.addresses import lan_addresses
from raydel.certificates import BadCertificate, source_of
from raydel.certificates.pairs import check
from raydel.core.config import Config
from raydel.doctor import Finding, PortFacts, Verdict
from raydel.endpoints import speaks_own_tls
from raydel.listeners import holder
from raydel.options import Options
from raydel.store.look import look

_HELP: Final = """\
usage: python -m raydel doctor [options of the server]

Looks at this machine as the server would with these options, and says, one line
each, what is well (ok), what may be trouble (warning), and what keeps the server
from working (wrong). Nothing is changed. It ends with code 1 if anything is wrong.

The options are those of twistd raydel --help; of an installed service:

  . /etc/raydel/raydel.env
  sudo /opt/raydel/bin/python -m raydel doctor \\
      --store=sqlite:/var/lib/raydel/raydel.sqlite $RAYDEL_OPTIONS

As root it sees more: whose ports are taken, and the rules of the firewall.
"""

_PORT: Final = re.compile(
    r"(?:haproxy:)?(?:(?:tls|ssl|tcp6?):)?(?:port=)?(?P<number>[0-9]+)(?P<rest>:.*)?"
)
_INTERFACE: Final = re.compile(r":interface=((?:\\:|[^:])+)")
_SLEEP: Final = 0.05
_PATIENCE: Final = 2.0
"""Seconds that a command, or a connection to this same machine, may take."""

_TIME_ERROR: Final = 5
"""What adjtimex(2) returns for a clock that nothing keeps right."""


def main(arguments: Sequence[str]) -> None:
    """Print all findings.

    Args:
        arguments: The options of the server.

    Raises:
        SystemExit: With 1 if anything is wrong; an option that makes no sense is.
    """
    if any(word in ("-h", "--help") for word in arguments):
        print(_HELP, end="")
        return
    options = Options()
    options.parseOptions(arguments)
    verdicts = set()
    for finding in examine(options.config):
        print(finding, flush=True)
        verdicts.add(finding.verdict)
    if Verdict.WRONG in verdicts:
        raise SystemExit(1)


def examine(config: Config) -> Iterator[Finding]:
    """Look at everything the server would need with these options."""
    from autobahn.websocket import USES_NVX

    own = [address.host for address in lan_addresses()]
    yield doctor.versions(*_versions())
    yield doctor.native(used=USES_NVX)
    yield doctor.steady_clock(*_ticks())
    yield doctor.wall_clock(datetime.now(UTC), synchronized=_synchronized())
    yield from doctor.store(look(config.store) if config.store else None)
    yield doctor.network(own)
    for description in config.ports:
        yield from _port(description, own)
    if any(map(speaks_own_tls, config.ports)):
        yield from _certificates(config, own)


def _versions() -> tuple[dict[str, str], list[str]]:
    """Return what is installed, and what setup.py asks for, extras aside."""
    installed = {"Python": platform.python_version()}
    try:
        about = metadata.metadata("raydel")
    except metadata.PackageNotFoundError:  # The directory itself is on the path.
        return installed, []
    asked = about.get_all("Requires-Dist") or []
    required = [each for each in asked if "extra ==" not in each]
    for name in filter(None, map(doctor.part, required)):
        with suppress(metadata.PackageNotFoundError):
            installed[name] = metadata.version(name)
    return installed, [f"Python{about['Requires-Python'] or ''}", *required]


def _ticks() -> tuple[float, float, float]:
    before = time.monotonic()
    time.sleep(_SLEEP)
    ticked = time.monotonic() - before
    return _SLEEP, ticked, time.get_clock_info("monotonic").resolution


def _synchronized() -> bool | None:
    """Ask the kernel, which knows it from whatever program sets the clock.

    The structure it fills begins with what is to be changed, and that is nothing.
    """
    try:
        ask = ctypes.CDLL(None).ntp_adjtime
    except (AttributeError, OSError, TypeError):
        return None
    state = ask(ctypes.create_string_buffer(1024))
    return None if state < 0 else state != _TIME_ERROR


def _port(description: str, own: Sequence[str]) -> Iterator[Finding]:
    parts = _PORT.fullmatch(description)
    if parts is None:
        what = f"{description} has no port of its own that could be tried"
        yield Finding(Verdict.OK, what)
        return
    facts = port_facts(int(parts["number"]), _host(parts["rest"] or ""), own)
    finding = doctor.port(facts)
    yield finding
    if finding.verdict is Verdict.OK:
        scheme = "https" if "tls:" in description or "ssl:" in description else "http"
        shown = facts.host or next(iter(own), "this machine")
        try_at = f"{scheme}://{shown}:{facts.number}/health"
        yield firewall.judge(facts, _firewalls(), try_at)


def _host(rest: str) -> str:
    named = _INTERFACE.search(rest)
    return named[1].replace(r"\:", ":") if named else ""


def port_facts(number: int, host: str, own: Sequence[str]) -> PortFacts:
    """Listen for a moment, and see who comes through, or who listens already.

    Args:
        number: The port.
        host: What it is bound to; empty for all networks.
        own: The addresses of this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        probe = socket.create_server((host, number), family=family)
    except OSError as problem:
        return PortFacts(number, host, problem.errno or 0, holder(number))
    asked = () if host else own
    with closing(probe):
        bound = probe.getsockname()[1]
        unreached = tuple(each for each in asked if not _answers(each, bound))
    return PortFacts(number, host, unreached=unreached)


def _answers(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), _PATIENCE).close()
    except OSError:
        return False
    return True


def _firewalls() -> dict[str, str | None]:
    """Ask each kind of firewall that is installed for its list."""
    installed = {k: words for k, words in firewall.LISTS.items() if _path(words[0])}
    return {kind: _output(words) for kind, words in installed.items()}


def _path(program: str) -> str | None:
    """Find a program, also where only root looks for it."""
    return shutil.which(program) or shutil.which(program, path="/usr/sbin:/sbin")


def _output(words: Sequence[str]) -> str | None:
    """Return what a command says; None if it does not speak to the likes of us."""
    command = [_path(words[0]) or words[0], *words[1:]]
    try:
        done = subprocess.run(  # noqa: S603 - the words are our own
            command, capture_output=True, text=True, timeout=_PATIENCE, check=True
        )
    except (OSError, subprocess.SubprocessError):
        # Root is told everything there is: what fails then is not running.
        return "" if os.geteuid() == 0 else None
    return done.stdout


def _certificates(config: Config, own: Sequence[str]) -> Iterator[Finding]:
    now = datetime.now(UTC)
    try:
        pairs, left_out = check(source_of(config).read(), now.timestamp())
    except BadCertificate as problem:
        yield doctor.no_certificate(str(problem))
        return
    for why in left_out:
        yield Finding(Verdict.WARNING, f"{why}: it is left out")
    for chain in pairs.chains:
        yield from doctor.certificate(chain, now, own, _leads(chain.names))


def _leads(names: Sequence[str]) -> Mapping[str, set[str]]:
    return {name: _addresses(name) for name in names if "*" not in name}


def _addresses(name: str) -> set[str]:
    try:
        return {str(found[4][0]) for found in socket.getaddrinfo(name, None)}
    except (OSError, UnicodeError):
        return set()
