"""One phone of a program: its seat, its camera, and what it is told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure

from raydel.client.cameras import Camera, Operator
from raydel.client.clock import now
from raydel.client.links import NO_CODE, Link, Way
from raydel.client.machine import Client
from raydel.client.memory import Memory
from raydel.client.takes import Take
from raydel.client.wants import (
    Call,
    Connect,
    Cut,
    Denied,
    Gap,
    Garbled,
    Later,
    Over,
    Send,
    Told,
    TurnedAway,
    Want,
)
from raydel.core import codec
from raydel.core.errors import NO_RECORDING
from raydel.core.messages import (
    Error,
    Outbound,
    StartCommand,
    StatusReport,
    StopCommand,
)
from raydel.core.waits import ANSWER

FAREWELL: Final = 1.5
"""Seconds that the server has to answer a goodbye."""

EARLY: Final = 1.0
"""ms by which a timer may be early; one that is more so is set again."""

ALL_HEARD: Final = (ANSWER + 500.0) / 1000.0
"""Seconds from the start on after which everybody was heard of who takes part."""


class Refused(Exception):
    """The server refused something.

    Attributes:
        code: For programs, as on the protocol page.
        temporary: Whether waiting may help.
        take_id: The take that is in the way, or was meant; empty if none.
    """

    def __init__(self, error: Error) -> None:
        super().__init__(": ".join(filter(None, (error.message, error.detail or ""))))
        self.code = error.code
        self.temporary = bool(error.temporary)
        self.take_id = error.take_id or ""


class TakeMissed(Exception):
    """A start was granted, and its take ended before the phone heard of it."""


class SessionOver(Exception):
    """The phone has no seat any more, and will get none; the text says why."""


class Phone:
    """One phone in a session, from its first link to its last. `connect` makes one.

    All methods that wait return a Deferred, which can be awaited. They fail with
    `SessionOver` once there is nothing to wait for.

    Attributes:
        over: Fires once the session is over, or `leave` is done; fails with
            `SessionOver` or `Refused` if the phone is out of it otherwise.
    """

    log = Logger()

    def __init__(
        self,
        reactor: Any,
        client: Client,
        camera: Camera | None,
        *,
        memory: Memory | None = None,
        on_message: Callable[[Outbound], object] | None = None,
        clock: Callable[[], float] = now,
    ) -> None:
        self.reactor = reactor
        self._clock = clock
        self.over: Deferred[None] = Deferred(self._abandon)
        self.way: Way | None = None
        self._client = client
        self._operator = (
            None
            if camera is None
            else Operator(camera, client.recordings, self._do, clock)
        )
        self._memory = memory
        self._on_message = on_message
        self._link: Link | None = None
        self._timers: set[Any] = set()
        self._waiting: list[tuple[Callable[[], bool], Deferred[None]]] = []
        self._refusals: dict[type, Refused] = {}
        self._end: Failure | None = None
        self._outcome: Failure | None = None
        self._gone: Deferred[None] | None = None

    # What a program asks.

    @property
    def device_id(self) -> str:
        """What the server calls this phone."""
        return self._client.device_id

    @property
    def is_seated(self) -> bool:
        """Whether it has its seat now; without a link it records on."""
        return self._client.is_seated

    @property
    def take(self) -> Take | None:
        """The take that it records, or soon will."""
        return self._client.take

    @property
    def others(self) -> Mapping[str, str]:
        """The names of the other phones that are there, by their ids."""
        return dict(self._client.others)

    @property
    def clock_offset(self) -> float | None:
        """How far this phone's clock is ahead of the server's, ms, if that is known."""
        return self._client.ahead

    # What a program wants.

    def start(self) -> Deferred[Take]:
        """Start recording on all phones.

        Asked again by itself until there is an answer, whatever happens to the link.

        Returns:
            Fires with the take, before its cameras are called. Fails with `Refused`, or
            with `TakeMissed`.
        """
        latest = self._client.latest
        if not self._waits_for(StartCommand):
            self._refusals.pop(StartCommand, None)
            self._do(self._client.start())

        def taken(_: object) -> Take:
            take = self._client.latest
            if take is None or (latest is not None and take.id == latest.id):
                raise TakeMissed("the take was over before this phone heard of it")
            return take

        return self._answered(StartCommand).addCallback(taken)

    def stop(self) -> Deferred[None]:
        """Stop recording on all phones.

        Returns:
            Fires once the server has said so, or that nothing is recorded. Fails with
            `Refused`.
        """
        self._refusals.pop(StopCommand, None)
        self._do(self._client.stop())

        def is_fine(failure: Failure) -> None:
            refused = failure.value
            if not isinstance(refused, Refused) or refused.code != NO_RECORDING.code:
                failure.raiseException()

        return self._answered(StopCommand).addErrback(is_fine)

    def mark(self, label: str = "", at: float | None = None) -> None:
        """Mark an instant of the take, by `now`; without one, this moment.

        Raises:
            raydel.core.errors.Refusal: The label would break its line.
        """
        codec.check_showable("label", label)
        self._do(self._client.mark(label, at))

    def ready(self) -> None:
        """Say that the phone is ready to record; also after each return."""
        self._do(self._client.ready())

    def report_status(self, **fares: Any) -> None:
        """Say how the phone fares.

        Args:
            fares: ``battery`` from 0 to 1, ``charging``, ``free_storage_bytes``,
                ``thermal``, ``network``: as on the protocol page.

        Raises:
            ValueError: One of them cannot be; it says which.
        """
        try:
            status = msgspec.convert(
                msgspec.to_builtins(StatusReport(**fares)), StatusReport
            )
        except msgspec.ValidationError as problem:
            raise ValueError(f"a phone cannot fare like that: {problem}") from None
        self._do(self._client.fares(status))

    def foreground(self) -> None:
        """Say that the app is in front again: its clock may have slept."""
        self._do(self._client.foreground())

    def record_late(self) -> None:
        """Record, from now on, a take that runs without this phone, if one does."""
        self._do(self._client.recordings.record_late())

    def until(self, holds: Callable[[], bool]) -> Deferred[None]:
        """Wait until something holds; that is looked at whenever anything happens."""
        if self._end is not None:
            return fail(self._end)
        if holds():
            return succeed(None)
        waiting: Deferred[None] = Deferred()
        self._waiting.append((holds, waiting))
        return waiting

    def company(self) -> Deferred[None]:
        """Wait until another phone is there."""
        return self.until(lambda: bool(self._client.others))

    def settled(self) -> Deferred[None]:
        """Wait until this phone records nothing, and was heard out by the server."""
        return self.until(lambda: self._client.is_settled)

    def complete(self) -> Deferred[None]:
        """Wait until that is so of all phones of its takes, as far as they report.

        A phone that stays silent is given up by the server after half a minute.
        """
        heard: Deferred[Any] = deferLater(self.reactor, ALL_HEARD)
        return heard.addCallback(
            lambda _: self.until(
                lambda: self._client.is_seated and self._client.is_complete
            )
        )

    def leave(self) -> Deferred[None]:
        """Say goodbye. A host takes the session along, unless a take runs.

        Returns:
            Fires once the server has answered, or had its time for that.
        """
        if self._end is not None:
            return succeed(None)
        self._do(self._client.recordings.cut("put away"))
        settled = self.settled().addTimeout(FAREWELL, self.reactor)
        return settled.addErrback(lambda _: None).addCallback(self._say_goodbye)

    def _say_goodbye(self, _: object) -> Deferred[None]:
        if self._end is not None:
            return succeed(None)
        self._finish(SessionOver("this phone has left"), None)
        return self._hang_up()

    # What happens to it.

    def stamp(self) -> float:
        """Return the phone's time, ms."""
        return self._clock()

    def linked(self, link: Link) -> None:
        """Note that a link is open."""
        self._link = link
        if self._end is not None:
            link.drop()
        else:
            self._do(self._client.opened())

    def received(self, frame: bytes, arrived: float) -> None:
        """Take a message."""
        self._do(self._client.received(frame, arrived))

    def unlinked(self, why: str, code: int = NO_CODE, *, for_good: bool) -> None:
        """Note that the link is gone, or was never opened."""
        self._link = None
        gone, self._gone = self._gone, None
        if gone is not None:
            gone.callback(None)
        if self._end is not None:
            return
        self.log.info("{why}", why=why)
        # Who records goes on: a proxy may refuse for a moment what it let in before.
        is_over = for_good and self._client.take is None
        self._do(self._client.barred(why) if is_over else self._client.lost(code))

    def begin(self) -> Deferred[Phone]:
        """Make the first link, and take the seat.

        Returns:
            Fires with this phone; cancelled, it is put away.
        """
        self._do([Connect(0.0)])
        seated = Deferred[None](self._abandon)
        self._waiting.append((lambda: self._client.is_seated, seated))

        def never(failure: Failure) -> Failure:
            # Nobody else will ever hear of it.
            self.over.addErrback(lambda _: None)
            return failure

        return seated.addCallbacks(lambda _: self, never)

    # What it does.

    def _do(self, wants: list[Want]) -> None:
        self._keep()
        for want in wants:
            self._do_one(want)
        self._look()

    def _keep(self) -> None:
        """Keep what is known, before anybody hears of it."""
        if self._memory is None:
            return
        try:
            self._memory.keep(self._client.kept)
        except OSError:
            self.log.failure("what is known cannot be kept")

    def _do_one(self, want: Want) -> None:
        match want:
            case Send(frame) if self._link is not None:
                self._link.say(frame)
            case Connect(after):
                self._after(after, self._connect)
            case Later(at, call):
                self._at(at, call)
            case Call(take) if self._operator is not None:
                self._operator.call(take)
            case Cut(take) if self._operator is not None:
                self._operator.cut(take)
            case Over():
                self._be_over(want)
            case _:
                self._note(want)

    def _note(self, want: Want) -> None:
        match want:
            case Denied(command, error):
                self._refusals[type(command)] = Refused(error)
            case Told(message):
                self._tell(message)
            case TurnedAway(error, after):
                words = "{why}, trying again in {after:.1f} s"
                self.log.info(words, why=error.message, after=after)
            case Garbled(why):
                self.log.warn(  # noqa: G010 - Twisted calls it so
                    "a message that makes no sense: {why}", why=why
                )
            case Gap(after, before):
                self.log.info("nothing came between {a} and {b}", a=after, b=before)
            case _:
                pass

    def _connect(self) -> None:
        if self._end is None and self.way is not None:
            self.way.connect()

    def _after(self, seconds: float, call: Callable[[], None]) -> None:
        def due() -> None:
            self._timers.discard(timer)
            call()

        timer = self.reactor.callLater(seconds, due)
        self._timers.add(timer)

    def _at(self, at: float, call: Callable[[], list[Want]]) -> None:
        """Call at an instant of this phone's clock, whatever the reactor's says."""

        def due() -> None:
            if self._clock() < at - EARLY:
                self._at(at, call)
            else:
                self._do(call())

        self._after(max(0.0, at - self._clock()) / 1000.0, due)

    def _tell(self, message: Outbound) -> None:
        if self._on_message is None:
            return
        try:
            self._on_message(message)
        except Exception:
            self.log.failure("on_message failed")

    # Answers to what a program wants.

    def _waits_for(self, kind: type) -> bool:
        return any(isinstance(each, kind) for each in self._client.outbox.waiting)

    def _answered(self, kind: type) -> Deferred[Any]:
        def answer(_: object) -> None:
            refused = self._refusals.pop(kind, None)
            if refused is not None:
                raise refused

        return self.until(lambda: not self._waits_for(kind)).addCallback(answer)

    # The end.

    def _be_over(self, over: Over) -> None:
        why = SessionOver(over.why)
        if over.is_regular:
            self._finish(why, None)
        else:
            self._finish(why, why if over.error is None else Refused(over.error))
        self._hang_up()

    def _finish(self, why: Exception, outcome: Exception | None) -> None:
        """Want nothing any more, and tell those who wait."""
        if self._end is not None:
            return
        self._outcome = None if outcome is None else Failure(outcome)
        self._end = Failure(outcome or why)
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()
        if self.way is not None:
            self.way.give_up()
        self._look()

    def _hang_up(self) -> Deferred[None]:
        """Close the link, and fire `over`."""
        link = self._link
        if link is None:
            return succeed(None).addCallback(self._fire)
        gone: Deferred[None] = Deferred()
        self._gone = gone
        link.leave()
        gone.addTimeout(FAREWELL, self.reactor).addErrback(lambda _: link.drop())
        return gone.addCallback(self._fire)

    def _fire(self, _: object) -> None:
        if not self.over.called:
            self.over.callback(self._outcome)

    def _abandon(self, _: object) -> None:
        """Whoever waits no longer for the end of it, ends it."""
        self.leave()

    def _look(self) -> None:
        """Tell those who wait for something that holds now, or never will."""
        waiting, self._waiting = self._waiting, []
        for holds, each in waiting:
            if each.called:
                continue
            if holds():
                each.callback(None)
            elif self._end is not None:
                each.errback(self._end)
            else:
                self._waiting.append((holds, each))
