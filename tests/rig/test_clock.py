"""A wall clock that steps: nothing that anybody records moves with it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Final

import pytest

from tests.integration.wire import scenario
from tests.rig.server import Server
from tests.rig.stage import Stage

LIBRARIES: Final = sorted(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))
"""Of the package libfaketime, which steps the wall clock of one process."""

CLOSE: Final = 20.0
"""ms: what whole-ms clocks, loopback and a busy machine may add up to."""


@pytest.fixture
def stepped(tmp_path: Path) -> tuple[dict[str, str], Path]:
    """Return the environment of a server, and the file that sets its clock."""
    if not LIBRARIES:
        pytest.skip("libfaketime is missing: apt-get install -y libfaketime")
    steps = tmp_path / "step"
    steps.write_text("+0")
    return (
        {
            "LD_PRELOAD": str(LIBRARIES[0]),
            "FAKETIME_TIMESTAMP_FILE": str(steps),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        },
        steps,
    )


@scenario
async def test_steps_of_an_hour(
    stepped: tuple[dict[str, str], Path], tmp_path: Path
) -> None:
    """An hour ahead, two back: no link ends, no offset moves, takes go on.

    Nor after a kill: server time is kept with the boot, and not with the wall.
    """
    environment, file = stepped
    async with Stage(Server(tmp_path, environment=environment)) as stage:
        take = await stage.start()
        for step in ("+3600", "-3600"):
            file.write_text(step)
            # The next beat, and all timers that an hour more would make due.
            await asyncio.sleep(1.0)
            await stage.stop()
            take = await stage.start()
        assert len(stage.host.seatings) == len(stage.guest.seatings) == 1
        stage.server.kill(0.0)
        await stage.server.up()
        told = len(stage.host.offsets)
        story = await stage.settled(lambda _: len(stage.host.offsets) > told)
        assert story.running is not None
        assert story.running.take_id == take
        await stage.stop()
        story = await stage.settled()
        accepted = [each.accepted_at for each in story.takes]
        assert 0 < accepted[-1] - accepted[0] < 30_000
        assert len(stage.host.seatings) == 2
        hours = {line[:13] for line in stage.server.program.log.splitlines()}
        assert len(hours) >= 3, "the steps did not come through"
        for phone in (stage.host, stage.guest):
            assert max(phone.offsets) - min(phone.offsets) < CLOSE
