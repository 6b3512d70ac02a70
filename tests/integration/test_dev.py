"""``python -m raydel dev``: save a file, and the server is a new one."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.integration.program import GONE_WITHIN, ROOT, free_port


def starts(log: Path, count: int, within: float) -> bool:
    """Wait so many seconds for the server to have started that often."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        if log.read_text("utf-8").count("phones connect to") >= count:
            return True
        time.sleep(0.05)
    return False


def hear_interrupts() -> None:
    """Listen to SIGINT again, which shells turn off for what runs behind them."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def test_restarts_on_a_changed_file(tmp_path: Path) -> None:
    """A changed file restarts the server on the same port; Ctrl-C ends both."""
    ours = shutil.ignore_patterns("__pycache__", "dropin.cache")
    for part in ("raydel", "twisted"):
        shutil.copytree(ROOT / part, tmp_path / part, ignore=ours)
    log = tmp_path / "log"
    port = f"--port=tcp:{free_port()}:interface=127.0.0.1"
    with log.open("w") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "raydel", "dev", port],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(tmp_path)},
            stdout=out,
            stderr=out,
            start_new_session=True,
            # Started in the background, these tests would hand on a deaf ear.
            preexec_fn=hear_interrupts,  # noqa: PLW1509 - no threads here
        )
    try:
        assert starts(log, 1, within=20), log.read_text("utf-8")
        # Nothing tells when the watcher has begun to watch: save until it sees it.
        for _ in range(5):
            (tmp_path / "raydel" / "tap.py").touch()
            if starts(log, 2, within=3):
                break
        else:
            raise AssertionError(log.read_text("utf-8"))
    finally:
        os.killpg(process.pid, signal.SIGINT)
        process.wait(2 * GONE_WITHIN)
    assert "Traceback" not in log.read_text("utf-8")
