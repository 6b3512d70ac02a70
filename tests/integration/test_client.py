"""Programs of twenty lines, as the page prints them, and a real server."""

from __future__ import annotations

import asyncio
import secrets
from pathlib import Path

from tests.docs import ROOT, fences, page
from tests.integration.program import Program
from tests.rig.programs import Player, draw, play, records

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
