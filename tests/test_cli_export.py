"""``python -m raydel export``: a take in the forms that other programs read."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from unittest import SkipTest

import msgspec
from msgspec import structs

from raydel.cli.asking import Refused
from raydel.cli.export import run
from raydel.core.manifest import Manifest, Recording
from raydel.media import probe
from tests.take_files import TAKE, ToolTest, earlier, kept


class Forms(ToolTest):
    """What is written."""

    def test_as_json(self) -> None:
        """A take from a server is written as it is, and can be read again."""
        self.serve(kept(TAKE))
        text = self.said("export", "json", "--take=veSz6vKvSO1ntYmO")
        self.assertEqual(TAKE.id, json.loads(text)["id"])

    def test_to_a_file(self) -> None:
        """It is written to a file that ``align`` takes in turn."""
        out = str(self.room / "again.json")
        words = ("export", "json", f"--manifest={self.manifest}")
        self.assertEqual(f"made {out}\n", self.said(*words, "-o", out))
        text = Path(out).read_bytes()
        self.assertEqual(TAKE.id, msgspec.json.decode(text, type=Manifest).id)

    def test_the_only_take(self) -> None:
        """Without files and a take, the only one that has ended is meant."""
        self.serve(kept(TAKE))
        self.assertEqual(TAKE.id, json.loads(self.said("export", "json"))["id"])

    def test_files_at_hand(self) -> None:
        """Files are found in the take as ``align`` does it, and stand in the text."""
        a, b = self.clip("A.mp4"), self.clip("B.mp4")
        self.serve(kept(TAKE))
        text = self.said("export", "ffmpeg", "--server", "http://x", b, a)
        self.assertIn(a, text)
        self.assertLess(text.index(b), text.index(a))

    def test_choices(self) -> None:
        """Choices are handed on; one that is unknown ends with 2."""
        a, b = self.clip("A.mp4"), self.clip("B.mp4")
        words = ("export", "ffmpeg", a, b, f"--manifest={self.manifest}")
        self.assertIn("240", self.said(*words, "--height=240"))
        self.assertIn("fly", self.misuse(*words, "--fly=high"))


class Runs(ToolTest):
    """The command, run here and now."""

    def test_one_video(self) -> None:
        """Both pictures stand beside each other in the file that is named."""
        a, b = self.clip("A.mp4"), self.clip("B.mp4")
        made = str(self.room / "match.mp4")
        words = ("export", "ffmpeg", a, b, f"--manifest={self.manifest}", "--run")
        text = self.said(*words, "-o", made, "--height=48")
        self.assertEqual(f"made {made}\n", text)
        found = probe(made)
        self.assertEqual((128, 48), (found.width, found.height))

    def test_what_was_assumed_is_said_last(self) -> None:
        """Nothing of what ffmpeg says comes behind the warning, nor `made`."""
        people = tuple(
            structs.replace(each, recording=Recording()) for each in TAKE.participants
        )
        unknown = structs.replace(TAKE, participants=people)
        file = self.write("u.json", msgspec.json.encode(unknown))
        a, b, made = self.clip("A.mp4"), self.clip("B.mp4"), str(self.room / "m.mp4")
        words = ["export", "ffmpeg", a, b, f"--manifest={file}"]
        more = ["--run", "-o", made, "--height=48"]
        done = subprocess.run(
            [sys.executable, "-m", "raydel", *words, *more],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60,
            check=False,
        )
        *_, last_but_one, last = done.stdout.splitlines()
        self.assertEqual(f"made {made}", last_but_one)
        self.assertTrue(last.startswith("raydel: nothing tells the devices ap"), last)
        self.assertTrue(last.endswith("; --of FILE=DEVICE says it otherwise"), last)
        self.assertNotIn("libavutil", done.stdout)
        self.assertIn("grade A, if each file is whose it is said", self.said(*words))

    def test_there_already(self) -> None:
        """What is there is not overwritten."""
        file = self.write("match.mp4", b"mine")
        why = str(self.assertRaises(Refused, run, [["ffmpeg", f"file:{file}"]]))
        self.assertIn(f"{file} is there already", why)
        self.assertEqual(b"mine", Path(file).read_bytes())

    def test_failure(self) -> None:
        """A command that fails says so, and names what is of no use."""
        if shutil.which("ffmpeg") is None:
            raise SkipTest("ffmpeg is missing: apt-get install -y ffmpeg")
        out = str(self.room / "out.mp4")
        command = ["ffmpeg", "-v", "quiet", "-i", "/no/such.mp4", out]
        why = str(self.assertRaises(Refused, run, [command]))
        self.assertIn(f"ffmpeg has failed, see above; {out} is of no use", why)

    def test_no_ffmpeg(self) -> None:
        """Without ffmpeg it is said how to get it."""
        a, b = self.clip("A.mp4"), self.clip("B.mp4")
        for name in ("ffprobe",):
            (self.room / name).symlink_to(shutil.which(name) or name)
        self.patch(os, "environ", {**os.environ, "PATH": str(self.room)})
        words = ("export", "ffmpeg", a, b, f"--manifest={self.manifest}", "--run")
        why = self.refusal(*words, "-o", str(self.room / "out.mp4"))
        self.assertIn("ffmpeg is not installed", why)


class Refusals(ToolTest):
    """What cannot be had."""

    def test_misuse(self) -> None:
        """What makes no sense ends with 2."""
        for words in (
            (),
            ("pdf",),
            ("json", "--run"),
            ("ffmpeg", "--run"),
            ("json", "--fly", f"--manifest={self.manifest}"),
        ):
            why = self.misuse("export", *words)
            self.assertIn("see python -m raydel export --help", why)

    def test_no_files_to_own(self) -> None:
        """Whose a file is can only be said of a file."""
        self.assertIn("no file is named", self.refusal("export", "json", "--of=A=host"))

    def test_which_take(self) -> None:
        """Where several could be meant, they are listed."""
        self.serve(kept(TAKE, earlier(TAKE, 3_600_000.0, "take-2")))
        self.assertIn("which take?", self.refusal("export", "json"))

    def test_nowhere_to_write(self) -> None:
        """A directory that is not there is named."""
        words = ("export", "json", f"--manifest={self.manifest}")
        why = self.refusal(*words, "-o", "/no/such/take.json")
        self.assertIn("/no/such/take.json: No such file", why)

    def test_what_the_take_does_not_allow(self) -> None:
        """Files that nobody can place are refused by the form, in its words."""
        unknown = structs.replace(earlier(TAKE, 0.0, "take-2"))
        file = self.write("u.json", msgspec.json.encode(unknown))
        why = self.refusal("export", "ffmpeg", f"--manifest={file}")
        self.assertIn("nobody knows when the file of", why)
