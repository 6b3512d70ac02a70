"""The ffmpeg command, as it is written; tests/integration/test_flash.py runs it."""

from __future__ import annotations

import shlex
from typing import Final

from msgspec import structs
from twisted.trial.unittest import SynchronousTestCase

from raydel.core.manifest import Manifest
from raydel.export.command import arguments, script
from raydel.export.trouble import ExportTrouble, WrongChoice
from tests.export.takes import FILES, GUEST, HOST, START, TAKE, with_files

SEPARATE: Final = {"layout": "separate"}
COPIED: Final = {"layout": "separate", "exact": "no"}


def text(take: Manifest = TAKE, **choices: str) -> str:
    """Write the command of a take."""
    return script(take, FILES, choices).decode()


def after(words: list[str], option: str) -> list[str]:
    """Return what stands behind each place of an option."""
    return [words[n + 1] for n, word in enumerate(words) if word == option]


class Scripts(SynchronousTestCase):
    """The text for a shell."""

    def test_the_same_words(self) -> None:
        """A shell hears what a program is given."""
        for choices in ({}, SEPARATE, COPIED, {"output": "it's $(HOME) `a` \\ .mp4"}):
            written = script(TAKE, FILES, choices).decode()
            begin = written.index("set -e\n")
            heard = [shlex.split(line) for line in written[begin:].splitlines()[1:]]
            self.assertEqual(arguments(TAKE, FILES, choices), heard)

    def test_remarks(self) -> None:
        """Take, grade, limits and files stand before the command."""
        said = text()
        self.assertTrue(said.startswith("#!/bin/sh\n# The take take-1, "))
        for words in (
            "All its files show 50.000 s, from 2026-01-15T10:30:12.995Z on.",
            "grade A: they are off by at most 0.5 ms, 19 times of 20.",
            "# Limit: mixed networks\n",
            "host.mp4 is of Left goal, the reference: from 0.400000 s on",
            "guest.mp4 is of Right goal: from 0.100000 s on, stretched by -99.990",
        ):
            self.assertIn(words, said)

    def test_nothing_leaves_a_remark(self) -> None:
        """No name and no limit begins a line of its own, in no sense of a line."""
        evil = "a\nrm -rf ~\r\x0b\x0c\x1c\x85\u2028\u2029\u202eb"
        host, guest = TAKE.participants
        alignment = structs.replace(TAKE.alignment, limits=(evil,))
        take = structs.replace(
            TAKE,
            id=evil,
            session_id=evil,
            alignment=alignment,
            participants=(host, structs.replace(guest, name=evil)),
        )
        lines = text(take).splitlines()
        self.assertEqual(len(text().splitlines()), len(lines))
        self.assertEqual(
            [], [line for line in lines[1:-2] if not line.startswith("# ")]
        )

    def test_a_lone_surrogate(self) -> None:
        """What UTF-8 cannot write does not stop the rest."""
        files = [structs.replace(each, path=f"\ud800{each.path}") for each in FILES]
        self.assertIn(b"?host.mp4", script(TAKE, files, {}))

    def test_a_clock_that_is_mad(self) -> None:
        """An instant beyond all dates is a number."""
        mad = structs.replace(HOST, start=9e15, end=None)
        take = with_files(mad)
        said = script(take, FILES[:1], {}).decode()
        self.assertIn("from 9000000000000000 ms on", said)

    def test_unsure(self) -> None:
        """Where nobody knows how far off it may be, it says so."""
        alignment = structs.replace(TAKE.alignment, uncertainty=None, grade="D")
        take = structs.replace(TAKE, alignment=alignment)
        self.assertIn("grade D: nobody knows how far off", text(take))


class SideBySide(SynchronousTestCase):
    """One video of all files."""

    def test_inputs(self) -> None:
        """Each file is read from half a second before the cut, if there is that."""
        late = structs.replace(GUEST, start=START + 7_300, offset=7_300.0)
        (words,) = arguments(with_files(HOST, late), FILES, {})
        self.assertEqual(["6.800000", "0.000000"], after(words, "-ss"))
        self.assertEqual(["host.mp4", "guest.mp4"], after(words, "-i"))

    def test_times(self) -> None:
        """The reference keeps its times; the other file is stretched to them."""
        (words,) = arguments(TAKE, FILES, {})
        host, guest, beside = after(words, "-filter_complex")[0].split(";")
        self.assertIn("setpts=(PTS-400000)*1.000000000000-16667,fps=30/1:", host)
        self.assertIn("setpts=(PTS-100000)*0.999900009999-8333,fps=30/1:", guest)
        self.assertEqual("[v0][v1]hstack=inputs=2:shortest=1[v]", beside)
        self.assertEqual(["50.000000"], after(words, "-t"))

    def test_sound(self) -> None:
        """The sound is the reference's, if it may have any."""
        (words,) = arguments(TAKE, FILES[::-1], {})
        self.assertEqual(["[v]", "1:a:0?"], after(words, "-map"))
        silent = [structs.replace(each, has_sound=False) for each in FILES]
        (words,) = arguments(TAKE, silent, {})
        self.assertEqual(["[v]"], after(words, "-map"))
        self.assertNotIn("-af", words)

    def test_one_file(self) -> None:
        """A lone file stands beside nothing."""
        (words,) = arguments(TAKE, FILES[:1], {})
        self.assertEqual(["[v0]", "0:a:0?"], after(words, "-map"))
        self.assertNotIn("hstack", " ".join(words))

    def test_no_end(self) -> None:
        """Where no end is known, the shortest file ends it."""
        files = [structs.replace(each, duration=None) for each in FILES]
        take = with_files(*(structs.replace(f, end=None) for f in (HOST, GUEST)))
        (words,) = arguments(take, files, {})
        self.assertIn("-shortest", words)
        self.assertNotIn("-t", words)

    def test_no_frame_rate(self) -> None:
        """Where none is known it makes 30, and says so; one can be chosen."""
        files = [structs.replace(each, frame_rate=None) for each in FILES]
        self.assertIn("Nobody reported a frame", script(TAKE, files, {}).decode())
        (words,) = arguments(TAKE, files, {"rate": "29.97"})
        self.assertIn("fps=30000/1001:", " ".join(words))

    def test_height(self) -> None:
        """Pictures are equally high: 720, or what was chosen, and even."""
        self.assertEqual(2, text().count("scale=-2:720"))
        self.assertEqual(2, text(height="361").count("scale=-2:360"))

    def test_output(self) -> None:
        """It can be written to any file."""
        self.assertTrue(text().endswith(" side-by-side.mp4\n"))
        self.assertTrue(text(output="a b.mp4").endswith(" 'a b.mp4'\n"))


class Separate(SynchronousTestCase):
    """A video for each file."""

    def test_encoded(self) -> None:
        """Each is made by itself, with its own sound, as high as it is."""
        host, guest = arguments(TAKE, FILES, SEPARATE)
        self.assertEqual("host-in-step.mp4", host[-1])
        self.assertEqual("guest-in-step.mp4", guest[-1])
        for words in (host, guest):
            self.assertEqual(["0:v:0", "0:a:0?"], after(words, "-map"))
            self.assertNotIn("scale", " ".join(words))
        self.assertIn("asetpts=(PTS-0.100000/TB)*0.999900009999,", " ".join(guest))

    def test_copied(self) -> None:
        """Frames are copied as they are, from the cut on; their times are stretched."""
        _, guest = arguments(TAKE, FILES, COPIED)
        self.assertEqual(["0.100000"], after(guest, "-ss"))
        self.assertEqual(["0.999900009999"], after(guest, "-itsscale"))
        self.assertEqual(["copy"], after(guest, "-c"))
        said = script(TAKE, FILES, COPIED).decode()
        self.assertIn("Nothing is encoded anew", said)

    def test_directory(self) -> None:
        """They are written to another directory, if one is chosen."""
        host, _ = arguments(TAKE, FILES, SEPARATE | {"output": "cut/here"})
        self.assertEqual("cut/here/host-in-step.mp4", host[-1])

    def test_the_same_name_twice(self) -> None:
        """Files of two directories may be called alike; what is made is not."""
        files = [structs.replace(f, path=f"{f.device_id}/1.MOV") for f in FILES]
        host, guest = arguments(TAKE, files, COPIED)
        self.assertEqual("1-in-step.MOV", host[-1])
        self.assertEqual("2-1-in-step.MOV", guest[-1])


class Paths(SynchronousTestCase):
    """Names of files that ffmpeg would read otherwise."""

    def read(self, path: str) -> str:
        """Return how a file is named to ffmpeg."""
        (words,) = arguments(TAKE, [structs.replace(FILES[0], path=path)], {})
        return after(words, "-i")[0]

    def test_neither_option_nor_address(self) -> None:
        """A name is a file, whatever it begins with."""
        self.assertEqual("file:-y.mp4", self.read("-y.mp4"))
        self.assertEqual("file:concat:a|b.mp4", self.read("concat:a|b.mp4"))
        self.assertEqual("/a/b c.mp4", self.read("/a/b c.mp4"))

    def test_output(self) -> None:
        """Nor is what is written an option."""
        (words,) = arguments(TAKE, FILES, {"output": "-y.mp4"})
        self.assertEqual("file:-y.mp4", words[-1])


class Choices(SynchronousTestCase):
    """What cannot be chosen is said, and what can."""

    def refused(self, **choices: str) -> str:
        """Return why choices are refused."""
        return str(self.assertRaises(WrongChoice, script, TAKE, FILES, choices))

    def test_unknown(self) -> None:
        """An unknown choice is named, with those there are."""
        why = self.refused(widht="3")
        self.assertIn("'widht'", why)
        self.assertIn("layout, exact, height, rate, output", why)

    def test_values(self) -> None:
        """A value that makes no sense is named, with those that do."""
        self.assertIn("side-by-side or separate", self.refused(layout="above"))
        self.assertIn("yes or no", self.refused(exact="maybe"))
        for value in ("", "nan", "inf", "15", "-720", "1e9", "720;rm"):
            self.assertIn("from 16 to 4320", self.refused(height=value))
        self.assertIn("from 1 to 1000", self.refused(rate="0"))
        for value in ("", "a\0b", "a" * 1001):
            self.assertIn("name of a file", self.refused(output=value))

    def test_what_does_not_go_together(self) -> None:
        """Copied frames can be put beside nothing, nor changed."""
        self.assertIn("layout=separate", self.refused(exact="no"))
        self.assertIn("height", self.refused(**COPIED, height="360"))
        self.assertIn("rate", self.refused(**COPIED, rate="25"))

    def test_no_start(self) -> None:
        """A file of which nobody knows when it begins is no choice's fault."""
        lost = structs.replace(GUEST, start=None, offset=None)
        self.assertRaises(ExportTrouble, script, with_files(HOST, lost), FILES, {})
