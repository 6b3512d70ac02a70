# noqa: INP001 - a script beside the examples, in no package.
"""Plays matches through the examples for nginx and HAProxy, on loopback.

``python etc/through_proxies.py`` puts each proxy before two servers in turn, with the
example as it stands but for ports and certificate, and looks whether the two phones
of every match meet. `etc/check-deploying` runs it; it needs nginx, haproxy, openssl
and the package `websockets`.
"""

from __future__ import annotations

import asyncio
import json
import re
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, NamedTuple

from websockets.asyncio.client import ClientConnection, connect

ETC: Final = Path(__file__).resolve().parent
NAME: Final = "raydel.example.org"
CODES: Final = [f"MATCH{letter}" for letter in "ABCDEFGHIJKLMNOPQRST"]
PATIENCE: Final = 15.0
"""Seconds anything may take, on a busy machine."""

_CERTIFICATE: Final = (
    "openssl req -x509 -newkey rsa:2048 -nodes -days 1 -keyout key.pem -out cert.pem "
    f"-subj /CN={NAME} -addext subjectAltName=DNS:{NAME}"
)


class Proxy(NamedTuple):
    """A proxy, and how it is tried.

    Attributes:
        example: Its example, below ``etc/``.
        changes: What is replaced in the example, as patterns, besides ports.
        around: What stands around the example; ``%s`` is its place.
        check: The command that only reads it, as a person would.
        run: The command that runs it in the foreground.
        port: How Raydel listens behind it.
        path: That of a guest; ``{lower}`` where capitals do not matter.
    """

    example: str
    changes: Mapping[str, str]
    around: str
    check: Sequence[str]
    run: Sequence[str]
    port: str
    path: str


PROXIES: Final = (
    Proxy(
        "nginx/raydel.conf",
        {r"/etc/letsencrypt/\S*/fullchain": "cert", r"/etc/\S*/privkey": "key"},
        "daemon off; pid nginx.pid; error_log stderr;\n"
        "events {}\nhttp { access_log off;\n%s}\n",
        ["nginx", "-t", "-q", "-e", "stderr", "-p", ".", "-c", "proxy.conf"],
        ["nginx", "-e", "stderr", "-p", ".", "-c", "proxy.conf"],
        "tcp:{}:interface=127.0.0.1",
        "/sync/{code}",
    ),
    Proxy(
        "haproxy/haproxy.cfg",
        {
            "/etc/haproxy/raydel.pem": "both.pem",
            r"\n *(user|group) .*": "",
            "/dev/log": "stdout format raw",
        },
        "%s",
        ["haproxy", "-c", "-q", "-f", "proxy.conf"],
        ["haproxy", "-db", "-f", "proxy.conf"],
        "haproxy:tcp:{}:interface=127.0.0.1",
        "/sync/{lower}",
    ),
)


def main() -> None:
    """Try every proxy, and say what was found out."""
    for proxy in PROXIES:
        with TemporaryDirectory() as folder, ExitStack() as running:
            said = tried(proxy, Path(folder), running)
        print(f"{proxy.example}: {said}")  # noqa: T201 - what it is run for


def tried(proxy: Proxy, home: Path, running: ExitStack) -> str:
    """Play all matches through one proxy; say in a few words how it went."""
    with_certificate(home)
    public, other, first, second = free_ports(4)
    ports = {3001: public, 443: other, 4001: first, 4002: second}
    (home / "proxy.conf").write_text(adapted(proxy, ports), encoding="utf-8")
    subprocess.run(proxy.check, cwd=home, check=True)  # noqa: S603
    twistd = [str(Path(sys.executable).with_name("twistd")), "-n", "--pidfile="]
    for port in (first, second):
        listen = f"--port={proxy.port.format(port)}"
        command = [*twistd, "raydel", listen, "--store=memory:"]
        running.enter_context(started(command, port, home))
    running.enter_context(started(proxy.run, public, home))
    here = asyncio.run(play(public, home, proxy.path))
    assert 0 < here < len(CODES), f"one server has {here} of all"  # noqa: S101
    return f"{len(CODES)} matches played, {here} of them on the first of two servers"


def adapted(proxy: Proxy, ports: Mapping[int, int]) -> str:
    """Return the example with other ports, a certificate, and its second server."""
    text = (ETC / proxy.example).read_text(encoding="utf-8")
    text = re.sub(r"#(server .*4002)", r"\1", text)
    for pattern, instead in proxy.changes.items():
        text = re.sub(pattern, instead, text)
    numbers = "|".join(map(str, ports))
    text = re.sub(rf"\b({numbers})\b", lambda found: str(ports[int(found[0])]), text)
    return proxy.around % text


async def play(port: int, home: Path, path: str) -> int:
    """Play all matches at once; return how many one server has, which is asked."""
    trust = ssl.create_default_context(cafile=str(home / "cert.pem"))
    async with AsyncExitStack() as open_wires, asyncio.timeout(PATIENCE):
        for code in CODES:
            host = await open_wires.enter_async_context(
                wire(port, "/sync/{code}", code, trust)
            )
            await say(host, "joined", type="join", sessionId=code, isHost=True)
            guest = await open_wires.enter_async_context(wire(port, path, code, trust))
            await say(guest, "joined", type="join", sessionId=code, isHost=False)
            await say(host, "start_recording", type="start_recording")
            await heard(guest, "start_recording")
            found = await asyncio.to_thread(get, port, trust, f"/api/sessions/{code}")
            assert found["deviceCount"] == 2, found  # noqa: PLR2004, S101
        health = await asyncio.to_thread(get, port, trust, "/health")
    return int(health["activeSessions"])


def wire(port: int, path: str, code: str, trust: ssl.SSLContext) -> connect:
    """Open a WebSocket as an app does, with the code in the path."""
    return connect(
        f"wss://{NAME}:{port}{path.format(code=code, lower=code.lower())}",
        host="127.0.0.1",
        port=port,
        ssl=trust,
        proxy=None,
        compression=None,
    )


async def say(phone: ClientConnection, answer: str, **message: object) -> None:
    """Send a message, and wait for the answer to it."""
    await phone.send(json.dumps(message))
    await heard(phone, answer)


async def heard(phone: ClientConnection, kind: str) -> None:
    """Wait for a message of one kind; an error is none that was hoped for."""
    while (message := json.loads(await phone.recv()))["type"] != kind:
        assert message["type"] != "error", message  # noqa: S101


def get(port: int, trust: ssl.SSLContext, path: str) -> Any:
    """Ask over REST, at loopback and under the name of the certificate."""
    request = f"GET {path} HTTP/1.1\r\nHost: {NAME}\r\nConnection: close\r\n\r\n"
    with (
        socket.create_connection(("127.0.0.1", port), PATIENCE) as plain,
        trust.wrap_socket(plain, server_hostname=NAME) as secure,
    ):
        secure.sendall(request.encode("ascii"))
        answer = b"".join(iter(lambda: secure.recv(4096), b""))
    return json.loads(re.search(rb"\{.*\}", answer, re.DOTALL)[0])  # type: ignore[index]


@contextmanager
def started(command: Sequence[str], port: int, home: Path) -> Iterator[None]:
    """Run a program, from when it listens until the end of the block."""
    with subprocess.Popen(command, cwd=home, stdout=subprocess.DEVNULL) as process:  # noqa: S603
        try:
            wait_for(port, time.monotonic() + PATIENCE)
            yield
        finally:
            process.terminate()


def wait_for(port: int, deadline: float) -> None:
    """Wait until somebody listens at a port."""
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise SystemExit(f"raydel: nobody came to listen at port {port}")


def free_ports(count: int) -> list[int]:
    """Return numbers of ports that nobody has."""
    with ExitStack() as held:
        probes = [
            held.enter_context(socket.create_server(("127.0.0.1", 0)))
            for _ in range(count)
        ]
        return [int(probe.getsockname()[1]) for probe in probes]


def with_certificate(home: Path) -> None:
    """Make a certificate for a day, in the three files the examples know."""
    subprocess.run(_CERTIFICATE.split(), cwd=home, check=True, capture_output=True)  # noqa: S603
    files = [(home / each).read_text("ascii") for each in ("cert.pem", "key.pem")]
    (home / "both.pem").write_text("".join(files), encoding="ascii")


if __name__ == "__main__":
    main()
