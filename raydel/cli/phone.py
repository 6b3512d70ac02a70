"""``python -m raydel phone``: plays a phone in a terminal.

What the phone does is told in `raydel.virtualphone`; here are its link to the server,
its buttons and its screen.
"""

# mypy: allow-untyped-calls, allow-subclassing-any
# Autobahn has few annotations; what is inherited from it counts as ours.

from __future__ import annotations

import os
import re
import sys
import time
from argparse import ArgumentTypeError
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

from autobahn.twisted.websocket import WebSocketClientFactory, WebSocketClientProtocol
from autobahn.websocket.util import parse_url
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from service_identity import VerificationError
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import HostnameEndpoint, wrapClientTLS
from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.internet.protocol import connectionDone
from twisted.internet.ssl import (
    Certificate,
    optionsForClientTLS,
    trustRootFromCertificates,
)
from twisted.internet.stdio import StandardIO
from twisted.protocols.basic import LineOnlyReceiver
from twisted.python.failure import Failure
from zope.interface import implementer

from raydel.cli.parser import Parser
from raydel.core.tokens import session_code
from raydel.virtualphone import VirtualPhone
from raydel.virtualwire import Action, Connect, End, Later, Say, Send

SILENCE: Final = 12.0
"""Seconds without a word, after which a link is dead: the server pings every four."""

FAREWELL: Final = 1.5
"""Seconds that the server has to answer a goodbye."""

_LONGEST: Final = 1e12
"""Thirty years, in ms."""

_HELP: Final = """\
Plays a phone in this terminal, with a camera that only says when it records. Start
the server with ./serve, and in two more terminals a host and a guest:

  python -m raydel phone ABC123 --host
  python -m raydel phone ABC123

Buttons are typed, then Enter: start, stop, ready, quit; s, x, r, q do too. Both
phones start at one instant, whoever taps: compare the times of the lines. They are
this computer's, to the millisecond. Kill the server, or give a phone a clock that is
a minute fast, --clock=60000, and see that it does not matter.
"""


def main(arguments: Sequence[str]) -> None:
    """Play a phone until it is put away.

    Args:
        arguments: The code of the session, and options.

    Raises:
        SystemExit: With 1 if the server will not have it; an option makes no sense.
    """
    parser = _parser()
    if any(word in ("-h", "--help") for word in arguments):
        parser.print_help()
        return
    from twisted.internet import reactor

    asked = parser.parse_args(arguments)
    name = asked.name or ("Left goal" if asked.host else "Right goal")
    clock = running_clock(asked.clock)
    phone = VirtualPhone(asked.code, name, is_host=asked.host, clock=clock)
    handset = Handset(reactor, phone, clock, asked.url, authority=asked.ca)
    status = handset.play(asked.seconds)
    if status:
        raise SystemExit(status)


def _parser() -> Parser:
    parser = Parser("phone", _HELP)
    add = parser.add_argument
    add("code", metavar="CODE", type=_code, help="of the session, such as ABC123")
    add("--host", action="store_true", help="make the session; a guest finds it")
    add(
        "--url",
        type=server_url,
        default="ws://localhost:3001/sync",
        help="where the server is; wss:// too [default: %(default)s]",
    )
    add(
        "--ca",
        metavar="FILE",
        type=authority,
        help="for wss://, trust this authority, certificates/raydel-ca.crt for example,"
        " and not those of the system",
    )
    add("--name", help="what people call it [default: Left goal, or Right goal]")
    add(
        "--clock",
        metavar="MS",
        type=_number,
        default=0.0,
        help="how far its clock is ahead of this computer's, or, with a minus, behind",
    )
    add(
        "--for",
        metavar="SECONDS",
        dest="seconds",
        type=_duration,
        default=0.0,
        help="put it away by itself after that",
    )
    return parser


def _code(text: str) -> str:
    if code := session_code(text):
        return code
    raise ArgumentTypeError(f"{text!r} is no code: that is six letters or digits")


def server_url(text: str) -> str:
    """Read where a server is; `argparse` calls this.

    Raises:
        ArgumentTypeError: That is no such place.
    """
    with suppress(ValueError):
        _, host, _, path, *_ = parse_url(text)
        optionsForClientTLS(host)
        if host != "unix":
            return text.rstrip("/") + "/sync" if path == "/" else text
    raise ArgumentTypeError(f"{text!r} is not like ws://localhost:3001/sync")


def _number(text: str) -> float:
    with suppress(ValueError):
        if abs(number := float(text)) < _LONGEST:
            return number
    raise ArgumentTypeError(f"{text!r} is no number that a clock could show")


def _duration(text: str) -> float:
    if (number := _number(text)) > 0:
        return number
    raise ArgumentTypeError(f"{text!r} is not how long anything lasts")


def authority(file: str) -> Any:
    """Read whom to trust, from a file of certificates; `argparse` calls this.

    Raises:
        ArgumentTypeError: There is none in it.
    """
    try:
        found = x509.load_pem_x509_certificates(Path(file).read_bytes())
    except OSError as problem:
        raise ArgumentTypeError(f"{file}: {problem.strerror}") from None
    except ValueError:
        raise ArgumentTypeError(f"{file}: there is no certificate in it") from None
    pem = serialization.Encoding.PEM
    certificates = [Certificate.loadPEM(each.public_bytes(pem)) for each in found]
    return trustRootFromCertificates(certificates)


def running_clock(ahead: float) -> Callable[[], float]:
    """Return a clock in ms since the epoch, that far ahead; no one ever sets it."""
    epoch = (time.time() - time.monotonic()) * 1000.0 + ahead
    return lambda: epoch + time.monotonic() * 1000.0


class Handset:
    """The outside of a phone: link, buttons and screen.

    Args:
        reactor: What everything runs on.
        phone: Its inside.
        clock: What the phone takes for the time.
        url: Of the server.
        authority: Whom to trust for ``wss``; None for those the system trusts.
    """

    def __init__(
        self,
        reactor: Any,
        phone: VirtualPhone,
        clock: Callable[[], float],
        url: str,
        authority: Any | None = None,
    ) -> None:
        self.reactor = reactor
        self.phone = phone
        self.clock = clock
        self.link: Link | None = None
        self._true_clock = running_clock(0.0)
        self._url = url
        self._status = 0
        self._closed: Deferred[None] | None = None
        self._factory = client_factory(url, reactor)
        self._factory.protocol = partial(Link, self)  # type: ignore[assignment]
        is_secure, host, port, *_ = parse_url(url)
        self._endpoint: Any = HostnameEndpoint(reactor, host, port)
        if is_secure:
            options = optionsForClientTLS(host, authority)
            self._endpoint = wrapClientTLS(options, self._endpoint)

    def play(self, seconds: float) -> int:
        """Run until it is put away, by itself after so long; return the status."""
        # The reactor's own clock jumps when somebody sets the computer's.
        self.reactor.seconds = time.monotonic
        self.reactor.addSystemEventTrigger("before", "shutdown", self._leave)
        self.reactor.callWhenRunning(self._switch_on)
        if seconds:
            self.reactor.callLater(seconds, self.do, [End(0)])
        self.reactor.run()
        return self._status

    def do(self, actions: Iterable[Action]) -> None:
        """Carry out what the phone wants."""
        for action in actions:
            match action:
                case Send(frame):
                    if self.link is not None:
                        self.link.say(frame)
                case Say(text):
                    self._show(text)
                case Later(at, call):
                    after = max(0.0, at - self.clock()) / 1000.0
                    self.reactor.callLater(after, lambda call=call: self.do(call()))
                case Connect(after):
                    self.reactor.callLater(after, self._connect)
                case End(status):
                    self._end(status)

    def unlinked(self, why: str, code: int = 1006, *, for_good: bool = False) -> None:
        """Note that the link is gone, or was never opened."""
        self.link = None
        if self._closed is not None:
            self._closed.callback(None)
        elif for_good:
            self.do(self.phone.barred(why))
        else:
            self.do(self.phone.lost(why, code))

    def _switch_on(self) -> None:
        self._show(f"  {self._url}; type start, stop, ready or quit")
        if sys.stdin and sys.stdout:
            StandardIO(Buttons(self), reactor=self.reactor)
            # It takes blocking off, also for the shell we share the terminal with.
            os.set_blocking(0, True)
            os.set_blocking(1, True)
        self._connect()

    def _connect(self) -> None:
        self._endpoint.connect(self._factory).addErrback(self._unreached)

    def _unreached(self, failure: Failure) -> None:
        if self._closed is None:
            words = (
                f"no server at {self._url} ({failure.getErrorMessage().split(':')[0]})"
            )
            self.do(self.phone.lost(words))

    def _end(self, status: int) -> None:
        self._status = status
        if self._closed is None and self.reactor.running:
            self.reactor.stop()

    def _leave(self) -> Deferred[None] | None:
        """Say goodbye, to the server too: however it ends, it ends here."""
        self._closed = Deferred()
        self.do(self.phone.goodbye())
        if self.link is None:
            return None
        self.link.sendClose(1000)
        return self._closed.addTimeout(FAREWELL, self.reactor).addErrback(
            lambda _: None
        )

    def _show(self, text: str) -> None:
        now = datetime.fromtimestamp(self._true_clock() / 1000.0)  # noqa: DTZ006 - local
        shown = "".join(c if c.isprintable() else "?" for c in text)
        try:
            print(f"{now:%H:%M:%S.%f}"[:-3] + f"  {shown}", flush=True)
        except OSError:  # Nobody looks any more.
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            self._end(0)


class Link(WebSocketClientProtocol):
    """One WebSocket to the server."""

    def __init__(self, handset: Handset) -> None:
        super().__init__()
        self.handset = handset
        self.broken_by: object = None
        self.silence: Any = None

    def onOpen(self) -> None:
        """Join."""
        handset = self.handset
        handset.link = self
        self.silence = handset.reactor.callLater(
            SILENCE, self.dropConnection, abort=True
        )
        handset.do(handset.phone.opened())

    def say(self, frame: bytes) -> None:
        """Send a text frame; nothing follows a goodbye."""
        if self.state == self.STATE_OPEN:
            self.sendMessage(frame)

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        """Hand a message on, with the time of its arrival."""
        arrived = self.handset.clock()
        self.silence.reset(SILENCE)
        self.handset.do(self.handset.phone.received(payload, arrived))

    def onPing(self, payload: bytes) -> None:
        """Answer, as any WebSocket does."""
        super().onPing(payload)
        self.silence.reset(SILENCE)

    def connectionLost(self, reason: Any = connectionDone) -> None:
        """Keep what TLS says: Autobahn hands on only that something was wrong."""
        self.broken_by = reason.value
        super().connectionLost(reason)

    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:
        """Tell the phone, in words."""
        if self.silence is None:
            why, for_good = self._unopened(reason or "")
            self.handset.unlinked(why, for_good=for_good)
            return
        if self.silence.active():
            self.silence.cancel()
        words = f"link lost: {reason}" if wasClean and reason else "link lost"
        self.handset.unlinked(words, code or 1006)

    def _unopened(self, reason: str) -> tuple[str, bool]:
        """Say why nothing was opened, and whether nothing ever will be."""
        if refused := re.search(r"upgrade failed \[(\d+)\]: ([^\")]*)", reason):
            status, words = refused.groups()
            return f"the server answers {status} {words}", status.startswith("4")
        if isinstance(self.broken_by, VerificationError):
            return "the server's certificate is for another name than --url has", True
        if "certificate verify failed" in str(self.broken_by):
            return "nobody we trust vouches for the server: see --ca=FILE", True
        return "nothing there answers as it should: ws:// or wss://?", False


def client_factory(url: str, reactor: Any) -> WebSocketClientFactory:
    """Return Autobahn's factory, without its timers for a goodbye.

    They round down to whole seconds, and may so be over at once: the link would be
    torn before the server has heard that the phone left. `FAREWELL` is ours.
    """
    factory = WebSocketClientFactory(url, reactor=reactor)
    factory.setProtocolOptions(closeHandshakeTimeout=0, serverConnectionDropTimeout=0)
    return factory


@implementer(IHalfCloseableProtocol)
class Buttons(LineOnlyReceiver):
    """What is typed, a line for a button."""

    delimiter = b"\n"

    def __init__(self, handset: Handset) -> None:
        self._handset = handset

    def lineReceived(self, line: bytes) -> None:
        """Press it."""
        handset = self._handset
        handset.do(handset.phone.tapped(line.decode("utf-8", "replace")))

    def readConnectionLost(self) -> None:
        """Play on: nobody types any more."""

    def writeConnectionLost(self) -> None:
        """Stop: nobody looks any more."""
        self._handset.do([End(0)])
