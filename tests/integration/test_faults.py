"""Links that break, phones that fall silent, a server that goes: over real sockets."""

from __future__ import annotations

import asyncio
import json
import socket
from contextlib import AsyncExitStack

from tests.delays import LOOPBACK, Delay, DelayedLink
from tests.integration.phones import LIBRARY_1, LIBRARY_2, SCREEN_2, Kind, Phone
from tests.integration.program import GONE_WITHIN, Program
from tests.integration.wire import Wire, scenario, true_time

AT_ONCE = Delay()
UNREAD = 256 * 1024
"""Bytes a client may leave unread."""

BUFFERED = 256 * 1024
"""Bytes that the two kernels may hold besides, and the last questions ask for."""

FLOOD = 1800
"""Messages at once that are still no flood."""


@scenario
async def test_a_phone_that_was_cut_off_gets_the_stop_it_missed(
    server: Program, code: str
) -> None:
    """A phone records on without its link, and is told to stop when it is back."""
    async with Stage(server, code) as stage:
        host = await stage.phone(LIBRARY_2, host=True)
        link = await stage.link()
        guest = await stage.phone(LIBRARY_2, host=False, port=link.port)
        await start(host, guest)
        link.cut()
        await host.wire.expect("device_disconnected")
        assert guest.is_recording
        await host.tap_stop()
        await host.stopped()
        assert guest.is_recording
        link.mend()
        await guest.stopped()
        await host.wire.expect("device_connected", deviceName=guest.name)
        assert len(guest.wire.of_type("start_recording")) == 0


@scenario
async def test_a_guest_stops_while_the_host_is_gone(server: Program, code: str) -> None:
    """A take outlives its host's link: the guest may end it for both."""
    async with Stage(server, code) as stage:
        link = await stage.link()
        host = await stage.phone(LIBRARY_1, host=True, port=link.port)
        guest = await stage.phone(LIBRARY_1, host=False)
        await start(host, guest)
        link.cut()
        await guest.wire.expect("device_disconnected")
        await guest.tap_stop()
        await guest.stopped()
        assert host.is_recording
        link.mend()
        await host.stopped()


@scenario
async def test_a_screen_keeps_its_stop_button(server: Program, code: str) -> None:
    """A screen is not told of a lost phone while it records; its stop still works."""
    async with Stage(server, code) as stage:
        host = await stage.phone(SCREEN_2, host=True)
        link = await stage.link()
        guest = await stage.phone(LIBRARY_1, host=False, port=link.port)
        await start(host, guest)
        link.cut()
        await stage.until_alone()
        seen = await host.wire.fence()
        assert [m for m in seen if m["type"] == "device_disconnected"] == []
        await host.tap_stop()
        await host.stopped()
        link.mend()
        await guest.stopped()


@scenario
async def test_a_screen_does_not_notice_a_phone_that_returns(
    server: Program, code: str
) -> None:
    """A link lost and found within a take is not worth a word to a screen."""
    async with Stage(server, code) as stage:
        host = await stage.phone(SCREEN_2, host=True)
        link = await stage.link()
        guest = await stage.phone(LIBRARY_1, host=False, port=link.port)
        await start(host, guest)
        lost = guest.wire
        link.cut()
        await stage.until_alone()
        link.mend()
        await guest.until(lambda: guest.wire is not lost or None, "a new wire")
        await guest.wire.expect("joined")
        seen = [message["type"] for message in await host.wire.fence()]
        assert "device_disconnected" not in seen
        assert seen.count("device_connected") == 1
        await host.tap_stop()
        await guest.stopped()


@scenario
async def test_a_start_that_never_arrived_is_sent_again(
    server: Program, code: str
) -> None:
    """A start lost with its connection follows when the phone is back."""
    async with Stage(server, code) as stage:
        host = await stage.phone(LIBRARY_2, host=True)
        link = await stage.link()
        guest = await stage.phone(LIBRARY_2, host=False, port=link.port)
        await host.settled()
        await guest.settled()
        link.freeze()
        await host.tap_start()
        await host.recording()
        assert not guest.is_recording
        link.cut()
        link.mend()
        await guest.recording()
        await host.tap_stop()
        await guest.stopped()


@scenario
async def test_a_displaced_guest_is_told_to_stop(server: Program, code: str) -> None:
    """A guest whose seat was given away hears of the stop, then of the refusal."""
    async with Stage(server, code) as stage:
        host = await stage.phone(LIBRARY_1, host=True)
        link = await stage.link()
        guest = await stage.phone(LIBRARY_1, host=False, port=link.port)
        await start(host, guest)
        link.cut()
        await host.wire.expect("device_disconnected")
        await stage.phone(SCREEN_2, host=False)
        await host.tap_stop()
        await host.stopped()
        link.mend()
        await guest.stopped()
        assert (await guest.wire.expect("error"))["code"] == "session_full"


@scenario
async def test_an_ended_session_still_tells_its_stop(
    server: Program, code: str
) -> None:
    """A guest that was away when its session was ended is told to stop."""
    async with Stage(server, code) as stage:
        host = await stage.phone(LIBRARY_1, host=True)
        link = await stage.link()
        guest = await stage.phone(LIBRARY_1, host=False, port=link.port)
        await start(host, guest)
        link.cut()
        await host.wire.expect("device_disconnected")
        path = f"/api/sessions/{code}"
        ended = await asyncio.to_thread(server.rest, "DELETE", path)
        assert ended.body == {"message": "Session ended"}
        await host.stopped()
        assert await host.wire.closed() == 1000
        link.mend()
        await guest.stopped()
        assert (await guest.wire.expect("error"))["code"] == "session_not_found"


@scenario
async def test_a_host_that_leaves_while_recording_ends_nothing(
    server: Program, code: str
) -> None:
    """After the host's goodbye the take goes on, and the guest stops it."""
    async with Stage(server, code) as stage:
        host = await stage.phone(LIBRARY_1, host=True)
        guest = await stage.phone(LIBRARY_1, host=False)
        await start(host, guest)
        await host.wire.close(1000, "User disconnected")
        await guest.wire.expect("device_disconnected", deviceId=host.device_id)
        assert server.rest("GET", f"/api/sessions/{code}").body["isRecording"] is True
        await guest.tap_stop()
        await guest.stopped()


@scenario
async def test_a_host_that_leaves_ends_an_idle_session(
    server: Program, code: str
) -> None:
    """While nothing is recorded, the host's goodbye ends the session for both."""
    async with Stage(server, code) as stage:
        host = await stage.phone(LIBRARY_1, host=True)
        guest = await stage.phone(LIBRARY_1, host=False)
        await host.wire.close(1000, "User disconnected")
        await guest.wire.expect("device_disconnected", deviceId=host.device_id)
        await guest.wire.expect("session_ended", sessionId=code)
        assert await guest.wire.closed() == 1000
        assert server.rest("GET", f"/api/sessions/{code}").status == 404


@scenario
async def test_a_client_that_does_not_read_is_cut_off(
    server: Program, code: str
) -> None:
    """256 KiB unread are the end of a client; the other phone notices nothing."""
    async with Stage(server, code) as stage:
        host = await stage.phone(LIBRARY_1, host=True)
        async with await Wire.open(server.port, sock=small_socket(server)) as deaf:
            await deaf.ask({"type": "join", "sessionId": code}, "joined")
            deaf.socket.transport.pause_reading()
            kept, slowest = await drown(deaf, host)
            assert UNREAD <= kept <= UNREAD + BUFFERED
            assert slowest < 500
            deaf.socket.transport.resume_reading()
            assert await deaf.closed() == 1006
        await host.wire.fence()
        assert host.wire.close_code is None


async def drown(deaf: Wire, other: Phone) -> tuple[int, float]:
    """Make the server answer at length until it cuts the line.

    Returns:
        The bytes of all answers, and the longest that the other phone waited
        for an answer meanwhile, ms.
    """
    question = {"type": 64 * "😀"}
    answer = await other.wire.ask(question, "error")
    size = len(json.dumps(answer, ensure_ascii=False).encode())
    asked, slowest = 0, 0.0
    while not other.wire.of_type("device_disconnected"):
        assert asked < FLOOD, f"{asked * size} bytes were kept"
        await asyncio.gather(*(deaf.send(question) for _ in range(50)))
        asked += 50
        before = true_time()
        await other.wire.fence()
        slowest = max(slowest, true_time() - before)
    return asked * size, slowest


def small_socket(server: Program) -> socket.socket:
    """Connect with buffers so small that the server has to keep what is unread.

    A small segment size keeps the server's own send buffer small too.
    """
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 536)
    client.connect((LOOPBACK, server.port))
    client.setblocking(False)
    return client


@scenario
async def test_sigterm_says_1012_and_exits(own_server: Program, code: str) -> None:
    """A server that goes tells every phone to come back, and goes quickly."""
    async with (
        await Wire.open(own_server.port) as host,
        await Wire.open(own_server.port) as stranger,
    ):
        await host.ask({"type": "join", "sessionId": code, "isHost": True}, "joined")
        own_server.terminate()
        assert await host.closed() == 1012
        assert await stranger.closed() == 1012
        await asyncio.to_thread(own_server.process.wait, GONE_WITHIN)


@scenario
async def test_a_host_takes_its_seat_back_from_a_ghost(
    server: Program, code: str
) -> None:
    """A host whose old link died unnoticed is let in once that link kept silent."""
    async with Stage(server, code) as stage:
        link = await stage.link()
        ghost = await stage.phone(LIBRARY_1, host=True, port=link.port)
        guest = await stage.phone(LIBRARY_1, host=False)
        link.freeze()
        before = true_time()
        back = await stage.phone(LIBRARY_1, host=True)
        assert 1500 <= true_time() - before <= 3000
        assert back.device_id == ghost.device_id
        await back.wire.expect("device_connected", deviceName=guest.name)
        await back.tap_start()
        await back.recording()
        await guest.recording()


@scenario
async def test_a_living_host_keeps_its_seat(server: Program, code: str) -> None:
    """A second host of the same name is refused while the first one answers."""
    async with Stage(server, code) as stage:
        host = await stage.phone(LIBRARY_1, host=True)
        async with await Wire.open(server.port) as second:
            join = {"type": "join", "sessionId": code, "isHost": True}
            error = await second.ask({**join, "deviceName": host.name}, "error")
            assert error["message"] == "Session already has a host"
            assert error["code"] == "host_exists"
            other = await second.ask({**join, "deviceName": "Another"}, "error")
            assert other["code"] == "host_exists"
        await host.wire.fence()
        assert host.wire.close_code is None


@scenario
async def test_two_starts_at_once_make_one_take(server: Program, code: str) -> None:
    """Of two phones that tap at the same time, one starts the take for both."""
    async with Stage(server, code) as stage:
        host = await stage.phone(LIBRARY_1, host=True)
        guest = await stage.phone(LIBRARY_1, host=False)
        await asyncio.gather(host.tap_start(), guest.tap_start())
        starts = [await p.wire.expect("start_recording") for p in (host, guest)]
        assert starts[0]["initiator"] == starts[1]["initiator"]
        errors = [*host.wire.of_type("error"), *guest.wire.of_type("error")]
        assert [error["code"] for error in errors] == ["recording_in_progress"]
        assert errors[0]["takeId"]


async def start(host: Phone, guest: Phone) -> None:
    """Start a take on both phones."""
    await host.settled()
    await guest.settled()
    await host.tap_start()
    await host.recording()
    await guest.recording()


class Stage(AsyncExitStack):
    """The phones and links of one test, gone when it ends."""

    def __init__(self, server: Program, code: str) -> None:
        super().__init__()
        self._server = server
        self._code = code

    async def link(self) -> DelayedLink:
        """Lay a link that can be cut."""
        link = DelayedLink(self._server.port, up=AT_ONCE, down=AT_ONCE)
        return await self.enter_async_context(link)

    async def phone(self, kind: Kind, *, host: bool, port: int | None = None) -> Phone:
        """Bring a phone in, and wait until it has joined."""
        phone = Phone(kind, host=host, port=port or self._server.port, code=self._code)
        await self.enter_async_context(phone)
        await phone.wire.expect("joined")
        return phone

    async def until_alone(self) -> None:
        """Wait until the server shows one device in the session."""
        path = f"/api/sessions/{self._code}"
        deadline = asyncio.get_running_loop().time() + 3
        while True:
            answer = await asyncio.to_thread(self._server.rest, "GET", path)
            if answer.body["deviceCount"] == 1:
                return
            assert asyncio.get_running_loop().time() < deadline
            await asyncio.sleep(0.02)
