"""Phones that a program plays on real sockets, as `raydel.cli.rehearse` needs them."""

# mypy: allow-subclassing-any
# A handset is one of `raydel.cli.phone`, which says the same.

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final, NamedTuple

from twisted.internet.defer import Deferred, succeed
from twisted.python.failure import Failure

from raydel.cli.filming import Studio
from raydel.cli.phone import Handset, drifting_clock, reading_of
from raydel.client.links import NO_CODE
from raydel.core.cameras import Latency
from raydel.simulation.live.notes import Unfinished
from raydel.virtualcamera import Camera
from raydel.virtualphone import VirtualPhone
from raydel.virtualwire import Action

PATIENCE: Final = 10.0
"""Seconds that anything may take that is a matter of milliseconds."""


class Part(NamedTuple):
    """What one of the phones plays.

    Attributes:
        role: What it is, and its file is called.
        name: What people call it.
        model: What its maker calls it.
        ahead: How far its clock is ahead, ms.
        drift: How much that gains, in millionths.
        latency: Of its camera.
    """

    role: str
    name: str
    model: str
    ahead: float
    drift: float
    latency: Latency


HOST: Final = Part(
    "host", "Left goal", "Played phone A", 17_240.0, 28.0, Latency(300.0, 30.0)
)
GUEST: Final = Part(
    "guest", "Right goal", "Played phone B", -43_910.0, -31.0, Latency(520.0, 30.0)
)


class Actor(Handset):
    """A phone that a program plays.

    Args:
        reactor: What everything runs on.
        part: What it plays.
        code: Of the session.
        url: Of the server.
        authority: Whom to trust for ``wss``; None for those the system trusts.
        clip: What its file is called.
    """

    def __init__(
        self,
        reactor: Any,
        part: Part,
        code: str,
        url: str,
        authority: Any | None,
        clip: Path,
    ) -> None:
        clock = drifting_clock(part.ahead, part.drift)
        phone = VirtualPhone(
            code,
            part.name,
            is_host=part is HOST,
            clock=reading_of(clock),
            camera=Camera(part.latency, keeps_files=True),
            model=part.model,
            installation_id=secrets.token_urlsafe(9),
        )
        studio = Studio(clip, clock)
        super().__init__(reactor, phone, reading_of(clock), url, authority, studio)
        self.clip = clip
        self._part = part
        self._awaited: list[tuple[Callable[[], bool], Deferred[None]]] = []
        self._trouble: Unfinished | None = None

    @property
    def has_clip(self) -> bool:
        """Whether its file is done."""
        return self.clip.exists()

    def join(self) -> Deferred[None]:
        """Connect, and take the seat."""
        self._connect()
        return self.until(lambda: self.phone.is_seated, "no seat")

    def press(self, button: str) -> None:
        """Press a button."""
        self.do(self.phone.tapped(button))

    def until(
        self, holds: Callable[[], bool], lacking: str, patience: float = PATIENCE
    ) -> Deferred[None]:
        """Wait until something holds.

        Args:
            holds: Whether it does.
            lacking: What is said if it never does.
            patience: Seconds.

        Returns:
            A Deferred that fails with `Unfinished` if it never does.
        """
        awaited: Deferred[None] = Deferred()
        self._awaited.append((holds, awaited))
        self._look()
        words = f"{lacking} after {patience:g} s; look at what ./serve says"
        return awaited.addTimeout(patience, self.reactor, _late(words))

    def do(self, actions: Iterable[Action]) -> None:
        """Carry out what the phone wants, and look whether somebody waits for that."""
        super().do(actions)
        self._look()

    def unlinked(
        self, why: str, code: int = NO_CODE, *, for_good: bool = False
    ) -> None:
        """Note that the link is gone; one that was never there will not be."""
        if self.link is None and self._closed is None:
            self._fail(f"{why}; ./serve starts one")
        else:
            super().unlinked(why, code, for_good=for_good)

    def leaves(self) -> Deferred[None]:
        """Say goodbye to the server, and be gone once it has said its own."""
        goodbye = self._leave() if self._closed is None else None
        return goodbye or succeed(None)

    def _look(self) -> None:
        waiting, self._awaited = self._awaited, []
        for holds, awaited in waiting:
            if awaited.called:
                continue
            if self._trouble is not None:
                awaited.errback(self._trouble)
            elif holds():
                awaited.callback(None)
            else:
                self._awaited.append((holds, awaited))

    def _end(self, status: int) -> None:
        """Play no part in when the program ends."""
        if status:
            self._fail("the server will not have this phone; its last line says why")

    def _fail(self, why: str) -> None:
        self._trouble = self._trouble or Unfinished(why)
        self._look()

    def _show(self, text: str) -> None:
        super()._show(f"{self._part.role:<5}  {text}")


def _late(words: str) -> Callable[[object, float], Failure]:
    return lambda _, __: Failure(Unfinished(words))
