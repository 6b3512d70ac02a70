"""Which reports of devices are waited for, and until when: nothing waits for ever."""

from __future__ import annotations

from typing import Final

from raydel.core.instants import SECOND
from raydel.core.messages import (
    RecordingScheduled,
    RecordingStarted,
    Report,
)
from raydel.core.take import Declared
from raydel.core.values import Value

REPORTS: Final = "recording_reports"
"""The capability of an app that reports: no other is waited for."""

ANSWER: Final = 2.5 * SECOND
"""ms for the answer to a start, from its acceptance: so both hear within 3 s."""

FIRST_FRAME: Final = 5 * SECOND
"""ms for the report of the first frame, from the start on. Slow cameras take 1.6 s."""

FILE: Final = 30 * SECOND
"""ms for the report of the file, from the stop on: it has to be written, and summed."""


class Awaited(Value, frozen=True):
    """A report that a device owes.

    Attributes:
        take_id: Of which take.
        device_id: The device.
        what: ``scheduled``, ``started`` or ``stopped``, as in `TakeUpdate`.
        deadline: Until when it is waited for, server time, ms.
    """

    take_id: str
    device_id: str
    what: str
    deadline: float

    @property
    def silence(self) -> str:
        """What is missing, in words, once the deadline has passed."""
        return silence(self.what)


_SILENCES: Final = {
    "scheduled": "no answer to the start",
    "started": "no first frame reported",
    "stopped": "no file reported",
}


def silence(what: str) -> str:
    """Return how a `TakeUpdate` says that a report did not come."""
    return _SILENCES[what]


def does_report(declared: Declared) -> bool:
    """Whether a device's app says that it reports."""
    return REPORTS in declared.capabilities


def after(
    awaited: tuple[Awaited, ...], device_id: str, report: Report, start_at: float
) -> tuple[Awaited, ...]:
    """Return what is waited for once a device has reported.

    Args:
        awaited: What was waited for.
        device_id: The device.
        report: What it said.
        start_at: When its take's cameras were to be called, server time, ms.
    """

    def is_met(each: Awaited) -> bool:
        mine = (each.take_id, each.device_id) == (report.take_id, device_id)
        return mine and (
            each.what == "scheduled"
            or not isinstance(report, RecordingScheduled | RecordingStarted)
            or (each.what == "started" and isinstance(report, RecordingStarted))
        )

    was_answer = any(is_met(each) and each.what == "scheduled" for each in awaited)
    left = tuple(each for each in awaited if not is_met(each))
    if was_answer and isinstance(report, RecordingScheduled):
        deadline = start_at + FIRST_FRAME
        return (*left, Awaited(report.take_id, device_id, "started", deadline))
    return left
