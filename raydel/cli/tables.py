"""What tables of figures have in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

NAMED: Final = 5
"""Takes that went wrong that are named in a table; JSON has them all."""


def number(value: float | None, digits: int = 3) -> str:
    """Write a number, or nothing where there is none."""
    return "" if value is None else f"{value:.{digits}f}"


def share(part: float | None) -> str:
    """Write a part of the whole, 0 to 1, in hundredths."""
    return number(None if part is None else 100 * part, 1)


def held(count: int, of: int) -> str:
    """Write how many promises were kept, if there were any."""
    return f"{count} of {of}" if of else ""


def row(names: Sequence[str], numbers: Sequence[str], last: str) -> str:
    """Lay a line out: names to the left, numbers to the right, and what is last."""
    left = f"{names[0]:<11}{names[1]:<15}"
    right = "".join(f"{each:>9}" for each in numbers)
    return f"{left}{right}  {last}".rstrip()


def wrong(what: str, takes: Sequence[int]) -> list[str]:
    """Name takes that went wrong, in a line, if there are any."""
    named = [f"take {take}" for take in takes[:NAMED]]
    if more := len(takes) - len(named):
        named.append(f"and {more} more")
    return [f"{what}, {', '.join(named)}"] if takes else []
