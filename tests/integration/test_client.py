"""Programs of twenty lines, as the page prints them, and a real server."""

from __future__ import annotations

import asyncio
import secrets
import signal
import subprocess
import sys
from pathlib import Path

from cryptography.hazmat.primitives.hashes import SHA256

from raydel.certificates.authority import issue
from tests.delays import LOOPBACK
from tests.docs import ROOT, fences, page
from tests.integration.program import Program
from tests.integration.test_tls import (
    AUTHORITY,
    ELSEWHERE,
    FIRST,
    put,
    secure,
    wait_for,
)
from tests.rig.programs import Player, draw, play, records

OTHER = issue(AUTHORITY, ["localhost", LOOPBACK])

PATIENCE = 15.0
"""Seconds that a program may take, the start of Python included."""

EXAMPLE = next(f.text for f in fences(page("docs/client.md")) if f.language == "python")


def test_the_page_prints_the_example() -> None:
    """The page has the program that lies beside it, in twenty lines."""
    assert (ROOT / "examples/phone.py").read_text("utf-8") == EXAMPLE
    assert len([line for line in EXAMPLE.splitlines() if line]) == 20


def test_as_printed(server: Program, code: str, tmp_path: Path) -> None:
    """Two of them make a complete take: both report, and both end by themselves."""
    script = tmp_path / "phone.py"
    script.write_text(EXAMPLE, "utf-8")
    host, guest = (Player(r, script, code, server.port) for r in ("host", "guest"))
    try:
        for each in (guest, host):
            each.start()
        for each in (host, guest):
            assert each.ends(15.0) == 0, each.log.read_text("utf-8")
    finally:
        host.kill()
        guest.kill()
    (take,) = server.rest("GET", f"/api/sessions/{code}/takes").body["takes"]
    found = server.rest("GET", f"/api/takes/{take['id']}").body["participants"]
    assert [records(each) for each in found] == ["stopped", "stopped"]
    names = {each["recording"]["fileName"] for each in found}
    assert names == {f"{take['id']}.mp4"}


def test_killed_and_cut(tmp_path: Path) -> None:
    """Killed, cut and frozen at random, the server too: each take is complete."""
    seed = secrets.randbelow(100_000)
    print(f"seed {seed}: {draw(seed)}")  # noqa: T201 - to play it again
    outcome = asyncio.run(play(seed, EXAMPLE, tmp_path))
    assert outcome.breaches == [], outcome.story


JOINS = """\
import sys
from twisted.internet import task
from raydel.client import connect

async def main(reactor, *attempts):
    for attempt in attempts:
        url, *words = attempt.split()
        options = dict(word.split("=", 1) for word in words)
        try:
            phone = await connect(url, "TLS123", is_host=True, **options)
            await phone.leave()
            print("joined")
        except Exception as refused:
            print(refused)

task.react(main, sys.argv[1:])
"""
"""Takes a seat and leaves it, in one way after the other."""


def joins(*attempts: str) -> list[str]:
    """Return what came of each attempt: an address, and options behind it."""
    done = subprocess.run(
        [sys.executable, "-c", JOINS, *attempts],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=True,
        cwd=ROOT,
    )
    return done.stdout.splitlines()


def test_trust(tmp_path: Path) -> None:
    """Over TLS it believes those it was told to, and nobody else."""
    authority = tmp_path / "ca.crt"
    authority.write_bytes(AUTHORITY.certificate_pem)
    certificates = (each.certificate for each in (FIRST, OTHER, AUTHORITY))
    own, other, root = (each.fingerprint(SHA256()).hex() for each in certificates)
    with secure(tmp_path) as (server, port):
        name, number = f"wss://localhost:{port}", f"https://{LOOPBACK}:{port}"
        *good, system, of_other, of_root = joins(
            f"{name} ca={authority}",
            f"{number} ca={authority}",
            f"{name} fingerprint=sha256:{own}",
            f"{number} fingerprint=sha256:{own.upper()}",
            name,
            f"{name} fingerprint=sha256:{other}",
            f"{name} fingerprint=sha256:{root}",
        )
        put(tmp_path, ELSEWHERE)
        server.process.send_signal(signal.SIGHUP)
        wait_for(server, "elsewhere.example")
        (elsewhere,) = joins(f"{name} ca={authority}")
    assert good == ["joined"] * 4
    for refused in (system, of_other, of_root):
        assert "nobody we trust vouches for the server" in refused
    assert "certificate is for another name" in elsewhere
