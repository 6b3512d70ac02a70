"""The delaying link that other tests rest on."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from tests.delays import LOOPBACK, Delay, DelayedLink
from tests.integration.wire import scenario, true_time

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def echo_behind(delay: Delay) -> AsyncIterator[tuple[DelayedLink, Streams]]:
    """Lay a link to a server that sends everything back."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(1024):
                writer.write(data)
        writer.close()

    server = await asyncio.start_server(echo, LOOPBACK, 0)
    port = server.sockets[0].getsockname()[1]
    async with server, DelayedLink(port, up=delay, down=delay) as link:
        streams = await asyncio.open_connection(LOOPBACK, link.port)
        yield link, streams
        streams[1].close()


@scenario
async def test_a_round_trip_takes_both_delays() -> None:
    """What goes there and back is late by the delay of each way."""
    async with echo_behind(Delay(20.0)) as (_, (reader, writer)):
        before = true_time()
        writer.write(b"?")
        assert await reader.readexactly(1) == b"?"
        assert 40.0 <= true_time() - before < 500.0


@scenario
async def test_nothing_overtakes() -> None:
    """Bytes arrive in the order in which they left, whatever the jitter."""
    sent = [f"{number:03d}".encode() for number in range(50)]
    async with echo_behind(Delay(1.0, jitter=10.0)) as (_, (reader, writer)):
        for word in sent:
            writer.write(word)
            await asyncio.sleep(0.001)
        assert await reader.readexactly(150) == b"".join(sent)


@scenario
async def test_a_frozen_link_holds_back_until_it_thaws() -> None:
    """Nothing comes through a frozen link, and nothing is lost in it."""
    async with echo_behind(Delay()) as (link, (reader, writer)):
        writer.write(b"!")
        await reader.readexactly(1)
        link.freeze()
        writer.write(b"?")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.read(1), 0.1)
        link.thaw()
        assert await asyncio.wait_for(reader.read(1), 1) == b"?"


@scenario
async def test_an_end_comes_through_once_a_link_thaws() -> None:
    """What a server sent before it died, and that it died, is heard after the thaw."""

    async def die(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link.freeze()
        writer.write(b"bye")
        await asyncio.sleep(0.05)
        own = writer.get_extra_info("socket")
        own.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()
        dead.set()

    dead = asyncio.Event()
    server = await asyncio.start_server(die, LOOPBACK, 0)
    port = server.sockets[0].getsockname()[1]
    async with server, DelayedLink(port, up=Delay(), down=Delay()) as link:
        reader, writer = await asyncio.open_connection(LOOPBACK, link.port)
        await asyncio.wait_for(dead.wait(), 1)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.read(1), 0.1)
        link.thaw()
        assert await asyncio.wait_for(reader.read(), 1) == b"bye"
        writer.close()


@scenario
async def test_a_cut_link_breaks_and_refuses_until_mended() -> None:
    """A cut ends what is open, and whoever calls again, until the link is mended."""
    async with echo_behind(Delay()) as (link, (reader, writer)):
        writer.write(b"!")
        await reader.readexactly(1)
        link.cut()
        with pytest.raises(ConnectionError):
            await asyncio.wait_for(reader.readexactly(1), 1)
        other, _ = await asyncio.open_connection(LOOPBACK, link.port)
        with pytest.raises(ConnectionError):
            await asyncio.wait_for(other.readexactly(1), 1)
        link.mend()
        third, voice = await asyncio.open_connection(LOOPBACK, link.port)
        voice.write(b"?")
        assert await asyncio.wait_for(third.readexactly(1), 1) == b"?"
        voice.close()
