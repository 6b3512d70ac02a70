"""``python -m raydel dev``: the server, restarted when a file changes.

Each start is a new process: reloading modules in a living one leaves old objects
behind. Sessions are in the store; phones reconnect by themselves.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import raydel
from raydel.export.trouble import brings

_HELP: Final = """\
usage: python -m raydel dev [options of the server]

Runs twistd -n raydel with these options, and restarts it whenever a file of the
program changes: save, and the phones reconnect to the new version. Ctrl-C ends it.

The options are those of twistd raydel --help. For example, on another port:

  python -m raydel dev --port=3002
"""

_TWISTD: Final = "from twisted.scripts.twistd import run; run()"


def main(arguments: Sequence[str]) -> None:
    """Run the server until Ctrl-C.

    Args:
        arguments: The options of the server.

    Raises:
        SystemExit: What watches the files is not installed.
    """
    if any(word in ("-h", "--help") for word in arguments):
        print(_HELP, end="")
        return
    try:
        from watchfiles import run_process
    except ImportError:
        raise SystemExit(
            f"raydel: dev needs watchfiles; {brings('watchfiles')}"
        ) from None
    source = Path(raydel.__file__).parent
    print(f"raydel: restarts when a file in {source} changes", flush=True)
    run_process(source, target=command(arguments), target_type="command")


def command(arguments: Sequence[str]) -> str:
    """Write the command line that starts the server, with this same Python."""
    words = [sys.executable, "-c", _TWISTD, "--nodaemon", "--pidfile=", "raydel"]
    return shlex.join([*words, *arguments])
