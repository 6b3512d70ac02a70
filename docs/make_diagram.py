# noqa: INP001 - a script beside the pages, in no package.
"""Writes the life of a session into architecture.md, from the table in the core.

``python docs/make_diagram.py`` rewrites what stands between the two markers;
with ``--check`` it only says, by its exit code, whether that would change it.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from raydel.core.events import Event
from raydel.core.session import TRANSITIONS
from raydel.core.state import Phase

PAGE: Final = Path(__file__).with_name("architecture.md")
BEGIN: Final = "<!-- made by docs/make_diagram.py: begin -->\n"
END: Final = "<!-- made by docs/make_diagram.py: end -->\n"


def main(arguments: Sequence[str]) -> None:
    """Rewrite the page, or check it.

    Args:
        arguments: Nothing, or ``--check``.

    Raises:
        SystemExit: The page has no markers, or the check found it out of date.
    """
    text = PAGE.read_text(encoding="utf-8")
    fresh = rewritten(text)
    if list(arguments) != ["--check"]:
        PAGE.write_text(fresh, encoding="utf-8")
    elif fresh != text:
        raise SystemExit("docs/architecture.md is out of date: make diagram")


def rewritten(text: str) -> str:
    """Return a page with the part between its markers made anew."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise SystemExit("docs/architecture.md has lost its markers")
    return f"{before}{begin}\n{_diagram()}\n{_table()}\n{end}{after}"


def _diagram() -> str:
    """Draw the moves from one phase to another."""
    moves = (
        f"    {start.value} --> {stop.value}: {', '.join(words)}"
        for start in Phase
        for stop in Phase
        if start is not stop and (words := [*_moves(start, stop)])
    )
    first = f"    [*] --> {Phase.ABSENT.value}"
    return "\n".join(["```mermaid", "stateDiagram-v2", first, *moves, "```", ""])


def _moves(start: Phase, stop: Phase) -> Iterator[str]:
    for event, transition in TRANSITIONS[start].items():
        if stop in transition.to:
            yield _words(event)


def _table() -> str:
    """List what every event does in every phase, and where that may lead."""
    head = ["event", *(phase.value for phase in Phase)]
    rows = [head, ["---"] * len(head), *(_row(event) for event in Event.__args__)]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _row(event: type[Event]) -> list[str]:
    return [f"`{event.__name__}`", *(_cell(phase, event) for phase in Phase)]


def _cell(phase: Phase, event: type[Event]) -> str:
    transition = TRANSITIONS[phase][event]
    elsewhere = [each.value for each in Phase if each in transition.to - {phase}]
    act = f"`{transition.act.__name__}`"
    return f"{act} → {', '.join(elsewhere)}" if elsewhere else act


def _words(event: type[Event]) -> str:
    """``StartRequested`` as *start requested*."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", event.__name__).lower()


if __name__ == "__main__":
    main(sys.argv[1:])
