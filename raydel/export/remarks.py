"""What is to be known before a command is run: remarks for people, a line each."""

from __future__ import annotations

from typing import Final

from raydel.core.alignment import Alignment
from raydel.core.instants import SECOND, iso
from raydel.core.manifest import Manifest
from raydel.export.common import Common, Cut
from raydel.export.plan import RATE, Plan

COPIED: Final = (
    "Nothing is encoded anew. Each file begins with a key frame before the cut, marked"
    " as not to be shown; exact=yes is exact in every program, and in its sound."
)

NOTICED: Final = 0.5
"""ms that a clock leaves a straight line by before it is worth a remark."""

MOVED: Final = 0.5
"""ms: if the common part begins so much later than the last file, that is said."""

LATEST: Final = 253_402_300_800_000.0
"""The end of the year 9999, in which dates end."""


def remarks(manifest: Manifest, plan: Plan) -> list[str]:
    """Say what the files are, how well they are aligned, and what limits that.

    What people typed cannot leave its line.
    """
    common = plan.common
    said = [
        f"The take {manifest.id}, recorded under {manifest.session_id}.",
        f"All its files show {_stretch(common)}.",
        *_grade_remarks(manifest.alignment, common),
        *(_file_remark(common, each) for each in common.cuts),
        *bends(common),
        *_frame_remarks(plan),
        "ffmpeg has to be installed; run this where the files are.",
    ]
    return [_line(each) for each in said]


def _stretch(common: Common) -> str:
    begin = f"from {_when(common.start)} on"
    if min(cut.begin for cut in common.cuts) > MOVED:
        begin += " (from the reference's next frame on)"
    if common.duration is None:
        return f"what was {begin}"
    return f"{common.duration / SECOND:.3f} s, {begin}"


def _when(instant: float) -> str:
    """Write an instant; a phone whose clock is mad may have reported any."""
    return iso(instant) if 0 <= instant < LATEST else f"{instant:.0f} ms"


def _grade_remarks(alignment: Alignment, common: Common) -> list[str]:
    if len(common.cuts) == 1:
        return ["No grade: there is only one file."]
    assumed = any(cut.source.is_assumed for cut in common.cuts)
    whose = ", if each file is whose it is said to be" if assumed else ""
    sure = _sure(alignment.uncertainty, alignment.bound)
    return [
        f"They are aligned with grade {alignment.grade}{whose}: {sure}.",
        *(f"Limit: {each}" for each in alignment.limits),
    ]


def _sure(uncertainty: float | None, bound: float | None) -> str:
    if uncertainty is None:
        return "nobody knows how far off they may be"
    sure = f"off by {uncertainty:.3f} ms or less, 19 times of 20"
    return sure if bound is None else f"{sure}, and by {bound:.3f} ms at most"


def _file_remark(common: Common, cut: Cut) -> str:
    role = ", the reference" if cut is common.cuts[common.reference] else ""
    gained = (cut.stretch - 1) * 1e6
    return (
        f"{cut.source.path} is of {cut.name}{role}: from {cut.position / SECOND:.6f} s"
        f" on, stretched by {gained:+.3f} millionths."
    )


def bends(common: Common) -> list[str]:
    """Say whose clock leaves the straight line that is taken for it."""
    return [
        f"The clock of {cut.name} leaves the even pace that is taken for it by up to"
        f" {cut.miss:.1f} ms."
        for cut in common.cuts
        if cut.miss > NOTICED
    ]


def _frame_remarks(plan: Plan) -> list[str]:
    if not plan.exact:
        return [COPIED]
    if plan.rate == RATE and plan.common.frame_rate is None:
        return ["Nobody reported a frame rate: 30 frames a second are made."]
    return []


def _line(text: str) -> str:
    """Keep a remark on its line, whatever was in a name."""
    return "".join(each if each.isprintable() else " " for each in text)
