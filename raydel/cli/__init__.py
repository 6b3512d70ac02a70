"""The tools around the server: ``python -m raydel <command>``.

Each command is a module of this package with a ``main(arguments)``, imported when
it is called: one that is not installed with all it needs hinders no other.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Final

COMMANDS: Final = {
    "align": "say how the videos of a take lie to each other, and how sure that is",
    "bench": "measure what the server costs, and compare it with others",
    "certificate": "make a certificate for development, for tls:3001 on this network",
    "dev": "run the server, and restart it when a file of the program changes",
    "doctor": "look at this machine, and say what would keep the server from working",
    "export": "write a take for other programs, or both videos beside each other",
    "find": "list the servers that announce themselves on this network",
    "phone": "play a phone in this terminal, and try the server out",
    "rehearse": "play a whole take of two phones, and make the clips they would film",
    "simulate": "show by figures what ways of measuring a phone's clock are worth",
}
"""What can be called, in the order it is shown, and what it does."""

_HELP: Final = """\
usage: python -m raydel <command> [options]

The server itself is started by twistd: twistd -n raydel. These are the tools
around it; python -m raydel <command> --help tells more of each:

{commands}
"""


def main(arguments: Sequence[str]) -> None:
    """Call one command.

    Args:
        arguments: Its name, and what it is to know.

    Raises:
        SystemExit: There is no such command; also how commands end with a status.
    """
    if not arguments or arguments[0] in ("-h", "--help"):
        print(help_text(), end="")
        return
    name, *rest = arguments
    if name not in COMMANDS:
        raise SystemExit(
            f"raydel: there is no command {name!r}; python -m raydel --help lists them"
        )
    try:
        command = import_module(f"{__name__}.{name}")
    except ModuleNotFoundError as missing:
        # In a clone, a directory of ours is found where Twisted is not.
        name = str(missing.name).partition(".")[0]
        raise SystemExit(
            f"raydel: {name} is not installed for {sys.executable}; "
            "in a clone, .venv/bin/python has all it takes"
        ) from None
    command.main(rest)


def help_text() -> str:
    """Describe all commands."""
    width = max(map(len, COMMANDS))
    lines = (f"  {name:<{width}}  {does}" for name, does in COMMANDS.items())
    return _HELP.format(commands="\n".join(lines))
