"""What happens in one run, all of it drawn from one seed."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

from tests.delays import Delay


class What(Enum):
    """An act. Those of phones and links have somebody whom they concern."""

    TAP_START = "taps start"
    TAP_STOP = "taps stop"
    CUT = "is cut off"
    FREEZE = "has a link that stalls"
    MEND = "has its link back"
    ROAM = "comes by another network"
    KILL = "kill -9"
    RESTART = "polite restart"
    FILL = "the disk is full"
    FREE = "the disk has room again"


OF_SERVER: Final = {What.KILL, What.RESTART, What.FILL, What.FREE}

MENUS: Final[Mapping[str, Mapping[What, int]]] = {
    "all": {
        What.TAP_START: 5,
        What.TAP_STOP: 4,
        What.CUT: 2,
        What.FREEZE: 1,
        What.MEND: 3,
        What.ROAM: 1,
        What.KILL: 3,
        What.RESTART: 1,
        What.FILL: 1,
        What.FREE: 1,
    },
    "kills": {What.TAP_START: 3, What.TAP_STOP: 2, What.KILL: 4},
    "links": {
        What.TAP_START: 4,
        What.TAP_STOP: 3,
        What.CUT: 3,
        What.FREEZE: 2,
        What.MEND: 4,
        What.ROAM: 1,
    },
    "disk": {
        What.TAP_START: 4,
        What.TAP_STOP: 4,
        What.CUT: 1,
        What.MEND: 1,
        What.FILL: 3,
        What.FREE: 2,
        What.KILL: 2,
        What.RESTART: 1,
    },
}
"""How often each act is drawn, by what a run is about."""


@dataclass(frozen=True)
class Act:
    """One thing that happens.

    Attributes:
        what: What it is.
        after: Seconds since the act before.
        who: Which phone; meaningless for the server's acts.
        down: Seconds until the server is started again.
        waits: Whether the next act comes only when the server is back.
    """

    what: What
    after: float
    who: int
    down: float
    waits: bool

    def __str__(self) -> str:
        what: str = self.what.value
        if self.what not in OF_SERVER:
            what = f"phone {self.who} {what}"
        elif self.what in {What.KILL, What.RESTART}:
            waits = ", waits" if self.waits else ""
            what = f"{what}, {self.down * 1000:.0f} ms down{waits}"
        return f"{self.after * 1000:.0f} ms: {what}"


@dataclass(frozen=True)
class Schedule:
    """One run.

    Attributes:
        seed: What it was drawn from.
        modern: Of the host and of the guest, whether it speaks protocol 2.
        clocks: How wrong their clocks are, ms.
        delays: One way, each.
        warm: Whether the acts begin only when clocks are known.
        acts: What happens.
        stops: Whether somebody taps stop at the end, if a take runs.
        stopper: Who.
    """

    seed: int
    modern: tuple[bool, bool]
    clocks: tuple[float, float]
    delays: tuple[Delay, Delay]
    warm: bool
    acts: tuple[Act, ...]
    stops: bool
    stopper: int

    def __str__(self) -> str:
        kinds = ["protocol 2" if modern else "library 2" for modern in self.modern]
        acts = "\n  ".join(map(str, self.acts))
        end = f"phone {self.stopper} stops" if self.stops else "nobody stops"
        return f"seed {self.seed}, {kinds}, warm: {self.warm}\n  {acts}\n  {end}"


def draw(seed: int, menu: str = "all") -> Schedule:
    """Draw a schedule: the same for the same seed."""
    dice = random.Random(f"{menu} {seed}")  # noqa: S311
    acts = [_draw_act(dice, MENUS[menu]) for _ in range(dice.randint(3, 8))]
    if all(act.what is not What.TAP_START for act in acts):
        # Without a take there is little to lose.
        acts.insert(0, _start(dice))
    return Schedule(
        seed=seed,
        modern=(dice.random() < 0.7, dice.random() < 0.7),
        clocks=(dice.uniform(-60_000, 60_000), dice.uniform(-60_000, 60_000)),
        delays=(_draw_delay(dice), _draw_delay(dice)),
        warm=dice.random() < 0.3,
        acts=tuple(acts),
        stops=dice.random() < 0.5,
        stopper=dice.randrange(2),
    )


def _draw_act(dice: random.Random, menu: Mapping[What, int]) -> Act:
    (what,) = dice.choices(list(menu), list(menu.values()))
    # Close on the heels of the act before, so that things meet in flight.
    after = dice.uniform(0, 0.3) if dice.random() < 0.6 else dice.uniform(0, 0.02)
    down = dice.choice((0.0, dice.uniform(0.1, 0.5)))
    return Act(what, after, dice.randrange(2), down, dice.random() < 0.6)


def _start(dice: random.Random) -> Act:
    return Act(What.TAP_START, dice.uniform(0, 0.3), dice.randrange(2), 0.0, False)


def _draw_delay(dice: random.Random) -> Delay:
    fixed = dice.choice((0.0, dice.uniform(1, 40)))
    return Delay(fixed, fixed / 4)
