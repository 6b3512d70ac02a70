"""The README and the operations page: what they say can be typed, and is so."""

from __future__ import annotations

import json
import os
import re
import shlex
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import treq
from msgspec import structs
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from raydel.cli import align
from raydel.cli.parser import Parser
from raydel.cli.phone_options import add_server
from raydel.cli.simulate_options import parser
from raydel.cli.takes import add_options
from raydel.core.config import Config
from raydel.core.effects import Occasion
from raydel.core.instants import DAY, MINUTE
from raydel.core.messages import DeviceStatus, SessionStatus
from raydel.core.startlatency import Camera
from raydel.options import Options
from raydel.program import LAST_WORDS
from raydel.store.memory import KEPT_TAKES
from raydel.testing import EPOCH, FakeSessions, FakeTimebase, SiteAgent
from raydel.web.request import MAX_BODY
from raydel.web.site import make_site
from tests.docs import PAGES, ROOT, anchors, chapter, fences, page, rows
from tests.docs.example import ENDED

README: Final = page("README.md")
OPERATIONS: Final = page("docs/operations.md")

_LINK: Final = re.compile(r"\]\(([^)\s]+)\)")
_REST: Final = re.compile(
    r"^(?:### `([A-Z]+) (/\S*)`|```sh\ncurl (?:-X (\w+) )?http://localhost:3001(/\S*)\n```)"
    r"\s+```json\n(.*?)```",
    re.MULTILINE | re.DOTALL,
)
_TEXTS: Final = {"error", "message", "status"}
_OURS: Final = {"pip", "python", "twistd"}
_THEIRS: Final = {"cp", "curl", "kill", "mkdir", "mv", "sqlite3", "umask"} | {
    "make",
    "openssl",
    "python3",
    "sh",
}


def shape(value: Any, key: str = "") -> Any:
    """Return a JSON value with its keys, types and texts, and without what varies."""
    if isinstance(value, dict):
        return {each: shape(value[each], each) for each in value}
    if isinstance(value, list):
        return [shape(each) for each in value[:1]]
    return value if key in _TEXTS else type(value)


def commands() -> Iterator[list[str]]:
    """Return the words of every command line in the pages."""
    for name in PAGES:
        for fence in fences(page(name)):
            if fence.language == "sh":
                yield from map(shlex.split, fence.text.splitlines())


def asking(option: str) -> Parser:
    """Return what reads an option that tells a tool where the server is."""
    reader = Parser("align", "")
    if option.startswith("--url="):
        add_server(reader, "")
    else:
        add_options(reader)
    return reader


class CommandTests(SynchronousTestCase):
    """What the pages have people type."""

    def test_programs_exist(self) -> None:
        """Each command is a script of ours, or something that is installed."""
        for program, *_ in commands():
            path = ROOT / program
            if program.startswith("./"):
                self.assertTrue(path.stat().st_mode & 0o100, program)
            elif program.startswith(".venv/"):
                self.assertIn(path.name, _OURS)
            else:
                self.assertIn(program, _THEIRS)

    def test_modules_exist(self) -> None:
        """What is called with ``python -m`` is there."""
        for words in commands():
            if "-m" in words:
                self.assertIsNotNone(find_spec(words[words.index("-m") + 1]))

    def test_options_are_taken(self) -> None:
        """Every option that is typed in an example is one that is taken.

        By the server, by the tools that ask one, on the page on clocks by ``simulate``,
        or on that on takes by ``align``.
        """
        folder = TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.addCleanup(os.chdir, Path.cwd())
        os.chdir(folder.name)
        Path("webhook-secret").write_text("a secret of many words")
        for words in commands():
            if words[0] == "./serve":
                Options({}).parseOptions(words[1:])
        for name in PAGES:
            for option in re.findall(r"`(--[a-z-]+=[^`<]+)`", page(name)):
                if name == "docs/timesync.md":
                    parser().parse_args([option])
                elif option.startswith(("--url=", "--server=")):
                    asking(option).parse_args([option])
                elif name == "docs/takes.md":
                    align._parser().parse_args(["A.mp4", option])
                else:
                    Options({}).parseOptions([option])

    def test_targets_exist(self) -> None:
        """What make is asked for is a target."""
        makefile = page("Makefile")
        for name in PAGES:
            for target in re.findall(r"`make ([a-z]+)`", page(name)):
                self.assertIn(f"\n{target}: ##", makefile)
        for words in commands():
            if words[0] == "make":
                self.assertIn(f"\n{words[1]}: ##", makefile)


class OptionsTableTests(SynchronousTestCase):
    """The options, in the README."""

    def table(self) -> dict[str, list[str]]:
        """Return the rows of the table."""
        return rows(chapter(README, "Options"))

    def test_all_options(self) -> None:
        """The table has every option, and no other."""
        expected = {f"--{option}" for option in Options({}).longOpt}
        self.assertEqual(expected, set(self.table()))

    def test_defaults(self) -> None:
        """It says what holds without the option."""
        defaults = {
            "--port=": f"`PORT`, or {Config.ports[0]}",
            "--certificate=": "none",
            "--private-key=": "in that file",
            "--certificates=": "`certificates/`",
            "--lead=": f"{Config.lead:g}",
            "--camera-delay=": "as measured",
            "--cleanup=": f"{Config.cleanup / MINUTE:g}",
            "--longest-take=": f"{Config.longest_take / MINUTE:g}",
            "--origin=": "none",
            "--log-format=": Config.log_format,
            "--store=": "`sqlite:raydel.sqlite`",
            "--survives=": Config.survives,
            "--keep-takes=": f"{Config.keep_takes / DAY:g}",
            "--start-policy=": Config.start_policy,
            "--camera-latency=": "none",
            "--webhook=": "none",
            "--webhook-secret-file=": "`RAYDEL_WEBHOOK_SECRET`",
            "--advertise": "off",
            "--wire=": Config.wire,
            "--version": "",
            "--help": "",
        }
        self.assertEqual(
            defaults, {option: cells[0] for option, cells in self.table().items()}
        )


class RestTests(SynchronousTestCase):
    """The REST calls on the pages, asked for real."""

    def setUp(self) -> None:
        """Have a session of two phones that record, and two takes that ended."""
        phones = tuple(
            DeviceStatus(f"id-{n}", f"Phone {n}", is_host=n == 1, connected_at="now")
            for n in (1, 2)
        )
        status = SessionStatus(
            "ABC123",
            device_count=2,
            is_recording=True,
            created_at="now",
            devices=phones,
        )
        clock = Clock()
        sessions = FakeSessions(status)
        earlier = structs.replace(ENDED.take, id="earlier")
        sessions.records["earlier"] = structs.replace(ENDED, take=earlier)
        sessions.records[ENDED.take.id] = ENDED
        sessions.learned = [
            Camera("app-1", "Pixel 9", (300.0, 310.0), (700.0,), EPOCH),
            Camera("app-2", "Pixel 9", (340.0,), (), EPOCH),
        ]
        site = make_site(sessions, FakeTimebase(clock), Config(), clock)
        self.agent = SiteAgent(site, clock)

    def answer(self, method: str, path: str) -> Any:
        """Ask, and return the JSON."""
        uri = f"http://localhost:3001{path}"
        asked = self.agent.request(method.encode(), uri.encode())
        body = self.successResultOf(treq.content(self.successResultOf(asked)))
        return json.loads(body)

    def assert_answers(self, text: str, count: int) -> None:
        """Check every call that a page shows with its answer."""
        calls = _REST.findall(text)
        self.assertEqual(count, len(calls))
        for method, path, curl_method, curl_path, shown in calls:
            real = self.answer(method or curl_method or "GET", path or curl_path)
            self.assertEqual(shape(real), shape(json.loads(shown)), path or curl_path)

    def test_readme(self) -> None:
        """The README's answers have the real keys, types and texts."""
        self.assert_answers(chapter(README, "Ask it over HTTP"), 5)

    def test_protocol_page(self) -> None:
        """So have those of the protocol page."""
        self.assert_answers(chapter(page("docs/protocol.md"), "REST"), 13)


class LinkTests(SynchronousTestCase):
    """What the pages point at."""

    def test_links(self) -> None:
        """Every link that stays here leads to a file, and to a heading in it."""
        for name in PAGES:
            for link in _LINK.findall(page(name)):
                if link.startswith("https://"):
                    continue
                path, _, anchor = link.partition("#")
                target = (ROOT / name).parent / path if path else ROOT / name
                self.assertTrue(target.exists(), f"{name}: {link}")
                if anchor:
                    text = target.read_text(encoding="utf-8")
                    self.assertIn(anchor, anchors(text), f"{name}: {link}")


class OperationsTests(SynchronousTestCase):
    """The operations page."""

    def test_log_lines(self) -> None:
        """Every occasion that is logged is explained."""
        explained = rows(chapter(OPERATIONS, "The log"))
        for occasion in Occasion:
            self.assertIn(occasion.value, explained)

    def test_json_lines(self) -> None:
        """The lines for programs are one object each."""
        lines = next(f.text for f in fences(OPERATIONS) if f.language == "json")
        for line in lines.splitlines():
            self.assertEqual(["time", "level"], list(json.loads(line))[:2])

    def test_refusals(self) -> None:
        """A refused option is quoted as it is printed."""
        refused = self.assertRaises(
            SystemExit, Options({}).parseOptions, ["--lead=9000"]
        )
        self.assertIn(f"{refused}\n", OPERATIONS)

    def test_limits(self) -> None:
        """The limits that the protocol page does not have are the program's."""
        shown = chapter(OPERATIONS, "Limits")
        for limit in (
            f"| body of an HTTP request | {MAX_BODY // 1024} KiB |",
            f"| a finished take | {Config.keep_takes / DAY:g} days, `--keep-takes` |",
            f"| finished takes, with `--store=memory:` | {KEPT_TAKES} |",
            f"| ending | {LAST_WORDS:g} s |",
            f"| an empty session | {Config.cleanup / MINUTE:g} min, `--cleanup` |",
            f"| a take | {Config.longest_take / MINUTE / 60:g} h, `--longest-take` |",
        ):
            self.assertIn(limit, shown)

    def test_limits_of_the_protocol(self) -> None:
        """Where both pages tell of a limit, they tell the same."""
        for what in ("a message", "frames of one message", "a device's name"):
            pattern = rf"^\| {what} \| ([^|]*) \|"
            limits = [
                re.findall(pattern, text, re.MULTILINE)
                for text in (OPERATIONS, page("docs/protocol.md"))
            ]
            self.assertEqual(*limits)
