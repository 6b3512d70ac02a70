"""A load in a process of its own, and on a core of its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from tempfile import TemporaryFile
from threading import Timer
from typing import Any

import msgspec

from raydel.bench.meter import NOTE
from raydel.bench.trouble import Trouble
from raydel.bench.usage import pinned


def run_apart(
    module: str, job: Any, patience: float, note: Callable[[str], None]
) -> bytes:
    """Run a module with a job, and return what it writes.

    Args:
        module: Takes the job as JSON, as its only argument.
        job: The job.
        patience: Seconds after which it is given up.
        note: Told what the module tells meanwhile.

    Raises:
        Trouble: It did not do it; the text is the last it said, or how long it took.
    """
    command = [sys.executable, "-m", module, msgspec.json.encode(job).decode()]
    with TemporaryFile() as out:
        with pinned(0):
            process = subprocess.Popen(  # noqa: S603 - our own
                command, stdout=out, stderr=subprocess.PIPE, text=True
            )
        with process:
            complaint = _listen(process, patience, note)
        if process.returncode:
            late = f"it was not done in {patience:.0f} s"
            raise Trouble(complaint.strip()[-500:] or late)
        out.seek(0)
        return out.read()


def _listen(
    process: subprocess.Popen[str], patience: float, note: Callable[[str], None]
) -> str:
    """Pass on what it tells until it ends; return the rest of what it said."""
    timer = Timer(patience, process.kill)
    timer.start()
    complaint = ""
    try:
        for line in process.stderr or ():
            if line.startswith(NOTE):
                note(line.removeprefix(NOTE).rstrip())
            else:
                complaint += line
        process.wait()
    finally:
        timer.cancel()
        process.kill()
    return complaint
