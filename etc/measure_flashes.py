# noqa: INP001 - a script beside the examples, in no package.
"""Measures how well exported videos are in step: ``python etc/measure_flashes.py``.

Two phones film flashes and beeps, at each offset, pair of frame rates and pair of clock
rates below. The exported commands are run, and what they make is looked at. Printed is,
over each part of the grid, how far a flash in one picture is from the same flash in the
other at most, in frames of the reference, and how far a beep is from the same beep.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, NamedTuple

from raydel.simulation.clips import Shot
from tests.clips import Scene, Studio, beeps, both_halves, flashes, run, worst

NOON: Final = 1_768_478_400_000.0
LONG: Final = 100_000.0
"""ms of each clip: rates that are 200 millionths apart make 20 ms of it."""

OFFSETS: Final = (-3_217.1, 400.0, 7_312.3, 60_016.6)
"""ms by which the guest begins later."""

CLOCKS: Final = ((10.0, -10.0), (100.0, -100.0), (-100.0, 100.0))
"""Millionths by which the two clocks gain."""

RATES: Final = (
    ("30", "30"),
    ("30", "30000/1001"),
    ("30000/1001", "30"),
    ("30", "60"),
    ("60", "30"),
    ("60", "60"),
)
"""Frames a second of the host, which is the reference, and of the guest."""

LEADS: Final = (0.0, 120.0, -200.0)
"""ms by which the guest's sound begins before its picture, in turn."""

FLASHES: Final = tuple(NOON + 61_003.0 + n * 3_203.7 for n in range(11))


class Figures(NamedTuple):
    """What one scene makes: frames, frames, s, frames and s."""

    beside: float
    encoded: float
    sound: float
    copied: float
    copied_sound: float


def main() -> None:
    """Play the grid, and print the worst of each pair of frame rates."""
    _tell("frames     scenes  side by side  separate   sound  copied   sound")
    everything: list[Figures] = []
    for host, guest in RATES:
        with TemporaryDirectory() as home:
            studio = Studio(Path(home))
            found = [_figures(studio, scene) for scene in _scenes(host, guest)]
        _tell(_line(f"{_short(host)} {_short(guest)}", found))
        everything += found
    _tell(_line("all", everything))


def _tell(line: str) -> None:
    print(line, flush=True)  # noqa: T201


def _scenes(host: str, guest: str) -> Iterator[Scene]:
    for n, (offset, clocks) in enumerate(product(OFFSETS, CLOCKS)):
        one = Shot(
            start=NOON,
            duration=LONG,
            rate_ppm=clocks[0],
            frame_rate=host,
            flashes=FLASHES,
            sound_lead=80.0,
            width=64,
            height=36,
        )
        yield Scene(
            one,
            replace(
                one,
                start=NOON + offset,
                rate_ppm=clocks[1],
                frame_rate=guest,
                sound_lead=LEADS[n % len(LEADS)],
            ),
        )


def _figures(studio: Studio, scene: Scene) -> Figures:
    take = scene.take()
    beside = studio.export(scene, take, height="36") / "side-by-side.mp4"
    encoded = _pair(studio.export(scene, take, layout="separate"))
    copied = _pair(studio.export(scene, take, layout="separate", exact="no"))
    rate = scene.host.frames_a_second
    return Figures(
        beside=worst(*both_halves(beside)) * rate,
        encoded=worst(*map(flashes, encoded)) * rate,
        sound=worst(*map(beeps, encoded)),
        copied=worst(*map(flashes, copied)) * rate,
        copied_sound=worst(*map(beeps, copied)),
    )


def _pair(room: Path) -> tuple[Path, Path]:
    return room / "host-in-step.mp4", room / "guest-in-step.mp4"


def _line(name: str, found: list[Figures]) -> str:
    most = Figures(*map(max, zip(*found, strict=True)))
    return (
        f"{name:<12}{len(found):>5}{most.beside:>14.2f}{most.encoded:>10.2f}"
        f"{most.sound * 1000:>5.1f} ms{most.copied:>8.2f}"
        f"{most.copied_sound * 1000:>5.0f} ms"
    )


def _short(rate: str) -> str:
    return "29.97" if "/" in rate else rate


if __name__ == "__main__":
    run("ffmpeg", "-version")
    main()
