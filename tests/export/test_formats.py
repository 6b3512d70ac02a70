"""The forms in which a take can be had."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from raydel.export.formats import FORMATS
from raydel.export.trouble import WrongChoice
from tests.export.takes import FILES, TAKE


class Formats(SynchronousTestCase):
    """All of them."""

    def test_by_name(self) -> None:
        """Each is found by its name."""
        self.assertEqual(["json", "csv", "ffmpeg", "otio"], list(FORMATS))
        for name, each in FORMATS.items():
            self.assertEqual(name, each.name)
            self.assertTrue(each.suffix.startswith("."))

    def test_written(self) -> None:
        """Each writes a take, and refuses what it does not know."""
        for each in FORMATS.values():
            self.assertIn(
                b"take-1" if each.name != "csv" else b"host.mp4",
                each.render(TAKE, FILES, {}),
            )
            self.assertRaises(WrongChoice, each.render, TAKE, FILES, {"colour": "red"})
