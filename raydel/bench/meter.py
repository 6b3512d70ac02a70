"""What passes while something is measured: the CPU of both, and what was answered."""

from __future__ import annotations

import sys
import time
from typing import Final

from raydel.bench.crowd import Crowd
from raydel.bench.job import Found
from raydel.bench.usage import cpu_seconds

NOTE: Final = "note: "
"""How lines of standard error begin that tell what is done next."""


def tell(what: str) -> None:
    """Tell who started this process what is done next."""
    sys.stderr.write(f"{NOTE}{what}\n")
    sys.stderr.flush()


class Meter:
    """Measures from now until `stop`.

    Args:
        crowd: The phones.
        process: The number of the server's process; None if it is not known.
    """

    def __init__(self, crowd: Crowd, process: int | None) -> None:
        self._crowd = crowd
        self._process = process
        self._exchanges, self._pings = crowd.exchanges, crowd.pings
        self._heard = crowd.heard
        self._own = time.process_time()
        self._cpu = self._read()

    def stop(self, seconds: float) -> Found:
        """Return what passed, of nothing yet.

        Args:
            seconds: How long it was.
        """
        before, after = self._cpu, self._read()
        return Found(
            count=0,
            seconds=seconds,
            cpu=None if before is None or after is None else after - before,
            load_cpu=time.process_time() - self._own,
            exchanges=self._crowd.exchanges - self._exchanges,
            pings=self._crowd.pings - self._pings,
            heard=self._crowd.heard - self._heard,
            errors=self._crowd.errors,
        )

    def _read(self) -> float | None:
        return None if self._process is None else cpu_seconds(self._process)


def rest(crowd: Crowd, process: int | None, seconds: float) -> Found:
    """Measure phones that do what every phone does, and nothing else."""
    meter, began = Meter(crowd, process), time.monotonic()
    crowd.rest(seconds)
    return meter.stop(time.monotonic() - began)
