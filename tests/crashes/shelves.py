"""What outlives a server: memory that is handed on, or a file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from raydel.interfaces import IStore
from raydel.store.memory import MemoryStore
from raydel.store.sqlite import SQLiteStore

Shelf = Callable[[], IStore]
"""Returns what a new server keeps its sessions in."""


@contextmanager
def memory() -> Iterator[Shelf]:
    """Hand the same store to every server."""
    store = MemoryStore()
    yield lambda: store


@contextmanager
def file() -> Iterator[Shelf]:
    """Let every server open the same file anew."""
    with TemporaryDirectory() as directory:
        path = Path(directory) / "raydel.db"
        yield lambda: SQLiteStore(path)
