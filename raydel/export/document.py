"""A take as JSON: its manifest, nothing added and nothing left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from raydel.core.manifest import Manifest
from raydel.export import choices as chosen
from raydel.export.source import Source


def document(
    manifest: Manifest, sources: Sequence[Source], choices: Mapping[str, str]
) -> bytes:
    """Write the manifest, indented by two for people.

    Args:
        manifest: The take.
        sources: Not needed.
        choices: None.

    Raises:
        WrongChoice: There is one.
    """
    del sources
    chosen.known_only(choices, ())
    return msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n"
