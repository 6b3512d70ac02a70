"""How a file finds its take, and its device."""

from __future__ import annotations

from typing import Any, Final

from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs
from twisted.trial.unittest import SynchronousTestCase

from raydel.core.alignment import AlignedFile, Alignment
from raydel.core.evidence import CLOCK_SLACK, WRONG_CLOCK, Mark, Trace, Word, spell
from raydel.core.instants import DAY, HOUR, MINUTE
from raydel.core.manifest import (
    FORMAT,
    VERSION,
    Manifest,
    Recording,
    ShownParticipant,
    ShownSample,
    TakeSummary,
)
from raydel.core.matching import (
    Sureness,
    assign,
    choose,
    judge,
    may_fit,
    wants_checksum,
    why_not,
)

START: Final = 1_768_473_012_000.0
LONG: Final = 90 * MINUTE
END: Final = START + LONG
SUM: Final = "ab" * 32


def phone(device: str, *, is_host: bool = False, **changes: Any) -> ShownParticipant:
    """Make a participant of whose file nothing is known."""
    plain = ShownParticipant(
        device_id=device,
        name=f"Phone {device}",
        is_host=is_host,
        app="protocol-2",
        start_confirmed=True,
        late=False,
        model=None,
        installation_id=None,
        protocol=2,
        capabilities=(),
        recording=Recording(),
        gaps=(),
        clock_samples=(),
    )
    return structs.replace(plain, **changes)


HOST: Final = phone("host", is_host=True)
GUEST: Final = phone("guest")


def take(*people: ShownParticipant, **changes: Any) -> Manifest:
    """Make a take of ninety minutes whose files lie nowhere known."""
    unknown = AlignedFile("", "unknown", *(None,) * 7, grade="D", course=())
    files = tuple(structs.replace(unknown, device_id=p.device_id) for p in people)
    plain = Manifest(
        format=FORMAT,
        version=VERSION,
        id="take-1",
        session_id="ABC123",
        is_recording=False,
        accepted_at=START - 250,
        start_time=START,
        ended_at=END,
        reason="command",
        ended_by="host",
        initiator="host",
        participants=people,
        absent=(),
        markers=(),
        alignment=Alignment(None, "D", None, None, (), files),
        journal=(),
    )
    return structs.replace(plain, **changes)


def lying(manifest: Manifest, device: str, start: float, end: float) -> Manifest:
    """Place one device's file."""
    files = tuple(
        structs.replace(each, start=start, end=end)
        if each.device_id == device
        else each
        for each in manifest.alignment.files
    )
    alignment = structs.replace(manifest.alignment, files=files)
    return structs.replace(manifest, alignment=alignment)


def reported(person: ShownParticipant, **said: Any) -> ShownParticipant:
    """Let a device report something of its file."""
    return structs.replace(person, recording=Recording(**said))


def clip(path: str = "A.mp4", **known: Any) -> Trace:
    """Make a file that says nothing but its name and size."""
    return structs.replace(Trace(path=path, name=path, size=1000), **known)


def sureness(file: Trace, person: ShownParticipant, **changes: Any) -> Sureness:
    """Return how sure it is that a file is a device's."""
    return judge(file, take(person, **changes), person).sureness


class Reports(SynchronousTestCase):
    """What a device reported of its file counts most."""

    def test_checksum(self) -> None:
        """The same checksum is proof, whatever else there is."""
        owner = reported(HOST, sha256=SUM, file_name="other", size_bytes=1)
        file = clip(sha256=SUM, created_at=START - 9 * DAY, duration=1.0)
        verdict = judge(file, take(owner), owner)
        self.assertEqual(Sureness.SURE, verdict.sureness)
        self.assertEqual("its checksum is what Phone host reported", verdict.reasons[0])
        self.assertIn("its name is not what Phone host reported", verdict.against[0])

    def test_name_and_size(self) -> None:
        """Both together are sure; with another checksum the file was changed."""
        owner = reported(HOST, sha256=SUM, file_name="A.mp4", size_bytes=1000)
        self.assertEqual(Sureness.SURE, sureness(clip(), owner))
        self.assertEqual(Sureness.LIKELY, sureness(clip(sha256="cd" * 32), owner))

    def test_one_of_them(self) -> None:
        """Name, size or number of frames alone make it likely."""
        for said in ({"file_name": "A.mp4"}, {"size_bytes": 1000}, {"frames": 7}):
            owner = reported(HOST, **said)
            self.assertEqual(Sureness.LIKELY, sureness(clip(frames=7), owner))

    def test_a_name_that_all_files_have(self) -> None:
        """A name is a guess where the file was made at another time."""
        owner = reported(HOST, file_name="A.mp4")
        file = clip(created_at=START - DAY)
        self.assertEqual(Sureness.GUESSED, sureness(file, owner))

    def test_a_name_whose_size_or_frames_are_denied(self) -> None:
        """Another take's file of the same name is none: its clock need not be wrong."""
        off = 2 * MINUTE + 46_000.0
        file = clip(created_at=START - off, duration=LONG + 5100.0, frames=7)
        for said in ({"size_bytes": 999}, {"frames": 8}):
            owner = reported(HOST, file_name="A.mp4", **said)
            verdict = judge(file, take(owner), owner)
            self.assertEqual(Sureness.NO, verdict.sureness)
            self.assertEqual(("its name is what Phone host reported",), verdict.reasons)
            self.assertEqual(
                "made 2 min 46 s before the recording began: its clock would have to "
                "be wrong by that",
                verdict.against[1],
            )
            as_long = structs.replace(file, duration=LONG)
            self.assertEqual(Sureness.NO, sureness(as_long, owner))

    def test_a_copy_that_was_encoded_anew(self) -> None:
        """What is not as reported may be one, if it was made at that time."""
        owner = reported(HOST, file_name="A.mp4", size_bytes=999, frames=7)
        made = clip(created_at=START, duration=LONG)
        later = clip(created_at=START + MINUTE, duration=LONG, frames=7)
        for file, expected in (
            (made, Sureness.GUESSED),
            (structs.replace(made, frames=7), Sureness.LIKELY),
            (structs.replace(made, frames=8), Sureness.NO),
            (structs.replace(later, created_at=None), Sureness.LIKELY),
            (later, Sureness.NO),
        ):
            self.assertEqual(expected, sureness(file, owner), file)

    def test_a_copy_whose_tags_were_changed(self) -> None:
        """Of the same size, but of another checksum, it is likely all the same."""
        owner = reported(HOST, sha256=SUM, size_bytes=1000)
        self.assertEqual(Sureness.LIKELY, sureness(clip(sha256="cd" * 32), owner))

    def test_checksums_are_wanted_where_they_tell(self) -> None:
        """It is worked out only if a device reported one of a file of that size."""
        for owner, wanted in (
            (HOST, False),
            (reported(HOST, sha256=SUM), True),
            (reported(HOST, sha256=SUM, size_bytes=1000), True),
            (reported(HOST, sha256=SUM, size_bytes=999), False),
        ):
            self.assertEqual(wanted, wants_checksum(clip(), take(owner)))
        known = clip(sha256=SUM)
        self.assertFalse(wants_checksum(known, take(reported(HOST, sha256=SUM))))


class Times(SynchronousTestCase):
    """When a file was made, and how long it is."""

    def test_made_at_either_end(self) -> None:
        """Phones write the start or the end of the recording, some seconds off."""
        for made in (START - 8000, START + 8000, END - 8000, END + 8000):
            file = clip(created_at=made, duration=LONG - 1000)
            self.assertEqual(Sureness.LIKELY, sureness(file, HOST), made)

    def test_made_at_its_own_end(self) -> None:
        """Of one that stopped late, the end is where its duration leads."""
        file = clip(created_at=END + 5 * MINUTE, duration=LONG + 5 * MINUTE)
        verdict = judge(file, take(HOST), HOST)
        self.assertEqual(Sureness.GUESSED, verdict.sureness)
        self.assertEqual(("made 0.0 s after the recording ended",), verdict.reasons)
        late = "5 min longer than the recording: did it hear the stop late?"
        self.assertEqual((late,), verdict.against)

    def test_lost_tail(self) -> None:
        """One that is shorter may have lost its tail, but not most of it."""
        short = clip(created_at=START, duration=LONG * 0.6)
        self.assertEqual(Sureness.GUESSED, sureness(short, HOST))
        tiny = clip(created_at=START, duration=LONG * 0.4)
        self.assertEqual(Sureness.NO, sureness(tiny, HOST))

    def test_table(self) -> None:
        """Either alone is a guess at best; a clock may be wrong by minutes."""
        near, far = START + CLOCK_SLACK + 1, END + WRONG_CLOCK + 1
        for made, duration, expected in (
            (START, None, Sureness.GUESSED),
            (None, LONG, Sureness.GUESSED),
            (near, LONG, Sureness.GUESSED),
            (near, None, Sureness.NO),
            (far, LONG, Sureness.NO),
            (START, LONG + HOUR, Sureness.NO),
            (None, None, Sureness.NO),
        ):
            file = clip(created_at=made, duration=duration)
            self.assertEqual(expected, sureness(file, HOST), (made, duration))

    def test_the_phones_own_clock(self) -> None:
        """A phone whose clock is a minute off writes that into its file."""
        looks = (ShownSample(START, MINUTE, 3.0, "clock-1"),)
        file = clip(created_at=START + MINUTE, duration=LONG)
        owner = structs.replace(HOST, clock_samples=looks)
        verdict = judge(file, take(owner), owner)
        self.assertEqual(Sureness.LIKELY, verdict.sureness)
        self.assertIn("by its own clock, which is 1 min ahead", verdict.reasons[0])
        self.assertEqual(Sureness.GUESSED, sureness(file, HOST))

    def test_a_clock_that_is_behind(self) -> None:
        """Which way a clock is off is said in words."""
        looks = (ShownSample(START, -43_910.0, 3.0, "clock-1"),)
        owner = structs.replace(HOST, clock_samples=looks)
        file = clip(created_at=START - 43_910.0, duration=LONG)
        (made, _) = judge(file, take(owner), owner).reasons
        self.assertIn("by its own clock, which is 43.9 s behind", made)

    def test_a_clock_that_is_no_wall_clock(self) -> None:
        """One that counts from the phone's last start tells nothing of files."""
        looks = (ShownSample(START, -START, 3.0, "clock-1"),)
        owner = structs.replace(HOST, clock_samples=looks)
        self.assertEqual(Sureness.GUESSED, sureness(clip(created_at=START), owner))

    def test_reported_frames(self) -> None:
        """Where first and last frame are known, they count."""
        placed = lying(take(HOST), "host", START + 700_000, START + 720_000)
        file = clip(created_at=START + 700_000, duration=20_000.0)
        self.assertEqual(Sureness.LIKELY, judge(file, placed, HOST).sureness)

    def test_late(self) -> None:
        """Of one that came in the middle nobody knows the start: its end may fit."""
        late = structs.replace(HOST, late=True)
        file = clip(created_at=END, duration=MINUTE)
        self.assertEqual(Sureness.GUESSED, sureness(file, late))
        self.assertEqual(Sureness.NO, sureness(file, late, ended_at=None))

    def test_refused(self) -> None:
        """A device that would not record has no file."""
        file = clip(created_at=START, duration=LONG)
        owner = reported(HOST, state="refused")
        self.assertEqual(Sureness.NO, sureness(file, owner))


class Models(SynchronousTestCase):
    """Which phone made a file."""

    def word(self, made_by: str | None, said: str | None, name: str = "Left") -> Word:
        """Return what the models say."""
        owner = structs.replace(HOST, model=said, name=name)
        return judge(clip(model=made_by), take(owner), owner).words[Mark.MODEL]

    def test_words(self) -> None:
        """The same speaks for it, another maker against it, two names for nothing."""
        self.assertEqual(Word.SILENT, self.word(None, "Pixel 8"))
        self.assertEqual(Word.FOR, self.word("Pixel 8", "Google Pixel 8"))
        self.assertEqual(Word.FOR, self.word("iPhone 15", None, "Ann's iPhone 15"))
        self.assertEqual(Word.SILENT, self.word("iPhone 14 Pro", "iPhone15,2"))
        self.assertEqual(Word.AGAINST, self.word("Pixel 8", "iPhone15,2"))
        self.assertEqual(Word.AGAINST, self.word("iPhone 15", "SM-G991B"))
        self.assertEqual(Word.AGAINST, self.word("Pixel 8", None, "IOS-HOST-ab12"))
        self.assertEqual(Word.AGAINST, self.word("iPhone 15", None, "ANDROID-JOIN-x"))
        self.assertEqual(Word.SILENT, self.word("iPhone 15", None, "Left goal"))

    def test_another_phone_is_less_sure(self) -> None:
        """Where only times speak for it, another maker takes a step off."""
        file = clip(created_at=START, duration=LONG, model="Pixel 8")
        owner = structs.replace(HOST, model="iPhone15,2")
        self.assertEqual(Sureness.GUESSED, sureness(file, owner))


class Assignments(SynchronousTestCase):
    """Which file is whose."""

    def test_best_of_all(self) -> None:
        """What one file is surely known by leaves the other device to the other."""
        owner = reported(GUEST, file_name="A.mp4", size_bytes=1000)
        both = [clip(p, created_at=START, duration=LONG) for p in ("A.mp4", "B.mp4")]
        found = assign(both, take(HOST, owner))
        self.assertEqual(
            [("A.mp4", "guest"), ("B.mp4", "host")],
            [(each.path, each.device_id) for each in found.verdicts],
        )
        self.assertEqual("", found.assumption)

    def test_equally_good(self) -> None:
        """Where nothing tells them apart, host comes first, and that is said."""
        both = [clip(p, created_at=START, duration=LONG) for p in ("B.mp4", "A.mp4")]
        found = assign(both, take(GUEST, HOST))
        self.assertEqual(
            [("A.mp4", "host", Sureness.GUESSED), ("B.mp4", "guest", Sureness.GUESSED)],
            [(each.path, each.device_id, each.sureness) for each in found.verdicts],
        )
        self.assertEqual(
            "nothing tells the devices apart: taken is A.mp4 for that of Phone host, "
            "B.mp4 for that of Phone guest",
            found.assumption,
        )

    def test_lengths_break_a_tie(self) -> None:
        """Each file goes to the device that reported its length, still a guess."""
        long = reported(HOST, first_frame_time=7.0, last_frame_time=7.0 + LONG)
        short = reported(GUEST, first_frame_time=9.0, last_frame_time=LONG - 891.0)
        files = [
            clip("A.mp4", created_at=START, duration=LONG - 900),
            clip("B.mp4", created_at=START, duration=LONG),
        ]
        found = assign(files, take(long, short))
        self.assertEqual(
            [("guest", Sureness.GUESSED), ("host", Sureness.GUESSED)],
            [(each.device_id, each.sureness) for each in found.verdicts],
        )
        self.assertTrue(
            found.assumption.startswith("only their lengths tell the devices apart: ")
        )

    def test_lengths_that_tell_nothing(self) -> None:
        """A frame more or less breaks no tie: the host comes first."""
        host = reported(HOST, first_frame_time=0.0, last_frame_time=LONG)
        guest = reported(GUEST, first_frame_time=0.0, last_frame_time=LONG - 33)
        files = [
            clip("A.mp4", created_at=START, duration=LONG - 33),
            clip("B.mp4", created_at=START, duration=LONG),
        ]
        found = assign(files, take(host, guest))
        self.assertEqual(["host", "guest"], [each.device_id for each in found.verdicts])
        self.assertIn("nothing tells the devices apart", found.assumption)

    def test_only_what_is_unsure_is_assumed(self) -> None:
        """A file that is surely one device's stays so beside others."""
        third = phone("third")
        owner = reported(HOST, file_name="A.mp4", size_bytes=1000)
        files = [clip(p, created_at=START, duration=LONG) for p in ("A.mp4", "B.mp4")]
        found = assign(files, take(owner, GUEST, third))
        self.assertEqual(
            [Sureness.SURE, Sureness.GUESSED], [v.sureness for v in found.verdicts]
        )
        self.assertNotIn("A.mp4", found.assumption)

    def test_one_each(self) -> None:
        """No device gets two files, and a file that is left has its reasons."""
        both = [clip(p, created_at=START, duration=LONG) for p in ("A.mp4", "B.mp4")]
        found = assign(both, take(HOST))
        self.assertEqual(["A.mp4"], [each.path for each in found.verdicts])
        self.assertEqual(["B.mp4"], [each.path for each in found.left_out])

    def test_told(self) -> None:
        """Who is told whose a file is does not guess."""
        both = [clip(p, created_at=START, duration=LONG) for p in ("A.mp4", "B.mp4")]
        found = assign(both, take(HOST, GUEST), {"A.mp4": "guest"})
        self.assertEqual(["guest", "host"], [each.device_id for each in found.verdicts])
        self.assertEqual("", found.assumption)
        self.assertEqual("you said so", found.verdicts[0].reasons[0])

    def test_insisted(self) -> None:
        """Who insists on a take gets it, and is told what speaks against it."""
        file = clip(created_at=START - DAY)
        self.assertEqual((), assign([file], take(HOST)).verdicts)
        (verdict,) = assign([file], take(HOST), insist=True).verdicts
        self.assertEqual(Sureness.GUESSED, verdict.sureness)
        self.assertEqual(("made 1 d before the recording began",), verdict.against)


LATER: Final = take(HOST, GUEST, id="take-2", start_time=END + HOUR, ended_at=END + DAY)


class Choices(SynchronousTestCase):
    """Which take all files are of."""

    def test_the_one_that_fits(self) -> None:
        """All files have to fit it; takes without devices have none."""
        files = [clip(p, created_at=START, duration=LONG) for p in ("A.mp4", "B.mp4")]
        found = choose(files, [take(id="empty"), LATER, take(HOST, GUEST)])
        assert found.best is not None
        self.assertEqual("take-1", found.best.take_id)
        self.assertEqual((), found.rivals)

    def test_told_for_each_take(self) -> None:
        """Whose a file is may be said for every take."""
        file = clip(created_at=START, duration=LONG)
        told = {"take-1": {"A.mp4": "guest"}}
        found = choose([file], [take(HOST, GUEST)], told)
        assert found.best is not None
        self.assertEqual("guest", found.best.verdicts[0].device_id)

    def test_two_that_fit(self) -> None:
        """Between equals none is chosen; the latest is named first."""
        twin = take(HOST, id="take-2", start_time=START + 1000, ended_at=END + 1000)
        file = clip(created_at=START, duration=LONG)
        found = choose([file], [take(HOST), twin])
        self.assertIsNone(found.best)
        self.assertEqual(["take-2", "take-1"], [each.take_id for each in found.rivals])

    def test_none_that_fits(self) -> None:
        """Then the nearest are named: those with most files, then by time."""
        file = clip(created_at=START + DAY / 2)
        found = choose([file], [take(HOST), LATER])
        self.assertEqual(["take-2", "take-1"], [each.take_id for each in found.nearest])
        one = choose([clip(), clip("B.mp4", created_at=START)], [LATER, take(HOST)])
        self.assertEqual("take-1", one.nearest[0].take_id)

    def test_why_not(self) -> None:
        """A sentence says how far apart they are."""
        made = clip(created_at=START + 3 * HOUR + 12 * MINUTE)
        self.assertEqual("begun 3 h 12 min before A.mp4 was made", why_not(made, START))
        self.assertEqual(
            "begun 48 min after A.mp4 was made", why_not(made, START + 4 * HOUR)
        )
        self.assertEqual("A.mp4 does not say when it was made", why_not(clip(), START))

    def test_worth_a_look(self) -> None:
        """A day to either side of a take, files may be of it."""
        ended = TakeSummary("take-1", "ABC123", False, START, END, "command", ())
        running = structs.replace(ended, ended_at=None)
        for summary, made, expected in (
            (ended, None, True),
            (ended, START - DAY, True),
            (ended, START - DAY - 1, False),
            (ended, END + DAY, True),
            (ended, END + DAY + 1, False),
            (running, END + 9 * DAY, True),
        ):
            self.assertEqual(expected, may_fit(clip(created_at=made), summary))


MAYBE_MADE: Final = st.sampled_from([None, START, START + 40_000, END, END + HOUR])
FILES: Final = st.lists(
    st.builds(
        clip,
        path=st.sampled_from(["A.mp4", "B.mp4", "C.mp4"]),
        size=st.sampled_from([1000, 2000]),
        created_at=MAYBE_MADE,
        duration=st.sampled_from([None, LONG, LONG / 2, 1.0]),
    ),
    min_size=1,
    max_size=3,
    unique_by=lambda file: file.path,
)
PEOPLE: Final = st.lists(
    st.builds(
        lambda device, **said: reported(
            phone(device, is_host=device == "host"), **said
        ),
        st.sampled_from(["host", "guest", "third"]),
        file_name=st.sampled_from([None, "A.mp4", "B.mp4"]),
        size_bytes=st.sampled_from([None, 1000, 2000]),
    ),
    min_size=1,
    max_size=3,
    unique_by=lambda person: person.device_id,
)


class Orders(SynchronousTestCase):
    """The order of files changes nothing."""

    @given(FILES, PEOPLE, st.randoms(use_true_random=False))
    def test_any_order(self, files: list[Trace], people: Any, chance: Any) -> None:
        """In whichever order files and takes are named, the outcome is the same."""
        takes = [take(*people), LATER]
        expected = choose(files, takes)
        chance.shuffle(files)
        chance.shuffle(takes)
        self.assertEqual(expected, choose(files, takes))

    @given(FILES, PEOPLE)
    def test_no_device_twice(self, files: list[Trace], people: Any) -> None:
        """Each file is dealt with once, and no device has two."""
        found = assign(files, take(*people))
        paths = [each.path for each in (*found.verdicts, *found.left_out)]
        self.assertEqual(sorted(file.path for file in files), sorted(paths))
        devices = [each.device_id for each in found.verdicts]
        self.assertEqual(len(set(devices)), len(devices))


class Durations(SynchronousTestCase):
    """How long something is, for people."""

    def test_words(self) -> None:
        """Two units at most, and no zero behind the first."""
        for duration, expected in (
            (1234.0, "1.2 s"),
            (-1234.0, "-1.2 s"),
            (59_940.0, "59.9 s"),
            (59_960.0, "1 min"),
            (MINUTE, "1 min"),
            (-61_000.0, "-1 min 1 s"),
            (-MINUTE, "-1 min"),
            (HOUR + MINUTE, "1 h 1 min"),
            (HOUR - 1, "1 h"),
            (2 * DAY + HOUR, "2 d 1 h"),
        ):
            self.assertEqual(expected, spell(duration))
