"""The session service over a store that fails: what phones and operators see."""

from __future__ import annotations

from raydel.core.config import Config
from raydel.core.instants import MINUTE
from raydel.interfaces import StoreTrouble
from tests.phones_in_memory import (
    CODE,
    LIBRARY_1,
    LIBRARY_2,
    PROTOCOL_2,
    Kind,
    Phone,
)
from tests.stage import FULL
from tests.test_service import Case

RETRY = 1_000
"""ms between two attempts."""


class Degraded(Case):
    """Two phones in a session, and a store that is about to fail."""

    host_kind: Kind = LIBRARY_2
    guest_kind: Kind = LIBRARY_2

    def setUp(self) -> None:
        """Bring them together."""
        super().setUp()
        self.bring_together()

    def bring_together(self, config: Config | None = None) -> None:
        """Begin anew."""
        self.begin(config)
        self.phones = self.pair(self.host_kind, self.guest_kind)
        self.store = self.stage.store

    def record(self) -> None:
        """Start a take."""
        self.phones[0].tap_start()
        self.run_for(1_000)

    def assert_all_is_stored(self) -> None:
        """Check that the store knows what the phones know."""
        self.assertIsNone(self.service.trouble)
        session = self.store.kept(CODE)
        assert session is not None
        self.assertEqual(self.service._lines.session(CODE), session)


class Begins(Degraded):
    """What does not begin while nothing can be stored."""

    def test_a_start(self) -> None:
        """It is refused for now, and nobody records."""
        host, guest = self.phones
        self.store.break_down()
        host.tap_start()
        self.run_for(500)
        error = host.last("error")
        self.assertEqual(("degraded", True), (error["code"], error["temporary"]))
        self.assertFalse(host.is_recording or guest.is_recording)
        self.assertEqual([], guest.all("error"))
        self.assertEqual(FULL, self.service.trouble)
        self.store.mend()
        self.run_for(RETRY)
        self.assertIsNone(self.service.trouble)
        host.tap_start()
        self.run_for(1_000)
        self.assertTrue(host.is_recording and guest.is_recording)

    def test_a_session(self) -> None:
        """It is refused; the phone may ask again on the same connection."""
        self.store.break_down()
        first, second = (
            Phone(self.stage, LIBRARY_1, host=True).join(code)
            for code in ("FIRST1", "SECOND")
        )
        self.run_for(100)
        self.assertEqual(["error"], first.types)
        self.assertEqual("degraded", first.last("error")["code"])
        self.store.mend()
        self.run_for(RETRY)
        first.say("join", sessionId="FIRST1", isHost=True)
        self.run_for(35_000)
        self.assertEqual(["error", "joined"], first.types)
        self.assertEqual((None, 1000), (first.wire.goodbye, second.wire.goodbye))

    def test_the_same_join_again(self) -> None:
        """One with an id may be sent again as it is, and counts as a new one."""
        self.store.break_down()
        phone = Phone(self.stage, PROTOCOL_2, host=True).join("OTHER1", commandId="1")
        self.run_for(100)
        self.assertEqual("degraded", phone.last("error")["code"])
        self.store.mend()
        self.run_for(RETRY)
        again = {"sessionId": "OTHER1", "isHost": True, "protocol": 2, "commandId": "1"}
        phone.say("join", **again)
        self.run_for(1_000)
        phone.tap_start()
        self.run_for(1_000)
        self.assertTrue(phone.is_recording)
        phone.hang_up()
        self.run_for(100)
        status = self.service.status("OTHER1")
        assert status is not None
        self.assertEqual(0, status.device_count)

    def test_the_same_start_again(self) -> None:
        """One with an id may be sent again, and is carried out once it can be."""
        self.host_kind = PROTOCOL_2
        self.bring_together()
        host, guest = self.phones
        self.store.break_down()
        host.say("start_recording", commandId="1")
        self.run_for(500)
        self.store.mend()
        self.run_for(RETRY)
        for _ in range(2):
            host.say("start_recording", commandId="1")
            self.run_for(1_000)
        (error,) = host.all("error")
        self.assertEqual(("degraded", "1"), (error["code"], error["commandId"]))
        self.assertTrue(host.is_recording and guest.is_recording)
        self.assertEqual(1, len(guest.all("start_recording")))


class SlowDisk(Degraded):
    """A disk that takes seconds for what it is given."""

    def test_a_stop_does_not_wait_twice(self) -> None:
        """The start may have had to; the stop is told at once, and nothing begins."""
        host, guest = self.phones
        self.store.holding = True
        host.tap_start()
        self.run_for(3_000)
        self.store.release()
        self.run_for(1_000)
        self.assertTrue(host.is_recording and guest.is_recording)
        self.assertIn("slow", self.service.trouble or "")
        guest.tap_stop()
        self.run_for(500)
        self.assertFalse(host.is_recording or guest.is_recording)
        host.tap_start()
        self.run_for(500)
        self.assertEqual(["degraded"], [e["code"] for e in host.all("error")])


class GoesOn(Degraded):
    """What goes on."""

    def setUp(self) -> None:
        """Record, and break the store down."""
        super().setUp()
        self.record()
        self.store.break_down()

    def mend(self) -> None:
        """Let the store come back."""
        self.store.mend()
        self.run_for(RETRY)

    def test_a_stop(self) -> None:
        """Both stop at one instant, and it is stored when it can be."""
        host, guest = self.phones
        guest.tap_stop()
        self.run_for(500)
        self.assert_together(*host.stops, *guest.stops)
        (take_id,) = self.store.take_ids
        self.assertIsNone(self.store.kept_take(take_id).ended_at)
        self.mend()
        self.assertIsNotNone(self.store.kept_take(take_id).ended_at)
        self.assert_all_is_stored()

    def test_any_kind_of_failure(self) -> None:
        """The same holds where it raises, or cannot be read either."""
        for readable, raises in ((True, True), (False, False), (False, True)):
            self.setUp()
            self.store.break_down(readable=readable, raises=raises)
            host, guest = self.phones
            host.tap_stop()
            self.run_for(500)
            self.assertFalse(host.is_recording or guest.is_recording)
            self.mend()
            self.assert_all_is_stored()

    def test_back_and_forth(self) -> None:
        """A phone leaves, comes back, and gets the stop that it missed, once."""
        host, guest = self.phones
        guest.hang_up()
        self.run_for(1_000)
        self.assertEqual(["iPhone 15"], self.names())
        host.tap_stop()
        self.run_for(1_000)
        for _ in range(2):
            guest.join()
            self.run_for(1_000)
            guest.hang_up()
            self.run_for(100)
        self.assertEqual(1, len(guest.all("stop_recording")))
        self.mend()
        self.assert_all_is_stored()
        guest.join()
        self.run_for(1_000)
        self.assertEqual(1, len(guest.all("stop_recording")))

    def test_a_proven_start(self) -> None:
        """A start that has arrived is not told again, whatever could be stored."""
        host, guest = self.phones
        host.tap_stop()
        self.run_for(1_000)
        self.mend()
        self.store.holding = True
        host.tap_start()
        self.run_for(100)
        self.store.release()
        self.store.break_down()
        self.store.holding = False
        self.run_for(1_000)
        self.assertEqual(2, len(guest.all("start_recording")))
        guest.hang_up()
        self.run_for(100)
        guest.join()
        self.run_for(1_000)
        self.assertEqual(2, len(guest.all("start_recording")))
        self.mend()
        take = self.store.kept_take(self.store.take_ids[-1])
        self.assertEqual([True, True], [p.start_proven for p in take.participants])

    def test_a_new_guest(self) -> None:
        """A session that is there takes a guest into its free seat."""
        host, guest = self.phones
        host.tap_stop()
        self.run_for(500)
        guest.hang_up(1000)
        self.run_for(500)
        newcomer = Phone(self.stage, LIBRARY_1, name="newcomer").join()
        self.run_for(500)
        self.assertEqual(["joined", "device_connected"], newcomer.types)
        self.assertEqual("device_connected", host.types[-1])
        self.mend()
        self.assert_all_is_stored()

    def test_an_end(self) -> None:
        """An operator ends a session: all stop, all are told, wires are closed."""
        ended = self.service.end(CODE)
        self.run_for(1_000)
        self.assertTrue(self.successResultOf(ended))
        for phone in self.phones:
            self.assertEqual(["stop_recording", "session_ended"], phone.types[-2:])
            self.assertEqual(1000, phone.wire.goodbye)
        self.assertEqual([], list(self.service.statuses()))
        self.mend()
        self.assertIsNone(self.service.trouble)
        self.assertIsNone(self.store.kept(CODE))

    def test_the_longest_take(self) -> None:
        """It ends all the same."""
        self.bring_together(Config(longest_take=10 * MINUTE))
        self.record()
        self.store.break_down()
        self.run_for(10 * MINUTE)
        self.assertFalse(any(phone.is_recording for phone in self.phones))

    def test_the_cleanup(self) -> None:
        """So does the cleanup, and it leaves nothing in the store afterwards."""
        host, guest = self.phones
        host.tap_stop()
        self.run_for(1_000)
        host.hang_up()
        guest.hang_up()
        self.run_for(31 * MINUTE)
        self.assertEqual([], list(self.service.statuses()))
        self.mend()
        self.assertIsNone(self.store.kept(CODE))

    def test_clocks(self) -> None:
        """What was measured meanwhile is stored afterwards."""
        host, guest = self.phones
        (take_id,) = self.store.take_ids
        before = len(self.store.samples_of(take_id))
        guest.hang_up()
        self.run_for(100)
        guest.join()
        self.run_for(2_000)
        self.assertEqual(before, len(self.store.samples_of(take_id)))
        self.mend()
        samples = self.store.samples_of(take_id)[before:]
        self.assertEqual({guest.device_id}, {s.device_id for s in samples})
        self.assertEqual(len(samples), len({s.at for s in samples}))
        self.assertTrue(host.is_recording)

    def test_takes_cannot_be_read(self) -> None:
        """Who asks for takes is told why they are out of reach."""
        for raises in (False, True):
            self.store.break_down(readable=False, raises=raises)
            for asked in (self.service.take("any"), self.service.takes()):
                failure = self.failureResultOf(asked, StoreTrouble)
                self.assertEqual(FULL, failure.getErrorMessage())


class Tokens(Degraded):
    """Phones that come back by their token."""

    host_kind = guest_kind = PROTOCOL_2

    def come_back(self, guest: Phone, token: str, last: int) -> None:
        """Let a phone come back that knows nothing but its token and its number."""
        guest.name = "renamed"
        guest.hang_up()
        self.run_for(100)
        guest.join(resumeToken=token, lastSeq=last)
        self.run_for(100)

    def test_no_token(self) -> None:
        """None is given that could not be stored: the one before stays good.

        A server that died now would know no other one.
        """
        _, guest = self.phones
        token, device_id = guest.last("joined")["resumeToken"], guest.device_id
        self.store.break_down()
        for _ in range(2):
            self.come_back(guest, token, 1)
            self.assertNotIn("resumeToken", guest.last("joined"))
        self.stage.restart()
        self.store.mend()
        self.come_back(guest, token, 1)
        self.assertEqual(device_id, guest.device_id)
        self.assertIn("resumeToken", guest.last("joined"))

    def test_the_same_join_again(self) -> None:
        """Nor is one given to a join that is sent again, for it is never stored."""
        _, guest = self.phones
        token = guest.last("joined")["resumeToken"]
        self.store.break_down()
        guest.hang_up()
        self.run_for(100)
        guest.join(resumeToken=token, commandId="1")
        self.run_for(100)
        self.store.mend()
        self.run_for(RETRY)
        again = {"sessionId": CODE, "isHost": False, "protocol": 2, "commandId": "1"}
        guest.say("join", **again, resumeToken=token)
        self.run_for(100)
        first, second = guest.all("joined")[-2:]
        self.assertNotIn("resumeToken", first)
        self.assertNotIn("resumeToken", second)

    def test_no_numbers(self) -> None:
        """What could not be stored has none: its number may yet be another's."""
        host, guest = self.phones
        host.tap_start()
        self.run_for(1_000)
        last = guest.last("start_recording")["seq"]
        self.store.break_down()
        host.tap_stop()
        self.run_for(500)
        self.assertNotIn("seq", guest.last("stop_recording"))
        self.store.mend()
        self.run_for(RETRY)
        host.tap_start()
        self.run_for(1_000)
        self.assertEqual(last + 2, guest.last("start_recording")["seq"])

    def test_beginning_anew(self) -> None:
        """A device that begins anew is given no number either; else its own."""
        _, guest = self.phones
        token = guest.last("joined")["resumeToken"]
        self.store.break_down()
        self.come_back(guest, token, 1)
        joined = guest.last("joined")
        self.assertEqual((True, 1), (joined["recovered"], joined["seq"]))
        self.come_back(guest, token, 99)
        joined = guest.last("joined")
        self.assertFalse(joined["recovered"])
        self.assertNotIn("seq", joined)


class Ends(Degraded):
    """The program ends while nothing can be stored."""

    def test_no_waiting(self) -> None:
        """It does not wait for a store that refuses."""
        for raises in (False, True):
            self.bring_together()
            self.store.break_down(readable=False, raises=raises)
            stopped = self.service.stopService()
            self.run_for(200)
            self.successResultOf(stopped)
            self.assertEqual([], self.stage.clock.getDelayedCalls())

    def test_a_last_chance(self) -> None:
        """What could not be stored is, if the store is back by then."""
        self.record()
        self.store.break_down()
        self.phones[0].tap_stop()
        self.run_for(500)
        self.store.mend()
        stopped = self.service.stopService()
        self.run_for(200)
        self.successResultOf(stopped)
        session = self.store.kept(CODE)
        assert session is not None
        self.assertIsNone(session.take)
        self.assertEqual([None, None], [seat.peer for seat in session.seats])
