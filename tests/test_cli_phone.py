"""``raydel phone`` and ``raydel rehearse``: what is asked for, and what is filmed."""

from __future__ import annotations

import hashlib
import json
import subprocess
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from shutil import which
from tempfile import TemporaryDirectory
from unittest import skipUnless

from twisted.trial.unittest import SynchronousTestCase

from raydel import cli
from raydel.cli import filming
from raydel.cli.filming import Studio, Unfilmed, checksum, flashes
from raydel.cli.phone_options import FASTEST, latency, options
from raydel.cli.rehearse import LONGEST, farewell
from raydel.core.cameras import Latency
from raydel.simulation.clocks import Clock
from raydel.virtualwire import Footage

NOON = 1_768_478_400_000.0
CLOCK = Clock(NOON, 60_000.0, 30e-6)
"""A minute ahead at noon, and 30 millionths fast."""

FOOTAGE = Footage("take-1", NOON + 60_250.0, NOON + 62_216.667, 60, 30.0)
"""Two seconds, from a quarter past noon on."""


def refusal(*arguments: str) -> str:
    """Return why options are refused."""
    try:
        cli.main(arguments)
    except SystemExit as refused:
        return str(refused)
    raise AssertionError("it was not refused")


class Asked(SynchronousTestCase):
    """What is asked for."""

    def test_defaults(self) -> None:
        """Without options, it is a phone on time whose camera is as most are."""
        asked = options().parse_args(["abc123"])
        self.assertEqual("ABC123", asked.code)
        self.assertEqual((0.0, 0.0), (asked.clock, asked.clock_drift))
        self.assertEqual(Latency(300.0, 30.0), asked.camera_latency)
        self.assertEqual((30.0, None), (asked.frame_rate, asked.clip))
        self.assertEqual("Played phone", asked.model)

    def test_latency(self) -> None:
        """A latency is a number with what is open about it, on any keyboard."""
        for text in ("520±30.5", "520+-30.5", "520+/-30.5"):
            self.assertEqual(Latency(520.0, 30.5), latency(text))
        self.assertEqual(Latency(520.0, 0.0), latency("520"))

    def test_wrong(self) -> None:
        """An option that makes no sense is refused in one sentence, that quotes it."""
        for wrong in (
            "--camera-latency=±30",
            "--camera-latency=3e2±30",
            "--clock-drift=nan",
            "--clock-drift=1001",
            f"--frame-rate={FASTEST + 1:g}",
            "--frame-rate=0",
            "--clip=match.mov",
        ):
            said = refusal("phone", "ABC123", wrong)
            name, _, value = wrong.partition("=")
            self.assertTrue(said.startswith(f"raydel: argument {name}: {value!r} is "))
        self.assertIn("up to 64", refusal("phone", "ABC123", f"--model={'x' * 65}"))
        said = refusal("phone", "ABC123", "--clip=/nowhere/host.mp4")
        self.assertIn("there is no directory /nowhere", said)

    def test_without_ffmpeg(self) -> None:
        """What is missing for clips is said before the match."""
        self.patch(filming, "which", lambda _: None)
        said = refusal("phone", "ABC123", "--clip=host.mp4")
        self.assertIn("ffmpeg, which is not installed", said)
        self.assertIn("ffmpeg, which is not installed", refusal("rehearse"))

    def test_rehearsal(self) -> None:
        """A rehearsal has a length that makes sense."""
        for wrong in ("0.5", f"{LONGEST + 1:g}", "x"):
            said = refusal("rehearse", f"--seconds={wrong}")
            self.assertTrue(said.startswith("raydel: argument --seconds: "), said)

    def test_help(self) -> None:
        """Both tell what they do, and the latency what it is."""
        for command, told in (("phone", "phone's truth"), ("rehearse", "a minute apa")):
            out = StringIO()
            with redirect_stdout(out):
                cli.main([command, "--help"])
            self.assertIn(told, out.getvalue())


class Farewells(SynchronousTestCase):
    """What a rehearsal says in the end."""

    def test_commands(self) -> None:
        """It names the take and the next commands, with the names of its files."""
        clips = [Path("rehearsal/host.mp4"), Path("rehearsal/guest.mp4")]
        said = farewell("veSz6vKvSO1ntYmO", clips, "ws://127.0.0.1:3001/sync")
        self.assertIn("take veSz6vKvSO1ntYmO", said)
        files = "rehearsal/host.mp4 rehearsal/guest.mp4\n"
        self.assertIn(f"-m raydel align {files}", said)
        self.assertIn(f"-m raydel export ffmpeg {files[:-1]} --run\n", said)

    def test_another_server(self) -> None:
        """Where the server is elsewhere, they say where its REST is."""
        said = farewell("t", [Path("a.mp4")], "wss://club.example:3003/sync")
        self.assertIn("align a.mp4 --server=https://club.example:3003\n", said)


class Studios(SynchronousTestCase):
    """The files of a played phone."""

    def setUp(self) -> None:
        """Have a directory."""
        directory = TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = Path(directory.name)
        self.studio = Studio(self.directory / "host.mp4", CLOCK)

    def test_names(self) -> None:
        """Each take has a file of its own, and none that was there is touched."""
        (self.directory / "host-2.mp4").touch()
        names = [self.studio.next_file().name for _ in range(3)]
        self.assertEqual(["host.mp4", "host-3.mp4", "host-4.mp4"], names)

    def test_shot(self) -> None:
        """What the phone's clock says of it is put into true time, its rate apart."""
        shot = self.studio.shot(FOOTAGE)
        # A quarter of a second after noon the clock has gained 7.5 us.
        self.assertAlmostEqual(NOON + 250.0 - 0.0075, shot["start"], 3)
        self.assertAlmostEqual(2000.0, shot["duration"], 6)
        self.assertAlmostEqual(30.0, shot["rate_ppm"], 6)
        self.assertEqual("30", shot["frame_rate"])
        end = shot["start"] + shot["duration"]
        self.assertEqual(flashes(shot["start"], end), shot["flashes"])
        self.assertEqual(FOOTAGE.first_frame, shot["created"])

    def test_flashes(self) -> None:
        """One a second, whoever films; a flash that ends a clip is not in it."""
        found = flashes(NOON, NOON + 60_000.0)
        self.assertEqual(60, len(found))
        self.assertEqual(found[1:], flashes(found[1], NOON + 60_000.0))
        self.assertEqual(found[:-1], flashes(NOON, found[-1]))

    def test_one_way_to_fit(self) -> None:
        """Moved by anything up to half a minute, few of them meet others."""
        found = flashes(NOON, NOON + 60_000.0)
        for shift in range(50, 30_000, 10):
            met = [a for a in found for b in found if abs(a + shift - b) < 20.0]
            self.assertLess(len(met), len(found) / 2)

    @skipUnless(which("ffmpeg") and which("ffprobe"), "ffmpeg is not installed")
    def test_a_clip(self) -> None:
        """A clip has its frames and its sound, and is described as it is."""
        path = self.studio.next_file()
        file = self.studio.make(path, FOOTAGE)
        self.assertEqual([path], list(self.directory.iterdir()))
        content = path.read_bytes()
        self.assertEqual(("host.mp4", len(content)), (file.name, file.size_bytes))
        self.assertEqual(hashlib.sha256(content).hexdigest(), file.sha256)
        shown = ["-show_entries", "stream=codec_type,nb_frames", "-of", "json"]
        told = subprocess.check_output(["ffprobe", "-v", "error", *shown, path])
        streams = {
            each["codec_type"]: each["nb_frames"]
            for each in json.loads(told)["streams"]
        }
        self.assertEqual("60", streams["video"])
        self.assertIn("audio", streams)

    @skipUnless(which("ffmpeg"), "ffmpeg is not installed")
    def test_no_clip(self) -> None:
        """Where none can be made it says why in a line, and leaves nothing behind."""
        path = self.directory / "gone" / "host.mp4"
        refused = self.assertRaises(Unfilmed, self.studio.make, path, FOOTAGE)
        self.assertEqual(1, len(str(refused).splitlines()))
        self.assertEqual([], list(self.directory.iterdir()))

    def test_abandoned(self) -> None:
        """A studio that is closed makes nothing, and leaves nothing behind."""
        self.studio.abandon()
        path = self.studio.next_file()
        refused = self.assertRaises(Unfilmed, self.studio.make, path, FOOTAGE)
        self.assertEqual("it was left unfinished", str(refused))
        self.assertEqual([], list(self.directory.iterdir()))

    def test_checksum(self) -> None:
        """A file's checksum is its SHA-256."""
        path = self.directory / "file"
        path.write_bytes(b"abc")
        self.assertEqual(
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
            checksum(path),
        )
