"""Clips as phones would film them, by what is drawn; test_flash.py reads the files."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Final

from twisted.trial.unittest import SynchronousTestCase

from raydel.simulation.clips import (
    BRIGHT,
    DARK,
    SAMPLES,
    NoFilm,
    Shot,
    film,
    pictures_of,
    sound_of,
)

START: Final = 1_768_473_012_595.0
SHOT: Final = Shot(
    START, 2_000.0, flashes=(START + 1_000.5,), flash=100.0, width=64, height=36
)


def light(shot: Shot) -> list[float]:
    """Return how bright each frame's upper half is, 0 to 1."""
    return [(each[0] - DARK) / (BRIGHT - DARK) for each in pictures_of(shot)]


def flash_time(shot: Shot) -> float:
    """Return the middle of the flash by the frames' own times, ms."""
    lit = light(shot)
    frame = 1_000 / shot.frames_a_second
    return sum(n * frame * each for n, each in enumerate(lit)) / sum(lit)


class Pictures(SynchronousTestCase):
    """What the frames show."""

    def test_count(self) -> None:
        """There are as many frames as fit, each of one size."""
        for rate, count in (("30", 60), ("60", 120), ("30000/1001", 60)):
            frames = list(pictures_of(replace(SHOT, frame_rate=rate)))
            self.assertEqual(count, len(frames))
            self.assertEqual({64 * 36}, set(map(len, frames)))

    def test_finer_than_a_frame(self) -> None:
        """The frames' brightness tells the middle of a flash to a fraction of a ms."""
        for early in (0.0, 3.3, 11.7, 16.6, 29.0):
            found = flash_time(replace(SHOT, start=START + early))
            self.assertApproximates(1_050.5 - early, found, 0.5)

    def test_own_clock(self) -> None:
        """A clock that gains shows a flash later than it was."""
        found = flash_time(replace(SHOT, rate_ppm=10_000.0))
        self.assertApproximates(1_050.5 * 1.01, found, 0.5)

    def test_bar(self) -> None:
        """Two clips show the bar where it is at one true instant."""
        late = replace(SHOT, start=START + 500.0)
        one, other = (list(pictures_of(each)) for each in (SHOT, late))
        self.assertEqual(one[15][-64:], other[0][-64:])
        self.assertNotEqual(one[0][-64:], one[15][-64:])


class Sounds(SynchronousTestCase):
    """What is heard."""

    def test_to_the_sample(self) -> None:
        """A beep begins at the sample at which its flash does."""
        sound = sound_of(SHOT)
        heard = [n for n, level in enumerate(sound) if level]
        self.assertEqual(2 * SAMPLES, len(sound))
        self.assertApproximates(1_000.5 * 48, heard[0], 1)
        self.assertApproximates(1_100.5 * 48, heard[-1], 1)

    def test_lead(self) -> None:
        """Sound that begins before the picture is longer, one after it shorter."""
        early = sound_of(replace(SHOT, sound_lead=300.0))
        late = sound_of(replace(SHOT, sound_lead=-300.0))
        self.assertEqual((110_400, 81_600), (len(early), len(late)))
        first = next(n for n, level in enumerate(early) if level)
        self.assertApproximates(1_300.5 * 48, first, 1)

    def test_own_clock(self) -> None:
        """A clock that gains plays a beep later than it was."""
        sound = sound_of(replace(SHOT, rate_ppm=10_000.0))
        first = next(n for n, level in enumerate(sound) if level)
        self.assertApproximates(1_000.5 * 1.01 * 48, first, 1)


class Missing(SynchronousTestCase):
    """A machine without ffmpeg."""

    def test_said(self) -> None:
        """One sentence says what is missing, and how to get it."""
        self.patch(os, "environ", {"PATH": "/nonexistent"})
        error = self.assertRaises(NoFilm, film, Path("never.mp4"), SHOT)
        self.assertIn("ffmpeg is missing", str(error))
        self.assertIn("apt-get install ffmpeg", str(error))
