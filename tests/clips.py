"""Clips that two phones film, and what is seen and heard in what is made of them."""

from __future__ import annotations

import json
import shutil
import subprocess
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final

import pytest
from msgspec import structs

from raydel.core.alignment import AlignedFile, Alignment
from raydel.core.instants import SECOND
from raydel.core.knots import straight
from raydel.core.manifest import Manifest
from raydel.export.command import script
from raydel.export.common import common_part
from raydel.export.source import Source
from raydel.simulation.clips import Shot, film

MISSING: Final = "ffmpeg is missing: apt-get install -y --no-install-recommends ffmpeg"

SAMPLES: Final = 48_000
LIT: Final = 6
"""Grey above the dark that is a flash, not a trace of compression."""

HEARD: Final = 1_500
BLOCK: Final = SAMPLES // 50
"""Samples that are looked at at once: many turns of a tone."""


def need_ffmpeg() -> None:
    """Skip the module that asks where there is no ffmpeg."""
    if not all(map(shutil.which, ("ffmpeg", "ffprobe"))):
        pytest.skip(MISSING, allow_module_level=True)


def run(*words: str) -> bytes:
    """Run a program, which has to do well, and return what it writes."""
    done = subprocess.run(words, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    return done.stdout


def flashes(path: Path) -> list[float]:
    """Return when the picture flashes: the middle of each flash, s."""
    (found,) = _seen(path, 1)
    return found


def both_halves(path: Path) -> tuple[list[float], list[float]]:
    """Return the same of the left half of the picture, and of the right one."""
    left, right = _seen(path, 2)
    return left, right


def _seen(path: Path, parts: int) -> list[list[float]]:
    """Decode a video, as a player would show it, to a pixel for each part."""
    small = f"crop=iw:ih/2-2:0:0,scale={parts}:1:flags=area,format=gray"
    plain = ("-fps_mode", "passthrough", "-f", "rawvideo", "pipe:1")
    greys = run("ffmpeg", "-v", "error", "-i", str(path), "-vf", small, *plain)
    times = frame_times(path)
    assert len(times) * parts == len(greys), (len(times), len(greys))
    return [list(_centroids(times, greys[part::parts])) for part in range(parts)]


def frame_times(path: Path) -> list[float]:
    """Return the time of each frame that is shown, s."""
    asked = ("-select_streams", "v:0", "-show_entries", "packet=pts_time,flags")
    found = json.loads(run("ffprobe", "-v", "error", *asked, "-of", "json", str(path)))
    shown = (each for each in found["packets"] if "D" not in each["flags"])
    return sorted(float(each["pts_time"]) for each in shown)


def _centroids(times: Sequence[float], greys: bytes) -> Iterator[float]:
    """Find the middles of flashes: of each frame's time, weighted by its light.

    The frames around a flash count too: one may be lit too little to be sure of.
    """
    dark = median(greys)
    lit = {n for n, grey in enumerate(greys) if grey - dark > LIT}
    begins = sorted(n for n in lit if n - 1 not in lit)
    ends = sorted(n for n in lit if n + 1 not in lit)
    for begin, end in zip(begins, ends, strict=True):
        around = range(max(0, begin - 1), min(len(greys), end + 2))
        weights = [greys[n] - dark for n in around]
        moments = [times[n] * (greys[n] - dark) for n in around]
        yield sum(moments) / sum(weights)


def beeps(path: Path) -> list[float]:
    """Return when beeps begin, s on the time line of the file."""
    filled = "aresample=48000:async=1:first_pts=0"
    mono = ("-map", "0:a:0", "-ac", "1", "-af", filled, "-f", "s16le", "pipe:1")
    sound = array("h", run("ffmpeg", "-v", "error", "-i", str(path), *mono))
    return [each / SAMPLES for each in _onsets(sound)]


def _onsets(sound: array[int]) -> Iterator[int]:
    """Find the samples at which it becomes loud after a block that was not."""
    quiet = True
    for begin in range(0, len(sound), BLOCK):
        block = sound[begin : begin + BLOCK]
        loud = max(block) > HEARD
        if loud and quiet:
            yield begin + next(n for n, each in enumerate(block) if each > HEARD)
        quiet = not loud


@dataclass(frozen=True)
class Scene:
    """What two phones film: the host, which is the reference, and the guest.

    Attributes:
        host: The host's clip.
        guest: The guest's.
        names: What their files are called.
    """

    host: Shot
    guest: Shot
    names: tuple[str, str] = ("host.mp4", "guest.mp4")

    @property
    def shots(self) -> tuple[Shot, Shot]:
        """Both clips."""
        return self.host, self.guest

    @property
    def sources(self) -> tuple[Source, ...]:
        """Their files, as one who has read them describes them."""
        return tuple(
            Source(
                device_id=name,
                path=name,
                frame_rate=shot.frames_a_second,
                duration=shot.duration,
                video_start=max(0.0, shot.sound_lead),
            )
            for name, shot in zip(self.names, self.shots, strict=True)
        )

    def take(self, *, offset: bool = True, rate: bool = True) -> Manifest:
        """Describe the take as it was; without offsets, or without rates, if wanted."""
        files = tuple(
            AlignedFile(
                device_id=name,
                source="frames",
                start=shot.start if offset else self.host.start,
                end=None,
                offset=shot.start - self.host.start if offset else 0.0,
                rate_ppm=shot.rate_ppm if rate else 0.0,
                bend=0.0,
                uncertainty=0.1,
                bound=1.0,
                grade="A",
                course=tuple(
                    straight(
                        shot.start if offset else self.host.start,
                        shot.rate_ppm * 1e-6 if rate else 0.0,
                    )
                ),
            )
            for name, shot in zip(self.names, self.shots, strict=True)
        )
        alignment = Alignment(self.names[0], "A", 0.1, 1.0, (), files)
        return structs.replace(_TAKE, alignment=alignment)

    def shown(self, take: Manifest) -> list[float]:
        """Return the flashes that both show, s after the common part begins."""
        common = common_part(take, self.sources)
        pace = 1 + self.host.rate_ppm * 1e-6
        since = [(each - common.start) * pace for each in self.host.flashes]
        last = (common.duration or 0.0) - self.host.flash - SECOND / 10
        return [each / SECOND for each in since if SECOND / 10 < each < last]


_TAKE: Final = Manifest(
    format="raydel-take",
    version=1,
    id="take-1",
    session_id="ABC123",
    is_recording=False,
    accepted_at=0.0,
    start_time=0.0,
    ended_at=1.0,
    reason="command",
    ended_by="server",
    initiator="server",
    participants=(),
    absent=(),
    markers=(),
    alignment=Alignment(None, "D", None, None, (), ()),
    journal=(),
)


class Studio:
    """Films shots once, and runs what is exported in a directory of its own."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._films: dict[Shot, Path] = {}

    def export(self, scene: Scene, take: Manifest, **choices: str) -> Path:
        """Run the exported command by a shell, where the files are.

        Returns:
            The directory.
        """
        room = self._home / f"take-{len(list(self._home.glob('take-*')))}"
        room.mkdir()
        for name, shot in zip(scene.names, scene.shots, strict=True):
            (room / name).symlink_to(self._film(shot))
        (room / "export.sh").write_bytes(script(take, scene.sources, choices))
        done = subprocess.run(
            ("sh", "export.sh"), cwd=room, capture_output=True, check=False
        )
        assert done.returncode == 0, done.stderr.decode(errors="replace")
        return room

    def _film(self, shot: Shot) -> Path:
        if shot not in self._films:
            path = self._home / f"film-{len(self._films)}.mp4"
            self._films[shot] = film(path, shot)
        return self._films[shot]


def worst(ones: Sequence[float], others: Sequence[float]) -> float:
    """Return by how much two rows of instants differ at most, s."""
    assert len(ones) == len(others), (ones, others)
    return max(abs(one - other) for one, other in zip(ones, others, strict=True))
