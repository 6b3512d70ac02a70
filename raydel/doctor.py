"""What is wrong with a machine that Raydel is to run on: facts to findings.

Nothing here looks at the machine; `raydel.cli.doctor` does, and hands the facts in.
Each function judges one matter, and says only what its facts prove. What cannot be
seen from here is a warning that names the command, or the place, where it can.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final

from raydel.certificates.pairs import Chain
from raydel.listeners import Holder
from raydel.store.look import StoreFacts


class Verdict(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"
    WRONG = "wrong"


@dataclass(frozen=True)
class Finding:
    """One line of the report.

    Attributes:
        verdict: How bad it is.
        what: What was found, and what to do about it.
    """

    verdict: Verdict
    what: str

    def __str__(self) -> str:
        return f"{self.verdict:<8} {self.what}"


@dataclass(frozen=True)
class PortFacts:
    """What came of an attempt to listen.

    Attributes:
        number: The port.
        host: The address it is bound to; empty for all networks.
        problem: The number of the system's error; None if it can be had.
        holder: Who has it, if that is known.
        unreached: Addresses of this machine at which it does not answer itself.
    """

    number: int
    host: str = ""
    problem: int | None = None
    holder: Holder | None = None
    unreached: Sequence[str] = ()


_SOON: Final = timedelta(days=14)
"""Certbot renews a month before the end: by then, it has failed many times."""

_RELEASED: Final = datetime(2026, 1, 1, tzinfo=UTC)
"""A clock that shows less was never set, or has lost its battery."""

_COARSE: Final = 0.001
"""Seconds: the finest a start has to be told to a phone."""

_ROOM: Final = 100_000_000
"""Bytes of a disk: years of takes, but whatever has filled it so far goes on."""

_REQUIREMENT: Final = re.compile(r"([\w.-]+)(?:\[[^]]*\])?>=([0-9.]+)")
_NUMBERS: Final = re.compile(r"[0-9]+")


def versions(installed: Mapping[str, str], required: Iterable[str]) -> Finding:
    """Judge whether all parts are as new as they have to be.

    Args:
        installed: The version of each part, Python included, by its name.
        required: What each has to be, in the form ``name[extra]>=1.2``.
    """
    needs = [found for text in required if (found := _REQUIREMENT.match(text))]
    old = [
        f"{name} {installed.get(name, 'is missing')} (needs {least})"
        for name, least in (need.groups() for need in needs)
        if _numbers(installed.get(name, "")) < _numbers(least)
    ]
    if old:
        return _wrong(f"too old: {', '.join(old)}: pip install --upgrade raydel")
    known = ", ".join(f"{name} {version}" for name, version in installed.items())
    return _ok(f"new enough: {known}")


def part(requirement: str) -> str | None:
    """Return whose version a requirement is about; None if about none."""
    found = _REQUIREMENT.match(requirement)
    return found and found[1]


def native(*, used: bool) -> Finding:
    """Judge how Autobahn checks UTF-8 and takes masks off."""
    if used:
        return _ok("Autobahn uses its native code")
    return _warning(
        "Autobahn runs without its native code (NVX), at several times the cost for "
        "each message: unset AUTOBAHN_USE_NVX, or install a wheel of it: "
        "pip install --force-reinstall --only-binary=autobahn autobahn"
    )


def steady_clock(slept: float, ticked: float, resolution: float) -> Finding:
    """Judge the clock that starts are timed by.

    Args:
        slept: Seconds that were asked for.
        ticked: Seconds by which the monotonic clock went on meanwhile.
        resolution: Seconds of one of its steps.
    """
    if ticked < slept / 2:
        return _wrong(
            f"the monotonic clock went on by {ticked:g} s in {slept:g} s: no start can "
            "be timed on this machine; if it is a virtual one, restart it"
        )
    if resolution > _COARSE:
        return _warning(f"the monotonic clock goes in steps of {resolution:g} s")
    return _ok("the monotonic clock, which starts are timed by, runs")


def wall_clock(now: datetime, *, synchronized: bool | None) -> Finding:
    """Judge the clock that people read.

    Args:
        now: What it shows.
        synchronized: Whether the system says that it is kept right; None if it
            does not say.
    """
    if now < _RELEASED:
        return _wrong(
            f"the wall clock shows {now:%Y-%m-%d}: certificates are refused, and times "
            "in takes are wrong; set it: sudo timedatectl set-ntp true"
        )
    if synchronized is None:
        return _warning(
            f"the wall clock shows {now:%Y-%m-%d %H:%M} UTC; nothing here tells "
            "whether it is kept right"
        )
    if not synchronized:
        return _warning(
            f"the wall clock shows {now:%Y-%m-%d %H:%M} UTC and is not synchronized; "
            "starts do not need it, times in logs and takes do: "
            "sudo timedatectl set-ntp true"
        )
    return _ok("the wall clock is synchronized")


def store(facts: StoreFacts | None) -> Iterator[Finding]:
    """Judge where sessions and takes are kept.

    Args:
        facts: What there is to see of the file; None for memory.
    """
    if facts is None:
        yield _ok("sessions and takes are in memory: a restart forgets them")
        return
    yield _file(facts)
    if facts.owners and len(set(facts.owners)) > 1:
        owner, keeper = facts.owners
        yield _warning(
            f"{facts.file} belongs to {owner}, and its directory to {keeper}: whoever "
            "the server runs as has to be able to write both; sudo chown gives it away"
        )
    if facts.free is not None and facts.free < _ROOM:
        yield _warning(
            f"only {facts.free / 1e6:.0f} MB are free where {facts.file.name} is: on a "
            "full disk nothing can be recorded; make room"
        )


def _file(facts: StoreFacts) -> Finding:
    file = facts.file
    if unusable := _unusable(facts):
        return _wrong(unusable)
    if facts.is_in_use:
        return _ok(
            f"{file} is in use by the running server; a second one needs a file of its "
            "own: --store"
        )
    if facts.is_unread:
        return _warning(
            f"{file} could not be looked into: there is too much of it for a copy; the "
            "server itself looks at its start"
        )
    if facts.is_there:
        return _ok(f"{file} is whole; sessions and takes are kept there")
    return _ok(f"{file} can be made; sessions and takes will be kept there")


def _unusable(facts: StoreFacts) -> str | None:
    if facts.missing:
        return (
            f"there is no directory {facts.missing}: make it, or choose another file "
            "with --store"
        )
    if facts.forbidden:
        return (
            f"this user may not read and write {facts.forbidden}: let the server run "
            "as its owner, or choose another file with --store"
        )
    return facts.refusal


def port(facts: PortFacts) -> Finding:
    """Judge whether a port can be had."""
    number, holder = facts.number, facts.holder
    if facts.problem is None:
        return _ok(f"port {number} can be had")
    if facts.problem == errno.EADDRINUSE and _is_ours(holder):
        return _ok(f"port {number} is Raydel's already: {holder}")
    if facts.problem == errno.EADDRINUSE:
        who = holder or (
            "another program, or by Raydel itself; "
            f"sudo lsof -nP -iTCP:{number} -sTCP:LISTEN names it"
        )
        return _wrong(
            f"port {number} is taken by {who}: stop that one, or choose another port "
            "with --port"
        )
    if facts.problem == errno.EACCES:
        return _wrong(
            f"port {number} is not for this user: those below 1024 are the system's "
            "own; choose another, or let systemd open it (raydel.socket)"
        )
    if facts.problem == errno.EADDRNOTAVAIL:
        return _wrong(f"{facts.host} is no address of this machine: correct interface=")
    return _wrong(f"port {number}: {errno.errorcode.get(facts.problem, facts.problem)}")


def network(addresses: Collection[str]) -> Finding:
    """Judge whether phones find this machine at all."""
    if addresses:
        return _ok(f"in the network as {', '.join(addresses)}")
    return _wrong("this machine is in no network: phones cannot reach it")


def certificate(
    chain: Chain, now: datetime, own: Collection[str], leads: Mapping[str, set[str]]
) -> Iterator[Finding]:
    """Judge one certificate that can be used as such.

    Args:
        chain: The certificate.
        now: The time.
        own: The addresses of this machine.
        leads: The addresses to which each of its names leads.
    """
    until = f"{chain.until:%Y-%m-%d}"
    names = ", ".join(chain.names) or "no name at all"
    if chain.until - now < _SOON:
        yield _warning(
            f"the certificate for {names} ends on {until}: whoever renews it is late; "
            "sudo certbot renew --dry-run tells why"
        )
    else:
        yield _ok(f"the certificate for {names} is good until {until}")
    reached = set(chain.names).union(*leads.values())
    if own and not reached & set(own):
        yield _warning(
            f"nothing that the certificate in {chain.path} is for leads to this "
            f"machine ({', '.join(own)}): phones that use its address refuse it; "
            "python -m raydel certificate makes one for these addresses. Behind a "
            "router that passes a public name on, all is well"
        )


def no_certificate(problem: str) -> Finding:
    """Report that a port with TLS has none to show."""
    return _wrong(problem)


def _is_ours(holder: Holder | None) -> bool:
    """Whether it is the server: ``raydel`` is a word of its command, not a path's."""
    return holder is not None and "raydel" in holder.command.split()


def _numbers(version: str) -> list[int]:
    return [int(each) for each in _NUMBERS.findall(version)]


def _ok(what: str) -> Finding:
    return Finding(Verdict.OK, what)


def _warning(what: str) -> Finding:
    return Finding(Verdict.WARNING, what)


def _wrong(what: str) -> Finding:
    return Finding(Verdict.WRONG, what)
