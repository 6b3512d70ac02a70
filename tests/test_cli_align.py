"""``python -m raydel align``: from two videos to an answer."""

from __future__ import annotations

import importlib.util
import json
import os
import random
import ssl
import struct
import subprocess
import sys
import wave
from pathlib import Path
from unittest import SkipTest
from urllib.error import URLError

import msgspec
from msgspec import structs

from raydel.cli import asking
from raydel.cli.align import clock
from raydel.cli.asking import Refused, Server, read_manifest
from raydel.cli.takes import LATEST, candidates, latest_take, probed
from raydel.core.instants import DAY, HOUR
from raydel.core.manifest import Gap, Recording
from raydel.export.trouble import this_python
from tests.take_files import LATE, LIMIT, LONG, START, TAKE, ToolTest, earlier, kept


class Answers(ToolTest):
    """What is said of two files."""

    def test_from_a_file(self) -> None:
        """Take, devices, table, limits, common part and the next step are there."""
        a, b = self.clip("A.mp4"), self.clip("B.mp4", "2026-01-15T10:30:24Z")
        text = self.said("align", a, b, f"--manifest={self.manifest}")
        self.assertIn("take veSz6vKvSO1ntYmO: ABC123, begun ", text)
        self.assertIn(f"{a} is of Left goal, the host: likely", text)
        self.assertIn("+ its name is what Left goal reported", text)
        self.assertRegex(text, r"Right goal +1500\.000 +50\.000 +0\.210 +3\.100 +A\n")
        self.assertIn("grade A: they are placed to 2 ms", text)
        self.assertIn(f"what limits it:\n  {LIMIT}\n", text)
        self.assertIn("all show 8.5 s of it:", text)
        self.assertIn(f"{a} from 0:00:01.500 to 0:00:10.000", text)
        self.assertIn(f"{b} from 0:00:00.000 to 0:00:08.500", text)
        self.assertIn(
            f"\nnext: {this_python()} -m raydel export ffmpeg {a} {b} "
            f"--manifest={self.manifest} --run\n",
            text,
        )

    def test_the_next_step_can_be_pasted(self) -> None:
        """It is typed as it stands, in the directory of all the others."""
        a, b = self.clip("A.mp4"), self.clip("B.mp4")
        text = self.said("align", a, b, f"--manifest={self.manifest}")
        command = text.rpartition("next: ")[2].strip().removesuffix(" --run")
        done = subprocess.run(
            ["sh", "-c", command], capture_output=True, timeout=60, check=False
        )
        self.assertEqual((0, b""), (done.returncode, done.stderr))
        self.assertIn(b"side-by-side.mp4", done.stdout)

    def test_from_a_server(self) -> None:
        """The take is found among others by when the files were made."""
        a, b = self.clip("A.mp4"), self.clip("B.mp4")
        wire = self.serve(kept(TAKE, earlier(TAKE, 9 * DAY, "long-ago")))
        text = self.said("align", a, b)
        self.assertIn("take veSz6vKvSO1ntYmO", text)
        self.assertIn("--take=veSz6vKvSO1ntYmO --run", text)
        self.assertNotIn("/api/takes/long-ago", wire.asked)

    def test_named_take(self) -> None:
        """A take that is named is asked for alone, whatever speaks against it."""
        a = self.clip("C.mp4", "2026-01-01T00:00:00Z")
        wire = self.serve(kept(TAKE))
        text = self.said("align", a, "--take=veSz6vKvSO1ntYmO", "--of=C.mp4=guest")
        self.assertEqual(["/api/takes/veSz6vKvSO1ntYmO"], wire.asked)
        self.assertIn("is of Right goal, the guest: sure\n    + you said so", text)
        self.assertIn("- its name is not what Right goal reported: B.mp4", text)

    def test_json(self) -> None:
        """For programs there is the same, with all figures."""
        a, b = self.clip("A.mp4"), self.clip("B.mp4")
        text = self.said("align", b, a, f"--manifest={self.manifest}", "--json")
        found = json.loads(text)
        self.assertEqual(("veSz6vKvSO1ntYmO", "A"), (found["takeId"], found["grade"]))
        self.assertEqual([b, a], [each["path"] for each in found["files"]])
        self.assertEqual(LATE, found["files"][0]["alignment"]["offset"])
        self.assertEqual([LATE, LONG], found["files"][1]["common"])

    def test_an_assumption_is_said(self) -> None:
        """Where nothing tells devices apart, that is said, with the way out."""
        unknown = earlier(TAKE, 0.0, "take-2")
        file = self.write("u.json", msgspec.json.encode(unknown))
        a, b = self.clip("A.mp4"), self.clip("B.mp4")
        text = self.said("align", b, a, f"--manifest={file}")
        self.assertIn("grade A, if each file is whose it is said to be: they", text)
        self.assertIn("which part they have in common is not known", text)
        self.assertIn(f"--of={a}=host-id", text)
        last = text.splitlines()[-1]
        self.assertTrue(last.startswith("! nothing tells the devices apart: "), last)
        self.assertTrue(last.endswith("; --of FILE=DEVICE says it otherwise"), last)

    def test_sure_devices(self) -> None:
        """Where nothing was assumed the grade stands, and nothing is warned of."""
        a, b = self.clip("A.mp4"), self.clip("B.mp4")
        text = self.said("align", a, b, f"--manifest={self.manifest}")
        self.assertIn("\ngrade A: they are placed", text)
        self.assertNotIn("!", text)

    def test_one_file_of_two(self) -> None:
        """One file lies to nothing: it has no grade, and there is no next step."""
        a = self.clip("A.mp4")
        words = ("align", a, f"--manifest={self.manifest}")
        text = self.said(*words)
        self.assertTrue(
            text.endswith(
                "no grade: one file of this take: give both to see how they lie\n"
            )
        )
        self.assertNotIn("grade A", text)
        self.assertIsNone(json.loads(self.said(*words, "--json"))["grade"])

    def test_the_only_file(self) -> None:
        """Where only one phone recorded, nothing is missing."""
        host, guest = TAKE.participants
        refused = structs.replace(guest, recording=Recording(state="refused"))
        alone = structs.replace(TAKE, participants=(host, refused))
        file = self.write("alone.json", msgspec.json.encode(alone))
        text = self.said("align", self.clip("A.mp4"), f"--manifest={file}")
        self.assertTrue(text.endswith("no grade: there is only one file\n"), text)

    def test_why_it_is_so_good(self) -> None:
        """Where nothing limits a grade, it is said what it rests on."""
        a, b = self.clip("A.mp4"), self.clip("B.mp4")
        fine = structs.replace(
            TAKE, alignment=structs.replace(TAKE.alignment, limits=())
        )
        host, guest = TAKE.participants
        gap = Gap(START + 1, START + 2, "ping timeout")
        lost = structs.replace(
            fine, participants=(host, structs.replace(guest, gaps=(gap,)))
        )
        for take, clocks in (
            (fine, "their clocks were seen all the time"),
            (lost, "their clocks are known well, though links were lost"),
        ):
            file = self.write("fine.json", msgspec.json.encode(take))
            text = self.said("align", a, b, f"--manifest={file}")
            self.assertNotIn("what limits it", text)
            self.assertIn(
                "what makes it so:\n  both phones reported their first frame, and "
                f"{clocks}\n",
                text,
            )

    def test_names_that_begin_with_a_dash(self) -> None:
        """Behind --, a file may be called as it likes; so may an old take's id."""
        self.clip("-a.mp4")
        self.addCleanup(os.chdir, Path.cwd())
        os.chdir(self.room)
        old = structs.replace(TAKE, id="-7jf_CUn4TfsuF1R")
        wire = self.serve(kept(old))
        words = ("--take", old.id, "--of", "-a.mp4=host", "--", "-a.mp4")
        text = self.said("align", *words)
        self.assertEqual(["/api/takes/-7jf_CUn4TfsuF1R"], wire.asked)
        self.assertIn("  ./-a.mp4 is of Left goal, the host: sure", text)
        self.assertIn("align --help", self.misuse("align", "-a.mp4"))
        self.assertIn("one behind -- may begin", self.said("align", "--help"))
        written = self.said("export", "ffmpeg", *words)
        self.assertIn("-i ./-a.mp4 ", written)

    def test_clock(self) -> None:
        """Places in a file are written as players do."""
        self.assertEqual("1:02:03.456", clock(3_723_456.4))
        self.assertEqual("0:01:00.000", clock(59_999.7))


class Sound(ToolTest):
    """Whether clocks and sound agree."""

    def setUp(self) -> None:
        """Need what listens."""
        super().setUp()
        if importlib.util.find_spec("numpy") is None:
            raise SkipTest("numpy is missing: pip install -e '.[sound]'")

    def heard(self, begins: float) -> Path:
        """Write what a microphone hears that begins so many s into the take."""
        rate = 8000
        own = random.Random(begins)  # noqa: S311 - to be repeated
        level = [own.gauss(0, 20) for _ in range(10 * rate)]
        for hit in range(40):
            chance = random.Random(hit)  # noqa: S311 - the same on both
            at = int((chance.uniform(0, 11) - begins) * rate)
            burst = [12000 * 0.99**n * chance.gauss(0, 0.4) for n in range(400)]
            for n, each in enumerate(burst, at):
                if 0 <= n < len(level):
                    level[n] += each
        path = self.room / f"{begins}.wav"
        with wave.open(str(path), "wb") as file:
            file.setparams((1, 2, rate, 0, "NONE", ""))
            kept_in = (max(min(int(each), 32767), -32768) for each in level)
            file.writeframes(struct.pack(f"<{len(level)}h", *kept_in))
        return path

    def checked(self, begins: float, *more: str) -> str:
        """Check two files, the second of which begins so many s into the take."""
        made = "2026-01-15T10:30:12Z"
        a = self.film("A.mp4", made, self.heard(0.0))
        b = self.film("B.mp4", made, self.heard(begins))
        return self.said("align", a, b, f"--manifest={self.manifest}", "--check", *more)

    def test_agree(self) -> None:
        """Sound that is where the clocks say agrees, and acoustics are stated."""
        text = self.checked(LATE / 1000)
        self.assertRegex(text, r"hears \d ms (later|earlier) than the clocks say")
        self.assertIn(
            "up to 70 ms of that: 3 ms a metre, cameras 24 m apart (assu", text
        )
        self.assertIn("\n  clocks and sound agree\n", text)

    def test_disagree(self) -> None:
        """Sound that is elsewhere disagrees, by more than the way of sound."""
        text = self.checked(LATE / 1000 - 0.5, "--distance=10")
        self.assertRegex(text, r"hears (49\d|50\d) ms later than the clocks say")
        self.assertIn("cameras 10 m apart\n", text)
        self.assertRegex(text, r"disagree, by 46\d ms more than that")

    def test_the_other_way_round(self) -> None:
        """Where devices were guessed, the sound tells if it is the other way round."""
        made = "2026-01-15T10:30:12Z"
        late = self.film("A.mp4", made, self.heard(LATE / 1000))
        early = self.film("B.mp4", made, self.heard(0.0))
        people = tuple(
            structs.replace(each, recording=Recording()) for each in TAKE.participants
        )
        unknown = structs.replace(TAKE, participants=people)
        file = self.write("u.json", msgspec.json.encode(unknown))
        words = ("align", late, early, f"--manifest={file}", "--check")
        text = self.said(*words)
        self.assertNotIn("clocks and sound agree", text)
        otherwise = f"--of={late}=guest"
        self.assertIn(f"\n  the other way round they agree: {otherwise}\n", text)
        told = self.said(*words, otherwise)
        self.assertIn("\n  clocks and sound agree\n", told)
        self.assertNotIn("other way round", told)

    def test_no_sound(self) -> None:
        """Files without sound cannot be compared, and that is no error."""
        a, b = self.clip("A.mp4"), self.clip("B.mp4")
        text = self.said("align", a, b, f"--manifest={self.manifest}", "--check")
        self.assertIn(f"cannot be told whether {a} and {b} agree: there is no", text)

    def test_one_file(self) -> None:
        """There have to be two."""
        a = self.clip("A.mp4")
        why = self.refusal("align", a, f"--manifest={self.manifest}", "--check")
        self.assertIn("--check needs two files", why)

    def test_without_numpy(self) -> None:
        """Without numpy the clocks say what they know, and then how to get it."""
        a, b = self.clip("A.mp4"), self.clip("B.mp4")
        words = ["align", a, b, f"--manifest={self.manifest}", "--check"]
        hidden = "import sys; sys.modules['numpy'] = None; from raydel import cli; "
        done = subprocess.run(
            [sys.executable, "-c", f"{hidden}cli.main({words})"],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        self.assertEqual(1, done.returncode)
        self.assertIn("grade A: they are placed to 2 ms", done.stdout)
        self.assertIn("\nnext: ", done.stdout)
        how = f"{this_python()} -m pip install numpy brings it"
        self.assertEqual(f"raydel: --check needs numpy; {how}\n", done.stderr)


class Refusals(ToolTest):
    """What cannot be answered is refused with why, and what to do."""

    def test_misuse(self) -> None:
        """What makes no sense ends with 2."""
        for words in ((), ("A.mp4", "--fly"), ("A.mp4", "--distance=-1")):
            self.assertIn(
                "see python -m raydel align --help", self.misuse("align", *words)
            )

    def test_files(self) -> None:
        """Files that are not there, too many, or named twice."""
        none = str(self.room / "none.mp4")
        self.assertIn("there is no file", self.refusal("align", none))
        self.assertIn("are too many", self.refusal("align", *"abcde"))
        self.assertIn("named twice", self.refusal("align", none, none))

    def test_no_take_fits(self) -> None:
        """The nearest are named, with why not."""
        a = self.clip("C.mp4", "2026-01-15T13:42:12Z")
        self.serve(kept(earlier(TAKE, 0.0, "take-2")))
        why = self.refusal("align", a)
        self.assertIn("no take fits", why)
        self.assertIn("take-2: ABC123, begun 2026-01-15 ", why)
        self.assertIn("begun 3 h 12 min before C.mp4 was made", why)

    def test_clips_of_a_take_that_is_gone(self) -> None:
        """Their names alone do not make them those of another take."""
        people = tuple(
            structs.replace(
                each, recording=structs.replace(each.recording, size_bytes=1)
            )
            for each in TAKE.participants
        )
        self.serve(kept(structs.replace(TAKE, participants=people)))
        made = "2026-01-15T10:27:26Z"
        a, b = self.clip("A.mp4", made), self.clip("B.mp4", made)
        why = self.refusal("align", a, b)
        self.assertIn("no take fits", why)
        self.assertIn(f"{a}: its size, to the byte, is not what Left goal", why)

    def test_one_of_two_fits(self) -> None:
        """A file that fits beside one that does not is said to."""
        a, c = self.clip("A.mp4"), self.clip("C.mp4", "2026-01-15T13:42:12Z")
        self.serve(kept(TAKE))
        why = self.refusal("align", a, c)
        self.assertIn(f"{a} fits", why)
        self.assertIn("before C.mp4 was made", why)

    def test_two_takes_fit(self) -> None:
        """Between equals it is asked which."""
        a = self.clip("C.mp4")
        twins = [earlier(TAKE, by, f"take-{by:.0f}") for by in (0.0, 1.0)]
        self.serve(kept(*twins))
        why = self.refusal("align", a)
        self.assertIn("2 takes fit equally well", why)
        self.assertIn("take-1: ABC123", why)

    def test_no_takes(self) -> None:
        """A server without takes is another one, perhaps."""
        self.serve(kept())
        self.assertIn("keeps no take", self.refusal("align", self.clip("A.mp4")))

    def test_nobody_recorded(self) -> None:
        """A take without devices has no files."""
        empty = structs.replace(TAKE, participants=())
        file = self.write("e.json", msgspec.json.encode(empty))
        why = self.refusal("align", self.clip("A.mp4"), f"--manifest={file}")
        self.assertIn("nobody was told to record", why)

    def test_more_files_than_devices(self) -> None:
        """A third file of two phones is one too many."""
        clips = [self.clip(name) for name in ("A.mp4", "B.mp4", "C.mp4")]
        why = self.refusal("align", *clips, f"--manifest={self.manifest}")
        self.assertIn("no device left for", why)

    def test_whose_a_file_is(self) -> None:
        """Unknown files and devices are named."""
        a = self.clip("A.mp4")
        for word, expected in (
            ("X.mp4=host", "'X.mp4' is not one of the files"),
            ("A.mp4=Centre", "no device is called 'Centre'; there are Left goal"),
        ):
            words = ("align", a, f"--manifest={self.manifest}", f"--of={word}")
            self.assertIn(expected, self.refusal(*words))

    def test_another_take_in_the_file(self) -> None:
        """A take that is named has to be the one in the file."""
        a = self.clip("A.mp4")
        why = self.refusal("align", a, f"--manifest={self.manifest}", "--take=other")
        self.assertIn("is of take veSz6vKvSO1ntYmO, not other", why)


class Manifests(ToolTest):
    """Reading a take that was written."""

    def test_refusals(self) -> None:
        """What is no take, or one of a newer kind, is refused."""
        newer = structs.replace(TAKE, version=2)
        for data, expected in (
            (b"{", "is not a take: "),
            (b"{}", "export json writes one"),
            (msgspec.json.encode(newer), "version 2, and this Raydel reads version 1"),
            (b'{"format": "raydel-take", "version": 1}', "is not a take: "),
        ):
            why = str(self.assertRaises(Refused, read_manifest, data, "take.json"))
            self.assertIn(expected, why)
        self.assertEqual(TAKE, read_manifest(msgspec.json.encode(TAKE), "take.json"))

    def test_no_file(self) -> None:
        """A file that is not there is named."""
        words = ("align", self.clip("A.mp4"), "--manifest=/no/such.json")
        self.assertIn("/no/such.json: No such file", self.refusal(*words))


class Servers(ToolTest):
    """Asking a server."""

    def test_pages(self) -> None:
        """All pages are read, as far as they may matter."""
        twin = structs.replace(TAKE, id="a/b")
        answers = {
            **kept(TAKE, twin),
            "/api/takes?limit=200": (200, self.page(TAKE.id, "a/b")),
            "/api/takes?limit=200&before=a%2Fb": (200, self.page("last", None)),
        }
        self.serve(answers)
        found = [each.id for each in Server("http://x/").summaries()]
        self.assertEqual([TAKE.id, "last"], found)

    @staticmethod
    def page(take_id: str, following: str | None) -> object:
        """Make a page with one take."""
        (shown,) = kept(structs.replace(TAKE, id=take_id))["/api/takes?limit=200"][1][
            "takes"
        ]
        return {"takes": [shown], "next": following}

    def test_old_pages_are_left_out(self) -> None:
        """What was long over when the files were made is not looked into."""
        old = [earlier(TAKE, (9 + n) * DAY, f"old-{n}") for n in range(LATEST)]
        wire = self.serve(kept(TAKE, *old))
        found = candidates(Server("http://x"), probed([self.clip("A.mp4")]))
        self.assertEqual([TAKE], found)
        self.assertEqual(2, len(wire.asked))

    def test_none_of_that_day(self) -> None:
        """Where no take is of about then, the latest are looked into all the same."""
        self.serve(kept(earlier(TAKE, -9 * DAY, "new")))
        found = candidates(Server("http://x"), probed([self.clip("A.mp4")]))
        self.assertEqual(["new"], [each.id for each in found])

    def test_the_only_one(self) -> None:
        """Without files, the take that has ended is meant if there is but one."""
        running = structs.replace(TAKE, id="runs", ended_at=None)
        self.serve(kept(running, TAKE))
        self.assertEqual(TAKE, latest_take(Server("http://x"), 9))
        self.serve(kept(running))
        why = self.assertRaises(Refused, latest_take, Server("http://x"), 9)
        self.assertIn("keeps no take that has ended", str(why))
        self.serve(kept(TAKE, earlier(TAKE, HOUR, "take-2")))
        why = self.assertRaises(Refused, latest_take, Server("http://x"), 9)
        self.assertIn("which take?", str(why))
        self.assertIn("take-2: ABC123", str(why))

    def test_refusals(self) -> None:
        """What a server refuses is passed on, with what to do."""
        for status, body, expected in (
            (404, {"error": "Take not found"}, "it was deleted, or its time is over"),
            (503, {"error": "The server cannot"}, "The server cannot"),
            (500, b"<html>", "status 500"),
        ):
            self.serve({"/api/takes/x": (status, body)})
            why = str(self.assertRaises(Refused, Server("http://x").manifest, "x"))
            self.assertIn(expected, why)
        self.serve({"/api/takes?limit=200": (200, b"<html>")})
        why = str(self.assertRaises(Refused, list, Server("http://x").summaries()))
        self.assertIn("what answers at http://x is no Raydel", why)

    def test_places(self) -> None:
        """What is no address is refused at once."""
        for url in ("localhost:3001", "ws://x", "http://", "http://["):
            self.assertIn(
                "is not like http", str(self.assertRaises(Refused, Server, url))
            )

    def test_trust(self) -> None:
        """An authority has to be there, and to be one."""
        for file, expected in (
            ("/no/such.crt", "/no/such.crt: No such file"),
            (self.manifest, "there is no certificate in it"),
        ):
            why = str(self.assertRaises(Refused, Server, "https://x", file))
            self.assertIn(expected, why)

    def test_unreached(self) -> None:
        """Why there is no answer is told from what to do about it."""
        refused = URLError(ConnectionRefusedError(111, "Connection refused"))
        untrusted = ssl.SSLCertVerificationError()
        untrusted.verify_message = "self-signed certificate in certificate chain"
        for problem, expected in (
            (refused, "no server answers at http://x (Connection refused): start it"),
            (TimeoutError("timed out"), "(timed out)"),
            (URLError(untrusted), "is not trusted (self-signed certificate in"),
            (URLError(ssl.SSLError(1, "wrong version")), "does not speak TLS"),
        ):
            self.assertIn(expected, asking._unreached("http://x", problem))

    def test_started_when(self) -> None:
        """The fixture's take began when its clips say: the tests rest on it."""
        self.assertEqual(1_768_473_012_595.12, START)
