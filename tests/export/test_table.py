"""A take as CSV, read back."""

from __future__ import annotations

import csv
from io import StringIO

from msgspec import structs
from twisted.trial.unittest import SynchronousTestCase

from raydel.core.manifest import Manifest, ShownMarker
from raydel.export.table import COLUMNS, table
from raydel.export.trouble import WrongChoice
from tests.export.takes import FILES, GUEST, HOST, START, TAKE, with_files


def rows(take: Manifest) -> list[dict[str, str]]:
    """Read the table of a take with a reader of CSV."""
    return list(csv.DictReader(StringIO(table(take, FILES, {}).decode(), newline="")))


def labelled(label: str) -> Manifest:
    """Return the take with one marker."""
    return structs.replace(TAKE, markers=(ShownMarker(START, label, "server"),))


class Tables(SynchronousTestCase):
    """Timestamps, a row each."""

    def test_in_the_order_of_time(self) -> None:
        """All that happened stands there, and times are sorted."""
        found = rows(TAKE)
        expected = [
            *("accepted", "start", "first_frame", "marker", "marker", "first_frame"),
            *("link_lost", "link_back", "marker", "marker", "link_lost"),
            *("last_frame", "last_frame", "end"),
        ]
        self.assertEqual(expected, [row["what"] for row in found])
        times = [float(row["server_time_ms"]) for row in found]
        self.assertEqual(sorted(times), times)

    def test_values(self) -> None:
        """A marker's place is told in each file, by the file's own clock."""
        host, guest = (row for row in rows(TAKE) if row["label"] == "'=1+1")
        expected = {
            "server_time_ms": repr(START + 30_400),
            "what": "marker",
            "device_id": "guest-id",
            "device_name": "Right goal",
            "file": "guest.mp4",
            "file_time_ms": "30003.0",
            "device_time_ms": "",
            "label": "'=1+1",
            "by": "guest-id",
        }
        self.assertEqual(expected, guest)
        self.assertEqual(("host.mp4", "30400.0"), (host["file"], host["file_time_ms"]))

    def test_frames(self) -> None:
        """First and last frames have the device's own time beside the server's."""
        found = [row for row in rows(TAKE) if row["what"].endswith("_frame")]
        expected = [("0.0", "1000.0"), ("0.0", "7000.0")]
        expected += [("50005.0", "57005.0"), ("60000.0", "61000.0")]
        self.assertEqual(
            expected, [(row["file_time_ms"], row["device_time_ms"]) for row in found]
        )

    def test_before_a_file(self) -> None:
        """What was before the first frame is below 0."""
        _, guest = (row for row in rows(TAKE) if row["label"] == "kick-off")
        self.assertEqual("-200.02", guest["file_time_ms"])

    def test_gaps_and_end(self) -> None:
        """Why a link was lost, and the take ended, is the label."""
        found = [(row["what"], row["label"], row["by"]) for row in rows(TAKE)]
        self.assertIn(("link_lost", "lost", ""), found)
        self.assertIn(("link_lost", "silent", ""), found)
        self.assertEqual(("end", "command", "guest-id"), found[-1])

    def test_nothing_known(self) -> None:
        """Of files whose beginning is unknown, nothing is claimed."""
        lost = [
            structs.replace(each, start=None, end=None, offset=None)
            for each in (HOST, GUEST)
        ]
        found = rows(structs.replace(with_files(*lost), ended_at=None))
        self.assertEqual({""}, {row["file_time_ms"] for row in found})
        markers = [row["file"] for row in found if row["what"] == "marker"]
        self.assertEqual(["", ""], markers)

    def test_form(self) -> None:
        """RFC 4180: a header line, CRLF, and quotes where they are needed."""
        text = table(labelled('one, "two"\nthree ⚽'), FILES, {})
        self.assertTrue(text.startswith(",".join(COLUMNS).encode() + b"\r\n"))
        self.assertTrue(text.endswith(b"\r\n"))
        self.assertIn('"one, ""two""\nthree ⚽"'.encode(), text)

    def test_formulas(self) -> None:
        """No label is a formula to any spreadsheet; all others stay as they are."""
        for label in ("=A1", "+1", "-1", "@SUM(A1)", "\t=A1", "\r=A1", "\uff1dA1"):
            text = [row["label"] for row in rows(labelled(label))]
            self.assertIn(f"'{label}", text)
        self.assertIn("1-1=0", [row["label"] for row in rows(labelled("1-1=0"))])

    def test_formulas_in_names(self) -> None:
        """Nor is a device's name."""
        host, guest = TAKE.participants
        evil = structs.replace(host, name='=HYPERLINK("http://example")')
        found = rows(structs.replace(TAKE, participants=(evil, guest)))
        names = {row["device_name"] for row in found}
        expected = {"", '\'=HYPERLINK("http://example")', "Right goal"}
        self.assertEqual(expected, names)

    def test_no_choices(self) -> None:
        """A choice is refused: there are none."""
        error = self.assertRaises(WrongChoice, table, TAKE, FILES, {"sep": ";"})
        self.assertIn("nothing can be chosen", str(error))
