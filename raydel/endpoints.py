"""Where the server listens, and what happens when it cannot."""

from __future__ import annotations

import errno
import re
import signal
import socket
import sys
from typing import Any, Final, NoReturn

from twisted.application.service import Service
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.endpoints import (
    TCP4ServerEndpoint,
    TCP6ServerEndpoint,
    serverFromString,
    wrapServerTLS,
)
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import (
    IListeningPort,
    IProtocolFactory,
    IStreamServerEndpoint,
)
from twisted.logger import Logger
from twisted.protocols.haproxy import proxyEndpoint
from twisted.python.failure import Failure

from raydel.addresses import Door, lan_addresses, reaches
from raydel.certificates import BadCertificate, Certificates

_NUMBER: Final = re.compile(r"[0-9]+")
_OWN_TLS: Final = re.compile(r"(?P<proxy>haproxy:)?tls:(?P<below>[0-9].*|systemd:.*)")
_SECURE: Final = re.compile(r"(haproxy:)?(ssl|tls):.*")
_BY_PROXY: Final = re.compile(r"haproxy:|unix:|(tls:)?systemd:domain=UNIX\b")
_HIGHEST: Final = 65535

_BACKLOG: Final = 1024
"""Connections that may knock at once; with Twisted's own 50, a phone that comes with
500 others waits seconds for TCP to knock again."""

_log: Final = Logger()


class Unservable(SystemExit, Exception):
    """Ends the program at its start: it cannot listen, or keep, where it should.

    As a `SystemExit` it ends ``twistd -n`` with code 1 and no traceback. As an
    `Exception` it is seen by what starts a daemon, which removes the pid file, says
    so in the terminal, and exits with 1 too.
    """

    def __init__(self, sentence: str) -> None:
        super().__init__(1)
        self.sentence = sentence

    def __str__(self) -> str:
        return self.sentence


def unservable(sentence: str) -> Unservable:
    """Say what is wrong in the log, and to the person who started the program.

    twistd has turned `sys.stderr` into a log by now; this is the real one.

    Returns:
        What to raise.
    """
    sentence = f"raydel: {sentence}"
    _log.critical("{sentence}", sentence=sentence)
    print(sentence, file=sys.__stderr__)
    return Unservable(sentence)


def speaks_own_tls(description: str) -> bool:
    """Return whether a port is one whose certificates we look after.

    Those are ``tls:3001``, ``tls:systemd:…``, and either behind ``haproxy:``. They are
    not left to Twisted, which would take 3001 for a directory of certificates, listen
    on 443, and speak the PROXY protocol within TLS, where nobody does.
    """
    return _OWN_TLS.fullmatch(description) is not None


def lets_phones_in(description: str) -> bool:
    """Return whether phones can come to a port by themselves, as far as is known.

    To a UNIX socket, and to a port that expects the PROXY protocol, only a proxy comes.
    """
    return _BY_PROXY.match(description) is None


def resolve(
    description: str, reactor: Any, certificates: Certificates
) -> IStreamServerEndpoint:
    """Find the endpoint a person means.

    Args:
        description: A port number, one with TLS, or a Twisted endpoint description.
        reactor: What will listen.
        certificates: Those for TLS; they are loaded if it is needed.

    Raises:
        SystemExit: It means nothing, or there is no certificate for it; the sentence
            says why.
    """
    own = _OWN_TLS.fullmatch(description)
    if own is None:
        return _plain(description, description, reactor)
    endpoint = _plain(_below_tls(own["below"]), description, reactor)
    try:
        certificates.load()
    except BadCertificate as problem:
        raise SystemExit(f"raydel: {_one_line(problem)}") from None
    # What a proxy says of a phone comes before TLS begins.
    outside = proxyEndpoint(endpoint) if own["proxy"] else endpoint
    return wrapServerTLS(certificates, outside, reactor)


class PortService(Service):
    """Listens while it runs, and says where.

    A port that cannot be had ends the program. Twisted's own service would only log
    that, and leave it up and deaf.

    Args:
        description: What the operator wrote.
        endpoint: What it means.
        factory: Who answers there.
    """

    def __init__(
        self,
        description: str,
        endpoint: IStreamServerEndpoint,
        factory: IProtocolFactory,
    ) -> None:
        self._description = description
        self._endpoint = endpoint
        self._factory = factory
        self._listening: Deferred[IListeningPort | None] | None = None
        self._door: Door | None = None

    @property
    def door(self) -> Door | None:
        """Where phones come in; None while it does not listen, or not for them."""
        return self._door

    def privilegedStartService(self) -> None:
        """Listen, while the program may still be root: ports below 1024 need it.

        Raises:
            Unservable: The port cannot be had.
        """
        listening = self._endpoint.listen(self._factory)
        if listening.called and isinstance(listening.result, Failure):
            problem = listening.result.value
            listening.addErrback(lambda _: None)
            raise self._unservable(problem)
        self._listening = listening.addCallbacks(self._listens, self._fails_late)

    def startService(self) -> None:
        """Listen, if that was not done yet."""
        super().startService()  # type: ignore[no-untyped-call]
        if self._listening is None:
            self.privilegedStartService()

    def stopService(self) -> Deferred[object] | None:
        """Stop listening; those who are connected stay.

        Returns:
            Fires once the port is free for others.
        """
        super().stopService()  # type: ignore[no-untyped-call]
        listening, self._listening = self._listening, None
        self._door = None
        if listening is None:
            return None
        listening.cancel()
        return listening.addCallback(lambda port: port and port.stopListening())

    def _listens(self, port: IListeningPort) -> IListeningPort:
        secure = _SECURE.fullmatch(self._description) is not None
        bound = port.getHost()
        ways = reaches(bound, secure=secure, lan=lan_addresses())
        is_direct = lets_phones_in(self._description)
        if is_direct and isinstance(bound, IPv4Address | IPv6Address):
            self._door = Door(bound.host, bound.port, secure)
        for way in ways:
            _log.info("phones connect to {websocket}, REST is at {rest}{note}", **way)
        if not ways:
            _log.info("listening on {port}", port=self._description)
        return port

    def _fails_late(self, problem: Failure) -> None:
        """End the program for an endpoint that takes its time, and then fails.

        By now twistd is up, and only a signal gives it a status other than 0.
        """
        if problem.check(CancelledError) is None:
            self._unservable(problem.value)
            signal.raise_signal(signal.SIGTERM)

    def _unservable(self, problem: BaseException | None) -> Unservable:
        return unservable(_why_not(problem, self._description))


def _below_tls(description: str) -> str:
    """Describe, in Twisted's words, what TLS is spoken on."""
    if _NUMBER.fullmatch(description) or description.startswith("systemd:"):
        return description
    # Colons within an address are escaped; only those of IPv6 have any.
    kind = "tcp6" if r"\:" in description else "tcp"
    return f"{kind}:{description}"


def _plain(meant: str, description: str, reactor: Any) -> IStreamServerEndpoint:
    """Find an endpoint; refuse it in the words of who described it."""
    if _NUMBER.fullmatch(meant):
        return _on_all_networks(int(meant), description, reactor)
    try:
        endpoint: IStreamServerEndpoint = serverFromString(reactor, meant)
    except Exception as problem:  # each kind of endpoint has its own
        if isinstance(problem, LookupError) and "systemd:" in meant:
            _refuse(description, "systemd has handed over no such socket")
        _refuse(
            description,
            "it is a port number, or a Twisted endpoint description such as "
            f"tcp:3001:interface=127.0.0.1 ({_one_line(problem)})",
        )
    return endpoint


def _on_all_networks(
    port: int, description: str, reactor: Any
) -> IStreamServerEndpoint:
    """Listen on IPv4 and IPv6, with one socket where the system offers that.

    Phones come by IPv4, but a name on a local network may resolve to IPv6 first. A
    system without IPv6, or one that keeps the two apart, gets IPv4, which all have.
    """
    if port > _HIGHEST:
        _refuse(description, f"ports go up to {_HIGHEST}")
    if _shares_sockets():
        return TCP6ServerEndpoint(reactor, port, backlog=_BACKLOG, interface="::")
    return TCP4ServerEndpoint(reactor, port, backlog=_BACKLOG)


def _shares_sockets() -> bool:
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
            return not probe.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY)
    except OSError:
        return False


def _why_not(problem: BaseException | None, description: str) -> str:
    if not isinstance(problem, CannotListenError):
        return f"cannot listen on {description}: {_one_line(problem)}"
    number = getattr(problem.socketError, "errno", None)
    if number == errno.EADDRINUSE:
        return (
            f"port {problem.port} is taken: another program listens there; "
            "stop that one, or choose another port with --port"
        )
    if number == errno.EACCES:
        return (
            f"port {problem.port} is not for this user: those below 1024 are the "
            "system's own; choose another with --port"
        )
    return f"cannot listen on {description}: {_one_line(problem.socketError)}"


def _refuse(description: str, why: str) -> NoReturn:
    raise SystemExit(f"raydel: --port={_one_line(description)}: {why}")


def _one_line(problem: object) -> str:
    return " ".join(str(problem).split())
