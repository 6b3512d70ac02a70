"""What is to be known before a command is run: remarks for people, a line each."""

from __future__ import annotations

from typing import Final

from raydel.core.instants import SECOND, iso
from raydel.core.manifest import Manifest
from raydel.export.common import Common, Cut
from raydel.export.plan import RATE, Plan

COPIED: Final = (
    "Nothing is encoded anew. Each file begins with a key frame before the cut, marked"
    " as not to be shown; exact=yes is exact in every program, and in its sound."
)

LATEST: Final = 253_402_300_800_000.0
"""The end of the year 9999, in which dates end."""


def remarks(manifest: Manifest, plan: Plan) -> list[str]:
    """Say what the files are, how well they are aligned, and what limits that.

    What people typed cannot leave its line.
    """
    alignment, common = manifest.alignment, plan.common
    grade, sure = alignment.grade, _sure(alignment.uncertainty)
    said = [
        f"The take {manifest.id}, recorded under {manifest.session_id}.",
        f"All its files show {_stretch(common)}.",
        f"They are aligned with grade {grade}: {sure}",
        *(f"Limit: {each}" for each in alignment.limits),
        *(_file_remark(common, each) for each in common.cuts),
        *_frame_remarks(plan),
        "ffmpeg has to be installed; run this where the files are.",
    ]
    return [_line(each) for each in said]


def _stretch(common: Common) -> str:
    if common.duration is None:
        return f"what was from {_when(common.start)} on"
    return f"{common.duration / SECOND:.3f} s, from {_when(common.start)} on"


def _when(instant: float) -> str:
    """Write an instant; a phone whose clock is mad may have reported any."""
    return iso(instant) if 0 <= instant < LATEST else f"{instant:.0f} ms"


def _sure(uncertainty: float | None) -> str:
    if uncertainty is None:
        return "nobody knows how far off they may be."
    return f"they are off by at most {uncertainty:.3g} ms, 19 times of 20."


def _file_remark(common: Common, cut: Cut) -> str:
    role = ", the reference" if cut is common.cuts[common.reference] else ""
    gained = (cut.stretch - 1) * 1e6
    return (
        f"{cut.source.path} is of {cut.name}{role}: from {cut.position / SECOND:.6f} s"
        f" on, stretched by {gained:+.3f} millionths."
    )


def _frame_remarks(plan: Plan) -> list[str]:
    if not plan.exact:
        return [COPIED]
    if plan.rate == RATE and plan.common.frame_rate is None:
        return ["Nobody reported a frame rate: 30 frames a second are made."]
    return []


def _line(text: str) -> str:
    """Keep a remark on its line, whatever was in a name."""
    return "".join(each if each.isprintable() else " " for each in text)
