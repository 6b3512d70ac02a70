"""What sessions, takes, messages, events and effects are made of: values."""

from __future__ import annotations

from msgspec import Struct


class Value(Struct, frozen=True, gc=False):
    """Never changes, so it is part of no cycle, and the garbage collector passes it by.

    A server has some thousand of them at hand and makes a dozen for each message:
    looking through them again and again was a tenth of all that it did.
    """
