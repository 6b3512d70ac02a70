"""Why an export cannot be had."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path


class ExportTrouble(Exception):
    """The take does not allow it. Says why, and what would help."""


class WrongChoice(Exception):
    """A choice is unknown, or cannot be used. Says which ones can."""


class MissingLibrary(Exception):
    """A library is not installed. Says how to install it."""


def this_python() -> str:
    """Return what to type for the Python that runs, from where it was started.

    Relative where it is beneath: ``.venv/bin/python``.
    """
    path = Path(sys.executable or "python")
    if path.is_relative_to(Path.cwd()):
        path = path.relative_to(Path.cwd())
    return shlex.quote(str(path))


def brings(library: str) -> str:
    """Say how a library gets to the Python that runs; in a clone it is no other way.

    Args:
        library: As it is called where libraries are.
    """
    return f"{this_python()} -m pip install {library} brings it"
