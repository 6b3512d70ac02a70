"""Programs of twenty lines, as the page prints them, and a real server."""

from __future__ import annotations

import asyncio
import secrets
import socket
import subprocess
import sys
from pathlib import Path

from cryptography.hazmat.primitives.hashes import SHA256

from raydel.certificates.authority import issue
from tests.delays import LOOPBACK
from tests.docs import ROOT, fences, page
from tests.integration.program import Program
from tests.integration.test_tls import AUTHORITY, FIRST, secure
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


JOIN = """\
import sys
from twisted.internet import task
from raydel.client import connect

async def main(reactor, url, *words):
    options = dict(word.split("=", 1) for word in words)
    phone = await connect(url, "TLS123", is_host=True, **options).addTimeout(4, reactor)
    await phone.leave()
    print("joined", flush=True)

task.react(main, sys.argv[1:])
"""
"""Takes a seat, and leaves it."""


def joins(url: str, *options: str) -> str:
    """Return the last line of a program that takes a seat."""
    done = subprocess.run(
        [sys.executable, "-c", JOIN, url, *options],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
        cwd=ROOT,
    )
    return (done.stdout + done.stderr).strip().splitlines()[-1]


def test_trust(tmp_path: Path) -> None:
    """Over TLS it believes those it was told to, and nobody else."""
    authority = tmp_path / "ca.crt"
    authority.write_bytes(AUTHORITY.certificate_pem)
    digest, other = (p.certificate.fingerprint(SHA256()).hex() for p in (FIRST, OTHER))
    with secure(tmp_path) as (_, port):
        local, number = f"wss://localhost:{port}", f"https://{LOOPBACK}:{port}"
        named = local.replace("localhost", socket.gethostname())
        assert joins(local, f"ca={authority}") == "joined"
        assert joins(number, f"ca={authority}") == "joined"
        assert joins(local, f"fingerprint=sha256:{digest}") == "joined"
        assert joins(number, f"fingerprint=sha256:{digest.upper()}") == "joined"
        assert "nobody we trust vouches for the server" in joins(local)
        assert "or its fingerprint is another" in joins(
            local, f"fingerprint=sha256:{other}"
        )
        root = AUTHORITY.certificate.fingerprint(SHA256()).hex()
        assert "its fingerprint" in joins(local, f"fingerprint=sha256:{root}")
        assert "joined" not in joins(named, f"ca={authority}")
