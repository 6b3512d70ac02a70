"""What happened in a take: lines that are added as it happens, and never changed.

What a device reports stands here as it said it, times of its own clock included; the
instants beside it are server time, ms.
"""

from __future__ import annotations

from typing import Literal

from raydel.core.messages import Report, StatusReport
from raydel.core.values import Value

SERVER = "server"
"""Stands for a device where it was the server, or an operator."""


class Told(Value, frozen=True, tag_field="type", tag="told", rename="camel"):
    """A device's copy of a command left.

    Attributes:
        command: Which one.
        local_time: When it is to be obeyed, by the device's own clock, ms; None where
            the device was to obey on receipt.
    """

    command: Literal["start", "stop"]
    local_time: float | None = None


class Confirmed(Value, frozen=True, tag_field="type", tag="confirmed", rename="camel"):
    """A device's copy of a command is known to have arrived by now."""

    command: Literal["start", "stop"]


class LinkLost(Value, frozen=True, tag_field="type", tag="link_lost", rename="camel"):
    """A device is not there any more: ``reason`` as in `DeviceDisconnected`."""

    reason: str


class LinkBack(Value, frozen=True, tag_field="type", tag="link_back", rename="camel"):
    """A device is there again."""


class Unheard(Value, frozen=True, tag_field="type", tag="unheard", rename="camel"):
    """A device did not report in time: ``what`` as the state in `TakeUpdate`."""

    what: str


class Marked(Value, frozen=True, tag_field="type", tag="marked", rename="camel"):
    """Somebody marked an instant of the take.

    Attributes:
        instant: Which one, server time, ms.
        label: What it is called; may be empty.
    """

    instant: float
    label: str = ""


Fact = Told | Confirmed | LinkLost | LinkBack | Unheard | Marked | StatusReport | Report
"""What one line says. A device's report stands in it as it came."""


class JournalEntry(Value, frozen=True, rename="camel"):
    """One line.

    Attributes:
        take_id: The take.
        device_id: Whom it is about, or who said it; `SERVER` where no device did.
        at: When it was noted, server time, ms.
        fact: What happened.
    """

    take_id: str
    device_id: str
    at: float
    fact: Fact
