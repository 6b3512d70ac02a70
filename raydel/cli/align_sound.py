"""``python -m raydel align --check``: whether clocks and sound agree."""

from __future__ import annotations

from typing import Any

from raydel import sound
from raydel.cli.asking import Refused
from raydel.cli.takes import FoundTake, Placed, common
from raydel.media import BadMedia
from raydel.sound import COURT, MS_PER_METRE, RESOLUTION, Heard, Place, Track


def listened(found: FoundTake, distance: float | None) -> list[dict[str, Any]]:
    """Compare each file with the first one that is the reference's, or the first.

    Args:
        found: The files.
        distance: Metres between the cameras; None if nobody said.

    Returns:
        For each other file what came of it: ``verdict`` is ``agree``, ``disagree`` or
        ``unknown``, ``says`` is for people.

    Raises:
        Refused: There are no two files, or sound cannot be read.
    """
    reference = found.manifest.alignment.reference
    owners = [each.participant.device_id for each in found.files]
    first = found.files[owners.index(reference) if reference in owners else 0]
    others = [each for each in found.files if each is not first]
    if not others:
        raise Refused("--check needs two files of a take: one alone agrees with itself")
    try:
        return [_compared(first, each, distance) for each in others]
    except BadMedia as problem:
        raise Refused(str(problem)) from None


def _compared(first: Placed, other: Placed, distance: float | None) -> dict[str, Any]:
    between = common([first, other])
    mute = [each.media.path for each in (first, other) if not each.media.has_sound]
    if mute:
        return _unknown(first, other, f"there is no sound in {' and '.join(mute)}")
    if between is None:
        why = "the clocks give them no part in common that could be listened to"
        return _unknown(first, other, why)
    heard = sound.listen(
        (_track(first), _track(other)),
        (_place(first), _place(other)),
        between,
        COURT if distance is None else distance,
        other.aligned.bound,
    )
    if heard.lag is None:
        return _unknown(first, other, heard.trouble, heard)
    return _judged(first, other, heard, distance)


def _track(placed: Placed) -> Track:
    return sound.decode(placed.media)


def _place(placed: Placed) -> Place:
    return Place(placed.aligned.start or 0.0, placed.aligned.rate_ppm or 0.0)


def _unknown(
    first: Placed, other: Placed, why: str, heard: Heard | None = None
) -> dict[str, Any]:
    names = f"{first.media.path} and {other.media.path}"
    says = f"sound: it cannot be told whether {names} agree: {why}"
    if heard is not None:
        says += f" ({heard.agreed} of {heard.windows} windows)"
    return {"verdict": "unknown", "path": other.media.path, "says": says}


def _judged(
    first: Placed, other: Placed, heard: Heard, distance: float | None
) -> dict[str, Any]:
    lag = heard.lag or 0.0
    metres = COURT if distance is None else distance
    way, clocks = metres * MS_PER_METRE, other.aligned.uncertainty or 0.0
    beyond = max(abs(lag) - way - clocks - RESOLUTION, 0.0)
    acoustics = (
        f"  the way of sound is up to {way:.0f} ms of that: 3 ms a metre, cameras "
        f"{metres:g} m apart{_whence(distance)}"
    )
    verdict = _verdict(beyond, way, clocks)
    lines = _seen(first, other, heard, lag), acoustics, f"  {verdict}"
    return {
        "verdict": "disagree" if beyond else "agree",
        "path": other.media.path,
        "lag": lag,
        "spread": heard.spread,
        "windows": heard.windows,
        "agreed": heard.agreed,
        "distance": metres,
        "allowed": way + clocks + RESOLUTION,
        "says": "\n".join(lines),
    }


def _seen(first: Placed, other: Placed, heard: Heard, lag: float) -> str:
    side = "later" if lag >= 0 else "earlier"
    return (
        f"sound: what {first.media.path} hears, {other.media.path} hears "
        f"{abs(lag):.0f} ms {side} than the clocks say ({heard.agreed} of "
        f"{heard.windows} windows point there by themselves, within "
        f"{heard.spread:.0f} ms)"
    )


def _whence(distance: float | None) -> str:
    return " (assumed; --distance says it)" if distance is None else ""


def _verdict(beyond: float, way: float, clocks: float) -> str:
    if not beyond and clocks > way + RESOLUTION:
        return f"clocks and sound agree, to the {clocks:.0f} ms that the clocks promise"
    if not beyond:
        return "clocks and sound agree"
    return (
        f"clocks and sound disagree, by {beyond:.0f} ms more than that: is it another "
        "take, or does a phone lay its sound beside its picture?"
    )
