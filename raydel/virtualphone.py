"""A phone that is played: what it does about what it hears, and about its buttons.

It speaks protocol 2 and knows no socket, terminal or reactor: whatever happens to it
gives a list of actions, to be carried out in order. Its time is in milliseconds of its
own clock, which may be wrong by any amount.
"""

from __future__ import annotations

import random
import secrets
from collections.abc import Callable
from enum import Enum, auto
from functools import partial
from typing import Any, Final, NamedTuple, TypeAlias

import msgspec
from msgspec import Struct, field

BACKOFF: Final = (0.25, 0.5, 1.0, 2.0, 4.0)
"""Seconds between attempts; the last one stays. Each is up to a quarter off, so that
two phones that lost one server do not come back at one instant, again and again."""

_NORMAL: Final = 1000
_SEAT_TAKEN: Final = 4000
_FIRST_PROBES: Final = 5


class Heard(Struct, frozen=True, rename="camel"):
    """A message of the server: of all fields of all kinds, those a phone acts on."""

    type: str
    seq: int = 0
    message: str = ""
    code: str = ""
    detail: str = ""
    temporary: bool = False
    command_id: str = ""
    device_id: str = ""
    device_name: str = ""
    resume_token: str = ""
    resumed: bool = False
    recovered: bool = False
    take: dict[str, Any] = {}
    take_id: str = ""
    local_start_time: float | None = None
    local_stop_time: float | None = None
    reason: str = ""
    request_id: str = field(name="request_id", default="")
    server_timestamp: float = field(name="server_timestamp", default=0.0)
    offset_ms: float = field(name="offset_ms", default=0.0)
    uncertainty_ms: float = field(name="uncertainty_ms", default=0.0)
    sample_count: int = field(name="sample_count", default=0)
    ready_devices: int = field(name="ready_devices", default=0)
    total_devices: int = field(name="total_devices", default=0)


class Send(NamedTuple):
    """Send a text frame."""

    frame: bytes


class Say(NamedTuple):
    """Show a line to whoever holds the phone."""

    text: str


class Later(NamedTuple):
    """Call at an instant of the phone's clock, and carry out what that returns."""

    at: float
    call: Callable[[], list[Action]]


class Connect(NamedTuple):
    """Make a link in so many seconds."""

    after: float


class End(NamedTuple):
    """Leave; the program ends with this status."""

    status: int


Action: TypeAlias = Send | Say | Later | Connect | End


class _Place(Enum):
    AWAY = auto()
    ASKING = auto()
    TURNED_AWAY = auto()
    SEATED = auto()


class _Take(NamedTuple):
    name: str
    agreed: float | None
    began: float | None = None

    def __str__(self) -> str:
        return f"take {self.name[:4]}…"


class VirtualPhone:
    """One phone, from its first link to its goodbye.

    Args:
        code: Of the session, ``ABC123``.
        name: What people call the phone.
        is_host: Whether it makes the session.
        clock: Its clock, in ms.
        chance: Draws from 0 to 1, for the pauses between attempts.
    """

    def __init__(
        self,
        code: str,
        name: str,
        *,
        is_host: bool,
        clock: Callable[[], float],
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._join = {"sessionId": code, "isHost": is_host, "deviceName": name}
        self._clock = clock
        self._chance = chance
        self._place = _Place.AWAY
        self._token: str | None = None
        self._seen = 0
        self._tries = 0
        self._complaints: set[str] = set()
        self._unanswered: dict[str, dict[str, str]] = {}
        self._is_ready = False
        self._names: dict[str, str] = {}
        self._take: _Take | None = None
        self._known = ""
        self._acts: dict[str, Callable[[Heard], list[Action]]] = {
            "joined": self._joined,
            "device_connected": self._met,
            "device_disconnected": self._parted,
            "readiness_update": self._counted,
            "time_sync_update": self._measured,
            "start_recording": self._told_to_start,
            "stop_recording": self._told_to_stop,
            "session_ended": self._over,
            "error": self._refused,
        }

    def opened(self) -> list[Action]:
        """Ask for the seat: a link is there."""
        self._place = _Place.ASKING
        back = {"resumeToken": self._token, "lastSeq": self._seen}
        known = {key: value for key, value in back.items() if value}
        return [_send("join", **self._join, protocol=2, **known)]

    def lost(self, why: str, code: int = 1006) -> list[Action]:
        """Try again: a link is gone with this close code, or was never made."""
        place, self._place = self._place, _Place.AWAY
        is_elsewhere = code == _NORMAL and place is _Place.SEATED
        if (is_elsewhere or code == _SEAT_TAKEN) and self._take is None:
            return self.barred("another connection took this phone's seat")
        pause = self._pause()
        return [*self._complain(why, pause), Connect(pause)]

    def barred(self, why: str) -> list[Action]:
        """Give up: no other attempt would end better."""
        return [Say(f"! {why}"), End(1)]

    def goodbye(self) -> list[Action]:
        """Put the phone away."""
        return [*self._cut("put away; the take goes on without it"), Say("goodbye")]

    def tapped(self, button: str) -> list[Action]:
        """Press a button, named in full or by a letter."""
        match button.strip().lower():
            case "":
                return []
            case "start" | "s":
                return self._command("start_recording")
            case "stop" | "x":
                return self._command("stop_recording")
            case "ready" | "r":
                self._is_ready = True
                return self._sent(_send("device_ready"))
            case "quit" | "q":
                return [End(0)]
            case _:
                return [Say("? type start, stop, ready or quit; or s, x, r, q")]

    def received(self, frame: bytes, arrived: float) -> list[Action]:
        """Act on a message that came at that instant of the phone's clock."""
        try:
            heard = msgspec.json.decode(frame, type=Heard)
        except (msgspec.DecodeError, UnicodeDecodeError) as problem:
            return [Say(f"! a message that makes no sense: {problem}")]
        self._seen = max(self._seen, heard.seq)
        if heard.type == "time_sync_request":
            return [self._answer(heard, arrived)]
        act = self._acts.get(heard.type)
        return act(heard) if act else []

    def _answer(self, heard: Heard, arrived: float) -> Send:
        return _send(
            "time_sync_response",
            request_id=heard.request_id,
            server_timestamp=heard.server_timestamp,
            client_receive_timestamp=arrived,
            client_timestamp=self._clock(),
        )

    def _joined(self, heard: Heard) -> list[Action]:
        self._place = _Place.SEATED
        self._tries = 0
        self._complaints.clear()
        self._token = heard.resume_token or self._token
        if not heard.recovered:  # The server counts anew; without a number, later.
            self._seen = heard.seq or self._seen
        how = "back in" if heard.resumed else "joined"
        said: list[Action] = [Say(f"✓ {how} {self._join['sessionId']}")]
        if heard.take.get("takeId", self._known) != self._known:
            said.append(Say("  a take runs already, without this phone"))
        if self._is_ready:
            said.append(_send("device_ready"))
        # Each with the id it had: one that was obeyed is not obeyed twice.
        repeated = self._unanswered.items()
        return [*said, *(_send(kind, **named) for kind, named in repeated)]

    def _met(self, heard: Heard) -> list[Action]:
        self._names[heard.device_id] = heard.device_name
        return [Say(f"+ {heard.device_name} is {'back' if heard.resumed else 'there'}")]

    def _parted(self, heard: Heard) -> list[Action]:
        name = self._names.get(heard.device_id, "the other phone")
        return [Say(f"- {name} is gone ({heard.reason or 'no reason given'})")]

    def _counted(self, heard: Heard) -> list[Action]:
        return [Say(f"  ready: {heard.ready_devices} of {heard.total_devices}")]

    def _measured(self, heard: Heard) -> list[Action]:
        if heard.sample_count != _FIRST_PROBES:
            return []
        off = f"{heard.offset_ms:+.1f} ms (± {heard.uncertainty_ms:.1f})"
        return [Say(f"  measured: this clock less the server's is {off}")]

    def _told_to_start(self, heard: Heard) -> list[Action]:
        self._unanswered.pop("start_recording", None)
        if heard.take_id == self._known:
            return []
        before = self._cut("another take begins")
        self._known = heard.take_id
        self._take = _Take(heard.take_id, heard.local_start_time)
        # Without a time of ours, the message comes when we are to start.
        at = self._clock() if self._take.agreed is None else self._take.agreed
        return [*before, Later(at, partial(self._roll, self._take))]

    def _roll(self, take: _Take) -> list[Action]:
        if self._take != take:
            return []
        now = self._clock()
        self._take = take._replace(began=now)
        if take.agreed is None:
            return [Say(f"● recording {take} (at once: this clock is not known)")]
        late = f"{max(0.0, now - take.agreed):.1f} ms after the agreed instant"
        return [Say(f"● recording {take} (start {late})")]

    def _told_to_stop(self, heard: Heard) -> list[Action]:
        self._unanswered.pop("stop_recording", None)
        name = heard.take_id or self._known
        if name != self._known:
            return [Say("  a take that this phone has no part in is over")]
        at = self._clock() if heard.local_stop_time is None else heard.local_stop_time
        return [Later(at, partial(self._cut, heard.reason or "stop", name))]

    def _cut(self, why: str, name: str | None = None) -> list[Action]:
        """Stop the camera; with a name, only if it films that take."""
        take = self._take
        if take is None or name not in {None, take.name}:
            return []
        self._take = None
        if take.began is None:
            return [Say(f"■ {take} was stopped before it began ({why})")]
        return [
            Say(f"■ {take} lasted {(self._clock() - take.began) / 1000:.1f} s ({why})")
        ]

    def _over(self, _: Heard) -> list[Action]:
        return [*self._cut("session ended"), Say("the session is over"), End(0)]

    def _refused(self, heard: Heard) -> list[Action]:
        words = ": ".join(filter(None, (heard.message, heard.detail)))
        if self._place is _Place.SEATED:
            return [Say(f"! refused: {words}"), *self._answered(heard)]
        if heard.code == "session_not_found":
            words = f"no host in {self._join['sessionId']} yet (is that the code?)"
        elif not heard.temporary:
            return self.barred(words)
        self._place = _Place.TURNED_AWAY
        pause = self._pause()
        again = Later(self._clock() + pause * 1000.0, self._ask_again)
        return [*self._complain(words, pause), again]

    def _ask_again(self) -> list[Action]:
        return self.opened() if self._place is _Place.TURNED_AWAY else []

    def _answered(self, heard: Heard) -> list[Action]:
        """Take a refusal for the answer to a command; to all, if it names none."""
        for kind, named in list(self._unanswered.items()):
            if heard.command_id in {"", named["commandId"]}:
                del self._unanswered[kind]
        # What the server does not know of, nobody else will stop.
        return self._cut("here only") if heard.code == "no_recording" else []

    def _command(self, kind: str) -> list[Action]:
        named = {"commandId": secrets.token_urlsafe(9)}
        if kind == "stop_recording" and self._take is not None:
            # Sent late, it must not end another take.
            named["takeId"] = self._take.name
        self._unanswered[kind] = named
        return self._sent(_send(kind, **named))

    def _sent(self, action: Send) -> list[Action]:
        if self._place is _Place.SEATED:
            return [action]
        return [Say("  no seat at the moment: it goes out with the next one")]

    def _pause(self) -> float:
        pause = BACKOFF[min(self._tries, len(BACKOFF) - 1)]
        self._tries += 1
        return pause * (0.75 + self._chance() / 2)

    def _complain(self, why: str, pause: float) -> list[Action]:
        """Say what hinders, once until it is overcome."""
        if why in self._complaints:
            return []
        self._complaints.add(why)
        return [Say(f"! {why}, trying again in {pause:.1f} s")]


def _send(kind: str, **fields: object) -> Send:
    return Send(msgspec.json.encode({"type": kind, **fields}))
