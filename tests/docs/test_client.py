"""The page on the client: its tables are of what there is."""

from __future__ import annotations

import inspect
import re
from typing import Final

from twisted.trial.unittest import SynchronousTestCase

from raydel.client import Camera, Footage, Found, Phone, connect, discover
from tests.docs import page

TEXT: Final = page("docs/client.md")

INSIDE: Final = {"begin", "linked", "log", "received", "stamp", "unlinked", "way"}
"""What a phone has for its links, and not for people."""


def listed(heading: str) -> set[str]:
    """Return the names in the table under a heading of the third level."""
    _, _, rest = TEXT.partition(f"\n### `{heading}`\n")
    table = re.split(r"\n##+ ", rest)[0]
    return set(re.findall(r"^\| `(\w+)[^`]*` \|", table, re.MULTILINE))


class Reference(SynchronousTestCase):
    """What there is to use."""

    def test_connect(self) -> None:
        """Every argument has its line, and no other."""
        self.assertEqual(set(inspect.signature(connect).parameters), listed("connect"))

    def test_discover(self) -> None:
        """So has what servers are looked for by, and what is found of them."""
        arguments = set(inspect.signature(discover).parameters)
        self.assertEqual(arguments, listed("discover"))
        self.assertEqual(set(Found._fields), listed("Found"))

    def test_phone(self) -> None:
        """So has all that a phone can be asked, and asked for."""
        public = {name for name in vars(Phone) if not name.startswith("_")}
        self.assertEqual((public | {"over"}) - INSIDE, listed("Phone"))

    def test_camera(self) -> None:
        """So has what a camera brings."""
        public = {name for name in vars(Camera) if not name.startswith("_")}
        self.assertEqual(public, listed("Camera"))

    def test_footage(self) -> None:
        """So has what a camera made."""
        self.assertEqual(set(Footage._fields), listed("Footage"))
