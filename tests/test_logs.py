"""The log: one event, one line, and nobody can forge one."""

from __future__ import annotations

import json
import sys
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

from hypothesis import given
from hypothesis import strategies as st
from twisted.logger import (
    ILogObserver,
    LegacyLogObserverWrapper,
    Logger,
    LogLevel,
    globalLogPublisher,
)
from twisted.python import log as legacy
from twisted.python.logfile import LogFile
from twisted.trial.unittest import SynchronousTestCase

from raydel.logs import (
    LineObserver,
    destination,
    is_worth_reading,
    json_line,
    text_line,
)

NASTY = "Eve\n2026-01-15T10:30:00.000Z info     raydel.x: forged\r\x1b[31m\u202e\u2028"


def event(text: str = "joined as {name}", **fields: Any) -> dict[str, Any]:
    """Make an event as a logger does."""
    return {
        "log_time": 1768473000.0,
        "log_level": LogLevel.info,
        "log_namespace": "raydel.service",
        "log_format": text,
        "name": "Ann",
        **fields,
    }


class Text(SynchronousTestCase):
    """Lines for people."""

    def test_line(self) -> None:
        """A line says when, how grave, who says it, and what."""
        self.assertEqual(
            "2026-01-15T10:30:00.000Z info     raydel.service: joined as Ann\n",
            text_line(event()),
        )

    def test_nothing_is_forged(self) -> None:
        """What a phone sends ends no line, colours nothing and turns nothing."""
        line = text_line(event(name=NASTY))
        self.assertTrue(line.endswith("\n"))
        self.assertTrue(line[:-1].isprintable(), line)
        self.assertIn(r"Eve\n2026", line)
        self.assertIn(r"\x1b[31m\u202e\u2028", line)

    @given(st.text())
    def test_no_text_breaks_out(self, name: str) -> None:
        """No text whatever makes two lines of one."""
        line = text_line(event(name=name))
        self.assertTrue(line[:-1].isprintable())
        line.encode("utf-8")

    def test_user_text_is_no_format(self) -> None:
        """Braces in what a phone sends are braces."""
        self.assertIn("joined as {evil!r}", text_line(event(name="{evil!r}")))

    def test_names_keep_their_letters(self) -> None:
        """What can be seen stays as it is, in every script."""
        self.assertIn("Zoë 日本 🎥", text_line(event(name="Zoë 日本 🎥")))

    def test_traceback_is_set_in(self) -> None:
        """A traceback stands under its line; none of it passes for an event."""
        first, *rest = text_line(failed()).splitlines()
        self.assertIn("it broke", first)
        self.assertTrue(rest)
        self.assertTrue(all(line.startswith("    ") for line in rest), rest)


class Json(SynchronousTestCase):
    """Lines for programs."""

    def test_line(self) -> None:
        """A line is an object: what every event has, then what this one has."""
        line = json_line(event(devices=2))
        self.assertTrue(line.endswith("}\n"))
        self.assertEqual(
            {
                "time": "2026-01-15T10:30:00.000Z",
                "level": "info",
                "namespace": "raydel.service",
                "event": "joined as Ann",
                "name": "Ann",
                "devices": 2,
            },
            json.loads(line),
        )

    def test_nothing_is_forged(self) -> None:
        """What a phone sends stays in its string, spelled out."""
        line = json_line(event(name=NASTY))
        self.assertTrue(line[:-1].isascii())
        self.assertTrue(line[:-1].isprintable())
        self.assertEqual(NASTY, json.loads(line)["name"])

    def test_own_names_win(self) -> None:
        """A field called like one of the head's does not displace it."""
        line = json.loads(json_line(event(level="grave", event="none")))
        self.assertEqual(("info", "joined as Ann"), (line["level"], line["event"]))

    def test_only_json(self) -> None:
        """Values JSON does not know are spelled out."""
        line = json_line(event(rtt=float("nan"), address=Path("/x"), gone=None))
        fields = json.loads(line, parse_constant=self.fail)
        self.assertEqual(
            ("nan", "/x", None), (fields["rtt"], fields["address"], fields["gone"])
        )

    def test_traceback(self) -> None:
        """A traceback has a field of its own."""
        self.assertIn("ZeroDivisionError", json.loads(json_line(failed()))["traceback"])


class Choice(SynchronousTestCase):
    """Which events are written."""

    def test_ours(self) -> None:
        """What this program says is written, what it whispers is not."""
        self.assertTrue(is_worth_reading(event()))
        self.assertFalse(is_worth_reading(event(log_level=LogLevel.debug)))

    def test_prints(self) -> None:
        """What something prints is not lost."""
        self.assertTrue(is_worth_reading(event(log_namespace="stdout")))

    def test_frameworks(self) -> None:
        """Frameworks are heard when something goes wrong, and only then."""
        for namespace in ("twisted.web.http", "autobahn.twisted", "raydelish", "-"):
            chat = event(log_namespace=namespace)
            self.assertFalse(is_worth_reading(chat), namespace)
            self.assertTrue(is_worth_reading({**chat, "log_level": LogLevel.error}))

    def test_observer(self) -> None:
        """The observer writes the one and leaves out the other, in its format."""
        out = StringIO()
        observer = LineObserver(out, "json")
        observer(event())
        observer(event(log_namespace="twisted.web"))
        self.assertEqual("joined as Ann", json.loads(out.getvalue())["event"])

    def test_older_logging(self) -> None:
        """Errors told through Twisted's older logging come through, as one line."""
        out = StringIO()
        observer = LineObserver(out, "json")
        globalLogPublisher.addObserver(observer)
        self.addCleanup(globalLogPublisher.removeObserver, observer)
        legacy.err(ValueError("old"), "why")
        self.flushLoggedErrors(ValueError)
        line = json.loads(out.getvalue())
        self.assertEqual("critical", line["level"])
        self.assertNotIn("isError", line)


class Destinations(SynchronousTestCase):
    """Where twistd's own options want the log."""

    def test_foreground(self) -> None:
        """In the foreground it goes to stdout."""
        self.assertIs(sys.stdout, destination({"nodaemon": True}))
        self.assertIs(sys.stdout, destination({"nodaemon": True, "logfile": "-"}))

    def test_file(self) -> None:
        """A file is a file, with or without a daemon."""
        folder = TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        path = str(Path(folder.name) / "raydel.log")
        for foreground in (True, False):
            out = destination({"nodaemon": foreground, "logfile": path})
            assert isinstance(out, LogFile)
            out.close()
            self.assertEqual(Path(path).resolve(), Path(out.path).resolve())

    def test_twistd_writes_it(self) -> None:
        """Where twistd has an observer of its own, it is left alone."""
        self.assertIsNone(destination({"logger": LegacyLogObserverWrapper}))
        self.assertIsNone(destination({"syslog": True}))

    def test_unwritable(self) -> None:
        """A log that cannot be written ends the program with one sentence."""
        twistd = {"logfile": "/nowhere/at/all.log"}
        refusal = str(self.assertRaises(SystemExit, destination, twistd))
        self.assertTrue(refusal.startswith("raydel: cannot write the log: "), refusal)


def failed() -> dict[str, Any]:
    """Make an event with a traceback, whose message tries to forge a line."""
    events: list[dict[str, Any]] = []
    try:
        raise ZeroDivisionError(NASTY)
    except ZeroDivisionError:
        Logger("raydel.x", observer=cast(ILogObserver, events.append)).failure(
            "it broke"
        )
    return events[0]
