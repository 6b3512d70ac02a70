"""``python -m raydel simulate --live``: pairs on real sockets, and the real program."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

from tests.delays import LOOPBACK
from tests.integration.program import ROOT, Program, free_port
from tests.integration.test_dev import hear_interrupts
from tests.integration.test_tls import AUTHORITY, secure

PATIENCE = 30.0
"""Seconds any of this may take on a busy machine, the start of Python included."""


def begin(url: str, *options: str) -> subprocess.Popen[str]:
    """Start to measure a server."""
    return subprocess.Popen(
        [sys.executable, "-m", "raydel", "simulate", f"--live={url}", *options],
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        # Started in the background, these tests would hand on a deaf ear.
        preexec_fn=hear_interrupts,  # noqa: PLW1509 - no threads here
    )


def end(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Return the status with which it ended, and what it said."""
    with process:
        said, _ = process.communicate(timeout=PATIENCE)
    return process.returncode, said


def plain(server: Program) -> str:
    """Return where a server is."""
    return f"ws://{LOOPBACK}:{server.port}/sync"


def wait_for(server: Program, is_so: Callable[[Any], bool], path: str) -> None:
    """Wait until REST says so."""
    deadline = time.monotonic() + PATIENCE
    while not is_so(server.rest("GET", path).body):
        assert time.monotonic() < deadline, server.rest("GET", path).text
        time.sleep(0.02)


def assert_all_left(server: Program, takes: int) -> None:
    """Check that nobody is there any more, and that no take runs on."""
    wait_for(server, lambda health: health["totalConnections"] == 0, "/health")
    assert server.rest("GET", "/api/sessions").body == {"sessions": []}
    kept = server.rest("GET", "/api/takes").body["takes"]
    assert [False] * takes == [take["isRecording"] for take in kept]


def test_pairs(own_server: Program) -> None:
    """All pairs finish and leave, every bound holds, and programs can read it."""
    options = ("--pairs=3", "--seconds=1", "--json")
    status, said = end(begin(plain(own_server), *options))
    assert status == 0, said
    found = json.loads(said)
    assert (found["finished"], found["failures"]) == (3, {})
    assert found["start_skew"]["count"] == found["alignment"]["count"] == 3
    # Five questions at the join are told of, and one burst before the start.
    assert found["bounds"]["told"] >= 3 * 2 * 5
    assert found["bounds"]["broken"] == 0
    assert_all_left(own_server, takes=3)


def test_tls(tmp_path: Path) -> None:
    """Over TLS it is the same, for those who trust the server, and for nobody else."""
    authority = tmp_path / "ca.crt"
    authority.write_bytes(AUTHORITY.certificate_pem)
    with secure(tmp_path) as (server, port):
        url = f"wss://localhost:{port}/sync"
        trusting = begin(url, f"--ca={authority}", "--pairs=1", "--seconds=0.2")
        status, said = end(begin(url, "--pairs=2"))
        assert status == 1
        why = "nobody we trust vouches for the server: see ca=FILE"
        assert said.startswith(f"failed: 2 of 2 pairs: {why}")
        status, said = end(trusting)
        assert (status, said[:11]) == (0, "1 of 1 pair"), said
        assert_all_left(server, takes=1)


def test_no_server() -> None:
    """Where nothing listens, that is said in one line."""
    url = f"ws://{LOOPBACK}:{free_port()}/sync"
    status, said = end(begin(url, "--pairs=2"))
    assert status == 1
    assert said.startswith(f"failed: 2 of 2 pairs: no server at {url} (Connection was")


def test_another_server() -> None:
    """What is no Raydel server is not taken for one."""
    with HTTPServer((LOOPBACK, 0), BaseHTTPRequestHandler) as other:
        Thread(target=other.serve_forever, daemon=True).start()
        url = f"ws://{LOOPBACK}:{other.server_port}/sync"
        status, said = end(begin(url, "--pairs=1"))
        other.shutdown()
    assert status == 1
    assert said.startswith("failed: 1 of 1 pairs: "), said


def test_interrupted(own_server: Program) -> None:
    """Ctrl-C in the middle of a take leaves no take running, and nobody waiting."""
    process = begin(plain(own_server), "--pairs=1")
    wait_for(own_server, lambda body: bool(body["takes"]), "/api/takes")
    process.send_signal(signal.SIGINT)
    assert end(process) == (1, "failed: 1 of 1 pairs: interrupted\n")
    assert_all_left(own_server, takes=1)
