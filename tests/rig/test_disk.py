"""A disk that is full, act by act: what goes on, what does not, and what returns."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.integration.wire import scenario
from tests.rig.server import Server
from tests.rig.stage import Stage, seated


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a disk of a megabyte."""
    where = tmp_path / "disk"
    where.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(where)]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("a small tmpfs can be mounted by root alone")
    yield where
    subprocess.run(["umount", str(where)], check=True)


@scenario
async def test_files_that_cannot_grow(tmp_path: Path) -> None:
    """While nothing can be stored a stop stops, a start is put off, and then comes."""
    async with Stage(Server(tmp_path)) as stage:
        await stage.start()
        stage.server.fill_disk()
        await go_without(stage)
        stage.server.free_disk()
        await come_back(stage)


@scenario
async def test_a_disk_without_room(small_disk: Path, tmp_path: Path) -> None:
    """The same on a disk that is full in earnest."""
    store = f"--store=sqlite:{small_disk}/raydel.sqlite"
    async with Stage(Server(tmp_path, options=(store,))) as stage:
        await stage.start()
        fill(small_disk)
        await go_without(stage)
        (small_disk / "ballast").unlink()
        await come_back(stage)


@scenario
async def test_killed_while_nothing_can_be_stored(
    small_disk: Path, tmp_path: Path
) -> None:
    """A server that dies then has forgotten the stop, and no more: it starts again.

    The disk is still full. The phones have their seats, and a stop stops.
    """
    store = f"--store=sqlite:{small_disk}/raydel.sqlite"
    async with Stage(Server(tmp_path, options=(store,))) as stage:
        take = await stage.start()
        fill(small_disk)
        await stage.stop()
        await stage.healthy(healthy=False)
        stage.server.kill(0.0)
        await stage.server.up()
        for phone in (stage.host, stage.guest):
            await seated(phone)
        assert stage.server.lost_writes
        await stage.guest.tap_stop()
        (small_disk / "ballast").unlink()
        await stage.healthy(healthy=True)
        story = await stage.settled(lambda story: story.running is None)
        assert [kept.take_id for kept in story.takes] == [take]


async def go_without(stage: Stage) -> None:
    """Stop a take and ask for another one, while nothing can be stored."""
    await stage.stop()
    await stage.healthy(healthy=False)
    await stage.host.tap_start()
    await stage.host.until(lambda: stage.host.put_off or None, "a refusal")
    assert stage.host.tale.recording is None


async def come_back(stage: Stage) -> None:
    """Wait until all is stored again, and the start has been taken."""
    await stage.healthy(healthy=True)
    story = await stage.settled(lambda story: story.running is not None)
    assert len(story.takes) == 2
    await stage.stop()
    await stage.settled()


def fill(disk: Path) -> None:
    """Leave no room on a disk."""
    with suppress(OSError), (disk / "ballast").open("wb", buffering=0) as ballast:
        while True:
            ballast.write(bytes(4096))
