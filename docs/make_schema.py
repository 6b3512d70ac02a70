# noqa: INP001 - a script beside the pages, in no package.
"""Writes take.schema.json: what a take looks like, for programs that read one.

``python docs/make_schema.py`` writes it anew; with ``--check`` it only says, by its
exit code, whether that would change it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from raydel.web.schemas import take_schema

FILE: Final = Path(__file__).with_name("take.schema.json")


def main(arguments: Sequence[str]) -> None:
    """Write the file, or check it.

    Args:
        arguments: Nothing, or ``--check``.

    Raises:
        SystemExit: The check found it out of date.
    """
    fresh = f"{json.dumps(take_schema(), indent=2)}\n"
    if list(arguments) != ["--check"]:
        FILE.write_text(fresh, encoding="utf-8")
    elif fresh != FILE.read_text(encoding="utf-8"):
        raise SystemExit("docs/take.schema.json is out of date: make schema")


if __name__ == "__main__":
    main(sys.argv[1:])
