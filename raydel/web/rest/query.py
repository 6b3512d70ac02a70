"""What stands behind the question mark of a call."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qsl

from msgspec import Struct
from twisted.web.iweb import IRequest

MOST: Final = 200
"""Takes in one answer: some 50 KB, and one short look into the store."""

USUAL: Final = 50
"""Takes in an answer where nobody says how many: a weekend of a busy club."""

_NUMBER: Final = re.compile(r"[1-9][0-9]{0,2}")


class WrongQuery(Exception):
    """A query that makes no sense. Says why, for a person; quotes nothing of it."""


class Page(Struct, frozen=True):
    """Which takes are asked for: so many, begun before that one."""

    limit: int = USUAL
    before: str | None = None


def asked_page(request: IRequest) -> Page:
    """Return which takes a request asks for.

    Raises:
        WrongQuery: It asks in another way than is published.
    """
    pairs = _pairs(request)
    asked = dict(pairs)
    if asked.keys() - {"limit", "before"}:
        raise WrongQuery("Only limit and before may be given")
    if len(asked) < len(pairs):
        raise WrongQuery("limit and before may be given once each")
    return Page(_limit(asked.get("limit")), asked.get("before"))


def asked_choices(request: IRequest) -> Mapping[str, str]:
    """Return all parameters of a request, by name.

    Raises:
        WrongQuery: One is given more than once.
    """
    pairs = _pairs(request)
    choices = dict(pairs)
    if len(choices) < len(pairs):
        raise WrongQuery("Each parameter may be given once")
    return choices


def _pairs(request: IRequest) -> list[tuple[str, str]]:
    # Not `request.args`, which passes over what has no equals sign.
    text = request.uri.partition(b"?")[2].decode("ascii", "replace")
    return parse_qsl(text, keep_blank_values=True)


def _limit(text: str | None) -> int:
    if text is None:
        return USUAL
    if not _NUMBER.fullmatch(text) or int(text) > MOST:
        raise WrongQuery(f"limit is a number from 1 to {MOST}")
    return int(text)
