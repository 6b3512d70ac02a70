"""A take, two clips of it, and a server that has it, for the tools that read them."""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout
from email.message import Message
from functools import partial
from pathlib import Path
from typing import Any, Final
from unittest import SkipTest
from urllib.request import BaseHandler, Request, build_opener
from urllib.response import addinfourl

import msgspec
from msgspec import structs
from twisted.trial.unittest import SynchronousTestCase

from raydel import cli
from raydel.cli import asking
from raydel.core.alignment import AlignedFile, Alignment
from raydel.core.knots import Knot
from raydel.core.manifest import (
    FORMAT,
    VERSION,
    Manifest,
    Recording,
    ShownParticipant,
    TakeSummary,
)

START: Final = 1_768_473_012_595.12
"""2026-01-15, 10:30:12 UTC."""

LONG: Final = 10_000.0
LATE: Final = 1_500.0
"""By so many ms the guest's file begins after the host's."""

FILES: Final = (
    AlignedFile(
        device_id="host-id",
        source="frames",
        start=START,
        end=None,
        offset=0.0,
        rate_ppm=0.0,
        bend=0.0,
        uncertainty=0.0,
        bound=0.0,
        grade="A",
        course=(Knot(START, 0.0), Knot(START + LONG, LONG)),
    ),
    AlignedFile(
        device_id="guest-id",
        source="frames",
        start=START + LATE,
        end=None,
        offset=LATE,
        rate_ppm=50.0,
        bend=0.0,
        uncertainty=0.21,
        bound=3.1,
        grade="A",
        course=(Knot(START + LATE, 0.0), Knot(START + LATE + LONG, LONG * 1.00005)),
    ),
)
LIMIT: Final = "the clocks wander between two bursts"


def person(device: str, name: str, *, is_host: bool, file: str) -> ShownParticipant:
    """Make a participant that reported its file's name."""
    return ShownParticipant(
        device_id=device,
        name=name,
        is_host=is_host,
        app="protocol-2",
        start_confirmed=True,
        late=False,
        model=None,
        installation_id=None,
        protocol=2,
        capabilities=(),
        recording=Recording(state="stopped", file_name=file),
        gaps=(),
        clock_samples=(),
    )


TAKE: Final = Manifest(
    format=FORMAT,
    version=VERSION,
    id="veSz6vKvSO1ntYmO",
    session_id="ABC123",
    is_recording=False,
    accepted_at=START - 250,
    start_time=START,
    ended_at=START + LONG,
    reason="command",
    ended_by="host-id",
    initiator="host-id",
    participants=(
        person("host-id", "Left goal", is_host=True, file="A.mp4"),
        person("guest-id", "Right goal", is_host=False, file="B.mp4"),
    ),
    absent=(),
    markers=(),
    alignment=Alignment("host-id", "A", 0.21, 3.1, (LIMIT,), FILES),
    journal=(),
)


def summary(manifest: Manifest) -> TakeSummary:
    """Show a take in a list."""
    return TakeSummary(
        id=manifest.id,
        session_id=manifest.session_id,
        is_recording=manifest.is_recording,
        start_time=manifest.start_time,
        ended_at=manifest.ended_at,
        reason=manifest.reason,
        device_names=tuple(each.name for each in manifest.participants),
    )


def earlier(manifest: Manifest, by: float, take_id: str) -> Manifest:
    """Return the same take, as if it had been some ms earlier."""
    end = None if manifest.ended_at is None else manifest.ended_at - by
    unknown = tuple(structs.replace(each, start=None, course=()) for each in FILES)
    nobody = tuple(
        structs.replace(each, recording=Recording()) for each in manifest.participants
    )
    return structs.replace(
        manifest,
        id=take_id,
        start_time=manifest.start_time - by,
        ended_at=end,
        participants=nobody,
        alignment=structs.replace(manifest.alignment, files=unknown),
    )


Answers = Mapping[str, tuple[int, Any]]
"""Status and JSON by path."""


class Wire(BaseHandler):
    """Stands in for the network of `urllib`: answers by path, and notes who asked."""

    handler_order = 100

    def __init__(self, answers: Answers) -> None:
        self.answers = answers
        self.asked: list[str] = []

    def http_open(self, request: Request) -> addinfourl:
        """Answer a request."""
        self.asked.append(request.selector)
        status, body = self.answers.get(request.selector, (404, {"error": "Not found"}))
        data = body if isinstance(body, bytes) else msgspec.json.encode(body)
        answer = addinfourl(io.BytesIO(data), Message(), request.full_url, status)
        answer.msg = "as it is"  # type: ignore[attr-defined]
        return answer


def kept(*manifests: Manifest) -> Answers:
    """Return what a server answers that has these takes, the latest first."""
    page = {"takes": [summary(each) for each in manifests], "next": None}
    return {
        "/api/takes?limit=200": (200, page),
        **{f"/api/takes/{each.id}": (200, each) for each in manifests},
    }


class ToolTest(SynchronousTestCase):
    """A directory to be in, and a tool to call."""

    def setUp(self) -> None:
        """Make room for files."""
        self.room = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.room)
        self.manifest = self.write("take.json", msgspec.json.encode(TAKE))

    def write(self, name: str, data: bytes) -> str:
        """Write a file."""
        path = self.room / name
        path.write_bytes(data)
        return str(path)

    def serve(self, answers: Answers) -> Wire:
        """Let these be all the answers that the network gives."""
        wire = Wire(answers)
        self.patch(asking, "build_opener", lambda *_: build_opener(wire))
        return wire

    def clip(self, name: str, made: str = "2026-01-15T10:30:12Z") -> str:
        """Make a clip of ten seconds, without sound."""
        return self.film(name, made, sound=None)

    def film(self, name: str, made: str, sound: Path | None) -> str:
        """Make a clip of ten seconds."""
        if not (shutil.which("ffmpeg") and shutil.which("ffprobe")):
            raise SkipTest(
                "ffmpeg is missing: apt-get install -y --no-install-recommends ffmpeg"
            )
        path = str(self.room / name)
        heard = () if sound is None else ("-i", str(sound))
        words = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc=s=64x48:r=30"]
        words += [*heard, "-t", "10", "-metadata", f"creation_time={made}"]
        words += ["-c:v", "libx264", "-preset", "ultrafast", path]
        subprocess.run(words, check=True, timeout=30)
        return path

    def said(self, *arguments: str) -> str:
        """Call a tool, and return what it says."""
        return self._called(arguments)

    def refusal(self, *arguments: str) -> str:
        """Call a tool that refuses with 1, and return why."""
        ended = self.assertRaises(SystemExit, partial(self._called, arguments))
        self.assertIsInstance(ended.code, str, "that ends with 1")
        self.assertTrue(str(ended.code).startswith("raydel: "))
        return str(ended.code)

    def misuse(self, *arguments: str) -> str:
        """Call a tool that refuses with 2, and return why."""
        error = io.StringIO()
        call: Callable[[], Any] = partial(self._called, arguments, error)
        ended = self.assertRaises(SystemExit, call)
        self.assertEqual(2, ended.code)
        return error.getvalue()

    @staticmethod
    def _called(arguments: Sequence[str], error: io.StringIO | None = None) -> str:
        out = io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True)
        with redirect_stdout(out), redirect_stderr(error or sys.stderr):
            cli.main(arguments)
        out.seek(0)
        return out.read()
