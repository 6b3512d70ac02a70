"""A take as JSON."""

from __future__ import annotations

import msgspec
from twisted.trial.unittest import SynchronousTestCase

from raydel.core.manifest import Manifest
from raydel.export.document import document
from raydel.export.trouble import WrongChoice
from tests.export.takes import TAKE


class Documents(SynchronousTestCase):
    """The manifest, as it is."""

    def test_reads_back(self) -> None:
        """What is read back is the manifest, value by value."""
        read = msgspec.json.decode(document(TAKE, (), {}), type=Manifest)
        self.assertEqual(TAKE, read)

    def test_for_people(self) -> None:
        """It has lines, and ends with one."""
        lines = document(TAKE, (), {}).split(b"\n")
        self.assertEqual(b'  "format": "raydel-take",', lines[1])
        self.assertEqual(b"", lines[-1])

    def test_no_choices(self) -> None:
        """A choice is refused: there are none."""
        error = self.assertRaises(WrongChoice, document, TAKE, (), {"indent": "4"})
        self.assertIn("'indent'", str(error))
