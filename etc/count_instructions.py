# noqa: INP001 - a script beside the examples, in no package.
"""Counts what the processor does for one relay: ``python etc/count_instructions.py``.

A server in memory relays `device_ready` under callgrind, some times and then more; what
the two differ by is what the relays took. It hardly depends on what else the machine
does. On both lanes, from the bytes of one frame in to the bytes of two frames out.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from typing import Final

FEW: Final = 100
MANY: Final = 1_100
LANES: Final = ("fast", "library")

_COUNTED: Final = re.compile(r"Collected : (\d+)")


def main() -> None:
    """Print the instructions of a relay on each lane."""
    if shutil.which("valgrind") is None:
        sys.exit("there is no valgrind; on Debian, sudo apt-get install valgrind")
    _instructions(LANES[0], 1)  # Python compiles what it has not compiled before.
    for lane in LANES:
        each = (_instructions(lane, MANY) - _instructions(lane, FEW)) / (MANY - FEW)
        sys.stdout.write(f"{each:10,.0f} instructions for a relay, --wire={lane}\n")


def _instructions(lane: str, relays: int) -> int:
    """Return what a process of so many relays takes from its first to its last."""
    ran = subprocess.run(  # noqa: S603
        [
            *("valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"),
            *(sys.executable, "-m", "tests.counts.relays", lane, str(relays)),
        ],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONHASHSEED": "0", "PYTHONPATH": "."},
    )
    return int(_COUNTED.findall(ran.stderr)[-1])


if __name__ == "__main__":
    main()
