"""What may be chosen about an export, as text: ``height=720``."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from raydel.export.trouble import WrongChoice

MOST_CHARACTERS: Final = 1000
"""Of one choice: enough for any path that a machine takes."""


def known_only(choices: Mapping[str, str], known: Collection[str]) -> None:
    """Make sure that each choice is one of those there are.

    Raises:
        WrongChoice: One is not.
    """
    for name in choices:
        if name not in known:
            raise WrongChoice(f"there is no choice {name!r}; {_those(known)}")


def one_of(choices: Mapping[str, str], name: str, values: tuple[str, ...]) -> str:
    """Return what was chosen; the first of the values if nothing was.

    Raises:
        WrongChoice: It is none of the values.
    """
    chosen = choices.get(name, values[0])
    if chosen not in values:
        raise WrongChoice(f"{name} is {' or '.join(values)}, not {chosen!r}")
    return chosen


def number(
    choices: Mapping[str, str], name: str, least: float, most: float
) -> float | None:
    """Return a number that was chosen; None if none was.

    Raises:
        WrongChoice: It is none, or not within the limits.
    """
    chosen = choices.get(name)
    if chosen is None:
        return None
    try:
        found = float(chosen)
    except ValueError:
        found = float("nan")
    if not least <= found <= most:
        raise WrongChoice(
            f"{name} is a number from {least:g} to {most:g}, not {chosen!r}"
        )
    return found


def path(choices: Mapping[str, str], name: str, default: str) -> str:
    """Return where something is to be written.

    Raises:
        WrongChoice: There can be no such file.
    """
    chosen = choices.get(name, default)
    if not chosen or "\0" in chosen or len(chosen) > MOST_CHARACTERS:
        raise WrongChoice(f"{name} is the name of a file, not {chosen[:80]!r}")
    return chosen


def _those(known: Collection[str]) -> str:
    if not known:
        return "nothing can be chosen here"
    return f"there is {', '.join(known)}"
