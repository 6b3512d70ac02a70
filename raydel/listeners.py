"""Which program listens on a port, as far as Linux tells.

From ``/proc``, documented in proc(5): ``net/tcp`` names the socket of each port, and
the open files of each process say whose it is. Those of other users' processes only
root can see.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

_PROC: Final = Path("/proc")
_LISTENS: Final = "0A"
_LONGEST: Final = 60
"""Characters of a command that are shown."""


class Holder(NamedTuple):
    """A program that listens.

    Attributes:
        command: How it was started; empty if that is hidden.
        process: The number of its process.
    """

    command: str
    process: int

    def __str__(self) -> str:
        command = self.command or "a program"
        if len(command) > _LONGEST:
            command = f"{command[: _LONGEST - 1]}…"
        return f"{command} (process {self.process})"


def holder(port: int, proc: Path = _PROC) -> Holder | None:
    """Tell who listens on a port.

    Args:
        port: Its number.
        proc: Where the system shows its processes.

    Returns:
        None if that is not known.
    """
    sockets = {f"socket:[{inode}]" for inode in _inodes(port, proc)}
    for process in proc.glob("[0-9]*") if sockets else ():
        if sockets & set(_open_files(process)):
            return Holder(_command(process), int(process.name))
    return None


def _inodes(port: int, proc: Path) -> Iterator[str]:
    """Find the sockets that listen on a port, by the numbers of their inodes."""
    for table in ("net/tcp", "net/tcp6"):
        with suppress(OSError):
            for line in (proc / table).read_text("ascii").splitlines()[1:]:
                fields = line.split()
                _, _, number = fields[1].rpartition(":")
                if fields[3] == _LISTENS and int(number, 16) == port:
                    yield fields[9]


def _open_files(process: Path) -> Iterator[str]:
    """Name what a process has open; nothing for one that is not ours, or gone."""
    with suppress(OSError):
        for file in (process / "fd").iterdir():
            with suppress(OSError):
                yield str(file.readlink())


def _command(process: Path) -> str:
    with suppress(OSError):
        words = (process / "cmdline").read_bytes().split(b"\0")
        return b" ".join(words).decode("utf-8", "replace").strip()
    return ""
