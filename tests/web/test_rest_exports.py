"""The REST calls that write a take for other programs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import treq
from twisted.internet.defer import Deferred
from twisted.logger import capturedLogs
from twisted.web.iweb import IResponse

from raydel.core.config import Config
from raydel.core.manifest import Manifest
from raydel.export.formats import FORMATS, Format
from raydel.export.source import Source
from raydel.export.trouble import ExportTrouble, MissingLibrary, WrongChoice
from raydel.testing import SiteAgent
from raydel.web.site import make_site
from tests.web.test_rest import DEGRADED
from tests.web.test_rest_takes import HOSTILE, NO_SUCH_TAKE, TakesTestCase


def write(
    manifest: Manifest, sources: Sequence[Source], choices: Mapping[str, str]
) -> bytes:
    """Write down what there is to write."""
    devices = [each.device_id for each in sources]
    return msgspec.json.encode([manifest.id, devices, choices])


def refuse(error: Exception) -> Format:
    """Return a format that no take can be written in."""

    def render(*_: object) -> bytes:
        raise error

    return Format("refused", "text/plain", ".txt", render)


PLAIN = Format("plain", "text/plain; charset=utf-8", ".txt", write)


class ExportsTestCase(TakesTestCase):
    """A site with five takes and one format."""

    formats: Mapping[str, Format] = {"plain": PLAIN}

    def setUp(self) -> None:
        """Have the formats."""
        super().setUp()
        self.offer(self.formats)

    def offer(self, formats: Mapping[str, Format]) -> None:
        """Have other formats."""
        site = make_site(
            self.sessions, self.timebase, Config(), self.clock, formats=formats
        )
        self.agent = SiteAgent(site, self.clock)

    def export(self, path: str) -> tuple[IResponse, bytes]:
        """Ask for an export; return the answer, and its body."""
        response = self.successResultOf(self.request("GET", f"/api/takes/{path}"))
        return response, self.successResultOf(treq.content(response))


class FileTests(ExportsTestCase):
    def test_written(self) -> None:
        """A take is written from what is known of it, by the format's own type."""
        response, body = self.export("take-1/export/plain")
        self.assertEqual(200, response.code)
        self.assertEqual(["take-1", ["host-id"], {}], json.loads(body))
        kind = response.headers.getRawHeaders(b"content-type")
        self.assertEqual([b"text/plain; charset=utf-8"], kind)
        self.assertEqual(len(body), response.length)

    def test_name(self) -> None:
        """It comes as a file, named after the first letters of the take's id."""
        take_id = "Rnq8-n9kqgfthsVs"
        known = self.sessions.records["take-1"]
        take = msgspec.structs.replace(known.take, id=take_id)
        self.sessions.records[take_id] = msgspec.structs.replace(known, take=take)
        response, _ = self.export(f"{take_id}/export/plain")
        self.assertEqual(
            [b'attachment; filename="take-Rnq8-n9k.txt"'],
            response.headers.getRawHeaders(b"content-disposition"),
        )

    def test_choices(self) -> None:
        """What is chosen is handed on, as text, by name."""
        _, body = self.export("take-1/export/plain?a=1&b=&%C3%A9=%26+x")
        self.assertEqual({"a": "1", "b": "", "é": "& x"}, json.loads(body)[2])

    def test_real_formats(self) -> None:
        """What the program itself offers is what there is without a word."""
        site = make_site(self.sessions, self.timebase, Config(), self.clock)
        self.agent = SiteAgent(site, self.clock)
        response, body = self.export("take-1/export/json")
        self.assertEqual(200, response.code)
        self.assertEqual("take-1", json.loads(body)["id"])
        self.assertIn("json", FORMATS)


class RefusalTests(ExportsTestCase):
    def test_unknown_format(self) -> None:
        """A format that is none is 404, and names those there are."""
        self.offer({"otio": PLAIN, "csv": PLAIN, "json": PLAIN, "ffmpeg": PLAIN})
        text = "There is no such format; there are csv, ffmpeg, json, otio"
        for name in ("", "JSON", "jso", "json%00", "json.json", "%FF", "x" * 8000):
            answer = self.answer("GET", f"/api/takes/take-1/export/{name}")
            self.assertEqual((404, {"error": text}), answer, name)

    def test_no_take(self) -> None:
        """What names no take is a take that is not there, whatever it is."""
        for text in (*HOSTILE, "take-9", "a/export/b"):
            answer = self.answer("GET", f"/api/takes/{text}/export/plain")
            self.assertEqual(NO_SUCH_TAKE, answer, text)

    def test_twice(self) -> None:
        """A parameter that comes twice is refused, even if it says the same."""
        for query in ("a=1&a=1", "a&a", "a=1&b=2&%61=3"):
            answer = self.answer("GET", f"/api/takes/take-1/export/plain?{query}")
            text = "Each parameter may be given once"
            self.assertEqual((400, {"error": text}), answer)

    def test_reasons(self) -> None:
        """Each way in which an export can fail has its status, and its words."""
        for error, status in (
            (ExportTrouble("no file of this take has a start"), 409),
            (WrongChoice("there is no parameter color"), 400),
            (MissingLibrary("install raydel[otio]"), 501),
        ):
            self.offer({"plain": refuse(error)})
            answer = self.answer("GET", "/api/takes/take-1/export/plain")
            self.assertEqual((status, {"error": str(error)}), answer)

    def test_broken(self) -> None:
        """What breaks is 500, and a line in the log that quotes nothing."""
        self.offer({"plain": refuse(ValueError("secret"))})
        with capturedLogs() as events:
            answer = self.answer("GET", "/api/takes/take-1/export/plain")
        self.assertEqual((500, {"error": "Internal Server Error"}), answer)
        self.assertEqual(1, len(events))

    def test_degraded(self) -> None:
        """A take that is out of reach may be asked for again."""
        self.sessions.trouble = "the disk is full"
        answer = self.answer("GET", "/api/takes/take-1/export/plain")
        self.assertEqual(DEGRADED, answer)

    def test_methods(self) -> None:
        """Exports are read and nothing else."""
        for method in ("POST", "PUT", "DELETE", "FOO"):
            asked = self.request(method, "/api/takes/take-1/export/plain")
            response = self.successResultOf(asked)
            allowed = response.headers.getRawHeaders(b"allow")
            self.assertEqual((405, [b"GET, HEAD, OPTIONS"]), (response.code, allowed))

    def test_cancelled(self) -> None:
        """Who hangs up while it is written stops nothing else."""
        waiting: Deferred[Any] = Deferred()
        site = make_site(
            self.sessions, self.timebase, Config(), self.clock, lambda _: waiting
        )
        self.agent = SiteAgent(site, self.clock)
        response = self.request("GET", "/api/takes/take-1/export/json")
        response.addErrback(lambda _: None)
        response.cancel()
        self.assertFalse(waiting.called)
