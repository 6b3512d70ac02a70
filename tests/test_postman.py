"""One letter, posted: what the receiver gets, and what is made of its answer."""

from __future__ import annotations

import hashlib
import hmac
import json
from http import HTTPStatus
from typing import Any

from OpenSSL import SSL
from service_identity import VerificationError
from twisted.internet import error
from twisted.internet.defer import Deferred, fail
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.client import ResponseNeverReceived
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgent, IBodyProducer, IResponse
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request, Site
from zope.interface import implementer

from raydel import __version__
from raydel.core.letters import Letter
from raydel.postman import LONGEST_WAIT, MOST_READ, PATIENCE, Answer, Postman, signature
from raydel.testing import EPOCH, SiteAgent
from raydel.testing.lines import THERE

SECRET = b"a secret of many words"
NOW = EPOCH / 1000 + 0.75
LETTER = Letter("id-1", "ABC123", EPOCH, "take.marked", '{"label":"Tor ⚽"}')
HEADERS = ("content-type", "raydel-event", "raydel-delivery", "raydel-signature")


def _content(request: Request) -> bytes:
    assert request.content is not None
    content: bytes = request.content.read()
    return content


class Receiver(Resource):
    """Answers as it is told, and keeps what it gets.

    Attributes:
        status: What it answers.
        headers: What stands above its answers.
        body: What stands in them.
        ends: Whether they have an end.
        mute: Whether it answers nothing.
        got: Headers and body of each request.
        cut: How many requests the client gave up.
    """

    isLeaf = True  # noqa: N815 - Twisted looks for it

    def __init__(self) -> None:
        super().__init__()
        self.status: int = HTTPStatus.NO_CONTENT
        self.headers: dict[str, str] = {}
        self.body = b""
        self.ends = True
        self.mute = False
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.cut = 0

    def render_POST(self, request: Request) -> Any:
        """Answer."""
        headers = {
            name.decode().lower(): values[0].decode()
            for name, values in request.requestHeaders.getAllRawHeaders()
        }
        self.got.append((headers, _content(request)))
        request.setResponseCode(self.status)
        for name, value in self.headers.items():
            request.setHeader(name, value)
        if self.ends and not self.mute:
            return self.body
        request.notifyFinish().addErrback(self._note)
        if not self.mute:
            request.write(self.body)
        return NOT_DONE_YET

    def _note(self, _: Failure) -> None:
        self.cut += 1


@implementer(IAgent)
class Failing:
    """An agent whose requests fail, or go on for ever.

    Attributes:
        asked: What waits for an answer.
    """

    def __init__(self, fault: Exception | None = None) -> None:
        self.asked: list[Deferred[IResponse]] = []
        self._fault = fault

    def request(
        self,
        method: bytes,
        uri: bytes,
        headers: Headers | None = None,
        bodyProducer: IBodyProducer | None = None,
    ) -> Deferred[IResponse]:
        """Ask."""
        if self._fault is not None:
            return fail(self._fault)
        self.asked.append(Deferred())
        return self.asked[-1]


class Case(SynchronousTestCase):
    """A receiver, and whoever posts to it."""

    def setUp(self) -> None:
        """Make both."""
        self.clock = Clock()
        self.receiver = Receiver()
        self.agent = SiteAgent(Site(self.receiver, reactor=self.clock), self.clock)

    def ask(self, agent: IAgent | None = None) -> Deferred[Answer]:
        """Post a letter."""
        url = "http://club.example/raydel?key=1"
        postman = Postman(
            agent or self.agent, url, SECRET, self.clock, wall=lambda: NOW
        )
        return postman.post(LETTER)

    def post(self, agent: IAgent | None = None) -> Answer:
        """Post a letter, and return what came of it at once."""
        answer: Answer = self.successResultOf(self.ask(agent))
        return answer


class Posting(Case):
    """What the receiver gets."""

    def test_request(self) -> None:
        """It gets the body as it was stored, named, and signed with the time."""
        self.assertTrue(self.post().is_taken)
        ((headers, body),) = self.receiver.got
        self.assertEqual(LETTER.body.encode(), body)
        signed = f"{int(NOW)}.".encode() + body
        digest = hmac.new(SECRET, signed, hashlib.sha256).hexdigest()
        expected = (
            "application/json",
            "take.marked",
            "id-1",
            f"t={int(NOW)},v1={digest}",
        )
        self.assertEqual(expected, tuple(headers[name] for name in HEADERS))
        self.assertEqual(f"Raydel/{__version__}", headers["user-agent"])
        self.assertEqual({"label": "Tor ⚽"}, json.loads(body))

    def test_signature(self) -> None:
        """The signature is what others compute, and covers time, body and secret."""
        # printf 1768473000.{} | openssl dgst -sha256 -hmac secret
        expected = (
            "t=1768473000,v1="
            "376a6d9b38ff49a2238f0792a5396b11cd0fda6e50f2accc26c2c048817a0580"
        )
        self.assertEqual(expected, signature(b"secret", 1_768_473_000, b"{}"))
        others = {
            signature(b"secret", 1_768_473_001, b"{}"),
            signature(b"secret", 1_768_473_000, b"[]"),
            signature(b"Secret", 1_768_473_000, b"{}"),
        }
        self.assertEqual(3, len({each.partition(",")[2] for each in others}))

    def test_nothing_is_left(self) -> None:
        """Once the answer is there, no timer is left behind."""
        self.receiver.status, self.receiver.body = 200, b"thank you"
        self.assertTrue(self.post().is_taken)
        self.clock.advance(0)
        calls: list[Any] = list(self.clock.getDelayedCalls())
        left = {call.func.__name__ for call in calls}
        self.assertEqual(set(), left & {"_hang_up", "timeItOut"})


class Answers(Case):
    """What is made of them."""

    def answer(self, status: int, **headers: str) -> Answer:
        """Have the receiver answer this."""
        self.receiver.status = status
        self.receiver.headers = {k.replace("_", "-"): v for k, v in headers.items()}
        return self.post()

    def test_taken(self) -> None:
        """Every 2xx means that it has the letter, and nothing else does."""
        for status in (200, 201, 202, 204):
            self.assertTrue(self.answer(status).is_taken)
        for status in (301, 400, 401, 404, 408, 410, 429, 500, 503):
            answer = self.answer(status)
            self.assertFalse(answer.is_taken)
            self.assertEqual(f"it answers {status}", answer.why)

    def test_gone(self) -> None:
        """410 is its last word, and no other status is."""
        found = {s for s in (400, 404, 410, 500, 501) if self.answer(s).is_final}
        self.assertEqual({410}, found)

    def test_redirects(self) -> None:
        """It is not followed anywhere: nobody chose where that leads."""
        answer = self.answer(307, location="http://elsewhere.example/")
        self.assertEqual((307, 1), (answer.status, len(self.receiver.got)))

    def test_retry_after(self) -> None:
        """It may ask for a pause, in seconds or with a date, and not for a long one."""
        for text, expected in (
            ("120", 120.0),
            ("0", 0.0),
            ("999999", LONGEST_WAIT),
            ("Thu, 15 Jan 2026 10:31:00 GMT", 59.25),
            ("Thu, 15 Jan 2026 10:29:00 GMT", 0.0),
            ("Fri, 16 Jan 2026 10:30:00 GMT", LONGEST_WAIT),
            ("soon", 0.0),
            ("-5", 0.0),
            ("9" * 400, 0.0),
        ):
            self.assertEqual(expected, self.answer(503, retry_after=text).wait, text)
        self.assertEqual(0.0, self.answer(503).wait)


class Patience(Case):
    """A receiver that does not come to an end."""

    def test_no_answer(self) -> None:
        """It has ten seconds to answer; then the request is given up."""
        agent = Failing()
        asked = self.ask(agent)
        self.clock.advance(PATIENCE - 0.1)
        self.assertNoResult(asked)
        self.clock.advance(0.1)
        expected = Answer(0, "no answer within 10 s")
        self.assertEqual(expected, self.successResultOf(asked))
        self.assertTrue(agent.asked[0].called)
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_no_answer_on_a_line(self) -> None:
        """A connection that nothing comes over is closed, and said to be that."""
        self.receiver.mute = True
        asked = self.ask()
        self.clock.advance(PATIENCE)
        self.agent.flush()
        expected = Answer(0, "no answer within 10 s")
        self.assertEqual(expected, self.successResultOf(asked))
        self.assertEqual((1, 1), (len(self.receiver.got), self.receiver.cut))

    def test_a_long_answer(self) -> None:
        """Nobody reads a long answer to its end; the letter is delivered."""
        self.receiver.status, self.receiver.ends = 200, False
        self.receiver.body = b"x" * (MOST_READ + 1)
        self.assertTrue(self.post().is_taken)
        self.agent.flush()
        self.assertEqual(1, self.receiver.cut)

    def test_an_answer_without_end(self) -> None:
        """Nor is an end waited for that does not come."""
        self.receiver.status, self.receiver.ends = 200, False
        self.receiver.body = b"x"
        self.assertTrue(self.post().is_taken)
        self.clock.advance(PATIENCE - 0.1)
        self.agent.flush()
        self.assertEqual(0, self.receiver.cut)
        self.clock.advance(0.1)
        self.agent.flush()
        self.assertEqual(1, self.receiver.cut)


class Words(Case):
    """Why there was no answer, for an operator."""

    def test_words(self) -> None:
        """What goes wrong often is said in words, and all else is named."""
        untrusted = SSL.Error([("SSL routines", "", "certificate verify failed")])
        for fault, expected in (
            (error.DNSLookupError(), "nobody knows its name"),
            (ResponseNeverReceived([Failure(untrusted)]), "TLS: certificate verify"),
            (
                ResponseNeverReceived([Failure(VerificationError(errors=[]))]),
                "its certificate is for another name",
            ),
            (SSL.Error(), "no answer (Error)"),
            (ZeroDivisionError(), "no answer (ZeroDivisionError)"),
            (error.TCPTimedOutError(), "TCP connection timed out"),
            (error.TimeoutError(), "no connection within 10 s"),
            (error.ConnectingCancelledError(THERE), "no connection within 10 s"),
            (error.ConnectionRefusedError(), "Connection was refused by other side"),
        ):
            answer = self.post(Failing(fault))
            self.assertEqual(0, answer.status)
            self.assertIn(expected, answer.why)
            self.assertNotIn("\n", answer.why)
