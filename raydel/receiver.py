"""Who gets letters: a URL, and a secret, as an operator gives them.

What cannot be used is a `ValueError` whose text is the sentence for the operator. The
URL is never in it, as it may be private.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

VARIABLE: Final = "RAYDEL_WEBHOOK_SECRET"
"""The variable of the environment that may have the secret."""

SHORTEST_SECRET: Final = 16
"""Bytes: a shorter one can be guessed by whoever has seen a letter."""

_URL: Final = re.compile(r"https?://[!-~]+")


def read_url(text: str) -> str:
    """Read where to post to.

    Raises:
        ValueError: That is nowhere.
    """
    if not _URL.fullmatch(text):
        raise ValueError(
            "it is http:// or https://, a host and a path, in plain ASCII letters"
        )
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise ValueError(f"it is no URL: {error}") from None
    if not host:
        raise ValueError("it needs a host, as in https://club.example/raydel")
    if parts.username is not None:
        raise ValueError(
            "no user and no password may stand in it: others can read the command"
            " line, and the signature tells who it is from"
        )
    return text.partition("#")[0]


def host_of(url: str) -> str:
    """Return what may be shown of a URL: paths and queries of some have secrets."""
    return urlsplit(url).netloc


def read_secret(given: bytes | None, environ: Mapping[str, str]) -> bytes:
    """Return what letters are signed with.

    Args:
        given: What stands in the file, if one was named.
        environ: Has it otherwise.

    Raises:
        ValueError: There is none, or it is too short.
    """
    found = environ.get(VARIABLE, "").encode() if given is None else given
    secret = found.strip()
    if not secret:
        raise ValueError(
            "it needs a secret to sign with: put one in a file and name that with"
            f" --webhook-secret-file, or in the environment variable {VARIABLE}"
        )
    if len(secret) < SHORTEST_SECRET:
        raise ValueError(
            f"its secret is shorter than {SHORTEST_SECRET} characters: draw another"
            " one, as openssl rand -hex 32 does"
        )
    return secret
