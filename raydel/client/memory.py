"""A small file in which a client keeps what it has to know after its program ended."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from raydel.client.machine import Kept


class Unreadable(Exception):
    """A file is not one of ours; the text says what to do."""


class Memory:
    """One file; it is never there by halves, whenever the program is killed.

    Args:
        file: Of one session and one device.
        code: Of the session: what is kept of another one is forgotten.
    """

    def __init__(self, file: str | Path, code: str) -> None:
        self._file = Path(file)
        self._code = code
        self._latest: Kept | None = None

    def recall(self) -> Kept | None:
        """Return what was kept last; None if that is nothing.

        Raises:
            Unreadable: There is something else in it.
        """
        try:
            code, kept = msgspec.json.decode(
                self._file.read_bytes(), type=tuple[str, Kept]
            )
        except FileNotFoundError:
            return None
        except (OSError, msgspec.DecodeError) as problem:
            raise Unreadable(
                f"{self._file} cannot be read as what a client keeps ({problem}):"
                " remove it, or name another file"
            ) from None
        return kept if code == self._code else None

    def keep(self, kept: Kept) -> None:
        """Keep this instead of what was there before.

        Raises:
            OSError: It cannot be written.
        """
        if kept == self._latest:
            return
        self._latest = kept
        fresh = self._file.with_name(f".{self._file.name}.new")
        fresh.write_bytes(msgspec.json.encode((self._code, kept)))
        os.replace(fresh, self._file)  # noqa: PTH105 - what is meant
