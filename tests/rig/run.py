"""One run: a schedule played, and what became of the promises."""

from __future__ import annotations

import asyncio
import tempfile
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.integration.phones import new_code
from tests.integration.wire import true_time
from tests.promises import Story, broken
from tests.rig.modern import Modern
from tests.rig.released import Released
from tests.rig.schedule import Act, Schedule, What
from tests.rig.server import Server
from tests.rig.story import RigPhone, story_of
from tests.rig.way import Way

CONVERGED_WITHIN: Final = 5.0
"""Seconds after the last disturbance within which all must be in order."""

LOOK: Final = 0.05
"""Seconds between two looks at what the server shows."""


@dataclass
class Report:
    """What a run came to.

    Attributes:
        schedule: What was played.
        breaches: Every promise that was broken; empty is good.
        ready: Seconds until the server answered, for every start but the first.
        resumes: Seconds from a network that is back to a phone with a seat, for
            phones of protocol 2.
        old_resumes: The same for those of library 2. Without a token they wait two
            seconds where their old link still looks open.
        converged: Seconds from the last disturbance until all was in order.
        kills: How often the server was killed.
        lost_writes: Whether it ended while it could store nothing.
        stories: What the phones would tell, for a person.
    """

    schedule: Schedule
    breaches: list[str] = field(default_factory=list)
    ready: list[float] = field(default_factory=list)
    resumes: list[float] = field(default_factory=list)
    old_resumes: list[float] = field(default_factory=list)
    converged: list[float] = field(default_factory=list)
    kills: int = 0
    lost_writes: bool = False
    stories: str = ""


class Run(AsyncExitStack):
    """A schedule under way."""

    def __init__(self, schedule: Schedule, home: Path) -> None:
        super().__init__()
        self.schedule = schedule
        self.report = Report(schedule)
        self.code = new_code()
        self.server = Server(home, changed=self._note)
        self.ways: list[Way] = []
        self._full = False

    async def play(self) -> None:
        """Play all of it."""
        await self.enter_async_context(self.server)
        for index in (0, 1):
            await self._bring(index)
        for act in self.schedule.acts:
            await asyncio.sleep(act.after)
            await self._perform(act)
        await self._mend()
        await self._finish(await self._converge())

    async def _bring(self, index: int) -> None:
        """Bring a phone in, and wait until it has a seat."""
        way = Way(self, self.server, self.schedule.delays[index])
        await way.lay()
        kind = Modern if self.schedule.modern[index] else Released
        phone: RigPhone = kind(
            host=index == 0,
            port=way.link.port,
            code=self.code,
            clock_offset=self.schedule.clocks[index],
        )
        way.phone = await self.enter_async_context(phone)
        self.ways.append(way)
        await phone.until(lambda: phone.at_rest or None, "a seat")
        if self.schedule.warm and index == 1:
            await asyncio.sleep(1.0)

    async def _perform(self, act: Act) -> None:
        way = self.ways[act.who]
        match act.what:
            case What.TAP_START:
                await way.phone.tap_start()
            case What.TAP_STOP:
                await way.phone.tap_stop()
            case What.KILL:
                self.server.kill(act.down)
            case What.RESTART:
                self.server.restart(act.down)
            case What.FILL:
                self.server.fill_disk()
            case What.FREE:
                self.server.free_disk()
            case _:
                await way.act(act.what)
        if act.what in {What.KILL, What.RESTART} and act.waits:
            await self.server.up()

    def _note(self) -> None:
        for way in self.ways:
            way.note()

    # The end.

    async def _mend(self) -> None:
        """Make everything whole again."""
        self.server.free_disk()
        for way in self.ways:
            await way.act(What.MEND)
        await self.server.up()

    async def _converge(self) -> Story:
        """Wait until all promises are kept, or it has taken too long."""
        began = true_time()
        while True:
            breaches, story = await self._look()
            waited = (true_time() - began) / 1000
            if not breaches or waited > CONVERGED_WITHIN:
                break
            await asyncio.sleep(LOOK)
        self.report.breaches = breaches
        self.report.converged.append(waited)
        return story

    async def _finish(self, story: Story) -> None:
        """End a take that runs, in half of the runs, and look once more."""
        if story.running and (self.schedule.stops or story.lost_writes):
            await self.ways[self.schedule.stopper].phone.tap_stop()
            await asyncio.sleep(LOOK)
            await self._converge()
        if not self.report.breaches:
            # Once more, when all that was on its way has come.
            await asyncio.gather(*(way.phone.fence() for way in self.ways))
            await self._converge()

    async def _look(self) -> tuple[list[str], Story]:
        """Return what is not in order now."""
        story = await story_of(self.server, [way.phone for way in self.ways])
        breaches = broken(story)
        for way in self.ways:
            name = way.phone.tale.name
            if not way.phone.at_rest:
                breaches.append(f"{name} is not at rest.")
            breaches += [f"{name} {odd}." for odd in way.phone.oddities]
        return breaches + self.server.oddities, story

    def conclude(self) -> Report:
        """Return what it came to, once it is over."""
        report = self.report
        report.breaches += [
            odd for odd in self.server.oddities if odd not in report.breaches
        ]
        report.ready = self.server.ready_times[1:]
        for way, modern in zip(self.ways, self.schedule.modern, strict=False):
            resumes = report.resumes if modern else report.old_resumes
            resumes += way.resumes()
        report.kills = self.server.kills
        report.lost_writes = self.server.lost_writes
        report.stories = "\n".join(way.phone.story() for way in self.ways)
        return report


async def play(schedule: Schedule, home: Path | None = None) -> Report:
    """Play a schedule in a directory of its own, and report."""
    with tempfile.TemporaryDirectory() as temporary:
        run = Run(schedule, home or Path(temporary))
        async with run:
            try:
                await run.play()
            except Exception as trouble:
                run.report.breaches.append(f"{type(trouble).__name__}: {trouble}")
        report = run.conclude()
        report.stories += f"\n{run.server.program.log}"
        return report
