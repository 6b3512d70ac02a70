"""A client without a network, whose server is the test."""

from __future__ import annotations

import json
from itertools import count
from typing import Any, Final, TypeVar

from twisted.trial.unittest import SynchronousTestCase

from raydel.client.machine import CAPABILITIES, Client, Kept
from raydel.client.takes import Take
from raydel.client.wants import Call, Cut, Later, Send, Want
from raydel.core import codec
from raydel.core.messages import (
    DeviceStatus,
    Error,
    Join,
    Joined,
    Outbound,
    RecordingStopped,
    RunningTake,
    SessionStatus,
    StartRecording,
    StopRecording,
    TakeUpdate,
)

ME: Final = "me"
OTHER: Final = "other"

_Want = TypeVar("_Want", bound=Want)


def of(kind: type[_Want], wants: list[Want]) -> list[_Want]:
    """Return the wants of one kind."""
    return [each for each in wants if isinstance(each, kind)]


def sent(wants: list[Want]) -> list[dict[str, Any]]:
    """Return the messages that are sent; the server can read each of them."""
    for each in of(Send, wants):
        codec.decode(each.frame)
    return [json.loads(each.frame) for each in of(Send, wants)]


def kinds(wants: list[Want]) -> list[str]:
    """Return the types of the messages that are sent."""
    return [each["type"] for each in sent(wants)]


def joined(**fields: Any) -> Joined:
    """Return what the server says of a seat, another device beside it."""
    status = SessionStatus(
        "ABC123",
        device_count=2,
        is_recording=False,
        created_at="",
        devices=(
            DeviceStatus(ME, "Left goal", is_host=True, connected_at=""),
            DeviceStatus(OTHER, "Right goal", is_host=False, connected_at=""),
        ),
    )
    usual: dict[str, Any] = {"resume_token": "t1", "clock_id": "c1", "seq": 0}
    return Joined(
        session_id="ABC123",
        device_id=ME,
        device_name="Left goal",
        is_host=True,
        session_status=status,
        **{**usual, **fields},
    )


def running(take_id: str, *, participant: bool = True) -> RunningTake:
    """Return what is said of a take that runs during a join."""
    return RunningTake(take_id, 1200.0, participant)


def start(take_id: str = "a", **fields: Any) -> StartRecording:
    """Return a start, for 1250.0 of the device's clock."""
    usual: dict[str, Any] = {"local_start_time": 1250.0}
    return StartRecording(
        session_id="ABC123",
        timestamp=900.0,
        initiator=ME,
        atomic_start_time=1200.0,
        take_id=take_id,
        **{**usual, **fields},
    )


def stop(take_id: str = "a", **fields: Any) -> StopRecording:
    """Return a stop."""
    usual: dict[str, Any] = {"reason": "command", "seq": 9}
    return StopRecording("ABC123", 900.0, ME, take_id, **{**usual, **fields})


class Case(SynchronousTestCase):
    """One client, whose clock moves when the test says so."""

    def setUp(self) -> None:
        """Have a host."""
        self.time = 1000.0
        self.chance = 0.5
        self.excuse = ""
        self.client = self.make()

    def make(self, kept: Kept | None = None, **fields: Any) -> Client:
        """Make a client; by default it has a camera."""
        names = count(1)
        said = {"capabilities": CAPABILITIES, "is_host": True, **fields}
        return Client(
            Join(session_id="ABC123", device_name="Left goal", **said),
            clock=lambda: self.time,
            chance=lambda: self.chance,
            names=lambda: f"c{next(names)}",
            refuses=lambda _: self.excuse,
            kept=kept,
        )

    def hear(self, message: Outbound) -> list[Want]:
        """Have the server say something."""
        return self.client.received(codec.encode(message), self.time)

    def join(self, **fields: Any) -> list[Want]:
        """Have a link, and a seat."""
        self.client.opened()
        return self.hear(joined(**fields))

    def carry(self, wants: list[Want]) -> list[Want]:
        """Let time pass for what is to be done later; return what comes of it."""
        done: list[Want] = []
        for each in of(Later, wants):
            self.time = max(self.time, each.at)
            done += each.call()
        return done

    def record(self, take_id: str = "a") -> Take:
        """Have the camera called."""
        (call,) = of(Call, self.carry(self.hear(start(take_id))))
        return call.take

    def finish(self, take_id: str = "a") -> list[Want]:
        """Have the camera stopped, and its file reported."""
        cut = of(Cut, self.carry(self.hear(stop(take_id))))
        self.assertEqual([take_id], [each.take.id for each in cut])
        return self.client.recordings.finished(RecordingStopped(take_id, self.time))

    def answer(self, state: str, take_id: str = "a", device_id: str = ME) -> None:
        """Have the server tell of a report."""
        self.hear(TakeUpdate(take_id, device_id, state))

    def refuse(self, code: str, **fields: Any) -> list[Want]:
        """Have the server refuse something."""
        return self.hear(Error("No", code, **fields))
