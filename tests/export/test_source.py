"""The files, as far as devices reported them."""

from __future__ import annotations

from msgspec import structs
from twisted.trial.unittest import SynchronousTestCase

from raydel.core.manifest import Recording
from raydel.export.source import Source, sources_of
from tests.export.takes import TAKE, named, participant


def paths(host: str | None, guest: str | None) -> list[str]:
    """Return how files are written whose devices reported these names."""
    return [each.path for each in sources_of(named(host, guest))]


class Sources(SynchronousTestCase):
    """What is written where nobody has read the files."""

    def test_as_reported(self) -> None:
        """Name, frame rate and length are the device's; the last frame counts whole."""
        host, guest = sources_of(TAKE)
        expected = Source("host-id", "IMG_0001.MOV", 30.0, host.duration)
        self.assertEqual(expected, host)
        self.assertAlmostEqual(60_033.333, host.duration or 0, 3)
        self.assertAlmostEqual(50_021.667, guest.duration or 0, 3)

    def test_nothing_reported(self) -> None:
        """A file without a name is called by its device's role."""
        take = structs.replace(
            TAKE,
            participants=tuple(
                participant(each, each, Recording())
                for each in ("host-id", "guest-id", "guest-2", "guest-3")
            ),
        )
        expected = ["host.mp4", "guest.mp4", "device-3.mp4", "device-4.mp4"]
        self.assertEqual(expected, [each.path for each in sources_of(take)])
        self.assertEqual({None}, {each.duration for each in sources_of(take)})

    def test_the_same_name_twice(self) -> None:
        """Two phones of one make may name their files alike."""
        expected = ["host-IMG_1.MOV", "guest-IMG_1.MOV"]
        self.assertEqual(expected, paths("IMG_1.MOV", "IMG_1.MOV"))

    def test_no_way_out(self) -> None:
        """A name leads to no other directory, and to no other line."""
        self.assertEqual(["passwd", "b.mp4"], paths("../../etc/passwd", "C:\\a\\b.mp4"))
        self.assertEqual(["host.mp4", "guest.mp4"], paths("..", "a/"))
        self.assertEqual(["host.mp4", "guest.mp4"], paths("a\nb", "a\u202eb"))

    def test_no_file(self) -> None:
        """A device that refused to record has none."""
        host, guest = TAKE.participants
        refused = structs.replace(guest, recording=Recording("refused", "no space"))
        take = structs.replace(TAKE, participants=(host, refused))
        self.assertEqual(["host-id"], [each.device_id for each in sources_of(take)])

    def test_a_clock_that_was_set(self) -> None:
        """An end before the beginning is no length."""
        recording = Recording("stopped", "", 2_000.0, 1_000.0)
        take = structs.replace(
            TAKE, participants=(participant("host-id", "Left goal", recording),)
        )
        self.assertEqual([None], [each.duration for each in sources_of(take)])
