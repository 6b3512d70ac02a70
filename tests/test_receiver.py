"""Who gets letters, as an operator says it."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from raydel.receiver import VARIABLE, host_of, read_secret, read_url

SECRET = b"0123456789abcdef"


class Urls(SynchronousTestCase):
    """Where to post to."""

    def test_urls(self) -> None:
        """What is reached by HTTP is taken as it is written."""
        for url in (
            "https://club.example/raydel?key=1%20",
            "http://192.168.1.20:8000",
            "https://[fd00::1]:8443/",
        ):
            self.assertEqual(url, read_url(url))

    def test_fragment(self) -> None:
        """What no request ever has is left out."""
        self.assertEqual("http://a/b", read_url("http://a/b#c"))

    def test_refusals(self) -> None:
        """What leads nowhere is refused, and is not repeated: it may be private."""
        for text, expected in (
            ("", "http:// or https://"),
            ("club.example/s3cret", "http:// or https://"),
            ("ftp://club.example/s3cret", "http:// or https://"),
            ("https://club.example/s3cret s", "http:// or https://"),
            ("https://vérein.example/s3cret", "http:// or https://"),
            ("https://club.example/s3cret\n", "http:// or https://"),
            ("https://:8000/s3cret", "needs a host"),
            ("https:///s3cret", "needs a host"),
            ("https://club.example:99999/s3cret", "no URL: Port out of range"),
            ("https://club.example:eight/s3cret", "no URL: Port"),
            ("https://[fd00::1/s3cret", "no URL: "),
            ("https://me:s3cret@club.example", "no user and no password"),
        ):
            problem = str(self.assertRaises(ValueError, read_url, text))
            self.assertIn(expected, problem)
            self.assertNotIn("s3cret", problem)

    def test_what_is_shown(self) -> None:
        """Of a URL, nothing is shown but the host: the rest may be a secret."""
        url = "https://club.example:8443/s3cret?key=s3cret"
        self.assertEqual("club.example:8443", host_of(url))


class Secrets(SynchronousTestCase):
    """What letters are signed with."""

    def test_file(self) -> None:
        """A file's secret is its text, without the end of its line."""
        self.assertEqual(SECRET, read_secret(SECRET + b"\r\n", {}))

    def test_environment(self) -> None:
        """Without a file it is in the environment; who names a file means it."""
        environ = {VARIABLE: " another secret, of words "}
        self.assertEqual(b"another secret, of words", read_secret(None, environ))
        self.assertEqual(SECRET, read_secret(SECRET, environ))

    def test_none(self) -> None:
        """Without one, both ways to give one are named."""
        for given in (None, b"", b" \n"):
            problem = str(self.assertRaises(ValueError, read_secret, given, {}))
            self.assertIn("--webhook-secret-file", problem)
            self.assertIn(VARIABLE, problem)

    def test_too_short(self) -> None:
        """One that can be guessed is refused, and is not repeated."""
        problem = str(self.assertRaises(ValueError, read_secret, SECRET[1:], {}))
        self.assertIn("shorter than 16", problem)
        self.assertNotIn(SECRET[1:].decode(), problem)
