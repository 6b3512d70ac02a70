"""What the phones and the server tell, in the terms of the promises."""

from __future__ import annotations

from collections.abc import Sequence

from tests.promises import KeptTake, Story
from tests.rig.modern import Modern
from tests.rig.released import Released
from tests.rig.server import Server

RigPhone = Modern | Released
"""A phone of either kind."""


async def story_of(server: Server, phones: Sequence[RigPhone]) -> Story:
    """Ask the server for its takes, and the phones for what they were told."""
    takes = (await server.get("/api/takes?limit=200"))["takes"]
    found = [await server.get(f"/api/takes/{take['id']}") for take in takes]
    kept = [
        KeptTake(
            take_id=take["id"],
            accepted_at=take["acceptedAt"],
            ended_at=take["endedAt"],
            reason=take["reason"],
            participants=frozenset(p["name"] for p in take["participants"]),
        )
        for take in reversed(found)
    ]
    if server.lost_writes:
        for phone in phones:
            phone.forget_numbers()
    tales = [phone.tale for phone in phones]
    return Story(tales, kept, lost_writes=server.lost_writes)
