"""The pages, read by tests: what they say is held to what the program does."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

ROOT: Final = Path(__file__).parents[2]
PAGES: Final = (
    "README.md",
    "docs/architecture.md",
    "docs/client.md",
    "docs/exports.md",
    "docs/operations.md",
    "docs/protocol.md",
    "docs/reliability.md",
    "docs/store.md",
    "docs/takes.md",
    "docs/timesync.md",
    "docs/tls.md",
    "docs/webhooks.md",
)

_FENCE: Final = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_HEADING: Final = re.compile(r"^(##+) (.+)$", re.MULTILINE)
_ROW: Final = re.compile(r"^\| `([^`]*)` \|(.*)\|$", re.MULTILINE)


class Fence(NamedTuple):
    """A fenced block.

    Attributes:
        language: What stands behind the fence.
        text: The block.
        chapter: The heading of the second level that it stands under.
        heading: The last heading of any level before it.
    """

    language: str
    text: str
    chapter: str
    heading: str


def page(name: str) -> str:
    """Read a page, by its path from the top of the repository."""
    return (ROOT / name).read_text(encoding="utf-8")


def fences(text: str) -> Iterator[Fence]:
    """Find the fenced blocks of a page, and where they stand."""
    for fence in _FENCE.finditer(text):
        above = _HEADING.findall(_unfenced(text[: fence.start()])) or [("##", "")]
        chapters = [title for level, title in above if level == "##"]
        yield Fence(fence[1], fence[2], chapters[-1], above[-1][1])


def chapter(text: str, title: str) -> str:
    """Return what stands under a heading of the second level."""
    _, _, rest = text.partition(f"\n## {title}\n")
    return rest.partition("\n## ")[0]


def rows(text: str) -> dict[str, list[str]]:
    """Return the rows of tables that begin with code: that, and the other cells."""
    return {
        first: [cell.strip() for cell in rest.split("|")]
        for first, rest in _ROW.findall(text)
    }


def anchors(text: str) -> set[str]:
    """Return the anchors that GitHub gives to the headings of a page."""
    titles = re.findall(r"^#+ (.+)$", _unfenced(text), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", each.lower()).replace(" ", "-") for each in titles}


def _unfenced(text: str) -> str:
    return _FENCE.sub("", text)
