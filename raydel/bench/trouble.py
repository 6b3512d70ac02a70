"""Why a measurement cannot be made."""

from __future__ import annotations


class Trouble(Exception):
    """The load cannot be put on that server; the text tells why."""
