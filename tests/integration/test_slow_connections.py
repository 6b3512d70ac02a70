"""Phones on real sockets, among connections that send next to nothing."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from statistics import median

import pytest

from tests.delays import LOOPBACK
from tests.integration.phones import new_code
from tests.integration.program import Program
from tests.integration.test_tls import secure
from tests.integration.wire import Wire

CROWD = 100
ROUNDS = 5
JOINS = 8
"""Of a round, once alone and once in the crowd: in turn, for the machine has moods."""

SLOWER = 3.0
"""How many times as long a join may take in the crowd, by the median. It takes about
as long; were the crowd looked at in turn, it would be dozens of times."""

BEGUN = b"GET /health HTTP/1.1\r\nx: "
HELLO = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc"
"""The first bytes of a TLS handshake."""


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Program, int]]:
    """Run the program, with a port for TLS beside the plain one."""
    with secure(tmp_path_factory.mktemp("slow")) as running:
        yield running


@contextmanager
def crowd(program: Program, port: int) -> Iterator[list[socket.socket]]:
    """Have slow connections on both ports: a header there, a handshake here."""
    with ExitStack() as opened:
        sockets = []
        for number in range(CROWD):
            where, first = ((program.port, BEGUN), (port, HELLO))[number % 2]
            wire = socket.create_connection((LOOPBACK, where), 3)
            wire.sendall(first)
            sockets.append(opened.enter_context(wire))
        yield sockets


def drip(sockets: list[socket.socket]) -> None:
    """Send another byte on each."""
    for each in sockets:
        each.sendall(b"x")


async def joins(port: int, sockets: list[socket.socket]) -> list[float]:
    """Return how long each of some joins takes, with bytes of others in between."""
    took = []
    for _ in range(JOINS):
        drip(sockets)
        began = time.perf_counter()
        async with await Wire.open(port) as phone:
            await phone.ask(
                {"type": "join", "sessionId": new_code(), "isHost": True}, "joined"
            )
            took.append(time.perf_counter() - began)
    return took


class TestCrowd:
    """A hundred that are slow."""

    def test_joins(self, both: tuple[Program, int]) -> None:
        """Phones join as quickly among them as alone."""
        alone, among = [], []
        for _ in range(ROUNDS):
            alone += asyncio.run(joins(both[0].port, []))
            with crowd(*both) as sockets:
                among += asyncio.run(joins(both[0].port, sockets))
        assert median(among) < SLOWER * median(alone)
