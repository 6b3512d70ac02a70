"""Why an export cannot be had."""

from __future__ import annotations


class ExportTrouble(Exception):
    """The take does not allow it. Says why, and what would help."""


class WrongChoice(Exception):
    """A choice is unknown, or cannot be used. Says which ones can."""


class MissingLibrary(Exception):
    """A library is not installed. Says how to install it."""
