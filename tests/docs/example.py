"""The take that the pages show."""

from __future__ import annotations

from typing import Final

from msgspec import structs

from raydel.core.apps import App
from raydel.core.journal import (
    SERVER,
    Confirmed,
    Fact,
    JournalEntry,
    LinkBack,
    LinkLost,
    Marked,
    Told,
)
from raydel.core.messages import RecordingStarted, RecordingStopped
from raydel.core.take import (
    Absentee,
    ClockSample,
    Declared,
    Owner,
    Participant,
    Take,
)
from raydel.interfaces import TakeRecord

TAKE_ID: Final = "Rnq8-n9kqgfthsVs"
LEFT: Final = "6CmV1ndmvdQXoMLN"
RIGHT: Final = "17NNG3RWtZQORDIJ"
START: Final = 1_768_473_012_595.12
LENGTH: Final = 5_404_121.772
"""From the start to the stop, ms: ninety minutes."""

AHEAD: Final = 40_001.371
"""What the left phone's clock is ahead at the start, ms."""

_LEFT: Final = Participant(
    Owner(LEFT, True, "Left goal"),
    "Left goal",
    App.PROTOCOL_2,
    start_proven=True,
    declared=Declared(2, "iPhone15,2", "b6a1f0", ("frames",)),
)
_RIGHT: Final = Participant(
    Owner(RIGHT, False, None), "Right goal", App.LIBRARY_1, start_proven=True
)
_STARTED: Final = RecordingStarted(TAKE_ID, START + AHEAD + 310.25, 59.94)
_STOPPED: Final = RecordingStopped(
    TAKE_ID, START + LENGTH + AHEAD + 24.6, 323_904, "IMG_0042.MOV", 7_341_056_112
)


def _entry(device_id: str, after: float, fact: Fact) -> JournalEntry:
    return JournalEntry(TAKE_ID, device_id, START + after, fact)


def _sample(after: float, offset: float) -> ClockSample:
    return ClockSample(TAKE_ID, LEFT, "DWsgUJJcmU7v", START + after, offset, 3.484)


_JOURNAL: Final = (
    _entry(LEFT, -150.0, Told("start", START + AHEAD)),
    _entry(RIGHT, -4.0, Told("start")),
    _entry(LEFT, -146.2, Confirmed("start")),
    _entry(RIGHT, 5.1, Confirmed("start")),
    _entry(LEFT, 402.5, _STARTED),
    _entry(RIGHT, 1_200_000.0, LinkLost("silent")),
    _entry(RIGHT, 1_209_300.5, LinkBack()),
    _entry(SERVER, 2_711_050.0, Marked(START + 2_705_000.0, "Goal")),
    _entry(LEFT, LENGTH + 1.2, Told("stop", START + LENGTH + AHEAD)),
    _entry(LEFT, LENGTH + 903.1, _STOPPED),
)

ENDED: Final = TakeRecord(
    Take(
        id=TAKE_ID,
        session_id="ABC123",
        accepted_at=START - 250,
        start_at=START,
        initiator=LEFT,
        participants=(_LEFT, _RIGHT),
        ended_at=START + LENGTH,
        reason="command",
        ended_by=RIGHT,
    ),
    (_sample(-192.349, AHEAD), _sample(LENGTH - 200.0, AHEAD + 24.42)),
    _JOURNAL,
)
"""A match that was filmed by two phones, one of which reports what it does."""

RUNNING: Final = TakeRecord(
    structs.replace(
        ENDED.take,
        participants=(_LEFT,),
        absent=(Absentee(RIGHT, "Right goal", is_host=False),),
        ended_at=None,
        reason=None,
        ended_by=None,
    ),
    ENDED.samples[:1],
    _JOURNAL[:1],
)
"""The same, as it begins, and without the other phone."""
