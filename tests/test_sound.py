"""Two files laid side by side by their sound: it is made, so that all is known."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import tempfile
from itertools import pairwise
from pathlib import Path
from typing import Any, Final
from unittest import SkipTest

from twisted.trial.unittest import SynchronousTestCase

if importlib.util.find_spec("numpy") is None:
    raise SkipTest("numpy is missing: pip install -e '.[sound]'")

import numpy as np
from numpy.typing import NDArray

from raydel.media import BadMedia, MediaFile, probe
from raydel.sound import (
    MS_PER_METRE,
    RATE,
    Heard,
    Place,
    Track,
    decode,
    listen,
    windows,
)

Wave = NDArray[np.float64]

LONG: Final = 60.0
"""Seconds of the sound that is made."""

BETWEEN: Final = (2000.0, 57_000.0)
COURT: Final = 24.0


class Hall:
    """A hall in which things are hit, and two microphones 24 m apart.

    Args:
        seed: What chance begins with.
        hits: How many things are hit, anywhere between the two.
        echo: Whether walls throw the sound back.
    """

    def __init__(self, seed: int, hits: int = 60, *, echo: bool = False) -> None:
        self.chance = np.random.default_rng(seed)
        times = np.sort(self.chance.uniform(0, LONG - 1, hits))
        places = self.chance.uniform(0, COURT, hits)
        self.hits = [(t, p, self._hit()) for t, p in zip(times, places, strict=True)]
        self.echo = echo

    def _hit(self) -> Wave:
        time = np.arange(int(0.08 * RATE)) / RATE
        body = np.sin(2 * np.pi * self.chance.uniform(300, 1800) * time)
        noise = 0.5 * self.chance.normal(size=len(time))
        return (body + noise) * np.exp(-time / self.chance.uniform(0.008, 0.03))

    def heard(
        self,
        at: float = 0.0,
        start: float = 0.0,
        ppm: float = 0.0,
        noise: float = 0.001,
        own: int = 0,
    ) -> Track:
        """Return what a microphone hears.

        Args:
            at: Where it stands, in metres.
            start: When its file begins, in s.
            ppm: How much its clock gains.
            noise: How loud its own noise is.
            own: How many things only it hears.
        """
        sound = np.zeros(int((LONG + 2) * RATE))
        for time, place, hit in self.hits:
            away = abs(place - at)
            begin = (time + away * MS_PER_METRE / 1000 - start) * (1 + ppm / 1e6)
            self._add(sound, begin, hit / max(away, 1.5))
            for _ in range(8 if self.echo else 0):
                late = begin + self.chance.uniform(0.01, 0.25)
                part = self.chance.uniform(0.05, 0.3) / max(away, 1.5)
                self._add(sound, late, hit * part)
        for _ in range(own):
            self._add(sound, self.chance.uniform(0, LONG), self._hit() * 0.3)
        sound += self.chance.normal(size=len(sound)) * noise
        return track(sound[: int(LONG * RATE)])

    @staticmethod
    def _add(sound: Wave, begin: float, hit: Wave) -> None:
        first = round(begin * RATE)
        if 0 <= first < len(sound) - len(hit):
            sound[first : first + len(hit)] += hit


def track(sound: Wave) -> Track:
    """Make a track of sound between -4 and 4."""
    return Track((np.clip(sound / 4, -1, 1) * 32767).astype(np.int16), 0.0)


def compared(first: Track, second: Track, start: float = 0.0, **known: Any) -> Heard:
    """Compare two tracks whose clocks say that the second began at ``start`` ms."""
    place = Place(start, known.pop("ppm", 0.0))
    return listen((first, second), (Place(0.0, 0.0), place), BETWEEN, **known)


class Lags(SynchronousTestCase):
    """Sound that both hear is found."""

    def found(self, heard: Heard, expected: float, within: float) -> None:
        """Make sure that it was found where it is."""
        self.assertEqual("", heard.trouble)
        assert heard.lag is not None
        self.assertApproximates(expected, heard.lag, within)

    def test_known_offset(self) -> None:
        """Of two microphones in one place, the clocks' error comes out to 5 ms."""
        hall = Hall(1)
        for late in (-1.5, -0.3, 0.0, 0.02, 1.2):
            heard = compared(hall.heard(), hall.heard(start=-late), distance=0.0)
            self.found(heard, late * 1000, 5.0)
            self.assertGreaterEqual(heard.agreed, 4)
            self.assertLessEqual(heard.spread, 5.0)

    def test_rate(self) -> None:
        """A clock that gains 100 in a million is no error, once it is known."""
        hall = Hall(2)
        tracks = hall.heard(), hall.heard(start=-4.0, ppm=100.0)
        heard = compared(*tracks, start=-4000.0, ppm=100.0, distance=0.0)
        self.found(heard, 0.0, 5.0)
        self.assertLessEqual(heard.spread, 5.0)

    def test_apart(self) -> None:
        """Of two that are 24 m apart, it comes out to what sound takes for that."""
        for seed in range(4):
            hall = Hall(seed)
            heard = compared(hall.heard(), hall.heard(at=COURT, start=-0.3))
            self.found(heard, 300.0, COURT * MS_PER_METRE)

    def test_echo_noise_and_other_hits(self) -> None:
        """Walls, noise and what one alone hears hinder it, and never mislead it."""
        found = 0
        for seed in range(6):
            hall = Hall(seed, 90, echo=True)
            near = hall.heard(noise=0.01, own=10)
            far = hall.heard(at=COURT, start=-0.3, noise=0.01, own=10)
            heard = compared(near, far)
            if heard.lag is not None:
                self.found(heard, 300.0, COURT * MS_PER_METRE)
                found += 1
        self.assertGreaterEqual(found, 3)

    def test_far_off(self) -> None:
        """Where the clocks may be wrong by more, more is looked at."""
        hall = Hall(3)
        tracks = hall.heard(), hall.heard(start=3.0)
        self.assertIsNone(compared(*tracks, distance=0.0).lag)
        self.found(compared(*tracks, distance=0.0, bound=4000.0), -3000.0, 5.0)

    def test_where_the_sound_begins(self) -> None:
        """What begins before the picture is counted from the picture."""
        hall = Hall(4)
        sooner = hall.heard(start=-0.5)
        heard = compared(hall.heard(), Track(sooner.samples, -500.0), distance=0.0)
        self.found(heard, 0.0, 5.0)


class NoAnswers(SynchronousTestCase):
    """What cannot be told is not told."""

    def test_two_matches(self) -> None:
        """Sound of two halls agrees nowhere."""
        for seed in range(8):
            heard = compared(Hall(seed).heard(), Hall(seed + 100).heard())
            self.assertIsNone(heard.lag, seed)
            self.assertNotEqual("", heard.trouble)

    def test_nothing_to_hear(self) -> None:
        """Silence, a tone alone, and noise alone begin nowhere."""
        chance = np.random.default_rng(5)
        time = np.arange(int(LONG * RATE)) / RATE
        noise = track(0.1 * chance.normal(size=len(time)))
        silence, tone = track(0 * time), track(np.sin(2 * np.pi * 440 * time))
        for sound in (silence, tone, noise):
            heard = compared(sound, sound)
            self.assertIsNone(heard.lag)
            self.assertIn("too quiet, or too even", heard.trouble)
        self.assertIsNone(compared(Hall(6).heard(), silence).lag)

    def test_no_samples(self) -> None:
        """A track without anything in it is silence."""
        heard = compared(Hall(6).heard(), Track(np.zeros(0, np.int16), 0.0))
        self.assertIsNone(heard.lag)

    def test_repetition(self) -> None:
        """A beep each second fits at every second, and that is said."""
        hall = Hall(7, 0)
        beep = hall._hit()
        hall.hits = [(float(second), 0.0, beep) for second in range(int(LONG) - 1)]
        heard = compared(hall.heard(), hall.heard(start=-0.1), distance=0.0)
        self.assertIsNone(heard.lag)
        self.assertIn("it fits as well at", heard.trouble)

    def test_too_short(self) -> None:
        """A second in common is one window, and one window proves nothing."""
        first = Hall(8).heard()
        places = Place(0.0, 0.0), Place(0.0, 0.0)
        for end in (2000.0, 3500.0, 1000.0):
            heard = listen((first, first), places, (2000.0, end))
            self.assertIsNone(heard.lag)


class Windows(SynchronousTestCase):
    """Where is listened."""

    def test_spread(self) -> None:
        """They reach from one end to the other, and none lies over another."""
        for end in (8000.0, 60_000.0, 5_400_000.0):
            found = windows((1000.0, end))
            self.assertEqual(1000.0, found[0][0])
            begin, length = found[-1]
            self.assertApproximates(end, begin + length, 1e-6)
            for one, two in pairwise(found):
                self.assertLessEqual(one[0] + one[1], two[0] + 1e-6)


class Decoding(SynchronousTestCase):
    """The sound of real files."""

    def setUp(self) -> None:
        """Make room for files."""
        if not (shutil.which("ffmpeg") and shutil.which("ffprobe")):
            raise SkipTest(
                "ffmpeg is missing: apt-get install -y --no-install-recommends ffmpeg"
            )
        self.room = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.room)

    def clip(self, *late: str) -> MediaFile:
        """Make a clip with a click a second into its sound."""
        click = "aevalsrc=if(between(t\\,1\\,1.01)\\,0.8\\,0):s=48000"
        path = str(self.room / "A.mkv")
        picture = ("-f", "lavfi", "-i", "testsrc=size=160x120:rate=30")
        sound = (*late, "-f", "lavfi", "-i", click, "-c:a", "pcm_s16le")
        words = ["ffmpeg", "-v", "error", *picture, *sound, "-t", "3", path]
        subprocess.run(words, check=True, timeout=30)
        return probe(path)

    def test_places(self) -> None:
        """A click is where it is in the file, also where the sound begins late."""
        for late, expected in (((), 1000.0), (("-itsoffset", "0.4"), 1400.0)):
            media = self.clip(*late)
            found = decode(media)
            first = int((np.abs(found.samples) > 3000).argmax())
            at = found.begin + first * 1000 / RATE
            self.assertApproximates(expected, at, 1.0)
            Path(media.path).unlink()

    def test_not_there(self) -> None:
        """A file that is gone by now is a sentence."""
        media = self.clip()
        Path(media.path).unlink()
        why = str(self.assertRaises(BadMedia, decode, media))
        self.assertIn(f"the sound of {media.path} cannot be read", why)
