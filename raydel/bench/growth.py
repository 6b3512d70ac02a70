"""Crowds that grow to thousands of phones, and shrink again, at a pace."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from raydel.bench.crowd import AT_A_TIME, Crowd, Phone
from raydel.bench.wire import CLOSE, GOODBYE
from raydel.core.burst import BURST
from raydel.core.instants import SECOND
from raydel.core.schedule import ATTENTION, FULL_CADENCE, JITTER, MOST_AT_ONCE, SPACING

PACE: Final = 300.0
"""Phones that come a second, at most: also those that are there are to be served."""

NEWS: Final = 5.0
"""Seconds between two words on how far it is."""


def quiet_after(phones: int) -> float:
    """Return seconds from the last join until all are asked as seldom as ever after.

    A phone whose partner has come is asked at full cadence for a while. Of thousands,
    only so many are asked at a time, and the others wait their turn.

    Args:
        phones: How many came.
    """
    burst = BURST * SPACING
    turns = phones * burst / MOST_AT_ONCE
    return (ATTENTION + FULL_CADENCE * (1 + JITTER) + turns) / SECOND


def unheard(_: str) -> None:
    """Tell nobody."""


def grow(
    crowd: Crowd,
    phones: int,
    *,
    pace: float = PACE,
    note: Callable[[str], None] = unheard,
) -> None:
    """Have phones come and join, two to a session, until so many are there.

    The next ones come when those before have their seats, but not faster than the
    pace: a server that is slow is not flooded.

    Args:
        crowd: Where they come to; of an even number.
        phones: How many are to be there, an even number.
        pace: How many come a second, at most.
        note: Told now and then how many are there.

    Raises:
        Trouble: One of them cannot join.
    """
    told = time.monotonic()
    while (missing := phones - len(crowd.phones)) > 0:
        began = time.monotonic()
        some = [crowd.add() for _ in range(min(AT_A_TIME, missing))]
        crowd.until(partial(_are_open, some), "opening")
        for part in (some[::2], some[1::2]):
            for phone in part:
                phone.join()
            crowd.until(partial(_are_joined, part), "joining")
        crowd.rest(began + len(some) / pace - time.monotonic())
        if time.monotonic() - told > NEWS:
            told = time.monotonic()
            note(f"{len(crowd.phones):,} of {phones:,} phones have joined")


def shrink(crowd: Crowd, phones: int) -> None:
    """Have those leave in good order that came last, until so many are left.

    Raises:
        Trouble: The server does not let one of them go.
    """
    frame = crowd.mask.frame(GOODBYE, CLOSE)
    staying = sorted(crowd.phones.values(), key=lambda phone: phone.number)
    leaving = staying[phones:][::-1]
    for begin in range(0, len(leaving), AT_A_TIME):
        part = leaving[begin : begin + AT_A_TIME]
        for phone in part:
            phone.is_leaving = True
            phone.send(frame)
        crowd.until(partial(_are_gone, part), "leaving")


def _are_open(phones: Sequence[Phone]) -> bool:
    return all(phone.is_open for phone in phones)


def _are_joined(phones: Sequence[Phone]) -> bool:
    return all(phone.is_joined for phone in phones)


def _are_gone(phones: Sequence[Phone]) -> bool:
    return all(phone.socket.fileno() < 0 for phone in phones)
