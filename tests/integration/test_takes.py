"""What phones report of a take, through the real program: played, kept, aligned."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
from pathlib import Path
from shutil import which
from typing import Any

import pytest

from raydel.cli.actors import GUEST, HOST
from tests.delays import LOOPBACK
from tests.integration.program import ROOT, Program
from tests.integration.test_phone import terminals

FILE = "has its file"
"""What the other phone is told once a phone has reported its last frame."""

CLOSE = 2.0
"""ms by which two clips may be misjudged on one machine, however busy it is."""


def participants(server: Program, take_id: str) -> dict[bool, Any]:
    """Return who took part in a take, by role: True is the host."""
    manifest = server.rest("GET", f"/api/takes/{take_id}").body
    return {each["isHost"]: each for each in manifest["participants"]}


def latest_take(server: Program, code: str) -> str:
    """Return the id of the latest take of a session."""
    (take, *_) = server.rest("GET", f"/api/sessions/{code}/takes").body["takes"]
    return str(take["id"])


@pytest.mark.skipif(which("ffmpeg") is None, reason="ffmpeg is not installed")
def test_rehearsal(server: Program, tmp_path: Path) -> None:
    """A newcomer's two clips are known to the server, and where each begins."""
    url = f"--url=ws://{LOOPBACK}:{server.port}"
    done = subprocess.run(
        [sys.executable, "-m", "raydel", "rehearse", "--seconds=1", url],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=40,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (take_id,) = re.findall(r"two clips of take (\S+) now", done.stdout)
    phones = participants(server, take_id)
    for is_host, part in ((True, HOST), (False, GUEST)):
        content = (tmp_path / "rehearsal" / f"{part.role}.mp4").read_bytes()
        recording = phones[is_host]["recording"]
        assert recording["state"] == "stopped"
        assert recording["fileName"] == f"{part.role}.mp4"
        assert recording["sizeBytes"] == len(content)
        assert recording["sha256"] == hashlib.sha256(content).hexdigest()
        assert phones[is_host]["model"] == part.model
        assert "recording_reports" in phones[is_host]["capabilities"]
    first = {
        is_host: phones[is_host]["recording"]["firstFrameTime"] - part.ahead
        for is_host, part in ((True, HOST), (False, GUEST))
    }
    manifest = server.rest("GET", f"/api/takes/{take_id}").body
    starts = {
        each["deviceId"]: each["start"] for each in manifest["alignment"]["files"]
    }
    apart = starts[phones[False]["deviceId"]] - starts[phones[True]["deviceId"]]
    assert abs(apart - (first[False] - first[True])) < CLOSE


def test_reports_are_told(server: Program, code: str, tmp_path: Path) -> None:
    """Each phone is told how the other fares, and what it marks."""
    with terminals(server, tmp_path, (code, "--host"), (code,)) as (host, guest):
        host.reads(r"\+ Right goal is there")
        host.type("start")
        for phone, other in ((host, "Right goal"), (guest, "Left goal")):
            phone.reads(f"  {other} will record")
            phone.reads(f"  {other} has its first frame")
            phone.reads("  this phone has its first frame")
        host.type("mark first goal")
        guest.reads("⚑ mark first goal, by Left goal")
        host.reads("⚑ mark first goal, by this phone")
        guest.type("stop")
        host.reads(f"  Right goal {FILE}")
        guest.reads(f"  Left goal {FILE}")
        manifest = server.rest("GET", f"/api/takes/{latest_take(server, code)}").body
    (marker,) = manifest["markers"]
    assert marker["label"] == "first goal"
    assert manifest["startTime"] < marker["time"] < manifest["endedAt"]


def test_joined_late(server: Program, code: str, tmp_path: Path) -> None:
    """A phone that comes in the middle may film too, and the take says so."""
    with terminals(server, tmp_path, (code, "--host")) as (host,):
        host.reads(f"✓ joined {code}")
        host.type("start")
        host.reads("  first frame ")
        elsewhere = tmp_path / "guest"
        elsewhere.mkdir()
        with terminals(server, elsewhere, (code,)) as (guest,):
            guest.reads("  a take runs already, without this phone; film joins it")
            guest.type("film")
            guest.reads(r"● recording take .{4}… \(late: it ran already\)")
            host.reads("  Right goal has its first frame")
            host.type("stop")
            host.reads(f"  Right goal {FILE}")
            phones = participants(server, latest_take(server, code))
    assert (phones[True]["late"], phones[False]["late"]) == (False, True)
    assert phones[False]["recording"]["state"] == "stopped"


def test_reports_survive_a_kill(own_server: Program, code: str, tmp_path: Path) -> None:
    """What was acknowledged is kept, and what was not is said again."""
    with terminals(own_server, tmp_path, (code, "--host"), (code,)) as phones:
        host, guest = phones
        host.reads(r"\+ Right goal is there")
        host.type("start")
        for phone in phones:
            phone.reads("  this phone has its first frame")
        take_id = latest_take(own_server, code)
        own_server.process.kill()
        own_server.process.wait()
        for phone in phones:
            phone.reads("! no server at ")
        own_server.start()
        for phone in phones:
            phone.reads(f"✓ back in {code}")
        guest.type("stop")
        for phone in phones:
            phone.reads(f"  this phone {FILE}")
        kept = participants(own_server, take_id)
    for is_host in (True, False):
        recording = kept[is_host]["recording"]
        assert recording["state"] == "stopped"
        assert recording["firstFrameTime"] < recording["lastFrameTime"]
