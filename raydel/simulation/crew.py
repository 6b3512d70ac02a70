"""Many takes at once: each is played by itself, so it does not matter where."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Final, TypeVar

CHUNK: Final = 16
"""Takes that are handed out at a time, where there are more than enough."""

_Played = TypeVar("_Played")


def play_all(
    play: Callable[[int], _Played], takes: int, jobs: int
) -> Iterator[_Played]:
    """Play takes, and give what came of each, in their order.

    Args:
        play: Plays one, by its number from 0. With more than one job it has to be
            one that can be pickled.
        takes: How many.
        jobs: Processes to play them in; 1 is this one.
    """
    if jobs == 1:
        yield from map(play, range(takes))
        return
    chunk = max(min(CHUNK, takes // jobs), 1)
    with ProcessPoolExecutor(jobs, get_context("spawn")) as crew:
        yield from crew.map(play, range(takes), chunksize=chunk)
