"""Looks at a store's file from outside: nothing is changed, and nothing is made."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, NamedTuple

from raydel.interfaces import StoreTrouble
from raydel.store.sqlite import SQLiteStore

if sys.platform != "win32":
    import fcntl
    import pwd

LARGEST_COPY: Final = 1_000_000_000
"""Bytes of a file that is still looked into; that takes some seconds."""


class StoreFacts(NamedTuple):
    """What there is to see of a store.

    Attributes:
        file: Where it is, or is to be made.
        is_there: Whether it is.
        missing: The directory that it should be in, if that is not there.
        forbidden: What of it may not be read and written by this user, if anything.
        is_in_use: Whether a server has it open.
        refusal: What a server would say to it; None if it would use it.
        is_unread: Whether it could not be looked into.
        free: Bytes that are free on its disk; None if that is not known.
        owners: Whose the file is, and whose its directory, if only that tells who may
            write: root always may.
    """

    file: Path
    is_there: bool = True
    missing: Path | None = None
    forbidden: Path | None = None
    is_in_use: bool = False
    refusal: str | None = None
    is_unread: bool = False
    free: int | None = None
    owners: tuple[str, str] | None = None


def refusal_of(file: Path) -> str | None:
    """Return what a server would say to a file instead of using it; open it, if not."""
    store = SQLiteStore(file)
    try:
        store.open()
    except StoreTrouble as trouble:
        return str(trouble)
    store.close()
    return None


def look(
    given: Path,
    largest: int = LARGEST_COPY,
    open_copy: Callable[[Path], str | None] = refusal_of,
) -> StoreFacts:
    """Collect the facts about a store.

    Args:
        given: Its file, whether that is there or not.
        largest: Bytes of a file that is looked into.
        open_copy: Opens a copy of it as the server would, and returns its refusal.
    """
    file = Path(os.path.realpath(given))
    directory = file.parent
    try:
        if not directory.is_dir():
            return StoreFacts(file, is_there=False, missing=directory)
        facts = StoreFacts(
            file,
            is_there=file.exists(),
            is_in_use=_is_held(_beside(file, "-lock")),
            free=_free(directory),
            owners=_owners(file) if file.exists() else None,
        )
    except PermissionError:
        return StoreFacts(file, forbidden=directory)
    if facts.is_in_use:
        return facts
    if not _may(directory, os.W_OK | os.X_OK):
        return facts._replace(forbidden=directory)
    if facts.is_there and not _may(file, os.R_OK | os.W_OK):
        return facts._replace(forbidden=file)
    return _looked_into(facts, largest, open_copy)


def _looked_into(
    facts: StoreFacts, largest: int, open_copy: Callable[[Path], str | None]
) -> StoreFacts:
    """Have a copy opened as a server would: merely to read would leave traces, too."""
    file = facts.file
    if facts.is_there and not file.is_file():
        return facts._replace(refusal=f"{file} is not a file")
    parts = [part for part in (file, _beside(file, "-wal")) if part.exists()]
    try:
        if sum(part.stat().st_size for part in parts) > largest:
            return facts._replace(is_unread=True)
        with TemporaryDirectory(prefix="raydel-") as folder:
            copy = Path(folder).resolve() / file.name
            for part in parts:
                shutil.copyfile(part, copy.with_name(part.name))
            refusal = open_copy(copy)
    except OSError:
        return facts._replace(is_unread=True)
    if _is_held(_beside(file, "-lock")):
        # Opened meanwhile: the copy may be half of this and half of that.
        return facts._replace(is_in_use=True)
    return facts._replace(refusal=refusal and refusal.replace(str(copy), str(file)))


def _is_held(lock: Path) -> bool:
    """Whether somebody has locked a file; one that is left over is not locked."""
    if sys.platform == "win32":
        return False
    try:
        descriptor = os.open(lock, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _may(path: Path, mode: int) -> bool:
    return os.access(path, mode, effective_ids=os.access in os.supports_effective_ids)


def _free(directory: Path) -> int | None:
    with suppress(OSError):
        return shutil.disk_usage(directory).free
    return None


def _owners(file: Path) -> tuple[str, str] | None:
    if sys.platform == "win32" or os.geteuid() != 0:
        return None
    return _name(file.stat().st_uid), _name(file.parent.stat().st_uid)


def _name(uid: int) -> str:
    with suppress(KeyError):
        return pwd.getpwuid(uid).pw_name
    return str(uid)


def _beside(file: Path, ending: str) -> Path:
    return file.with_name(file.name + ending)
