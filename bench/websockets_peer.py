"""The same protocol on `websockets`: ``python bench/websockets_peer.py PORT``."""

from __future__ import annotations

import asyncio
import sys
from http import HTTPStatus

from rules import BEAT, CADENCE, MAX_MESSAGE, SPACING, Phone, faster_loop, health
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

phones: set[Phone] = set()


async def handle(connection: ServerConnection) -> None:
    """Serve one phone.

    A library that sends by `await` needs a queue and a task where several phones are
    told at once: this is the least there is.
    """
    queue: asyncio.Queue[str | None] = asyncio.Queue()
    loop = asyncio.get_running_loop()
    phone = Phone(queue.put_nowait, lambda: queue.put_nowait(None), loop.call_later)
    phones.add(phone)
    sending = asyncio.create_task(send(connection, queue))
    try:
        async for data in connection:
            if isinstance(data, bytes):
                await connection.close(1003)
                break
            phone.received(data)
    except ConnectionClosed:
        pass
    finally:
        sending.cancel()
        phones.discard(phone)
        phone.gone()


async def send(connection: ServerConnection, queue: asyncio.Queue[str | None]) -> None:
    """Send what one phone is told, in order."""
    try:
        while (data := await queue.get()) is not None:
            await connection.send(data)
        await connection.close(1000)
    except ConnectionClosed:
        pass


def answer(connection: ServerConnection, request: Request) -> Response | None:
    """Answer what is no WebSocket."""
    if request.path == "/health":
        return connection.respond(HTTPStatus.OK, health(len(phones)))
    return None


async def main() -> None:
    """Serve until the end."""
    serving = serve(
        handle,
        "127.0.0.1",
        int(sys.argv[1]),
        process_request=answer,
        compression=None,
        max_size=MAX_MESSAGE,
        ping_interval=BEAT,
        ping_timeout=10,
        backlog=1024,
    )
    async with serving:
        while True:
            await asyncio.sleep(CADENCE)
            for phone in phones:
                phone.ask(SPACING)


if __name__ == "__main__":
    faster_loop()
    asyncio.run(main())
