"""Reads clips: when the picture flashes, and when the sound beeps."""

from __future__ import annotations

import json
import shutil
import subprocess
from array import array
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Final, NamedTuple

import pytest

MISSING: Final = "ffmpeg is missing: apt-get install -y --no-install-recommends ffmpeg"

WHOLE: Final = ("iw", "0")
LEFT: Final = ("iw/2", "0")
RIGHT: Final = ("iw/2", "iw/2")
"""Parts of a picture: how wide, and from where on."""

SAMPLES: Final = 48_000
LIT: Final = 6
"""Grey above the dark that is a flash, not a trace of compression."""

HEARD: Final = 1_500
QUIET: Final = SAMPLES // 50
"""Samples below that for which a beep is over."""


def need_ffmpeg() -> None:
    """Skip the module that asks where there is no ffmpeg."""
    if not all(map(shutil.which, ("ffmpeg", "ffprobe"))):
        pytest.skip(MISSING, allow_module_level=True)


class Frame(NamedTuple):
    """A frame: its time, s, and the grey of its upper part."""

    time: float
    grey: int


def run(*words: str) -> bytes:
    """Run a program, which has to do well, and return what it writes."""
    done = subprocess.run(words, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    return done.stdout


def flashes(path: Path, part: tuple[str, str] = WHOLE) -> list[float]:
    """Return when the picture flashes: the middle of each flash, s."""
    return list(_centroids(frames(path, part)))


def frames(path: Path, part: tuple[str, str] = WHOLE) -> list[Frame]:
    """Decode a video, as a player would show it."""
    width, left = part
    seen = f"crop={width}:ih/2-2:{left}:0,scale=1:1:flags=area,format=gray"
    plain = ("-fps_mode", "passthrough", "-f", "rawvideo", "pipe:1")
    greys = run("ffmpeg", "-v", "error", "-i", str(path), "-vf", seen, *plain)
    times = frame_times(path)
    assert len(times) == len(greys), (len(times), len(greys))
    return [Frame(*each) for each in zip(times, greys, strict=True)]


def frame_times(path: Path) -> list[float]:
    """Return the time of each frame that is shown, s."""
    asked = ("-select_streams", "v:0", "-show_entries", "packet=pts_time,flags")
    found = json.loads(run("ffprobe", "-v", "error", *asked, "-of", "json", str(path)))
    shown = (each for each in found["packets"] if "D" not in each["flags"])
    return sorted(float(each["pts_time"]) for each in shown)


def _centroids(shown: Sequence[Frame]) -> Iterator[float]:
    """Find the flashes: bright frames in a row, weighted by how bright they are."""
    dark = min(each.grey for each in shown)
    lit: list[Frame] = []
    for frame in [*shown, Frame(0.0, dark)]:
        if frame.grey - dark > LIT:
            lit.append(frame)
        elif lit:
            weight = sum(each.grey - dark for each in lit)
            yield sum(each.time * (each.grey - dark) for each in lit) / weight
            lit = []


def beeps(path: Path) -> list[float]:
    """Return when beeps begin, s on the time line of the file."""
    filled = "aresample=48000:async=1:first_pts=0"
    mono = ("-map", "0:a:0", "-ac", "1", "-af", filled, "-f", "s16le", "pipe:1")
    sound = array("h", run("ffmpeg", "-v", "error", "-i", str(path), *mono))
    loud = [n for n, level in enumerate(sound) if abs(level) > HEARD]
    first = loud[:1] + [b for a, b in pairwise(loud) if b - a > QUIET]
    return [each / SAMPLES for each in first]
