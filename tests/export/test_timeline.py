"""A take as OpenTimelineIO, read back by its library."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

from msgspec import structs
from twisted.trial.unittest import SynchronousTestCase

from raydel.core.manifest import Manifest
from raydel.export.timeline import LIBRARY, timeline
from raydel.export.trouble import ExportTrouble, MissingLibrary, WrongChoice
from tests.export.takes import FILES, GUEST, HOST, START, TAKE, with_files


def read(take: Manifest = TAKE) -> Any:
    """Write a take, and read it with the library."""
    otio: Any = import_module(LIBRARY)
    text = timeline(take, FILES, {}).decode()
    return otio.adapters.read_from_string(text, "otio_json")


def seconds(time: Any) -> float:
    """Return a time of the library in seconds."""
    return float(time.to_seconds())


class Timelines(SynchronousTestCase):
    """Tracks, clips, warps and markers."""

    def test_tracks(self) -> None:
        """A video track for each file, named as its device, in order."""
        tracks = read().video_tracks()
        self.assertEqual(["Left goal", "Right goal"], [each.name for each in tracks])
        self.assertEqual([1, 1], [len(each) for each in tracks])
        self.assertEqual([], list(read().audio_tracks()))

    def test_common_part(self) -> None:
        """All clips begin with the common part, and are equally long."""
        host, guest = (track[0] for track in read().video_tracks())
        self.assertAlmostEqual(0.4, seconds(host.source_range.start_time), 9)
        self.assertAlmostEqual(0.1, seconds(guest.source_range.start_time), 9)
        for clip in (host, guest):
            self.assertAlmostEqual(50.0, seconds(clip.source_range.duration), 9)
        self.assertAlmostEqual(50.0, seconds(read().duration()), 9)

    def test_frames(self) -> None:
        """Times count in frames of the file."""
        host, guest = (track[0].source_range for track in read().video_tracks())
        self.assertEqual((30.0, 60.0), (host.start_time.rate, guest.start_time.rate))
        self.assertAlmostEqual(12.0, host.start_time.value, 6)

    def test_files(self) -> None:
        """A clip tells its file, as a URL, and how long it is."""
        evil = [structs.replace(FILES[0], path="a b%:?.mp4"), FILES[1]]
        otio: Any = import_module(LIBRARY)
        text = timeline(TAKE, evil, {}).decode()
        line = otio.adapters.read_from_string(text, "otio_json")
        host, guest = (track[0].media_reference for track in line.video_tracks())
        self.assertEqual("a%20b%25%3A%3F.mp4", host.target_url)
        self.assertEqual("guest.mp4", guest.target_url)
        self.assertAlmostEqual(50.1217, seconds(guest.available_range.duration), 4)

    def test_rate(self) -> None:
        """A file that gains shows more of its own time for one of the reference's."""
        host, guest = (track[0] for track in read().video_tracks())
        self.assertEqual([], list(host.effects))
        self.assertAlmostEqual(1.0001, guest.effects[0].time_scalar, 12)

    def test_markers(self) -> None:
        """Markers of the common part stand where they were, all in the metadata."""
        line = read()
        (marker,) = line.tracks.markers
        self.assertEqual("=1+1", marker.name)
        self.assertAlmostEqual(30.0, seconds(marker.marked_range.start_time), 9)
        kept = line.metadata["raydel"]["markers"]
        self.assertEqual(["kick-off", "=1+1"], [each["label"] for each in kept])

    def test_how_well(self) -> None:
        """Grade, uncertainty, bound and limits stand in the metadata."""
        line = read()
        found = line.metadata["raydel"]
        expected = {
            "take": "take-1",
            "session": "ABC123",
            "serverTime": START + 400,
            "reference": "host-id",
            "grade": "A",
            "uncertainty": 0.5,
            "bound": 1.5,
        }
        self.assertEqual(expected, {key: found[key] for key in expected})
        self.assertEqual(["mixed networks"], list(found["limits"]))
        clip = line.video_tracks()[1][0].metadata["raydel"]
        self.assertEqual((100.0, "frames"), (clip["ratePpm"], clip["source"]))

    def test_a_file_that_is_not_at_hand(self) -> None:
        """What nobody knows the length of has no available range."""
        sources = [structs.replace(each, duration=None) for each in FILES]
        otio: Any = import_module(LIBRARY)
        text = timeline(TAKE, sources, {}).decode()
        line = otio.adapters.read_from_string(text, "otio_json")
        host = line.video_tracks()[0][0]
        self.assertIsNone(host.media_reference.available_range)


class Troubles(SynchronousTestCase):
    """What keeps a timeline from being written."""

    def test_no_library(self) -> None:
        """Without the library, it says how to install it."""
        self.patch(sys, "modules", sys.modules | {LIBRARY: None})
        error = self.assertRaises(MissingLibrary, timeline, TAKE, FILES, {})
        self.assertIn("pip install 'raydel[otio]'", str(error))

    def test_no_end(self) -> None:
        """A timeline needs an end."""
        files = [structs.replace(each, duration=None) for each in FILES]
        take = with_files(*(structs.replace(f, end=None) for f in (HOST, GUEST)))
        error = self.assertRaises(ExportTrouble, timeline, take, files, {})
        self.assertIn("nobody knows when any of the files ends", str(error))

    def test_no_choices(self) -> None:
        """A choice is refused: there are none."""
        self.assertRaises(WrongChoice, timeline, TAKE, FILES, {"rate": "30"})
