"""What is counted: bytecodes, writes and bytes; none of them depends on the machine."""

from __future__ import annotations

import contextlib
import gc
import sys
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import CodeType, FrameType
from typing import Any, Final

from twisted.internet import base, task
from twisted.logger import globalLogPublisher
from twisted.test import iosim

from raydel.testing import lines

STAND_INS: Final = (
    iosim.__file__,
    lines.__file__,
    task.__file__,
    base.__file__,
    contextlib.__file__,
    __file__,
)
"""What stands for the reactor and its sockets, or counts; it is not counted.

The fake clock looks at all its timers whenever one is set: the reactor's heap does not.
"""


TOOL: Final = 4
"""A place among those who watch the interpreter that nobody is known to take."""


class Counter:
    """A count that goes on while it is asked to.

    Attributes:
        count: So far.
    """

    def __init__(self) -> None:
        self.count = 0


@contextmanager
def _traced(of: Counter) -> Iterator[None]:
    """Count under Python 3.11."""

    def enter(frame: FrameType, _what: str, _more: Any) -> Callable[..., Any] | None:
        if frame.f_code.co_filename in STAND_INS:
            return None
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        return inside

    def inside(_frame: FrameType, what: str, _more: Any) -> Callable[..., Any]:
        if what == "opcode":
            of.count += 1
        return inside

    before = sys.gettrace()
    sys.settrace(enter)
    try:
        yield
    finally:
        sys.settrace(before)


@contextmanager
def _monitored(of: Counter) -> Iterator[None]:
    """Count under later ones, whose tracing leaves some out."""
    monitoring: Any = sys.monitoring  # type: ignore[attr-defined,unused-ignore]

    def run(code: CodeType, _offset: int) -> object:
        if code.co_filename in STAND_INS:
            return monitoring.DISABLE
        of.count += 1
        return None

    event = monitoring.events.INSTRUCTION
    monitoring.use_tool_id(TOOL, "counts")
    monitoring.register_callback(TOOL, event, run)
    monitoring.set_events(TOOL, event)
    try:
        yield
    finally:
        monitoring.set_events(TOOL, 0)
        monitoring.register_callback(TOOL, event, None)
        monitoring.free_tool_id(TOOL)


@contextmanager
def unheard() -> Iterator[None]:
    """Have nobody listen to the log meanwhile.

    What a line costs, and keeps, is up to who does; pytest and trial are not at one
    there.
    """
    listening = globalLogPublisher._observers
    globalLogPublisher._observers = []
    try:
        yield
    finally:
        globalLogPublisher._observers = listening


@contextmanager
def bytecodes(of: Counter) -> Iterator[None]:
    """Count the bytecodes that run meanwhile, but for those of `STAND_INS`."""
    with unheard(), _traced(of) if sys.version_info < (3, 12) else _monitored(of):
        yield


def bytes_kept(make: Callable[[], object]) -> int:
    """Return bytes that are still allocated by the server's code after a call.

    What it returns is kept until then.
    """
    hidden = [tracemalloc.Filter(False, name) for name in STAND_INS]
    hidden.append(tracemalloc.Filter(False, tracemalloc.__file__))
    tracemalloc.start()
    try:
        before = tracemalloc.take_snapshot().filter_traces(hidden)
        with unheard():
            kept = make()
        # Whose turn it is depends on what ran before.
        gc.collect()
        after = tracemalloc.take_snapshot().filter_traces(hidden)
    finally:
        tracemalloc.stop()
    del kept
    return sum(each.size_diff for each in after.compare_to(before, "filename"))
