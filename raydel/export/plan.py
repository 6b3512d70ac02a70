"""What an ffmpeg command is to make, as it was chosen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Final

from msgspec import Struct

from raydel.core.manifest import Manifest
from raydel.export import choices as chosen
from raydel.export.common import Common, common_part, exact_rate
from raydel.export.source import Source
from raydel.export.trouble import WrongChoice

CHOICES: Final = ("layout", "exact", "height", "rate", "output")
"""What can be chosen: ``layout`` is ``side-by-side`` (one video, all pictures beside
each other, with the reference's sound) or ``separate`` (a video for each file);
``exact`` is ``yes`` or, for separate ones, ``no``; ``height`` is that of the picture in
pixels, ``rate`` its frames a second, ``output`` the file, or the directory of separate
ones."""

HEIGHT: Final = 720
"""Of pictures beside each other."""

RATE: Final = Fraction(30)
"""Frames a second where nobody reported any."""


class Plan(Struct, frozen=True):
    """What was chosen.

    Attributes:
        common: The files, and where to cut them.
        rate: Frames a second of what is made.
        separate: Whether each file gets one of its own.
        exact: Whether it is encoded anew.
        height: Of its picture; None where that is not chosen.
        output: The file, or the directory of separate ones.
    """

    common: Common
    rate: Fraction
    separate: bool
    exact: bool
    height: int | None
    output: str


def plan_of(
    manifest: Manifest, sources: Sequence[Source], choices: Mapping[str, str]
) -> Plan:
    """Read the choices.

    Raises:
        ExportTrouble: The files cannot be laid to each other.
        WrongChoice: A choice is unknown, or cannot be used.
    """
    chosen.known_only(choices, CHOICES)
    layout = chosen.one_of(choices, "layout", ("side-by-side", "separate"))
    exact = chosen.one_of(choices, "exact", ("yes", "no")) == "yes"
    height = chosen.number(choices, "height", 16, 4320)
    rate = exact_rate(chosen.number(choices, "rate", 1, 1000))
    if not exact:
        _copied(layout, choices)
    common = common_part(manifest, sources)
    return Plan(
        common=common,
        rate=rate or common.frame_rate or RATE,
        separate=layout == "separate",
        exact=exact,
        height=None if height is None else round(height / 2) * 2,
        output=chosen.path(choices, "output", _default(layout)),
    )


def _default(layout: str) -> str:
    return "." if layout == "separate" else f"{layout}.mp4"


def _copied(layout: str, choices: Mapping[str, str]) -> None:
    """Make sure that frames can be copied as they are."""
    if layout != "separate":
        raise WrongChoice(
            "exact=no is for layout=separate: pictures beside each other are new ones"
        )
    for name in {"height", "rate"} & choices.keys():
        raise WrongChoice(f"with exact=no frames are copied, so {name} cannot change")
