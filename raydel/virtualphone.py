"""A phone that is played: what it does about what it hears, and about its buttons.

It speaks protocol 2 and knows no socket, terminal or reactor: whatever happens to it
gives a list of actions, to be carried out in order. Its time is in milliseconds of its
own clock, which may be wrong by any amount.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from enum import Enum, auto
from typing import Final

import msgspec

from raydel.core.instants import fine
from raydel.virtualcamera import CAPABILITIES, Camera, Recorder
from raydel.virtualwire import (
    Action,
    Connect,
    End,
    Heard,
    Later,
    Outbox,
    Say,
    Send,
    send,
)

BACKOFF: Final = (0.25, 0.5, 1.0, 2.0, 4.0)
"""Seconds between attempts; the last one stays. Each is up to a quarter off, so that
two phones that lost one server do not come back at one instant, again and again."""

_NORMAL: Final = 1000
_SEAT_TAKEN: Final = 4000
_FIRST_PROBES: Final = 5

BUTTONS: Final = "start, stop, ready, mark, film or quit"
"""What can be tapped."""

_PUT_AWAY: Final = "put away; the take goes on without it"

_FARES: Final = {
    "scheduled": "will record",
    "refused": "will not record",
    "started": "has its first frame",
    "stopped": "has its file",
    "failed": "has no file",
}


class _Place(Enum):
    AWAY = auto()
    ASKING = auto()
    TURNED_AWAY = auto()
    SEATED = auto()


class VirtualPhone:
    """One phone, from its first link to its goodbye.

    Args:
        code: Of the session, ``ABC123``.
        name: What people call the phone.
        is_host: Whether it makes the session.
        clock: Its clock, in ms.
        chance: Draws from 0 to 1, for the pauses between attempts and the camera.
        camera: Its camera; None for one that only says when it records, and reports
            nothing.
        model: What its maker calls it, if anything.
        installation_id: Its app's own name for its installation, if it has one.
    """

    def __init__(
        self,
        code: str,
        name: str,
        *,
        is_host: bool,
        clock: Callable[[], float],
        chance: Callable[[], float] = random.random,
        camera: Camera | None = None,
        model: str | None = None,
        installation_id: str | None = None,
    ) -> None:
        declared = {
            "model": model,
            "installationId": installation_id,
            "capabilities": CAPABILITIES if camera else None,
        }
        self._join = {
            "sessionId": code,
            "isHost": is_host,
            "deviceName": name,
            "protocol": 2,
            **{key: value for key, value in declared.items() if value},
        }
        self._clock = clock
        self._chance = chance
        self._place = _Place.AWAY
        self._device_id = ""
        self._token: str | None = None
        self._seen = 0
        self._tries = 0
        self._complaints: set[str] = set()
        self._outbox = Outbox()
        self._recorder = Recorder(camera, clock, chance, self._outbox)
        self._is_ready = False
        self._names: dict[str, str] = {}
        self._clock_id = ""
        self._ahead: float | None = None
        self._others_take = ""
        self._acts: dict[str, Callable[[Heard], list[Action]]] = {
            "joined": self._joined,
            "device_connected": self._met,
            "device_disconnected": self._parted,
            "readiness_update": self._counted,
            "time_sync_update": self._measured,
            "start_recording": self._told_to_start,
            "stop_recording": self._told_to_stop,
            "take_update": self._told_of_take,
            "marker": self._told_of_mark,
            "session_ended": self._over,
            "error": self._refused,
        }

        self._buttons: dict[tuple[str, str], Callable[[str], list[Action]]] = {
            ("start", "s"): self._start,
            ("stop", "x"): self._stop,
            ("ready", "r"): self._ready,
            ("mark", "m"): self._mark,
            ("film", "f"): self._film,
            ("quit", "q"): self._quit,
        }

    @property
    def is_seated(self) -> bool:
        """Whether it has its seat."""
        return self._place is _Place.SEATED

    @property
    def is_in_company(self) -> bool:
        """Whether it has met another phone."""
        return bool(self._names)

    @property
    def knows_its_clock(self) -> bool:
        """Whether it was told how far its clock is ahead."""
        return self._ahead is not None

    @property
    def take_id(self) -> str:
        """The take that it films, or was the last to; empty if there was none."""
        return self._recorder.known

    @property
    def is_filming(self) -> bool:
        """Whether its camera has given the first frame of a take that goes on."""
        take = self._recorder.take
        return take is not None and take.is_seen

    @property
    def is_settled(self) -> bool:
        """Whether it films nothing, has made its files, and was heard out."""
        return self._recorder.is_settled

    def opened(self) -> list[Action]:
        """Ask for the seat: a link is there."""
        self._place = _Place.ASKING
        back = {"resumeToken": self._token, "lastSeq": self._seen}
        known = {key: value for key, value in back.items() if value}
        return [send("join", **self._join, **known)]

    def lost(self, why: str, code: int = 1006) -> list[Action]:
        """Try again: a link is gone with this close code, or was never made."""
        place, self._place = self._place, _Place.AWAY
        self._outbox.is_open = False
        is_elsewhere = code == _NORMAL and place is _Place.SEATED
        if (is_elsewhere or code == _SEAT_TAKEN) and self._recorder.take is None:
            return self.barred("another connection took this phone's seat")
        pause = self._pause()
        return [*self._complain(why, pause), Connect(pause)]

    def barred(self, why: str) -> list[Action]:
        """Give up: no other attempt would end better."""
        return [Say(f"! {why}"), End(1)]

    def goodbye(self) -> list[Action]:
        """Put the phone away."""
        return [*self._recorder.drop(_PUT_AWAY), Say("goodbye")]

    def tapped(self, button: str) -> list[Action]:
        """Press a button, named in full or by a letter."""
        name, _, words = button.strip().partition(" ")
        if not name:
            return []
        for names, press in self._buttons.items():
            if name.lower() in names:
                return press(words.strip())
        return [Say(f"? type {BUTTONS}; the first letter will do, or x for stop")]

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
        return send(
            "time_sync_response",
            request_id=heard.request_id,
            server_timestamp=heard.server_timestamp,
            client_receive_timestamp=arrived,
            client_timestamp=self._clock(),
        )

    def _joined(self, heard: Heard) -> list[Action]:
        self._place = _Place.SEATED
        self._outbox.is_open = True
        self._tries = 0
        self._complaints.clear()
        self._device_id = heard.device_id
        self._token = heard.resume_token or self._token
        if heard.clock_id != self._clock_id:
            self._clock_id, self._ahead = heard.clock_id, None
        if not heard.recovered:  # The server counts anew; without a number, later.
            self._seen = heard.seq or self._seen
        how = "back in" if heard.resumed else "joined"
        said: list[Action] = [Say(f"✓ {how} {self._join['sessionId']}")]
        known = self._recorder.known
        if (runs := heard.take.get("takeId", known)) != known:
            self._others_take = runs
            said.append(Say("  a take runs already, without this phone; film joins it"))
        if self._is_ready:
            said.append(send("device_ready"))
        return [*said, *self._outbox.say_again()]

    def _met(self, heard: Heard) -> list[Action]:
        self._names[heard.device_id] = heard.device_name
        return [Say(f"+ {heard.device_name} is {'back' if heard.resumed else 'there'}")]

    def _parted(self, heard: Heard) -> list[Action]:
        name = self._name(heard.device_id)
        return [Say(f"- {name} is gone ({heard.reason or 'no reason given'})")]

    def _counted(self, heard: Heard) -> list[Action]:
        return [Say(f"  ready: {heard.ready_devices} of {heard.total_devices}")]

    def _measured(self, heard: Heard) -> list[Action]:
        self._ahead = heard.offset_ms
        if heard.sample_count != _FIRST_PROBES:
            return []
        off = f"{heard.offset_ms:+.1f} ms (± {heard.uncertainty_ms:.1f})"
        return [Say(f"  measured: this clock less the server's is {off}")]

    def _told_to_start(self, heard: Heard) -> list[Action]:
        self._outbox.done(lambda _, said: said.kind == "start_recording")
        return self._recorder.told_to_start(heard)

    def _told_to_stop(self, heard: Heard) -> list[Action]:
        self._outbox.done(lambda _, said: said.kind == "stop_recording")
        if heard.take_id in {"", self._others_take}:
            self._others_take = ""
        return self._recorder.told_to_stop(heard)

    def _told_of_take(self, heard: Heard) -> list[Action]:
        if heard.device_id == self._device_id:
            self._recorder.answered(heard)
        why = f" ({heard.reason})" if heard.reason else ""
        fares = _FARES.get(heard.state, heard.state)
        return [Say(f"  {self._name(heard.device_id)} {fares}{why}")]

    def _told_of_mark(self, heard: Heard) -> list[Action]:
        if heard.device_id == self._device_id:
            mark = "marker", heard.label
            self._outbox.done(lambda _, said: mark == (said.kind, said.fields["label"]))
        label = f" {heard.label}" if heard.label else ""
        return [Say(f"⚑ mark{label}, by {self._name(heard.device_id)}")]

    def _name(self, device_id: str) -> str:
        if device_id == self._device_id:
            return "this phone"
        other = "an operator" if device_id == "server" else "the other phone"
        return self._names.get(device_id, other)

    def _over(self, _: Heard) -> list[Action]:
        over: list[Action] = [Say("the session is over"), End(0)]
        return [*self._recorder.cut("session ended"), *over]

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
        """Take a refusal for the answer to what it names.

        One that names nothing answers all but reports: the server names those.
        """
        later = self._recorder.refused(heard)
        self._outbox.done(
            lambda name, said: (
                name == heard.command_id if heard.command_id else not said.is_report
            )
        )
        # What the server does not know of, nobody else will stop.
        gone = heard.code == "no_recording"
        return [*later, *(self._recorder.cut("here only") if gone else [])]

    def _command(self, kind: str, **fields: object) -> list[Action]:
        # The latest tap counts.
        self._outbox.done(lambda _, said: said.kind == kind)
        return self._sent(self._outbox.say(kind, **fields))

    def _start(self, _: str) -> list[Action]:
        return self._command("start_recording")

    def _stop(self, _: str) -> list[Action]:
        take = self._recorder.take
        # Sent late, it must not end another take.
        which = {"takeId": take.name} if take is not None else {}
        return self._command("stop_recording", **which)

    def _ready(self, _: str) -> list[Action]:
        self._is_ready = True
        return self._sent([send("device_ready")] if self.is_seated else [])

    def _quit(self, _: str) -> list[Action]:
        return [*self._recorder.cut(_PUT_AWAY), End(0)]

    def _film(self, _: str) -> list[Action]:
        """Join a take that runs without this phone."""
        if not self._others_take:
            return [Say("! no take runs without this phone; start begins one")]
        take_id, self._others_take = self._others_take, ""
        return self._recorder.join_late(take_id)

    def _mark(self, label: str) -> list[Action]:
        """Mark this instant: in server time, if that is known here."""
        when = (
            {}
            if self._ahead is None
            else {"timestamp": fine(self._clock() - self._ahead)}
        )
        return self._sent(self._outbox.say("marker", label=label, **when))

    def _sent(self, actions: list[Action]) -> list[Action]:
        return actions or [Say("  no seat at the moment: it goes out with the next")]

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
