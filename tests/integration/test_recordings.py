"""What phones said to the predecessor, said to our server.

Every recording is played, and every answer compared: type, keys, values, texts
and their order at each device. Ids, codes and times are compared by what they
mean. Where our answers differ stands in `DIFFERENCES`, each with its reason; a
difference that is missing there fails, and so does one that never occurs.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from fnmatch import fnmatch
from typing import Any

import pytest

from tests.integration.program import Program
from tests.integration.replay import FIXTURES, Entry, Replay, load
from tests.integration.wire import scenario

RECORDINGS = sorted(path.stem for path in FIXTURES.glob("*.jsonl"))

Entries = tuple[Entry, ...]
Rewrite = Callable[[Entry], Entries]


@dataclass(frozen=True)
class Difference:
    """One thing that our server does otherwise.

    Attributes:
        where: The recordings in which it occurs, as a pattern.
        what: The difference.
        reason: Why it has to be.
        rewrite: From a recorded entry to what takes its place.
    """

    where: str
    what: str
    reason: str
    rewrite: Rewrite

    def applied(self, script: list[Entry]) -> list[Entry]:
        """Return the script as it reads with this difference."""
        return [new for old in script for new in self.rewrite(old)]


# How an entry is rewritten.


def text(old: str, new: str) -> Rewrite:
    """Replace a text wherever it stands."""

    def rewrite(entry: Entry) -> Entries:
        if entry.what == "send":
            return (entry,)
        body = json.loads(json.dumps(entry.body).replace(old, new))
        return (replace(entry, body=body),)

    return rewrite


def frames(kind: str, change: Callable[[Entry], dict[str, Any]]) -> Rewrite:
    """Change or add fields in the frames of one type."""

    def rewrite(entry: Entry) -> Entries:
        if entry.what != "frame" or entry.body["type"] != kind:
            return (entry,)
        return (replace(entry, body={**entry.body, **change(entry)}),)

    return rewrite


def errors(**added: dict[str, Any]) -> Rewrite:
    """Add fields to errors; the keyword is the beginning of the text."""

    def change(entry: Entry) -> dict[str, Any]:
        message = entry.body["message"].replace(" ", "_")
        return next((new for old, new in added.items() if message.startswith(old)), {})

    return frames("error", change)


def probes(change: Callable[[Entry], dict[str, Any]]) -> Rewrite:
    """Change what is said of a device's probes."""

    def rewrite(entry: Entry) -> Entries:
        if entry.what != "sync":
            return (entry,)
        return (replace(entry, body={**entry.body, **change(entry)}),)

    return rewrite


def rest(change: Callable[[Entry], dict[str, Any]]) -> Rewrite:
    """Change the answer to a REST call."""

    def rewrite(entry: Entry) -> Entries:
        if entry.what != "rest":
            return (entry,)
        return (replace(entry, body={**entry.body, **change(entry)}),)

    return rewrite


# The single rewrites.


def own_time(entry: Entry) -> str:
    """Return the words for times read off the clock of the entry's device."""
    return f"<{entry.device}'s time>"


def peers_follow(entry: Entry) -> Entries:
    """Tell a guest of its host."""
    if entry.what != "frame" or entry.body["type"] != "joined" or entry.body["isHost"]:
        return (entry,)
    host = entry.body["sessionStatus"]["devices"][0]
    notice = {
        "type": "device_connected",
        "deviceId": host["id"],
        "deviceName": host["name"],
        "sessionId": entry.body["sessionId"],
    }
    return (entry, replace(entry, body=notice))


def unknown_type_named(entry: Entry) -> dict[str, Any]:
    """Name the type that is unknown."""
    if entry.body["message"] != "Unknown message type" or "bogus" not in entry.cause:
        return {}
    return {"message": "Unknown message type: bogus"}


def readiness_known(entry: Entry) -> Entries:
    """Answer readiness instead of refusing it, wherever it was refused."""
    if entry.what != "frame" or entry.body.get("message") != "Unknown message type":
        return (entry,)
    if "bogus" in entry.cause:
        return (entry,)
    if entry.at < 1000:
        error = {"type": "error", "message": "Not connected to a session"}
        return (replace(entry, body=error),)
    ready = 2 if "device_ready" in entry.cause else 1
    update = {
        "type": "readiness_update",
        "ready_devices": ready,
        "total_devices": 2,
        "all_ready": ready == 2,
    }
    to_both = tuple(replace(entry, device=name, body=update) for name in "AB")
    if ready == 2:
        return to_both
    notice = {"type": "camera_ready", "deviceId": "<id of A>"}
    return (*to_both, replace(entry, device="B", body=notice))


def asked_after_joined(entry: Entry) -> Entries:
    """Probe a device that joined, though the predecessor did not yet."""
    if entry.what != "frame" or entry.body["type"] != "joined":
        return (entry,)
    request = {
        "type": "time_sync_request",
        "request_id": "<request>",
        "server_timestamp": "<server time>",
    }
    asked = {"first request": request, "last request": request, "last update": None}
    body = {"requests": 1, "updates": 0, "before joined": False, **asked}
    return (entry, replace(entry, what="sync", body=body))


def halved(entry: Entry) -> dict[str, Any]:
    """Return half the probes."""
    return {name: entry.body[name] // 2 for name in ("requests", "updates")}


def no_high_res(entry: Entry) -> dict[str, Any]:
    """Leave out the field nobody reads."""
    return {
        name: {k: v for k, v in entry.body[name].items() if k != "server_high_res"}
        for name in ("first request", "last request")
    }


def probes_in_own_time(entry: Entry) -> dict[str, Any]:
    """Speak in the device's time, at offset 0, once it has answered."""
    stamp = {"server_timestamp": own_time(entry)}
    received = {"server_receive_timestamp": own_time(entry), "offset_ms": 0}
    return {
        "last request": {**entry.body["last request"], **stamp},
        "last update": {**entry.body["last update"], **stamp, **received},
    }


def samples_counted(entry: Entry) -> dict[str, Any]:
    """Say how many samples there are."""
    update = {**entry.body["last update"], "sample_count": "<number>"}
    return {"last update": update}


def own_entry(entry: Entry) -> dict[str, Any]:
    """Give a device its own start time."""
    times = {"atomic_start": own_time(entry), "latency_compensation": "<number>"}
    return {"device_timestamps": {f"<id of {entry.device}>": times}}


def start_in_own_time(entry: Entry) -> dict[str, Any]:
    """Give the start, and now, in the device's time."""
    return {"atomic_start_time": own_time(entry), "server_now": own_time(entry)}


def host_may_leave(entry: Entry) -> Entries:
    """Let a take go on when its host leaves, and tell the guest."""
    if entry.device != "D" or not host_is_gone(entry):
        return (entry,)
    if entry.what == "closed":
        return ()
    gone = {"type": "device_disconnected", "deviceId": "<id of A>"}
    return (replace(entry, body={**gone, "sessionId": "ABC123"}),)


def host_is_gone(entry: Entry) -> bool:
    """Whether an entry lies behind the host's goodbye, or is its consequence."""
    return entry.at > 3000


def session_lives_on(entry: Entry) -> dict[str, Any]:
    """List the session whose host left while it recorded."""
    if not host_is_gone(entry) or entry.body["call"] != "GET /api/sessions":
        return {}
    guest = {"id": "<id of D>", "name": "Pixel again", "isHost": False}
    status = {
        "id": "ABC123",
        "deviceCount": 1,
        "isRecording": True,
        "createdAt": "<iso>",
        "devices": [{**guest, "connectedAt": "<iso>"}],
    }
    return {"body": {"sessions": [status]}}


def closed_with_1000(entry: Entry) -> Entries:
    """Close with a code."""
    if entry.what != "closed":
        return (entry,)
    return (replace(entry, body={**entry.body, "code": 1000}),)


def no_echo(entry: Entry) -> Entries:
    """Answer a goodbye with its code alone."""
    if entry.what != "close" or entry.body["answer"] is None:
        return (entry,)
    answer = {**entry.body["answer"], "reason": ""}
    return (replace(entry, body={**entry.body, "answer": answer}),)


def no_cors(entry: Entry) -> dict[str, Any]:
    """Allow no origin to a request that named none."""
    headers = dict(entry.body["headers"])
    headers.pop("access-control-allow-origin", None)
    return {"headers": headers}


SERVER_TIME = "<server time>"

DIFFERENCES = (
    Difference(
        "*",
        "device ids are longer than six characters",
        "Six characters of Math.random() can be guessed.",
        text("<short id of", "<id of"),
    ),
    Difference(
        "*",
        "a guest is told of its host by device_connected",
        "A screen ignores starts until it knows of another device, and the first"
        " screen does not read joined.",
        peers_follow,
    ),
    Difference(
        "cases-2025-08-10",
        "an unknown type is named",
        "The later releases do; the text of 08-31 is the one that stays.",
        frames("error", unknown_type_named),
    ),
    Difference(
        "cases-2025-08-10",
        "camera_ready and device_ready are known",
        "They came with 08-11 and 08-31; all releases share one server now.",
        readiness_known,
    ),
    Difference(
        "*",
        "a refused start bears a code, and the id of the take that runs",
        "Programs need not compare texts, and know which take stood in the way.",
        errors(Recording={"code": "recording_in_progress", "takeId": "<take>"}),
    ),
    Difference(
        "cases-*",
        "every other error bears a code",
        "Programs need not compare texts.",
        errors(
            Invalid={"code": "invalid_message"},
            Unknown={"code": "unknown_type"},
            Not_connected={"code": "not_joined"},
            Session_ID={"code": "session_id_required"},
            Session_not={"code": "session_not_found"},
            Session_is={"code": "session_full"},
            No_recording={"code": "no_recording"},
        ),
    ),
    Difference(
        "cases-*",
        "a malformed message is explained",
        "The person who debugs a client learns what is wrong; apps ignore the field.",
        errors(Invalid={"detail": "<detail>"}),
    ),
    Difference(
        "cases-*",
        "a full session is a temporary error",
        "Waiting may cure it: a guest may leave.",
        errors(Session_is={"temporary": True}),
    ),
    Difference(
        "*-2025-08-10",
        "every device is asked for its time after its join",
        "Only its answer tells a release that knows time sync from one that does"
        " not, and the latter ignores unknown types.",
        asked_after_joined,
    ),
    Difference(
        "*-2025-08-10",
        "start_recording has the fields of the later releases",
        "One message for all; a screen of 08-31 needs atomic_start_time, and 0 means"
        " at once to every phone whose clock is unknown.",
        frames(
            "start_recording",
            lambda _: {
                "atomic_start_time": 0,
                "buffer_time_ms": "<number>",
                "server_now": SERVER_TIME,
                "high_precision": True,
                "device_timestamps": {},
            },
        ),
    ),
    Difference(
        "app-2025-08-11",
        "start_recording has the fields of the other releases",
        "One message for all.",
        frames(
            "start_recording",
            lambda entry: {
                "timestamp": own_time(entry),
                "high_precision": True,
                **own_entry(entry),
            },
        ),
    ),
    Difference(
        "*-2025-08-31",
        "start_recording has a timestamp again",
        "The first release reads it; one message for all.",
        frames(
            "start_recording",
            lambda entry: {
                "timestamp": own_time(entry) if entry.answers else SERVER_TIME
            },
        ),
    ),
    Difference(
        "app-2025-08-31",
        "device_timestamps has only the device's own entry",
        "A screen looks under an id it invents, so none reads another's; and another"
        " machine may hold the other phone.",
        frames("start_recording", own_entry),
    ),
    Difference(
        "app-2025-08-[13]1",
        "a start is given in the time of the device it goes to",
        "The screens read it as their own clock's, 40 s wrong; to the library both"
        " are the same, because its offset is 0.",
        frames("start_recording", start_in_own_time),
    ),
    Difference(
        "app-2025-08-[13]1",
        "a stop is given in the time of the device it goes to",
        "Every time on the wire to a phone that answers is its own.",
        frames("stop_recording", lambda entry: {"timestamp": own_time(entry)}),
    ),
    Difference(
        "cases-2025-08-31",
        "a device that never answered a time-sync request gets the start time 0",
        "A screen would read server time as its own clock's; 0 is at once to all.",
        frames("start_recording", lambda _: {"atomic_start_time": 0}),
    ),
    Difference(
        "app-2025-08-[13]1",
        "probes are in the device's own time, and the offset is 0",
        "So that the library, which subtracts the offset, and the screen, which"
        " forgets to, do the same.",
        probes(probes_in_own_time),
    ),
    Difference(
        "*-2025-08-31",
        "the probes after a join run once, not twice",
        "The predecessor starts the same round in two places.",
        probes(halved),
    ),
    Difference(
        "*-2025-08-31",
        "server_high_res is gone",
        "No release reads it, and it is another clock than all other times.",
        probes(no_high_res),
    ),
    Difference(
        "app-2025-08-11",
        "five probes rather than four",
        "The cadence of 08-31.",
        probes(lambda _: {"requests": 5, "updates": 5}),
    ),
    Difference(
        "app-2025-08-11",
        "the first probe follows joined",
        "A phone is told that it is in before it is asked for anything; 08-31 does so.",
        probes(lambda _: {"before joined": False}),
    ),
    Difference(
        "app-2025-08-11",
        "updates count their samples",
        "As 08-31 does.",
        probes(samples_counted),
    ),
    Difference(
        "cases-*",
        "a host that leaves while recording ends nothing",
        "The guest records on and has to hear of the stop, by its own hand or the"
        " host's; the predecessor left it recording without a word.",
        host_may_leave,
    ),
    Difference(
        "cases-*",
        "a session whose host left while recording is still listed",
        "Its take goes on.",
        rest(session_lives_on),
    ),
    Difference(
        "cases-*",
        "the server closes with 1000",
        "1005 means no code at all; the library reconnects after any but 1000.",
        closed_with_1000,
    ),
    Difference(
        "cases-*",
        "the words of a goodbye are not repeated",
        "No app reads them back; the code comes back as it was sent.",
        no_echo,
    ),
    Difference(
        "cases-*",
        "no origin is allowed that did not ask",
        "Only web pages send Origin, and only those of the origins listed may talk.",
        rest(no_cors),
    ),
)
"""All that may differ, in the order in which it is applied."""


def expected(name: str) -> tuple[list[Entry], list[str]]:
    """Return a recording with all differences, and those that never occurred."""
    script, idle = load(name), []
    for difference in DIFFERENCES:
        if not fnmatch(name, difference.where):
            continue
        changed = difference.applied(script)
        if changed == script:
            idle.append(difference.what)
        script = changed
    return script, idle


@pytest.mark.parametrize("name", RECORDINGS)
@scenario
async def test_recording(own_server: Program, name: str) -> None:
    """Released phones hear what they always heard, but for the differences."""
    script, _ = expected(name)
    replay = Replay(own_server)
    await replay.play(script)
    assert not replay.mismatches, "\n".join(replay.mismatches)


@pytest.mark.parametrize("name", RECORDINGS)
def test_every_difference_occurs(name: str) -> None:
    """No difference stands in the table that changes nothing."""
    _, idle = expected(name)
    assert idle == []


def test_every_difference_names_recordings() -> None:
    """No difference stands in the table for recordings that are not there."""
    for difference in DIFFERENCES:
        assert [name for name in RECORDINGS if fnmatch(name, difference.where)]


def test_differences_say_why() -> None:
    """Each difference has a name of its own and a reason."""
    assert len({(d.where, d.what) for d in DIFFERENCES}) == len(DIFFERENCES)
    assert all(difference.reason.endswith(".") for difference in DIFFERENCES)
