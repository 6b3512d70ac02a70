"""The bench on a small scale: the load on the real program, peers held to a script."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from raydel.bench.apart import run_apart
from raydel.bench.climb import Climb, Series
from raydel.bench.climb import measure as ascend
from raydel.bench.dialling import dial
from raydel.bench.generator import measure
from raydel.bench.growth import unheard
from raydel.bench.job import Found, Job, Workload
from raydel.bench.rounds import measured
from raydel.bench.servers import PEERS, Running, Server, free_port
from raydel.bench.trouble import Trouble
from raydel.certificates.authority import new_authority
from tests.integration.program import Program
from tests.integration.wire import scenario

OURS = "raydel"


@pytest.fixture(scope="module", params=[OURS, *PEERS])
def target(request: pytest.FixtureRequest) -> Iterator[Server]:
    """Run each server that the bench knows, one after the other."""
    try:
        server = Server(request.param)
    except Trouble as trouble:
        pytest.skip(str(trouble))
    with server:
        yield server


# Peers do what we do, as far as it is measured.


@scenario
async def test_script(target: Server) -> None:
    """A match, and what is wrong in one, is answered by all of them alike."""
    url = f"ws://{target.host}:{target.port}/sync"
    async with connect(url, proxy=None) as host, connect(url, proxy=None) as guest:
        await refused(host, "invalid_message", "no JSON")
        await refused(host, "unknown_type", type="dance")
        await refused(host, "not_joined", type="start_recording")
        await refused(host, "session_id_required", type="join", isHost=True)
        await refused(host, "invalid_session_id", type="join", sessionId="A-1")
        await refused(host, "session_not_found", type="join", sessionId="NOBODY")
        joined = await seated(host, "MATCH1", host=True)
        assert joined["sessionStatus"]["deviceCount"] == 1
        await refused(host, "already_joined", type="join", sessionId="MATCH1")
        await seated(guest, "MATCH1", host=False)
        async with connect(url, proxy=None) as third:
            await refused(third, "session_full", type="join", sessionId="MATCH1")
        await told_clock(host)
        await told_clock(guest)
        await say(guest, type="device_ready")
        for phone in (host, guest):
            assert (await hear(phone, "readiness_update"))["total_devices"] == 2
        await refused(guest, "no_recording", type="stop_recording")
        await say(host, type="start_recording", timestamp=0)
        for phone in (host, guest):
            start = await hear(phone, "start_recording")
            assert start["initiator"] == joined["deviceId"]
            assert start["atomic_start_time"] > start["timestamp"]
        await refused(guest, "recording_in_progress", type="start_recording")
        await say(guest, type="stop_recording", timestamp=0)
        for phone in (host, guest):
            assert (await hear(phone, "stop_recording"))["sessionId"] == "MATCH1"
        await refused(
            host,
            "invalid_time_sync",
            type="time_sync_response",
            request_id="x",
            server_timestamp=0,
            client_timestamp="noon",
        )
        await say(host, type="ping")
        await hear(host, "pong")
        await host.close()
        await hear(guest, "session_ended")
        await asyncio.wait_for(guest.wait_closed(), 3)
        assert guest.close_code == 1000


async def say(phone: ClientConnection, **message: Any) -> None:
    """Send one message."""
    await phone.send(json.dumps(message))


async def hear(phone: ClientConnection, kind: str) -> dict[str, Any]:
    """Return the next message of a type, answering questions of time sync."""
    async with asyncio.timeout(3):
        while True:
            message: dict[str, Any] = json.loads(await phone.recv())
            if message["type"] == "time_sync_request":
                with suppress(ConnectionClosed):  # The last ones may come too late.
                    await answer(phone, message)
            if message["type"] == kind:
                return message


async def answer(phone: ClientConnection, question: dict[str, Any]) -> None:
    """Tell a clock that is a minute ahead."""
    at = question["server_timestamp"]
    await say(
        phone,
        type="time_sync_response",
        request_id=question["request_id"],
        server_timestamp=at,
        client_timestamp=at + 60_000,
    )


async def refused(
    phone: ClientConnection, code: str, text: str = "", **message: Any
) -> None:
    """Check that a message is refused with an error of that code."""
    await phone.send(text or json.dumps(message))
    assert (await hear(phone, "error"))["code"] == code


async def seated(phone: ClientConnection, code: str, *, host: bool) -> dict[str, Any]:
    """Join, and return what comes of it."""
    await say(
        phone,
        type="join",
        sessionId=code,
        isHost=host,
        deviceName="Phone",
        protocol=2,
        capabilities=["asked-around-starts"],
    )
    return await hear(phone, "joined")


async def told_clock(phone: ClientConnection) -> None:
    """Check that questions come, and that answers come to a minute."""
    update = await hear(phone, "time_sync_update")
    assert abs(update["offset_ms"] - 60_000) < 1_000


# The load.


def small(workload: Workload, **more: Any) -> Job:
    """Return a measurement of a moment."""
    size: dict[str, Any] = {"port": 0, "connections": 8, "in_flight": 4, "seconds": 0.4}
    return Job(workload, warm_up=0.1, **(size | more))


def put_on(server: Program, job: Job) -> Found:
    """Do a job on the program."""
    return measure(replace(job, port=server.port, process=server.process.pid))


def test_relays(server: Program) -> None:
    """Starts and stops are counted, and the questions around each start."""
    found = put_on(server, small("relays", seconds=0.8))
    assert found.count >= 4
    assert found.asked is not None
    assert found.asked > 4
    assert found.latencies["start"][0] > found.latencies["stop"][0]
    assert found.cpu is not None


def test_closed_loop(server: Program) -> None:
    """Each relay has two copies, and as many as wanted are under way."""
    found = put_on(server, small("ready"))
    assert found.count > 10
    assert abs(found.heard - found.exchanges - 2 * found.count) <= 2 * 4 + 16
    assert found.busy is not None


def test_open_loop(server: Program) -> None:
    """As many begin a second as were asked for, whatever the server does."""
    found = put_on(server, small("ready", rate=100.0, seconds=0.6))
    assert 45 <= found.count <= 75


def test_questions(server: Program) -> None:
    """Phones are asked again and again, and answer all of it."""
    found = put_on(server, small("sync", seconds=0.8))
    assert found.count >= 8 * 8
    assert found.count == found.exchanges


def test_joins(server: Program) -> None:
    """Hosts come and go, and leave nothing behind."""
    found = put_on(server, small("joins"))
    assert found.count >= 4
    assert server.rest("GET", "/health").body["activeSessions"] == 0


def test_idle(server: Program) -> None:
    """Idle connections all stay, and are given in bytes."""
    found = put_on(server, small("idle", connections=50, seconds=0.2))
    assert found.count == 50
    assert found.bytes_each is not None


def test_idle_phones(server: Program) -> None:
    """They join two by two, answer what they are asked, and all stay."""
    found = put_on(server, small("idle-phones", connections=20, settling=0.1))
    assert found.count == 20
    assert found.bytes_each is not None
    assert server.rest("GET", "/health").body["activeSessions"] == 0


@pytest.mark.parametrize("workload", ["ready", "joins"])
def test_tls(sealed: Server, workload: Workload) -> None:
    """The same loads are put on over TLS, by phones that trust one certificate."""
    found = measured(small(workload), sealed)
    assert found.count >= 4
    assert found.errors == 0


def test_strangers_certificate(sealed: Server) -> None:
    """A certificate that somebody else vouches for is refused."""
    other = new_authority("Somebody else").certificate_pem.decode()
    job = small("ready", authority=other)
    with pytest.raises(Trouble, match="no TLS with the server: CERTIFICATE_VERIFY"):
        measure(replace(job, port=sealed.port))


@pytest.fixture(scope="module")
def sealed() -> Iterator[Server]:
    """Run ours over TLS."""
    with Server("raydel-tls") as server:
        yield server


@pytest.mark.skipif(sys.platform != "linux", reason="others have one loopback address")
def test_many_addresses(server: Program) -> None:
    """From the ten-thousandth on, phones call from further addresses of loopback."""
    callers = []
    for number in (0, 9_999, 10_000, 25_000):
        line = dial(("127.0.0.1", server.port), number, None)
        with closing(socket.socket(fileno=os.dup(line.fileno()))) as twin:
            callers.append(twin.getsockname()[0])
        line.close()
    assert callers == ["127.0.0.1", "127.0.0.1", "127.0.0.2", "127.0.0.3"]


def test_too_slow(server: Program) -> None:
    """A load that takes far too long is given up, and that is said."""
    job = small("idle-unjoined", port=server.port, seconds=60.0)
    with pytest.raises(Trouble, match="it was not done in 1 s"):
        run_apart("raydel.bench.generator", job, 0.6, unheard)


# The climb.


@pytest.mark.parametrize("series", ["connections", "sessions"])
def test_climb(server: Program, series: Series) -> None:
    """A crowd grows, and shrinks again; each size has its load, then its upkeep."""
    climb = Climb(
        series,
        (4, 12),
        port=server.port,
        process=server.process.pid,
        in_flight=2,
        warm_up=0.1,
        seconds=0.2,
        settling=0.0,
        soon=0.1,
    )
    points = ascend(climb)
    assert [point.size for point in points] == [4, 12, 12, 4]
    there = [climb.scale * size for size in (4, 12, 12, 4)]
    assert [point.upkeep.count for point in points] == there
    for point in points:
        assert point.load.count > 10
        copies = point.load.heard - point.load.exchanges
        assert copies >= 2 * point.load.count - 2 * 2 * 2
        assert point.cost is not None
    assert server.rest("GET", "/health").body["activeSessions"] == 0


def test_nobody_there() -> None:
    """Where no server is, one sentence says so."""
    nobody = Running("127.0.0.1", free_port(), None)
    with pytest.raises(Trouble, match="no server at 127"):
        measured(small("ready"), nobody)


def test_command(server: Program, tmp_path: Path) -> None:
    """The command measures a server that runs, and prints what it found as JSON."""
    command = [
        *(sys.executable, "-m", "raydel", "bench", "--json", "--rounds=1"),
        *(f"--url=ws://127.0.0.1:{server.port}/sync", f"--pid={server.process.pid}"),
        *("--load=ready", "--sessions=2", "--in-flight=2", "--seconds=0.3"),
    ]
    root = str(Path(__file__).parents[2])
    done = subprocess.run(
        command,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": root},
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (found,) = json.loads(done.stdout)["found"]["ready"]["raydel"]
    assert found["count"] > 0
    assert found["cpu"] >= 0
