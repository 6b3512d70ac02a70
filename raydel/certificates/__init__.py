"""The certificates in use, and how new ones take their place.

Where they lie is told in `raydel.certificates.files`, what makes them good in
`raydel.certificates.pairs`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

from OpenSSL import SSL
from twisted.application.service import Service
from twisted.internet.interfaces import IOpenSSLServerConnectionCreator, IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from zope.interface import implementer

from raydel.certificates.files import (
    HOME,
    BadCertificate,
    Contents,
    Directory,
    Files,
    Source,
    source_of,
)
from raydel.certificates.pairs import Pairs, check

__all__ = [
    "CHECK_EVERY",
    "HOME",
    "BadCertificate",
    "Certificates",
    "Directory",
    "Files",
    "Renewal",
    "Source",
    "source_of",
]

CHECK_EVERY: Final = 30.0
"""Seconds between two looks at the files: new ones are taken up within a minute."""

_SHOWN: Final = 5
"""Names in a log line."""

_log: Final = Logger()


@implementer(IOpenSSLServerConnectionCreator)
class Certificates:
    """The certificates in use, which may be others tomorrow.

    A connection keeps what it began with; new ones get what is newest. Nothing is
    read before something asks for a certificate.

    Args:
        source: Where they come from.
        now: The wall clock, in seconds since the epoch.
    """

    def __init__(self, source: Source, now: Callable[[], float] = time.time) -> None:
        self._source = source
        self._now = now
        self._contents: Contents = {}
        self._pairs: Pairs | None = None
        self._problem = ""

    @property
    def are_used(self) -> bool:
        """Whether something has asked for them."""
        return self._pairs is not None

    def load(self) -> Pairs:
        """Return those in use; the first time, read them.

        Raises:
            BadCertificate: They cannot be used.
        """
        return self._pairs or self._take(self._source.read())

    def serverConnectionForTLS(self, protocol: Any) -> SSL.Connection:  # noqa: N802
        """Begin a handshake with those in use."""
        return self.load().connection(protocol)

    def look(self) -> None:
        """Take up files that have changed; what is wrong with them is said once."""
        self._renew(asked=False)

    def reload(self) -> None:
        """Read all files anew, and say how that went: somebody has asked for it."""
        self._renew(asked=True)

    def announce(self) -> None:
        """Log which certificates are in use."""
        chains = self.load().chains
        names = list(dict.fromkeys(name for chain in chains for name in chain.names))
        _log.info(
            "certificate for {names}{more}, good until {until}",
            names=", ".join(names[:_SHOWN]) or "no name at all",
            more=f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "",
            until=f"{min(chain.until for chain in chains):%Y-%m-%d}",
        )

    def _renew(self, *, asked: bool) -> None:
        try:
            contents = self._source.read()
            if contents == self._contents and not (asked or self._problem):
                return
            self._take(contents)
        except BadCertificate as problem:
            self._keep(str(problem), asked=asked)
        except Exception:  # The looks go on, whatever is in a file.
            _log.failure("the certificates in use remain; reading others failed")
        else:
            self._problem = ""
            self.announce()

    def _take(self, contents: Contents) -> Pairs:
        self._contents = contents
        self._pairs, left_out = check(contents, self._now())
        for why in left_out:
            _log.warn("{why}: it is left out", why=why)
        return self._pairs

    def _keep(self, problem: str, *, asked: bool) -> None:
        if asked or problem != self._problem:
            _log.error("the certificates in use remain: {problem}", problem=problem)
        self._problem = problem


class Renewal(Service):
    """Looks at the files from time to time, while the program runs.

    Args:
        certificates: What is renewed.
        clock: Times the looks.
    """

    def __init__(self, certificates: Certificates, clock: IReactorTime) -> None:
        self._certificates = certificates
        self._looks = LoopingCall(certificates.look)
        self._looks.clock = clock

    def startService(self) -> None:
        """Say which certificates are in use, and begin to look."""
        super().startService()  # type: ignore[no-untyped-call]
        self._certificates.announce()
        self._looks.start(CHECK_EVERY, now=False)

    def stopService(self) -> None:
        """Look no more."""
        super().stopService()  # type: ignore[no-untyped-call]
        if self._looks.running:
            self._looks.stop()
