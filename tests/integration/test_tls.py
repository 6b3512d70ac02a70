"""TLS on real sockets: matches, new certificates, proxies, sockets of systemd."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from cryptography import x509
from websockets.asyncio.client import connect

from raydel.certificates.authority import Pair, issue, new_authority
from tests.delays import LOOPBACK
from tests.integration.program import GONE_WITHIN, ROOT, Program, free_port
from tests.integration.test_foreign_clients import NODE, hear, node, say
from tests.integration.wire import Wire, scenario

__all__ = ["node"]

AUTHORITY = new_authority("Test")
FIRST = issue(AUTHORITY, ["localhost", LOOPBACK])
OTHERS = [issue(AUTHORITY, ["localhost", LOOPBACK]) for _ in range(3)]
ELSEWHERE = issue(AUTHORITY, ["elsewhere.example"])

PATIENCE = 3.0
"""Seconds any single wait may take."""

SWAPS = 100

NODE_MATCH = """\
import { WebSocket } from "ws";
const [port, code] = process.argv.slice(1);
const phone = async (isHost) => {
  const socket = new WebSocket(`wss://localhost:${port}/sync`, { family: 4 });
  const heard = {};
  const wait = (type) => (heard[type] ??= Promise.withResolvers());
  socket.on("message", (data) => {
    const message = JSON.parse(data);
    wait(message.type).resolve(message);
  });
  await new Promise((opened, no) => socket.on("open", opened).on("error", no));
  socket.send(JSON.stringify({ type: "join", sessionId: code, isHost }));
  await wait("joined").promise;
  return { socket, wait };
};
setTimeout(() => process.exit(1), 5000).unref();
const host = await phone(true);
const guest = await phone(false);
guest.socket.send(JSON.stringify({ type: "start_recording" }));
const starts = [host, guest].map(({ wait }) => wait("start_recording").promise);
const initiators = (await Promise.all(starts)).map(({ initiator }) => initiator);
host.socket.close(1000);
guest.socket.close(1000);
console.log(JSON.stringify(initiators));
"""


def put(home: Path, pair: Pair, name: str = "here.pem") -> None:
    """Put a certificate with its key in place, in one move."""
    folder = home / "certificates"
    folder.mkdir(exist_ok=True)
    new = folder / "new"
    new.write_bytes(pair.certificate_pem + pair.key_pem)
    new.replace(folder / name)


def trusting() -> ssl.SSLContext:
    """Return the settings of a client that trusts our authority, and no other."""
    settings = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    settings.load_verify_locations(cadata=AUTHORITY.certificate_pem.decode("ascii"))
    return settings


def shake(
    port: int, name: str = "localhost", settings: ssl.SSLContext | None = None
) -> ssl.SSLSocket:
    """Connect, and shake hands."""
    wire = socket.create_connection((LOOPBACK, port), PATIENCE)
    return (settings or trusting()).wrap_socket(wire, server_hostname=name)


def shown(port: int, name: str = "localhost") -> int:
    """Return the serial number of the certificate that a new client is shown."""
    settings = trusting()
    settings.check_hostname = False
    with shake(port, name, settings) as wire:
        certificate = wire.getpeercert(binary_form=True)
    assert certificate is not None
    return x509.load_der_x509_certificate(certificate).serial_number


def serial(pair: Pair) -> int:
    """Return what tells one certificate from all others."""
    return pair.certificate.serial_number


def wait_for(server: Program, pattern: str) -> str:
    """Wait until a line with this stands in the log, and return it."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if found := re.search(rf".*{pattern}.*", server.log):
            return found[0]
        time.sleep(0.01)
    raise AssertionError(f"{pattern!r} never stood in the log:\n{server.log}")


@contextmanager
def secure(home: Path, before: str = "") -> Iterator[tuple[Program, int]]:
    """Run the program, with a port for TLS beside the plain one."""
    put(home, FIRST)
    port = free_port()
    listen = f"--port={before}tls:{port}:interface={LOOPBACK}"
    with Program(home, (listen,)) as program:
        yield program, port


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Program, int]]:
    """Run one program for the tests that change nothing."""
    home = tmp_path_factory.mktemp("tls")
    put(home, ELSEWHERE, "later.pem")
    with secure(home) as running:
        yield running


class TestHandshake:
    """What is negotiated; each detail stands in tests without a network."""

    def test_details(self, both: tuple[Program, int]) -> None:
        """TLS 1.3 and HTTP/1.1 for those who can, and a certificate they trust."""
        settings = trusting()
        settings.set_alpn_protocols(["h2", "http/1.1"])
        with shake(both[1], settings=settings) as wire:
            assert wire.version() == "TLSv1.3"
            assert wire.selected_alpn_protocol() == "http/1.1"

    def test_oldest(self, both: tuple[Program, int]) -> None:
        """TLS 1.2 is taken, and TLS 1.1 is refused."""
        settings = trusting()
        settings.maximum_version = ssl.TLSVersion.TLSv1_2
        with shake(both[1], settings=settings) as wire:
            assert wire.version() == "TLSv1.2"
        settings.set_ciphers("ALL:@SECLEVEL=0")
        with pytest.warns(DeprecationWarning, match="TLSv1_1"):
            settings.minimum_version = ssl.TLSVersion.TLSv1_1
        with pytest.warns(DeprecationWarning, match="TLSv1_1"):
            settings.maximum_version = ssl.TLSVersion.TLSv1_1
        with pytest.raises(ssl.SSLError, match=r"(?i)protocol.version"):
            shake(both[1], settings=settings)

    def test_by_name(self, both: tuple[Program, int]) -> None:
        """The name that is asked for decides; the first is for all others."""
        assert shown(both[1], "elsewhere.example") == serial(ELSEWHERE)
        assert shown(both[1], "localhost") == serial(FIRST)
        assert shown(both[1], "nobody.example") == serial(FIRST)

    def test_no_tls(self, both: tuple[Program, int]) -> None:
        """Who does not speak TLS is hung up on, and leaves no trace in the log."""
        program, port = both
        before = program.log
        with socket.create_connection((LOOPBACK, port), PATIENCE) as wire:
            wire.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            while wire.recv(100):
                pass
        assert program.log == before


class TestMatch:
    """Clients that are not ours play over TLS."""

    def test_announced(self, both: tuple[Program, int]) -> None:
        """The log says both addresses, and which certificate is in use."""
        program, port = both
        assert f"phones connect to wss://127.0.0.1:{port}/sync" in program.log
        assert f"REST is at https://127.0.0.1:{port}" in program.log
        assert f"phones connect to ws://127.0.0.1:{program.port}/sync" in program.log
        assert "certificate for localhost, 127.0.0.1, elsewhere.exam" in program.log

    def test_old_and_new_phone(self, both: tuple[Program, int], code: str) -> None:
        """One phone with TLS and one without play a match, on one server."""
        self.play(both, code)

    @staticmethod
    @scenario
    async def play(both: tuple[Program, int], code: str) -> None:
        """Play it, with the `websockets` package and all its defaults."""
        program, port = both
        new, old = (
            f"wss://localhost:{port}/sync",
            f"ws://{LOOPBACK}:{program.port}/sync",
        )
        async with (
            connect(new, proxy=None, ssl=trusting(), host=LOOPBACK) as host,
            connect(old, proxy=None) as guest,
        ):
            await say(host, type="join", sessionId=code, isHost=True)
            await hear(host, "joined")
            await say(guest, type="join", sessionId=code, isHost=False)
            await hear(guest, "joined")
            for phone, kind in ((host, "start_recording"), (guest, "stop_recording")):
                await say(phone, type=kind)
                await hear(host, kind)
                await hear(guest, kind)

    def test_node(self, both: tuple[Program, int], code: str, node: Path) -> None:
        """Node's `ws` plays a match, and trusts what it is told to trust."""
        program, port = both
        authority = program.home / "ca.crt"
        authority.write_bytes(AUTHORITY.certificate_pem)
        command = [str(node), "--input-type=module", "-e", NODE_MATCH, str(port), code]
        done = subprocess.run(
            command,
            cwd=NODE,
            env={**os.environ, "NODE_EXTRA_CA_CERTS": str(authority)},
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        host_heard, guest_heard = json.loads(done.stdout)
        assert host_heard == guest_heard


class TestRenewal:
    """New certificates, while the program runs."""

    def test_hangup(self, tmp_path: Path) -> None:
        """SIGHUP takes up a new one; a bad one is told, and changes nothing."""
        with secure(tmp_path) as (program, port):
            assert shown(port) == serial(FIRST)
            put(tmp_path, OTHERS[0])
            program.process.send_signal(signal.SIGHUP)
            self.until_shown(port, OTHERS[0])
            (tmp_path / "certificates" / "here.pem").write_bytes(b"nonsense")
            program.process.send_signal(signal.SIGHUP)
            line = wait_for(program, "the certificates in use remain")
            assert line.endswith("here.pem holds no certificate")
            assert shown(port) == serial(OTHERS[0])

    def test_swaps_under_traffic(self, tmp_path: Path, code: str) -> None:
        """A hundred new certificates drop nobody, and lose no message."""
        with secure(tmp_path) as (program, port):
            self.swap(program, port, code)
            assert program.log.count("certificate for localhost") > SWAPS

    @staticmethod
    @scenario
    async def swap(program: Program, port: int, code: str) -> None:
        """Swap certificates, while two phones talk."""
        url = f"wss://localhost:{port}/sync"
        sockets = [
            await connect(url, ssl=trusting(), host=LOOPBACK, proxy=None)
            for _ in range(2)
        ]
        async with Wire(sockets[0]) as host, Wire(sockets[1]) as guest:
            join = {"type": "join", "sessionId": code}
            await host.ask({**join, "isHost": True}, "joined")
            await guest.ask({**join, "isHost": False}, "joined")
            talks = [asyncio.create_task(talk(phone)) for phone in (host, guest)]
            for swap in range(SWAPS):
                new = OTHERS[swap % len(OTHERS)]
                put(program.home, new)
                program.process.send_signal(signal.SIGHUP)
                await asyncio.to_thread(TestRenewal.until_shown, port, new)
            for each in talks:
                each.cancel()
            counts = await asyncio.gather(*talks, return_exceptions=True)
            assert all(isinstance(each, asyncio.CancelledError) for each in counts)
            await host.send({"type": "start_recording"})
            for phone in (host, guest):
                await phone.expect("start_recording")
                assert len(phone.of_type("pong")) > SWAPS / 10, "it hardly talked"
                assert phone.close_code is None

    @staticmethod
    def until_shown(port: int, pair: Pair) -> None:
        """Wait until new clients are shown a certificate."""
        deadline = time.monotonic() + PATIENCE
        while shown(port) != serial(pair):
            assert time.monotonic() < deadline, "the new certificate never came"


async def talk(phone: Wire) -> None:
    """Ask and be answered, again and again."""
    while True:
        await phone.ask({"type": "ping"}, "pong")
        await asyncio.sleep(0.005)


class TestProxy:
    """The PROXY protocol."""

    def test_outside(self, tmp_path: Path) -> None:
        """A proxy says who comes, then TLS begins; the log has the phone's address."""
        with secure(tmp_path, "haproxy:") as (program, port):
            wire = socket.create_connection((LOOPBACK, port), PATIENCE)
            wire.sendall(b"PROXY TCP4 192.0.2.77 192.0.2.1 51234 3001\r\n")
            with trusting().wrap_socket(wire, server_hostname="localhost") as secured:
                secured.sendall(UPGRADE)
                assert secured.recv(12) == b"HTTP/1.1 101"
                secured.sendall(UNMASKED)
                wait_for(program, r"192\.0\.2\.77:51234")

    def test_inside(self, tmp_path: Path) -> None:
        """Without the proxy's line there is no handshake."""
        with (
            secure(tmp_path, "haproxy:") as (_, port),
            pytest.raises((ssl.SSLError, ConnectionError)),
        ):
            shake(port)


UPGRADE = (
    b"GET /sync HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
    b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)
UNMASKED = b"\x81\x02{}"
"""A frame no client may send: the server says in its log who sent it."""


class TestSockets:
    """Sockets that systemd has opened."""

    @pytest.mark.parametrize("before", ["", "tls:"])
    def test_handed_over(self, tmp_path: Path, before: str) -> None:
        """The program serves what was opened for it, with TLS where that is wanted."""
        put(tmp_path, FIRST)
        with socket.create_server((LOOPBACK, 0)) as opened:
            port = opened.getsockname()[1]
            described = f"{before}systemd:domain=INET:index=0"
            process = self.start(tmp_path, opened, described)
        try:
            # Whoever comes before the program listens waits in the socket's queue.
            wire = socket.create_connection((LOOPBACK, port), 15.0)
            if before:
                wire = trusting().wrap_socket(wire, server_hostname="localhost")
            with closing(wire):
                wire.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
                assert wire.recv(15) == b"HTTP/1.1 200 OK"
        finally:
            process.terminate()
            process.wait(GONE_WITHIN)
        scheme = "wss" if before else "ws"
        log = (tmp_path / "log").read_text("utf-8")
        assert f"phones connect to {scheme}://127.0.0.1:{port}/sync" in log

    @staticmethod
    def start(
        home: Path, opened: socket.socket, description: str
    ) -> subprocess.Popen[bytes]:
        """Start the program as systemd does: the socket is its descriptor 3."""
        twistd = Path(sys.executable).with_name("twistd")
        script = (
            "exec 3<&0 </dev/null; LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=x "
            'exec "$0" -n --pidfile= raydel --port="$1"'
        )
        with (home / "log").open("wb") as log:
            return subprocess.Popen(
                ["sh", "-c", script, str(twistd), description],
                cwd=home,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                stdin=opened.fileno(),
                stdout=log,
                stderr=log,
            )
