"""How the program writes its log: one event, one line, as text or as JSON.

What phones send stands in some lines. Nothing of it can end a line, begin another,
colour a terminal or turn the reading direction: a log is evidence.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final, TextIO, cast

from twisted.logger import (
    FileLogObserver,
    ILogObserver,
    LogEvent,
    LogLevel,
    formatEvent,
)
from twisted.python.failure import Failure
from twisted.python.logfile import LogFile
from zope.interface import implementer

from raydel.core.config import LogFormat
from raydel.core.instants import SECOND, iso

_OURS: Final = frozenset(("raydel", "stdout", "stderr"))
# What Twisted's older logging adds to events, and what it calls its own.
_NOT_FIELDS: Final = frozenset(
    ("format", "isError", "message", "system", "time", "why", "failure")
)


@implementer(ILogObserver)
class LineObserver:
    """Writes the events worth reading, one a line.

    Args:
        out: Where the lines go.
        log_format: How they look.
    """

    def __init__(self, out: TextIO | LogFile, log_format: LogFormat) -> None:
        line = json_line if log_format == "json" else text_line
        self._out = out
        self._write = FileLogObserver(cast(TextIO, out), line)

    def __call__(self, event: LogEvent) -> None:
        """Write one event, or leave it out."""
        if is_worth_reading(event):
            self._write(event)

    def close(self) -> None:
        """Write no more."""
        self._out.close()


def destination(twistd: Mapping[str, Any]) -> TextIO | LogFile | None:
    """Find where twistd's own options want the log.

    Args:
        twistd: The options that stand before ``raydel`` on the command line.

    Returns:
        None where twistd is to write the log itself, in its own format: with
        ``--logger`` and ``--syslog``.

    Raises:
        SystemExit: The file cannot be written.
    """
    if twistd.get("logger") or twistd.get("syslog"):
        return None
    path = twistd.get("logfile")
    if twistd.get("nodaemon") or twistd.get("debug"):
        path = path or "-"
    if path == "-":
        return sys.stdout
    try:
        file: LogFile = LogFile.fromFullPath(path or "twistd.log")
    except OSError as problem:
        raise SystemExit(f"raydel: cannot write the log: {problem}") from problem
    return file


def is_worth_reading(event: LogEvent) -> bool:
    """Let pass what this program says, and what goes wrong anywhere.

    Twisted and Autobahn tell of each factory, request and frame. That hides what
    matters, and some of it carries what phones have sent.
    """
    is_ours = _namespace(event).partition(".")[0] in _OURS
    least = LogLevel.info if is_ours else LogLevel.warn
    return bool(event.get("log_level", LogLevel.info) >= least)


def text_line(event: LogEvent) -> str:
    """Write an event for people.

    A traceback follows its line, set in, so that no line of it passes for an event.
    """
    lines = [
        f"{_time(event)} {_level(event):<8} {_namespace(event)}: "
        + _printable(_sentence(event))
    ]
    lines += [f"    {_printable(each)}" for each in _traceback(event).splitlines()]
    return "\n".join(lines) + "\n"


def json_line(event: LogEvent) -> str:
    """Write an event for programs: one JSON object, in ASCII.

    ``time`` is ISO 8601 in UTC, ``level`` and ``namespace`` say how grave it is and
    who says it, ``event`` is the sentence. What the sentence was made of stands
    beside it under its own names.
    """
    fields = {
        key: _plain(value)
        for key, value in event.items()
        if not key.startswith("log_") and key not in _NOT_FIELDS
    }
    head = {
        "time": _time(event),
        "level": _level(event),
        "namespace": _namespace(event),
        "event": _sentence(event),
    }
    traceback = _traceback(event)
    tail = {"traceback": traceback} if traceback else {}
    # The head comes first, and no field of its name displaces it.
    return json.dumps(head | fields | head | tail) + "\n"


def _sentence(event: LogEvent) -> str:
    """Fill in the format of an event.

    Twisted's own way knows calls in formats, and survives whatever is in one. That
    costs more than all else about a line, so it is gone only where `str` does not do.
    """
    try:
        sentence = event["log_format"].format_map(event)
    except Exception:  # Of whatever kind, and whoever wrote the format.
        return formatEvent(event)
    return sentence if isinstance(sentence, str) else formatEvent(event)


def _time(event: LogEvent) -> str:
    return _written(int(event["log_time"] * SECOND))


_written: Final = lru_cache(1)(iso)
"""A busy server writes several lines in one millisecond."""


def _level(event: LogEvent) -> str:
    return str(event.get("log_level", LogLevel.info).name)


def _namespace(event: LogEvent) -> str:
    return str(event.get("log_namespace", "-"))


def _traceback(event: LogEvent) -> str:
    failure = event.get("log_failure")
    return failure.getTraceback() if isinstance(failure, Failure) else ""


def _printable(text: str) -> str:
    r"""Spell out what is no visible character: ``\n``, ``\x1b``, ``\u202e``."""
    if text.isprintable():
        return text
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape").decode("ascii")
        for each in text
    )


def _plain(value: object) -> str | int | float | bool | None:
    """Keep what JSON knows, and spell out the rest; it knows no infinity."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if value is None or isinstance(value, str | int | float):
        return value
    return str(value)
