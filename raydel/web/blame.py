"""Where an exception came from, in one line of a log."""

from __future__ import annotations

from pathlib import PurePath
from traceback import extract_tb
from typing import Final

from twisted.python.failure import Failure

DEPTH: Final = 5
"""Frames that are named: enough to find the place, few enough for one line."""


def blame(failure: Failure) -> str:
    """Name the exception's type and where it was raised, innermost frame first.

    Its text is left out: it often quotes what a peer sent, which is not to
    stand in a log.
    """
    frames = reversed(extract_tb(failure.getTracebackObject())[-DEPTH:])
    places = (f"{PurePath(f.filename).name}:{f.lineno} {f.name}" for f in frames)
    return f"{type(failure.value).__name__} in {' < '.join(places)}"
