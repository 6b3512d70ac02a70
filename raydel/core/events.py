"""What can happen to a session: one frozen class each.

``peer`` names a connection, not a device: a device outlives its connections.
Whatever a step would have to measure or draw by lot comes with the event.
"""

from __future__ import annotations

from enum import Enum

from raydel.core.apps import App
from raydel.core.messages import Join, Report, StatusReport
from raydel.core.values import Value

LEFT_ON_PURPOSE = frozenset({1000, 1001, 1005})
"""Close codes of a peer that meant to go. All others are a lost link."""

NO_GOODBYE = 1006
"""What stands for a close code where the wire just broke."""


class Command(Enum):
    """A command whose arrival a phone's pong can prove."""

    START = "start"
    STOP = "stop"


class Receipt(Value, frozen=True):
    """Names one copy of one command, for the proof that it arrived.

    ``seq`` is its number in the device's stream; 0 if it has none.
    """

    session_id: str
    device_id: str
    take_id: str
    command: Command
    seq: int = 0


class Joining(Value, frozen=True):
    """A peer asks for a seat. ``device_id`` and ``token`` are freshly drawn.

    Attributes:
        join: What it sent, without its resume token.
        token: Fingerprint of the resume token it gets; protocol 2 only.
        presented: Fingerprint of the resume token it sent, or None.
    """

    peer: str
    join: Join
    app: App
    device_id: str
    token: str | None = None
    presented: str | None = None

    @property
    def command_id(self) -> str | None:
        """The peer's own name for it, as every command has one."""
        return self.join.command_id


class StartRequested(Value, frozen=True):
    """A peer asks for a take, to begin ``lead`` ms from now.

    ``by_operator``: the peer is none of a device's, and needs no seat. ``grace`` is how
    many ms longer everybody's agreement takes, and to take a start back; ``early``, how
    many ms before the start the first camera is called. ``clockless`` are peers whose
    clocks are not known.
    """

    peer: str
    take_id: str
    lead: float
    command_id: str | None = None
    by_operator: bool = False
    grace: float = 0.0
    early: float = 0.0
    clockless: tuple[str, ...] = ()


class StopRequested(Value, frozen=True):
    """A peer asks to end the take, ``lead`` ms from now: this one, or any."""

    peer: str
    lead: float = 0.0
    command_id: str | None = None
    take_id: str | None = None
    by_operator: bool = False


class MarkRequested(Value, frozen=True):
    """A peer marks an instant of the running take, in server time; None for now."""

    peer: str
    label: str = ""
    instant: float | None = None
    command_id: str | None = None
    by_operator: bool = False


class StatusReported(Value, frozen=True):
    """A peer says how it fares."""

    peer: str
    status: StatusReport

    @property
    def command_id(self) -> str | None:
        """The peer's own name for it, as every command has one."""
        return self.status.command_id


class Reported(Value, frozen=True):
    """A peer says something of its recording."""

    peer: str
    report: Report

    @property
    def command_id(self) -> str | None:
        """The peer's own name for it, as every command has one."""
        return self.report.command_id


class ReadyReported(Value, frozen=True):
    """A peer is ready to record. ``camera``: it said so with camera_ready."""

    peer: str
    camera: bool
    command_id: str | None = None


class AppLearned(Value, frozen=True):
    """A peer turned out to be another app than it seemed."""

    peer: str
    app: App


class WentSilent(Value, frozen=True):
    """A peer answers no more; its connection still looks open."""

    peer: str


class WasHeard(Value, frozen=True):
    """A silent peer answers again."""

    peer: str


class ProbeAnswered(Value, frozen=True):
    """A peer answered a probe of whether it is still there."""

    peer: str


class Left(Value, frozen=True):
    """A peer's connection is gone, with this close code."""

    peer: str
    code: int


class Delivered(Value, frozen=True):
    """A command is known to have arrived."""

    receipt: Receipt


class EndRequested(Value, frozen=True):
    """An operator ends the session. ``lead`` is that of the stop, ms."""

    lead: float = 0.0


class Restarted(Value, frozen=True):
    """The server was started again: none of its earlier connections is left."""


class DeadlinePassed(Value, frozen=True):
    """The earliest deadline of the session is over."""


Event = (
    Joining
    | StartRequested
    | StopRequested
    | MarkRequested
    | Reported
    | StatusReported
    | ReadyReported
    | AppLearned
    | WentSilent
    | WasHeard
    | ProbeAnswered
    | Left
    | Delivered
    | EndRequested
    | Restarted
    | DeadlinePassed
)

PeerCommand = (
    StartRequested
    | StopRequested
    | MarkRequested
    | Reported
    | StatusReported
    | ReadyReported
)
"""What a peer may ask for again under the same ``command_id``."""
