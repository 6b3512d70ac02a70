"""What was said and not answered yet: it is said again after each join.

Each message keeps its ``command_id``: what was obeyed once is not obeyed twice.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

import msgspec
from msgspec import UNSET

from raydel.client.wants import Send, Want
from raydel.core.messages import (
    Inbound,
    Marker,
    MarkerNotice,
    RecordingFailed,
    RecordingRefused,
    RecordingScheduled,
    RecordingStarted,
    RecordingStopped,
    Report,
    StartCommand,
    StopCommand,
    StopRecording,
    TakeUpdate,
)

Command: TypeAlias = StartCommand | StopCommand | Marker | Report
"""What is repeated until it is answered."""

STATES: Final[dict[str, type]] = {
    "scheduled": RecordingScheduled,
    "refused": RecordingRefused,
    "started": RecordingStarted,
    "stopped": RecordingStopped,
    "failed": RecordingFailed,
}
"""Which report each state of a `TakeUpdate` answers."""


class Outbox:
    """What waits for its answer, in the order in which it was said.

    Attributes:
        is_open: Whether there is a seat to speak from.
        waiting: A value, replaced whenever it changes.
    """

    def __init__(self, waiting: tuple[Command, ...] = ()) -> None:
        self.is_open = False
        self.waiting = waiting

    @property
    def reports(self) -> tuple[Report, ...]:
        """Those that tell of a recording."""
        return tuple(each for each in self.waiting if isinstance(each, Report))

    def say(self, command: Command) -> list[Want]:
        """Send a message, now or with the next seat, until it is answered."""
        self.waiting = (*self.waiting, command)
        return [send(command)] if self.is_open else []

    def say_again(self) -> list[Want]:
        """Send all that waits."""
        return [send(each) for each in self.waiting]

    def named(self, command_id: object) -> Command | None:
        """Return what has this name and waits, if anything."""
        return next((e for e in self.waiting if e.command_id == command_id), None)

    def done(self, is_done: Callable[[Command], bool]) -> None:
        """Let go of what is answered."""
        self.waiting = tuple(each for each in self.waiting if not is_done(each))

    def told(self, update: TakeUpdate) -> None:
        """Take an update of this device's own for the answer to its report."""
        kind = STATES.get(update.state)
        self.done(
            lambda each: (
                isinstance(each, Report)
                and type(each) is kind
                and each.take_id == update.take_id
            )
        )

    def stopped(self, stop: StopRecording, *, is_news: bool) -> None:
        """Take a stop for the answer to those who asked for it.

        Also to a start, if it has no number, and is of a take that nobody has told of:
        a start that is sent again when its take is over is answered like that. One of
        a take that is known answers a stop that was sent again.
        """

        def is_asked_by(each: Command) -> bool:
            if isinstance(each, StartCommand):
                return is_news and stop.seq is UNSET
            either = {None, stop.take_id or None}
            return isinstance(each, StopCommand) and (
                each.take_id in either or stop.take_id is UNSET
            )

        self.done(is_asked_by)

    def marked(self, notice: MarkerNotice) -> None:
        """Take a mark of this device's own for the answer to the first that fits."""
        fits = (
            each
            for each in self.waiting
            if isinstance(each, Marker)
            and each.label == notice.label
            and each.timestamp in {None, notice.timestamp}
        )
        first = next(fits, None)
        self.done(lambda each: each is first)

    def forget_take(self, take_id: str) -> None:
        """Report nothing more of a take."""
        self.done(lambda each: isinstance(each, Report) and each.take_id == take_id)


def send(message: Inbound) -> Send:
    """Return a message to be sent, without what it leaves open."""
    fields = msgspec.to_builtins(message)
    said = {key: value for key, value in fields.items() if value not in (None, [], ())}
    return Send(msgspec.json.encode(said))
