"""Letters on their way: posted in the order of each session, until they are taken.

They wait in the store, and leave it once the receiver has them: at least once, however
often this program or that one ends. Whatever goes wrong is tried again, ever more
seldom; what has been wrong for a day is given up, so that nobody waits for ever.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from twisted.application.service import Service
from twisted.internet.defer import Deferred, maybeDeferred, succeed
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from raydel.core.instants import DAY, iso
from raydel.core.letters import Letter
from raydel.interfaces import IStore, ITimebase, StoreTrouble
from raydel.postman import Answer

EVERY: Final = 0.5
"""Seconds between two looks into the store: a letter is posted that soon."""

AT_ONCE: Final = 8
"""Sessions whose letters are on their way at one time: a slow one holds up no other."""

FIRST_PAUSE: Final = 0.5
"""Seconds before the second try; each further one waits twice as long."""

LONGEST_PAUSE: Final = 60.0
"""Seconds between two tries at most: a receiver that is back has all within minutes."""

FEWEST_TRIES: Final = 8
"""Before a letter is given up, however old: a minute, for a server that was off."""

LONGEST: Final = DAY
"""ms after which a letter is given up that nobody takes."""


@dataclass(slots=True)
class _Pause:
    """A letter that was not taken, and waits to be posted again.

    Attributes:
        letter_id: Which one.
        tries: How often it was posted.
        until: When it may be posted again, seconds of the clock.
    """

    letter_id: str
    tries: int = 0
    until: float = 0.0


class Webhooks(Service):
    """Posts the letters of a store, those of each session one after the other.

    Args:
        store: Where they wait; it is open as long as this runs.
        post: Posts one: see `Postman.post`.
        receiver: Whom to name in the log.
        timebase: Server time.
        clock: Runs the timers.
        chance: Draws a number from 0 to 1: no two pauses are alike.
    """

    log = Logger()

    def __init__(
        self,
        store: IStore,
        post: Callable[[Letter], Deferred[Answer]],
        receiver: str,
        timebase: ITimebase,
        clock: IReactorTime,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._store = store
        self._post = post
        self._receiver = receiver
        self._timebase = timebase
        self._clock = clock
        self._chance = chance
        self._next: IDelayedCall | None = None
        self._on_their_way: dict[str, Deferred[Answer]] = {}
        self._done: set[str] = set()
        self._pauses: dict[str, _Pause] = {}
        self._is_failing = False
        self._is_blind = False

    def startService(self) -> None:
        """Begin to post."""
        super().startService()  # type: ignore[no-untyped-call]
        self.log.info("letters are posted to {receiver}", receiver=self._receiver)
        self._plan()

    def stopService(self) -> None:
        """Post no more. What is on its way now is posted again by the next program."""
        super().stopService()  # type: ignore[no-untyped-call]
        if self._next is not None:
            self._next.cancel()
            self._next = None
        for post in list(self._on_their_way.values()):
            post.cancel()
        self._on_their_way.clear()
        self._clear().addErrback(self._note)

    # Looks into the store.

    def _plan(self) -> None:
        if self.running:
            self._next = self._clock.callLater(EVERY, self._look)

    def _look(self) -> None:
        """Post whatever may be posted."""
        self._next = None
        found = self._clear().addCallback(lambda _: self._store.letters())
        found.addCallbacks(self._go_through, self._note)
        found.addErrback(self._note)
        found.addBoth(lambda _: self._plan())

    def _clear(self) -> Deferred[None]:
        """Have the store forget what was delivered; else it is told again later."""
        done = tuple(self._done)
        if not done:
            return succeed(None)
        cleared: Deferred[None] = maybeDeferred(self._store.delivered, done)
        return cleared.addCallback(lambda _: self._done.difference_update(done))

    def _go_through(self, letters: Sequence[Letter]) -> None:
        """Post the oldest letter of each session that may be posted."""
        self._is_blind = False
        there = {letter.session_id for letter in letters}
        for code in self._pauses.keys() - there:
            del self._pauses[code]
        for letter in letters:
            if len(self._on_their_way) < AT_ONCE and self._may_leave(letter):
                self._send(letter)

    def _may_leave(self, letter: Letter) -> bool:
        if not self.running or letter.id in self._done:
            return False
        if letter.session_id in self._on_their_way:
            return False
        return self._clock.seconds() >= self._pause_of(letter).until

    def _pause_of(self, letter: Letter) -> _Pause:
        """Return how a letter stands: that of a session may be another one by now."""
        pause = self._pauses.get(letter.session_id)
        return pause if pause and pause.letter_id == letter.id else _Pause(letter.id)

    def _note(self, failure: Failure) -> None:
        """Say once that the store fails."""
        if failure.check(StoreTrouble) is None:
            self.log.failure("letters wait", failure)
        elif not self._is_blind:
            self._is_blind = True
            self.log.error("letters wait: {why}", why=failure.getErrorMessage())

    # One letter.

    def _send(self, letter: Letter) -> None:
        post = maybeDeferred(self._post, letter)
        self._on_their_way[letter.session_id] = post
        post.addErrback(self._stumbled)
        post.addCallback(self._answered, letter)

    def _stumbled(self, failure: Failure) -> Answer:
        """Take a fault of ours for one of the receiver's: it is tried again."""
        if self.running:
            self.log.failure("a letter could not be posted", failure)
        return Answer(0, "a fault of this server")

    def _answered(self, answer: Answer, letter: Letter) -> None:
        if not self.running:
            return
        del self._on_their_way[letter.session_id]
        if answer.is_taken:
            self._finish(letter)
            self._rejoice()
        elif answer.is_final:
            self._drop(letter, answer, tries=self._pause_of(letter).tries + 1)
        else:
            self._try_again(letter, answer)

    def _finish(self, letter: Letter) -> None:
        """Be done with a letter, and go on with the next one at once."""
        self._done.add(letter.id)
        self._pauses.pop(letter.session_id, None)
        if self._next is not None:
            self._next.reset(0)

    def _try_again(self, letter: Letter, answer: Answer) -> None:
        """Post it again later, unless it has been tried for long enough."""
        pause = self._pause_of(letter)
        pause.tries += 1
        age = abs(self._timebase.now() - letter.at)
        if age >= LONGEST and pause.tries >= FEWEST_TRIES:
            self._drop(letter, answer, pause.tries)
            return
        usual = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(pause.tries - 1, 16))
        wait = max(usual * (0.5 + self._chance() / 2), answer.wait)
        pause.until = self._clock.seconds() + wait
        self._pauses[letter.session_id] = pause
        self._complain(answer)

    def _drop(self, letter: Letter, answer: Answer, tries: int) -> None:
        self.log.error(
            "{session}: {what} of {when} was not delivered to {receiver}, and is given"
            " up after {tries} tries: {why}",
            session=letter.session_id,
            what=letter.event,
            when=iso(letter.at),
            receiver=self._receiver,
            tries=tries,
            why=answer.why,
        )
        self._finish(letter)

    # What is said of the receiver: once when it fails, and once when it is well.

    def _complain(self, answer: Answer) -> None:
        if not self._is_failing:
            self._is_failing = True
            self.log.warn(  # noqa: G010 - Twisted's
                "{receiver} does not take letters: {why}; they wait, for a day",
                receiver=self._receiver,
                why=answer.why,
            )

    def _rejoice(self) -> None:
        if self._is_failing and not self._pauses:
            self._is_failing = False
            self.log.info("{receiver} takes letters again", receiver=self._receiver)
