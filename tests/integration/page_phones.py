"""Phones that are web pages, and the match that two of them play."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Self

from playwright.sync_api import Page

from tests.integration.wire import Message

SCRIPT = Path(__file__).with_name("page_phone.js")
"""Run in each page before anything else."""

SLACK = 5.0
"""ms by which the clocks of two pages may differ, which go by that of one machine."""

_PICK_UP = """\
([url, kind]) => {
  globalThis.phone = new Phone(url, kind);
  return phone.open;
}
"""


@dataclass(frozen=True)
class Kind:
    """How an app in a page speaks, and what it knows of the time.

    Attributes:
        label: What people call it.
        ahead: How far its clock is ahead, in ms.
        protocol: What it says of itself when it joins, if anything.
    """

    label: str
    ahead: float
    protocol: int | None = None

    def __str__(self) -> str:
        return self.label

    @property
    def clock(self) -> dict[str, object]:
        """What its clock is like: a released app's counts whole milliseconds."""
        return {"ahead": self.ahead, "fine": self.protocol is not None}

    def understands(self, start: Message, update: Message) -> tuple[float, float]:
        """Return when it starts, in true time, and how wrong that may be, in ms.

        Args:
            start: The ``start_recording`` it was told.
            update: The ``time_sync_update`` right before that.
        """
        if self.protocol is None:
            # Its milliseconds are whole ones.
            return start["atomic_start_time"] - self.ahead, update["latency_ms"] + 0.5
        instant, bound = start["localStartTime"], start["uncertainty_ms"]
        assert abs(instant - update["offset_ms"] - start["atomic_start_time"]) <= bound
        return instant - self.ahead, bound


class PagePhone:
    """A phone that is a web page.

    Attributes:
        page: The page; closed, the phone is gone.
        kind: What app it is.
    """

    def __init__(self, page: Page, url: str, kind: Kind) -> None:
        self.page = page
        self.kind = kind
        page.evaluate(_PICK_UP, [url, kind.clock])

    def join(self, code: str, *, host: bool) -> Message:
        """Take a seat, and return how it was given."""
        protocol = self.kind.protocol
        extra = {} if protocol is None else {"protocol": protocol}
        name = "Host" if host else "Guest"
        self.say("join", sessionId=code, isHost=host, deviceName=name, **extra)
        return self.hear("joined")

    def settle(self) -> None:
        """Wait until the server has heard its clock five times."""
        for _ in range(5):
            self.hear("time_sync_update")

    def say(self, kind: str, **fields: object) -> None:
        """Send one message."""
        self.page.evaluate("message => phone.say(message)", {"type": kind, **fields})

    def hear(self, kind: str) -> Message:
        """Return the first message of that type that was not returned yet."""
        message: Message = self.page.evaluate("type => phone.hear(type)", kind)
        return message

    def close(self) -> int:
        """Say goodbye, and return the code with which the server agrees."""
        self.page.evaluate("phone.socket.close(1000)")
        return self.closed()

    def closed(self) -> int:
        """Return the close code, once the connection is closed."""
        code: int = self.page.evaluate("phone.closed")
        return code


@dataclass(frozen=True)
class Match:
    """Two phones in one session, whose clocks are known.

    Attributes:
        host: Who made the session.
        guest: Who joined it.
        ids: What the server calls them.
    """

    host: PagePhone
    guest: PagePhone
    ids: tuple[str, str]

    @classmethod
    def begin(cls, host: PagePhone, guest: PagePhone, code: str) -> Self:
        """Have both join, see each other, and tell their clocks."""
        host_id = host.join(code, host=True)["deviceId"]
        guest_id = guest.join(code, host=False)["deviceId"]
        match = cls(host, guest, (host_id, guest_id))
        met = [told["deviceId"] for told in match.hear("device_connected")]
        assert met == [guest_id, host_id]
        host.settle()
        guest.settle()
        return match

    def hear(self, kind: str) -> list[Message]:
        """Return what host and guest are told."""
        return [phone.hear(kind) for phone in (self.host, self.guest)]

    def start(self) -> list[Message]:
        """Have the host start a take, and return how both are told."""
        self.host.say("start_recording")
        starts = self.hear("start_recording")
        assert {start["initiator"] for start in starts} == {self.ids[0]}
        return starts

    def stop(self) -> list[Message]:
        """Have the guest stop it, and return how both are told."""
        self.guest.say("stop_recording")
        stops = self.hear("stop_recording")
        assert {stop["initiator"] for stop in stops} == {self.ids[1]}
        return stops

    def play(self) -> None:
        """Record a take, and check that all they are told of it fits together."""
        starts = self.start()
        self.assert_at_once(starts)
        self.guest.say("start_recording")
        assert self.guest.hear("error")["code"] == "recording_in_progress"
        told = [*starts, *self.stop()]
        takes = {message["takeId"] for message in told if "takeId" in message}
        kinds = {phone.kind.protocol for phone in (self.host, self.guest)}
        assert len(takes) == (1 if 2 in kinds else 0)

    def assert_at_once(self, starts: list[Message]) -> None:
        """Check that both are to start at one true instant, as far as is promised."""
        first, second = self.hear("time_sync_update")
        mine, my_bound = self.host.kind.understands(starts[0], first)
        yours, your_bound = self.guest.kind.understands(starts[1], second)
        assert abs(mine - yours) <= my_bound + your_bound + SLACK
