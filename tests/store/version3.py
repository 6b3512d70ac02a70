"""What stands in ``tests/fixtures/store/v3.sql``, value by value.

``python -m tests.store.version3 >tests/fixtures/store/v3.sql`` makes that file anew.
Only until version 3 is released: from then on it is a file that people have.

It says what version 2 says, and knows cameras besides.
"""

from __future__ import annotations

import sys
from typing import Final

from raydel.core.startlatency import Camera
from tests.store import version2
from tests.store.version1 import ANCHOR, NOON, SAMPLES
from tests.store.version2 import DECLARED, ENDED, JOURNAL, SESSIONS, TAKES

__all__ = ["ANCHOR", "CAMERAS", "ENDED", "JOURNAL", "SAMPLES", "SESSIONS", "TAKES"]

CAMERAS: Final = (
    Camera(
        installation_id=str(DECLARED.installation_id),
        model=DECLARED.model,
        warm=(310.25, 295.0, 1.0 / 3.0),
        cold=(812.5,),
        updated_at=NOON + 990.0,
    ),
    Camera(installation_id="Tor Süd ⚽", cold=(-112.0,), updated_at=NOON),
)
"""The newest first."""


if __name__ == "__main__":
    sys.stdout.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
    sys.stdout.write(version2.dump(3, CAMERAS[::-1]))
