"""The REST calls about takes, over a stub agent."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, Final

import msgspec
from msgspec import structs
from twisted.internet.defer import Deferred
from twisted.logger import capturedLogs

from raydel.core.apps import App
from raydel.core.cameras import CameraLatency, Latency
from raydel.core.config import Config
from raydel.core.journal import SERVER, JournalEntry, Marked
from raydel.core.manifest import manifest_of
from raydel.core.take import ClockSample, Owner, Participant, Take
from raydel.interfaces import StoreTrouble, TakeRecord
from raydel.testing import EPOCH, ByteLine, FakeSessions, SiteAgent
from raydel.web.site import make_site
from tests.phones_in_memory import CODE, LIBRARY_2, PROTOCOL_2, pair
from tests.stage import Stage
from tests.web.test_rest import DEGRADED, NOT_FOUND, AskingTestCase, RestTestCase

NO_SUCH_CODE: Final = (
    404,
    {"error": "Session not found", "code": "session_not_found"},
)
NO_SUCH_TAKE: Final = (404, {"error": "Take not found", "code": "take_not_found"})
NO_TAKES: Final[tuple[int, dict[str, Any]]] = (200, {"takes": [], "next": None})
HOSTILE: Final = (
    "",
    "/",
    "//",
    "../",
    "../../health",
    "%2e%2e%2fhealth",
    "%2Fhealth",
    "take-1/",
    "take-1%00",
    "%00",
    "%0d%0aset-cookie:x",
    "take-1%0A",
    "%FF%FE",
    "%ED%A0%80",
    "%EF%BC%A1",
    "take-1'--",
    "A" * 8192,
)
"""What stands where an id or a code should."""


def record(number: int, code: str = "ABC123") -> TakeRecord:
    """Make the take of a minute; all but the last have ended."""
    start = EPOCH + number * 60_000
    host = Owner("host-id", True, None, ("fingerprint",))
    take = Take(
        id=f"take-{number}",
        session_id=code,
        accepted_at=start - 250,
        start_at=start,
        initiator="host-id",
        participants=(Participant(host, "iPhone", App.PROTOCOL_2),),
        ended_at=start + 30_000.1234,
        reason="command",
    )
    sample = ClockSample(take.id, "host-id", "clock-1", start - 100, 7.0, 2.5)
    return TakeRecord(take, (sample,))


def ids(answer: tuple[int, Any]) -> list[str]:
    """Return which takes an answer lists."""
    status, value = answer
    assert status == 200, answer
    return [take["id"] for take in value["takes"]]


def _undated(head: bytes) -> bytes:
    """Leave out the one header that changes by itself."""
    return re.sub(rb"(?i)\r\ndate: [^\r]*", b"", head)


class TakesTestCase(RestTestCase):
    """A site with five takes, the third of them of another code."""

    def setUp(self) -> None:
        """Have the takes."""
        super().setUp()
        records = [record(n, "ABC123" if n != 3 else "OTHER1") for n in range(1, 6)]
        self.sessions.records = {each.take.id: each for each in records}

    def wrong(self, path: str) -> str:
        """Return what is said to be wrong with a call."""
        status, value = self.answer("GET", path)
        self.assertEqual((400, {"error"}), (status, set(value)), path)
        return str(value["error"])


class ListTests(TakesTestCase):
    def test_shape(self) -> None:
        """A list has its takes, in short, and what follows."""
        summary = {
            "id": "take-5",
            "sessionId": "ABC123",
            "isRecording": False,
            "startTime": EPOCH + 300_000,
            "endedAt": EPOCH + 330_000.123,
            "reason": "command",
            "deviceNames": ["iPhone"],
        }
        expected = {"takes": [summary], "next": "take-5"}
        self.assertEqual((200, expected), self.answer("GET", "/api/takes?limit=1"))

    def test_latest_first(self) -> None:
        """All takes are listed, the latest begun first."""
        answer = self.answer("GET", "/api/takes")
        self.assertEqual([f"take-{n}" for n in (5, 4, 3, 2, 1)], ids(answer))
        self.assertIsNone(answer[1]["next"])

    def test_none(self) -> None:
        """So are none."""
        self.sessions.records.clear()
        self.assertEqual(NO_TAKES, self.answer("GET", "/api/takes"))

    def test_pages(self) -> None:
        """Page by page, each take is shown once, and the last page says so."""
        for size in range(1, 7):
            seen: list[str] = []
            path = f"/api/takes?limit={size}"
            following: str | None = ""
            while following is not None:
                more = f"&before={following}" if following else ""
                answer = self.answer("GET", path + more)
                self.assertTrue(1 <= len(ids(answer)) <= size)
                seen += ids(answer)
                following = answer[1]["next"]
            self.assertEqual([f"take-{n}" for n in (5, 4, 3, 2, 1)], seen)

    def test_before_the_first(self) -> None:
        """Before the first take there is none, and that is no mistake."""
        self.assertEqual(NO_TAKES, self.answer("GET", "/api/takes?before=take-1"))

    def test_limits(self) -> None:
        """Fifty are listed where nobody says, and two hundred at most."""
        records = [record(n) for n in range(1, 302)]
        self.sessions.records = {each.take.id: each for each in records}
        for query, count in (("", 50), ("?limit=1", 1), ("?limit=200", 200)):
            answer = self.answer("GET", f"/api/takes{query}")
            self.assertEqual(count, len(ids(answer)))
            self.assertEqual(ids(answer)[-1], answer[1]["next"])

    def test_wrong_limit(self) -> None:
        """A limit that is none is refused, and what one is is said."""
        for text in (
            "",
            "0",
            "-1",
            "201",
            "1000",
            "9" * 5000,
            "1.5",
            "1e2",
            "050",
            "+5",
            "%205",
            "5%0A",
            "5%00",
            "%D9%A3",
            "%FF",
            "many",
            "None",
        ):
            for path in ("/api/takes", "/api/sessions/ABC123/takes"):
                error = self.wrong(f"{path}?limit={text}")
                self.assertEqual("limit is a number from 1 to 200", error)

    def test_wrong_before(self) -> None:
        """A `before` that names no take is a take that is not there."""
        for text in ("", "take-9", "TAKE-1", "take-1%00", "%FF", "../", "A" * 8192):
            for path in ("/api/takes", "/api/sessions/ABC123/takes"):
                status, value = self.answer("GET", f"{path}?before={text}")
                expected = NO_SUCH_TAKE[1] | {"detail": "before is the id of no take"}
                self.assertEqual((404, expected), (status, value), text)

    def test_repeated(self) -> None:
        """A parameter that comes twice is refused, even if it says the same."""
        for query in ("limit=5&limit=5", "before=take-1&limit=5&before=take-2"):
            error = self.wrong(f"/api/takes?{query}")
            self.assertEqual("limit and before may be given once each", error)

    def test_unknown(self) -> None:
        """A parameter nobody knows is refused: a slip would show the wrong takes."""
        for query in ("Limit=5", "limit", "after=take-1", "=", "x", "limit=5&%FF=1"):
            text = "Only limit and before may be given"
            if query == "limit":
                text = "limit is a number from 1 to 200"
            self.assertEqual(text, self.wrong(f"/api/takes?{query}"))

    def test_nothing_asked(self) -> None:
        """A question mark with nothing behind it asks nothing."""
        for query in ("?", "?&", "?&&limit=5"):
            self.assertEqual(5, len(ids(self.answer("GET", f"/api/takes{query}"))))


class CodeTests(TakesTestCase):
    def test_one_code(self) -> None:
        """The takes of one code are listed, in any case of its letters."""
        for code in ("ABC123", "abc123", "%41bc123"):
            answer = self.answer("GET", f"/api/sessions/{code}/takes")
            self.assertEqual(["take-5", "take-4", "take-2", "take-1"], ids(answer))

    def test_pages(self) -> None:
        """They have pages too; `before` may be any take there is."""
        path = "/api/sessions/ABC123/takes?limit=2"
        answer = self.answer("GET", path)
        self.assertEqual(["take-5", "take-4"], ids(answer))
        rest = self.answer("GET", f"{path}&before={answer[1]['next']}")
        self.assertEqual(["take-2", "take-1"], ids(rest))
        self.assertIsNone(rest[1]["next"])
        self.assertEqual(rest, self.answer("GET", f"{path}&before=take-3"))

    def test_takes_outlive_sessions(self) -> None:
        """A session that is gone leaves its takes behind."""
        self.assertEqual(NOT_FOUND, self.answer("GET", "/api/sessions/OTHER1"))
        answer = self.answer("GET", "/api/sessions/OTHER1/takes")
        self.assertEqual(["take-3"], ids(answer))

    def test_never_used(self) -> None:
        """A code under which nothing was recorded has no takes."""
        self.assertEqual(NO_TAKES, self.answer("GET", "/api/sessions/NOPE00/takes"))

    def test_no_code(self) -> None:
        """What is no code is a session that is not there, whatever it is."""
        for text in (*HOSTILE, "ABC12", "takes", "ABC123/takes", "%C3%9FBC12"):
            answer = self.answer("GET", f"/api/sessions/{text}/takes")
            self.assertEqual(NO_SUCH_CODE, answer, text)

    def test_not_a_session(self) -> None:
        """The call is told from that of a session: its path is not part of a code."""
        for text in ("takes", "ABC123/takes/", "ABC123/Takes", "ABC123/takes/take-1"):
            self.assertEqual(NOT_FOUND, self.answer("GET", f"/api/sessions/{text}"))


class OneTests(TakesTestCase):
    def test_found(self) -> None:
        """A take is shown with all that is known of it, journal and cameras too."""
        known = self.sessions.records["take-2"]
        start = known.take.start_at
        entry = JournalEntry("take-2", SERVER, start, Marked(start, "Goal"))
        cameras = (CameraLatency("iPhone", Latency(300.0, 50.0)),)
        known = structs.replace(known, journal=(entry,), cameras=cameras)
        self.sessions.records["take-2"] = known
        manifest = manifest_of(known.take, known.samples, (entry,), cameras)
        expected = json.loads(msgspec.json.encode(manifest))
        self.assertEqual((200, expected), self.answer("GET", "/api/takes/take-2"))
        self.assertEqual("Goal", expected["markers"][0]["label"])

    def test_shape(self) -> None:
        """It says what it is, and tells no token."""
        _, shown = self.answer("GET", "/api/takes/take-2")
        self.assertEqual(["format", "version", "id"], list(shown)[:3])
        self.assertEqual(("raydel-take", 1), (shown["format"], shown["version"]))
        (sample,) = shown["participants"][0]["clockSamples"]
        self.assertEqual(
            {
                "at": EPOCH + 119_900,
                "offset": 7.0,
                "roundTrip": 2.5,
                "clockId": "clock-1",
            },
            sample,
        )
        self.assertNotIn("fingerprint", json.dumps(shown))

    def test_not_found(self) -> None:
        """What names no take is a take that is not there, whatever it is."""
        for text in (*HOSTILE, "take-9", "TAKE-1"):
            for method in ("GET", "DELETE"):
                answer = self.answer(method, f"/api/takes/{text}")
                self.assertEqual(NO_SUCH_TAKE, answer, text)


class DeleteTests(TakesTestCase):
    def test_deleted(self) -> None:
        """A take is deleted, once."""
        gone = (200, {"message": "Take deleted"})
        self.assertEqual(gone, self.answer("DELETE", "/api/takes/take-2"))
        self.assertEqual([("delete_take", "take-2")], self.sessions.commanded)
        self.assertEqual(NO_SUCH_TAKE, self.answer("GET", "/api/takes/take-2"))
        self.assertEqual(NO_SUCH_TAKE, self.answer("DELETE", "/api/takes/take-2"))

    def test_running(self) -> None:
        """One that runs is not, and stays."""
        known = self.sessions.records["take-5"]
        running = structs.replace(known.take, ended_at=None, reason=None)
        self.sessions.records["take-5"] = structs.replace(known, take=running)
        status, value = self.answer("DELETE", "/api/takes/take-5")
        self.assertEqual((409, "recording_in_progress"), (status, value["code"]))
        self.assertEqual(200, self.answer("GET", "/api/takes/take-5")[0])

    def test_others_stay(self) -> None:
        """Nothing but that take is touched: no list of them, nor its clocks."""
        for path in ("/api/takes", "/api/takes/take-1/clocks", "/api/takes/x/export/y"):
            self.assertEqual(405, self.answer("DELETE", path)[0])
        self.assertEqual([], self.sessions.commanded)
        self.assertEqual(5, len(self.sessions.records))

    def test_degraded(self) -> None:
        """What cannot be deleted now may be asked for again."""
        self.sessions.trouble = "the disk is full"
        self.assertEqual(DEGRADED, self.answer("DELETE", "/api/takes/take-1"))


class ThreadTests(TakesTestCase):
    def test_away_from_the_reactor(self) -> None:
        """What fits clocks is done where others do not wait for it."""
        work: list[tuple[Callable[[], Any], Deferred[Any]]] = []

        def later(task: Callable[[], Any]) -> Deferred[Any]:
            work.append((task, Deferred()))
            return work[-1][1]

        site = make_site(self.sessions, self.timebase, Config(), self.clock, later)
        self.agent = SiteAgent(site, self.clock)
        for path in ("", "/clocks", "/export/json"):
            response = self.request("GET", f"/api/takes/take-1{path}")
            self.assertNoResult(response)
            task, done = work.pop()
            done.callback(task())
            self.agent.flush()
            self.assertEqual(200, self.successResultOf(response).code)


class RawTests(TakesTestCase):
    def test_no_ascii(self) -> None:
        """Bytes that no client may send are refused before they are looked at."""
        for path in (
            b"/api/takes/\xff\xfe",
            b"/api/sessions/\xc3\x28/takes",
            b"/api/takes?limit=\xb2",
            b"/api/takes?\xff=1",
        ):
            line = ByteLine(self.site, self.clock)
            line.send(b"GET " + path + b" HTTP/1.1\r\nhost: here\r\n\r\n")
            head, _, body = line.take().partition(b"\r\n\r\n")
            self.assertTrue(head.startswith(b"HTTP/1.1 400 "))
            self.assertEqual({"error": "Bad Request"}, json.loads(body))


class MethodTests(TakesTestCase):
    PATHS = ("/api/takes", "/api/takes/take-1", "/api/sessions/ABC123/takes")

    def test_wrong(self) -> None:
        """A method that a path does not know is 405, and names those that it does."""
        for path in self.PATHS:
            one = path == "/api/takes/take-1"
            for method in ("POST", "PUT", "TRACE", "FOO", *([] if one else ["DELETE"])):
                response = self.successResultOf(self.request(method, path))
                self.assertEqual(405, response.code)
                allowed = (
                    b"DELETE, GET, HEAD, OPTIONS" if one else b"GET, HEAD, OPTIONS"
                )
                self.assertEqual([allowed], response.headers.getRawHeaders(b"allow"))
                expected = (405, {"error": "Method Not Allowed"})
                self.assertEqual(expected, self.answer(method, path))
        self.assertEqual([], self.sessions.ended)

    def test_head(self) -> None:
        """HEAD is GET without the body, where all is well and where not."""
        for path in (*self.PATHS, "/api/takes/none", "/api/takes?limit=0"):
            line = ByteLine(self.site, self.clock)
            answers = []
            for method in ("GET", "HEAD"):
                line.send(f"{method} {path} HTTP/1.1\r\nhost: here\r\n\r\n".encode())
                answers.append(line.take())
            head, _, body = answers[0].partition(b"\r\n\r\n")
            self.assertTrue(body)
            self.assertEqual(_undated(head + b"\r\n\r\n"), _undated(answers[1]))

    def test_options(self) -> None:
        """A page that asks whether it may ask is answered."""
        for path in self.PATHS:
            response = self.successResultOf(self.request("OPTIONS", path))
            self.assertEqual(204, response.code)


class TroubleTests(TakesTestCase):
    PATHS = (*MethodTests.PATHS, "/api/takes?before=take-1")

    def test_degraded(self) -> None:
        """Takes that are out of reach are 503, and may be asked for again."""
        self.sessions.trouble = "the disk is full"
        for path in self.PATHS:
            response = self.successResultOf(self.request("GET", path))
            self.assertEqual([b"1"], response.headers.getRawHeaders(b"retry-after"))
            self.assertEqual(DEGRADED, self.answer("GET", path))

    def test_mistakes_first(self) -> None:
        """What makes no sense makes none later either."""
        self.sessions.trouble = "the disk is full"
        self.wrong("/api/takes?limit=0")
        self.assertEqual(NO_SUCH_CODE, self.answer("GET", "/api/sessions/x/takes"))

    def test_broken(self) -> None:
        """A call that breaks is 500: a line for the log, nothing for the client."""
        self.sessions.fault = ValueError("secret")
        for path in self.PATHS:
            with capturedLogs() as events:
                answer = self.answer("GET", path)
            self.assertEqual((500, {"error": "Internal Server Error"}), answer)
            self.assertEqual(1, len(events))


class SlowSessions(FakeSessions):
    """Sessions whose takes are slow to come.

    Attributes:
        asked: What was asked for and waits, with its arguments.
    """

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[tuple[Any, ...], Deferred[Any]]] = []

    def take(self, take_id: str) -> Deferred[TakeRecord | None]:
        """Wait."""
        return self._wait(take_id)

    def takes(
        self, code: str | None = None, before: str | None = None, limit: int = 50
    ) -> Deferred[Any]:
        """Wait."""
        return self._wait(code, before, limit)

    def _wait(self, *arguments: Any) -> Deferred[Any]:
        self.asked.append((arguments, Deferred()))
        return self.asked[-1][1]


class HangUpTests(RestTestCase):
    def setUp(self) -> None:
        """Have a store that takes its time."""
        super().setUp()
        self.slow = SlowSessions()
        self.site = make_site(self.slow, self.timebase, Config(), self.clock)

    def leave(self, path: str, *answers: Any) -> Deferred[Any]:
        """Ask, hang up after some answers of the store; return what it still does."""
        line = ByteLine(self.site, self.clock)
        line.send(f"GET {path} HTTP/1.1\r\nhost: here\r\n\r\n".encode())
        for each in answers:
            self.slow.asked[-1][1].callback(each)
        finished = self.site.finish()
        self.assertNoResult(finished)
        line.hang_up()
        self.successResultOf(finished)
        return self.slow.asked[-1][1]

    def test_store_is_left_alone(self) -> None:
        """A client that leaves does not tear the store out of what it reads."""
        for path, *answers in (
            ("/api/takes",),
            ("/api/takes?before=take-1", []),
            ("/api/takes/take-1",),
            ("/api/sessions/ABC123/takes",),
        ):
            for result in (None, StoreTrouble("the disk is full")):
                work = self.leave(path, *answers)
                self.assertFalse(work.called)
                with capturedLogs() as events:
                    if result is None:
                        work.callback(None)
                    else:
                        work.errback(result)
                self.assertEqual([], events)

    def test_no_second_question(self) -> None:
        """Nothing more is asked for a client that is gone."""
        self.leave("/api/takes?before=take-1").callback([])
        self.assertEqual([(None, "take-1", 51)], [each for each, _ in self.slow.asked])


class RealTests(AskingTestCase):
    """The same calls, of the real service on a store in memory."""

    def setUp(self) -> None:
        """Have two phones, and nothing recorded."""
        self.stage = Stage()
        self.host, self.guest = pair(self.stage, PROTOCOL_2, LIBRARY_2)
        stage = self.stage
        site = make_site(stage.service, stage.timebase, Config(), stage.clock)
        self.agent = SiteAgent(site, stage.clock)

    def record(self) -> str:
        """Record for ten seconds; return the take's id."""
        self.host.tap_start()
        self.stage.run(10_000)
        self.host.tap_stop()
        self.stage.run(1_000)
        return str(self.host.all("start_recording")[-1]["takeId"])

    def test_a_match(self) -> None:
        """A take is there as soon as it was started, and when all have gone."""
        self.host.tap_start()
        self.stage.run(1_000)
        (start,) = self.host.all("start_recording")
        _, running = self.answer("GET", f"/api/takes/{start['takeId']}")
        self.assertTrue(running["isRecording"])
        self.assertEqual(start["atomic_start_time"], running["startTime"])
        self.assertEqual(start["timestamp"], running["acceptedAt"])
        self.host.tap_stop()
        self.stage.run(1_000)
        (stop,) = self.host.all("stop_recording")
        self.answer("DELETE", f"/api/sessions/{CODE}")
        _, ended = self.answer("GET", f"/api/takes/{start['takeId']}")
        self.assertEqual(
            (False, stop["timestamp"], "command"),
            (ended["isRecording"], ended["endedAt"], ended["reason"]),
        )
        shown = [(p["isHost"], p["app"]) for p in ended["participants"]]
        self.assertEqual([(True, "protocol-2"), (False, "library-2")], shown)
        self.assertEqual(ended["initiator"], ended["participants"][0]["deviceId"])

    def test_samples(self) -> None:
        """Clock samples that were stored are shown with their device."""
        take_id = self.record()
        _, before = self.answer("GET", f"/api/takes/{take_id}")
        device = before["participants"][1]
        sample = ClockSample(take_id, device["deviceId"], "c", EPOCH, 1.5, 0.25)
        self.stage.store.commit([], [sample])
        _, after = self.answer("GET", f"/api/takes/{take_id}")
        expected = {"at": EPOCH, "offset": 1.5, "roundTrip": 0.25, "clockId": "c"}
        self.assertEqual(
            [*device["clockSamples"], expected],
            after["participants"][1]["clockSamples"],
        )

    def test_pages(self) -> None:
        """Takes are listed page by page, of all codes and of one."""
        made = [self.record() for _ in range(3)]
        for path in ("/api/takes", f"/api/sessions/{CODE}/takes"):
            first = self.answer("GET", f"{path}?limit=2")
            self.assertEqual(made[:0:-1], ids(first))
            rest = self.answer("GET", f"{path}?limit=2&before={first[1]['next']}")
            self.assertEqual((made[:1], None), (ids(rest), rest[1]["next"]))
        status, _ = self.answer("GET", "/api/takes?before=unknown")
        self.assertEqual(404, status)
