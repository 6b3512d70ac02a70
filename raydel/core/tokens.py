"""Session codes, device ids and resume tokens.

Codes are chosen by phones and typed by people. Ids and tokens are ours, drawn
from the operating system's randomness, and cannot be guessed.
"""

from __future__ import annotations

import re
import secrets
from hashlib import sha256
from typing import Final

_CODE: Final = re.compile(r"[A-Z0-9]{6}")


def session_code(text: str) -> str | None:
    """Return the six-character code in upper case, or None if it is not one.

    ASCII is checked before the case is folded: ``"ß".upper()`` is ``"SS"``.
    """
    if not text.isascii():
        return None
    code = text.upper()
    return code if _CODE.fullmatch(code) else None


def new_device_id() -> str:
    """Draw an unguessable device id of 16 characters, URL-safe, as `_id` has it."""
    return _id()


def new_take_id() -> str:
    """Draw an unguessable take id of 16 characters, URL-safe, as `_id` has it."""
    return _id()


def _id() -> str:
    """Draw until it begins with a letter or a digit.

    Behind an option, what begins with ``-`` would be another option.
    """
    while (drawn := secrets.token_urlsafe(12)).startswith(("-", "_")):
        pass
    return drawn


def new_letter_id() -> str:
    """Draw a letter's id of 16 characters, by which receivers know it again."""
    return secrets.token_urlsafe(12)


def new_resume_token() -> str:
    """Draw a token with which a device gets its seat back."""
    return secrets.token_urlsafe(24)


def fingerprint(token: str) -> str:
    """Return what is kept of a token: its SHA-256, in hex.

    Tokens carry 192 random bits, so a plain fast hash is enough.
    """
    return sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
