"""``python -m raydel align``: what it shows of files whose clocks wander."""

from __future__ import annotations

from typing import Final

from twisted.trial.unittest import SynchronousTestCase

from raydel.cli.align import own_time, report
from raydel.cli.takes import FoundTake, Placed, common
from raydel.core.alignment import AlignedFile
from raydel.core.matching import Sureness, Verdict
from raydel.media import MediaFile
from tests.export.takes import GUEST, HOST, START, TAKE, bent, lying, with_files

HEADS: Final = "file device offset ms rate ppm{} ± ms at most ms grade"


def placed(number: int, aligned: AlignedFile) -> Placed:
    """Place a file of a minute."""
    name = f"{number}.mp4"
    media = MediaFile(
        path=name,
        name=name,
        size=1,
        created_at=None,
        duration=60_000.0,
        frame_rate=30.0,
        frames=None,
        video_start=0.0,
        audio_start=None,
        has_sound=False,
        model=None,
        width=None,
        height=None,
    )
    person = TAKE.participants[number]
    verdict = Verdict(name, TAKE.id, person.device_id, Sureness.SURE, ())
    return Placed(media, person, verdict, aligned)


def found(*aligned: AlignedFile) -> FoundTake:
    """Find the take with its files."""
    files = (placed(number, each) for number, each in enumerate(aligned))
    return FoundTake(with_files(*aligned), tuple(files))


def table(*aligned: AlignedFile) -> list[str]:
    """Return the head of the table, and its two lines, single spaced."""
    lines = [" ".join(each.split()) for each in report(found(*aligned))]
    begin = next(n for n, line in enumerate(lines) if line.startswith("file "))
    return lines[begin : begin + 3]


class Table(SynchronousTestCase):
    """How files lie, a line each."""

    def test_straight(self) -> None:
        """Nothing is said of a bend that nobody would notice."""
        head, _, guest = table(HOST, bent(GUEST, 0.5))
        self.assertEqual(HEADS.format(""), head)
        self.assertEqual("1.mp4 Right goal 400.000 100.000 0.500 1.500 A", guest)

    def test_bent(self) -> None:
        """How far a clock leaves its straight line stands beside the rate of that."""
        head, host, guest = table(HOST, bent(GUEST, -1.25))
        self.assertEqual(HEADS.format(" bend ms"), head)
        self.assertEqual("0.mp4 Left goal 0.000 0.000 0.000 0.500 1.500 A", host)
        self.assertEqual("1.mp4 Right goal 400.000 100.000 1.250 0.500 1.500 A", guest)


class Places(SynchronousTestCase):
    """Where the common part is in each file."""

    def test_by_the_course(self) -> None:
        """A file begins, goes on and ends by its course."""
        guest = placed(1, bent(lying("guest-id", 400.0), 3.0))
        self.assertEqual(25_003.0, own_time(guest, START + 25_400))
        between = common([placed(0, HOST), guest])
        assert between is not None
        self.assertEqual((START + 400, START + 60_000), between)

    def test_end(self) -> None:
        """It ends when its own time is what the file is long, past its last frame."""
        guest = placed(1, bent(lying("guest-id", 0.0), 25.0))
        between = common([guest])
        assert between is not None
        self.assertAlmostEqual(START + 50_000 + 10_000 / 0.999, between[1], places=3)
