"""The program as a process: how it starts, refuses to, and ends."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tests.integration.program import GONE_WITHIN, ROOT, Program, free_port

TWISTD = Path(sys.executable).with_name("twistd")
ROBBED = """\
import os, shutil
from twisted.scripts.twistd import run

def fork(real=os.fork):
    shutil.rmtree("kept", ignore_errors=True)
    return real()

os.fork = fork
run()
"""
"""A twistd whose store is gone by the time it is a daemon."""

LINE = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]{12}Z (info|warn) +raydel[a-z.]*: ")


def environment(**more: str) -> dict[str, str]:
    """Return an environment in which twistd finds this Raydel."""
    return {**os.environ, "PYTHONPATH": str(ROOT), **more}


def twistd(home: Path, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run twistd to its end."""
    return run(home, str(TWISTD), *words, **more)


def run(home: Path, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run a program to its end."""
    return subprocess.run(
        words,
        cwd=home,
        env=environment(**more),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


@contextmanager
def taken_port() -> Iterator[int]:
    """Take a port as another server would, on all networks."""
    with socket.create_server(("", 0)) as other:
        yield other.getsockname()[1]


def wait_for(path: Path, text: str) -> str:
    """Wait until something stands in a file, and return all of it."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if path.exists() and text in (content := path.read_text("utf-8")):
            return content
        time.sleep(0.05)
    raise AssertionError(f"{text!r} never stood in {path}")


def wait_until_refused(port: int) -> None:
    """Wait until nobody listens on a port any more."""
    deadline = time.monotonic() + GONE_WITHIN
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            return
        time.sleep(0.05)
    raise AssertionError(f"port {port} is still listened on")


def wait_until_gone(path: Path) -> None:
    """Wait until a file is removed, as a daemon's pid file is last of all."""
    deadline = time.monotonic() + GONE_WITHIN
    while path.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not path.exists()


class TestRefusals:
    """What it cannot do, it says in one sentence."""

    def test_busy_port(self, tmp_path: Path) -> None:
        """A busy port ends the program with code 1, without a traceback."""
        with taken_port() as port:
            done = twistd(tmp_path, "-n", "raydel", f"--port={port}")
        assert done.returncode == 1
        assert done.stderr.startswith(f"raydel: port {port} is taken")
        assert done.stderr.count("\n") == 1
        assert "Traceback" not in done.stdout

    def test_busy_port_leaves_no_pid_file(self, tmp_path: Path) -> None:
        """The next start finds no trace of the one that was refused."""
        with taken_port() as port:
            twistd(tmp_path, "-n", "raydel", f"--port={port}")
        assert list(tmp_path.glob("*.pid")) == []

    def test_busy_port_of_a_daemon(self, tmp_path: Path) -> None:
        """Who starts a daemon learns of it, too: in the terminal and in the log."""
        with taken_port() as port:
            done = twistd(tmp_path, "raydel", f"--port={port}")
        assert done.returncode == 1
        assert f"raydel: port {port} is taken" in done.stderr
        assert f"port {port} is taken" in (tmp_path / "twistd.log").read_text("utf-8")

    def test_store_in_use(self, own_server: Program, tmp_path: Path) -> None:
        """Two servers on one file would undo each other: the second says so."""
        done = twistd(tmp_path, "-n", "raydel", f"--port={free_port()}")
        assert done.returncode == 1
        assert done.stderr.startswith("raydel: ")
        assert "raydel.sqlite" in done.stderr
        assert done.stderr.count("\n") == 1
        assert "Traceback" not in done.stdout
        assert own_server.rest("GET", "/health").status == 200

    def test_store_of_a_daemon(self, tmp_path: Path) -> None:
        """Who starts a daemon learns it in the terminal, before it goes to the back."""
        store = "--store=sqlite:none/raydel.sqlite"
        done = twistd(tmp_path, "raydel", f"--port={free_port()}", store)
        assert done.returncode == 1
        assert done.stderr.startswith("raydel: ")
        assert f"{tmp_path}/none" in done.stderr
        assert done.stderr.count("\n") == 1
        assert list(tmp_path.glob("*.pid")) == []

    def test_store_is_lost_on_the_way(self, tmp_path: Path) -> None:
        """One that goes bad behind the last look ends a daemon too, and is logged."""
        (tmp_path / "kept").mkdir()
        words = ("raydel", f"--port={free_port()}", "--store=sqlite:kept/a.sqlite")
        done = run(tmp_path, sys.executable, "-c", ROBBED, *words)
        if done.returncode == 0:  # Nobody else would end it.
            os.kill(int((tmp_path / "twistd.pid").read_text("ascii")), signal.SIGTERM)
        assert done.returncode == 1
        assert "raydel: " in done.stderr
        log = (tmp_path / "twistd.log").read_text("utf-8")
        assert re.search(r"critical raydel\.endpoints: raydel: .*/kept", log), log
        assert "Traceback" not in log
        # The terminal is free a moment before the daemon has tidied up.
        deadline = time.monotonic() + GONE_WITHIN
        while list(tmp_path.glob("*.pid")):
            assert time.monotonic() < deadline, "the pid file stays"
            time.sleep(0.02)

    def test_second_port_is_busy(self, tmp_path: Path) -> None:
        """One port of several is enough: half a server is none."""
        with taken_port() as port:
            done = twistd(
                tmp_path, "-n", "raydel", f"--port={free_port()}", f"--port={port}"
            )
        assert done.returncode == 1

    @pytest.mark.parametrize(
        "words",
        [
            ("--port=abc",),
            ("--port=tls:3001",),
            ("--port=65536",),
            ("--lead=never",),
            ("--unheard-of",),
            ("stray",),
        ],
    )
    def test_wrong_options(self, tmp_path: Path, words: tuple[str, ...]) -> None:
        """Whatever is wrong: one sentence on stderr, nothing else, code 1."""
        done = twistd(tmp_path, "-n", "raydel", *words)
        assert done.returncode == 1
        assert done.stdout == ""
        assert done.stderr.startswith("raydel: ")
        assert done.stderr.count("\n") == 1


class TestStart:
    """What it does at its start."""

    def test_port_from_environment(self, tmp_path: Path) -> None:
        """PORT is obeyed; IPv4 and, where there is one, IPv6 lead to it."""
        port = free_port()
        log = tmp_path / "log"
        with log.open("w") as out:
            process = subprocess.Popen(
                [TWISTD, "-n", "--pidfile=", "raydel"],
                cwd=tmp_path,
                env=environment(PORT=str(port)),
                stdout=out,
            )
        try:
            wait_for(log, f":{port}/sync")
            socket.create_connection(("127.0.0.1", port)).close()
            if socket.has_dualstack_ipv6():
                socket.create_connection(("::1", port)).close()
        finally:
            process.terminate()
            process.wait(GONE_WITHIN)

    def test_announces_where_it_is(self, own_server: Program) -> None:
        """It says what to type into a phone."""
        port = own_server.port
        assert f"phones connect to ws://127.0.0.1:{port}/sync" in own_server.log
        assert f"REST is at http://127.0.0.1:{port}" in own_server.log

    def test_daemon(self, tmp_path: Path) -> None:
        """As a daemon it logs to a file, and ends by its pid."""
        port = free_port()
        done = twistd(tmp_path, "raydel", f"--port={port}", "--log-format=json")
        assert (done.returncode, done.stderr) == (0, "")
        pid = int((tmp_path / "twistd.pid").read_text("ascii"))
        try:
            lines = wait_for(tmp_path / "twistd.log", f":{port}/sync").splitlines()
            assert json.loads(lines[0])["event"].startswith("Raydel")
        finally:
            os.kill(pid, signal.SIGTERM)
        wait_until_refused(port)

    def test_daemon_keeps(self, tmp_path: Path) -> None:
        """A daemon keeps all where it was started, wherever it goes from there."""
        home, away, port = tmp_path / "home", tmp_path / "away", free_port()
        home.mkdir()
        away.mkdir()
        words = ("--pidfile=raydel.pid", f"--rundir={away}", f"--logfile={away}/log")
        done = twistd(home, *words, "raydel", f"--port={port}")
        assert (done.returncode, done.stderr) == (0, "")
        pid = int((home / "raydel.pid").read_text("ascii"))
        try:
            url = f"http://127.0.0.1:{port}/health"
            with urllib.request.urlopen(url, timeout=5) as answer:
                assert answer.status == 200
            log = wait_for(away / "log", "are kept in")
            assert f"sessions and takes are kept in {home}/raydel.sqlite\n" in log
        finally:
            os.kill(pid, signal.SIGTERM)
        wait_until_gone(home / "raydel.pid")
        assert (home / "raydel.sqlite").is_file()
        assert list(away.iterdir()) == [away / "log"]
        assert "Traceback" not in (away / "log").read_text("utf-8")
        # It let go of the file: the next one stumbles only over what comes later.
        with taken_port() as taken:
            again = twistd(home, "-n", "raydel", f"--port={taken}")
        assert again.stderr.startswith(f"raydel: port {taken} is taken")


class TestLog:
    """What it writes."""

    def test_frameworks_are_silent(self, own_server: Program) -> None:
        """Calls, handshakes and frames leave no line but the program's own."""
        own_server.rest("GET", "/nowhere")
        with connect(f"ws://127.0.0.1:{own_server.port}/sync") as wire:
            wire.send('{"type":"ping"}')
            wire.recv(timeout=3)
        own_server.stop()
        for line in own_server.log.splitlines():
            assert LINE.match(line), line


class TestEnd:
    """How it ends."""

    def test_sigterm(self, own_server: Program) -> None:
        """Phones are told to come back (1012), and it is gone within 5 s."""
        with connect(f"ws://127.0.0.1:{own_server.port}/sync") as wire:
            began = time.monotonic()
            own_server.terminate()
            with pytest.raises(ConnectionClosed) as closed:
                wire.recv(timeout=GONE_WITHIN)
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 1012
        own_server.process.wait(GONE_WITHIN)
        assert time.monotonic() - began < GONE_WITHIN

    def test_sigterm_with_a_deaf_peer(self, own_server: Program) -> None:
        """One that answers nothing, and one that never asked, keep it no longer."""
        where = ("127.0.0.1", own_server.port)
        with socket.create_connection(where), socket.create_connection(where) as deaf:
            deaf.sendall(
                b"GET /sync HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
                b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
            )
            assert deaf.recv(12) == b"HTTP/1.1 101"
            own_server.terminate()
            deadline = time.monotonic() + GONE_WITHIN
            while "Raydel stops" not in own_server.log:
                assert time.monotonic() < deadline
                time.sleep(0.02)
            # Somebody has no patience: that ends it no sooner, and breaks nothing.
            own_server.terminate()
            own_server.process.wait(GONE_WITHIN)

    def test_sighup(self, own_server: Program) -> None:
        """A closed terminal, or a renewed certificate, ends nothing."""
        own_server.process.send_signal(signal.SIGHUP)
        # Unhandled, it would end the program before the SIGTERM does.
        own_server.terminate()
        assert own_server.process.wait(GONE_WITHIN) != -signal.SIGHUP
