"""How two files of a take lie to each other by their sound.

Compared is when something begins to be heard: how steeply the energy rises in each of
six bands, above what is usual there. A ball that is hit does so on every microphone,
near or far, while tones, hum and the noise of the crowd do not. (S. Dixon, *Onset
detection revisited*, 2006, has the method as spectral flux.)

The take is looked at in windows. What two microphones hear by chance points somewhere
else in each; what both heard points to one place. Sound goes 343 m in a second, so a
ball beside one camera is heard late at the other, and windows differ by that.
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

import numpy as np
from numpy.typing import NDArray

from raydel.media import BadMedia, MediaFile, program

RATE: Final = 8000
"""Samples a second: a ball on a racket is loudest below 4 kHz."""

PATIENCE: Final = 300.0
"""Seconds that ffmpeg may take for one file; a match takes some ten."""

SEARCH: Final = 2000.0
"""How far to either side is looked at least, ms."""

COURT: Final = 24.0
"""Metres between two cameras, if nobody says: a padel court and its run-outs."""

MS_PER_METRE: Final = 1000 / 343.0
"""What sound takes for a metre, at 20 °C."""

RESOLUTION: Final = 5.0
"""How exactly a window is read at best, ms."""

WINDOW: Final = 20_000.0
"""The longest window, ms: some rallies' worth of hits."""

SHORTEST: Final = 1_000.0
"""The shortest window, ms."""

FEWEST: Final = 6
"""Windows at least, if they need not be shorter than the shortest for that."""

MOST: Final = 40
"""Windows at most, spread over the whole take: some seconds of arithmetic."""

RIVAL: Final = 0.75
"""How high, of the highest peak, another may be, or it is as good."""

HIGH: Final = 4.5
"""How high a peak is, in what a curve usually varies by, that is none by chance."""

LOUDEST: Final = 6.0
"""What one window counts at most, in the same: one bang decides nothing."""

PAIR: Final = 2
"""Windows that have to point to one place each by itself."""

_SPAN, _HOP, _RISE = 128, 16, 6
"""Samples that are looked at at once; from one look to the next; looks to a rise."""

_EDGES: Final = [2, 6, 12, 20, 32, 44]
"""Where the bands begin, in steps of 62.5 Hz."""

_STEP: Final = 1000 * _HOP / RATE
_USUAL: Final = 8.0
_FLOOR: Final = 1e-5
_EVENT: Final = 1.0
"""The rise of an event: to 14 times of what is usual."""

_NOTHING: Final = "too little begins to be heard on both: it is too quiet, or too even"
_APART: Final = "its parts point to different places, as by chance"

Samples = NDArray[np.int16]
Curve = NDArray[np.float64]


@dataclass(frozen=True)
class Track:
    """The sound of a file.

    Attributes:
        samples: Mono, `RATE` a second.
        begin: When the first one is, on the time line that counts from the file's
            first picture, ms.
    """

    samples: Samples
    begin: float


@dataclass(frozen=True)
class Place:
    """Where a file is, by the clocks.

    Attributes:
        start: When its first picture was, server time, ms.
        rate_ppm: How much its clock gained on server time, in millionths.
    """

    start: float
    rate_ppm: float


@dataclass(frozen=True)
class Heard:
    """What came of listening.

    Attributes:
        lag: How much later the second file hears what the first one does than the
            clocks say, ms; None if that cannot be told.
        spread: By how much the windows that agree differ, from the least to the most.
        agreed: How many windows point to one place.
        windows: How many there were in which something was to be heard.
        trouble: Why it cannot be told, a sentence; else empty.
        search: How far to either side was looked, ms.
    """

    lag: float | None
    spread: float
    agreed: int
    windows: int
    trouble: str
    search: float


def decode(media: MediaFile) -> Track:
    """Read the sound of a file; gaps in it become silence.

    Raises:
        BadMedia: It cannot be read, or takes too long.
    """
    words = [program("ffmpeg"), "-v", "error", "-nostdin", "-i", f"file:{media.path}"]
    words += ["-map", "0:a:0", "-af", f"aresample={RATE}:async=1:first_pts=0"]
    words += ["-ac", "1", "-f", "s16le", "-"]
    try:
        done = subprocess.run(  # noqa: S603 - it is a file that the user named
            words, capture_output=True, timeout=PATIENCE, check=False
        )
    except subprocess.TimeoutExpired:
        raise BadMedia(
            f"{media.path}: ffmpeg has not read its sound after {PATIENCE:g} s"
        ) from None
    if done.returncode:
        last = (done.stderr.decode(errors="replace").strip().splitlines() or [""])[-1]
        raise BadMedia(f"the sound of {media.path} cannot be read: {last}")
    return Track(np.frombuffer(done.stdout, np.int16), -media.video_start)


def listen(
    tracks: tuple[Track, Track],
    places: tuple[Place, Place],
    between: tuple[float, float],
    distance: float = COURT,
    bound: float | None = None,
) -> Heard:
    """Compare the sound of two files.

    Args:
        tracks: Their sound.
        places: Where they are by the clocks.
        between: From when to when both record, server time, ms.
        distance: Metres between the cameras.
        bound: What the clocks are wrong by at most, ms, if that is known.
    """
    search = max(SEARCH, bound or 0.0)
    reach = distance * MS_PER_METRE + RESOLUTION
    curves = [
        curve
        for begin, length in windows(between)
        if (curve := _compared(tracks, places, begin, length, search)) is not None
    ]
    if len(curves) < PAIR:
        return Heard(None, 0.0, 0, len(curves), _NOTHING, search)
    place, trouble = _place(curves, reach, search)
    lags = [_peak(curve, reach) - search for curve in curves]
    group = sorted(lag for lag in lags if abs(lag - place) <= reach)
    if not trouble and len(group) < PAIR:
        trouble = _APART
    lag = None if trouble else median(group)
    spread = group[-1] - group[0] if group else 0.0
    return Heard(lag, spread, len(group), len(lags), trouble, search)


def windows(between: tuple[float, float]) -> list[tuple[float, float]]:
    """Spread windows over a time: where each begins, and how long it is, ms."""
    begin, end = between
    whole = max(end - begin, 0.0)
    length = min(WINDOW, max(whole / FEWEST, SHORTEST))
    count = min(MOST, int(whole // length))
    gap = (whole - count * length) / max(count - 1, 1)
    return [(begin + n * (length + gap), length) for n in range(count)]


def _compared(
    tracks: tuple[Track, Track],
    places: tuple[Place, Place],
    begin: float,
    length: float,
    search: float,
) -> Curve | None:
    """Return how alike both are for each lag from ``-search`` on, in steps of 2 ms."""
    near = onsets(_cut(tracks[0], places[0], begin, length))
    far = onsets(_cut(tracks[1], places[1], begin - search, length + 2 * search))
    if near.max() < _EVENT or far.max() < _EVENT:
        return None
    size = 1 << (len(near) + len(far)).bit_length()
    one, two = (np.fft.rfft(each - each.mean(0), size, axis=0) for each in (near, far))
    alike = np.fft.irfft((np.conj(one) * two).sum(1), size)
    curve = alike[: len(far) - len(near) + 1]
    level: Curve = (curve - curve.mean()) / (curve.std() + 1e-12)
    return level


def _cut(track: Track, place: Place, begin: float, length: float) -> Curve:
    """Return what was heard from an instant on, by server time; silence outside."""
    per_ms = RATE / 1000
    rate = 1 + place.rate_ppm / 1e6
    first = ((begin - place.start) * rate - track.begin) * per_ms
    wanted = first + np.arange(int(length * per_ms)) * rate
    lowest = min(max(int(wanted[0]) - 1, 0), len(track.samples) - 1)
    known = track.samples[lowest : max(int(wanted[-1]) + 2, lowest + 1)] / 32768
    at = np.arange(lowest, lowest + len(known))
    heard: Curve = np.interp(wanted, at, known, left=0.0, right=0.0)
    return heard


def onsets(samples: Curve) -> Curve:
    """Return how steeply each band rises, in steps of 2 ms: a row a step."""
    looks = np.lib.stride_tricks.sliding_window_view(samples, _SPAN)[::_HOP]
    power = np.abs(np.fft.rfft(looks * np.hanning(_SPAN), axis=1)) ** 2
    bands = np.add.reduceat(power, _EDGES, axis=1)
    usual = _USUAL * np.median(bands, axis=0) + _FLOOR
    level = np.log1p(bands / usual)
    rises: Curve = np.maximum(level[_RISE:] - level[:-_RISE], 0.0)
    return rises


def _smooth(curve: Curve, reach: float) -> Curve:
    """Take together what lies apart by what sound takes from camera to camera."""
    wide = max(round(reach / _STEP), 2)
    return np.convolve(curve, np.hanning(2 * wide + 1), "same")


def _peak(curve: Curve, reach: float) -> float:
    """Return where both are most alike, ms from the beginning of the curve."""
    rough = int(_smooth(curve, reach).argmax())
    wide = round(reach / _STEP)
    low = max(rough - wide, 0)
    fine = _smooth(curve, 0.0)
    return float(low + fine[low : rough + wide + 1].argmax()) * _STEP


def _place(curves: Sequence[Curve], reach: float, search: float) -> tuple[float, str]:
    """Return to which lag all windows together point, and why that is not sure."""
    total = _together(curves, reach)
    place = int(total.argmax())
    halves = [int(_together(curves[n::2], reach).argmax()) for n in range(2)]
    lag = place * _STEP - search
    above = total - np.median(total)
    usual = 1.4826 * np.median(np.abs(above)) + 1e-12
    top = above[place]
    wide = round(2 * reach / _STEP)
    above[max(place - wide, 0) : place + wide + 1] = -np.inf
    if above.max() > RIVAL * top:
        other = int(above.argmax()) * _STEP - search
        return lag, f"it fits as well at {lag:+.0f} ms as at {other:+.0f} ms"
    alike = all(abs(half - place) * _STEP <= reach for half in halves)
    return lag, "" if alike and top > HIGH * usual else _APART


def _together(curves: Sequence[Curve], reach: float) -> Curve:
    return _smooth(np.clip(curves, -LOUDEST, LOUDEST).sum(axis=0), reach)
