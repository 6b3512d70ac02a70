"""Protocol 2 over real sockets: tokens, true offsets, resuming."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.delays import Delay, DelayedLink
from tests.integration.phones import LIBRARY_2, Phone, PhoneClock
from tests.integration.program import Program
from tests.integration.wire import Arrival, Message, Wire, scenario

FAST = PhoneClock(40_000.0)
SLOW = PhoneClock(-7_000.0)

CLOSE = 6.0
"""ms: what whole-ms clocks, loopback and a busy machine may add up to."""

NEW_KEYS = {"resumeToken", "clockId", "resumed", "recovered", "take"}


@asynccontextmanager
async def joined(
    port: int, code: str, clock: PhoneClock, **fields: object
) -> AsyncIterator[tuple[Wire, Message]]:
    """Join with protocol 2, and answer probes with that clock."""
    peers: list[Wire] = []

    async def hear(arrival: Arrival) -> None:
        request = arrival.message
        if request["type"] == "time_sync_request":
            echo = {key: request[key] for key in ("request_id", "server_timestamp")}
            answer = {"type": "time_sync_response", **echo}
            await peers[0].send({**answer, "client_timestamp": clock.read()})

    async with await Wire.open(port, hear=hear) as wire:
        peers.append(wire)
        join = {"type": "join", "protocol": 2, "sessionId": code}
        yield wire, await wire.ask({**join, **fields}, "joined")


async def measured(wire: Wire) -> Message:
    """Return the update that follows the fifth answer."""
    await wire.until(
        lambda: len(wire.of_type("time_sync_update")) >= 5 or None, "five updates"
    )
    return wire.of_type("time_sync_update")[4]


@scenario
async def test_a_join_brings_a_token_and_a_clock(server: Program, code: str) -> None:
    """A protocol 2 phone learns how to come back, and whose time it is told."""
    async with (
        joined(server.port, code, FAST, isHost=True) as (host, first),
        joined(server.port, code, SLOW, isHost=False) as (guest, second),
    ):
        assert first["resumeToken"] != second["resumeToken"]
        assert min(len(first["resumeToken"]), len(second["resumeToken"])) >= 22
        assert first["clockId"] == second["clockId"]
        assert first["resumed"] is second["resumed"] is False
        assert (await host.expect("device_connected"))["isHost"] is False
        assert (await guest.expect("device_connected"))["isHost"] is True


@scenario
async def test_offsets_are_true(server: Program, code: str) -> None:
    """A protocol 2 phone is told how far its clock is from the server's."""
    async with (
        joined(server.port, code, FAST, isHost=True) as (host, _),
        joined(server.port, code, SLOW, isHost=False) as (guest, _),
    ):
        ahead, behind = await measured(host), await measured(guest)
        difference = ahead["offset_ms"] - behind["offset_ms"]
        assert abs(difference - 47_000) < CLOSE
        for update in (ahead, behind):
            assert update["sample_count"] == 5
            assert 0 <= update["uncertainty_ms"] <= update["bound_ms"] < 50


@scenario
async def test_a_start_is_given_in_both_times(server: Program, code: str) -> None:
    """Two protocol 2 phones get one server time, and each the same in its own."""
    async with (
        joined(server.port, code, FAST, isHost=True) as (host, _),
        joined(server.port, code, SLOW, isHost=False) as (guest, _),
    ):
        offsets = [(await measured(wire))["offset_ms"] for wire in (host, guest)]
        await host.send({"type": "start_recording"})
        starts = [await wire.expect("start_recording") for wire in (host, guest)]
        assert starts[0]["atomic_start_time"] == starts[1]["atomic_start_time"]
        assert starts[0]["takeId"] == starts[1]["takeId"]
        for start, offset in zip(starts, offsets, strict=True):
            in_server_time = start["localStartTime"] - offset
            assert abs(in_server_time - start["atomic_start_time"]) < CLOSE
        await guest.send({"type": "stop_recording"})
        for wire in (host, guest):
            assert (await wire.expect("stop_recording"))["reason"] == "command"


@scenario
async def test_a_token_brings_the_seat_back(server: Program, code: str) -> None:
    """A phone that was cut off comes back by its token, whatever its name is."""
    no_delay = Delay()
    async with (
        joined(server.port, code, FAST, isHost=True) as (host, _),
        DelayedLink(server.port, up=no_delay, down=no_delay) as link,
        joined(link.port, code, SLOW, isHost=False) as (guest, before),
    ):
        await host.send({"type": "start_recording"})
        take = (await guest.expect("start_recording"))["takeId"]
        link.cut()
        gone = await host.expect("device_disconnected")
        assert gone["reason"] == "lost"
        await host.send({"type": "stop_recording"})
        await host.expect("stop_recording")
        token = {"resumeToken": before["resumeToken"], "deviceName": "Renamed"}
        async with joined(server.port, code, SLOW, isHost=False, **token) as (
            again,
            after,
        ):
            assert after["resumed"] is True
            assert after["deviceId"] == before["deviceId"]
            assert (await again.expect("stop_recording"))["takeId"] == take
            back = await host.expect("device_connected")
            assert back["resumed"] is True


@scenario
async def test_a_late_phone_is_told_of_the_take(server: Program, code: str) -> None:
    """A protocol 2 phone that joins in mid-take is told of it in ``joined``."""
    async with joined(server.port, code, FAST, isHost=True) as (host, _):
        await host.send({"type": "start_recording"})
        take = (await host.expect("start_recording"))["takeId"]
        async with joined(server.port, code, SLOW, isHost=False) as (guest, late):
            assert late["take"]["takeId"] == take
            assert late["take"]["participant"] is False
            seen = await guest.fence()
            assert "start_recording" not in [message["type"] for message in seen]


@scenario
async def test_released_phones_hear_none_of_it(server: Program, code: str) -> None:
    """What is new goes to protocol 2 alone."""
    async with joined(server.port, code, FAST, isHost=True) as (host, _):
        guest = Phone(LIBRARY_2, host=False, port=server.port, code=code)
        async with guest:
            await guest.settled()
            await host.send({"type": "start_recording"})
            await guest.recording()
            await host.send({"type": "stop_recording"})
            await guest.stopped()
            for message in guest.wire.of_type("joined", "device_connected"):
                assert not NEW_KEYS & message.keys()
                assert "isHost" in message or message["type"] == "device_connected"
            for message in guest.wire.of_type("start_recording", "stop_recording"):
                assert not {"takeId", "localStartTime", "reason"} & message.keys()
            assert "isHost" not in guest.wire.of_type("device_connected")[0]
