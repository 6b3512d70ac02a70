"""A phone that is played: what it does about what it hears, and about its buttons.

It speaks protocol 2 and knows no socket, terminal or reactor: whatever happens to it
gives a list of actions, to be carried out in order. Its time is in milliseconds of its
own clock, which may be wrong by any amount.
"""

from __future__ import annotations

import random
import secrets
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

from raydel.client import wants
from raydel.client.machine import BACKOFF, CAPABILITIES, Client
from raydel.client.wants import Want
from raydel.core.errors import SESSION_NOT_FOUND
from raydel.core.messages import (
    DeviceConnected,
    DeviceDisconnected,
    Error,
    Join,
    Joined,
    MarkerNotice,
    ReadinessUpdate,
    StopRecording,
    TakeUpdate,
    TimeSyncUpdate,
)
from raydel.virtualcamera import Camera, Recorder
from raydel.virtualwire import Action, Connect, End, Later, Say, Send

__all__ = ["BACKOFF", "BUTTONS", "VirtualPhone"]

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
        self._code = code
        self._client = Client(
            Join(
                session_id=code,
                is_host=is_host,
                device_name=name,
                model=model,
                installation_id=installation_id,
                capabilities=CAPABILITIES if camera else (),
            ),
            clock=clock,
            chance=chance,
            names=partial(secrets.token_urlsafe, 9),
        )
        self._recorder = Recorder(
            camera, clock, chance, self._client.recordings, self._carry
        )
        self._complaints: set[str] = set()
        self._names: dict[str, str] = {}
        self._tells: Mapping[type, Callable[[Any], list[Action]]] = {
            Joined: self._joined,
            DeviceConnected: self._met,
            DeviceDisconnected: self._parted,
            ReadinessUpdate: self._counted,
            TimeSyncUpdate: self._measured,
            StopRecording: self._told_to_stop,
            TakeUpdate: self._told_of_take,
            MarkerNotice: self._told_of_mark,
            Error: self._refused,
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
        return self._client.is_seated

    @property
    def is_in_company(self) -> bool:
        """Whether it has met another phone."""
        return bool(self._names)

    @property
    def knows_its_clock(self) -> bool:
        """Whether it was told how far its clock is ahead."""
        return self._client.ahead is not None

    @property
    def take_id(self) -> str:
        """The take that it films, or was the last to; empty if there was none."""
        take = self._client.latest
        return "" if take is None else take.id

    @property
    def is_filming(self) -> bool:
        """Whether its camera has given the first frame of a take that goes on."""
        return self._recorder.has_first_frame

    @property
    def is_settled(self) -> bool:
        """Whether it films nothing, has made its files, and was heard out."""
        return self._client.is_settled

    def opened(self) -> list[Action]:
        """Ask for the seat: a link is there."""
        return self._carry(self._client.opened())

    def lost(self, why: str, code: int = 1006) -> list[Action]:
        """Try again: a link is gone with this close code, or was never made."""
        actions = self._carry(self._client.lost(code))
        pauses = [each.after for each in actions if isinstance(each, Connect)]
        return [*(self._complain(why, pauses[0]) if pauses else []), *actions]

    def barred(self, why: str) -> list[Action]:
        """Give up: no other attempt would end better."""
        return self._carry(self._client.barred(why))

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
        return self._carry(self._client.received(frame, arrived))

    def _carry(self, wanted: list[Want]) -> list[Action]:
        """Turn what a client wants into what a played phone does."""
        return [action for each in wanted for action in self._carry_one(each)]

    def _carry_one(self, want: Want) -> list[Action]:
        match want:
            case Send() | Connect():
                actions: list[Action] = [want]
            case wants.Later(at, call):
                actions = [Later(at, lambda: self._carry(call()))]
            case wants.Call(take):
                actions = self._recorder.call(take)
            case wants.Cut(take, why):
                actions = self._recorder.cut(take, why)
            case wants.Spared(take, why):
                actions = self._recorder.spared(take, why)
            case _:
                actions = self._tell(want)
        return actions

    def _tell(self, want: Want) -> list[Action]:
        match want:
            case wants.Told(message) if tell := self._tells.get(type(message)):
                return tell(message)
            case wants.TurnedAway(error, after):
                return self._complain(self._turned_away(error), after)
            case wants.Garbled(why):
                return [Say(f"! a message that makes no sense: {why}")]
            case wants.Over(why, is_regular=True):
                return [Say(why), End(0)]
            case wants.Over(why, error):
                return [Say(f"! {why if error is None else _words(error)}"), End(1)]
            case _:
                return []

    def _joined(self, joined: Joined) -> list[Action]:
        self._complaints.clear()
        how = "back in" if joined.resumed else "joined"
        said: list[Action] = [Say(f"✓ {how} {self._code}")]
        if joined.take and not joined.take.participant and self._elsewhere:
            said.append(Say("  a take runs already, without this phone; film joins it"))
        return said

    @property
    def _elsewhere(self) -> str:
        """The take that runs without this phone."""
        return self._client.recordings.elsewhere

    def _met(self, met: DeviceConnected) -> list[Action]:
        self._names[met.device_id] = met.device_name
        return [Say(f"+ {met.device_name} is {'back' if met.resumed else 'there'}")]

    def _parted(self, parted: DeviceDisconnected) -> list[Action]:
        name = self._name(parted.device_id)
        return [Say(f"- {name} is gone ({parted.reason or 'no reason given'})")]

    def _counted(self, update: ReadinessUpdate) -> list[Action]:
        return [Say(f"  ready: {update.ready_devices} of {update.total_devices}")]

    def _measured(self, update: TimeSyncUpdate) -> list[Action]:
        if update.sample_count != _FIRST_PROBES:
            return []
        off = f"{update.offset_ms:+.1f} ms (± {update.uncertainty_ms or 0.0:.1f})"
        return [Say(f"  measured: this clock less the server's is {off}")]

    def _told_to_stop(self, stop: StopRecording) -> list[Action]:
        known = self._client.recordings.takes.named(stop.take_id or "")
        if stop.take_id and known is None:
            return [Say("  a take that this phone has no part in is over")]
        return []

    def _told_of_take(self, update: TakeUpdate) -> list[Action]:
        why = f" ({update.reason})" if update.reason else ""
        fares = _FARES.get(update.state, update.state)
        return [Say(f"  {self._name(update.device_id)} {fares}{why}")]

    def _told_of_mark(self, notice: MarkerNotice) -> list[Action]:
        label = f" {notice.label}" if notice.label else ""
        return [Say(f"⚑ mark{label}, by {self._name(notice.device_id)}")]

    def _name(self, device_id: str) -> str:
        if device_id == self._client.device_id:
            return "this phone"
        other = "an operator" if device_id == "server" else "the other phone"
        return self._names.get(device_id, other)

    def _refused(self, error: Error) -> list[Action]:
        return [Say(f"! refused: {_words(error)}")] if self.is_seated else []

    def _turned_away(self, error: Error) -> str:
        if error.code == SESSION_NOT_FOUND.code:
            return f"no host in {self._code} yet (is that the code?)"
        return _words(error)

    def _start(self, _: str) -> list[Action]:
        return self._sent(self._client.start())

    def _stop(self, _: str) -> list[Action]:
        return self._sent(self._client.stop())

    def _ready(self, _: str) -> list[Action]:
        return self._sent(self._client.ready())

    def _quit(self, _: str) -> list[Action]:
        return [*self._carry(self._client.recordings.cut(_PUT_AWAY)), End(0)]

    def _film(self, _: str) -> list[Action]:
        """Join a take that runs without this phone."""
        if not self._elsewhere:
            return [Say("! no take runs without this phone; start begins one")]
        return self._carry(self._client.recordings.record_late())

    def _mark(self, label: str) -> list[Action]:
        """Mark this instant."""
        return self._sent(self._client.mark(label))

    def _sent(self, wanted: list[Want]) -> list[Action]:
        said: list[Action] = [Say("  no seat at the moment: it goes out with the next")]
        return self._carry(wanted) or said

    def _complain(self, why: str, pause: float) -> list[Action]:
        """Say what hinders, once until it is overcome."""
        if why in self._complaints:
            return []
        self._complaints.add(why)
        return [Say(f"! {why}, trying again in {pause:.1f} s")]


def _words(error: Error) -> str:
    return ": ".join(filter(None, (error.message, error.detail or "")))
