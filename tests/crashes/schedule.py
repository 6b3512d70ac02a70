"""What can go wrong, when, and to whom: schedules, drawn by lot or by Hypothesis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Final

from hypothesis import strategies as st

HOUR: Final = 3_600_000.0


@dataclass(frozen=True)
class Act:
    """Something happens, ``after`` ms."""

    after: float


@dataclass(frozen=True)
class Tap(Act):
    """Somebody presses a button."""

    phone: int
    command: str


@dataclass(frozen=True)
class Drop(Act):
    """A link breaks. See `Link.drop`."""

    phone: int
    server_notices: bool
    arrives: bool


@dataclass(frozen=True)
class Stall(Act):
    """Nothing gets through to a phone, nor from it, for so many ms."""

    phone: int
    lasts: float


@dataclass(frozen=True)
class Kill(Act):
    """The server dies, and another one starts ``pause`` ms later.

    Attributes:
        writes: At which write from now on; 0: now.
        made: Whether that write is made.
        arrives: Whether what is on its way to the phones arrives.
        pause: ms.
    """

    writes: int
    made: bool
    arrives: bool
    pause: float


@dataclass(frozen=True)
class Restart(Act):
    """The server goes in good order, and another one starts."""

    pause: float


@dataclass(frozen=True)
class Full(Act):
    """The disk takes no writes for so many ms, and gives nothing to read if so."""

    lasts: float
    unreadable: bool


@dataclass(frozen=True)
class Step(Act):
    """Somebody sets a phone's clock."""

    phone: int
    by: float


@dataclass(frozen=True)
class Chatter(Act):
    """A phone says so much that the other misses some, if it is away."""

    phone: int


@dataclass(frozen=True)
class Visit(Act):
    """Somebody tries to join as the guest, and leaves ``lasts`` ms later."""

    lasts: float


@dataclass(frozen=True)
class Schedule:
    """One run.

    Attributes:
        kinds: What host, guest and visitor are.
        delays: Their delays, one way, ms.
        slow: How long a commit takes, ms.
        acts: What happens.
    """

    kinds: tuple[str, str, str]
    delays: tuple[float, float, float]
    slow: float
    acts: tuple[Act, ...]


_AFTER: Final = (0.0, 0.0, 1.0, 5.0, 20.0, 60.0, 150.0, 300.0, 700.0, 1500.0, 3000.0)
_LONG: Final = (6_000.0, 12_000.0, 20_000.0)
_LASTS: Final = (10.0, 100.0, 400.0, 1_200.0, 3_000.0, 12_000.0, 20_000.0)
_WHO: Final = (0, 1)
_EITHER: Final = (False, True)

CHOICES: Final[Mapping[type[Act], Mapping[str, Sequence[Any]]]] = {
    Tap: {
        "phone": _WHO,
        "command": (
            *("start_recording", "start_recording", "start_recording"),
            *("stop_recording", "stop_recording", "device_ready"),
        ),
    },
    Drop: {"phone": _WHO, "server_notices": _EITHER, "arrives": _EITHER},
    Stall: {"phone": _WHO, "lasts": _LASTS},
    Kill: {
        "writes": (0, 1, 1, 2, 3, 4, 5, 7),
        "made": _EITHER,
        "arrives": _EITHER,
        "pause": (0.0, 300.0, 2_000.0, 12_000.0),
    },
    Restart: {"pause": (0.0, 1_000.0)},
    Full: {"lasts": _LASTS, "unreadable": _EITHER},
    Step: {"phone": _WHO, "by": (-HOUR, HOUR)},
    Chatter: {"phone": _WHO},
    Visit: {"lasts": _LASTS},
}
"""What each act is drawn from."""

WEIGHTS: Final[Mapping[type[Act], int]] = {
    Tap: 9,
    Drop: 4,
    Stall: 3,
    Kill: 4,
    Restart: 1,
    Full: 2,
    Step: 1,
    Chatter: 1,
    Visit: 1,
}

KINDS: Final = ("protocol 2", "protocol 2", "library 2")
DELAYS: Final = (1.0, 10.0, 45.0, 200.0)
SLOW: Final = (0.0, 0.0, 3.0, 80.0)
MOST_ACTS: Final = 20

_SHUFFLED: Final = tuple(kind for kind, many in WEIGHTS.items() for _ in range(many))


def drawn(seed: int) -> Schedule:
    """Draw a schedule; a seed always gives the same one."""
    lot = Random(seed)  # noqa: S311 - nobody guesses these
    return Schedule(
        kinds=(lot.choice(KINDS), lot.choice(KINDS), lot.choice(KINDS)),
        delays=(lot.choice(DELAYS), lot.choice(DELAYS), lot.choice(DELAYS)),
        slow=lot.choice(SLOW),
        acts=tuple(_act(lot) for _ in range(lot.randint(3, MOST_ACTS))),
    )


def _act(lot: Random) -> Act:
    kind = lot.choice(_SHUFFLED)
    after = lot.choice(_AFTER if lot.random() < 0.9 else _LONG)
    return kind(after, **{k: lot.choice(v) for k, v in CHOICES[kind].items()})


def _acts(kind: type[Act]) -> st.SearchStrategy[Act]:
    fields = {k: st.sampled_from(v) for k, v in CHOICES[kind].items()}
    return st.builds(kind, after=st.sampled_from((*_AFTER, *_LONG)), **fields)


SCHEDULES: Final[st.SearchStrategy[Schedule]] = st.builds(
    Schedule,
    kinds=st.tuples(*[st.sampled_from(KINDS)] * 3),
    delays=st.tuples(*[st.sampled_from(DELAYS)] * 3),
    slow=st.sampled_from(SLOW),
    acts=st.lists(st.sampled_from(_SHUFFLED).flatmap(_acts), max_size=MOST_ACTS).map(
        tuple
    ),
)
"""The same by Hypothesis, which finds the shortest one that breaks a promise."""
