"""One server only may use a file."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path

if sys.platform != "win32":
    import fcntl


class Lock:
    """A lock that the system lets go of when the process ends, however it ends.

    It is on a file of its own, which is there for as long as the lock is held. It
    cannot be on the database itself: SQLite's own locks there are of a kind that a
    process loses as soon as it closes any descriptor of the file. Where the system
    has no `flock`, which is Windows, nothing is locked.

    Args:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    def acquire(self) -> bool:
        """Take the lock, or return that somebody has it.

        Raises:
            OSError: The file cannot be made.
        """
        if sys.platform == "win32":
            return True
        while True:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if self._is_of(descriptor):
                    self._descriptor = descriptor
                    return True
            except BlockingIOError:
                os.close(descriptor)
                return False
            except BaseException:
                os.close(descriptor)
                raise
            os.close(descriptor)

    def release(self) -> None:
        """Let go of the lock, and take its file away."""
        if self._descriptor is not None:
            # First the file, then the lock: nobody else's file is taken away.
            with suppress(OSError):
                self._path.unlink()
            os.close(self._descriptor)
            self._descriptor = None

    def _is_of(self, descriptor: int) -> bool:
        """Whether what was locked is still there under its name.

        Between our opening and our locking, its last holder may have taken it away.
        """
        try:
            return os.path.samestat(os.fstat(descriptor), self._path.stat())
        except FileNotFoundError:
            return False
