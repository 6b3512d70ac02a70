"""Letters on their way: in order, until they are taken, and not for ever."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from twisted.internet.defer import Deferred, fail
from twisted.internet.task import Clock
from twisted.logger import LogLevel, capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from raydel.core.instants import DAY, HOUR, MINUTE
from raydel.core.letters import Letter
from raydel.interfaces import StoreTrouble, Write
from raydel.postman import Answer
from raydel.store.memory import MemoryStore
from raydel.testing import EPOCH, FakeTimebase
from raydel.webhooks import (
    AT_ONCE,
    EVERY,
    FEWEST_TRIES,
    FIRST_PAUSE,
    LONGEST_PAUSE,
    Webhooks,
)
from tests.stage import run

TAKEN = Answer(204, "")
DOWN = Answer(0, "Connection was refused")
WRONG = Answer(400, "it answers 400")
GONE = Answer(410, "it answers 410")
RECEIVER = "club.example"
LOOK = EVERY * 1000


def letter(name: str, code: str = "ABC123", at: float = EPOCH) -> Letter:
    """Make a letter."""
    return Letter(name, code, at, "take.marked", "{}")


class Shelf(MemoryStore):
    """A store that may fail.

    Attributes:
        trouble: Why it does.
        raises: Whether it raises that.
        late: If set, what the next look waits for.
        looks: How often it was looked through.
    """

    def __init__(self) -> None:
        super().__init__()
        self.trouble: Exception | None = None
        self.raises = False
        self.late: Deferred[Sequence[Letter]] | None = None
        self.looks = 0

    def letters(self, limit: int = 1_000) -> Deferred[Sequence[Letter]]:
        """Return what is next, or fail."""
        self.looks += 1
        if self.trouble is not None and self.raises:
            raise self.trouble
        if self.trouble is not None:
            return fail(self.trouble)
        return self.late or super().letters(limit)

    def delivered(self, ids: Sequence[str]) -> Deferred[None]:
        """Forget letters, or fail."""
        if self.trouble is not None and self.raises:
            raise self.trouble
        return super().delivered(ids) if self.trouble is None else fail(self.trouble)

    @property
    def left(self) -> list[str]:
        """The letters that are there."""
        return list(self._letters)


class Receiver:
    """Answers letters as it is told, or when it is told.

    Attributes:
        got: The ids of the letters that were posted, in order, with the instant.
        answers: What it says to letters of a session, or to all others by "".
        waiting: Who waits for an answer, while it does not say any.
        given_up: The ids of letters that were not waited for.
        fault: What posting fails with.
    """

    def __init__(self, clock: Clock) -> None:
        self.got: list[tuple[float, str]] = []
        self.answers: dict[str, Answer | None] = {"": TAKEN}
        self.waiting: dict[str, Deferred[Answer]] = {}
        self.given_up: list[str] = []
        self.fault: Exception | None = None
        self._clock = clock

    @property
    def ids(self) -> list[str]:
        """The ids of all letters that came, in order."""
        return [name for _, name in self.got]

    def gaps(self) -> list[float]:
        """Return the seconds from each letter to the next."""
        times = [at for at, _ in self.got]
        return [b - a for a, b in pairwise(times)]

    def post(self, letter: Letter) -> Deferred[Answer]:
        """Take a letter."""
        self.got.append((self._clock.seconds(), letter.id))
        if self.fault is not None:
            raise self.fault
        done: Deferred[Answer] = Deferred(lambda _: self.given_up.append(letter.id))
        answer = self.answers.get(letter.session_id, self.answers[""])
        if answer is None:
            self.waiting[letter.id] = done
        else:
            done.callback(answer)
        return done


class Case(SynchronousTestCase):
    """A store, a receiver, and what is between them."""

    def setUp(self) -> None:
        """Begin to post; every pause is as long as can be."""
        self.clock = Clock()
        self.timebase = FakeTimebase(self.clock)
        self.store = Shelf()
        self.receiver = Receiver(self.clock)
        self.chance = 1.0
        self.start()

    def start(self) -> None:
        """Begin to post, or begin again."""
        self.webhooks = Webhooks(
            self.store,
            self.receiver.post,
            RECEIVER,
            self.timebase,
            self.clock,
            lambda: self.chance,
        )
        self.said("startService")

    def said(self, call: str) -> list[str]:
        """Start it or stop it, and return what it said."""
        with capturedLogs() as events:
            getattr(self.webhooks, call)()
        return [event["log_format"].format(**event) for event in events]

    def write(self, *letters: Letter) -> None:
        """Have letters stored."""
        for each in letters:
            self.store.commit([Write(each.session_id, 0, None, letters=(each,))])

    def run_for(self, milliseconds: float = LOOK) -> list[str]:
        """Let time pass, and return what was said."""
        with capturedLogs() as events:
            run(self.clock, milliseconds)
        return [
            event["log_format"].format(**event)
            for event in events
            if event["log_level"] >= LogLevel.info
        ]

    def answer(self, name: str, answer: Answer = TAKEN) -> None:
        """Answer a letter."""
        self.receiver.waiting.pop(name).callback(answer)


class Order(Case):
    """What is posted when."""

    def test_soon(self) -> None:
        """A letter is posted within half a second, and then it is gone."""
        self.run_for(10_000)
        self.write(letter("one"))
        self.assertEqual([], self.run_for())
        self.assertEqual(["one"], self.receiver.ids)
        self.run_for()
        self.assertEqual([], self.store.left)
        self.run_for(10_000)
        self.assertEqual(["one"], self.receiver.ids)

    def test_one_after_the_other(self) -> None:
        """A session's letter waits until the one before it was taken; then it goes."""
        self.receiver.answers[""] = None
        self.write(letter("one"), letter("two"), letter("three"))
        self.run_for(5_000)
        self.assertEqual(["one"], self.receiver.ids)
        self.answer("one")
        self.run_for(0)
        self.assertEqual(["one", "two"], self.receiver.ids)
        self.answer("two")
        self.run_for(0)
        self.assertEqual((["one", "two", "three"], ["three"]), self.all_there_is())

    def all_there_is(self) -> tuple[list[str], list[str]]:
        """Return what was posted, and what is left in the store."""
        return self.receiver.ids, self.store.left

    def test_side_by_side(self) -> None:
        """Sessions do not wait for each other, and not too many are on their way."""
        self.receiver.answers[""] = None
        codes = [f"MATCH{n:X}" for n in range(AT_ONCE + 1)]
        self.write(*(letter(f"{code} {n}", code) for n in (1, 2) for code in codes))
        self.run_for(5_000)
        self.assertEqual([f"{code} 1" for code in codes[:-1]], self.receiver.ids)
        self.answer("MATCH3 1")
        self.run_for(0)
        self.assertEqual([f"{codes[-1]} 1"], self.receiver.ids[AT_ONCE:])

    def test_a_failing_session(self) -> None:
        """One whose letters are not taken keeps its order, and holds up no other."""
        self.receiver.answers["BAD000"] = WRONG
        self.write(letter("bad 1", "BAD000"), letter("bad 2", "BAD000"))
        self.write(letter("good 1"), letter("good 2"))
        self.run_for(10_000)
        self.assertEqual({"bad 1", "good 1", "good 2"}, set(self.receiver.ids))
        self.assertEqual(["bad 1", "bad 2"], self.store.left)
        del self.receiver.answers["BAD000"]
        self.run_for(60_000)
        self.assertEqual(["bad 1", "bad 2"], self.receiver.ids[-2:])
        self.assertEqual([], self.store.left)


class Tries(Case):
    """What is not taken is tried again, ever more seldom."""

    def test_pauses(self) -> None:
        """Each pause is twice the last one, up to a minute, and the letter stays."""
        self.receiver.answers[""] = DOWN
        self.write(letter("one"))
        self.run_for(400_000)
        expected = [FIRST_PAUSE * 2**n for n in range(7)]
        gaps = self.receiver.gaps()
        self.assertEqual([0.5, 1, 2, 4, 8, 16, 32], expected)
        self.assertEqual([*expected, LONGEST_PAUSE, LONGEST_PAUSE], gaps[:9])
        self.assertEqual({LONGEST_PAUSE}, set(gaps[9:]))
        self.assertEqual(["one"], self.store.left)

    def test_chance(self) -> None:
        """Pauses are drawn by lot, down to half of that: no two servers are in step."""
        self.receiver.answers[""] = DOWN
        self.chance = 0.0
        self.write(letter("one"))
        self.run_for(400_000)
        self.assertEqual([1, 2, 4, 8, 16], self.receiver.gaps()[2:7])
        self.assertEqual({LONGEST_PAUSE / 2}, set(self.receiver.gaps()[7:]))

    def test_retry_after(self) -> None:
        """A receiver that asks for a pause gets it; the usual one is the least."""
        for wait, expected in ((120.0, 120.0), (0.1, 0.5)):
            self.setUp()
            self.receiver.answers[""] = Answer(503, "it answers 503", wait)
            self.write(letter("one"))
            self.run_for(1_000 * expected + 3 * LOOK)
            self.assertEqual(expected, self.receiver.gaps()[0])

    def test_well_again(self) -> None:
        """A receiver that was down for an hour has all of it a minute later."""
        self.receiver.answers[""] = DOWN
        self.write(letter("one"), letter("two"))
        self.run_for(HOUR)
        self.write(letter("three"))
        self.receiver.answers[""] = TAKEN
        self.receiver.got.clear()
        self.run_for(LONGEST_PAUSE * 1000 + LOOK)
        self.assertEqual(["one", "two", "three"], self.receiver.ids)
        self.assertEqual([], self.store.left)

    def test_begins_anew(self) -> None:
        """The next letter's pauses are short again."""
        self.receiver.answers[""] = DOWN
        self.write(letter("one"), letter("two"))
        self.run_for(100_000)
        self.receiver.answers[""] = None
        self.run_for(60_000)
        self.receiver.answers[""] = DOWN
        self.answer("one")
        self.receiver.got.clear()
        self.run_for(2_000)
        self.assertEqual([0.5, 1.0], self.receiver.gaps())

    def test_a_fault_of_ours(self) -> None:
        """It is logged with its place, and the letter is tried again."""
        self.receiver.fault = ZeroDivisionError()
        self.write(letter("one"))
        self.run_for()
        self.assertEqual(1, len(self.flushLoggedErrors(ZeroDivisionError)))
        self.receiver.fault = None
        self.run_for(2_000)
        self.assertEqual([], self.store.left)


class GivenUp(Case):
    """Nothing waits for ever."""

    def test_gone(self) -> None:
        """What the receiver never wants is dropped at once, with a word."""
        self.receiver.answers[""] = GONE
        self.write(letter("one"), letter("two"))
        said = self.run_for(5_000)
        self.assertEqual(["one", "two"], self.receiver.ids)
        self.assertEqual([], self.store.left)
        self.assertEqual(
            "ABC123: take.marked of 2026-01-15T10:30:00.000Z was not delivered to"
            " club.example, and is given up after 1 tries: it answers 410",
            said[0],
        )
        self.assertEqual(2, len(said))

    def test_a_day(self) -> None:
        """What is refused for a day is dropped, and the session goes on."""
        self.receiver.answers[""] = WRONG
        nearly = EPOCH - DAY + 10 * MINUTE
        self.write(letter("one", at=nearly), letter("two"))
        said = self.run_for(10 * MINUTE - LOOK)
        self.assertEqual(["one"], list(dict.fromkeys(self.receiver.ids)))
        self.assertEqual(1, len(said))
        said = self.run_for(LONGEST_PAUSE * 1000 + 2 * LOOK)
        self.assertEqual("two", self.receiver.ids[-1])
        self.assertIn("is given up after", said[0])
        self.assertIn("it answers 400", said[0])
        self.assertEqual(["two"], self.store.left)

    def test_tried_all_the_same(self) -> None:
        """What is a day old when the server comes up is tried a few times first."""
        for at in (EPOCH - 2 * DAY, EPOCH + 2 * DAY):
            self.setUp()
            self.receiver.answers[""] = DOWN
            self.write(letter("one", at=at))
            self.run_for(30_000)
            self.assertEqual(["one"], self.store.left)
            self.run_for(60_000)
            self.assertEqual(FEWEST_TRIES, len(self.receiver.ids))
            self.assertEqual([], self.store.left)

    def test_an_old_letter_is_delivered(self) -> None:
        """However old it is, where somebody takes it."""
        self.write(letter("one", at=EPOCH - 30 * DAY))
        self.assertEqual([], self.run_for())
        self.assertEqual(["one"], self.receiver.ids)


class Words(Case):
    """What the log says of the receiver."""

    def test_once(self) -> None:
        """It says once that it fails, and once that it is well again."""
        self.receiver.answers[""] = DOWN
        self.write(letter("one"), letter("other", "OTHER1"))
        expected = (
            "club.example does not take letters: Connection was refused; they wait,"
            " for a day"
        )
        self.assertEqual([expected], self.run_for(600_000))
        self.receiver.answers[""] = TAKEN
        said = self.run_for(600_000)
        self.assertEqual(["club.example takes letters again"], said)
        self.receiver.answers[""] = DOWN
        self.write(letter("two"))
        self.assertEqual([expected], self.run_for())

    def test_well_for_some(self) -> None:
        """It is not well again while it refuses a letter and takes others."""
        self.receiver.answers["BAD000"] = WRONG
        self.write(letter("bad", "BAD000"))
        self.assertEqual(1, len(self.run_for(10_000)))
        for n in range(5):
            self.write(letter(f"good {n}"))
            self.assertEqual([], self.run_for(10_000))
        self.receiver.answers["BAD000"] = GONE
        said = self.run_for(60_000)
        self.assertEqual(1, len(said))
        self.assertIn("is given up", said[0])
        self.write(letter("good 5"))
        self.assertEqual(["club.example takes letters again"], self.run_for())

    def test_start(self) -> None:
        """It says whom letters are posted to."""
        self.webhooks.stopService()
        expected = ["letters are posted to club.example"]
        self.assertEqual(expected, self.said("startService"))


class Stores(Case):
    """A store that fails, or is late."""

    def test_trouble(self) -> None:
        """It is asked again until it answers, and that it fails is said once."""
        self.write(letter("one"))
        for self.store.raises in (False, True):
            self.store.trouble = StoreTrouble("no disk")
            self.assertEqual(["letters wait: no disk"], self.run_for(10_000))
            self.store.trouble = None
            self.run_for(1_000)
        self.assertEqual(["one"], self.receiver.ids)

    def test_not_twice(self) -> None:
        """What was delivered and cannot be deleted yet is not posted again."""
        self.receiver.answers[""] = None
        self.write(letter("one"), letter("two"))
        self.run_for()
        self.store.trouble = StoreTrouble("no disk")
        self.answer("one")
        self.run_for(10_000)
        self.assertEqual(["one", "two"], self.store.left)
        self.store.trouble = None
        self.run_for()
        self.assertEqual(["one", "two"], self.receiver.ids)
        self.assertEqual(["two"], self.store.left)

    def test_a_fault_of_ours(self) -> None:
        """What no store has foreseen is logged with its place, and tried again."""
        self.store.trouble = ZeroDivisionError()
        self.write(letter("one"))
        self.run_for(LOOK)
        self.assertEqual(1, len(self.flushLoggedErrors(ZeroDivisionError)))
        self.store.trouble = None
        self.run_for(1_000)
        self.assertEqual([], self.store.left)

    def test_a_late_answer(self) -> None:
        """A store that takes its time is asked once; what it knew may be old."""
        self.receiver.answers[""] = None
        self.write(letter("one"))
        self.run_for()
        self.store.late = Deferred()
        looks = self.store.looks
        self.run_for(10_000)
        self.assertEqual(looks + 1, self.store.looks)
        self.answer("one")
        late, self.store.late = self.store.late, None
        late.callback([letter("one")])
        self.run_for(1_000)
        self.assertEqual(["one"], self.receiver.ids)
        self.assertEqual([], self.store.left)


class Stopping(Case):
    """The end of the program, and the next one."""

    def test_stopped(self) -> None:
        """No timer is left, what is on its way is given up, and stays stored."""
        self.receiver.answers[""] = None
        self.write(letter("one"))
        self.run_for()
        self.webhooks.stopService()
        self.assertEqual(["one"], self.receiver.given_up)
        self.assertEqual([], self.clock.getDelayedCalls())
        self.assertEqual(["one"], self.store.left)
        self.receiver.answers[""] = TAKEN
        self.start()
        self.run_for(1_000)
        self.assertEqual((["one", "one"], []), (self.receiver.ids, self.store.left))

    def test_delivered_before_the_end(self) -> None:
        """What was delivered at the last moment is not posted by the next program."""
        self.receiver.answers[""] = None
        self.write(letter("one"), letter("two"))
        self.run_for()
        self.answer("one")
        self.webhooks.stopService()
        self.assertEqual(["two"], self.store.left)

    def test_stopped_in_a_look(self) -> None:
        """Nothing begins any more, even if the store answers late."""
        self.store.late = Deferred()
        self.run_for()
        self.webhooks.stopService()
        self.store.late.callback([letter("one")])
        self.assertEqual([], self.receiver.ids)
        self.assertEqual([], self.clock.getDelayedCalls())
