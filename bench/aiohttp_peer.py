"""The same protocol on `aiohttp`: ``python bench/aiohttp_peer.py PORT``."""

from __future__ import annotations

import asyncio
import sys

from aiohttp import WSMsgType, web
from rules import BEAT, CADENCE, MAX_MESSAGE, SPACING, Phone, faster_loop, health

phones: set[Phone] = set()


async def handle(request: web.Request) -> web.WebSocketResponse:
    """Serve one phone; a queue and a task send, as in the peer on `websockets`."""
    socket = web.WebSocketResponse(
        heartbeat=BEAT, max_msg_size=MAX_MESSAGE, compress=False
    )
    await socket.prepare(request)
    queue: asyncio.Queue[str | None] = asyncio.Queue()
    loop = asyncio.get_running_loop()
    phone = Phone(queue.put_nowait, lambda: queue.put_nowait(None), loop.call_later)
    phones.add(phone)
    sending = asyncio.create_task(send(socket, queue))
    try:
        async for message in socket:
            if message.type is not WSMsgType.TEXT:
                await socket.close(code=1003)
                break
            phone.received(message.data)
    finally:
        sending.cancel()
        phones.discard(phone)
        phone.gone()
    return socket


async def send(socket: web.WebSocketResponse, queue: asyncio.Queue[str | None]) -> None:
    """Send what one phone is told, in order."""
    try:
        while (data := await queue.get()) is not None:
            await socket.send_str(data)
        await socket.close(code=1000)
    except ConnectionError:
        pass


async def look(_request: web.Request) -> web.Response:
    """Answer GET /health."""
    return web.Response(text=health(len(phones)), content_type="application/json")


async def main() -> None:
    """Serve until the end."""
    app = web.Application()
    app.router.add_get("/sync", handle)
    app.router.add_get("/health", look)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", int(sys.argv[1]), backlog=1024).start()
    while True:
        await asyncio.sleep(CADENCE)
        for phone in phones:
            phone.ask(SPACING)


if __name__ == "__main__":
    faster_loop()
    asyncio.run(main())
