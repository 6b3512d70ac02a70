"""Two programs of twenty lines that are killed and cut, and the takes that come of it.

``python -m tests.rig.programs 100`` plays the seeds 1 to 100.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tests.delays import LOOPBACK, Delay, DelayedLink
from tests.integration.program import ROOT
from tests.rig.server import Server

ROLES: Final = ("host", "guest")

TROUBLED: Final = 8.0
"""Seconds in which things are killed and cut."""

PATIENCE: Final = 60.0
"""Seconds after the last trouble until a take has to be complete: a guest that is told
of no end asks ten seconds for it, and the server waits thirty for a file."""

STRANDED: Final = 12.0
"""Seconds without a host after which a guest waits for another session."""

LOOK: Final = 0.1
"""Seconds between two looks whether a program has ended."""

DONE: Final = frozenset({"stopped", "failed", "refused"})
"""What a device may have reported last of a take that is over."""


@dataclass(frozen=True)
class Trouble:
    """One thing that happens.

    Attributes:
        at: Seconds from the start.
        what: ``kill`` a program, ``cut`` or ``freeze`` its link; the ``server`` is
            killed too.
        role: Whose.
        lasts: Seconds until it is mended.
    """

    at: float
    what: str
    role: str
    lasts: float


def draw(seed: int) -> list[Trouble]:
    """Draw what happens; the same seed has the same troubles."""
    chance = random.Random(seed)  # noqa: S311 - chance is to be repeated
    return sorted(
        (
            Trouble(
                chance.uniform(1.0, TROUBLED),
                chance.choice(("kill", "kill", "cut", "freeze", "server")),
                chance.choice(ROLES),
                chance.uniform(0.1, 2.0),
            )
            for _ in range(chance.randint(4, 9))
        ),
        key=lambda each: each.at,
    )


class Player:
    """One of the programs, started again whenever it was killed.

    Attributes:
        role: ``host`` or ``guest``.
        port: Where it finds the server.
        kills: How often it was killed.
        failures: What it said when it ended otherwise than it should.
    """

    def __init__(self, role: str, script: Path, code: str, port: int) -> None:
        self.role = role
        self.port = port
        self.kills = 0
        self.failures: list[str] = []
        self._script = script
        self._code = code
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def is_running(self) -> bool:
        """Whether it plays still."""
        return self._process is not None and self._process.poll() is None

    @property
    def log(self) -> Path:
        """What it has said."""
        return self._script.with_name(f"{self.role}.log")

    def start(self) -> None:
        """Start it, if it does not run."""
        self.look()
        if self.is_running:
            return
        url = f"ws://{LOOPBACK}:{self.port}/sync"
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, str(self._script), url, self._code, self.role],
                cwd=self._script.parent,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                stdout=log,
                stderr=log,
            )

    def kill(self) -> None:
        """Kill it, the hard way."""
        self.look()
        if self._process is not None and self.is_running:
            self._process.kill()
            self._process.wait()
            self._process = None
            self.kills += 1

    def ends(self, patience: float) -> int:
        """Wait for it to end, and return its status."""
        assert self._process is not None
        return self._process.wait(patience)

    def look(self) -> None:
        """Note how it ended, if it did by itself."""
        if self._process is not None and (status := self._process.poll()) is not None:
            self._process = None
            if status:
                self.failures.append(f"{self.role} ended with {status}")


@dataclass
class Outcome:
    """What came of one run.

    Attributes:
        breaches: What should not be.
        takes: How many there were.
        states: How devices fared with them in the end.
        kills: How often a program was killed.
        server_kills: How often the server was.
        calm: Seconds from the last trouble to the end of both programs.
        story: All that was said.
    """

    breaches: list[str] = field(default_factory=list)
    takes: int = 0
    states: Counter[str] = field(default_factory=Counter)
    kills: int = 0
    server_kills: int = 0
    calm: float = 0.0
    story: str = ""


async def play(seed: int, script: str, home: Path) -> Outcome:
    """Play one run.

    Args:
        seed: Of its troubles.
        script: The text of the program.
        home: An empty directory.
    """
    file = home / "phone.py"
    file.write_text(script, "utf-8")
    (home / "server").mkdir()
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(Server(home / "server"))
        port = server.program.port
        players, links = {}, {}
        for role in ROLES:
            way = DelayedLink(port, up=Delay(2.0, 5.0), down=Delay(2.0, 5.0))
            link = await stack.enter_async_context(way)
            code = f"R{seed % 100000:05d}"
            players[role] = Player(role, file, code, link.port)
            links[role] = link
            stack.callback(players[role].kill)
        await _trouble(draw(seed), players, links, server)
        outcome = Outcome()
        began = time.monotonic()
        outcome.breaches += await _calm(players)
        outcome.calm = time.monotonic() - began
        await server.up()
        outcome.kills = sum(each.kills for each in players.values())
        outcome.server_kills = server.kills
        await _judge(server, outcome, {e.role for e in players.values() if e.kills})
        for each in players.values():
            outcome.breaches += each.failures
            outcome.story += f"--- {each.role}\n{each.log.read_text('utf-8')}\n"
        outcome.story += f"--- server\n{server.program.log}"
    outcome.breaches += server.oddities
    return outcome


async def _trouble(
    troubles: list[Trouble],
    players: dict[str, Player],
    links: dict[str, DelayedLink],
    server: Server,
) -> None:
    """Start both, and let all of it happen; then all is well again."""
    for each in players.values():
        each.start()
    began = time.monotonic()
    mends: list[tuple[float, Callable[[], None]]] = []
    while time.monotonic() - began < TROUBLED or mends:
        now = time.monotonic() - began
        while troubles and troubles[0].at <= now:
            trouble = troubles.pop(0)
            role = trouble.role
            mend = _begin(trouble, players[role], links[role], server)
            mends.append((now + trouble.lasts, mend))
        for due, mend in list(mends):
            if due <= now:
                mends.remove((due, mend))
                mend()
        if not mends:
            for each in players.values():
                each.start()
        await asyncio.sleep(LOOK)


def _begin(
    trouble: Trouble, player: Player, link: DelayedLink, server: Server
) -> Callable[[], None]:
    """Let one thing happen; return what mends it."""
    match trouble.what:
        case "kill":
            player.kill()
            return player.start
        case "cut":
            link.cut()
            return link.mend
        case "freeze":
            link.freeze()
            return link.thaw
        case _:
            if server.ready:
                server.kill(trouble.lasts / 4)
            return lambda: None


async def _calm(players: dict[str, Player]) -> list[str]:
    """Let both come to their end; a host that has left leaves none to a new guest."""
    host, guest = players["host"], players["guest"]
    deadline = time.monotonic() + PATIENCE
    left: float | None = None
    host.start()
    guest.start()
    while time.monotonic() < deadline:
        await asyncio.sleep(LOOK)
        host.look()
        guest.look()
        if not host.is_running and not guest.is_running:
            return []
        waits = time.monotonic() - (left or time.monotonic())
        left = None if host.is_running else left or time.monotonic()
        if waits > STRANDED:
            # The guest came after the end, and waits for the next session.
            host.start()
    alive = [each.role for each in players.values() if each.is_running]
    return [f"{' and '.join(alive)} did not come to an end"]


async def _judge(server: Server, outcome: Outcome, killed: set[str]) -> None:
    """Look at each take that the server knows.

    Args:
        server: The server.
        outcome: What came of it.
        killed: Whose programs were killed: nobody else has lost a file.
    """
    takes = (await server.get("/api/takes?limit=200"))["takes"]
    outcome.takes = len(takes)
    if not takes:
        outcome.breaches.append("there is no take")
    for row in takes:
        take = await server.get(f"/api/takes/{row['id']}")
        found = [records(each) for each in take["participants"]]
        outcome.states.update(found)
        if take["isRecording"]:
            outcome.breaches.append(f"take {row['id']} runs still")
        if not set(found) <= DONE:
            outcome.breaches.append(f"take {row['id']} is not complete: {found}")
        lost = {each["name"] for each in take["participants"] if not _has_file(each)}
        if lost - killed:
            outcome.breaches.append(f"take {row['id']}: {lost - killed} lost a file")


def records(participant: dict[str, Any]) -> str:
    """Return how a device fares with a take."""
    return str(participant["recording"]["state"])


def _has_file(participant: dict[str, Any]) -> bool:
    recording = participant["recording"]
    is_named = recording["fileName"] is not None
    times = (recording["firstFrameTime"], recording["lastFrameTime"])
    return records(participant) == "stopped" and is_named and None not in times


def main() -> int:
    """Play many."""
    parser = argparse.ArgumentParser(prog="python -m tests.rig.programs")
    parser.add_argument("count", nargs="?", type=int, default=50)
    parser.add_argument("--first", type=int, default=1, help="the first seed")
    asked = parser.parse_args()
    script = (ROOT / "examples/phone.py").read_text("utf-8")
    all_of = Outcome()
    broken, calms = [], []
    for seed in range(asked.first, asked.first + asked.count):
        with tempfile.TemporaryDirectory() as home:
            outcome = asyncio.run(play(seed, script, Path(home)))
        all_of.takes += outcome.takes
        all_of.states += outcome.states
        all_of.kills += outcome.kills
        all_of.server_kills += outcome.server_kills
        calms.append(outcome.calm)
        if outcome.breaches:
            broken.append(seed)
            lines = "\n".join([f"seed {seed}: {draw(seed)}", *outcome.breaches])
            sys.stdout.write(f"{lines}\n{outcome.story}\n")
        sys.stdout.write(
            f"{seed}: {outcome.takes} takes, {dict(outcome.states)},"
            f" {outcome.kills} kills, {outcome.calm:.1f} s\n"
        )
        sys.stdout.flush()
    sys.stdout.write(
        f"{asked.count} runs, {asked.count - len(broken)} ended with a complete take;"
        f" {all_of.takes} takes, {dict(all_of.states)};"
        f" {all_of.kills} programs and {all_of.server_kills} servers killed;"
        f" the longest calm {max(calms):.1f} s; broken: {broken or 'none'}\n"
    )
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
