"""Takes, as a server has them, or a file that one was exported to."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from http.client import HTTPException
from pathlib import Path
from typing import Final
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlsplit
from urllib.request import HTTPSHandler, ProxyHandler, build_opener

import msgspec
from msgspec import Struct

from raydel.core.manifest import FORMAT, VERSION, Manifest, TakeSummary

PATIENCE: Final = 20.0
"""Seconds that the server may take for an answer."""

_PAGE: Final = 200


class Refused(SystemExit):
    """What was asked for cannot be had. Says why; the program ends with 1."""

    def __init__(self, why: str) -> None:
        super().__init__(f"raydel: {why}")


def read_file(path: str) -> Manifest:
    """Read a take from a file.

    Raises:
        Refused: It cannot be read, or there is no take in it.
    """
    try:
        return read_manifest(Path(path).read_bytes(), path)
    except OSError as problem:
        raise Refused(f"{path}: {problem.strerror}") from None


class _Header(Struct):
    format: str = ""
    version: int = 0


def read_manifest(data: bytes, whence: str) -> Manifest:
    """Read a take as it was written.

    Args:
        data: JSON.
        whence: Where it is from, for people.

    Raises:
        Refused: It is none, or one of a newer kind.
    """
    try:
        header = msgspec.json.decode(data, type=_Header)
        if header.format != FORMAT:
            raise Refused(
                f"{whence} is not a take: python -m raydel export json writes one"
            )
        if header.version != VERSION:
            raise Refused(
                f"{whence} is a take of version {header.version}, and this Raydel "
                f"reads version {VERSION}: use the Raydel that wrote it, or a newer one"
            )
        return msgspec.json.decode(data, type=Manifest)
    except msgspec.DecodeError as problem:
        raise Refused(f"{whence} is not a take: {problem}") from None


class _Page(Struct):
    takes: tuple[TakeSummary, ...]
    next: str | None


class _Fault(Struct):
    error: str = ""


class Server:
    """A server's takes, over REST.

    Args:
        url: Where it is.
        authority: A file of certificates to trust; None for those of the system.

    Raises:
        Refused: That is no place, or there is no certificate in the file.
    """

    def __init__(self, url: str, authority: str | None = None) -> None:
        if not _is_place(url):
            raise Refused(f"{url!r} is not like http://127.0.0.1:3001")
        self.url = url.rstrip("/")
        # The server is in this network: no proxy is asked for it.
        handlers = [ProxyHandler({}), HTTPSHandler(context=_trust(authority))]
        self._opener = build_opener(*handlers)

    def summaries(self) -> Iterator[TakeSummary]:
        """Return every take that is kept, the latest begun first."""
        before = ""
        while True:
            page = self._decoded(f"/api/takes?limit={_PAGE}{before}")
            yield from page.takes
            if page.next is None:
                return
            before = f"&before={quote(page.next, safe='')}"

    def manifest(self, take_id: str) -> Manifest:
        """Return one take."""
        path = f"/api/takes/{quote(take_id, safe='')}"
        return read_manifest(self._get(path), f"{self.url}{path}")

    def _decoded(self, path: str) -> _Page:
        try:
            return msgspec.json.decode(self._get(path), type=_Page)
        except msgspec.DecodeError:
            raise Refused(f"what answers at {self.url} is no Raydel") from None

    def _get(self, path: str) -> bytes:
        try:
            with self._opener.open(f"{self.url}{path}", timeout=PATIENCE) as answer:
                return bytes(answer.read())
        except HTTPError as refusal:
            with refusal:
                why = _why(refusal.read()) or f"status {refusal.code}"
            raise Refused(f"{self.url}{path}: {why}") from None
        except (OSError, HTTPException) as problem:
            raise Refused(_unreached(self.url, problem)) from None


def _is_place(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in {"http", "https"} and bool(parts.hostname)
    except ValueError:
        return False


def _why(answer: bytes) -> str:
    try:
        why = msgspec.json.decode(answer, type=_Fault).error
    except msgspec.DecodeError:
        return ""
    if why == "Take not found":
        return f"{why}: it was deleted, or its time is over (--keep-takes)"
    return why


def _unreached(url: str, problem: Exception) -> str:
    reason = problem.reason if isinstance(problem, URLError) else problem
    if isinstance(reason, ssl.SSLCertVerificationError):
        return (
            f"the certificate of {url} is not trusted ({reason.verify_message}): --ca "
            "names whom to trust, certificates/raydel-ca.crt for example"
        )
    if isinstance(reason, ssl.SSLError):
        return f"{url} does not speak TLS: try http://, or another port"
    why = getattr(reason, "strerror", None) or str(reason) or type(reason).__name__
    return (
        f"no server answers at {url} ({why}): start it with ./serve, say where it is "
        "with --server, or read a take from a file with --manifest"
    )


def _trust(authority: str | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=authority)
    except ssl.SSLError:
        raise Refused(f"{authority}: there is no certificate in it") from None
    except OSError as problem:
        raise Refused(f"{authority}: {problem.strerror}") from None
