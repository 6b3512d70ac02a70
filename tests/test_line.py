"""One session's line, and its share of a turn."""

from __future__ import annotations

from msgspec import structs
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from raydel.core.apps import App
from raydel.core.config import Config
from raydel.core.effects import Close, Dismissed
from raydel.core.events import EndRequested, Joining, Left
from raydel.core.journal import JournalEntry, LinkBack
from raydel.core.letters import Letter
from raydel.core.messages import Join, Pong
from raydel.core.session import SEAT_TAKEN
from raydel.core.state import Session
from raydel.interfaces import Write
from raydel.line import Line, Reply, Request, Share, Standing, strays
from raydel.testing import EPOCH

CODE = "ABC123"
SESSION = Session(CODE, EPOCH, version=7)


def joining(peer: str, *, host: bool = True) -> Joining:
    """Ask for a seat."""
    join = Join(session_id=CODE, is_host=host, device_name=peer)
    return Joining(peer, join, App.LIBRARY_1, f"{peer}'s device")


def seated(*peers: str) -> Session:
    """Return a session in which these have a seat, the first as its host."""
    share = Share(Line(CODE), [], None)
    for peer in peers:
        share.step(joining(peer, host=peer == peers[0]), EPOCH, Config())
    assert share.session is not None
    return share.session


class Values(SynchronousTestCase):
    """What everybody was told, and what the store has."""

    def setUp(self) -> None:
        """Make a line of which the store has version 7."""
        self.line = Line(CODE)
        self.line.has(SESSION)

    def test_the_next_version(self) -> None:
        """A write replaces the version that the store has by the next."""
        write = self.line.write(SESSION, [])
        expected = Write(CODE, 7, structs.replace(SESSION, version=8))
        self.assertEqual(expected, write)

    def test_the_first_version(self) -> None:
        """What the store does not have is its version 1."""
        self.line.has(None)
        expected = Write(CODE, 0, structs.replace(SESSION, version=1))
        self.assertEqual(expected, self.line.write(SESSION, []))

    def test_a_deletion(self) -> None:
        """A session that is over is deleted in the version that is stored."""
        self.assertEqual(Write(CODE, 7, None), self.line.write(None, []))

    def test_behind(self) -> None:
        """What is told first is another value; what the store has stays."""
        changed = structs.replace(SESSION, empty_since=EPOCH)
        self.line.runs_ahead(changed, {})
        self.assertTrue(self.line.is_behind)
        self.assertEqual((changed, 7), (self.line.session, self.line.stored))
        self.line.has(changed)
        self.assertFalse(self.line.is_behind)

    def test_an_unchanged_value(self) -> None:
        """A share that comes to nothing new has nothing to store."""
        session = structs.replace(seated("host"), version=7)
        self.line.has(session)
        share = Share(self.line, [], session)
        share.step(Left("nobody", 1006), EPOCH, Config())
        self.assertIsNone(share.write())


class Journals(SynchronousTestCase):
    """Lines of journals wait for the store, and go into it once."""

    def setUp(self) -> None:
        """Have a line, and two lines of a journal."""
        self.line = Line(CODE, Standing.STORED)
        self.first = JournalEntry("take", "host", 1.0, LinkBack())
        self.second = JournalEntry("take", "host", 2.0, LinkBack())

    def test_alone(self) -> None:
        """A line of a journal is written, even if nothing else has changed."""
        share = Share(self.line, [], None)
        self.assertIsNone(share.write())
        share.journal.append(self.first)
        write = share.write()
        assert write is not None
        self.assertEqual((self.first,), write.journal)

    def test_behind(self) -> None:
        """What was stored while the line ran on is not stored again."""
        self.line.runs_ahead(seated("host"), {}, [self.first])
        write = self.line.write(self.line.session, [], self.line.journal)
        self.line.runs_ahead(seated("host", "guest"), {}, [self.second])
        self.line.has_most(write)
        self.assertEqual([self.second], self.line.journal)
        self.assertEqual(1, self.line.stored)
        self.assertTrue(self.line.is_behind)

    def test_all_is_stored(self) -> None:
        """What the store has is not kept here."""
        self.line.runs_ahead(seated("host"), {}, [self.first])
        self.line.has(seated("host"))
        self.assertEqual([], self.line.journal)


class Letters(SynchronousTestCase):
    """Letters wait for the store as lines of journals do."""

    def setUp(self) -> None:
        """Have a line, and two letters."""
        self.line = Line(CODE, Standing.STORED)
        self.first = Letter("first", CODE, 1.0, "take.marked", "{}")
        self.second = Letter("second", CODE, 2.0, "take.marked", "{}")

    def test_alone(self) -> None:
        """A letter is written, even if nothing else has changed."""
        share = Share(self.line, [], None)
        share.letters.append(self.first)
        write = share.write()
        assert write is not None
        self.assertEqual((self.first,), write.letters)

    def test_behind(self) -> None:
        """What was stored while the line ran on is not stored again."""
        self.line.runs_ahead(seated("host"), {}, letters=[self.first])
        write = self.line.write(self.line.session, [], letters=self.line.letters)
        self.line.runs_ahead(seated("host", "guest"), {}, letters=[self.second])
        self.line.has_most(write)
        self.assertEqual([self.second], self.line.letters)
        self.line.has(seated("host", "guest"))
        self.assertEqual([], self.line.letters)

    def test_where_they_are_wanted(self) -> None:
        """A step makes letters where there is a receiver, and nowhere else."""
        for webhook, expected in (
            (None, []),
            ("https://club.example", ["session.created", "device.connected"]),
        ):
            share = Share(Line(CODE), [], None)
            share.step(joining("host"), EPOCH, Config(webhook=webhook))
            self.assertEqual(expected, [letter.event for letter in share.letters])


class Order(SynchronousTestCase):
    """What waits, and when."""

    def setUp(self) -> None:
        """Let three things wait."""
        self.entries = [Reply(peer, Pong()) for peer in ("a", "b", "c")]
        self.line = Line(CODE)
        self.line.waiting.extend(self.entries)

    def test_first_come(self) -> None:
        """They are taken in the order in which they came, once."""
        self.assertEqual(self.entries, self.line.take_entries())
        self.assertEqual([], self.line.take_entries())

    def test_put_back(self) -> None:
        """What is to be run again comes before all that came since."""
        entries = self.line.take_entries()
        late = Reply("d", Pong())
        self.line.waiting.append(late)
        self.line.put_back(entries)
        self.assertEqual([*entries, late], self.line.take_entries())

    def test_standings(self) -> None:
        """It can move once it is read, and unless the store has yet to answer."""
        able = set()
        for self.line.standing in Standing:
            if self.line.can_move:
                able.add(self.line.standing)
        self.assertEqual({Standing.STORED, Standing.BEHIND}, able)

    def test_nothing_waits(self) -> None:
        """A line that nothing waits in does not move."""
        self.line.has(None)
        self.assertTrue(self.line.can_move)
        self.line.take_entries()
        self.assertFalse(self.line.can_move)


class Requests(SynchronousTestCase):
    """Somebody waits for an end."""

    def test_what_it_meets(self) -> None:
        """It is asked of the value at its place in the line, and not answered yet."""
        done: list[Deferred[bool]] = [Deferred(), Deferred()]
        share = Share(Line(CODE), [], seated("host"))
        for each in done:
            share.step(share.accept(Request(EndRequested(), each)), EPOCH, Config())
            self.assertNoResult(each)
        self.assertEqual([True, False], [answer for _, answer in share.answers])


class Strays(SynchronousTestCase):
    """Another server's value, and our phones."""

    def test_no_seat(self) -> None:
        """Who has no seat in it is sent back to the door, and nobody else."""
        sent = strays(seated("host", "guest"), seated("host"))
        self.assertEqual([Dismissed("guest"), Close("guest", SEAT_TAKEN)], sent)

    def test_a_claim(self) -> None:
        """Nor is a claim to a seat worth anything there."""
        ours = seated("host", "guest", "rival")
        self.assertEqual(1, len(ours.claims))
        sent = strays(ours, seated("host", "guest"))
        self.assertEqual([Dismissed("rival"), Close("rival", SEAT_TAKEN)], sent)

    def test_no_session(self) -> None:
        """What was never read here has no strays; what is gone has only those."""
        self.assertEqual([], strays(None, seated("host")))
        self.assertIn(Dismissed("host"), strays(seated("host"), None))
