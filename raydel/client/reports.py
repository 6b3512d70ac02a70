"""Reports that the server can read, whatever an app made of them."""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec import structs

from raydel.core import codec
from raydel.core.errors import Refusal
from raydel.core.messages import (
    RecordingFailed,
    RecordingStarted,
    RecordingStopped,
    Report,
)

LONGEST_REASON: Final = 200
"""Characters that the server takes of one."""


def line_of(text: str) -> str:
    """Return a text as one line that can be shown: what breaks it is a space."""
    line = "".join(each if each.isprintable() else " " for each in text)
    return " ".join(line.split())[:LONGEST_REASON]


def sound(report: Report) -> Report:
    """Return a report as it is; with less in it if the server would refuse it so.

    What even then makes no sense is a failure: a report that is never taken would be
    sent again for ever, and the take never be complete.
    """
    for each in (report, _least(report)):
        try:
            codec.decode(msgspec.json.encode(each))
        except Refusal:
            continue
        return each
    why = "what the app reported of its recording makes no sense"
    return RecordingFailed(report.take_id, why, report.command_id)


def _least(report: Report) -> Report:
    """Return what has to be in a report, and nothing that need not be."""
    match report:
        case RecordingStarted():
            return structs.replace(report, frame_rate=None)
        case RecordingStopped(take_id=take_id, last_frame_time=at, command_id=name):
            return RecordingStopped(take_id, at, command_id=name)
        case _:
            return report
