"""Letters are stored with what they tell of, whatever happens to the store."""

from __future__ import annotations

from raydel.core.config import Config
from raydel.core.letters import Letter
from tests.phones_in_memory import CODE, PROTOCOL_2, Phone
from tests.test_service import Case

WITH_RECEIVER = Config(webhook="https://club.example/raydel")
JOINING = ["session.created", "device.connected", "device.connected"]


class Letters(Case):
    """Two phones, and a receiver that nobody has posted anything to yet."""

    def setUp(self) -> None:
        """Bring them together."""
        self.begin(WITH_RECEIVER)
        self.phones = self.pair(PROTOCOL_2, PROTOCOL_2)
        self.store = self.stage.store

    def letters(self) -> list[Letter]:
        """Take all letters out of the store, one by one."""
        taken: list[Letter] = []
        while found := self.successResultOf(self.store.letters()):
            taken += found
            self.store.delivered([each.id for each in found])
        return taken

    def events(self) -> list[str]:
        """Take all letters, and return what they are of."""
        return [letter.event for letter in self.letters()]

    def record(self, host: Phone) -> None:
        """Make a take of five seconds."""
        host.tap_start()
        self.run_for(5_000)
        host.tap_stop()
        self.run_for(1_000)

    def test_a_match(self) -> None:
        """All of it is told, in its order, and each letter once."""
        host, guest = self.phones
        self.record(host)
        guest.hang_up()
        self.run_for(1_000)
        host.hang_up(1000)
        self.run_for(1_000)
        letters = self.letters()
        expected = [*JOINING, "take.started", "take.ended", "device.lost"]
        self.assertEqual([*expected, "session.ended"], [each.event for each in letters])
        self.assertEqual(len(letters), len({each.id for each in letters}))
        self.assertEqual({CODE}, {each.session_id for each in letters})

    def test_nobody_wants_any(self) -> None:
        """Without a receiver there are no letters."""
        self.begin()
        self.store = self.stage.store
        self.record(self.pair(PROTOCOL_2, PROTOCOL_2)[0])
        self.assertEqual([], self.letters())

    def test_killed(self) -> None:
        """What phones were told before the program was killed is told all the same."""
        self.phones[0].tap_start()
        self.run_for(1_000)
        for phone in self.phones:
            phone.wire.lose()
        self.stage.restart()
        self.run_for(1_000)
        expected = [*JOINING, "take.started", "device.lost", "device.lost"]
        self.assertEqual(expected, self.events())

    def test_not_before_it_is_stored(self) -> None:
        """A take that is not stored yet is not told of."""
        self.letters()
        self.store.holding = True
        self.phones[0].tap_start()
        self.run_for(100)
        self.assertEqual([], self.letters())
        self.store.release()
        self.assertEqual(["take.started"], self.events())

    def test_a_store_that_fails(self) -> None:
        """What happens meanwhile waits with the session, and is told once."""
        self.phones[0].tap_start()
        self.run_for(5_000)
        self.store.break_down()
        self.phones[0].say("marker", label="goal")
        self.run_for(500)
        self.phones[0].tap_stop()
        self.run_for(3_000)
        self.assertEqual([*JOINING, "take.started"], self.events())
        self.store.mend()
        self.run_for(2_000)
        self.assertEqual(["take.marked", "take.ended"], self.events())
        self.run_for(5_000)
        self.assertEqual([], self.letters())

    def test_another_server(self) -> None:
        """Where another server was faster, a step is told once, as it was taken."""
        self.letters()
        self.store.elsewhere(CODE, created_at=1.0)
        self.phones[0].tap_start()
        self.run_for(1_000)
        self.assertEqual(["take.started"], self.events())

    def test_a_failed_commit(self) -> None:
        """A step that is taken again since its commit failed is told once."""
        self.phones[0].tap_start()
        self.run_for(5_000)
        self.letters()
        self.store.holding = True
        self.phones[0].tap_stop()
        self.run_for(100)
        self.store.fail()
        self.store.holding = False
        self.run_for(3_000)
        self.assertEqual(["take.ended"], self.events())
