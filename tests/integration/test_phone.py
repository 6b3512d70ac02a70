"""``python -m raydel phone``: two terminals and the real program."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from shutil import which
from socket import socket

import pytest

from tests.delays import LOOPBACK
from tests.integration.program import GONE_WITHIN, ROOT, Program
from tests.integration.test_dev import hear_interrupts

PATIENCE = 10.0
"""Seconds any single wait may take, the start of Python included."""

CLOSE = 50.0
"""ms between two lines that stand for one instant, on a busy machine."""

BEGAN = r"● recording take .{4}… \(start [0-9.]+ ms after the agreed instant\)"


class Terminal:
    """One terminal in which a phone is played.

    Attributes:
        process: The phone.
    """

    def __init__(self, screen: Path, url: str, *words: str) -> None:
        self._screen = screen
        with screen.open("wb") as out:
            self.process: subprocess.Popen[bytes] = subprocess.Popen(
                [sys.executable, "-m", "raydel", "phone", f"--url={url}", *words],
                cwd=screen.parent,
                env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"},
                stdin=subprocess.PIPE,
                stdout=out,
                stderr=out,
                # Started in the background, these tests would hand on a deaf ear.
                preexec_fn=hear_interrupts,  # noqa: PLW1509 - no threads here
            )

    @property
    def text(self) -> str:
        """All that stands on the screen."""
        return self._screen.read_text("utf-8")

    def type(self, word: str) -> None:
        """Tap a button."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{word}\n".encode())
        self.process.stdin.flush()

    def type_no_more(self) -> None:
        """End the input."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.stdin = None

    def reads(self, pattern: str, count: int = 1) -> float:
        """Wait for a line; return the time that stands before it, in ms."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            found = re.findall(rf"^(\S+)  {pattern}", self.text, re.MULTILINE)
            if len(found) >= count:
                moment = datetime.strptime(found[count - 1], "%H:%M:%S.%f")  # noqa: DTZ007
                return (moment - datetime(1900, 1, 1)).total_seconds() * 1000.0  # noqa: DTZ001
            time.sleep(0.02)
        raise AssertionError(f"{pattern!r} never stood there:\n{self.text}")

    def ends(self) -> int:
        """Return the status with which it ends."""
        return self.process.wait(GONE_WITHIN)


@contextmanager
def terminals(
    server: Program, home: Path, *calls: tuple[str, ...]
) -> Iterator[list[Terminal]]:
    """Open a terminal for each phone."""
    url = f"ws://{LOOPBACK}:{server.port}/sync"
    opened = [Terminal(home / f"{n}", url, *words) for n, words in enumerate(calls)]
    try:
        yield opened
    finally:
        for each in opened:
            each.process.kill()
            each.process.communicate()
        # Shown by pytest if the test failed.
        print("\n\n".join(each.text for each in opened))  # noqa: T201


def test_a_match(server: Program, code: str, tmp_path: Path) -> None:
    """Host and guest start and stop together, however wrong a clock is."""
    calls = ((code, "--host"), (code, "--clock=-3600000"))
    with terminals(server, tmp_path, *calls) as (host, guest):
        for phone, other in ((host, "Right goal"), (guest, "Left goal")):
            phone.reads(f"✓ joined {code}")
            phone.reads(rf"\+ {other} is there")
            phone.reads("  measured: ")
        guest.type("ready")
        host.reads("  ready: 1 of 2")
        host.type("start")
        assert abs(host.reads(BEGAN) - guest.reads(BEGAN)) < CLOSE
        host.type("s")
        host.reads("! refused: Recording already in progress")
        guest.type("x")
        stopped = r"■ take .{4}… lasted \d+\.\d s \(command\)"
        assert abs(host.reads(stopped) - guest.reads(stopped)) < CLOSE
        guest.type("quit")
        assert guest.ends() == 0
        host.reads(r"- Right goal is gone \(left\)")
        host.process.send_signal(signal.SIGINT)
        assert host.ends() == 0
        assert host.text.endswith("goodbye\n")


def test_a_server_that_is_killed(
    own_server: Program, code: str, tmp_path: Path
) -> None:
    """Both record on, are back by themselves, and one stops it; the take is kept."""
    with terminals(own_server, tmp_path, (code, "--host"), (code,)) as phones:
        host, guest = phones
        for phone in phones:
            phone.reads(r"\+ .* goal is there")
        host.type("start")
        for phone in phones:
            phone.reads(BEGAN)
        own_server.process.kill()
        own_server.process.wait()
        for phone in phones:
            phone.reads("! no server at ")
        own_server.start()
        for phone in phones:
            phone.reads(f"✓ back in {code}")
            assert phone.text.count("link lost") == 1
            assert phone.text.count("no server at") <= 2
        guest.type("stop")
        for phone in phones:
            phone.reads(r"■ take .{4}… lasted .* \(command\)")
    (take,) = own_server.rest("GET", "/api/takes").body["takes"]
    assert (code, False) == (take["sessionId"], take["isRecording"])
    assert sorted(take["deviceNames"]) == ["Left goal", "Right goal"]


def test_without_anybody(server: Program, code: str, tmp_path: Path) -> None:
    """With no more input, it plays on until its time, or the session, is over."""
    calls = ((code, "--host", "--for=1"), (code,))
    with terminals(server, tmp_path, *calls) as (host, guest):
        host.type_no_more()
        guest.type_no_more()
        assert host.ends() == guest.ends() == 0
        assert "✓ joined" in host.text
        guest.reads("the session is over")


def test_turned_away(server: Program, code: str, tmp_path: Path) -> None:
    """What cannot be mended ends it with 1, and says why."""
    with terminals(server, tmp_path, (code, f"--name={'x' * 65}")) as (phone,):
        assert phone.ends() == 1
        phone.reads("! Invalid message format: deviceName is over 64 characters")
        assert "Traceback" not in phone.text


@pytest.mark.skipif(which("ffmpeg") is None, reason="ffmpeg is not installed")
def test_clips(server: Program, code: str, tmp_path: Path) -> None:
    """Each take gets a file, which is done before the phone is put away."""
    call = (code, "--host", "--clip=host.mp4", "--camera-latency=100±10")
    with terminals(server, tmp_path, call) as (host,):
        host.reads(f"✓ joined {code}")
        for number, name in enumerate(("host.mp4", "host-2.mp4"), 1):
            host.type("start")
            host.reads("  first frame ", number)
            host.type("stop")
            host.reads("■ take ", number)
            host.reads(f"  making {name}")
        host.type("quit")
        assert host.ends() == 0
        done = re.findall(r"✓ (\S+): \d+ frames", host.text)
    assert sorted(done) == ["host-2.mp4", "host.mp4"]
    for name in done:
        assert b"ftyp" in (tmp_path / name).read_bytes()[:12]
    assert not list(tmp_path.glob(".*.part.mp4"))


@pytest.mark.skipif(which("ffmpeg") is None, reason="ffmpeg is not installed")
def test_put_away_while_it_makes_a_file(
    server: Program, code: str, tmp_path: Path
) -> None:
    """Ctrl-C waits for no file, and leaves no half of one."""
    call = (code, "--host", "--clip=host.mp4", "--camera-latency=0")
    with terminals(server, tmp_path, call) as (host,):
        host.reads(f"✓ joined {code}")
        host.type("start")
        host.reads("  first frame ")
        host.process.send_signal(signal.SIGINT)
        assert host.ends() == 0
        assert "■ take " in host.text
        assert host.text.endswith("goodbye\n")
    assert not list(tmp_path.glob("*.mp4"))
    assert not list(tmp_path.glob(".*.mp4"))


@pytest.mark.skipif(which("ffmpeg") is None, reason="ffmpeg is not installed")
def test_rehearsal_without_a_server(tmp_path: Path) -> None:
    """It says at once that nobody is there, what to do, and leaves no directory."""
    with socket() as reserved:
        reserved.bind((LOOPBACK, 0))  # Nobody listens.
        url = f"ws://{LOOPBACK}:{reserved.getsockname()[1]}/sync"
        done = subprocess.run(
            [sys.executable, "-m", "raydel", "rehearse", f"--url={url}"],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"},
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE,
        )
    assert done.returncode == 1
    assert f"raydel: no server at {url} (" in done.stderr
    assert "./serve starts one" in done.stderr
    assert list(tmp_path.iterdir()) == []
