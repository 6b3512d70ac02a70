"""What one peer's clock says: asked, weighed, told, and kept for its take."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from raydel.core.burst import Burst
from raydel.core.instants import SECOND, fine
from raydel.core.messages import (
    Outbound,
    TimeSyncRequest,
    TimeSyncResponse,
    TimeSyncUpdate,
)
from raydel.core.schedule import MOST_UNANSWERED
from raydel.core.take import ClockSample
from raydel.core.timesync import Answer, Estimate, Estimator
from raydel.interfaces import ITimebase

EARLY_ANSWERS: Final = 5
"""Answers that each get an update; later on there is one a burst."""

OVERDUE: Final = 2 * SECOND
"""ms that a peer which tells its clock may take to answer."""

SOON: Final = 5 * SECOND
"""ms after a stop in which a burst still belongs to its take."""

USELESS: Final = SECOND
"""ms of bound from which on an estimate is worse than none: who starts on receipt is
late by less."""


class PeerClock:
    """The clock of one peer.

    Args:
        timebase: Server time, which it is compared with.
        send: Sends the peer a message at once.
        keep: Keeps a look at the clock of a peer that takes part in a take.
    """

    __slots__ = (
        "_ended",
        "_estimator",
        "_keep",
        "_kept_for",
        "_last_by",
        "_send",
        "_timebase",
        "_unreported",
    )

    def __init__(
        self,
        timebase: ITimebase,
        send: Callable[[Outbound], None],
        keep: Callable[[ClockSample], None],
    ) -> None:
        self._timebase = timebase
        self._send = send
        self._keep = keep
        self._estimator = Estimator()
        self._unreported: tuple[str, Answer] | None = None
        self._kept_for: tuple[str, str] | None = None
        self._last_by: float | None = None
        self._ended: str | None = None

    @property
    def answers(self) -> int:
        """How often the peer has told it."""
        return self._estimator.answered

    def estimate(self) -> Estimate | None:
        """Return what is known of it; None if nothing is."""
        return self._estimator.estimate()

    def may_answer(self) -> bool:
        """Tell whether it is worth asking: not if too much was asked in vain."""
        if self._estimator.pending < MOST_UNANSWERED:
            return True
        if not self.answers:
            return self._estimator.unanswered() < MOST_UNANSWERED
        overdue = self._timebase.now() - OVERDUE
        return self._estimator.unanswered(before=overdue) < MOST_UNANSWERED

    def forgive(self) -> None:
        """Ask a peer again that did tell its clock, and then left questions open."""
        if self.answers:
            self._estimator.forgive()

    def holds(self, since: float) -> bool:
        """Tell whether what it told can be relied on.

        Not if what it told since an instant denies what it told before: then it was
        set, and what was told before is forgotten. Nor if that was too long ago.
        """
        self._settle()
        estimate, now = self.estimate(), self._timebase.now()
        if estimate is None or estimate.bound(now) > USELESS:
            return False
        return self._estimator.set_at < since

    def ask(self, prefix: str) -> None:
        """Ask the peer its time; ``prefix`` begins the id of the question."""
        now = self._timebase.now()
        self._send(TimeSyncRequest(self._estimator.ask(prefix, now), fine(now)))

    def take(self, response: TimeSyncResponse, now: float) -> Answer | None:
        """Weigh an answer that came just now; None if nobody asked for it.

        The first answers are reported to the peer, and the last of each burst.
        """
        answer = self._estimator.take(response, now)
        if answer is None:
            return None
        self._unreported = response.request_id, answer
        if answer.burst is not None:
            self._note(answer.burst)
        if answer.burst is not None or self.answers <= EARLY_ANSWERS:
            self.report()
        return answer

    def report(self) -> None:
        """Tell the peer what its latest answer says, if that was not told yet."""
        unreported, self._unreported = self._unreported, None
        estimate = self.estimate()
        if unreported is None or estimate is None:
            return
        request_id, answer = unreported
        self._send(
            TimeSyncUpdate(
                request_id=request_id,
                offset_ms=estimate.offset(answer.heard_at),
                latency_ms=estimate.delay,
                sample_count=estimate.sample_count,
                server_timestamp=answer.asked_at,
                server_receive_timestamp=answer.heard_at,
                uncertainty_ms=estimate.uncertainty(answer.heard_at),
                bound_ms=estimate.bound(answer.heard_at),
                drift_ppm=estimate.drift * 1e6,
            )
        )

    # What is kept for the alignment of a take.

    def keep_for(self, take_id: str, device_id: str) -> None:
        """Keep what it says, and has said, for a take: once."""
        if self._kept_for == (take_id, device_id):
            return
        self._settle()
        self._kept_for, self._last_by = (take_id, device_id), None
        for burst in self._estimator.bursts:
            self._note(burst)

    def keep_last(self, take_id: str, device_id: str) -> bool:
        """Keep one burst more for a take that has been stopped, if it comes soon.

        Of a take that was missed, too: who was away recorded until now.

        Returns:
            Whether that is to be done: not if it was, or if it is kept for another.
        """
        if self._kept_for is None and self._ended != take_id:
            self.keep_for(take_id, device_id)
        if self._kept_for != (take_id, device_id):
            return False
        self._settle()
        self._ended = take_id
        self._last_by = self._timebase.now() + SOON
        return True

    def keep_no_more(self) -> None:
        """Keep no more of it."""
        self._settle()
        self._kept_for = None

    def _settle(self) -> None:
        burst = self._estimator.settle()
        if burst is not None:
            self._note(burst)

    def _note(self, burst: Burst) -> None:
        if self._kept_for is None:
            return
        take_id, device_id = self._kept_for
        if self._last_by is not None:
            self._kept_for = None
            if burst.at > self._last_by:
                return
        self._keep(
            ClockSample(
                take_id=take_id,
                device_id=device_id,
                clock_id=self._timebase.clock_id,
                at=burst.at,
                offset=burst.offset,
                round_trip=2 * burst.bound,
            )
        )
