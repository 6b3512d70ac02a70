# noqa: INP001 - a script beside the examples, in no package.
"""Measures how phones fare among 500 connections that are slow, on loopback.

``python etc/slow_connections.py`` starts the program, opens 500 connections of a kind,
which send next to nothing, and has phones join meanwhile, one after the other. It tells
how long joins took, alone and among them, and when the last of the 500 was gone; then
the same for the next kind. It takes a minute, and ends with 1 where a promise of those
below is not kept. It needs the package `websockets`.
"""

from __future__ import annotations

import asyncio
import json
import math
import resource
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, Final, NamedTuple

from websockets.asyncio.client import connect

CROWD: Final = 500
GONE_WITHIN: Final = 10.5
"""Seconds. The server counts ten; this also holds what the machine adds."""

JOINS_WITHIN: Final = 0.1
"""Seconds for 99 of 100 joins, from the first packet to the answer."""

PAUSE: Final = 1.0
"""Seconds between two bytes of a slow connection."""

ALONE: Final = 2.0
"""Seconds for which phones join alone, for comparison."""

PATIENCE: Final = 15.0
"""Seconds after which anything is given up."""

HOST: Final = "127.0.0.1"
NAMES: Final = map("J{:05d}".format, count())
CERTIFICATE: Final = (
    "openssl req -x509 -newkey rsa:2048 -nodes -days 1 -keyout key.pem -out cert.pem "
    "-subj /CN=localhost"
)


class Slow(NamedTuple):
    """A way to be slow.

    Attributes:
        what: How it is called.
        first: What is sent at once.
        then: What is sent of, byte by byte.
        tls: Whether that is to the port for TLS.
    """

    what: str
    first: bytes
    then: bytes
    tls: bool = False


def kinds() -> Sequence[Slow]:
    """Return all that is tried."""
    hello = client_hello()
    post = b"POST /health HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9999\r\n\r\n"
    return (
        Slow("nothing at all", b"", b""),
        Slow("a byte of a header a second", b"GET / HTTP/1.1\r\nx: ", b"y" * 99),
        Slow("a byte of a body a second", post, b"y" * 99),
        Slow("nothing, to the port for TLS", b"", b"", tls=True),
        Slow("a byte of a handshake a second", hello[:9], hello[9:99], tls=True),
    )


def main() -> None:
    """Measure, and say what was found out."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 4096)), hard))
    with TemporaryDirectory() as folder, started(Path(folder)) as (plain, secure):
        kept = asyncio.run(measure(plain, secure))
    sys.exit(not kept)


async def measure(plain: int, secure: int) -> bool:
    """Try one kind after the other; return whether all promises were kept."""
    print(f"{CROWD} slow connections; joins alone and among them, in ms")  # noqa: T201
    print(f"{'what they send':32}{'alone: p50':>11}{'p99':>7}", end="")  # noqa: T201
    print(f"{'among: p50':>12}{'p99':>7}{'joins':>7}{'all gone':>10}")  # noqa: T201
    kept = True
    for kind in kinds():
        kept &= await tried(kind, plain, secure if kind.tls else plain)
    return kept


async def tried(kind: Slow, plain: int, port: int) -> bool:
    """Measure among one kind; print a line of the table."""
    alone = await joins(plain, asyncio.create_task(asyncio.sleep(ALONE)))
    crowd = asyncio.gather(*(slow(kind, port) for _ in range(CROWD)))
    among = await joins(plain, crowd)
    lives = crowd.result()
    p99 = quantile(among, 0.99)
    print(  # noqa: T201
        f"{kind.what:32}{median(alone) * 1e3:11.1f}{quantile(alone, 0.99) * 1e3:7.1f}"
        f"{median(among) * 1e3:12.1f}{p99 * 1e3:7.1f}{len(among):7}"
        f"{min(lives):6.2f} to {max(lives):.2f} s"
    )
    return p99 <= JOINS_WITHIN and max(lives) <= GONE_WITHIN


async def slow(kind: Slow, port: int) -> float:
    """Be slow until the server hangs up; return after how many seconds it does."""
    began = time.monotonic()
    reader, writer = await asyncio.open_connection(HOST, port)
    writer.write(kind.first)
    dripping = asyncio.create_task(drip(writer, kind.then))
    with suppress(ConnectionError, TimeoutError):
        async with asyncio.timeout(PATIENCE):
            while await reader.read(4096):
                pass
    lived = time.monotonic() - began
    dripping.cancel()
    writer.close()
    return lived


async def drip(writer: asyncio.StreamWriter, data: bytes) -> None:
    """Send byte by byte."""
    for byte in data:
        await asyncio.sleep(PAUSE)
        writer.write(bytes([byte]))


async def joins(port: int, until: asyncio.Future[Any]) -> list[float]:
    """Have phones join until something is done; return how long each took."""
    took = []
    while not until.done():
        began = time.monotonic()
        await join(port, next(NAMES))
        took.append(time.monotonic() - began)
        await asyncio.sleep(0.01)
    return took


async def join(port: int, code: str) -> None:
    """Connect and join, as a phone does."""
    url = f"ws://{HOST}:{port}/sync"
    async with asyncio.timeout(PATIENCE), connect(url, proxy=None) as wire:
        await wire.send(json.dumps({"type": "join", "sessionId": code, "isHost": True}))
        while json.loads(await wire.recv())["type"] != "joined":
            pass


def quantile(values: Sequence[float], share: float) -> float:
    """Return the smallest of the values that so many are not above."""
    return sorted(values)[math.ceil(share * len(values)) - 1]


def client_hello() -> bytes:
    """Return the first words of a TLS handshake."""
    sent = ssl.MemoryBIO()
    settings = ssl.create_default_context()
    with suppress(ssl.SSLWantReadError):
        settings.wrap_bio(ssl.MemoryBIO(), sent, server_hostname=HOST).do_handshake()
    return sent.read()


@contextmanager
def started(home: Path) -> Iterator[tuple[int, int]]:
    """Run the program; yield its plain port, and the one for TLS."""
    subprocess.run(  # noqa: S603
        CERTIFICATE.split(), cwd=home, check=True, capture_output=True
    )
    plain, secure = free_ports()
    # Of 500 that knock in one moment, Twisted's own 50 would be let in; the rest, and
    # phones among them, knock again after a second or three.
    where = f"interface={HOST}:backlog=1024"
    command = [
        *[str(Path(sys.executable).with_name("twistd")), "-n", "--pidfile=", "raydel"],
        f"--port=tcp:{plain}:{where}",
        f"--port=tls:{secure}:{where}",
        *["--certificate=cert.pem", "--private-key=key.pem", "--cleanup=0.05"],
    ]
    with (home / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=home, stdout=log, stderr=log)  # noqa: S603
    try:
        wait_for(secure, process)
        yield plain, secure
    finally:
        process.terminate()
        process.wait(PATIENCE)


def free_ports() -> tuple[int, int]:
    """Return two ports on which nobody listens."""
    with (
        socket.create_server((HOST, 0)) as one,
        socket.create_server((HOST, 0)) as other,
    ):
        return one.getsockname()[1], other.getsockname()[1]


def wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    """Wait until somebody listens."""
    deadline = time.monotonic() + PATIENCE
    while process.poll() is None and time.monotonic() < deadline:
        with suppress(OSError):
            socket.create_connection((HOST, port)).close()
            return
        time.sleep(0.05)
    sys.exit("the program did not start")


if __name__ == "__main__":
    main()
