"""The rig itself, and ten of its runs; `make soak` plays many more."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest

from tests.integration.wire import scenario
from tests.promises import broken
from tests.rig.run import play
from tests.rig.schedule import MENUS, OF_SERVER, What, draw
from tests.rig.server import Server
from tests.rig.soak import again, explain, spread
from tests.rig.stage import Stage
from tests.rig.story import story_of

SEEDS = {"all": range(1, 7), "kills": range(1, 3), "disk": range(1, 3)}
"""Ten runs of every kind: about forty seconds."""


@pytest.mark.parametrize(
    ("menu", "seed"), [(menu, seed) for menu, seeds in SEEDS.items() for seed in seeds]
)
def test_promises_are_kept(menu: str, seed: int) -> None:
    """Whatever dies, all that docs/reliability.md promises is kept."""
    report = asyncio.run(play(draw(seed, menu)))
    story = f"{explain(report)}{again(seed, menu)}\n{report.stories}"
    assert report.breaches == [], story


@scenario
async def test_a_server_that_forgets_is_found_out(tmp_path: Path) -> None:
    """A rig that never complains proves nothing: this server keeps nothing."""
    async with Stage(Server(tmp_path, options=("--store=memory:",))) as stage:
        take = await stage.start()
        stage.server.kill(0.0)
        await stage.server.up()
        story = await story_of(stage.server, (stage.host, stage.guest))
        lost = f"What a phone was told is kept: .* recorded {take}, which is not kept."
        assert [each for each in broken(story) if re.match(lost, each)]


def test_a_seed_gives_one_schedule() -> None:
    """A run can be played again: the same seed draws the same acts."""
    assert str(draw(7)) == str(draw(7))
    assert str(draw(7)) != str(draw(8))


@pytest.mark.parametrize("menu", MENUS)
def test_schedules_are_of_their_menu(menu: str) -> None:
    """Every act of a menu is drawn sooner or later, and no other; each has a start."""
    drawn = [draw(seed, menu) for seed in range(100)]
    acts = {act.what for schedule in drawn for act in schedule.acts}
    assert acts == set(MENUS[menu])
    for schedule in drawn:
        assert 3 <= len(schedule.acts) <= 9
        assert What.TAP_START in {act.what for act in schedule.acts}


def test_acts_can_be_read() -> None:
    """A schedule says whom an act concerns, or that it is the server's."""
    for act in draw(3).acts:
        assert ("phone" in str(act)) is (act.what not in OF_SERVER)


def test_spread() -> None:
    """A measured spread is the median, the 99th percentile and the most."""
    assert spread([0.03, 0.01, 0.02]) == "0.02/0.03/0.03 s of 3"
    assert spread([]) == "-"
