"""What stands in ``tests/fixtures/store/v4.sql``, value by value.

``python -m tests.store.version4 >tests/fixtures/store/v4.sql`` makes that file anew.
Only until version 4 is released: from then on it is a file that people have.

It says what version 3 says, and has letters besides.
"""

from __future__ import annotations

import sys
from typing import Final

from raydel.core.letters import Letter
from raydel.interfaces import Write
from tests.store import version2
from tests.store.version1 import ANCHOR, NOON, OVER, SAMPLES
from tests.store.version2 import ENDED, JOURNAL, SESSIONS, TAKES
from tests.store.version3 import CAMERAS

__all__ = [
    "ANCHOR",
    "CAMERAS",
    "ENDED",
    "JOURNAL",
    "LETTERS",
    "SAMPLES",
    "SESSIONS",
    "TAKES",
]

LETTERS: Final = tuple(
    Letter(
        id=name,
        session_id=code,
        at=NOON + after,
        event=event,
        body=f'{{"event":"{event}","id":"{name}","label":"Tor ⚽"}}',
    )
    for name, code, after, event in (
        ("kq0Zr7Lw3uXc9TbE", "MATCH1", 250.125, "take.started"),
        ("Yh2Vn8Fs1aQe5KjP", "MATCH1", 1.0 / 3.0, "take.marked"),
        ("c6Bt4Mx0oGi2WdRl", OVER.id, 2_700_000.0, "session.ended"),
    )
)
"""Those of a session in their order."""


def dump() -> str:
    """Have the store keep all of this, and write its file down as SQL."""
    letters = Write("LETTER", 0, None, letters=LETTERS)
    return version2.dump(4, CAMERAS[::-1], [letters])


if __name__ == "__main__":
    sys.stdout.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
    sys.stdout.write(dump())
