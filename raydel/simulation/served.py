"""A long take, played through the server's own code: what that keeps of it."""

from __future__ import annotations

from functools import partial
from random import Random

from raydel.simulation import stage
from raydel.simulation.clocks import Step, any_clock
from raydel.simulation.phones import LIBRARY_2, PROTOCOL_2
from raydel.simulation.recording import Followed, Long, Recorded
from raydel.simulation.trial import NOON, TAP


def play(plan: Long, random: Random) -> Recorded:
    """Play one take.

    Args:
        plan: The take. Its length is from one tap to the other.
        random: Where all chance comes from.

    Raises:
        Lost: A phone never started.
    """
    kind = LIBRARY_2 if plan.granularity else PROTOCOL_2
    step_at = None
    if plan.step:
        step_at = NOON + TAP + plan.length * random.uniform(1 / 3, 2 / 3)
    played = stage.play(
        stage.Plan(
            plan.networks,
            kinds=(kind, kind),
            length=plan.length,
            clocks=partial(any_clock, wander=plan.wander),
            steps=(() if step_at is None else (Step(step_at, plan.step),), ()),
        ),
        random,
    )
    host, guest = (
        Followed(clock, [each for each in played.samples if each.device_id == device])
        for clock, device in zip(played.clocks, played.device_ids, strict=True)
    )
    return Recorded(played.start_at, min(played.stopped_at), (host, guest), step_at)
