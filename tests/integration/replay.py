"""Recordings of the predecessor, read, and played to our server.

A recording becomes a script of entries in plain terms: ids, times and codes are
replaced by what they mean, so that two conversations can be compared.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from tests.integration.phones import PhoneClock
from tests.integration.program import Program
from tests.integration.wire import Arrival, Message, Wire

FIXTURES = Path(__file__).parents[1] / "fixtures" / "wire"

CLOCKS = {"host": 40_000.0, "guest": -7_000.0}
"""ms by which the recorded phones' clocks were ahead of true time."""

NEARBY = 3_400.0
"""ms: times this close to a clock are read off it; no two clocks are closer."""

SYNC = ("time_sync_request", "time_sync_update")

_TIMES = {
    "timestamp",
    "atomic_start_time",
    "atomic_start",
    "server_now",
    "server_timestamp",
    "server_receive_timestamp",
}
_MEASURES = {"latency_ms", "latency_compensation", "buffer_time_ms", "sample_count"}
_OPAQUE = {
    "request_id": "<request>",
    "takeId": "<take>",
    "detail": "<detail>",
    "server_high_res": "<ns>",
}
_HEADERS = (
    "content-type",
    "access-control-allow-origin",
    "access-control-allow-methods",
)
_ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


@dataclass(frozen=True)
class Entry:
    """One thing that happened, in plain terms.

    ``send``, ``close`` and ``rest`` are what a client did, the last two with their
    answers, where they are known; ``frame``, ``sync`` (all probes of a device up
    to there) and ``closed`` are what it saw.

    Attributes:
        at: ms since the recording began.
        answers: Whether the device answers time-sync requests.
        cause: What the device had sent last.
    """

    device: str
    what: Literal["send", "frame", "sync", "close", "closed", "rest"]
    body: Any
    at: float = 0.0
    answers: bool = False
    cause: str = ""


@dataclass
class Terms:
    """What ids and times mean in one conversation."""

    ids: dict[str, str] = field(default_factory=dict)

    def note(self, device: str, message: Message) -> None:
        """Learn whose id is whose."""
        if message["type"] == "joined":
            known = message["deviceId"]
            length = "short id" if len(known) == 6 else "id"
            self.ids[known] = f"<{length} of {device}>"

    def plain(self, value: Any, now: float, key: str = "") -> Any:
        """Return a JSON value with ids and times replaced by their meaning."""
        match value:
            case dict():
                return {self._named(k): self.plain(v, now, k) for k, v in value.items()}
            case list():
                return [self.plain(item, now, key) for item in value]
            case str() if key in _OPAQUE:
                return _OPAQUE[key]
            case str():
                return "<iso>" if _ISO.fullmatch(value) else self._named(value)
            case bool() | None:
                return value
            case _:
                return _plain_number(value, now, key)

    def _named(self, text: str) -> str:
        for known, meaning in self.ids.items():
            text = text.replace(known, meaning)
        return text


def _plain_number(value: float, now: float, key: str) -> object:
    if key in _MEASURES:
        return "<number>"
    if key == "offset_ms":
        return "<offset>" if value else 0
    return _plain_time(value, now) if key in _TIMES and value else value


def _plain_time(value: float, now: float) -> str:
    if abs(value - now) < NEARBY:
        return "<server time>"
    for device, offset in CLOCKS.items():
        if abs(value - now - offset) < NEARBY:
            return f"<{device}'s time>"
    return "<no time at all>"


def summary(frames: Sequence[Message], *, early: bool) -> dict[str, Any]:
    """Return what matters of a device's probes.

    Args:
        frames: All of them, in plain terms.
        early: Whether one came before ``joined``.
    """
    requests = [f for f in frames if f["type"] == "time_sync_request"]
    updates = [f for f in frames if f["type"] == "time_sync_update"]
    return {
        "requests": len(requests),
        "updates": len(updates),
        "before joined": early,
        "first request": requests[0],
        "last request": requests[-1],
        "last update": updates[-1] if updates else None,
    }


# Reading a recording.


def load(name: str) -> list[Entry]:
    """Read a recording as a script."""
    text = (FIXTURES / f"{name}.jsonl").read_text("utf-8")
    lines = [_parsed(json.loads(line)) for line in text.splitlines()]
    terms = Terms()
    for line in lines:
        if line.get("dir") == "s2c":
            terms.note(line["dev"], line["msg"])
    answering = {ln["dev"] for ln in lines if _type(ln) == "time_sync_response"}
    start = _start_of(text, lines)
    sent: dict[str, str] = {}
    entries: list[Entry] = []
    for line in lines:
        if _type(line) == "time_sync_response":
            continue
        device = line.get("dev", "")
        entry = _entry(line, terms, start)
        sent[device] = entry.body if entry.what == "send" else sent.get(device, "")
        known = {"answers": device in answering, "cause": sent[device]}
        entries.append(replace(entry, **known))  # type: ignore[arg-type]
    return _probes_gathered(_acts_first(entries))


def _parsed(line: dict[str, Any]) -> dict[str, Any]:
    if line.get("dir") == "s2c" and "raw" in line:
        return {**line, "msg": json.loads(line["raw"])}
    return line


def _type(line: dict[str, Any]) -> str:
    kind: str = line.get("msg", {}).get("type", "")
    return kind


def _start_of(text: str, lines: list[dict[str, Any]]) -> float:
    """Return the epoch milliseconds at which ``t`` was 0."""
    created = _ISO.search(text)
    assert created is not None
    line = next(ln for ln in lines if created.group() in json.dumps(ln))
    moment = datetime.fromisoformat(created.group())
    return moment.timestamp() * 1000.0 - float(line["t"])


def _entry(line: dict[str, Any], terms: Terms, start: float) -> Entry:
    at, device = line["t"], line.get("dev", "")
    now = start + at
    if "rest" in line:
        body = json.loads(line["body"]) if line["body"] else ""
        return Entry(device, "rest", rest_body(line, terms.plain(body, now)), at)
    match line["dir"]:
        case "c2s":
            raw = line.get("raw") or json.dumps(line["msg"])
            return Entry(device, "send", raw, at)
        case "s2c":
            return Entry(device, "frame", terms.plain(line["msg"], now), at)
    ending = {"code": line["code"], "reason": line["reason"]}
    if line["code"] == 1005:
        return Entry(device, "closed", ending, at)
    answer = ending if line["dir"] == "closed" else None
    return Entry(device, "close", {"goodbye": ending, "answer": answer}, at)


def rest_body(line: dict[str, Any], body: object) -> dict[str, Any]:
    """Return what is compared of a REST call."""
    headers = {
        name: line["headers"][name] for name in _HEADERS if name in line["headers"]
    }
    return {
        "call": line["rest"],
        "status": line["status"],
        "headers": headers,
        "body": body,
    }


def _acts(entry: Entry) -> bool:
    """Whether other devices hear of what a client did here."""
    if entry.what == "rest":
        return bool(entry.body["call"].startswith("DELETE"))
    return entry.what == "close"


def _acts_first(entries: list[Entry]) -> list[Entry]:
    """Put a goodbye or an order before what came of it within the millisecond."""
    ordered: list[Entry] = []
    for entry in entries:
        place = len(ordered)
        while _acts(entry) and place and ordered[place - 1].at >= entry.at - 1:
            place -= 1
        ordered.insert(place, entry)
    return ordered


def _probes_gathered(entries: list[Entry]) -> list[Entry]:
    """Replace the probes of each device, up to a start and after it, by one entry.

    It stands where the last of them stood.
    """
    gathered: list[Entry] = []
    pending: dict[str, list[Entry]] = {}
    places: dict[str, int] = {}
    for entry in entries:
        kind = entry.body["type"] if entry.what == "frame" else ""
        if kind in SYNC:
            pending.setdefault(entry.device, []).append(entry)
            places[entry.device] = len(gathered)
        if kind == "start_recording":
            _place_probes(gathered, pending, places, entry.device)
        if kind not in SYNC:
            gathered.append(entry)
    for device in sorted(places, key=lambda name: -places[name]):
        _place_probes(gathered, pending, places, device)
    return gathered


def _place_probes(
    script: list[Entry],
    pending: dict[str, list[Entry]],
    places: dict[str, int],
    device: str,
) -> None:
    probes = pending.pop(device, [])
    if not probes:
        return
    place = places.pop(device)
    joined = next(
        entry.at
        for entry in script
        if entry.device == device
        and entry.what == "frame"
        and entry.body["type"] == "joined"
    )
    body = summary([probe.body for probe in probes], early=probes[0].at < joined)
    script.insert(place, replace(probes[-1], what="sync", body=body))
    for other, where in places.items():
        places[other] = where + (where >= place)


# Playing one.


@dataclass
class Replay:
    """A script played to the server; ``mismatches`` tells where it answered else."""

    program: Program
    terms: Terms = field(default_factory=Terms)
    wires: dict[str, Wire] = field(default_factory=dict)
    mismatches: list[str] = field(default_factory=list)

    async def play(self, script: Sequence[Entry]) -> None:
        """Do what the clients did, as soon as they saw what they had seen before."""
        try:
            for entry in script:
                await self._step(entry)
            await self._nothing_more()
            self._probes_alike(script)
        finally:
            for wire in self.wires.values():
                await wire.close()

    async def _step(self, entry: Entry) -> None:
        match entry.what:
            case "send":
                await self._send(entry)
            case "frame":
                message = await self.wires[entry.device].next(*SYNC)
                self._compare(entry, self._plain(message))
            case "sync":
                self._compare(entry, await self._probes(entry))
            case "close":
                await self._close(entry)
            case "closed":
                wire = self.wires[entry.device]
                code = await wire.closed()
                self._compare(entry, {"code": code, "reason": wire.close_reason})
            case "rest":
                await self._rest(entry)

    async def _send(self, entry: Entry) -> None:
        wire = self.wires.get(entry.device)
        if wire is None:
            hear = self._reflex(entry.device) if entry.answers else None
            wire = await Wire.open(self.program.port, hear=hear)
            self.wires[entry.device] = wire
        before = len(wire.of_type("joined", "error"))
        await wire.send(entry.body)
        if '"join"' in entry.body:
            await wire.until(
                lambda: len(wire.of_type("joined", "error")) > before or None, "joined"
            )
            for message in wire.of_type("joined"):
                self.terms.note(entry.device, message)

    def _reflex(self, device: str) -> Callable[[Arrival], Any]:
        """Answer probes as the recorded phone did, but the server's, not the old."""
        clock = PhoneClock(CLOCKS[device])

        async def hear(arrival: Arrival) -> None:
            request = arrival.message
            if request["type"] != "time_sync_request":
                return
            answer = {
                "type": "time_sync_response",
                "request_id": request["request_id"],
                "server_timestamp": request["server_timestamp"],
                "client_timestamp": clock.read(),
            }
            await self.wires[device].send(answer)

        return hear

    async def _probes(self, entry: Entry) -> dict[str, Any]:
        wire = self.wires[entry.device]
        asked, told = entry.body["requests"], entry.body["updates"]

        def enough() -> bool | None:
            came = [len(wire.of_type(kind)) for kind in SYNC]
            return (came[0] >= asked and came[1] >= told) or None

        await wire.until(enough, f"{asked} requests and {told} updates")
        messages = [arrival.message for arrival in wire.arrivals]
        kinds = [message["type"] for message in messages]
        early = any(kind in SYNC for kind in kinds[: kinds.index("joined")])
        frames = [self._plain(m) for m in messages if m["type"] in SYNC]
        return {**summary(frames, early=early), "requests": asked, "updates": told}

    async def _close(self, entry: Entry) -> None:
        wire, goodbye = self.wires[entry.device], entry.body["goodbye"]
        await wire.close(**goodbye)
        if entry.body["answer"] is not None:
            answer = {"code": wire.close_code, "reason": wire.close_reason}
            self._compare(entry, {"goodbye": goodbye, "answer": answer})

    async def _rest(self, entry: Entry) -> None:
        method, path = entry.body["call"].split(" ")
        answer = await asyncio.to_thread(self.program.rest, method, path)
        line = {
            "rest": entry.body["call"],
            "status": answer.status,
            "headers": answer.headers,
        }
        body = self._plain(answer.body) if answer.text else ""
        self._compare(entry, rest_body(line, body))

    async def _nothing_more(self) -> None:
        """Check that every open wire is silent but for probes."""
        for device, wire in self.wires.items():
            frames = [] if wire.close_code else await wire.fence()
            extra = [frame for frame in frames if frame["type"] not in SYNC]
            if extra:
                self.mismatches.append(f"{device} was also told {extra}")

    def _probes_alike(self, script: Sequence[Entry]) -> None:
        """Check that later probes have the fields of those that were compared."""
        names = ("first request", "last update")
        bodies = [
            entry.body[name]
            for entry in script
            for name in names
            if entry.what == "sync"
        ]
        known = {frozenset(body) for body in bodies if body}
        for device, wire in self.wires.items():
            for probe in wire.of_type(*SYNC):
                if frozenset(probe) not in known:
                    self.mismatches.append(f"{device} was probed by {probe}")

    def _plain(self, value: object) -> Any:
        return self.terms.plain(value, time.time() * 1000.0)

    def _compare(self, entry: Entry, actual: object) -> None:
        if entry.body != actual:
            self.mismatches.append(
                f"{entry.device} at {entry.at} ms, {entry.what}:\n"
                f"  expected {entry.body}\n  but came {actual}"
            )
