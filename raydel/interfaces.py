"""The promises between the parts of the program."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from msgspec import Struct
from twisted.internet.defer import Deferred
from zope.interface import Attribute, Interface

from raydel.core.cameras import CameraLatency
from raydel.core.errors import Refusal
from raydel.core.events import Event
from raydel.core.instants import Anchor
from raydel.core.journal import JournalEntry
from raydel.core.letters import Letter
from raydel.core.messages import (
    Inbound,
    MarkerNotice,
    SessionStatus,
    StartRecording,
    StopRecording,
)
from raydel.core.startlatency import Camera, ModelLatency
from raydel.core.state import Session
from raydel.core.take import ClockSample, Take


class ITimebase(Interface):
    """Server time: one monotonic clock, anchored to the epoch once.

    No step of the machine's wall clock moves it.
    """

    clock_id: str = Attribute(
        "Names this clock. It changes when server time does, and only then."
    )

    def now() -> float:
        """Return the instant it is, in milliseconds since the epoch."""


class ITransport(Interface):
    """The wire to one peer. The edge provides it, a connection drives it.

    No method raises, and none does anything once the wire is closed.
    """

    address: str = Attribute("Where the peer is, for people and logs.")

    def send(frame: bytes) -> None:
        """Send one text frame: UTF-8 JSON.

        A peer that leaves more than 256 KiB unread is cut off.
        """

    def ping(payload: bytes) -> None:
        """Send a WebSocket ping; its pong comes back as `IConnection.ponged`."""

    def close(code: int, reason: str = "") -> None:
        """Say goodbye with a close code; nothing is sent after it."""

    def abort() -> None:
        """Drop the wire without a goodbye."""


class IConnection(Interface):
    """One peer, as its wire sees it. A transport calls these."""

    def received(frame: bytes) -> None:
        """Take one whole text message, at the moment it was read."""

    def ponged(payload: bytes) -> None:
        """Take the pong of an earlier ping, at the moment it was read."""

    def heard() -> None:
        """Note any other sign of life: a control frame, a fragment."""

    def closed(code: int) -> None:
        """Note that the wire is gone, once, last of all.

        Args:
            code: The peer's close code; 1005 if it gave none, 1006 if the wire
                broke without a goodbye.
        """


class IDesk(Interface):
    """Where a connection hands in what its peer wants, and what it noticed.

    Whatever is handed in for one session is dealt with in that order. ``peer``
    is the connection's name.
    """

    def perform(peer: str, message: Inbound) -> None:
        """Carry out a peer's command."""

    def refuse(peer: str, refusal: Refusal) -> None:
        """Answer a peer's message with an error, in its turn."""

    def pong(peer: str) -> None:
        """Answer a peer's own heartbeat, in its turn."""

    def report(code: str, event: Event) -> None:
        """Note what happened to a peer of a session."""

    def keep(row: Row) -> None:
        """Keep what was seen of a device."""

    def gone(peer: str, code: int) -> None:
        """Note that a connection has closed, with this close code."""


Row = ClockSample | JournalEntry | Camera
"""What is kept as it is seen, whatever else is stored: added to its take, but for a
camera, which takes the place of what was known of its installation."""

MOST_CAMERAS: Final = 10_000
"""Installations of which a store keeps what their cameras do, those that recorded last:
three megabytes."""


class Write(Struct, frozen=True):
    """One session's part of a commit.

    Attributes:
        code: The session's code.
        expected: The version it must have in the store; 0 for none.
        session: Its new value, or None to delete it.
        takes: Takes to keep in their new form, whether they are there or not.
        journal: What is added to the journals of its takes.
        letters: What is to be posted of it.
    """

    code: str
    expected: int
    session: Session | None
    takes: tuple[Take, ...] = ()
    journal: tuple[JournalEntry, ...] = ()
    letters: tuple[Letter, ...] = ()


class StoreTrouble(Exception):
    """A store cannot do what it was asked. Says why, in words for an operator."""


class IStore(Interface):
    """Keeps sessions and takes.

    What was committed is there after any crash the implementation promises to
    survive. Several servers may share one store: a commit compares and swaps.
    Every Deferred fails with `StoreTrouble` where the store cannot do it now;
    then nothing of it was done, and it may be asked again later.
    """

    def open() -> None:
        """Get ready; once, before all else but `anchor`, which opens by itself.

        Raises:
            StoreTrouble: There is no using it. Nothing was changed.
        """

    def close() -> None:
        """Let go of everything. What was committed stays; `open` may follow."""

    def anchor(fresh: Anchor) -> Anchor:
        """Return the anchor of server time that is kept for a boot.

        Args:
            fresh: Kept and returned if there is none for its boot yet.

        Raises:
            StoreTrouble: It can be neither read nor kept.
        """

    def sessions() -> Deferred[Sequence[Session]]:
        """Return every session, in any order."""

    def session(code: str) -> Deferred[Session | None]:
        """Return one session."""

    def take(take_id: str) -> Deferred[Take | None]:
        """Return one take."""

    def takes(
        code: str | None = None, before: str | None = None, limit: int = 50
    ) -> Deferred[Sequence[Take]]:
        """Return takes, the latest begun first.

        Args:
            code: Only those recorded under this code.
            before: Only those begun before the take with this id; none, if there
                is no such take.
            limit: At most so many.
        """

    def samples(take_id: str) -> Deferred[Sequence[ClockSample]]:
        """Return the clock samples of a take, in the order they were taken."""

    def journal(take_id: str) -> Deferred[Sequence[JournalEntry]]:
        """Return what happened in a take, in the order in which it was noted."""

    def cameras() -> Deferred[Sequence[Camera]]:
        """Return what is known of cameras: the newest first, `MOST_CAMERAS` at most."""

    def commit(
        batch: Sequence[Write], rows: Sequence[Row] = ()
    ) -> Deferred[frozenset[str]]:
        """Make each write, or leave it out where another server was faster.

        A write is made whole or not at all. It conflicts if the version in the
        store is not the expected one. No two writes of a batch are of one code.
        An empty batch fails too where nothing can be written: it tries the store.

        Args:
            batch: The writes.
            rows: Kept whatever conflicts. Those of a take are added to it, or left
                out if it is not there any more.

        Returns:
            Fires with the codes that conflicted, once all else is stored.
        """

    def letters(limit: int = 1_000) -> Deferred[Sequence[Letter]]:
        """Return the oldest letter of each session that has any, the oldest first.

        Those of one session are in the order in which they were written. A store
        need not keep more than ten thousand: then the oldest go.

        Args:
            limit: Of so many sessions at most.
        """

    def delivered(ids: Sequence[str]) -> Deferred[None]:
        """Delete the letters with these ids; one that is not there is no matter."""

    def delete(take_id: str) -> Deferred[bool]:
        """Delete a take that has ended, with all that was kept of it.

        Returns:
            Fires with whether there was one.
        """

    def forget(before: float) -> Deferred[int]:
        """Delete takes that ended before an instant, with all that was kept of them.

        One that ended before `CREDIBLE` stays: nobody knows how old it is.

        Returns:
            Fires with how many. More may be left: nothing waits long for this,
            so it is called again until it fires with 0.
        """


class TakeRecord(Struct, frozen=True):
    """All that is known of a take.

    Attributes:
        take: Itself.
        samples: Of its participants' clocks, in the order they were taken.
        journal: What happened in it, in the order in which it was noted.
        cameras: What is known of the models' camera latencies.
    """

    take: Take
    samples: Sequence[ClockSample]
    journal: Sequence[JournalEntry] = ()
    cameras: Sequence[CameraLatency] = ()


class KnownCameras(Struct, frozen=True):
    """What is known of some cameras.

    Attributes:
        cameras: Of installations, those first that were heard of last.
        models: Of each of their models that has a name.
    """

    cameras: Sequence[Camera]
    models: Mapping[str, ModelLatency]


class ISessions(Interface):
    """The one session service behind WebSocket and REST."""

    connection_count: int = Attribute("How many peers are connected, joined or not.")
    session_count: int = Attribute("How many sessions live.")
    trouble: str | None = Attribute(
        "Why nothing can be stored now, for an operator; None if all is well."
    )

    def connect(transport: ITransport, code: str | None) -> IConnection:
        """Welcome a new peer.

        Args:
            transport: The open wire to it.
            code: The session code that stood in its path, in upper case.
        """

    def statuses() -> Sequence[SessionStatus]:
        """Return every living session, oldest first."""

    def status(code: str) -> SessionStatus | None:
        """Return one living session, or None."""

    def end(code: str) -> Deferred[bool]:
        """End a session: stop its take, tell its devices, close their wires.

        Returns:
            Fires once this is stored, with whether there was such a session. While
            nothing can be stored it fires without that, or fails with
            `StoreTrouble` where the session cannot be read.
        """

    def start(code: str) -> Deferred[StartRecording]:
        """Start recording on every device of a session, as an operator.

        Returns:
            Fires with the command, once that is stored; `take_id` is set. Fails with
            `Refusal` where there is no such session, nobody is connected, a take runs
            already, or nothing can be stored.
        """

    def stop(code: str, take_id: str | None = None) -> Deferred[StopRecording]:
        """Stop recording on every device of a session, as an operator.

        Args:
            code: Its code.
            take_id: The take that is meant; None for any.

        Returns:
            Fires with the command, once that is stored. Fails with `Refusal` where
            there is no such session, or no such take runs.
        """

    def mark(
        code: str, label: str = "", instant: float | None = None
    ) -> Deferred[MarkerNotice]:
        """Mark an instant of the take that runs, as an operator.

        Args:
            code: The session's code.
            label: What it is called.
            instant: Which one, server time, ms; None for now.

        Returns:
            Fires with what everybody is told, once that is stored. Fails with
            `Refusal` where there is no such session, no take runs, or the instant is
            not within it.
        """

    def take(take_id: str) -> Deferred[TakeRecord | None]:
        """Return one take. Fails with `StoreTrouble`."""

    def delete_take(take_id: str) -> Deferred[bool]:
        """Delete a take and all that was kept of it.

        Returns:
            Fires with whether there was one. Fails with `Refusal` where it still runs,
            and with `StoreTrouble`.
        """

    def takes(
        code: str | None = None, before: str | None = None, limit: int = 50
    ) -> Deferred[Sequence[Take]]:
        """Return takes as `IStore.takes` does. Fails with `StoreTrouble`."""

    def cameras(limit: int = 50, before: str | None = None) -> KnownCameras:
        """Return what is known of cameras.

        Args:
            limit: Of how many installations at most.
            before: Only of those heard of before this one; of none, if nothing is
                known of it.
        """
