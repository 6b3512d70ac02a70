"""The flash test: what was one instant is one frame once the exported command has run.

Two phones film flashes and beeps at instants that are known. Their clips begin at other
times, run at other rates and have other frame rates. The command is run by a real shell
and a real ffmpeg, and what it makes is looked at and listened to.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from raydel.export.common import common_part
from raydel.simulation.clips import Shot, film
from tests.clips import (
    Scene,
    Studio,
    beeps,
    both_halves,
    flashes,
    frame_times,
    need_ffmpeg,
    run,
    worst,
)

need_ffmpeg()

NOON: Final = 1_768_478_400_000.0
FLASHES: Final = tuple(
    NOON + each for each in (8_000.0, 62_000.3, 95_250.7, 140_333.1, 179_000.0)
)
HALF: Final = 0.5 / 30
"""Half a frame of the reference, s."""

CLOSE: Final = 1e-3
"""s by which beeps may be off."""

HOST: Final = Shot(
    start=NOON,
    duration=180_000.0,
    rate_ppm=100.0,
    flashes=FLASHES,
    sound_lead=120.0,
    width=64,
    height=36,
)


SHORT: Final = {"duration": 100_000.0}
"""Of a clip; where a rate is not corrected, it takes 167 s to become a frame."""


def scene(offset: float, **changes: str | float) -> Scene:
    """Let a guest begin later than the host, ms; its clock loses 100 millionths."""
    guest = replace(HOST, start=NOON + offset, rate_ppm=-100.0, sound_lead=0.0)
    return Scene(HOST, replace(guest, **changes))  # type: ignore[arg-type]


SCENES: Final = {
    "0.4 s": scene(400.0),
    "7.3 s": scene(7_312.3, frame_rate="30000/1001", sound_lead=300.0, **SHORT),
    "a minute": scene(60_000.9, frame_rate="60", sound_lead=-200.0, **SHORT),
    "earlier": scene(-3_217.1, **SHORT),
}


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Studio:
    """Film each clip once."""
    return Studio(tmp_path_factory.mktemp("studio"))


@pytest.mark.parametrize("name", SCENES)
def test_side_by_side(studio: Studio, name: str) -> None:
    """Each flash is one in both halves, at its instant; so is the reference's beep."""
    scene = SCENES[name]
    take = scene.take()
    made = studio.export(scene, take, height="36") / "side-by-side.mp4"
    (left, right), begun = both_halves(made), scene.shown(take)
    middles = [each + HOST.flash / 2000 for each in begun]
    assert worst(left, right) < HALF
    assert worst(middles, left) < HALF
    assert worst(begun, beeps(made)) < CLOSE


def test_separate(studio: Studio) -> None:
    """Frame by frame and beep by beep, two files are in step."""
    scene = replace(SCENES["a minute"], names=("-it's $(x) `y`;.mp4", "a:b|c.mp4"))
    take = scene.take()
    room = studio.export(scene, take, layout="separate")
    host, guest = (room / f"{name[:-4]}-in-step.mp4" for name in scene.names)
    assert worst(flashes(host), flashes(guest)) < HALF
    assert worst(beeps(host), beeps(guest)) < CLOSE
    count = round((common_part(take, scene.sources).duration or 0.0) * 30 / 1000)
    assert len(frame_times(host)) == len(frame_times(guest)) == count


def test_copied(studio: Studio) -> None:
    """Copied frames are shown within a frame; that much, and no more, is promised."""
    scene = SCENES["7.3 s"]
    room = studio.export(scene, scene.take(), layout="separate", exact="no")
    host, guest = (flashes(room / f"{n}-in-step.mp4") for n in ("host", "guest"))
    assert worst(host, guest) < 2 * HALF
    assert beeps(room / "host-in-step.mp4")


def test_the_rate_is_needed(studio: Studio) -> None:
    """Without the clocks' rates the same flashes are more than half a frame apart."""
    scene = SCENES["0.4 s"]
    made = studio.export(scene, scene.take(rate=False), height="36")
    assert worst(*both_halves(made / "side-by-side.mp4")) > HALF


def test_the_offset_is_needed(studio: Studio) -> None:
    """Without the offset they are as far apart as that."""
    scene = SCENES["0.4 s"]
    made = studio.export(scene, scene.take(offset=False), height="36")
    left, right = both_halves(made / "side-by-side.mp4")
    assert all(
        0.35 < one - other < 0.45 for one, other in zip(left, right, strict=True)
    )


def test_nothing_is_overwritten(studio: Studio, tmp_path: Path) -> None:
    """A file that is there stays, and the command fails."""
    scene = SCENES["0.4 s"]
    there = tmp_path / "there.mp4"
    there.write_text("mine")
    with pytest.raises(AssertionError, match="already exists"):
        studio.export(scene, scene.take(), height="36", output=str(there))
    assert there.read_text() == "mine"


def test_clips(tmp_path: Path) -> None:
    """A clip has its flashes and beeps where they were filmed, and says when."""
    shot = replace(HOST, duration=20_000.0, sound_lead=300.0, frame_rate="60")
    path = film(tmp_path / "clip.mp4", shot)
    own = (FLASHES[0] - NOON) * (1 + 100e-6) / 1000
    assert worst([0.3 + own + HOST.flash / 2000], flashes(path)) < CLOSE
    assert worst([0.3 + own], beeps(path)) < CLOSE
    shown = frame_times(path)
    assert (len(shown), shown[0]) == (1_200, 0.3)
    tags = run("ffprobe", "-v", "error", "-show_format", str(path)).decode()
    assert "TAG:creation_time=2026-01-15T12:00:00.000000Z" in tags
