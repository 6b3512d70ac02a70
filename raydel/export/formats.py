"""The forms in which a take can be had."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from msgspec import Struct

from raydel.core.manifest import Manifest
from raydel.export.command import script
from raydel.export.document import document
from raydel.export.source import Source
from raydel.export.table import table
from raydel.export.timeline import timeline

Render = Callable[[Manifest, Sequence[Source], Mapping[str, str]], bytes]
"""Writes a take and its files. Raises `ExportTrouble` where the take does not allow it,
`WrongChoice` for a choice that is unknown or cannot be used, `MissingLibrary`."""


class Format(Struct, frozen=True):
    """One form.

    Attributes:
        name: What it is asked for by.
        content_type: What it is, for HTTP.
        suffix: What a file of it ends with.
        render: Writes it.
    """

    name: str
    content_type: str
    suffix: str
    render: Render


FORMATS: Final[Mapping[str, Format]] = {
    each.name: each
    for each in (
        Format("json", "application/json", ".json", document),
        Format("csv", "text/csv; charset=utf-8; header=present", ".csv", table),
        Format("ffmpeg", "text/x-shellscript; charset=utf-8", ".sh", script),
        Format("otio", "application/json", ".otio", timeline),
    )
}
"""Every form, by its name."""
