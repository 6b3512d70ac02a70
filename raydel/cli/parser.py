"""How the tools read their options."""

from __future__ import annotations

from argparse import ArgumentParser, RawDescriptionHelpFormatter
from typing import NoReturn


class Parser(ArgumentParser):
    """Refuses in one sentence, as all of Raydel does, and leaves ``help`` to ask for.

    Args:
        command: After ``python -m raydel``.
        teaches: What ``--help`` shows above the options.
    """

    def __init__(self, command: str, teaches: str) -> None:
        super().__init__(
            prog=f"python -m raydel {command}",
            description=teaches,
            formatter_class=RawDescriptionHelpFormatter,
            allow_abbrev=False,
            add_help=False,
        )
        self.add_argument("-h", "--help", action="store_true", help="show this")

    def error(self, message: str) -> NoReturn:
        """Refuse."""
        raise SystemExit(f"raydel: {message}; see {self.prog} --help")
