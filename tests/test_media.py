"""What a video file says of itself: asked of files that ffmpeg makes."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Final
from unittest import SkipTest

from twisted.trial.unittest import SynchronousTestCase

from raydel import media
from raydel.media import BadMedia, probe, program, sha256

MISSING: Final = "ffmpeg is missing: apt-get install -y --no-install-recommends ffmpeg"
PICTURE: Final = ("-f", "lavfi", "-i", "testsrc=size=160x120:rate=30")
SOUND: Final = ("-f", "lavfi", "-i", "sine=frequency=440")
MADE: Final = 1_768_473_000_000.0
"""2026-01-15, 10:30 UTC."""


def make(path: Path, *words: str) -> str:
    """Make a file with ffmpeg."""
    command = ["ffmpeg", "-v", "error", "-nostdin", *words, str(path)]
    subprocess.run(command, check=True, timeout=30)
    return str(path)


class WithFfmpeg(SynchronousTestCase):
    """Tests that need ffmpeg."""

    def setUp(self) -> None:
        """Make room for files."""
        if not (shutil.which("ffmpeg") and shutil.which("ffprobe")):
            raise SkipTest(MISSING)
        self.room = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.room)

    def clip(self, name: str, *words: str) -> str:
        """Make a clip of a second, with sound."""
        coded = ("-c:v", "libx264", "-preset", "ultrafast", "-t", "1")
        return make(self.room / name, *PICTURE, *SOUND, *coded, *words)

    def refusal(self, path: str) -> str:
        """Return why a file is of no use."""
        return str(self.assertRaises(BadMedia, probe, path))


class Probes(WithFfmpeg):
    """What is read."""

    def test_all_of_it(self) -> None:
        """Size, times, pictures, sound and phone are what they were made as."""
        made = ("-metadata", "creation_time=2026-01-15T10:30:00Z")
        phone = ("-metadata", "com.android.model=Pixel 8")
        path = self.clip("A.mp4", *made, *phone, "-movflags", "use_metadata_tags")
        found = probe(path)
        self.assertEqual((path, "A.mp4"), (found.path, found.name))
        self.assertEqual(Path(path).stat().st_size, found.size)
        self.assertEqual(MADE, found.created_at)
        self.assertEqual("Pixel 8", found.model)
        self.assertEqual((1000.0, 30.0, 30), (found.duration, found.frame_rate, 30))
        self.assertEqual((30, 160, 120), (found.frames, found.width, found.height))
        self.assertEqual((0.0, 0.0), (found.video_start, found.audio_start))
        self.assertTrue(found.has_sound)

    def test_shared_from_an_iphone(self) -> None:
        """Apple's own date stays when a video is shared; the other becomes that."""
        shared = ("-metadata", "creation_time=2026-03-01T00:00:00Z")
        own = "com.apple.quicktime.creationdate=2026-01-15T11:30:00+0100"
        model = ("-metadata", "com.apple.quicktime.model=iPhone 15")
        tags = (*shared, "-metadata", own, *model, "-movflags", "use_metadata_tags")
        found = probe(self.clip("A.mov", *tags))
        self.assertEqual((MADE, "iPhone 15"), (found.created_at, found.model))

    def test_a_clock_that_nobody_set(self) -> None:
        """A date before 1970, as none at all, is no date."""
        for name, made in (("A.mp4", "1904-01-01T00:00:00Z"), ("B.mp4", "")):
            path = self.clip(name, "-metadata", f"creation_time={made}")
            self.assertIsNone(probe(path).created_at)

    def test_sound_first(self) -> None:
        """Where sound begins before the picture, places are counted from the sound."""
        late = ("-itsoffset", "0.5", *PICTURE, *SOUND, "-map", "0", "-map", "1")
        coded = ("-c:v", "libx264", "-preset", "ultrafast", "-t", "2")
        found = probe(make(self.room / "A.mkv", *late, *coded))
        self.assertApproximates(500.0, found.video_start, 30.0)
        self.assertEqual(0.0, found.audio_start)

    def test_a_stream_that_begins_anywhere(self) -> None:
        """A file whose times begin at 1.4 s begins at 0 like others."""
        found = probe(self.clip("A.ts"))
        starts = found.video_start, found.audio_start
        self.assertEqual(0.0, min(start for start in starts if start is not None))

    def test_no_sound(self) -> None:
        """A file without sound says so; other containers tell durations elsewhere."""
        found = probe(make(self.room / "A.mkv", *PICTURE, "-t", "1"))
        self.assertFalse(found.has_sound)
        self.assertIsNone(found.audio_start)
        self.assertIsNone(found.frames)
        self.assertEqual(1000.0, found.duration)

    def test_odd_names(self) -> None:
        """A name may begin with a dash, or look like an address."""
        for name in ("-i.mp4", "10:30 räche.mp4", "http:x.mp4"):
            self.assertEqual(name, probe(self.clip(name)).name)

    def test_checksum(self) -> None:
        """It is that of all bytes, over more than one portion."""
        path = self.room / "large"
        data = bytes(range(256)) * 5000
        self.assertGreater(len(data), media.PORTION)
        path.write_bytes(data)
        self.assertEqual(hashlib.sha256(data).hexdigest(), sha256(str(path)))
        self.assertRaises(BadMedia, sha256, str(self.room / "none"))


class Refusals(WithFfmpeg):
    """What is of no use is refused with why, and what to do."""

    def test_no_file(self) -> None:
        """A mistyped name, and a directory, are no files."""
        for path in (self.room / "none.mp4", self.room):
            self.assertIn(f"there is no file {path}", self.refusal(str(path)))

    def test_no_video(self) -> None:
        """Text is none, sound alone is none, and a cover's picture makes none."""
        text = self.room / "A.txt"
        text.write_text("Hello")
        self.assertIn("is not a video", self.refusal(str(text)))
        sound = make(self.room / "A.m4a", *SOUND, "-t", "1")
        self.assertIn("there is sound alone in it", self.refusal(sound))
        cover = ("-i", sound, *PICTURE, "-t", "0.1", "-c:v", "png")
        disposition = ("-disposition:v:0", "attached_pic")
        both = ("-map", "0:a", "-map", "1:v", "-c:a", "copy")
        covered = make(self.room / "B.m4a", *cover, *both, *disposition)
        self.assertIn("there is sound alone in it", self.refusal(covered))

    def test_subtitles(self) -> None:
        """Neither sound nor picture is nothing to see."""
        text = self.room / "A.srt"
        text.write_text("1\n00:00:00,000 --> 00:00:01,000\nHello\n")
        self.assertIn("there is nothing to see in it", self.refusal(str(text)))

    def test_not_whole(self) -> None:
        """What is still being copied is told by its index, or by its own sizes."""
        whole = Path(self.clip("A.mp4"))
        cut = self.room / "cut.mp4"
        cut.write_bytes(whole.read_bytes()[:2000])
        self.assertIn("has no index", self.refusal(str(cut)))
        fast = Path(self.clip("B.mp4", "-movflags", "faststart"))
        cut.write_bytes(fast.read_bytes()[:-100])
        self.assertIn("100 bytes are missing", self.refusal(str(cut)))

    def test_what_makers_append(self) -> None:
        """What stands behind the last box makes no file less whole."""
        path = self.clip("A.mp4")
        whole = Path(path).read_bytes()
        for more in (b"\xff" * 40, b"SEFT", b"\0" * 40):
            Path(path).write_bytes(whole + more)
            self.assertEqual(1000.0, probe(path).duration)

    def test_growing(self) -> None:
        """A file that is longer once it was asked is still being written."""
        path = self.clip("A.mkv")
        self._instead_of_ffprobe(
            f'printf x >> "{path}"; exec {program("ffprobe")} "$@"'
        )
        self.assertIn("is still growing", self.refusal(path))

    def test_no_end(self) -> None:
        """A program that hangs, as on a disk that sleeps, is not waited for."""
        path = self.clip("A.mp4")
        self._instead_of_ffprobe("exec tail -f /dev/null")
        self.patch(media, "PATIENCE", 0.2)
        self.assertIn("is not done after 0.2 s", self.refusal(path))

    def test_nonsense(self) -> None:
        """An ffprobe that speaks no JSON is not believed."""
        path = self.clip("A.mp4")
        self._instead_of_ffprobe("echo hello")
        self.assertIn("makes no sense", self.refusal(path))

    def test_not_installed(self) -> None:
        """Without ffprobe it is said how to get it."""
        path = self.clip("A.mp4")
        self._search("/nowhere")
        self.assertEqual(
            "ffprobe is not installed: sudo apt install ffmpeg, or brew install ffmpeg",
            self.refusal(path),
        )

    def _instead_of_ffprobe(self, does: str) -> None:
        script = self.room / "ffprobe"
        script.write_text(f"#!/bin/sh\n{does}\n")
        script.chmod(0o700)
        self._search(f"{self.room}:/usr/bin:/bin")

    def _search(self, path: str) -> None:
        self.patch(os, "environ", {**os.environ, "PATH": path})
