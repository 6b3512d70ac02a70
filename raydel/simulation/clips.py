"""Clips as a phone would have filmed them: a flash and a beep at known instants.

ffmpeg makes them; it has to be installed. A bar runs across the picture by true time,
so that a person sees whether two clips are in step; the upper half lights up with each
flash, and the sound beeps with it.
"""

from __future__ import annotations

import math
import shutil
import subprocess
from array import array
from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import IO, Final, cast

from raydel.core.instants import SECOND, iso

SAMPLES: Final = 48_000
"""Of sound, a second of the clip's own time."""

TONE: Final = 1_000.0
"""Hz, of a beep."""

LAP: Final = 4 * SECOND
"""ms in which the bar crosses the picture."""

DARK: Final = 40
BRIGHT: Final = 220
"""Grey without a flash, and with one."""

_LOUD: Final = 16_000


class NoFilm(Exception):
    """A clip cannot be made. Says why, in a sentence."""


@dataclass(frozen=True)
class Shot:
    """What is filmed, and how.

    A frame is exposed for as long as it is shown, half of that before its own instant
    and half after it. Its brightness is the share of this that a flash covers: the
    mean of the bright frames' times, weighted by that, is the middle of the flash.

    Attributes:
        start: When the first frame is, true time, ms.
        duration: How long it is by its own clock, ms.
        rate_ppm: How much its clock gains on true time, in millionths. Frame *n* is
            of the instant ``start + n * 1000 / frame_rate / (1 + rate_ppm / 1e6)``.
        frame_rate: Frames a second of its own time, as a text for ffmpeg:
            ``30``, ``60`` or ``30000/1001``.
        flashes: The true instants at which flashes and beeps begin, ms.
        flash: How long each is, ms; four frames at 30 a second.
        sound_lead: How much earlier than the picture the sound begins, ms of its own
            time; below 0, how much later.
        created: What the file says of its making, true time, ms; None for the start.
        width: Of the picture; even.
        height: Of the picture; even.
    """

    start: float
    duration: float
    rate_ppm: float = 0.0
    frame_rate: str = "30"
    flashes: tuple[float, ...] = ()
    flash: float = 400 / 3
    sound_lead: float = 0.0
    created: float | None = None
    width: int = 320
    height: int = 180

    @property
    def frames_a_second(self) -> float:
        """The frame rate as a number."""
        count, _, seconds = self.frame_rate.partition("/")
        return float(count) / float(seconds or 1)

    def true_time(self, own: float) -> float:
        """Return the true instant of a time of its own, both in ms."""
        return self.start + own / (1 + self.rate_ppm * 1e-6)


def film(path: Path, shot: Shot) -> Path:
    """Make a clip: H.264 and AAC, a key frame a second, by the suffix's container.

    A minute of 320x180 takes some three seconds. Whatever is there is overwritten.

    Args:
        path: Where to.
        shot: What of.

    Returns:
        The path.

    Raises:
        NoFilm: ffmpeg is missing, or cannot make it.
    """
    with TemporaryDirectory() as directory:
        picture, sound = Path(directory) / "picture.mp4", Path(directory) / "sound.raw"
        sound.write_bytes(sound_of(shot).tobytes())
        # Apart, or ffmpeg would fill the time before the first frame with copies of it.
        _run(_encoded(shot, picture), pictures_of(shot))
        _run(_joined(shot, picture, sound, path))
    return path


def pictures_of(shot: Shot) -> Iterator[bytes]:
    """Draw the frames: bytes of grey, row by row."""
    upper = shot.width * (shot.height // 2)
    rows = shot.height - shot.height // 2
    frame = SECOND / shot.frames_a_second
    for n in range(round(shot.duration / frame)):
        light = _share(shot, shot.true_time(n * frame), frame)
        grey = DARK + round((BRIGHT - DARK) * light)
        yield bytes((grey,)) * upper + _bar(shot, shot.true_time(n * frame)) * rows


def sound_of(shot: Shot) -> array[int]:
    """Make the sound: silence, and a tone that is exact to the sample."""
    begin = -shot.sound_lead
    count = max(0, round((shot.duration - begin) * SAMPLES / SECOND))
    sound = array("h", bytes(2 * count))
    pace = (1 + shot.rate_ppm * 1e-6) * SAMPLES / SECOND
    first = shot.true_time(begin)
    for flash in shot.flashes:
        low = max(0, math.ceil((flash - first) * pace))
        for sample in range(low, min(count, math.ceil(low + shot.flash * pace))):
            seconds = (first + sample / pace - flash) / SECOND
            sound[sample] = round(_LOUD * math.sin(2 * math.pi * TONE * seconds))
    return sound


def _share(shot: Shot, middle: float, frame: float) -> float:
    """How much of a frame's exposure is flash, 0 to 1."""
    exposure = frame / (1 + shot.rate_ppm * 1e-6)
    low, high = middle - exposure / 2, middle + exposure / 2
    lit = sum(
        max(0.0, min(high, flash + shot.flash) - max(low, flash))
        for flash in shot.flashes
    )
    return lit / exposure


def _bar(shot: Shot, instant: float) -> bytes:
    """Draw a row of the lower half: where the bar is."""
    wide = max(2, shot.width // 16)
    left = int(instant % LAP / LAP * (shot.width - wide))
    right = shot.width - wide - left
    return bytes((DARK,)) * left + bytes((BRIGHT,)) * wide + bytes((DARK,)) * right


def _encoded(shot: Shot, picture: Path) -> list[str]:
    raw = ["-f", "rawvideo", "-pix_fmt", "gray", "-framerate", shot.frame_rate]
    raw += ["-video_size", f"{shot.width}x{shot.height}", "-i", "pipe:0"]
    kept = ["-c:v", "libx264", "-preset", "ultrafast", "-bf", "2", "-crf", "18"]
    kept += ["-pix_fmt", "yuv420p", "-g", str(math.ceil(shot.frames_a_second))]
    return [*raw, *kept, str(picture)]


def _joined(shot: Shot, picture: Path, sound: Path, path: Path) -> list[str]:
    created = shot.start if shot.created is None else shot.created
    seen = [*_later(shot.sound_lead), "-i", str(picture)]
    raw = ["-f", "s16le", "-ar", str(SAMPLES), "-ac", "1"]
    heard = [*raw, *_later(-shot.sound_lead), "-i", str(sound)]
    kept = ["-c:v", "copy", "-c:a", "aac", "-b:a", "96k"]
    said = ["-metadata", f"creation_time={iso(created)}", f"file:{path}"]
    return [*seen, *heard, "-map", "0:v", "-map", "1:a", *kept, *said]


def _later(delay: float) -> list[str]:
    return ["-itsoffset", f"{delay / SECOND:.6f}"] if delay > 0 else []


def _run(arguments: list[str], pictures: Iterable[bytes] = ()) -> None:
    program = shutil.which("ffmpeg")
    if program is None:
        raise NoFilm(
            "ffmpeg is missing, which makes clips; on Debian and Ubuntu:"
            " apt-get install ffmpeg"
        )
    with TemporaryFile() as said:
        command = [program, "-v", "error", "-y", *arguments]
        status = _feed(command, pictures, said)
        if status:
            said.seek(0)
            why = said.read().decode(errors="replace").strip()
            raise NoFilm(f"ffmpeg ended with {status}: {why or 'it did not say why'}")


def _feed(arguments: list[str], pictures: Iterable[bytes], said: IO[bytes]) -> int:
    """Run a program on pictures; what it says goes into a file: no pipe fills up."""
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stderr=said) as running:  # noqa: S603 - our own words.
        feed = cast("IO[bytes]", running.stdin)
        # It closes its end early where it cannot go on, and says why.
        with suppress(BrokenPipeError), closing(feed):
            feed.writelines(pictures)
        return running.wait()
