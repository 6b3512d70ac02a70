"""What stands in ``tests/fixtures/store/v3.sql``, value by value.

``python -m tests.store.version3 >tests/fixtures/store/v3.sql`` makes that file anew.
Only until version 3 is released: from then on it is a file that people have.

What it says otherwise than version 2 stands here; the rest is as there.
"""

from __future__ import annotations

import sys
from typing import Final

from raydel.core.letters import Letter
from raydel.interfaces import Write
from tests.store import version2
from tests.store.version1 import NOON, OVER

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
    return version2.dump(3, letters)


if __name__ == "__main__":
    sys.stdout.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
    sys.stdout.write(dump())
