"""The files of a played phone: what a camera in its place would have made.

It sees a flash, and hears a beep, at each whole second of this machine's time, and a
bar that moves with it. What it saw lies on a time line of the phone's own clock, which
may run fast or slow.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
from argparse import ArgumentTypeError
from collections.abc import Iterator
from contextlib import suppress
from itertools import chain, count
from math import ceil
from pathlib import Path
from shutil import which
from typing import Any, Final

from raydel.core.instants import SECOND
from raydel.simulation.clocks import Clock
from raydel.simulation.live.truth import showing
from raydel.virtualwire import File, Footage

# A process of its own: drawing takes all of a processor, and a phone that makes a file
# has to tell the time meanwhile.
_FILM: Final = """
import json, pathlib, sys
from raydel.simulation.clips import NoFilm, Shot, film
path, shot = sys.argv[1:]
try:
    film(pathlib.Path(path), Shot(**json.loads(shot)))
except NoFilm as why:
    sys.exit(str(why))
"""


class Unfilmed(Exception):
    """There is no file; the text says why, to people."""


class Studio:
    """Makes the files of one phone.

    Args:
        file: The first one's name; the next is called ``…-2``. None that is there
            already is touched: it takes the next free name.
        clock: The phone's clock, by this machine's time.
    """

    def __init__(self, file: Path, clock: Clock) -> None:
        self._file = file
        self._clock = clock
        self._given: set[Path] = set()
        self._at_work: set[subprocess.Popen[bytes]] = set()
        self._is_closed = False

    def next_file(self) -> Path:
        """Return a name that is free, and give it to nobody else."""
        for path in names_like(self._file):
            if path not in self._given and not path.exists():
                self._given.add(path)
                return path
        raise AssertionError("names never end")

    def shot(self, footage: Footage) -> dict[str, Any]:
        """Return the fields of `raydel.simulation.clips.Shot`.

        Its start and its flashes are in true time; what the file says of its making
        is by the phone's clock, as phones do it. All in ms.
        """
        start = showing(self._clock, footage.first_frame)
        duration = footage.frames * SECOND / footage.frame_rate
        return {
            "start": start,
            "duration": duration,
            "frame_rate": f"{footage.frame_rate:g}",
            "rate_ppm": self._clock.rate * 1e6,
            "flashes": whole_seconds(start, start + duration),
            "created": footage.first_frame,
        }

    def make(self, path: Path, footage: Footage) -> File:
        """Make a file; takes seconds.

        Args:
            path: What it is to be called; there is nothing of that name until it is
                done.
            footage: What is in it.

        Raises:
            Unfilmed: It cannot be made.
        """
        part = path.with_name(f".{path.stem}.part{path.suffix}")
        try:
            self._film(part, self.shot(footage))
            size, sha256 = part.stat().st_size, checksum(part)
            part.rename(path)
        except OSError as problem:
            raise Unfilmed(f"{path.name}: {problem.strerror}") from None
        finally:
            part.unlink(missing_ok=True)
        return File(path.name, size, sha256)

    def abandon(self) -> None:
        """Make no more, nor what is being made; those who wait are told."""
        self._is_closed = True
        for process in tuple(self._at_work):
            _kill(process)

    def _film(self, path: Path, shot: dict[str, Any]) -> None:
        with subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-c", _FILM, str(path), json.dumps(shot)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,  # What it calls ends with it.
        ) as process:
            self._at_work.add(process)
            if self._is_closed:  # In the instant in which it began.
                _kill(process)
            _, said = process.communicate()
            self._at_work.remove(process)
        if process.returncode:
            lines = said.decode("utf-8", "replace").strip().splitlines()
            raise Unfilmed(lines[-1] if lines else "it was left unfinished")


def _kill(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def names_like(file: Path) -> Iterator[Path]:
    """Return names: its own, then with a 2, a 3 and so on."""
    others = (file.with_name(f"{file.stem}-{n}{file.suffix}") for n in count(2))
    return chain([file], others)


def whole_seconds(start: float, end: float) -> list[float]:
    """Return the whole seconds from one instant on and before another; all in ms."""
    first, last = ceil(start / SECOND), ceil(end / SECOND)
    return [second * SECOND for second in range(first, last)]


def checksum(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def clip(text: str) -> Path:
    """Read what a clip is to be called; `argparse` calls this.

    Raises:
        ArgumentTypeError: None could be made there.
    """
    path = Path(text)
    if path.suffix != ".mp4":
        raise ArgumentTypeError(f"{text!r} does not end with .mp4")
    if not path.parent.is_dir():
        raise ArgumentTypeError(f"there is no directory {path.parent}")
    if missing := lacks():
        raise ArgumentTypeError(missing)
    return path


def lacks() -> str:
    """Say what is missing for clips, and what to do; empty if nothing is."""
    if which("ffmpeg"):
        return ""
    return (
        "clips are made with ffmpeg, which is not installed: apt, dnf and brew have it"
    )
