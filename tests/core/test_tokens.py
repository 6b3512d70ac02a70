"""Codes, ids and tokens."""

from __future__ import annotations

from hashlib import sha256

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from raydel.core.tokens import (
    fingerprint,
    new_device_id,
    new_resume_token,
    new_take_id,
    session_code,
)


class Codes(SynchronousTestCase):
    """The six characters that people type."""

    def test_upper_case(self) -> None:
        """A code counts in upper case, however it was typed."""
        for text in ("ABC123", "abc123", "aBc123"):
            self.assertEqual("ABC123", session_code(text))

    def test_not_a_code(self) -> None:
        """Six characters of A-Z and 0-9, and nothing that only looks like them."""
        for text in (
            "",
            "ABC12",
            "ABC1234",
            "ABC123\n",
            "\nABC123",
            " ABC123",
            "ABC 12",
            "ABC-12",
            "ABC12\0",
            "ABCDEß",
            "ABCDß",
            "\uff11\uff12\uff13ABC",
            "\uff21\uff22\uff23123",
            "ABC12³",
            "\u0131ABC12",
            "../../",
            "%00ABC",
        ):
            with self.subTest(text=text):
                self.assertIsNone(session_code(text))

    @given(st.text(max_size=8))
    def test_any_text(self, text: str) -> None:
        """What comes out is a code, and the same code when it is read again."""
        code = session_code(text)
        if code is not None:
            self.assertRegex(code, r"\A[A-Z0-9]{6}\Z")
            self.assertEqual(code, session_code(code))


class Ids(SynchronousTestCase):
    """What we draw ourselves."""

    def test_unguessable(self) -> None:
        """Ids and tokens never come twice, and are safe in a URL."""
        for draw, length in (
            (new_device_id, 16),
            (new_take_id, 16),
            (new_resume_token, 32),
        ):
            drawn = {draw() for _ in range(1_000)}
            self.assertEqual(1_000, len(drawn))
            for each in drawn:
                self.assertRegex(each, rf"\A[A-Za-z0-9_-]{{{length}}}\Z")

    def test_no_id_is_an_option(self) -> None:
        """People give ids to programs: none begins as an option does."""
        for draw in (new_device_id, new_take_id):
            for _ in range(1_000):
                self.assertRegex(draw(), r"\A[A-Za-z0-9]")

    def test_fingerprints(self) -> None:
        """A fingerprint is the token's SHA-256."""
        self.assertEqual(sha256(b"token").hexdigest(), fingerprint("token"))

    def test_any_text_has_a_fingerprint(self) -> None:
        """Even what is no proper text is only a wrong token."""
        self.assertEqual(64, len(fingerprint("\ud800")))
