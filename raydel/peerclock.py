"""What one peer's clock says: asked, weighed, told, and kept for its take."""

from __future__ import annotations

from collections.abc import Callable

from raydel.core.messages import (
    Outbound,
    TimeSyncRequest,
    TimeSyncResponse,
    TimeSyncUpdate,
)
from raydel.core.take import ClockSample
from raydel.core.timesync import Answer, Estimate, Estimator, Sample
from raydel.interfaces import ITimebase


class PeerClock:
    """The clock of one peer.

    Args:
        timebase: Server time, which it is compared with.
        send: Sends the peer a message at once.
        keep: Keeps a look at the clock of a peer that takes part in a take.
    """

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

    @property
    def answers(self) -> int:
        """How often the peer has told it."""
        return self._estimator.answered

    def estimate(self) -> Estimate | None:
        """Return what is known of it now; None if nothing is."""
        return self._estimator.estimate(self._timebase.now())

    def fresh(self, since: float) -> int:
        """Return how often the peer has told it since an instant."""
        return self._estimator.fresh(since)

    def holds(self, since: float) -> bool:
        """Tell whether what it told since then agrees with what it told before.

        If not, it was set: what was told before is forgotten.
        """
        now = self._timebase.now()
        before = self._estimator.estimate(now, until=since)
        fresh = self._estimator.estimate(now, since=since)
        if before is None or fresh is None or before.agrees(fresh):
            return True
        self._estimator.forget(since)
        return False

    def ask(self, prefix: str) -> None:
        """Ask the peer its time; ``prefix`` begins the id of the question."""
        now = self._timebase.now()
        self._send(TimeSyncRequest(self._estimator.ask(prefix, now), now))

    def take(self, response: TimeSyncResponse, now: float) -> Sample | None:
        """Weigh an answer that came just now; None if nobody asked for it."""
        answer = self._estimator.take(response, now)
        if answer is None:
            return None
        self._unreported = response.request_id, answer
        self._note(answer.sample)
        return answer.sample

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
                offset_ms=estimate.offset,
                latency_ms=estimate.delay,
                sample_count=estimate.sample_count,
                server_timestamp=answer.asked_at,
                server_receive_timestamp=answer.sample.at,
                uncertainty_ms=estimate.bound,
                bound_ms=estimate.bound,
            )
        )

    # What is kept for the alignment of a take.

    def keep_for(self, take_id: str, device_id: str) -> None:
        """Keep what it says, and has said, for a take: once."""
        if self._kept_for == (take_id, device_id):
            return
        self._kept_for = take_id, device_id
        for sample in self._estimator.samples:
            self._note(sample)

    def keep_no_more(self, take_id: str | None = None) -> None:
        """Keep no more of it for this take, or for any."""
        if self._kept_for is not None and take_id in {None, self._kept_for[0]}:
            self._kept_for = None

    def _note(self, sample: Sample) -> None:
        if self._kept_for is None:
            return
        take_id, device_id = self._kept_for
        self._keep(
            ClockSample(
                take_id=take_id,
                device_id=device_id,
                clock_id=self._timebase.clock_id,
                at=sample.at,
                offset=sample.offset,
                round_trip=sample.round_trip,
            )
        )
