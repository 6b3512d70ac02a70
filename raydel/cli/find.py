"""``python -m raydel find``: the servers that announce themselves here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from twisted.internet.task import react

from raydel.advertise import MISSING, library
from raydel.cli.parser import Parser
from raydel.client.discovery import Found, NoDiscovery, discover

_HELP: Final = """\
Listens for three seconds, and shows the servers on the local network that were started
with --advertise: the address that phones connect to, the name and the version. It exits
with 1 if there is none.
"""

NOBODY: Final = (
    "no server announces itself here: start it with --advertise, in the same network, "
    "and let UDP port 5353 through the firewalls of both; guest Wi-Fi often keeps "
    "devices apart"
)


def main(arguments: Sequence[str]) -> None:
    """Look, and show what is found.

    Args:
        arguments: None are known but ``--help``.

    Raises:
        SystemExit: With a sentence if nothing is found, or nothing can be looked for.
    """
    parser = Parser("find", _HELP)
    if parser.parse_args(arguments).help:
        parser.print_help()
        return
    try:
        library()
    except ImportError:
        raise SystemExit(f"raydel: find {MISSING}") from None
    react(_find)


def lines(found: Sequence[Found]) -> list[str]:
    """Write one line for each.

    Raises:
        SystemExit: There is none.
    """
    if not found:
        raise SystemExit(f"raydel: {NOBODY}")
    return [
        f"{each.url}  {each.name} ({each.version or 'version unknown'})"
        for each in found
    ]


async def _find(reactor: Any) -> None:
    try:
        found = await discover(reactor)
    except NoDiscovery as problem:
        raise SystemExit(f"raydel: {problem}") from None
    print("\n".join(lines(found)))
