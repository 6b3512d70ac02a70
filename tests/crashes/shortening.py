"""The shortest schedule that still breaks a promise, for people to read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from tests.crashes.schedule import KINDS, Schedule

SHORTER: tuple[float, ...] = (0.0, 1.0, 20.0, 300.0, 1500.0)
"""ms that an act may come after the one before just as well."""


def shortest(schedule: Schedule, breaks: Callable[[Schedule], bool]) -> Schedule:
    """Leave out and smooth what makes no difference, until all does."""
    while True:
        simpler = next(filter(breaks, _simpler(schedule)), None)
        if simpler is None:
            return schedule
        schedule = simpler


def _simpler(schedule: Schedule) -> Iterator[Schedule]:
    """Return every schedule that is a little simpler."""
    acts = schedule.acts
    for i in reversed(range(len(acts))):
        yield replace(schedule, acts=acts[:i] + acts[i + 1 :])
    for plain in (
        replace(schedule, slow=0.0),
        replace(schedule, delays=(1.0, 1.0, 1.0)),
        *(replace(schedule, kinds=_plain(schedule.kinds, n)) for n in range(3)),
    ):
        if plain != schedule:
            yield plain
    for i, act in enumerate(acts):
        for after in SHORTER:
            if after < act.after:
                sooner = replace(act, after=after)
                yield replace(schedule, acts=(*acts[:i], sooner, *acts[i + 1 :]))


def _plain(kinds: tuple[str, str, str], n: int) -> tuple[str, str, str]:
    first, second, third = (KINDS[0] if i == n else k for i, k in enumerate(kinds))
    return first, second, third
