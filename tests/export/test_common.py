"""What all files of a take show."""

from __future__ import annotations

from fractions import Fraction

from msgspec import structs
from twisted.trial.unittest import SynchronousTestCase

from raydel.export.common import common_part, exact_rate
from raydel.export.source import Source
from raydel.export.trouble import ExportTrouble
from tests.export.takes import FILES, GUEST, HOST, START, TAKE, with_files


class CommonPart(SynchronousTestCase):
    """Where it begins in each file, and how long it is."""

    def test_begins_on_a_frame_of_the_reference(self) -> None:
        """Its frames pass as they are: the first one once all files have begun."""
        common = common_part(TAKE, FILES)
        host, guest = common.cuts
        self.assertEqual(400.0, host.begin)
        self.assertEqual(START + 400, common.start)
        self.assertEqual((0.0, 100.0), (guest.begin, guest.position))

    def test_between_frames(self) -> None:
        """A file that begins between two frames is cut at the next one."""
        late = structs.replace(GUEST, offset=410.0, start=START + 410.0, rate_ppm=0.0)
        common = common_part(with_files(HOST, late), FILES)
        self.assertAlmostEqual(13 * 1000 / 30, common.cuts[0].begin, 6)
        self.assertAlmostEqual(13 * 1000 / 30 - 410, common.cuts[1].begin, 6)

    def test_no_frame_rate(self) -> None:
        """Where it is unknown, all begin when the last file does."""
        host, guest = FILES
        late = structs.replace(GUEST, offset=410.0, start=START + 410.0)
        sources = (structs.replace(host, frame_rate=None), guest)
        common = common_part(with_files(HOST, late), sources)
        self.assertEqual(410.0, common.cuts[0].begin)
        self.assertIsNone(common.frame_rate)

    def test_own_time(self) -> None:
        """A cut counts by the file's own clock; a stretch leads to the reference's.

        A clock that gains 100 millionths shows 100 s and 10 ms after 100 s.
        """
        early = structs.replace(GUEST, start=START - 100_000, offset=-100_000.0)
        host, guest = FILES
        long = structs.replace(guest, duration=120_000.0)
        common = common_part(with_files(HOST, early), (host, long))
        self.assertAlmostEqual(100_010.0, common.cuts[1].begin, 6)
        self.assertAlmostEqual(100_000.0, 100_010 * common.cuts[1].stretch, 6)
        self.assertEqual(1.0, common.cuts[0].stretch)

    def test_the_reference_gains(self) -> None:
        """The reference is never stretched, whatever its own clock does."""
        fast = structs.replace(HOST, rate_ppm=100.0)
        exact = structs.replace(GUEST, rate_ppm=0.0)
        host, guest = common_part(with_files(fast, exact), FILES).cuts
        self.assertEqual((1.0, 1.0001), (host.stretch, guest.stretch))

    def test_ends_with_the_first(self) -> None:
        """It is as long as all files go on, in whole frames of the reference."""
        common = common_part(TAKE, FILES)
        # The guest shows 50.0217 s by its clock, 50.0167 by the host's: 1500 frames.
        self.assertAlmostEqual(50_000.0, common.duration or 0, 6)

    def test_ends_by_report(self) -> None:
        """Without the file, its last frame says when it ends."""
        sources = (Source("host-id", "a"), Source("guest-id", "b"))
        duration = common_part(TAKE, sources).duration
        self.assertAlmostEqual(50_000.0, duration or 0, 6)

    def test_no_end(self) -> None:
        """Where nobody knows an end, there is none."""
        files = [structs.replace(each, end=None) for each in (HOST, GUEST)]
        sources = (Source("host-id", "a"), Source("guest-id", "b"))
        self.assertIsNone(common_part(with_files(*files), sources).duration)

    def test_without_the_reference(self) -> None:
        """The first file is the reference where that of the alignment is not there."""
        common = common_part(TAKE, FILES[1:])
        self.assertEqual((0, START + 400), (common.reference, common.start))

    def test_the_other_way_round(self) -> None:
        """The files stay in their order, whichever is the reference."""
        common = common_part(TAKE, FILES[::-1])
        self.assertEqual(1, common.reference)
        self.assertEqual("Right goal", common.cuts[0].name)


class Troubles(SynchronousTestCase):
    """Takes whose files cannot be laid to each other."""

    def test_no_files(self) -> None:
        """A take that nobody recorded has none."""
        error = self.assertRaises(ExportTrouble, common_part, TAKE, ())
        self.assertIn("nobody recorded", str(error))

    def test_start_unknown(self) -> None:
        """It says whose beginning is unknown, and what would help."""
        lost = structs.replace(GUEST, start=None, offset=None)
        take = with_files(HOST, lost)
        error = self.assertRaises(ExportTrouble, common_part, take, FILES)
        self.assertIn("file of Right goal begins", str(error))
        self.assertIn("leave it out", str(error))

    def test_nothing_in_common(self) -> None:
        """It says who ended before whom."""
        late = structs.replace(GUEST, start=START + 70_000, offset=70_000.0)
        take = with_files(HOST, late)
        error = self.assertRaises(ExportTrouble, common_part, take, FILES)
        self.assertIn("Left goal ended before Right goal began", str(error))

    def test_nothing_at_all(self) -> None:
        """A file that ends as it begins is empty."""
        empty = (Source("host-id", "host.mp4", 30.0, 0.0),)
        error = self.assertRaises(ExportTrouble, common_part, TAKE, empty)
        self.assertIn("nothing in the file of Left goal", str(error))

    def test_a_stranger(self) -> None:
        """A file of a device that took no part is named."""
        strange = (*FILES, Source("other-id", "other.mp4"))
        error = self.assertRaises(ExportTrouble, common_part, TAKE, strange)
        self.assertIn("other.mp4", str(error))


class Rates(SynchronousTestCase):
    """Frame rates as they are meant."""

    def test_rates(self) -> None:
        """What is said with two digits is meant exactly."""
        ntsc = Fraction(30_000, 1001)
        self.assertEqual(ntsc, exact_rate(29.97))
        self.assertEqual(ntsc, exact_rate(30_000 / 1001))
        self.assertEqual(Fraction(60_000, 1001), exact_rate(59.94))
        self.assertEqual(Fraction(30), exact_rate(30.0))
        self.assertEqual(Fraction(240), exact_rate(240.0001))
        self.assertEqual(Fraction(25, 2), exact_rate(12.5))
        self.assertIsNone(exact_rate(None))
