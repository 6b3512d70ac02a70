"""One letter, posted: signed, within ten seconds, and what came of it."""

from __future__ import annotations

import hmac
import re
import time
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from typing import Any, Final

from msgspec import Struct
from OpenSSL import SSL
from service_identity import VerificationError
from twisted.internet import defer, error
from twisted.internet.defer import Deferred, maybeDeferred, succeed
from twisted.internet.interfaces import IConsumer, IDelayedCall, IReactorTime
from twisted.internet.protocol import Protocol
from twisted.python.failure import Failure
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgent, IBodyProducer, IResponse
from zope.interface import implementer

from raydel import __version__
from raydel.core.letters import Letter

PATIENCE: Final = 10.0
"""Seconds to connect and to answer: whoever takes longer can take it up and answer
first. As long again may the rest of the answer take."""

MOST_READ: Final = 16 * 1024
"""Bytes of an answer's body that are taken off the receiver's hands, unread."""

LONGEST_WAIT: Final = 3_600.0
"""Seconds that ``Retry-After`` may ask for."""

_SECONDS: Final = re.compile(r"[0-9]{1,9}")


class Answer(Struct, frozen=True):
    """What came of posting a letter.

    Attributes:
        status: The HTTP status; 0 if there was none.
        why: What it means, in words, where the letter was not taken.
        wait: Seconds that the receiver wants to be let alone; 0 if it did not say.
    """

    status: int
    why: str
    wait: float = 0.0

    @property
    def is_taken(self) -> bool:
        """Whether the receiver has the letter."""
        return self.status // 100 == 2  # noqa: PLR2004 - as the standard counts them

    @property
    def is_final(self) -> bool:
        """Whether it says that it never wants it: 410, Gone."""
        return self.status == 410  # noqa: PLR2004 - as the standard counts them


def signature(secret: bytes, seconds: int, body: bytes) -> str:
    """Sign a body, with the time: the value of ``Raydel-Signature``.

    Args:
        secret: What both ends know.
        seconds: Since 1970, by the wall clock.
        body: As it is sent.
    """
    signed = b"%d." % seconds + body
    return f"t={seconds},v1={hmac.digest(secret, signed, 'sha256').hex()}"


class Postman:
    """Posts letters to one receiver, one by one.

    Args:
        agent: Makes the requests; it follows no redirects.
        url: Where to.
        secret: What they are signed with.
        clock: Runs the timers.
        wall: The wall clock, seconds since 1970: the receiver compares it with its own.
    """

    def __init__(
        self,
        agent: IAgent,
        url: str,
        secret: bytes,
        clock: IReactorTime,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._agent = agent
        self._url = url.encode("ascii")
        self._secret = secret
        self._clock = clock
        self._wall = wall

    def post(self, letter: Letter) -> Deferred[Answer]:
        """Post a letter.

        Returns:
            Fires with what came of it, within `PATIENCE`; it does not fail for anything
            that a network or a receiver can do.
        """
        body = letter.body.encode()
        headers = {
            "Content-Type": "application/json",
            "User-Agent": f"Raydel/{__version__}",
            "Raydel-Event": letter.event,
            "Raydel-Delivery": letter.id,
            "Raydel-Signature": signature(self._secret, int(self._wall()), body),
        }
        asked: Deferred[IResponse] = maybeDeferred(
            self._agent.request,
            b"POST",
            self._url,
            Headers({name: [value] for name, value in headers.items()}),
            _Body(body),
        )
        asked.addTimeout(PATIENCE, self._clock)
        return asked.addCallbacks(self._answered, _unanswered)

    def _answered(self, response: IResponse) -> Answer:
        response.deliverBody(_Unread(self._clock))
        asked: list[str] = response.headers.getRawHeaders("retry-after", [])
        wait = _wait(asked[0], self._wall()) if asked else 0.0
        return Answer(response.code, f"it answers {response.code}", wait)


def _unanswered(failure: Failure) -> Answer:
    """Say in words why there was no answer."""
    return Answer(0, _words(failure.value))


def _words(fault: BaseException | None) -> str:
    reasons: list[Failure] = getattr(fault, "reasons", None) or []
    if reasons:
        return _words(reasons[0].value)
    words = f"no answer ({type(fault).__name__})"
    match fault:
        case defer.TimeoutError() | defer.CancelledError():
            words = f"no answer within {PATIENCE:g} s"
        case error.TimeoutError() | error.ConnectingCancelledError():
            words = f"no connection within {PATIENCE:g} s"
        case error.DNSLookupError():
            words = "nobody knows its name"
        case VerificationError():
            words = "its certificate is for another name"
        case SSL.Error(args=[[(*_, what), *_], *_]):
            words = f"TLS: {what}"
        case error.ConnectError():
            words = " ".join(str(fault).split()).rstrip(".")
        case _:
            pass
    return words


def _wait(text: str, now: float) -> float:
    """Return the seconds that ``Retry-After`` asks for: a number, or a date."""
    if _SECONDS.fullmatch(text.strip()):
        return min(float(text), LONGEST_WAIT)
    try:
        until = parsedate_to_datetime(text).timestamp()
    except (ValueError, OverflowError):
        return 0.0
    return min(max(0.0, until - now), LONGEST_WAIT)


@implementer(IBodyProducer)
class _Body:
    """A body that is written in one piece."""

    def __init__(self, body: bytes) -> None:
        self.length = len(body)
        self._body = body

    def startProducing(self, consumer: IConsumer) -> Deferred[None]:
        """Write it."""
        consumer.write(self._body)
        return succeed(None)

    def pauseProducing(self) -> None:
        """It is written already."""

    def resumeProducing(self) -> None:
        """The same."""

    def stopProducing(self) -> None:
        """The same."""


class _Unread(Protocol):
    """The body of an answer, which nobody reads: its end is waited for, for a while."""

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._read = 0
        self._end: IDelayedCall | None = None

    def connectionMade(self) -> None:
        """Begin to wait."""
        self._end = self._clock.callLater(PATIENCE, self._hang_up)

    def dataReceived(self, data: bytes) -> None:
        """Take a little of it off the receiver's hands."""
        self._read += len(data)
        if self._read > MOST_READ:
            self._hang_up()

    def connectionLost(self, *_: Any) -> None:
        """Wait no more."""
        if self._end is not None and self._end.active():
            self._end.cancel()

    def _hang_up(self) -> None:
        transport: Any = self.transport
        transport.loseConnection()
