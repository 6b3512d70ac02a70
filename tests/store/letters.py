"""What is expected of every store about letters."""

from __future__ import annotations

from collections.abc import Sequence

from raydel.core.letters import Letter
from raydel.interfaces import Write
from tests.store.contract import NOON, session
from tests.store.rows import RowsContract


def letter(name: str, code: str = "ABC123", at: float = NOON) -> Letter:
    """Make a letter."""
    return Letter(name, code, at, "take.marked", f'{{"id":"{name}","label":"Tor ⚽"}}')


class LettersContract(RowsContract):
    """The promises of `IStore` about letters, and all others."""

    def letters(self, limit: int = 1_000) -> Sequence[str]:
        """Return the ids of the letters that are next."""
        found = self.successResultOf(self.store.letters(limit))
        return [each.id for each in found]

    def write(self, *letters: Letter, code: str = "ABC123") -> None:
        """Commit letters of a session."""
        self.assertEqual(
            frozenset(), self.commit(Write(code, 0, None, letters=letters))
        )

    def delivered(self, *ids: str) -> None:
        """Have letters delivered."""
        self.assertIsNone(self.successResultOf(self.store.delivered(ids)))

    def queue(self) -> list[str]:
        """Deliver one letter after the other, and return them in their order."""
        order: list[str] = []
        while found := self.letters():
            order.append(found[0])
            self.delivered(found[0])
        return order

    def test_no_letters(self) -> None:
        """A new store has none."""
        self.assertEqual([], self.letters())

    def test_a_letter(self) -> None:
        """A letter is kept whole."""
        self.write(letter("one", at=NOON + 1 / 3))
        found = self.successResultOf(self.store.letters())
        self.assertEqual([letter("one", at=NOON + 1 / 3)], list(found))

    def test_in_order(self) -> None:
        """Letters of one session come as they were written, one at a time."""
        self.write(letter("one", at=NOON + 1), letter("two"))
        self.write(letter("a third"))
        self.assertEqual(["one"], self.letters())
        self.assertEqual(["one", "two", "a third"], self.queue())

    def test_each_session_for_itself(self) -> None:
        """A session's long queue hides no other's letters; the oldest come first."""
        self.write(*(letter(f"A{n}") for n in range(9)))
        self.write(letter("Z", "ZZZZZZ"), code="ZZZZZZ")
        self.write(letter("M", "MMMMMM"), code="MMMMMM")
        self.assertEqual(["A0", "Z", "M"], self.letters())
        self.assertEqual(["A0", "Z"], self.letters(limit=2))
        self.delivered("A0")
        self.assertEqual(["A1", "Z", "M"], self.letters())

    def test_delivered_together(self) -> None:
        """Several are delivered at once, and those that are not there are no matter."""
        self.write(letter("one"), letter("two"), letter("three"))
        self.delivered("one", "none", "two")
        self.delivered()
        self.assertEqual(["three"], self.letters())

    def test_letters_go_with_their_write(self) -> None:
        """A write that conflicts leaves its letters out, and others do not."""
        self.commit(Write("ABC123", 0, session()))
        late = Write("ABC123", 0, session(), letters=(letter("late"),))
        good = Write("XYZ789", 0, None, letters=(letter("good", "XYZ789"),))
        self.assertEqual({"ABC123"}, self.commit(late, good))
        self.assertEqual(["good"], self.letters())

    def test_letters_of_a_deleted_session(self) -> None:
        """The end of a session is told, too."""
        self.commit(Write("ABC123", 0, session()))
        self.commit(Write("ABC123", 1, None, letters=(letter("end"),)))
        self.assertEqual(["end"], self.letters())

    def test_letters_after_opening_again(self) -> None:
        """What waits, waits on when the store is opened again."""
        self.write(letter("one"), letter("two"))
        self.delivered("one")
        self.store.close()
        self.store.open()
        self.write(letter("three"))
        self.assertEqual(["two", "three"], self.queue())
