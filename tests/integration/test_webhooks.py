"""Webhooks over real sockets: the page's own receiver, which is down for a while."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import secrets
import socket
import sqlite3
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, Self

import pytest
from websockets.sync.client import ClientConnection, connect

from raydel.certificates.authority import Pair, issue, new_authority
from tests.delays import LOOPBACK
from tests.docs import fences, page
from tests.integration.phones import new_code
from tests.integration.program import Program, free_port

PATIENCE = 10.0
"""Seconds any single wait may take on a busy machine; none takes a third of it."""

AUTHORITY = new_authority("Test")
HERE = issue(AUTHORITY, ["localhost", LOOPBACK])
ELSEWHERE = issue(AUTHORITY, ["elsewhere.example"])
JOINING = ["session.created", "device.connected"]


def until(found: Callable[[], bool], what: Callable[[], object]) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + PATIENCE
    while not found():
        assert time.monotonic() < deadline, what()
        time.sleep(0.02)


class Receiver:
    """The receiver that is printed on the page, in a process of its own.

    Args:
        folder: Where it runs, with the secret in it.
    """

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self._folder = folder
        (code,) = (
            fence.text
            for fence in fences(page("docs/webhooks.md"))
            if fence.language == "python"
        )
        assert code.count("8000") == 1
        code = code.replace('("", 8000)', f'("{LOOPBACK}", {self.port})')
        (folder / "receiver.py").write_text(code)
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    @property
    def url(self) -> str:
        """Where letters are posted to."""
        return f"http://{LOOPBACK}:{self.port}/raydel?key=s3cret"

    def start(self) -> None:
        """Be there, from now on."""
        with (
            (self._folder / "out").open("ab") as out,
            (self._folder / "err").open("ab") as err,
        ):
            self._process = subprocess.Popen(
                [sys.executable, "receiver.py"],
                cwd=self._folder,
                stdout=out,
                stderr=err,
            )
        until(self._listens, (self._folder / "err").read_text)

    def kill(self) -> None:
        """Be gone."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex((LOOPBACK, self.port)) == 0

    def news(self) -> list[dict[str, Any]]:
        """Return the letters that it verified, each once, in their order."""
        text = (self._folder / "out").read_text("utf-8")
        letters = map(json.loads, text.splitlines())
        return list({letter["id"]: letter for letter in letters}.values())

    def events(self, code: str) -> list[str]:
        """Return what it was told of a session, in order."""
        return [news["event"] for news in self.news() if news["sessionId"] == code]

    def wait_for(self, code: str, *expected: str) -> None:
        """Wait until all that was told of a session is this."""
        until(
            lambda: len(self.events(code)) >= len(expected),
            lambda: (expected, self.events(code)),
        )
        assert self.events(code) == list(expected)

    def post(self, body: bytes, t: int, secret: bytes) -> int:
        """Post something as a server would, and return the answer's status."""
        signed = hmac.new(secret, f"{t}.".encode() + body, hashlib.sha256).hexdigest()
        headers = {
            "Raydel-Signature": f"t={t},v1={signed}",
            "Raydel-Delivery": secrets.token_hex(4),
        }
        with closing(http.client.HTTPConnection(LOOPBACK, self.port, 3)) as line:
            line.request("POST", "/", body, headers)
            return line.getresponse().status


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[Receiver]:
    """Have a receiver that is not there yet."""
    folder = tmp_path / "receiver"
    folder.mkdir()
    (folder / "webhook-secret").write_text(secrets.token_hex(32) + "\n")
    (folder / "out").touch()
    made = Receiver(folder)
    yield made
    made.kill()


def server(receiver: Receiver, tmp_path: Path) -> Program:
    """Make a server that posts to a receiver."""
    home = tmp_path / "server"
    home.mkdir()
    secret = tmp_path / "receiver" / "webhook-secret"
    options = (f"--webhook={receiver.url}", f"--webhook-secret-file={secret}")
    return Program(home, options)


class Phone:
    """A phone that speaks protocol 2, and does little else.

    Args:
        program: The server it joins.
        code: Under which code.
        name: What people call it.
    """

    def __init__(self, program: Program, code: str, name: str) -> None:
        self._join = {"sessionId": code, "deviceName": name, "isHost": name == "host"}
        self._token: str | None = None
        self._open = ExitStack()
        self.come(program)

    def come(self, program: Program) -> None:
        """Join, or come back."""
        self.leave()
        url = f"ws://{LOOPBACK}:{program.port}/sync"
        line = connect(url, proxy=None, compression=None)
        self._wire: ClientConnection = self._open.enter_context(line)
        token = {} if self._token is None else {"resumeToken": self._token}
        self.ask("join", "joined", protocol=2, **self._join, **token)

    def leave(self) -> None:
        """Go, if it is there."""
        self._open.close()

    def ask(self, kind: str, answer: str, **fields: object) -> dict[str, Any]:
        """Send something, and wait for its answer."""
        self._wire.send(json.dumps({"type": kind, **fields}))
        while (found := json.loads(self._wire.recv(3)))["type"] != answer:
            assert found["type"] != "error", found
        self._token = found.get("resumeToken", self._token)
        return dict(found)


def waiting(program: Program) -> int:
    """Return how many letters the server still has."""
    with closing(sqlite3.connect(program.home / "raydel.sqlite")) as file:
        ((count,),) = file.execute("SELECT count(*) FROM letters").fetchall()
        return int(count)


def test_a_receiver_that_is_down_misses_nothing(
    receiver: Receiver, tmp_path: Path
) -> None:
    """Neither its own end nor the server's loses a letter, or changes their order."""
    code, other = new_code(), new_code()
    with server(receiver, tmp_path) as program:
        # Nobody is there to be told, and the server that knows it all is killed.
        host, guest = Phone(program, code, "host"), Phone(program, code, "guest")
        lone = Phone(program, other, "host")
        take = host.ask("start_recording", "start_recording")["takeId"]
        until(lambda: "does not take letters" in program.log, lambda: program.log)
        program.process.kill()
        program.process.wait()
        program.start()
        host.come(program)
        assert receiver.news() == []

        # The receiver is there for a while.
        receiver.start()
        cut_off = [*JOINING, "device.connected", "take.started", *["device.lost"] * 2]
        receiver.wait_for(code, *cut_off, "device.resumed")
        receiver.wait_for(other, *JOINING, "device.lost")
        until(lambda: waiting(program) == 0, lambda: waiting(program))

        # It is killed; the match goes on, and the server is killed once more.
        receiver.kill()
        host.ask("marker", "marker", label="goal")
        lone.come(program)
        host.ask("stop_recording", "stop_recording")
        until(lambda: program.log.count("does not take") == 2, lambda: program.log)
        program.process.kill()
        program.process.wait()
        program.start()
        receiver.start()
        ended = ["take.marked", "take.ended", "device.lost"]
        receiver.wait_for(code, *cut_off, "device.resumed", *ended)
        receiver.wait_for(
            other, *JOINING, "device.lost", "device.resumed", "device.lost"
        )
        until(lambda: waiting(program) == 0, lambda: waiting(program))
        told = [news for news in receiver.news() if news["event"].startswith("take.")]
        assert [take] * 3 == [news["takeId"] for news in told]
        assert {"host", "guest"} == {each["name"] for each in told[2]["participants"]}
        for phone in (host, guest, lone):
            phone.leave()
    assert "s3cret" not in program.log
    assert "key=" not in program.log


def test_what_the_receiver_refuses(receiver: Receiver, tmp_path: Path) -> None:
    """It takes what was signed with its secret, just now, and nothing else."""
    secret = (tmp_path / "receiver" / "webhook-secret").read_bytes().strip()
    now, body = int(time.time()), b'{"id":"1","sessionId":"ABC123","event":"test"}'
    with receiver:
        assert receiver.post(body, now, b"another secret") == 403
        assert receiver.post(body, now - 400, secret) == 403
        assert receiver.news() == []
        assert receiver.post(body, now, secret) == 204
        assert receiver.events("ABC123") == ["test"]


class Handler(BaseHTTPRequestHandler):
    """Takes whatever comes, and notes what happened."""

    events: list[str]

    def do_POST(self) -> None:
        """Take a letter."""
        self.rfile.read(int(self.headers["Content-Length"]))
        self.events.append(self.headers["Raydel-Event"])
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class Quiet(ThreadingHTTPServer):
    """A server that does not say who hung up on it."""

    def handle_error(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def by_tls(pair: Pair, folder: Path) -> Iterator[tuple[int, list[str]]]:
    """Have a receiver that speaks TLS; yield its port, and what it is told."""
    (folder / "pair.pem").write_bytes(pair.certificate_pem + pair.key_pem)
    (folder / "ca.pem").write_bytes(AUTHORITY.certificate_pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "pair.pem")
    events: list[str] = []
    server = Quiet((LOOPBACK, 0), type("Own", (Handler,), {"events": events}))
    server.socket = context.wrap_socket(
        server.socket, server_side=True, do_handshake_on_connect=False
    )
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield server.server_address[1], events
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize(
    ("pair", "trusted", "says"),
    [
        pytest.param(HERE, True, "letters are posted to", id="good"),
        pytest.param(HERE, False, "TLS: certificate verify failed", id="untrusted"),
        pytest.param(ELSEWHERE, True, "its certificate is for another", id="elsewhere"),
    ],
)
def test_tls(pair: Pair, trusted: bool, says: str, tmp_path: Path) -> None:
    """Letters go to the receiver whose certificate is for it, and is trusted."""
    with by_tls(pair, tmp_path) as (port, events):
        environment = {"RAYDEL_WEBHOOK_SECRET": secrets.token_hex(32)}
        if trusted:
            environment["SSL_CERT_FILE"] = str(tmp_path / "ca.pem")
        options = (f"--webhook=https://{LOOPBACK}:{port}/", "--store=memory:")
        with Program(tmp_path, options, environment=environment) as program:
            phone = Phone(program, new_code(), "host")
            good = trusted and pair is HERE
            until(lambda: says in program.log, lambda: program.log)
            until(lambda: len(events) == 2 or not good, lambda: events)
            phone.leave()
        assert events[:2] == (JOINING if good else [])
